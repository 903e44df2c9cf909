//! What the planner decides: a plan and its items.

use super::cause::Cause;
use super::decision::{BlockedReason, Decision, Step};
use super::declared::Declared;
use super::diff::Change;
use super::{ExternalId, Key, hash};
use crate::api::status::Action;
use std::collections::BTreeMap;

/// The order of work: changes that a person waits for go before periodic work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
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
    /// What to do.
    pub decision: Decision,
    /// Why.
    pub cause: Cause,
    /// The changes by field, fit to be shown.
    pub changes: Vec<Change>,
    /// Unmanaged subscriptions equal to the one that is adopted.
    pub duplicates: Vec<ExternalId>,
    /// Whether the found subscription answers its pending create.
    pub answers: bool,
    /// What the step does to deliveries that exist, if it redirects or disables them because a person changed the declaration.
    pub impact: Option<String>,
    /// A Webhook of other content that has the same natural key: a receiver may get the same twice.
    pub similar: Option<Key>,
}

impl Item {
    /// The step to execute; none if nothing is to be done or it is blocked.
    pub fn step(&self) -> Option<&Step> {
        self.decision.step()
    }

    /// Why nothing is executed, although something would be done otherwise.
    pub fn blocked(&self) -> Option<&BlockedReason> {
        self.decision.blocked()
    }

    /// Returns the action, blocked or not.
    pub fn action(&self) -> Action {
        self.decision.action()
    }

    /// The subscription that it is about, if there is one already.
    pub fn id(&self) -> Option<&ExternalId> {
        self.decision.id()
    }

    /// The number of write requests to the vendor, blocked or not.
    pub fn number_of_calls(&self) -> usize {
        self.decision.number_of_calls()
    }

    /// When the step is executed. A blocked one has nothing to wait for.
    pub fn priority(&self) -> Priority {
        match self.step() {
            Some(_) if self.cause.is_drift() => Priority::Drift,
            Some(Step::Create { .. } | Step::Adopt { .. } | Step::AdoptReplacement { .. }) => {
                Priority::Create
            }
            _ => Priority::Edit,
        }
    }

    /// Returns a digest that is the same as long as the effect is, blocked or not; none if nothing is to be done.
    pub fn digest(&self) -> Option<String> {
        if self.decision.is_nothing() {
            return None;
        }
        let change = |c: &'_ Change| (c.field.clone(), c.before.clone(), c.after.clone());
        let changes: Vec<_> = self.changes.iter().map(change).collect();
        let deletes = self.decision.intended().map(Step::deletes).unwrap_or_default();
        Some(hash(&serde_json::json!([
            self.key.to_string(),
            self.action().as_str(),
            self.id().map(ExternalId::as_str),
            changes,
            deletes.iter().map(ExternalId::as_str).collect::<Vec<_>>(),
        ])))
    }

    /// Blocks its step.
    pub(crate) fn block(&mut self, reason: BlockedReason) {
        let decision = std::mem::replace(&mut self.decision, Decision::Keep(None));
        self.decision = decision.block(reason);
    }
}

/// A declared Webhook, and what is decided for it.
#[derive(Clone, Copy)]
pub(crate) struct PlannedWebhook<'a> {
    pub(crate) declared: &'a Declared,
    pub(crate) item: &'a Item,
}

/// What is decided for one account.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// One item a Webhook, in the order of work.
    pub items: Vec<Item>,
    /// Places of the unmanaged subscriptions in the list of observed ones.
    pub unmanaged: Vec<usize>,
    /// The number of subscriptions that belong to a Webhook.
    pub managed: usize,
    /// The same by the Webhooks' namespaces.
    pub managed_in: BTreeMap<String, usize>,
    /// The number of subscriptions that belong to Webhooks at other VendorAccount objects.
    pub elsewhere: usize,
}
