//! `hooktender explain`: the state, what happened, what comes next, and what would unblock it.

use crate::command::Ran;
use crate::operator::Operator;
use crate::program::{reader, run, wrote};
use crate::scene::{Scene, condition, is, webhook};
use crate::support;
use crate::vendors::{Tenant, Vendor};
use hooktender_cluster::KUBECTL_WAIT_LIMIT;
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

/// A scene at Brightpearl, and a user who may read.
pub(crate) struct Place {
    pub(crate) scene: Scene,
    tenant: Tenant,
    pub(crate) reader: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let (scene, tenant) = Scene::with_account("explain", Vendor::Brightpearl);
        let reader = reader(&scene);
        Self { scene, tenant, reader }
    }

    pub(crate) fn ran(&self, arguments: &[&str]) -> Ran {
        run(Some(&self.reader), &[&["explain"], arguments].concat())
    }

    /// Checks that each of the parts is in the explanation, however it is wrapped.
    #[track_caller]
    fn says(&self, subject: &str, parts: &[&str]) -> String {
        let ran = self.ran(&[subject]);
        let text = ran.well();
        assert_eq!(ran.stderr, "");
        assert!(!text.contains("canary"), "{text}");
        let joined = joined(text);
        for part in parts {
            assert!(joined.contains(part), "{part:?} is not in:\n{text}");
        }
        // Shows what was tested with: cargo test -- --nocapture
        println!("{text}");
        text.to_owned()
    }

    /// Checks that a Webhook called `hook` that is stalled for that reason is explained with the message, once, and a remedy.
    fn stalled(&self, reason: &str, way_out: &str) -> Operator {
        let operator = self.scene.operator();
        let message = self.scene.stalled("hook", reason);
        self.scene.event("hook", reason);
        let unblock = format!("To unblock {reason}: {way_out}");
        let event = format!("ago) {reason}: (as above)");
        let text =
            self.says("wh/hook", &["Conditions Ready=False, Stalled=True ", &message, &event, &unblock]);
        assert_eq!(joined(&text).matches(&joined(&message)).count(), 1, "{text}");
        operator
    }
}

/// Runs a command that was copied from an explanation.
fn paste(scene: &Scene, command: &str) {
    let kubectl = scene.cluster.kubectl();
    let mut shell = Command::new("sh");
    shell.arg("-euc").arg(format!("kubectl() {{ \"$PROGRAM\" \"$@\"; }}\n{command}"));
    shell.env("PROGRAM", kubectl.get_program()).env("KUBECONFIG", scene.cluster.kubeconfig());
    support::fed(&mut shell, "").accepted();
}

/// A text on one line.
pub(crate) fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_webhook_in_sync() {
    let place = Place::new();
    let _operator = place.scene.operator();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let id = place.scene.ready("hook")["status"]["externalId"].as_str().unwrap().to_owned();
    place.scene.event("hook", "Created");
    place.scene.pass("account");
    let is = format!("Webhook {}/hook (brightpearl) Status account {0}/account (", place.scene.namespace);
    let subscription = format!("subscription {id}, last applied ");
    let next = "Next the vendor's list is read every 1h";
    let seen = "mode Enforce spec generation 1, observed by hooktender";
    let now =
        format!("To try now ask for a pass: hooktender sync va/account -n {} --wait", place.scene.namespace);
    let parts = [&*is, &subscription, seen, "Ready=True InSync", "ago) Created: ", next, &now];
    let text = place.says("wh/hook", &parts);
    assert!(!text.contains("To unblock") && !text.contains("Pending changes"), "{text}");
    for line in text.lines().filter(|line| !line.contains("kubectl")) {
        assert!(line.chars().count() <= 100, "{line:?} in\n{text}");
    }
    let counts = "subscriptions 1 declared, 1 managed, 0 unmanaged";
    let text = place.says("va/account", &["VendorAccount ", counts, "Ready=True InSync", next]);
    assert!(!text.contains("To unblock"), "{text}");
    assert_eq!(wrote(&place.scene), []);
    let edit = json!({"spec": {"subscription": {"brightpearl": {"qualityOfService": 0}}}});
    place.scene.patch("webhook/hook", &edit);
    place.scene.event("hook", "Replaced");
    let new = place.tenant.ids().remove(0);
    place.says("wh/hook", &[&format!("ago) Replaced: replaced {id} with {new} at brightpearl (")]);
}

#[test]
fn a_webhook_that_the_vendor_rejects() {
    let place = Place::new();
    let mut bad = webhook("hook", Vendor::Brightpearl);
    bad["spec"]["subscription"]["brightpearl"]["subscribeTo"] = json!("prodcut");
    place.scene.apply(&bad);
    let _operator = place.stalled("Rejected", "change the manifest as the vendor's message asks");
    place.says("wh/hook", &["subscription none yet", "Pending changes Create ", "INTC-064"]);
}

#[test]
fn a_webhook_that_is_similar_to_an_existing_subscription() {
    let place = Place::new();
    let mut similar = webhook("hook", Vendor::Brightpearl)["spec"]["subscription"]["brightpearl"].clone();
    similar["uriTemplate"] = json!(format!("https://hooks.example.com/hook?token={}", crate::scene::TOKEN));
    similar["contentType"] = json!("text/plain");
    let id = place.tenant.insert(&similar);
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let _operator = place.stalled("SimilarExists", "set spec.externalId to adopt the subscription");
    let command = format!(
        "kubectl patch webhook -n {} hook --type=merge -p '{{\"spec\":{{\"externalId\":\"{id}\"}}}}'",
        place.scene.namespace
    );
    let differs = "What adopting the similar subscription would change contentType: ";
    let text = place
        .says("wh/hook", &[&format!("spec.externalId: \"{id}\""), differs, "-> application/json", &command]);
    assert!(!text.contains("Pending changes") && !text.contains("subscribeTo: "), "{text}");
    // The command does what it says.
    paste(&place.scene, &command);
    place.scene.ready("hook");
    assert_eq!(place.tenant.stored().len(), 1);
}

#[test]
fn a_webhook_whose_secret_is_missing() {
    let place = Place::new();
    let mut bad = webhook("hook", Vendor::Brightpearl);
    bad["spec"]["variables"][0]["valueFrom"]["secretKeyRef"]["name"] = json!("later");
    place.scene.apply(&bad);
    let _operator = place.stalled("VariableMissing", "create the Secret, the ConfigMap or the key");
}

#[test]
fn a_webhook_with_an_unknown_outcome() {
    let place = Place::new();
    let _operator = place.scene.operator_with(&["--settle", "10m"]);
    place.tenant.fault(&json!({"operation": "create", "kind": "drop_before"}));
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.webhook_becomes("hook", "settling", |hook| is(hook, "Ready", "False", "Settling"));
    place.scene.account_becomes("account", "waiting", |account| account["status"]["nextAttempt"].is_string());
    let text = place.says(
        "wh/hook",
        &[
            "subscription unknown: a create was sent ",
            "Ready=False, Reconciling=True Settling",
            "Next the next try, at the latest 20",
            "the vendor's list decides whether the create was committed, after its grace period",
            "To unblock Settling: nothing: the vendor's list decides",
        ],
    );
    assert!(!text.contains("none yet"), "{text}");
}

#[test]
fn an_account_whose_vendor_is_down_is_tried_again_at_a_time() {
    let place = Place::new();
    place.tenant.fault(&json!({"operation": "list", "kind": "status", "status": 503, "times": null}));
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let _operator = place.scene.operator();
    let fails = |account: &serde_json::Value| is(account, "Ready", "False", "Unavailable");
    place.scene.account_becomes("account", "unavailable", fails);
    // After some tries, the next one is seconds away.
    place.tenant.asked("list", 4);
    place.says(
        "va/account",
        &["Next the next try, ", "To unblock Unavailable: nothing, if the vendor is down"],
    );
    place.scene.webhook_becomes("hook", "waiting", |hook| is(hook, "Ready", "False", "Unavailable"));
    let text = place.says("wh/hook", &["Conditions of the account", "(as above)", "Next the next try, "]);
    assert_eq!(text.matches("Unavailable: nothing").count(), 1, "{text}");
    place.tenant.clear_faults();
    place.scene.request("account");
    place.scene.ready("hook");
    let account =
        place.scene.account_becomes("account", "well", |account| is(account, "Ready", "True", "InSync"));
    assert_eq!(account["status"]["nextAttempt"], json!(null), "nothing is waited for");
}

#[test]
fn an_account_that_has_used_up_its_own_budget() {
    let place = Place::new();
    let rate = json!({"spec": {"rateLimit": {"requestsPerMinute": 1}}});
    place.scene.patch("vendoraccount/account", &rate);
    let _operator = place.scene.operator();
    place.scene.account_becomes("account", "read once", |account| is(account, "Ready", "True", "InSync"));
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.request("account");
    place.scene.webhook_becomes("hook", "throttled", |hook| is(hook, "Ready", "False", "Throttled"));
    place
        .scene
        .account_becomes("account", "throttled", |account| account["status"]["nextAttempt"].is_string());
    let unblock = "Throttled: nothing: hooktender continues as soon as spec.rateLimit (1 calls per minute, 0 of them left to others) allows it; raise it";
    place.says("wh/hook", &["Next the next try, at the latest 20", unblock]);
}

#[test]
fn a_webhook_whose_account_fails() {
    let place = Place::new();
    place.tenant.accept("another-secret");
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let _operator = place.stalled("Credentials", "put working credentials into the Secret");
    let message = place.scene.account_stalled("account", "Credentials");
    let unblock = "To unblock Credentials: put working credentials into the Secret that the account names";
    place.says("va/account", &[&message, "Ready=False, Stalled=True Credentials", unblock]);
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
    let unblock = "To unblock Credentials: the account: put working credentials";
    place.says(
        "wh/hook",
        &["Ready=True InSync", "Conditions of the account Ready=False Credentials", &message, unblock],
    );
    // One that is being deleted can be released.
    place.scene.kubectl(&["delete", "webhook/hook", "--wait=false"]);
    place.scene.stalled("hook", "Credentials");
    let id = place.scene.webhook("hook")["status"]["externalId"].as_str().unwrap().to_owned();
    let command = format!(
        "kubectl annotate --overwrite webhook -n {} hook hooktender.dev/release=true",
        place.scene.namespace
    );
    let release = format!(
        "Release: to delete the Webhook without waiting; subscription {id} stays at the vendor: {command}"
    );
    place.says("wh/hook", &["deleted requested 20", "To unblock Credentials: ", &release]);
    paste(&place.scene, &command);
    place.scene.kubectl(&["wait", "--for=delete", "webhook/hook", KUBECTL_WAIT_LIMIT]);
    assert_eq!(place.tenant.ids(), [id]);
}

#[test]
fn the_mode_that_holds_is_named() {
    let place = Place::new();
    let operator = place.scene.operator();
    let mut plan = webhook("hook", Vendor::Brightpearl);
    plan["spec"]["mode"] = json!("Plan");
    place.scene.apply(&plan);
    let planned = |hook: &serde_json::Value| {
        is(hook, "Ready", "True", "Planned")
            && hook["status"]["observedGeneration"] == hook["metadata"]["generation"]
    };
    place.scene.webhook_becomes("hook", "planned", planned);
    let own = format!(
        "To unblock Planned: set spec.mode: Enforce at the Webhook kubectl patch webhook -n {} hook --type=merge",
        place.scene.namespace
    );
    let mode = "mode Plan, by spec.mode of the Webhook spec ";
    let text =
        place.says("wh/hook", &[mode, "Pending changes Create ", "(nothing) -> product", "$(TOKEN)", &own]);
    assert!(!text.contains("--plan-only") && !text.contains("at the VendorAccount"), "{text}");
    // From here on nothing enforces: the Webhook stays planned.
    operator.terminate();
    place.scene.patch("webhook/hook", &json!({"spec": {"mode": "Enforce"}}));
    place.scene.patch("vendoraccount/account", &json!({"spec": {"mode": "Plan"}}));
    let text = place.says("wh/hook", &["mode Plan, by spec.mode of the VendorAccount spec "]);
    assert!(!text.contains("--plan-only") && !text.contains("Enforce at the Webhook"), "{text}");
    place.says("va/account", &["mode Plan, by spec.mode of the VendorAccount"]);
    // Nothing in the cluster tells that the operator only plans, but that the Webhook is planned.
    place.scene.patch("vendoraccount/account", &json!({"spec": {"mode": "Enforce"}}));
    let _operator = place.scene.operator_with(&["--plan-only"]);
    place.scene.webhook_becomes("hook", "planned", planned);
    let by_operator = "mode Plan, as hooktender runs with --plan-only";
    place.says(
        "wh/hook",
        &[by_operator, "To unblock Planned: run hooktender without --plan-only (Helm: planOnly: false)"],
    );
}

#[test]
fn suspended_objects() {
    let place = Place::new();
    let _operator = place.scene.operator();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.ready("hook");
    place.scene.patch("webhook/hook", &json!({"spec": {"suspend": true}}));
    place.scene.webhook_becomes("hook", "suspended", |hook| is(hook, "Ready", "True", "Suspended"));
    let unblock = "To unblock Suspended: set spec.suspend: false at the Webhook kubectl patch webhook";
    let mode = "mode suspended by spec.suspend of the Webhook";
    place.says("wh/hook", &[mode, "Next nothing, until spec.suspend is false", unblock]);
    place.scene.patch("vendoraccount/account", &json!({"spec": {"suspend": true}}));
    place.scene.account_becomes("account", "suspended", |account| is(account, "Ready", "True", "Suspended"));
    let unblock =
        "To unblock Suspended: set spec.suspend: false at the VendorAccount kubectl patch vendoraccount";
    place.says("va/account", &["Next nothing, until spec.suspend is false", unblock]);
    place.scene.patch("webhook/hook", &json!({"spec": {"suspend": false}}));
    let mode = "mode suspended by spec.suspend of the VendorAccount";
    place.says("wh/hook", &[mode, "Next nothing, until spec.suspend of the VendorAccount is false", unblock]);
}

#[test]
fn a_webhook_without_an_account() {
    let place = Place::new();
    let _operator = place.scene.operator();
    let mut bad = webhook("hook", Vendor::Brightpearl);
    bad["spec"]["accountRef"]["name"] = json!("acount");
    place.scene.apply(&bad);
    place.scene.stalled("hook", "AccountNotFound");
    let account = format!("account {}/acount, which does not exist", place.scene.namespace);
    let next = "Next a pass as soon as the VendorAccount exists";
    let unblock = "To unblock AccountNotFound: create the VendorAccount, or create a new Webhook with the right spec.accountRef (it is immutable): did you mean account?";
    place.says("wh/hook", &[&account, next, unblock]);
}

#[test]
fn the_command_that_allows_deletions_is_repeated_in_one_line() {
    let place = Place::new();
    let _operator = place.scene.operator();
    place.scene.patch(
        "vendoraccount/account",
        &json!({"spec": {"deletionGuard": {"maxPercent": 10, "minCount": 1}}}),
    );
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.ready("hook");
    place.scene.kubectl(&["delete", "webhook/hook", "--wait=false"]);
    place.scene.stalled("hook", "DeletionGuard");
    let message = place.scene.account_stalled("account", "DeletionGuard");
    let command = &message[message.find("kubectl annotate").unwrap()..];
    for subject in ["wh/hook", "va/account"] {
        let text = place.says(subject, &["To unblock DeletionGuard: check what would be deleted"]);
        assert_eq!(text.matches(&format!("\n    {command}\n")).count(), 1, "{text}");
        assert_eq!(text.matches("allow-deletions=").count(), 1, "{text}");
    }
    paste(&place.scene, command);
    place.scene.kubectl(&["wait", "--for=delete", "webhook/hook", KUBECTL_WAIT_LIMIT]);
}

#[test]
fn objects_that_no_operator_has_seen() {
    let place = Place::new();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let seen = "not observed by any hooktender: is one running, and for this namespace?";
    let text = place.says("wh/hook", &["subscription none yet", seen, " Next "]);
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
    place.says("wh/hook", &["of which hooktender has observed 1: is it running? deleted requested 20"]);
}
