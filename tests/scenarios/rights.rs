//! Logins with some rights at the vendor only: what is allowed is done, and what is not is reported where it belongs.

use serde_json::{Value, json};

use crate::command::{Folder, hooktender, run};
use crate::plan_offline::everything;
use crate::scene::{Scene, condition, is, webhook};
use crate::vendors::{Tenant, Vendor};

/// A Contensis key whose role has only these rights.
fn may(tenant: &Tenant, actions: &[&str]) {
    let key = json!({"clientId": tenant.client(), "clientSecret": tenant.secret(), "actions": actions});
    tenant.put(&json!({"apiKeys": [key]}));
}

fn without_templates(name: &str) -> Value {
    let mut webhook = webhook(name, Vendor::Contensis);
    webhook["spec"]["subscription"]["contensis"].as_object_mut().unwrap().remove("templates");
    webhook
}

#[test]
fn a_key_without_custom_templates_creates_all_webhooks_without_them() {
    let (scene, tenant) = Scene::with_account("rights-templates", Vendor::Contensis);
    may(&tenant, &["view", "create", "update", "delete"]);
    scene.apply(&webhook("a-templates", Vendor::Contensis));
    scene.apply(&without_templates("b-plain"));
    scene.apply(&without_templates("c-plain"));
    let _operator = scene.operator();
    scene.ready("b-plain");
    scene.ready("c-plain");
    let message = scene.stalled("a-templates", "Rejected");
    assert!(message.contains("the webhook permission \"use custom templates\""), "{message}");
    scene.account_becomes("account", "ready", |account| is(account, "Ready", "True", "InSync"));
    assert_eq!(tenant.ids().len(), 2);
    // It is not tried again in each pass.
    scene.pass_by("b-plain");
    assert_eq!(tenant.count("create"), 3);
    // The right was given, and a person requests a pass.
    may(&tenant, &["view", "create", "update", "delete", "useCustomTemplates"]);
    scene.pass("account");
    scene.ready("a-templates");
    assert_eq!(tenant.ids().len(), 3);
}

#[test]
fn a_forbidden_edit_blocks_no_creation() {
    let (scene, tenant) = Scene::with_account("rights-edit", Vendor::Contensis);
    let _operator = scene.operator();
    scene.apply(&without_templates("edited"));
    scene.ready("edited");
    may(&tenant, &["view", "create"]);
    let edit = json!({"spec": {"subscription": {"contensis": {"description": "edited"}}}});
    scene.patch("webhook/edited", &edit);
    let message = scene.stalled("edited", "Rejected");
    assert!(message.contains("the webhook permission \"update\""), "{message}");
    scene.apply(&without_templates("made"));
    scene.ready("made");
    assert_eq!(tenant.ids().len(), 2);
}

#[test]
fn a_forbidden_deletion_blocks_nobody_and_is_retried_slowly() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = Scene::with_account("rights-delete", vendor);
        let _operator = scene.operator();
        scene.apply(&webhook("kept", vendor));
        scene.ready("kept");
        let body = match vendor {
            Vendor::Brightpearl => json!({"errors": [{"code": "CMNC-403", "message": "Forbidden"}]}),
            Vendor::Contensis => json!({"logId": "0", "message": "Forbidden", "data": null, "type": "Error"}),
            Vendor::Superoffice => json!({"ErrorType": "SoSecurityException", "ErrorMessage": "Forbidden"}),
        };
        tenant.fault(
            &json!({"operation": "delete", "kind": "status", "status": 403, "body": body, "times": null}),
        );
        scene.kubectl(&["delete", "webhook", "kept", "--wait=false"]);
        let message = scene.stalled("kept", "Rejected");
        assert!(message.contains("Forbidden") && message.contains("delete"), "{message}");
        scene.apply(&webhook("made", vendor));
        scene.ready("made");
        scene.pass_by("made");
        assert_eq!(tenant.count("delete"), 1, "{vendor:?}");
        assert!(condition(&scene.account("account"), "Ready").unwrap().status == "True");
        // With the right, a person requests it again.
        tenant.clear_faults();
        scene.pass("account");
        scene.webhook_becomes("kept", "gone", Value::is_null);
        assert_eq!(tenant.ids().len(), 1);
    }
}

#[test]
fn a_forbidden_deletion_of_a_replaced_subscription_makes_no_copies() {
    let (scene, tenant) = Scene::with_account("rights-replace", Vendor::Brightpearl);
    let _operator = scene.operator();
    scene.apply(&webhook("a", Vendor::Brightpearl));
    scene.ready("a");
    let old = tenant.ids().remove(0);
    let body = json!({"errors": [{"code": "CMNC-403", "message": "Forbidden"}]});
    tenant
        .fault(&json!({"operation": "delete", "kind": "status", "status": 403, "body": body, "times": null}));
    scene.patch("webhook/a", &json!({"spec": {"subscription": {"brightpearl": {"qualityOfService": 0}}}}));
    scene.apply(&webhook("b", Vendor::Brightpearl));
    scene.ready("b");
    scene.stalled("a", "Rejected");
    for _ in 0..2 {
        scene.pass_by("b");
    }
    let a = scene.webhook("a");
    assert_eq!(a["status"]["superseded"], json!([old]), "it is still to be deleted");
    assert_eq!((tenant.count("create"), tenant.count("delete"), tenant.ids().len()), (3, 1, 3));
    tenant.clear_faults();
    scene.pass("account");
    scene.ready("a");
    assert_eq!(tenant.ids().len(), 2);
}

#[test]
fn offline_a_forbidden_deletion_of_a_replaced_subscription_makes_no_copies() {
    for pinned in [false, true] {
        let tenant = Tenant::open(Vendor::Brightpearl);
        let mut hook = webhook("hook", Vendor::Brightpearl);
        let folder = Folder::of(&everything(&tenant, std::slice::from_ref(&hook)));
        let apply = || run(&mut hooktender(&["apply", "--offline", "--yes", "-f", folder.text()]));
        apply().exits(0);
        let old = tenant.ids().remove(0);
        hook["spec"]["subscription"]["brightpearl"]["qualityOfService"] = json!(0);
        if pinned {
            // As import prints it.
            hook["spec"]["externalId"] = json!(old);
        }
        let all = everything(&tenant, &[hook]);
        let folder = Folder::of(&all);
        let apply = || run(&mut hooktender(&["apply", "--offline", "--yes", "-f", folder.text()]));
        let body = json!({"errors": [{"code": "CMNC-403", "message": "Forbidden"}]});
        tenant.fault(
            &json!({"operation": "delete", "kind": "status", "status": 403, "body": body, "times": null}),
        );
        apply().exits(1).says("CMNC-403: Forbidden");
        assert_eq!(tenant.ids().len(), 2);
        for _ in 0..2 {
            let ran = apply();
            assert_eq!(tenant.ids().len(), 2, "pinned: {pinned}\n{}{}", ran.stdout, ran.stderr);
            // The command reports what is left.
            ran.says(&old);
        }
    }
}
