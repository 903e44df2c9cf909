//! The program in a shell: a kubectl plug-in, completions, manual pages, and progress.

use crate::command::{Folder, hooktender, run};
use crate::plan_offline::everything;
use crate::scene::webhook;
use crate::support::cluster;
use crate::terminal::Terminal;
use crate::vendors::{Tenant, Vendor};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

#[test]
fn it_is_a_kubectl_plugin() {
    let folder = Folder::new();
    symlink(env!("CARGO_BIN_EXE_hooktender"), folder.path().join("kubectl-hooktender")).unwrap();
    let plug_in = |arguments: &[&str]| {
        let mut kubectl = cluster().kubectl();
        kubectl.env("PATH", folder.path()).arg("hooktender").args(arguments);
        run(kubectl.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    };
    let version: Value = serde_json::from_str(plug_in(&["version", "-o", "json"]).well()).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version["compiler"].as_str().unwrap().starts_with("rustc "), "{version}");
    // kubectl passes its own cluster.
    let namespace = cluster().namespace("plug-in").unwrap();
    let nothing = plug_in(&["plan", "--namespace", &namespace]).exits(0).quiet();
    assert!(
        nothing.starts_with(&format!("Nothing to plan: namespace {namespace} has no VendorAccount")),
        "{nothing}"
    );
}

#[test]
fn a_shell_accepts_the_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&mut hooktender(&["completion", shell])).exits(0).quiet();
        // tests/scenarios/completions.rs presses the key.
        assert!(script.contains("HOOKTENDER_COMPLETE") && script.contains("hooktender"), "{shell}: {script}");
        if shell == "bash" {
            let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
            bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
            assert!(bash.wait().unwrap().success());
        }
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Folder::new();
    // A folder that does not exist yet is made.
    let pages = folder.path().join("share/man1");
    run(&mut hooktender(&["man", "--output-dir", pages.to_str().unwrap()])).exits(0).quiet();
    for command in
        ["plan", "apply", "import", "explain", "sync", "check", "validate", "init", "run", "version"]
    {
        let page = fs::read_to_string(pages.join(format!("hooktender-{command}.1"))).unwrap();
        for section in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "EXAMPLES",
            "EXIT STATUS",
            "ENVIRONMENT",
            "SEE ALSO",
        ] {
            let heading = format!(".SH \"{section}\"");
            assert!(
                page.contains(&heading) || page.contains(&format!(".SH {section}\n")),
                "{command}: {section}\n{page}"
            );
        }
        // One line, for apropos.
        let name = page.split("NAME\n").nth(1).unwrap().lines().next().unwrap();
        assert!(name.len() < 120, "{name}");
        assert_eq!(run(&mut hooktender(&["man", command])).exits(0).quiet(), page);
    }
    let all = run(&mut hooktender(&["man"])).exits(0).quiet();
    assert!(all.contains("hooktender\\-plan(1)"), "{all}");
    let error = run(&mut hooktender(&["man", "plam"])).failed();
    assert!(error.starts_with("there is no command plam: choose one of "), "{error}");
}

#[test]
fn a_user_who_waits_for_a_vendor_sees_what_for() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let folder = Folder::of(&everything(&tenant, &[webhook("hook", Vendor::Brightpearl)]));
    tenant.fault(&json!({"operation": "list", "kind": "delay", "millis": 5000, "times": 2}));
    let arguments = ["plan", "--offline", "-f", folder.text()];
    // No animation on a terminal that does not report its abilities.
    let terminal = Terminal::run(hooktender(&arguments).env("TERM", "xterm"), 100);
    terminal.shows("reading accounts: 0 of 1 done, waiting for default/account (brightpearl/");
    let (code, screen) = terminal.ends();
    assert_eq!(code, Some(2), "{screen}");
    assert!(screen.contains("1 to create"), "{screen}");
    let arguments = ["import", "-f", folder.text()];
    let terminal = Terminal::run(hooktender(&arguments).env("TERM", "xterm"), 100);
    terminal.shows("reading the subscriptions of account default/account (brightpearl/");
    assert_eq!(terminal.ends().0, Some(0));
}
