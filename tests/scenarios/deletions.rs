//! The deletion guard, with other events at the same time: lost credentials, a terminating namespace, restarts.

use hooktender_cluster::{KUBECTL_WAIT_LIMIT, eventually};
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{Scene, condition, is, login, webhook};
use crate::vendors::{Tenant, Vendor};

/// Several times more than `deletionGuard.minCount` allows.
const ALL: usize = 12;

/// The names of the Webhooks of a scene.
fn names(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("hook-{number}")).collect()
}

/// Applies twelve Webhooks and waits until each has a subscription.
fn twelve(scene: &Scene, vendor: Vendor) {
    let items: Vec<Value> = names(0..ALL).iter().map(|name| webhook(name, vendor)).collect();
    scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}));
    for name in names(0..ALL) {
        scene.ready(&name);
    }
}

fn delete(scene: &Scene, names: &[String]) {
    let mut arguments = vec!["delete", "webhooks", "--wait=false"];
    arguments.extend(names.iter().map(String::as_str));
    scene.kubectl(&arguments);
}

/// Waits until the vendor has so many subscriptions.
fn left(tenant: &Tenant, count: usize) {
    eventually(&format!("{count} are left"), || match tenant.ids().len() {
        ids if ids == count => Ok(()),
        ids => Err(ids),
    })
    .unwrap();
}

/// Deletes Webhooks and waits until they are gone: their outcome is recorded, not only known to the vendor.
fn delete_and_wait(scene: &Scene, names: &[String]) {
    delete(scene, names);
    let mut arguments = vec!["wait", "--for=delete", KUBECTL_WAIT_LIMIT];
    let objects: Vec<String> = names.iter().map(|name| format!("webhook/{name}")).collect();
    arguments.extend(objects.iter().map(String::as_str));
    scene.kubectl(&arguments);
}

/// Runs the command that the account's message ends with.
fn allow(scene: &Scene, message: &str) {
    let command = message.split("to allow exactly these: kubectl ").nth(1).unwrap();
    scene.cluster.kubectl_run(&command.split(' ').collect::<Vec<_>>()).unwrap();
}

/// Two more passes delete nothing.
fn stays_blocked(scene: &Scene, tenant: &Tenant, count: usize) {
    let deleted = tenant.count("delete");
    scene.pass("account");
    scene.pass("account");
    assert_eq!((tenant.ids().len(), tenant.count("delete")), (count, deleted));
}

#[test]
fn a_prune_that_removes_the_secret_first_waits_for_a_person() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("guard-secret-first", vendor);
        let _operator = scene.operator();
        twelve(&scene, vendor);
        scene.kubectl(&["delete", "secret", "login"]);
        scene.account_stalled("account", "Credentials");
        delete(&scene, &names(0..10));
        let message = scene.account_stalled("account", "DeletionGuard");
        assert!(message.contains("10 of the 12 subscriptions managed here would be deleted"), "{message}");
        assert!(message.contains("Secret"), "{message}");
        assert!(scene.stalled("hook-0", "DeletionGuard").contains("hooktender.dev/release"), "the way out");
        assert!(is(&scene.webhook("hook-11"), "Ready", "True", "InSync"), "it is not being deleted");
        stays_blocked(&scene, &tenant, ALL);
        allow(&scene, &message);
        left(&tenant, 2);
        scene.account_stalled("account", "Credentials");
        stays_blocked(&scene, &tenant, 2);
        // Exactly these are allowed.
        scene.apply(&login("login", &tenant));
        scene.account_becomes("account", "ready", |account| is(account, "Ready", "True", "InSync"));
        assert_eq!(tenant.ids().len(), 2);
    }
}

#[test]
fn a_prune_that_removes_the_webhooks_first_waits_for_a_person() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("guard-webhooks-first", vendor);
        let _operator = scene.operator();
        twelve(&scene, vendor);
        delete(&scene, &names(0..10));
        scene.account_stalled("account", "DeletionGuard");
        scene.kubectl(&["delete", "secret", "login"]);
        let account = scene.account_becomes("account", "told of the Secret", |account| {
            condition(account, "Stalled").is_some_and(|stalled| stalled.message.contains("Secret"))
        });
        assert!(is(&account, "Stalled", "True", "DeletionGuard"), "{account}");
        scene.kubectl(&["delete", "vendoraccount", "account", "--wait=false"]);
        stays_blocked(&scene, &tenant, ALL);
        assert!(is(&scene.account("account"), "Stalled", "True", "DeletionGuard"));
        // Two more Webhooks would be deleted than were shown.
        delete(&scene, &names(10..ALL));
        let message = scene.account_becomes("account", "told of all", |account| {
            condition(account, "Stalled").is_some_and(|stalled| stalled.message.contains("12 of the 12"))
        });
        stays_blocked(&scene, &tenant, ALL);
        allow(&scene, &condition(&message, "Stalled").unwrap().message);
        left(&tenant, 0);
        eventually("the account is gone", || match scene.account("account") {
            Value::Null => Ok(()),
            account => Err(account["status"].clone()),
        })
        .unwrap();
    }
}

#[test]
fn a_namespace_that_is_deleted_as_a_whole_waits_for_a_person() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("guard-namespace", vendor);
        // The rights of the operator must outlive the namespace.
        let _operator = Operator::start(scene.cluster.kubeconfig(), &scene.namespace, &[]);
        twelve(&scene, vendor);
        let namespace = scene.namespace.clone();
        scene.cluster.kubectl_run(&["delete", "namespace", &namespace, "--wait=false"]).unwrap();
        let account = scene.account_becomes("account", "told of all", |account| {
            is(account, "Stalled", "True", "DeletionGuard")
                && condition(account, "Stalled").unwrap().message.contains("12 of the 12")
        });
        stays_blocked(&scene, &tenant, ALL);
        // Objects of a terminating namespace accept annotations.
        scene.kubectl(&["annotate", "webhook", "hook-3", "hooktender.dev/release=true"]);
        let account = scene.account_becomes("account", "told of the rest", |now| {
            now["metadata"]["uid"] == account["metadata"]["uid"]
                && condition(now, "Stalled").is_some_and(|one| one.message.contains("11 of the "))
        });
        allow(&scene, &condition(&account, "Stalled").unwrap().message);
        eventually("the namespace is gone", || {
            let get = ["get", "namespace", &namespace, "--ignore-not-found", "--output=name"];
            match scene.cluster.kubectl_run(&get).unwrap().trim() {
                "" => Ok(()),
                there => Err(there.to_owned()),
            }
        })
        .unwrap();
        assert_eq!(tenant.ids().len(), 1, "the released one");
    }
}

#[test]
fn an_approval_ends_when_the_finalizer_is_removed() {
    let (scene, tenant) = Scene::with_account("guard-release", Vendor::Contensis);
    let _operator = scene.operator();
    twelve(&scene, Vendor::Contensis);
    let id = scene.webhook("hook-0")["status"]["externalId"].clone();
    tenant.fault(&json!({"operation": "delete", "kind": "status", "status": 400, "times": null}));
    delete(&scene, &names(0..10));
    allow(&scene, &scene.account_stalled("account", "DeletionGuard"));
    let allowed = |count: usize| {
        let account = scene.account_becomes("account", &format!("allowed to delete {count}"), |account| {
            account["status"]["allowedDeletions"].as_array().is_some_and(|ids| ids.len() == count)
        });
        account["status"]["allowedDeletions"].as_array().unwrap().contains(&id)
    };
    assert!(allowed(10));
    scene.kubectl(&["annotate", "webhook", "hook-0", "hooktender.dev/release=true"]);
    assert!(!allowed(9), "another Webhook may adopt it");
    assert_eq!(tenant.ids().len(), ALL);
}

#[test]
fn deletions_from_before_a_restart_count() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("guard-restart", vendor);
        let operator = scene.operator();
        twelve(&scene, vendor);
        delete_and_wait(&scene, &names(0..4));
        operator.kill();
        let _operator = scene.operator();
        delete(&scene, &names(4..5));
        let message = scene.account_stalled("account", "DeletionGuard");
        assert!(message.contains("1 of the 8 subscriptions managed here would be deleted"), "{message}");
        assert!(message.contains("4 more were deleted within the last ten minutes"), "{message}");
        stays_blocked(&scene, &tenant, 8);
        allow(&scene, &message);
        left(&tenant, 7);
    }
}

#[test]
fn deletions_of_a_dead_leader_count() {
    let (scene, tenant) = Scene::with_account("guard-leader", Vendor::Contensis);
    scene.grant(&json!({"leaderElection": "always"}));
    let flags = ["--leader-elect", "--leader-elect-namespace", &scene.namespace];
    let leader = scene.operator_with(&flags);
    leader.logs("leading");
    let standby = scene.operator_with(&flags);
    twelve(&scene, Vendor::Contensis);
    delete_and_wait(&scene, &names(0..4));
    leader.kill();
    standby.logs("leading");
    delete(&scene, &names(4..5));
    scene.account_stalled("account", "DeletionGuard");
    stays_blocked(&scene, &tenant, 8);
}

#[test]
fn a_batch_that_a_crash_interrupts_is_finished_without_a_person() {
    let (scene, tenant) = Scene::with_account("guard-crash", Vendor::Brightpearl);
    let operator = scene.launch(&[], &[("FAILPOINTS", "vendor.delete.sent=2*kill")]);
    operator.logs("caches are filled");
    twelve(&scene, Vendor::Brightpearl);
    delete(&scene, &names(0..4));
    assert_eq!(operator.ends(), None, "killed after the second deletion");
    let _operator = scene.operator();
    // The four were allowed together: those that are done do not count against those that are left.
    left(&tenant, 8);
    delete(&scene, &names(4..5));
    let message = scene.account_stalled("account", "DeletionGuard");
    assert!(message.contains("4 more were deleted"), "{message}");
    stays_blocked(&scene, &tenant, 8);
}

#[test]
fn an_account_stays_while_webhooks_that_are_not_allowed_have_subscriptions() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("refused", vendor);
        let guest = Scene::new("refused-guest");
        scene.patch("vendoraccount/account", &json!({"spec": {"allowedNamespaces": {"from": "All"}}}));
        let flags = ["--namespace", &guest.namespace];
        let _operator = Operator::start(scene.cluster.kubeconfig(), &scene.namespace, &flags);
        for name in ["first", "second"] {
            let mut object = webhook(name, vendor);
            object["spec"]["accountRef"]["namespace"] = json!(scene.namespace);
            guest.apply(&object);
            guest.ready(name);
        }
        scene.patch("vendoraccount/account", &json!({"spec": {"allowedNamespaces": {"from": "Same"}}}));
        guest.stalled("first", "AccountNotAllowed");
        scene.kubectl(&["delete", "vendoraccount", "account", "--wait=false"]);
        let waits = |count: usize| {
            let object = scene.account_becomes("account", "waiting", |account| {
                condition(account, "Ready").is_some_and(|ready| {
                    ready.reason == "Deleting" && ready.message.contains(&format!("{count} Webhook"))
                })
            });
            condition(&object, "Ready").unwrap().message
        };
        let message = waits(2);
        assert!(message.contains(&format!("{}/first", guest.namespace)), "{message}");
        assert!(message.contains("allowedNamespaces"), "{message}");
        let told = guest.stalled("first", "AccountNotAllowed");
        assert!(told.contains("hooktender.dev/release"), "{told}");
        stays_blocked(&scene, &tenant, 2);
        // The finalizer of one is removed, the other one is admitted again and deleted.
        guest.kubectl(&["annotate", "webhook", "first", "hooktender.dev/release=true"]);
        guest.kubectl(&["delete", "webhook", "first", "--wait=false"]);
        waits(1);
        scene.patch("vendoraccount/account", &json!({"spec": {"allowedNamespaces": {"from": "All"}}}));
        guest.kubectl(&["delete", "webhook", "second", "--wait=false"]);
        eventually("the account is gone", || match scene.account("account") {
            Value::Null => Ok(()),
            account => Err(account["status"].clone()),
        })
        .unwrap();
        assert_eq!(tenant.ids().len(), 1, "the released one");
    }
}

#[test]
fn an_id_that_is_recorded_while_an_orphan_is_reported_stays() {
    let (scene, _tenant) = Scene::with_account("orphan-race", Vendor::Superoffice);
    let guest = Scene::new("orphan-race-guest");
    let kubeconfig = scene.cluster.kubeconfig();
    let flags = ["--namespace", &guest.namespace];
    // The report waits between its read and its write.
    let environment = [("FAILPOINTS", "trace;Webhook.status.writing=wait(4000)")];
    let operator = Operator::launch(kubeconfig, &scene.namespace, &flags, &environment);
    operator.logs("caches are filled");
    let mut object = webhook("first", Vendor::Superoffice);
    object["spec"]["accountRef"]["namespace"] = json!(scene.namespace);
    guest.apply(&object);
    operator.logs("fail point Webhook.status.writing 1");
    // Meanwhile the account's own pass, or another process, records an id.
    let recorded = json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook", "metadata": {"name": "first"},
        "status": {"externalId": "7", "account": "superoffice/onsite"},
    });
    guest.apply_status(&recorded);
    let hook =
        guest.webhook_becomes("first", "reported", |hook| is(hook, "Stalled", "True", "AccountNotAllowed"));
    assert_eq!(hook["status"]["externalId"], "7", "{hook}");
}
