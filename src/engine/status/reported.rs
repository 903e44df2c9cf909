//! What the operator has reported about a Webhook and a plan cannot find out by itself: what became of the last attempt.
//!
//! A plan from the cluster is made by another process than the operator, and knows nothing of its memory. The conditions tell, as long as
//! they are about the same spec and the same effect (`status.plan.digest`). Times in a status are not compared: another clock wrote them.

use super::conditions::{SETTLING, WRITE_REFUSED};
use crate::api::Webhook;
use crate::api::conditions::{self, READY, RECONCILING, STALLED};
use crate::api::status::WebhookStatus;
use crate::plan::report::{Class, Held};
use crate::plan::{Declared, Item};
use crate::vendor::Class as ErrorClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// What the operator has reported about the change that a plan shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// It is not tried again now.
    Held(Class, Held),
    /// It failed and is tried again soon.
    Failed(String),
}

/// Returns what the operator has reported about the change of an item, if it has tried just that.
pub(crate) fn reported(webhook: &Webhook, declared: &Declared, item: &Item) -> Option<Reported> {
    let status = webhook.status.as_ref()?;
    item.step()?;
    // A value that only files have has not been tried.
    let same_values = !declared.hints.values_changed && !declared.hints.write_only_changed;
    if !same_values || !is_current(webhook, status) || digest(status) != item.digest().as_ref() {
        return None;
    }
    if conditions::is_true(&status.conditions, READY) {
        return None;
    }
    let ready = conditions::get(&status.conditions, READY)?;
    if conditions::is_true(&status.conditions, STALLED) {
        return stalled(ready);
    }
    if !conditions::is_true(&status.conditions, RECONCILING) {
        return None;
    }
    let Condition { reason, message, .. } = ready;
    if reason == SETTLING {
        return Some(Reported::Held(Class::HeldBack, Class::HeldBack.held(reason, message)));
    }
    let retried = [ErrorClass::Unavailable, ErrorClass::Throttled, ErrorClass::Outdated];
    let is_retried = retried.iter().any(|class| class.as_str() == reason);
    is_retried.then(|| {
        Reported::Failed(format!("the last attempt failed: {reason}: {message}; hooktender tries it again"))
    })
}

/// Returns a change that the operator does not try again before somebody changes something.
fn stalled(ready: &Condition) -> Option<Reported> {
    let Condition { reason, message, .. } = ready;
    let message = match reason.as_str() {
        rejected if rejected == ErrorClass::Rejected.as_str() => format!(
            "the last attempt was rejected: {message}; it is not tried again before the Webhook changes or an hour has passed"
        ),
        // Their messages say when they are tried again.
        "CorrectionDoesNotHold" | WRITE_REFUSED => message.clone(),
        _ => return None,
    };
    Some(Reported::Held(Class::Blocked, Class::Blocked.held(reason, message)))
}

fn is_current(webhook: &Webhook, status: &WebhookStatus) -> bool {
    status.observed_generation.is_some() && status.observed_generation == webhook.metadata.generation
}

fn digest(status: &WebhookStatus) -> Option<&String> {
    status.plan.as_ref()?.digest.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{IN_PLACE, document, wants};
    use crate::plan::{Elsewhere, plan};
    use serde_json::json;

    fn item(declared: &Declared) -> Item {
        plan(&IN_PLACE, std::slice::from_ref(declared), &[], &Elsewhere::default()).items.remove(0)
    }

    fn webhook(generation: i64, digest: Option<&str>, conditions: &[(&str, &str, &str)]) -> Webhook {
        let condition = |(kind, status, reason): &(&str, &str, &str)| {
            json!({"type": kind, "status": status, "reason": reason, "message": "the vendor's words",
                "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        let conditions: Vec<_> = conditions.iter().map(condition).collect();
        serde_json::from_value(json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
            "metadata": {"name": "a", "namespace": "n", "generation": generation},
            "spec": {"accountRef": {"name": "acc"}, "subscription": {"superoffice":
                {"name": "a", "events": ["contact.created"], "targetUrl": "https://h"}}},
            "status": {"observedGeneration": 2, "conditions": conditions,
                "plan": {"action": "Create", "digest": digest}},
        }))
        .unwrap()
    }

    const REJECTED: [(&str, &str, &str); 2] =
        [("Ready", "False", "Rejected"), ("Stalled", "True", "Rejected")];

    fn class_of(conditions: &[(&str, &str, &str)]) -> Option<Class> {
        let declared = wants("a", 1, document("x"));
        let item = item(&declared);
        match reported(&webhook(2, item.digest().as_deref(), conditions), &declared, &item) {
            Some(Reported::Held(class, _)) => Some(class),
            Some(Reported::Failed(_)) => Some(Class::of(item.action())),
            None => None,
        }
    }

    #[test]
    fn what_the_operator_waits_for_is_told() {
        let reconciling =
            |reason: &'static str| [("Ready", "False", reason), ("Reconciling", "True", reason)];
        let stalled = |reason: &'static str| [("Ready", "False", reason), ("Stalled", "True", reason)];
        assert_eq!(class_of(&REJECTED), Some(Class::Blocked));
        assert_eq!(class_of(&stalled("CorrectionDoesNotHold")), Some(Class::Blocked));
        assert_eq!(class_of(&stalled("SimilarExists")), None, "the plan finds out by itself");
        assert_eq!(class_of(&reconciling("Settling")), Some(Class::HeldBack));
        assert_eq!(class_of(&reconciling("Unavailable")), Some(Class::Create), "with advice");
        assert_eq!(class_of(&[("Ready", "True", "Planned")]), None);
        assert_eq!(class_of(&[]), None);
    }

    #[test]
    fn what_was_reported_about_another_spec_or_effect_does_not_count() {
        let declared = wants("a", 1, document("x"));
        let item = item(&declared);
        let tried = webhook(2, item.digest().as_deref(), &REJECTED);
        assert!(reported(&tried, &declared, &item).is_some());
        let edited = webhook(3, item.digest().as_deref(), &REJECTED);
        assert_eq!(reported(&edited, &declared, &item), None, "the spec has changed since");
        let other = webhook(2, Some("sha256:other"), &REJECTED);
        assert_eq!(reported(&other, &declared, &item), None, "another effect");
        let mut rotated = declared.clone();
        rotated.hints.values_changed = true;
        assert_eq!(reported(&tried, &rotated, &item), None, "another value");
        let new = Webhook { status: None, ..tried };
        assert_eq!(reported(&new, &declared, &item), None);
    }
}
