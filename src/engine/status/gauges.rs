//! What the conditions of an account and its Webhooks say, as metrics.

use crate::api::conditions::{self, DELIVERING, DRIFTED, READY, RECONCILING, STALLED};
use crate::api::{ObjectKey, VendorAccount};
use crate::engine::interval::resync_interval;
use crate::engine::state::account::AccountState;
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::conditions::TOO_MANY_ERRORS;
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
    metrics.set_state(&key, counts, resync);
    let refused = state.webhooks.values().filter(|webhook| webhook.refusals.message().is_some()).count();
    metrics.set_not_written(&key, refused, state.status_refused.is_some());
}

fn of_webhook(webhook: &WebhookState) -> WebhookPhase {
    let all = &webhook.status.conditions;
    let is = |kind| conditions::is_true(all, kind);
    let has = |kind, reason| conditions::get(all, kind).is_some_and(|condition| condition.reason == reason);
    if webhook.object.spec.suspend {
        WebhookPhase::Suspended
    } else if webhook.object.metadata.deletion_timestamp.is_some() {
        WebhookPhase::Deleting
    } else if is(STALLED) {
        WebhookPhase::Stalled
    } else if is(RECONCILING) || !is(READY) {
        WebhookPhase::Reconciling
    } else if has(DELIVERING, TOO_MANY_ERRORS) {
        // Whatever else is so: the receiver gets nothing.
        WebhookPhase::NotDelivering
    } else if has(READY, "Planned") {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Webhook;
    use serde_json::json;

    fn phase(spec: &serde_json::Value, conditions: &[(&str, &str, &str)]) -> WebhookPhase {
        let condition = |(kind, status, reason): &(&str, &str, &str)| {
            json!({"type": kind, "status": status, "reason": reason, "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        let mut object = json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook", "metadata": {"name": "a", "namespace": "n"},
            "spec": {"accountRef": {"name": "acc"}, "subscription": {"superoffice":
                {"name": "a", "events": ["contact.created"], "targetUrl": "https://h"}}},
            "status": {"conditions": conditions.iter().map(condition).collect::<Vec<_>>()},
        });
        object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let object: Webhook = serde_json::from_value(object).unwrap();
        of_webhook(&WebhookState::new(Arc::new(object)))
    }

    #[test]
    fn stopped_deliveries_are_a_state_of_their_own_unless_somebody_works_on_it() {
        let disabled = ("Delivering", "False", "TooManyErrors");
        let (ready, planned) = (("Ready", "True", "InSync"), ("Ready", "True", "Planned"));
        let (stopped, drifted) = (("Delivering", "False", "Stopped"), ("Drifted", "True", "Drifted"));
        for (conditions, expected) in [
            (&[ready][..], WebhookPhase::Ready),
            (&[ready, disabled], WebhookPhase::NotDelivering),
            (&[ready, drifted, disabled], WebhookPhase::NotDelivering),
            (&[planned, disabled], WebhookPhase::NotDelivering),
            (&[ready, stopped], WebhookPhase::Ready),
            (&[ready, drifted], WebhookPhase::Drifted),
            (&[ready, disabled, ("Reconciling", "True", "Unavailable")], WebhookPhase::Reconciling),
            (&[ready, disabled, ("Stalled", "True", "Rejected")], WebhookPhase::Stalled),
        ] {
            assert_eq!(phase(&json!({}), conditions), expected, "{conditions:?}");
        }
        assert_eq!(phase(&json!({"suspend": true}), &[ready, disabled]), WebhookPhase::Suspended);
    }
}
