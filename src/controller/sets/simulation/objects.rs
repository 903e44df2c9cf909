//! Objects of a history: two sets, eight accounts, and the Webhooks that other people make.

use crate::api::webhook::Subscription;
use crate::api::{ACCOUNT_FINALIZER, VendorAccount, Webhook, WebhookSet, WebhookSpec};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const NAMESPACE: &str = "n";

/// The names of sets. The member of `s` at `x-y` and that of `s-x` at `y` have the same name.
pub(super) const SETS: [&str; 2] = ["s", "s-x"];

/// The names of accounts.
pub(super) const ACCOUNTS: [&str; 8] = ["y", "x-y", "c", "d", "e", "f", "g", "h"];

/// Labels of accounts, each with the values that it may have; an empty one is no label.
pub(super) const LABELS: [(&str, [&str; 3]); 3] =
    [("plan", ["gold", "silver", ""]), ("ring", ["canary", "early", ""]), ("tenant", ["t1", "t2", ""])];

pub(super) fn name<'a>(names: &[&'a str], number: u8) -> &'a str {
    names[usize::from(number) % names.len()]
}

fn made<T: serde::de::DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

fn superoffice(address: &str) -> Value {
    json!({"superoffice": {"name": "n0", "events": ["sale.sold"], "targetUrl": address}})
}

/// Returns an account: six of eight have the first plan, and two are in the first ring.
pub(super) fn account(number: u8) -> VendorAccount {
    let key = json!({"name": "login", "key": "token"});
    let plan = if number < 6 { "gold" } else { "silver" };
    let ring = ["", "canary", "", "", "early", "canary", "", ""][usize::from(number) % ACCOUNTS.len()];
    let mut labels = BTreeMap::from([("plan", plan), ("tenant", "t1"), ("ring", ring)]);
    labels.retain(|_, value| !value.is_empty());
    made(json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
        "metadata": {
            "name": name(&ACCOUNTS, number), "namespace": NAMESPACE, "labels": labels,
            "generation": 1, "finalizers": [ACCOUNT_FINALIZER],
        },
        "spec": {"vendor": {"superoffice": {
            "online": {"customerId": name(&ACCOUNTS, number)},
            "credentials": {"bearer": {"tokenSecretRef": key}},
        }}},
    }))
}

/// Returns a set of all accounts with the first plan. Its guard blocks two changes and more that are more than its share.
pub(super) fn set(number: u8) -> WebhookSet {
    let percent = if number == 0 { 30 } else { 50 };
    let tenant = json!({"name": "TENANT", "valueFrom": {"accountRef": {"label": "tenant"}}});
    made(json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet",
        "metadata": {"name": name(&SETS, number), "namespace": NAMESPACE, "generation": 1},
        "spec": {
            "accountSelector": {"matchLabels": {"plan": "gold"}},
            "guard": {"maxPercent": percent, "minCount": 2},
            "template": {"spec": {"subscription": superoffice("https://h0.example/$(TENANT)"), "variables": [tenant]}},
        },
    }))
}

/// Returns a Webhook that belongs to no set.
pub(super) fn foreign(name: &str, account: &str) -> Webhook {
    made(json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
        "metadata": {"name": name, "namespace": NAMESPACE, "generation": 1},
        "spec": {"accountRef": {"name": account}, "subscription": superoffice("https://other.example/")},
    }))
}

/// Changes the part of a subscription that concerns no delivery.
pub(super) fn rename(subscription: &mut Subscription, number: u8) {
    if let Subscription::Superoffice(declared) = subscription {
        declared.name = Some(format!("n{number}"));
    }
}

/// Changes the receiver of a subscription.
pub(super) fn repoint(subscription: &mut Subscription, number: u8) {
    if let Subscription::Superoffice(declared) = subscription {
        declared.target_url = format!("https://h{number}.example/$(TENANT)");
    }
}

/// Disables a subscription, or enables it again.
pub(super) fn toggle(subscription: &mut Subscription) {
    use crate::api::superoffice::State::{Active, Stopped};
    if let Subscription::Superoffice(declared) = subscription {
        declared.state = if declared.state == Active { Stopped } else { Active };
    }
}

/// Returns where a Webhook lets the vendor deliver to.
pub(super) fn receiver(spec: &WebhookSpec) -> String {
    let tenant = spec.variables.iter().find(|variable| variable.name == "TENANT");
    let tenant = tenant.and_then(|variable| variable.value.as_deref()).unwrap_or_default();
    spec.subscription.receiver().replace("$(TENANT)", tenant)
}

/// Returns what the vendor stores for a Webhook.
pub(super) fn content(spec: &WebhookSpec) -> String {
    let Subscription::Superoffice(declared) = &spec.subscription else { return String::new() };
    format!("{:?} at {} {:?}", declared.name, receiver(spec), declared.state)
}
