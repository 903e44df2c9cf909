//! What the conditions of an account and its Webhooks say, as metrics.

use crate::api::conditions::{self, DRIFTED, READY, RECONCILING, STALLED};
use crate::api::{ObjectKey, VendorAccount};
use crate::engine::interval::resync_interval;
use crate::engine::state::account::AccountState;
use crate::engine::state::webhook::WebhookState;
use crate::telemetry::{AccountPhase, Metrics, StateCounts, WebhookPhase};
use std::sync::Arc;

/// Sets the gauges of the account that the cache shows, and of its Webhooks.
pub(crate) fn set_gauges(state: &AccountState, cached: &Arc<VendorAccount>, metrics: &Metrics) {
    let account = state.newest(Arc::clone(cached));
    let phase = of_account(&account);
    let mut counts = StateCounts::of(account.spec.vendor.name(), phase);
    state.webhooks.values().for_each(|webhook| counts.add(of_webhook(webhook)));
    let resync = (phase != AccountPhase::Suspended).then(|| resync_interval(&account));
    let key = ObjectKey::of(&*account);
    metrics.stands(&key, counts, resync);
    let refused = state.webhooks.values().filter(|webhook| webhook.refusals.message().is_some()).count();
    metrics.not_written(&key, refused, state.status_refused.is_some());
}

fn of_webhook(webhook: &WebhookState) -> WebhookPhase {
    let all = &webhook.status.conditions;
    let is = |kind| conditions::is_true(all, kind);
    let planned = || conditions::get(all, READY).is_some_and(|ready| ready.reason == "Planned");
    if webhook.object.spec.suspend {
        WebhookPhase::Suspended
    } else if webhook.object.metadata.deletion_timestamp.is_some() {
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
