//! Manifests of the cases, the documents that they become, and other forms of the same.

use crate::column::Column;
use hooktender::api::VendorName;
use hooktender::api::webhook::Subscription;
use hooktender::plan::diff::{Redaction, changes};
use hooktender::plan::{Document, Observed, Redactor, SecretText, Usage};
use hooktender::vendor::{desired, rules};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;

/// The value of `$(TOKEN)` in what is declared.
pub(crate) const TOKEN: &str = "canary-document+1/2=";

/// What a manifest declares, by vendor.
pub(crate) fn manifest(vendor: VendorName, name: &str) -> Value {
    match vendor {
        VendorName::Brightpearl => json!({
            "subscribeTo": "product.modified",
            "httpMethod": "POST",
            "uriTemplate": format!("https://hooks.example.com/{name}?key=$(TOKEN)"),
            "bodyTemplate": "${account-code} ${resource-type} ${resource-id} ${lifecycle-event}",
            "contentType": "text/plain",
            "idSetAccepted": true,
            "qualityOfService": 1,
        }),
        VendorName::Contensis => json!({
            "name": name,
            "description": "for the search index",
            "url": format!("https://hooks.example.com/{name}/{{{{resource.sys.id}}}}"),
            "topics": [
                {"resourceType": "entry", "event": ["published", "deleted"], "language": ["en-GB", "fr-FR"]},
                {"resourceType": "asset", "event": ["created"]},
            ],
            "headers": {"X-Key": {"value": "$(TOKEN)", "secret": true}, "X-Env": {"value": "prod"}},
            "templates": {"entry": "{\"id\": \"{{resource.sys.id}}\"}"},
        }),
        VendorName::Superoffice => json!({
            "name": name,
            "events": ["contact.created", "sale.changed"],
            "targetUrl": format!("https://hooks.example.com/{name}"),
            "secret": "$(TOKEN)",
            "headers": {"X-Env": "prod"},
            "properties": {"team": "crm", "deep": {"a": [1, 2]}},
            "errorsEmail": "ops@example.com",
        }),
    }
}

/// Manifests that together have every field of a vendor, without secrets. The first has all but those that exclude each other.
pub(crate) fn every_field_of(vendor: VendorName) -> Vec<Value> {
    let plain = include_str!("every_field.json").replace("$(TOKEN)", TOKEN);
    let mut all: BTreeMap<String, Vec<Value>> = serde_json::from_str(&plain).unwrap();
    all.remove(vendor.as_str()).unwrap()
}

/// The document of a manifest.
pub(crate) fn document_of(vendor: VendorName, manifest: &Value) -> Document {
    let subscription: Subscription = match vendor {
        VendorName::Brightpearl => {
            Subscription::Brightpearl(serde_json::from_value(manifest.clone()).unwrap())
        }
        VendorName::Contensis => Subscription::Contensis(serde_json::from_value(manifest.clone()).unwrap()),
        VendorName::Superoffice => {
            Subscription::Superoffice(serde_json::from_value(manifest.clone()).unwrap())
        }
    };
    let mut expand = |text: &str, _: Usage| -> Result<SecretText, Infallible> {
        let mut parts = text.split("$(TOKEN)");
        let mut whole = SecretText::plain(parts.next().unwrap_or_default());
        for part in parts {
            whole.push_secret("TOKEN", TOKEN.into());
            whole.push_plain(part);
        }
        Ok(whole)
    };
    desired(&subscription, &mut expand).unwrap()
}

/// The document of the usual manifest.
pub(crate) fn document(column: Column, name: &str) -> Document {
    document_of(column.vendor(), &manifest(column.vendor(), name))
}

/// The usual manifest with another value of a field that a vendor with updates changes in place.
pub(crate) fn edited(column: Column, name: &str) -> Document {
    let mut manifest = manifest(column.vendor(), name);
    match column.vendor() {
        VendorName::Brightpearl => manifest["idSetAccepted"] = json!(false),
        VendorName::Contensis => manifest["description"] = json!("for something else"),
        VendorName::Superoffice => manifest["events"] = json!(["sale.changed", "person.created"]),
    }
    document_of(column.vendor(), &manifest)
}

/// The usual manifest as the vendor stores it, with members that a manifest cannot name.
pub(crate) fn foreign(vendor: VendorName, name: &str) -> Value {
    let mut stored = manifest(vendor, name);
    match vendor {
        VendorName::Brightpearl => {
            stored["uriTemplate"] = json!(format!("https://hooks.example.com/{name}?key={TOKEN}"));
            stored["someday"] = json!({"a": 1});
        }
        VendorName::Contensis => {
            stored["headers"]["X-Key"]["value"] = json!(TOKEN);
            stored["ui"] = json!(true);
        }
        VendorName::Superoffice => {
            stored = json!({
                "Name": name,
                "Events": stored["events"],
                "TargetUrl": stored["targetUrl"],
                "Secret": TOKEN,
                "Headers": stored["headers"],
                "Properties": stored["properties"],
                "ErrorsEmail": stored["errorsEmail"],
                "ErrorEmails": [stored["errorsEmail"]],
                "NotifyVia": "Email",
                "NotifyWhen": "Disabling",
                "ErrorAssociates": [{"Id": 5, "Name": "Kim"}],
            });
        }
    }
    stored
}

/// Asserts that the vendor has what is declared, as far as it can be read back.
#[track_caller]
pub(crate) fn same(column: Column, observed: &Observed, desired: &Document) {
    let rules = rules(column.vendor());
    let none = Redactor::default();
    let redaction = Redaction { redactor: &none, secrets: &none, fields: &[], host_only: false };
    let changes = changes(rules, &observed.document, desired, redaction);
    assert!(changes.is_empty(), "{changes:?}");
    assert!(rules.equal(&observed.document, desired));
}
