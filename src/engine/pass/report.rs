//! What a pass has found out and done, for the account's status, metrics and the log line.

use super::PassError;
use crate::api::status::{RecentDeletions, SubscriptionCounts, UnmanagedSubscription};
use crate::engine::cluster::writer::WriteError;
use crate::engine::error::AccountError;
use crate::plan::guard::TooMany;
use std::time::Duration;

/// What a pass has found out and done.
#[derive(Default)]
pub(crate) struct PassReport {
    /// None if the pass did not get to a plan, so that no Webhook was handled.
    pub(crate) plan: Option<PlanReport>,
    pub(crate) counts: PassCounts,
    /// What a person should do about the account although its list can be read.
    pub(crate) advice: Option<String>,
    /// Why the pass ended early.
    pub(crate) error: Option<PassError>,
}

impl PassReport {
    /// Returns why only deletions are executed, if that is so.
    pub(crate) fn deletions_only(&self) -> Option<&AccountError> {
        self.plan.as_ref()?.deletions_only.as_ref()
    }
}

/// What a plan says about the account as a whole.
#[derive(Default)]
pub(crate) struct PlanReport {
    pub(crate) subscriptions: SubscriptionCounts,
    pub(crate) unmanaged: Vec<UnmanagedSubscription>,
    pub(crate) deletions_only: Option<AccountError>,
    /// How long some deletions wait for others of their namespace, with which they are judged together.
    pub(crate) gathering: Option<Duration>,
    /// Deletions that need an approval: those of the account's own namespace first.
    pub(crate) blocked: Vec<TooMany>,
    /// Why deletions could not be recorded in the account's status, and therefore are not executed.
    pub(crate) unrecorded: Option<WriteError>,
    /// Ids whose deletion is allowed, and that are still there.
    pub(crate) allowed: Vec<String>,
    /// Changes that redirect or disable deliveries, are allowed and are still to be made.
    pub(crate) allowed_changes: Vec<String>,
    /// Recent deletions that needed no approval.
    pub(crate) recent: Option<RecentDeletions>,
}

/// How many Webhooks had which result.
#[derive(Clone, Copy, Default)]
pub(crate) struct PassCounts {
    pub(crate) done: usize,
    pub(crate) blocked: usize,
    pub(crate) failed: usize,
    /// Steps that are left for the next pass with this list.
    pub(crate) left: usize,
    /// How long steps of guests wait, as the rest of the budget is reserved for the account's own namespace.
    pub(crate) guests_wait: Option<Duration>,
    /// Whether an object or subscription was changed between reading and writing.
    pub(crate) conflict: bool,
    /// How many writes the vendor did not answer.
    pub(crate) unanswered: u32,
}
