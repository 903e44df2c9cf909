//! What the conditions of a Webhook say while its subscription is replaced or deleted.

use super::conditions::{ConditionSummary, Drift, set_all};
use crate::api::VendorName;
use crate::api::status::WebhookStatus;
use crate::plan::ExternalId;
use k8s_openapi::jiff::Timestamp;

/// Reports that a subscription is being replaced. What is declared is not at the vendor before the new one is created.
pub(crate) fn replacing(
    status: &mut WebhookStatus,
    old: &ExternalId,
    vendor: VendorName,
    generation: Option<i64>,
    now: Timestamp,
) {
    let message =
        format!("{vendor} cannot update {old}: a new subscription is created, then {old} is deleted");
    set_all(
        &mut status.conditions,
        &ConditionSummary::busy("Replacing", message),
        &Drift::Unknown,
        generation,
        now,
    );
}

/// Reports that a subscription is being deleted. Until the vendor answers, it is as it was.
pub(crate) fn deleting(
    status: &mut WebhookStatus,
    id: &ExternalId,
    vendor: VendorName,
    generation: Option<i64>,
    now: Timestamp,
) {
    let message = format!("{id} is being deleted at {vendor}, which has not answered yet");
    let summary = ConditionSummary { ready: None, ..ConditionSummary::busy("Deleting", message) };
    set_all(&mut status.conditions, &summary, &Drift::Unknown, generation, now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::conditions::{self, READY, RECONCILING};

    #[test]
    fn a_replacement_is_not_ready_and_a_deletion_is_as_it_was() {
        let id = ExternalId::new("7").unwrap();
        for was_ready in [true, false] {
            let mut status = WebhookStatus::default();
            conditions::set(&mut status.conditions, conditions::sample(READY, was_ready, "Was", ""));
            let reason = |status: &WebhookStatus| {
                assert!(conditions::is_true(&status.conditions, RECONCILING));
                let ready = conditions::get(&status.conditions, READY).unwrap();
                (ready.status.clone(), ready.reason.clone())
            };
            deleting(&mut status, &id, VendorName::Brightpearl, Some(1), Timestamp::UNIX_EPOCH);
            let was = if was_ready { "True" } else { "False" };
            assert_eq!(reason(&status), (was.into(), "Deleting".into()));
            replacing(&mut status, &id, VendorName::Brightpearl, Some(1), Timestamp::UNIX_EPOCH);
            assert_eq!(reason(&status), ("False".into(), "Replacing".into()));
        }
    }
}
