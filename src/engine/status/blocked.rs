//! Why a change is blocked, in words: the same for conditions, events and plans.

use crate::api::{ObjectKey, VendorName};
use crate::engine::status::conditions::{ConditionSummary, SETTLING};
use crate::engine::status::words::describe_item;
use crate::plan::report::{Class, Held};
use crate::plan::{BlockedReason, Declared, ExternalId, Item, Rival, Unreadable};

/// The message of a Webhook whose deletion or redirection needs an approval.
const TOO_MANY_AT_ONCE: &str = "more subscriptions of the account would be deleted, redirected or disabled at once than its deletionGuard allows: the account's condition Stalled has the command that allows them. If this Webhook is being deleted, delete only this one and keep its subscription with the annotation hooktender.dev/release: \"true\"";

/// Returns a blocked change as a plan shows it: its class, and why.
pub(crate) fn blocked_report(
    declared: &Declared,
    item: &Item,
    reason: &BlockedReason,
    vendor: VendorName,
) -> (Class, Held) {
    let ConditionSummary { reason: name, message, .. } = blocked(declared, item, reason, vendor);
    let message = match reason {
        BlockedReason::PlanOnly => {
            "nothing is written until mode is Enforce in the Webhook and in its account".to_owned()
        }
        BlockedReason::Suspended => {
            "nothing is read or written for it until spec.suspend is false".to_owned()
        }
        // The plan shows the change itself.
        BlockedReason::DriftReported => {
            format!("driftPolicy: Report leaves what was changed at {vendor}; Correct undoes it")
        }
        _ => message,
    };
    let class = class(reason);
    (class, class.held(name, message))
}

fn class(reason: &BlockedReason) -> Class {
    match reason {
        BlockedReason::PlanOnly => Class::PlannedOnly,
        BlockedReason::CreatePending | BlockedReason::NotListedYet => Class::HeldBack,
        BlockedReason::Suspended => Class::Suspended,
        BlockedReason::DriftReported => Class::Drifted,
        BlockedReason::DeletionGuard
        | BlockedReason::CorrectionDoesNotHold
        | BlockedReason::SimilarExists(_)
        | BlockedReason::Conflict(_)
        | BlockedReason::ConflictElsewhere(_)
        | BlockedReason::ExternalIdNotFound(_)
        | BlockedReason::Unreadable(_)
        | BlockedReason::Unknown { .. } => Class::Blocked,
    }
}

/// Returns the advice about a Webhook with the same natural key and other content.
pub(crate) fn similar_declared(other: &ObjectKey) -> String {
    format!(
        "Webhook {other} declares a subscription with the same name and address but other content: both are kept, and events that match both are delivered twice; delete one of the two if that is not intended"
    )
}

/// Returns what the conditions of a blocked Webhook say.
pub(crate) fn blocked(
    declared: &Declared,
    item: &Item,
    reason: &BlockedReason,
    vendor: VendorName,
) -> ConditionSummary {
    match reason {
        BlockedReason::PlanOnly => {
            let message = format!("plan only: {}", describe_item(item));
            ConditionSummary::ready("Planned", message)
        }
        BlockedReason::Suspended => {
            let message = "suspended: nothing is read or written until spec.suspend is false";
            ConditionSummary { ready: None, ..ConditionSummary::ready("Suspended", message) }
        }
        BlockedReason::CreatePending => ConditionSummary::busy(
            SETTLING,
            format!(
                "a create has an unknown outcome: {vendor} may still commit it, so nothing is sent until the list has been read again"
            ),
        ),
        BlockedReason::NotListedYet => ConditionSummary::busy(
            SETTLING,
            format!(
                "it was created just now, but {vendor} does not list it yet: hooktender reads the list again"
            ),
        ),
        BlockedReason::DriftReported => {
            let message = format!("not corrected at {vendor} (driftPolicy: Report): {}", describe_item(item));
            ConditionSummary::ready("DriftReported", message)
        }
        BlockedReason::CorrectionDoesNotHold => {
            ConditionSummary::stalled("CorrectionDoesNotHold", correction_does_not_hold(item, vendor))
        }
        BlockedReason::DeletionGuard => ConditionSummary::stalled("DeletionGuard", TOO_MANY_AT_ONCE),
        BlockedReason::SimilarExists(ids) => {
            ConditionSummary::stalled("SimilarExists", similar_exists(ids, vendor))
        }
        BlockedReason::Conflict(other) => {
            ConditionSummary::stalled("Conflict", conflict(declared, other, ""))
        }
        BlockedReason::ConflictElsewhere(rival) => {
            ConditionSummary::stalled("Conflict", conflict_elsewhere(declared, rival, vendor))
        }
        BlockedReason::ExternalIdNotFound(id) => {
            let message = format!(
                "{vendor} has no subscription {id}; correct spec.externalId, or remove it to have one created"
            );
            ConditionSummary::stalled("ExternalIdNotFound", message)
        }
        BlockedReason::Unreadable(item) => {
            ConditionSummary::stalled("SubscriptionUnreadable", unreadable(declared, item, vendor))
        }
        BlockedReason::Unknown { reason, message } => {
            ConditionSummary::stalled(reason, unknown(declared, message))
        }
    }
}

/// Returns the message about a correction that somebody else undid again and again.
fn correction_does_not_hold(item: &Item, vendor: VendorName) -> String {
    format!(
        "each of the last three corrections was undone at {vendor}: {}; the next one waits up to an hour. Stop the other writer, declare what {vendor} has, or set driftPolicy: Report",
        describe_item(item)
    )
}

/// Returns the message about unmanaged subscriptions with the natural key of the declared one.
fn similar_exists(ids: &[ExternalId], vendor: VendorName) -> String {
    let ids: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!(
        "{vendor} has a similar subscription that no Webhook declares, so none is created. To adopt it, set spec.externalId: {}",
        ids.join(" or ")
    )
}

/// Returns the message about a subscription whose declared content is unknown.
fn unknown(declared: &Declared, message: &str) -> String {
    if declared.deleting {
        format!("{message}; to delete this Webhook anyway, set deletionPolicy: Retain")
    } else {
        message.to_owned()
    }
}

/// Returns the message about a Webhook of another VendorAccount that claims the same.
fn conflict_elsewhere(declared: &Declared, rival: &Rival, vendor: VendorName) -> String {
    let Rival { webhook, account } = rival;
    let through = format!(", through VendorAccount {account}, which points to the same account at {vendor}");
    conflict(declared, webhook, &through)
}

/// Returns the message about two Webhooks that claim the same. A guest must not learn names of another namespace.
fn conflict(declared: &Declared, other: &ObjectKey, through: &str) -> String {
    if !declared.may_know(other) {
        return "a Webhook of another namespace has or declares the same subscription and keeps it; change this one, or ask the owners of its VendorAccount".to_owned();
    }
    format!(
        "Webhook {other} declares the same subscription and keeps it{through}; delete one of the two, or change it"
    )
}

/// Returns what is wrong with an item of the list that is, or may be, a Webhook's subscription, and what to do.
fn unreadable(declared: &Declared, item: &Unreadable, vendor: VendorName) -> String {
    let why = &item.why;
    let listed = match &item.id {
        Some(id) if declared.known_ids().any(|known| known == id) => {
            return format!(
                "{vendor} lists subscription {id} in a shape that hooktender cannot read ({why}), so it is not changed. Correct it at {vendor}, or delete it there so that it is created again"
            );
        }
        Some(id) => format!("subscription {id}"),
        None => "a subscription without an id".to_owned(),
    };
    format!(
        "{vendor} lists {listed} in a shape that hooktender cannot read ({why}). It may belong to this Webhook, so none is created. Correct it at {vendor}, or delete it there"
    )
}
