//! The only module that prints. Output contains text from files, vendors and clusters, which must not control terminals or CI
//! runners.
//!
//! Control and invisible characters are escaped. Runners execute commands in output: GitHub lines that begin with `::`, and
//! `##[` anywhere; Azure `##vso[`, others `##` and another word.

use super::CommandError;
use crate::api::{is_hidden, shorten, visible};
use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal, Write};

/// Maximum number of problems or warnings that are printed.
const MAX_LINES: usize = 100;
/// Maximum length of a note, in characters.
const LONGEST_NOTE: usize = 4_000;

/// Prints a result for people. A closed pipe is not an error.
pub(super) fn text(text: &str) -> Result<(), CommandError> {
    let runner = !std::io::stdout().is_terminal();
    data(&text.lines().fold(String::with_capacity(text.len()), |all, line| all + &shown(line, runner) + "\n"))
}

/// Prints JSON, with escapes that a JSON parser resolves to the same text.
pub(super) fn json(text: &str) -> Result<(), CommandError> {
    data(&escaped_json(text))
}

/// Prints a result for programs as it is: text of hooktender, or text that is already escaped.
pub(super) fn data(text: &str) -> Result<(), CommandError> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("writing the result: {error}").into())
        }
        _ => Ok(()),
    }
}

/// Prints one line to stderr. A closed stderr is not an error.
pub(super) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", noted(line));
}

/// Prints warnings to stderr, a bounded number of them.
pub(super) fn warn(notes: &[String]) {
    for line in bounded(notes.iter().map(String::as_str), "warnings") {
        note(&format!("warning: {line}"));
    }
}

/// Prints a question to stderr, without a line break.
pub(super) fn ask(question: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
}

/// Prints an error about the arguments to stderr.
pub(super) fn usage(error: &clap::Error) {
    let rendered = error.render();
    let terminal = std::io::stderr().is_terminal();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let text = if terminal && !plain { rendered.ansi().to_string() } else { rendered.to_string() };
    for line in text.lines() {
        let _ = writeln!(std::io::stderr().lock(), "{}", shown(line, !terminal));
    }
}

/// Returns a line as [`note`] prints it.
pub(super) fn noted(line: &str) -> String {
    shown(&shorten::to_chars(&visible(line), LONGEST_NOTE), !std::io::stderr().is_terminal())
}

/// Returns the first [`MAX_LINES`] lines, and how many are left out.
pub(super) fn bounded<T: Into<String>>(lines: impl IntoIterator<Item = T>, what: &str) -> Vec<String> {
    let mut lines = lines.into_iter();
    let mut kept: Vec<String> = lines.by_ref().take(MAX_LINES).map(Into::into).collect();
    match lines.count() {
        0 => {}
        more => kept.push(format!("and {more} more {what}: fix these {MAX_LINES} first")),
    }
    kept
}

/// Escapes everything in a line that controls a terminal, except colours; with `runner`, also commands of CI runners.
fn shown(line: &str, runner: bool) -> String {
    let (mut out, mut rest) = (String::with_capacity(line.len()), line);
    let mut begun = false;
    while !rest.is_empty() {
        let colour = colour(rest);
        if colour > 0 {
            out.push_str(&rest[..colour]);
            rest = &rest[colour..];
            continue;
        }
        // An escape sequence that is not a colour is text.
        let (head, tail) = rest.split_at(rest.find(COLOUR).unwrap_or(rest.len()).max(1));
        let head = visible(head);
        let said = head.trim_start();
        match said.strip_prefix("::").filter(|_| runner && !begun) {
            Some(command) => {
                out.push_str(&head[..head.len() - said.len()]);
                let _ = write!(out, "{}:{command}", ':'.escape_unicode());
            }
            None => out.push_str(&head),
        }
        begun |= !said.is_empty();
        rest = tail;
    }
    if runner { without_commands(&out, r"\u{23}") } else { out }
}

const COLOUR: &str = "\x1b[";

/// Returns the length of the colour sequence at the beginning of a text.
fn colour(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(COLOUR) else { return 0 };
    let numbers = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').len();
    if rest[numbers..].starts_with('m') { COLOUR.len() + numbers + 1 } else { 0 }
}

/// Replaces the first character of each `##word[` by `sign`.
fn without_commands(text: &str, sign: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("##") {
        let (before, after) = rest.split_at(at);
        let word = after.trim_start_matches('#').trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        out.push_str(before);
        out.push_str(if word.starts_with('[') { sign } else { "#" });
        rest = &after[1..];
    }
    out + rest
}

/// Escapes invisible characters and commands of CI runners in the strings of JSON.
fn escaped_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' => out.push(c),
            _ if is_hidden(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            _ => out.push(c),
        }
    }
    without_commands(&out, r"\u0023")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn printed_text_controls_neither_a_terminal_nor_a_runner() {
        for (line, seen, read) in [
            ("plain: a::b #x", "plain: a::b #x", "plain: a::b #x"),
            ("::error::x", "::error::x", r"\u{3a}:error::x"),
            ("  ::add-mask::x", "  ::add-mask::x", r"  \u{3a}:add-mask::x"),
            ("- ::error::x", "- ::error::x", "- ::error::x"),
            ("a ##[group]b", "a ##[group]b", r"a \u{23}#[group]b"),
            ("###vso[task.x]##[y]", "###vso[task.x]##[y]", r"\u{23}\u{23}#vso[task.x]\u{23}#[y]"),
            ("### Plan", "### Plan", "### Plan"),
            ("\x1b[1m::x\x1b[0m", "\x1b[1m::x\x1b[0m", "\x1b[1m\\u{3a}:x\x1b[0m"),
            (
                "\x1b[2Jx\x1b]52;c;aGk=\x07",
                r"\u{1b}[2Jx\u{1b}]52;c;aGk=\u{7}",
                r"\u{1b}[2Jx\u{1b}]52;c;aGk=\u{7}",
            ),
            ("a\rb\u{202e}c", r"a\u{d}b\u{202e}c", r"a\u{d}b\u{202e}c"),
        ] {
            assert_eq!((shown(line, false), shown(line, true)), (seen.into(), read.into()), "{line:?}");
        }
    }

    #[test]
    fn a_note_is_one_line_of_bounded_length_without_colours() {
        let note = noted(&format!("a\x1b[31m\n::error::{}", "x".repeat(100_000)));
        assert!(note.starts_with(r"a\u{1b}[31m\u{a}::error::xxx") && note.len() < 5_000, "{note}");
        let many: Vec<_> = (0..1_000).map(|number| number.to_string()).collect();
        let few = bounded(many.iter().map(String::as_str), "problems");
        assert_eq!((few.len(), few[99].as_str()), (101, "99"));
        assert_eq!(few[100], "and 900 more problems: fix these 100 first");
        assert_eq!(bounded(["a"], "problems"), ["a"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn json_is_the_same_json_whatever_is_in_it(text in r"[#:\[\]a\n\x1b\u{202e}\u{9b}\u{e0041}\\\\]{0,12}") {
            let value = serde_json::json!({"a": text});
            let printed = escaped_json(&serde_json::to_string_pretty(&value).unwrap());
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), value);
            prop_assert!(printed.lines().all(|line| !line.chars().any(is_hidden)));
            prop_assert!(!printed.contains("##[") && !printed.lines().any(|line| line.trim_start().starts_with("::")));
        }
    }
}
