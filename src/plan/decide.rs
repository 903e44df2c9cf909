//! What to do: declared + observed + policy -> plan.

use super::diff::{Change, Hide, changes, creation};
use super::document::Document;
use super::identity::{Claim, Claims, claims};
use super::redact::Redactor;
use super::rules::Rules;
use super::{ExternalId, Key, Observed};
use crate::api::Mode;
use crate::api::status::Action;
use crate::api::webhook::{DeletionPolicy, DriftPolicy};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt::Write;

/// One Webhook, as far as deciding needs it.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Which Webhook it is.
    pub key: Key,
    /// When it was made, in seconds since 1970: the older one wins a conflict.
    pub created: i64,
    /// What the vendor should have.
    pub desired: Desired,
    /// The id in its status.
    pub recorded: Option<ExternalId>,
    /// The id in its spec.
    pub named: Option<ExternalId>,
    /// Ids that were replaced and not deleted yet.
    pub superseded: Vec<ExternalId>,
    /// A create that was sent and not answered.
    pub intent: Option<Intent>,
    /// Digest of what the vendor was last made to have.
    pub applied: Option<String>,
    /// Fields that held a secret then.
    pub sensitive: Vec<String>,
    /// Whether a value from a Secret or `ConfigMap` is another one than when it was last in sync.
    pub values_changed: bool,
    /// Whether the object is being deleted.
    pub deleting: bool,
    /// What a person allows.
    pub policy: Policy,
    /// Secrets that must not be shown.
    pub redactor: Redactor,
}

/// What the vendor should have.
#[derive(Clone, Debug)]
pub enum Desired {
    /// This.
    Known(Document),
    /// It cannot be said: a variable is missing, say.
    Unknown {
        /// Condition reason.
        reason: &'static str,
        /// What is missing and what to do.
        message: String,
    },
}

/// A create that was sent and not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Whether the vendor can no longer be working on it.
    pub settled: bool,
}

/// What a person allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The strictest of the operator's, the account's and the Webhook's.
    pub mode: Mode,
    /// What to do about changes made at the vendor.
    pub drift: DriftPolicy,
    /// What becomes of the subscription.
    pub deletion: DeletionPolicy,
    /// Whether to leave it alone.
    pub suspended: bool,
    /// Whether to let a Webhook that is being deleted go without a call.
    pub release: bool,
}

/// Why something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing is to be done.
    InSync,
    /// It is declared and not at the vendor.
    New,
    /// An equal one is at the vendor already, or the spec names one.
    Found,
    /// A person, or a Secret, changed what is declared.
    SpecChanged,
    /// Somebody changed it at the vendor.
    VendorEdit,
    /// It was there, and is gone.
    Gone,
    /// Its replacement is in place.
    Superseded,
    /// The Webhook is being deleted.
    Deleted,
}

impl Cause {
    /// In words, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::New => "not yet at the vendor",
            Self::Found => "found at the vendor",
            Self::SpecChanged => "spec changed",
            Self::VendorEdit => "vendor-side edit",
            Self::Gone => "gone at the vendor",
            Self::Superseded => "replaced",
            Self::Deleted => "Webhook deleted",
        }
    }

    /// Whether the vendor's copy differs although nothing that is declared did.
    pub fn is_drift(self) -> bool {
        matches!(self, Self::VendorEdit | Self::Gone)
    }
}

/// Why a step is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Plan mode.
    PlanOnly,
    /// `suspend: true`.
    Suspended,
    /// A create may still be under way at the vendor.
    Settling,
    /// `driftPolicy: Report`.
    DriftReported,
    /// Unclaimed ones look alike.
    SimilarExists(Vec<ExternalId>),
    /// An older Webhook has or wants the same.
    Conflict(Key),
    /// The id in the spec is not there.
    ExternalIdNotFound(ExternalId),
    /// What is declared cannot be said.
    Unknown {
        /// Condition reason.
        reason: &'static str,
        /// What is missing and what to do.
        message: String,
    },
}

/// What to do at the vendor and in the object.
#[derive(Clone, Debug)]
pub enum Step {
    /// Make it.
    Create(Document),
    /// Record that it is this one, and that it takes the other's place.
    Adopt(ExternalId, Option<ExternalId>),
    /// Change it in place.
    Update(ExternalId, Document),
    /// Make a new one, then delete this one.
    Replace(ExternalId, Document),
    /// Delete what was replaced.
    Finish(Vec<ExternalId>),
    /// Delete these, then let the object go.
    Delete(Vec<ExternalId>),
    /// Let the object go, without a call.
    Release,
}

/// The order of work: what a person waits for never waits behind periodic work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Deletions, and edits that a person made.
    Edit,
    /// Creations.
    Create,
    /// Corrections of drift.
    Drift,
}

/// What is decided for one Webhook.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its place in the list of declared Webhooks.
    pub index: usize,
    /// Which Webhook it is.
    pub key: Key,
    /// The one action.
    pub action: Action,
    /// The subscription it is about, where there is one.
    pub id: Option<ExternalId>,
    /// Why.
    pub cause: Cause,
    /// Field by field, fit to be shown.
    pub changes: Vec<Change>,
    /// Stable while the effect is the same.
    pub digest: String,
    /// Digest of what is declared, secrets left out.
    pub desired_digest: Option<String>,
    /// What is done about it; nothing when held or in sync.
    pub step: Option<Step>,
    /// Why nothing is done.
    pub hold: Option<Hold>,
    /// When it is done.
    pub lane: Lane,
    /// Unclaimed subscriptions equal to the one that is adopted.
    pub duplicates: Vec<ExternalId>,
}

/// What is decided for one account.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// One item a Webhook, in the order of work.
    pub items: Vec<Item>,
    /// Places of the subscriptions that no Webhook declares, in the list of observed ones.
    pub unmanaged: Vec<usize>,
    /// How many subscriptions belong to a Webhook.
    pub managed: usize,
}

/// Decides. Total, and the same whatever the order of `declared` and `observed`.
pub fn plan(rules: &Rules, declared: &[Declared], observed: &[Observed]) -> Plan {
    let Claims { of, taken, owned } = claims(rules, declared, observed);
    let owned: HashSet<&ExternalId> = owned.iter().map(|&i| &observed[i].id).collect();
    // A superseded id that a Webhook has, or was given again by name, is not to be deleted as somebody's remains.
    let left: HashSet<&ExternalId> =
        observed.iter().map(|one| &one.id).filter(|id| !owned.contains(id)).collect();
    let mut items: Vec<Item> = declared
        .iter()
        .zip(of)
        .enumerate()
        .map(|(index, (webhook, claim))| Case { rules, webhook, observed, left: &left, index }.decide(claim))
        .collect();
    items.sort_by_key(|item| {
        let webhook = &declared[item.index];
        (item.lane, webhook.created, webhook.key.clone())
    });
    let mut seen: HashSet<&ExternalId> = taken.iter().map(|&i| &observed[i].id).collect();
    let mut unmanaged: Vec<usize> = (0..observed.len()).filter(|&i| seen.insert(&observed[i].id)).collect();
    unmanaged.sort_by_key(|&i| observed[i].age());
    Plan { items, unmanaged, managed: taken.len() }
}

/// Digest of a subscription as it is declared, secrets left out.
pub fn digest(document: &Document) -> String {
    hash(&document.shown())
}

fn hash(value: &serde_json::Value) -> String {
    let mut hex = String::from("sha256:");
    for byte in Sha256::digest(value.to_string()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
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
    hold: Option<Hold>,
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

    fn held(id: Option<ExternalId>, hold: Hold) -> Self {
        Self { hold: Some(hold), ..Self::nothing(id) }
    }
}

impl Case<'_> {
    fn decide(&self, claim: Claim) -> Item {
        let webhook = self.webhook;
        let mut verdict = if webhook.deleting { self.delete(&claim) } else { self.keep(claim) };
        let effect = self.effect(&verdict);
        let held = if webhook.policy.suspended && verdict.action != Action::Retain {
            Some(Hold::Suspended)
        } else if verdict.hold.is_some() || verdict.step.is_none() {
            None
        } else if webhook.policy.mode == Mode::Plan && !matches!(verdict.step, Some(Step::Release)) {
            Some(Hold::PlanOnly)
        } else if webhook.policy.drift == DriftPolicy::Report
            && verdict.cause.is_drift()
            && !matches!(verdict.step, Some(Step::Adopt(..)))
        {
            Some(Hold::DriftReported)
        } else {
            None
        };
        if held.is_some() {
            verdict.hold = held;
        }
        if verdict.hold.is_some() {
            verdict.step = None;
        }
        self.item(verdict, effect)
    }

    /// Digest of what the verdict comes to, whether or not it is held afterwards.
    fn effect(&self, verdict: &Verdict) -> String {
        let changes: Vec<_> = verdict
            .changes
            .iter()
            .map(|c| (c.field.as_str(), c.before.as_deref(), c.after.as_deref()))
            .collect();
        let doomed: Vec<_> = match &verdict.step {
            Some(Step::Delete(ids) | Step::Finish(ids)) => ids.iter().map(ExternalId::as_str).collect(),
            _ => Vec::new(),
        };
        hash(&serde_json::json!([
            self.webhook.key.to_string(),
            verdict.action.as_str(),
            verdict.id.as_ref().map(ExternalId::as_str),
            changes,
            doomed
        ]))
    }

    fn item(&self, verdict: Verdict, digest_of_effect: String) -> Item {
        let lane = match (&verdict.step, verdict.cause) {
            (Some(_), cause) if cause.is_drift() => Lane::Drift,
            (Some(Step::Create(_) | Step::Adopt(..)), _) => Lane::Create,
            _ => Lane::Edit,
        };
        Item {
            index: self.index,
            key: self.webhook.key.clone(),
            action: verdict.action,
            id: verdict.id,
            cause: verdict.cause,
            changes: verdict.changes,
            digest: digest_of_effect,
            desired_digest: match &self.webhook.desired {
                Desired::Known(desired) => Some(digest(desired)),
                Desired::Unknown { .. } => None,
            },
            step: verdict.step,
            hold: verdict.hold,
            lane,
            duplicates: verdict.duplicates,
        }
    }

    /// For a Webhook that is being deleted.
    fn delete(&self, claim: &Claim) -> Verdict {
        let webhook = self.webhook;
        let id = |at: usize| self.observed[at].id.clone();
        let (found, twin) = match claim {
            Claim::Bound(at) | Claim::Named(at) | Claim::Adopt(at, _) => (Some(id(*at)), None),
            Claim::Replaced { old, new } => (Some(id(*new)), Some(id(*old))),
            Claim::Gone | Claim::Missing | Claim::Similar(_) | Claim::NotThere(_) | Claim::Conflict(_) => {
                (None, None)
            }
        };
        if webhook.policy.deletion == DeletionPolicy::Retain || webhook.policy.release {
            return Verdict {
                action: Action::Retain,
                cause: Cause::Deleted,
                step: Some(Step::Release),
                ..Verdict::nothing(found)
            };
        }
        if let Some(settling) = self.settling() {
            return Verdict {
                action: Action::Delete,
                cause: Cause::Deleted,
                ..Verdict::held(found, settling)
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
        let desired = match &self.webhook.desired {
            Desired::Known(desired) => desired,
            Desired::Unknown { reason, message } => {
                let id = self.webhook.recorded.clone();
                return Verdict::held(id, Hold::Unknown { reason, message: message.clone() });
            }
        };
        match claim {
            Claim::Bound(at) => self.existing(&self.observed[at], desired, false),
            Claim::Replaced { old, new } => self.replaced(&self.observed[old], &self.observed[new], desired),
            Claim::Named(at) => self.existing(&self.observed[at], desired, true),
            Claim::Adopt(at, duplicates) => Verdict { duplicates, ..Verdict::adopt(&self.observed[at].id) },
            Claim::Gone => self.create(desired, Cause::Gone),
            Claim::Missing => self.create(desired, Cause::New),
            Claim::Similar(ids) => Verdict {
                action: Action::Create,
                cause: Cause::New,
                ..Verdict::held(None, Hold::SimilarExists(ids))
            },
            Claim::NotThere(id) => Verdict::held(None, Hold::ExternalIdNotFound(id)),
            Claim::Conflict(other) => Verdict::held(self.webhook.recorded.clone(), Hold::Conflict(other)),
        }
    }

    fn create(&self, desired: &Document, cause: Cause) -> Verdict {
        // A spec that was edited since is applied, not reported, although the subscription is gone as well.
        let cause =
            if cause == Cause::Gone && self.spec_changed(desired) { Cause::SpecChanged } else { cause };
        Verdict {
            action: Action::Create,
            cause,
            changes: creation(self.rules, desired, self.hide()),
            step: Some(Step::Create(desired.clone())),
            hold: self.settling(),
            ..Verdict::nothing(None)
        }
    }

    fn existing(&self, found: &Observed, desired: &Document, named: bool) -> Verdict {
        let id = found.id.clone();
        let changes = changes(self.rules, &found.document, desired, self.hide());
        if changes.is_empty() {
            return self.unchanged(id, named);
        }
        // A name in the spec that is not recorded yet is a change of the spec as well.
        let cause = if named || self.spec_changed(desired) { Cause::SpecChanged } else { Cause::VendorEdit };
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

    /// After a lost answer: the new one was made and only has to be recorded; the old one is deleted after it. Before the
    /// create is settled the equal one may be a stranger's that was there before, and ours still to come.
    fn replaced(&self, old: &Observed, new: &Observed, desired: &Document) -> Verdict {
        let verdict = self.existing(old, desired, false);
        Verdict {
            step: Some(Step::Adopt(new.id.clone(), Some(old.id.clone()))),
            hold: self.settling(),
            ..verdict
        }
    }

    /// Set while the vendor may still be working on a create.
    fn settling(&self) -> Option<Hold> {
        let intent = self.webhook.intent.as_ref()?;
        (!intent.settled).then_some(Hold::Settling)
    }

    fn unchanged(&self, id: ExternalId, named: bool) -> Verdict {
        let left = self.superseded();
        if named && self.webhook.recorded.as_ref() != Some(&id) {
            return Verdict::adopt(&id);
        }
        if left.is_empty() {
            return Verdict::nothing(Some(id));
        }
        Self::finish(id, left)
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
            .filter(|id| self.left.contains(id) && seen.insert(*id))
            .cloned()
            .collect()
    }

    fn hide(&self) -> Hide<'_> {
        Hide { redactor: &self.webhook.redactor, fields: &self.webhook.sensitive }
    }

    fn spec_changed(&self, desired: &Document) -> bool {
        self.webhook.values_changed || self.webhook.applied.as_ref() != Some(&digest(desired))
    }
}

#[cfg(test)]
mod tests;
