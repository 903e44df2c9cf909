//! A child process whose lines are counted while it runs, and which can be cancelled.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::Error;

/// How often it is looked whether the child has ended or is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The output whose lines are of interest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Standard output.
    Standard,
    /// Standard error.
    Errors,
}

/// Runs a command that builds `what`, and calls `on_line` for each line of one of its outputs; returns that output. A failure shows its
/// standard error.
pub(crate) fn run(
    command: &mut Command,
    what: &str,
    output: Output,
    on_line: impl FnMut(&str) + Send,
    cancelled: &AtomicBool,
) -> Result<String, Error> {
    let io = || format!("running {}", command.get_program().display());
    let io = io();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io(&io))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (status, lines, other) = thread::scope(|scope| {
        let (lines, other) = match output {
            Output::Standard => {
                (scope.spawn(|| read_lines(stdout, on_line)), scope.spawn(|| read_all(stderr)))
            }
            Output::Errors => (scope.spawn(|| read_lines(stderr, on_line)), scope.spawn(|| read_all(stdout))),
        };
        let status = loop {
            match child.try_wait() {
                Ok(None) if cancelled.load(Ordering::Relaxed) => {
                    // Fails only if it has just ended.
                    let _ = child.kill();
                    break child.wait();
                }
                Ok(None) => thread::sleep(LOOK_EVERY),
                Ok(Some(status)) => break Ok(status),
                Err(error) => break Err(error),
            }
        };
        (status, lines.join().unwrap_or_default(), other.join().unwrap_or_default())
    });
    if status.map_err(Error::io(&io))?.success() {
        return Ok(lines);
    }
    let output = if output == Output::Standard { other } else { lines };
    Err(Error::Build { what: what.to_owned(), output })
}

fn read_lines(source: Option<impl Read>, mut on_line: impl FnMut(&str)) -> String {
    let mut all = String::new();
    for line in source.into_iter().flat_map(|source| BufReader::new(source).lines()).map_while(Result::ok) {
        on_line(&line);
        all += &line;
        all.push('\n');
    }
    all
}

fn read_all(source: Option<impl Read>) -> String {
    read_lines(source, |_| {})
}
