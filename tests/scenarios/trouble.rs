//! Failures of one Webhook: they are reported, others are not affected, nothing is retried in a loop, and one edit repairs them.

use std::time::Instant;

use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{Scene, account, condition, is, login, secret, webhook};
use crate::vendors::{Tenant, Vendor};

/// A scene with a Webhook called `good` that is ready and must not be affected.
fn with_a_good_one(vendor: Vendor) -> (Scene, Tenant, Operator) {
    let (scene, tenant) = Scene::with_account("trouble", vendor);
    let operator = scene.operator();
    let mut good = webhook("good", vendor);
    // Not similar to the bad ones.
    if vendor == Vendor::Superoffice {
        good["spec"]["subscription"]["superoffice"]["targetUrl"] = json!("https://hooks.example.com/good");
    }
    scene.apply(&good);
    scene.ready("good");
    (scene, tenant, operator)
}

/// Checks that the failure causes no further calls and events during more passes, and that `good` is still reconciled.
fn stays_quiet(scene: &Scene, tenant: &Tenant, bad: &str, reason: &str) {
    // When this is done, so is the pass that failed, with all its writes.
    ask(scene, "good");
    let events = scene.events(bad).len();
    tenant.clear_journal();
    let written = scene.cluster_writes().len();
    for _ in 0..3 {
        // By the other Webhook, because a request for the account retries the bad one too.
        ask(scene, "good");
    }
    assert_eq!(tenant.operations(), ["list", "list", "list"]);
    assert_eq!(scene.events(bad).len(), events, "{:?}", scene.events(bad));
    // Each request that is answered is one write; nothing else is written.
    let wrote = &scene.cluster_writes()[written..];
    assert_eq!(wrote.len(), 3, "{wrote:#?}");
    assert!(is(&scene.webhook(bad), "Stalled", "True", reason));
    assert!(is(&scene.webhook("good"), "Ready", "True", "InSync"));
}

/// Requests a pass by a Webhook, and waits until it is done.
fn ask(scene: &Scene, name: &str) {
    let value = format!("{:?}", Instant::now());
    let annotation = format!("hooktender.dev/requested-at={value}");
    scene.kubectl(&["annotate", &format!("webhook/{name}"), "--overwrite", &annotation]);
    scene.webhook_becomes(name, "done with a request", |webhook| {
        webhook["status"]["lastHandledRequest"] == value.as_str()
    });
}

/// Checks that the Webhook is ready promptly after the edit.
fn mends(scene: &Scene, name: &str, edit: impl FnOnce()) {
    scene.promptly(&format!("{name} is ready"), edit, || {
        let object = scene.webhook(name);
        let current = object["metadata"]["generation"] == object["status"]["observedGeneration"];
        if current && is(&object, "Ready", "True", "InSync") { Ok(()) } else { Err(object["status"].clone()) }
    });
    assert_eq!(condition(&scene.webhook(name), "Stalled").unwrap().status, "False");
}

/// A Webhook that fails until the edit.
fn trouble(vendor: Vendor, bad: &Value, reason: &str, says: &[&str], mend: impl FnOnce(&Scene, &Tenant)) {
    let (scene, tenant, _operator) = with_a_good_one(vendor);
    scene.apply(bad);
    let message = scene.stalled("bad", reason);
    for part in says {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    assert_eq!(scene.event("bad", reason), message);
    stays_quiet(&scene, &tenant, "bad", reason);
    mends(&scene, "bad", || mend(&scene, &tenant));
    assert_eq!(tenant.ids().len(), 2);
}

#[test]
fn the_secret_of_a_variable_is_missing() {
    let mut bad = webhook("bad", Vendor::Brightpearl);
    bad["spec"]["variables"][0]["valueFrom"]["secretKeyRef"]["name"] = json!("later");
    let says = ["later", "does not exist", "token"];
    trouble(Vendor::Brightpearl, &bad, "VariableMissing", &says, |scene, _| {
        scene.apply(&secret("later", &json!({"token": "here-it-is"})));
    });
}

#[test]
fn the_key_of_a_variable_is_missing() {
    let mut bad = webhook("bad", Vendor::Contensis);
    bad["spec"]["variables"][0]["valueFrom"]["secretKeyRef"]["key"] = json!("other");
    let says = ["hook-secrets", "no key other"];
    trouble(Vendor::Contensis, &bad, "VariableMissing", &says, |scene, _| {
        scene.patch("secret/hook-secrets", &json!({"stringData": {"other": "here-it-is"}}));
    });
}

#[test]
fn the_config_map_of_a_variable_is_missing() {
    let mut bad = webhook("bad", Vendor::Contensis);
    bad["spec"]["variables"][0]["valueFrom"] =
        json!({"configMapKeyRef": {"name": "settings", "key": "header"}});
    let says = ["ConfigMap", "settings", "does not exist"];
    trouble(Vendor::Contensis, &bad, "VariableMissing", &says, |scene, _| {
        scene.apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"header": "v"}}));
    });
}

#[test]
fn a_variable_is_not_defined() {
    let mut bad = webhook("bad", Vendor::Brightpearl);
    bad["spec"]["subscription"]["brightpearl"]["uriTemplate"] = json!("https://hooks.example.com/$(NOBODY)");
    trouble(Vendor::Brightpearl, &bad, "VariableMissing", &["NOBODY"], |scene, _| {
        let variables = json!({"spec": {"variables": [{"name": "NOBODY", "value": "somebody"}]}});
        scene.patch("webhook/bad", &variables);
    });
}

#[test]
fn brightpearl_does_not_know_the_event() {
    let mut bad = webhook("bad", Vendor::Brightpearl);
    bad["spec"]["subscription"]["brightpearl"]["subscribeTo"] = json!("prodcut");
    trouble(Vendor::Brightpearl, &bad, "Rejected", &["INTC-064", "prodcut"], |scene, _| {
        let edit = json!({"spec": {"subscription": {"brightpearl": {"subscribeTo": "product"}}}});
        scene.patch("webhook/bad", &edit);
    });
}

#[test]
fn brightpearl_misses_a_template_variable() {
    let mut bad = webhook("bad", Vendor::Brightpearl);
    bad["spec"]["subscription"]["brightpearl"]["bodyTemplate"] = json!("{\"id\":\"${resource-id}\"}");
    let says = ["INTC-057", "${lifecycle-event}", "${account-code}", "${resource-type}"];
    trouble(Vendor::Brightpearl, &bad, "Rejected", &says, |scene, _| {
        let edit = json!({"spec": {"subscription": {"brightpearl": {"bodyTemplate": crate::scene::BODY}}}});
        scene.patch("webhook/bad", &edit);
    });
}

#[test]
fn superoffice_is_refused_by_the_target() {
    let (scene, tenant, _operator) = with_a_good_one(Vendor::Superoffice);
    tenant.target("https://hooks.example.com/so", "refuse");
    scene.apply(&webhook("bad", Vendor::Superoffice));
    let message = scene.stalled("bad", "Rejected");
    assert!(message.contains("test event"), "{message}");
    scene.event("bad", "Rejected");
    stays_quiet(&scene, &tenant, "bad", "Rejected");
    // The receiver is repaired: a request is enough, without an edit.
    tenant.target("https://hooks.example.com/so", "ok");
    mends(&scene, "bad", || ask(&scene, "bad"));
}

#[test]
fn contensis_rejects_the_declaration() {
    let mut bad = webhook("bad", Vendor::Contensis);
    bad["spec"]["subscription"]["contensis"]["url"] = json!("http://hooks.example.net/plain");
    trouble(Vendor::Contensis, &bad, "Rejected", &["https"], |scene, _| {
        let edit =
            json!({"spec": {"subscription": {"contensis": {"url": "https://hooks.example.net/plain"}}}});
        scene.patch("webhook/bad", &edit);
    });
}

#[test]
fn the_account_of_a_webhook_does_not_exist_yet() {
    let (scene, tenant, _operator) = with_a_good_one(Vendor::Brightpearl);
    let mut bad = webhook("bad", Vendor::Brightpearl);
    bad["spec"]["accountRef"]["name"] = json!("another");
    scene.apply(&bad);
    let message = scene.stalled("bad", "AccountNotFound");
    assert!(message.contains("another") && message.contains("create"), "{message}");
    assert_eq!(scene.event("bad", "AccountNotFound"), message);
    let elsewhere = Tenant::open(Vendor::Brightpearl);
    scene.apply(&login("another", &elsewhere));
    mends(&scene, "bad", || scene.apply(&account("another", "another", &elsewhere)));
    assert_eq!((tenant.ids().len(), elsewhere.ids().len()), (1, 1));
}
