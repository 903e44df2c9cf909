//! Accounts of a command that point to the same account at the vendor: each respects the claims of the others' Webhooks.

use super::objects::ObjectSet;
use crate::api::{ObjectKey, VendorAccount, Webhook};
use crate::engine::state::peers::{Peers, Registry};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Groups accounts by the account at the vendor that they point to; returns their indexes in [`ObjectSet::accounts`].
pub(super) fn groups(objects: &ObjectSet) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, (account, _)) in objects.accounts.iter().enumerate() {
        groups.entry(account.spec.vendor.remote_account()).or_default().push(at);
    }
    groups.into_values().collect()
}

/// Returns the peers of an account.
pub(super) fn peers(objects: &ObjectSet, account: &VendorAccount, registry: &Arc<Registry>) -> Arc<Peers> {
    let (remote, own) = (account.spec.vendor.remote_account(), ObjectKey::of(account));
    let others = objects
        .accounts
        .iter()
        .filter(|(other, _)| other.spec.vendor.remote_account() == remote && ObjectKey::of(&**other) != own);
    let webhooks: Vec<Arc<Webhook>> = others.flat_map(|(_, webhooks)| webhooks).cloned().collect();
    Arc::new(Peers::new(Arc::clone(registry), Box::new(move |_| webhooks.clone())))
}
