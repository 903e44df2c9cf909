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
    assert!(nothing.starts_with("No changes."), "{nothing}");
}

#[test]
fn a_shell_accepts_the_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&mut hooktender(&["completion", shell])).exits(0).quiet();
        for word in ["plan", "apply", "import", "explain", "--offline"] {
            // fish writes long options without their dashes.
            assert!(script.contains(word.trim_start_matches('-')), "{shell}: no {word}");
        }
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
    run(&mut hooktender(&["man", "--output-dir", folder.text()])).exits(0).quiet();
    for command in ["", "-run", "-plan", "-apply", "-import", "-explain", "-ready", "-crds", "-version"] {
        let page = fs::read_to_string(folder.path().join(format!("hooktender{command}.1"))).unwrap();
        assert!(page.contains(".TH") && page.contains("NAME"), "{command}: {page}");
    }
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
