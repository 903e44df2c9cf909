//! Rate limits of an account: what a vendor says, what is reserved for others, and what waits.

use std::time::{Duration, Instant};

use hooktender_cluster::{KUBECTL_WAIT_LIMIT, eventually};
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{PROMPT, Scene, account, condition, is, login, webhook};
use crate::vendors::{Tenant, Vendor};

/// Brightpearl's answer to a call beyond the limit, without headers about the limit itself.
fn throttled(millis: u32) -> Value {
    let said = "You have sent too many requests. Please wait for the next throttle period";
    json!({
        "kind": "status", "status": 503, "body": {"response": said},
        "headers": {"brightpearl-next-throttle-period": millis.to_string()},
    })
}

/// An account called `neighbour` in the same scene.
fn neighbour(scene: &Scene, vendor: Vendor) -> Tenant {
    let tenant = Tenant::open(vendor);
    scene.apply(&login("neighbour", &tenant));
    scene.apply(&account("neighbour", "neighbour", &tenant));
    tenant
}

fn hook_of(account: &str, name: &str) -> Value {
    let mut hook = webhook(name, Vendor::Brightpearl);
    hook["spec"]["accountRef"]["name"] = json!(account);
    hook
}

/// Applies so many different Webhooks at once.
fn crowd(scene: &Scene, vendor: Vendor, size: usize) -> Vec<String> {
    let names: Vec<_> = (0..size).map(|number| format!("hook-{number:02}")).collect();
    let items: Vec<_> = names.iter().map(|name| webhook(name, vendor)).collect();
    scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}));
    names
}

#[test]
fn a_throttled_account_waits_and_another_does_not() {
    let (scene, tenant) = Scene::with_account("throttled", Vendor::Brightpearl);
    let neighbour = neighbour(&scene, Vendor::Brightpearl);
    scene.apply(&hook_of("account", "waits"));
    tenant.fault(&throttled(3_600_000));
    let _operator = scene.operator();
    scene.account_becomes("account", "throttled", |account| is(account, "Ready", "False", "Throttled"));
    scene.webhook_becomes("waits", "waiting", |hook| is(hook, "Reconciling", "True", "Throttled"));
    scene.account_becomes("neighbour", "ready", |account| is(account, "Ready", "True", "InSync"));
    neighbour.clear_journal();
    let (start, watch) = (Instant::now(), scene.stopwatch());
    scene.apply(&hook_of("neighbour", "goes"));
    neighbour.asked("create", 1);
    watch.assert_within(PROMPT);
    scene.ready("goes");
    // No request of a person shortens a delay that the vendor asked for.
    scene.request("account");
    scene
        .patch("webhook/waits", &json!({"spec": {"subscription": {"brightpearl": {"qualityOfService": 0}}}}));
    // Longer than any delay of our own.
    while start.elapsed() < Duration::from_secs(3) {
        scene.pass("neighbour");
    }
    assert_eq!(tenant.operations(), ["list"]);
    assert!(is(&scene.account("account"), "Ready", "False", "Throttled"));
}

/// An account whose vendor asked for an hour's delay, with a Webhook `first` that is ready.
fn told_to_come_back() -> (Scene, Tenant, Operator) {
    let (scene, tenant) = Scene::with_account("later", Vendor::Brightpearl);
    let operator = scene.operator();
    scene.apply(&hook_of("account", "first"));
    scene.ready("first");
    let page = json!({"kind": "status", "status": 503, "times": null, "headers": {"retry-after": "3600"},
        "contentType": "text/html", "body": "<html><body>Back in an hour</body></html>"});
    tenant.fault(&page);
    scene.request("account");
    scene.account_becomes("account", "away", |account| is(account, "Ready", "False", "Unavailable"));
    tenant.clear_journal();
    (scene, tenant, operator)
}

#[test]
fn statuses_and_finalizers_are_written_while_an_account_waits() {
    let (scene, tenant, _operator) = told_to_come_back();
    scene.apply(&hook_of("account", "second"));
    scene.webhook_becomes("second", "waiting", |hook| is(hook, "Reconciling", "True", "Unavailable"));
    assert!(is(&scene.webhook("first"), "Ready", "True", "InSync"));
    scene.kubectl(&["annotate", "webhook", "first", "hooktender.dev/release=true"]);
    scene.kubectl(&["delete", "webhook", "first", KUBECTL_WAIT_LIMIT]);
    assert_eq!((tenant.journal(), tenant.ids().len()), (Vec::new(), 1));
}

#[test]
fn an_edit_of_a_waiting_account_is_tried_at_once() {
    let (scene, tenant, _operator) = told_to_come_back();
    tenant.clear_faults();
    // Not for a request.
    scene.request("account");
    scene.apply(&hook_of("account", "second"));
    scene.webhook_becomes("second", "waiting", |hook| is(hook, "Reconciling", "True", "Unavailable"));
    assert_eq!(tenant.journal(), [Value::Null; 0]);
    let watch = scene.stopwatch();
    let url = scene.account("account")["spec"]["vendor"]["brightpearl"]["url"].as_str().unwrap().to_owned();
    let url = json!({"brightpearl": {"url": format!("{url}/")}});
    scene.patch("vendoraccount/account", &json!({"spec": {"vendor": url}}));
    scene.ready("second");
    watch.assert_within(PROMPT);
}

#[test]
fn a_throttled_account_continues_after_the_delay() {
    let (scene, tenant) = Scene::with_account("throttled", Vendor::Brightpearl);
    scene.apply(&hook_of("account", "hook"));
    // Once before anything is known, and once in the middle of the work.
    let mut twice = throttled(3_000);
    tenant.fault(&twice);
    twice["operation"] = json!("create");
    tenant.fault(&twice);
    let _operator = scene.operator();
    scene.ready("hook");
    let operations = tenant.operations();
    assert_eq!(operations.iter().filter(|one| *one == "create").count(), 2, "{operations:?}");
    assert_eq!(tenant.ids().len(), 1);
    let (journal, times) = (tenant.journal(), tenant.times());
    let refused = |at: &usize| journal[*at]["status"] == 503;
    let waits: Vec<_> = (0..journal.len())
        .filter(refused)
        .map(|at| times[at + 1].duration_since(times[at]).as_millis())
        .collect();
    assert!(waits.len() == 2 && waits.iter().all(|wait| *wait >= 3_000), "{waits:?}");
    scene.account_becomes("account", "well", |account| is(account, "Ready", "True", "InSync"));
}

#[test]
fn a_rate_limit_is_kept_and_waiting_webhooks_report_it() {
    let (scene, tenant) = Scene::with_account("budget", Vendor::Contensis);
    let other = neighbour(&scene, Vendor::Contensis);
    scene.patch(
        "vendoraccount/account",
        &json!({"spec": {"rateLimit": {"requestsPerMinute": 8, "reserve": 2}}}),
    );
    let names = crowd(&scene, Vendor::Contensis, 12);
    let _operator = scene.operator();
    let account =
        scene.account_becomes("account", "throttled", |account| is(account, "Ready", "False", "Throttled"));
    let message = condition(&account, "Ready").unwrap().message;
    assert_eq!(message, "the account's rate limit is used up; hooktender continues automatically");
    // A list and five creates; logins count elsewhere.
    let counted = || tenant.operations().into_iter().filter(|one| one != "token").collect::<Vec<_>>();
    assert_eq!(counted(), ["list", "create", "create", "create", "create", "create"]);
    // A new Webhook waits as well.
    scene.apply(&webhook("new", Vendor::Contensis));
    for name in names[5..].iter().map(String::as_str).chain(["new"]) {
        scene.webhook_becomes(name, "waiting", |hook| is(hook, "Reconciling", "True", "Throttled"));
    }
    // Further passes stay within the limit.
    for _ in 0..3 {
        scene.pass("account");
        scene.pass("neighbour");
    }
    // On a slow machine, a seventh call may have come in the next minute.
    let times: Vec<_> = tenant
        .journal()
        .iter()
        .zip(tenant.times())
        .filter(|(entry, _)| entry["operation"] != "token")
        .map(|(_, time)| time)
        .collect();
    assert!(times.windows(7).all(|seven| seven[6].duration_since(seven[0]).as_secs() >= 59), "{times:?}");
    assert_eq!(other.count("list"), 4);
    // A limit that is removed ends at once.
    scene.patch("vendoraccount/account", &json!({"spec": {"rateLimit": null}}));
    for name in names.iter().map(String::as_str).chain(["new"]) {
        scene.ready(name);
    }
    assert_eq!((tenant.count("create"), tenant.ids().len()), (13, 13));
}

#[test]
fn no_period_of_the_vendor_exceeds_the_limit_and_edits_come_first() {
    const PERIOD: i64 = 6_000;
    let (scene, tenant) = Scene::with_account("periods", Vendor::Brightpearl);
    let _operator = scene.operator();
    for name in ["leaves", "changes"] {
        scene.apply(&webhook(name, Vendor::Brightpearl));
    }
    scene.ready("leaves");
    scene.ready("changes");
    tenant.settings(&json!({"throttleCap": 6, "throttleWindowMillis": PERIOD}));
    let rate = json!({"requestsPerMinute": 6, "reserve": 2});
    scene.patch("vendoraccount/account", &json!({"spec": {"rateLimit": rate, "suspend": true}}));
    scene.account_becomes("account", "suspended", |account| is(account, "Reconciling", "False", "Suspended"));
    // From here on four calls a period, and one plan for all.
    tenant.clear_journal();
    let names = crowd(&scene, Vendor::Brightpearl, 10);
    scene.patch("vendoraccount/account", &json!({"spec": {"suspend": false}}));
    scene.webhook_becomes("hook-09", "waiting", |hook| is(hook, "Reconciling", "True", "Throttled"));
    let before = tenant.journal().len();
    scene.kubectl(&["delete", "webhook", "leaves", "--wait=false"]);
    scene.patch(
        "webhook/changes",
        &json!({"spec": {"subscription": {"brightpearl": {"qualityOfService": 0}}}}),
    );
    for name in &names {
        scene.ready(name);
    }
    scene.ready("changes");
    eventually("one left", || if scene.webhook("leaves").is_null() { Ok(()) } else { Err(()) }).unwrap();
    let journal = tenant.journal();
    // Many creates were left: the deletion and the edit came before them.
    let after: Vec<_> = journal[before..].iter().filter(|entry| entry["operation"] != "list").collect();
    let last = after.iter().take(3).map(|entry| entry["operation"].as_str().unwrap()).collect::<Vec<_>>();
    assert!(after.len() >= 6, "{after:#?}");
    assert_eq!(last.iter().filter(|operation| **operation == "delete").count(), 2, "{last:?}");
    let mut periods = std::collections::BTreeMap::<i64, Vec<_>>::new();
    for (entry, time) in journal.iter().zip(tenant.times()) {
        let calls = periods.entry(time.as_millisecond().div_euclid(PERIOD)).or_default();
        calls.push((time, &entry["operation"]));
    }
    assert!(periods.values().all(|calls| calls.len() <= 4), "{periods:#?}");
    assert!(journal.iter().all(|entry| entry["status"] != 503), "the vendor never had to say so");
    assert_eq!(tenant.ids().len(), 11);
}
