//! Mode Plan, at each of its three levels: everything is shown, nothing is done.

use hooktender_cluster::KUBECTL_WAIT_LIMIT;
use serde_json::{Value, json};

use crate::command::only_reads;
use crate::scene::{Scene, TOKEN, is, webhook};
use crate::vendors::Vendor;

#[derive(Clone, Copy, Debug)]
enum Level {
    Operator,
    Account,
    Webhook,
}

const LEVELS: [Level; 3] = [Level::Operator, Level::Account, Level::Webhook];

/// An existing subscription that is to be changed: one field differs from the declaration.
fn existing(vendor: Vendor) -> Value {
    let declared = webhook("edit", vendor)["spec"]["subscription"][vendor.as_str()].clone();
    match vendor {
        Vendor::Brightpearl => {
            let mut existing = declared;
            existing["uriTemplate"] = json!(format!("https://hooks.example.com/edit?token={TOKEN}"));
            existing["contentType"] = json!("text/plain");
            existing
        }
        Vendor::Contensis => {
            let mut existing = declared;
            existing["headers"]["X-Key"]["value"] = json!(TOKEN);
            existing["description"] = json!("by hand");
            existing
        }
        Vendor::Superoffice => json!({
            "Name": "edit", "Events": ["contact.created"], "TargetUrl": "https://hooks.example.com/so", "Secret": TOKEN,
            "Headers": {"X-Env": "prod"}, "Properties": {"tenant": "eu", "deep": {"numbers": [1, 2.5, null]}},
            "ErrorsEmail": "ops@example.com",
        }),
    }
}

fn in_plan_mode(mut webhook: Value, level: Level) -> Value {
    if matches!(level, Level::Webhook) {
        webhook["spec"]["mode"] = json!("Plan");
    }
    webhook
}

/// Waits for the plan of a Webhook.
fn planned(scene: &Scene, name: &str) -> Value {
    let object = scene.webhook_becomes(name, "planned", |webhook| is(webhook, "Ready", "True", "Planned"));
    assert_eq!(object["metadata"]["finalizers"], Value::Null);
    object["status"]["plan"].clone()
}

fn shows_and_does_nothing(vendor: Vendor, level: Level) {
    let (scene, tenant) = Scene::with_account("plan", vendor);
    if matches!(level, Level::Account) {
        scene.patch("vendoraccount/account", &json!({"spec": {"mode": "Plan"}}));
    }
    let existing = tenant.insert(&existing(vendor));
    let before = tenant.stored();
    let flags: &[&str] = if matches!(level, Level::Operator) { &["--plan-only"] } else { &[] };
    let operator = scene.operator_with(flags);

    let mut create = webhook("new", vendor);
    if vendor == Vendor::Superoffice {
        create["spec"]["subscription"]["superoffice"]["targetUrl"] = json!("https://hooks.example.com/new");
    }
    scene.apply(&in_plan_mode(create, level));
    let mut edit = webhook("edit", vendor);
    edit["spec"]["externalId"] = json!(existing);
    scene.apply(&in_plan_mode(edit, level));
    let mut freely = webhook("freely", vendor);
    if vendor == Vendor::Superoffice {
        freely["spec"]["subscription"]["superoffice"]["targetUrl"] =
            json!("https://hooks.example.com/freely");
    }
    scene.apply(&in_plan_mode(freely, level));

    let plan = planned(&scene, "new");
    assert_eq!(plan["action"], "Create");
    assert!(plan["digest"].as_str().unwrap().starts_with("sha256:"));
    let text = plan.to_string();
    assert!(text.contains("$(TOKEN)") && !text.contains(TOKEN), "{text}");
    let plan = planned(&scene, "edit");
    let expected = match vendor {
        Vendor::Brightpearl => {
            json!({"field": "contentType", "before": "(hidden)", "after": "application/json"})
        }
        Vendor::Contensis => {
            json!({"field": "description", "before": "(hidden)", "after": "feeds the search index"})
        }
        Vendor::Superoffice => plan["changes"][0].clone(),
    };
    assert!(plan["changes"].as_array().unwrap().contains(&expected), "{plan}");
    assert!(!plan.to_string().contains(TOKEN), "{plan}");
    let action = if vendor == Vendor::Brightpearl { "Replace" } else { "Update" };
    assert_eq!(plan["action"], action);
    let note = scene.event("new", "Planned");
    assert!(note.contains("Create"), "{note}");
    operator.measures("hooktender_plan_actions_total{");

    scene.pass("account");
    only_reads(&tenant);
    assert_eq!(tenant.stored(), before);
    // Nothing was written for it, so that it has no finalizer.
    scene.kubectl(&["delete", "webhook", "freely", KUBECTL_WAIT_LIMIT]);

    let _operator = match level {
        Level::Operator => {
            operator.terminate();
            scene.operator()
        }
        Level::Account => {
            scene.patch("vendoraccount/account", &json!({"spec": {"mode": "Enforce"}}));
            operator
        }
        Level::Webhook => {
            for name in ["webhook/new", "webhook/edit"] {
                scene.patch(name, &json!({"spec": {"mode": "Enforce"}}));
            }
            operator
        }
    };
    for name in ["new", "edit"] {
        let object =
            scene.webhook_becomes(name, "as declared", |webhook| is(webhook, "Ready", "True", "InSync"));
        assert_eq!(object["metadata"]["finalizers"], json!(["hooktender.dev/subscription"]));
        assert_eq!(object["status"]["plan"]["action"], "None");
    }
    assert_eq!(tenant.stored().len(), 2);
    assert_ne!(tenant.one(&existing), Some(before[0].clone()));
}

#[test]
fn the_plan_for_brightpearl_is_shown_and_nothing_is_done() {
    for level in LEVELS {
        shows_and_does_nothing(Vendor::Brightpearl, level);
    }
}

#[test]
fn the_plan_for_contensis_is_shown_and_nothing_is_done() {
    for level in LEVELS {
        shows_and_does_nothing(Vendor::Contensis, level);
    }
}

#[test]
fn the_plan_for_superoffice_is_shown_and_nothing_is_done() {
    for level in LEVELS {
        shows_and_does_nothing(Vendor::Superoffice, level);
    }
}

#[test]
fn drift_is_shown_and_kept_in_plan_mode() {
    let (scene, tenant) = Scene::with_account("plan", Vendor::Brightpearl);
    let operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Brightpearl));
    scene.ready("hook");
    operator.terminate();
    let id = tenant.ids().remove(0);
    tenant.edit(&id, &json!({"contentType": "text/plain"}));
    tenant.clear_journal();
    let _operator = scene.operator_with(&["--plan-only"]);
    let object = scene.webhook_becomes("hook", "planned", |webhook| is(webhook, "Ready", "True", "Planned"));
    assert!(is(&object, "Drifted", "True", "Drifted"), "{}", object["status"]);
    assert_eq!(object["status"]["plan"]["action"], "Replace");
    only_reads(&tenant);
    // A Webhook with a subscription stays until the subscription may be deleted.
    scene.kubectl(&["delete", "webhook", "hook", "--wait=false"]);
    scene.webhook_becomes("hook", "planned to go", |webhook| webhook["status"]["plan"]["action"] == "Delete");
    only_reads(&tenant);
    assert_eq!(tenant.ids(), [id]);
}
