//! Manual changes of what the operator owns: statuses, ids, finalizers.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::scene::{Scene, is, webhook};
use crate::vendors::{Tenant, Vendor};

fn set_status(scene: &Scene, name: &str, status: &Value) {
    let (object, patch) = (format!("webhook/{name}"), json!({ "status": status }).to_string());
    scene.kubectl(&["patch", &object, "--subresource=status", "--type=merge", "--patch", &patch]);
}

/// The usual Webhook, with a name of its own at the vendor.
fn named(name: &str) -> Value {
    let mut hook = webhook(name, Vendor::Superoffice);
    hook["spec"]["subscription"]["superoffice"]["name"] = json!(name);
    hook
}

fn id(hook: &Value) -> String {
    hook["status"]["externalId"].as_str().unwrap_or_default().to_owned()
}

/// Waits until it has that id and is ready.
fn has(scene: &Scene, name: &str, wanted: &str) {
    scene.webhook_becomes(name, &format!("ready with {wanted}"), |hook| {
        id(hook) == wanted && is(hook, "Ready", "True", "InSync")
    });
}

fn two(name: &str) -> (Scene, Tenant, crate::operator::Operator, [String; 2]) {
    let (scene, tenant) = Scene::with_account(name, Vendor::Superoffice);
    let operator = scene.operator();
    let ids = ["first", "second"].map(|name| {
        scene.apply(&named(name));
        id(&scene.ready(name))
    });
    tenant.clear_journal();
    (scene, tenant, operator, ids)
}

#[test]
fn a_nonsense_status_is_repaired() {
    let (scene, tenant, _operator, [first, second]) = two("nonsense");
    let nonsense = json!({
        "externalId": "nonsense", "superseded": ["nonsense", second], "observedGeneration": 99, "conditions": [],
        "plan": {"action": "Replace"}, "lastApplied": {"digest": "nonsense", "time": "2099-01-01T00:00:00Z"},
    });
    set_status(&scene, "first", &nonsense);
    has(&scene, "first", &first);
    scene.pass("account");
    has(&scene, "second", &second);
    assert_eq!((tenant.count("create"), tenant.count("delete"), tenant.ids().len()), (0, 0, 2));
}

#[test]
fn an_id_of_another_webhook_takes_nothing_from_it() {
    let (scene, tenant, _operator, [first, second]) = two("others");
    // In its status: the older Webhook keeps its subscription, and the younger one reports a conflict.
    set_status(&scene, "second", &json!({"externalId": first}));
    assert!(scene.stalled("second", "Conflict").contains("/first"));
    has(&scene, "first", &first);
    set_status(&scene, "second", &json!({"externalId": null}));
    has(&scene, "second", &second);
    // In its spec: it keeps its own subscription.
    scene.patch("webhook/second", &json!({"spec": {"externalId": first}}));
    has(&scene, "second", &second);
    // A new Webhook has none to keep.
    let mut third = named("third");
    third["spec"]["externalId"] = json!(first);
    scene.apply(&third);
    assert!(scene.stalled("third", "Conflict").contains("/first"));
    has(&scene, "first", &first);
    assert_eq!((tenant.count("create"), tenant.count("delete"), tenant.ids().len()), (0, 0, 2));
}

#[test]
fn a_finalizer_that_is_removed_by_hand_comes_back_or_leaves_the_subscription() {
    let (scene, tenant, operator, [first, second]) = two("force");
    let held = |hook: &Value| hook["metadata"]["finalizers"] == json!(["hooktender.dev/subscription"]);
    scene.patch("webhook/first", &json!({"metadata": {"finalizers": null}}));
    scene.webhook_becomes("first", "held again", held);
    // While no operator runs, and the object is deleted at once.
    operator.kill();
    scene.patch("webhook/first", &json!({"metadata": {"finalizers": null}}));
    scene.kubectl(&["delete", "webhook", "first"]);
    let _operator = scene.operator();
    scene.pass("account");
    let listed = scene.account("account")["status"]["unmanaged"].clone();
    assert_eq!(listed[0]["externalId"], first.as_str(), "{listed}");
    assert_eq!((tenant.writes(), tenant.ids()), (0, vec![first.clone(), second]));
    // A Webhook that declares it again adopts it.
    scene.apply(&named("first"));
    has(&scene, "first", &first);
    eventually("nothing is made", || {
        if tenant.count("create") == 0 { Ok(()) } else { Err(tenant.operations()) }
    })
    .unwrap();
}
