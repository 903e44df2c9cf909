//! The cluster's side of a case: a namespace of its own, accounts in it, and the actions of a user.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use hooktender_cluster::{Cluster, eventually};
use serde_json::{Value, json};

use crate::api;
use crate::declared::TOKEN;
use crate::helm;
use crate::operator::Operator;
use crate::support;
use crate::vendors::{self, Tenant, Vendor};

/// Short, so that an unknown outcome is decided soon. Together they exceed `plan::LATE` by more than a busy machine delays late
/// work.
const FLAGS: [&str; 4] = ["--settle", "4s", "--request-timeout", "2s"];
const GROUP: &str = "apis/hooktender.dev/v1alpha1";

/// The cluster that the cases share, with the operators' credentials.
pub(crate) struct SharedCluster {
    pub(crate) cluster: &'static Cluster,
    kubeconfig: PathBuf,
    /// kubectl would cost more than the rest of a case.
    http: reqwest::Client,
}

impl SharedCluster {
    /// Returns the one that all cases share.
    pub(crate) fn get() -> &'static Self {
        static SHARED: OnceLock<SharedCluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::at(support::cluster()))
    }

    /// Prepares one in a cluster that has both kinds.
    pub(crate) fn at(cluster: &'static Cluster) -> Self {
        // An account's Secret has its name.
        let rights = helm::rights("default", true, &json!({"secrets": {"writable": ["account"]}}));
        let kubeconfig = cluster.granted("default", helm::OPERATOR, &rights).unwrap();
        Self { cluster, kubeconfig, http: api::http(cluster) }
    }

    /// The kubeconfig of the operators.
    pub(crate) fn kubeconfig(&self) -> &PathBuf {
        &self.kubeconfig
    }

    fn call(&self, method: &str, path: &str, kind: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/{path}", self.cluster.api_url());
        let mut request = self.http.request(method.parse().unwrap(), url);
        request = request.bearer_auth(self.cluster.admin_token()).header("content-type", kind);
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let (status, text) = vendors::send(request);
        (status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

/// A namespace and its objects.
pub(crate) struct Scene {
    pub(crate) shared: &'static SharedCluster,
    pub(crate) namespace: String,
}

impl Scene {
    /// A new namespace with the Secret that the Webhooks use.
    pub(crate) fn new(shared: &'static SharedCluster, name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let namespace = format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let scene = Self { shared, namespace };
        let metadata = json!({"name": scene.namespace});
        scene.post("api/v1/namespaces", &json!({"metadata": metadata}));
        scene.secret("hook-secrets", &json!({"token": TOKEN}));
        scene
    }

    fn post(&self, path: &str, object: &Value) {
        let (status, answer) = self.shared.call("POST", path, "application/json", object);
        assert!(status < 300, "POST {path}: {status} {answer}");
    }

    fn path(&self, kind: &str, name: &str) -> String {
        let group = if kind == "secrets" { "api/v1" } else { GROUP };
        let slash = if name.is_empty() { "" } else { "/" };
        format!("{group}/namespaces/{}/{kind}{slash}{name}", self.namespace)
    }

    pub(crate) fn secret(&self, name: &str, data: &Value) {
        self.post(&self.path("secrets", ""), &json!({"metadata": {"name": name}, "stringData": data}));
    }

    /// Makes an account at a tenant, with its credentials in a Secret of the same name. It is read so seldom that only events
    /// start passes, and its guard blocks no deletion.
    pub(crate) fn account(&self, name: &str, tenant: &Tenant, vendor: &Value) {
        let id = match tenant.vendor {
            Vendor::Contensis => tenant.client(),
            Vendor::Brightpearl | Vendor::Superoffice => "ops".to_owned(),
        };
        self.secret(name, &json!({"id": id, "secret": tenant.secret()}));
        self.account_with(name, vendor);
    }

    /// Makes an account with an existing Secret of that name.
    pub(crate) fn account_with(&self, name: &str, vendor: &Value) {
        self.post(
            &self.path("vendoraccounts", ""),
            &json!({
                "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount", "metadata": {"name": name},
                "spec": {"resyncInterval": "1h", "vendor": vendor, "deletionGuard": {"maxPercent": 100}},
            }),
        );
    }

    /// Applies the manifest of a Webhook.
    pub(crate) fn apply(&self, manifest: &Value) {
        let path = self.path("webhooks", manifest["metadata"]["name"].as_str().unwrap());
        let path = format!("{path}?fieldManager=user&force=true");
        let (status, answer) = self.shared.call("PATCH", &path, "application/apply-patch+yaml", manifest);
        assert!(status < 300, "apply {path}: {status} {answer}");
    }

    /// Changes members of an object.
    pub(crate) fn patch(&self, kind: &str, name: &str, change: &Value) {
        let path = self.path(kind, name);
        let (status, answer) = self.shared.call("PATCH", &path, "application/merge-patch+json", change);
        assert!(status < 300, "PATCH {path}: {status} {answer}");
    }

    pub(crate) fn delete(&self, kind: &str, name: &str) {
        let path = self.path(kind, name);
        let (status, answer) = self.shared.call("DELETE", &path, "application/json", &Value::Null);
        assert!(status < 300, "DELETE {path}: {status} {answer}");
    }

    /// Returns an object; null if it does not exist.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Value {
        let path = self.path(kind, name);
        match self.shared.call("GET", &path, "application/json", &Value::Null) {
            (200, object) => object,
            (404, _) => Value::Null,
            (status, answer) => panic!("{path}: {status} {answer}"),
        }
    }

    /// Requests a pass over an account and waits until it is done.
    pub(crate) fn pass(&self, account: &str) {
        let value = self.request(account);
        eventually(&format!("a pass over {account}"), || {
            let object = self.get("vendoraccounts", account);
            if object["status"]["lastHandledRequest"] == value.as_str() {
                Ok(())
            } else {
                Err(object["status"]["conditions"].clone())
            }
        })
        .unwrap();
    }

    /// Requests a pass over an account.
    pub(crate) fn request(&self, account: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let value = format!("request-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let annotations = json!({"hooktender.dev/requested-at": value});
        self.patch("vendoraccounts", account, &json!({"metadata": {"annotations": annotations}}));
        value
    }

    /// Starts the operator, with these fail points.
    pub(crate) fn operator(&self, failpoints: &str) -> Operator {
        self.operator_by(self.shared.kubeconfig(), failpoints)
    }

    /// As [`Self::operator`], with another kubeconfig.
    pub(crate) fn operator_by(&self, kubeconfig: &std::path::Path, failpoints: &str) -> Operator {
        Operator::launch(kubeconfig, &self.namespace, &FLAGS, &[("FAILPOINTS", failpoints)])
    }
}

/// A condition of an object: status and reason.
pub(crate) fn condition(object: &Value, kind: &str) -> Option<(String, String)> {
    let all = object["status"]["conditions"].as_array()?;
    let found = all.iter().find(|one| one["type"] == kind)?;
    let text = |member: &str| found[member].as_str().unwrap_or_default().to_owned();
    Some((text("status"), text("reason")))
}

/// Whether the object is ready for the generation of its spec.
pub(crate) fn is_ready(object: &Value) -> bool {
    let current = object["metadata"]["generation"] == object["status"]["observedGeneration"];
    current && condition(object, "Ready") == Some(("True".to_owned(), "InSync".to_owned()))
}
