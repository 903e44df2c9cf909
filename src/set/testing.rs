//! Objects for the tests of this layer.

use crate::api::{VendorAccount, Webhook, WebhookSet};
use crate::set::expand::{Member, metadata};
use kube::Resource as _;
use serde_json::{Value, json};

/// A SuperOffice account `shop/NAME` with labels.
pub(super) fn account(name: &str, labels: &[(&str, &str)]) -> VendorAccount {
    let labels: serde_json::Map<_, _> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let key = json!({"name": "s", "key": "k"});
    serde_json::from_value(json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"vendor": {"superoffice": {"online": {"customerId": name}, "credentials": {"bearer": {"tokenSecretRef": key}}}}},
    }))
    .unwrap()
}

/// The set `shop/set`, its spec merged with `edit`.
pub(super) fn set(edit: Value) -> WebhookSet {
    let mut object = json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet",
        "metadata": {"name": "set", "namespace": "shop", "uid": "set-uid", "generation": 1},
        "spec": {"accountSelector": {}, "template": {"spec": {"subscription": {"superoffice":
            {"name": "n", "events": ["sale.sold"], "targetUrl": "https://h.example/"}}}}},
    });
    merge(&mut object["spec"], edit);
    serde_json::from_value(object).unwrap()
}

/// Merges the members of two objects.
pub(super) fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

/// The Webhook that a set made for a member, with a status.
pub(super) fn webhook(set: &WebhookSet, member: &Member, status: Value) -> Webhook {
    let declared = member.declared.clone().unwrap();
    let (labels, annotations) = metadata(set, &declared.revision);
    let mut webhook = Webhook::new(&member.name, declared.spec);
    webhook.metadata.namespace = set.metadata.namespace.clone();
    webhook.metadata.uid = Some(format!("uid-{}", member.name));
    webhook.metadata.generation = Some(1);
    webhook.metadata.labels = Some(labels);
    webhook.metadata.annotations = Some(annotations);
    webhook.metadata.owner_references = Some(vec![set.controller_owner_ref(&()).unwrap()]);
    webhook.status = serde_json::from_value(status).unwrap();
    webhook
}

/// The status of a Webhook that is ready.
pub(super) fn ready() -> Value {
    with("Ready", "True", "InSync")
}

/// A status with one condition.
pub(super) fn with(condition: &str, status: &str, reason: &str) -> Value {
    json!({"observedGeneration": 1, "conditions": [
        {"type": condition, "status": status, "reason": reason, "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"},
    ]})
}
