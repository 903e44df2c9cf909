//! The cluster's side of a test: a namespace of its own, an operator with rights in it, and the actions of a user.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hooktender_cluster::{AuditEvent, Cluster, Stopwatch, eventually};
use serde_json::{Value, json};

use crate::api::{self, Api};
use crate::helm;
use crate::operator::Operator;
use crate::support;
use crate::vendors::{Tenant, Vendor};

/// How soon an edit must have reached its end. The promise is a pass within a second; the rest is for what the pass does.
pub(crate) const PROMPT: Duration = Duration::from_secs(5);

/// The value of `$(TOKEN)` in the usual Webhooks.
pub(crate) const TOKEN: &str = "canary-hook-token";

/// One condition of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// A namespace and its objects.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) cluster: &'static Cluster,
    pub(crate) namespace: String,
    /// The operator's kubeconfig.
    pub(crate) kubeconfig: PathBuf,
    api: Api,
}

impl Scene {
    /// A new namespace with the Secret `hook-secrets` that the usual Webhooks use. The operator has the chart's rights in it, and
    /// no others.
    pub(crate) fn new(name: &str) -> Self {
        Self::at(support::cluster(), name)
    }

    /// As [`Self::new`], in another cluster.
    pub(crate) fn at(cluster: &'static Cluster, name: &str) -> Self {
        cluster.send_with(api::send);
        let namespace = cluster.namespace(name).unwrap();
        let rights = helm::usual_rights(&namespace);
        let kubeconfig = cluster.granted(&namespace, helm::OPERATOR, &rights).unwrap();
        let api = Api::new(cluster, &namespace);
        let scene = Self { cluster, namespace, kubeconfig, api };
        scene.apply(&secret("hook-secrets", &json!({"token": TOKEN})));
        scene
    }

    /// As [`Self::new`], with an account called `account` at a vendor.
    pub(crate) fn with_account(name: &str, vendor: Vendor) -> (Self, Tenant) {
        let (scene, tenant) = (Self::new(name), Tenant::open(vendor));
        scene.apply(&login("login", &tenant));
        scene.apply(&account("account", "login", &tenant));
        (scene, tenant)
    }

    /// Gives the operator the chart's rights with these values.
    pub(crate) fn grant(&self, values: &Value) {
        let rights = helm::rights(&self.namespace, false, values);
        self.cluster.granted(&self.namespace, helm::OPERATOR, &rights).unwrap();
    }

    /// Gives the operator the right to write that Secret.
    pub(crate) fn let_tokens_be_kept(&self, secret: &str) {
        self.grant(&json!({"secrets": {"writable": [secret]}}));
    }

    /// Takes that right back.
    pub(crate) fn let_no_tokens_be_kept(&self) {
        self.grant(&json!({}));
    }

    /// Returns a Secret's values in clear.
    pub(crate) fn values(&self, secret: &str) -> BTreeMap<String, String> {
        let object = self.kubectl(&["get", "secret", secret, "--output=json"]);
        let object: Value = serde_json::from_str(&object).unwrap();
        let clear =
            |value: &Value| String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
        let data = object["data"].as_object().unwrap();
        data.iter().map(|(key, value)| (key.clone(), clear(value))).collect()
    }

    /// Starts to measure a time that is to be judged.
    pub(crate) fn stopwatch(&self) -> Stopwatch<'static> {
        Stopwatch::start(self.cluster)
    }

    /// Does something, waits for its result, and checks that it came promptly.
    #[track_caller]
    #[allow(dead_code, reason = "not for fault injection")]
    pub(crate) fn promptly<T, Seen: std::fmt::Debug>(
        &self,
        what: &str,
        act: impl FnOnce(),
        look: impl FnMut() -> Result<T, Seen>,
    ) -> T {
        let watch = self.stopwatch();
        act();
        let value = eventually(what, look).unwrap();
        eprintln!("{what}: {:.2?}", watch.assert_within(PROMPT));
        value
    }

    pub(crate) fn operator(&self) -> Operator {
        self.operator_with(&[])
    }

    pub(crate) fn operator_with(&self, flags: &[&str]) -> Operator {
        Operator::start(&self.kubeconfig, &self.namespace, flags)
    }

    /// As [`Self::operator_with`], with another kubeconfig.
    #[allow(dead_code, reason = "not for fault injection")]
    pub(crate) fn operator_by(&self, kubeconfig: &std::path::Path, flags: &[&str]) -> Operator {
        Operator::start(kubeconfig, &self.namespace, flags)
    }

    /// As [`Self::operator_with`], with more environment variables, and without waiting.
    #[allow(dead_code, reason = "not for fault injection")]
    pub(crate) fn launch(&self, flags: &[&str], environment: &[(&str, &str)]) -> Operator {
        Operator::launch(&self.kubeconfig, &self.namespace, flags, environment)
    }

    /// As [`Self::operator_with`], without waiting, and with another destination of its log.
    #[allow(dead_code, reason = "not for fault injection")]
    pub(crate) fn launch_logging_to(&self, log: Stdio, flags: &[&str]) -> Operator {
        Operator::launch_logging_to(log, &self.kubeconfig, &self.namespace, flags)
    }

    /// Runs kubectl in the namespace.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        let all = [&["--namespace", &self.namespace], arguments].concat();
        self.cluster.kubectl_run(&all).unwrap()
    }

    /// Applies an object in the namespace, or those of a `List`.
    pub(crate) fn apply(&self, object: &Value) {
        if object["kind"] == "List" {
            object["items"].as_array().unwrap().iter().for_each(|item| self.apply(item));
        } else if !self.api.apply(object) {
            self.cluster.kubectl_apply_in(&self.namespace, &object.to_string()).unwrap();
        }
    }

    /// Applies a status as the operator, like another process of it.
    #[allow(dead_code, reason = "not for fault injection")]
    pub(crate) fn apply_status(&self, object: &Value) {
        let (path, name) = (self.cluster.folder().join(&self.namespace), "--field-manager=hooktender");
        std::fs::write(&path, object.to_string()).unwrap();
        let file = format!("--filename={}", path.display());
        self.kubectl(&["apply", "--server-side", "--subresource=status", "--force-conflicts", name, &file]);
    }

    /// `kubectl patch --type=merge` of an object, such as `webhook/name`.
    pub(crate) fn patch(&self, object: &str, patch: &Value) {
        if !self.api.patch(object, patch) {
            self.kubectl(&["patch", object, "--type=merge", "--patch", &patch.to_string()]);
        }
    }

    /// Sets an annotation of an object, such as `webhook/name`.
    pub(crate) fn annotate(&self, object: &str, annotation: &str, value: &str) {
        self.patch(object, &json!({"metadata": {"annotations": {annotation: value}}}));
    }

    /// Returns a Webhook; null if it does not exist.
    pub(crate) fn webhook(&self, name: &str) -> Value {
        self.api.read("hooktender.dev/v1alpha1", &format!("webhooks/{name}"))
    }

    /// Returns a VendorAccount; null if it does not exist.
    pub(crate) fn account(&self, name: &str) -> Value {
        self.api.read("hooktender.dev/v1alpha1", &format!("vendoraccounts/{name}"))
    }

    /// Returns a WebhookSet; null if it does not exist.
    #[allow(dead_code, reason = "not for fault injection")]
    pub(crate) fn set(&self, name: &str) -> Value {
        self.api.read("hooktender.dev/v1alpha1", &format!("webhooksets/{name}"))
    }

    /// Returns all objects of our kinds and all events: everything that an operator has written.
    pub(crate) fn everything(&self) -> String {
        let group = "hooktender.dev/v1alpha1";
        let all = [
            self.api.read(group, "webhooks"),
            self.api.read(group, "vendoraccounts"),
            self.api.read(group, "webhooksets"),
            self.api.read("events.k8s.io/v1", "events"),
        ];
        all.iter().map(Value::to_string).collect()
    }

    /// Returns the events about an object: reason and note.
    pub(crate) fn events(&self, name: &str) -> Vec<(String, String)> {
        let all = self.api.read("events.k8s.io/v1", "events");
        let text = |event: &Value, member: &str| event[member].as_str().unwrap_or_default().to_owned();
        let items = all["items"].as_array().unwrap().iter();
        items
            .filter(|event| event["regarding"]["name"] == name)
            .map(|event| (text(event, "reason"), text(event, "note")))
            .collect()
    }

    /// Waits for an event about an object with this reason; returns its note.
    pub(crate) fn event(&self, name: &str, reason: &str) -> String {
        eventually(&format!("an event {reason} of {name}"), || {
            let events = self.events(name);
            let found = events.iter().find(|event| event.0 == reason);
            found.map(|event| event.1.clone()).ok_or(events)
        })
        .unwrap()
    }

    /// Waits until a Webhook is ready for the generation of its spec; returns it.
    pub(crate) fn ready(&self, name: &str) -> Value {
        self.webhook_becomes(name, "ready", |object| {
            current(object) && condition(object, "Ready").is_some_and(|ready| ready.status == "True")
        })
    }

    /// Waits until a Webhook is stalled for this reason; returns the message.
    pub(crate) fn stalled(&self, name: &str, reason: &str) -> String {
        let object = self.webhook_becomes(name, &format!("stalled: {reason}"), |object| {
            current(object) && is(object, "Stalled", "True", reason)
        });
        condition(&object, "Stalled").unwrap().message
    }

    /// Waits until a Webhook meets a condition; returns it.
    pub(crate) fn webhook_becomes(&self, name: &str, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("Webhook {name} is {what}"), || {
            let object = self.webhook(name);
            if so(&object) { Ok(object) } else { Err(object["status"].clone()) }
        })
        .unwrap()
    }

    /// Waits until an account meets a condition; returns it.
    pub(crate) fn account_becomes(&self, name: &str, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("account {name} is {what}"), || {
            let object = self.account(name);
            if so(&object) { Ok(object) } else { Err(object["status"].clone()) }
        })
        .unwrap()
    }

    /// Waits until an account is stalled for this reason; returns the message.
    pub(crate) fn account_stalled(&self, name: &str, reason: &str) -> String {
        let object = self.account_becomes(name, &format!("stalled: {reason}"), |object| {
            is(object, "Stalled", "True", reason)
        });
        condition(&object, "Stalled").unwrap().message
    }

    /// Requests a pass over an account.
    pub(crate) fn request(&self, account: &str) -> String {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        let value = format!("request-{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let object = format!("vendoraccount/{account}");
        self.annotate(&object, "hooktender.dev/requested-at", &value);
        value
    }

    /// Requests a pass by a Webhook, which retries no other refused Webhook, and waits until it is done. A Webhook's status may
    /// be written before the pass has handled all others: only the answer of the next pass shows that this one is over.
    pub(crate) fn pass_by(&self, webhook: &str) {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        for _ in 0..2 {
            let value = format!("pass-{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            self.annotate(&format!("webhook/{webhook}"), "hooktender.dev/requested-at", &value);
            self.webhook_becomes(webhook, &format!("done with {value}"), |object| {
                object["status"]["lastHandledRequest"] == value.as_str()
            });
        }
    }

    /// Requests a pass over an account and waits until it is done.
    pub(crate) fn pass(&self, account: &str) {
        let value = self.request(account);
        self.account_becomes(account, &format!("done with {value}"), |object| {
            object["status"]["lastHandledRequest"] == value.as_str()
        });
    }

    /// Returns the writes of this scene's operator to the cluster.
    pub(crate) fn cluster_writes(&self) -> Vec<AuditEvent> {
        let user = format!("system:serviceaccount:{}:operator", self.namespace);
        self.cluster.audit(|event| event.user == user && event.is_write()).unwrap()
    }
}

/// Whether the status belongs to the current generation of the spec.
fn current(object: &Value) -> bool {
    object["metadata"]["generation"].is_i64()
        && object["metadata"]["generation"] == object["status"]["observedGeneration"]
}

/// Returns a condition of an object.
pub(crate) fn condition(object: &Value, kind: &str) -> Option<Condition> {
    let all = object["status"]["conditions"].as_array()?;
    let found = all.iter().find(|one| one["type"] == kind)?;
    let text = |member: &str| found[member].as_str().unwrap_or_default().to_owned();
    Some(Condition { status: text("status"), reason: text("reason"), message: text("message") })
}

/// Whether a condition of an object has this status and reason.
pub(crate) fn is(object: &Value, kind: &str, status: &str, reason: &str) -> bool {
    condition(object, kind).is_some_and(|one| one.status == status && one.reason == reason)
}

/// A Secret.
pub(crate) fn secret(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})
}

/// A Secret with a tenant's credentials.
pub(crate) fn login(name: &str, tenant: &Tenant) -> Value {
    let id = match tenant.vendor {
        Vendor::Contensis => tenant.client(),
        Vendor::Brightpearl | Vendor::Superoffice => "ops".to_owned(),
    };
    secret(name, &json!({"id": id, "secret": tenant.secret()}))
}

/// An account at a tenant, with its credentials in a Secret. It is read so seldom that only events start passes.
pub(crate) fn account(name: &str, secret: &str, tenant: &Tenant) -> Value {
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount", "metadata": {"name": name},
        "spec": {"resyncInterval": "1h", "vendor": tenant.spec(secret)},
    })
}

/// A Webhook of the account called `account` that uses every field of its vendor, and `$(TOKEN)`.
pub(crate) fn webhook(name: &str, vendor: Vendor) -> Value {
    let subscription = match vendor {
        Vendor::Brightpearl => json!({"brightpearl": {
            "subscribeTo": "product",
            "httpMethod": "POST",
            "uriTemplate": format!("https://hooks.example.com/{name}?token=$(TOKEN)"),
            "bodyTemplate": BODY,
            "contentType": "application/json",
            "idSetAccepted": true,
            "qualityOfService": 1,
        }}),
        Vendor::Contensis => json!({"contensis": {
            "name": name,
            "description": "feeds the search index",
            "url": "https://hooks.example.net/c7s/{{resource.sys.id}}",
            "method": "PUT",
            "enabled": false,
            "topics": [{"resourceType": "entry", "event": ["published"], "contentTypeId": ["article"], "language": ["en-GB"]}],
            "headers": {"X-Origin": {"value": "cms"}, "X-Key": {"value": "$(TOKEN)", "secret": true}},
            "templates": {"entry.article": "{\"id\":\"{{resource.sys.id}}\"}"},
        }}),
        Vendor::Superoffice => json!({"superoffice": {
            "name": name,
            "events": ["contact.created", "sale.changed"],
            "targetUrl": "https://hooks.example.com/so",
            "secret": "$(TOKEN)",
            "headers": {"X-Env": "prod"},
            "properties": {"tenant": "eu", "deep": {"numbers": [1, 2.5, null]}},
            "errorsEmail": "ops@example.com",
        }}),
    };
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook", "metadata": {"name": name},
        "spec": {
            "accountRef": {"name": "account"},
            "subscription": subscription,
            "variables": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "hook-secrets", "key": "token"}}}],
        },
    })
}

/// A body template with all four variables that Brightpearl requires, and with characters that break careless code.
pub(crate) const BODY: &str = r#"{"account":"${account-code}","type":"${resource-type}","id":"${resource-id}","event":"${lifecycle-event}","ü":"a=b&c\n"}"#;
