//! What one namespace may learn of another one, and take from it.

use hooktender_cluster::KUBECTL_WAIT_LIMIT;
use std::time::Instant;

use serde_json::{Value, json};

use crate::scene::{BODY, condition, is};
use crate::site::{OWNERS_TOKEN, Site};
use crate::vendors::Vendor;

/// The address of the owner's Webhook, as a guest would guess it.
const ADDRESS: &str = "https://hooks.example.com/first?token=canary-hook-token";

/// A Webhook of the guest that declares that address, without a Secret.
fn declares(site: &Site, name: &str, address: &str) -> Value {
    let mut hook = site.guests(name);
    hook["spec"]["subscription"]["brightpearl"]["uriTemplate"] = json!(address);
    hook["spec"].as_object_mut().unwrap().remove("variables");
    hook
}

/// A Webhook that pins an id of the vendor, in mode Plan.
fn spies(site: &Site, name: &str, id: &str) -> Value {
    let mut hook = declares(site, name, &format!("https://guest.example.com/{name}"));
    hook["spec"]["externalId"] = json!(id);
    hook["spec"]["mode"] = json!("Plan");
    hook
}

fn allow_adoption(site: &Site) {
    site.owner.patch("vendoraccount/account", &json!({"spec": {"allowGuestAdoption": true}}));
}

fn owners_id(site: &Site) -> String {
    site.owner.ready("first")["status"]["externalId"].as_str().unwrap().to_owned()
}

/// The owner keeps its subscription and deletes its Webhook.
fn retain(site: &Site) -> String {
    let id = owners_id(site);
    site.owner.patch("webhook/first", &json!({"spec": {"deletionPolicy": "Retain"}}));
    site.owner.kubectl(&["delete", "webhook", "first"]);
    id
}

#[test]
fn a_guest_may_not_adopt_existing_subscriptions() {
    let site = Site::new("adoption", Vendor::Brightpearl);
    let id = retain(&site);
    for name in [id.as_str(), "no-such-id"] {
        let hook = format!("spy-{name}");
        site.attack(&spies(&site, &hook, name)).accepted();
        let message = site.guest.stalled(&hook, "AdoptionNotAllowed");
        assert!(message.contains("allowGuestAdoption"), "{message}");
    }
    site.the_guest_sees_nothing_of(OWNERS_TOKEN);
}

#[test]
fn a_retained_subscription_is_listed_for_its_owner_only() {
    let site = Site::new("retained", Vendor::Brightpearl);
    let id = retain(&site);
    allow_adoption(&site);
    site.attack(&spies(&site, "spy", &id)).accepted();
    let hook = site.guest.webhook_becomes("spy", "planned", |hook| is(hook, "Ready", "True", "Planned"));
    let changes = hook["status"]["plan"]["changes"].as_array().unwrap();
    let before = |field: &str| changes.iter().find(|one| one["field"] == field).unwrap()["before"].clone();
    assert_eq!(before("uriTemplate"), "https://hooks.example.com/...", "{changes:?}");
    site.the_guest_sees_nothing_of(OWNERS_TOKEN);
}

#[test]
fn a_superseded_subscription_of_the_owner_cannot_be_pinned() {
    let site = Site::new("replaced", Vendor::Brightpearl);
    let old = owners_id(&site);
    allow_adoption(&site);
    site.tenant.fault(&json!({"operation": "delete", "kind": "status", "status": 503, "times": null}));
    site.attack(&spies(&site, "spy", &old)).accepted();
    site.guest.stalled("spy", "Conflict");
    site.owner.patch(
        "webhook/first",
        &json!({"spec": {"subscription": {"brightpearl": {"bodyTemplate": BODY.replace("a=b", "edited")}}}}),
    );
    site.tenant.asked("delete", 1);
    site.guest.patch("webhook/spy", &json!({"spec": {"driftPolicy": "Report"}}));
    site.guest.stalled("spy", "Conflict");
    site.tenant.clear_faults();
    site.owner.request("account");
    site.owner.webhook_becomes("first", "alone", |_| !site.tenant.ids().contains(&old));
    site.the_guest_sees_nothing_of(OWNERS_TOKEN);
}

#[test]
fn a_lost_create_belongs_to_its_sender_although_the_next_ids_are_pinned_in_advance() {
    let site = Site::new("lost", Vendor::Brightpearl);
    allow_adoption(&site);
    let last: u32 = owners_id(&site).parse().unwrap();
    for next in last + 1..last + 6 {
        let hook = spies(&site, &format!("spy-{next}"), &next.to_string());
        site.attack(&hook).accepted();
        site.guest.stalled(&format!("spy-{next}"), "ExternalIdNotFound");
    }
    site.tenant.fault(&json!({"operation": "create", "kind": "drop_after"}));
    site.owner.apply(&crate::scene::webhook("second", Vendor::Brightpearl));
    site.owner.ready("second");
    assert_eq!((site.tenant.count("create"), site.tenant.ids().len()), (2, 2), "no second one is made");
    site.the_guest_sees_nothing_of(OWNERS_TOKEN);
}

#[test]
fn a_guest_does_not_see_the_vendors_messages() {
    let site = Site::new("words", Vendor::Brightpearl);
    let quote = format!("equal to {ADDRESS} of another subscription; 7351 is free");
    let body = json!({"errors": [{"code": "CMNC-001", "message": quote}]}).to_string();
    site.tenant
        .fault(&json!({"operation": "create", "kind": "status", "status": 400, "body": body, "times": null}));
    site.attack(&declares(&site, "echo", "https://guest.example.com/?guess=7351")).accepted();
    let message = site.guest.stalled("echo", "Rejected");
    assert!(message.contains("400") && !message.contains("free"), "{message}");
    site.the_guest_sees_nothing_of(OWNERS_TOKEN);
    assert!(!site.guest.everything().contains("is free"));
    assert!(site.operator.log().contains("is free"), "the operator's log has the words, without the secret");
}

#[test]
fn a_guess_of_the_owners_content_is_answered_like_any_other() {
    let site = Site::new("guess", Vendor::Brightpearl);
    site.attack(&declares(&site, "guess", ADDRESS)).accepted();
    site.guest.ready("guess");
    assert_eq!(site.tenant.ids().len(), 2);
}

/// A retained subscription is adopted by any Webhook that declares an equal one, as after a restore from Git. A wrong guess makes
/// a subscription: a Webhook in mode Plan gets no answer.
#[test]
fn guesses_of_unmanaged_content_create_subscriptions() {
    let site = Site::new("unmanaged", Vendor::Brightpearl);
    retain(&site);
    let mut guess = declares(&site, "guess", ADDRESS);
    guess["spec"]["mode"] = json!("Plan");
    site.attack(&guess).accepted();
    let guess = site.guest.webhook_becomes("guess", "planned", |hook| is(hook, "Ready", "True", "Planned"));
    assert_eq!(guess["status"]["plan"]["action"], "Create", "{guess}");
}

#[test]
fn a_guest_in_mode_plan_blocks_nobody() {
    let site = Site::new("idle", Vendor::Brightpearl);
    let address = "https://hooks.example.com/wanted";
    for (name, member) in [("planned", json!({"mode": "Plan"})), ("suspended", json!({"suspend": true}))] {
        let mut hook = declares(&site, name, address);
        hook["spec"].as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        site.attack(&hook).accepted();
        site.guest.webhook_becomes(name, "seen", |hook| condition(hook, "Ready").is_some());
    }
    let mut own = declares(&site, "own", address);
    own["spec"]["accountRef"] = json!({"name": "account"});
    site.owner.apply(&own);
    site.owner.ready("own");
    let message = site.guest.stalled("planned", "Conflict");
    assert!(!message.contains(&site.owner.namespace), "{message}");
}

#[test]
fn a_guests_deletions_do_not_block_the_owner() {
    let site = Site::new("prune", Vendor::Brightpearl);
    let names: Vec<String> = (0..12).map(|number| format!("hook-{number}")).collect();
    for name in &names {
        let hook = declares(&site, name, &format!("https://guest.example.com/{name}"));
        site.attack(&hook).accepted();
    }
    for name in &names {
        site.guest.ready(name);
    }
    let mut delete = vec!["delete", "webhooks", "--wait=false"];
    delete.extend(names.iter().map(String::as_str));
    site.attack_by(&delete, "").accepted();
    for name in &names {
        site.guest.stalled(name, "DeletionGuard");
    }
    site.owner.account_becomes("account", "ready although a guest's deletions are blocked", |account| {
        is(account, "Ready", "True", "DeletionGuard")
    });
    site.owner.kubectl(&["delete", "webhook", "first", KUBECTL_WAIT_LIMIT]);
    assert_eq!(site.tenant.ids().len(), names.len());
}

#[test]
fn a_flood_of_requests_causes_few_lists() {
    let site = Site::new("requests", Vendor::Superoffice);
    let mut hook = site.guests("asks");
    hook["spec"]["subscription"]["superoffice"]["name"] = json!("asks");
    site.attack(&hook).accepted();
    site.guest.ready("asks");
    site.tenant.clear_journal();
    let (start, mut last) = (Instant::now(), String::new());
    for number in 0..40 {
        last = format!("request-{number}");
        let annotation = format!("hooktender.dev/requested-at={last}");
        site.attack_by(&["annotate", "webhook/asks", "--overwrite", &annotation], "").accepted();
    }
    site.guest
        .webhook_becomes("asks", "answered", |hook| hook["status"]["lastHandledRequest"] == last.as_str());
    // Five at once, and then one in three seconds.
    let (lists, most) = (site.tenant.count("list"), 6 + start.elapsed().as_secs() / 3);
    assert!(lists <= usize::try_from(most).unwrap(), "{lists} lists, {most} at most");
    site.an_edit_of_the_owner_arrives();
}
