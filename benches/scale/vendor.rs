//! The vendor's side: the sandbox's Contensis, one project an account.

use crate::figures::Counts;
use hooktender_sandbox::{Options, Sandbox};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::LazyLock;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// Waits for a future on the benchmark's own thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// The vendor, with all its accounts.
pub(crate) struct Vendor {
    sandbox: Sandbox,
    http: reqwest::Client,
    millis: u64,
    /// The system accepts connections, and nobody reads from them.
    _dead: TcpListener,
    dead_url: String,
}

impl Vendor {
    /// Starts a vendor that takes so long for each request.
    pub(crate) fn open(millis: u64) -> Self {
        let sandbox = block_on(Sandbox::start(Options::default())).unwrap();
        let dead = TcpListener::bind("127.0.0.1:0").unwrap();
        let dead_url = format!("http://{}", dead.local_addr().unwrap());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sandbox, http, millis, _dead: dead, dead_url }
    }

    /// Returns the address of a vendor that accepts calls and never answers.
    pub(crate) fn dead_url(&self) -> &str {
        &self.dead_url
    }

    /// Adds an unmanaged subscription.
    pub(crate) fn add(&self, account: &str, subscription: &Value) {
        self.call("POST", account, "/subscriptions", subscription);
    }

    pub(crate) fn url(&self) -> &str {
        self.sandbox.contensis_url()
    }

    /// A new account; its credentials are its name, twice.
    pub(crate) fn account(&self, name: &str) {
        let key = json!({"apiKeys": [{"clientId": name, "clientSecret": name}]});
        self.call("PUT", name, "", &key);
        if self.millis > 0 {
            let slow = json!({"operation": "*", "kind": "delay", "millis": self.millis, "times": null});
            self.call("POST", name, "/faults", &slow);
        }
    }

    /// Returns an account's subscriptions.
    pub(crate) fn stored(&self, account: &str) -> Vec<Value> {
        self.call("GET", account, "/subscriptions", &Value::Null).as_array().unwrap().clone()
    }

    /// Edits a subscription at the vendor.
    pub(crate) fn edit(&self, account: &str, id: &str, patch: &Value) {
        self.call("PATCH", account, &format!("/subscriptions/{id}"), patch);
    }

    /// Returns the requests since the journal was emptied: operation and time.
    pub(crate) fn journal(&self, account: &str) -> Vec<(String, String, Timestamp)> {
        let journal = self.call("GET", account, "/journal", &Value::Null);
        let text = |entry: &Value, member: &str| entry[member].as_str().unwrap().to_owned();
        let entry = |entry: &Value| {
            (text(entry, "operation"), text(entry, "path"), text(entry, "at").parse().unwrap())
        };
        journal.as_array().unwrap().iter().map(entry).collect()
    }

    pub(crate) fn clear_journals(&self, accounts: &[String]) {
        for account in accounts {
            self.call("DELETE", account, "/journal", &Value::Null);
        }
    }

    /// Returns how often each operation was requested, over these accounts. Unlike the journals, the counts are small.
    pub(crate) fn calls(&self, accounts: &[String]) -> Counts {
        let mut calls = Counts::new();
        for account in accounts {
            for (operation, count) in self.counts(account) {
                *calls.entry(operation).or_default() += count;
            }
        }
        calls
    }

    /// Whether an account's list was requested since the journal was emptied.
    pub(crate) fn is_listed(&self, account: &str) -> bool {
        self.counts(account).contains_key("list")
    }

    fn counts(&self, account: &str) -> Counts {
        serde_json::from_value(self.call("GET", account, "/counts", &Value::Null)).unwrap()
    }

    fn call(&self, method: &str, account: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/contensis/{account}{path}", self.sandbox.control_url());
        let mut request = self.http.request(method.parse().unwrap(), &url);
        if !body.is_null() {
            request = request.json(body);
        }
        block_on(async {
            let answer = request.send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert!(status.is_success(), "{method} {url}: {status} {text}");
            serde_json::from_str(&text).unwrap_or_default()
        })
    }
}
