//! Differences between the vendors.

use serde_json::{Value, json};

/// The vendors, in the order of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    Brightpearl,
    Contensis,
    SuperOffice,
}

/// An edit, and its description.
#[derive(Debug)]
pub(crate) struct Edit {
    /// A merge patch.
    pub(crate) patch: Value,
    /// Its description.
    pub(crate) told: &'static str,
    /// A member of the vendor's document, and its new value.
    pub(crate) member: &'static str,
    pub(crate) value: Value,
}

impl Vendor {
    pub(crate) const ALL: [Self; 3] = [Self::Brightpearl, Self::Contensis, Self::SuperOffice];

    /// The word in manifests, folders and control paths.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Brightpearl => "brightpearl",
            Self::Contensis => "contensis",
            Self::SuperOffice => "superoffice",
        }
    }

    /// The name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brightpearl => "Brightpearl",
            Self::Contensis => "Contensis",
            Self::SuperOffice => "SuperOffice",
        }
    }

    /// The vendor's account behind a `VendorAccount` object, by its name in the control API.
    pub(crate) fn account(self, object: &Value) -> Option<&str> {
        let vendor = &object["spec"]["vendor"][self.key()];
        match self {
            Self::Brightpearl => vendor["account"].as_str(),
            Self::Contensis => vendor["project"].as_str(),
            Self::SuperOffice => vendor["onsite"]["url"].as_str().and_then(|url| url.rsplit('/').next()),
        }
    }

    /// The member of a subscription that is its id.
    pub(crate) fn id_member(self) -> &'static str {
        match self {
            Self::Brightpearl | Self::Contensis => "id",
            Self::SuperOffice => "WebhookId",
        }
    }

    /// Members that the vendor sets, so that they differ between copies.
    pub(crate) fn made_by_vendor(self) -> &'static [&'static str] {
        match self {
            Self::Brightpearl => &["id"],
            Self::Contensis => &["id", "version", "ui"],
            Self::SuperOffice => &[
                "WebhookId",
                "Registered",
                "RegisteredAssociate",
                "Updated",
                "UpdatedAssociate",
                "TotalCalls",
                "TotalErrors",
                "ConsecutiveErrors",
                "LastError",
            ],
        }
    }

    /// A subscription that no Webhook declares.
    pub(crate) fn unmanaged(self) -> Value {
        let url = "https://old.example.org/orders";
        match self {
            Self::Brightpearl => json!({
                "subscribeTo": "order.created", "httpMethod": "GET",
                "uriTemplate": format!("{url}/${{account-code}}/${{resource-type}}/${{resource-id}}/${{lifecycle-event}}"),
                "idSetAccepted": false, "qualityOfService": 0,
            }),
            Self::Contensis => json!({
                "name": "old", "url": url, "topics": [{"resourceType": "entry", "event": ["published"]}],
            }),
            Self::SuperOffice => json!({
                "Name": "old", "TargetUrl": url, "Events": ["contact.created"], "State": "Active", "Type": "webhook",
            }),
        }
    }

    /// An edit at the vendor, past the cluster.
    pub(crate) fn edit_by_hand(self) -> Edit {
        let (told, member, value) = match self {
            Self::Brightpearl => (
                "Somebody at Brightpearl sends the events elsewhere:",
                "uriTemplate",
                json!("https://elsewhere.example.net/?id=${resource-id}"),
            ),
            Self::Contensis => {
                ("Somebody at Contensis switches the subscription off:", "enabled", json!(false))
            }
            Self::SuperOffice => (
                "Somebody at SuperOffice sends the events elsewhere:",
                "TargetUrl",
                json!("https://elsewhere.example.net/"),
            ),
        };
        Edit { patch: json!({ member: value }), told, member, value }
    }

    /// An edit of the spec of the Webhook of this subscription.
    pub(crate) fn edit_spec(self, subscription: &Value) -> Edit {
        let mine = &subscription[self.key()];
        let (told, field, member, value) = match self {
            Self::Brightpearl => {
                let other = 1 - mine["qualityOfService"].as_i64().unwrap_or(0).clamp(0, 1);
                (
                    "Brightpearl cannot update a webhook, so hooktender creates a new one and then deletes the old one.",
                    "qualityOfService",
                    "qualityOfService",
                    json!(other),
                )
            }
            Self::Contensis => (
                "Contensis updates the subscription in place.",
                "description",
                "description",
                json!("Edited in the demo."),
            ),
            Self::SuperOffice => {
                let mut events = mine["events"].as_array().cloned().unwrap_or_default();
                let news = ["sale.sold", "project.created"].map(Value::from);
                events.extend(news.into_iter().find(|event| !events.contains(event)));
                ("SuperOffice updates the webhook in place.", "events", "Events", json!(events))
            }
        };
        Edit {
            patch: json!({"spec": {"subscription": {self.key(): {field: value.clone()}}}}),
            told,
            member,
            value,
        }
    }
}
