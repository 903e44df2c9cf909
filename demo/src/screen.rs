//! Output. Colour only on a terminal and without `NO_COLOR`.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Standard output, for people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    colour: bool,
}

#[expect(clippy::unused_self, reason = "one way to print, whether it takes colour or not")]
impl Screen {
    pub(crate) fn of_this_process() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: !refused && io::stdout().is_terminal() }
    }

    /// The heading of a numbered chapter.
    pub(crate) fn chapter(self, number: usize, title: &str) {
        let title = self.painted("1", &format!("{number}. {title}"));
        line(&format!("\n{title}\n"));
    }

    /// A sentence of the text.
    pub(crate) fn say(self, text: &str) {
        line(text);
    }

    /// An empty line.
    pub(crate) fn gap(self) {
        line("");
    }

    /// A command as a person would type it.
    pub(crate) fn command(self, command: &str) {
        line(&self.painted("36", &format!("  $ {command}")));
    }

    /// Output of a command, or a subscription of a vendor.
    pub(crate) fn output(self, text: &str) {
        for row in text.lines() {
            line(format!("    {row}").trim_end());
        }
    }

    /// A claim that was verified, and how long it took.
    pub(crate) fn done(self, text: &str, took: Duration) {
        let tick = self.painted("32", "  ✓");
        line(&format!("{tick} {text} ({:.1} s)", took.as_secs_f64()));
    }

    /// An error, on standard error.
    pub(crate) fn problem(self, text: &str) {
        let colour = self.colour && io::stderr().is_terminal();
        let word = if colour { "\x1b[1;31mhooktender-demo:\x1b[0m" } else { "hooktender-demo:" };
        // A failure here cannot be reported anywhere.
        let _ = writeln!(io::stderr(), "\n{word} {}", text.trim_end());
    }

    fn painted(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn line(text: &str) {
    // If the reader has closed the pipe, the demo continues for its exit status.
    let _ = writeln!(io::stdout(), "{text}");
}
