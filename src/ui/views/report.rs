//! The plan that the statuses hold, as the report that `hooktender plan` prints.
//!
//! It is what the operator recorded last, without a call to a vendor: values are as short as a status keeps them, and the number
//! of calls is not known. [`WebhookReport::calls`] only says whether there is any.

use crate::api::conditions::{DELIVERING, DRIFTED, READY, STALLED};
use crate::api::status::Action;
use crate::engine::status::account::DELETION_GUARD;
use crate::plan::Cause;
use crate::plan::report::{
    AccountReport, Class, DeliveryState, FieldReport, Held, UnmanagedReport, WebhookReport,
};
use crate::ui::data::facts::{AccountFacts, WebhookFacts};

/// Returns the plan of one Webhook of an account; none if the account is not there.
pub(crate) fn webhook_report(webhook: &WebhookFacts, account: Option<&AccountFacts>) -> WebhookReport {
    let action = webhook.action();
    let held = held(webhook, account, action);
    let plan = webhook.status.plan.as_ref();
    let changes = plan.map(|plan| plan.changes.as_slice()).unwrap_or_default().iter();
    WebhookReport {
        namespace: webhook.key.namespace.clone(),
        name: webhook.key.name.clone(),
        declared_at: None,
        class: held.as_ref().map_or(Class::of(action), |(class, _)| *class),
        action,
        cause: cause(webhook, action),
        id: webhook.status.external_id.clone(),
        changes: changes
            .map(|change| FieldReport {
                field: change.field.clone(),
                before: change.before.clone(),
                after: change.after.clone(),
                // Only a vendor without an update replaces, and then for any field.
                replaces: action == Action::Replace,
            })
            .collect(),
        held: held.map(|(_, held)| held),
        duplicates: Vec::new(),
        former: Vec::new(),
        delivery: delivery(webhook),
        advice: None,
        calls: usize::from(!matches!(action, Action::None | Action::Adopt | Action::Retain)),
        digest: plan.and_then(|plan| plan.digest.clone()),
    }
}

/// Returns the plan of an account without its Webhooks.
pub(crate) fn account_report(account: &AccountFacts) -> AccountReport {
    let unmanaged = account.status.unmanaged.iter();
    let held = account_held(account);
    AccountReport {
        namespace: account.key.namespace.clone(),
        name: account.key.name.clone(),
        vendor: account.vendor,
        identity: account.identity.clone(),
        not_planned: held.as_ref().is_some_and(|(class, _)| *class == Class::NotPlanned),
        held: held.map(|(_, held)| held),
        advice: None,
        webhooks: Vec::new(),
        unmanaged: unmanaged
            .map(|one| UnmanagedReport { external_id: one.external_id.clone(), summary: one.summary.clone() })
            .collect(),
        about_seconds: None,
    }
}

/// Returns what keeps changes of a whole account from being made. An account with an error that is retried keeps its last plan.
fn account_held(account: &AccountFacts) -> Option<(Class, Held)> {
    let ready = account.condition(READY)?;
    let stalled = account.condition(STALLED).filter(|stalled| stalled.status == "True");
    let (class, condition) = match stalled {
        Some(stalled) if stalled.reason == DELETION_GUARD => (Class::Blocked, stalled),
        Some(stalled) => (Class::NotPlanned, stalled),
        None if ready.reason == "Suspended" => (Class::Suspended, ready),
        None if ready.status == "True" => return None,
        None => (Class::HeldBack, ready),
    };
    Some((class, class.held(&condition.reason, &condition.message)))
}

/// Returns why something is to be done, as far as conditions tell.
fn cause(webhook: &WebhookFacts, action: Action) -> Cause {
    let drifted = webhook.condition(DRIFTED).is_some_and(|drifted| drifted.status == "True");
    let disabled = webhook.condition(DELIVERING).is_some_and(|one| one.reason == "TooManyErrors");
    match (action, drifted) {
        (Action::None, _) => Cause::InSync,
        (Action::Create, true) => Cause::Gone,
        (Action::Create, false) => Cause::New,
        (Action::Adopt, _) => Cause::Found,
        (Action::Update | Action::Replace, true) if disabled => Cause::DisabledByVendor,
        (Action::Update | Action::Replace, true) => Cause::VendorEdit,
        (Action::Update | Action::Replace, false) => Cause::SpecChanged,
        (Action::Delete | Action::Retain, _) => Cause::Deleted,
    }
}

/// Returns what keeps an action from being done; also why nothing can be planned.
fn held(webhook: &WebhookFacts, account: Option<&AccountFacts>, action: Action) -> Option<(Class, Held)> {
    let ready = webhook.condition(READY)?;
    let stalled = webhook.condition(STALLED).is_some_and(|stalled| stalled.status == "True");
    let class = match ready.reason.as_str() {
        reason if stalled && is_account_error(account, reason) => Class::NotPlanned,
        _ if stalled => Class::Blocked,
        "Suspended" => Class::Suspended,
        "DriftReported" => Class::Drifted,
        "Planned" if action != Action::None => Class::PlannedOnly,
        _ if action != Action::None => Class::HeldBack,
        _ => return None,
    };
    Some((class, class.held(&ready.reason, &ready.message)))
}

/// Whether no plan can be made of the account for this reason, which its Webhooks repeat.
fn is_account_error(account: Option<&AccountFacts>, reason: &str) -> bool {
    let held = account.and_then(account_held);
    held.is_some_and(|(class, held)| class == Class::NotPlanned && held.reason == reason)
}

/// Returns whether the vendor delivers, if it says so.
fn delivery(webhook: &WebhookFacts) -> Option<DeliveryState> {
    let delivering = webhook.condition(DELIVERING)?;
    match (delivering.status.as_str(), delivering.reason.as_str()) {
        ("True", _) => Some(DeliveryState::Active),
        (_, "TooManyErrors") => Some(DeliveryState::TooManyErrors),
        (_, "Stopped") => Some(DeliveryState::Stopped),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{account, condition, webhook};
    use serde_json::{Value, json};

    fn account_with(conditions: &[Value]) -> AccountFacts {
        let mut object = account("shop", "acme");
        object["status"]["conditions"] = json!(conditions);
        AccountFacts::new(serde_json::from_value(object).unwrap())
    }

    fn webhook_with(action: &str, conditions: &[Value]) -> WebhookFacts {
        let mut object = webhook("shop", "a", "acme");
        object["status"]["conditions"] = json!(conditions);
        object["status"]["plan"] = json!({"action": action});
        WebhookFacts::new(serde_json::from_value(object).unwrap())
    }

    fn unready(reason: &str) -> Vec<Value> {
        vec![condition("Ready", false, reason)]
    }

    fn stalled(reason: &str) -> Vec<Value> {
        vec![condition("Ready", false, reason), condition("Stalled", true, reason)]
    }

    #[test]
    fn an_account_with_an_error_has_no_plan_until_somebody_acts() {
        let report = |conditions: &[Value]| {
            let report = account_report(&account_with(conditions));
            (report.not_planned, report.held.map(|held| held.until))
        };
        let class = Class::until;
        assert_eq!(report(&[condition("Ready", true, "InSync")]), (false, None));
        assert_eq!(report(&stalled("Credentials")), (true, Some(class(Class::NotPlanned))));
        assert_eq!(report(&stalled("DeletionGuard")), (false, Some(class(Class::Blocked))));
        assert_eq!(report(&unready("Unavailable")), (false, Some(class(Class::HeldBack))));
        assert_eq!(report(&unready("Suspended")), (false, Some(class(Class::Suspended))));
    }

    #[test]
    fn the_class_of_a_webhook_says_why_its_change_waits() {
        let failed = account_with(&stalled("Credentials"));
        let class = |action, conditions: &[Value]| {
            webhook_report(&webhook_with(action, conditions), Some(&failed)).class
        };
        let ready = |reason| [condition("Ready", true, reason)];
        assert_eq!(class("Update", &stalled("Credentials")), Class::NotPlanned);
        assert_eq!(class("Update", &stalled("Rejected")), Class::Blocked);
        assert_eq!(class("Update", &unready("Unavailable")), Class::HeldBack);
        assert_eq!(class("Update", &ready("DriftReported")), Class::Drifted);
        assert_eq!(class("Create", &ready("Planned")), Class::PlannedOnly);
        assert_eq!(class("None", &unready("Suspended")), Class::Suspended);
        assert_eq!(class("None", &ready("InSync")), Class::Unchanged);
        let stopped = [condition("Ready", true, "InSync"), condition("Delivering", false, "TooManyErrors")];
        let report = webhook_report(&webhook_with("None", &stopped), None);
        assert_eq!(report.delivery, Some(DeliveryState::TooManyErrors));
    }
}
