//! What is blocked, and what is cleaned up although half of it is missing.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{Scene, condition, is, secret, webhook};
use crate::vendors::{Tenant, Vendor};

/// Makes so many Webhooks with subscriptions.
fn made(scene: &Scene, tenant: &Tenant, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|number| format!("hook-{number}")).collect();
    let items: Vec<Value> = names
        .iter()
        .map(|name| {
            let mut object = webhook(name, Vendor::Superoffice);
            object["spec"]["subscription"]["superoffice"]["name"] = json!(name);
            object
        })
        .collect();
    scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}));
    eventually("all are made", || if tenant.ids().len() == count { Ok(()) } else { Err(tenant.ids().len()) })
        .unwrap();
    for name in &names {
        scene.ready(name);
    }
    names
}

fn delete(scene: &Scene, names: &[String]) {
    let mut arguments = vec!["delete", "webhooks", "--wait=false"];
    arguments.extend(names.iter().map(String::as_str));
    scene.kubectl(&arguments);
}

#[test]
fn forty_deletions_of_a_hundred_wait_until_a_person_allows_exactly_these() {
    let (scene, tenant) = Scene::with_account("guard", Vendor::Superoffice);
    let operator = scene.operator();
    let names = made(&scene, &tenant, 100);
    delete(&scene, &names[..40]);
    let message = scene.account_stalled("account", "DeletionGuard");
    assert!(message.contains("40 of the 100 subscriptions managed here would be deleted"), "{message}");
    scene.stalled("hook-0", "DeletionGuard");
    assert_eq!((tenant.ids().len(), tenant.count("delete")), (100, 0));
    // Other changes are made.
    scene.patch(
        "webhook/hook-50",
        &json!({"spec": {"subscription": {"superoffice": {"errorsEmail": "a@example.com"}}}}),
    );
    eventually("the edit is there", || if tenant.count("update") == 1 { Ok(()) } else { Err(()) }).unwrap();
    // The command in the message is run unchanged; the operator dies on the way.
    let command = message.split("to allow exactly these: kubectl ").nth(1).unwrap();
    tenant.fault(&json!({"operation": "delete", "kind": "hang_after", "skip": 10, "times": 1}));
    scene.cluster.kubectl_run(&command.split(' ').collect::<Vec<_>>()).unwrap();
    eventually("some are gone", || if tenant.count("delete") > 10 { Ok(()) } else { Err(()) }).unwrap();
    operator.kill();
    let _operator = scene.operator();
    eventually("just these are gone", || match tenant.ids().len() {
        60 => Ok(()),
        others => Err(others),
    })
    .unwrap();
    scene.account_becomes("account", "ready", |account| is(account, "Ready", "True", "InSync"));
    let account =
        scene.account_becomes("account", "clean", |account| account["status"]["allowedDeletions"].is_null());
    assert_eq!(account["status"]["subscriptions"]["managed"], 60, "{account}");
    assert_eq!(tenant.ids().len(), 60);
}

#[test]
fn a_few_deletions_need_no_person() {
    let (scene, tenant) = Scene::with_account("guard-few", Vendor::Superoffice);
    let _operator = scene.operator();
    let names = made(&scene, &tenant, 4);
    delete(&scene, &names);
    eventually("all are gone", || if tenant.ids().is_empty() { Ok(()) } else { Err(tenant.ids()) }).unwrap();
}

#[test]
fn a_list_that_lacks_most_is_read_twice_before_anything_is_created_again() {
    let (scene, tenant) = Scene::with_account("doubt", Vendor::Superoffice);
    // Longer than a list may lag: a reading says nothing about just created subscriptions.
    let _operator = scene.operator_with(&["--settle", "6s"]);
    made(&scene, &tenant, 6);
    tenant.clear_journal();
    // Once, as with a backup that is being restored.
    tenant.fault(&json!({"operation": "list", "kind": "status", "status": 200, "body": []}));
    scene.request("account");
    let message = scene.event("account", "ListDoubted");
    assert!(message.contains("the list lacks 6 of 6 recorded subscriptions"), "{message}");
    scene.account_becomes("account", "ready again", |account| is(account, "Ready", "True", "InSync"));
    assert_eq!((tenant.count("list"), tenant.writes()), (2, 0));
    // For good: the second reading agrees.
    for id in tenant.ids() {
        tenant.remove(&id);
    }
    scene.request("account");
    eventually("all are made again", || if tenant.ids().len() == 6 { Ok(()) } else { Err(tenant.ids()) })
        .unwrap();
    scene.account_becomes("account", "ready", |account| is(account, "Ready", "True", "InSync"));
    assert_eq!((tenant.count("create"), tenant.count("list")), (6, 4));
}

#[test]
fn an_account_stays_until_its_last_webhook_is_deleted() {
    let (scene, tenant) = Scene::with_account("keep", Vendor::Superoffice);
    let _operator = scene.operator();
    made(&scene, &tenant, 2);
    scene.kubectl(&["delete", "vendoraccount", "account", "--wait=false"]);
    let account = scene.account_becomes("account", "kept", |account| {
        condition(account, "Ready").is_some_and(|ready| ready.reason == "Deleting")
    });
    assert!(
        condition(&account, "Ready")
            .unwrap()
            .message
            .contains("its finalizer stays until its 2 Webhooks are gone")
    );
    scene.kubectl(&["delete", "webhooks", "--all", "--wait=false"]);
    eventually("the account is gone", || match scene.account("account") {
        Value::Null => Ok(()),
        account => Err(account["status"].clone()),
    })
    .unwrap();
    assert_eq!(tenant.ids(), [""; 0]);
}

#[test]
fn a_deleted_namespace_is_cleaned_up_at_the_vendor() {
    let (scene, tenant) = Scene::with_account("whole", Vendor::Superoffice);
    // The operator's service account is elsewhere, or it would be deleted as well.
    let operator = Operator::start(scene.cluster.kubeconfig(), &scene.namespace, &[]);
    made(&scene, &tenant, 3);
    // The worst order: the Secrets are deleted first.
    scene.kubectl(&["delete", "secrets", "--all"]);
    scene.account_stalled("account", "Credentials");
    let namespace = scene.namespace.clone();
    scene.cluster.kubectl_run(&["delete", "namespace", &namespace, "--wait=false"]).unwrap();
    eventually("the namespace is gone", || {
        let found = scene.cluster.kubectl_run(&[
            "get",
            "namespace",
            &namespace,
            "--ignore-not-found",
            "--output=name",
        ]);
        match found.unwrap().trim() {
            "" => Ok(()),
            there => Err(there.to_owned()),
        }
    })
    .unwrap();
    assert_eq!(tenant.ids(), [""; 0]);
    drop(operator);
}

#[test]
fn an_account_of_the_same_name_at_another_tenant_touches_no_unmanaged_subscription() {
    let (scene, tenant) = Scene::with_account("elsewhere", Vendor::Brightpearl);
    let operator = scene.operator();
    scene.apply(&webhook("first", Vendor::Brightpearl));
    let id = scene.ready("first")["status"]["externalId"].as_str().unwrap().to_owned();
    // Another account at the vendor, where the same number belongs to another subscription.
    let other = Tenant::open(Vendor::Brightpearl);
    let stranger = json!({"id": id.parse::<u64>().unwrap(), "subscribeTo": "order", "httpMethod": "GET", "uriTemplate": "https://elsewhere.example.com"});
    other.insert(&stranger);
    let theirs = other.stored();
    // By force: its finalizer would keep it.
    scene.kubectl(&["delete", "vendoraccount", "account", "--wait=false"]);
    scene.patch("vendoraccount/account", &json!({"metadata": {"finalizers": null}}));
    eventually("it is gone", || if scene.account("account").is_null() { Ok(()) } else { Err(()) }).unwrap();
    scene.apply(&crate::scene::login("login", &other));
    scene.apply(&crate::scene::account("account", "login", &other));
    let message = scene.stalled("first", "AccountChanged");
    assert!(message.contains("belongs to another account at the vendor"), "{message}");
    scene.kubectl(&["delete", "webhook", "first", "--wait=false"]);
    let waiting = scene.webhook_becomes("first", "waiting", |hook| {
        condition(hook, "Ready").is_some_and(|ready| ready.message.contains("hooktender.dev/release"))
    });
    assert_eq!(waiting["status"]["externalId"], id.as_str());
    assert_eq!((other.writes(), other.stored()), (0, theirs));
    assert_eq!(tenant.ids(), [id]);
    drop(operator);
}

/// Namespaces by their labels, with an operator of the whole cluster: a cluster of its own keeps it from other tests.
#[test]
fn a_selector_admits_the_namespaces_that_it_matches() {
    let scene = Scene::new("selected");
    let tenant = Tenant::open(Vendor::Superoffice);
    scene.apply(&crate::scene::login("login", &tenant));
    let mut account = crate::scene::account("account", "login", &tenant);
    account["spec"]["allowedNamespaces"] =
        json!({"from": "Selector", "selector": {"matchLabels": {"hooks": scene.namespace}}});
    account["metadata"]["labels"] = json!({"of": scene.namespace});
    scene.apply(&account);
    let guest = Scene::new("selected-guest");
    let selector = format!("of={}", scene.namespace);
    let operator = Operator::start_everywhere(scene.cluster.kubeconfig(), &["--account-selector", &selector]);
    let mut hook = webhook("guest", Vendor::Superoffice);
    hook["spec"]["accountRef"]["namespace"] = json!(scene.namespace);
    guest.apply(&secret("hook-secrets", &json!({"token": "t"})));
    guest.apply(&hook);
    guest.stalled("guest", "AccountNotAllowed");
    let label = format!("hooks={}", scene.namespace);
    guest.cluster.kubectl_run(&["label", "namespace", &guest.namespace, &label]).unwrap();
    guest.ready("guest");
    assert_eq!(tenant.ids().len(), 1);
    guest.cluster.kubectl_run(&["label", "namespace", &guest.namespace, "hooks-"]).unwrap();
    guest.stalled("guest", "AccountNotAllowed");
    drop(operator);
}
