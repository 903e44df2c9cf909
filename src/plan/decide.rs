//! What to do: declared + observed + policy -> plan.

mod differences;

use differences::{Known, resent};

use super::declared::{Declared, Desired};
use super::diff::{Change, creation};
use super::document::Document;
use super::elsewhere::Elsewhere;
use super::identity::{Claim, Claims, claims};
use super::item::{BlockedReason, Cause, Item, Plan, Priority, Step};
use super::rules::Rules;
use super::{Delivery, ExternalId, Observed, hash};
use crate::api::Mode;
use crate::api::status::Action;
use crate::api::webhook::{DeletionPolicy, DriftPolicy};
use std::collections::HashSet;

/// Decides. Total, and the same whatever the order of `declared` and `observed`.
pub fn plan(rules: &Rules, declared: &[Declared], observed: &[Observed], elsewhere: &Elsewhere) -> Plan {
    let Claims { of, taken, taken_in: mut managed_in, owned, elsewhere: others, mut similar } =
        claims(rules, declared, observed, elsewhere);
    let held = elsewhere.webhooks.iter().flat_map(|peer| &peer.holds);
    let owned: HashSet<&ExternalId> = owned.iter().map(|&i| &observed[i].id).chain(held).collect();
    // A superseded id that a Webhook has, or was given again by name, is not to be deleted as somebody's remains.
    let left: HashSet<&ExternalId> =
        observed.iter().map(|one| &one.id).filter(|id| !owned.contains(id)).collect();
    let mut items: Vec<Item> = declared
        .iter()
        .zip(of)
        .enumerate()
        .map(|(index, (webhook, claim))| Case { rules, webhook, observed, left: &left, index }.decide(claim))
        .map(|item| Item { similar: similar.remove(&item.key), ..item })
        .collect();
    // Whoever waits for a step does not wait for the statuses of those that need none. The account's own namespace goes before
    // guests, and what a person did before what is corrected.
    let turn = |item: &Item| {
        let webhook = &declared[item.index];
        (item.step.is_none(), item.lane == Priority::Drift, webhook.guest, item.lane, webhook.created)
    };
    items.sort_by(|a, b| turn(a).cmp(&turn(b)).then_with(|| a.key.cmp(&b.key)));
    let mut seen: HashSet<&ExternalId> = taken.iter().chain(&others).map(|&i| &observed[i].id).collect();
    let mut unmanaged: Vec<usize> = (0..observed.len()).filter(|&i| seen.insert(&observed[i].id)).collect();
    unmanaged.sort_by_key(|&i| observed[i].age());
    let unreadable =
        declared.iter().filter(|webhook| webhook.own_unreadable().is_some()).map(|webhook| &webhook.key);
    // What is recorded and only not listed yet counts, or the guard would judge deletions against a part of the account.
    let unlisted =
        items.iter().filter(|item| item.hold == Some(BlockedReason::NotShownYet)).map(|item| &item.key);
    for key in unreadable.chain(unlisted) {
        *managed_in.entry(key.namespace.clone()).or_default() += 1;
    }
    let managed = managed_in.values().sum();
    Plan { items, unmanaged, managed, managed_in, elsewhere: others.len() }
}

/// Digest of a subscription as it is declared, secrets left out.
pub fn digest(document: &Document) -> String {
    hash(&document.shown())
}

struct Case<'a> {
    rules: &'a Rules,
    webhook: &'a Declared,
    observed: &'a [Observed],
    /// Ids at the vendor that no Webhook has.
    left: &'a HashSet<&'a ExternalId>,
    index: usize,
}

/// What is found before policy is asked.
struct Verdict {
    action: Action,
    id: Option<ExternalId>,
    cause: Cause,
    changes: Vec<Change>,
    step: Option<Step>,
    hold: Option<BlockedReason>,
    duplicates: Vec<ExternalId>,
}

impl Verdict {
    fn nothing(id: Option<ExternalId>) -> Self {
        Self {
            action: Action::None,
            id,
            cause: Cause::InSync,
            changes: Vec::new(),
            step: None,
            hold: None,
            duplicates: Vec::new(),
        }
    }

    /// It is taken as it is.
    fn adopt(id: &ExternalId) -> Self {
        Self {
            action: Action::Adopt,
            cause: Cause::Found,
            step: Some(Step::Adopt(id.clone(), None)),
            ..Self::nothing(Some(id.clone()))
        }
    }

    fn held(id: Option<ExternalId>, hold: BlockedReason) -> Self {
        Self { hold: Some(hold), ..Self::nothing(id) }
    }
}

impl Case<'_> {
    fn decide(&self, claim: Claim) -> Item {
        let webhook = self.webhook;
        let answers = webhook.intent.is_some() && matches!(claim, Claim::Made(_) | Claim::Adopt(..));
        let mut verdict = if webhook.deleting { self.delete(&claim) } else { self.keep(claim) };
        let effect = self.effect(&verdict);
        let calls = verdict.step.as_ref().map_or(0, Step::number_of_calls);
        let held = if webhook.policy.suspended && verdict.action != Action::Retain {
            Some(BlockedReason::Suspended)
        } else if verdict.hold.is_some() || verdict.step.is_none() {
            None
        } else if webhook.policy.mode == Mode::Plan && !matches!(verdict.step, Some(Step::Release)) {
            Some(BlockedReason::PlanOnly)
        } else if webhook.policy.drift == DriftPolicy::Report
            && verdict.cause.is_drift()
            && !matches!(verdict.step, Some(Step::Adopt(..)))
        {
            Some(BlockedReason::DriftReported)
        } else {
            None
        };
        if held.is_some() {
            verdict.hold = held;
        }
        if verdict.hold.is_some() {
            verdict.step = None;
        }
        Item { answers, ..self.item(verdict, effect, calls) }
    }

    /// Digest of what the verdict comes to, whether or not it is held afterwards; none if it comes to nothing.
    fn effect(&self, verdict: &Verdict) -> Option<String> {
        if verdict.action == Action::None && verdict.step.is_none() && verdict.hold.is_none() {
            return None;
        }
        let changes: Vec<_> = verdict
            .changes
            .iter()
            .map(|c| (c.field.as_str(), c.before.as_deref(), c.after.as_deref()))
            .collect();
        let doomed: Vec<_> = match &verdict.step {
            Some(Step::Delete(ids) | Step::Finish(ids)) => ids.iter().map(ExternalId::as_str).collect(),
            _ => Vec::new(),
        };
        Some(hash(&serde_json::json!([
            self.webhook.key.to_string(),
            verdict.action.as_str(),
            verdict.id.as_ref().map(ExternalId::as_str),
            changes,
            doomed
        ])))
    }

    fn item(&self, verdict: Verdict, digest: Option<String>, calls: usize) -> Item {
        let lane = match (&verdict.step, verdict.cause) {
            (Some(_), cause) if cause.is_drift() => Priority::Drift,
            (Some(Step::Create(_) | Step::Adopt(..)), _) => Priority::Create,
            _ => Priority::Edit,
        };
        Item {
            index: self.index,
            key: self.webhook.key.clone(),
            action: verdict.action,
            id: verdict.id,
            cause: verdict.cause,
            changes: verdict.changes,
            digest,
            calls,
            step: verdict.step,
            hold: verdict.hold,
            lane,
            duplicates: verdict.duplicates,
            answers: false,
            similar: None,
        }
    }

    /// For a Webhook that is being deleted.
    fn delete(&self, claim: &Claim) -> Verdict {
        let webhook = self.webhook;
        let id = |at: usize| self.observed[at].id.clone();
        let (found, twin) = match claim {
            Claim::Bound(at) | Claim::Named(at) | Claim::Made(at) | Claim::Adopt(at, _) => {
                (Some(id(*at)), None)
            }
            Claim::Replaced { old, new } => (Some(id(*new)), Some(id(*old))),
            // An id is all that a deletion needs.
            Claim::Unreadable(_) if webhook.own_unreadable().is_some() => (webhook.recorded.clone(), None),
            Claim::Unreadable(_)
            | Claim::Gone
            | Claim::Missing
            | Claim::Similar(_)
            | Claim::NotThere(_)
            | Claim::Settling
            | Claim::Conflict(_)
            | Claim::ConflictElsewhere(_) => (None, None),
        };
        if webhook.policy.deletion == DeletionPolicy::Retain || webhook.policy.release {
            return Verdict {
                action: Action::Retain,
                cause: Cause::Deleted,
                step: Some(Step::Release),
                ..Verdict::nothing(found)
            };
        }
        if let Some((reason, message)) = &webhook.invalid_id {
            return Verdict {
                action: Action::Delete,
                cause: Cause::Deleted,
                ..Verdict::held(None, BlockedReason::Unknown { reason, message: message.clone() })
            };
        }
        if let Some(settling) = self.settling() {
            return Verdict {
                action: Action::Delete,
                cause: Cause::Deleted,
                ..Verdict::held(found, settling)
            };
        }
        // Released now, it would turn up later as unmanaged.
        let hidden = match claim {
            Claim::Unreadable(item) => Some(BlockedReason::Unreadable(item.clone())),
            _ => (webhook.recorded.is_some() && webhook.fresh).then_some(BlockedReason::NotShownYet),
        };
        if let (None, Some(hold)) = (&found, hidden) {
            return Verdict {
                action: Action::Delete,
                cause: Cause::Deleted,
                ..Verdict::held(webhook.recorded.clone(), hold)
            };
        }
        let mut doomed: Vec<ExternalId> = found.iter().cloned().chain(twin).collect();
        doomed.extend(self.superseded());
        if doomed.is_empty() {
            return Verdict { cause: Cause::Deleted, step: Some(Step::Release), ..Verdict::nothing(None) };
        }
        Verdict {
            action: Action::Delete,
            cause: Cause::Deleted,
            step: Some(Step::Delete(doomed)),
            ..Verdict::nothing(found)
        }
    }

    /// For a Webhook that stays.
    fn keep(&self, claim: Claim) -> Verdict {
        if let Some((reason, message)) = &self.webhook.invalid_id {
            return Verdict::held(None, BlockedReason::Unknown { reason, message: message.clone() });
        }
        let desired = match &self.webhook.desired {
            Desired::Known(desired) => desired,
            Desired::Unknown { reason, message } => {
                let id = self.webhook.recorded.clone();
                return Verdict::held(id, BlockedReason::Unknown { reason, message: message.clone() });
            }
        };
        match claim {
            Claim::Bound(at) => self.existing(&self.observed[at], desired, Known::Recorded),
            Claim::Replaced { old, new } => self.replaced(&self.observed[old], &self.observed[new], desired),
            Claim::Named(at) => self.existing(&self.observed[at], desired, Known::Named),
            Claim::Made(at) => self.existing(&self.observed[at], desired, Known::Made),
            // Equal as far as can be read: what cannot is sent.
            Claim::Adopt(at, duplicates)
                if self.webhook.concealed_changed || self.takes_over(&self.observed[at], desired) =>
            {
                Verdict { duplicates, ..self.existing(&self.observed[at], desired, Known::Named) }
            }
            Claim::Adopt(at, duplicates) => Verdict { duplicates, ..self.found(&self.observed[at].id) },
            Claim::Gone => self.create(desired, Cause::Gone),
            Claim::Missing => self.create(desired, Cause::New),
            Claim::Similar(ids) => Verdict {
                action: Action::Create,
                cause: Cause::New,
                ..Verdict::held(None, BlockedReason::SimilarExists(ids))
            },
            Claim::NotThere(id) => Verdict::held(None, BlockedReason::ExternalIdNotFound(id)),
            Claim::Settling => Verdict::held(None, BlockedReason::Settling),
            Claim::Conflict(other) => {
                Verdict::held(self.webhook.recorded.clone(), BlockedReason::Conflict(other))
            }
            Claim::Unreadable(item) => {
                Verdict::held(self.webhook.recorded.clone(), BlockedReason::Unreadable(item))
            }
            Claim::ConflictElsewhere(rival) => {
                Verdict::held(self.webhook.recorded.clone(), BlockedReason::ConflictElsewhere(rival))
            }
        }
    }

    fn create(&self, desired: &Document, cause: Cause) -> Verdict {
        // A spec that was edited since is applied, not reported, although the subscription is gone as well.
        let cause =
            if cause == Cause::Gone && self.spec_changed(desired) { Cause::SpecChanged } else { cause };
        Verdict {
            action: Action::Create,
            cause,
            changes: creation(self.rules, desired, self.webhook.hide(true)),
            step: Some(Step::Create(desired.clone())),
            hold: self.settling().or_else(|| self.webhook.fresh.then_some(BlockedReason::NotShownYet)),
            ..Verdict::nothing(None)
        }
    }

    fn existing(&self, found: &Observed, desired: &Document, known: Known) -> Verdict {
        let id = found.id.clone();
        let named = known != Known::Recorded;
        let mut changes = self.changes(found, desired, known);
        let differs = !changes.is_empty();
        let foreign = self.takes_over(found, desired);
        let rotated = self.webhook.concealed_changed || foreign;
        // A save starts one again that the vendor has stopped, which has a pace of its own.
        let halted = found.delivery == Some(Delivery::Halted);
        if rotated || (changes.is_empty() && !halted && self.may_be_overwritten(found)) {
            let why = match (foreign, rotated) {
                (true, _) => "(cannot be compared)",
                (false, true) => "(secret changed)",
                (false, false) => "(sent again)",
            };
            changes.extend(resent(&self.rules.concealed(desired), why, rotated));
        }
        if changes.is_empty() {
            return self.halted(found, desired).unwrap_or_else(|| self.unchanged(id, named));
        }
        // A name in the spec that is not recorded yet is a change of the spec as well.
        let ours = named || rotated || self.spec_changed(desired);
        let cause = match ours {
            // Nobody can tell any more who changed it.
            _ if self.webhook.stateless => Cause::Found,
            _ if foreign && !differs => Cause::NotComparable,
            true => Cause::SpecChanged,
            false => Cause::VendorEdit,
        };
        // Drift that is only reported must not keep what was replaced alive beside its replacement.
        let left = self.superseded();
        if cause.is_drift() && self.webhook.policy.drift == DriftPolicy::Report && !left.is_empty() {
            return Self::finish(id, left);
        }
        if !changes.iter().any(|change| change.replaces) {
            let step = Some(Step::Update(id.clone(), desired.clone()));
            return Verdict { action: Action::Update, cause, changes, step, ..Verdict::nothing(Some(id)) };
        }
        Verdict {
            action: Action::Replace,
            cause,
            changes,
            step: Some(Step::Replace(id.clone(), desired.clone())),
            hold: self.settling(),
            ..Verdict::nothing(Some(id))
        }
    }

    /// The vendor has stopped it by itself, and it is time to start it again.
    fn halted(&self, found: &Observed, desired: &Document) -> Option<Verdict> {
        let (field, switched) = self.rules.halted(&found.document, desired)?;
        if !self.webhook.revive || !self.superseded().is_empty() {
            return None;
        }
        let change = Change {
            field: field.into(),
            before: Some(switched.from.into()),
            after: Some(switched.to.into()),
            replaces: false,
        };
        Some(Verdict {
            action: Action::Update,
            cause: Cause::Halted,
            changes: vec![change],
            step: Some(Step::Update(found.id.clone(), desired.clone())),
            ..Verdict::nothing(Some(found.id.clone()))
        })
    }

    /// It is somebody else's work, and holds values that cannot be read back: whether they are the declared ones nobody can
    /// know, and a webhook with a wrong secret is a broken one.
    fn takes_over(&self, found: &Observed, desired: &Document) -> bool {
        let ours = self.webhook.recorded.as_ref() == Some(&found.id) || self.webhook.intent.is_some();
        // Without a status everything would be somebody else's, and be sent again by each run.
        let unknown = !self.webhook.stateless && !self.webhook.trusts;
        !ours && unknown && !self.rules.concealed(desired).is_empty()
    }

    /// Somebody saved it at the vendor since our own last write: what cannot be read back may be another value now.
    /// Nobody can tell, so that it is not reported as drift; where drift is corrected, the value is sent again.
    fn may_be_overwritten(&self, found: &Observed) -> bool {
        let moved = self.webhook.mark.is_some() && self.webhook.mark != found.mark;
        moved && self.webhook.policy.drift == DriftPolicy::Correct
    }

    /// After a lost answer: the new one was made and only has to be recorded; the old one is deleted after it. Before the
    /// create is settled the equal one may be a stranger's that was there before, and ours still to come.
    fn replaced(&self, old: &Observed, new: &Observed, desired: &Document) -> Verdict {
        let verdict = self.existing(old, desired, Known::Recorded);
        Verdict {
            step: Some(Step::Adopt(new.id.clone(), Some(old.id.clone()))),
            hold: self.settling(),
            ..verdict
        }
    }

    /// Set while the vendor may still be working on a create.
    fn settling(&self) -> Option<BlockedReason> {
        let intent = self.webhook.intent.as_ref()?;
        (!intent.settled).then_some(BlockedReason::Settling)
    }

    fn unchanged(&self, id: ExternalId, named: bool) -> Verdict {
        let left = self.superseded();
        if named && self.webhook.recorded.as_ref() != Some(&id) {
            return self.found(&id);
        }
        if left.is_empty() {
            return Verdict::nothing(Some(id));
        }
        Self::finish(id, left)
    }

    /// It is there as declared; its id is recorded where anything is, and what was sent and not answered is answered by it.
    fn found(&self, id: &ExternalId) -> Verdict {
        if self.webhook.stateless && self.webhook.intent.is_none() {
            Verdict::nothing(Some(id.clone()))
        } else {
            Verdict::adopt(id)
        }
    }

    fn finish(id: ExternalId, left: Vec<ExternalId>) -> Verdict {
        Verdict {
            action: Action::Replace,
            cause: Cause::Superseded,
            step: Some(Step::Finish(left)),
            ..Verdict::nothing(Some(id))
        }
    }

    /// Replaced ids that are still at the vendor, each once.
    fn superseded(&self) -> Vec<ExternalId> {
        let mut seen = HashSet::new();
        self.webhook
            .superseded
            .iter()
            .filter(|id| self.left.contains(id) || self.webhook.lists_unreadable(id))
            .filter(|id| seen.insert(*id))
            .cloned()
            .collect()
    }

    fn spec_changed(&self, desired: &Document) -> bool {
        self.webhook.values_changed || self.webhook.applied.as_ref() != Some(&digest(desired))
    }
}

#[cfg(test)]
mod tests;
