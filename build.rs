//! Says what a release was built from. Builds for development do not: each commit would build everything anew.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=HOOKTENDER_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if is_release {
        println!("cargo::rerun-if-changed=.git/HEAD");
        println!("cargo::rerun-if-changed=.git/refs/heads");
    }
    let given = std::env::var("HOOKTENDER_COMMIT").ok().filter(|given| !given.is_empty());
    let commit = given.or_else(|| is_release.then(|| said_by("git", &["rev-parse", "HEAD"])).flatten());
    let compiler = std::env::var("RUSTC").ok().and_then(|rustc| said_by(&rustc, &["--version"]));
    let set = |name: &str, value: Option<String>| {
        println!("cargo::rustc-env={name}={}", value.unwrap_or_else(|| "unknown".into()));
    };
    set("HOOKTENDER_BUILD_COMMIT", commit);
    set("HOOKTENDER_BUILD_COMPILER", compiler);
    set("HOOKTENDER_BUILD_TARGET", std::env::var("TARGET").ok());
    set("HOOKTENDER_BUILD_PROFILE", std::env::var("PROFILE").ok());
}

/// The first line that a program prints; none if it cannot be run, or fails.
fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}
