//! Values of variables that must not be sent: empty ones, and line breaks where none are allowed.

use serde_json::{Value, json};

use crate::scene::{Scene, account, secret, webhook};
use crate::vendors::{Tenant, Vendor};

/// The usual Webhook with these variables, and members laid over its subscription.
fn with(name: &str, vendor: Vendor, variables: &Value, members: &Value) -> Value {
    let mut webhook = webhook(name, vendor);
    webhook["spec"]["variables"] = variables.clone();
    let subscription = &mut webhook["spec"]["subscription"][vendor.as_str()];
    for (name, value) in members.as_object().unwrap() {
        subscription[name] = value.clone();
    }
    webhook
}

fn of_secret(name: &str, key: &str) -> Value {
    json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "hook-secrets", "key": key}}})
}

fn of_config_map(name: &str, key: &str) -> Value {
    json!({"name": name, "valueFrom": {"configMapKeyRef": {"name": "settings", "key": key}}})
}

fn config_map(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data})
}

#[test]
fn a_signing_key_that_becomes_empty_is_not_removed() {
    let (scene, tenant) = Scene::with_account("values", Vendor::Superoffice);
    let _operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Superoffice));
    scene.ready("hook");
    let before = tenant.stored();
    for empty in ["", "\n"] {
        scene.patch("secret/hook-secrets", &json!({"stringData": {"token": empty}}));
        let message = scene.stalled("hook", "VariableMissing");
        let says =
            format!("variable TOKEN: the key token of Secret {}/hook-secrets is empty", scene.namespace);
        assert!(message.contains(&says), "{message}");
        assert_eq!(tenant.stored(), before, "{empty:?}");
        scene.patch("secret/hook-secrets", &json!({"stringData": {"token": crate::scene::TOKEN}}));
        scene.ready("hook");
    }
}

#[test]
fn a_header_that_expands_to_nothing_is_not_sent() {
    let (scene, tenant) = Scene::with_account("values", Vendor::Contensis);
    let _operator = scene.operator();
    scene.apply(&config_map(&json!({"empty": ""})));
    let headers = json!({"headers": {"X-A": {"value": "$(VALUE)"}}});
    let cases = [
        (
            of_config_map("VALUE", "empty"),
            format!("the key empty of ConfigMap {}/settings is empty", scene.namespace),
        ),
        (json!({"name": "VALUE", "value": ""}), "its value is empty".to_owned()),
    ];
    for (variable, says) in cases {
        scene.apply(&with("hook", Vendor::Contensis, &json!([variable]), &headers));
        let message = scene.stalled("hook", "VariableMissing");
        assert!(message.contains("variable VALUE") && message.contains(&says), "{message}");
    }
    assert_eq!(tenant.writes(), 0, "{:?}", tenant.operations());
}

#[test]
fn an_empty_login_is_reported_as_empty() {
    for empty in ["", "\n"] {
        let (scene, tenant) = (Scene::new("values"), Tenant::open(Vendor::Brightpearl));
        scene.apply(&secret("login", &json!({"secret": empty})));
        scene.apply(&account("account", "login", &tenant));
        let _operator = scene.operator();
        let message = scene.account_stalled("account", "Credentials");
        let says = format!("the key secret of Secret {}/login is empty", scene.namespace);
        assert!(message.contains(&says), "{empty:?}: {message}");
        assert_eq!(tenant.journal(), [Value::Null; 0]);
    }
}

/// One field of each kind that is sent on one line, at each vendor, and its place at the vendor.
fn one_line() -> [(Vendor, Value, &'static str); 6] {
    [
        (Vendor::Brightpearl, json!({"uriTemplate": "https://hooks.example.com/$(VALUE)"}), "/uriTemplate"),
        (Vendor::Brightpearl, json!({"contentType": "text/$(VALUE)"}), "/contentType"),
        (Vendor::Contensis, json!({"url": "https://hooks.example.com/$(VALUE)"}), "/url"),
        (Vendor::Contensis, json!({"headers": {"X-A": {"value": "a$(VALUE)"}}}), "/headers/X-A/value"),
        (Vendor::Superoffice, json!({"targetUrl": "https://hooks.example.com/$(VALUE)"}), "/TargetUrl"),
        (Vendor::Superoffice, json!({"headers": {"X-A": "a$(VALUE)"}, "secret": "$(VALUE)"}), "/Secret"),
    ]
}

#[test]
fn one_line_break_at_the_end_of_a_value_is_removed() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("values", vendor);
        let _operator = scene.operator();
        scene.patch(
            "secret/hook-secrets",
            &json!({"stringData": {"unix": "plain\n", "windows": "plain\r\n"}}),
        );
        for (_, members, at) in one_line().into_iter().filter(|(of, ..)| *of == vendor) {
            for key in ["unix", "windows"] {
                let name = format!("{key}-{}", tenant.stored().len());
                scene.apply(&with(
                    &name,
                    vendor,
                    &json!([of_secret("VALUE", key), of_secret("TOKEN", key)]),
                    &members,
                ));
                let id = scene.ready(&name)["status"]["externalId"].as_str().unwrap().to_owned();
                let stored = tenant.one(&id).unwrap();
                let value = stored.pointer(at).unwrap().as_str().unwrap();
                assert!(value.ends_with("plain"), "{vendor:?} {members} {key}: {value:?}");
                scene.kubectl(&["delete", "webhook", &name]);
            }
        }
    }
}

#[test]
fn no_other_control_character_is_sent_in_an_address_a_header_or_a_key() {
    let value = "canary-one\ncanary-two";
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("values", vendor);
        let operator = scene.operator();
        scene.patch("secret/hook-secrets", &json!({"stringData": {"lines": value}}));
        for (_, members, _) in one_line().into_iter().filter(|(of, ..)| *of == vendor) {
            scene.apply(&with(
                "hook",
                vendor,
                &json!([of_secret("VALUE", "lines"), of_secret("TOKEN", "token")]),
                &members,
            ));
            let message = scene.stalled("hook", "VariableMissing");
            let says =
                format!("the key lines of Secret {}/hook-secrets contains a line break", scene.namespace);
            assert!(message.contains("variable VALUE") && message.contains(&says), "{message}");
        }
        assert_eq!(tenant.writes(), 0, "{:?}", tenant.operations());
        crate::secrets::nothing_is_seen(&scene, &operator, &["canary-one", "canary-two"]);
    }
}

#[test]
fn a_body_keeps_its_line_breaks() {
    let (scene, tenant) = Scene::with_account("values", Vendor::Brightpearl);
    let _operator = scene.operator();
    let body = format!("{{\n  \"all\": {}\n}}", json!(crate::scene::BODY));
    scene.apply(&config_map(&json!({"body": format!("{body}\n")})));
    let variables = json!([of_config_map("BODY", "body"), of_secret("TOKEN", "token")]);
    scene.apply(&with("hook", Vendor::Brightpearl, &variables, &json!({"bodyTemplate": "$(BODY)"})));
    scene.ready("hook");
    assert_eq!(tenant.stored()[0]["bodyTemplate"], json!(body));
}
