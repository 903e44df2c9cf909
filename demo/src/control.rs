//! The vendors' side: the sandbox's control API.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::failure::{Failure, Step};
use crate::vendor::Vendor;

/// Everything runs on this machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads and edits what the vendors store, as somebody else would.
#[derive(Debug)]
pub(crate) struct Control {
    base: String,
    client: Client,
    runtime: Handle,
}

impl Control {
    pub(crate) fn new(base: &str, runtime: &Handle) -> Step<Self> {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build();
        let client = client.map_err(|source| Failure::Http { what: "setting up HTTP".to_owned(), source })?;
        Ok(Self { base: base.to_owned(), client, runtime: runtime.clone() })
    }

    /// The address of an account's subscriptions.
    pub(crate) fn subscriptions_url(&self, vendor: Vendor, account: &str) -> String {
        format!("{}/{}/{account}/subscriptions", self.base, vendor.key())
    }

    /// Returns what the vendor stores.
    pub(crate) fn subscriptions(&self, vendor: Vendor, account: &str) -> Step<Vec<Value>> {
        match self.ask(Method::GET, &self.subscriptions_url(vendor, account), None)? {
            Value::Array(subscriptions) => Ok(subscriptions),
            other => Err(Failure::Unexpected(format!("no list of subscriptions: {other}"))),
        }
    }

    /// The requests that the vendor received for an account, oldest first.
    pub(crate) fn journal(&self, vendor: Vendor, account: &str) -> Step<Vec<Request>> {
        let url = format!("{}/{}/{account}/journal", self.base, vendor.key());
        let entries = self.ask(Method::GET, &url, None)?;
        let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        Ok(entries
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| Request {
                method: text(entry, "method"),
                path: text(entry, "path"),
                operation: text(entry, "operation"),
                status: entry["status"].as_u64(),
            })
            .collect())
    }

    /// Sends one request; an answer without a body is `null`.
    pub(crate) fn ask(&self, method: Method, url: &str, body: Option<&Value>) -> Step<Value> {
        let what = format!("{method} {url}");
        let failed = |source| Failure::Http { what: what.clone(), source };
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let (status, text) = self
            .runtime
            .block_on(async {
                let answer = request.send().await?;
                Ok((answer.status(), answer.text().await?))
            })
            .map_err(failed)?;
        if !status.is_success() {
            return Err(Failure::Unexpected(format!("{what}: {status}: {text}")));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(|error| Failure::Unexpected(format!("{what}: {error}")))
    }

    /// Whether this address answers with 200.
    pub(crate) fn is_ready(&self, url: &str) -> bool {
        // The request is made inside, because it needs the runtime's clock.
        let answer = self.runtime.block_on(async { self.client.get(url).send().await });
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

/// A request that a vendor received.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    operation: String,
    pub(crate) status: Option<u64>,
}

impl Request {
    /// Whether it was meant to change something.
    pub(crate) fn is_write(&self) -> bool {
        matches!(self.operation.as_str(), "create" | "update" | "delete")
    }
}
