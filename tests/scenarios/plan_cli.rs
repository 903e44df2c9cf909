//! `hooktender plan` from a cluster, as a user who may only read: output and exit codes.

use serde_json::{Value, json};

use hooktender_cluster::Cluster;

use crate::command::{Ran, Reader, hooktender, of, run};
use crate::scene::{Scene, TOKEN, is, webhook};
use crate::vendors::Vendor;

/// A Webhook at Brightpearl with an address of its own.
fn hook(name: &str) -> Value {
    webhook(name, Vendor::Brightpearl)
}

/// What the vendor stores of such a Webhook.
fn stored(name: &str) -> Value {
    let mut stored = hook(name)["spec"]["subscription"]["brightpearl"].clone();
    stored["uriTemplate"] = json!(format!("https://hooks.example.com/{name}?token={TOKEN}"));
    stored
}

/// Blocked, and the plan is printed all the same.
#[track_caller]
fn blocked(reader: &Reader) -> (Value, Ran) {
    let text = reader.plan(&[]).exits(1);
    assert_eq!(text.stderr, "");
    text.says("Blocked: ");
    let report = reader.plan(&["-o", "json"]).exits(1).json();
    assert_eq!(report["result"], "blocked");
    (report, text)
}

#[test]
fn changes_are_shown_in_three_formats() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("plan-cli", vendor);
        let reader = Reader::of(&scene);
        scene.apply(&webhook("hook", vendor));
        let name = format!("{}/hook", scene.namespace);
        let text = reader.plan(&[]).exits(2).quiet();
        assert!(text.contains(&format!("+ {name}: create (not yet at the vendor)")), "{text}");
        assert!(text.contains("Plan: 1 to create.") && text.contains("applying takes 1 call"), "{text}");
        tenant.clear_journal();
        let json = reader.plan(&["-o", "json"]).exits(2);
        let report = json.json();
        assert_eq!(report["result"], "changes");
        assert_eq!(report["calls"]["made"], tenant.journal().len());
        assert_eq!(report["calls"]["toApply"], 1);
        assert_eq!(of(&report, "hook")["action"], "Create");
        assert_eq!(of(&report, "hook")["cause"], "new");
        let markdown = reader.plan(&["-o", "markdown"]).exits(2).quiet();
        assert!(markdown.contains(&name), "{markdown}");
        for shown in [&text, &json.quiet(), &markdown] {
            assert!(shown.contains("$(TOKEN)") || vendor != Vendor::Brightpearl, "{shown}");
            assert!(!shown.contains(TOKEN) && !shown.contains(&tenant.secret()), "{shown}");
        }
        reader.only_read(&tenant);
    }
}

#[test]
fn a_webhook_in_sync_or_to_be_adopted_is_no_change() {
    let (scene, tenant) = Scene::with_account("plan-cli", Vendor::Brightpearl);
    let reader = Reader::of(&scene);
    let report = reader.plan(&["-o", "json"]).exits(0).json();
    assert_eq!((&report["result"], &report["calls"]["made"]), (&json!("noChanges"), &json!(1)));
    let operator = scene.operator();
    scene.apply(&hook("hook"));
    scene.ready("hook");
    operator.terminate();
    tenant.clear_journal();
    let text = reader.plan(&[]).exits(0).quiet();
    assert_eq!(text, "No changes. Nothing would be written at a vendor: 1 unchanged.\n1 vendor call made.\n");
    reader.plan(&["--all"]).exits(0).says("hook: unchanged");
    let id = tenant.insert(&stored("found"));
    scene.apply(&hook("found"));
    let ran = reader.plan(&[]).exits(0);
    ran.says(&format!("= {}/found: adopt {id} (found at the vendor)", scene.namespace));
    let report = reader.plan(&["-o", "json"]).exits(0).json();
    assert_eq!(report["result"], "noChanges");
    assert_eq!(of(&report, "found")["action"], "Adopt");
    reader.only_read(&tenant);
}

#[test]
fn a_blocked_webhook_is_an_error() {
    let (scene, tenant) = Scene::with_account("plan-cli", Vendor::Brightpearl);
    let reader = Reader::of(&scene);
    let mut similar = stored("similar");
    similar["contentType"] = json!("text/plain");
    let id = tenant.insert(&similar);
    scene.apply(&hook("similar"));
    let (report, text) = blocked(&reader);
    assert_eq!(of(&report, "similar")["held"]["reason"], "SimilarExists");
    text.says(&format!("spec.externalId: \"{id}\""));

    scene.apply(&hook("first"));
    let mut second = hook("first");
    second["metadata"]["name"] = json!("second");
    scene.apply(&second);
    let (report, _) = blocked(&reader);
    let held: Vec<_> =
        ["first", "second"].iter().filter(|name| of(&report, name)["held"].is_object()).collect();
    assert_eq!(held.len(), 1, "{report:#}");
    assert_eq!(of(&report, held[0])["held"]["reason"], "Conflict");

    let mut missing = hook("missing");
    missing["spec"]["variables"][0]["valueFrom"]["secretKeyRef"]["name"] = json!("nowhere");
    scene.apply(&missing);
    let (report, text) = blocked(&reader);
    assert_eq!(of(&report, "missing")["held"]["reason"], "VariableMissing");
    text.says("nowhere does not exist");
    // Other Webhooks are planned all the same.
    let counts = |what: &str| report["counts"][what].as_u64().unwrap();
    assert_eq!((counts("create"), counts("blocked")), (1, 3), "{report:#}");

    let mut orphan = hook("orphan");
    orphan["spec"]["accountRef"]["name"] = json!("nobody");
    scene.apply(&orphan);
    let (report, text) = blocked(&reader);
    assert_eq!(of(&report, "orphan")["held"]["reason"], "AccountNotFound");
    text.says("Webhooks without an account");
    reader.only_read(&tenant);
}

#[test]
fn a_failed_account_is_an_error() {
    let (scene, tenant) = Scene::with_account("plan-cli", Vendor::Brightpearl);
    let reader = Reader::of(&scene);
    scene.apply(&hook("hook"));
    let held = |reason: &str, words: &str| {
        let (report, text) = blocked(&reader);
        assert_eq!(report["accounts"][0]["held"]["reason"], reason, "{report:#}");
        text.says(words);
    };
    scene.kubectl(&["delete", "secret", "login"]);
    held("Credentials", "login does not exist");
    scene.apply(&crate::scene::secret("login", &json!({"id": "ops", "secret": "canary-wrong"})));
    held("Credentials", "401");
    scene.apply(&crate::scene::login("login", &tenant));
    tenant.fault(&json!({"operation": "list", "times": null, "kind": "drop_before"}));
    held("Unavailable", "blocked, Unavailable");
    tenant.clear_faults();
    tenant.fault(
        &json!({"operation": "list", "times": null, "kind": "status", "status": 503, "body": "sorry"}),
    );
    held("Unavailable", "503");
    tenant.clear_faults();
    reader.plan(&[]).exits(2);
    reader.only_read(&tenant);
}

#[test]
fn a_suspended_account_is_left_unchanged() {
    let (scene, tenant) = Scene::with_account("plan-cli", Vendor::Brightpearl);
    let reader = Reader::of(&scene);
    scene.apply(&hook("hook"));
    scene.patch("vendoraccount/account", &json!({"spec": {"suspend": true}}));
    let ran = reader.plan(&[]).exits(0);
    ran.says("left as it is, Suspended: the vendor is not called until spec.suspend is false");
    ran.says("No changes. Nothing would be written at a vendor: 1 suspended. 0 vendor calls made.");
    assert_eq!(reader.plan(&["-o", "json"]).exits(0).json()["result"], "noChanges");
    assert_eq!(tenant.journal(), Vec::<Value>::new());
    reader.only_read(&tenant);
}

#[test]
fn missing_rights_are_reported() {
    let (scene, tenant) = Scene::with_account("plan-cli", Vendor::Brightpearl);
    scene.apply(&hook("hook"));
    let own = "- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts], verbs: [get, list]}";
    let few = scene.cluster.service_account(&scene.namespace, "few", own).unwrap();
    let ran = run(hooktender(&["plan"]).env("KUBECONFIG", few)).exits(1);
    ran.says(&format!("blocked, Credentials: no permission to read Secret {}/login: ", scene.namespace));
    ran.says("is forbidden");
    let none = scene.cluster.service_account(&scene.namespace, "none", "").unwrap();
    let errors = run(hooktender(&["plan"]).env("KUBECONFIG", none)).fails();
    let start = format!("VendorAccounts of namespace {} cannot be listed: ", scene.namespace);
    assert!(errors.len() == 1 && errors[0].starts_with(&start), "{errors:?}");
    assert_eq!(tenant.journal(), Vec::<Value>::new());
}

#[test]
fn without_the_kinds_there_is_a_hint() {
    let bare = Cluster::start().unwrap();
    let errors = run(hooktender(&["plan"]).env("KUBECONFIG", bare.kubeconfig())).fails();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].ends_with("are the CRDs installed? hooktender crds | kubectl apply -f -"),
        "{errors:?}"
    );
}

#[test]
fn too_many_deletions_are_blocked() {
    let (scene, tenant) = Scene::with_account("plan-cli", Vendor::Brightpearl);
    let reader = Reader::of(&scene);
    let operator = scene.operator();
    let names: Vec<_> = (0..5).map(|n| format!("hook-{n}")).collect();
    for name in &names {
        scene.apply(&hook(name));
    }
    for name in &names {
        scene.ready(name);
    }
    operator.terminate();
    tenant.clear_journal();
    for name in &names {
        scene.kubectl(&["delete", "webhook", name, "--wait=false"]);
    }
    let (report, text) = blocked(&reader);
    assert_eq!(report["accounts"][0]["held"]["reason"], "DeletionGuard");
    text.says("hooktender.dev/allow-deletions=");
    text.says("hook-0: delete");
    assert_eq!((&report["counts"]["blocked"], &report["counts"]["delete"]), (&json!(5), &json!(0)));
    assert_eq!(report["calls"]["toApply"], 0);
    // In the operator's words.
    let operator = scene.operator();
    let message = scene.account_stalled("account", "DeletionGuard");
    assert_eq!(report["accounts"][0]["held"]["message"], message.as_str());
    operator.terminate();
    reader.only_read(&tenant);
}

#[test]
fn a_plan_is_the_same_beside_an_operator_in_plan_mode() {
    let (scene, tenant) = Scene::with_account("plan-cli", Vendor::Brightpearl);
    let reader = Reader::of(&scene);
    scene.apply(&hook("hook"));
    let alone = reader.plan(&["-o", "json"]).exits(2);
    let _operator = scene.operator_with(&["--plan-only"]);
    let object = scene.webhook_becomes("hook", "planned", |webhook| is(webhook, "Ready", "True", "Planned"));
    let beside = reader.plan(&["-o", "json"]).exits(2);
    assert_eq!(alone.stdout, beside.stdout);
    assert_eq!(of(&beside.json(), "hook")["digest"], object["status"]["plan"]["digest"]);
    reader.only_read(&tenant);
}
