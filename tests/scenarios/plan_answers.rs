//! Answers of `hooktender plan` that must not reassure: nothing found, nothing read, drift that is left. What is typed, what is said, and
//! the exit code.

use serde_json::json;

use crate::apply_offline::applied;
use crate::command::{Folder, Reader, documents, hooktender, of, only_reads, run};
use crate::plan_files::in_sync;
use crate::plan_offline::{everything, stored};
use crate::scene::{Scene, account, login, secret, webhook};
use crate::vendors::{Tenant, Vendor};

#[test]
fn a_namespace_without_objects_says_where_there_are_some() {
    let (scene, tenant) = Scene::with_account("plan-answers", Vendor::Brightpearl);
    scene.apply(&webhook("hook", Vendor::Brightpearl));
    let empty = Scene::new("plan-answers-empty");
    let (here, there) = (&scene.namespace, &empty.namespace);
    let admin = |arguments: &[&str]| {
        let mut command = hooktender(&[&["plan"], arguments].concat());
        run(command.env("KUBECONFIG", scene.cluster.kubeconfig()))
    };
    let ran = admin(&["-n", there]).exits(0);
    ran.says(&format!(
        "Nothing to plan: namespace {there} has no VendorAccount and no Webhook. There are Webhooks in "
    ));
    ran.says(": choose a namespace with -n, or all with -A. 0 vendor calls made.");
    assert!(!ran.stdout.contains("No changes"), "{}", ran.stdout);
    let comment = admin(&["-n", there, "-o", "markdown"]).exits(0).stdout;
    assert!(comment.starts_with(&format!("### Nothing to plan: namespace {there} has no ")), "{comment}");
    let report = admin(&["-n", there, "-o", "json"]).exits(0).json();
    assert_eq!(report["searched"]["namespace"], there.as_str());
    let elsewhere = report["searched"]["elsewhere"].as_array().unwrap();
    assert!(elsewhere.contains(&json!({"namespace": here, "webhooks": 1})), "{report:#}");
    // A name that does not exist is an error.
    let errors = admin(&["-n", "plan-answers-typo"]).fails();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let start = "namespace plan-answers-typo does not exist. There are Webhooks in ";
    assert!(errors[0].starts_with(start), "{errors:?}");
    // Without the right to read namespaces, or Webhooks elsewhere, the output says what is known.
    let reader = Reader::of(&empty);
    let ran = reader.plan(&[]).exits(0).quiet();
    assert_eq!(
        ran,
        format!(
            "Nothing to plan: namespace {there} has no VendorAccount and no Webhook.\n0 vendor calls made.\n"
        )
    );
    // With objects there is no such question.
    let report = Reader::of(&scene).plan(&["-o", "json"]).exits(2).json();
    assert_eq!(report["searched"], json!({"namespace": here}));
    only_reads(&tenant);
}

#[test]
fn files_without_objects_are_an_error() {
    let folder = Folder::new();
    let empty = folder.write("empty.yaml", "# nothing yet\n");
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}});
    let other = folder.write("other.yaml", &documents(&[service]));
    let only_secret = folder.write("secret.yaml", &documents(&[secret("login", &json!({"id": "ops"}))]));
    let of = |arguments: &[&str]| run(&mut hooktender(arguments)).failed();
    for file in [&empty, &other] {
        let message =
            format!("{file}: there is no VendorAccount, Webhook, WebhookSet, Secret or ConfigMap in it");
        for command in ["plan", "apply", "delete"] {
            assert_eq!(of(&[command, "--offline", "-f", file]), message, "{command}");
        }
    }
    let message = format!("{only_secret}: there is no VendorAccount, Webhook or WebhookSet in it");
    assert_eq!(of(&["plan", "--offline", "-f", &only_secret]), message);
}

#[test]
fn an_account_that_cannot_be_read_is_not_nothing_to_do() {
    let (tenant, other) = (Tenant::open(Vendor::Brightpearl), Tenant::open(Vendor::Brightpearl));
    let mut all = everything(&tenant, &["one", "two"].map(|name| webhook(name, Vendor::Brightpearl)));
    let folder = Folder::of(&all);
    tenant.fault(&json!({"operation": "list", "kind": "status", "status": 401, "times": null}));
    let plan = |arguments: &[&str]| {
        run(&mut hooktender(&[&["plan", "--offline", "-f", folder.text()], arguments].concat())).exits(1)
    };
    let ran = plan(&[]);
    ran.says("blocked, Credentials: ");
    ran.says("Not planned: 2 ! default/one ! default/two");
    ran.says("No plan could be made for 1 of 1 account: 2 not planned.");
    ran.says("Blocked: 1 account cannot be read, or cannot be applied as declared; change that first.");
    assert!(!ran.stdout.contains("nothing to do"), "{}", ran.stdout);
    let comment = plan(&["-o", "markdown"]).stdout;
    assert!(
        comment.starts_with("### No plan could be made for 1 of 1 account: 2 not planned.\n"),
        "{comment}"
    );
    assert!(comment.contains("| `!` | `default/two` | `default/account` |"), "{comment}");
    let report = plan(&["-o", "json"]).json();
    let counts = &report["counts"];
    assert_eq!(
        (&counts["notPlanned"], &counts["accounts"], &counts["accountsNotPlanned"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(report["accounts"][0]["notPlanned"], true);
    let two = of(&report, "two");
    assert_eq!(
        (&two["class"], &two["cause"], &two["held"]["reason"]),
        (&json!("notPlanned"), &json!("unknown"), &json!("Credentials"))
    );
    // Whatever a pipeline fails on, this is a failure.
    for what in ["changes", "blocked"] {
        plan(&["--fail-on", what]);
    }
    // Another account is planned all the same, and so is said.
    all.extend([login("other-login", &other), account("other", "other-login", &other)]);
    let mut hook = webhook("three", Vendor::Brightpearl);
    hook["spec"]["accountRef"]["name"] = json!("other");
    all.push(hook);
    folder.write("all.yaml", &documents(&all));
    plan(&[]).says("No plan could be made for 1 of 2 accounts: 1 to create; 2 not planned.");
    // apply does what it can, and fails.
    applied(&folder, &[]).exits(1).says("1 done, 0 not done.");
    assert_eq!((tenant.stored().len(), other.stored().len()), (0, 1));
}

#[test]
fn drift_that_is_left_is_counted_as_that_and_fails_on_demand() {
    let (scene, tenant) = in_sync(Vendor::Superoffice);
    let reader = Reader::of(&scene);
    let fails = |what: &[&str], code| {
        let flags: Vec<_> = what.iter().flat_map(|what| ["--fail-on", what]).collect();
        reader.plan(&flags).exits(code)
    };
    fails(&["drift", "blocked", "changes"], 0);
    tenant.edit(&tenant.ids()[0], &json!({"ErrorsEmail": "eve@example.com"}));
    // It is corrected: drift, and a change.
    reader.plan(&[]).exits(2).says("Plan: 1 to update.");
    fails(&["drift"], 2);
    fails(&["changes"], 2);
    fails(&["blocked"], 0);
    // It is left: today's exit code is 0.
    scene.patch("webhook/hook", &json!({"spec": {"driftPolicy": "Report"}}));
    let ran = reader.plan(&[]).exits(0);
    ran.says("No changes. Nothing would be written at a vendor: 1 drifted (left: driftPolicy Report).");
    let report = reader.plan(&["-o", "json"]).exits(0).json();
    assert_eq!((&report["counts"]["drifted"], &report["counts"]["update"]), (&json!(1), &json!(0)));
    assert_eq!(
        (&of(&report, "hook")["class"], &of(&report, "hook")["action"]),
        (&json!("drifted"), &json!("Update"))
    );
    fails(&["drift"], 2).says("1 drifted");
    fails(&["changes", "blocked"], 0);
    // In plan mode it waits.
    scene.patch("webhook/hook", &json!({"spec": {"driftPolicy": "Correct", "mode": "Plan"}}));
    reader.plan(&[]).exits(2).says("Plan: 1 planned only.");
    fails(&["drift"], 2);
    scene.patch("webhook/hook", &json!({"spec": {"mode": "Enforce", "suspend": true}}));
    let ran = reader.plan(&[]).exits(0);
    ran.says("Nothing would be written at a vendor: 1 suspended.");
    fails(&["drift", "changes"], 0);
    // One without a variable is blocked, and counted once.
    scene.patch("webhook/hook", &json!({"spec": {"suspend": false}}));
    scene.kubectl(&["delete", "secret", "hook-secrets"]);
    reader.plan(&[]).exits(1).says("Plan: 1 blocked.");
    fails(&["blocked"], 1);
    fails(&["changes"], 0);
    reader.only_read(&tenant);
}

#[test]
fn the_flag_is_checked() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    tenant.insert(&stored("hook"));
    let folder = Folder::of(&everything(&tenant, &[webhook("hook", Vendor::Brightpearl)]));
    let plan = |arguments: &[&str]| {
        run(&mut hooktender(&[&["plan", "--offline", "-f", folder.text()], arguments].concat()))
    };
    plan(&["--fail-on", "nonsense"]).fails_by_usage("drift, blocked, changes");
    plan(&["--fail-on", "changes", "--exit-zero"]).fails_by_usage("--exit-zero");
    let error = plan(&["--fail-on", "drift"]).failed();
    assert!(error.starts_with("--fail-on drift needs a cluster: "), "{error}");
    plan(&["--fail-on", "changes"]).exits(0);
    only_reads(&tenant);
}

#[test]
fn the_webhooks_of_a_suspended_account_are_listed() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let mut all = everything(&tenant, &[webhook("hook", Vendor::Brightpearl)]);
    all[1]["spec"]["suspend"] = json!(true);
    let folder = Folder::of(&all);
    let ran = run(&mut hooktender(&["plan", "--offline", "-f", folder.text()])).exits(0);
    ran.says("left as it is, Suspended: the vendor is not called until spec.suspend is false");
    ran.says("Suspended with the account: 1 ‖ default/hook");
    ran.says("No changes. Nothing would be written at a vendor: 1 suspended. 0 vendor calls made.");
}
