//! The pages with a real API server: `hooktender ui` with the rights of a user who may only read, and the operator's own pages.

use crate::command::hooktender;
use crate::operator::Operator;
use crate::scene::{Scene, webhook};
use crate::vendors::{Vendor, ask};
use hooktender_cluster::eventually;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The rights that the pages need.
const READ_ONLY: &str = "\
- {apiGroups: [hooktender.dev], resources: [webhooks, webhooksets, vendoraccounts], verbs: [list, watch]}
- {apiGroups: [''], resources: [events], verbs: [list, watch]}
";

/// The running program; it ends when it is dropped.
struct Pages {
    child: Child,
    origin: String,
}

impl Pages {
    fn start(kubeconfig: &Path, namespace: &str) -> Self {
        let mut command = hooktender(&["ui", "--port", "0", "-n", namespace]);
        command.env("KUBECONFIG", kubeconfig).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.next().unwrap().unwrap();
        Self { child, origin: address.trim_end_matches('/').to_owned() }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a page as JSON. It is an error, in JSON too, until the objects have been read.
fn page(origin: &str, path: &str) -> Value {
    let (_, text) = ask(&format!("{origin}{path}"));
    serde_json::from_str(&text).unwrap()
}

/// Reads a page until it is as it should be.
#[track_caller]
fn page_becomes(origin: &str, path: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let look = || {
        let page = page(origin, path);
        if is(&page) { Ok(page) } else { Err(page) }
    };
    eventually(what, look).unwrap()
}

/// The address of an operator's pages.
fn pages_of(operator: &Operator) -> String {
    operator.logs("serving the pages on loopback");
    let log = operator.log();
    let address = log.split("pages=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    format!("http://{address}")
}

/// Runs a line with kubectl in it, as a user does in a shell.
#[track_caller]
fn in_shell(scene: &Scene, line: &str) {
    let kubectl = scene.cluster.kubectl();
    let words = std::iter::once(kubectl.get_program()).chain(kubectl.get_args());
    let words: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let script = format!("kubectl() {{ {} \"$@\"; }}; {line}", words.join(" "));
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]);
    for (name, value) in kubectl.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        shell.env(name, value);
    }
    let done = shell.output().unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_user_sees_what_the_operator_does_and_no_vendor_is_called() {
    let (scene, tenant) = Scene::with_account("ui", Vendor::Brightpearl);
    let _operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Brightpearl));
    scene.ready("hook");
    let viewer = scene.cluster.service_account(&scene.namespace, "viewer", READ_ONLY).unwrap();
    let calls = tenant.journal().len();
    let pages = Pages::start(&viewer, &scene.namespace);
    let path = format!("/webhooks/{}/hook.json", scene.namespace);
    // Webhooks, accounts and events have a watch each.
    let is_shown = |page: &Value| {
        page["state"] == "in-sync"
            && page["accountState"] == "in-sync"
            && page["events"][0]["reason"] == "Created"
    };
    let what = "the page shows the Webhook, its account and its event";
    let shown = page_becomes(&pages.origin, &path, what, is_shown);
    assert_eq!(shown["id"], tenant.ids()[0]);
    let account_path = format!("/accounts/{}/account.json", scene.namespace);
    let account = page_becomes(&pages.origin, &account_path, "the page counts the subscription", |page| {
        page["account"]["managed"] == 1 && page["there"]["total"] == 1
    });
    assert!(account["account"].get("lastRead").is_none(), "only an operator knows it");
    assert_eq!(tenant.journal().len(), calls, "no page calls a vendor");
    scene.patch("webhook/hook", &json!({"spec": {"suspend": true}}));
    let is_suspended = |page: &Value| page["state"] == "suspended" && page["reason"] == "Suspended";
    let suspended = page_becomes(&pages.origin, &path, "the page shows the change", is_suspended);
    in_shell(&scene, suspended["unblock"][0]["commands"][0].as_str().unwrap());
    page_becomes(&pages.origin, &path, "the command on the page unblocks it", |page| {
        page["state"] == "in-sync"
    });
}

#[test]
fn a_set_is_shown_with_a_cell_for_each_member() {
    let (scene, _tenant) = Scene::with_account("ui-set", Vendor::Brightpearl);
    let _operator = scene.operator();
    let mut template = webhook("hook", Vendor::Brightpearl)["spec"].clone();
    template.as_object_mut().unwrap().remove("accountRef");
    scene.apply(&json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet", "metadata": {"name": "hooks"},
        "spec": {"accountSelector": {}, "template": {"spec": template}},
    }));
    let viewer = scene.cluster.service_account(&scene.namespace, "viewer", READ_ONLY).unwrap();
    let pages = Pages::start(&viewer, &scene.namespace);
    let path = format!("/sets/{}/hooks.json", scene.namespace);
    // Sets and Webhooks have a watch each.
    let is_ready = |page: &Value| {
        page["set"]["state"] == "in-sync"
            && page["set"]["ready"] == 1
            && page["members"]["rows"][0]["state"] == "in-sync"
    };
    let shown = page_becomes(&pages.origin, &path, "the page shows that the set is ready", is_ready);
    assert_eq!(shown["members"]["rows"][0]["webhook"], "hooks-account");
    scene.patch("webhookset/hooks", &json!({"spec": {"paused": true}}));
    let paused = page_becomes(&pages.origin, &path, "the page shows that the set is paused", |page| {
        page["set"]["state"] == "suspended"
    });
    in_shell(&scene, paused["unblock"][0]["commands"][0].as_str().unwrap());
    page_becomes(&pages.origin, &path, "the command on the page resumes the set", is_ready);
}

#[test]
fn the_pages_of_an_operator_also_tell_its_pace() {
    let (scene, _tenant) = Scene::with_account("ui-operator", Vendor::Brightpearl);
    scene.grant(&json!({"ui": {"enabled": true}}));
    let operator = scene.operator_with(&["--ui-port", "0"]);
    scene.apply(&webhook("hook", Vendor::Brightpearl));
    scene.ready("hook");
    let origin = pages_of(&operator);
    let path = format!("/accounts/{}/account.json", scene.namespace);
    // The chart gives every right that the pages need: without one of them, they are not live.
    let knows = |page: &Value| {
        page["account"]["budgetLeft"].is_number()
            && page["account"]["nextRead"]["at"].is_string()
            && page["freshness"]["live"] == true
    };
    page_becomes(&origin, &path, "the page knows budget and times, and is live", knows);
    // Without the chart's value the right is missing, and the page says so.
    scene.grant(&json!({}));
    let without = scene.operator_with(&["--ui-port", "0"]);
    let lacks = |page: &Value| page["freshness"]["notices"][0]["forbidden"] == true;
    let page = page_becomes(&pages_of(&without), &path, "the page names the missing right", lacks);
    let why = page["freshness"]["notices"][0]["why"].as_str().unwrap();
    assert!(why.contains("the operator lacks the right to list and watch events"), "{why}");
}
