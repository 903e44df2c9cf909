//! SuperOffice's webhooks: create, read, update, delete over REST (vendors/superoffice.md 4).

mod auth;
pub(super) mod document;
mod wire;

pub use document::RULES;

use super::connection::{ConnectError, secrets_of};
use super::transport::{Answer, Body, CALL_TIMEOUT, Call, Operation, Transport};
use super::{AllowedEndpoints, Class, Credentials, Endpoint, Vendor, VendorError};
use crate::api::VendorName;
use crate::api::superoffice::SuperofficeAccount;
use crate::plan::{Document, ExternalId, Observed};
use reqwest::Method;
use reqwest::header::{ACCEPT_LANGUAGE, CONTENT_TYPE};
use std::time::Duration;

/// A save makes the vendor call the receiver, up to three times (7.1), so it may take its time.
const SAVE_TIMEOUT: Duration = Duration::from_secs(90);

/// A client of one SuperOffice installation.
pub(crate) struct Superoffice {
    transport: Transport,
    endpoint: Endpoint,
    login: auth::Login,
}

impl Superoffice {
    pub(crate) fn new(
        account: &SuperofficeAccount,
        credentials: &Credentials,
        allowed: &AllowedEndpoints,
        transport: Transport,
    ) -> Result<Self, ConnectError> {
        let Some(onsite) = &account.onsite else {
            return Err(ConnectError::Unsupported { kind: "online", instead: "onsite" });
        };
        Ok(Self {
            endpoint: allowed.check(VendorName::Superoffice, &onsite.url)?,
            login: auth::Login::new(&account.credentials, credentials)?,
            transport,
        })
    }

    fn call(&self, operation: Operation, method: Method, id: Option<&ExternalId>) -> Call<'_> {
        let path = id.map_or_else(|| "api/v1/Webhook".to_owned(), |id| format!("api/v1/Webhook/{id}"));
        let mut call = Call::new(operation, method, self.endpoint.join(&path));
        call.headers = self.login.headers();
        // The vendor's words come in the language that is asked for (10).
        call.headers.push((ACCEPT_LANGUAGE, "en".into()));
        call.timeout = match operation {
            Operation::Create | Operation::Update => SAVE_TIMEOUT,
            Operation::List | Operation::Read | Operation::Delete | Operation::Token => CALL_TIMEOUT,
        };
        call
    }

    async fn save(
        &self,
        operation: Operation,
        current: Option<&Observed>,
        desired: &Document,
    ) -> Result<Observed, VendorError> {
        let body = document::body(desired, current.map(|one| &one.raw));
        let method = if current.is_some() { Method::PUT } else { Method::POST };
        let mut call = self.call(operation, method, current.map(|one| &one.id));
        call.body = Body::Json(&body);
        call.redactor = secrets_of(desired);
        let answer = self.transport.send(call).await?;
        if !answer.status.is_success() {
            return Err(failed(&answer));
        }
        let saved = document::observed(&answer, answer.json()?)?;
        match current {
            // A save of an id that is not there may create (4.5): then there is one more than there should be.
            Some(current) if current.id != saved.id => {
                let message =
                    format!("the vendor saved {} as {}; look for a duplicate", current.id, saved.id);
                Err(answer.error(Class::Outdated, message))
            }
            _ => Ok(saved),
        }
    }
}

impl Vendor for Superoffice {
    async fn list(&self) -> Result<Vec<Observed>, VendorError> {
        // Unfiltered: what the filters match is not documented (4.1).
        let answer = self.transport.send(self.call(Operation::List, Method::GET, None)).await?;
        if !answer.status.is_success() {
            return Err(match failed(&answer) {
                error if error.class == Class::NotFound => VendorError { class: Class::Unavailable, ..error },
                error => error,
            });
        }
        let list: Vec<serde_json::Value> = answer.json()?;
        list.into_iter().map(|item| document::observed(&answer, item)).collect()
    }

    async fn create(&self, desired: &Document) -> Result<Observed, VendorError> {
        self.save(Operation::Create, None, desired).await
    }

    async fn update(&self, current: &Observed, desired: &Document) -> Result<Observed, VendorError> {
        self.save(Operation::Update, Some(current), desired).await
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

/// The error of an answer, by envelope and status (10).
fn failed(answer: &Answer) -> VendorError {
    let json = answer.header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("json"));
    let said = answer.any_json().filter(|_| json).as_ref().and_then(wire::in_words);
    match (answer.status.as_u16(), said) {
        // What a refused receiver looks like is not documented (7.1): on a save, an exception in the vendor's own
        // envelope says that nothing was stored.
        (400 | 500, Some(said)) if matches!(answer.operation, Operation::Create | Operation::Update) => {
            let mut error = answer.error(Class::Rejected, said);
            error.outcome_unknown = false;
            error
        }
        (_, said) => answer.failed(said),
    }
}
