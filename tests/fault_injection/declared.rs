//! What a user wishes for, as a manifest and as the vendor stores it.

use serde_json::{Value, json};

use crate::vendors::Vendor;

/// The value of `$(TOKEN)`.
pub(crate) const TOKEN: &str = "canary-hook-token";

const BODY: &str =
    r#"{"a":"${account-code}","t":"${resource-type}","id":"${resource-id}","e":"${lifecycle-event}"}"#;

/// One Webhook at one edition of its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) name: String,
    /// What an edit changes, in place where the vendor can.
    pub(crate) edition: u32,
    /// No value that can only be written: what is made by hand can only be known to be equal without.
    pub(crate) plain: bool,
    /// SuperOffice: another type, which no save can change.
    pub(crate) script: bool,
}

impl Wish {
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

    /// What the vendor stores of it, the secret in clear.
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

    /// An edit that anybody could make at the vendor, to be put back.
    pub(crate) fn tampering(vendor: Vendor, number: u32) -> Value {
        match vendor {
            Vendor::Brightpearl => json!({"uriTemplate": format!("https://elsewhere.example.com/{number}")}),
            Vendor::Contensis => json!({"description": format!("tampered with {number}")}),
            Vendor::Superoffice => json!({"Headers": {"X-Edition": format!("tampered with {number}")}}),
        }
    }
}

/// A subscription that no Webhook declares.
pub(crate) fn stranger(vendor: Vendor, number: u32) -> Value {
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

/// What the vendor stores, without the members that it makes itself: ids, times, versions, counters and what is unset.
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
