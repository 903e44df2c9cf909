//! The vendors' side: one sandbox for all cases, or one of a case's own, and its control API.

use hooktender_sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A sandbox, and an app's key pair for all accounts in it: making one takes time.
pub(crate) struct World {
    sandbox: Sandbox,
    http: reqwest::Client,
    pub(crate) private_pem: String,
    pub(crate) public_pem: String,
    next: AtomicU32,
}

impl World {
    pub(crate) async fn new() -> Arc<Self> {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let next = AtomicU32::new(1);
        let mut world = Self { sandbox, http, private_pem: String::new(), public_pem: String::new(), next };
        let app = json!({"apps": [{"clientId": "key", "clientSecret": "key", "systemUserToken": "key"}]});
        let made = world.control("PUT", "/superoffice/keymaker", &app).await;
        let pem = |name: &str| made["apps"][0][name].as_str().unwrap().to_owned();
        (world.private_pem, world.public_pem) = (pem("privateKeyPem"), pem("publicKeyPem"));
        Arc::new(world)
    }

    pub(crate) fn brightpearl(&self) -> &str {
        &self.sandbox.addresses().brightpearl
    }

    pub(crate) fn contensis(&self) -> &str {
        &self.sandbox.addresses().contensis
    }

    pub(crate) fn superoffice(&self) -> &str {
        &self.sandbox.addresses().superoffice
    }

    /// SuperOffice's other host name: where a tenant may move to.
    pub(crate) fn elsewhere(&self) -> String {
        self.superoffice().trim_start_matches("http://").replace("127.0.0.1", "localhost")
    }

    /// Returns an account code that no other case has.
    pub(crate) fn code(&self) -> String {
        format!("cust{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends a control request that has to succeed.
    pub(crate) async fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.sandbox.control_url());
        let mut request = self.http.request(method.parse().unwrap(), url);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}
