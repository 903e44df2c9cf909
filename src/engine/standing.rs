//! How an account and its Webhooks stand, for metrics: what their conditions say, each in one word.

use super::due::resync;
use super::entry::Entry;
use super::memory::Memory;
use crate::api::conditions::{self, DRIFTED, READY, RECONCILING, STALLED};
use crate::api::{ObjectKey, VendorAccount};
use crate::telemetry::{AccountState, Metrics, Tally, WebhookState};
use std::sync::Arc;

impl Memory {
    /// Tells how the account that the cache shows and its Webhooks stand now.
    pub fn tell(&self, cached: &Arc<VendorAccount>, metrics: &Metrics) {
        let account = self.newest(Arc::clone(cached));
        let state = of_account(&account);
        let mut tally = Tally::of(account.spec.vendor.name(), state);
        for entry in self.entries.values() {
            tally.add(of_webhook(entry));
        }
        let resync = (state != AccountState::Suspended).then(|| resync(&account));
        let key = ObjectKey::of(&*account);
        metrics.stands(&key, tally, resync);
        metrics.not_written(&key, self.refusals.len(), self.account_refused.is_some());
    }
}

fn of_webhook(entry: &Entry) -> WebhookState {
    let all = &entry.status.conditions;
    let is = |kind| conditions::is_true(all, kind);
    let planned = || conditions::get(all, READY).is_some_and(|ready| ready.reason == "Planned");
    if entry.known.spec.suspend {
        WebhookState::Suspended
    } else if entry.known.metadata.deletion_timestamp.is_some() {
        WebhookState::Deleting
    } else if is(STALLED) {
        WebhookState::Stalled
    } else if is(RECONCILING) || !is(READY) {
        WebhookState::Reconciling
    } else if planned() {
        WebhookState::Planned
    } else if is(DRIFTED) {
        WebhookState::Drifted
    } else {
        WebhookState::Ready
    }
}

fn of_account(account: &VendorAccount) -> AccountState {
    let all = account.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let is = |kind| conditions::is_true(all, kind);
    if account.spec.suspend {
        AccountState::Suspended
    } else if account.metadata.deletion_timestamp.is_some() {
        AccountState::Deleting
    } else if is(STALLED) {
        AccountState::Stalled
    } else if is(RECONCILING) || !is(READY) {
        AccountState::Reconciling
    } else {
        AccountState::Ready
    }
}
