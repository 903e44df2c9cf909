//! Apply, edit, drift, delete: the life of a Webhook at each vendor, checked at the vendor too.

use std::time::Duration;

use hooktender_cluster::{KUBECTL_WAIT_LIMIT, eventually};
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{BODY, PROMPT, Scene, TOKEN, webhook};
use crate::vendors::{Tenant, Vendor};

/// Everything that a vendor stores after [`webhook`] was applied, with the secret in clear.
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

/// An unmanaged subscription.
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

/// What the vendor stores, without members that it sets itself: times, versions, counters, and members without a value.
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

/// A settled scene: an unmanaged subscription, an operator, and one Webhook that is ready.
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
        Self { scene, tenant, _operator: operator, stranger, id }
    }

    /// What the vendor stores under the Webhook's id.
    fn stored(&self) -> Value {
        self.tenant.one(&self.id).unwrap()
    }

    /// Checks that the unmanaged subscription is unchanged, and that there are so many others.
    fn nothing_else_was_touched(&self, others: usize) {
        let id = self.tenant.id(&self.stranger);
        assert_eq!(self.tenant.one(&id).as_ref(), Some(&self.stranger));
        assert_eq!(self.tenant.ids().len(), others + 1);
    }
}

fn external_id(webhook: &Value) -> String {
    webhook["status"]["externalId"].as_str().unwrap().to_owned()
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
    // The token of the first pass is still valid.
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

#[test]
fn an_edit_replaces_a_brightpearl_webhook_and_never_leaves_a_gap() {
    let settled = Settled::new(Vendor::Brightpearl);
    settled.tenant.clear_journal();
    let edit =
        json!({"spec": {"subscription": {"brightpearl": {"qualityOfService": 0, "idSetAccepted": null}}}});
    let apply = || settled.scene.patch("webhook/first", &edit);
    settled.scene.promptly("the replacement is at the vendor", apply, || {
        let ids = settled.tenant.ids();
        if ids == ["1", "3"] { Ok(()) } else { Err(json!(ids)) }
    });
    let ready = settled.scene.ready("first");
    assert_eq!(external_id(&ready), "3");
    assert_eq!(ready["status"]["superseded"], Value::Null);
    let (journal, operations) = (settled.tenant.journal(), settled.tenant.operations());
    assert_eq!(operations, ["list", "create", "delete"]);
    assert!(journal[2]["path"].as_str().unwrap().ends_with("/webhook/2"));
    let mut expected = as_declared(Vendor::Brightpearl, "first");
    expected["id"] = json!(3);
    expected["qualityOfService"] = json!(0);
    expected["idSetAccepted"] = json!(false);
    assert_eq!(settled.tenant.one("3"), Some(expected));
    settled.nothing_else_was_touched(1);
    settled.scene.event("first", "Replaced");
}

#[test]
fn an_edit_updates_a_contensis_subscription_in_place_with_the_version_that_was_read() {
    let settled = Settled::new(Vendor::Contensis);
    settled.tenant.clear_journal();
    let edit = json!({"spec": {"subscription": {"contensis": {"enabled": true, "description": "now on"}}}});
    let apply = || settled.scene.patch("webhook/first", &edit);
    settled.scene.promptly("the edit is at the vendor", apply, || {
        let stored = settled.stored();
        if stored["enabled"] == true { Ok(()) } else { Err(stored) }
    });
    assert_eq!(external_id(&settled.scene.ready("first")), settled.id);
    // With the previous list, unless this machine was slow.
    let journal = settled.tenant.journal();
    let (put, before) = journal.split_last().unwrap();
    assert!(before.len() <= 1 && settled.tenant.count("list") == before.len(), "{journal:?}");
    assert_eq!(put["method"], "PUT");
    assert_eq!(put["body"]["version"]["versionNo"], "1.0");
    let mut expected = as_declared(Vendor::Contensis, "first");
    expected["enabled"] = json!(true);
    expected["description"] = json!("now on");
    assert_eq!(without_the_vendors_own(Vendor::Contensis, settled.stored()), expected);
    settled.nothing_else_was_touched(1);
    settled.scene.event("first", "Updated");
}

#[test]
fn an_edit_updates_a_superoffice_webhook_and_keeps_what_a_manifest_cannot_name() {
    let settled = Settled::new(Vendor::Superoffice);
    // The newest generation has a member that no manifest can name.
    settled.tenant.settings(&json!({"version": "12.0"}));
    let unnamed = json!({"ErrorAssociates": [{"Id": 5, "Name": "Kim"}]});
    settled.tenant.edit(&settled.id, &unnamed);
    settled.tenant.clear_journal();
    let edit = json!({"spec": {"subscription": {"superoffice": {"events": ["contact.created"], "errorsEmail": null}}}});
    let apply = || settled.scene.patch("webhook/first", &edit);
    settled.scene.promptly("the edit is at the vendor", apply, || {
        let stored = settled.stored();
        if stored["Events"] == json!(["contact.created"]) { Ok(()) } else { Err(stored) }
    });
    assert_eq!(external_id(&settled.scene.ready("first")), settled.id);
    assert_eq!(settled.tenant.count("update"), 1);
    assert_eq!(settled.tenant.writes(), 1);
    let stored = settled.stored();
    for (name, value) in unnamed.as_object().unwrap() {
        assert_eq!(&stored[name], value, "{name}");
    }
    // A field that the manifest omits has the vendor's default, not its former value.
    assert!(stored["ErrorsEmail"].as_str().unwrap_or_default().is_empty(), "{stored}");
    assert_eq!(stored["Secret"], TOKEN);
    settled.nothing_else_was_touched(1);
    settled.scene.event("first", "Updated");
}

/// A colleague's change at the vendor's own screen.
fn meddle(vendor: Vendor) -> Value {
    match vendor {
        Vendor::Brightpearl => json!({"contentType": "text/plain"}),
        Vendor::Contensis => json!({"url": "https://elsewhere.example.net/"}),
        Vendor::Superoffice => json!({"State": "Stopped", "Headers": {"X-Env": "test"}}),
    }
}

fn drift_is_corrected(vendor: Vendor) {
    let settled = Settled::new(vendor);
    settled.tenant.edit(&settled.id, &meddle(vendor));
    let expected = as_declared(vendor, "first");
    let request = || drop(settled.scene.request("account"));
    settled.scene.promptly("the change is undone", request, || {
        let mut all: Vec<_> = settled.tenant.stored();
        all.retain(|stored| settled.tenant.id(stored) != settled.tenant.id(&settled.stranger));
        let [one] = all.as_slice() else { return Err(json!(all)) };
        let mut now = without_the_vendors_own(vendor, one.clone());
        // A replacement has an id of its own.
        if vendor == Vendor::Brightpearl {
            now["id"] = json!(2);
        }
        if now == expected { Ok(()) } else { Err(now) }
    });
    settled.scene.event("first", "DriftCorrected");
    let ready = settled.scene.ready("first");
    assert_eq!(crate::scene::condition(&ready, "Drifted").unwrap().status, "False");
    settled.nothing_else_was_touched(1);
}

#[test]
fn a_change_made_at_brightpearl_is_undone() {
    drift_is_corrected(Vendor::Brightpearl);
}

#[test]
fn a_change_made_at_contensis_is_undone() {
    drift_is_corrected(Vendor::Contensis);
}

#[test]
fn a_change_made_at_superoffice_is_undone() {
    drift_is_corrected(Vendor::Superoffice);
}

/// The longest time for which a vendor's list may lack a new subscription (`vendor::list_lag`). Until then, it is not created again.
const LIST_LAG: Duration = Duration::from_secs(10);

fn a_deletion_is_made_good(vendor: Vendor) {
    let settled = Settled::new(vendor);
    settled.tenant.remove(&settled.id);
    let watch = settled.scene.stopwatch();
    settled.scene.request("account");
    let there_again = || {
        let ids = settled.tenant.ids();
        if ids.len() == 2 { Ok(()) } else { Err(json!(ids)) }
    };
    eventually("it is there again", there_again).unwrap();
    watch.assert_within(LIST_LAG + PROMPT);
    let again = settled.scene.webhook_becomes("first", "recorded again", |webhook| {
        webhook["status"]["externalId"].as_str().is_some_and(|id| id != settled.id)
    });
    let mut stored = without_the_vendors_own(vendor, settled.tenant.one(&external_id(&again)).unwrap());
    for id in ["id", "WebhookId"] {
        if stored.get(id).is_some() {
            stored[id] = json!(2);
        }
    }
    assert_eq!(stored, as_declared(vendor, "first"));
    settled.scene.event("first", "DriftCorrected");
    settled.nothing_else_was_touched(1);
}

#[test]
fn a_subscription_deleted_at_brightpearl_is_created_again() {
    a_deletion_is_made_good(Vendor::Brightpearl);
}

#[test]
fn a_subscription_deleted_at_contensis_is_created_again() {
    a_deletion_is_made_good(Vendor::Contensis);
}

#[test]
fn a_subscription_deleted_at_superoffice_is_created_again() {
    a_deletion_is_made_good(Vendor::Superoffice);
}

fn a_deleted_webhook_is_gone_at_the_vendor(vendor: Vendor) {
    let settled = Settled::new(vendor);
    let mut other = webhook("second", vendor);
    if vendor == Vendor::Superoffice {
        other["spec"]["subscription"]["superoffice"]["targetUrl"] = json!("https://hooks.example.com/other");
    }
    settled.scene.apply(&other);
    let second = external_id(&settled.scene.ready("second"));
    let before = settled.tenant.one(&second);
    settled.tenant.clear_journal();
    settled.scene.kubectl(&["delete", "webhook", "first", KUBECTL_WAIT_LIMIT]);
    assert_eq!(settled.scene.webhook("first"), Value::Null);
    assert_eq!(settled.tenant.one(&settled.id), None);
    assert_eq!((settled.tenant.count("delete"), settled.tenant.writes()), (1, 1));
    assert_eq!(settled.tenant.one(&second), before);
    settled.nothing_else_was_touched(1);
    settled.scene.event("first", "Deleted");
}

#[test]
fn a_deleted_webhook_is_deleted_at_brightpearl() {
    a_deleted_webhook_is_gone_at_the_vendor(Vendor::Brightpearl);
}

#[test]
fn a_deleted_webhook_is_deleted_at_contensis() {
    a_deleted_webhook_is_gone_at_the_vendor(Vendor::Contensis);
}

#[test]
fn a_deleted_webhook_is_deleted_at_superoffice() {
    a_deleted_webhook_is_gone_at_the_vendor(Vendor::Superoffice);
}
