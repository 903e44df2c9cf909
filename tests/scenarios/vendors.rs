//! The vendors' side of a test: one sandbox for all tests of the process, and accounts of its own for each test.

use std::future::Future;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use hooktender_cluster::eventually;
use hooktender_sandbox::{Options, Sandbox};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Runs the sandbox, and the tests' own calls.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| block_on(Sandbox::start(Options::default())).unwrap());

static HTTP: LazyLock<reqwest::Client> =
    LazyLock::new(|| reqwest::Client::builder().no_proxy().build().unwrap());

/// Waits for a future on a test's own thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// Runs a future beside the tests, until the process ends.
#[allow(dead_code, reason = "not for fault injection")]
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    RUNTIME.spawn(future);
}

/// The vendors' base addresses, which an operator may send credentials to.
pub(crate) fn endpoints() -> [String; 3] {
    let all = SANDBOX.addresses();
    [&all.brightpearl, &all.contensis, &all.superoffice].map(Clone::clone)
}

/// The vendor of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    Brightpearl,
    Contensis,
    Superoffice,
}

impl Vendor {
    pub(crate) const ALL: [Self; 3] = [Self::Brightpearl, Self::Contensis, Self::Superoffice];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Brightpearl => "brightpearl",
            Self::Contensis => "contensis",
            Self::Superoffice => "superoffice",
        }
    }
}

/// One account at one vendor that no other test uses.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) vendor: Vendor,
    /// Account code, project or path prefix.
    pub(crate) code: String,
}

impl Tenant {
    /// Opens an account with credentials of its own.
    pub(crate) fn open(vendor: Vendor) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let tenant = Self { vendor, code: format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed)) };
        tenant.accept(&tenant.secret());
        tenant
    }

    /// The one secret that the vendor requires: token, client secret or password.
    pub(crate) fn secret(&self) -> String {
        format!("canary-login-{}", self.code)
    }

    /// The client's name at Contensis. It comes from a Secret too, and is redacted like one.
    pub(crate) fn client(&self) -> String {
        format!("client-{}", self.code)
    }

    /// Makes the vendor accept this secret, and no other.
    pub(crate) fn accept(&self, secret: &str) {
        let credentials = match self.vendor {
            Vendor::Brightpearl => json!({"staffTokens": {"ops": secret}}),
            Vendor::Contensis => json!({"apiKeys": [{"clientId": self.client(), "clientSecret": secret}]}),
            Vendor::Superoffice => json!({"users": {"ops": secret}}),
        };
        self.put(&credentials);
    }

    /// `spec.vendor` of an account whose credentials are in a Secret of this name.
    pub(crate) fn spec(&self, secret: &str) -> Value {
        let code = &self.code;
        let key = |key| json!({"name": secret, "key": key});
        let all = SANDBOX.addresses();
        match self.vendor {
            Vendor::Brightpearl => json!({"brightpearl": {
                "url": all.brightpearl, "account": code,
                "credentials": {"staffToken": {"appRef": "ops", "tokenSecretRef": key("secret")}},
            }}),
            Vendor::Contensis => json!({"contensis": {
                "url": all.contensis, "project": code,
                "credentials": {"clientCredentials":
                    {"clientIdSecretRef": key("id"), "clientSecretSecretRef": key("secret")}},
            }}),
            Vendor::Superoffice => json!({"superoffice": {
                "onsite": {"url": format!("{}/{code}", all.superoffice)},
                "credentials": {"basic": {"usernameSecretRef": key("id"), "passwordSecretRef": key("secret")}},
            }}),
        }
    }

    /// Makes the vendor accept these credentials, and no others; returns them with the vendor's additions.
    pub(crate) fn put(&self, credentials: &Value) -> Value {
        self.call("PUT", "", credentials)
    }

    /// What the vendor stores, with secrets in clear.
    pub(crate) fn stored(&self) -> Vec<Value> {
        let stored = self.call("GET", "/subscriptions", &Value::Null);
        stored.as_array().unwrap().clone()
    }

    /// Returns the id of a stored subscription.
    pub(crate) fn id(&self, stored: &Value) -> String {
        let id = match self.vendor {
            Vendor::Brightpearl | Vendor::Contensis => &stored["id"],
            Vendor::Superoffice => &stored["WebhookId"],
        };
        id.as_str().map_or_else(|| id.to_string(), str::to_owned)
    }

    /// Returns the ids of all stored subscriptions.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.stored().iter().map(|stored| self.id(stored)).collect()
    }

    /// Returns what the vendor stores under an id.
    pub(crate) fn one(&self, id: &str) -> Option<Value> {
        self.stored().into_iter().find(|stored| self.id(stored) == id)
    }

    /// Stores a subscription at the vendor without checks; returns its id.
    pub(crate) fn insert(&self, subscription: &Value) -> String {
        let made = self.call("POST", "/subscriptions", subscription);
        made["id"].as_str().unwrap().to_owned()
    }

    /// Edits a subscription at the vendor.
    pub(crate) fn edit(&self, id: &str, patch: &Value) {
        self.call("PATCH", &format!("/subscriptions/{id}"), patch);
    }

    /// Deletes a subscription at the vendor.
    pub(crate) fn remove(&self, id: &str) {
        self.call("DELETE", &format!("/subscriptions/{id}"), &Value::Null);
    }

    /// Returns all requests since the start, or since the journal was emptied.
    pub(crate) fn journal(&self) -> Vec<Value> {
        let journal = self.call("GET", "/journal", &Value::Null);
        journal.as_array().unwrap().clone()
    }

    /// Returns the operations of the journal, such as `list` and `create`, in order.
    pub(crate) fn operations(&self) -> Vec<String> {
        let name = |entry: &Value| entry["operation"].as_str().unwrap().to_owned();
        self.journal().iter().map(name).collect()
    }

    /// Returns the times of the requests, in order.
    pub(crate) fn times(&self) -> Vec<Timestamp> {
        let time = |entry: &Value| entry["at"].as_str().unwrap().parse().unwrap();
        self.journal().iter().map(time).collect()
    }

    /// Returns when the last request with a fault came.
    #[allow(dead_code, reason = "for fault injection")]
    pub(crate) fn faulty_at(&self) -> Option<Timestamp> {
        let (journal, times) = (self.journal(), self.times());
        journal.iter().zip(times).filter(|(entry, _)| !entry["fault"].is_null()).map(|(_, at)| at).max()
    }

    /// Waits until an operation was requested so often.
    pub(crate) fn asked(&self, operation: &str, times: usize) {
        eventually(&format!("{operation} {times}"), || {
            if self.count(operation) >= times { Ok(()) } else { Err(self.operations()) }
        })
        .unwrap();
    }

    /// Returns how often an operation was requested.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.operations().iter().filter(|one| *one == operation).count()
    }

    /// Returns how many requests were meant to change something.
    pub(crate) fn writes(&self) -> usize {
        ["create", "update", "delete"].map(|one| self.count(one)).iter().sum()
    }

    pub(crate) fn clear_journal(&self) {
        self.call("DELETE", "/journal", &Value::Null);
    }

    /// Sets a fault.
    pub(crate) fn fault(&self, fault: &Value) {
        self.call("POST", "/faults", fault);
    }

    pub(crate) fn clear_faults(&self) {
        self.call("DELETE", "/faults", &Value::Null);
    }

    /// Changes the vendor's behaviour.
    pub(crate) fn settings(&self, patch: &Value) {
        self.call("PATCH", "/settings", patch);
    }

    /// Revokes all tokens issued so far.
    pub(crate) fn revoke(&self) {
        self.call("POST", "/tokens/revoke", &Value::Null);
    }

    /// Sets what a SuperOffice target answers to the vendor's test call: `ok`, `refuse`, …
    pub(crate) fn target(&self, url: &str, verdict: &str) {
        self.call("PUT", "/targets", &json!({"url": url, "verdict": verdict}));
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/{}/{}{path}", SANDBOX.control_url(), self.vendor.as_str(), self.code);
        let mut request = HTTP.request(method.parse().unwrap(), &url);
        if !body.is_null() {
            request = request.json(body);
        }
        let (status, text) = send(request);
        assert!(status.is_success(), "{method} {url}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// Sends a request and reads its answer as text.
pub(crate) fn send(request: reqwest::RequestBuilder) -> (reqwest::StatusCode, String) {
    block_on(async {
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    })
}

/// Sends a GET request; any status is returned.
#[allow(dead_code, reason = "not for fault injection")]
pub(crate) fn ask(url: &str) -> (reqwest::StatusCode, String) {
    send(HTTP.get(url))
}

/// Reads an address; none without a successful answer.
#[allow(dead_code, reason = "not for fault injection")]
pub(crate) fn try_get(url: &str) -> Option<String> {
    block_on(async { HTTP.get(url).send().await.ok()?.error_for_status().ok()?.text().await.ok() })
}

/// Reads an address, such as `/metrics`.
pub(crate) fn get(url: &str) -> String {
    let (status, text) = ask(url);
    assert!(status.is_success(), "{url}: {status} {text}");
    text
}
