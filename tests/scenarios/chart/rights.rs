//! The operator's rights, exactly: one test that needs each of them, and the requests that the API server saw meanwhile.

use std::collections::BTreeSet;
use std::path::Path;

use hooktender_cluster::{AuditEvent, KUBECTL_WAIT_LIMIT, eventually};
use serde_json::{Value, json};

use super::secrets::UNNAMED;
use crate::admission::REFUSED;
use crate::helm::{OPERATOR, rights};
use crate::oauth::{App, ENDED};
use crate::operator::Operator;
use crate::scene::webhook;
use crate::vendors::Vendor;

/// Group, kind with its subresource, and verb.
type Right = (String, String, String);

/// Returns every right that these roles give.
fn granted(objects: &[Value]) -> BTreeSet<Right> {
    let all = objects.iter().filter(|object| object["kind"].as_str().unwrap().ends_with("Role"));
    let rules: Vec<_> = all.flat_map(|role| role["rules"].as_array().unwrap()).collect();
    let texts = |rule: &Value, member: &str| {
        let all = rule[member].as_array().unwrap().iter();
        all.map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut rights = BTreeSet::new();
    for rule in rules {
        for group in texts(rule, "apiGroups") {
            for resource in texts(rule, "resources") {
                let verbs = texts(rule, "verbs").into_iter();
                rights.extend(verbs.map(|verb| (group.clone(), resource.clone(), verb)));
            }
        }
    }
    rights
}

/// Returns what operators have requested of the API server, without kubectl in their name.
fn asked(of: impl Fn(&str) -> bool) -> Vec<AuditEvent> {
    let own = |event: &AuditEvent| {
        of(&event.user) && !event.resource.is_empty() && !event.user_agent.starts_with("kubectl")
    };
    crate::support::cluster().audit(own).unwrap()
}

/// Returns the rights that a request needs. An apply that creates the object needs two.
fn rights_of(event: &AuditEvent) -> impl Iterator<Item = Right> {
    let slash = if event.subresource.is_empty() { "" } else { "/" };
    let resource = format!("{}{slash}{}", event.resource, event.subresource);
    let right = |verb: &str| (event.api_group.clone(), resource.clone(), verb.to_owned());
    let create = (event.verb == "patch" && event.status_code == 201).then(|| right("create"));
    [right(&event.verb)].into_iter().chain(create)
}

/// No operator of this run has been refused a request, except where a test withholds a right.
fn nobody_was_refused() {
    let whose = format!(":{OPERATOR}");
    let everybody = asked(|user| user.starts_with("system:serviceaccount:") && user.ends_with(&whose));
    let meant = |event: &AuditEvent| {
        event.resource == "secrets" && (event.verb == "patch" || event.namespace.starts_with(UNNAMED))
            || event.namespace.starts_with(REFUSED)
            || event.user.starts_with(&format!("system:serviceaccount:{REFUSED}"))
    };
    let refused: Vec<_> =
        everybody.iter().filter(|event| event.status_code == 403 && !meant(event)).collect();
    assert!(refused.is_empty(), "the chart's roles lack something: {refused:#?}");
}

/// After a conflict an object is read again: each kind meets one.
const CONFLICTS: (&str, &str) = (
    "FAILPOINTS",
    "Webhook.hold.writing=fail(409);VendorAccount.hold.writing=fail(409);WebhookSet.hold.writing=fail(409)",
);

/// Creates and deletes a Webhook, and a WebhookSet with one member, with values of a Secret and a ConfigMap, at an account whose tokens are exchanged, after an
/// election.
fn each_right_is_used_and_no_other(everywhere: bool) {
    let app = App::new(&json!({"expires_at": ENDED}));
    let scene = &app.scene;
    let mut values = json!({"leaderElection": "always", "secrets": {"writable": ["tokens"]}});
    let selector = format!("of={}", scene.namespace);
    if everywhere {
        // Accounts of other tests are not selected.
        values["accountSelector"] = json!(selector);
        scene.kubectl(&["delete", "role,rolebinding", "--all"]);
        scene.kubectl(&["label", "vendoraccount", "account", &selector]);
    }
    let rights = rights(&scene.namespace, everywhere, &values);
    let kubeconfig = scene.cluster.granted(&scene.namespace, OPERATOR, &rights).unwrap();
    let operator = start(&kubeconfig, &scene.namespace, if everywhere { Some(&selector) } else { None });
    operator.logs("became leader");
    scene.apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hooks"}, "data": {"host": "hooks.example.com"}}));
    let mut hook = webhook("hook", Vendor::Brightpearl);
    let variables = hook["spec"]["variables"].as_array_mut().unwrap();
    variables
        .push(json!({"name": "HOST", "valueFrom": {"configMapKeyRef": {"name": "hooks", "key": "host"}}}));
    hook["spec"]["subscription"]["brightpearl"]["uriTemplate"] = json!("https://$(HOST)/?token=$(TOKEN)");
    scene.apply(&hook);
    scene.ready("hook");
    assert_eq!(app.tenant.count("token"), 1, "tokens were exchanged, and kept");
    // A set makes, changes and deletes its member.
    let mut template = hook["spec"].clone();
    template.as_object_mut().unwrap().remove("accountRef");
    template["subscription"]["brightpearl"]["uriTemplate"] = json!("https://$(HOST)/set?token=$(TOKEN)");
    let set = json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet",
        "metadata": {"name": "set", "labels": {"of": scene.namespace}},
        "spec": {"accountSelector": {}, "template": {"spec": template}},
    });
    scene.apply(&set);
    scene.ready("set-account");
    scene.patch("webhookset/set", &json!({"spec": {"template": {"spec": {"driftPolicy": "Report"}}}}));
    scene.webhook_becomes("set-account", "changed", |webhook| webhook["spec"]["driftPolicy"] == "Report");
    scene.kubectl(&["delete", "webhookset/set", KUBECTL_WAIT_LIMIT]);
    for object in ["webhook/hook", "vendoraccount/account"] {
        scene.kubectl(&["delete", object, KUBECTL_WAIT_LIMIT]);
    }
    assert_eq!(app.tenant.ids(), [""; 0]);
    let whose = format!("system:serviceaccount:{}:{OPERATOR}", scene.namespace);
    let rights_used = || asked(|user| user == whose).iter().flat_map(rights_of).collect::<BTreeSet<_>>();
    let expected = granted(&rights);
    // The Lease is renewed every two seconds. A right that is never used is reported below.
    let _ = eventually("every right is used", || {
        let used = rights_used();
        if used.is_superset(&expected) { Ok(()) } else { Err(used) }
    });
    let used = rights_used();
    let unused: Vec<_> = expected.difference(&used).collect();
    assert!(unused.is_empty(), "granted by the chart, and used by nobody: {unused:?}");
    let lacking: Vec<_> = used.difference(&expected).collect();
    assert!(lacking.is_empty(), "asked for, and not granted by the chart: {lacking:?}");
    operator.terminate();
    nobody_was_refused();
}

fn start(kubeconfig: &Path, namespace: &str, selector: Option<&str>) -> Operator {
    let elects = ["--leader-elect", "--leader-elect-namespace", namespace];
    let operator = match selector {
        None => Operator::launch(kubeconfig, namespace, &elects, &[CONFLICTS]),
        Some(selector) => {
            let flags = [&elects[..], &["--account-selector", selector]].concat();
            Operator::launch_everywhere(kubeconfig, &flags, &[CONFLICTS])
        }
    };
    operator.logs("caches synced");
    operator
}

#[test]
fn each_right_in_one_namespace_is_used_and_no_other() {
    each_right_is_used_and_no_other(false);
}

#[test]
fn each_right_in_all_namespaces_is_used_and_no_other() {
    each_right_is_used_and_no_other(true);
}

#[test]
fn a_role_lists_the_rights_that_it_gives() {
    let role = json!({"kind": "Role", "rules": [{"apiGroups": [""], "resources": ["a", "a/status"], "verbs": ["get", "list"]}]});
    let rights = granted(&[role, json!({"kind": "RoleBinding"})]);
    assert_eq!(rights.len(), 4);
    assert!(rights.contains(&(String::new(), "a/status".into(), "list".into())));
}
