//! Two clusters that declare the same at one vendor account: neither can know of the other.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{Scene, account, login, webhook};
use crate::vendors::{Tenant, Vendor};

/// Two namespaces, each with an operator that reads no other, behave like two clusters.
fn two(name: &str, vendor: Vendor) -> (Tenant, [(Scene, Operator); 2]) {
    let tenant = Tenant::open(vendor);
    let side = |side: &str| {
        let scene = Scene::new(&format!("{name}-{side}"));
        scene.apply(&login("login", &tenant));
        scene.apply(&account("account", "login", &tenant));
        let operator = scene.operator();
        (scene, operator)
    };
    let sides = ["left", "right"].map(side);
    (tenant, sides)
}

fn id(hook: &Value) -> String {
    hook["status"]["externalId"].as_str().unwrap().to_owned()
}

/// Both declare it, one after the other; returns the id that both have.
fn shared(tenant: &Tenant, [(left, _), (right, _)]: &[(Scene, Operator); 2]) -> String {
    let hook = webhook("hook", tenant.vendor);
    left.apply(&hook);
    let made = id(&left.ready("hook"));
    right.apply(&hook);
    assert_eq!(id(&right.ready("hook")), made);
    assert_eq!((tenant.count("create"), tenant.ids()), (1, vec![made.clone()]));
    made
}

/// How often a side has reported a correction.
fn corrections(scene: &Scene) -> usize {
    scene.events("hook").iter().filter(|event| event.0 == "DriftCorrected").count()
}

#[test]
fn a_subscription_is_shared_and_created_again_when_the_other_side_deletes_it() {
    for vendor in Vendor::ALL {
        let (tenant, sides) = two("shared", vendor);
        let made = shared(&tenant, &sides);
        let [(left, _), (right, _)] = &sides;
        left.kubectl(&["delete", "webhook", "hook"]);
        assert_eq!(tenant.ids(), [""; 0], "{vendor:?}");
        // As at its next resync. Contensis may not list yet what has just been created.
        right.request("account");
        let healed = right.webhook_becomes("hook", "made again", |hook| {
            let now = hook["status"]["externalId"].as_str();
            now.is_some_and(|now| now != made && tenant.ids() == [now])
        });
        // The event comes after the status.
        right.event("hook", "DriftCorrected");
        assert_eq!(corrections(right), 1, "{vendor:?}: {:?}", right.events("hook"));
        left.pass("account");
        right.pass("account");
        assert_eq!((tenant.count("create"), tenant.ids()), (2, vec![id(&healed)]), "{vendor:?}");
    }
}

#[test]
fn a_subscription_that_one_side_retains_is_kept_by_the_other() {
    let (tenant, sides) = two("moved", Vendor::Superoffice);
    let made = shared(&tenant, &sides);
    let [(left, _), (right, _)] = &sides;
    left.patch("webhook/hook", &json!({"spec": {"deletionPolicy": "Retain"}}));
    left.kubectl(&["delete", "webhook", "hook"]);
    right.pass("account");
    assert_eq!((tenant.ids(), tenant.count("delete")), (vec![made], 0));
}

#[test]
fn two_that_differ_correct_each_other_once_a_resync_and_report_it() {
    for vendor in [Vendor::Contensis, Vendor::Superoffice] {
        let (tenant, sides) = two("differ", vendor);
        let made = shared(&tenant, &sides);
        let [(left, _), (right, _)] = &sides;
        let field = if vendor == Vendor::Contensis { "description" } else { "errorsEmail" };
        let edit = json!({"spec": {"subscription": {vendor.as_str(): {field: "right@example.com"}}}});
        right.patch("webhook/hook", &edit);
        right.ready("hook");
        tenant.clear_journal();
        // Only a resync, which is an hour away here, makes a side read the list again.
        for turn in 1..=2 {
            for side in [left, right] {
                side.pass("account");
                eventually("it says so", || {
                    if corrections(side) == turn { Ok(()) } else { Err(side.events("hook")) }
                })
                .unwrap();
            }
            assert_eq!(tenant.count("update"), 2 * turn, "{vendor:?}");
        }
        assert_eq!((tenant.count("create"), tenant.count("delete"), tenant.ids()), (0, 0, vec![made]));
        // One of the two is changed.
        left.patch("webhook/hook", &json!({"spec": {"driftPolicy": "Report"}}));
        left.pass("account");
        right.pass("account");
        assert_eq!(tenant.count("update"), 4, "{vendor:?}");
    }
}

#[test]
fn a_similar_one_of_the_other_side_waits_for_a_person() {
    let (tenant, [(left, _first), (right, _second)]) = two("alike", Vendor::Brightpearl);
    left.apply(&webhook("hook", Vendor::Brightpearl));
    let made = id(&left.ready("hook"));
    let mut other = webhook("hook", Vendor::Brightpearl);
    other["spec"]["subscription"]["brightpearl"]["qualityOfService"] = json!(0);
    right.apply(&other);
    assert!(right.stalled("hook", "SimilarExists").contains(&made));
    assert_eq!((tenant.writes(), tenant.ids()), (1, vec![made]));
}
