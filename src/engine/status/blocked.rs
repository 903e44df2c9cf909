//! Why a change is blocked, in words: the same for conditions, events and plans.

use crate::api::{ObjectKey, VendorName};
use crate::engine::status::conditions::{ConditionSummary, SETTLING};
use crate::engine::status::words::describe_item;
use crate::plan::report::{Held, Until};
use crate::plan::{BlockedReason, Declared, Item, Rival, Unreadable};

/// Returns a blocked change as a plan shows it: condition reason, message, and what it waits for.
pub(crate) fn blocked_report(
    declared: &Declared,
    item: &Item,
    reason: &BlockedReason,
    vendor: VendorName,
) -> Held {
    let summary = blocked(declared, item, reason, vendor);
    let (until, message) = match reason {
        BlockedReason::PlanOnly => {
            let message =
                "plan only: nothing is written until mode is Enforce at the Webhook and its account";
            (Until::Later, message.to_owned())
        }
        BlockedReason::CreatePending | BlockedReason::NotListedYet => (Until::Later, summary.message),
        BlockedReason::Suspended => {
            (Until::Left, "nothing is read or written for it until spec.suspend is false".to_owned())
        }
        BlockedReason::DriftReported => (Until::Left, summary.message),
        BlockedReason::DeletionGuard
        | BlockedReason::CorrectionDoesNotHold
        | BlockedReason::SimilarExists(_)
        | BlockedReason::Conflict(_)
        | BlockedReason::ConflictElsewhere(_)
        | BlockedReason::ExternalIdNotFound(_)
        | BlockedReason::Unreadable(_)
        | BlockedReason::Unknown { .. } => (Until::Mended, summary.message),
    };
    Held { reason: summary.reason.to_owned(), message, until }
}

/// Returns the advice about a Webhook with the same natural key and other content.
pub(crate) fn similar_declared(other: &ObjectKey) -> String {
    format!(
        "Webhook {other} declares a subscription of the same name and address with other content; both are kept, and what both ask for is delivered twice"
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
                "a create was sent and not answered; {vendor} may still commit it, so nothing is sent before the list is read again"
            ),
        ),
        BlockedReason::NotListedYet => ConditionSummary::busy(
            SETTLING,
            format!(
                "it was made just now and {vendor} does not list it; its list may lag, and is read again"
            ),
        ),
        BlockedReason::DriftReported => {
            let message = format!("left as it is at {vendor} (driftPolicy: Report): {}", describe_item(item));
            ConditionSummary::ready("DriftReported", message)
        }
        BlockedReason::CorrectionDoesNotHold => {
            let message = format!(
                "{vendor} had this changed back after each of three corrections: {}; further corrections wait, up to an hour. Stop the other writer, declare what {vendor} has, or set driftPolicy: Report",
                describe_item(item)
            );
            ConditionSummary::stalled("CorrectionDoesNotHold", message)
        }
        BlockedReason::DeletionGuard => {
            let message = "more subscriptions of the account would be deleted, redirected or disabled at once than its deletionGuard allows; the account's condition Stalled holds the command that allows them. To keep the subscription of a Webhook that is being deleted, and let only this Webhook go, set the annotation hooktender.dev/release: \"true\"";
            ConditionSummary::stalled("DeletionGuard", message)
        }
        BlockedReason::SimilarExists(ids) => {
            let ids: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
            let message = format!(
                "{vendor} has a similar subscription that no Webhook declares; nothing is created beside it. To adopt it, set spec.externalId: {}",
                ids.join(" or ")
            );
            ConditionSummary::stalled("SimilarExists", message)
        }
        BlockedReason::Conflict(other) => {
            ConditionSummary::stalled("Conflict", conflict(declared, other, ""))
        }
        BlockedReason::ConflictElsewhere(Rival { webhook, account }) => {
            let through =
                format!(", through VendorAccount {account}, which points to the same account at {vendor}");
            ConditionSummary::stalled("Conflict", conflict(declared, webhook, &through))
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
            let mut message = message.clone();
            if declared.deleting {
                message =
                    format!("{message}; to let this Webhook go all the same, set deletionPolicy: Retain");
            }
            ConditionSummary::stalled(reason, message)
        }
    }
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
                "{vendor} lists subscription {id} in a shape that cannot be read ({why}); it is left as it is. Correct it at {vendor}, or delete it there to have it created again"
            );
        }
        Some(id) => format!("subscription {id}"),
        None => "a subscription without an id".to_owned(),
    };
    format!(
        "{vendor} lists {listed} in a shape that cannot be read ({why}), which may be the one of this Webhook; nothing is created beside it. Correct it at {vendor}, or delete it there"
    )
}
