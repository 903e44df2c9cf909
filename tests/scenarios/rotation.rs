//! A value that no vendor gives back arrives with one write, and is not written again.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::scene::{SOON, Scene, TOKEN, webhook};
use crate::vendors::{Tenant, Vendor};

/// What the vendor stores of the secret.
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
    eventually(SOON, "the new value is there", || {
        let now = stored(tenant);
        if now == value { Ok(()) } else { Err(now) }
    })
    .unwrap();
}

/// Two passes see nothing to do.
fn nothing_more_is_written(scene: &Scene, tenant: &Tenant) {
    scene.pass("account");
    scene.pass("account");
    assert_eq!((tenant.count("update"), tenant.writes()), (1, 1));
    tenant.clear_journal();
}

/// With each way of the vendor's to show a secret.
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

        // While nobody looks, first nothing and then something.
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
