//! Contents of a history: an account, and four subscriptions a vendor, in two pairs with the same natural key.

use crate::api::webhook::Subscription;
use crate::api::{VendorAccount, VendorName, Webhook};
use crate::plan::{Document, Rule, Rules, SecretText, Value};
use crate::vendor::{desired, rules};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// How many different subscriptions there are to declare.
pub(super) const CONTENTS: u8 = 4;

/// Returns an account whose guard blocks two or more deletions that are more than half.
pub(super) fn account(vendor: VendorName) -> VendorAccount {
    let key = |key: &str| json!({"name": "login", "key": key});
    let vendor = match vendor {
        VendorName::Brightpearl => json!({"brightpearl": {"account": "acme", "datacenter": "euw1",
            "credentials": {"staffToken": {"appRef": "acme_x", "tokenSecretRef": key("a")}}}}),
        VendorName::Contensis => json!({"contensis": {"alias": "example", "project": "movies",
            "credentials": {"clientCredentials": {"clientIdSecretRef": key("a"), "clientSecretSecretRef": key("b")}}}}),
        VendorName::Superoffice => json!({"superoffice": {"onsite": {"url": "https://crm.example.com/so"},
            "credentials": {"basic": {"usernameSecretRef": key("a"), "passwordSecretRef": key("b")}}}}),
    };
    made(json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
        "metadata": {"name": "acc", "namespace": "n", "uid": "account", "resourceVersion": "1", "generation": 1},
        "spec": {"vendor": vendor, "deletionGuard": {"maxPercent": 50, "minCount": 2}},
    }))
}

/// Returns a Webhook that declares this content.
pub(super) fn webhook(vendor: VendorName, content: u8) -> Webhook {
    made(json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook", "metadata": {"namespace": "n"},
        "spec": {
            "accountRef": {"name": "acc"},
            "subscription": subscription(vendor, content),
            "variables": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "values", "key": "token"}}}],
        },
    }))
}

fn made<T: serde::de::DeserializeOwned>(json: Json) -> T {
    serde_json::from_value(json).unwrap()
}

/// The second one of each pair holds a secret. SuperOffice's last one has another type, so that it needs a replacement.
fn subscription(vendor: VendorName, content: u8) -> Json {
    let (pair, second) = (content / 2, content % 2 == 1);
    match vendor {
        VendorName::Brightpearl => json!({"brightpearl": {
            "subscribeTo": format!("product{pair}"), "httpMethod": "POST", "uriTemplate": "https://h.example/",
            "bodyTemplate": if second { "b $(TOKEN)" } else { "b" }, "contentType": "text/plain",
        }}),
        VendorName::Contensis => json!({"contensis": {
            "name": format!("n{pair}"), "url": "https://h.example/",
            "topics": [{"resourceType": "entry", "event": ["published"]}],
            "headers": if second { json!({"X-Key": {"value": "$(TOKEN)", "secret": true}}) } else { json!({}) },
        }}),
        VendorName::Superoffice => json!({"superoffice": {
            "name": format!("n{pair}"), "targetUrl": "https://h.example/", "events": ["contact.created"],
            "secret": if second { json!("$(TOKEN)") } else { Json::Null },
            "type": if content == 3 { "other" } else { "webhook" },
        }}),
    }
}

/// Returns what the vendor should store, with that value of the variable.
pub(super) fn wanted(subscription: &Subscription, token: &str) -> Document {
    let expand = &mut |text: &str, _| {
        let mut expanded = SecretText::default();
        if let Some((before, after)) = text.split_once("$(TOKEN)") {
            expanded.push_plain(before);
            expanded.push_secret("TOKEN", token.into());
            expanded.push_plain(after);
        } else {
            expanded.push_plain(text);
        }
        Ok::<_, String>(expanded)
    };
    desired(subscription, expand).unwrap()
}

/// Returns what somebody else may make, or may change an existing one to: as declared, but for a field that no Webhook declares.
pub(super) fn altered(vendor: VendorName, document: &Document, how: &str) -> Document {
    let field = match vendor {
        VendorName::Brightpearl => "bodyTemplate",
        VendorName::Contensis | VendorName::Superoffice => "description",
    };
    with(rules(vendor), document, field, Value::text(how))
}

/// Returns the same document with another value.
pub(super) fn with(rules: &Rules, document: &Document, field: &'static str, value: Value) -> Document {
    let mut fields: BTreeMap<_, _> = document.iter().map(|(name, value)| (name, value.clone())).collect();
    fields.insert(field, value);
    rules.document(fields)
}

/// Returns all values in clear, as they are sent.
pub(super) fn in_clear(rules: &Rules, document: &Document) -> Document {
    let field = |name: &'static str| (name, Value::from(document.get(name).expose()));
    rules.document(rules.fields.iter().map(|known| field(known.name)).collect())
}

/// Returns what the vendor shows of what it was sent.
pub(super) fn shown(rules: &Rules, document: &Document) -> Document {
    let fields =
        rules.fields.iter().map(|field| (field.name, readable(field.rule, document.get(field.name))));
    rules.document(fields.collect())
}

fn readable(rule: Rule, value: &Value) -> Value {
    match (rule, value) {
        (Rule::WriteOnly, _) => Value::Null,
        (Rule::Map { value: inner, .. }, Value::Map(map)) => {
            Value::Map(map.iter().map(|(name, value)| (name.clone(), readable(*inner, value))).collect())
        }
        (Rule::SecretValue, Value::Map(record)) if record.get("secret") == Some(&Value::Bool(true)) => {
            Value::Map(
                record
                    .iter()
                    .filter(|(name, _)| *name != "value")
                    .map(|(n, v)| (n.clone(), v.clone()))
                    .collect(),
            )
        }
        (_, value) => value.clone(),
    }
}

/// Whether the vendor stores exactly that, with its write-only values.
pub(super) fn has_all(rules: &Rules, has: &Document, wanted: &Document) -> bool {
    let concealed = |document| {
        rules
            .write_only_values(document)
            .into_iter()
            .map(|(path, value)| (path, value.expose()))
            .collect::<Vec<_>>()
    };
    rules.equal(has, wanted) && concealed(has) == concealed(wanted)
}
