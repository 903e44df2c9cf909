//! Objects of one namespace, read and written by HTTP as kubectl does it. A test mostly sets its scene: processes of kubectl took half
//! of the suite's processor time. Tests about kubectl run kubectl.

use hooktender_cluster::Cluster;
use serde_json::Value;

use crate::vendors;

/// Kinds and their paths. `data` of a Secret merges by key, so that `stringData` does what it does with kubectl.
const PATHS: [(&str, &str); 4] = [
    ("secret", "api/v1"),
    ("configmap", "api/v1"),
    ("webhook", "apis/hooktender.dev/v1alpha1"),
    ("vendoraccount", "apis/hooktender.dev/v1alpha1"),
];

/// A client of the API server with the administrator's rights.
#[derive(Debug)]
pub(crate) struct Api {
    cluster: &'static Cluster,
    namespace: String,
    /// Trusts this cluster's API server.
    http: reqwest::Client,
}

impl Api {
    pub(crate) fn new(cluster: &'static Cluster, namespace: &str) -> Self {
        let ca = reqwest::Certificate::from_pem(cluster.ca().as_bytes()).unwrap();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap();
        Self { cluster, namespace: namespace.to_owned(), http }
    }

    /// Reads a path below the namespace's, such as `webhooks/name`; null if it does not exist.
    pub(crate) fn read(&self, group: &str, path: &str) -> Value {
        let request = self.http.get(self.url(&format!("apis/{group}"), path));
        let (status, text) = vendors::send(request.bearer_auth(self.cluster.admin_token()));
        match status.as_u16() {
            200 => serde_json::from_str(&text).unwrap(),
            404 => Value::Null,
            _ => panic!("{path}: {status} {text}"),
        }
    }

    /// Applies an object as `kubectl apply --server-side` does. Returns false, and does nothing, for a kind that has no path here.
    pub(crate) fn apply(&self, object: &Value) -> bool {
        let kind = object["kind"].as_str().unwrap().to_lowercase();
        let Some(url) = self.object(&kind, object["metadata"]["name"].as_str().unwrap()) else {
            return false;
        };
        let mut object = object.clone();
        remove_nulls(&mut object);
        let options = "fieldManager=kubectl&force=true&fieldValidation=Strict";
        self.change(&format!("{url}?{options}"), "application/apply-patch+yaml", &object);
        true
    }

    /// `kubectl patch --type=merge` of an object, such as `webhook/name`. Returns false, and does nothing, for a kind that has no path
    /// here.
    pub(crate) fn patch(&self, object: &str, patch: &Value) -> bool {
        let (kind, name) = object.split_once('/').unwrap();
        let Some(url) = self.object(kind, name) else { return false };
        self.change(&format!("{url}?fieldManager=kubectl-patch"), "application/merge-patch+json", patch);
        true
    }

    fn change(&self, url: &str, content_type: &str, body: &Value) {
        let request = self.http.patch(url).header("content-type", content_type).body(body.to_string());
        let (status, text) = vendors::send(request.bearer_auth(self.cluster.admin_token()));
        assert!(status.is_success(), "{url}: {status} {text}");
    }

    fn object(&self, kind: &str, name: &str) -> Option<String> {
        let (kind, group) = PATHS.iter().find(|(known, _)| *known == kind)?;
        Some(self.url(group, &format!("{kind}s/{name}")))
    }

    fn url(&self, group: &str, path: &str) -> String {
        format!("{}/{group}/namespaces/{}/{path}", self.cluster.api_url(), self.namespace)
    }
}

/// Removes members that are null, as kubectl does.
fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}
