//! Output of `plan`: narrow terminals, colours, closed pipes, and no secrets.

use std::fmt::Write as _;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::command::{Folder, Reader, hooktender, run};
use crate::plan_offline::{everything, stored};
use crate::scene::{Scene, TOKEN, secret, webhook};
use crate::terminal::Terminal;
use crate::vendors::{Tenant, Vendor};

const COLUMNS: u16 = 40;

/// One change of each kind: create, update, blocked, and unmanaged.
fn rich() -> (Tenant, Folder) {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let mut edited = stored("edited");
    edited["contentType"] = json!("text/plain");
    edited["bodyTemplate"] = json!("{\n  \"id\": \"${resource-id}\"\n}");
    tenant.insert(&edited);
    tenant.insert(&stored("nobody-knows-this-one-with-a-rather-long-name"));
    let mut held = webhook("held", Vendor::Brightpearl);
    held["spec"]["mode"] = json!("Plan");
    let mut orphan = webhook("orphan", Vendor::Brightpearl);
    orphan["spec"]["accountRef"]["name"] = json!("nobody");
    let hooks = [webhook("new", Vendor::Brightpearl), webhook("edited", Vendor::Brightpearl), held, orphan];
    let folder = Folder::of(&everything(&tenant, &hooks));
    (tenant, folder)
}

fn plan(folder: &Folder, arguments: &[&str]) -> Command {
    hooktender(&[&["plan", "--offline", "-f", folder.text()], arguments].concat())
}

#[test]
fn a_narrow_terminal_is_wide_enough() {
    let (_tenant, folder) = rich();
    let (code, screen) = Terminal::run(&mut plan(&folder, &["--color", "never"]), COLUMNS).ends();
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("Blocked: "), "{screen}");
    for line in screen.lines() {
        assert!(line.chars().count() <= usize::from(COLUMNS), "{line:?} in\n{screen}");
    }
}

#[test]
fn colours_are_for_terminals_and_on_demand() {
    let (_tenant, folder) = rich();
    let coloured = |text: &str| text.contains("\u{1b}[");
    let at_terminal = |command: &mut Command| Terminal::run(command, 100).ends().1;
    assert!(coloured(&at_terminal(&mut plan(&folder, &[]))));
    assert!(!coloured(&at_terminal(plan(&folder, &[]).env("NO_COLOR", "1"))));
    assert!(coloured(&at_terminal(plan(&folder, &[]).env("NO_COLOR", ""))));
    assert!(coloured(&at_terminal(plan(&folder, &["--color", "always"]).env("NO_COLOR", "1"))));
    assert!(!coloured(&at_terminal(&mut plan(&folder, &["--color", "never"]))));
    assert!(!coloured(&at_terminal(&mut plan(&folder, &["-o", "json"]))));
    assert!(!coloured(&run(&mut plan(&folder, &[])).exits(1).stdout));
    assert!(coloured(&run(&mut plan(&folder, &["--color", "always"])).exits(1).stdout));
}

#[test]
fn a_closed_pipe_breaks_nothing() {
    let (tenant, folder) = rich();
    for arguments in
        [&["plan", "--offline"][..], &["plan", "--offline", "-o", "json"], &["apply", "--offline", "--yes"]]
    {
        for closed in ["stdout", "stderr", "both"] {
            let mut child = hooktender(&[arguments, &["-f", folder.text()]].concat()).spawn().unwrap();
            if closed != "stderr" {
                drop(child.stdout.take());
            }
            if closed != "stdout" {
                drop(child.stderr.take());
            }
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{arguments:?} {closed}: {said}");
            assert!(!said.contains("panicked"), "{said}");
        }
    }
    assert_eq!(tenant.stored().len(), 3);
    // Errors do not fail on a closed pipe either.
    let mut child = hooktender(&["plan", "--offline", "-f", "nowhere"]).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// Everything that a command printed, in all formats, with every log line.
fn loudest(command: impl Fn(&[&str]) -> Command) -> String {
    let mut all = String::new();
    for format in ["text", "json", "markdown"] {
        let ran = run(&mut command(&["-o", format, "--log-level", "trace"]));
        let _ = write!(all, "{}\n{}\n", ran.stdout, ran.stderr);
    }
    all
}

#[track_caller]
fn nothing_is_seen(shown: &str, secrets: &[String]) {
    assert!(shown.contains("TRACE") && shown.len() > 1000, "{shown}");
    for secret in secrets {
        let at = shown.find(secret.as_str());
        let around = at.map(|at| shown[..at].chars().rev().take(300).collect::<String>());
        let around = around.map(|text| text.chars().rev().collect::<String>());
        assert_eq!(at, None, "{secret} after …{around:?}");
    }
}

/// Secret values, and their encodings in Kubernetes and HTTP.
fn hidden(tenant: &Tenant) -> Vec<String> {
    let login = tenant.secret();
    let basic = STANDARD.encode(format!("ops:{login}"));
    vec!["canary-".into(), basic, STANDARD.encode(login), STANDARD.encode(TOKEN)]
}

#[test]
fn plans_from_files_print_no_secret() {
    for vendor in Vendor::ALL {
        let tenant = Tenant::open(vendor);
        let folder = Folder::of(&everything(&tenant, &[webhook("hook", vendor)]));
        let echo = format!("{} {TOKEN} is wrong", tenant.secret());
        let body = match vendor {
            Vendor::Brightpearl => json!({"errors": [{"code": "CMNC-1", "message": echo}]}),
            Vendor::Contensis => json!({
                "logId": "00000000-0000-0000-0000-000000000000", "message": echo, "type": "Validation",
                "data": [{"field": "headers", "message": echo}],
            }),
            Vendor::Superoffice => {
                json!({"Error": true, "ErrorType": "SoException", "ErrorMessage": echo, "ErrorSource": ""})
            }
        };
        let fault = |operation: &str, status: u16| json!({"operation": operation, "kind": "status", "status": status, "times": null, "body": body});
        let command = |verb: &'static [&str]| {
            let folder = folder.text();
            move |arguments: &[&str]| hooktender(&[verb, &["--offline", "-f", folder], arguments].concat())
        };
        let mut shown = loudest(command(&["plan"]));
        tenant.fault(&fault("list", 401));
        shown += &loudest(command(&["plan"]));
        tenant.clear_faults();
        tenant.fault(&fault("create", 400));
        shown += &loudest(command(&["apply", "--yes"]));
        tenant.clear_faults();
        shown += &loudest(command(&["apply", "--yes"]));
        assert_eq!(tenant.stored().len(), 1);
        let mut secrets = hidden(&tenant);
        let journal = tenant.journal();
        let bearers = journal.iter().filter_map(|entry| entry["headers"]["authorization"].as_str());
        secrets.extend(bearers.filter_map(|header| header.strip_prefix("Bearer ")).map(str::to_owned));
        nothing_is_seen(&shown, &secrets);
    }
}

#[test]
fn plans_from_the_cluster_print_no_secret() {
    let (scene, tenant) = Scene::with_account("plan-secrets", Vendor::Contensis);
    let reader = Reader::of(&scene);
    scene.apply(&webhook("hook", Vendor::Contensis));
    let other = Folder::of(&[secret("hook-secrets", &json!({"token": "canary-other"}))]);
    let mut shown = loudest(|arguments| reader.command(arguments));
    shown += &loudest(|arguments| reader.command(&[&["-f", other.text()], arguments].concat()));
    let kubeconfig = std::fs::read_to_string(&reader.kubeconfig).unwrap();
    let token = kubeconfig.split_once("token").unwrap().1;
    let token: String = token.chars().skip_while(|c| !c.is_alphanumeric()).take(60).collect();
    assert!(token.starts_with("ey"), "{token}");
    let mut secrets = hidden(&tenant);
    secrets.extend([token, STANDARD.encode("canary-other")]);
    nothing_is_seen(&shown, &secrets);
    reader.only_read(&tenant);
}

#[test]
fn errors_about_a_secret_do_not_print_it() {
    let folder = Folder::new();
    let secrets = [
        json!({"data": {"token": "canary-no-base64"}}),
        json!({"stringData": {"token": ["canary-in-a-list"]}}),
        json!({"stringData": "canary-in-no-map"}),
        json!({"data": {"token": 7, "other": {"deep": "canary-deep"}}, "type": "canary-type"}),
        json!({"stringDate": {"token": "canary-misspelt"}}),
    ];
    for (n, object) in secrets.into_iter().enumerate() {
        let mut object: Value = object;
        object["apiVersion"] = json!("v1");
        object["kind"] = json!("Secret");
        object["metadata"] = json!({"name": format!("secret-{n}")});
        folder.write(&format!("{n}.json"), &object.to_string());
    }
    let errors = run(&mut plan(&folder, &[])).fails();
    assert!(errors.len() >= 4, "{errors:#?}");
    assert!(!errors.concat().contains("canary-"), "{errors:#?}");
}
