//! Apply, edit, drift, delete: the life of a Webhook at each vendor, seen from the vendor's side too.

use std::time::{Duration, Instant};

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{BODY, Scene, TOKEN, webhook};
use crate::vendors::{Tenant, Vendor};

/// How soon a change by a person, or a request for a pass, must have reached the vendor. The promise is a pass within a
/// second; the rest is for a busy machine.
const PROMPT: Duration = Duration::from_secs(5);

/// Everything that a vendor stores after [`webhook`] was applied; the secret in clear.
fn as_declared(vendor: Vendor, name: &str) -> Value {
    match vendor {
        Vendor::Brightpearl => json!({
            "id": 2,
            "subscribeTo": "product",
            "httpMethod": "POST",
            "uriTemplate": format!("https://hooks.example.com/{name}?token={TOKEN}"),
            "bodyTemplate": BODY,
            "contentType": "application/json",
            "idSetAccepted": true,
            "qualityOfService": 1,
        }),
        Vendor::Contensis => json!({
            "name": name,
            "description": "feeds the search index",
            "url": "https://hooks.example.net/c7s/{{resource.sys.id}}",
            "method": "PUT",
            "enabled": false,
            "ui": false,
            "topics": [{"resourceType": "entry", "event": ["published"], "contentTypeId": ["article"], "language": ["en-GB"]}],
            "headers": {"X-Origin": {"value": "cms"}, "X-Key": {"value": TOKEN, "secret": true}},
            "templates": {"entry.article": "{\"id\":\"{{resource.sys.id}}\"}"},
        }),
        Vendor::Superoffice => json!({
            "WebhookId": 2,
            "Name": name,
            "Events": ["contact.created", "sale.changed"],
            "TargetUrl": "https://hooks.example.com/so",
            "Secret": TOKEN,
            "State": "Active",
            "Type": "webhook",
            "Headers": {"X-Env": "prod"},
            "Properties": {"tenant": "eu", "deep": {"numbers": [1, 2.5, null]}},
            "ErrorsEmail": "ops@example.com",
        }),
    }
}

/// A subscription that no Webhook declares.
fn stranger(vendor: Vendor) -> Value {
    match vendor {
        Vendor::Brightpearl => json!({
            "subscribeTo": "order.modified", "httpMethod": "GET", "idSetAccepted": false,
            "uriTemplate": "https://old.example.com/${resource-id}",
        }),
        Vendor::Contensis => json!({"name": "by hand", "url": "https://old.example.com/hook"}),
        Vendor::Superoffice => {
            json!({"Name": "by hand", "TargetUrl": "https://old.example.com/hook", "Events": ["sale.created"]})
        }
    }
}

/// What the vendor stores, without the members that it makes itself: times, versions, counters and what it has unset.
fn without_the_vendors_own(vendor: Vendor, mut stored: Value) -> Value {
    let members = stored.as_object_mut().unwrap();
    match vendor {
        Vendor::Brightpearl => {}
        Vendor::Contensis => {
            members.retain(|name, _| name != "id" && name != "version");
        }
        Vendor::Superoffice => {
            for own in [
                "Registered",
                "RegisteredAssociate",
                "Updated",
                "UpdatedAssociate",
                "TotalCalls",
                "TotalErrors",
                "ConsecutiveErrors",
            ] {
                members.remove(own);
            }
            let unset = |value: &Value| value.is_null() || *value == json!([]) || *value == "None";
            members.retain(|_, value| !unset(value));
        }
    }
    stored
}

/// A settled scene: a stranger at the vendor, an operator, and one Webhook that is ready.
struct Settled {
    scene: Scene,
    tenant: Tenant,
    _operator: Operator,
    stranger: Value,
    /// The subscription's id.
    id: String,
}

impl Settled {
    fn new(vendor: Vendor) -> Self {
        let (scene, tenant) = Scene::with_account(&format!("life-{}", vendor.as_str()), vendor);
        let stranger = tenant.one(&tenant.insert(&stranger(vendor))).unwrap();
        let operator = scene.operator();
        scene.account_becomes("account", "ready", |account| {
            crate::scene::is(account, "Ready", "True", "InSync")
        });
        tenant.clear_journal();
        scene.apply(&webhook("first", vendor));
        let id = external_id(&scene.ready("first"));
        Self {
            scene,
            tenant,
            _operator: operator,
            stranger,
            id,
        }
    }

    /// What the vendor has under the Webhook's id.
    fn stored(&self) -> Value {
        self.tenant.one(&self.id).unwrap()
    }

    /// The stranger is as it was, and there is as much beside it.
    fn nothing_else_was_touched(&self, others: usize) {
        let id = self.tenant.id(&self.stranger);
        assert_eq!(self.tenant.one(&id).as_ref(), Some(&self.stranger));
        assert_eq!(self.tenant.ids().len(), others + 1);
    }
}

fn external_id(webhook: &Value) -> String {
    webhook["status"]["externalId"].as_str().unwrap().to_owned()
}

/// Waits until what is stored is so, and says how long it took.
fn promptly(what: &str, mut look: impl FnMut() -> Result<(), Value>) {
    let start = Instant::now();
    eventually(PROMPT, what, &mut look).unwrap();
    eprintln!("{what}: {:.2?}", start.elapsed());
}

fn create(vendor: Vendor) -> Settled {
    let settled = Settled::new(vendor);
    let stored = without_the_vendors_own(vendor, settled.stored());
    assert_eq!(stored, as_declared(vendor, "first"));
    settled.nothing_else_was_touched(1);
    let account = settled.scene.account_becomes("account", "counted", |account| {
        account["status"]["subscriptions"] == json!({"declared": 1, "managed": 1, "unmanaged": 1})
    });
    let unmanaged = account["status"]["unmanaged"].as_array().unwrap();
    assert_eq!(unmanaged.len(), 1);
    assert_eq!(unmanaged[0]["externalId"], settled.tenant.id(&settled.stranger));
    assert!(unmanaged[0]["summary"].as_str().unwrap().contains("old.example.com"));
    settled.scene.event("first", "Created");
    settled
}

#[test]
fn brightpearl_gets_what_was_applied_byte_for_byte() {
    let settled = create(Vendor::Brightpearl);
    assert_eq!(settled.tenant.operations(), ["list", "create"]);
    for entry in settled.tenant.journal() {
        let headers = &entry["headers"];
        assert_eq!(headers["brightpearl-app-ref"], "ops");
        assert_eq!(headers["brightpearl-staff-token"], settled.tenant.secret());
        assert_eq!(headers["authorization"], Value::Null);
    }
}

#[test]
fn contensis_gets_what_was_applied_byte_for_byte() {
    let settled = create(Vendor::Contensis);
    // The token of the first look at the account is still good.
    assert_eq!(settled.tenant.operations(), ["list", "create"]);
    for entry in settled.tenant.journal() {
        let bearer = entry["headers"]["authorization"].as_str().unwrap();
        assert!(bearer.starts_with("Bearer ") && !bearer.contains(&settled.tenant.secret()));
    }
}

#[test]
fn superoffice_gets_what_was_applied_byte_for_byte() {
    let settled = create(Vendor::Superoffice);
    assert_eq!(settled.tenant.operations(), ["list", "create"]);
    for entry in settled.tenant.journal() {
        assert!(entry["headers"]["authorization"].as_str().unwrap().starts_with("Basic "));
    }
}
