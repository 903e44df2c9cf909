//! `hooktender explain`: the state, what happened, what comes next, and what would unblock it.

use crate::command::Ran;
use crate::operator::Operator;
use crate::program::{reader, run, wrote};
use crate::scene::{Scene, condition, is, webhook};
use crate::vendors::{Tenant, Vendor};
use serde_json::json;
use std::path::PathBuf;

/// A scene at Brightpearl, and a user who may read.
struct Place {
    scene: Scene,
    tenant: Tenant,
    reader: PathBuf,
}

impl Place {
    fn new() -> Self {
        let (scene, tenant) = Scene::with_account("explain", Vendor::Brightpearl);
        let reader = reader(&scene);
        Self { scene, tenant, reader }
    }

    fn ran(&self, subject: &str) -> Ran {
        run(Some(&self.reader), &["explain", subject])
    }

    /// Checks that each of the parts is in one line of the explanation.
    #[track_caller]
    fn says(&self, subject: &str, parts: &[&str]) -> String {
        let ran = self.ran(subject);
        let text = ran.well();
        assert_eq!(ran.stderr, "");
        assert!(!text.contains("canary"), "{text}");
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
        // Shows what was tested with: cargo test -- --nocapture
        println!("{text}");
        text.to_owned()
    }

    /// Checks that a Webhook called `hook` that is stalled for that reason is explained with the message and a remedy.
    fn stalled(&self, reason: &str, way_out: &str) -> Operator {
        let operator = self.scene.operator();
        let message = self.scene.stalled("hook", reason);
        self.scene.event("hook", reason);
        let unblock = format!("To unblock\n  {reason}: {way_out}");
        let event = format!("): {reason}: ");
        self.says("wh/hook", &["Conditions\n  Ready=False", &message, "\nEvents\n", &event, &unblock]);
        operator
    }
}

#[test]
fn a_webhook_in_sync() {
    let place = Place::new();
    let _operator = place.scene.operator();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let id = place.scene.ready("hook")["status"]["externalId"].as_str().unwrap().to_owned();
    place.scene.event("hook", "Created");
    place.scene.pass("account");
    let is = format!("Webhook {}/hook, for brightpearl\n\nStatus\n  account", place.scene.namespace);
    let subscription = format!("  subscription {id}, as last applied ");
    let next = "\nNext\n  the vendor's list is read every 1h";
    let seen = "generation 1 of the spec, observed by hooktender";
    let text = place.says("wh/hook", &[&is, &subscription, seen, "Ready=True InSync", "): Created: ", next]);
    assert!(!text.contains("To unblock") && !text.contains("Pending changes"), "{text}");
    for other in ["webhook/hook", "webhooks/hook"] {
        assert_eq!(place.says(other, &[]).lines().next(), text.lines().next());
    }
    let counts = "Status\n  1 declared, 1 managed, 0 unmanaged";
    let text = place.says("va/account", &["VendorAccount ", counts, "Ready=True InSync", next]);
    assert!(!text.contains("To unblock"), "{text}");
    assert_eq!(wrote(&place.scene), []);
}

#[test]
fn a_webhook_that_the_vendor_rejects() {
    let place = Place::new();
    let mut bad = webhook("hook", Vendor::Brightpearl);
    bad["spec"]["subscription"]["brightpearl"]["subscribeTo"] = json!("prodcut");
    place.scene.apply(&bad);
    let _operator = place.stalled("Rejected", "change the manifest as the vendor's message asks");
    place.says("wh/hook", &["no subscription yet", "\nPending changes\n  Create\n", "INTC-064"]);
}

#[test]
fn a_webhook_that_is_similar_to_an_existing_subscription() {
    let place = Place::new();
    let mut similar = webhook("hook", Vendor::Brightpearl)["spec"]["subscription"]["brightpearl"].clone();
    similar["uriTemplate"] = json!(format!("https://hooks.example.com/hook?token={}", crate::scene::TOKEN));
    similar["contentType"] = json!("text/plain");
    let id = place.tenant.insert(&similar);
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let _operator = place.stalled("SimilarExists", "set spec.externalId to the id that the message names");
    place.says("wh/hook", &[&format!("spec.externalId: \"{id}\"")]);
}

#[test]
fn a_webhook_whose_secret_is_missing() {
    let place = Place::new();
    let mut bad = webhook("hook", Vendor::Brightpearl);
    bad["spec"]["variables"][0]["valueFrom"]["secretKeyRef"]["name"] = json!("later");
    place.scene.apply(&bad);
    let _operator = place.stalled("VariableMissing", "create the Secret or ConfigMap, or the key");
}

#[test]
fn a_webhook_with_an_unknown_outcome() {
    let place = Place::new();
    let _operator = place.scene.operator_with(&["--settle", "10m"]);
    place.tenant.fault(&json!({"operation": "create", "kind": "drop_before"}));
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.webhook_becomes("hook", "settling", |hook| is(hook, "Ready", "False", "Settling"));
    let text = place.says(
        "wh/hook",
        &[
            "a create was sent ",
            "Ready=False Settling",
            "\nNext\n  after the grace period of the pending create",
            "To unblock\n  Settling: nothing: the vendor's list decides",
        ],
    );
    assert!(!text.contains("no subscription yet"), "{text}");
}

#[test]
fn a_webhook_whose_account_fails() {
    let place = Place::new();
    place.tenant.accept("another-secret");
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let _operator = place.stalled("Credentials", "put working credentials into the Secret");
    let message = place.scene.account_stalled("account", "Credentials");
    let unblock = "To unblock\n  Credentials: put working credentials into the Secret that the account names";
    place.says("va/account", &[&message, "Stalled=True Credentials", unblock]);
}

#[test]
fn a_webhook_that_was_ready_before_its_account_failed() {
    let place = Place::new();
    let _operator = place.scene.operator();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.ready("hook");
    place.tenant.accept("another-secret");
    place.scene.request("account");
    place.scene.account_stalled("account", "Credentials");
    let account = place.scene.account("account");
    let message = condition(&account, "Ready").unwrap().message;
    let unblock = "To unblock\n  the account: Credentials: put working credentials";
    place.says("wh/hook", &["Ready=True InSync", "not ready: Credentials", &message, unblock]);
}

#[test]
fn a_webhook_in_mode_plan() {
    let place = Place::new();
    let _operator = place.scene.operator();
    let mut plan = webhook("hook", Vendor::Brightpearl);
    plan["spec"]["mode"] = json!("Plan");
    place.scene.apply(&plan);
    place.scene.webhook_becomes("hook", "planned", |hook| is(hook, "Ready", "True", "Planned"));
    let unblock = "To unblock\n  Planned: set mode: Enforce at the Webhook and its account";
    place.says("wh/hook", &["\nPending changes\n  Create\n", "(nothing) -> product", "$(TOKEN)", unblock]);
}

#[test]
fn suspended_objects() {
    let place = Place::new();
    let _operator = place.scene.operator();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.ready("hook");
    place.scene.patch("webhook/hook", &json!({"spec": {"suspend": true}}));
    place.scene.webhook_becomes("hook", "suspended", |hook| is(hook, "Ready", "True", "Suspended"));
    let unblock = "To unblock\n  Suspended: set spec.suspend: false";
    place.says("wh/hook", &["\nNext\n  nothing: spec.suspend is true", unblock]);
    place.scene.patch("vendoraccount/account", &json!({"spec": {"suspend": true}}));
    place.scene.account_becomes("account", "suspended", |account| is(account, "Ready", "True", "Suspended"));
    place.says("va/account", &["\nNext\n  nothing: spec.suspend is true", unblock]);
    place.scene.patch("webhook/hook", &json!({"spec": {"suspend": false}}));
    let unblock = "  the account: Suspended: set spec.suspend: false";
    place.says("wh/hook", &["\nNext\n  nothing: the account's spec.suspend is true", unblock]);
}

#[test]
fn a_webhook_without_an_account() {
    let place = Place::new();
    let _operator = place.scene.operator();
    let mut bad = webhook("hook", Vendor::Brightpearl);
    bad["spec"]["accountRef"]["name"] = json!("nobody");
    place.scene.apply(&bad);
    place.scene.stalled("hook", "AccountNotFound");
    let account = format!("account {}/nobody, which does not exist", place.scene.namespace);
    let next = "\nNext\n  a pass as soon as the account exists";
    let unblock = "To unblock\n  AccountNotFound: create the VendorAccount";
    place.says("wh/hook", &[&account, next, unblock]);
}

#[test]
fn objects_that_no_operator_has_seen() {
    let place = Place::new();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let seen = "not observed by any hooktender: is one running, and for this namespace?";
    let text = place.says("wh/hook", &["no subscription yet", seen, "\nNext\n"]);
    assert!(!text.contains("Events") && !text.contains("Conditions"), "{text}");
    place.says("va/account", &[seen]);
}

#[test]
fn a_webhook_that_is_being_deleted() {
    let place = Place::new();
    let operator = place.scene.operator();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.ready("hook");
    operator.terminate();
    place.scene.kubectl(&["delete", "webhook/hook", "--wait=false"]);
    place.says("wh/hook", &["is being deleted, since "]);
}

#[test]
fn an_object_that_cannot_be_explained_gives_one_line() {
    let place = Place::new();
    let namespace = &place.scene.namespace;
    assert_eq!(place.ran("wh/nobody").failed(), format!("there is no Webhook {namespace}/nobody"));
    assert_eq!(place.ran("va/nobody").failed(), format!("there is no VendorAccount {namespace}/nobody"));
    for (wrong, says) in [
        ("foo", "write wh/foo for the Webhook, whs/foo for the WebhookSet, or va/foo for the VendorAccount"),
        ("pod/x", "pod is not a kind of hooktender: write wh/NAME, whs/NAME or va/NAME"),
        ("wh/", "write wh/NAME, whs/NAME or va/NAME"),
        ("wh/a/b", "write wh/NAME, whs/NAME or va/NAME"),
    ] {
        let ran = place.ran(wrong);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:#?}");
        let line = ran.stderr.lines().next().unwrap();
        assert!(line.starts_with("error: ") && line.contains(says), "{line}");
    }
    let stranger = place.scene.cluster.service_account(namespace, "stranger", "[]").unwrap();
    let ran = run(Some(&stranger), &["explain", "va/account"]);
    assert!(ran.failed().starts_with(&format!("VendorAccount {namespace}/account cannot be read: ")));
    // Without a kubeconfig there is no cluster to ask.
    assert!(run(None, &["explain", "va/account"]).failed().contains("no cluster to talk to"));
}

#[test]
fn missing_rights_are_reported() {
    let place = Place::new();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let rules = "[{apiGroups: [hooktender.dev], resources: [webhooks], verbs: [get]}]";
    let poor = place.scene.cluster.service_account(&place.scene.namespace, "poor", rules).unwrap();
    let ran = run(Some(&poor), &["explain", "wh/hook"]);
    let text = ran.well();
    for part in
        ["\nEvents\n  the events cannot be read: ", "is forbidden", "/account, which cannot be read: "]
    {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}
