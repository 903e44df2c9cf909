//! Tools that apply the same manifests again and again get no conflict with the operator, and change nothing.

use serde_json::{Value, json};

use crate::scene::{Scene, account, webhook};
use crate::support::{Answer, kubectl};
use crate::vendors::Vendor;

/// Manifests in Git: an account, and a Webhook that leaves many fields to their defaults.
fn manifests(scene: &Scene, tenant: &crate::vendors::Tenant) -> String {
    let mut objects = [account("account", "login", tenant), webhook("hook", Vendor::Contensis)];
    for object in &mut objects {
        object["metadata"]["namespace"] = json!(scene.namespace);
        object["metadata"]["labels"] = json!({"team": "search"});
    }
    objects.iter().fold(String::new(), |text, object| format!("{text}---\n{object}\n"))
}

fn applied(arguments: &[&str], manifests: &str) -> Answer {
    kubectl(&[&["apply", "--filename=-"], arguments].concat(), manifests)
}

/// Returns both objects, with their managed fields.
fn both(scene: &Scene) -> [Value; 2] {
    [scene.account("account"), scene.webhook("hook")]
}

/// The operator owns the status and, of the metadata, the finalizers. No other manager owns them.
fn nobody_fights(objects: &[Value]) {
    for object in objects {
        assert!(object["metadata"]["finalizers"].is_array(), "nothing of ours in {object}");
        let entries = object["metadata"]["managedFields"].as_array().unwrap();
        let (ours, theirs): (Vec<_>, Vec<_>) =
            entries.iter().partition(|entry| entry["manager"] == "hooktender");
        assert!(ours.len() == 2 && !theirs.is_empty(), "{entries:#?}");
        for entry in ours {
            let fields = &entry["fieldsV1"];
            let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            if entry["subresource"] == "status" {
                assert_eq!(members(fields), ["f:status"], "{entry}");
            } else {
                assert_eq!(members(fields), ["f:metadata"], "{entry}");
                assert_eq!(members(&fields["f:metadata"]), ["f:finalizers"], "{entry}");
            }
        }
        for entry in theirs {
            let fields = &entry["fieldsV1"];
            assert!(
                fields["f:status"].is_null() && fields["f:metadata"]["f:finalizers"].is_null(),
                "{entry}"
            );
        }
    }
}

/// The tools, and how they apply.
const WAYS: [&[&str]; 4] = [
    &[],
    &["--server-side"],
    &["--server-side", "--field-manager=argocd-controller"],
    &["--server-side", "--field-manager=kustomize-controller", "--force-conflicts"],
];

#[test]
fn applying_again_changes_nothing_and_meets_no_conflict() {
    for way in WAYS {
        let (scene, tenant) = Scene::with_account("apply", Vendor::Contensis);
        scene.kubectl(&["delete", "vendoraccount", "account"]);
        let manifests = manifests(&scene, &tenant);
        applied(way, &manifests).accepted();
        let _operator = scene.operator();
        scene.ready("hook");
        scene.account_becomes("account", "ready", |account| {
            crate::scene::is(account, "Ready", "True", "InSync")
        });
        scene.pass_by("hook");
        let before = both(&scene);
        nobody_fights(&before);
        applied(way, &manifests).accepted();
        // The whole objects, with versions and managers.
        assert_eq!(both(&scene), before, "{way:?}");
        // Exit code 1 is a difference.
        let diff = kubectl(&[&["diff", "--filename=-"], way].concat(), &manifests);
        assert!(diff.success && diff.stdout.is_empty(), "{way:?}: {diff:?}");
    }
}

#[test]
fn a_change_to_server_side_apply_meets_no_conflict() {
    let (scene, tenant) = Scene::with_account("apply", Vendor::Contensis);
    scene.kubectl(&["delete", "vendoraccount", "account"]);
    let manifests = manifests(&scene, &tenant);
    applied(&[], &manifests).accepted();
    let _operator = scene.operator();
    scene.ready("hook");
    scene.pass_by("hook");
    let before = both(&scene);
    applied(&["--server-side"], &manifests).accepted();
    let after = both(&scene);
    nobody_fights(&after);
    for (before, after) in before.iter().zip(&after) {
        for member in ["spec", "status"] {
            assert_eq!(before[member], after[member]);
        }
        for member in ["generation", "finalizers", "labels"] {
            assert_eq!(before["metadata"][member], after["metadata"][member]);
        }
    }
    // A field that is removed from the manifest is removed from the object, as nobody else owns it.
    let shorter = manifests.replace(r#""description":"feeds the search index","#, "");
    assert_ne!(shorter, manifests);
    applied(&["--server-side"], &shorter).accepted();
    let hook = scene.ready("hook");
    assert!(hook["spec"]["subscription"]["contensis"]["description"].is_null(), "{}", hook["spec"]);
}
