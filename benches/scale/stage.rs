//! What all runs share: a cluster with both kinds installed, and a vendor; and the cluster's side of one run.

use crate::Options;
use crate::vendor::{Vendor, block_on};
use hooktender_cluster::{AuditEvent, Cluster, eventually};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

/// How long anything may take.
pub(crate) const LONG: Duration = Duration::from_secs(1200);

/// What the operator may do, as in `charts/hooktender`.
const RULES: &str = "\
- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts], verbs: [get, list, watch, patch]}
- {apiGroups: [hooktender.dev], resources: [webhooks/status, vendoraccounts/status], verbs: [patch]}
- {apiGroups: [''], resources: [secrets, configmaps], verbs: [get, list, watch]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create]}
";

/// What all runs share.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) vendor: Vendor,
    http: reqwest::Client,
}

/// One namespace, and what is in it.
pub(crate) struct Scene<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) namespace: String,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) accounts: Vec<String>,
    webhooks: usize,
}

impl Stage {
    pub(crate) fn set(options: &Options) -> Self {
        let cluster = Cluster::start().unwrap();
        for crd in hooktender::api::crds().unwrap() {
            cluster.kubectl_apply(&hooktender::api::yaml(&crd).unwrap()).unwrap();
        }
        cluster
            .kubectl_run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"])
            .unwrap();
        let ca = reqwest::Certificate::from_pem(cluster.ca().as_bytes()).unwrap();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap();
        eventually(LONG, "both kinds are served", || {
            cluster.kubectl_json(&["get", "webhooks,vendoraccounts"])
        })
        .unwrap();
        Self { cluster, vendor: Vendor::open(options.vendor_ms), http }
    }

    /// Sends a request to the API server as the administrator.
    fn ask(&self, method: &str, path: &str, merge: Option<&Value>) -> Value {
        let url = format!("{}{path}", self.cluster.api_url());
        let mut request =
            self.http.request(method.parse().unwrap(), &url).bearer_auth(self.cluster.admin_token());
        if let Some(merge) = merge {
            request = request.header("content-type", "application/merge-patch+json").body(merge.to_string());
        }
        block_on(async {
            let answer = request.send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert!(status.is_success(), "{method} {path}: {status} {text}");
            serde_json::from_str(&text).unwrap()
        })
    }
}

impl<'a> Scene<'a> {
    /// A namespace with accounts and their Secrets, and as yet no Webhook.
    pub(crate) fn new(stage: &'a Stage, options: &Options, webhooks: usize, accounts: usize) -> Self {
        let namespace = stage.cluster.namespace("scale").unwrap();
        let kubeconfig = stage.cluster.service_account(&namespace, "operator", RULES).unwrap();
        let accounts: Vec<_> = (0..accounts).map(|n| format!("{namespace}-{n}")).collect();
        let mut items = vec![secret("hook-secrets", &json!({"token": "first"}))];
        for name in &accounts {
            stage.vendor.account(name);
            items.push(secret(name, &json!({"id": name, "secret": name})));
            items.push(account(name, stage.vendor.url(), &options.interval));
        }
        let scene = Self { stage, namespace, kubeconfig, accounts, webhooks };
        scene.apply("accounts", &items);
        scene
    }

    /// One `kubectl apply` of all Webhooks.
    pub(crate) fn declare(&self) {
        let items: Vec<_> = (0..self.webhooks).map(|n| webhook(n, self.account_of(n))).collect();
        self.apply("webhooks", &items);
    }

    fn account_of(&self, n: usize) -> &str {
        &self.accounts[n % self.accounts.len()]
    }

    fn apply(&self, name: &str, items: &[Value]) {
        let file = self.stage.cluster.folder().join(format!("{}-{name}.json", self.namespace));
        fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()).unwrap();
        let mut kubectl = self.stage.cluster.kubectl();
        kubectl.args(["--namespace", &self.namespace, "apply", "--filename"]).arg(&file);
        assert!(kubectl.stdout(Stdio::null()).status().unwrap().success());
    }

    /// How many Webhooks are ready.
    pub(crate) fn ready(&self) -> usize {
        let path = format!("/apis/hooktender.dev/v1alpha1/namespaces/{}/webhooks", self.namespace);
        let all = self.stage.ask("GET", &path, None);
        let is_ready = |webhook: &&Value| {
            let conditions = webhook["status"]["conditions"].as_array().into_iter().flatten();
            conditions.filter(|one| one["type"] == "Ready" && one["status"] == "True").count() == 1
                && webhook["status"]["observedGeneration"] == webhook["metadata"]["generation"]
        };
        all["items"].as_array().unwrap().iter().filter(is_ready).count()
    }

    /// A Webhook, by number.
    pub(crate) fn webhook(&self, n: usize) -> Value {
        self.stage.ask("GET", &self.path(n), None)
    }

    /// A person's edit.
    pub(crate) fn edit(&self, n: usize, patch: &Value) {
        self.stage.ask("PATCH", &self.path(n), Some(patch));
    }

    /// A person's edit of the Secret that the first Webhook takes a value from.
    pub(crate) fn rotate(&self, value: &str) {
        let path = format!("/api/v1/namespaces/{}/secrets/hook-secrets", self.namespace);
        self.stage.ask("PATCH", &path, Some(&json!({"stringData": {"token": value}})));
    }

    /// Asks for a pass over an account.
    pub(crate) fn request(&self, account: &str, value: &str) {
        let path =
            format!("/apis/hooktender.dev/v1alpha1/namespaces/{}/vendoraccounts/{account}", self.namespace);
        let asked = json!({"metadata": {"annotations": {"hooktender.dev/requested-at": value}}});
        self.stage.ask("PATCH", &path, Some(&asked));
    }

    fn path(&self, n: usize) -> String {
        format!("/apis/hooktender.dev/v1alpha1/namespaces/{}/webhooks/{}", self.namespace, name(n))
    }

    /// What the operator has asked of the API server so far.
    pub(crate) fn audit(&self) -> Vec<AuditEvent> {
        let user = format!("system:serviceaccount:{}:operator", self.namespace);
        let all = self.stage.cluster.audit().unwrap();
        all.into_iter().filter(|event| event.user == user).collect()
    }

    /// The operator's writes after the first so many requests, by kind.
    pub(crate) fn writes(&self, skip: usize) -> (BTreeMap<String, usize>, usize) {
        let all = self.audit();
        let mut writes = BTreeMap::new();
        for event in all.iter().skip(skip).filter(|event| event.is_write()) {
            let what = if event.subresource.is_empty() { "" } else { "/status" };
            *writes.entry(format!("{} {}{what}", event.verb, event.resource)).or_default() += 1;
        }
        (writes, all.len())
    }
}

/// The name of a Webhook, by number.
fn name(n: usize) -> String {
    format!("hook-{n}")
}

fn secret(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})
}

fn account(name: &str, url: &str, interval: &str) -> Value {
    let key = |key: &str| json!({"name": name, "key": key});
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount", "metadata": {"name": name},
        "spec": {"resyncInterval": interval, "vendor": {"contensis": {
            "url": url, "project": name,
            "credentials": {"clientCredentials":
                {"clientIdSecretRef": key("id"), "clientSecretSecretRef": key("secret")}},
        }}},
    })
}

/// An ordinary subscription; the first takes a value from a Secret.
fn webhook(n: usize, account: &str) -> Value {
    let mut webhook = json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook", "metadata": {"name": name(n)},
        "spec": {"accountRef": {"name": account}, "subscription": {"contensis": {
            "name": name(n),
            "description": "feeds the search index",
            "url": format!("https://hooks.example.net/c7s/{n}/{{{{resource.sys.id}}}}"),
            "topics": [{"resourceType": "entry", "event": ["published", "unpublished"], "contentTypeId": ["article", "review"]}],
            "headers": {"X-Origin": {"value": "cms"}},
            "templates": {"entry.article": "{\"id\":\"{{resource.sys.id}}\",\"title\":\"{{resource.title}}\"}"},
        }}},
    });
    if n == 0 {
        webhook["spec"]["variables"] = json!([{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "hook-secrets", "key": "token"}}}]);
        webhook["spec"]["subscription"]["contensis"]["headers"]["X-Token"] = json!({"value": "$(TOKEN)"});
    }
    webhook
}
