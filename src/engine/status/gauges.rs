//! How an account and its Webhooks stand, for metrics: what their conditions say, each in one word.

use crate::api::conditions::{self, DRIFTED, READY, RECONCILING, STALLED};
use crate::api::{ObjectKey, VendorAccount};
use crate::engine::pass::schedule::resync;
use crate::engine::state::account::AccountState;
use crate::engine::state::webhook::WebhookState;
use crate::telemetry::{AccountPhase, Metrics, StateCounts, WebhookPhase};
use std::sync::Arc;

impl AccountState {
    /// Tells how the account that the cache shows and its Webhooks stand now.
    pub(crate) fn tell(&self, cached: &Arc<VendorAccount>, metrics: &Metrics) {
        let account = self.newest(Arc::clone(cached));
        let state = of_account(&account);
        let mut tally = StateCounts::of(account.spec.vendor.name(), state);
        for entry in self.entries.values() {
            tally.add(of_webhook(entry));
        }
        let resync = (state != AccountPhase::Suspended).then(|| resync(&account));
        let key = ObjectKey::of(&*account);
        metrics.stands(&key, tally, resync);
        metrics.not_written(&key, self.refusals.len(), self.account_refused.is_some());
    }
}

fn of_webhook(entry: &WebhookState) -> WebhookPhase {
    let all = &entry.status.conditions;
    let is = |kind| conditions::is_true(all, kind);
    let planned = || conditions::get(all, READY).is_some_and(|ready| ready.reason == "Planned");
    if entry.object.spec.suspend {
        WebhookPhase::Suspended
    } else if entry.object.metadata.deletion_timestamp.is_some() {
        WebhookPhase::Deleting
    } else if is(STALLED) {
        WebhookPhase::Stalled
    } else if is(RECONCILING) || !is(READY) {
        WebhookPhase::Reconciling
    } else if planned() {
        WebhookPhase::Planned
    } else if is(DRIFTED) {
        WebhookPhase::Drifted
    } else {
        WebhookPhase::Ready
    }
}

fn of_account(account: &VendorAccount) -> AccountPhase {
    let all = account.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let is = |kind| conditions::is_true(all, kind);
    if account.spec.suspend {
        AccountPhase::Suspended
    } else if account.metadata.deletion_timestamp.is_some() {
        AccountPhase::Deleting
    } else if is(STALLED) {
        AccountPhase::Stalled
    } else if is(RECONCILING) || !is(READY) {
        AccountPhase::Reconciling
    } else {
        AccountPhase::Ready
    }
}
