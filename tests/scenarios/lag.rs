//! A vendor's list may lack a new subscription for a while: meanwhile it is neither created again nor forgotten.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{Scene, is, webhook};
use crate::vendors::{Tenant, Vendor};

/// A Webhook called `hook` that was just created and is not listed yet.
fn just_made(vendor: Vendor) -> (Scene, Tenant, Operator) {
    let (scene, tenant) = Scene::with_account("lag", vendor);
    tenant.settings(&json!({"visibilityDelayMillis": 3_000}));
    let operator = scene.operator();
    scene.apply(&webhook("hook", vendor));
    scene.ready("hook");
    (scene, tenant, operator)
}

/// Checks that it was created once, and exists.
fn is_there_once(scene: &Scene, tenant: &Tenant) {
    scene.ready("hook");
    scene.pass("account");
    assert_eq!((tenant.count("create"), tenant.count("delete"), tenant.ids().len()), (1, 0, 1));
    assert_eq!(scene.webhook("hook")["status"]["externalId"], tenant.ids()[0]);
}

#[test]
fn an_edit_right_after_the_creation_makes_no_second_subscription() {
    let (scene, tenant, _operator) = just_made(Vendor::Contensis);
    // A request makes the operator read the list again; an edit alone would use the previous list.
    let edit = json!({
        "metadata": {"annotations": {"hooktender.dev/requested-at": "now"}},
        "spec": {"subscription": {"contensis": {"description": "edited"}}},
    });
    scene.patch("webhook/hook", &edit);
    let waiting =
        scene.webhook_becomes("hook", "waiting", |hook| is(hook, "Reconciling", "True", "Settling"));
    let message = crate::scene::condition(&waiting, "Ready").unwrap().message;
    assert!(message.contains("created just now, but contensis does not list it yet"), "{message}");
    eventually("the edit is there", || {
        let stored = tenant.stored();
        if stored.iter().all(|one| one["description"] == "edited") { Ok(()) } else { Err(stored) }
    })
    .unwrap();
    is_there_once(&scene, &tenant);
}

#[test]
fn passes_right_after_the_creation_make_no_second_subscription() {
    for vendor in Vendor::ALL {
        let (scene, tenant, _operator) = just_made(vendor);
        for _ in 0..3 {
            scene.pass("account");
        }
        is_there_once(&scene, &tenant);
    }
}

#[test]
fn creations_one_after_the_other_make_each_once() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("lag-seven", vendor);
        tenant.settings(&json!({"visibilityDelayMillis": 1_000}));
        let _operator = scene.operator();
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        for name in names {
            // Each has a pass of its own, whose list lacks the previous one.
            scene.apply(&webhook(name, vendor));
            tenant.asked("create", 1);
        }
        for name in &names {
            scene.ready(name);
        }
        scene.pass("account");
        assert_eq!((tenant.count("create"), tenant.ids().len()), (7, 7), "{vendor:?}");
    }
}

#[test]
fn a_restart_right_after_the_creation_makes_no_second_subscription() {
    for vendor in Vendor::ALL {
        let (scene, tenant, operator) = just_made(vendor);
        operator.kill();
        let _operator = scene.operator();
        scene.pass("account");
        is_there_once(&scene, &tenant);
    }
}

#[test]
fn a_deletion_right_after_the_creation_is_done_in_the_end() {
    for vendor in Vendor::ALL {
        let (scene, tenant, _operator) = just_made(vendor);
        scene.kubectl(&["delete", "webhook", "hook", "--wait=false"]);
        eventually("it is gone", || match scene.webhook("hook") {
            Value::Null => Ok(()),
            hook => Err(hook["status"]["conditions"].clone()),
        })
        .unwrap();
        assert_eq!(tenant.ids(), [""; 0]);
        assert_eq!((tenant.count("create"), tenant.count("delete")), (1, 1));
    }
}
