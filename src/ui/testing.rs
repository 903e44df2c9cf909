//! Objects for tests.

use serde_json::{Value, json};

/// A condition.
pub(crate) fn condition(kind: &str, status: bool, reason: &str) -> Value {
    let status = if status { "True" } else { "False" };
    json!({"type": kind, "status": status, "reason": reason, "message": "a message", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

/// A Webhook that is in sync.
pub(crate) fn webhook(namespace: &str, name: &str, account: &str) -> Value {
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
        "metadata": {"namespace": namespace, "name": name, "uid": format!("{namespace}/{name}"), "generation": 1},
        "spec": {"accountRef": {"name": account}, "subscription": {"brightpearl":
            {"subscribeTo": "product", "httpMethod": "POST", "uriTemplate": "https://hooks.example.com"}}},
        "status": {"observedGeneration": 1, "externalId": "7", "plan": {"action": "None"},
            "conditions": [condition("Ready", true, "InSync")]},
    })
}

/// A Webhook that is a member of a set and in sync.
pub(crate) fn member(namespace: &str, set: &str, account: &str) -> Value {
    let mut webhook = webhook(namespace, &format!("{set}-{account}"), account);
    webhook["metadata"]["ownerReferences"] = json!([{"apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet",
        "name": set, "uid": format!("{namespace}/{set}"), "controller": true}]);
    webhook
}

/// A set without members that is ready.
pub(crate) fn set(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet",
        "metadata": {"namespace": namespace, "name": name, "uid": format!("{namespace}/{name}"), "generation": 1},
        "spec": {"accountSelector": {}, "template": {"spec": {"subscription": {"brightpearl":
            {"subscribeTo": "product", "httpMethod": "POST", "uriTemplate": "https://hooks.example.com"}}}}},
        "status": {"observedGeneration": 1, "conditions": [condition("Ready", true, "InSync")]},
    })
}

/// An account that is ready.
pub(crate) fn account(namespace: &str, name: &str) -> Value {
    let key = json!({"name": "s", "key": "k"});
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
        "metadata": {"namespace": namespace, "name": name, "uid": format!("{namespace}/{name}"), "generation": 1},
        "spec": {"vendor": {"brightpearl": {"datacenter": "euw1", "account": name,
            "credentials": {"staffToken": {"appRef": "app", "tokenSecretRef": key}}}}},
        "status": {"observedGeneration": 1, "subscriptions": {"declared": 1, "managed": 1, "unmanaged": 1},
            "unmanaged": [{"externalId": "9", "summary": "order.modified -> https://old.example.com"}],
            "conditions": [condition("Ready", true, "InSync")]},
    })
}
