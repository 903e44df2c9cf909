//! WebhookSets: one declaration for many tenants.

mod guard;
mod imported;
mod kills;
mod members;
mod planned;
mod planned_many;
mod revoked;
mod rollout;

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{Scene, condition, login, secret};
use crate::vendors::{Tenant, Vendor};

/// Many tenants of one vendor, each with an account `a00`, `a01`, …, and a Secret `hook-t00`, … for its signing key.
struct Crowd {
    scene: Scene,
    tenants: Vec<Tenant>,
}

impl Crowd {
    fn new(name: &str, size: usize) -> Self {
        let scene = Scene::new(name);
        let mut crowd = Self { scene, tenants: Vec::new() };
        let objects: Vec<_> = (0..size).flat_map(|_| crowd.open()).collect();
        crowd.scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects}));
        crowd
    }

    /// Opens one more tenant; returns its objects.
    fn open(&mut self) -> [Value; 3] {
        let (number, tenant) = (self.tenants.len(), Tenant::open(Vendor::Superoffice));
        let login_name = format!("login-{number:02}");
        let mut account = crate::scene::account(&account(number), &login_name, &tenant);
        let ring = if number < 2 { "canary" } else { "rest" };
        let labels = json!({"tier": "gold", "tenant": format!("t{number:02}"), "ring": ring});
        account["metadata"]["labels"] = labels;
        let key = secret(&format!("hook-t{number:02}"), &json!({"key": format!("canary-key-{number:02}")}));
        let objects = [login(&login_name, &tenant), key, account];
        self.tenants.push(tenant);
        objects
    }

    fn operator(&self) -> Operator {
        self.scene.operator()
    }

    /// Waits until the status of the set `hooks` meets a condition; returns the set.
    fn becomes(&self, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("the set is {what}"), || {
            let set = self.scene.set("hooks");
            if so(&set) { Ok(set) } else { Err(set["status"].clone()) }
        })
        .unwrap()
    }

    /// Waits until so many members are ready, and all of the set's generation are updated.
    fn ready(&self, members: usize) -> Value {
        self.becomes(&format!("ready with {members} members"), |set| {
            let status = &set["status"];
            status["observedGeneration"] == set["metadata"]["generation"]
                && [&status["members"], &status["ready"], &status["updated"]]
                    .iter()
                    .all(|number| **number == members)
                && condition(set, "Ready").is_some_and(|ready| ready.reason == "InSync")
        })
    }

    /// Waits until the set has this reason; returns the message.
    fn says(&self, reason: &str) -> String {
        let set = self.becomes(reason, |set| {
            set["status"]["observedGeneration"] == set["metadata"]["generation"]
                && condition(set, "Ready").is_some_and(|ready| ready.reason == reason)
        });
        condition(&set, "Ready").unwrap().message
    }

    /// Changes the set as a user does.
    fn patch(&self, spec: &Value) {
        self.scene.patch("webhookset/hooks", &json!({"spec": spec}));
    }

    /// Allows what the guard blocks, as its message says.
    fn allow(&self, message: &str) {
        let annotation = message.rsplit_once("annotation ").unwrap().1;
        self.scene.kubectl(&["annotate", "webhookset/hooks", "--overwrite", annotation]);
    }

    /// Labels an account.
    fn label(&self, number: usize, label: &str) {
        self.scene.kubectl(&["label", "vendoraccount", &account(number), "--overwrite", label]);
    }

    /// Returns how many subscriptions each tenant has.
    fn stored(&self) -> Vec<usize> {
        self.tenants.iter().map(|tenant| tenant.stored().len()).collect()
    }
}

fn account(number: usize) -> String {
    format!("a{number:02}")
}

/// The name of a member of the set `hooks`.
fn member(number: usize) -> String {
    format!("hooks-a{number:02}")
}

/// The set `hooks` over all accounts with `tier=gold`; its receivers and keys differ by tenant.
fn set(events: &[&str]) -> Value {
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet", "metadata": {"name": "hooks"},
        "spec": {
            "accountSelector": {"matchLabels": {"tier": "gold"}},
            "updateStrategy": {"rollingUpdate": {"maxUnavailable": "100%"}},
            "template": {
                "metadata": {"labels": {"team": "crm"}},
                "spec": {
                    "subscription": {"superoffice": {
                        "name": "hooks for $(TENANT)",
                        "events": events,
                        "targetUrl": "https://hooks.example.com/$(TENANT)",
                        "secret": "$(KEY)",
                    }},
                    "variables": [
                        {"name": "TENANT", "valueFrom": {"accountRef": {"label": "tenant"}}},
                        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "hook-$(TENANT)", "key": "key"}}},
                    ],
                },
            },
        },
    })
}
