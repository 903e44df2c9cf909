//! One Webhook, one subscription: an existing one is adopted, and no crash at any time makes a second one.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::command::of;
use crate::program::{reader, run};
use crate::scene::{BODY, Scene, TOKEN, condition, is, webhook};
use crate::vendors::{Tenant, Vendor};

/// A Webhook without write-only values: only then can an existing subscription be known to be equal.
fn readable(vendor: Vendor) -> Value {
    let mut webhook = webhook("hook", vendor);
    if vendor == Vendor::Contensis {
        webhook["spec"]["subscription"]["contensis"]["headers"] = json!({"X-Origin": {"value": "cms"}});
    }
    if vendor == Vendor::Superoffice {
        webhook["spec"]["subscription"]["superoffice"].as_object_mut().unwrap().remove("secret");
    }
    webhook
}

/// A subscription made by hand, equal to what [`readable`] declares.
fn equal(vendor: Vendor) -> Value {
    match vendor {
        Vendor::Brightpearl => json!({
            "subscribeTo": "product", "httpMethod": "POST", "bodyTemplate": BODY, "contentType": "application/json",
            "uriTemplate": format!("https://hooks.example.com/hook?token={TOKEN}"),
            "idSetAccepted": true, "qualityOfService": 1,
        }),
        Vendor::Contensis => json!({
            "name": "hook", "description": "feeds the search index", "method": "PUT", "enabled": false, "ui": false,
            "url": "https://hooks.example.net/c7s/{{resource.sys.id}}",
            "topics": [{"resourceType": "entry", "event": ["published"], "contentTypeId": ["article"], "language": ["en-GB"]}],
            "headers": {"X-Origin": {"value": "cms"}},
            "templates": {"entry.article": "{\"id\":\"{{resource.sys.id}}\"}"},
        }),
        Vendor::Superoffice => json!({
            // The same set in another order.
            "Name": "hook", "Events": ["sale.changed", "contact.created"], "State": "Active", "Type": "webhook",
            "TargetUrl": "https://hooks.example.com/so", "Headers": {"X-Env": "prod"},
            "Properties": {"tenant": "eu", "deep": {"numbers": [1, 2.5, null]}}, "ErrorsEmail": "ops@example.com",
        }),
    }
}

fn takes_over(vendor: Vendor) {
    let (scene, tenant) = Scene::with_account("adopt", vendor);
    let oldest = tenant.insert(&equal(vendor));
    let younger = tenant.insert(&equal(vendor));
    let before = tenant.stored();
    let _operator = scene.operator();
    scene.apply(&readable(vendor));
    let ready = scene.ready("hook");
    assert_eq!(ready["status"]["externalId"], oldest);
    let note = scene.event("hook", "Adopted");
    assert!(note.contains(&younger), "{note}");
    scene.pass("account");
    assert_eq!(tenant.writes(), 0);
    assert_eq!(tenant.stored(), before);
    let counts = scene.account("account")["status"]["subscriptions"].clone();
    assert_eq!(counts, json!({"declared": 1, "managed": 1, "unmanaged": 1}));
}

#[test]
fn the_oldest_of_two_equal_subscriptions_at_brightpearl_is_adopted_unchanged() {
    takes_over(Vendor::Brightpearl);
}

#[test]
fn the_oldest_of_two_equal_subscriptions_at_contensis_is_adopted_unchanged() {
    takes_over(Vendor::Contensis);
}

#[test]
fn the_oldest_of_two_equal_subscriptions_at_superoffice_is_adopted_unchanged() {
    takes_over(Vendor::Superoffice);
}

fn wipe_status(scene: &Scene) {
    let patch = json!([{"op": "remove", "path": "/status"}]).to_string();
    scene.kubectl(&["patch", "webhook/hook", "--subresource=status", "--type=json", "--patch", &patch]);
}

fn heals_a_wiped_status(vendor: Vendor) {
    let (scene, tenant) = Scene::with_account("wiped", vendor);
    let operator = scene.operator();
    scene.apply(&readable(vendor));
    let id = scene.ready("hook")["status"]["externalId"].clone();
    let stored = tenant.stored();
    tenant.clear_journal();
    // In mode Plan,
    wipe_status(&scene);
    assert_eq!(scene.ready("hook")["status"]["externalId"], id);
    // and in mode Enforce.
    operator.terminate();
    wipe_status(&scene);
    let _operator = scene.operator();
    assert_eq!(scene.ready("hook")["status"]["externalId"], id);
    scene.pass("account");
    assert_eq!(tenant.writes(), 0);
    assert_eq!(tenant.stored(), stored);
}

#[test]
fn a_wiped_status_is_restored_at_brightpearl() {
    heals_a_wiped_status(Vendor::Brightpearl);
}

#[test]
fn a_wiped_status_is_restored_at_contensis() {
    heals_a_wiped_status(Vendor::Contensis);
}

#[test]
fn a_wiped_status_is_restored_at_superoffice() {
    heals_a_wiped_status(Vendor::Superoffice);
}

#[test]
fn a_wiped_status_is_restored_with_write_only_values() {
    for vendor in [Vendor::Contensis, Vendor::Superoffice] {
        let (scene, tenant) = Scene::with_account("wiped-secret", vendor);
        tenant.settings(&match vendor {
            Vendor::Superoffice => json!({"secretEcho": "null"}),
            Vendor::Brightpearl | Vendor::Contensis => json!({}),
        });
        let operator = scene.operator();
        scene.apply(&webhook("hook", vendor));
        let id = scene.ready("hook")["status"]["externalId"].clone();
        operator.terminate();
        wipe_status(&scene);
        let _operator = scene.operator();
        assert_eq!(scene.ready("hook")["status"]["externalId"], id);
        scene.pass("account");
        assert_eq!((tenant.count("create"), tenant.count("delete")), (1, 0));
        assert_eq!(tenant.ids(), [id.as_str().unwrap()]);
        // The secret is the declared one: it was sent again, or was still stored.
        let stored = tenant.stored().remove(0).to_string();
        assert!(stored.contains(TOKEN), "{stored}");
    }
}

/// A subscription made by hand, equal to what the usual Webhook declares, but for its unknown secret.
fn with_their_secret(vendor: Vendor) -> Value {
    let mut made = equal(vendor);
    match vendor {
        Vendor::Contensis => made["headers"]["X-Key"] = json!({"value": "canary-of-theirs", "secret": true}),
        Vendor::Superoffice => made["Secret"] = json!("canary-of-theirs"),
        Vendor::Brightpearl => unreachable!("it has no write-only values"),
    }
    made
}

#[test]
fn a_value_that_cannot_be_compared_is_sent_once_and_the_plan_says_why() {
    let why = "cannot be compared: a write-only value is sent once";
    for vendor in [Vendor::Contensis, Vendor::Superoffice] {
        let (scene, tenant) = Scene::with_account("not-comparable", vendor);
        let id = tenant.insert(&with_their_secret(vendor));
        let reader = reader(&scene);
        let operator = scene.operator_with(&["--plan-only"]);
        scene.apply(&webhook("hook", vendor));
        let planned = scene.webhook_becomes("hook", "planned", |hook| is(hook, "Ready", "True", "Planned"));
        let message = condition(&planned, "Ready").unwrap().message;
        assert!(message.contains(&format!("Update {id} ({why})")), "{message}");
        assert!(scene.event("hook", "Planned").contains(why));
        let plan =
            |format: &str| run(Some(&reader), &["plan", "-n", &scene.namespace, "-o", format]).exits(2);
        plan("text").says(&format!("update {id} ({why})"));
        plan("markdown").says(why);
        assert_eq!(of(&plan("json").json(), "hook")["cause"], "notComparable");
        operator.terminate();
        let _operator = scene.operator();
        assert!(scene.event("hook", "Updated").contains(why));
        scene.ready("hook");
        scene.pass("account");
        assert_eq!((tenant.count("update"), tenant.writes()), (1, 1), "{:?}", tenant.operations());
        assert!(tenant.one(&id).unwrap().to_string().contains(TOKEN));
    }
}

#[test]
fn a_trusted_value_is_not_sent_before_it_changes() {
    for vendor in [Vendor::Contensis, Vendor::Superoffice] {
        let (scene, tenant) = Scene::with_account("trusted", vendor);
        let id = tenant.insert(&with_their_secret(vendor));
        let before = tenant.stored();
        let operator = scene.operator();
        let mut hook = webhook("hook", vendor);
        hook["spec"]["adoption"] = json!({"writeOnlyValues": "Trust"});
        scene.apply(&hook);
        assert_eq!(scene.ready("hook")["status"]["externalId"], id.as_str());
        assert!(scene.event("hook", "Adopted").contains(&id));
        scene.pass("account");
        // A process that knows only the status does not send it either,
        operator.terminate();
        let _operator = scene.operator();
        scene.pass("account");
        // and a Secret that was touched has no new value.
        scene.patch("secret/hook-secrets", &json!({"metadata": {"annotations": {"touched": "yes"}}}));
        scene.pass("account");
        assert_eq!((tenant.writes(), tenant.stored()), (0, before), "{:?}", tenant.operations());
        scene.patch("secret/hook-secrets", &json!({"stringData": {"token": "canary-of-ours"}}));
        tenant.asked("update", 1);
        scene.pass("account");
        assert!(tenant.one(&id).unwrap().to_string().contains("canary-of-ours"));
        assert_eq!(tenant.writes(), 1, "{:?}", tenant.operations());
    }
}

/// Waits until the vendor has stored something.
fn one_is_stored(tenant: &Tenant) {
    eventually("the vendor has committed", || {
        let stored = tenant.stored();
        if stored.len() == 1 { Ok(()) } else { Err(stored) }
    })
    .unwrap();
}

fn survives_a_kill(vendor: Vendor) {
    let (scene, tenant) = Scene::with_account("killed", vendor);
    let operator = scene.operator();
    tenant.fault(&json!({"operation": "create", "kind": "hang_after"}));
    scene.apply(&webhook("hook", vendor));
    one_is_stored(&tenant);
    let pending = scene.webhook("hook");
    assert_eq!(pending["status"]["pending"]["action"], "Create", "{}", pending["status"]);
    operator.kill();
    let _operator = scene.operator();
    let ready = scene.ready("hook");
    // Found: nothing is left to wait for.
    assert!(ready["status"]["pending"].is_null(), "{}", ready["status"]);
    scene.pass("account");
    assert_eq!(tenant.count("create"), 1);
    assert_eq!(tenant.ids(), [ready["status"]["externalId"].as_str().unwrap()]);
}

#[test]
fn killed_after_brightpearl_committed_and_before_it_answered() {
    survives_a_kill(Vendor::Brightpearl);
}

#[test]
fn killed_after_contensis_committed_and_before_it_answered() {
    survives_a_kill(Vendor::Contensis);
}

#[test]
fn killed_after_superoffice_committed_and_before_it_answered() {
    survives_a_kill(Vendor::Superoffice);
}

fn survives_a_lost_answer(vendor: Vendor, fault: &Value) {
    let (scene, tenant) = Scene::with_account("lost", vendor);
    let _operator = scene.operator();
    tenant.fault(fault);
    scene.apply(&webhook("hook", vendor));
    let ready = scene.ready("hook");
    scene.pass("account");
    assert_eq!(tenant.count("create"), 1, "{fault}");
    assert_eq!(tenant.ids(), [ready["status"]["externalId"].as_str().unwrap()]);
}

#[test]
fn a_lost_answer_makes_no_second_subscription() {
    for vendor in Vendor::ALL {
        survives_a_lost_answer(vendor, &json!({"operation": "create", "kind": "drop_after"}));
    }
}

#[test]
fn a_garbled_answer_makes_no_second_subscription() {
    for vendor in Vendor::ALL {
        survives_a_lost_answer(vendor, &json!({"operation": "create", "kind": "garbage"}));
    }
}

#[test]
fn a_server_error_after_the_commit_makes_no_second_subscription() {
    for vendor in Vendor::ALL {
        let fault = json!({"operation": "create", "kind": "status_after", "status": 503, "body": "<html>busy</html>", "contentType": "text/html"});
        survives_a_lost_answer(vendor, &fault);
    }
}

#[test]
fn a_commit_after_the_connection_broke_makes_no_second_subscription() {
    for vendor in Vendor::ALL {
        survives_a_lost_answer(
            vendor,
            &json!({"operation": "create", "kind": "late_commit", "millis": 1200}),
        );
    }
}

#[test]
fn of_two_equal_webhooks_the_younger_waits_until_the_older_is_deleted() {
    let (scene, tenant) = Scene::with_account("rivals", Vendor::Brightpearl);
    let _operator = scene.operator();
    // Both are in mode Plan: they never have a finalizer, so that only the object's disappearance shows that the older one is
    // deleted.
    let mut older = webhook("same", Vendor::Brightpearl);
    older["spec"]["mode"] = json!("Plan");
    scene.apply(&older);
    scene.webhook_becomes("same", "planned", |object| is(object, "Ready", "True", "Planned"));
    let mut younger = webhook("same", Vendor::Brightpearl);
    younger["metadata"]["name"] = json!("younger");
    younger["spec"]["mode"] = json!("Plan");
    scene.apply(&younger);
    assert!(scene.stalled("younger", "Conflict").contains(&format!("{}/same", scene.namespace)));
    assert_eq!(tenant.writes(), 0);
    scene.kubectl(&["delete", "webhook/same"]);
    scene.webhook_becomes("younger", "planned", |object| is(object, "Ready", "True", "Planned"));
    assert_eq!(tenant.writes(), 0);
}
