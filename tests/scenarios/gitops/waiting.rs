//! `kubectl wait`, as scripts and pipelines use it.

use hooktender_cluster::KUBECTL_WAIT_LIMIT;
use std::process::{Child, Stdio};

use serde_json::json;

use crate::scene::{Scene, webhook};
use crate::support::{Answer, kubectl};
use crate::vendors::Vendor;

/// Runs `kubectl wait` in the scene's namespace until it ends.
fn waits(scene: &Scene, arguments: &[&str]) -> Answer {
    kubectl(&[&["wait", "--namespace", &scene.namespace], arguments].concat(), "")
}

/// The same, started in the background.
fn begun(scene: &Scene, arguments: &[&str]) -> Child {
    let mut kubectl = scene.cluster.kubectl();
    kubectl.args(["wait", "--namespace", &scene.namespace]).args(arguments);
    kubectl.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_wait_ends_when_the_objects_are_ready_or_deleted() {
    let (scene, tenant) = Scene::with_account("wait", Vendor::Superoffice);
    scene.apply(&webhook("hook", Vendor::Superoffice));
    let both = ["webhook/hook", "vendoraccount/account"];
    let ready = ["--for=condition=Ready", KUBECTL_WAIT_LIMIT];
    // No operator has seen them yet; the command ends once one has.
    let mut early = begun(&scene, &[&both[..], &ready].concat());
    waits(&scene, &[&both[..], &["--for=condition=Ready", "--timeout=1s"]].concat()).refused();
    assert!(early.try_wait().unwrap().is_none(), "it has not waited");
    let operator = scene.operator();
    let early = early.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&early.stdout);
    assert!(early.status.success() && said.matches("condition met").count() == 2, "{early:?}");
    assert_eq!(tenant.ids().len(), 1);

    // An object that was ready is not ready for a spec that no operator has seen.
    operator.signal("STOP");
    let patch = json!({"spec": {"subscription": {"superoffice": {"errorsEmail": "other@example.com"}}}});
    scene.patch("webhook/hook", &patch);
    waits(&scene, &["webhook/hook", "--for=condition=Ready", "--timeout=1s"]).refused();
    operator.signal("CONT");
    waits(&scene, &[&["webhook/hook"][..], &ready].concat()).accepted();
    assert_eq!(tenant.stored()[0]["ErrorsEmail"], "other@example.com");

    // The account stays until the vendor has deleted its subscriptions.
    scene.kubectl(&["delete", "vendoraccount/account", "webhook/hook", "--wait=false"]);
    waits(&scene, &[&both[..], &["--for=delete", KUBECTL_WAIT_LIMIT]].concat()).accepted();
    assert!(tenant.ids().is_empty());
}

#[test]
fn a_wait_for_a_failure_ends_when_it_happens() {
    let (scene, _tenant) = Scene::with_account("wait", Vendor::Brightpearl);
    let _operator = scene.operator();
    let mut bad = webhook("bad", Vendor::Brightpearl);
    bad["spec"]["variables"][0]["valueFrom"]["secretKeyRef"]["name"] = json!("nowhere");
    scene.apply(&bad);
    waits(&scene, &["webhook/bad", "--for=condition=Stalled", KUBECTL_WAIT_LIMIT]).accepted();
    waits(
        &scene,
        &["webhook/bad", "--for=jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}=VariableMissing"],
    )
    .accepted();
}
