//! Client of Contensis' webhook subscriptions: create, read, update, delete (vendors/contensis.md 2).

mod advice;
mod auth;
pub(super) mod document;
pub(super) mod manifest;
mod names;
mod rights;
mod wire;

pub(super) use auth::secret_refs;
pub use document::RULES;

use super::items::{ItemReader, check_ids, unstable_list};
use super::memory::Reservation;
use super::session::Session;
use super::transport::{Answer, Body, Call, LONGEST_LIST, Operation, Transport, secrets_of};
use super::{AccountEndpoints, Class, ConnectError, Credentials, Endpoint, Vendor, VendorError};
use crate::api::contensis::ContensisAccount;
use crate::compute;
use crate::plan::{Document, ExternalId, List, Observed};
use names::Dialect;
use reqwest::Method;
use rights::{Right, Rights};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;
use wire::member;

/// Page size that is requested from a server that pages (2.2).
const PAGE_SIZE: usize = 100;
/// Maximum number of pages, whatever total they announce.
const MOST_PAGES: usize = 500;
/// How often a list is read whose pages are inconsistent.
const READINGS: usize = 3;

/// A client of one Contensis project.
pub(crate) struct Contensis {
    transport: Transport,
    endpoint: Endpoint,
    project: String,
    language: Option<String>,
    session: Session<auth::Grant>,
    /// The Secrets of the credentials, for messages.
    from: String,
    /// What has the role with the rights, for messages.
    login: &'static str,
    rights: Rights,
    /// How the server stores names, as seen in the last list.
    dialect: Mutex<Option<Dialect>>,
    /// The project's primary language, read when a message needs it.
    primary_language: OnceCell<Option<String>>,
}

impl Contensis {
    pub(crate) fn new(
        account: &ContensisAccount,
        credentials: &Credentials,
        allowed: &AccountEndpoints,
        transport: Transport,
    ) -> Result<Self, ConnectError> {
        let url = account.root().unwrap_or_default();
        let endpoint = allowed.check(&url)?;
        let (session, from) = auth::session(&account.credentials, credentials, endpoint.clone())?;
        Ok(Self {
            session,
            from,
            endpoint,
            project: account.project.clone(),
            language: account.name_language.clone(),
            login: auth::login(&account.credentials),
            rights: Rights::default(),
            dialect: Mutex::default(),
            primary_language: OnceCell::new(),
            transport,
        })
    }

    /// A call to the collection, or to one subscription of it.
    fn call(&self, operation: Operation, method: Method, id: Option<&ExternalId>) -> Call<'_> {
        let collection =
            ["api", "management", "projects", &self.project, "events", "webhooks", "subscriptions"];
        let path = collection.into_iter().chain(id.map(ExternalId::as_str));
        Call::new(operation, method, self.endpoint.join(path))
    }

    async fn send<'a>(&'a self, call: impl Fn() -> Call<'a>) -> Result<Answer, VendorError> {
        self.session.send(&self.transport, call).await
    }

    /// Reads a page, or the list without paging parameters. Pages share the memory of their list.
    async fn page(
        &self,
        page: Option<usize>,
        memory: Option<&Arc<Reservation>>,
    ) -> Result<Answer, VendorError> {
        let answer = self
            .send(|| {
                let mut call = self.call(Operation::List, Method::GET, None);
                call.memory = memory.cloned();
                if let Some(page) = page {
                    call.url
                        .query_pairs_mut()
                        .extend_pairs([("pageIndex", page.to_string()), ("pageSize", PAGE_SIZE.to_string())]);
                }
                call
            })
            .await?;
        if !answer.status.is_success() {
            return Err(self.error_of(&answer));
        }
        Ok(answer)
    }

    /// Reads the subscription that a write returned.
    fn saved(&self, answer: &Answer) -> Result<Observed, VendorError> {
        let is_resource = answer.any_json().is_some_and(|json| wire::id(&json).is_some());
        let item = answer.success(error_detail(answer).filter(|_| !is_resource))?;
        let saved = document::observed(answer, item, self.language.as_deref());
        saved.map_err(|why| answer.malformed(&why))
    }

    /// Reads one subscription.
    async fn read(&self, id: &ExternalId) -> Result<serde_json::Value, VendorError> {
        let answer = self.send(|| self.call(Operation::Read, Method::GET, Some(id))).await?;
        if answer.status.is_success() { answer.json() } else { Err(self.error_of(&answer)) }
    }

    /// Returns the error of an answer by its envelope and status (2.6). There are no error codes.
    pub(in crate::vendor) fn error_of(&self, answer: &Answer) -> VendorError {
        let operation = answer.operation;
        match (answer.status.as_u16(), error_detail(answer)) {
            (401, detail) => answer.error(
                Class::Credentials,
                format!(
                    "{}; the token was issued just now, so check that it is for this CMS, and {}",
                    detail.as_deref().unwrap_or("not logged in"),
                    self.from
                ),
            ),
            (403, detail) => {
                let missing = self.rights.record_refusal(rights::needed(operation, detail.as_deref()));
                let advice = format!(
                    "give the role of this {} the webhook permission {} of project {}",
                    self.login,
                    rights::names(&missing),
                    self.project
                );
                answer.forbidden(detail, &advice)
            }
            // A gateway may answer in JSON too, which says nothing about the webhook or the project.
            (404 | 410, Some(_)) if !is_vendor_error(answer) => answer.status_error(None),
            (404, Some(detail)) if matches!(operation, Operation::List | Operation::Create) => {
                answer.error(Class::Rejected, format!("{detail}; check spec.vendor.contensis.project"))
            }
            (_, detail) => answer.status_error(detail),
        }
    }

    /// Returns how the server stores names, if the last list showed it.
    fn dialect(&self) -> Option<Dialect> {
        self.dialect.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the list with one call, or page by page if the server pages.
    async fn read_list(&self) -> Result<List, VendorError> {
        let answer = self.page(None, None).await?;
        let whole = compute::run(answer.len(), || {
            let wire::Listing { items, total } = answer.success(error_detail(&answer))?;
            if let Some(total) = total.filter(|total| *total != items.len()) {
                return Ok(Err(total));
            }
            let mut list = List::default();
            self.read_into(&mut list, &answer, items)?;
            check_ids(&answer, &list)?;
            Ok(Ok(list))
        })?;
        match whole {
            Ok(list) => Ok(list),
            // This page has the server's own page size, so start again with ours.
            Err(total) => {
                drop(answer);
                self.all_pages(total).await
            }
        }
    }

    /// Returns the error of a refused PUT. An outdated version is refused like an invalid body, so the subscription is read again
    /// to tell them apart (2.3).
    async fn update_error(&self, answer: &Answer, current: &Observed) -> VendorError {
        let failed = self.error_of(answer);
        if !matches!(answer.status.as_u16(), 409 | 422) {
            return failed;
        }
        match self.read(&current.id).await {
            Ok(now) if wire::version_no(&now) == current.remote_version.as_deref() => {
                VendorError { class: Class::Rejected, ..failed }
            }
            Ok(_) => VendorError { class: Class::Outdated, ..failed },
            Err(error) => error,
        }
    }
}

impl Vendor for Contensis {
    async fn list(&self) -> Result<List, VendorError> {
        let list = self.read_list().await?;
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = Dialect::of(&list.observed);
        advice::check_rights(self).await;
        Ok(list)
    }

    fn advice(&self) -> Option<String> {
        advice::of_account(self)
    }

    fn may_write(&self) -> Option<bool> {
        self.rights.are_complete()
    }

    fn recheck_advice(&self) {
        self.rights.recheck();
    }

    async fn flush_tokens(&self) -> Result<(), VendorError> {
        self.session.flush_tokens().await
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
            return Err(advice::explained(self, self.error_of(&answer)).await);
        }
        let saved = self.saved(&answer)?;
        self.rights.record_used(&used_rights(Right::Create, desired));
        Ok(saved)
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
            return Err(advice::explained(self, self.update_error(&answer, current).await).await);
        }
        let saved = self.saved(&answer)?;
        self.rights.record_used(&[Right::Update]);
        Ok(saved)
    }

    async fn delete(&self, id: &ExternalId) -> Result<(), VendorError> {
        let answer = self.send(|| self.call(Operation::Delete, Method::DELETE, Some(id))).await?;
        if answer.status.is_success() {
            let is_resource = answer.any_json().is_some_and(|json| wire::id(&json).is_some());
            answer.check_deleted(error_detail(&answer).filter(|_| !is_resource), |own| {
                member(own, "id").is_some()
            })?;
            self.rights.record_used(&[Right::Delete]);
            return Ok(());
        }
        if answer.status.as_u16() != 404 || !(is_vendor_error(&answer) || answer.is_blank()) {
            return Err(self.error_of(&answer));
        }
        // A missing project gives the same answer; the list tells them apart (2.6).
        let there = self.list().await?.has(id);
        if there {
            Err(answer.error(Class::Unavailable, "the vendor lists it, but answers that it does not exist"))
        } else {
            Ok(())
        }
    }
}

/// Returns the items of a list or page.
#[cfg(feature = "fuzzing")]
pub(in crate::vendor) fn items(answer: &Answer) -> Result<Vec<&RawValue>, VendorError> {
    answer.json::<wire::Listing<'_>>().map(|listing| listing.items)
}

/// Returns the message of the vendor's error envelope; none if the body is something else.
fn error_detail(answer: &Answer) -> Option<String> {
    answer.any_json().as_ref().and_then(wire::in_words)
}

/// Whether an error is in the vendor's own envelope, which has a log id (2.6). A gateway's may have a message too.
fn is_vendor_error(answer: &Answer) -> bool {
    let json = answer.any_json();
    json.as_ref().and_then(|json| json.as_object()).is_some_and(|body| member(body, "logId").is_some())
}

/// Returns the rights that a successful write has used.
fn used_rights(right: Right, desired: &Document) -> Vec<Right> {
    let templates = (!desired.get("templates").is_empty()).then_some(Right::UseCustomTemplates);
    std::iter::once(right).chain(templates).collect()
}

/// The result of reading all pages.
enum Pages {
    Whole(List),
    /// They are inconsistent: something was created or deleted while they were read. Holds the last page.
    Inconsistent(Box<Answer>),
}

impl Contensis {
    /// Reads the items of an answer into a list.
    fn read_into(&self, list: &mut List, answer: &Answer, items: Vec<&RawValue>) -> Result<(), VendorError> {
        let read = |item: &RawValue| document::observed(answer, item, self.language.as_deref());
        ItemReader { rules: &RULES, id: "id", read: &read }.add(list, answer, items)
    }

    /// Reads all pages, and again if they are inconsistent. `total` is what the first answer announced.
    async fn all_pages(&self, total: usize) -> Result<List, VendorError> {
        let mut announced = Some(total);
        for _ in 1..READINGS {
            if let Pages::Whole(list) = self.pages(announced.take()).await? {
                return Ok(list);
            }
        }
        match self.pages(None).await? {
            Pages::Whole(list) => Ok(list),
            Pages::Inconsistent(last) => Err(unstable_list(&last, READINGS)),
        }
    }

    /// Reads all pages once. They have to announce one total and hold as many items, none of them twice.
    async fn pages(&self, mut total: Option<usize>) -> Result<Pages, VendorError> {
        let mut list = List { paged: true, ..List::default() };
        let (mut seen, mut length, mut memory) = (HashSet::new(), 0, None);
        for page in 0..=MOST_PAGES {
            let answer = self.page(Some(page), memory.as_ref()).await?;
            memory.get_or_insert_with(|| Arc::clone(answer.memory()));
            let listing: wire::Listing<'_> = answer.success(error_detail(&answer))?;
            length += answer.len();
            if page == MOST_PAGES || length > LONGEST_LIST {
                return Err(endless(&answer, page + 1, length));
            }
            let before = (list.observed.len(), list.unreadable.len());
            let announced = listing.total;
            compute::run(answer.len(), || self.read_into(&mut list, &answer, listing.items))?;
            let ids = list.observed[before.0..].iter().map(|one| Some(&one.id));
            let ids = ids.chain(list.unreadable[before.1..].iter().map(|item| item.id.as_ref()));
            let (mut new, mut repeated) = (0, 0);
            for id in ids {
                let is_new = id.is_none_or(|id| seen.insert(id.clone()));
                *(if is_new { &mut new } else { &mut repeated }) += 1;
            }
            let held = list.observed.len() + list.unreadable.len();
            let total = *total.get_or_insert(announced.unwrap_or(held));
            if announced.is_some_and(|announced| announced != total) {
                return Ok(Pages::Inconsistent(Box::new(answer)));
            }
            // A server that ignores the page index would return the same page forever.
            if new == 0 && held - repeated < total {
                let message = format!(
                    "the pages of the list have {} subscriptions, but announce {total}",
                    held - repeated
                );
                return Err(answer.error(Class::Unavailable, message));
            }
            if repeated > 0 || held > total {
                return Ok(Pages::Inconsistent(Box::new(answer)));
            }
            if held == total {
                check_ids(&answer, &list)?;
                break;
            }
        }
        Ok(Pages::Whole(list))
    }
}

fn endless(answer: &Answer, pages: usize, length: usize) -> VendorError {
    let message = format!(
        "the list does not end: {pages} pages have {} MiB; check the account's address",
        length >> 20
    );
    VendorError { too_large: true, ..answer.error(Class::Unavailable, message) }
}
