//! What would concern too many members waits for a person.

use hooktender_cluster::eventually;
use serde_json::json;

use super::{Crowd, account, set};

#[test]
fn a_selector_that_loses_its_members_changes_nothing_until_that_is_allowed() {
    let crowd = Crowd::new("set-lost", 20);
    let operator = crowd.operator();
    crowd.scene.apply(&set(&["contact.created"]));
    crowd.ready(20);
    let resource_version = crowd.scene.webhook("hooks-a00")["metadata"]["resourceVersion"].clone();
    // Emptied by mistake, with another change beside it.
    crowd.patch(&json!({
        "accountSelector": {"matchLabels": {"tier": "golden"}},
        "template": {"spec": {"subscription": {"superoffice": {"events": ["sale.changed"]}}}},
    }));
    let message = crowd.says("SetGuard");
    assert!(
        message.starts_with("20 of 20 members would be removed: spec.accountSelector matches no account"),
        "{message}"
    );
    eprintln!("{message}");
    let status = &crowd.scene.set("hooks")["status"];
    assert_eq!((&status["members"], &status["ready"]), (&json!(20), &json!(20)), "those that exist");
    assert_eq!(crowd.scene.event("hooks", "SetGuard"), message);
    // It holds over a restart.
    operator.terminate();
    let operator = crowd.operator();
    crowd.scene.pass(&account(0));
    assert_eq!(crowd.stored(), [1; 20]);
    assert_eq!(crowd.scene.webhook("hooks-a00")["metadata"]["resourceVersion"], resource_version);
    crowd.patch(&json!({"accountSelector": {"matchLabels": {"tier": "gold"}}}));
    crowd.ready(20);
    // Labels that are removed one after another count together.
    for number in 0..8 {
        crowd.label(number, "tier=silver");
    }
    let message = crowd.says("SetGuard");
    assert!(message.contains("of 20 members would be removed"), "{message}");
    assert!(crowd.stored().iter().sum::<usize>() >= 14, "no more than the share is gone: {message}");
    for number in 8..12 {
        crowd.label(number, "tier=silver");
    }
    // The message of the last edit is the one to follow.
    eventually("what is blocked is allowed", || {
        let set = crowd.scene.set("hooks");
        let ready = crate::scene::condition(&set, "Ready").unwrap();
        if ready.reason == "SetGuard" {
            crowd.allow(&ready.message);
        }
        if set["status"]["members"] == 8 && ready.status == "True" {
            Ok(())
        } else {
            Err(set["status"].clone())
        }
    })
    .unwrap();
    crowd.ready(8);
    eventually("their subscriptions are deleted", || {
        let stored = crowd.stored();
        if stored.iter().sum::<usize>() == 8 { Ok(()) } else { Err(stored) }
    })
    .unwrap();
    operator.terminate();
}

#[test]
fn a_template_that_redirects_or_disables_many_changes_nothing_until_that_is_allowed() {
    let crowd = Crowd::new("set-redirect", 8);
    let _operator = crowd.operator();
    crowd.scene.apply(&set(&["contact.created"]));
    crowd.ready(8);
    let target = |address: &str| json!({"template": {"spec": {"subscription": {"superoffice": {"targetUrl": address}}}}});
    crowd.patch(&target("https://typo.example.com/$(TENANT)"));
    let typo = crowd.says("SetGuard");
    assert!(
        typo.starts_with("8 of 8 members would get another receiver (hooks-a00, hooks-a01, hooks-a02, …)"),
        "{typo}"
    );
    // What is allowed is this address, and no other.
    crowd.patch(&target("https://new.example.com/$(TENANT)"));
    let other = crowd.becomes("blocked for the other", |set| {
        crate::scene::condition(set, "Ready")
            .is_some_and(|ready| ready.reason == "SetGuard" && ready.message != typo)
    });
    crowd.allow(&typo);
    assert_eq!(crowd.says("SetGuard"), crate::scene::condition(&other, "Ready").unwrap().message);
    assert!(crowd.tenants.iter().all(|tenant| tenant.count("update") == 0));
    crowd.allow(&crowd.says("SetGuard"));
    crowd.ready(8);
    assert!(
        crowd
            .tenants
            .iter()
            .all(|tenant| tenant.stored()[0]["TargetUrl"].as_str().unwrap().starts_with("https://new."))
    );
    crowd.patch(&json!({"template": {"spec": {"subscription": {"superoffice": {"state": "Stopped"}}}}}));
    assert!(crowd.says("SetGuard").starts_with("8 of 8 members would be disabled"));
}

#[test]
fn deleting_a_large_set_waits_for_a_person() {
    let crowd = Crowd::new("set-deleted", 6);
    let _operator = crowd.operator();
    crowd.scene.apply(&set(&["contact.created"]));
    crowd.ready(6);
    crowd.scene.kubectl(&["delete", "webhookset/hooks", "--wait=false"]);
    let message = crowd.says("SetGuard");
    assert!(message.starts_with("6 of 6 members would be removed: the set is being deleted"), "{message}");
    assert!(message.contains("Nothing is removed until you set deletionPolicy: Retain"), "{message}");
    assert_eq!(crowd.scene.set("hooks")["status"]["members"], 6);
    assert_eq!(crowd.stored(), [1; 6]);
    crowd.allow(&message);
    eventually("all is gone", || {
        let left = (crowd.scene.set("hooks").is_null(), crowd.stored());
        if left == (true, vec![0; 6]) { Ok(()) } else { Err(left) }
    })
    .unwrap();
    // With Retain nothing is lost at a vendor.
    let mut retained = set(&["contact.created"]);
    retained["spec"]["template"]["spec"]["deletionPolicy"] = json!("Retain");
    crowd.scene.apply(&retained);
    crowd.ready(6);
    crowd.scene.kubectl(&["delete", "webhookset/hooks", hooktender_cluster::KUBECTL_WAIT_LIMIT]);
    assert_eq!(crowd.scene.kubectl(&["get", "webhooks", "--output=name"]), "");
    assert_eq!(crowd.stored(), [1; 6]);
}
