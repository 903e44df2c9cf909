//! Vendors whose lists cost more memory or computing time than they should.

use hooktender_cluster::KUBECTL_WAIT_LIMIT;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::hostile::{Hostile, account, begin, login, respond};
use crate::scene::condition;
use crate::site::Site;
use crate::vendors::Vendor;

/// Memory that the chart's limit leaves for answers.
const ANSWER_MEMORY: [&str; 2] = ["--answer-memory", "160Mi"];

/// How many accounts are hostile.
const ACCOUNTS: usize = 4;

/// Makes accounts of the guest at a vendor that always gives the same answer.
fn hostile(name: &str, answer: String) -> Site {
    let answer: Arc<str> = answer.into();
    let vendor = Hostile::answering(move |_, stream| respond(stream, "200 OK", &answer));
    attacked(name, &vendor)
}

/// Makes accounts of the guest at a hostile vendor, and waits until each was asked for its list.
fn attacked(name: &str, vendor: &Hostile) -> Site {
    let flags = [&ANSWER_MEMORY[..], &["--allow-endpoint", &vendor.address]].concat();
    let site = Site::with_flags(name, Vendor::Brightpearl, &flags);
    site.attack(&login()).accepted();
    for number in 0..ACCOUNTS {
        let mut evil = account(&format!("evil-{number}"), &vendor.address);
        evil["spec"]["resyncInterval"] = json!("30s");
        site.attack(&evil).accepted();
    }
    site
}

/// Returns the message of an account that is not ready.
fn trouble(site: &Site, account: &str) -> String {
    let account = site.guest.account_becomes(account, "in trouble", |account| {
        condition(account, "Ready").is_some_and(|ready| ready.status == "False")
    });
    condition(&account, "Ready").unwrap().message
}

#[track_caller]
fn nobody_else_notices(site: &mut Site) {
    for _ in 0..3 {
        site.an_edit_of_the_owner_arrives();
    }
    let peak = site.the_operator_survives();
    eprintln!("peak {} MiB", peak >> 20);
}

#[test]
fn a_length_that_is_only_announced_takes_no_memory() {
    let vendor = Hostile::answering(|_, stream| {
        begin(stream, "200 OK", &format!("Content-Length: {}\r\n", 64 << 20))?;
        stream.write_all(b"[]")?;
        // Until the caller gives up.
        std::io::copy(stream, &mut std::io::sink()).map(|_| ())
    });
    let mut site = attacked("promised", &vendor);
    nobody_else_notices(&mut site);
}

#[test]
fn lists_of_a_million_values_are_refused_and_cost_little() {
    let mut site = hostile("million", format!("[{}1]", "1,".repeat(3 << 20)));
    let message = trouble(&site, "evil-0");
    assert!(message.contains("more than 500000 values"), "{message}");
    nobody_else_notices(&mut site);
}

/// As many minimal subscriptions as a list may hold values: each takes a hundred times its length when it is read.
#[test]
fn lists_of_small_items_share_the_memory() {
    let mut items = String::from("[");
    for id in 1..240_000 {
        write!(items, "{{\"WebhookId\":{id}}},").unwrap();
    }
    let mut site = hostile("small", items + "{\"WebhookId\":240000}]");
    nobody_else_notices(&mut site);
}

/// Long texts: memory for the list, and for the documents that are built from it.
#[test]
fn long_lists_share_the_memory() {
    let item =
        |id: usize| json!({"WebhookId": id, "Name": "x".repeat(1 << 20), "TargetUrl": "https://h.example"});
    let list: Vec<Value> = (1..20).map(item).collect();
    let mut site = hostile("long", Value::from(list).to_string());
    nobody_else_notices(&mut site);
}

#[test]
fn sets_that_would_take_hours_to_compare_are_not_compared() {
    let events: Vec<String> = (0..300_000).map(|n| format!("e{n}")).collect();
    let list = json!([{"WebhookId": 1, "Name": "n", "Events": events, "TargetUrl": "https://h.example"}]);
    let mut site = hostile("sets", list.to_string());
    let evil = site.guest.account_becomes("evil-0", "read", |account| {
        condition(account, "Ready").is_some_and(|ready| ready.status == "True")
            && !account["status"]["unmanaged"].is_null()
    });
    let summary = evil["status"]["unmanaged"][0]["summary"].as_str().unwrap();
    assert!(summary.contains("has more than 20000 values"), "{summary}");
    nobody_else_notices(&mut site);
    // Many that may be compared.
    let events: Vec<String> = (0..19_000).map(|n| format!("event.{n}")).collect();
    let hook =
        |id: usize| json!({"WebhookId": id, "Name": "n", "Events": events, "TargetUrl": "https://h.example"});
    let list: Vec<Value> = (1..=25).map(hook).collect();
    let mut site = hostile("many-sets", Value::from(list).to_string());
    nobody_else_notices(&mut site);
}

/// The vendor has more than is read; earlier deletions are done all the same.
#[test]
fn a_list_without_bounds_does_not_keep_subscriptions_alive() {
    let (grows, deleted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (has_grown, is_deleted) = (Arc::clone(&grows), Arc::clone(&deleted));
    let vendor = Hostile::answering(move |request, stream| {
        let hook = json!({"WebhookId": 7, "Name": "first", "Events": ["contact.created"],
            "TargetUrl": "https://hooks.example.com/so", "State": "Active", "Type": "webhook"});
        match request.line.split(' ').next() {
            Some("DELETE") => {
                is_deleted.store(true, Ordering::Relaxed);
                respond(stream, "204 No Content", "")
            }
            Some("POST") => respond(stream, "200 OK", &hook.to_string()),
            _ if has_grown.load(Ordering::Relaxed) => {
                respond(stream, "200 OK", &format!("[{}1]", "1,".repeat(1 << 20)))
            }
            _ => respond(stream, "200 OK", &json!([hook]).to_string()),
        }
    });
    let flags = [&ANSWER_MEMORY[..], &["--allow-endpoint", &vendor.address]].concat();
    let mut site = Site::with_flags("wedge", Vendor::Brightpearl, &flags);
    site.attack(&login()).accepted();
    let mut full = account("full", &vendor.address);
    full["spec"]["resyncInterval"] = json!("30s");
    site.attack(&full).accepted();
    for name in ["first", "second"] {
        let mut hook = crate::scene::webhook(name, Vendor::Superoffice);
        hook["spec"]["accountRef"] = json!({"name": "full"});
        hook["spec"]["subscription"]["superoffice"] = json!({"name": "first", "events": ["contact.created"],
            "targetUrl": "https://hooks.example.com/so"});
        if name == "first" {
            site.attack(&hook).accepted();
            site.guest.ready("first");
            grows.store(true, Ordering::Relaxed);
        } else {
            hook["spec"]["subscription"]["superoffice"]["name"] = json!("second");
            site.attack(&hook).accepted();
        }
    }
    let message = trouble(&site, "full");
    assert!(message.contains("more than 500000 values"), "{message}");
    site.attack_by(&["delete", "webhook", "first", "--wait=true", KUBECTL_WAIT_LIMIT], "").accepted();
    assert!(deleted.load(Ordering::Relaxed), "it is deleted at the vendor");
    let message = trouble(&site, "full");
    assert!(message.contains("more than 500000 values"), "the account says so all the same: {message}");
    let second = site.guest.webhook("second");
    assert!(second["status"]["externalId"].is_null(), "nothing is created blindly: {second}");
    nobody_else_notices(&mut site);
}

/// An id from the vendor never leads to another path.
#[test]
fn ids_of_a_vendor_lead_to_no_other_path() {
    let (paths, heard) = std::sync::mpsc::channel::<String>();
    let paths = std::sync::Mutex::new(paths);
    let ids = [
        "",
        "..",
        "../../../../other/events/webhooks/subscriptions/VICTIM",
        "a/b",
        "%2e%2e",
        "a?b",
        "x\\y",
        &"7".repeat(101),
    ];
    let list: Vec<Value> = ids.iter().map(|id| hook(id)).chain([hook("good")]).collect();
    let list = Value::from(list).to_string();
    let vendor = Hostile::answering(move |request, stream| {
        if request.line.contains("/connect/token") {
            return respond(stream, "200 OK", r#"{"access_token": "canary", "expires_in": 3600}"#);
        }
        if request.line.starts_with("DELETE") {
            paths.lock().unwrap().send(request.line.clone()).unwrap();
            return respond(stream, "204 No Content", "");
        }
        respond(stream, "200 OK", &list)
    });
    let site = Site::with_flags("ids", Vendor::Brightpearl, &["--allow-endpoint", &vendor.address]);
    site.attack(&login()).accepted();
    let key = |key| json!({"name": "anything", "key": key});
    site.attack(&json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount", "metadata": {"name": "evil"},
        "spec": {"vendor": {"contensis": {"url": vendor.address, "project": "p", "credentials":
            {"clientCredentials": {"clientIdSecretRef": key("a"), "clientSecretSecretRef": key("b")}}}}},
    }))
    .accepted();
    let evil =
        site.guest.account_becomes("evil", "read", |account| !account["status"]["unmanaged"].is_null());
    let unmanaged = evil["status"]["unmanaged"].as_array().unwrap();
    let named: Vec<_> = unmanaged.iter().map(|one| one["externalId"].as_str().unwrap()).collect();
    assert_eq!(named.iter().filter(|id| id.is_empty()).count(), ids.len(), "{named:?}");
    assert!(named.contains(&"good"), "{named:?}");
    // A Webhook with such an id is refused; one with a valid id is deleted there, and only there.
    for (name, id, good) in [("bad", ids[2], false), ("good", "good", true)] {
        let mut declared = crate::scene::webhook(name, Vendor::Contensis);
        declared["spec"]["accountRef"] = json!({"name": "evil"});
        declared["spec"]["externalId"] = json!(id);
        let answer = site.attack(&declared);
        if good {
            answer.accepted();
        } else {
            let refusal = answer.refused();
            assert!(refusal.contains("externalId must consist of letters, digits and"), "{refusal}");
        }
    }
    site.guest.webhook_becomes("good", "adopted", |hook| hook["status"]["externalId"] == "good");
    site.attack_by(&["delete", "webhook", "good", "--wait=true", KUBECTL_WAIT_LIMIT], "").accepted();
    let deleted: Vec<_> = heard.try_iter().collect();
    assert_eq!(deleted, ["DELETE /api/management/projects/p/events/webhooks/subscriptions/good HTTP/1.1"]);
}

/// A subscription as Contensis shows it.
fn hook(id: &str) -> Value {
    json!({"id": id, "name": "n", "url": "https://h.example", "topics": [{"resourceType": "entry", "event": ["published"]}],
        "version": {"versionNo": "1.0"}})
}

/// As much as one Webhook may declare, several times and more; the vendor is honest.
#[test]
fn webhooks_that_take_long_to_compare_delay_nobody() {
    let mut site = Site::with_flags("topics", Vendor::Contensis, &ANSWER_MEMORY);
    let topics = |count: usize, each: usize| -> Value {
        let types = |topic: usize| -> Vec<String> { (0..each).map(|n| format!("t{topic}.{n}")).collect() };
        (0..count)
            .map(|topic| json!({"resourceType": "entry", "event": ["published"], "contentTypeId": types(topic)}))
            .collect()
    };
    let hook = |name: &str, topics: Value| {
        let mut hook = site.guests(name);
        hook["spec"]["subscription"]["contensis"]["topics"] = topics;
        hook["spec"]["subscription"]["contensis"]["name"] = json!(name);
        hook
    };
    let refused = site.attack(&hook("wide", topics(1, 101))).refused();
    assert!(refused.contains("contentTypeId"), "{refused}");
    site.attack(&hook("more", topics(64, 100))).accepted();
    let message = site.guest.stalled("more", "Rejected");
    assert!(message.contains("more than 5000 values"), "{message}");
    for number in 0..6 {
        site.attack(&hook(&format!("many-{number}"), topics(46, 100))).accepted();
    }
    site.guest.ready("many-5");
    nobody_else_notices(&mut site);
}
