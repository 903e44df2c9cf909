//! From an account to a client that can do what its mode allows, and nothing more.

use super::auth::{Credentials, MissingSecret};
use super::brightpearl::Brightpearl;
use super::budget::Budget;
use super::contensis::Contensis;
use super::endpoint::{AllowedEndpoints, EndpointNotAllowed};
use super::error::VendorError;
use super::memory::AnswerMemory;
use super::report::{CallReport, Reporter};
use super::superoffice::Superoffice;
use super::transport::{Access, Http, IsLeader, Transport};
use super::{Vendor as _, brightpearl, contensis, superoffice};
use crate::api::VendorName;
use crate::api::account::Vendor;
use crate::api::superoffice::OnTooManyErrors;
use crate::api::webhook::Subscription;
use crate::plan::{Document, ExternalId, List, Observed, Redactor, Rules};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// The most values that a subscription may declare. What the vendor adds to them is read back: see `items`.
const MOST_VALUES: usize = 5000;

/// What a connection may do, as a type.
pub trait AccessLevel: Send + Sync + 'static {
    #[doc(hidden)]
    const MAY_WRITE: bool;
}

/// May read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOnly;

/// May read and write.
#[derive(Clone, Copy, Debug)]
pub struct ReadWrite;

impl AccessLevel for ReadOnly {
    const MAY_WRITE: bool = false;
}

impl AccessLevel for ReadWrite {
    const MAY_WRITE: bool = true;
}

/// What holds for every connection of the process.
#[derive(Clone)]
pub struct Settings {
    /// Where credentials may be sent beside the vendors' own hosts.
    pub allowed: AllowedEndpoints,
    report: Reporter,
    timeout: Duration,
    is_leader: IsLeader,
    http: Http,
    /// Stands in for every vendor.
    #[cfg(test)]
    fake: Option<Arc<dyn super::testing::FakeVendor>>,
}

impl Settings {
    /// `report` is told of every call.
    pub fn new(allowed: AllowedEndpoints, report: impl Fn(CallReport) + Send + Sync + 'static) -> Self {
        Self {
            allowed,
            report: Arc::new(report),
            timeout: Duration::MAX,
            is_leader: Arc::new(|| true),
            http: Http::default(),
            #[cfg(test)]
            fake: None,
        }
    }

    /// Whatever vendor an account names, this one is called.
    #[cfg(test)]
    pub(crate) fn with_vendor(self, fake: Arc<dyn super::testing::FakeVendor>) -> Self {
        Self { fake: Some(fake), ..self }
    }

    /// No vendor is called while this says no: another process may have taken over.
    #[must_use]
    pub fn while_leading(self, is_leader: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { is_leader: Arc::new(is_leader), ..self }
    }

    /// Waits until no exchange of tokens is under way, which would be lost if the process ended now.
    pub async fn token_exchanges_done(&self) {
        self.http.token_exchanges_done().await;
    }

    /// Answers of all connections together take no more memory than this.
    #[must_use]
    pub fn with_answer_memory(self, memory: AnswerMemory) -> Self {
        Self { http: self.http.with_memory(memory), ..self }
    }

    /// No call takes longer than this, whatever it is for.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not allowed.
    #[error(transparent)]
    Endpoint(#[from] EndpointNotAllowed),
    /// A Secret or a key is missing.
    #[error(transparent)]
    Secret(#[from] MissingSecret),
    /// A value in a Secret cannot be what it should be.
    #[error("the key {key} of Secret {name} {problem}")]
    Unusable {
        /// Name of the Secret.
        name: String,
        /// The key in it.
        key: String,
        /// What is wrong with it, and what to do. Never the value.
        problem: String,
    },
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

/// A client of one account. What it may do is part of its type: only `Connection<ReadWrite>` can write.
pub struct Connection<A: AccessLevel> {
    vendor: AnyVendor,
    access: PhantomData<A>,
}

enum AnyVendor {
    Brightpearl(Brightpearl),
    Contensis(Contensis),
    Superoffice(Superoffice),
    #[cfg(test)]
    Fake(Arc<dyn super::testing::FakeVendor>),
}

/// Hands one call on to whichever vendor it is.
macro_rules! each {
    ($any:expr, $vendor:ident => $call:expr) => {
        match $any {
            AnyVendor::Brightpearl($vendor) => $call,
            AnyVendor::Contensis($vendor) => $call,
            AnyVendor::Superoffice($vendor) => $call,
            #[cfg(test)]
            AnyVendor::Fake($vendor) => $call,
        }
    };
}

impl<A: AccessLevel> Connection<A> {
    /// Checks address and credentials; calls nobody. `namespace` is the account's. All clients of an account draw on its one `budget`.
    pub fn open(
        namespace: &str,
        account: &Vendor,
        credentials: &Credentials,
        budget: Arc<Budget>,
        settings: &Settings,
    ) -> Result<Self, ConnectError> {
        #[cfg(test)]
        if let Some(fake) = &settings.fake {
            return Ok(Self { vendor: AnyVendor::Fake(Arc::clone(fake)), access: PhantomData });
        }
        let access = if A::MAY_WRITE { Access::ReadWrite } else { Access::ReadOnly };
        let mut redactor = Redactor::default();
        credentials.hide_in(&mut redactor);
        let report = Arc::clone(&settings.report);
        let transport = Transport::new(&settings.http, account.name(), access, redactor, budget, report)
            .with_timeout(settings.timeout)
            .while_leading(Arc::clone(&settings.is_leader));
        let allowed = settings.allowed.of_account(account.name(), namespace);
        let vendor = match account {
            Vendor::Brightpearl(account) => {
                AnyVendor::Brightpearl(Brightpearl::new(account, credentials, &allowed, transport)?)
            }
            Vendor::Contensis(account) => {
                AnyVendor::Contensis(Contensis::new(account, credentials, &allowed, transport)?)
            }
            Vendor::Superoffice(account) => {
                AnyVendor::Superoffice(Superoffice::new(account, credentials, &allowed, transport)?)
            }
        };
        Ok(Self { vendor, access: PhantomData })
    }

    /// Comes before this client is given up for another: keeps tokens that could not be kept yet.
    pub async fn flush_tokens(&self) -> Result<(), VendorError> {
        each!(&self.vendor, vendor => vendor.flush_tokens().await)
    }

    /// What a person should do about the account although it can be read, such as rights to add.
    pub fn advice(&self) -> Option<String> {
        each!(&self.vendor, vendor => vendor.advice())
    }

    /// Has the next list find out again whether [`Self::advice`] still holds.
    pub fn recheck_advice(&self) {
        each!(&self.vendor, vendor => vendor.recheck_advice());
    }

    /// Every subscription of the account.
    pub async fn list(&self) -> Result<List, VendorError> {
        each!(&self.vendor, vendor => vendor.list().await)
    }
}

impl Connection<ReadWrite> {
    /// Makes a subscription; see [`VendorError::outcome_unknown`].
    pub async fn create(&self, desired: &Document) -> Result<Observed, VendorError> {
        each!(&self.vendor, vendor => vendor.create(desired).await)
    }

    /// Makes an existing subscription match.
    pub async fn update(&self, current: &Observed, desired: &Document) -> Result<Observed, VendorError> {
        each!(&self.vendor, vendor => vendor.update(current, desired).await)
    }

    /// Deletes a subscription; one that is not there is success.
    pub async fn delete(&self, id: &ExternalId) -> Result<(), VendorError> {
        each!(&self.vendor, vendor => vendor.delete(id).await)
    }
}

/// How that vendor's fields compare.
pub fn rules(vendor: VendorName) -> &'static Rules {
    match vendor {
        VendorName::Brightpearl => &brightpearl::RULES,
        VendorName::Contensis => &contensis::RULES,
        VendorName::Superoffice => &superoffice::RULES,
    }
}

/// What is likely to be refused, and that only the vendor can judge; none if all looks well.
pub fn advice(vendor: VendorName, desired: &Document) -> Option<String> {
    match vendor {
        VendorName::Brightpearl => brightpearl::advice(desired),
        VendorName::Superoffice => superoffice::advice(desired),
        VendorName::Contensis => None,
    }
}

/// Why the account can never take what is declared, where neither a rule of the CRD nor the vendor's answer tells: the former
/// does not see the account, and a dry run has no answer.
pub fn refusal(account: &Vendor, desired: &Document) -> Option<String> {
    if !desired.has_at_most(MOST_VALUES) {
        return Some(format!(
            "the subscription has more than {MOST_VALUES} values (topics, events, headers, members of templates or properties, and what they hold); make several Webhooks of it"
        ));
    }
    match account {
        Vendor::Superoffice(account) => superoffice::refusal(account, desired),
        Vendor::Brightpearl(_) | Vendor::Contensis(_) => None,
    }
}

/// Whether a subscription that the vendor has stopped by itself is to be started again.
pub fn auto_reenable(subscription: &Subscription) -> bool {
    match subscription {
        Subscription::Superoffice(declared) => declared.on_too_many_errors == OnTooManyErrors::Reactivate,
        Subscription::Brightpearl(_) | Subscription::Contensis(_) | Subscription::Unreadable { .. } => false,
    }
}

/// How long a new subscription may be missing from the vendor's list. No vendor promises that its list shows at once what it
/// has just created; Contensis' may be served from an index (vendors/contensis.md 10, row 21).
pub fn list_lag(vendor: VendorName) -> Duration {
    match vendor {
        VendorName::Contensis => Duration::from_secs(10),
        VendorName::Brightpearl | VendorName::Superoffice => Duration::from_secs(5),
    }
}

/// Whether an update names the version that it was made of, and the vendor refuses it when that is an old one: then nothing
/// that somebody else has changed meanwhile is overwritten unseen (vendors/contensis.md 2.3).
pub fn has_optimistic_locking(vendor: VendorName) -> bool {
    match vendor {
        VendorName::Contensis => true,
        VendorName::Brightpearl | VendorName::Superoffice => false,
    }
}

/// Reads one subscription of an answer as the vendor's client does; else says what is wrong with its shape.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn observed(
    vendor: VendorName,
    answer: &super::transport::Answer,
    item: &serde_json::value::RawValue,
    language: Option<&str>,
) -> Result<Observed, String> {
    match vendor {
        VendorName::Brightpearl => brightpearl::document::observed(answer, item),
        VendorName::Contensis => contensis::document::observed(answer, item, language),
        VendorName::Superoffice => superoffice::document::observed(answer, item),
    }
}

/// Hides every secret of a document that is about to be sent.
pub(crate) fn secrets_of(document: &Document) -> Redactor {
    let mut redactor = Redactor::default();
    document.for_each_text(&mut |text| {
        for (variable, secret) in text.secrets() {
            redactor.hide(secret, &format!("$({variable})"));
        }
    });
    redactor
}
