//! Objects that hooktender cannot read, for example because another version stored them.

use crate::command::hooktender;
use crate::scene::{Scene, account, is, login, webhook};
use crate::vendors::{Tenant, Vendor};
use hooktender_cluster::Cluster;
use hooktender_cluster::KUBECTL_WAIT_LIMIT;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// A cluster of these tests only, whose CRDs accept any `httpMethod` and any name, as those of another version may.
fn lenient_cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let cluster = Cluster::start().unwrap();
        for crd in hooktender::api::crds().unwrap() {
            let mut crd = serde_json::to_value(crd).unwrap();
            loosen(&mut crd);
            cluster.kubectl_apply(&crd.to_string()).unwrap();
        }
        let wait = ["wait", "--for=condition=Established", "crd", "--all", KUBECTL_WAIT_LIMIT];
        cluster.kubectl_run(&wait).unwrap();
        cluster
    })
}

fn loosen(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(method) = map.get_mut("httpMethod") {
                method.as_object_mut().unwrap().remove("enum").unwrap();
            }
            if let Some(Value::Array(rules)) = map.get_mut("x-kubernetes-validations") {
                rules
                    .retain(|rule| !rule["rule"].as_str().unwrap().contains("[a-z0-9]([a-z0-9-]*[a-z0-9])?"));
            }
            map.values_mut().for_each(loosen);
        }
        Value::Array(all) => all.iter_mut().for_each(loosen),
        _ => {}
    }
}

/// A Webhook with a value that this version does not know.
fn unreadable(name: &str) -> Value {
    let mut webhook = webhook(name, Vendor::Brightpearl);
    webhook["spec"]["subscription"]["brightpearl"]["httpMethod"] = json!("PATCH");
    webhook
}

fn with_account(name: &str) -> (Scene, Tenant) {
    let (scene, tenant) = (Scene::at(lenient_cluster(), name), Tenant::open(Vendor::Brightpearl));
    scene.apply(&login("login", &tenant));
    scene.apply(&account("account", "login", &tenant));
    (scene, tenant)
}

#[test]
fn an_unreadable_webhook_never_stops_the_rest_and_is_reported() {
    let (scene, tenant) = with_account("unreadable");
    // One exists when the operator starts, one is created later.
    scene.apply(&unreadable("early"));
    scene.apply(&webhook("first", Vendor::Brightpearl));
    let _operator = scene.operator();
    scene.ready("first");
    scene.apply(&unreadable("late"));
    scene.apply(&webhook("second", Vendor::Brightpearl));
    scene.ready("second");
    assert_eq!(tenant.stored().len(), 2, "one for each Webhook that can be read");
    for name in ["early", "late"] {
        let message = scene.stalled(name, "Unreadable");
        assert!(message.contains("PATCH"), "{message}");
        assert_eq!(scene.event(name, "Unreadable"), message);
    }
    // Once it can be read it is a Webhook like any other.
    scene.patch("webhook/early", &json!({"spec": {"subscription": {"brightpearl": {"httpMethod": "PUT"}}}}));
    scene.ready("early");
    assert_eq!(tenant.stored().len(), 3);
}

#[test]
fn an_invalid_stored_name_affects_only_its_object() {
    let (scene, tenant) = with_account("old-names");
    let _operator = scene.operator();
    scene.apply(&webhook("first", Vendor::Brightpearl));
    scene.ready("first");
    let mut poison = webhook("poison", Vendor::Brightpearl);
    poison["spec"]["variables"][0]["valueFrom"]["secretKeyRef"]["name"] = json!("?watch=true");
    let mut orphan = webhook("orphan", Vendor::Brightpearl);
    orphan["spec"]["accountRef"] = json!({"name": "?watch=true"});
    scene.apply(&poison);
    scene.apply(&orphan);
    scene.apply(&account("never", "../../other/secrets/x", &tenant));
    let message = scene.stalled("poison", "VariableMissing");
    assert!(
        message.contains("TOKEN") && message.contains(r#"the name "?watch=true" is not valid"#),
        "{message}"
    );
    let message = scene.stalled("orphan", "AccountNotFound");
    assert!(message.starts_with(r#"spec.accountRef: the name "?watch=true" is not valid"#), "{message}");
    let message = scene.account_stalled("never", "Credentials");
    assert!(message.contains(r#"the name "../../other/secrets/x" is not valid"#), "{message}");
    let edit = json!({"spec": {"subscription": {"brightpearl": {"httpMethod": "PUT"}}}});
    scene.patch("webhook/first", &edit);
    scene.ready("first");
    assert_eq!(tenant.stored().len(), 1);
    let mut plan = hooktender(&["plan", "-n", &scene.namespace]);
    let plan = plan.env("KUBECONFIG", &scene.kubeconfig).output().unwrap();
    let says = String::from_utf8(plan.stdout).unwrap();
    assert!(plan.status.code() == Some(1) && says.contains("AccountNotFound"), "{says}");
    for name in ["poison", "orphan"] {
        scene.kubectl(&["delete", "webhook", name, KUBECTL_WAIT_LIMIT]);
    }
}

#[test]
fn an_object_that_a_rollback_cannot_read_stays_managed_and_can_be_deleted() {
    let (scene, tenant) = with_account("rollback");
    let names = ["deleted", "released", "kept"];
    {
        let _operator = scene.operator();
        for name in names {
            scene.apply(&webhook(name, Vendor::Brightpearl));
            scene.ready(name);
        }
    }
    let id = |name: &str| scene.webhook(name)["status"]["externalId"].as_str().unwrap().to_owned();
    let (deleted, released, kept) = (id("deleted"), id("released"), id("kept"));
    for name in names {
        let edit = json!({"spec": {"subscription": {"brightpearl": {"httpMethod": "PATCH"}}}});
        scene.patch(&format!("webhook/{name}"), &edit);
    }
    // A copy of what one of them declared takes nothing from it.
    scene.apply(&webhook("copy", Vendor::Brightpearl));
    let _operator = scene.operator();
    for name in names {
        scene.stalled(name, "Unreadable");
    }
    scene.ready("copy");
    let account = scene.account_becomes("account", "read", |account| {
        account["status"]["subscriptions"] == json!({"declared": 4, "managed": 4, "unmanaged": 0})
    });
    assert_eq!(account["status"]["unmanaged"], Value::Null);
    assert_eq!(id("kept"), kept);
    scene.kubectl(&["delete", "webhook", "deleted"]);
    scene.kubectl(&["annotate", "webhook", "released", "hooktender.dev/release=true"]);
    scene.kubectl(&["delete", "webhook", "released"]);
    assert!(!tenant.ids().contains(&deleted) && tenant.ids().contains(&released), "{:?}", tenant.ids());
    // The account stays until the last of them is deleted.
    scene.kubectl(&["delete", "webhook", "copy"]);
    scene.kubectl(&["delete", "vendoraccount", "account", "--wait=false"]);
    scene.account_becomes("account", "kept", |account| is(account, "Reconciling", "True", "Deleting"));
    scene.kubectl(&["delete", "webhook", "kept"]);
    scene.kubectl(&["wait", "--for=delete", "vendoraccount/account", KUBECTL_WAIT_LIMIT]);
    assert_eq!(tenant.ids(), [released]);
}
