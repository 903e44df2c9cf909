//! Ambiguous answers of a vendor: a page in place of a success, an unreadable item, pages that move.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::command::{Folder, hooktender, run};
use crate::import_cli::Place;
use crate::plan_offline::everything;
use crate::scene::{Scene, condition, is, webhook};
use crate::vendors::{Tenant, Vendor};

#[test]
fn a_page_in_place_of_a_deletion_deletes_nothing() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("page", vendor);
        let _operator = scene.operator();
        scene.apply(&webhook("hook", vendor));
        scene.ready("hook");
        tenant.fault(&json!({
            "operation": "delete", "kind": "status", "status": 200, "body": "<html>Sign in</html>", "contentType": "text/html",
        }));
        scene.kubectl(&["delete", "webhook", "hook", "--wait=false"]);
        scene.webhook_becomes("hook", "gone", Value::is_null);
        assert_eq!(tenant.ids(), [""; 0], "{vendor:?}: nothing is left behind");
        assert_eq!(tenant.count("delete"), 2, "{vendor:?}");
    }
}

/// Makes an item unreadable. Contensis' items are readable with any members.
fn strange(vendor: Vendor) -> Value {
    match vendor {
        Vendor::Brightpearl => json!({"idSetAccepted": "true"}),
        Vendor::Superoffice => json!({"Headers": "X-Env: prod"}),
        Vendor::Contensis => Value::Null,
    }
}

const WITH_ITEMS_THAT_CANNOT_BE_READ: [Vendor; 2] = [Vendor::Brightpearl, Vendor::Superoffice];

/// Stores an unreadable subscription at the vendor.
fn insert_strange(tenant: &Tenant) -> String {
    let id = match tenant.vendor {
        Vendor::Brightpearl => tenant.insert(&json!({"subscribeTo": "order", "httpMethod": "GET"})),
        _ => tenant.insert(&json!({"Name": "theirs", "TargetUrl": "https://theirs.example.com"})),
    };
    tenant.edit(&id, &strange(tenant.vendor));
    id
}

#[test]
fn an_unreadable_unmanaged_item_blocks_nobody() {
    for vendor in WITH_ITEMS_THAT_CANNOT_BE_READ {
        let (scene, tenant) = Scene::with_account("strange", vendor);
        let id = insert_strange(&tenant);
        let _operator = scene.operator();
        scene.apply(&webhook("hook", vendor));
        scene.ready("hook");
        let account = scene.account_becomes("account", "told", |account| {
            account["status"]["subscriptions"] == json!({"declared": 1, "managed": 1, "unmanaged": 1})
        });
        assert!(is(&account, "Ready", "True", "InSync"));
        let listed = &account["status"]["unmanaged"][0];
        assert_eq!(listed["externalId"], id);
        let summary = listed["summary"].as_str().unwrap();
        assert!(summary.contains("cannot be read"), "{summary}");
        // The same holds offline.
        let offline = Tenant::open(vendor);
        insert_strange(&offline);
        let folder = Folder::of(&everything(&offline, &[webhook("hook", vendor)]));
        run(&mut hooktender(&["apply", "--offline", "--yes", "-f", folder.text()])).exits(0);
        assert_eq!(offline.ids().len(), 2);
    }
}

#[test]
fn an_unreadable_managed_item_is_left_unchanged_and_reported() {
    for vendor in WITH_ITEMS_THAT_CANNOT_BE_READ {
        let (scene, tenant) = Scene::with_account("own-strange", vendor);
        let _operator = scene.operator();
        scene.apply(&webhook("hook", vendor));
        scene.ready("hook");
        let id = tenant.ids().remove(0);
        tenant.edit(&id, &strange(vendor));
        tenant.clear_journal();
        scene.request("account");
        let message = scene.stalled("hook", "SubscriptionUnreadable");
        assert!(message.contains(&id) && message.contains("invalid type: string"), "{message}");
        assert!(!message.contains("true") && !message.contains("prod"), "no value is shown: {message}");
        // Other Webhooks are reconciled, and the unreadable subscription stays as it is, also after an edit.
        scene.apply(&webhook("other", vendor));
        scene.ready("other");
        let edit = match vendor {
            Vendor::Brightpearl => json!({"brightpearl": {"qualityOfService": 0}}),
            _ => json!({"superoffice": {"events": ["contact.created"]}}),
        };
        scene.patch("webhook/hook", &json!({"spec": {"subscription": edit}}));
        scene.stalled("hook", "SubscriptionUnreadable");
        assert_eq!((tenant.count("create"), tenant.count("update"), tenant.count("delete")), (1, 0, 0));
        let account = scene.account_becomes("account", "counted", |account| {
            account["status"]["subscriptions"] == json!({"declared": 2, "managed": 2, "unmanaged": 0})
        });
        assert!(condition(&account, "Ready").unwrap().status == "True");
        // Its deletion needs only its id.
        scene.kubectl(&["delete", "webhook", "hook", "--wait=false"]);
        scene.webhook_becomes("hook", "gone", Value::is_null);
        assert_eq!(tenant.ids().len(), 1);
    }
}

#[test]
fn an_unreadable_item_that_may_be_managed_is_not_created_again() {
    for vendor in WITH_ITEMS_THAT_CANNOT_BE_READ {
        let tenant = Tenant::open(vendor);
        let folder = Folder::of(&everything(&tenant, &[webhook("hook", vendor)]));
        let apply = || run(&mut hooktender(&["apply", "--offline", "--yes", "-f", folder.text()]));
        apply().exits(0);
        let id = tenant.ids().remove(0);
        tenant.edit(&id, &strange(vendor));
        // Without a status nothing says whose it is.
        apply().exits(1).says("SubscriptionUnreadable");
        assert_eq!(tenant.ids(), [id]);
    }
}

#[test]
fn an_item_without_an_id_may_be_the_missing_one() {
    let (scene, tenant) = Scene::with_account("no-id", Vendor::Contensis);
    let _operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Contensis));
    scene.apply(&webhook("other", Vendor::Contensis));
    scene.ready("hook");
    scene.ready("other");
    let all = tenant.stored();
    let mut shown: Vec<Value> = all.iter().filter(|one| one["name"] == "other").cloned().collect();
    shown.push(json!({"name": "hook", "url": 7}));
    tenant
        .fault(&json!({"operation": "list", "kind": "status", "status": 200, "body": shown, "times": null}));
    let message = eventually("the Webhook says so", || {
        scene.pass("account");
        let hook = scene.webhook("hook");
        let ready = condition(&hook, "Ready").unwrap();
        if ready.reason == "SubscriptionUnreadable" { Ok(ready.message) } else { Err(ready) }
    })
    .unwrap();
    assert!(message.contains("has no id"), "{message}");
    tenant.clear_faults();
    scene.pass("account");
    scene.ready("hook");
    assert_eq!((tenant.count("create"), tenant.ids().len()), (2, 2));
}

#[test]
fn import_lists_unreadable_items_as_left_out() {
    for vendor in WITH_ITEMS_THAT_CANNOT_BE_READ {
        let place = Place::new(vendor);
        let id = insert_strange(&place.tenant);
        place.tenant.insert(&crate::import_cli::existing(vendor, "product", false));
        let ran = place.import(&[]).exits(0);
        ran.says(&format!("left out: {id} (it cannot be read)"));
        ran.says("1 imported, 1 left out");
        place.import(&["--id", &id]).exits(0).says(&format!("left out: {id}"));
    }
}

#[test]
fn a_subscription_missing_in_pages_is_created_again() {
    let (scene, tenant) = Scene::with_account("pages-gone", Vendor::Contensis);
    tenant.settings(&json!({"paged": true, "pageSize": 25}));
    for n in 0..130 {
        tenant.insert(&json!({"name": format!("n{n}"), "url": "https://theirs.example.com"}));
    }
    let _operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Contensis));
    scene.ready("hook");
    let ours = scene.webhook("hook")["status"]["externalId"].as_str().unwrap().to_owned();
    tenant.remove(&ours);
    scene.request("account");
    scene.webhook_becomes("hook", "made again", |hook| {
        hook["status"]["externalId"] != ours.as_str() && is(hook, "Ready", "True", "InSync")
    });
    assert_eq!(tenant.ids().len(), 131);
}
