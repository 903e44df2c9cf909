//! How many steps of a pass are in flight, and what stops further ones.

use super::PassError;
use super::report::PassCounts;
use crate::engine::clock;
use crate::engine::error::AccountError;
use crate::engine::status::conditions::FORBIDDEN;
use crate::plan::Priority;
use crate::vendor::{Class, VendorError};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Steps begin for this long; then the account is planned again, so that a new edit never waits behind a backlog.
const LONGEST: Duration = Duration::from_secs(10);
/// The same limit from the first step of a guest on.
const LONGEST_OF_GUESTS: Duration = Duration::from_secs(1);
/// The most steps in flight: enough to hide how long a vendor takes to answer, few enough to be no burst. The first step runs alone, each
/// success doubles the limit, and a failure sets it back to one.
const MAX_IN_FLIGHT: usize = 8;

/// The result of one item of a plan.
pub(crate) enum ItemResult {
    InSync,
    Done,
    Blocked,
    /// The account cannot be reconciled.
    Waiting,
    /// The call to the vendor failed.
    Failed(VendorError),
    /// A subscription was adopted that differs from what is declared; the next plan updates it.
    AdoptedNeedsUpdate,
    /// The object was changed, deleted or created again since it was read.
    Conflict,
    /// The API server refuses a write that concerns only this Webhook.
    Refused,
    /// hooktender lacks a right for the Webhooks of this namespace.
    Forbidden {
        namespace: String,
        message: String,
    },
    /// The finalizer of the Webhook with this uid was removed.
    Removed(String),
}

/// The steps of a pass that are in flight.
pub(crate) struct ExecutionWindow {
    pub(crate) deadline: Instant,
    /// How many steps may be in flight now.
    pub(crate) limit: usize,
    /// How many calls the steps in flight may still make.
    pub(crate) calls: usize,
    pub(crate) priority: Option<Priority>,
    guests_began: bool,
    /// Why no further step at the vendor begins.
    pub(crate) vendor_error: Option<VendorError>,
    /// Why nothing further begins.
    pub(crate) cluster_error: Option<PassError>,
    /// Namespaces whose Webhooks may not be written, with the API server's message.
    forbidden: HashMap<String, String>,
    /// The uids of Webhooks whose finalizer was removed.
    pub(crate) removed: Vec<String>,
    pub(crate) counts: PassCounts,
}

impl ExecutionWindow {
    pub(crate) fn new() -> Self {
        Self {
            deadline: clock::now() + LONGEST,
            limit: 1,
            calls: 0,
            priority: None,
            guests_began: false,
            vendor_error: None,
            cluster_error: None,
            forbidden: HashMap::new(),
            removed: Vec::new(),
            counts: PassCounts::default(),
        }
    }

    /// Records that a step of a guest begins.
    pub(crate) fn guest_begins(&mut self) {
        if !std::mem::replace(&mut self.guests_began, true) {
            self.deadline = self.deadline.min(clock::now() + LONGEST_OF_GUESTS);
        }
    }

    /// Records that a step of a guest has to wait. A pass for each single call that becomes free is not worth it.
    pub(crate) fn guest_waits(&mut self, wait: Duration) {
        let wait = wait.max(LONGEST_OF_GUESTS);
        self.counts.guests_wait = Some(self.counts.guests_wait.map_or(wait, |other| other.min(wait)));
    }

    /// Whether hooktender lacks a right for the Webhooks of that namespace.
    pub(crate) fn is_forbidden(&self, namespace: &str) -> bool {
        self.forbidden.contains_key(namespace)
    }

    /// Takes the result of an item that was in flight with this many calls.
    pub(crate) fn finished(&mut self, calls: usize, result: Result<ItemResult, PassError>) {
        self.calls -= calls;
        self.limit = (self.limit * 2).min(MAX_IN_FLIGHT);
        match result {
            Ok(ItemResult::InSync) => {}
            Ok(ItemResult::Done) => self.counts.done += 1,
            Ok(ItemResult::Blocked) => self.counts.blocked += 1,
            Ok(ItemResult::Waiting | ItemResult::Refused) => self.counts.failed += 1,
            Ok(ItemResult::AdoptedNeedsUpdate) => self.counts.left += 1,
            Ok(ItemResult::Removed(uid)) => {
                self.counts.done += 1;
                self.removed.push(uid);
            }
            Ok(ItemResult::Conflict) => {
                self.failed();
                self.counts.conflict = true;
            }
            Ok(ItemResult::Forbidden { namespace, message }) => {
                self.failed();
                self.forbidden.insert(namespace, message);
            }
            Ok(ItemResult::Failed(error)) => {
                self.failed();
                self.vendor_error = self.concerns_account(&error).or(self.vendor_error.take());
            }
            Err(error) => {
                self.limit = 1;
                self.cluster_error.get_or_insert(error);
            }
        }
    }

    fn failed(&mut self) {
        self.limit = 1;
        self.counts.failed += 1;
    }

    /// Returns the error if it concerns the whole account. One write without an answer may be the fault of its Webhook, and must not stop
    /// the others; two are the vendor's.
    fn concerns_account(&mut self, error: &VendorError) -> Option<VendorError> {
        match error.class {
            Class::Rejected => None,
            Class::Outdated | Class::NotFound => {
                self.counts.conflict = true;
                None
            }
            Class::Unavailable => {
                self.counts.unanswered += 1;
                (self.counts.unanswered > 1).then(|| error.clone())
            }
            Class::Throttled | Class::Credentials => Some(error.clone()),
        }
    }

    /// Returns why the pass ended early, if it did.
    pub(crate) fn stopped_by(self) -> Option<PassError> {
        let forbidden = self.forbidden.into_iter().min();
        match (self.cluster_error, self.vendor_error, forbidden) {
            (Some(error), _, _) => Some(error),
            (None, Some(error), _) => Some(PassError::Failed(AccountError::of(&error), Some(error))),
            (None, None, Some((namespace, message))) => {
                Some(PassError::Forbidden(lacks_right(&namespace, &message)))
            }
            (None, None, None) => None,
        }
    }
}

fn lacks_right(namespace: &str, message: &str) -> AccountError {
    let message = format!(
        "hooktender has no permission to write Webhooks of namespace {namespace}: {message}; give its ServiceAccount the rights that the chart gives it"
    );
    AccountError::stalled(FORBIDDEN, message)
}
