//! Vendors that store a value in another spelling: this is no difference, and later changes by others are still seen.

use serde_json::{Value, json};

use crate::apply_offline::applied;
use crate::command::Folder;
use crate::plan_offline::everything;
use crate::scene::{Scene, condition, is, webhook};
use crate::vendors::{Tenant, Vendor};

/// A Webhook, the settings with which its vendor changes a spelling, and a value that is stored then.
struct Case {
    vendor: Vendor,
    settings: Value,
    webhook: Value,
    field: &'static str,
    stored: &'static str,
}

fn cases() -> [Case; 5] {
    let case = |vendor, settings, members: Value, field, stored| {
        let mut webhook = webhook("hook", vendor);
        for (name, value) in members.as_object().unwrap() {
            webhook["spec"]["subscription"][vendor.as_str()][name] = value.clone();
        }
        Case { vendor, settings, webhook, field, stored }
    };
    [
        case(
            Vendor::Superoffice,
            json!({"lowercaseHost": true}),
            json!({"targetUrl": "https://Hooks.Example.com/So"}),
            "targetUrl",
            "https://hooks.example.com/So",
        ),
        case(
            Vendor::Superoffice,
            json!({"lowercaseType": true}),
            json!({"type": "CRMScript", "targetUrl": "script-7"}),
            "type",
            "crmscript",
        ),
        case(
            Vendor::Superoffice,
            json!({"events": "lower"}),
            json!({"events": ["chatSession.message"]}),
            "events",
            "chatsession.message",
        ),
        case(
            Vendor::Contensis,
            json!({"lowercaseHost": true}),
            json!({"url": "https://Hooks.Example.net/c7s"}),
            "url",
            "https://hooks.example.net/c7s",
        ),
        case(
            Vendor::Brightpearl,
            json!({"lowercaseHost": true, "cutLastSlash": true}),
            json!({"uriTemplate": "https://Hooks.Example.com/in/"}),
            "uriTemplate",
            "https://hooks.example.com/in",
        ),
    ]
}

/// Waits until the other spelling is reported.
fn is_told(scene: &Scene, case: &Case) -> Value {
    let hook = scene
        .webhook_becomes("hook", "stored differently", |hook| is(hook, "Ready", "True", "StoredDifferently"));
    let message = condition(&hook, "Ready").unwrap().message;
    assert!(message.contains(case.field) && message.contains(case.stored), "{message}");
    hook
}

#[test]
fn a_vendors_spelling_is_reported_once_and_sent_no_more() {
    for case in cases() {
        let (scene, tenant) = Scene::with_account("spelling", case.vendor);
        tenant.settings(&case.settings);
        let operator = scene.operator();
        scene.apply(&case.webhook);
        let id = scene.ready("hook")["status"]["externalId"].clone();
        scene.pass("account");
        let hook = is_told(&scene, &case);
        assert_eq!(hook["status"]["externalId"], id, "{}", case.field);
        assert!(is(&hook, "Drifted", "False", "NoDrift"), "{hook:#}");
        scene.pass("account");
        scene.pass("account");
        assert_eq!(tenant.writes(), 1, "{}: {:?}", case.field, tenant.operations());
        let told =
            scene.events("hook").into_iter().filter(|(reason, _)| reason == "StoredDifferently").count();
        assert_eq!(told, 1, "{:?}", scene.events("hook"));
        // Nor is it sent by an operator that knows only the status.
        drop(operator);
        let _operator = scene.operator();
        scene.pass("account");
        assert_eq!(tenant.writes(), 1, "{}: {:?}", case.field, tenant.operations());
        is_told(&scene, &case);
    }
}

#[test]
fn any_other_value_than_the_vendors_spelling_is_drift() {
    for policy in ["Correct", "Report"] {
        let (scene, tenant) = Scene::with_account("spelling", Vendor::Superoffice);
        tenant.settings(&json!({"lowercaseHost": true}));
        let case = &cases()[0];
        let _operator = scene.operator();
        let mut hook = case.webhook.clone();
        hook["spec"]["driftPolicy"] = json!(policy);
        scene.apply(&hook);
        scene.ready("hook");
        scene.pass("account");
        let id = is_told(&scene, case)["status"]["externalId"].as_str().unwrap().to_owned();
        tenant.edit(&id, &json!({"TargetUrl": "https://hooks.example.com/elsewhere"}));
        scene.pass("account");
        let stored = |url: &str| assert_eq!(tenant.one(&id).unwrap()["TargetUrl"], json!(url), "{policy}");
        if policy == "Correct" {
            scene.event("hook", "DriftCorrected");
            is_told(&scene, case);
            stored(case.stored);
        } else {
            scene.webhook_becomes("hook", "drifted", |hook| is(hook, "Ready", "True", "DriftReported"));
            stored("https://hooks.example.com/elsewhere");
        }
        // An edit of the spec is sent, although the vendor changes its spelling.
        let edit = json!({"spec": {"subscription": {"superoffice": {"targetUrl": "https://Hooks.Example.com/New"}}}});
        scene.patch("webhook/hook", &edit);
        scene.webhook_becomes("hook", "in the new spelling", |hook| {
            condition(hook, "Ready")
                .is_some_and(|ready| ready.message.contains("https://hooks.example.com/New"))
        });
        stored("https://hooks.example.com/New");
        let writes = tenant.writes();
        scene.pass("account");
        assert_eq!(tenant.writes(), writes, "{policy}: {:?}", tenant.operations());
    }
}

#[test]
fn a_create_whose_answer_was_lost_makes_no_second_subscription() {
    for case in cases() {
        let (scene, tenant) = Scene::with_account("spelling", case.vendor);
        tenant.settings(&case.settings);
        tenant.fault(&json!({"operation": "create", "kind": "drop_after"}));
        let _operator = scene.operator_with(&["--settle", "1s", "--request-timeout", "2s"]);
        scene.apply(&case.webhook);
        scene.ready("hook");
        scene.pass("account");
        is_told(&scene, &case);
        assert_eq!(
            (tenant.stored().len(), tenant.count("create")),
            (1, 1),
            "{}: {:?}",
            case.field,
            tenant.operations()
        );
    }
}

#[test]
fn offline_a_spelling_is_no_change() {
    for case in cases() {
        let tenant = Tenant::open(case.vendor);
        tenant.settings(&case.settings);
        let folder = Folder::of(&everything(&tenant, &[case.webhook]));
        applied(&folder, &[]).exits(0).says("1 done, 0 not done.");
        let made = tenant.stored();
        for _ in 0..2 {
            applied(&folder, &[]).exits(0).says("No changes.");
        }
        assert_eq!((tenant.stored(), tenant.writes()), (made, 1), "{}", case.field);
    }
}

#[test]
fn a_correction_that_does_not_last_is_reported_and_retried_rarely() {
    let (scene, tenant) = Scene::with_account("spelling", Vendor::Superoffice);
    let _operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Superoffice));
    let id = scene.ready("hook")["status"]["externalId"].as_str().unwrap().to_owned();
    scene.apply(&webhook("other", Vendor::Superoffice));
    scene.ready("other");
    tenant.clear_journal();
    // Somebody else changes it back each time.
    for _ in 0..5 {
        tenant.edit(&id, &json!({"ErrorsEmail": "somebody@example.com"}));
        scene.pass_by("other");
    }
    let message = scene.stalled("hook", "CorrectionDoesNotHold");
    assert!(message.contains("errorEmails") && message.contains("somebody@example.com"), "{message}");
    assert_eq!(tenant.count("update"), 3, "{:?}", tenant.operations());
    let hook = scene.webhook("hook");
    assert!(is(&hook, "Drifted", "True", "Drifted"), "{hook:#}");
    // A request is tried at once, and an edit of the spec is no correction.
    scene.pass_by("hook");
    scene.ready("hook");
    assert_eq!(tenant.count("update"), 4, "{:?}", tenant.operations());
}

#[test]
fn a_vendor_that_only_answers_as_if_it_had_stored_a_value_is_not_corrected_for_ever() {
    let (scene, tenant) = Scene::with_account("spelling", Vendor::Superoffice);
    let _operator = scene.operator();
    scene.apply(&webhook("other", Vendor::Superoffice));
    scene.ready("other");
    tenant.settings(&json!({"lowercaseHost": true, "answersAsSent": true}));
    scene.apply(&cases()[0].webhook);
    scene.ready("hook");
    for _ in 0..5 {
        scene.pass_by("other");
    }
    let message = scene.stalled("hook", "CorrectionDoesNotHold");
    assert!(message.contains("targetUrl"), "{message}");
    assert_eq!(tenant.count("update"), 3, "{:?}", tenant.operations());
}
