//! The vendors' own clients against the sandbox: what the vendor publishes must work with what we take for the vendor.
//!
//! Each client has a folder with its pinned packages and a driver. The packages are installed below the target folder, once for
//! each lock file. Without the language's tools, or without its registry, a test prints why and passes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod contensis;
mod install;
mod npm;
mod pip;
mod superoffice;

use std::io::Write as _;
use std::process::Output;
use std::time::Duration;
use tokio::process::Command;

/// How long an installation may take. Longer counts as an unreachable registry.
const INSTALL: Duration = Duration::from_secs(60);
/// How long a driver may take.
const DRIVE: Duration = Duration::from_secs(30);

/// Runs a command and returns its output; kills it after `limit` and returns `None`.
pub(crate) async fn output(command: &mut Command, limit: Duration) -> Option<std::io::Result<Output>> {
    tokio::time::timeout(limit, command.kill_on_drop(true).output()).await.ok()
}

/// Prints why a client cannot be tried, past the harness, which shows the output of failed tests only.
pub(crate) fn skip(client: &str, reason: &str) {
    drop(writeln!(std::io::stderr(), "skipped: {client} cannot be installed here: {reason}"));
}

/// Runs a driver and prints its report; panics if a step failed.
pub(crate) async fn drive(client: &str, command: &mut Command) {
    let Some(output) = output(command, DRIVE).await else {
        panic!("{client}: the driver did not end within {} s", DRIVE.as_secs());
    };
    let output = output.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (report, errors) = (text(&output.stdout), text(&output.stderr));
    println!("{client}\n{report}{errors}");
    assert!(
        output.status.success() && report.contains("ok "),
        "{client}: {}\n{report}{errors}",
        output.status
    );
}
