//! Client of Brightpearl's integration service: create, read and delete; no update (vendors/brightpearl.md 2).

mod auth;
pub(super) mod document;
pub(super) mod manifest;
mod oauth;
mod wire;

pub(super) use auth::secret_refs;
pub use document::RULES;
pub(crate) use document::advice;

use super::items::ItemReader;
use super::session::Session;
use super::transport::{Answer, Body, Call, Operation, Transport, secrets_of};
use super::{AccountEndpoints, Class, ConnectError, Credentials, Endpoint, Vendor, VendorError};
use crate::api::brightpearl::BrightpearlAccount;
use crate::compute;
use crate::plan::{Document, ExternalId, List, Observed};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::value::RawValue;
use std::time::Duration;

/// Milliseconds until the window of the rate limit resets (7).
const PERIOD: &str = "brightpearl-next-throttle-period";
/// Seconds to wait after a 503 (7), which a published client relies on.
const SECONDS: &str = "brightpearl-throttle-time";

/// A client of one Brightpearl account.
pub(crate) struct Brightpearl {
    transport: Transport,
    endpoint: Endpoint,
    account: String,
    session: Session<oauth::OauthRefresh>,
    /// Advice in the message about refused credentials.
    advice: String,
}

impl Brightpearl {
    pub(crate) fn new(
        account: &BrightpearlAccount,
        credentials: &Credentials,
        allowed: &AccountEndpoints,
        transport: Transport,
    ) -> Result<Self, ConnectError> {
        let url = match (&account.url, &account.datacenter) {
            (Some(url), _) => url.clone(),
            (None, Some(code)) => format!("https://{code}.brightpearlconnect.com"),
            (None, None) => String::new(),
        };
        let (session, advice) = auth::session(account, credentials, allowed)?;
        Ok(Self {
            endpoint: allowed.check(&url)?,
            account: account.account.clone(),
            session,
            advice,
            transport: transport.metered(left),
        })
    }

    /// A call to the webhook resource, without a trailing slash (1.4).
    fn call(&self, operation: Operation, method: Method, id: Option<&ExternalId>) -> Call<'_> {
        let collection = ["public-api", &self.account, "integration-service", "webhook"];
        let path = collection.into_iter().chain(id.map(ExternalId::as_str));
        Call::new(operation, method, self.endpoint.join(path))
    }

    async fn send<'a>(&'a self, call: impl Fn() -> Call<'a>) -> Result<Answer, VendorError> {
        self.session.send(&self.transport, call).await
    }
}

impl Vendor for Brightpearl {
    async fn list(&self) -> Result<List, VendorError> {
        let answer = self.send(|| self.call(Operation::List, Method::GET, None)).await?;
        if answer.status.is_success() {
            let read = |item: &RawValue| document::observed(&answer, item);
            let reader = ItemReader { rules: &RULES, id: "id", read: &read };
            return compute::run(answer.len(), || reader.list(&answer, items(&answer)?));
        }
        let failed = self.error_of(&answer);
        // An empty list is a 404 of the webhook service (2.3).
        if failed.class == Class::NotFound { Ok(List::default()) } else { Err(failed) }
    }

    async fn flush_tokens(&self) -> Result<(), VendorError> {
        self.session.flush_tokens().await
    }

    async fn create(&self, desired: &Document) -> Result<Observed, VendorError> {
        let body = document::body(desired);
        let answer = self
            .send(|| {
                let mut call = self.call(Operation::Create, Method::POST, None);
                call.body = Body::Json(&body);
                call.redactor = secrets_of(desired);
                call
            })
            .await?;
        if !answer.status.is_success() {
            return Err(match self.error_of(&answer) {
                // A POST can only miss the account.
                error if error.class == Class::NotFound => VendorError { class: Class::Unavailable, ..error },
                error => error,
            });
        }
        let created: wire::Enveloped<i64> = answer.success(error_detail(&answer))?;
        // Ids start at 1 (2.1).
        if created.response < 1 {
            return Err(answer.malformed(&format!("{} is not an id", created.response)));
        }
        Ok(document::created(created.response, desired))
    }

    async fn update(&self, _: &Observed, _: &Document) -> Result<Observed, VendorError> {
        // Unreachable: every field replaces, so that no plan has an update.
        let message = "Brightpearl has no update; a webhook is replaced";
        Err(VendorError::unsent(Class::Rejected, Operation::Update, message))
    }

    async fn delete(&self, id: &ExternalId) -> Result<(), VendorError> {
        let answer = self.send(|| self.call(Operation::Delete, Method::DELETE, Some(id))).await?;
        if answer.status.is_success() {
            return answer.check_deleted(error_detail(&answer), |own| own.contains_key("response"));
        }
        match self.error_of(&answer) {
            error if error.class == Class::NotFound => Ok(()),
            error => Err(error),
        }
    }
}

/// Returns the items of a list.
pub(in crate::vendor) fn items(answer: &Answer) -> Result<Vec<&RawValue>, VendorError> {
    let list: wire::Enveloped<wire::OneOrMany<'_>> = answer.success(error_detail(answer))?;
    Ok(list.response.0)
}

/// Returns the message of either error envelope (8.1); none if the body is neither.
fn error_detail(answer: &Answer) -> Option<String> {
    let failure: wire::Failure = serde_json::from_value(answer.any_json()?).ok()?;
    Some(match failure {
        wire::Failure::Service { errors } => wire::in_words(&errors),
        wire::Failure::Gateway { response } => response,
    })
}

impl Brightpearl {
    /// Returns the error of an answer by its envelope (8.1) and status (8.3).
    pub(in crate::vendor) fn error_of(&self, answer: &Answer) -> VendorError {
        let failure: Option<wire::Failure> =
            answer.any_json().and_then(|json| serde_json::from_value(json).ok());
        let detail = error_detail(answer);
        match (answer.status.as_u16(), failure) {
            (404, Some(wire::Failure::Service { errors })) if is_own_not_found(answer, &errors) => {
                answer.error(Class::NotFound, detail.unwrap_or_default())
            }
            (404 | 410, Some(_)) => {
                let detail = detail.unwrap_or_default();
                let message = format!("{detail}; check the account code and the datacentre");
                answer.error(Class::Unavailable, message)
            }
            // A 401 repeats the rejected token (6.3). Its message is not used, as the redactor may not know that token.
            (401, Some(wire::Failure::Gateway { .. })) => {
                answer.status_error(Some(format!("the token was not accepted; {}", self.advice)))
            }
            (403, _) => {
                let advice = format!(
                    "this login has no right to {} webhooks: in Brightpearl, give that right to the app, or to the member of staff that it acts for",
                    answer.operation
                );
                answer.forbidden(detail, &advice)
            }
            (503 | 429, Some(wire::Failure::Gateway { response }))
                if response.contains("too many requests") || answer.header(SECONDS).is_some() =>
            {
                throttled(answer, &response)
            }
            (503, _) if answer.header(SECONDS).is_some() => throttled(answer, "too many requests"),
            (429, _) => throttled(answer, "too many requests"),
            _ => answer.status_error(detail),
        }
    }
}

/// Whether a 404 comes from the webhook service: by the route in the answer (2.7), which is `api-proxy` for the gateway, or by
/// the error code if there is no route (2.3, 2.4).
fn is_own_not_found(answer: &Answer, errors: &[wire::ServiceError]) -> bool {
    match answer.header("message-type") {
        Some(route) => route.contains("webhook"),
        None => errors.iter().any(|error| error.code == "CMNC-404"),
    }
}

/// Returns the error of an exceeded rate limit; a header says how long to wait (7).
fn throttled(answer: &Answer, detail: &str) -> VendorError {
    let number = |name: &str| answer.header(name).and_then(|value| value.trim().parse().ok());
    let wait = number(PERIOD).map(Duration::from_millis).or_else(|| number(SECONDS).map(Duration::from_secs));
    answer.throttled(detail, wait)
}

/// Reads the remaining calls, which every answer has (7).
pub(in crate::vendor) fn left(headers: &HeaderMap) -> Option<(u32, Duration)> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim());
    let left = text("brightpearl-requests-remaining")?.parse().ok()?;
    Some((left, Duration::from_millis(text(PERIOD)?.parse().ok()?)))
}
