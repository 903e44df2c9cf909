//! The planner's answer for one Webhook. Everything else about it, such as its action, is derived from it.

use super::ExternalId;
use super::Key;
use super::cause::Cause;
use super::declared::Policy;
use super::document::Document;
use super::elsewhere::Rival;
use super::list::Unreadable;
use crate::api::Mode;
use crate::api::status::Action;
use crate::api::webhook::DriftPolicy;

/// What to do for one Webhook.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Nothing. The subscription, if there is one, stays as it is.
    Keep(Option<ExternalId>),
    /// Execute this step.
    Execute(Step),
    /// Execute nothing for now.
    Blocked {
        /// Why.
        reason: BlockedReason,
        /// What would be done otherwise.
        would: Box<Self>,
    },
}

/// What to do at the vendor and in the object.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Create a subscription.
    Create {
        /// The content to write.
        document: Document,
    },
    /// Record an existing subscription as it is.
    Adopt {
        /// The subscription.
        id: ExternalId,
    },
    /// Record the replacement that a pending create made, then delete what it replaces.
    AdoptReplacement {
        /// The replacement.
        id: ExternalId,
        /// The subscription that it replaces.
        replaced: ExternalId,
    },
    /// Change a subscription in place.
    Update {
        /// The subscription.
        id: ExternalId,
        /// The content to write.
        document: Document,
    },
    /// Save a subscription again that the vendor has disabled by itself, so that it delivers again.
    Reenable {
        /// The subscription.
        id: ExternalId,
        /// The content to write.
        document: Document,
    },
    /// Create a subscription, then delete the one that it replaces.
    Replace {
        /// The subscription that is replaced.
        id: ExternalId,
        /// The content of the new one.
        document: Document,
    },
    /// Delete subscriptions that were replaced.
    DeleteSuperseded {
        /// The subscription that took their place.
        id: ExternalId,
        /// The replaced ones.
        superseded: Vec<ExternalId>,
    },
    /// Delete all subscriptions of a Webhook, then remove its finalizer.
    Delete {
        /// The subscription that it uses, if that is known.
        id: Option<ExternalId>,
        /// All that are deleted. Empty while that cannot be said yet.
        ids: Vec<ExternalId>,
    },
    /// Remove the finalizer and keep the subscription at the vendor.
    Retain {
        /// The subscription, if there is one.
        id: Option<ExternalId>,
    },
    /// Remove the finalizer: nothing is left at the vendor.
    RemoveFinalizer,
}

/// Why a step may not be executed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockedReason {
    /// Plan mode.
    PlanOnly,
    /// `suspend: true`.
    Suspended,
    /// The vendor may still commit a create.
    CreatePending,
    /// A subscription that was created lately is not in the vendor's list, which may lag.
    NotListedYet,
    /// `driftPolicy: Report`.
    DriftReported,
    /// The same difference was corrected several times, and each correction was undone.
    CorrectionDoesNotHold,
    /// Too many subscriptions would be deleted at once.
    DeletionGuard,
    /// Unmanaged subscriptions have the same natural key.
    SimilarExists(Vec<ExternalId>),
    /// An older Webhook has or declares the same subscription.
    Conflict(Key),
    /// A Webhook at another VendorAccount object has or declares the same subscription.
    ConflictElsewhere(Rival),
    /// The id in the spec does not exist at the vendor.
    ExternalIdNotFound(ExternalId),
    /// The vendor lists its subscription, or one that may be its own, in a shape that cannot be read.
    Unreadable(Unreadable),
    /// The declared subscription cannot be determined.
    Unknown {
        /// Condition reason.
        reason: &'static str,
        /// What is missing and what to do.
        message: String,
    },
}

impl Decision {
    /// The step to execute; none if nothing is to be done or it is blocked.
    pub fn step(&self) -> Option<&Step> {
        match self {
            Self::Execute(step) => Some(step),
            Self::Keep(_) | Self::Blocked { .. } => None,
        }
    }

    /// The step to execute, blocked or not.
    pub(super) fn intended(&self) -> Option<&Step> {
        match self {
            Self::Keep(_) => None,
            Self::Execute(step) => Some(step),
            Self::Blocked { would, .. } => would.intended(),
        }
    }

    /// Why nothing is executed, although something would be done otherwise.
    pub fn blocked(&self) -> Option<&BlockedReason> {
        match self {
            Self::Blocked { reason, .. } => Some(reason),
            Self::Keep(_) | Self::Execute(_) => None,
        }
    }

    /// Returns the action, blocked or not.
    pub fn action(&self) -> Action {
        self.intended().map_or(Action::None, Step::action)
    }

    /// The subscription that it is about, if there is one already.
    pub fn id(&self) -> Option<&ExternalId> {
        match self {
            Self::Keep(id) => id.as_ref(),
            Self::Execute(step) => step.id(),
            Self::Blocked { would, .. } => would.id(),
        }
    }

    /// The number of write requests to the vendor, blocked or not.
    pub fn number_of_calls(&self) -> usize {
        match self {
            // Where a similar one exists, a person decides first whether it is created or adopted.
            Self::Keep(_) | Self::Blocked { reason: BlockedReason::SimilarExists(_), .. } => 0,
            Self::Execute(step) => step.number_of_calls(),
            Self::Blocked { would, .. } => would.number_of_calls(),
        }
    }

    /// Whether there is nothing to do and nothing to say but that the Webhook may be suspended.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::Keep(_) => true,
            Self::Execute(_) => false,
            Self::Blocked { reason, would } => *reason == BlockedReason::Suspended && would.is_nothing(),
        }
    }

    /// The same, blocked.
    #[must_use]
    pub(crate) fn block(self, reason: BlockedReason) -> Self {
        Self::Blocked { reason, would: Box::new(self) }
    }

    /// The same, blocked if there is a reason.
    #[must_use]
    pub(super) fn block_if(self, reason: Option<BlockedReason>) -> Self {
        match reason {
            Some(reason) => self.block(reason),
            None => self,
        }
    }
}

impl Step {
    /// Returns the action.
    pub fn action(&self) -> Action {
        match self {
            Self::Create { .. } => Action::Create,
            Self::Adopt { .. } => Action::Adopt,
            Self::Update { .. } | Self::Reenable { .. } => Action::Update,
            Self::Replace { .. } | Self::AdoptReplacement { .. } | Self::DeleteSuperseded { .. } => {
                Action::Replace
            }
            Self::Delete { .. } => Action::Delete,
            Self::Retain { .. } => Action::Retain,
            Self::RemoveFinalizer => Action::None,
        }
    }

    /// The subscription that it is about, if there is one already.
    fn id(&self) -> Option<&ExternalId> {
        match self {
            Self::Adopt { id }
            | Self::AdoptReplacement { replaced: id, .. }
            | Self::Update { id, .. }
            | Self::Reenable { id, .. }
            | Self::Replace { id, .. }
            | Self::DeleteSuperseded { id, .. } => Some(id),
            Self::Delete { id, .. } | Self::Retain { id } => id.as_ref(),
            Self::Create { .. } | Self::RemoveFinalizer => None,
        }
    }

    /// The number of write requests to the vendor.
    pub fn number_of_calls(&self) -> usize {
        match self {
            Self::Create { .. }
            | Self::Update { .. }
            | Self::Reenable { .. }
            | Self::AdoptReplacement { .. } => 1,
            Self::Replace { .. } => 2,
            Self::DeleteSuperseded { superseded: ids, .. } | Self::Delete { ids, .. } => ids.len(),
            Self::Adopt { .. } | Self::Retain { .. } | Self::RemoveFinalizer => 0,
        }
    }

    /// The subscriptions that it deletes and does not replace itself.
    pub(super) fn deletes(&self) -> &[ExternalId] {
        match self {
            Self::DeleteSuperseded { superseded: ids, .. } | Self::Delete { ids, .. } => ids,
            _ => &[],
        }
    }

    /// Whether it creates a subscription.
    pub fn creates(&self) -> bool {
        matches!(self, Self::Create { .. } | Self::Replace { .. })
    }

    /// Whether it removes the finalizer without a request to the vendor.
    pub fn only_removes_finalizer(&self) -> bool {
        matches!(self, Self::Retain { .. } | Self::RemoveFinalizer)
    }
}

/// Blocks what policy does not allow.
pub(super) fn apply_policy(decision: Decision, cause: Cause, policy: Policy) -> Decision {
    if policy.suspended && decision.action() != Action::Retain {
        return decision.block(BlockedReason::Suspended);
    }
    let Some(step) = decision.step() else { return decision };
    let plan_only = policy.mode == Mode::Plan && !step.only_removes_finalizer();
    // An adoption changes nothing at the vendor, and a replacement that has begun is completed.
    let changes = !matches!(step, Step::Adopt { .. } | Step::AdoptReplacement { .. });
    let reported = policy.drift == DriftPolicy::Report && cause.is_drift() && changes;
    if plan_only {
        decision.block(BlockedReason::PlanOnly)
    } else if reported {
        decision.block(BlockedReason::DriftReported)
    } else {
        decision
    }
}
