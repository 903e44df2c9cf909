//! When everything is in sync, next to nothing happens.

use std::time::{Duration, Instant};

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::scene::{Scene, is, webhook};
use crate::vendors::Vendor;

/// Many Webhooks that are all ready, in one account.
fn crowd(scene: &Scene, vendor: Vendor, size: usize) {
    let names: Vec<_> = (0..size).map(|number| format!("hook-{number}")).collect();
    let items: Vec<_> = names.iter().map(|name| webhook(name, vendor)).collect();
    scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}));
    for name in &names {
        scene.ready(name);
    }
    // The passes after the last status writes are over.
    scene.pass("account");
}

#[test]
fn a_settled_account_costs_one_list_call_and_one_line_an_interval_and_no_write_to_the_cluster() {
    let (scene, tenant) = Scene::with_account("steady", Vendor::Contensis);
    scene.patch("vendoraccount/account", &json!({"spec": {"resyncInterval": "30s"}}));
    let operator = scene.operator();
    crowd(&scene, Vendor::Contensis, 200);
    assert_eq!((tenant.stored().len(), tenant.writes()), (200, 200), "each is made once");
    // A finalizer, a pending create, a status and an event each; the rest is the account's.
    let written = scene.cluster_writes().len();
    assert!(written < 4 * 200 + 40, "{written}");
    // Its line comes last: all its writes were answered, and are in the audit log.
    let logged = eventually("the pass that was asked for is over", || {
        let log = operator.log();
        let over = log
            .lines()
            .last()
            .is_some_and(|line| line.contains("engine::pass: pass ") && line.contains(" done=0 "));
        if over { Ok(log.lines().count()) } else { Err(log) }
    })
    .unwrap();
    tenant.clear_journal();
    let written = scene.cluster_writes().len();
    let listed = |count: usize| {
        eventually(&format!("list call {count}"), || {
            let seen = tenant.operations();
            if seen.len() >= count { Ok(Instant::now()) } else { Err(seen) }
        })
        .unwrap()
    };
    let (first, watch) = (listed(1), scene.stopwatch());
    let second = listed(2);
    // 30 s, give or take 10 %; looks are some milliseconds apart.
    assert!(second - first > Duration::from_millis(26_500), "{:?}", second - first);
    watch.assert_within(Duration::from_secs(36));
    assert_eq!(tenant.operations(), ["list", "list"]);
    assert_eq!(scene.cluster_writes()[written..], []);
    let lines = eventually("a line for each", || {
        let lines: Vec<_> = operator.log().lines().skip(logged).map(str::to_owned).collect();
        if lines.len() >= 2 { Ok(lines) } else { Err(lines) }
    })
    .unwrap();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.contains("engine::pass: pass ")), "{lines:#?}");
    for number in 0..5 {
        scene.patch(&format!("webhook/hook-{number}"), &edit(Vendor::Contensis));
    }
    for number in 0..5 {
        scene.ready(&format!("hook-{number}"));
    }
    assert_eq!(tenant.writes(), 5, "vendor writes are the changes, and nothing else");
}

#[test]
fn a_requested_pass_costs_one_list_call_and_its_answer() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("asked", vendor);
        let _operator = scene.operator();
        let size = if vendor == Vendor::Superoffice { 1 } else { 20 };
        crowd(&scene, vendor, size);
        tenant.clear_journal();
        let written = scene.cluster_writes().len();
        for _ in 0..3 {
            scene.pass("account");
        }
        assert_eq!(tenant.operations(), ["list", "list", "list"]);
        let writes = &scene.cluster_writes()[written..];
        assert_eq!(writes.len(), 3, "{writes:#?}");
        assert!(writes.iter().all(|write| write.name == "account" && write.subresource == "status"));
    }
}

/// An edit of `hook-0`.
fn edit(vendor: Vendor) -> Value {
    let edit = match vendor {
        Vendor::Brightpearl => json!({"brightpearl": {"qualityOfService": 0}}),
        Vendor::Contensis => json!({"contensis": {"description": "edited"}}),
        Vendor::Superoffice => json!({"superoffice": {"errorsEmail": "edited@example.com"}}),
    };
    json!({"spec": {"subscription": edit}})
}

#[test]
fn a_suspended_account_is_not_called_at_all() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("suspended", vendor);
        let _operator = scene.operator();
        crowd(&scene, vendor, 1);
        let stored = tenant.stored();
        scene.patch("vendoraccount/account", &json!({"spec": {"suspend": true}}));
        // Ready keeps its value.
        scene.account_becomes("account", "suspended", |account| is(account, "Ready", "True", "Suspended"));
        tenant.clear_journal();
        scene.patch("webhook/hook-0", &edit(vendor));
        scene.pass("account");
        assert_eq!(tenant.journal(), [Value::Null; 0]);
        assert_eq!(tenant.stored(), stored);
        scene.patch("vendoraccount/account", &json!({"spec": {"suspend": false}}));
        scene.ready("hook-0");
        scene.account_becomes("account", "at work again", |account| is(account, "Ready", "True", "InSync"));
        assert_ne!(tenant.stored(), stored);
    }
}

#[test]
fn a_suspended_webhook_is_left_unchanged_and_others_are_not() {
    for vendor in [Vendor::Brightpearl, Vendor::Contensis] {
        let (scene, tenant) = Scene::with_account("suspended", vendor);
        let _operator = scene.operator();
        crowd(&scene, vendor, 2);
        let stored = tenant.stored();
        let mut patch = edit(vendor);
        patch["spec"]["suspend"] = json!(true);
        scene.patch("webhook/hook-0", &patch);
        scene.webhook_becomes("hook-0", "suspended", |webhook| is(webhook, "Ready", "True", "Suspended"));
        scene.pass("account");
        assert_eq!(tenant.stored(), stored);
        scene.patch("webhook/hook-1", &edit(vendor));
        scene.ready("hook-1");
        let suspended = scene.webhook("hook-0");
        let id = suspended["status"]["externalId"].as_str().unwrap();
        assert!(stored.contains(&tenant.one(id).unwrap()));
        assert_ne!(tenant.stored(), stored);
        let between = tenant.stored();
        scene.patch("webhook/hook-0", &json!({"spec": {"suspend": false}}));
        scene.webhook_becomes("hook-0", "at work again", |webhook| is(webhook, "Ready", "True", "InSync"));
        assert_ne!(tenant.stored(), between);
    }
}
