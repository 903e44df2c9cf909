//! The chart in `charts/hooktender`, as the real helm renders it, and the rights that it gives an operator.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use hooktender_cluster::{Cluster, shared};
use serde_json::{Value, json};

use crate::support::{Answer, fed};

/// The version of the API server that helm renders for without asking one: that of `tests/cluster`.
const KUBERNETES: &str = "--kube-version=1.36.3";
/// Stands for a test's namespace in what is rendered once for all tests.
const ANY: &str = "namespace-of-a-test";
/// The operator's service account, and the name of its roles.
pub(crate) const OPERATOR: &str = "operator";

/// The chart's folder.
pub(crate) fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/hooktender")
}

/// Runs helm with these values, and returns its output. The chart has no default for the image's name: without one, it is `hooktender`.
pub(crate) fn helm(cluster: &Cluster, arguments: &[&str], values: &Value) -> Answer {
    let mut values = values.clone();
    let image = values.as_object_mut().unwrap().entry("image").or_insert_with(|| json!({}));
    image.as_object_mut().unwrap().entry("repository").or_insert_with(|| json!("hooktender"));
    let mut helm: Command = cluster.helm();
    fed(helm.args(arguments).arg("--values=-"), &values.to_string())
}

/// `helm template` of a release in a namespace; `more` are further arguments.
pub(crate) fn template(release: &str, namespace: &str, values: &Value, more: &[&str]) -> Answer {
    let chart = chart();
    let arguments = ["template", release, chart.to_str().unwrap(), "--namespace", namespace, KUBERNETES];
    helm(shared().unwrap(), &[&arguments, more].concat(), values)
}

/// Returns the objects that helm renders.
#[track_caller]
pub(crate) fn rendered(release: &str, namespace: &str, values: &Value, more: &[&str]) -> Vec<Value> {
    let answer = template(release, namespace, values, more);
    assert!(answer.success, "{}", answer.stderr);
    objects(&answer.stdout)
}

/// Returns the objects of a YAML stream.
pub(crate) fn objects(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

/// What the chart gives the service account [`OPERATOR`] with these values, in a namespace or, with `everywhere`, in all: the
/// account, its roles and their bindings.
pub(crate) fn rights(namespace: &str, everywhere: bool, values: &Value) -> Vec<Value> {
    let mut all = json!({"fullnameOverride": OPERATOR, "serviceAccount": {"name": OPERATOR}});
    if everywhere {
        // Their names are not in a namespace.
        all["fullnameOverride"] = json!(namespace);
    } else {
        all["watchNamespaces"] = json!([namespace]);
    }
    all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    let only = ["--show-only=templates/rbac.yaml", "--show-only=templates/serviceaccount.yaml"];
    rendered("operator", namespace, &all, &only)
}

/// As [`rights`] without a value but the namespace.
pub(crate) fn usual_rights(namespace: &str) -> Vec<Value> {
    static RENDERED: OnceLock<String> = OnceLock::new();
    let rendered = RENDERED.get_or_init(|| Value::Array(rights(ANY, false, &json!({}))).to_string());
    serde_json::from_str(&rendered.replace(ANY, namespace)).unwrap()
}

/// Objects as one text to apply.
pub(crate) fn stream(objects: &[Value]) -> String {
    objects.iter().fold(String::new(), |text, object| format!("{text}---\n{object}\n"))
}
