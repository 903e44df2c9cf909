//! `hooktender apply --offline`: shows the plan, asks, and executes exactly that.

use std::process::{Command, Stdio};

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::command::{Folder, Ran, documents, hooktender, only_reads, run};
use crate::plan_offline::{everything, stored};
use crate::scene::webhook;
use crate::terminal::Terminal;
use crate::vendors::{Tenant, Vendor};

fn apply(folder: &Folder, arguments: &[&str]) -> Command {
    hooktender(&[&["apply", "--offline", "-f", folder.text()], arguments].concat())
}

pub(crate) fn applied(folder: &Folder, arguments: &[&str]) -> Ran {
    run(&mut apply(folder, &[&["--yes"], arguments].concat()))
}

/// A tenant, and files that declare these Webhooks at it.
fn declared(vendor: Vendor, names: &[&str]) -> (Tenant, Folder) {
    let tenant = Tenant::open(vendor);
    let hooks: Vec<_> = names.iter().map(|name| webhook(name, vendor)).collect();
    let folder = Folder::of(&everything(&tenant, &hooks));
    (tenant, folder)
}

#[test]
fn without_an_answer_nothing_is_done() {
    let (tenant, folder) = declared(Vendor::Brightpearl, &["hook"]);
    let ran = run(&mut apply(&folder, &[])).exits(1);
    ran.says("+ default/hook: create");
    assert_eq!(ran.stderr, "error: nothing was written: without a terminal to confirm on, add --yes\n");
    only_reads(&tenant);
}

#[test]
fn the_shown_plan_is_executed_and_then_there_is_nothing_to_do() {
    for vendor in Vendor::ALL {
        let (tenant, folder) = declared(vendor, &["hook"]);
        let ran = applied(&folder, &[]).exits(0);
        ran.says("+ default/hook: create");
        ran.says("1 done, 0 not done.");
        let id = tenant.ids().remove(0);
        ran.says(&format!("default/hook: created {id}"));
        let made = tenant.stored();
        tenant.clear_journal();
        let text = applied(&folder, &[]).exits(0).quiet();
        assert!(text.starts_with("No changes. Nothing would be written at a vendor: 1 unchanged."), "{text}");
        only_reads(&tenant);
        assert_eq!(tenant.stored(), made);
        // An edit at the vendor is undone.
        let (patch, verb) = match vendor {
            Vendor::Brightpearl => (json!({"contentType": "text/plain"}), "replace"),
            Vendor::Contensis => (json!({"description": "by hand"}), "update"),
            Vendor::Superoffice => (json!({"Events": ["contact.created"]}), "update"),
        };
        tenant.edit(&id, &patch);
        let ran = applied(&folder, &["-o", "json"]).exits(0);
        assert_eq!(ran.json()["result"], "changes");
        assert!(ran.stderr.contains("1 done, 0 not done."), "{}", ran.stderr);
        assert_eq!(tenant.stored().len(), 1);
        applied(&folder, &[]).exits(0).says(&format!("{} unchanged", 1));
        let ran = run(&mut hooktender(&["plan", "--offline", "-f", folder.text()])).exits(0);
        assert!(!ran.stdout.contains(verb), "{}", ran.stdout);
    }
}

#[test]
fn blocked_changes_are_skipped_and_not_counted_as_done() {
    let (tenant, folder) = declared(Vendor::Brightpearl, &["hook"]);
    let mut planned = webhook("planned", Vendor::Brightpearl);
    planned["spec"]["mode"] = json!("Plan");
    folder.write("planned.json", &planned.to_string());
    let mut suspended = webhook("suspended", Vendor::Brightpearl);
    suspended["spec"]["suspend"] = json!(true);
    folder.write("suspended.json", &suspended.to_string());
    let ran = applied(&folder, &[]).exits(0);
    ran.says("planned only, Planned: nothing is written until mode is Enforce");
    ran.says("left as it is, Suspended: nothing is read or written for it");
    ran.says("1 done, 0 not done.");
    assert_eq!((tenant.stored().len(), tenant.writes()), (1, 1));
    let mut similar = stored("similar");
    similar["contentType"] = json!("text/plain");
    tenant.insert(&similar);
    similar["qualityOfService"] = json!(0);
    tenant.insert(&similar);
    folder.write("similar.json", &webhook("similar", Vendor::Brightpearl).to_string());
    folder.write("next.json", &webhook("next", Vendor::Brightpearl).to_string());
    let ran = applied(&folder, &[]).exits(1);
    ran.says("not done: default/similar: SimilarExists");
    ran.says("1 done, 1 not done.");
    assert_eq!(tenant.stored().len(), 4);
}

#[test]
fn without_anything_but_planned_changes_the_objects_in_plan_mode_are_named() {
    let mut hook = webhook("hook", Vendor::Brightpearl);
    hook["spec"]["mode"] = json!("Plan");
    let tenant = Tenant::open(Vendor::Brightpearl);
    let mut all = everything(&tenant, &[hook]);
    let folder = Folder::of(&all);
    let line = |names: &str| {
        format!("Nothing was written: 1 planned only. Set mode: Enforce in {names} to apply it.\n")
    };
    let ran = applied(&folder, &[]).exits(0);
    assert!(ran.stdout.ends_with(&line("Webhook default/hook")), "{}", ran.stdout);
    all[1]["spec"]["mode"] = json!("Plan");
    folder.write("all.yaml", &documents(&all));
    let both = line("VendorAccount default/account and Webhook default/hook");
    let ran = applied(&folder, &[]).exits(0);
    assert!(ran.stdout.ends_with(&both), "{}", ran.stdout);
    // With JSON on stdout it is on stderr.
    let ran = applied(&folder, &["-o", "json"]).exits(0);
    assert_eq!(ran.json()["counts"]["plannedOnly"], 1);
    assert!(ran.stderr.ends_with(&both), "{}", ran.stderr);
    only_reads(&tenant);
}

#[test]
fn a_person_is_asked() {
    let (tenant, folder) = declared(Vendor::Brightpearl, &["hook"]);
    for answer in ["no", "n", "y", "", "YES"] {
        let mut terminal = Terminal::run(&mut apply(&folder, &[]), 100);
        terminal.shows("Apply this plan (1 call)? Only `yes` is accepted: ");
        terminal.types(answer);
        let (code, screen) = terminal.ends();
        assert_eq!(code, Some(1), "{screen}");
        assert!(screen.ends_with("\ncancelled: nothing was written\n"), "{screen}");
        only_reads(&tenant);
    }
    let mut terminal = Terminal::run(&mut apply(&folder, &[]), 100);
    terminal.shows("Only `yes`");
    terminal.types("yes");
    let (code, screen) = terminal.ends();
    assert!(code == Some(0) && screen.ends_with("1 done, 0 not done.\n"), "{code:?} {screen}");
    assert_eq!(tenant.stored().len(), 1);
}

#[test]
fn a_plan_that_changed_since_it_was_shown_is_not_executed() {
    let (tenant, folder) = declared(Vendor::Brightpearl, &["hook"]);
    let mut terminal = Terminal::run(&mut apply(&folder, &[]), 100);
    terminal.shows("Only `yes`");
    let mut similar = stored("hook");
    similar["contentType"] = json!("text/plain");
    tenant.insert(&similar);
    let before = tenant.stored();
    terminal.types("yes");
    let (code, screen) = terminal.ends();
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("the vendor's subscriptions changed after the plan was shown"), "{screen}");
    only_reads(&tenant);
    assert_eq!(tenant.stored(), before);
}

#[test]
fn an_interrupt_prints_what_was_done() {
    let (tenant, folder) = declared(Vendor::Brightpearl, &["hook-a", "hook-b", "hook-c", "hook-d"]);
    // The first one is sent alone, the next two together.
    tenant.fault(&json!({"operation": "create", "kind": "delay", "millis": 1500, "skip": 1, "times": 2}));
    let child = apply(&folder, &["--yes"]).stdin(Stdio::null()).spawn().unwrap();
    tenant.asked("create", 3);
    let pid = child.id().to_string();
    assert!(Command::new("sh").args(["-c", "kill -INT \"$0\"", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
    assert!(stdout.ends_with("3 done, 1 not done.\n"), "{stdout}");
    assert!(stderr.starts_with("stopping after the running steps\n"), "{stderr}");
    let open: Vec<_> = stderr.lines().filter(|line| line.starts_with("not done: default/hook-")).collect();
    assert!(open.len() == 1 && open[0].contains("not started"), "{stderr}");
    for stored in tenant.stored() {
        let text = stored.to_string();
        let name =
            ["hook-a", "hook-b", "hook-c", "hook-d"].into_iter().find(|name| text.contains(name)).unwrap();
        assert!(stdout.contains(&format!("default/{name}: created")), "{stdout}");
        assert!(!open[0].contains(name), "{stderr}");
    }
    assert_eq!(tenant.stored().len(), 3);
}

#[test]
fn a_lost_answer_is_resolved() {
    for vendor in Vendor::ALL {
        for fault in ["drop_after", "hang_after"] {
            let (tenant, folder) = declared(vendor, &["hook"]);
            tenant.fault(&json!({"operation": "create", "kind": fault}));
            let ran = applied(&folder, &["--settle", "1s", "--request-timeout", "2s"]).exits(0);
            ran.says("1 done, 0 not done.");
            assert_eq!((tenant.stored().len(), tenant.count("create")), (1, 1), "{vendor:?} {fault}");
        }
    }
}

#[test]
fn a_refusal_by_the_vendor_is_reported_and_the_rest_is_done() {
    let (tenant, folder) = declared(Vendor::Brightpearl, &["hook"]);
    let mut refused = webhook("refused", Vendor::Brightpearl);
    refused["spec"]["subscription"]["brightpearl"]["subscribeTo"] = json!("nonsense.of.ours");
    folder.write("refused.json", &refused.to_string());
    let ran = applied(&folder, &[]).exits(1);
    ran.says("not done: default/refused: Rejected");
    ran.says("1 done, 1 not done.");
    assert_eq!(tenant.stored().len(), 1);
}

#[test]
fn a_backlog_is_worked_off_at_the_accounts_rate_limit() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let hooks: Vec<_> = (0..12).map(|n| webhook(&format!("hook-{n}"), Vendor::Brightpearl)).collect();
    let mut all = everything(&tenant, &hooks);
    // One call a second, after the first few.
    all[1]["spec"]["rateLimit"] = json!({"requestsPerMinute": 60, "reserve": 0});
    let folder = Folder::of(&all);
    tenant.fault(&json!({"operation": "create", "times": null, "kind": "delay", "millis": 1100}));
    let ran = applied(&folder, &[]).exits(0);
    ran.says("12 done, 0 not done.");
    assert_eq!(tenant.stored().len(), 12);
    eventually("all were made once", || match tenant.count("create") {
        12 => Ok(()),
        other => Err::<(), Value>(json!(other)),
    })
    .unwrap();
}
