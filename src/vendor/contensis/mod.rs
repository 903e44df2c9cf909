//! Contensis' webhook subscriptions: create, read, update, delete (vendors/contensis.md 2).

mod auth;
pub(super) mod document;
pub(super) mod manifest;
mod wire;

pub use document::RULES;

use super::connection::{ConnectError, secrets_of};
use super::session::Session;
use super::transport::{Answer, Body, Call, LONGEST_LIST, Operation, Transport};
use super::{AllowedEndpoints, Class, Credentials, Endpoint, Vendor, VendorError};
use crate::api::VendorName;
use crate::api::contensis::ContensisAccount;
use crate::plan::{Document, ExternalId, Observed};
use reqwest::Method;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// How many items a page may hold, once the server was seen to page (2.2).
const PAGE_SIZE: usize = 100;
/// More than ten thousand subscriptions are read, and not without end, whatever the pages say of their total.
const MOST_PAGES: usize = 500;

/// A client of one Contensis project.
pub(crate) struct Contensis {
    transport: Transport,
    endpoint: Endpoint,
    project: String,
    language: Option<String>,
    session: Session<auth::Grant>,
    /// Where the credentials are, for messages.
    from: String,
}

impl Contensis {
    pub(crate) fn new(
        account: &ContensisAccount,
        credentials: &Credentials,
        allowed: &AllowedEndpoints,
        transport: Transport,
    ) -> Result<Self, ConnectError> {
        let url = match (&account.url, &account.alias) {
            (Some(url), _) => url.clone(),
            (None, Some(alias)) => format!("https://cms-{alias}.cloud.contensis.com"),
            (None, None) => String::new(),
        };
        let endpoint = allowed.check(VendorName::Contensis, &url)?;
        let (session, from) = auth::session(&account.credentials, credentials, endpoint.clone())?;
        Ok(Self {
            session,
            from,
            endpoint,
            project: account.project.clone(),
            language: account.name_language.clone(),
            transport,
        })
    }

    /// The collection, or one subscription of it.
    fn call(&self, operation: Operation, method: Method, id: Option<&ExternalId>) -> Call<'_> {
        let mut path = format!("api/management/projects/{}/events/webhooks/subscriptions", self.project);
        if let Some(id) = id {
            path = format!("{path}/{id}");
        }
        Call::new(operation, method, self.endpoint.join(&path))
    }

    async fn send<'a>(&'a self, call: impl Fn() -> Call<'a>) -> Result<Answer, VendorError> {
        self.session.send(&self.transport, call).await
    }

    async fn page(&self, page: Option<usize>) -> Result<Answer, VendorError> {
        let answer = self
            .send(|| {
                let mut call = self.call(Operation::List, Method::GET, None);
                if let Some(page) = page {
                    call.url
                        .query_pairs_mut()
                        .extend_pairs([("pageIndex", page.to_string()), ("pageSize", PAGE_SIZE.to_string())]);
                }
                call
            })
            .await?;
        if !answer.status.is_success() {
            return Err(self.failed(&answer));
        }
        Ok(answer)
    }

    fn observed(&self, answer: &Answer, item: &RawValue) -> Result<Observed, VendorError> {
        document::observed(answer, item, self.language.as_deref())
    }

    /// One subscription as it is now; for telling a stale version from a refusal.
    async fn read(&self, id: &ExternalId) -> Result<serde_json::Value, VendorError> {
        let answer = self.send(|| self.call(Operation::Read, Method::GET, Some(id))).await?;
        if answer.status.is_success() { answer.json() } else { Err(self.failed(&answer)) }
    }

    /// The error of an answer, by envelope and status (2.6). There are no machine codes.
    pub(in crate::vendor) fn failed(&self, answer: &Answer) -> VendorError {
        let said = answer.any_json().as_ref().and_then(wire::in_words);
        let operation = answer.operation;
        match (answer.status.as_u16(), said) {
            (401, said) => answer.error(
                Class::Credentials,
                format!(
                    "{}; the token was given just now, so check that it is for this CMS, and {}",
                    said.as_deref().unwrap_or("not logged in"),
                    self.from
                ),
            ),
            (403, said) => answer.error(
                Class::Credentials,
                format!(
                    "{}; give the API key's role the webhook permissions (view, create, update, delete) of project {}",
                    said.as_deref().unwrap_or("permission denied"),
                    self.project
                ),
            ),
            (404, Some(said)) if matches!(operation, Operation::List | Operation::Create) => {
                answer.error(Class::Rejected, format!("{said}; check spec.vendor.contensis.project"))
            }
            (_, said) => answer.failed(said),
        }
    }

    /// After a PUT was refused: a stale version answers like a bad payload, so the copy is read again (2.3).
    async fn refused(&self, answer: &Answer, current: &Observed) -> VendorError {
        let failed = self.failed(answer);
        if !matches!(answer.status.as_u16(), 409 | 422) {
            return failed;
        }
        match self.read(&current.id).await {
            Ok(now) if wire::version_no(&now) == current.mark.as_deref() => {
                VendorError { class: Class::Rejected, ..failed }
            }
            Ok(_) => VendorError { class: Class::Outdated, ..failed },
            Err(error) => error,
        }
    }
}

impl Vendor for Contensis {
    async fn list(&self) -> Result<Vec<Observed>, VendorError> {
        let answer = self.page(None).await?;
        let wire::Listing { items, total } = answer.json()?;
        // It came in the server's own page size; from here on it is ours, so start again at 0.
        if total.is_some_and(|total| items.len() < total) {
            drop(answer);
            return self.all_pages().await;
        }
        items.into_iter().map(|item| self.observed(&answer, item)).collect()
    }

    async fn settle(&self) -> Result<(), VendorError> {
        self.session.settle().await
    }

    async fn create(&self, desired: &Document) -> Result<Observed, VendorError> {
        let body = document::body(desired, None, self.language.as_deref());
        let answer = self
            .send(|| {
                let mut call = self.call(Operation::Create, Method::POST, None);
                call.body = Body::Json(&body);
                call.redactor = secrets_of(desired);
                call
            })
            .await?;
        if !answer.status.is_success() {
            return Err(self.failed(&answer));
        }
        self.observed(&answer, answer.json()?)
    }

    async fn update(&self, current: &Observed, desired: &Document) -> Result<Observed, VendorError> {
        let body = document::body(desired, Some(&current.answer()), self.language.as_deref());
        let answer = self
            .send(|| {
                let mut call = self.call(Operation::Update, Method::PUT, Some(&current.id));
                call.body = Body::Json(&body);
                call.redactor = secrets_of(desired);
                call
            })
            .await?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer, current).await);
        }
        self.observed(&answer, answer.json()?)
    }

    async fn delete(&self, id: &ExternalId) -> Result<(), VendorError> {
        let answer = self.send(|| self.call(Operation::Delete, Method::DELETE, Some(id))).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        if answer.status.as_u16() != 404 {
            return Err(self.failed(&answer));
        }
        // A missing project answers the same, and so may something in between: only the list can tell (2.6).
        let there = self.list().await?.iter().any(|one| one.id == *id);
        if there {
            Err(answer.error(Class::Unavailable, "the vendor lists it and cannot find it"))
        } else {
            Ok(())
        }
    }
}

/// The items of a list, or of one page of it.
pub(in crate::vendor) fn items(answer: &Answer) -> Result<Vec<&RawValue>, VendorError> {
    answer.json::<wire::Listing<'_>>().map(|listing| listing.items)
}

impl Contensis {
    /// All pages in our own page size. They have to add up to the total that each of them tells.
    async fn all_pages(&self) -> Result<Vec<Observed>, VendorError> {
        let mut all: Vec<Observed> = Vec::new();
        let (mut seen, mut length) = (HashSet::new(), 0);
        for page in 0.. {
            let answer = self.page(Some(page)).await?;
            let listing: wire::Listing<'_> = answer.json()?;
            length += answer.len();
            if page >= MOST_PAGES || length > LONGEST_LIST {
                let message = format!(
                    "the list has no end: {} pages hold {} MiB; check the account's address, and what it has there",
                    page + 1,
                    length >> 20
                );
                return Err(answer.error(Class::Unavailable, message));
            }
            let before = all.len();
            for item in listing.items {
                let one = self.observed(&answer, item)?;
                if seen.insert(one.id.clone()) {
                    all.push(one);
                }
            }
            let total = listing.total.unwrap_or(all.len());
            if all.len() == total {
                break;
            }
            // A server that ignores the page index would go on for ever.
            if all.len() == before || all.len() > total {
                let message = format!(
                    "the pages of the list hold {} subscriptions, not the {total} they tell",
                    all.len()
                );
                return Err(answer.error(Class::Unavailable, message));
            }
        }
        Ok(all)
    }
}
