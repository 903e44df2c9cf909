//! What `kubectl get wh` shows while a slow vendor replaces or deletes a subscription, and in plan mode.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::scene::{Scene, condition, is, webhook};
use crate::vendors::Vendor;

/// The cell below READY and the one below REASON.
fn shown(scene: &Scene) -> (String, String) {
    let table = scene.kubectl(&["get", "wh", "hook"]);
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let (head, row) = (lines.next().unwrap(), lines.next().unwrap());
    let cell = |name: &str| row[head.iter().position(|column| *column == name).unwrap()].to_owned();
    (cell("READY"), cell("REASON"))
}

#[test]
fn a_replacement_and_a_deletion_that_take_long_are_shown_as_that() {
    let (scene, tenant) = Scene::with_account("progress", Vendor::Brightpearl);
    let _operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Brightpearl));
    scene.ready("hook");
    assert_eq!(shown(&scene), ("True".into(), "InSync".into()));
    let old = tenant.ids().remove(0);
    tenant.fault(&json!({"operation": "create", "kind": "delay", "millis": 4000}));
    scene.patch(
        "webhook/hook",
        &json!({"spec": {"subscription": {"brightpearl": {"contentType": "text/plain"}}}}),
    );
    let object = scene.webhook_becomes("hook", "replacing", |hook| is(hook, "Ready", "False", "Replacing"));
    assert_eq!(shown(&scene), ("False".into(), "Replacing".into()));
    assert!(is(&object, "Reconciling", "True", "Replacing"), "{object:#}");
    let message = condition(&object, "Ready").unwrap().message;
    assert!(message.contains(&format!("cannot update {old}: ")), "{message}");
    scene.ready("hook");
    assert_eq!(shown(&scene), ("True".into(), "InSync".into()));

    tenant.fault(&json!({"operation": "delete", "kind": "delay", "millis": 4000}));
    scene.kubectl(&["delete", "webhook", "hook", "--wait=false"]);
    let object = scene.webhook_becomes("hook", "deleting", |hook| is(hook, "Ready", "True", "Deleting"));
    assert_eq!(shown(&scene), ("True".into(), "Deleting".into()));
    assert!(is(&object, "Reconciling", "True", "Deleting"), "{object:#}");
    eventually("the Webhook is gone", || match scene.webhook("hook") {
        Value::Null => Ok(()),
        hook => Err(hook["status"].clone()),
    })
    .unwrap();
    assert_eq!((tenant.ids().len(), tenant.count("delete")), (0, 2));
}

#[test]
fn a_quick_deletion_writes_no_status() {
    let (scene, tenant) = Scene::with_account("progress-quick", Vendor::Contensis);
    let _operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Contensis));
    scene.ready("hook");
    let before = status_writes(&scene);
    scene.kubectl(&["delete", "webhook", "hook"]);
    assert_eq!(tenant.ids().len(), 0);
    assert_eq!(status_writes(&scene), before);
}

fn status_writes(scene: &Scene) -> usize {
    let writes = scene.cluster_writes();
    writes.iter().filter(|event| event.resource == "webhooks" && event.subresource == "status").count()
}

#[test]
fn plan_mode_is_seen_in_the_table() {
    let (scene, _tenant) = Scene::with_account("progress-planned", Vendor::Contensis);
    let _operator = scene.operator_with(&["--plan-only"]);
    scene.apply(&webhook("hook", Vendor::Contensis));
    scene.webhook_becomes("hook", "planned", |hook| is(hook, "Ready", "True", "Planned"));
    assert_eq!(shown(&scene), ("True".into(), "Planned".into()));
}
