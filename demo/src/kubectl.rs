//! Commands, shown as a person types them.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::failure::{Failure, Step};

/// Runs a program, with or without standard input, and returns its output.
pub(crate) fn run(command: &mut Command, shown: &str, input: Option<&str>) -> Step<String> {
    let what = || format!("running `{shown}`");
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Failure::io(what()))?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        // If it ends without reading, its status says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(Failure::io(what()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let Output { status, stdout, stderr } = output;
    if status.success() {
        Ok(text(&stdout))
    } else {
        Err(Failure::Command { command: shown.to_owned(), said: text(&stderr) + &text(&stdout) })
    }
}

/// A command line that a shell splits into these words.
pub(crate) fn line(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_a_shell_would_change_are_quoted() {
        assert_eq!(line(&["kubectl", "get", "wh,va", "-A"]), "kubectl get wh,va -A");
        assert_eq!(line(&["-p", r#"{"a": "it's"}"#]), r#"-p '{"a": "it'\''s"}'"#);
    }
}
