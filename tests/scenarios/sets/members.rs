//! Which Webhooks a set makes, and what it does when people change them.

use std::collections::BTreeSet;

use hooktender_cluster::{KUBECTL_WAIT_LIMIT, eventually};
use serde_json::json;

use super::{Crowd, account, member, set};
use crate::program::run;
use crate::scene::condition;
use crate::vendors::Tenant;

#[test]
fn one_declaration_reaches_twenty_tenants_and_then_nothing_is_written() {
    let mut crowd = Crowd::new("set-many", 20);
    let _operator = crowd.operator();
    crowd.scene.apply(&set(&["contact.created"]));
    let made = crowd.ready(20);
    assert_eq!(condition(&made, "Ready").unwrap().message, "all 20 members are ready");
    for (number, tenant) in crowd.tenants.iter().enumerate() {
        let stored = tenant.stored();
        assert_eq!(stored.len(), 1, "{number}");
        assert_eq!(stored[0]["TargetUrl"], format!("https://hooks.example.com/t{number:02}"));
        assert_eq!(stored[0]["Secret"], format!("canary-key-{number:02}"), "the tenant's own key");
    }
    let webhook = crowd.scene.webhook(&member(3));
    assert_eq!(webhook["metadata"]["labels"], json!({"team": "crm", "hooktender.dev/set": "hooks"}));
    assert_eq!(webhook["metadata"]["ownerReferences"][0]["name"], "hooks");
    let listed = crowd.scene.kubectl(&["get", "whs"]);
    eprintln!("{listed}");
    let row: Vec<_> = listed.lines().last().unwrap().split_whitespace().take(8).collect();
    assert_eq!(row, ["hooks", "20", "20", "20", "0", "0", "0", "InSync"], "{listed}");
    // Quiet: passes over all accounts write nothing of the set or its members.
    crowd.scene.pass(&account(0));
    let before = crowd.scene.cluster_writes().len();
    for number in 0..20 {
        crowd.scene.pass(&account(number));
    }
    let later = crowd.scene.cluster_writes().split_off(before);
    let of_set: Vec<_> = later.iter().filter(|event| event.resource != "vendoraccounts").collect();
    assert!(of_set.is_empty(), "{of_set:#?}");
    // One VendorAccount and its Secrets are all that a new tenant needs, and deleting it is all that it takes to leave.
    for object in crowd.open() {
        crowd.scene.apply(&object);
    }
    crowd.ready(21);
    assert_eq!(crowd.stored(), [1; 21]);
    crowd.scene.kubectl(&["delete", "vendoraccount", &account(20), KUBECTL_WAIT_LIMIT]);
    crowd.ready(20);
    assert_eq!(crowd.tenants[20].stored().len(), 0);
    assert!(crowd.scene.webhook(&member(20)).is_null());
}

#[test]
fn members_that_people_change_are_put_back_made_again_or_left() {
    let crowd = Crowd::new("set-hands", 6);
    let _operator = crowd.operator();
    crowd.scene.apply(&set(&["contact.created"]));
    crowd.ready(6);
    let ids: Vec<_> = crowd.tenants.iter().map(|tenant| tenant.ids()[0].clone()).collect();
    // A field that the set has written, and one that it has not.
    let subscription = json!({"targetUrl": "https://elsewhere.example.com", "description": "by hand"});
    crowd.scene.patch(
        &format!("webhook/{}", member(0)),
        &json!({"spec": {"subscription": {"superoffice": subscription}, "suspend": true}}),
    );
    let note = crowd.scene.event("hooks", "MembersRestored");
    assert!(
        note.contains("1 member edited by another client, and put back to the template: hooks-a00"),
        "{note}"
    );
    let restored = crowd.ready(6);
    assert_eq!(restored["status"]["updated"], 6);
    let webhook = crowd.scene.webhook(&member(0));
    let declared = &webhook["spec"]["subscription"]["superoffice"];
    assert_eq!(
        (&declared["targetUrl"], &declared["description"]),
        (&json!("https://hooks.example.com/$(TENANT)"), &json!(null))
    );
    assert_eq!(crowd.tenants[0].stored()[0]["TargetUrl"], "https://hooks.example.com/t00");
    // Deleted: made again, and the subscription with it.
    crowd.scene.kubectl(&["delete", "webhook", &member(1), KUBECTL_WAIT_LIMIT]);
    eventually("the member is made again, and has another subscription", || {
        let now = crowd.tenants[1].ids();
        if now.len() == 1 && now != [ids[1].clone()] { Ok(()) } else { Err(now) }
    })
    .unwrap();
    crowd.ready(6);
    assert_eq!(crowd.stored(), [1; 6]);
    // Released: it stays as it is, and so does its subscription.
    crowd.scene.patch(&format!("webhook/{}", member(2)), &json!({"metadata": {"ownerReferences": null}}));
    let note = crowd.scene.event("hooks", "NotOwned");
    assert!(
        note.contains("the Webhook hooks-a02 does not belong to this set and is left as it is"),
        "{note}"
    );
    let message = crowd.says("MembersBlocked");
    assert!(message.starts_with("1 of 6 members wait for a person: hooks-a02 (NotOwned: "), "{message}");
    assert_eq!(crowd.tenants[2].ids(), [ids[2].clone()]);
    // Its account matches no more: what is left is the set's.
    crowd.label(2, "tier=silver");
    crowd.ready(5);
    assert_eq!(crowd.tenants[2].ids(), [ids[2].clone()]);
    // An account that matches no more loses its member.
    crowd.label(3, "tier=silver");
    crowd.ready(4);
    eventually("its subscription is deleted", || {
        let ids = crowd.tenants[3].ids();
        if ids.is_empty() { Ok(()) } else { Err(ids) }
    })
    .unwrap();
    assert_eq!(crowd.stored(), [1, 1, 1, 0, 1, 1]);
}

#[test]
fn what_one_account_lacks_concerns_its_member_only() {
    let crowd = Crowd::new("set-lacks", 3);
    let _operator = crowd.operator();
    crowd.scene.kubectl(&["label", "vendoraccount", &account(1), "tenant-"]);
    crowd.scene.apply(&set(&["contact.created"]));
    let message = crowd.says("MembersBlocked");
    assert!(
        message.contains(
            "1 of 3 members wait for a person: hooks-a01 (VariableMissing: variable TENANT: VendorAccount"
        ),
        "{message}"
    );
    assert!(message.contains("has no label tenant: add it"), "{message}");
    let status = crowd.scene.set("hooks")["status"].clone();
    assert_eq!((&status["ready"], &status["blocked"]), (&json!(2), &json!(1)));
    crowd.label(1, "tenant=t01");
    crowd.ready(3);
    // A member that exists keeps its Webhook.
    crowd.scene.kubectl(&["label", "vendoraccount", &account(1), "tenant-"]);
    crowd.says("MembersBlocked");
    assert_eq!(crowd.stored(), [1; 3]);
    crowd.label(1, "tenant=t01");
    crowd.ready(3);
}

#[test]
fn two_sets_do_not_share_a_webhook() {
    let crowd = Crowd::new("set-two", 2);
    let _operator = crowd.operator();
    crowd.scene.apply(&set(&["contact.created"]));
    crowd.ready(2);
    // The set `hooks` and the account `a-00`, the set `hooks-a` and the account `00`: one name.
    let another = |name: &str, tier: &str, number: usize| {
        let mut account = crate::scene::account(name, &format!("login-{number:02}"), &crowd.tenants[number]);
        account["metadata"]["labels"] = json!({"tier": tier, "tenant": format!("t{:02}", 1 - number)});
        crowd.scene.apply(&account);
    };
    another("a-00", "gold", 0);
    crowd.ready(3);
    another("00", "other", 1);
    let mut other = set(&["sale.changed"]);
    other["metadata"]["name"] = json!("hooks-a");
    other["spec"]["accountSelector"] = json!({"matchLabels": {"tier": "other"}});
    crowd.scene.apply(&other);
    eventually("the younger set says so", || {
        let set = crowd.scene.set("hooks-a");
        let ready = condition(&set, "Ready");
        let said = ready.as_ref().is_some_and(|ready| ready.message.contains("hooks-a-00 (NotOwned: "));
        if said { Ok(()) } else { Err(set["status"].clone()) }
    })
    .unwrap();
    assert_eq!(crowd.scene.webhook("hooks-a-00")["metadata"]["ownerReferences"][0]["name"], "hooks");
    assert_eq!(crowd.stored(), [2, 1]);
}

#[test]
fn sync_of_a_set_reads_the_lists_of_its_accounts() {
    let crowd = Crowd::new("set-sync", 2);
    let _operator = crowd.operator();
    crowd.scene.apply(&set(&["contact.created"]));
    crowd.ready(2);
    crowd.tenants.iter().for_each(Tenant::clear_journal);
    let admin = Some(crowd.scene.cluster.kubeconfig());
    let namespace = &crowd.scene.namespace;
    let said = run(admin, &["sync", "whs/hooks", "-n", namespace, "--wait"]).exits(0).quiet();
    for number in 0..2 {
        let line = format!("VendorAccount {namespace}/{}: pass done, ready: InSync", account(number));
        assert!(said.contains(&line), "{said}");
        assert!(crowd.tenants[number].count("list") > 0, "the vendor was not asked");
    }
    assert_eq!(said.lines().count(), 2);
    // A set whose selector matches nothing has nothing to sync.
    let mut empty = set(&["contact.created"]);
    empty["metadata"]["name"] = json!("empty");
    empty["spec"]["accountSelector"]["matchLabels"]["tier"] = json!("golden");
    crowd.scene.apply(&empty);
    let refused = run(admin, &["sync", "whs/empty", "-n", namespace]).failed();
    assert!(refused.contains("it has no members: hooktender explain whs/empty"), "{refused}");
}

#[test]
fn a_paused_set_changes_nothing() {
    let crowd = Crowd::new("set-paused", 2);
    let _operator = crowd.operator();
    let mut paused = set(&["contact.created"]);
    paused["spec"]["paused"] = json!(true);
    crowd.scene.apply(&paused);
    let message = crowd.says("Paused");
    assert_eq!(message, "2 members differ from the template; set spec.paused to false to change them");
    assert_eq!(crowd.scene.kubectl(&["get", "webhooks", "--output=name"]), "");
    crowd.patch(&json!({"paused": false}));
    crowd.ready(2);
    crowd.patch(&json!({"paused": true}));
    assert_eq!(crowd.says("Suspended"), "paused: no member is changed until spec.paused is false");
    let writes: BTreeSet<_> = crowd.scene.cluster_writes().into_iter().map(|event| event.verb).collect();
    assert!(!writes.contains("delete"), "{writes:?}");
}
