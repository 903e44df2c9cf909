//! Accounts of a command that point to the same account at the vendor: each respects what the Webhooks of the others claim.

use super::world::World;
use crate::api::{ObjectKey, VendorAccount, Webhook};
use crate::engine::state::peers::{Peers, Registry};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The accounts of a world by the account at the vendor that they point to, each with its place in [`World::accounts`].
pub(super) fn groups(world: &World) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, (account, _)) in world.accounts.iter().enumerate() {
        groups.entry(account.spec.vendor.remote_account()).or_default().push(at);
    }
    groups.into_values().collect()
}

/// What an account sees of the others.
pub(super) fn peers(world: &World, account: &VendorAccount, registry: &Arc<Registry>) -> Arc<Peers> {
    let (remote, own) = (account.spec.vendor.remote_account(), ObjectKey::of(account));
    let others = world
        .accounts
        .iter()
        .filter(|(other, _)| other.spec.vendor.remote_account() == remote && ObjectKey::of(&**other) != own);
    let webhooks: Vec<Arc<Webhook>> = others.flat_map(|(_, webhooks)| webhooks).cloned().collect();
    Arc::new(Peers::new(Arc::clone(registry), Box::new(move |_| webhooks.clone())))
}
