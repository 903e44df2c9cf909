//! Objects read and written by HTTP as kubectl does it, most of them in one namespace. A test mostly sets its scene: processes of kubectl
//! took half of the suite's processor time. Tests about kubectl run kubectl.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use hooktender_cluster::{Cluster, Error, Request, Verb};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use crate::vendors;

/// Kinds and their paths. `data` of a Secret merges by key, so that `stringData` does what it does with kubectl.
const PATHS: [(&str, &str); 4] = [
    ("secret", "api/v1"),
    ("configmap", "api/v1"),
    ("webhook", "apis/hooktender.dev/v1alpha1"),
    ("vendoraccount", "apis/hooktender.dev/v1alpha1"),
];

const APPLY: &str = "application/apply-patch+yaml";
/// The options of `kubectl apply --server-side --force-conflicts`.
const APPLY_OPTIONS: &str = "fieldManager=kubectl&force=true&fieldValidation=Strict";

/// Returns a client that trusts a cluster's API server: one a cluster, so that its connections are used again.
pub(crate) fn http(cluster: &Cluster) -> reqwest::Client {
    static CLIENTS: LazyLock<Mutex<HashMap<String, reqwest::Client>>> = LazyLock::new(Mutex::default);
    let mut clients = CLIENTS.lock().unwrap();
    let client = clients.entry(cluster.ca().to_owned()).or_insert_with_key(|ca| {
        let ca = reqwest::Certificate::from_pem(ca.as_bytes()).unwrap();
        reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap()
    });
    client.clone()
}

/// For [`Cluster::send_with`].
pub(crate) fn send(cluster: &Cluster, request: Request<'_>) -> Result<Value, Error> {
    let Request { verb, path, object } = request;
    let url = format!("{}{path}", cluster.api_url());
    let http = http(cluster);
    let prepared = match verb {
        Verb::Create => http.post(url).header(CONTENT_TYPE, "application/json"),
        Verb::Apply => http.patch(format!("{url}?{APPLY_OPTIONS}")).header(CONTENT_TYPE, APPLY),
    };
    let (status, text) = vendors::send(prepared.body(object.to_owned()).bearer_auth(cluster.admin_token()));
    match serde_json::from_str(&text) {
        Ok(answer) if status.is_success() => Ok(answer),
        _ => Err(Error::Refused { path: path.to_owned(), answer: format!("{status} {text}") }),
    }
}

/// A client of the API server with the administrator's rights.
#[derive(Debug)]
pub(crate) struct Api {
    cluster: &'static Cluster,
    namespace: String,
    http: reqwest::Client,
}

impl Api {
    pub(crate) fn new(cluster: &'static Cluster, namespace: &str) -> Self {
        Self { cluster, namespace: namespace.to_owned(), http: http(cluster) }
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
        self.change(&format!("{url}?{APPLY_OPTIONS}"), APPLY, &object);
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
        let request = self.http.patch(url).header(CONTENT_TYPE, content_type).body(body.to_string());
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
