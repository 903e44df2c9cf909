//! SuperOffice fields that depend on the server: notification of errors since 12.0, receivers without https on-site.

use crate::operator::Operator;
use crate::scene::{Scene, condition, webhook};
use crate::vendors::{Tenant, Vendor};
use serde_json::{Value, json};

/// A Webhook that is in sync at an on-site account with these settings of the server.
fn in_sync(settings: &Value) -> (Scene, Tenant, Operator) {
    let (scene, tenant) = Scene::with_account("notify", Vendor::Superoffice);
    tenant.settings(settings);
    let operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Superoffice));
    scene.ready("hook");
    (scene, tenant, operator)
}

fn patch(scene: &Scene, members: &Value) {
    scene.patch("webhook/hook", &json!({"spec": {"subscription": {"superoffice": members}}}));
}

#[test]
fn an_address_for_errors_is_notified_since_12_0() {
    let (scene, tenant, _operator) = in_sync(&json!({"version": "12.0"}));
    let notified = || {
        let stored = tenant.stored().remove(0);
        json!([stored["ErrorEmails"], stored["NotifyVia"], stored["NotifyWhen"]])
    };
    let switched_on = json!([["ops@example.com"], "Email", "Disabling"]);
    assert_eq!(notified(), switched_on);
    // An address without a channel gets no notification.
    let id = tenant.ids().remove(0);
    tenant.edit(&id, &json!({"NotifyVia": "None", "NotifyWhen": "None"}));
    scene.pass("account");
    assert_eq!(notified(), switched_on);
    patch(&scene, &json!({"errorsEmail": null, "notifyVia": ["InApp"], "notifyWhen": ["FirstFailure"]}));
    scene.ready("hook");
    assert_eq!(notified(), json!([[], "InApp", "FirstFailure"]));
    scene.pass("account");
    assert_eq!(tenant.count("update"), 2, "{:?}", tenant.operations());
}

#[test]
fn a_notification_that_the_server_does_not_have_is_refused_with_a_message() {
    let (scene, tenant, _operator) = in_sync(&json!({"version": "10.2.7"}));
    patch(&scene, &json!({"description": "for the CRM team"}));
    let said = scene.stalled("hook", "Rejected");
    assert!(said.contains("older than SuperOffice 12.0 and cannot store description"), "{said}");
    assert_eq!(tenant.count("update"), 0);
    patch(&scene, &json!({"description": null}));
    scene.ready("hook");
}

#[test]
fn a_receiver_without_https_is_possible_on_site() {
    let (scene, tenant, _operator) = in_sync(&json!({}));
    patch(&scene, &json!({"targetUrl": "http://receiver.internal/so"}));
    let warning = scene.event("hook", "LikelyRefused");
    assert!(warning.contains("RequireHttps"), "{warning}");
    let said = scene.stalled("hook", "Rejected");
    assert!(said.contains("https"), "{said}");
    tenant.settings(&json!({"requireHttps": false}));
    scene.pass("account");
    let hook = scene.ready("hook");
    assert_eq!(condition(&hook, "Ready").unwrap().reason, "InSync");
    assert_eq!(tenant.stored()[0]["TargetUrl"], "http://receiver.internal/so");
}
