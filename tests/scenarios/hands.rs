//! What people do by hand to what is the operator's: statuses, ids, finalizers.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::scene::{Scene, is, webhook};
use crate::vendors::{Tenant, Vendor};

fn set_status(scene: &Scene, name: &str, status: &Value) {
    let (object, patch) = (format!("webhook/{name}"), json!({ "status": status }).to_string());
    scene.kubectl(&["patch", &object, "--subresource=status", "--type=merge", "--patch", &patch]);
}

/// A Webhook as usual, with a name of its own at the vendor.
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
fn a_status_of_nonsense_heals() {
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
    // In its status: the older one keeps what it has, and the other is told.
    set_status(&scene, "second", &json!({"externalId": first}));
    assert!(scene.stalled("second", "Conflict").contains("/first"));
    has(&scene, "first", &first);
    set_status(&scene, "second", &json!({"externalId": null}));
    has(&scene, "second", &second);
    // In its spec: what it has it keeps.
    scene.patch("webhook/second", &json!({"spec": {"externalId": first}}));
    has(&scene, "second", &second);
    // A new one has none to keep.
    let mut third = named("third");
    third["spec"]["externalId"] = json!(first);
    scene.apply(&third);
    assert!(scene.stalled("third", "Conflict").contains("/first"));
    has(&scene, "first", &first);
    assert_eq!((tenant.count("create"), tenant.count("delete"), tenant.ids().len()), (0, 0, 2));
}

#[test]
fn a_finalizer_taken_off_by_force_comes_back_or_leaves_what_it_held() {
    let (scene, tenant, operator, [first, second]) = two("force");
    let held = |hook: &Value| hook["metadata"]["finalizers"] == json!(["hooktender.dev/subscription"]);
    scene.patch("webhook/first", &json!({"metadata": {"finalizers": null}}));
    scene.webhook_becomes("first", "held again", held);
    // While nobody looks, and it goes at once.
    operator.kill();
    scene.patch("webhook/first", &json!({"metadata": {"finalizers": null}}));
    scene.kubectl(&["delete", "webhook", "first"]);
    let _operator = scene.operator();
    scene.pass("account");
    let listed = scene.account("account")["status"]["unmanaged"].clone();
    assert_eq!(listed[0]["externalId"], first.as_str(), "{listed}");
    assert_eq!((tenant.writes(), tenant.ids()), (0, vec![first.clone(), second]));
    // Who declares it again has it again.
    scene.apply(&named("first"));
    has(&scene, "first", &first);
    eventually("nothing is made", || {
        if tenant.count("create") == 0 { Ok(()) } else { Err(tenant.operations()) }
    })
    .unwrap();
}
