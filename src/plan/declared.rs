//! What is declared: the planner's input besides the observed subscriptions.

use super::diff::Redaction;
use super::document::Document;
use super::list::Unreadable;
use super::redact::Redactor;
use super::{ExternalId, Key};
use crate::api::Mode;
use crate::api::webhook::{DeletionPolicy, DriftPolicy};
use std::sync::Arc;

/// One Webhook, as far as planning needs it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Declared {
    /// Which Webhook it is.
    pub key: Key,
    /// When the object was created, in seconds since 1970. The older one wins a conflict.
    pub created: i64,
    /// Whether it is in another namespace than its VendorAccount.
    pub guest: bool,
    /// Whether it may adopt by id what it did not create, and may know of similar subscriptions and of duplicates. A guest would learn
    /// from them what another namespace has.
    pub adopts: bool,
    /// Whether it may adopt a subscription that equals its declaration, as a Webhook does whose status is lost. A guest that does
    /// not write could use that to guess what exists, at no cost. If it writes, each wrong guess creates a subscription.
    pub adopts_equal: bool,
    /// Whether write-only values at the vendor are taken to be the declared ones on adoption.
    pub trusts_write_only: bool,
    /// What the vendor should have.
    pub desired: Desired,
    /// The id in its spec.
    pub pinned_id: Option<ExternalId>,
    /// The id in its status.
    pub recorded: Option<ExternalId>,
    /// Ids that were replaced and are not deleted yet.
    pub superseded: Vec<ExternalId>,
    /// Set if its status or its spec has an invalid id: the vendor is not called for it. The condition reason, and what is wrong
    /// and what to do.
    pub invalid_id: Option<(&'static str, String)>,
    /// A create whose outcome is unknown.
    pub pending_create: Option<PendingCreate>,
    /// [`digest`](super::digest) of what was last applied.
    pub applied: Option<String>,
    /// The fields that held a secret then.
    pub sensitive: Vec<String>,
    /// The vendor's own version of the subscription after the last write, if it has one.
    pub remote_version: Option<String>,
    /// The item of the vendor's list that is, or may be, its own and cannot be read.
    pub unreadable: Option<Unreadable>,
    /// What earlier passes left behind.
    pub hints: Hints,
    /// Whether the object is being deleted.
    pub deleting: bool,
    /// Whether nothing is recorded anywhere. The subscription with its natural key is its own then, and finding it takes no step.
    pub stateless: bool,
    /// What a person allows.
    pub policy: Policy,
    /// Its own secrets, with the names of its variables.
    pub redactor: Redactor,
    /// The secrets of the whole account: those of its login and of all its Webhooks.
    pub secrets: Arc<Redactor>,
}

/// What the comparison with the state of earlier passes says about a Webhook.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Hints {
    /// Whether a value from a Secret or `ConfigMap` has changed since it was last in sync.
    pub values_changed: bool,
    /// Whether a write-only value is another one than was last sent.
    pub write_only_changed: bool,
    /// Fields of the recorded subscription that the vendor is known to store in another spelling.
    pub stored_differently: Vec<&'static str>,
    /// Whether a subscription that the vendor has disabled by itself is to be enabled again now.
    pub reenable_due: bool,
    /// Whether its subscription was created so lately that the vendor's list may not show it yet.
    pub may_lag: bool,
}

impl Declared {
    /// The order in which Webhooks are matched: the account's own namespace before guests, and older ones before younger ones.
    pub(super) fn rank(&self) -> impl Ord + use<'_> {
        (self.guest, self.created, &self.key)
    }

    /// Whether it may write at the vendor.
    pub(super) fn may_write(&self) -> bool {
        self.policy.mode == Mode::Enforce && !self.policy.suspended
    }

    /// Whether it may know what another Webhook declares, names included: a guest knows only its own namespace.
    pub(crate) fn may_know(&self, other: &Key) -> bool {
        !self.guest || self.key.namespace == other.namespace
    }

    /// Whether the vendor's values of that subscription may be shown, which is so if this Webhook has written them. Any other
    /// subscription may hold secrets of others, also such that no Webhook has any more, so that they cannot be recognised. A guest
    /// is shown none: from what is redacted of its own values it could tell which of them equals another namespace's secret.
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

    /// The pinned id; none if the object is being deleted.
    pub(super) fn pinned(&self) -> Option<&ExternalId> {
        self.pinned_id.as_ref().filter(|_| !self.deleting)
    }

    /// The ids of its own subscriptions: recorded, pinned, or replaced.
    pub fn known_ids(&self) -> impl Iterator<Item = &ExternalId> {
        self.recorded.iter().chain(self.pinned()).chain(&self.superseded)
    }

    /// The unreadable item that is its recorded or pinned subscription.
    pub(super) fn own_unreadable(&self) -> Option<&Unreadable> {
        let own = [self.recorded.as_ref(), self.pinned()];
        self.unreadable.as_ref().filter(|item| item.id.is_some() && own.contains(&item.id.as_ref()))
    }

    /// Whether the vendor lists that replaced subscription in a shape that cannot be read.
    pub(super) fn lists_unreadable(&self, replaced: &ExternalId) -> bool {
        self.unreadable.as_ref().is_some_and(|item| item.id.as_ref() == Some(replaced))
    }

    /// The unreadable item that may be its missing subscription, or what its pending create made.
    pub(super) fn possible_unreadable(&self) -> Option<&Unreadable> {
        let replaced = |id: &ExternalId| self.superseded.contains(id);
        self.unreadable.as_ref().filter(|item| !item.id.as_ref().is_some_and(replaced))
    }
}

/// What the vendor should have.
#[derive(Clone, Debug)]
pub enum Desired {
    /// This subscription.
    Known(Document),
    /// It cannot be determined, for example because a variable is missing.
    Unknown {
        /// Condition reason.
        reason: &'static str,
        /// What is missing and what to do.
        message: String,
    },
}

/// A create that was recorded before it was sent, and whose outcome is unknown.
#[derive(Clone, Debug, Default)]
pub struct PendingCreate {
    /// Whether the grace period is over, so that the vendor can no longer commit it.
    pub expired: bool,
    /// [`Rules::fingerprint`](super::Rules::fingerprint) of what was sent.
    pub fingerprint: String,
    /// What was sent, if that is still known: the fingerprint fails if the secrets in it have changed.
    pub document: Option<Document>,
    /// Equal subscriptions that existed before it was sent, and so were not made by it.
    pub preexisting: Vec<ExternalId>,
}

/// What a person allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The strictest mode of the operator's, the account's and the Webhook's.
    pub mode: Mode,
    /// What to do about changes made at the vendor.
    pub drift: DriftPolicy,
    /// What to do with the subscription of a deleted Webhook.
    pub deletion: DeletionPolicy,
    /// Whether to leave the Webhook alone.
    pub suspended: bool,
    /// Whether to remove the finalizer of a deleted Webhook without a call to the vendor.
    pub release: bool,
}
