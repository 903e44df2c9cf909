//! A clock that was set while no operator ran: the times in a status are wrong.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::scene::{Scene, webhook};
use crate::vendors::Vendor;

const TIMES: [&str; 2] = ["2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z"];

fn set(scene: &Scene, status: &Value) {
    let patch = json!({ "status": status }).to_string();
    scene.kubectl(&["patch", "webhook/hook", "--subresource=status", "--type=merge", "--patch", &patch]);
}

#[test]
fn an_unknown_outcome_is_resolved_whatever_its_time_in_the_status() {
    for vendor in Vendor::ALL {
        for time in TIMES {
            let (scene, tenant) = Scene::with_account("clock", vendor);
            let flags = ["--settle", "2s", "--request-timeout", "4s"];
            let operator = scene.operator_with(&flags);
            // The vendor commits it after the process has died.
            tenant.fault(&json!({"operation": "create", "kind": "late_commit", "millis": 3000}));
            scene.apply(&webhook("hook", vendor));
            tenant.asked("create", 1);
            operator.kill();
            set(&scene, &json!({"pending": {"since": time}}));
            let _operator = scene.operator_with(&flags);
            let ready = scene.ready("hook");
            scene.pass("account");
            assert_eq!(tenant.count("create"), 1, "{vendor:?} {time}");
            assert_eq!(tenant.ids(), [ready["status"]["externalId"].as_str().unwrap()], "{vendor:?} {time}");
        }
    }
}

#[test]
fn a_subscription_that_is_not_listed_yet_is_not_created_again_whatever_its_time_in_the_status() {
    for time in TIMES {
        let (scene, tenant) = Scene::with_account("clock-lag", Vendor::Contensis);
        tenant.settings(&json!({"visibilityDelayMillis": 4_000}));
        let operator = scene.operator();
        scene.apply(&webhook("hook", Vendor::Contensis));
        scene.ready("hook");
        operator.kill();
        set(&scene, &json!({"lastApplied": {"time": time}}));
        let _operator = scene.operator();
        scene.pass("account");
        scene.ready("hook");
        // A subscription that is really missing is created again all the same.
        let gone = tenant.ids().remove(0);
        tenant.remove(&gone);
        scene.request("account");
        eventually("it is made again", || match tenant.ids().as_slice() {
            [id] if *id != gone => Ok(()),
            ids => Err(ids.to_vec()),
        })
        .unwrap();
        scene.ready("hook");
        assert_eq!(tenant.count("create"), 2, "{time}");
    }
}
