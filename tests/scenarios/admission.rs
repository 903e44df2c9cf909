//! The API server refuses writes: those of one Webhook, as an admission policy does, or all of one kind, because of missing
//! rights.

use hooktender_cluster::{AuditEvent, eventually};
use serde_json::{Value, json};

use crate::helm::{OPERATOR, rights};
use crate::scene::{Scene, account, condition, is, login, webhook};
use crate::vendors::{Tenant, Vendor};

/// Prefix of the namespaces in which the operator is refused writes on purpose.
pub(crate) const REFUSED: &str = "refused";
/// The Webhook that the policies are about.
const FROZEN: &str = "frozen";
/// The other Webhooks of its account.
const OTHERS: [&str; 4] = ["a", "b", "c", "d"];

/// A policy against updates of one object, until it is dropped.
struct Policy<'a> {
    scene: &'a Scene,
    name: String,
}

impl<'a> Policy<'a> {
    /// Applies a policy that refuses updates of `name` with `reason`.
    fn freeze(scene: &'a Scene, resources: &[&str], name: &str, reason: &str) -> Self {
        let policy = scene.namespace.clone();
        let group = "admissionregistration.k8s.io/v1";
        scene.apply(&json!({
            "apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": policy},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}},
                    "resourceRules": [{
                        "apiGroups": ["hooktender.dev"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": resources,
                    }],
                },
                "validations": [{
                    "expression": format!("object.metadata.name != '{name}'"), "reason": reason, "message": "frozen by policy",
                }],
            },
        }));
        scene.apply(&json!({
            "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": policy},
            "spec": {"policyName": policy, "validationActions": ["Deny"]},
        }));
        let policy = Self { scene, name: policy };
        for resource in resources {
            policy.takes(resource, name, false);
        }
        policy
    }

    /// Waits until a write is accepted, or refused.
    fn takes(&self, resource: &str, name: &str, taken: bool) {
        let (kind, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let subresource = format!("--subresource={subresource}");
        let patch = r#"{"metadata":{"annotations":{"probe":"1"}},"status":{"observedGeneration":1}}"#;
        let mut arguments = vec![
            "--namespace",
            &self.scene.namespace,
            "patch",
            kind,
            name,
            "--dry-run=server",
            "--type=merge",
        ];
        arguments.extend(["--patch", patch]);
        if resource.contains('/') {
            arguments.push(&subresource);
        }
        eventually("the policy is in force", || {
            let refused = self.scene.cluster.kubectl_run(&arguments).is_err();
            if refused == taken { Err(()) } else { Ok(()) }
        })
        .unwrap();
    }
}

impl Drop for Policy<'_> {
    fn drop(&mut self) {
        for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
            self.scene.kubectl(&["delete", kind, &self.name, "--ignore-not-found"]);
        }
    }
}

/// An account with five Webhooks that no operator has seen.
fn five(name: &str) -> (Scene, Tenant) {
    let (scene, tenant) = Scene::with_account(&format!("{REFUSED}-{name}"), Vendor::Brightpearl);
    for name in OTHERS.iter().chain([&FROZEN]) {
        scene.apply(&webhook(name, Vendor::Brightpearl));
    }
    (scene, tenant)
}

/// Checks that the account names the Webhook that cannot be written, and stays ready.
fn account_names_it(scene: &Scene) {
    let account = scene.account_becomes("account", "aware of it", |account| {
        is(account, "Ready", "True", "WebhooksNotWritten")
    });
    let message = condition(&account, "Ready").unwrap().message;
    let named = format!("1 of 5 Webhooks: {}/{FROZEN} (", scene.namespace);
    assert!(message.contains(&named) && message.contains("frozen by policy"), "{message}");
    assert_eq!(scene.event("account", "WebhooksNotWritten"), message);
}

/// Checks that the frozen Webhook gets one event, and is rarely written.
fn it_is_told_once_and_rarely_tried(scene: &Scene, tenant: &Tenant) {
    let note = scene.event(FROZEN, "WriteRefused");
    assert!(note.contains("frozen by policy"), "{note}");
    let (calls, tries) = (tenant.operations().len(), refused(scene).len());
    let started = std::time::Instant::now();
    for name in OTHERS {
        scene.pass_by(name);
    }
    // Two passes each, and those of its own back-off, which doubles from one second.
    let own = 2 + started.elapsed().as_secs().checked_ilog2().unwrap_or(0) as usize;
    let passes = tenant.operations().len() - calls;
    assert!(passes <= 2 * OTHERS.len() + own, "{passes} calls");
    assert!(refused(scene).len() - tries <= 4 * own, "{:#?}", refused(scene));
    let told = scene.events(FROZEN).iter().filter(|event| event.0 == "WriteRefused").count();
    assert_eq!(told, 1, "{:?}", scene.events(FROZEN));
}

/// Returns the operator's writes that were refused.
fn refused(scene: &Scene) -> Vec<AuditEvent> {
    scene.cluster_writes().into_iter().filter(|event| event.status_code >= 400).collect()
}

fn ids(scene: &Scene) -> Vec<Value> {
    OTHERS.iter().map(|name| scene.webhook(name)["status"]["externalId"].clone()).collect()
}

fn heals(scene: &Scene, tenant: &Tenant, policy: Policy<'_>, resource: &str) {
    let kept = ids(scene);
    let name = policy.name.clone();
    drop(policy);
    Policy { scene, name }.takes(resource, FROZEN, true);
    scene.ready(FROZEN);
    scene.account_becomes("account", "well again", |account| is(account, "Ready", "True", "InSync"));
    assert_eq!((tenant.count("create"), tenant.ids().len(), ids(scene)), (5, 5, kept));
}

fn one_frozen_webhook_stops_no_other(reason: &str) {
    let (scene, tenant) = five("frozen");
    let policy = Policy::freeze(&scene, &["webhooks", "webhooks/status"], FROZEN, reason);
    let _operator = scene.operator();
    for name in OTHERS {
        scene.ready(name);
    }
    assert_eq!(tenant.ids().len(), 4, "nothing is sent for what cannot be held");
    account_names_it(&scene);
    it_is_told_once_and_rarely_tried(&scene, &tenant);
    // The other Webhooks are still managed.
    let edit = json!({"spec": {"subscription": {"brightpearl": {"qualityOfService": 0}}}});
    scene.patch("webhook/a", &edit);
    scene.ready("a");
    scene.patch("webhook/a", &json!({"spec": {"subscription": {"brightpearl": {"qualityOfService": 1}}}}));
    scene.ready("a");
    assert_eq!(
        (tenant.count("create"), scene.webhook(FROZEN)["status"].clone()),
        (6, json!({"observedGeneration": -1}))
    );
    drop(policy);
    scene.ready(FROZEN);
    scene.account_becomes("account", "well again", |account| is(account, "Ready", "True", "InSync"));
    assert_eq!(tenant.ids().len(), 5);
}

#[test]
fn a_webhook_that_a_policy_freezes_does_not_affect_others() {
    one_frozen_webhook_stops_no_other("Forbidden");
}

#[test]
fn a_webhook_that_a_policy_calls_too_large_does_not_affect_others() {
    one_frozen_webhook_stops_no_other("RequestEntityTooLarge");
}

#[test]
fn without_a_finalizer_nothing_is_sent_and_the_webhook_reports_it() {
    let (scene, tenant) = five("finalizer");
    let policy = Policy::freeze(&scene, &["webhooks"], FROZEN, "Forbidden");
    let _operator = scene.operator();
    let message = scene.stalled(FROZEN, "WriteRefused");
    assert!(message.contains("finalizer") && message.contains("frozen by policy"), "{message}");
    account_names_it(&scene);
    it_is_told_once_and_rarely_tried(&scene, &tenant);
    assert_eq!((tenant.count("create"), tenant.ids().len()), (4, 4));
    heals(&scene, &tenant, policy, "webhooks");
}

#[test]
fn without_a_pending_create_nothing_is_sent() {
    let (scene, tenant) = five("pending");
    let policy = Policy::freeze(&scene, &["webhooks/status"], FROZEN, "Invalid");
    let _operator = scene.operator();
    account_names_it(&scene);
    it_is_told_once_and_rarely_tried(&scene, &tenant);
    assert_eq!((tenant.count("create"), tenant.ids().len()), (4, 4));
    heals(&scene, &tenant, policy, "webhooks/status");
}

/// Gives the operator the chart's rights, but for patching this resource.
fn grant_without(scene: &Scene, resource: &str) {
    let mut all = rights(&scene.namespace, false, &json!({}));
    for role in all.iter_mut().filter(|object| object["kind"] == "Role") {
        let rules = role["rules"].as_array_mut().unwrap();
        let mut readable = Vec::new();
        for rule in
            rules.iter_mut().filter(|rule| rule["verbs"].as_array().unwrap().contains(&json!("patch")))
        {
            rule["resources"].as_array_mut().unwrap().retain(|one| one != resource);
            let mut other = rule.clone();
            other["resources"] = json!([resource]);
            other["verbs"].as_array_mut().unwrap().retain(|verb| verb != "patch");
            readable.push(other);
        }
        rules.extend(readable);
        rules.retain(|rule| {
            ["resources", "verbs"].iter().all(|member| !rule[member].as_array().unwrap().is_empty())
        });
    }
    scene.cluster.granted(&scene.namespace, OPERATOR, &all).unwrap();
}

#[test]
fn a_missing_right_is_reported_once_on_the_account() {
    let (scene, tenant) = five("rights");
    grant_without(&scene, "webhooks");
    let _operator = scene.operator();
    let message = scene.account_stalled("account", "Forbidden");
    assert!(message.contains("cannot patch resource \"webhooks\""), "{message}");
    assert_eq!(scene.event("account", "Forbidden"), message);
    scene.pass("account");
    assert_eq!(tenant.writes(), 0);
    assert_eq!(scene.events("account").len(), 1, "{:?}", scene.events("account"));
    for name in OTHERS {
        assert!(scene.events(name).is_empty(), "{:?}", scene.events(name));
    }
    let tries = refused(&scene).len();
    assert!(tries <= 6, "it is not asked once for each of them: {tries}");
    scene.grant(&json!({}));
    for name in OTHERS {
        scene.ready(name);
    }
    scene.account_becomes("account", "well", |account| is(account, "Ready", "True", "InSync"));
}

#[test]
fn an_account_whose_status_is_refused_is_reported_elsewhere_and_still_reconciled() {
    let (scene, tenant) = five("account");
    let policy = Policy::freeze(&scene, &["vendoraccounts/status"], "account", "Forbidden");
    let operator = scene.operator();
    for name in OTHERS {
        scene.ready(name);
    }
    let note = scene.event("account", "WriteRefused");
    assert!(note.contains("status") && note.contains("frozen by policy"), "{note}");
    assert!(operator.log().contains("frozen by policy"));
    let refused = |accounts: u8| {
        let namespace = &scene.namespace;
        operator.measures(&format!(
            "hooktender_objects_not_written{{namespace=\"{namespace}\",account=\"account\",kind=\"VendorAccount\"}} {accounts}\n"
        ));
    };
    refused(1);
    scene.pass_by("a");
    assert_eq!(scene.events("account").len(), 1, "{:?}", scene.events("account"));
    drop(policy);
    scene.account_becomes("account", "well", |account| is(account, "Ready", "True", "InSync"));
    refused(0);
    assert_eq!(tenant.count("create"), 5);
}

#[test]
fn a_new_webhook_of_the_same_name_gets_no_status_of_the_deleted_one() {
    let scene = Scene::new(&format!("{REFUSED}-again"));
    let tenant = Tenant::open(Vendor::Brightpearl);
    scene.apply(&login("login", &tenant));
    scene.apply(&account("account", "login", &tenant));
    let mut hook = webhook("hook", Vendor::Brightpearl);
    hook["spec"]["mode"] = json!("Plan");
    hook["metadata"]["annotations"] = json!({"hooktender.dev/requested-at": "of the first"});
    scene.apply(&hook);
    let first = scene.webhook("hook")["metadata"]["uid"].clone();
    // The pass hangs in the vendor's list while the Webhook is replaced.
    tenant.fault(&json!({"operation": "list", "kind": "delay", "millis": 3000}));
    let _operator = scene.operator();
    tenant.asked("list", 1);
    scene.kubectl(&["delete", "webhook", "hook"]);
    hook["metadata"]["annotations"] = json!({});
    scene.apply(&hook);
    let planned = scene.webhook_becomes("hook", "planned", |hook| is(hook, "Ready", "True", "Planned"));
    assert_ne!(planned["metadata"]["uid"], first);
    assert_eq!(planned["status"]["lastHandledRequest"], Value::Null);
}
