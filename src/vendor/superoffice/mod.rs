//! Client of SuperOffice's webhooks: create, read, update, delete over REST (vendors/superoffice.md 4).

mod auth;
pub(super) mod document;
pub(super) mod key;
pub(super) mod manifest;
mod system_user;
mod tenant;
mod wire;

pub(super) use auth::secret_refs;
pub use document::RULES;
pub(crate) use document::advice;
pub(in crate::vendor) use document::{generation, refusal};

use super::items::{ItemReader, within_bounds};
use super::session::Session;
use super::transport::{Answer, Body, CALL_TIMEOUT, Call, Operation, Transport, secrets_of};
use super::{AccountEndpoints, Class, ConnectError, Credentials, Endpoint, Vendor, VendorError};
use crate::api::superoffice::{Environment, Online, SuperofficeAccount};
use crate::compute;
use crate::plan::{Document, ExternalId, List, Observed};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::value::RawValue;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tenant::Tenant;
use tokio::sync::Mutex;

/// Time limit of a save, for which the vendor calls the receiver up to three times (7.1).
const SAVE_TIMEOUT: Duration = Duration::from_secs(90);
/// How often one request follows a tenant that moves to another host.
const MOVES: u32 = 2;

/// A client of one SuperOffice tenant or installation.
pub(crate) struct Superoffice {
    transport: Transport,
    tenant: Tenant,
    session: Session<auth::Grant>,
    /// Advice in the message about refused credentials.
    advice: String,
    generation: AtomicGeneration,
}

/// The generation of the server: from 12.0 on a webhook has several addresses for errors, channels and occasions of their
/// notification, and a description (6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::vendor) enum Generation {
    OneErrorsEmail,
    ErrorEmails,
}

/// The generation, if it is known. Each list sets it again, as the server may be upgraded at any time.
#[derive(Default)]
struct AtomicGeneration(AtomicU8);

impl AtomicGeneration {
    fn get(&self) -> Option<Generation> {
        match self.0.load(Ordering::Relaxed) {
            1 => Some(Generation::OneErrorsEmail),
            2 => Some(Generation::ErrorEmails),
            _ => None,
        }
    }

    fn set(&self, generation: Generation) {
        let value = match generation {
            Generation::OneErrorsEmail => 1,
            Generation::ErrorEmails => 2,
        };
        self.0.store(value, Ordering::Relaxed);
    }
}

impl Superoffice {
    pub(crate) fn new(
        account: &SuperofficeAccount,
        credentials: &Credentials,
        allowed: &AccountEndpoints,
        transport: Transport,
    ) -> Result<Self, ConnectError> {
        let tenant = match (&account.onsite, &account.online) {
            (Some(onsite), _) => Tenant::Onsite(allowed.check(&onsite.url)?),
            (None, Some(online)) => Tenant::Online(Box::new(tenant::Online {
                central: allowed.check(&central(online))?,
                customer_id: online.customer_id.clone(),
                allowed: allowed.clone(),
                location: Mutex::default(),
            })),
            (None, None) => Tenant::Onsite(allowed.check("")?),
        };
        let at = match &tenant {
            Tenant::Onsite(_) => None,
            Tenant::Online(online) => {
                Some(system_user::Central { endpoint: &online.central, customer_id: &online.customer_id })
            }
        };
        let (session, advice) = auth::session(&account.credentials, credentials, at)?;
        Ok(Self { transport, tenant, session, advice, generation: AtomicGeneration::default() })
    }

    /// Sends a request, and follows the tenant if it has moved: the wrong host accepts no request (2.3). A read without an answer
    /// may have gone to a host that no longer exists; a write is not repeated, as it may have been carried out.
    async fn send<'a>(&self, call: impl Fn(&Endpoint) -> Call<'a>) -> Result<Answer, VendorError> {
        let mut at = self.tenant.endpoint(&self.transport).await?;
        for _ in 0..MOVES {
            let result = self.session.send(&self.transport, || call(&at)).await;
            let (repeatable, unknown) = match &result {
                Ok(answer) if answer.status.as_u16() == 421 => (true, false),
                Ok(answer) if is_about_host(answer) => {
                    (!answer.operation.writes(), answer.operation.writes())
                }
                Err(error) if error.class == Class::Unavailable && error.status.is_none() => {
                    (!error.outcome_unknown && !error.operation.writes(), error.outcome_unknown)
                }
                Ok(_) | Err(_) => return result,
            };
            let now = self.tenant.relocated_from(&at, &self.transport).await;
            match now.map_err(|error| VendorError { outcome_unknown: unknown, ..error })? {
                Some(moved) if repeatable => at = moved,
                _ => return result,
            }
        }
        self.session.send(&self.transport, || call(&at)).await
    }

    async fn save(
        &self,
        operation: Operation,
        current: Option<&Observed>,
        desired: &Document,
    ) -> Result<Observed, VendorError> {
        let generation = self.generation(desired).await?;
        if let Some(reason) = document::unsupported(desired, generation) {
            return Err(VendorError::unsent(Class::Rejected, operation, reason));
        }
        let body = document::body(desired, current.map(Observed::answer).as_ref(), generation);
        let (method, path) = match current {
            Some(current) => (Method::PUT, Some(current.id.as_str())),
            None => (Method::POST, None),
        };
        let request = |operation: Operation, method: &Method, path: Option<&str>| {
            let (body, path, method) = (&body, path.map(str::to_owned), method.clone());
            move |at: &Endpoint| {
                let mut call = call(at, operation, method.clone(), path.as_deref());
                call.body = Body::Json(body);
                call.redactor = secrets_of(desired);
                call
            }
        };
        let answer = self.send(request(operation, &method, path)).await?;
        if !answer.status.is_success() {
            let failed = self.error_of(&answer);
            // A receiver that fails SuperOffice's test call is a 400, and possibly a 500 (7.1). A test of the receiver, which
            // stores nothing, tells it from another fault (4.8).
            return Err(match (answer.status.as_u16(), error_detail(&answer)) {
                (400 | 500, Some(_)) => {
                    let tested = self.send(request(Operation::Validate, &Method::POST, Some("Test"))).await;
                    explain_refusal(failed, tested)
                }
                _ => failed,
            });
        }
        let saved = document::observed(&answer, answer.success(envelope_error(&answer))?);
        let saved = saved.map_err(|why| answer.malformed(&why))?;
        // An entity that is not stored has the id 0 (4.2).
        if saved.id.as_str() == "0" {
            return Err(answer.malformed("0 is not an id"));
        }
        match current {
            // A save of an id that does not exist may create a webhook (4.5).
            Some(current) if current.id != saved.id => {
                let message = format!(
                    "the vendor saved {} as a new subscription, {}: look for a duplicate",
                    current.id, saved.id
                );
                Err(answer.error(Class::Outdated, message))
            }
            _ => Ok(saved),
        }
    }

    /// Returns the server's generation, if it matters for the document: from the last list, else from the default entity (4.2).
    async fn generation(&self, desired: &Document) -> Result<Generation, VendorError> {
        if let Some(known) = self.generation.get() {
            return Ok(known);
        }
        if !document::needs_generation(desired) {
            return Ok(Generation::OneErrorsEmail);
        }
        let answer = self.send(|at| call(at, Operation::Read, Method::GET, Some("default"))).await?;
        if !answer.status.is_success() {
            return Err(self.error_of(&answer));
        }
        let generation = document::generation(&answer.json()?);
        self.generation.set(generation);
        Ok(generation)
    }

    /// Returns the error of an answer by its envelope and status (10).
    pub(in crate::vendor) fn error_of(&self, answer: &Answer) -> VendorError {
        match (answer.status.as_u16(), error_detail(answer)) {
            (403, detail) if !answer.operation.concerns_account() => {
                let advice = format!(
                    "this login has no right to {} webhooks: in SuperOffice, give that right to its user or its app",
                    answer.operation
                );
                answer.forbidden(detail, &advice)
            }
            (401 | 403, detail) => {
                let detail = detail.unwrap_or_else(|| "not logged in".into());
                answer.status_error(Some(format!("{detail}; {}", self.advice)))
            }
            (421, _) => {
                let message = "the tenant moved again while hooktender located it; hooktender tries again";
                answer.error(Class::Unavailable, message)
            }
            // The framework's envelope and not the service's (10), which says nothing about the webhook.
            (404 | 410, Some(detail)) if !is_service_error(answer) => {
                answer.error(Class::Unavailable, format!("{detail}; check the account's address"))
            }
            (_, detail) => answer.status_error(detail),
        }
    }
}

/// A call to the tenant. It names no language, as the answer would be translated (4.12).
fn call<'a>(at: &Endpoint, operation: Operation, method: Method, below: Option<&str>) -> Call<'a> {
    let mut call = Call::new(operation, method, at.join(["api", "v1", "Webhook"].into_iter().chain(below)));
    call.timeout = match operation {
        Operation::Create | Operation::Update | Operation::Validate => SAVE_TIMEOUT,
        Operation::List | Operation::Read | Operation::Delete | Operation::Token | Operation::Discover => {
            CALL_TIMEOUT
        }
    };
    call
}

/// Returns the central host of a tenant's environment (2.2).
fn central(online: &Online) -> String {
    let host = match online.environment {
        Environment::Sod => "sod",
        Environment::Qaonline => "qaonline",
        Environment::Online => "online",
    };
    online.url.clone().unwrap_or_else(|| format!("https://{host}.superoffice.com"))
}

/// Whether an answer is about the host and not the request: the tenant may have moved, or be in maintenance.
fn is_about_host(answer: &Answer) -> bool {
    answer.status.is_server_error() && error_detail(answer).is_none()
}

/// Returns the message of the vendor's error envelope; none if the body is something else.
fn error_detail(answer: &Answer) -> Option<String> {
    let json = answer.header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("json"));
    answer.any_json().filter(|_| json).as_ref().and_then(wire::in_words)
}

/// Returns the message of an error envelope in an answer with a success status; none if the body is an entity.
fn envelope_error(answer: &Answer) -> Option<String> {
    let is_entity = answer.any_json().is_some_and(|json| json.get("WebhookId").is_some());
    error_detail(answer).filter(|_| !is_entity)
}

/// Returns the error of a failed save, given a test of its receiver. If the receiver fails the test, nothing was stored, and a
/// person has to fix it. If it passes, a 500 is the vendor's own fault and leaves the outcome unknown.
fn explain_refusal(failed: VendorError, tested: Result<Answer, VendorError>) -> VendorError {
    let Ok(answer) = tested else { return failed };
    let Ok(tested) = answer.json::<wire::TestResult>() else { return failed };
    if tested.success {
        return failed;
    }
    let why = tested.message.unwrap_or_default();
    let why =
        answer.error(Class::Rejected, format!("the receiver did not accept SuperOffice's test call: {why}"));
    VendorError {
        class: Class::Rejected,
        message: format!("{}; {}", failed.message, why.message),
        outcome_unknown: false,
        ..failed
    }
}

impl Vendor for Superoffice {
    async fn list(&self) -> Result<List, VendorError> {
        // Without a filter, as what filters match is not documented (4.1).
        let answer = self.send(|at| call(at, Operation::List, Method::GET, None)).await?;
        if !answer.status.is_success() {
            return match self.error_of(&answer) {
                // A 404 of the service means that there are none (10). A wrong address gives another 404.
                error if error.class == Class::NotFound && is_own_not_found(&answer) => Ok(List::default()),
                error if error.class == Class::NotFound => {
                    Err(VendorError { class: Class::Unavailable, ..error })
                }
                error => Err(error),
            };
        }
        compute::run(answer.len(), || {
            let list: Vec<&RawValue> = answer.success(error_detail(&answer))?;
            let first = list.first().filter(|first| within_bounds(first).is_ok());
            if let Some(first) = first.and_then(|first| serde_json::from_str(first.get()).ok()) {
                self.generation.set(document::generation(&first));
            }
            let read = |item: &RawValue| document::observed(&answer, item);
            ItemReader { rules: &RULES, id: "WebhookId", read: &read }.list(&answer, list)
        })
    }

    async fn flush_tokens(&self) -> Result<(), VendorError> {
        self.session.flush_tokens().await
    }

    async fn create(&self, desired: &Document) -> Result<Observed, VendorError> {
        self.save(Operation::Create, None, desired).await
    }

    async fn update(&self, current: &Observed, desired: &Document) -> Result<Observed, VendorError> {
        self.save(Operation::Update, Some(current), desired).await
    }

    async fn delete(&self, id: &ExternalId) -> Result<(), VendorError> {
        let answer = self.send(|at| call(at, Operation::Delete, Method::DELETE, Some(id.as_str()))).await?;
        if answer.status.is_success() {
            return answer.check_deleted(envelope_error(&answer), |own| own.contains_key("WebhookId"));
        }
        match self.error_of(&answer) {
            error if error.class == Class::NotFound && is_own_not_found(&answer) => Ok(()),
            // A wrong address gives a 404 too, and the answer for a missing id is not documented (4.7), so check the list.
            error if answer.status.as_u16() == 404 => {
                let there = self.list().await?.has(id);
                if there { Err(VendorError { class: Class::Unavailable, ..error }) } else { Ok(()) }
            }
            error => Err(error),
        }
    }
}

/// Whether an error is in the service's envelope and not in the framework's (10).
fn is_service_error(answer: &Answer) -> bool {
    let json = answer.any_json();
    json.is_some_and(|json| json.get("ErrorType").or_else(|| json.get("ErrorMessage")).is_some())
}

/// Whether a 404 comes from the service, by the class of its exception (10).
fn is_own_not_found(answer: &Answer) -> bool {
    answer.any_json().is_some_and(|json| {
        json.get("ErrorType").and_then(|kind| kind.as_str()) == Some("SoNotFoundException")
    })
}
