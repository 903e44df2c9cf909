//! The lines that `check` prints.

use std::fmt::Write as _;
use std::io::IsTerminal;
use unicode_width::UnicodeWidthStr;

/// Width of the column of results.
const STATE: usize = 9;
/// Width without a terminal, in columns.
const WIDTH: usize = 100;
/// The least width of a column of text, however narrow the terminal is.
const LEAST: usize = 30;
/// Subjects up to this width are in a column of their own.
const SUBJECT: usize = 22;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Problem,
    /// Nothing is wrong, or nothing can be told.
    Note,
}

/// The result of a check, and how to put a problem right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) state: State,
    subject: String,
    message: String,
    fix: Option<String>,
}

impl Line {
    pub(super) fn ok(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { state: State::Ok, subject: subject.into(), message: message.into(), fix: None }
    }

    pub(super) fn note(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { state: State::Note, ..Self::ok(subject, message) }
    }

    pub(super) fn problem(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { state: State::Problem, ..Self::ok(subject, message) }
    }

    /// Adds what to do.
    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// Returns the text, wrapped and with a final line break.
    pub(super) fn text(&self, style: &Style) -> String {
        let (word, colour) = match self.state {
            State::Ok => ("ok", anstyle::AnsiColor::Green),
            State::Problem => ("problem", anstyle::AnsiColor::Red),
            State::Note => ("note", anstyle::AnsiColor::Yellow),
        };
        let colour = if style.colour { colour.on_default() } else { anstyle::Style::new() };
        let subject = crate::api::visible(&self.subject);
        let padding = " ".repeat(SUBJECT.saturating_sub(subject.width()));
        let mut text = format!("{colour}{word}{colour:#}{:1$}{subject}{padding}  ", "", STATE - word.len());
        let indent = STATE + SUBJECT + 2;
        let room = style.width.saturating_sub(indent).max(LEAST);
        let first = room.saturating_sub(subject.width().saturating_sub(SUBJECT));
        let mut lines = wrapped(&crate::api::visible(&self.message), first, room);
        if let Some(fix) = &self.fix {
            lines.extend(wrapped(&format!("To fix: {}", crate::api::visible(fix)), room, room));
        }
        for (number, line) in lines.iter().enumerate() {
            let margin = if number == 0 { 0 } else { indent };
            let _ = writeln!(text, "{:margin$}{line}", "");
        }
        text
    }
}

/// Breaks a text between words, into a first line of that width and others.
fn wrapped(text: &str, first: usize, others: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let width = if lines.len() == 1 { first } else { others };
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].width() + 1 + word.width() > width {
            lines.push(word.to_owned());
            continue;
        }
        if !lines[last].is_empty() {
            lines[last].push(' ');
        }
        lines[last].push_str(word);
    }
    lines
}

/// How lines are printed.
pub(super) struct Style {
    colour: bool,
    width: usize,
}

impl Style {
    /// Returns the style for stdout: coloured on a terminal unless `NO_COLOR` is set, and as wide as it.
    pub(super) fn of_terminal() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let size = console::Term::stdout().size_checked();
        let width = size.filter(|_| terminal).map_or(WIDTH, |(_, width)| usize::from(width));
        Self { colour: terminal && !plain, width }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Style = Style { colour: false, width: 70 };

    #[test]
    fn a_problem_says_how_to_put_it_right_below_its_text() {
        let line = Line::problem("CRDs", "webhooks.hooktender.dev is not installed in this cluster")
            .fix("a command");
        let margin = " ".repeat(33);
        assert_eq!(
            line.text(&NARROW),
            format!(
                "problem  CRDs                    webhooks.hooktender.dev is not\n{margin}installed in this cluster\n{margin}To fix: a command\n"
            )
        );
    }

    #[test]
    fn lines_fit_into_the_terminal() {
        let long = "word ".repeat(60);
        for subject in ["x", "VendorAccount integrations/a-rather-long-name"] {
            let text = Line::ok(subject, long.trim()).fix(long.trim()).text(&NARROW);
            assert!(text.lines().all(|line| line.width() <= 70), "{text}");
        }
    }

    #[test]
    fn colour_is_for_the_result_only() {
        let style = Style { colour: true, width: 100 };
        assert!(Line::ok("a", "b").text(&style).starts_with("\u{1b}[32mok\u{1b}[0m       a"));
    }
}
