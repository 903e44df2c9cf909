//! Mistakes that people make when they set an account up, and the message that they get.

use serde_json::{Value, json};

use crate::program::{reader, run};
use crate::scene::{Scene, account, condition, is, login, secret, webhook};
use crate::vendors::{Tenant, Vendor};

/// Waits until the account is stalled for that reason with that sentence; returns the message.
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
        // An empty one is of no use either.
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
fn a_missing_project_is_named() {
    let (scene, tenant) = (Scene::new("input"), Tenant::open(Vendor::Contensis));
    scene.apply(&login("login", &tenant));
    let mut wrong = account("account", "login", &tenant);
    wrong["spec"]["vendor"]["contensis"]["project"] = json!("nobodys");
    scene.apply(&wrong);
    let _operator = scene.operator();
    reads(&scene, "Rejected", "check spec.vendor.contensis.project");
}

/// An account of an API key with only these rights.
fn key_that_may(actions: &[&str]) -> (Scene, Tenant) {
    let (scene, tenant) = Scene::with_account("input", Vendor::Contensis);
    let key = json!({"clientId": tenant.client(), "clientSecret": tenant.secret(), "actions": actions});
    tenant.put(&json!({"apiKeys": [key]}));
    (scene, tenant)
}

#[test]
fn a_key_without_read_rights_is_reported_with_the_missing_right() {
    let (scene, tenant) = key_that_may(&[]);
    let _operator = scene.operator();
    let advice =
        format!("give the role of this API key the webhook permission \"view\" of project {}", tenant.code);
    reads(&scene, "Credentials", &advice);
    tenant.accept(&tenant.secret());
    scene.request("account");
    is_well(&scene);
}

#[test]
fn a_key_with_read_rights_only_is_reported_when_there_is_something_to_write() {
    let (scene, tenant) = key_that_may(&["view"]);
    let _operator = scene.operator();
    is_well(&scene);
    scene.apply(&webhook("hook", Vendor::Contensis));
    let message = scene.stalled("hook", "Rejected");
    let advice = "give the role of this API key the webhook permission \"create\"";
    assert!(message.contains("create failed") && message.contains(advice), "{message}");
    tenant.accept(&tenant.secret());
    scene.request("account");
    scene.ready("hook");
    is_well(&scene);
    assert_eq!((tenant.count("create"), tenant.ids().len()), (2, 1));
}

/// Waits until the account is in sync and its condition `Ready` contains that; returns the message.
fn in_sync_with(scene: &Scene, sentence: &str) -> String {
    let account = scene.account_becomes("account", sentence, |account| {
        is(account, "Ready", "True", "InSync")
            && condition(account, "Ready").is_some_and(|ready| ready.message.contains(sentence))
    });
    condition(&account, "Ready").unwrap().message
}

#[test]
fn missing_rights_are_named_before_a_write_fails() {
    let (scene, tenant) = key_that_may(&["view", "create"]);
    scene.patch("vendoraccount/account", &json!({"spec": {"mode": "Plan"}}));
    let _operator = scene.operator();
    let lacks = format!(
        "the role of this API key lacks the webhook permission \"update\", \"delete\" and \"use custom templates\" of project {}",
        tenant.code
    );
    in_sync_with(&scene, &lacks);
    assert!(scene.event("account", "LikelyRefused").contains(&lacks));
    assert_eq!(tenant.count("other"), 5, "one read a right");
    // A change of the account makes a new client; passes for the Webhook alone do not.
    scene.patch("vendoraccount/account", &json!({"spec": {"mode": "Enforce"}}));
    let mut hook = webhook("hook", Vendor::Contensis);
    hook["spec"]["subscription"]["contensis"]["templates"] = json!({});
    scene.apply(&hook);
    scene.ready("hook");
    assert_eq!((tenant.count("create"), tenant.count("other")), (1, 10));
    let explained = run(Some(&reader(&scene)), &["explain", "va/account"]);
    // It is wrapped at the terminal's width.
    let said: Vec<_> = explained.well().split_whitespace().collect();
    assert!(said.join(" ").contains(&lacks), "{}", explained.well());
    tenant.accept(&tenant.secret());
    scene.pass("account");
    let account = scene.account_becomes("account", "well", |account| is(account, "Ready", "True", "InSync"));
    assert_eq!(condition(&account, "Ready").unwrap().message, "contensis is read every 1h");
    assert_eq!(tenant.count("other"), 15);
    scene.pass("account");
    assert_eq!(tenant.count("other"), 15, "nothing is missing, so nothing is checked");
}

#[test]
fn names_by_language_name_the_setting_before_a_write_fails() {
    let (scene, tenant) = Scene::with_account("input", Vendor::Contensis);
    tenant.settings(&json!({"localised": true}));
    tenant.insert(&json!({
        "name": {"en-GB": "search", "fr-FR": "recherche"}, "url": "https://hooks.example.com/search",
        "topics": [{"resourceType": "entry", "event": ["published"]}],
    }));
    let _operator = scene.operator();
    let advice = "set spec.vendor.contensis.nameLanguage to the language of the names in the Webhooks of this account \
                  (it has en-GB, fr-FR)";
    in_sync_with(&scene, advice);
    scene.apply(&webhook("hook", Vendor::Contensis));
    assert!(scene.stalled("hook", "Rejected").contains(advice));
    scene.patch(
        "vendoraccount/account",
        &json!({"spec": {"vendor": {"contensis": {"nameLanguage": "en-GB"}}}}),
    );
    scene.ready("hook");
    is_well(&scene);
}
