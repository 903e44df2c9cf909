//! What to do for a Webhook that stays.

use super::PlanContext;
use super::differences::{MatchedBy, forced_changes};
use crate::api::webhook::DriftPolicy;
use crate::plan::cause::Cause;
use crate::plan::decision::{BlockedReason, Decision, Step};
use crate::plan::declared::Desired;
use crate::plan::diff::{Change, creation};
use crate::plan::document::{Document, digest};
use crate::plan::identity::Match;
use crate::plan::impact::impact;
use crate::plan::item::Item;
use crate::plan::{Delivery, ExternalId, Observed};

impl PlanContext<'_> {
    pub(super) fn keep(&self, found: Match) -> Item {
        if let Some(reason) = self.invalid_id() {
            return self.blocked(None, reason);
        }
        let recorded = self.webhook.recorded.clone();
        let desired = match &self.webhook.desired {
            Desired::Known(desired) => desired,
            Desired::Unknown { reason, message } => {
                return self.blocked(recorded, BlockedReason::Unknown { reason, message: message.clone() });
            }
        };
        match found {
            Match::Recorded(at) => self.existing(&self.observed[at], desired, MatchedBy::Recorded),
            Match::Replaced { old, new } => self.replaced(&self.observed[old], &self.observed[new], desired),
            Match::Pinned(at) => self.existing(&self.observed[at], desired, MatchedBy::Pinned),
            Match::FromPendingCreate(at) => {
                self.existing(&self.observed[at], desired, MatchedBy::FromPendingCreate)
            }
            Match::Equal(at, duplicates) => {
                let found = &self.observed[at];
                // Equal as far as it can be read; write-only values are sent.
                let sends = self.webhook.hints.write_only_changed || self.takes_over(found, desired);
                let item = if sends {
                    self.existing(found, desired, MatchedBy::Pinned)
                } else {
                    self.adopt(&found.id)
                };
                Item { duplicates, ..item }
            }
            Match::Missing => self.create(desired, Cause::Gone),
            Match::Nothing => self.create(desired, Cause::New),
            Match::Similar(ids) => {
                let create = Decision::Execute(Step::Create { document: desired.clone() });
                let changes = self.changes_to_similar(&ids, desired);
                let item = self.item(create.block(BlockedReason::SimilarExists(ids)), Cause::New);
                Item { changes, ..item }
            }
            Match::PinnedNotFound(id) => self.blocked(None, BlockedReason::ExternalIdNotFound(id)),
            Match::PinnedPending => self.blocked(None, BlockedReason::CreatePending),
            Match::Conflict(other) => self.blocked(recorded, BlockedReason::Conflict(other)),
            Match::Unreadable(item) => self.blocked(recorded, BlockedReason::Unreadable(item)),
            Match::ConflictElsewhere(rival) => {
                self.blocked(recorded, BlockedReason::ConflictElsewhere(rival))
            }
        }
    }

    /// Returns what an adoption of the first similar subscription would change: a person decides by that whether it is the same one. A guest is
    /// not shown which fields are equal to what another namespace may have written.
    fn changes_to_similar(&self, ids: &[ExternalId], desired: &Document) -> Vec<Change> {
        let first = ids.first().filter(|_| !self.webhook.guest);
        let first = first.and_then(|id| self.observed.iter().find(|one| one.id == *id));
        first.map(|first| self.changes(first, desired, MatchedBy::Pinned)).unwrap_or_default()
    }

    /// Returns that nothing can be decided for that subscription.
    fn blocked(&self, id: Option<ExternalId>, reason: BlockedReason) -> Item {
        self.item(Decision::Keep(id).block(reason), Cause::InSync)
    }

    fn create(&self, desired: &Document, cause: Cause) -> Item {
        // A spec that was edited since is applied, not reported, although the subscription is gone as well.
        let cause =
            if cause == Cause::Gone && self.spec_changed(desired) { Cause::SpecChanged } else { cause };
        let create = Decision::Execute(Step::Create { document: desired.clone() });
        let blocked =
            self.settling().or_else(|| self.webhook.hints.may_lag.then_some(BlockedReason::NotListedYet));
        let changes = creation(self.rules, desired, self.webhook.redaction(true));
        Item { changes, ..self.item(create.block_if(blocked), cause) }
    }

    fn existing(&self, found: &Observed, desired: &Document, by: MatchedBy) -> Item {
        let id = found.id.clone();
        let named = by != MatchedBy::Recorded;
        let mut changes = self.changes(found, desired, by);
        let differs = !changes.is_empty();
        let foreign = self.takes_over(found, desired);
        let rotated = self.webhook.hints.write_only_changed || foreign;
        // A save re-enables one that the vendor has disabled, which has a schedule of its own.
        let disabled = found.delivery == Some(Delivery::DisabledByVendor);
        if rotated || (changes.is_empty() && !disabled && self.may_be_overwritten(found)) {
            let why = match (foreign, rotated) {
                (true, _) => "(cannot be compared)",
                (false, true) => "(secret changed)",
                (false, false) => "(sent again)",
            };
            changes.extend(forced_changes(&self.rules.write_only_values(desired), why, rotated));
        }
        if changes.is_empty() {
            return self.reenable(found, desired).unwrap_or_else(|| self.unchanged(id, named));
        }
        // An id in the spec that is not recorded yet is a change of the spec as well.
        let ours = named || rotated || self.spec_changed(desired);
        let cause = match ours {
            // Who changed it is not recorded anywhere.
            _ if self.webhook.stateless => Cause::Found,
            _ if foreign && !differs => Cause::NotComparable,
            true => Cause::SpecChanged,
            false => Cause::VendorEdit,
        };
        // A replaced subscription is deleted even if drift of its replacement is only reported.
        let superseded = self.superseded();
        if cause.is_drift() && self.webhook.policy.drift == DriftPolicy::Report && !superseded.is_empty() {
            return self.delete_superseded(id, superseded);
        }
        let document = desired.clone();
        let decision = if changes.iter().any(|change| change.replaces) {
            Decision::Execute(Step::Replace { id, document }).block_if(self.settling())
        } else {
            Decision::Execute(Step::Update { id, document })
        };
        // A correction restores what was declared.
        let is_edit = cause == Cause::SpecChanged;
        let impact = if is_edit { impact(self.rules, &found.document, desired) } else { None };
        Item { changes, impact, ..self.item(decision, cause) }
    }

    /// Re-enables a subscription that the vendor has disabled by itself, if that is due.
    fn reenable(&self, found: &Observed, desired: &Document) -> Option<Item> {
        let (field, reenabled) = self.rules.disabled_by_vendor(&found.document, desired)?;
        if !self.webhook.hints.reenable_due || !self.superseded().is_empty() {
            return None;
        }
        let change = Change {
            field: field.into(),
            before: Some(reenabled.from.into()),
            after: Some(reenabled.to.into()),
            replaces: false,
        };
        let step = Step::Reenable { id: found.id.clone(), document: desired.clone() };
        Some(Item { changes: vec![change], ..self.item(Decision::Execute(step), Cause::DisabledByVendor) })
    }

    /// Whether another client created it and it has write-only values. They may be others than the declared ones, and a
    /// subscription with a wrong secret does not work.
    fn takes_over(&self, found: &Observed, desired: &Document) -> bool {
        let ours = self.webhook.recorded.as_ref() == Some(&found.id) || self.webhook.pending_create.is_some();
        // Without a status, every subscription would count as created by another client, and each run would send its values again.
        let unknown = !self.webhook.stateless && !self.webhook.trusts_write_only;
        !ours && unknown && !self.rules.write_only_values(desired).is_empty()
    }

    /// Whether it was saved at the vendor since our own last write, so that write-only values may be others now. That cannot be
    /// seen, so that it is not reported as drift; where drift is corrected, the values are sent again.
    fn may_be_overwritten(&self, found: &Observed) -> bool {
        let moved =
            self.webhook.remote_version.is_some() && self.webhook.remote_version != found.remote_version;
        moved && self.webhook.policy.drift == DriftPolicy::Correct
    }

    /// A create that replaces the recorded subscription was done, and its answer was lost: the new one only has to be recorded.
    /// Until the grace period of the create is over, the new one may be another client's, and ours may still be committed.
    fn replaced(&self, old: &Observed, new: &Observed, desired: &Document) -> Item {
        let item = self.existing(old, desired, MatchedBy::Recorded);
        let cause = if item.cause == Cause::InSync { Cause::Found } else { item.cause };
        let step = Step::AdoptReplacement { id: new.id.clone(), replaced: old.id.clone() };
        Item { decision: Decision::Execute(step).block_if(self.settling()), cause, ..item }
    }

    fn unchanged(&self, id: ExternalId, named: bool) -> Item {
        if named && self.webhook.recorded.as_ref() != Some(&id) {
            return self.adopt(&id);
        }
        let superseded = self.superseded();
        if superseded.is_empty() {
            return self.item(Decision::Keep(Some(id)), Cause::InSync);
        }
        self.delete_superseded(id, superseded)
    }

    /// It exists as declared. Its id is recorded, unless nothing is recorded anywhere; its pending create is answered by it.
    fn adopt(&self, id: &ExternalId) -> Item {
        if self.webhook.stateless && self.webhook.pending_create.is_none() {
            self.item(Decision::Keep(Some(id.clone())), Cause::InSync)
        } else {
            self.item(Decision::Execute(Step::Adopt { id: id.clone() }), Cause::Found)
        }
    }

    fn delete_superseded(&self, id: ExternalId, superseded: Vec<ExternalId>) -> Item {
        let step = Step::DeleteSuperseded { id, superseded };
        self.item(Decision::Execute(step), Cause::Superseded)
    }

    fn spec_changed(&self, desired: &Document) -> bool {
        self.webhook.hints.values_changed || self.webhook.applied.as_ref() != Some(&digest(desired))
    }
}
