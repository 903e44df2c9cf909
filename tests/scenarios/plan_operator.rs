//! `hooktender plan` beside an operator: it shows what the operator waits for.

use hooktender_cluster::KUBECTL_WAIT_LIMIT;
use serde_json::{Value, json};

use crate::command::{Folder, Reader, documents, of};
use crate::scene::{Scene, is, secret, webhook};
use crate::vendors::{Tenant, Vendor};

/// The Webhook called `hook` in the plan of a namespace, and what the plan says as text.
fn planned(reader: &Reader, code: i32) -> (Value, String) {
    let hook = of(&reader.plan(&["-o", "json"]).exits(code).json(), "hook").clone();
    (hook, reader.plan(&[]).exits(code).stdout)
}

#[test]
fn deletions_that_the_guard_blocks_after_others_are_shown_as_blocked() {
    let (scene, tenant) = Scene::with_account("plan-guard", Vendor::Contensis);
    let _operator = scene.operator();
    let names: Vec<_> = (0..12).map(|number| format!("hook-{number}")).collect();
    let items: Vec<Value> = names.iter().map(|name| webhook(name, Vendor::Contensis)).collect();
    scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}));
    for name in &names {
        scene.ready(name);
    }
    // Four are few enough, and are gone before the fifth comes.
    let delete = |names: &[String], wait: &str| {
        let names = names.iter().map(String::as_str);
        scene.kubectl(&["delete", "webhooks", wait].into_iter().chain(names).collect::<Vec<_>>());
    };
    delete(&names[..4], KUBECTL_WAIT_LIMIT);
    delete(&names[4..5], "--wait=false");
    let message = scene.account_stalled("account", "DeletionGuard");
    let reader = Reader::of(&scene);
    let report = reader.plan(&["-o", "json"]).exits(1).json();
    assert_eq!(report["accounts"][0]["held"]["message"], message.as_str(), "in the operator's words");
    let hook = of(&report, "hook-4");
    assert_eq!((&hook["class"], &hook["held"]["reason"]), (&json!("blocked"), &json!("DeletionGuard")));
    assert_eq!((&report["counts"]["delete"], &report["counts"]["blocked"]), (&json!(0), &json!(1)));
    assert_eq!(report["calls"]["toApply"], 0);
    reader.plan(&[]).exits(1).says("Plan: 7 unchanged, 1 blocked.");
    assert_eq!(tenant.ids().len(), 8);
}

#[test]
fn a_create_that_the_vendor_has_refused_is_shown_as_blocked_until_something_changes() {
    let (scene, tenant) = Scene::with_account("plan-refused", Vendor::Brightpearl);
    let _operator = scene.operator();
    let refused = json!({"errors": [{"code": "INTC-064", "message": "no such resource"}]});
    tenant.fault(
        &json!({"operation": "create", "kind": "status", "status": 400, "times": null, "body": refused}),
    );
    scene.apply(&webhook("hook", Vendor::Brightpearl));
    scene.stalled("hook", "Rejected");
    let reader = Reader::of(&scene);
    let (hook, text) = planned(&reader, 1);
    assert_eq!((&hook["class"], &hook["action"]), (&json!("blocked"), &json!("Create")), "{hook:#}");
    assert_eq!((&hook["held"]["reason"], &hook["held"]["until"]), (&json!("Rejected"), &json!("mended")));
    assert!(
        text.contains("blocked, Rejected: the last attempt was rejected: ") && text.contains("INTC-064"),
        "{text}"
    );
    assert!(text.contains("Plan: 1 blocked.") && !text.contains("applying takes"), "{text}");
    // With another spec, or another value of the Secret, it has not been tried.
    let mut edited = webhook("hook", Vendor::Brightpearl);
    edited["spec"]["subscription"]["brightpearl"]["subscribeTo"] = json!("order.modified");
    for change in [edited, secret("hook-secrets", &json!({"token": "canary-another"}))] {
        let folder = Folder::of(&[change]);
        let report = reader.plan(&["-f", folder.text(), "-o", "json"]).exits(2).json();
        assert_eq!(of(&report, "hook")["class"], "create", "{report:#}");
    }
    let same = Folder::new();
    let same = same.write("same.yaml", &documents(&[webhook("hook", Vendor::Brightpearl)]));
    reader.plan(&["-f", &same]).exits(1).says("blocked, Rejected");
}

/// A create with an unknown outcome.
fn lost_create(scene: &Scene, tenant: &Tenant) {
    tenant.fault(&json!({"operation": "create", "kind": "drop_before"}));
    scene.apply(&webhook("hook", Vendor::Superoffice));
    scene.webhook_becomes("hook", "settling", |hook| is(hook, "Ready", "False", "Settling"));
}

#[test]
fn a_create_that_waits_for_its_grace_period_is_held_back() {
    let (scene, tenant) = Scene::with_account("plan-settling", Vendor::Superoffice);
    let _operator = scene.operator_with(&["--settle", "5m"]);
    lost_create(&scene, &tenant);
    let reader = Reader::of(&scene);
    let (hook, text) = planned(&reader, 2);
    assert_eq!((&hook["class"], &hook["action"]), (&json!("heldBack"), &json!("Create")), "{hook:#}");
    assert_eq!((&hook["held"]["reason"], &hook["held"]["until"]), (&json!("Settling"), &json!("later")));
    assert!(text.contains("held back, Settling: ") && text.contains("Plan: 1 held back."), "{text}");
    assert!(!text.contains("applying takes"), "{text}");
    assert_eq!(tenant.stored().len(), 0);
}

#[test]
fn a_failed_attempt_is_told_and_the_change_stays_planned() {
    let (scene, tenant) = Scene::with_account("plan-failed", Vendor::Contensis);
    let operator = scene.operator();
    let mut hook = webhook("hook", Vendor::Contensis);
    scene.apply(&hook);
    scene.ready("hook");
    // Not of a create, whose outcome would be unknown.
    tenant.fault(
        &json!({"operation": "update", "kind": "status", "status": 503, "times": null, "body": "sorry"}),
    );
    hook["spec"]["subscription"]["contensis"]["description"] = json!("feeds another index");
    scene.apply(&hook);
    scene.webhook_becomes("hook", "failing", |hook| is(hook, "Reconciling", "True", "Unavailable"));
    let reader = Reader::of(&scene);
    let (hook, _) = planned(&reader, 2);
    let advice = hook["advice"].as_str().unwrap_or_else(|| panic!("{hook:#}"));
    assert!(
        advice.starts_with("the last attempt failed: Unavailable: ")
            && advice.ends_with("; hooktender tries it again"),
        "{advice}"
    );
    assert_eq!((&hook["class"], &hook["held"]), (&json!("update"), &Value::Null));
    operator.terminate();
}
