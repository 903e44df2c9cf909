//! Properties of the cluster that tests rely on. One cluster serves all tests of this file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml allows it in the tests, not in what they share"
)]

use std::time::Instant;

use hooktender_cluster::{AuditEvent, Cluster, eventually, shared};

fn cluster() -> &'static Cluster {
    shared().unwrap()
}

/// Whether an object is gone, for [`eventually`].
fn gone(arguments: &[&str]) -> Result<(), String> {
    match cluster().kubectl_run(&[&["get"], arguments].concat()) {
        Ok(still) => Err(still),
        Err(error) if error.stderr.contains("NotFound") => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn it_starts_in_the_pinned_version() {
    let start = Instant::now();
    let version = cluster().kubectl_json(&["version"]).unwrap();
    println!("cluster and first command: {:.1?}", start.elapsed());
    for program in ["serverVersion", "clientVersion"] {
        assert_eq!(version[program]["gitVersion"], "v1.36.3", "{program}");
        assert_eq!(version[program]["minor"], "36", "{program}");
    }
    assert!(cluster().api_url().starts_with("https://127.0.0.1:"));
    assert_eq!(cluster().pids().len(), 3);
    let helm = cluster().helm().args(["version", "--template={{.Version}}"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&helm.stdout), "v3.22.0");
    let releases = cluster().helm().args(["list", "--all-namespaces", "--output=json"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&releases.stdout).trim(), "[]");
}

#[test]
fn a_service_account_may_do_what_its_rules_say_and_nothing_else() {
    let namespace = cluster().namespace("rbac").unwrap();
    let other = cluster().namespace("rbac-other").unwrap();
    let reader = "- apiGroups: ['']\n  resources: [configmaps]\n  verbs: [get, list]";
    let nobody = cluster().service_account(&namespace, "nobody", "").unwrap();
    let local = cluster().service_account(&namespace, "local", reader).unwrap();
    let everywhere = cluster().cluster_service_account(&namespace, "everywhere", reader).unwrap();
    let list =
        |user, namespace: &str| cluster().kubectl_run_as(user, &["get", "configmaps", "-n", namespace]);

    let refusal = list(&nobody, &namespace).unwrap_err();
    let user = format!("system:serviceaccount:{namespace}:nobody");
    assert!(refusal.stderr.contains("orbidden") && refusal.stderr.contains(&user), "{refusal}");

    list(&local, &namespace).unwrap();
    assert!(list(&local, &other).unwrap_err().stderr.contains("orbidden"));
    list(&everywhere, &other).unwrap();
    let create = ["create", "configmap", "a", "-n", &namespace];
    assert!(cluster().kubectl_run_as(&everywhere, &create).unwrap_err().stderr.contains("orbidden"));
}

#[test]
fn an_owned_object_is_deleted_with_its_owner() {
    let namespace = cluster().namespace("cascade").unwrap();
    let create = |yaml: String| cluster().kubectl_apply(&yaml).unwrap();
    let head = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  namespace: {namespace}\n");
    create(format!("{head}  name: owner\n"));
    let owner = cluster().kubectl_json(&["get", "configmap", "owner", "-n", &namespace]).unwrap();
    let uid = owner["metadata"]["uid"].as_str().unwrap();
    create(format!(
        "{head}  name: owned\n  ownerReferences: [{{apiVersion: v1, kind: ConfigMap, name: owner, uid: {uid}}}]\n"
    ));
    let start = Instant::now();
    cluster().kubectl_run(&["delete", "configmap", "owner", "-n", &namespace]).unwrap();
    eventually("the owned ConfigMap is gone", || gone(&["configmap", "owned", "-n", &namespace])).unwrap();
    println!("cascade: {:.1?}", start.elapsed());
}

#[test]
fn a_deleted_namespace_is_deleted_with_its_objects() {
    let namespace = cluster().namespace("doomed").unwrap();
    eventually("the default service account is there", || {
        cluster().kubectl_run(&["get", "serviceaccount", "default", "-n", &namespace])
    })
    .unwrap();
    cluster().kubectl_run(&["create", "configmap", "inside", "-n", &namespace]).unwrap();
    let start = Instant::now();
    cluster().kubectl_run(&["delete", "namespace", &namespace, "--wait=false"]).unwrap();
    eventually("the namespace is gone", || gone(&["namespace", &namespace])).unwrap();
    println!("namespace deletion: {:.1?}", start.elapsed());
    gone(&["configmap", "inside", "-n", &namespace]).unwrap();
}

#[test]
fn the_audit_log_has_each_request_once_and_at_once() {
    let namespace = cluster().namespace("audit").unwrap();
    let user = cluster().service_account(&namespace, "nobody", "").unwrap();
    cluster().kubectl_run(&["create", "configmap", "seen", "-n", &namespace]).unwrap();
    cluster().kubectl_run_as(&user, &["get", "secret", "hidden", "-n", &namespace]).unwrap_err();

    // No waiting: events are written before answers.
    let events = cluster().audit(|event| event.namespace == namespace).unwrap();
    let of = |resource: &str, name: &str| -> Vec<&AuditEvent> {
        let same = |event: &&AuditEvent| event.resource == resource && event.name == name;
        events.iter().filter(same).collect()
    };
    let [created] = of("configmaps", "seen")[..] else { panic!("{:?}", of("configmaps", "seen")) };
    assert_eq!((created.verb.as_str(), created.user.as_str(), created.status_code), ("create", "admin", 201));
    assert!(created.is_write() && created.user_agent.starts_with("kubectl/"), "{created:?}");
    let [refused] = of("secrets", "hidden")[..] else { panic!("{:?}", of("secrets", "hidden")) };
    assert_eq!((refused.verb.as_str(), refused.status_code), ("get", 403));
    assert_eq!(refused.user, format!("system:serviceaccount:{namespace}:nobody"));
    assert!(created.at < refused.at);
    let [token] = of("serviceaccounts", "nobody")
        .into_iter()
        .filter(|event| event.subresource == "token")
        .collect::<Vec<_>>()[..]
    else {
        panic!("{:?}", of("serviceaccounts", "nobody"))
    };
    assert_eq!(token.verb, "create");
}

#[test]
fn a_refused_manifest_gives_the_reason() {
    let error = cluster().kubectl_apply("{apiVersion: v1, kind: Unheard, metadata: {name: a}}").unwrap_err();
    assert!(error.stderr.contains("Unheard"), "{error}");
    let mixed = "{apiVersion: v1, kind: Namespace, metadata: {name: mixed}}\n---\n\
                 {apiVersion: v1, kind: Namespace, metadata: {name: Not-A-Name}}\n";
    let error = cluster().kubectl_apply(mixed).unwrap_err();
    assert!(error.stdout.contains("namespace/mixed created"), "{error:?}");
    assert!(error.to_string().contains("Not-A-Name"), "{error}");
}
