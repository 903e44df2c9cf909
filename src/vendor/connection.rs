//! Opens the client of an account, with the access that its mode allows.

use super::auth::{ConnectError, Credentials, SecretRefs};
use super::brightpearl::Brightpearl;
use super::budget::Budget;
use super::contensis::Contensis;
use super::endpoint::AllowedEndpoints;
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

/// Maximum number of values that a subscription may declare. `items` bounds what is read back.
const MOST_VALUES: usize = 5000;

/// The access of a connection, as a type.
pub trait AccessLevel: Send + Sync + 'static {
    #[doc(hidden)]
    const MAY_WRITE: bool;
}

/// Read access.
#[derive(Clone, Copy, Debug)]
pub struct ReadOnly;

/// Read and write access.
#[derive(Clone, Copy, Debug)]
pub struct ReadWrite;

impl AccessLevel for ReadOnly {
    const MAY_WRITE: bool = false;
}

impl AccessLevel for ReadWrite {
    const MAY_WRITE: bool = true;
}

/// Settings of every connection of the process.
#[derive(Clone)]
pub struct Settings {
    /// Where credentials may be sent besides the vendors' own hosts.
    pub allowed: AllowedEndpoints,
    report: Reporter,
    timeout: Duration,
    is_leader: IsLeader,
    http: Http,
    /// Replaces every vendor.
    #[cfg(test)]
    fake: Option<Arc<dyn super::testing::FakeVendor>>,
}

impl Settings {
    /// `report` is called after every call.
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

    /// Replaces every vendor by this one.
    #[cfg(test)]
    pub(crate) fn with_vendor(self, fake: Arc<dyn super::testing::FakeVendor>) -> Self {
        Self { fake: Some(fake), ..self }
    }

    /// Refuses calls while `is_leader` returns false: another process may have become the leader.
    #[must_use]
    pub fn while_leading(self, is_leader: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { is_leader: Arc::new(is_leader), ..self }
    }

    /// Waits until no token exchange is in flight. Its tokens would be lost if the process ended before.
    pub async fn token_exchanges_done(&self) {
        self.http.token_exchanges_done().await;
    }

    /// Bounds the memory of the answers of all connections together.
    #[must_use]
    pub fn with_answer_memory(self, memory: AnswerMemory) -> Self {
        Self { http: self.http.with_memory(memory), ..self }
    }

    /// Bounds how long any call may take.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

/// A client of one account. Only `Connection<ReadWrite>` has methods that write.
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

/// Calls the client of the vendor.
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
    /// Checks address and credentials; makes no call. `namespace` is the account's. All clients of an account share its `budget`.
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

    /// Stores exchanged tokens that could not be stored yet. Must be called before the client is replaced.
    pub async fn flush_tokens(&self) -> Result<(), VendorError> {
        each!(&self.vendor, vendor => vendor.flush_tokens().await)
    }

    /// Returns what a person should do about an account that can be read, such as rights to add.
    pub fn advice(&self) -> Option<String> {
        each!(&self.vendor, vendor => vendor.advice())
    }

    /// Returns whether the login may write, as the vendor told with the last list; `None` if it does not tell.
    pub fn may_write(&self) -> Option<bool> {
        each!(&self.vendor, vendor => vendor.may_write())
    }

    /// Makes the next list check again whether [`Self::advice`] still applies.
    pub fn recheck_advice(&self) {
        each!(&self.vendor, vendor => vendor.recheck_advice());
    }

    /// Returns every subscription of the account.
    pub async fn list(&self) -> Result<List, VendorError> {
        each!(&self.vendor, vendor => vendor.list().await)
    }
}

impl Connection<ReadWrite> {
    /// Creates a subscription; after an error see [`VendorError::outcome_unknown`].
    pub async fn create(&self, desired: &Document) -> Result<Observed, VendorError> {
        each!(&self.vendor, vendor => vendor.create(desired).await)
    }

    /// Changes a subscription to what is desired.
    pub async fn update(&self, current: &Observed, desired: &Document) -> Result<Observed, VendorError> {
        each!(&self.vendor, vendor => vendor.update(current, desired).await)
    }

    /// Deletes a subscription. Succeeds if there is none with that id.
    pub async fn delete(&self, id: &ExternalId) -> Result<(), VendorError> {
        each!(&self.vendor, vendor => vendor.delete(id).await)
    }
}

/// Returns what an account reads from Secrets to log in.
pub fn secret_refs(account: &Vendor) -> SecretRefs {
    match account {
        Vendor::Brightpearl(account) => brightpearl::secret_refs(account),
        Vendor::Contensis(account) => contensis::secret_refs(account),
        Vendor::Superoffice(account) => superoffice::secret_refs(account),
    }
}

/// Returns the rules by which the vendor's fields are compared.
pub fn rules(vendor: VendorName) -> &'static Rules {
    match vendor {
        VendorName::Brightpearl => &brightpearl::RULES,
        VendorName::Contensis => &contensis::RULES,
        VendorName::Superoffice => &superoffice::RULES,
    }
}

/// Returns a warning about what the vendor is likely to refuse, but only the vendor can decide.
pub fn advice(vendor: VendorName, desired: &Document) -> Option<String> {
    match vendor {
        VendorName::Brightpearl => brightpearl::advice(desired),
        VendorName::Superoffice => superoffice::advice(desired),
        VendorName::Contensis => None,
    }
}

/// Returns why the account can never accept what is declared. For rules that the CRD cannot express, as they depend on the
/// account, and that a dry run has to report without a call.
pub fn refusal(account: &Vendor, desired: &Document) -> Option<String> {
    if !desired.has_at_most(MOST_VALUES) {
        return Some(format!(
            "the subscription has more than {MOST_VALUES} values (topics, events, headers, and everything in templates or properties): split it into several Webhooks"
        ));
    }
    match account {
        Vendor::Superoffice(account) => superoffice::refusal(account, desired),
        Vendor::Brightpearl(_) | Vendor::Contensis(_) => None,
    }
}

/// Whether a subscription is to be re-enabled after the vendor disabled it.
pub fn auto_reenable(subscription: &Subscription) -> bool {
    match subscription {
        Subscription::Superoffice(declared) => declared.on_too_many_errors == OnTooManyErrors::Reactivate,
        Subscription::Brightpearl(_) | Subscription::Contensis(_) | Subscription::Unreadable { .. } => false,
    }
}

/// Returns how long a new subscription may be missing from the vendor's list. No vendor documents that its list is consistent
/// with a create; Contensis may serve it from an index (vendors/contensis.md 10, row 21).
pub fn list_lag(vendor: VendorName) -> Duration {
    match vendor {
        VendorName::Contensis => Duration::from_secs(10),
        VendorName::Brightpearl | VendorName::Superoffice => Duration::from_secs(5),
    }
}

/// Whether an update names the version that it is based on and the vendor refuses an outdated one, so that it never overwrites
/// an unseen change (vendors/contensis.md 2.3).
pub fn has_optimistic_locking(vendor: VendorName) -> bool {
    match vendor {
        VendorName::Contensis => true,
        VendorName::Brightpearl | VendorName::Superoffice => false,
    }
}

/// Reads one subscription of an answer as the vendor's client does. An error says what is wrong with its shape.
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
