//! What makes a pass due, and which accounts and sets an event of a watch concerns.

use super::dependents::Dependents;
use crate::api::{ObjectKey, VendorAccount, Webhook};
use crate::engine::dependency::Dependency;
use kube::core::DeserializeGuard;

/// Why a pass is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    /// This account was created, changed or deleted.
    Account(ObjectKey),
    /// A Webhook of this account changed, or one of another account that a Webhook of this account waits for.
    Webhook(ObjectKey),
    /// A Secret or ConfigMap that this account depends on changed.
    Dependency(ObjectKey),
    /// This WebhookSet was created, changed or deleted, or a Webhook with the name of one of its members was.
    Set(ObjectKey),
    /// What WebhookSets read of an account changed.
    Tenants,
    /// A watch was restarted: anything may have changed.
    All,
}

/// Returns the triggers of a changed account.
pub(super) fn account_triggers(account: &DeserializeGuard<VendorAccount>) -> Vec<Trigger> {
    let key = ObjectKey::of(account);
    if let Err(error) = &account.0 {
        tracing::warn!(account = %key, error = %error.error, "this VendorAccount cannot be parsed and is ignored; perhaps a newer hooktender stored it: upgrade hooktender, or correct the object");
    }
    vec![Trigger::Account(key)]
}

/// Returns the triggers of a changed Webhook.
pub(super) fn webhook_triggers(webhook: &DeserializeGuard<Webhook>) -> Vec<Trigger> {
    match &webhook.0 {
        Ok(webhook) => vec![Trigger::Webhook(webhook.account())],
        Err(error) => {
            tracing::warn!(webhook = %ObjectKey::of(webhook), error = %error.error, "this Webhook cannot be parsed and is ignored; perhaps a newer hooktender stored it: upgrade hooktender, or correct the object");
            Vec::new()
        }
    }
}

/// Returns the triggers of a changed Secret or ConfigMap.
pub(super) fn dependency_triggers(
    dependents: &Dependents<Dependency>,
    dependency: &Dependency,
) -> Vec<Trigger> {
    dependents.on(dependency).into_iter().map(Trigger::Dependency).collect()
}
