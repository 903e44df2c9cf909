//! What to do for a Webhook that is being deleted.

use super::PlanContext;
use crate::api::webhook::DeletionPolicy;
use crate::plan::ExternalId;
use crate::plan::cause::Cause;
use crate::plan::decision::{BlockedReason, Decision, Step};
use crate::plan::identity::Match;
use crate::plan::item::Item;

impl PlanContext<'_> {
    pub(super) fn delete(&self, claim: &Match) -> Item {
        self.item(self.deletion(claim), Cause::Deleted)
    }

    fn deletion(&self, claim: &Match) -> Decision {
        let webhook = self.webhook;
        let (found, replaced) = self.found(claim);
        if webhook.policy.deletion == DeletionPolicy::Retain || webhook.policy.release {
            return Decision::Execute(Step::Retain { id: found });
        }
        let blocked = |id, reason| Decision::Execute(Step::Delete { id, ids: Vec::new() }).block(reason);
        if let Some(reason) = self.invalid_id() {
            return blocked(None, reason);
        }
        if let Some(reason) = self.settling() {
            return blocked(found, reason);
        }
        // Without the finalizer, a subscription that appears later would be unmanaged.
        let unseen = match claim {
            Match::Unreadable(item) => Some(BlockedReason::Unreadable(item.clone())),
            _ => (webhook.recorded.is_some() && webhook.hints.may_lag).then_some(BlockedReason::NotListedYet),
        };
        if let (None, Some(reason)) = (&found, unseen) {
            return blocked(webhook.recorded.clone(), reason);
        }
        let mut ids: Vec<ExternalId> = found.iter().cloned().chain(replaced).collect();
        ids.extend(self.superseded());
        Decision::Execute(if ids.is_empty() {
            Step::RemoveFinalizer
        } else {
            Step::Delete { id: found, ids }
        })
    }

    /// The subscription of the Webhook, and the one that it replaces if that is not recorded yet.
    fn found(&self, claim: &Match) -> (Option<ExternalId>, Option<ExternalId>) {
        let id = |at: usize| Some(self.observed[at].id.clone());
        match claim {
            Match::Recorded(at) | Match::Pinned(at) | Match::FromPendingCreate(at) | Match::Equal(at, _) => {
                (id(*at), None)
            }
            Match::Replaced { old, new } => (id(*new), id(*old)),
            // An id is all that a deletion needs.
            Match::Unreadable(_) if self.webhook.own_unreadable().is_some() => {
                (self.webhook.recorded.clone(), None)
            }
            Match::Unreadable(_)
            | Match::Missing
            | Match::Nothing
            | Match::Similar(_)
            | Match::PinnedNotFound(_)
            | Match::PinnedPending
            | Match::Conflict(_)
            | Match::ConflictElsewhere(_) => (None, None),
        }
    }
}
