//! Answers of vendors: each documented code and envelope goes through the real client, and the error class and the message that a
//! user reads are compared.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod brightpearl;
mod contensis;
mod superoffice;

use hooktender::api::SecretKeyRef;
use hooktender::api::account::Vendor;
use hooktender::api::webhook::Subscription;
use hooktender::plan::{ExternalId, SecretText};
use hooktender::vendor::{
    AllowedEndpoints, Budget, Class, Connection, Credentials, ReadWrite, Settings, VendorError, desired,
};
use hooktender_sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// The request to the vendor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    List,
    Create,
    Update,
    Delete,
}

/// The expected result of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Comes {
    /// Success: the list is empty, or the deletion is done.
    Fine,
    /// This error class; the message contains these words.
    To(Class, &'static [&'static str]),
}

/// One answer.
pub(crate) struct Case {
    /// The kind of credentials that is used.
    pub(crate) login: &'static str,
    pub(crate) ask: Ask,
    /// The request that gets this answer, by the sandbox's name for it.
    pub(crate) to: &'static str,
    pub(crate) status: u16,
    pub(crate) headers: Value,
    /// A text is sent as HTML, null as an empty body, anything else as JSON.
    pub(crate) body: Value,
    pub(crate) comes: Comes,
    /// The delay that the vendor asks for, in milliseconds.
    pub(crate) wait: Option<u64>,
    /// Whether the outcome is unknown.
    pub(crate) unknown: bool,
}

/// A case without headers, delay or unknown outcome.
pub(crate) fn case(ask: Ask, to: &'static str, status: u16, body: Value, comes: Comes) -> Case {
    Case { login: "", ask, to, status, headers: json!({}), body, comes, wait: None, unknown: false }
}

impl Case {
    pub(crate) fn login(self, login: &'static str) -> Self {
        Self { login, ..self }
    }

    pub(crate) fn headers(self, headers: Value) -> Self {
        Self { headers, ..self }
    }

    pub(crate) fn wait(self, millis: u64) -> Self {
        Self { wait: Some(millis), ..self }
    }

    pub(crate) fn unknown(self) -> Self {
        Self { unknown: true, ..self }
    }
}

/// One vendor's accounts and answers.
pub(crate) struct Table {
    pub(crate) vendor: &'static str,
    /// `spec.vendor`, and the account's credentials at the sandbox, by kind.
    pub(crate) account: fn(login: &str, sandbox: &Sandbox) -> (Value, Value),
    /// `spec.subscription`.
    pub(crate) subscription: Value,
    pub(crate) cases: Vec<Case>,
}

/// No message may contain a value of a Secret.
const SECRET: &str = "canary-login";

struct Bench {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Bench {
    async fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.sandbox.control_url());
        let request = self.http.request(method.parse().unwrap(), url).json(body);
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn answered(&self, table: &Table, case: &Case) -> Result<usize, VendorError> {
        let (spec, credentials) = (table.account)(case.login, &self.sandbox);
        let account = format!("/{}/cust1", table.vendor);
        let made = self.control("PUT", &account, &credentials).await;
        let kind = if case.body.is_string() {
            "text/html; charset=utf-8"
        } else {
            "application/json; charset=utf-8"
        };
        let mut fault = json!({
            "operation": case.to, "kind": "status", "times": null,
            "status": case.status, "headers": case.headers, "contentType": kind,
        });
        if !case.body.is_null() {
            fault["body"] = case.body.clone();
        }
        self.control("DELETE", &format!("{account}/faults"), &Value::Null).await;
        self.control("POST", &format!("{account}/faults"), &fault).await;
        let connection = self.open(&spec, &made);
        let subscription: Subscription = serde_json::from_value(table.subscription.clone()).unwrap();
        let document = desired(&subscription, &mut |text, _| Ok::<_, ()>(SecretText::plain(text))).unwrap();
        match case.ask {
            Ask::List => connection.list().await.map(|all| all.observed.len()),
            Ask::Create => connection.create(&document).await.map(|_| 1),
            Ask::Update => {
                let made = connection.create(&document).await.unwrap();
                connection.update(&made, &document).await.map(|_| 1)
            }
            Ask::Delete => {
                let id =
                    if table.vendor == "contensis" { "3a7ce8e3-9c9f-4242-be20-35edb29c4a07" } else { "7" };
                connection.delete(&ExternalId::new(id).unwrap()).await.map(|()| 0)
            }
        }
    }

    fn open(&self, spec: &Value, made: &Value) -> Connection<ReadWrite> {
        let vendor: Vendor = serde_json::from_value(spec.clone()).unwrap();
        let mut credentials = Credentials::default();
        let key = made["apps"][0]["privateKeyPem"].as_str().unwrap_or("none");
        for (name, value) in [("secret", SECRET), ("id", "ops"), ("key", key), ("access_token", SECRET)] {
            credentials.insert(&SecretKeyRef { name: "login".into(), key: name.into() }, value.into());
        }
        let all = self.sandbox.addresses();
        let allowed: AllowedEndpoints = [&all.brightpearl, &all.contensis, &all.superoffice]
            .map(|url| url.parse().unwrap())
            .into_iter()
            .collect();
        let budget = Arc::new(Budget::of(&vendor, None));
        Connection::open("shop", &vendor, &credentials, budget, &Settings::new(allowed, |_| {})).unwrap()
    }
}

/// Returns the differences to the expected result.
fn complaint(case: &Case, result: &Result<usize, VendorError>) -> Option<String> {
    let (class, words) = match (case.comes, result) {
        (Comes::Fine, Ok(0)) => return None,
        (Comes::Fine, _) | (Comes::To(..), Ok(_)) => return Some(format!("came to {result:?}")),
        (Comes::To(class, words), Err(_)) => (class, words),
    };
    let error = result.as_ref().unwrap_err();
    let said = format!("{error} {error:?}");
    let mut wrong = String::new();
    if error.class != class {
        let _ = write!(wrong, "class {:?} instead of {class:?}; ", error.class);
    }
    for missing in words.iter().filter(|word| !error.to_string().contains(*word)) {
        let _ = write!(wrong, "does not say {missing:?}; ");
    }
    if said.contains("canary") {
        wrong.push_str("shows a secret; ");
    }
    if error.retry_after != case.wait.map(Duration::from_millis) {
        let _ = write!(wrong, "waits {:?} instead of {:?} ms; ", error.retry_after, case.wait);
    }
    if error.outcome_unknown != case.unknown {
        let _ = write!(wrong, "outcome unknown: {}; ", error.outcome_unknown);
    }
    (!wrong.is_empty()).then(|| format!("{wrong}the user reads: {error}"))
}

async fn check(table: Table) {
    let bench =
        Bench { sandbox: Sandbox::start(Options::default()).await.unwrap(), http: reqwest::Client::new() };
    let mut complaints = Vec::new();
    for case in &table.cases {
        let result = bench.answered(&table, case).await;
        let read = result.as_ref().map_or_else(ToString::to_string, |_| "fine".to_owned());
        let about = format!("{} {:?} {} {} {}", table.vendor, case.ask, case.to, case.status, case.body);
        println!("{about}\n    {read}");
        complaints.extend(complaint(case, &result).map(|wrong| format!("{about}\n    {wrong}")));
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[tokio::test]
async fn answers_of_brightpearl() {
    check(brightpearl::table()).await;
}

#[tokio::test]
async fn answers_of_contensis() {
    check(contensis::table()).await;
}

#[tokio::test]
async fn answers_of_superoffice() {
    check(superoffice::table()).await;
}
