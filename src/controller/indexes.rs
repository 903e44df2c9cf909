//! Which accounts and sets an event of another object concerns.

use super::dependents::Dependents;
use crate::api::ObjectKey;
use crate::engine::dependency::Dependency;
use std::sync::Arc;

/// What accounts and sets depend on besides their own objects.
#[derive(Clone, Default)]
pub(super) struct Indexes {
    /// Secrets and ConfigMaps of accounts.
    pub(super) dependents: Arc<Dependents<Dependency>>,
    /// Webhooks of other accounts that own what a Webhook waits for.
    pub(super) waiting: Arc<Dependents<ObjectKey>>,
    /// Webhooks that have the names of a set's members, whether they exist or not.
    pub(super) members: Arc<Dependents<ObjectKey>>,
}

impl Indexes {
    /// Removes an account that is gone.
    pub(super) fn remove_account(&self, account: &ObjectKey) {
        self.dependents.remove_account(account);
        self.waiting.remove_account(account);
    }
}
