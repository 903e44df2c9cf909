//! The status of a Webhook whose account does not exist or does not allow it.

use crate::api::conditions::{self, READY};
use crate::api::status::WebhookStatus;
use crate::api::{FINALIZER, InvalidName, ObjectKey, ObjectName, Webhook};
use crate::engine::clock;
use crate::engine::cluster::event::EventRecord;
use crate::engine::status::conditions::{ConditionSummary, Drift, set_all};
use kube::ResourceExt as _;

/// Why no account reconciles a Webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Orphan {
    /// The account does not exist.
    NotFound(ObjectKey),
    /// The account does not allow Webhooks of that namespace.
    NotAllowed(ObjectKey),
    /// This process does not watch the account's namespace.
    NotWatched(ObjectKey),
    /// No account can have that name.
    InvalidName(InvalidName),
}

impl Orphan {
    /// Returns why Webhooks that refer to an account that is not known are not reconciled.
    pub(crate) fn without_account(account: ObjectKey) -> Self {
        match ObjectName::try_from(&account) {
            Ok(_) => Self::NotFound(account),
            Err(invalid) => Self::InvalidName(invalid),
        }
    }

    /// Returns the condition's reason, and the message with what to do.
    pub(crate) fn words(&self) -> (&'static str, String) {
        match self {
            Self::NotFound(key) => (
                "AccountNotFound",
                format!(
                    "there is no VendorAccount {key}: create it, or correct spec.accountRef in a new Webhook"
                ),
            ),
            Self::NotAllowed(key) => (
                "AccountNotAllowed",
                format!(
                    "VendorAccount {key} does not allow Webhooks of this namespace: allow it in spec.allowedNamespaces of the account (a selector has an effect only if hooktender runs without --namespace)"
                ),
            ),
            Self::InvalidName(invalid) => (
                "AccountNotFound",
                format!(
                    "spec.accountRef: {invalid}; it cannot be changed, so create a new Webhook with the right name"
                ),
            ),
            Self::NotWatched(key) => (
                "AccountNotFound",
                format!(
                    "VendorAccount {key} is not in the namespaces that this hooktender watches: add its namespace with --namespace, or refer to another account in a new Webhook"
                ),
            ),
        }
    }
}

/// Returns the status of an orphan, and an event if its condition is new.
pub(crate) fn orphan_status(webhook: &Webhook, orphan: &Orphan) -> (WebhookStatus, Option<EventRecord>) {
    let (reason, mut message) = orphan.words();
    if webhook.metadata.deletion_timestamp.is_some() {
        message = format!(
            "{message}; to delete this Webhook and keep its subscription, set deletionPolicy: Retain or the annotation hooktender.dev/release: \"true\""
        );
    } else if webhook.finalizers().iter().any(|name| name == FINALIZER) {
        message = format!(
            "{message}; its subscription is not changed meanwhile; to delete this Webhook and keep its subscription, first set the annotation hooktender.dev/release: \"true\""
        );
    }
    let mut status = webhook.status.clone().unwrap_or_default();
    let was = conditions::get(&status.conditions, READY).map(|c| (c.reason.clone(), c.message.clone()));
    let generation = webhook.metadata.generation;
    status.observed_generation = generation;
    status.vendor = Some(webhook.spec.subscription.vendor());
    set_all(
        &mut status.conditions,
        &ConditionSummary::stalled(reason, message.clone()),
        &Drift::Unknown,
        generation,
        clock::timestamp(),
    );
    let new = was != Some((reason.to_owned(), message.clone()));
    (status, new.then_some(EventRecord { warning: true, reason, note: message }))
}
