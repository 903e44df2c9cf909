//! Two VendorAccount objects that point to the same account at the vendor: each subscription belongs to one Webhook.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::command::{Folder, Reader, hooktender, of, run};
use crate::operator::Operator;
use crate::plan_offline::everything;
use crate::scene::{Scene, account, is, webhook};
use crate::vendors::{Tenant, Vendor};

/// The accounts `account` and `other` at one tenant, and an operator of both.
fn two(name: &str, vendor: Vendor) -> (Scene, Tenant, Operator) {
    let (scene, tenant) = Scene::with_account(name, vendor);
    scene.apply(&account("other", "login", &tenant));
    let operator = scene.operator();
    (scene, tenant, operator)
}

/// The Webhook `first` of `account`.
fn first(vendor: Vendor) -> Value {
    webhook("first", vendor)
}

/// The same subscription, declared as `copy` for `other`.
fn copy(vendor: Vendor) -> Value {
    let mut copy = first(vendor);
    copy["metadata"]["name"] = json!("copy");
    copy["spec"]["accountRef"]["name"] = json!("other");
    copy
}

/// A change of the content that keeps the natural key.
fn edit(vendor: Vendor) -> Value {
    let change = match vendor {
        Vendor::Brightpearl => json!({"qualityOfService": 0}),
        Vendor::Contensis => json!({"description": "edited"}),
        Vendor::Superoffice => json!({"events": ["contact.created"]}),
    };
    json!({"spec": {"subscription": {vendor.as_str(): change}}})
}

fn id(hook: &Value) -> String {
    hook["status"]["externalId"].as_str().unwrap_or_default().to_owned()
}

/// Waits until the account has these counts: declared, managed, unmanaged, elsewhere.
fn counts(scene: &Scene, account: &str, wanted: [u64; 4]) {
    scene.account_becomes(account, &format!("counting {wanted:?}"), |object| {
        let counts = &object["status"]["subscriptions"];
        let count = |name: &str| counts[name].as_u64().unwrap_or_default();
        ["declared", "managed", "unmanaged", "elsewhere"].map(count) == wanted
            && object["status"]["unmanaged"].is_null()
    });
}

#[test]
fn a_copy_takes_nothing_from_the_first_neither_by_an_edit_nor_by_its_deletion() {
    for vendor in Vendor::ALL {
        let (scene, tenant, _operator) = two("copy", vendor);
        scene.apply(&first(vendor));
        let made = id(&scene.ready("first"));
        scene.apply(&copy(vendor));
        let message = scene.stalled("copy", "Conflict");
        let holder = format!("{}/first", scene.namespace);
        assert!(
            message.contains(&holder) && message.contains(&format!("{}/account", scene.namespace)),
            "{message}"
        );
        assert_eq!(id(&scene.webhook("copy")), "", "{vendor:?}");
        counts(&scene, "other", [1, 0, 0, 1]);
        assert_eq!((tenant.count("create"), tenant.ids()), (1, vec![made.clone()]), "{vendor:?}");

        // After an edit it is another subscription, and both are kept: a receiver may then get each message twice.
        scene.patch("webhook/copy", &edit(vendor));
        let own = id(&scene.ready("copy"));
        assert_ne!(own, made, "{vendor:?}");
        assert!(scene.event("copy", "SimilarDeclared").contains(&holder), "{vendor:?}");
        assert_eq!(tenant.ids().len(), 2, "{vendor:?}");

        scene.kubectl(&["delete", "webhook", "copy"]);
        assert_eq!(tenant.ids(), std::slice::from_ref(&made), "{vendor:?}");
        scene.pass("account");
        assert_eq!(id(&scene.ready("first")), made, "{vendor:?}");
        counts(&scene, "account", [1, 1, 0, 0]);
    }
}

#[test]
fn a_waiting_copy_takes_over_as_soon_as_the_first_is_deleted() {
    for vendor in Vendor::ALL {
        let (scene, tenant, _operator) = two("heir", vendor);
        scene.apply(&first(vendor));
        let made = id(&scene.ready("first"));
        scene.apply(&copy(vendor));
        scene.stalled("copy", "Conflict");
        // The next resync is an hour away.
        scene.kubectl(&["delete", "webhook", "first"]);
        let healed = id(&scene.ready("copy"));
        assert_eq!((tenant.count("create"), tenant.ids()), (2, vec![healed.clone()]), "{vendor:?}");
        assert_ne!(healed, made, "{vendor:?}");

        // A retained one is adopted by the other unchanged.
        scene.apply(&first(vendor));
        scene.stalled("first", "Conflict");
        scene.patch("webhook/copy", &json!({"spec": {"deletionPolicy": "Retain"}}));
        scene.kubectl(&["delete", "webhook", "copy"]);
        assert_eq!(id(&scene.ready("first")), healed, "{vendor:?}");
        assert_eq!((tenant.count("create"), tenant.ids()), (2, vec![healed]), "{vendor:?}");
    }
}

#[test]
fn both_declared_at_the_same_time_make_one_subscription() {
    for vendor in Vendor::ALL {
        let (scene, tenant, _operator) = two("moment", vendor);
        scene.pass("account");
        scene.pass("other");
        tenant.fault(&json!({"operation": "create", "kind": "delay", "millis": 1500, "times": null}));
        scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [first(vendor), copy(vendor)]}));
        let conflicts =
            || ["first", "copy"].map(|name| is(&scene.webhook(name), "Stalled", "True", "Conflict"));
        let ready = || ["first", "copy"].map(|name| is(&scene.webhook(name), "Ready", "True", "InSync"));
        eventually("one is made and the other waits", || {
            let (waits, ready) = (conflicts(), ready());
            if waits[0] != waits[1] && ready[0] != ready[1] { Ok(()) } else { Err((waits, ready)) }
        })
        .unwrap();
        scene.pass("account");
        scene.pass("other");
        assert_eq!((tenant.count("create"), tenant.ids().len()), (1, 1), "{vendor:?}");
    }
}

#[test]
fn the_subscription_of_an_unanswered_create_is_not_adopted_by_a_copy() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("unanswered", vendor);
        scene.apply(&account("other", "login", &tenant));
        let _operator = scene.operator_with(&["--settle", "3s"]);
        tenant.fault(&json!({"operation": "create", "kind": "drop_after"}));
        scene.apply(&first(vendor));
        scene
            .webhook_becomes("first", "waiting for its create", |hook| hook["status"]["pending"].is_object());
        scene.apply(&copy(vendor));
        assert!(scene.stalled("copy", "Conflict").contains("/first"), "{vendor:?}");
        let made = id(&scene.ready("first"));
        scene.pass("other");
        assert!(scene.stalled("copy", "Conflict").contains("/first"), "{vendor:?}");
        assert_eq!((tenant.count("create"), tenant.ids()), (1, vec![made]), "{vendor:?}");
    }
}

#[test]
fn an_id_that_another_account_manages_cannot_be_pinned() {
    let vendor = Vendor::Superoffice;
    let (scene, tenant, _operator) = two("pinned", vendor);
    scene.apply(&first(vendor));
    let made = id(&scene.ready("first"));
    let mut pinned = copy(vendor);
    pinned["spec"]["externalId"] = json!(made);
    pinned["spec"]["subscription"]["superoffice"]["events"] = json!(["contact.created"]);
    scene.apply(&pinned);
    assert!(scene.stalled("copy", "Conflict").contains("/first"));
    scene.kubectl(&["delete", "webhook", "copy"]);
    assert_eq!((tenant.ids(), tenant.count("update"), tenant.count("delete")), (vec![made], 0, 0));
}

#[test]
fn accounts_of_two_installations_have_ids_of_their_own() {
    let vendor = Vendor::Superoffice;
    let (scene, here) = Scene::with_account("installations", vendor);
    let there = Tenant::open(vendor);
    scene.apply(&crate::scene::login("login-there", &there));
    scene.apply(&account("other", "login-there", &there));
    let _operator = scene.operator();
    scene.apply(&first(vendor));
    scene.ready("first");
    scene.apply(&copy(vendor));
    scene.ready("copy");
    assert_eq!((here.ids().len(), there.ids().len()), (1, 1));
    counts(&scene, "other", [1, 1, 0, 0]);
}

#[test]
fn two_of_one_account_that_differ_are_both_created_and_the_younger_reports_it() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("double", vendor);
        let _operator = scene.operator();
        scene.apply(&first(vendor));
        scene.ready("first");
        let mut second = first(vendor);
        second["metadata"]["name"] = json!("second");
        second["spec"]["mode"] = json!("Plan");
        scene.apply(&second);
        scene.patch("webhook/second", &edit(vendor));
        let report = Reader::of(&scene).plan(&["-o", "json"]).exits(2).json();
        let advice = of(&report, "second")["advice"].as_str().unwrap_or_default().to_owned();
        assert!(advice.contains(&format!("{}/first", scene.namespace)), "{vendor:?}: {report}");
        Reader::of(&scene).plan(&[]).exits(2).says("delivered twice");
        scene.patch("webhook/second", &json!({"spec": {"mode": "Enforce"}}));
        scene.ready("second");
        assert!(scene.event("second", "SimilarDeclared").contains("/first"), "{vendor:?}");
        scene.pass("account");
        let told = scene.events("second").iter().filter(|event| event.0 == "SimilarDeclared").count();
        assert_eq!((told, tenant.ids().len(), tenant.count("create")), (1, 2, 2), "{vendor:?}");
    }
}

#[test]
fn a_plan_of_files_with_both_accounts_shows_the_conflict() {
    for vendor in Vendor::ALL {
        let tenant = Tenant::open(vendor);
        let both = [first(vendor), account("other", "login", &tenant), copy(vendor)];
        let folder = Folder::of(&everything(&tenant, &both));
        let ran = run(&mut hooktender(&["plan", "--offline", "-f", folder.text(), "-o", "json"]));
        let report = ran.exits(1).json();
        // Files have no creation times.
        let waits = ["first", "copy"].map(|name| of(&report, name)["held"]["reason"] == "Conflict");
        assert!(waits[0] != waits[1], "{report}");
        run(&mut hooktender(&["apply", "--offline", "--yes", "-f", folder.text()])).exits(1);
        assert_eq!((tenant.count("create"), tenant.ids().len()), (1, 1), "{vendor:?}");
    }
}

#[test]
fn a_plan_of_the_cluster_knows_what_another_account_manages() {
    let vendor = Vendor::Brightpearl;
    let (scene, _tenant, _operator) = two("plan-two", vendor);
    scene.apply(&first(vendor));
    scene.ready("first");
    scene.apply(&copy(vendor));
    scene.stalled("copy", "Conflict");
    let reader = Reader::of(&scene);
    let report = reader.plan(&["-o", "json"]).exits(1).json();
    assert_eq!(of(&report, "copy")["held"]["reason"], "Conflict", "{report}");
    assert_eq!(report["counts"]["unmanaged"], 0, "{report}");
    let mut import = hooktender(&["import", "--account", "other"]);
    run(import.env("KUBECONFIG", &reader.kubeconfig)).exits(0).says("0 imported, 0 left out");
}
