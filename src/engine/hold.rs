//! What a hold means, in words: for conditions, events and plans alike.

use super::outcome::{SETTLING, Verdict};
use super::words::in_words;
use crate::api::{ObjectKey, VendorName};
use crate::plan::report::{Held, Until};
use crate::plan::{Declared, Hold, Item, Rival, Unreadable};

/// A hold as it is shown in a plan: condition reason, message, and what it waits for.
pub(super) fn shown_hold(declared: &Declared, item: &Item, hold: &Hold, vendor: VendorName) -> Held {
    let verdict = held(declared, item, hold, vendor);
    let (until, message) = match hold {
        Hold::PlanOnly => {
            let message =
                "plan only: nothing is written until mode is Enforce at the Webhook and its account";
            (Until::Later, message.to_owned())
        }
        Hold::Settling | Hold::NotShownYet => (Until::Later, verdict.message),
        Hold::Suspended => {
            (Until::Left, "nothing is read or written for it until spec.suspend is false".to_owned())
        }
        Hold::DriftReported => (Until::Left, verdict.message),
        Hold::DeletionGuard
        | Hold::CorrectionDoesNotHold
        | Hold::SimilarExists(_)
        | Hold::Conflict(_)
        | Hold::ConflictElsewhere(_)
        | Hold::ExternalIdNotFound(_)
        | Hold::Unreadable(_)
        | Hold::Unknown { .. } => (Until::Mended, verdict.message),
    };
    Held { reason: verdict.reason.to_owned(), message, until }
}

/// What a person should know of a Webhook with the same natural key and other content.
pub(super) fn similar_declared(other: &ObjectKey) -> String {
    format!(
        "Webhook {other} declares a subscription of the same name and address with other content; both are kept, and what both ask for is delivered twice"
    )
}

/// A hold as the conditions say it.
pub(super) fn held(declared: &Declared, item: &Item, hold: &Hold, vendor: VendorName) -> Verdict {
    match hold {
        Hold::PlanOnly => {
            let message = format!("plan only: {}", in_words(item));
            Verdict::ready("Planned", message)
        }
        Hold::Suspended => {
            let message = "suspended: nothing is read or written until spec.suspend is false";
            Verdict { ready: None, ..Verdict::ready("Suspended", message) }
        }
        Hold::Settling => Verdict::busy(
            SETTLING,
            format!(
                "a create was sent and not answered; {vendor} may still commit it, so nothing is sent before the list is read again"
            ),
        ),
        Hold::NotShownYet => Verdict::busy(
            SETTLING,
            format!(
                "it was made just now and {vendor} does not list it; its list may lag, and is read again"
            ),
        ),
        Hold::DriftReported => {
            let message = format!("left as it is at {vendor} (driftPolicy: Report): {}", in_words(item));
            Verdict::ready("DriftReported", message)
        }
        Hold::CorrectionDoesNotHold => {
            let message = format!(
                "{vendor} had this changed back after each of three corrections: {}; further corrections wait, up to an hour. Stop the other writer, declare what {vendor} has, or set driftPolicy: Report",
                in_words(item)
            );
            Verdict::stalled("CorrectionDoesNotHold", message)
        }
        Hold::DeletionGuard => {
            let message = "more subscriptions of the account would be deleted at once than its deletionGuard allows; the account's condition Stalled holds the command that allows them. To keep the subscription and let only this Webhook go, set the annotation hooktender.dev/release: \"true\"";
            Verdict::stalled("DeletionGuard", message)
        }
        Hold::SimilarExists(ids) => {
            let ids: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
            let message = format!(
                "{vendor} has a similar subscription that no Webhook declares; nothing is created beside it. To adopt it, set spec.externalId: {}",
                ids.join(" or ")
            );
            Verdict::stalled("SimilarExists", message)
        }
        Hold::Conflict(other) => Verdict::stalled("Conflict", conflict(declared, other, "")),
        Hold::ConflictElsewhere(Rival { webhook, account }) => {
            let through =
                format!(", through VendorAccount {account}, which points to the same account at {vendor}");
            Verdict::stalled("Conflict", conflict(declared, webhook, &through))
        }
        Hold::ExternalIdNotFound(id) => {
            let message = format!(
                "{vendor} has no subscription {id}; correct spec.externalId, or remove it to have one created"
            );
            Verdict::stalled("ExternalIdNotFound", message)
        }
        Hold::Unreadable(item) => {
            Verdict::stalled("SubscriptionUnreadable", unreadable(declared, item, vendor))
        }
        Hold::Unknown { reason, message } => {
            let mut message = message.clone();
            if declared.deleting {
                message =
                    format!("{message}; to let this Webhook go all the same, set deletionPolicy: Retain");
            }
            Verdict::stalled(reason, message)
        }
    }
}

/// Two Webhooks claim the same. Names of another namespace are not for guests.
fn conflict(declared: &Declared, other: &ObjectKey, through: &str) -> String {
    if !declared.may_know(other) {
        return "a Webhook of another namespace has or declares the same subscription and keeps it; change this one, or ask the owners of its VendorAccount".to_owned();
    }
    format!(
        "Webhook {other} declares the same subscription and keeps it{through}; delete one of the two, or change it"
    )
}

/// What is wrong with an item of the list that is, or may be, a Webhook's subscription, and what to do.
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
