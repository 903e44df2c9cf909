//! `hooktender sync`, `suspend` and `resume`: what is typed, what is said, the exit code, and what happens at the vendor.

use crate::command::{self, Ran, hooktender};
use crate::program::{reader, run};
use crate::scene::{Scene, is, webhook};
use crate::terminal::Terminal;
use crate::vendors::{Tenant, Vendor};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What a user of these commands may do.
const EDITOR: &str = "\
- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts], verbs: [get, list, watch, patch]}
";

/// A scene at Brightpearl, and a user who may edit.
struct Place {
    scene: Scene,
    tenant: Tenant,
    editor: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let (scene, tenant) = Scene::with_account(name, Vendor::Brightpearl);
        let editor = scene.cluster.service_account(&scene.namespace, "editor", EDITOR).unwrap();
        Self { scene, tenant, editor }
    }

    fn ran(&self, arguments: &[&str]) -> Ran {
        run(Some(&self.editor), arguments)
    }

    fn title(&self, name: &str) -> String {
        format!("Webhook {}/{name}", self.scene.namespace)
    }
}

/// The request of an object.
fn requested(object: &Value) -> &Value {
    &object["metadata"]["annotations"]["hooktender.dev/requested-at"]
}

#[test]
fn sync_waits_for_the_pass_and_says_what_came_of_it() {
    let place = Place::new("sync-wait");
    let _operator = place.scene.operator();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.ready("hook");
    place.scene.pass("account");
    place.tenant.clear_journal();
    let said = place.ran(&["sync", "wh/hook", "va/account", "--wait"]).exits(0).quiet();
    let account = format!("VendorAccount {}/account: pass done, ready: InSync", place.scene.namespace);
    assert!(said.starts_with(&format!("{}: pass done, ready: InSync", place.title("hook"))), "{said}");
    assert!(said.lines().count() == 2 && said.contains(&account), "{said}");
    assert!(said.ends_with("; 1 declared, 1 managed, 0 unmanaged\n"), "what the pass found: {said}");
    assert!(place.tenant.count("list") > 0, "the vendor was not asked");
    let hook = place.scene.webhook("hook");
    assert_eq!(requested(&hook), &hook["status"]["lastHandledRequest"]);
    // As kubectl prints it; a second request is another one.
    let name = "webhook.hooktender.dev/hook";
    let said = place.ran(&["sync", name, "-n", &place.scene.namespace]).exits(0).quiet();
    assert_eq!(said, format!("{}: pass requested\n", place.title("hook")));
    assert_ne!(requested(&hook), requested(&place.scene.webhook("hook")));
}

#[test]
fn sync_of_a_webhook_whose_account_fails_does_not_say_that_it_is_ready() {
    let place = Place::new("sync-unread");
    let _operator = place.scene.operator();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.ready("hook");
    place.tenant.accept("another-secret");
    place.scene.request("account");
    place.scene.account_stalled("account", "Credentials");
    let said = place.ran(&["sync", "wh/hook", "--wait"]).exits(1).quiet();
    let account = format!("VendorAccount {}/account, is not ready: Credentials: ", place.scene.namespace);
    assert!(said.contains("pass done, but its account, ") && said.contains(&account), "{said}");
    // The Webhook's own condition is as it was.
    place.scene.ready("hook");
}

#[test]
fn sync_of_what_does_not_get_ready_fails_with_the_reason() {
    let place = Place::new("sync-fails");
    let _operator = place.scene.operator();
    let mut bad = webhook("hook", Vendor::Brightpearl);
    bad["spec"]["subscription"]["brightpearl"]["subscribeTo"] = json!("prodcut");
    place.scene.apply(&bad);
    place.scene.stalled("hook", "Rejected");
    let said = place.ran(&["sync", "wh", "hook", "--wait"]).exits(1).quiet();
    assert!(
        said.starts_with(&format!("{}: pass done, not ready: Rejected: ", place.title("hook"))),
        "{said}"
    );
    assert!(said.contains("INTC-064"), "{said}");
}

#[test]
fn sync_without_an_operator_ends_with_its_time_limit() {
    let place = Place::new("sync-nobody");
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let error = place.ran(&["sync", "wh/hook", "--wait", "--timeout", "1s"]).failed();
    let namespace = &place.scene.namespace;
    let why = format!(
        "the pass is not done after 1 s: no hooktender has seen it: is one running, and for namespace {namespace}?"
    );
    assert_eq!(error, format!("{}: {why}", place.title("hook")));
    assert!(requested(&place.scene.webhook("hook")).is_string(), "the request stays");
}

#[test]
fn sync_shows_who_is_waited_for() {
    let place = Place::new("sync-progress");
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let arguments = ["sync", "wh/hook", "--wait", "--timeout", "4s"];
    let mut command = hooktender(&arguments);
    let terminal = Terminal::run(command.env("TERM", "xterm").env("KUBECONFIG", &place.editor), 100);
    terminal.shows(&format!("waiting for the pass: {}", place.title("hook")));
    assert_eq!(terminal.ends().0, Some(1));
}

#[test]
fn sync_refuses_what_no_pass_can_come_of() {
    let place = Place::new("sync-refused");
    let namespace = &place.scene.namespace;
    let mut lost = webhook("lost", Vendor::Brightpearl);
    lost["spec"]["accountRef"]["name"] = json!("nobody");
    place.scene.apply(&lost);
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let lost = place.ran(&["sync", "wh/lost"]).failed();
    let why = format!("no pass was requested: its account, VendorAccount {namespace}/nobody, does not exist");
    assert_eq!(lost, format!("{}: {why}", place.title("lost")));
    let typo = place.ran(&["sync", "wh/hok", "--wait"]).failed();
    assert_eq!(typo, format!("there is no Webhook {namespace}/hok: did you mean hook?"));
    let none = place.ran(&["sync"]).exits(1);
    none.fails_by_usage("<KIND/NAME>");
    let bare = place.ran(&["sync", "hook"]).failed();
    let kinds =
        "write wh/hook for the Webhook, whs/hook for the WebhookSet, or va/hook for the VendorAccount";
    assert_eq!(bare, kinds);
    // A user who may only read.
    let reader = reader(&place.scene);
    let refused = run(Some(&reader), &["sync", "wh/hook"]).failed();
    assert!(refused.starts_with(&format!("{} cannot be changed: ", place.title("hook"))), "{refused}");
    assert!(refused.contains("cannot patch resource"), "{refused}");
    assert!(requested(&place.scene.webhook("hook")).is_null());
}

#[test]
fn suspended_objects_are_left_alone_until_they_are_resumed() {
    let place = Place::new("suspend");
    let namespace = place.scene.namespace.clone();
    let _operator = place.scene.operator();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.ready("hook");
    let hook = place.title("hook");
    let said = place.ran(&["suspend", "wh/hook", "-n", &namespace]).exits(0).quiet();
    let resume = format!("hooktender resume wh/hook -n {namespace}");
    assert_eq!(said, format!("{hook} suspended: its subscription is left as it is, until {resume}\n"));
    place.scene.webhook_becomes("hook", "suspended", |hook| is(hook, "Ready", "True", "Suspended"));
    let said = place.ran(&["suspend", "wh/hook"]).exits(0).quiet();
    assert_eq!(said, format!("{hook} is suspended already\n"));
    let refused = place.ran(&["sync", "wh/hook", "--wait"]).failed();
    assert_eq!(refused, format!("{hook}: no pass was requested: it is suspended: hooktender resume wh/hook"));
    let said = place.ran(&["suspend", "va/account"]).exits(0).quiet();
    let account = format!("VendorAccount {namespace}/account");
    assert!(said.starts_with(&format!("{account} suspended: the vendor is not called")), "{said}");
    let said = place.ran(&["resume", "wh", "hook"]).exits(0).quiet();
    assert_eq!(said, format!("{hook} resumed: a pass starts at once\n"));
    let refused = place.ran(&["sync", "wh/hook"]).failed();
    assert!(
        refused.ends_with(&format!("its account is suspended: hooktender resume va/account -n {namespace}")),
        "{refused}"
    );
    place.ran(&["resume", "va/account", "wh/hook"]).exits(0).says("is not suspended");
    place.ran(&["sync", "wh/hook", "--wait"]).exits(0).says("pass done, ready: InSync");
}

#[test]
fn what_can_be_synced_is_synced_although_something_else_cannot() {
    let place = Place::new("sync-mixed");
    let _operator = place.scene.operator();
    let ran = place.ran(&["sync", "va/account", "va/acount", "--wait"]).exits(1);
    assert!(ran.stdout.contains("account: pass done, ready: InSync"), "{ran:?}");
    assert!(ran.stderr.contains("acount: did you mean account?"), "{ran:?}");
}

#[test]
fn diff_is_plan() {
    let place = Place::new("diff");
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let reader = command::Reader::of(&place.scene);
    let plan = reader.plan(&[]).exits(2).quiet();
    let diff = run(Some(&reader.kubeconfig), &["diff"]).exits(2).quiet();
    assert_eq!(plan, diff);
}
