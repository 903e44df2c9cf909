//! Facts that a history records beside the state of cluster and vendor, so that its end can be judged.
//!
//! The exceptions from "exactly one subscription a Webhook, and nothing left behind", each with its reason:
//!
//! - **Retained**: a Webhook with `deletionPolicy: Retain`, or with the annotation that removes its finalizer, leaves its
//!   subscriptions.
//! - **Finalizer removed by hand**: a Webhook that is deleted without the operator leaves its subscriptions.
//! - **Status wiped or overwritten by hand**: it is restored by comparing contents. If anything else changes first, or the
//!   Webhook was not in sync at that time, its subscription looks like an unmanaged one. The same holds if the process ends
//!   before the list shows the subscription.
//! - **A Secret that a lost create sent in clear changes before the subscription is found**: the subscription is recognised by
//!   that value, which only the process that sent it knows.
//! - **An equal subscription that somebody else made** is adopted. If the Webhook declares no write-only value, the subscription
//!   may have one.
//! - **Somebody makes an equal subscription while the outcome of a create is unknown**: the two cannot be told apart; one is
//!   adopted.

use crate::api::Webhook;
use crate::plan::{Document, ExternalId};
use std::collections::{BTreeMap, HashSet};

/// Facts about one Webhook, kept after its deletion.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct WebhookFacts {
    /// Every document that it ever declared.
    pub(super) wanted: Vec<Document>,
    /// Every subscription that it ever had.
    pub(super) ids: HashSet<ExternalId>,
    pub(super) pinned: HashSet<String>,
    /// Its deletion may leave a subscription behind.
    pub(super) may_leave: bool,
    /// Its subscriptions may be left behind.
    pub(super) may_be_left: bool,
    /// It may need a person.
    pub(super) may_need_person: bool,
    /// It adopted a subscription that somebody else, or another Webhook, had made.
    pub(super) adopted: bool,
    /// Its status was wiped, and is not restored yet.
    pub(super) wiped: bool,
}

/// Facts about all Webhooks.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) webhooks: BTreeMap<String, WebhookFacts>,
    /// Subscriptions that the operator made.
    pub(super) made: HashSet<ExternalId>,
    /// A person has allowed deletions at some time.
    pub(super) allowed: bool,
}

impl Facts {
    pub(super) fn webhook(&mut self, webhook: &Webhook) -> &mut WebhookFacts {
        self.webhooks.entry(webhook.metadata.uid.clone().unwrap_or_default()).or_default()
    }
}
