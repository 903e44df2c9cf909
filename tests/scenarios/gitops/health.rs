//! How kstatus (and so Flux) and Argo CD judge both kinds in every situation: real objects, in the state that the API server has
//! at that time.

use std::path::Path;

use serde_json::{Value, json};

use super::judge::judge;
use crate::scene::{Scene, condition, is, webhook};
use crate::support::kubectl;
use crate::vendors::Vendor;

/// An object, the expected verdicts of kstatus and Argo CD, and the reason that a person reads.
type Seen = (&'static str, Value, [&'static str; 2], &'static str);

/// The scripts of the example, as Argo CD reads them: from a ConfigMap that an API server has accepted.
fn scripts(scene: &Scene) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gitops/argocd-health.yaml");
    let arguments = ["create", "--namespace", &scene.namespace, "--output=json", "--filename"];
    let made = kubectl(&[&arguments[..], &[file.to_str().unwrap()]].concat(), "").accepted();
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["metadata"]["name"], "argocd-cm");
    made["data"].clone()
}

/// All at once, so that one run reports all differences.
fn are_judged(scene: &Scene, seen: &[Seen]) {
    let objects: Vec<_> = seen.iter().map(|(_, object, ..)| object).collect();
    let verdicts = judge(&objects, &scripts(scene));
    assert_eq!(verdicts.len(), seen.len());
    let mut wrong = Vec::new();
    for ((what, object, expected, reason), said) in seen.iter().zip(&verdicts) {
        let ready = condition(object, "Ready");
        let is_told = ready.as_ref().map_or("", |ready| ready.reason.as_str()) == *reason;
        // `kubectl wait` reads only Ready, of the current generation.
        let well = ready.as_ref().is_some_and(|ready| ready.status == "True" && *reason != "InSync");
        let is_told = is_told && !(well && expected[0] != "Current" && expected != &LEAVING);
        // There is a message wherever something is to be reported; Argo CD shows ours.
        let own =
            said.argocd.status == "Progressing" || ready.is_some_and(|r| r.message == said.argocd.message);
        if [said.kstatus.status.as_str(), said.argocd.status.as_str()] != *expected || !is_told || !own {
            wrong.push(format!("{what}: {said:?}, not {expected:?} for {reason}: {}", object["status"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A Webhook with another change.
fn with(name: &str, path: &str, value: &Value) -> Value {
    let mut webhook = webhook(name, Vendor::Contensis);
    let (parent, member) = path.rsplit_once('/').unwrap();
    webhook.pointer_mut(parent).unwrap()[member] = value.clone();
    webhook
}

const BUSY: [&str; 2] = ["InProgress", "Progressing"];
const WELL: [&str; 2] = ["Current", "Healthy"];
const STUCK: [&str; 2] = ["Failed", "Degraded"];
const LEAVING: [&str; 2] = ["Terminating", "Progressing"];

/// Waits until a Webhook's conditions match.
fn becomes(scene: &Scene, name: &str, kind: &str, reason: &str) -> Value {
    scene.webhook_becomes(name, &format!("{kind}: {reason}"), |webhook| is(webhook, kind, "True", reason))
}

fn account_becomes(scene: &Scene, kind: &str, reason: &str) -> Value {
    scene
        .account_becomes("account", &format!("{kind}: {reason}"), |account| is(account, kind, "True", reason))
}

#[test]
fn a_webhook_in_every_situation() {
    let (scene, tenant) = Scene::with_account("health", Vendor::Contensis);
    let mut seen: Vec<Seen> = Vec::new();
    scene.apply(&webhook("good", Vendor::Contensis));
    seen.push(("just applied", scene.webhook("good"), BUSY, ""));
    let operator = scene.operator_with(&["--settle", "1m"]);
    seen.push(("ready", scene.ready("good"), WELL, "InSync"));
    let describe = |text: &str| {
        let patch = json!({"spec": {"subscription": {"contensis": {"description": text}}}});
        scene.patch("webhook/good", &patch);
    };
    operator.signal("STOP");
    describe("not looked at");
    seen.push(("edited, not looked at", scene.webhook("good"), BUSY, "InSync"));
    operator.signal("CONT");
    seen.push(("ready again", scene.ready("good"), WELL, "InSync"));

    scene.apply(&with("planned", "/spec/mode", &json!("Plan")));
    seen.push(("plan only", becomes(&scene, "planned", "Ready", "Planned"), WELL, "Planned"));
    let missing = "/spec/variables/0/valueFrom/secretKeyRef/name";
    scene.apply(&with("blind", missing, &json!("nowhere")));
    seen.push((
        "no Secret",
        becomes(&scene, "blind", "Stalled", "VariableMissing"),
        STUCK,
        "VariableMissing",
    ));
    scene.apply(&with("lost", "/spec/accountRef/name", &json!("nobody")));
    seen.push((
        "no account",
        becomes(&scene, "lost", "Stalled", "AccountNotFound"),
        STUCK,
        "AccountNotFound",
    ));
    scene.apply(&with("other", "/spec/externalId", &scene.webhook("good")["status"]["externalId"]));
    seen.push(("a second one", becomes(&scene, "other", "Stalled", "Conflict"), STUCK, "Conflict"));
    scene.apply(&with("absent", "/spec/externalId", &json!("00000000-0000-4000-8000-000000000001")));
    let absent = becomes(&scene, "absent", "Stalled", "ExternalIdNotFound");
    seen.push(("an id of nothing", absent, STUCK, "ExternalIdNotFound"));
    tenant.fault(&json!({"operation": "create", "kind": "status", "status": 422, "body": {"message": "no"}}));
    scene.apply(&webhook("refused", Vendor::Contensis));
    seen.push(("refused", becomes(&scene, "refused", "Stalled", "Rejected"), STUCK, "Rejected"));
    tenant.fault(&json!({"operation": "create", "kind": "late_commit", "millis": 600_000}));
    scene.apply(&webhook("pending", Vendor::Contensis));
    seen.push(("not answered", becomes(&scene, "pending", "Reconciling", "Settling"), BUSY, "Settling"));

    tenant.fault(&json!({"operation": "update", "kind": "status", "status": 503, "times": null}));
    describe("not taken");
    seen.push(("backing off", becomes(&scene, "good", "Reconciling", "Unavailable"), BUSY, "Unavailable"));
    tenant.clear_faults();
    scene.request("account");
    seen.push(("tried again", scene.ready("good"), WELL, "InSync"));
    tenant.fault(&json!({"operation": "list", "kind": "status", "status": 503, "times": null}));
    scene.apply(&webhook("late", Vendor::Contensis));
    seen.push(("vendor down", becomes(&scene, "late", "Reconciling", "Unavailable"), BUSY, "Unavailable"));
    seen.push(("vendor down, was ready", scene.webhook("good"), WELL, "InSync"));
    tenant.clear_faults();
    scene.request("account");
    scene.ready("late");

    scene.patch("webhook/good", &json!({"spec": {"suspend": true}}));
    let good = becomes(&scene, "good", "Ready", "Suspended");
    seen.push(("suspended", good, ["Current", "Suspended"], "Suspended"));
    scene.apply(&with("never", "/spec/suspend", &json!(true)));
    let never = scene.webhook_becomes("never", "suspended", |never| is(never, "Ready", "False", "Suspended"));
    seen.push(("suspended from the first", never, ["InProgress", "Suspended"], "Suspended"));
    scene.kubectl(&["delete", "webhook", "good", "--wait=false"]);
    seen.push(("being deleted", scene.webhook("good"), LEAVING, "Suspended"));
    are_judged(&scene, &seen);
}

#[test]
fn an_account_in_every_situation() {
    let (scene, tenant) = Scene::with_account("health", Vendor::Contensis);
    let mut seen: Vec<Seen> = vec![("just applied", scene.account("account"), BUSY, "")];
    let operator = scene.operator();
    for name in ["one", "two", "three"] {
        scene.apply(&webhook(name, Vendor::Contensis));
        scene.ready(name);
    }
    seen.push(("ready", account_becomes(&scene, "Ready", "InSync"), WELL, "InSync"));
    operator.signal("STOP");
    scene.patch(
        "vendoraccount/account",
        &json!({"spec": {"deletionGuard": {"maxPercent": 1, "minCount": 2}}}),
    );
    seen.push(("edited, not looked at", scene.account("account"), BUSY, "InSync"));
    operator.signal("CONT");
    scene.pass("account");
    seen.push(("ready again", account_becomes(&scene, "Ready", "InSync"), WELL, "InSync"));

    tenant.fault(&json!({"operation": "list", "kind": "status", "status": 503, "times": null}));
    scene.request("account");
    let down = account_becomes(&scene, "Reconciling", "Unavailable");
    seen.push(("vendor down", down, BUSY, "Unavailable"));
    tenant.clear_faults();
    scene.pass("account");
    tenant.accept("another");
    tenant.revoke();
    scene.request("account");
    seen.push(("refused login", account_becomes(&scene, "Stalled", "Credentials"), STUCK, "Credentials"));
    tenant.accept(&tenant.secret());
    scene.pass("account");

    scene.kubectl(&["delete", "webhook", "one", "two", "--wait=false"]);
    let guarded = account_becomes(&scene, "Stalled", "DeletionGuard");
    seen.push(("deletions held", guarded, STUCK, "DeletionGuard"));
    let held = scene.webhook("one");
    assert!(is(&held, "Stalled", "True", "DeletionGuard"), "{held}");
    seen.push(("a held deletion", held, LEAVING, "DeletionGuard"));
    scene.patch("vendoraccount/account", &json!({"spec": {"suspend": true}}));
    let suspended = scene.account_becomes("account", "suspended", |account| {
        condition(account, "Ready").is_some_and(|ready| ready.reason == "Suspended")
    });
    seen.push(("suspended when it was not ready", suspended, ["InProgress", "Suspended"], "Suspended"));
    scene.kubectl(&["delete", "vendoraccount", "account", "--wait=false"]);
    seen.push(("being deleted", scene.account("account"), LEAVING, "Suspended"));
    are_judged(&scene, &seen);
}
