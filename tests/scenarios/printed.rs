//! Terminals, logs and CI runners get no control characters or commands from texts of others, and no more text than somebody
//! reads.

use std::process::{Command, Stdio};

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::command::{Folder, documents, hooktender, run};
use crate::plan_offline::everything;
use crate::scene::{Scene, account, webhook};
use crate::vendors::{self, Tenant, Vendor};

/// A text that would clear a screen, write to a clipboard, reverse the text and begin new lines with commands.
const EVIL: &str = "bad\x1b[2J\x1b]52;c;aGk=\x07\u{202e}\n::error::pwned\r\n  ##[group]x ##vso[task.y]z\n2001-11-29T01:00:00Z  INFO all is well";

/// Checks that the text hides nothing, steers no terminal and begins no line with a vendor's words.
#[track_caller]
fn is_visible(text: &str) {
    let hidden = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!text.contains(hidden), "{text:?}");
    for line in text.lines().map(str::trim_start) {
        assert!(!line.starts_with("::") && !line.starts_with("2001-11-29T01:00:00Z"), "{text}");
    }
}

/// No CI runner takes a line for a command either.
#[track_caller]
fn is_tame(text: &str) {
    is_visible(text);
    assert!(!text.contains("##[") && !text.contains("##vso["), "{text}");
}

fn refusing() -> Tenant {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let body = json!({"errors": [{"code": "CMNC-1", "message": EVIL}]});
    tenant.fault(&json!({"operation": "list", "kind": "status", "status": 400, "times": null, "body": body}));
    tenant
}

#[test]
fn a_refusal_in_a_vendors_words_is_one_line() {
    let tenant = refusing();
    let files = Folder::of(&everything(&tenant, &[webhook("hook", Vendor::Brightpearl)]));
    for arguments in [
        &["import"][..],
        &["plan", "--offline"],
        &["plan", "--offline", "-o", "markdown"],
        &["plan", "--offline", "-o", "json"],
    ] {
        let ran = run(&mut hooktender(&[arguments, &["-f", files.text()]].concat())).exits(1);
        is_tame(&ran.stdout);
        is_tame(&ran.stderr);
        assert!(
            format!("{}{}", ran.stdout, ran.stderr).contains("pwned"),
            "{arguments:?} does not say it at all"
        );
    }
}

#[test]
fn a_vendors_values_are_shown_and_command_nothing() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    tenant.insert(&json!({
        "subscribeTo": "##[error]product", "httpMethod": "POST", "contentType": "text/plain", "idSetAccepted": false,
        "qualityOfService": 0, "uriTemplate": "https://hooks.example.com/hook?token=x", "bodyTemplate": EVIL,
    }));
    let mut hook = webhook("hook", Vendor::Brightpearl);
    hook["spec"]["externalId"] = json!(tenant.ids()[0]);
    hook["spec"]["subscription"]["brightpearl"]["bodyTemplate"] =
        json!("::stop-commands::x\n ::error::mine\nend");
    let files = Folder::of(&everything(&tenant, &[hook]));
    for arguments in [
        &["import", "--all"][..],
        &["plan", "--offline"],
        &["plan", "--offline", "-o", "markdown"],
        &["plan", "--offline", "-o", "json"],
    ] {
        let ran = run(&mut hooktender(&[arguments, &["-f", files.text()]].concat()));
        is_tame(&ran.stdout);
        is_tame(&ran.stderr);
        assert!(ran.stdout.contains("pwned"), "{arguments:?} does not show it at all: {ran:?}");
        if arguments.contains(&"json") {
            let changes = ran.json()["accounts"][0]["webhooks"][0]["changes"].to_string();
            let read: Value = serde_json::from_str(&changes).unwrap();
            let body =
                read.as_array().unwrap().iter().find(|change| change["field"] == "bodyTemplate").unwrap();
            assert_eq!(body["before"], EVIL, "whoever reads JSON gets what the vendor has");
        }
    }
}

#[test]
fn a_vendors_words_begin_no_line_of_the_log() {
    let (scene, tenant) = Scene::with_account("printed", Vendor::Brightpearl);
    let body = json!({"errors": [{"code": "CMNC-1", "message": EVIL}]});
    tenant
        .fault(&json!({"operation": "create", "kind": "status", "status": 400, "times": null, "body": body}));
    let operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Brightpearl));
    let message = scene.stalled("hook", "Rejected");
    is_visible(&message);
    operator.logs("pwned");
    is_visible(&operator.log());
}

#[test]
fn a_file_of_many_mistakes_gives_one_page_of_errors() {
    let folder = Folder::new();
    let file = folder.write("all.yaml", &"---\nkind: Webhook\n".repeat(15_000_000 / 18));
    let errors = run(&mut hooktender(&["plan", "--offline", "-f", &file])).fails();
    assert_eq!(errors.len(), 101);
    let last = errors.last().unwrap();
    assert!(last.starts_with("and ") && last.ends_with(" more problems: fix these 100 first"), "{last}");
    assert!(errors.iter().map(String::len).sum::<usize>() < 100_000, "pages of errors");
    // Left-out items are reported in the hundreds too.
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n";
    let tenant = Tenant::open(Vendor::Brightpearl);
    let account = documents(&[account("account", "login", &tenant)]);
    let others = folder.write("others.yaml", &(account + &service.repeat(1_000)));
    let ran = run(&mut hooktender(&["plan", "--offline", "-f", &others]));
    assert_eq!(
        ran.stderr.lines().filter(|line| line.starts_with("warning: ")).count(),
        101,
        "{}",
        ran.stderr
    );
}

#[test]
fn a_pipe_without_a_writer_is_not_waited_for() {
    let folder = Folder::new();
    let pipe = folder.path().join("pipe.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for source in [folder.path(), &pipe] {
        let mut child = hooktender(&["plan", "--offline", "-f", source.to_str().unwrap()]).spawn().unwrap();
        let ended = eventually("it ends", || child.try_wait().unwrap().ok_or(()));
        if ended.is_err() {
            child.kill().unwrap();
        }
        assert_eq!(ended.unwrap().code(), Some(1));
    }
    // A shell's <(command) is a pipe too, with a writer.
    let tenant = Tenant::open(Vendor::Brightpearl);
    let files = Folder::of(&everything(&tenant, &[webhook("hook", Vendor::Brightpearl)]));
    let mut bash = Command::new("bash");
    bash.args([
        "-c",
        r#""$0" plan --offline -f <(cat "$1"/*)"#,
        env!("CARGO_BIN_EXE_hooktender"),
        files.text(),
    ]);
    bash.env("HOOKTENDER_ALLOW_ENDPOINTS", vendors::endpoints().join(","));
    run(bash.stdin(Stdio::null())).exits(2).says("hook: create");
}
