//! No secret appears where it does not belong, with every log line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::operator::Operator;
use crate::scene::{Scene, TOKEN, webhook};
use crate::vendors::{Tenant, Vendor};

/// Everything that anybody could see of the operator's work.
pub(crate) fn nothing_is_seen(scene: &Scene, operator: &Operator, secrets: &[&str]) {
    let seen = [
        ("the log", operator.log()),
        ("objects and events", scene.everything()),
        ("the metrics", operator.metrics()),
    ];
    for (place, text) in seen {
        assert!(text.len() > 100, "{place}: {text}");
        for secret in secrets {
            let at = text.find(secret);
            assert_eq!(at, None, "{place}: …{}…", at.map_or("", |at| &text[at.saturating_sub(200)..at]));
        }
    }
}

fn keeps_its_secrets(vendor: Vendor, meddle: impl FnOnce(&Scene, &Tenant)) {
    let (scene, tenant) = Scene::with_account("secrets", vendor);
    let login = tenant.secret();
    let basic = STANDARD.encode(format!("ops:{login}"));
    let operator = scene.operator_with(&["--log-level", "debug,hooktender=trace"]);
    scene.apply(&webhook("hook", vendor));
    scene.ready("hook");
    // They are where they belong, so that this test would find them.
    let stored = tenant.stored()[0].to_string();
    assert!(stored.contains(TOKEN), "{stored}");
    let journal = json!(tenant.journal()).to_string();
    assert!(journal.contains(&login) || journal.contains(&basic), "{journal}");
    assert!(operator.log().contains(" DEBUG "));
    let access: Vec<_> = tenant
        .journal()
        .iter()
        .filter_map(|entry| entry["headers"]["authorization"].as_str())
        .filter_map(|header| header.strip_prefix("Bearer "))
        .map(str::to_owned)
        .collect();

    // The value changes, at the vendor and in the Secret.
    scene.patch("secret/hook-secrets", &json!({"stringData": {"token": "canary-second-token"}}));
    scene.pass("account");
    scene.ready("hook");
    meddle(&scene, &tenant);
    // The vendor repeats the request.
    tenant.revoke();
    tenant.accept("canary-other-login");
    scene.request("account");
    scene.account_stalled("account", "Credentials");
    scene.event("account", "Credentials");
    scene.kubectl(&["delete", "webhook", "hook", "--wait=false"]);
    scene.webhook_becomes("hook", "waiting to go", |webhook| {
        crate::scene::is(webhook, "Stalled", "True", "Credentials")
    });
    let mut secrets = vec!["canary-", basic.as_str()];
    secrets.extend(access.iter().map(String::as_str));
    nothing_is_seen(&scene, &operator, &secrets);
}

#[test]
fn secrets_of_brightpearl_appear_nowhere() {
    keeps_its_secrets(Vendor::Brightpearl, |scene, tenant| {
        // Drift of a field with a secret, in mode Plan.
        scene.patch("webhook/hook", &json!({"spec": {"driftPolicy": "Report"}}));
        scene.ready("hook");
        let id = tenant.ids().remove(0);
        tenant.edit(&id, &json!({"uriTemplate": "https://hooks.example.com/hook?token=canary-old-token"}));
        scene.pass("account");
        // A refusal that repeats a secret.
        let mut refused = webhook("refused", Vendor::Brightpearl);
        refused["spec"]["subscription"]["brightpearl"]["subscribeTo"] = json!("order.$(TOKEN)");
        scene.apply(&refused);
        scene.stalled("refused", "Rejected");
        // A broken connection to an address with a secret in it, and an answer of secrets only.
        tenant.fault(&json!({"operation": "list", "kind": "status", "status": 502, "body": format!("{} {TOKEN} canary-second-token", tenant.secret())}));
        scene.request("account");
        scene.event("account", "Unavailable");
    });
}

#[test]
fn secrets_of_contensis_appear_nowhere() {
    keeps_its_secrets(Vendor::Contensis, |scene, tenant| {
        let echo = json!({"operation": "update", "kind": "status", "status": 422, "body": {
            "logId": "00000000-0000-0000-0000-000000000000", "message": "There are validation errors",
            "data": [{"field": "headers", "message": "canary-second-token is too weak"}], "type": "Validation",
        }});
        tenant.fault(&echo);
        let edit = json!({"spec": {"subscription": {"contensis": {"description": "$(TOKEN)"}}}});
        scene.patch("webhook/hook", &edit);
        scene.stalled("hook", "Rejected");
    });
}

#[test]
fn secrets_of_superoffice_appear_nowhere() {
    keeps_its_secrets(Vendor::Superoffice, |scene, tenant| {
        scene.patch("webhook/hook", &json!({"spec": {"driftPolicy": "Report"}}));
        scene.ready("hook");
        let id = tenant.ids().remove(0);
        tenant.edit(&id, &json!({"Secret": "canary-overwritten"}));
        scene.pass("account");
        // A refusal that repeats a secret.
        let echo = json!({"operation": "update", "kind": "status", "status": 400, "body": {
            "Error": true, "ErrorType": "SoException", "ErrorMessage": "canary-second-token is too weak", "ErrorSource": "",
        }});
        tenant.fault(&echo);
        scene.patch(
            "webhook/hook",
            &json!({"spec": {"subscription": {"superoffice": {"errorsEmail": "a@example.com"}}}}),
        );
        scene.stalled("hook", "Rejected");
    });
}
