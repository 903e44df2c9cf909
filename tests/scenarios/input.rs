//! What people get wrong when they set an account up, and the sentence that they read then.

use serde_json::{Value, json};

use crate::scene::{Scene, account, condition, is, login, secret, webhook};
use crate::vendors::{Tenant, Vendor};

/// The account's message, once it is stalled for that reason with that sentence in it.
fn reads(scene: &Scene, reason: &str, sentence: &str) {
    let account = scene.account_becomes("account", sentence, |account| {
        is(account, "Stalled", "True", reason)
            && condition(account, "Ready").is_some_and(|ready| ready.message.contains(sentence))
    });
    let message = condition(&account, "Stalled").unwrap().message;
    assert_eq!(condition(&account, "Ready").unwrap().message, message);
    scene.event("account", reason);
}

fn is_well(scene: &Scene) {
    scene.account_becomes("account", "well", |account| is(account, "Ready", "True", "InSync"));
}

#[test]
fn a_line_end_after_a_credential_does_no_harm() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = (Scene::new("input"), Tenant::open(vendor));
        let mut login = login("login", &tenant);
        for value in login["stringData"].as_object_mut().unwrap().values_mut() {
            *value = json!(format!("{}\r\n", value.as_str().unwrap()));
        }
        scene.apply(&login);
        scene.apply(&account("account", "login", &tenant));
        let _operator = scene.operator();
        is_well(&scene);
    }
}

#[test]
fn a_key_that_a_secret_does_not_have_is_named() {
    for (vendor, key) in
        [(Vendor::Brightpearl, "secret"), (Vendor::Contensis, "id"), (Vendor::Superoffice, "id")]
    {
        let (scene, tenant) = (Scene::new("input"), Tenant::open(vendor));
        scene.apply(&secret("login", &json!({"of-somebody-else": "x"})));
        scene.apply(&account("account", "login", &tenant));
        let _operator = scene.operator();
        let namespace = &scene.namespace;
        reads(&scene, "Credentials", &format!("Secret {namespace}/login has no key {key}: add it"));
        // Nor is one that is empty of any use.
        scene.patch("secret/login", &json!({"stringData": {"id": "", "secret": ""}}));
        reads(
            &scene,
            "Credentials",
            &format!("the key {key} of Secret {namespace}/login is empty: set a value"),
        );
        assert_eq!(tenant.journal(), [Value::Null; 0]);
        scene.apply(&login("login", &tenant));
        is_well(&scene);
    }
}

#[test]
fn a_project_that_is_not_there_is_named() {
    let (scene, tenant) = (Scene::new("input"), Tenant::open(Vendor::Contensis));
    scene.apply(&login("login", &tenant));
    let mut wrong = account("account", "login", &tenant);
    wrong["spec"]["vendor"]["contensis"]["project"] = json!("nobodys");
    scene.apply(&wrong);
    let _operator = scene.operator();
    reads(&scene, "Rejected", "check spec.vendor.contensis.project");
}

/// An account of an API key that may do only this.
fn key_that_may(actions: &[&str]) -> (Scene, Tenant) {
    let (scene, tenant) = Scene::with_account("input", Vendor::Contensis);
    let key = json!({"clientId": tenant.client(), "clientSecret": tenant.secret(), "actions": actions});
    tenant.put(&json!({"apiKeys": [key]}));
    (scene, tenant)
}

#[test]
fn a_key_that_may_not_read_is_told_what_to_give_it() {
    let (scene, tenant) = key_that_may(&[]);
    let _operator = scene.operator();
    let advice = format!(
        "give the API key's role the webhook permissions (view, create, update, delete) of project {}",
        tenant.code
    );
    reads(&scene, "Credentials", &advice);
    tenant.accept(&tenant.secret());
    scene.request("account");
    is_well(&scene);
}

#[test]
fn a_key_that_may_read_only_is_told_when_there_is_something_to_write() {
    let (scene, tenant) = key_that_may(&["view"]);
    let _operator = scene.operator();
    is_well(&scene);
    scene.apply(&webhook("hook", Vendor::Contensis));
    let message = scene.stalled("hook", "Credentials");
    let advice = "give the API key's role the webhook permissions (view, create, update, delete)";
    assert!(message.contains("create failed") && message.contains(advice), "{message}");
    tenant.accept(&tenant.secret());
    scene.request("account");
    scene.ready("hook");
    is_well(&scene);
    assert_eq!((tenant.count("create"), tenant.ids().len()), (2, 1));
}
