//! An operator that may not list and watch Secrets, or may read only some of them.

use serde_json::{Value, json};

use crate::helm::{OPERATOR, rights};
use crate::scene::{Scene, TOKEN, webhook};
use crate::vendors::{Tenant, Vendor};

/// Prefix of the namespaces in which reading a Secret is refused on purpose.
pub(super) const UNNAMED: &str = "unnamed";

/// The vendor's value of `$(TOKEN)`.
fn token(tenant: &Tenant) -> Value {
    tenant.stored()[0]["Secret"].clone()
}

/// The operator's rights on Secrets: verbs, and names if only these.
fn rules(values: &Value) -> Vec<(Value, Value)> {
    let all = rights("default", false, values);
    let role = all.iter().find(|object| object["kind"] == "Role" && object["metadata"]["name"] == OPERATOR);
    let rules = role.unwrap()["rules"].as_array().unwrap().iter();
    let of_secrets = rules.filter(|rule| rule["resources"] == json!(["secrets"]));
    of_secrets.map(|rule| (rule["verbs"].clone(), rule["resourceNames"].clone())).collect()
}

#[test]
fn rights_on_secrets_are_as_narrow_as_configured() {
    let all = ["get", "list", "watch"];
    let cases = [
        (json!({}), vec![(json!(all), Value::Null)]),
        (json!({"watch": false}), vec![(json!(["get"]), Value::Null)]),
        (json!({"names": ["a", "b"]}), vec![(json!(["get"]), json!(["a", "b"]))]),
        (json!({"writable": ["a"]}), vec![(json!(all), Value::Null), (json!(["patch"]), json!(["a"]))]),
        (
            json!({"names": ["a"], "writable": ["b"]}),
            vec![(json!(["get"]), json!(["a", "b"])), (json!(["patch"]), json!(["b"]))],
        ),
    ];
    for (values, expected) in cases {
        assert_eq!(rules(&json!({"secrets": values})), expected, "{values}");
    }
}

/// Without list and watch, a new value is used at the next pass; everything else works.
fn is_seen_at_the_next_pass(values: &Value) {
    let (scene, tenant) = Scene::with_account("unwatched", Vendor::Superoffice);
    scene.grant(&json!({"secrets": values}));
    let operator = scene.operator_with(&["--watch-secrets=false"]);
    scene.apply(&webhook("hook", Vendor::Superoffice));
    scene.ready("hook");
    assert_eq!(token(&tenant), TOKEN);
    scene.patch("secret/hook-secrets", &json!({"stringData": {"token": "second"}}));
    scene.pass("account");
    assert_eq!(token(&tenant), "second");
    // The same holds for new credentials, after the old ones were refused.
    tenant.accept("another-password");
    tenant.revoke();
    scene.request("account");
    scene.account_stalled("account", "Credentials");
    scene.patch("secret/login", &json!({"stringData": {"secret": "another-password"}}));
    scene.pass("account");
    scene.account_becomes("account", "well", |account| crate::scene::is(account, "Ready", "True", "InSync"));
    let user = format!("system:serviceaccount:{}:{OPERATOR}", scene.namespace);
    let asked = scene.cluster.audit(|event| event.user == user && event.resource == "secrets").unwrap();
    assert!(asked.iter().all(|event| event.verb == "get" && event.status_code == 200), "{asked:?}");
    assert!(!operator.log().contains("watch failed"), "it does not try to watch either");
}

#[test]
fn a_secret_that_is_not_watched_is_read_at_the_next_pass() {
    is_seen_at_the_next_pass(&json!({"watch": false}));
}

#[test]
fn rights_on_named_secrets_are_enough() {
    is_seen_at_the_next_pass(&json!({"names": ["hook-secrets", "login"]}));
}

#[test]
fn a_secret_without_rights_affects_only_its_readers() {
    let (scene, tenant) = Scene::with_account(UNNAMED, Vendor::Contensis);
    scene.grant(&json!({"secrets": {"names": ["login"]}}));
    let operator = scene.operator_with(&["--watch-secrets=false"]);
    scene.apply(&webhook("hook", Vendor::Contensis));
    let mut neighbour = webhook("neighbour", Vendor::Contensis);
    neighbour["spec"]["subscription"]["contensis"]["headers"] = json!({});
    neighbour["spec"]["variables"] = json!([]);
    scene.apply(&neighbour);
    // Other Webhooks do not wait while the refusal is tried again.
    scene.ready("neighbour");
    assert_eq!(tenant.count("create"), 1);
    let message = scene.stalled("hook", "VariableMissing");
    assert!(message.contains(r#"hook-secrets: secrets "hook-secrets" is forbidden: User"#), "{message}");
    let doubted = || operator.log().matches("was not read; retrying").count();
    assert_eq!(doubted(), 2, "it is read again before the refusal is reported");
    // Afterwards no pass waits for it again.
    for description in ["second", "third"] {
        scene.patch(
            "webhook/neighbour",
            &json!({"spec": {"subscription": {"contensis": {"description": description}}}}),
        );
        scene.ready("neighbour");
    }
    assert_eq!((doubted(), tenant.count("update")), (2, 2));
    assert!(!operator.log().contains("reconcile failed"), "{}", operator.log());
}
