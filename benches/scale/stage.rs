//! State that all runs share: a cluster with all kinds installed, and a vendor; and the cluster's side of one run.

use crate::Options;
use crate::figures::Counts;
use crate::objects::{self, HOOK_SECRET};
use crate::vendor::{Vendor, block_on};
use crate::writes::{self, WriteCounter};
use hooktender_cluster::{Cluster, eventually_within};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

/// How long any step may take, apart from what grows with the number of Webhooks.
pub(crate) const LONG: Duration = Duration::from_secs(1200);
/// How much longer a step over all Webhooks may take for each of them.
const LONG_EACH: Duration = Duration::from_millis(30);
/// How many Webhooks are read at a time.
const PAGE: usize = 500;

/// The operator's rights, as in `charts/hooktender`.
const RULES: &str = "\
- {apiGroups: [hooktender.dev], resources: [vendoraccounts, webhooks, webhooksets], verbs: [get, list, watch, patch]}
- {apiGroups: [hooktender.dev], resources: [webhooks], verbs: [create, delete]}
- {apiGroups: [hooktender.dev], resources: [vendoraccounts/status, webhooks/status, webhooksets/status], verbs: [patch]}
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
    pub(crate) webhooks: usize,
    /// Number of WebhookSets that make the Webhooks. With 0, the Webhooks themselves are applied.
    pub(crate) sets: usize,
    dead: usize,
    padding: usize,
    writes: RefCell<WriteCounter>,
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
        eventually_within(LONG, "all kinds are served", || {
            cluster.kubectl_json(&["get", "webhooks,vendoraccounts,webhooksets"])
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
        let mut items = vec![objects::secret(HOOK_SECRET, &json!({"token": "first"}))];
        for name in &accounts {
            stage.vendor.account(name);
            items.push(objects::secret(name, &json!({"id": name, "secret": name})));
            items.push(objects::account(name, stage.vendor.url(), &options.interval));
            for n in 0..options.unmanaged {
                let unmanaged = format!("unmanaged-{n}");
                stage.vendor.add(name, &objects::subscription(&unmanaged, "unmanaged", options.padding));
            }
        }
        for name in (0..options.dead).map(objects::dead_name) {
            items.push(objects::secret(&name, &json!({"id": name, "secret": name})));
            items.push(objects::account(&name, stage.vendor.dead_url(), &options.interval));
        }
        let user = format!("system:serviceaccount:{namespace}:operator");
        let writes = RefCell::new(WriteCounter::new(stage.cluster.audit_reader(), user));
        let (sets, dead, padding) = (options.sets, options.dead, options.padding);
        let scene = Self { stage, namespace, kubeconfig, accounts, webhooks, sets, dead, padding, writes };
        scene.apply("accounts", &items);
        scene
    }

    /// One `kubectl apply` of all Webhooks, or of the sets that make them.
    pub(crate) fn declare(&self, description: &str) {
        if self.sets > 0 {
            return self.apply("sets", &self.webhook_sets(description));
        }
        let webhook = |n| {
            let (name, account) = (objects::webhook_name(n), self.account_of(n));
            objects::webhook(&name, account, description, self.padding)
        };
        let mut items: Vec<_> = (0..self.webhooks).map(webhook).collect();
        if let Some(first) = items.first_mut() {
            objects::takes_a_secret(first);
        }
        let dead = (0..self.dead).map(objects::dead_name);
        items.extend(dead.map(|name| objects::webhook(&name, &name, description, self.padding)));
        self.apply("webhooks", &items);
    }

    /// Returns all sets with this description in their templates.
    pub(crate) fn webhook_sets(&self, description: &str) -> Vec<Value> {
        let set = |n| objects::webhook_set(&objects::set_name(n), description, self.padding);
        (0..self.sets).map(set).collect()
    }

    /// Returns the account of a Webhook, by its number.
    pub(crate) fn account_of(&self, n: usize) -> &str {
        &self.accounts[n % self.accounts.len()]
    }

    /// Writes objects to a file, and returns its path.
    pub(crate) fn file(&self, name: &str, items: &[Value]) -> PathBuf {
        let file = self.stage.cluster.folder().join(format!("{}-{name}.json", self.namespace));
        fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()).unwrap();
        file
    }

    fn apply(&self, name: &str, items: &[Value]) {
        let mut kubectl = self.stage.cluster.kubectl();
        kubectl.args(["--namespace", &self.namespace, "apply", "--filename"]).arg(self.file(name, items));
        assert!(kubectl.stdout(Stdio::null()).status().unwrap().success());
    }

    /// Returns the pause between two checks whether all are ready, which must not keep the machine busy. The statuses of sets are
    /// small, however many Webhooks there are.
    pub(crate) fn pause(&self) -> Duration {
        let millis = if self.sets > 0 { 100 } else { self.webhooks / 5 };
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }

    /// Returns how long a step over all Webhooks may take.
    pub(crate) fn limit(&self) -> Duration {
        LONG + LONG_EACH.saturating_mul(u32::try_from(self.webhooks).unwrap_or(u32::MAX))
    }

    fn path(&self, kind: &str) -> String {
        format!("/apis/hooktender.dev/v1alpha1/namespaces/{}/{kind}", self.namespace)
    }

    /// Reads all Webhooks, a page at a time.
    fn each_webhook(&self, mut each: impl FnMut(&Value)) {
        let mut position = String::new();
        loop {
            let path = format!("{}?limit={PAGE}{position}", self.path("webhooks"));
            let page = self.stage.ask("GET", &path, None);
            page["items"].as_array().unwrap().iter().for_each(&mut each);
            match page["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() => position = format!("&continue={token}"),
                _ => return,
            }
        }
    }

    /// Returns the length of the longest message in any status, in characters.
    pub(crate) fn longest_message(&self) -> usize {
        let mut longest = 0;
        self.each_webhook(|webhook| {
            let conditions = webhook["status"]["conditions"].as_array().into_iter().flatten();
            let messages = conditions.filter_map(|one| one["message"].as_str());
            longest = messages.map(|text| text.chars().count()).fold(longest, usize::max);
        });
        longest
    }

    /// How many Webhooks are ready.
    pub(crate) fn ready(&self) -> usize {
        if self.sets > 0 {
            return self.ready_members();
        }
        let mut ready = 0;
        self.each_webhook(|webhook| {
            let mut conditions = webhook["status"]["conditions"].as_array().into_iter().flatten();
            let is_ready = conditions.any(|one| one["type"] == "Ready" && one["status"] == "True");
            if is_ready && is_observed(webhook) {
                ready += 1;
            }
        });
        ready
    }

    /// How many members are ready with the newest template, by the statuses of their sets.
    fn ready_members(&self) -> usize {
        let sets = self.stage.ask("GET", &self.path("webhooksets"), None);
        let sets = sets["items"].as_array().unwrap().iter().filter(|set| is_observed(set));
        let count = |set: &Value, name: &str| set["status"][name].as_u64().unwrap_or_default();
        let ready: u64 = sets.map(|set| count(set, "updated").min(count(set, "ready"))).sum();
        usize::try_from(ready).unwrap()
    }

    /// A Webhook, by its number.
    pub(crate) fn webhook(&self, n: usize) -> Value {
        self.stage.ask("GET", &self.webhook_path(n), None)
    }

    /// Changes the description of a Webhook: by its spec, or, as a set puts that back, by the label of its account. `text` is a valid
    /// label.
    pub(crate) fn edit(&self, n: usize, text: &str) {
        let (path, merge) = if self.sets > 0 {
            let account = format!("vendoraccounts/{}", self.account_of(n));
            (self.path(&account), json!({"metadata": {"labels": {"tenant": text}}}))
        } else {
            let subscription = json!({"contensis": {"description": text}});
            (self.webhook_path(n), json!({"spec": {"subscription": subscription}}))
        };
        self.stage.ask("PATCH", &path, Some(&merge));
    }

    /// Edits the Secret that the first Webhook takes a value from.
    pub(crate) fn rotate(&self, value: &str) {
        let path = format!("/api/v1/namespaces/{}/secrets/{HOOK_SECRET}", self.namespace);
        self.stage.ask("PATCH", &path, Some(&json!({"stringData": {"token": value}})));
    }

    /// Requests a pass over an account.
    pub(crate) fn request(&self, account: &str, value: &str) {
        let asked = json!({"metadata": {"annotations": {"hooktender.dev/requested-at": value}}});
        self.stage.ask("PATCH", &self.path(&format!("vendoraccounts/{account}")), Some(&asked));
    }

    fn webhook_path(&self, n: usize) -> String {
        let name = if self.sets > 0 {
            let set = objects::set_name(n / self.accounts.len());
            format!("{set}-{}", self.account_of(n))
        } else {
            objects::webhook_name(n)
        };
        self.path(&format!("webhooks/{name}"))
    }

    /// The operator's writes so far, by kind.
    pub(crate) fn writes(&self) -> Counts {
        self.writes.borrow_mut().so_far()
    }

    /// The operator's writes since there were `before`, by kind.
    pub(crate) fn writes_since(&self, before: &Counts) -> Counts {
        writes::added(&self.writes(), before)
    }
}

/// Whether the status of an object is about its newest spec.
fn is_observed(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}
