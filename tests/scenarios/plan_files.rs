//! `hooktender plan -f`: what would change if these files were applied to the cluster.

use serde_json::{Value, json};

use crate::command::{Folder, Reader, documents, of, run, run_with};
use crate::scene::{Scene, secret, webhook};
use crate::vendors::{Tenant, Vendor};

/// A namespace in which a Webhook called `hook` is in sync, and no operator runs any more.
pub(crate) fn in_sync(vendor: Vendor) -> (Scene, Tenant) {
    let (scene, tenant) = Scene::with_account("plan-files", vendor);
    let operator = scene.operator();
    scene.apply(&webhook("hook", vendor));
    scene.ready("hook");
    operator.terminate();
    tenant.clear_journal();
    (scene, tenant)
}

fn edited() -> Value {
    let mut edited = webhook("hook", Vendor::Brightpearl);
    edited["spec"]["subscription"]["brightpearl"]["contentType"] = json!("text/plain");
    edited
}

#[test]
fn files_override_the_cluster() {
    let (scene, tenant) = in_sync(Vendor::Brightpearl);
    let reader = Reader::of(&scene);
    let folder = Folder::new();
    let new = folder.write("new.yaml", &documents(&[webhook("new", Vendor::Brightpearl)]));
    folder.write("deep/edit.yml", &documents(&[edited()]));
    folder.write("notes.txt", "no manifest");
    let report = reader.plan(&["-f", &new, "-o", "json"]).exits(2).json();
    assert_eq!(of(&report, "new")["action"], "Create");
    assert_eq!(of(&report, "new")["declaredAt"], format!("{new}:2:1"));
    assert_eq!(of(&report, "hook")["action"], "None");
    // A folder is read as kubectl reads it.
    let report = reader.plan(&["-f", folder.text(), "-o", "json"]).exits(2).json();
    assert_eq!(of(&report, "hook")["action"], "None");
    let report = reader.plan(&["-R", "-f", folder.text(), "-o", "json"]).exits(2).json();
    let hook = of(&report, "hook");
    assert_eq!((&hook["action"], &hook["cause"]), (&json!("Replace"), &json!("specChanged")));
    assert_eq!(hook["changes"][0]["field"], "contentType");
    assert_eq!(of(&report, "new")["action"], "Create");
    // Output of kustomize: several documents, some of other kinds.
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}});
    let input = documents(&[service, edited(), webhook("new", Vendor::Brightpearl)]);
    let ran = run_with(&mut reader.command(&["-f", "-"]), &input).exits(2);
    assert!(ran.stderr.starts_with("warning: <stdin>:2:1: Service/web is skipped"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    ran.says("hook: replace");
    ran.says("new: create");
    // An unchanged object is no change.
    let same = folder.write("same.yaml", &documents(&[webhook("hook", Vendor::Brightpearl)]));
    reader.plan(&["-f", &same]).exits(0).quiet();
    reader.only_read(&tenant);
    assert_eq!(scene.webhook("new"), Value::Null);
}

#[test]
fn a_secret_in_a_file_overrides_the_one_in_the_cluster() {
    for vendor in Vendor::ALL {
        let (scene, tenant) = in_sync(vendor);
        let reader = Reader::of(&scene);
        let file = |token: &str| Folder::of(&[secret("hook-secrets", &json!({"token": token}))]);
        let (same, other) = (file(crate::scene::TOKEN), file("canary-other-token"));
        reader.plan(&["-f", same.text()]).exits(0).quiet();
        let ran = reader.plan(&["-f", other.text(), "-o", "json"]).exits(2);
        let report = ran.json();
        let hook = of(&report, "hook");
        assert_eq!(hook["cause"], "specChanged", "{report:#}");
        let shown = ran.quiet() + &reader.plan(&["-f", other.text()]).exits(2).quiet();
        assert!(!shown.contains("canary-"), "{shown}");
        reader.only_read(&tenant);
    }
}

#[test]
fn an_immutable_field_is_refused_at_its_place() {
    let (scene, tenant) = in_sync(Vendor::Brightpearl);
    let reader = Reader::of(&scene);
    let folder = Folder::new();
    let text = "\
apiVersion: hooktender.dev/v1alpha1
kind: Webhook
metadata:
  name: hook
spec:
  accountRef:
    name: another
  subscription:
    brightpearl:
      subscribeTo: product
      httpMethod: GET
      uriTemplate: https://hooks.example.com/
";
    let file = folder.write("hook.yaml", text);
    let errors = reader.plan(&["-f", &file]).fails();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with(&format!("{file}:6:3: spec.accountRef: ")), "{errors:?}");
    assert_eq!(tenant.journal(), Vec::<Value>::new());
    reader.plan(&[]).exits(0);
    reader.only_read(&tenant);
}

#[test]
fn an_account_admits_other_namespaces_or_does_not() {
    let (scene, tenant) = Scene::with_account("plan-files", Vendor::Brightpearl);
    let other = Scene::new("plan-files-other");
    let mut guest = webhook("guest", Vendor::Brightpearl);
    guest["spec"]["accountRef"]["namespace"] = json!(scene.namespace);
    other.apply(&guest);
    scene.apply(&webhook("own", Vendor::Brightpearl));
    let everywhere = Reader::everywhere(&[&scene, &other]);
    let plan = |from: &Value, arguments: &[&str]| {
        let patch = json!({"spec": {"allowedNamespaces": from}});
        scene.patch("vendoraccount/account", &patch);
        everywhere.plan(&[&["-o", "json"], arguments].concat())
    };
    let labels = |value: &str| json!({"from": "Selector", "selector": {"matchLabels": {"team": value}}});
    let there = ["-n", other.namespace.as_str()];
    scene.kubectl(&["label", "namespace", &other.namespace, "team=shop"]);
    let admits =
        [(json!({"from": "All", "selector": null}), true), (labels("shop"), true), (labels("web"), false)];
    for (from, admitted) in admits {
        for arguments in [&there[..], &[]] {
            let ran = plan(&from, arguments);
            let report = ran.json();
            // Whichever namespace is selected, an account is planned as a whole.
            if admitted {
                assert_eq!(of(&report, "guest")["action"], "Create", "{report:#}");
                assert_eq!(of(&report, "own")["action"], "Create");
                ran.exits(2);
            } else if arguments == there {
                assert_eq!(of(&report, "guest")["held"]["reason"], "AccountNotAllowed", "{report:#}");
                ran.exits(1);
            }
        }
    }
    let report = plan(&json!({"from": "Same", "selector": null}), &there).exits(1).json();
    assert_eq!(of(&report, "guest")["held"]["reason"], "AccountNotAllowed");
    everywhere.only_read(&tenant);
    // Without rights elsewhere, this is reported, and readable objects are planned.
    scene.patch("vendoraccount/account", &json!({"spec": {"allowedNamespaces": {"from": "All"}}}));
    let near = crate::command::run(
        crate::command::hooktender(&["plan", "-o", "json"]).env("KUBECONFIG", narrow(&scene)),
    )
    .exits(2);
    assert!(
        near.stderr.starts_with("warning: you may not list Webhooks outside of namespace"),
        "{}",
        near.stderr
    );
    assert_eq!(near.json()["counts"]["create"], 1);
}

/// A user who may read that one namespace.
fn narrow(scene: &Scene) -> std::path::PathBuf {
    let rules = "\
- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts], verbs: [get, list]}
- {apiGroups: [''], resources: [secrets, configmaps], verbs: [get]}
";
    scene.cluster.service_account(&scene.namespace, "narrow", rules).unwrap()
}

#[test]
fn all_namespaces_are_planned_at_once() {
    let (one, tenant) = in_sync(Vendor::Brightpearl);
    let (two, other) = Scene::with_account("plan-files", Vendor::Contensis);
    two.apply(&webhook("all-second", Vendor::Contensis));
    let (_bystander, not_called) = Scene::with_account("plan-files", Vendor::Contensis);
    let reader = Reader::everywhere(&[&one, &two]);
    // Other scenarios have their own accounts in this cluster.
    let ran = run(&mut reader.command(&["-A", "-o", "json"]));
    let report = ran.json();
    assert_eq!(of(&report, "all-second")["action"], "Create");
    let name = |account: &Value| (account["namespace"].clone(), account["name"].clone());
    let all: Vec<_> = report["accounts"].as_array().unwrap().iter().map(name).collect();
    for scene in [&one, &two] {
        assert!(all.contains(&(json!(scene.namespace), json!("account"))), "{all:?}");
    }
    reader.plan(&["-A", "-n", "default"]).fails_by_usage("cannot be used with");
    reader.only_read(&tenant);
    crate::command::only_reads(&other);
    assert_eq!(not_called.operations(), [""; 0], "the account's Secret may not be read");
}
