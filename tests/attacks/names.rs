//! Invalid names, values that are too long, and too many objects, edits and events.

use hooktender_cluster::{AuditEvent, eventually};
use serde_json::{Value, json};

use crate::helm;
use crate::hostile;
use crate::scene::{secret, webhook};
use crate::site::Site;
use crate::vendors::Vendor;

const BAD_NAMES: [&str; 4] = ["?watch=true", "../../a/secrets/x", "a b", "a%2fb"];

/// A variable of a Webhook that is taken from a key `k` of a Secret.
fn from_secret(variable: &str, secret: &str) -> Value {
    json!({"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": "k"}}})
}

#[test]
fn a_name_that_would_be_another_request_is_refused() {
    let mut site = Site::new("names", Vendor::Superoffice);
    for name in BAD_NAMES {
        let mut hook = site.guests("hook");
        hook["spec"]["variables"] = json!([from_secret("TOKEN", name)]);
        assert!(site.attack(&hook).refused().contains("not a valid name of a Secret"), "{name}");
        hook = site.guests("hook");
        hook["spec"]["accountRef"] = json!({"name": name});
        assert!(site.attack(&hook).refused().contains("not a valid name of a VendorAccount"), "{name}");
        hook["spec"]["accountRef"] = json!({"name": "account", "namespace": name});
        assert!(site.attack(&hook).refused().contains("not a valid name of a namespace"), "{name}");
        let mut account = hostile::account("account", "https://crm.example.com");
        account["spec"]["vendor"]["superoffice"]["credentials"]["basic"]["usernameSecretRef"]["name"] =
            json!(name);
        assert!(site.attack(&account).refused().contains("not a valid name of a Secret"), "{name}");
    }
    site.an_edit_of_the_owner_arrives();
    site.the_operator_survives();
}

#[test]
fn a_guest_whose_secret_is_missing_delays_nobody() {
    let mut site = Site::new("poison", Vendor::Contensis);
    let mut hook = site.guests("poison");
    hook["spec"]["variables"] = json!([from_secret("TOKEN", "missing")]);
    site.attack(&hook).accepted();
    let message = site.guest.stalled("poison", "VariableMissing");
    assert!(message.contains("Secret") && message.contains("missing does not exist"), "{message}");
    site.an_edit_of_the_owner_arrives();
    site.the_operator_survives();
}

#[test]
fn a_subscription_that_would_grow_is_not_built() {
    let mut site = Site::new("expansion-bomb", Vendor::Brightpearl);
    for number in 0..4 {
        let mut hook = site.guests(&format!("bomb-{number}"));
        hook["spec"]["variables"] = json!([{"name": "A", "value": "a".repeat(65_536)}]);
        let template = &mut hook["spec"]["subscription"]["brightpearl"];
        template["bodyTemplate"] = json!("$(A)".repeat(4_000));
        template["uriTemplate"] = json!(format!("https://hooks.example.com/{number}"));
        site.attack(&hook).accepted();
    }
    let message = site.guest.stalled("bomb-0", "SubscriptionTooLarge");
    assert!(message.contains("longer than 256 KiB"), "{message}");
    site.an_edit_of_the_owner_arrives();
    site.the_operator_survives();
}

#[test]
fn a_guest_cannot_fill_the_owners_list_with_many_long_subscriptions() {
    let mut site = Site::new("long-lists", Vendor::Superoffice);
    for number in 0..20 {
        let mut hook = site.guests(&format!("long-{number}"));
        hook["spec"]["variables"] = json!([{"name": "A", "value": "a".repeat(60_000)}]);
        hook["spec"]["subscription"]["superoffice"] = json!({
            "name": format!("long-{number}"), "events": ["contact.created"], "targetUrl": "https://h.example/so",
            "properties": {"a": "$(A)$(A)$(A)$(A)"},
        });
        site.attack(&hook).accepted();
    }
    let message = site.guest.stalled("long-19", "SubscriptionTooLarge");
    assert!(message.contains("more than 4 MiB in total"), "{message}");
    let stored = Value::from(site.tenant.stored()).to_string().len();
    assert!(stored < 5 << 20, "{stored}");
    site.an_edit_of_the_owner_arrives();
    site.the_operator_survives();
}

#[test]
fn secrets_of_many_megabytes_do_not_fill_the_memory() {
    let mut site = Site::new("secrets", Vendor::Superoffice);
    let filling = "x".repeat(900_000);
    for number in 0..40 {
        let name = format!("large-{number}");
        site.attack(&secret(&name, &json!({"k": "small", "other": filling}))).accepted();
        let too_long = format!("long-{number}");
        site.attack(&secret(&too_long, &json!({"k": filling}))).accepted();
        let mut hook = site.guests(&name);
        hook["spec"]["variables"] = json!([from_secret("TOKEN", &name), from_secret("LONG", &too_long)]);
        site.attack(&hook).accepted();
    }
    let message = site.guest.stalled("large-39", "VariableMissing");
    assert!(message.contains("longer than 256 KiB: shorten it"), "{message}");
    site.an_edit_of_the_owner_arrives();
    site.the_operator_survives();
}

#[test]
fn an_object_makes_as_many_events_as_client_go_would() {
    let mut site = Site::new("events", Vendor::Superoffice);
    for number in 0..40 {
        let mut hook = webhook("noisy", Vendor::Superoffice);
        hook["spec"]["variables"] = json!([from_secret("TOKEN", &format!("missing-{number}"))]);
        site.owner.apply(&hook);
        let says = format!("missing-{number} does not exist");
        site.owner.webhook_becomes("noisy", &says, |hook| hook["status"].to_string().contains(&says));
    }
    let events = site.owner.events("noisy").len();
    assert!((20..=25).contains(&events), "{events}");
    site.an_edit_of_the_owner_arrives();
    site.the_operator_survives();
}

#[test]
fn webhooks_that_refer_to_nothing_cost_no_reads() {
    let mut site = Site::new("orphans", Vendor::Superoffice);
    let orphans: Vec<_> = (0..200)
        .map(|number| {
            let mut hook = site.guests(&format!("orphan-{number}"));
            hook["spec"]["accountRef"] = json!({"name": format!("none-{number}")});
            hook
        })
        .collect();
    site.attack(&json!({"apiVersion": "v1", "kind": "List", "items": orphans})).accepted();
    for number in [0, 199] {
        site.guest.stalled(&format!("orphan-{number}"), "AccountNotFound");
    }
    for number in 0..5 {
        let label = format!("n={number}");
        site.attack_by(&["label", "webhooks", "--all", "--overwrite", &label], "").accepted();
    }
    // The loop has seen the labels once it has handled an object that came after them.
    let mut last = site.guests("last");
    last["spec"]["accountRef"] = json!({"name": "none"});
    site.attack(&last).accepted();
    site.guest.stalled("last", "AccountNotFound");
    let user = format!("system:serviceaccount:{}:{}", site.owner.namespace, helm::OPERATOR);
    let account = |event: &AuditEvent| event.verb == "get" && event.resource == "vendoraccounts";
    let reads = site.owner.cluster.audit(|event| event.user == user && account(event)).unwrap();
    assert!(reads.is_empty(), "{} reads, such as {:?}", reads.len(), reads[0]);
    // An orphan whose account appears is reconciled.
    let late = hostile::account("none-0", "https://crm.example.com");
    site.attack(&late).accepted();
    eventually("the orphan has its account", || {
        let hook = site.guest.webhook("orphan-0");
        if hook.to_string().contains("AccountNotFound") { Err(hook) } else { Ok(()) }
    })
    .unwrap();
    site.an_edit_of_the_owner_arrives();
    site.the_operator_survives();
}
