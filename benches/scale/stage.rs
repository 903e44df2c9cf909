//! State that all runs share: a cluster with both kinds installed, and a vendor; and the cluster's side of one run.

use crate::Options;
use crate::vendor::{Vendor, block_on};
use hooktender_cluster::{AuditEvent, Cluster, eventually_within};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

/// How long any step may take.
pub(crate) const LONG: Duration = Duration::from_secs(1200);

/// The operator's rights, as in `charts/hooktender`.
const RULES: &str = "\
- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts], verbs: [get, list, watch, patch]}
- {apiGroups: [hooktender.dev], resources: [webhooks/status, vendoraccounts/status], verbs: [patch]}
- {apiGroups: [''], resources: [secrets, configmaps], verbs: [get, list, watch]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create]}
";

/// State that all runs share.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) vendor: Vendor,
    http: reqwest::Client,
}

/// One namespace and its objects.
pub(crate) struct Scene<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) namespace: String,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) accounts: Vec<String>,
    webhooks: usize,
    dead: usize,
    padding: usize,
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
        eventually_within(LONG, "both kinds are served", || {
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
    /// Makes a namespace with accounts and their Secrets, and no Webhook yet.
    pub(crate) fn new(stage: &'a Stage, options: &Options, webhooks: usize, accounts: usize) -> Self {
        let namespace = stage.cluster.namespace("scale").unwrap();
        let kubeconfig = stage.cluster.service_account(&namespace, "operator", RULES).unwrap();
        let accounts: Vec<_> = (0..accounts).map(|n| format!("{namespace}-{n}")).collect();
        let mut items = vec![secret("hook-secrets", &json!({"token": "first"}))];
        for name in &accounts {
            stage.vendor.account(name);
            items.push(secret(name, &json!({"id": name, "secret": name})));
            items.push(account(name, stage.vendor.url(), &options.interval));
            for n in 0..options.strangers {
                let webhook = webhook(&format!("stranger-{n}"), name, options.padding);
                stage.vendor.add(name, &webhook["spec"]["subscription"]["contensis"]);
            }
        }
        for name in (0..options.dead).map(dead) {
            items.push(secret(&name, &json!({"id": name, "secret": name})));
            items.push(account(&name, stage.vendor.dead_url(), &options.interval));
        }
        let (dead, padding) = (options.dead, options.padding);
        let scene = Self { stage, namespace, kubeconfig, accounts, webhooks, dead, padding };
        scene.apply("accounts", &items);
        scene
    }

    /// One `kubectl apply` of all Webhooks.
    pub(crate) fn declare(&self) {
        let mut items: Vec<_> =
            (0..self.webhooks).map(|n| webhook(&name(n), self.account_of(n), self.padding)).collect();
        if let Some(first) = items.first_mut() {
            takes_a_secret(first);
        }
        items.extend((0..self.dead).map(dead).map(|name| webhook(&name, &name, self.padding)));
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

    /// Returns the pause between two reads of all Webhooks; reading must not keep the machine busy.
    pub(crate) fn pause(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.webhooks / 5).unwrap_or_default())
    }

    fn all(&self) -> Value {
        let path = format!("/apis/hooktender.dev/v1alpha1/namespaces/{}/webhooks", self.namespace);
        self.stage.ask("GET", &path, None)
    }

    /// Returns the length of the longest message in any status, in characters.
    pub(crate) fn longest_message(&self) -> usize {
        let all = self.all();
        let conditions = all["items"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|one| one["status"]["conditions"].as_array().into_iter().flatten());
        conditions
            .filter_map(|one| one["message"].as_str())
            .map(|text| text.chars().count())
            .max()
            .unwrap_or(0)
    }

    /// How many Webhooks are ready.
    pub(crate) fn ready(&self) -> usize {
        let all = self.all();
        let is_ready = |webhook: &&Value| {
            let conditions = webhook["status"]["conditions"].as_array().into_iter().flatten();
            conditions.filter(|one| one["type"] == "Ready" && one["status"] == "True").count() == 1
                && webhook["status"]["observedGeneration"] == webhook["metadata"]["generation"]
        };
        all["items"].as_array().unwrap().iter().filter(is_ready).count()
    }

    /// A Webhook, by its number.
    pub(crate) fn webhook(&self, n: usize) -> Value {
        self.stage.ask("GET", &self.path(n), None)
    }

    /// Edits a Webhook.
    pub(crate) fn edit(&self, n: usize, patch: &Value) {
        self.stage.ask("PATCH", &self.path(n), Some(patch));
    }

    /// Edits the Secret that the first Webhook takes a value from.
    pub(crate) fn rotate(&self, value: &str) {
        let path = format!("/api/v1/namespaces/{}/secrets/hook-secrets", self.namespace);
        self.stage.ask("PATCH", &path, Some(&json!({"stringData": {"token": value}})));
    }

    /// Requests a pass over an account.
    pub(crate) fn request(&self, account: &str, value: &str) {
        let path =
            format!("/apis/hooktender.dev/v1alpha1/namespaces/{}/vendoraccounts/{account}", self.namespace);
        let asked = json!({"metadata": {"annotations": {"hooktender.dev/requested-at": value}}});
        self.stage.ask("PATCH", &path, Some(&asked));
    }

    fn path(&self, n: usize) -> String {
        format!("/apis/hooktender.dev/v1alpha1/namespaces/{}/webhooks/{}", self.namespace, name(n))
    }

    /// Returns the operator's requests to the API server so far.
    pub(crate) fn audit(&self) -> Vec<AuditEvent> {
        let user = format!("system:serviceaccount:{}:operator", self.namespace);
        self.stage.cluster.audit(|event| event.user == user).unwrap()
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

/// The name of a Webhook, by its number.
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

/// The name of an account whose vendor does not answer, and of its Webhook.
fn dead(n: usize) -> String {
    format!("dead-{n}")
}

/// An ordinary subscription, of some 600 characters.
fn webhook(name: &str, account: &str, padding: usize) -> Value {
    let padding = "x".repeat(padding);
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook", "metadata": {"name": name},
        "spec": {"accountRef": {"name": account}, "subscription": {"contensis": {
            "name": name,
            "description": "feeds the search index",
            "url": format!("https://hooks.example.net/c7s/{name}/{{{{resource.sys.id}}}}"),
            "topics": [{"resourceType": "entry", "event": ["published", "unpublished"], "contentTypeId": ["article", "review"]}],
            "headers": {"X-Origin": {"value": "cms"}},
            "templates": {"entry.article":
                format!("{{\"id\":\"{{{{resource.sys.id}}}}\",\"title\":\"{{{{resource.title}}}}\"}}{padding}")},
        }}},
    })
}

fn takes_a_secret(webhook: &mut Value) {
    let from = json!({"secretKeyRef": {"name": "hook-secrets", "key": "token"}});
    webhook["spec"]["variables"] = json!([{"name": "TOKEN", "valueFrom": from}]);
    webhook["spec"]["subscription"]["contensis"]["headers"]["X-Token"] = json!({"value": "$(TOKEN)"});
}
