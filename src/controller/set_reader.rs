//! What a pass over a set reads.

use crate::api::{ObjectKey, VendorAccount, Webhook, WebhookSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads what the watches have received, without a request.
pub(super) trait SetReader: Send + Sync {
    /// Returns the set of that name, if it exists; an error if it cannot be read.
    fn set(&self, key: &ObjectKey) -> Option<Result<WebhookSet, String>>;

    /// Returns the selected accounts as sets read them: with labels and annotations, and without status.
    fn tenants(&self) -> impl Iterator<Item = Arc<VendorAccount>>;

    /// Returns the account of that name as sets read it, if it can be read.
    fn tenant(&self, key: &ObjectKey) -> Option<Arc<VendorAccount>>;

    /// Returns whether an account of that name exists, selected or not.
    fn account_exists(&self, key: &ObjectKey) -> bool;

    /// Returns the labels of a namespace; none if only named namespaces are managed.
    fn namespace_labels(&self, namespace: &str) -> Option<BTreeMap<String, String>>;

    /// Returns the Webhooks that belong to the set with this uid.
    fn webhooks_of_set(&self, uid: &str) -> Vec<Arc<Webhook>>;

    /// Returns the Webhook of that name that refers to this account.
    fn webhook(&self, account: &ObjectKey, key: &ObjectKey) -> Option<Arc<Webhook>>;
}
