//! `hooktender plan` over Webhooks in sync: what has changed since, and why; and the plan is what is then done.

use serde_json::{Value, json};

use crate::command::{Reader, of};
use crate::plan_files::in_sync;
use crate::scene::{Scene, is, webhook};
use crate::vendors::{Tenant, Vendor};

/// Action and cause of the Webhook called `hook`.
#[track_caller]
fn shown(reader: &Reader, code: i32) -> (Value, String, String) {
    let hook = of(&reader.plan(&["-o", "json"]).exits(code).json(), "hook").clone();
    let text = |member: &str| hook[member].as_str().unwrap().to_owned();
    let (action, cause) = (text("action"), text("cause"));
    (hook, action, cause)
}

#[test]
fn drift_is_shown_with_its_cause() {
    let (scene, tenant) = in_sync(Vendor::Superoffice);
    let reader = Reader::of(&scene);
    let id = tenant.ids().remove(0);
    tenant.edit(&id, &json!({"ErrorsEmail": "eve@example.com"}));
    let (hook, action, cause) = shown(&reader, 2);
    assert_eq!((action.as_str(), cause.as_str()), ("Update", "vendorEdit"), "{hook:#}");
    let email =
        json!({"field": "errorEmails", "before": "[\"eve@example.com\"]", "after": "[\"ops@example.com\"]"});
    assert!(hook["changes"].as_array().unwrap().contains(&email), "{hook:#}");
    reader.plan(&[]).says(&format!("update {id} (vendor-side edit)"));
    // With drift reported only, and suspended.
    scene.patch("webhook/hook", &json!({"spec": {"driftPolicy": "Report"}}));
    let (hook, ..) = shown(&reader, 0);
    assert_eq!((&hook["held"]["reason"], &hook["held"]["until"]), (&json!("DriftReported"), &json!("left")));
    reader.plan(&[]).exits(0).says("eve@example.com");
    scene.patch("webhook/hook", &json!({"spec": {"driftPolicy": "Correct", "suspend": true}}));
    let (hook, ..) = shown(&reader, 0);
    assert_eq!((&hook["held"]["reason"], &hook["held"]["until"]), (&json!("Suspended"), &json!("left")));
    scene.patch("webhook/hook", &json!({"spec": {"suspend": false, "mode": "Plan"}}));
    let (hook, ..) = shown(&reader, 2);
    assert_eq!((&hook["held"]["reason"], &hook["held"]["until"]), (&json!("Planned"), &json!("later")));
    scene.patch("webhook/hook", &json!({"spec": {"mode": "Enforce"}}));
    tenant.edit(&id, &json!({"ErrorsEmail": "ops@example.com"}));
    reader.only_read(&tenant);
}

#[test]
fn a_missing_subscription_or_a_new_declaration_is_shown_as_that() {
    let (scene, tenant) = in_sync(Vendor::Superoffice);
    let reader = Reader::of(&scene);
    scene.patch("secret/hook-secrets", &json!({"stringData": {"token": "canary-second"}}));
    let (hook, action, cause) = shown(&reader, 2);
    assert_eq!((action.as_str(), cause.as_str()), ("Update", "specChanged"), "{hook:#}");
    assert_eq!(hook["changes"][0]["field"], "secret");
    scene.patch("secret/hook-secrets", &json!({"stringData": {"token": crate::scene::TOKEN}}));
    reader.plan(&[]).exits(0);
    let patch = json!({"spec": {"subscription": {"superoffice": {"events": ["sale.changed"]}}}});
    scene.patch("webhook/hook", &patch);
    let (_, action, cause) = shown(&reader, 2);
    assert_eq!((action.as_str(), cause.as_str()), ("Update", "specChanged"));
    let patch =
        json!({"spec": {"subscription": {"superoffice": {"events": ["contact.created", "sale.changed"]}}}});
    scene.patch("webhook/hook", &patch);
    tenant.remove(&tenant.ids()[0]);
    let (_, action, cause) = shown(&reader, 2);
    assert_eq!((action.as_str(), cause.as_str()), ("Create", "gone"));
    reader.plan(&[]).says("create (gone at the vendor)");
    scene.kubectl(&["delete", "webhook", "hook", "--wait=false"]);
    let (_, _, cause) = shown(&reader, 0);
    assert_eq!(cause, "deleted");
    reader.only_read(&tenant);
}

#[test]
fn a_list_that_lacks_most_is_not_trusted() {
    let (scene, tenant) = Scene::with_account("plan-drift", Vendor::Brightpearl);
    let reader = Reader::of(&scene);
    let operator = scene.operator();
    let names = ["hook-1", "hook-2", "hook-3"];
    for name in names {
        scene.apply(&webhook(name, Vendor::Brightpearl));
    }
    for name in names {
        scene.ready(name);
    }
    operator.terminate();
    tenant.clear_journal();
    tenant.ids().iter().take(2).for_each(|id| tenant.remove(id));
    let report = reader.plan(&["-o", "json"]).exits(1).json();
    assert_eq!(report["result"], "blocked");
    assert!(report["accounts"][0]["held"]["message"].is_string(), "{report:#}");
    assert_eq!(report["calls"]["toApply"], 0);
    reader.only_read(&tenant);
}

/// What a vendor stores of a field in a plan, as text.
fn has(stored: &Value, field: &str) -> String {
    stored[field].as_str().map_or_else(|| stored[field].to_string(), str::to_owned)
}

fn in_plan_mode(vendor: Vendor) -> (Scene, Tenant) {
    let (scene, tenant) = in_sync(vendor);
    let mut new = webhook("new", vendor);
    new["spec"]["mode"] = json!("Plan");
    if vendor == Vendor::Superoffice {
        new["spec"]["subscription"]["superoffice"]["targetUrl"] = json!("https://hooks.example.com/new");
    }
    scene.apply(&new);
    let edit = match vendor {
        Vendor::Brightpearl => json!({"brightpearl": {"contentType": "text/plain"}}),
        Vendor::Contensis => json!({"contensis": {"description": "another"}}),
        Vendor::Superoffice => json!({"superoffice": {"errorsEmail": "a@example.com"}}),
    };
    scene.patch("webhook/hook", &json!({"spec": {"mode": "Plan", "subscription": edit}}));
    (scene, tenant)
}

#[test]
fn the_plan_is_what_is_done() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = in_plan_mode(vendor);
        let reader = Reader::of(&scene);
        let operator = scene.operator();
        let report = reader.plan(&["-o", "json"]).exits(2).json();
        for name in ["hook", "new"] {
            let object =
                scene.webhook_becomes(name, "planned", |webhook| is(webhook, "Ready", "True", "Planned"));
            let (shown, status) = (of(&report, name), &object["status"]["plan"]);
            assert_eq!((&shown["digest"], &shown["action"]), (&status["digest"], &status["action"]));
        }
        reader.only_read(&tenant);
        for name in ["hook", "new"] {
            scene.patch(&format!("webhook/{name}"), &json!({"spec": {"mode": "Enforce"}}));
        }
        for name in ["hook", "new"] {
            let done = |object: &Value| is(object, "Ready", "True", "InSync");
            let object = scene.webhook_becomes(name, "as declared", done);
            let stored = tenant.one(object["status"]["externalId"].as_str().unwrap()).unwrap();
            for change in of(&report, name)["changes"].as_array().unwrap() {
                let (field, after) = (change["field"].as_str().unwrap(), change["after"].as_str().unwrap());
                if vendor == Vendor::Brightpearl {
                    let after = after.replace("$(TOKEN)", crate::scene::TOKEN);
                    assert_eq!(has(&stored, field), after, "{change}");
                }
            }
        }
        operator.terminate();
        reader.plan(&[]).exits(0).says("2 unchanged");
    }
}
