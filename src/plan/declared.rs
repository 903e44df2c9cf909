//! What the core decides on, beside what is observed.

use super::diff::Redaction;
use super::document::Document;
use super::list::Unreadable;
use super::redact::Redactor;
use super::{ExternalId, Key};
use crate::api::Mode;
use crate::api::webhook::{DeletionPolicy, DriftPolicy};
use std::sync::Arc;

/// One Webhook, as far as deciding needs it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Declared {
    /// Which Webhook it is.
    pub key: Key,
    /// When it was made, in seconds since 1970: the older one wins a conflict.
    pub created: i64,
    /// Whether it is of another namespace than its VendorAccount.
    pub guest: bool,
    /// Whether it may take by id what it did not make, and is told of similar subscriptions and of duplicates. To a guest that would
    /// tell what another namespace has.
    pub adopts: bool,
    /// Whether it may take what equals its declaration, as a Webhook does whose status is lost. A guest that does not write could try
    /// guesses of what is there for nothing; to one that writes, each wrong guess is a subscription made.
    pub adopts_equal: bool,
    /// What the vendor should have.
    pub desired: Desired,
    /// The id in its status.
    pub recorded: Option<ExternalId>,
    /// The id in its spec.
    pub pinned_id: Option<ExternalId>,
    /// Ids that were replaced and not deleted yet.
    pub superseded: Vec<ExternalId>,
    /// The item of the vendor's list that is, or may be, its own and cannot be read.
    pub unreadable: Option<Unreadable>,
    /// Set if its status or its spec has an id that cannot be one: the vendor is not called for it. The condition reason, and what is wrong
    /// and what to do.
    pub invalid_id: Option<(&'static str, String)>,
    /// A create that was sent and not answered.
    pub intent: Option<Intent>,
    /// Digest of what the vendor was last made to have.
    pub applied: Option<String>,
    /// Fields that held a secret then.
    pub sensitive: Vec<String>,
    /// Whether a value from a Secret or `ConfigMap` is another one than when it was last in sync.
    pub values_changed: bool,
    /// Whether a value that the vendor does not give back is another one than was last sent.
    pub write_only_changed: bool,
    /// Whether the vendor's write-only values are taken to be the declared ones on adoption.
    pub trusts_write_only: bool,
    /// The vendor's own mark of the subscription after what was last sent, where it has one.
    pub remote_version: Option<String>,
    /// Fields of the recorded subscription that the vendor is known to store in another spelling.
    pub stored_differently: Vec<&'static str>,
    /// Whether a subscription that the vendor has stopped by itself is to be started again now.
    pub reenable_due: bool,
    /// Whether its subscription was made so lately that the vendor's list may not show it yet.
    pub may_lag: bool,
    /// Whether the object is being deleted.
    pub deleting: bool,
    /// Whether nothing is recorded anywhere: what is found by its natural key is its own, and finding it is no step.
    pub stateless: bool,
    /// What a person allows.
    pub policy: Policy,
    /// Its own secrets, with the names of its variables.
    pub redactor: Redactor,
    /// The secrets of the whole account: those of its login and of all its Webhooks.
    pub secrets: Arc<Redactor>,
}

impl Declared {
    /// The order in which Webhooks claim what several of them want: the account's own namespace before guests, and older ones
    /// before younger ones.
    pub(super) fn rank(&self) -> impl Ord + use<'_> {
        (self.guest, self.created, &self.key)
    }

    /// Whether it may write at the vendor.
    pub(super) fn may_write(&self) -> bool {
        self.policy.mode == Mode::Enforce && !self.policy.suspended
    }

    /// Whether it may know what that Webhook declares, names included: guests know only their own namespace.
    pub(crate) fn may_know(&self, other: &Key) -> bool {
        !self.guest || self.key.namespace == other.namespace
    }

    /// Whether the vendor's values of that subscription may be shown: if this Webhook has given it its content. Any other one may
    /// hold secrets of others, also such that no Webhook has any more, so that they cannot be recognised. A guest is shown
    /// none at all: by what is left out of its own values it could tell which of them equals another namespace's secret.
    pub(crate) fn may_show(&self, id: &ExternalId) -> bool {
        let applied = self.applied.as_ref().is_some_and(|digest| !digest.is_empty());
        !self.guest && (self.stateless || applied && self.recorded.as_ref() == Some(id))
    }

    /// What may be shown of the vendor's side of a subscription.
    pub(crate) fn redaction(&self, is_own: bool) -> Redaction<'_> {
        Redaction {
            redactor: &self.redactor,
            secrets: &self.secrets,
            fields: &self.sensitive,
            host_only: !is_own,
        }
    }

    /// The ids of its own subscriptions: recorded, replaced, or named in its spec.
    pub fn known_ids(&self) -> impl Iterator<Item = &ExternalId> {
        let named = self.pinned_id.iter().filter(|_| !self.deleting);
        self.recorded.iter().chain(named).chain(&self.superseded)
    }

    /// The unreadable item that is its recorded or pinned subscription.
    pub(super) fn own_unreadable(&self) -> Option<&Unreadable> {
        let named = self.pinned_id.as_ref().filter(|_| !self.deleting);
        self.unreadable
            .as_ref()
            .filter(|item| item.id.is_some() && [self.recorded.as_ref(), named].contains(&item.id.as_ref()))
    }

    /// Whether it has replaced that one, and the vendor lists it in a shape that cannot be read.
    pub(super) fn lists_unreadable(&self, replaced: &ExternalId) -> bool {
        self.unreadable.as_ref().is_some_and(|item| item.id.as_ref() == Some(replaced))
    }

    /// The unreadable item that may be what it has not, or what an unanswered create made.
    pub(super) fn possible_unreadable(&self) -> Option<&Unreadable> {
        let replaced = |id: &ExternalId| self.superseded.contains(id);
        self.unreadable.as_ref().filter(|item| !item.id.as_ref().is_some_and(replaced))
    }
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
#[derive(Clone, Debug, Default)]
pub struct Intent {
    /// Whether the vendor can no longer be working on it.
    pub expired: bool,
    /// [`Rules::fingerprint`](super::Rules::fingerprint) of what was sent.
    pub fingerprint: String,
    /// What was sent, where that is still known: the fingerprint fails when the secrets in it are others by now.
    pub document: Option<Document>,
    /// Equal ones that were there before it was sent, and so are not what it made.
    pub preexisting: Vec<ExternalId>,
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
