//! SuperOffice disables a subscription when too many deliveries have failed: how that is reported, and how it is enabled again.

use serde_json::{Value, json};

use crate::command::{Reader, of};
use crate::operator::Operator;
use crate::scene::{Condition, Scene, condition, is, webhook};
use crate::vendors::{Tenant, Vendor};

const RECEIVER: &str = "https://hooks.example.com/so";

/// A Webhook called `hook` that is ready, and one called `other`, by which a pass can be requested.
struct Running {
    scene: Scene,
    tenant: Tenant,
    operator: Operator,
    id: String,
}

impl Running {
    /// `declared` is laid over the Webhook's spec.
    fn new(declared: &Value) -> Self {
        let (scene, tenant) = Scene::with_account("delivering", Vendor::Superoffice);
        let operator = scene.operator();
        let mut other = webhook("other", Vendor::Superoffice);
        other["spec"]["subscription"]["superoffice"]["targetUrl"] = json!("https://hooks.example.com/other");
        scene.apply(&other);
        scene.apply(&webhook("hook", Vendor::Superoffice));
        scene.patch("webhook/hook", declared);
        scene.ready("other");
        let id = scene.ready("hook")["status"]["externalId"].as_str().unwrap().to_owned();
        Self { scene, tenant, operator, id }
    }

    /// The vendor disables the subscription, and a pass sees it.
    fn stops(&self) {
        self.halts(&json!({"State": "TooManyErrors"}));
    }

    /// As [`Self::stops`]; `patch` says how the vendor's copy shows it.
    fn halts(&self, patch: &Value) {
        self.tenant.clear_journal();
        self.tenant.edit(&self.id, patch);
        self.scene.pass_by("other");
    }

    /// What the vendor stores.
    fn state(&self) -> Value {
        self.tenant.one(&self.id).unwrap()["State"].clone()
    }

    fn delivering(&self) -> Condition {
        condition(&self.scene.webhook("hook"), "Delivering").unwrap()
    }

    /// Waits until the Webhook is ready and not delivering for that reason; returns the message.
    fn stays_stopped(&self, reason: &str) -> String {
        for _ in 0..3 {
            self.scene.pass_by("other");
        }
        let hook = self.scene.webhook("hook");
        assert_eq!(condition(&hook, "Ready").unwrap().status, "True", "{hook:#}");
        assert_eq!(condition(&hook, "Stalled").unwrap().status, "False", "{hook:#}");
        assert!(is(&hook, "Delivering", "False", reason), "{hook:#}");
        self.delivering().message
    }

    fn happened(&self, reason: &str) -> usize {
        self.scene.events("hook").iter().filter(|event| event.0 == reason).count()
    }
}

#[test]
fn a_disabled_subscription_is_enabled_again_at_once_and_then_with_delays() {
    let running = Running::new(&json!({}));
    assert_eq!(running.delivering().status, "True");
    running.stops();
    assert!(running.scene.event("hook", "Reactivated").contains("state: TooManyErrors -> Active"));
    assert_eq!((running.tenant.count("update"), running.state()), (1, json!("Active")));
    assert_eq!(running.stored_secret(), crate::scene::TOKEN);
    running.scene.pass_by("other");
    assert!(is(&running.scene.webhook("hook"), "Delivering", "True", "Active"));
    // The receiver is still broken.
    running.stops();
    let message = running.stays_stopped("TooManyErrors");
    assert!(message.contains("too many deliveries failed: fix the receiver"), "{message}");
    assert_eq!((running.tenant.writes(), running.state()), (0, json!("TooManyErrors")));
    assert_eq!((running.happened("Reactivated"), running.happened("TooManyErrors")), (1, 1));
    // After the receiver is repaired, a person need not wait.
    running.scene.pass("account");
    running.scene.webhook_becomes("hook", "delivering", |hook| is(hook, "Delivering", "True", "Active"));
    assert_eq!((running.tenant.count("update"), running.state()), (1, json!("Active")));
}

impl Running {
    fn stored_secret(&self) -> Value {
        self.tenant.one(&self.id).unwrap()["Secret"].clone()
    }
}

#[test]
fn a_subscription_that_was_disabled_without_a_new_version_is_enabled_too() {
    let running = Running::new(&json!({}));
    let updated = running.tenant.one(&running.id).unwrap()["Updated"].clone();
    running.halts(&json!({"State": "TooManyErrors", "Updated": updated}));
    assert_eq!((running.tenant.count("update"), running.state()), (1, json!("Active")));
    running.scene.event("hook", "Reactivated");
}

#[test]
fn a_receiver_that_still_fails_is_reported_and_does_no_harm() {
    let running = Running::new(&json!({}));
    running.tenant.target(RECEIVER, "refuse");
    running.stops();
    let message = running.stays_stopped("TooManyErrors");
    let why = "the vendor refused to re-enable it: ";
    assert!(message.contains(why) && message.contains("the target did not answer 200"), "{message}");
    assert_eq!(running.tenant.count("update"), 1);
    assert_eq!((running.state(), running.happened("Reactivated")), (json!("TooManyErrors"), 0));
    // The receiver is repaired, and a person requests a pass.
    running.tenant.target(RECEIVER, "ok");
    running.scene.pass_by("hook");
    running.scene.webhook_becomes("hook", "delivering", |hook| is(hook, "Delivering", "True", "Active"));
    running.scene.event("hook", "Reactivated");
}

#[test]
fn a_declared_policy_leaves_it_disabled() {
    let leave = json!({"spec": {"subscription": {"superoffice": {"onTooManyErrors": "Leave"}}}});
    let running = Running::new(&leave);
    running.stops();
    running.stays_stopped("TooManyErrors");
    running.scene.pass("account");
    assert_eq!((running.tenant.writes(), running.state()), (0, json!("TooManyErrors")));
    assert_eq!((running.happened("Reactivated"), running.happened("TooManyErrors")), (0, 1));
}

#[test]
fn a_subscription_that_is_declared_as_stopped_is_in_sync_however_it_was_stopped() {
    let running = Running::new(&json!({"spec": {"subscription": {"superoffice": {"state": "Stopped"}}}}));
    assert!(is(&running.scene.webhook("hook"), "Delivering", "False", "Stopped"));
    running.stops();
    running.stays_stopped("TooManyErrors");
    assert_eq!(running.tenant.writes(), 0);
    assert!(is(&running.scene.webhook("hook"), "Drifted", "False", "NoDrift"));
}

#[test]
fn a_disabled_subscription_with_reported_drift_is_not_enabled_again() {
    let running = Running::new(&json!({"spec": {"driftPolicy": "Report"}}));
    running.stops();
    running.stays_stopped("TooManyErrors");
    running.scene.pass("account");
    assert_eq!((running.tenant.writes(), running.state()), (0, json!("TooManyErrors")));
    let drifted = condition(&running.scene.webhook("hook"), "Drifted").unwrap();
    assert!(drifted.status == "True" && drifted.message.contains("TooManyErrors"), "{drifted:?}");
}

#[test]
fn stopped_deliveries_are_seen_wherever_one_looks() {
    let leave = json!({"spec": {"subscription": {"superoffice": {"onTooManyErrors": "Leave"}}}});
    let running = Running::new(&leave);
    let reader = Reader::of(&running.scene);
    let column = || {
        let table = running.scene.kubectl(&["get", "wh", "hook"]);
        let cells: Vec<_> = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        let at = cells[0].iter().position(|name| *name == "DELIVERING").unwrap();
        // PLAN is in between and never empty here.
        cells[1][at].to_owned()
    };
    let metric = |state: &str, count: usize| {
        running
            .operator
            .measures(&format!("hooktender_webhooks{{vendor=\"superoffice\",state=\"{state}\"}} {count}\n"));
    };
    assert_eq!(column(), "True");
    metric("not_delivering", 0);
    assert!(!reader.plan(&[]).exits(0).stdout.contains("elivering"));
    running.stops();
    running.scene.webhook_becomes("hook", "stopped", |hook| is(hook, "Delivering", "False", "TooManyErrors"));
    assert_eq!(column(), "False");
    metric("not_delivering", 1);
    metric("ready", 1);
    let ran = reader.plan(&[]).exits(0);
    ran.says(&format!("{}/hook: unchanged {}", running.scene.namespace, running.id));
    ran.says("not delivering, TooManyErrors: the vendor stopped the deliveries because too many failed; repair the receiver");
    ran.says("Not delivering: 1 Webhook; the vendor stopped the deliveries because too many failed.");
    let report = reader.plan(&["-o", "json"]).exits(0).json();
    assert_eq!(
        (&of(&report, "hook")["delivery"], &of(&report, "other")["delivery"]),
        (&json!("TooManyErrors"), &json!("Active"))
    );
    assert_eq!((&report["counts"]["notDelivering"], &report["counts"]["unchanged"]), (&json!(1), &json!(2)));
    let comment = reader.plan(&["-o", "markdown"]).exits(0).stdout;
    assert!(
        comment.contains("**Not delivering: 1 Webhook;") && comment.contains("**not delivering**"),
        "{comment}"
    );
}

#[test]
fn vendors_that_do_not_report_deliveries_have_no_such_condition() {
    for vendor in [Vendor::Brightpearl, Vendor::Contensis] {
        let (scene, _tenant) = Scene::with_account("untold", vendor);
        let _operator = scene.operator();
        scene.apply(&webhook("hook", vendor));
        assert_eq!(condition(&scene.ready("hook"), "Delivering"), None);
    }
}
