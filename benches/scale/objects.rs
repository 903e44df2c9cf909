//! The objects of a run: accounts with their Secrets, and Webhooks or WebhookSets.

use serde_json::{Value, json};

const VERSION: &str = "hooktender.dev/v1alpha1";

/// The Secret that the first Webhook takes a value from.
pub(crate) const HOOK_SECRET: &str = "hook-secrets";

/// The name of a Webhook without a set, by its number.
pub(crate) fn webhook_name(n: usize) -> String {
    format!("hook-{n}")
}

/// The name of a WebhookSet, by its number.
pub(crate) fn set_name(n: usize) -> String {
    format!("set-{n}")
}

/// The name of an account whose vendor does not answer, and of its Webhook.
pub(crate) fn dead_name(n: usize) -> String {
    format!("dead-{n}")
}

pub(crate) fn secret(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})
}

/// An account, with labels that a WebhookSet selects it by and takes a variable from.
pub(crate) fn account(name: &str, url: &str, interval: &str) -> Value {
    let key = |key: &str| json!({"name": name, "key": key});
    json!({
        "apiVersion": VERSION, "kind": "VendorAccount",
        "metadata": {"name": name, "labels": {"plan": "gold", "tenant": name}},
        "spec": {"resyncInterval": interval, "vendor": {"contensis": {
            "url": url, "project": name,
            "credentials": {"clientCredentials":
                {"clientIdSecretRef": key("id"), "clientSecretSecretRef": key("secret")}},
        }}},
    })
}

/// An ordinary subscription, of some 600 characters.
pub(crate) fn subscription(name: &str, description: &str, padding: usize) -> Value {
    let padding = "x".repeat(padding);
    json!({
        "name": name,
        "description": description,
        "url": format!("https://hooks.example.net/c7s/{name}/{{{{resource.sys.id}}}}"),
        "topics": [{"resourceType": "entry", "event": ["published", "unpublished"], "contentTypeId": ["article", "review"]}],
        "headers": {"X-Origin": {"value": "cms"}},
        "templates": {"entry.article":
            format!("{{\"id\":\"{{{{resource.sys.id}}}}\",\"title\":\"{{{{resource.title}}}}\"}}{padding}")},
    })
}

pub(crate) fn webhook(name: &str, account: &str, description: &str, padding: usize) -> Value {
    json!({
        "apiVersion": VERSION, "kind": "Webhook", "metadata": {"name": name},
        "spec": {
            "accountRef": {"name": account},
            "subscription": {"contensis": subscription(name, description, padding)},
        },
    })
}

/// A WebhookSet with a member at each account. Its changes reach all members at once.
pub(crate) fn webhook_set(name: &str, description: &str, padding: usize) -> Value {
    let description = format!("{description} of $(TENANT)");
    let mut subscription = subscription(name, &description, padding);
    subscription["headers"]["X-Tenant"] = json!({"value": "$(TENANT)"});
    json!({
        "apiVersion": VERSION, "kind": "WebhookSet", "metadata": {"name": name},
        "spec": {
            "accountSelector": {"matchLabels": {"plan": "gold"}},
            "updateStrategy": {"rollingUpdate": {"maxUnavailable": "100%"}},
            "guard": {"maxPercent": 100},
            "template": {"spec": {
                "subscription": {"contensis": subscription},
                "variables": [{"name": "TENANT", "valueFrom": {"accountRef": {"label": "tenant"}}}],
            }},
        },
    })
}

/// Makes a Webhook take a header from a Secret.
pub(crate) fn takes_a_secret(webhook: &mut Value) {
    let from = json!({"secretKeyRef": {"name": HOOK_SECRET, "key": "token"}});
    webhook["spec"]["variables"] = json!([{"name": "TOKEN", "valueFrom": from}]);
    webhook["spec"]["subscription"]["contensis"]["headers"]["X-Token"] = json!({"value": "$(TOKEN)"});
}
