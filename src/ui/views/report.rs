//! The plan that the statuses hold, as the report that `hooktender plan` prints.
//!
//! It is what the operator recorded last, without a call to a vendor: values are as short as a status keeps them, and the number
//! of calls is not known. [`WebhookReport::calls`] only says whether there is any.

use crate::api::conditions::{DELIVERING, DRIFTED, READY, STALLED};
use crate::api::status::Action;
use crate::plan::Cause;
use crate::plan::report::{AccountReport, FieldReport, Held, UnmanagedReport, Until, WebhookReport};
use crate::ui::data::facts::{AccountFacts, WebhookFacts};

/// Returns the plan of one Webhook.
pub(crate) fn webhook_report(webhook: &WebhookFacts) -> WebhookReport {
    let action = webhook.action();
    let plan = webhook.status.plan.as_ref();
    let changes = plan.map(|plan| plan.changes.as_slice()).unwrap_or_default().iter();
    WebhookReport {
        namespace: webhook.key.namespace.clone(),
        name: webhook.key.name.clone(),
        declared_at: None,
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
        held: held(webhook, action),
        duplicates: Vec::new(),
        advice: None,
        calls: usize::from(!matches!(action, Action::None | Action::Adopt | Action::Retain)),
        digest: plan.and_then(|plan| plan.digest.clone()),
    }
}

/// Returns the plan of an account without its Webhooks.
pub(crate) fn account_report(account: &AccountFacts) -> AccountReport {
    let unmanaged = account.status.unmanaged.iter();
    AccountReport {
        namespace: account.key.namespace.clone(),
        name: account.key.name.clone(),
        vendor: account.vendor,
        identity: account.identity.clone(),
        held: account_held(account),
        advice: None,
        webhooks: Vec::new(),
        unmanaged: unmanaged
            .map(|one| UnmanagedReport { external_id: one.external_id.clone(), summary: one.summary.clone() })
            .collect(),
        about_seconds: None,
    }
}

fn account_held(account: &AccountFacts) -> Option<Held> {
    let ready = account.condition(READY)?;
    let stalled = account.condition(STALLED).filter(|stalled| stalled.status == "True");
    let (condition, until) = match (stalled, ready.status.as_str()) {
        (Some(stalled), _) => (stalled, Until::Mended),
        (None, _) if ready.reason == "Suspended" => (ready, Until::Left),
        (None, "True") => return None,
        (None, _) => (ready, Until::Later),
    };
    Some(Held { reason: condition.reason.clone(), message: condition.message.clone(), until })
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
fn held(webhook: &WebhookFacts, action: Action) -> Option<Held> {
    let ready = webhook.condition(READY)?;
    let stalled = webhook.condition(STALLED).is_some_and(|stalled| stalled.status == "True");
    let until = match ready.reason.as_str() {
        _ if stalled => Until::Mended,
        "Suspended" | "DriftReported" => Until::Left,
        _ if action != Action::None => Until::Later,
        _ => return None,
    };
    Some(Held { reason: ready.reason.clone(), message: ready.message.clone(), until })
}
