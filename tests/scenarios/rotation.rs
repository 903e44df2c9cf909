//! A write-only value is written once, and not again.

use hooktender_cluster::{AuditEvent, eventually};
use serde_json::{Value, json};

use crate::scene::{Scene, TOKEN, webhook};
use crate::vendors::{Tenant, Vendor};

/// The vendor's stored secret.
fn stored(tenant: &Tenant) -> Value {
    let all = tenant.stored();
    match tenant.vendor {
        Vendor::Brightpearl => panic!("Brightpearl gives every value back"),
        Vendor::Contensis => all[0]["headers"]["X-Key"]["value"].clone(),
        Vendor::Superoffice => all[0]["Secret"].clone(),
    }
}

/// Waits until the vendor has that value.
fn arrives(tenant: &Tenant, value: &str) {
    eventually("the new value is there", || {
        let now = stored(tenant);
        if now == value { Ok(()) } else { Err(now) }
    })
    .unwrap();
}

/// Two passes find nothing to do.
fn nothing_more_is_written(scene: &Scene, tenant: &Tenant) {
    scene.pass("account");
    scene.pass("account");
    assert_eq!((tenant.count("update"), tenant.writes()), (1, 1));
    tenant.clear_journal();
}

/// With each way in which the vendor may show a secret.
fn rotates(vendor: Vendor, habits: &[Value]) {
    for habit in habits {
        let (scene, tenant) = Scene::with_account("rotation", vendor);
        tenant.settings(habit);
        let operator = scene.operator();
        scene.apply(&webhook("hook", vendor));
        scene.ready("hook");
        assert_eq!(stored(&tenant), TOKEN);
        tenant.clear_journal();

        scene.patch("secret/hook-secrets", &json!({"stringData": {"token": "second"}}));
        arrives(&tenant, "second");
        nothing_more_is_written(&scene, &tenant);

        // Another version of the Secret with the same value.
        scene.kubectl(&["annotate", "secret", "hook-secrets", "example.com/touched=yes"]);
        scene.pass("account");
        assert_eq!(tenant.writes(), 0, "{habit}");

        // While no operator runs, first without and then with a change.
        operator.terminate();
        scene.kubectl(&["annotate", "secret", "hook-secrets", "--overwrite", "example.com/touched=again"]);
        let operator = scene.operator();
        scene.pass("account");
        assert_eq!(tenant.writes(), 0, "{habit}");
        operator.terminate();
        scene.patch("secret/hook-secrets", &json!({"stringData": {"token": "third"}}));
        tenant.clear_journal();
        let operator = scene.operator();
        arrives(&tenant, "third");
        nothing_more_is_written(&scene, &tenant);
        operator.terminate();
        let _operator = scene.operator();
        scene.pass("account");
        assert_eq!(tenant.writes(), 0, "{habit}");
    }
}

#[test]
fn a_signing_secret_of_superoffice_is_written_once() {
    rotates(Vendor::Superoffice, &["clear", "null", "mask"].map(|habit| json!({"secretEcho": habit})));
}

#[test]
fn a_secret_header_of_contensis_is_written_once() {
    rotates(Vendor::Contensis, &["stars12", "absent"].map(|habit| json!({"secretMask": habit})));
}

#[test]
fn a_secret_or_config_map_with_the_same_values_costs_no_call_and_no_write() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("touched", vendor);
        let mut hook = webhook("hook", vendor);
        let variables = hook["spec"]["variables"].as_array_mut().unwrap();
        let from = json!({"configMapKeyRef": {"name": "settings", "key": "host"}});
        variables.push(json!({"name": "HOST", "valueFrom": from}));
        scene.kubectl(&["create", "configmap", "settings", "--from-literal=host=h.example.com"]);
        let operator = scene.operator();
        scene.apply(&hook);
        scene.ready("hook");
        // The last write of its pass.
        scene.account_becomes("account", "counted", |account| {
            account["status"]["subscriptions"]["managed"] == 1
        });
        tenant.clear_journal();
        let written = scene.cluster_writes().len();
        for object in ["secret/hook-secrets", "secret/login", "configmap/settings"] {
            scene.kubectl(&["annotate", object, "example.com/touched=yes"]);
            // A key that no object refers to.
            let values = if object.starts_with("secret") { "stringData" } else { "data" };
            scene.patch(object, &json!({values: {"unused": "anything"}}));
        }
        // A later change of a referenced value is seen at once.
        scene.patch("secret/hook-secrets", &json!({"stringData": {"token": "second"}}));
        scene.webhook_becomes("hook", "as declared again", |_| {
            tenant.stored().iter().any(|stored| stored.to_string().contains("second"))
        });
        scene.ready("hook");
        // The change of the value is planned with a new list, or at Contensis with the previous one.
        let lists = tenant.count("list");
        assert!(lists <= 1, "{vendor:?}: {:?}", tenant.operations());
        let status = |event: &AuditEvent| event.resource == "webhooks" || event.resource == "vendoraccounts";
        let writes = scene.cluster_writes();
        let writes: Vec<_> = writes[written..].iter().filter(|event| status(event)).collect();
        // The pending create, the id and the end of a replacement.
        assert!(writes.len() <= 3, "{vendor:?}: {writes:#?}");
        operator.terminate();
    }
}

#[test]
fn a_changed_secret_is_used_although_the_pass_that_saw_it_panicked() {
    if cfg!(not(feature = "failpoints")) {
        return;
    }
    let (scene, tenant) = Scene::with_account("panicked", Vendor::Superoffice);
    let operator = scene.launch(&[], &[("FAILPOINTS", "vendor.update.sending=panic")]);
    operator.logs("caches synced");
    scene.apply(&webhook("first", Vendor::Superoffice));
    scene.ready("first");
    scene.patch("secret/hook-secrets", &json!({"stringData": {"token": "the-second-token"}}));
    operator.logs("a pass panicked");
    // An account whose pass panicked is tried again after half a minute.
    eventually("the vendor has the new value", || {
        let stored = tenant.stored();
        if stored[0]["Secret"] == "the-second-token" { Ok(()) } else { Err(stored) }
    })
    .unwrap();
}
