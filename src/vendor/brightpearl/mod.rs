//! Brightpearl's integration service: create, read and delete; no update (vendors/brightpearl.md 2).

mod auth;
pub(super) mod document;
mod wire;

pub use document::RULES;
pub(crate) use document::advice;

use super::connection::{ConnectError, secrets_of};
use super::transport::{Answer, Body, Call, Operation, Transport};
use super::{AllowedEndpoints, Class, Credentials, Endpoint, Vendor, VendorError};
use crate::api::VendorName;
use crate::api::brightpearl::BrightpearlAccount;
use crate::plan::{Document, ExternalId, Observed};
use reqwest::Method;
use std::time::Duration;

/// A client of one Brightpearl account.
pub(crate) struct Brightpearl {
    transport: Transport,
    endpoint: Endpoint,
    account: String,
    login: auth::Login,
}

impl Brightpearl {
    pub(crate) fn new(
        account: &BrightpearlAccount,
        credentials: &Credentials,
        allowed: &AllowedEndpoints,
        transport: Transport,
    ) -> Result<Self, ConnectError> {
        let url = match (&account.url, &account.datacenter) {
            (Some(url), _) => url.clone(),
            (None, Some(code)) => format!("https://{code}.brightpearlconnect.com"),
            (None, None) => String::new(),
        };
        Ok(Self {
            endpoint: allowed.check(VendorName::Brightpearl, &url)?,
            account: account.account.clone(),
            login: auth::Login::new(&account.credentials, credentials)?,
            transport,
        })
    }

    /// The webhook resource, without a trailing slash (1.4).
    fn call(&self, operation: Operation, method: Method, id: Option<&ExternalId>) -> Call<'_> {
        let mut path = format!("public-api/{}/integration-service/webhook", self.account);
        if let Some(id) = id {
            path = format!("{path}/{id}");
        }
        let mut call = Call::new(operation, method, self.endpoint.join(&path));
        call.headers = self.login.headers();
        call
    }
}

impl Vendor for Brightpearl {
    async fn list(&self) -> Result<Vec<Observed>, VendorError> {
        let answer = self.transport.send(self.call(Operation::List, Method::GET, None)).await?;
        if answer.status.is_success() {
            let list: wire::Enveloped<wire::OneOrMany> = answer.json()?;
            return list
                .response
                .into_vec()
                .into_iter()
                .map(|one| document::observed(&answer, one))
                .collect();
        }
        let failed = failed(&answer);
        // "Nothing found" is a 404 for the whole list too (2.3); but only the webhook service's own.
        if failed.class == Class::NotFound { Ok(Vec::new()) } else { Err(failed) }
    }

    async fn create(&self, desired: &Document) -> Result<Observed, VendorError> {
        let body = document::body(desired);
        let mut call = self.call(Operation::Create, Method::POST, None);
        call.body = Body::Json(&body);
        call.redactor = secrets_of(desired);
        let answer = self.transport.send(call).await?;
        if !answer.status.is_success() {
            return Err(match failed(&answer) {
                // There is nothing that a POST could not find but the account.
                error if error.class == Class::NotFound => VendorError { class: Class::Unavailable, ..error },
                error => error,
            });
        }
        let created: wire::Enveloped<i64> = answer.json()?;
        Ok(document::created(created.response, desired))
    }

    async fn update(&self, _: &Observed, _: &Document) -> Result<Observed, VendorError> {
        // Every field's rule says "replaces", so that no plan holds an update.
        Err(VendorError {
            class: Class::Rejected,
            operation: Operation::Update,
            status: None,
            message: "Brightpearl has no update; a webhook is replaced".into(),
            retry_after: None,
            outcome_unknown: false,
        })
    }

    async fn delete(&self, id: &ExternalId) -> Result<(), VendorError> {
        let answer = self.transport.send(self.call(Operation::Delete, Method::DELETE, Some(id))).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        match failed(&answer) {
            error if error.class == Class::NotFound => Ok(()),
            error => Err(error),
        }
    }
}

/// The error of an answer, by envelope (8.1) and status (8.3).
fn failed(answer: &Answer) -> VendorError {
    let said: Option<wire::Failure> = answer.any_json().and_then(|json| serde_json::from_value(json).ok());
    match (answer.status.as_u16(), said) {
        (404, Some(wire::Failure::Service { errors })) => {
            let own =
                errors.iter().any(|e| e.code == "CMNC-404" && e.message.to_lowercase().contains("webhook"));
            if own {
                answer.error(Class::NotFound, wire::in_words(&errors))
            } else {
                let said = wire::in_words(&errors);
                answer.error(Class::Unavailable, format!("{said}; check the account code and the datacentre"))
            }
        }
        (_, Some(wire::Failure::Service { errors })) => answer.failed(Some(wire::in_words(&errors))),
        // A 401 echoes the token it refuses (6.3): the transport takes known tokens out, this takes out unknown ones.
        (401, Some(wire::Failure::Gateway { .. })) => {
            answer.failed(Some("the token was not accepted; check the Secret and the app's reference".into()))
        }
        (503 | 429, Some(wire::Failure::Gateway { response })) if response.contains("too many requests") => {
            throttled(answer, &response)
        }
        (429, _) => throttled(answer, "too many requests"),
        (_, Some(wire::Failure::Gateway { response })) => answer.failed(Some(response)),
        (_, None) => answer.failed(None),
    }
}

/// Over the cap: the header says in milliseconds when the counter starts anew (7).
fn throttled(answer: &Answer, said: &str) -> VendorError {
    let period = answer.header("brightpearl-next-throttle-period").and_then(|ms| ms.trim().parse().ok());
    let mut error = answer.error(Class::Throttled, said);
    error.retry_after = period.map(Duration::from_millis).or_else(|| answer.retry_after());
    error
}
