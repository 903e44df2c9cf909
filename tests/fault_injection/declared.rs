//! What a user declares, as a manifest and as the vendor stores it.

use serde_json::{Value, json};

use crate::vendors::Vendor;

/// The value of `$(TOKEN)`.
pub(crate) const TOKEN: &str = "canary-hook-token";

const BODY: &str =
    r#"{"a":"${account-code}","t":"${resource-type}","id":"${resource-id}","e":"${lifecycle-event}"}"#;

/// One Webhook at one edition of its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) name: String,
    /// Edits change this, in place where the vendor can.
    pub(crate) edition: u32,
    /// Without write-only values: only then is one that was made by hand equal.
    pub(crate) plain: bool,
    /// SuperOffice: another type, which needs a replacement.
    pub(crate) script: bool,
}

impl Declared {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), edition: 1, plain: false, script: false }
    }

    /// The manifest, for the account of that name.
    pub(crate) fn manifest(&self, vendor: Vendor, account: &str) -> Value {
        let Self { name, edition, .. } = self;
        let mut subscription = match vendor {
            Vendor::Brightpearl => json!({
                "subscribeTo": "product", "httpMethod": "POST", "bodyTemplate": BODY,
                "uriTemplate": format!("https://hooks.example.com/{name}/{edition}?token=$(TOKEN)"),
                "contentType": "application/json", "idSetAccepted": true, "qualityOfService": 1,
            }),
            Vendor::Contensis => json!({
                "name": name, "description": format!("edition {edition}"), "method": "PUT", "enabled": false,
                "url": format!("https://hooks.example.net/{name}"),
                "topics": [{"resourceType": "entry", "event": ["published"], "contentTypeId": ["article"]}],
                "headers": {"X-Origin": {"value": "cms"}, "X-Key": {"value": "$(TOKEN)", "secret": true}},
            }),
            Vendor::Superoffice => json!({
                "name": name, "events": ["contact.created", "sale.changed"], "secret": "$(TOKEN)",
                "targetUrl": format!("https://hooks.example.com/so/{name}"),
                "headers": {"X-Edition": edition.to_string()}, "errorsEmail": "ops@example.com",
                "type": if self.script { "crmscript" } else { "webhook" },
            }),
        };
        if self.plain {
            match vendor {
                Vendor::Brightpearl => {}
                Vendor::Contensis => subscription["headers"] = json!({"X-Origin": {"value": "cms"}}),
                Vendor::Superoffice => {
                    subscription.as_object_mut().unwrap().remove("secret");
                }
            }
        }
        let from = json!({"secretKeyRef": {"name": "hook-secrets", "key": "token"}});
        json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook", "metadata": {"name": name},
            "spec": {
                "accountRef": {"name": account}, "subscription": {vendor.as_str(): subscription},
                "variables": [{"name": "TOKEN", "valueFrom": from}],
            },
        })
    }

    /// What the vendor stores of it, with the secret in clear.
    pub(crate) fn stored(&self, vendor: Vendor) -> Value {
        let Self { name, edition, .. } = self;
        let mut stored = match vendor {
            Vendor::Brightpearl => json!({
                "subscribeTo": "product", "httpMethod": "POST", "bodyTemplate": BODY,
                "uriTemplate": format!("https://hooks.example.com/{name}/{edition}?token={TOKEN}"),
                "contentType": "application/json", "idSetAccepted": true, "qualityOfService": 1,
            }),
            Vendor::Contensis => json!({
                "name": name, "description": format!("edition {edition}"), "method": "PUT", "enabled": false,
                "ui": false, "url": format!("https://hooks.example.net/{name}"), "templates": {},
                "topics": [{"resourceType": "entry", "event": ["published"], "contentTypeId": ["article"]}],
                "headers": {"X-Origin": {"value": "cms"}, "X-Key": {"value": TOKEN, "secret": true}},
            }),
            Vendor::Superoffice => json!({
                "Name": name, "Events": ["contact.created", "sale.changed"], "Secret": TOKEN, "State": "Active",
                "TargetUrl": format!("https://hooks.example.com/so/{name}"),
                "Headers": {"X-Edition": edition.to_string()}, "ErrorsEmail": "ops@example.com",
                "Type": if self.script { "crmscript" } else { "webhook" },
            }),
        };
        if self.plain {
            match vendor {
                Vendor::Brightpearl => {}
                Vendor::Contensis => stored["headers"] = json!({"X-Origin": {"value": "cms"}}),
                Vendor::Superoffice => {
                    stored.as_object_mut().unwrap().remove("Secret");
                }
            }
        }
        stored
    }

    /// An edit at the vendor, to be corrected.
    pub(crate) fn tampering(vendor: Vendor, number: u32) -> Value {
        match vendor {
            Vendor::Brightpearl => json!({"uriTemplate": format!("https://elsewhere.example.com/{number}")}),
            Vendor::Contensis => json!({"description": format!("tampered with {number}")}),
            Vendor::Superoffice => json!({"Headers": {"X-Edition": format!("tampered with {number}")}}),
        }
    }
}

/// An unmanaged subscription.
pub(crate) fn unmanaged(vendor: Vendor, number: u32) -> Value {
    let url = format!("https://old.example.com/{number}");
    match vendor {
        Vendor::Brightpearl => json!({
            "subscribeTo": "order.modified", "httpMethod": "GET", "idSetAccepted": false, "uriTemplate": url,
        }),
        Vendor::Contensis => json!({"name": format!("by hand {number}"), "url": url}),
        Vendor::Superoffice => {
            json!({"Name": format!("by hand {number}"), "TargetUrl": url, "Events": ["sale.created"]})
        }
    }
}

/// What the vendor stores, without members that it sets itself: ids, times, versions, counters, and members without a value.
pub(crate) fn without_the_vendors_own(vendor: Vendor, stored: &Value) -> Value {
    let own: &[&str] = match vendor {
        Vendor::Brightpearl => &["id"],
        Vendor::Contensis => &["id", "version"],
        Vendor::Superoffice => &[
            "WebhookId",
            "Registered",
            "RegisteredAssociate",
            "Updated",
            "UpdatedAssociate",
            "TotalCalls",
            "TotalErrors",
            "ConsecutiveErrors",
        ],
    };
    let unset =
        |value: &Value| value.is_null() || *value == json!([]) || *value == "None" || *value == json!({});
    let mut stored = stored.clone();
    let members = stored.as_object_mut().unwrap();
    members.retain(|name, _| !own.contains(&name.as_str()));
    if vendor == Vendor::Superoffice {
        members.retain(|_, value| !unset(value));
    }
    stored
}
