//! What a plan says about an account and its Webhooks. Redacted, and without anything but values.

use crate::api::account::Unmanaged;
use crate::api::conditions::{self, READY};
use crate::api::status::Action;
use crate::api::{ObjectKey, VendorAccount, VendorName, Webhook};
use crate::engine::error::AccountError;
use crate::engine::pass::PassError;
use crate::engine::pass::prepare::Prepared;
use crate::engine::pass::report::PlanReport;
use crate::engine::state::account::AccountState;
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::account::{DELETION_GUARD, deletions_blocked};
use crate::engine::status::blocked::{blocked_report, similar_declared};
use crate::engine::status::conditions::ACCOUNT_CHANGED;
use crate::engine::status::reported::{Reported, reported};
use crate::engine::status::words::spelling;
use crate::plan::diff::changes;
use crate::plan::former::{Former, former};
use crate::plan::report::{
    AccountReport, Class, DeliveryState, FieldReport, FormerReport, Held, UnmanagedReport, WebhookReport,
};
use crate::plan::{Change, Declared, Delivery, Desired, Document, Item, Plan, Step, shown};
use crate::vendor::{advice, rules};
use std::collections::BTreeSet;

/// Returns the report of a suspended account: its vendor is not called, and nothing is known of its Webhooks.
pub(super) fn suspended_report(account: &VendorAccount, state: &AccountState) -> AccountReport {
    let mut report = blank(account);
    let message = "the vendor is not called until spec.suspend is false";
    report.held = Some(Class::Suspended.held("Suspended", message));
    let message = format!("VendorAccount {} is suspended", ObjectKey::of(account));
    let held = Class::Suspended.held("Suspended", message);
    report.webhooks = unknown(state, &state.uids, Class::Suspended, &held);
    report
}

/// Returns the report of an account of which no plan could be made.
pub(super) fn failed_report(
    account: &VendorAccount,
    state: &AccountState,
    error: PassError,
) -> AccountReport {
    let (reason, message) = match error {
        PassError::Failed(error, _) | PassError::ListDoubted(error, _) | PassError::Forbidden(error) => {
            (error.reason, error.message)
        }
        PassError::Cluster(message) => ("Cluster", message),
    };
    AccountReport {
        held: Some(Class::NotPlanned.held(reason, message)),
        not_planned: true,
        webhooks: not_planned(state, &state.uids, account, reason),
        ..blank(account)
    }
}

/// Returns the report of an account with a plan.
pub(super) fn planned_report(
    account: &VendorAccount,
    state: &AccountState,
    (prepared, plan): (&Prepared, &Plan),
    plan_report: &PlanReport,
) -> AccountReport {
    let vendor = account.spec.vendor.name();
    let reports_unmanaged = account.spec.unmanaged == Unmanaged::Report;
    let report_of = |item: &Item| {
        let object = state.webhooks.get(&prepared.uids[item.index]).map(|webhook| &*webhook.object);
        let former = if reports_unmanaged { former_of(prepared, plan, item, vendor) } else { Vec::new() };
        WebhookReport { former, ..webhook_report(prepared, item, object, vendor) }
    };
    let mut webhooks: Vec<_> = plan.items.iter().map(report_of).collect();
    webhooks.extend(foreign(state, prepared));
    if let Some(lost) = &plan_report.deletions_only {
        let planned: BTreeSet<_> = plan.items.iter().map(|item| item.index).collect();
        let left = prepared.uids.iter().enumerate().filter(|(at, _)| !planned.contains(at));
        let left: Vec<_> = left.map(|(_, uid)| uid.clone()).collect();
        webhooks.extend(not_planned(state, &left, account, lost.reason));
    }
    let executed = webhooks.iter().filter(|webhook| webhook.held.is_none());
    let calls = executed.map(|webhook| webhook.calls).sum();
    AccountReport {
        held: account_held(&ObjectKey::of(account), plan_report),
        not_planned: plan_report.deletions_only.is_some(),
        advice: prepared.client.advice(),
        webhooks,
        unmanaged: if reports_unmanaged { unmanaged(prepared, plan) } else { Vec::new() },
        about_seconds: state.client.time_for(calls).map(|time| time.as_secs()),
        ..blank(account)
    }
}

fn blank(account: &VendorAccount) -> AccountReport {
    let ObjectKey { namespace, name } = ObjectKey::of(account);
    AccountReport {
        namespace,
        name,
        vendor: account.spec.vendor.name(),
        identity: account.spec.vendor.identity(),
        held: None,
        not_planned: false,
        advice: None,
        webhooks: Vec::new(),
        unmanaged: Vec::new(),
        about_seconds: None,
    }
}

/// Returns the reports of Webhooks that could not be planned, because of their account.
fn not_planned(
    state: &AccountState,
    uids: &[String],
    account: &VendorAccount,
    reason: &str,
) -> Vec<WebhookReport> {
    let message =
        format!("no plan could be made of VendorAccount {}, which says why", ObjectKey::of(account));
    unknown(state, uids, Class::NotPlanned, &Class::NotPlanned.held(reason, message))
}

/// Returns the reports of Webhooks of which nothing is known, sorted by name.
fn unknown(state: &AccountState, uids: &[String], class: Class, held: &Held) -> Vec<WebhookReport> {
    let mut keys: Vec<_> = state.of(uids).map(|webhook| ObjectKey::of(&*webhook.object)).collect();
    keys.sort();
    keys.into_iter().map(|key| WebhookReport::unknown(key, class, held.clone())).collect()
}

/// Returns the reports of the Webhooks whose recorded subscription belongs to another account at the vendor. They have no item in the
/// plan; their conditions say so.
fn foreign(state: &AccountState, prepared: &Prepared) -> Vec<WebhookReport> {
    let own: BTreeSet<_> = prepared.uids.iter().collect();
    let foreign: Vec<_> = state.uids.iter().filter(|uid| !own.contains(uid)).cloned().collect();
    let report = |webhook: &WebhookState| {
        let ready = conditions::get(&webhook.status.conditions, READY);
        let message =
            ready.filter(|ready| ready.reason == ACCOUNT_CHANGED).map(|ready| ready.message.as_str());
        let message = message.unwrap_or("the recorded subscription belongs to another account at the vendor");
        WebhookReport {
            id: webhook.status.external_id.as_deref().map(shown),
            ..WebhookReport::unknown(
                ObjectKey::of(&*webhook.object),
                Class::Blocked,
                Class::Blocked.held(ACCOUNT_CHANGED, message),
            )
        }
    };
    let mut all: Vec<_> = state.of(&foreign).map(report).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.namespace.cmp(&b.namespace)));
    all
}

/// Returns why the deletions of an account, or everything else, are not executed, if that is so.
fn account_held(account: &ObjectKey, report: &PlanReport) -> Option<Held> {
    if let Some(deletions) = report.blocked.first() {
        let message = deletions_blocked(account, deletions, report.deletions_only.as_ref());
        return Some(Class::Blocked.held(DELETION_GUARD, message));
    }
    let AccountError { reason, message, .. } = report.deletions_only.as_ref()?;
    Some(Class::NotPlanned.held(*reason, message.clone()))
}

fn unmanaged(prepared: &Prepared, plan: &Plan) -> Vec<UnmanagedReport> {
    let unreadable = prepared.unmanaged_unreadable().into_iter().map(|item| UnmanagedReport {
        external_id: item.id.as_ref().map(|id| shown(id.as_str())).unwrap_or_default(),
        summary: shown(&item.summary()),
    });
    let readable = plan.unmanaged.iter().map(|&at| &prepared.snapshot.observed.all()[at]);
    let readable = readable
        .map(|one| UnmanagedReport { external_id: shown(one.id.as_str()), summary: shown(&one.summary) });
    unreadable.chain(readable).collect()
}

/// Returns what a plan says about one Webhook; `object` as the cluster has it.
fn webhook_report(
    prepared: &Prepared,
    item: &Item,
    object: Option<&Webhook>,
    vendor: VendorName,
) -> WebhookReport {
    let declared = &prepared.declared[item.index];
    let ObjectKey { namespace, name } = item.key.clone();
    let mut advice: Vec<_> = webhook_advice(prepared, declared, item, vendor).into_iter().collect();
    let blocked = item.blocked().map(|reason| blocked_report(declared, item, reason, vendor));
    let known = match object.and_then(|object| reported(object, declared, item)) {
        Some(Reported::Held(class, held)) => Some((class, held)),
        Some(Reported::Failed(message)) => {
            advice.insert(0, message);
            None
        }
        None => None,
    };
    let held = blocked.or(known);
    WebhookReport {
        namespace,
        name,
        declared_at: None,
        class: held.as_ref().map_or(Class::of(item.action()), |(class, _)| *class),
        action: item.action(),
        cause: item.cause,
        id: item.id().map(ToString::to_string),
        changes: item.changes.iter().map(field_report).collect(),
        digest: item.digest().filter(|_| item.number_of_calls() > 0 || held.is_some()),
        held: held.map(|(_, held)| held),
        duplicates: item.duplicates.iter().map(ToString::to_string).collect(),
        former: Vec::new(),
        delivery: delivery(prepared, item),
        advice: (!advice.is_empty()).then(|| advice.join("; ")),
        calls: item.number_of_calls(),
    }
}

/// Returns what the vendor is likely to refuse, to deliver twice, or to store in another spelling.
fn webhook_advice(
    prepared: &Prepared,
    declared: &Declared,
    item: &Item,
    vendor: VendorName,
) -> Option<String> {
    let Desired::Known(desired) = &declared.desired else { return None };
    if item.number_of_calls() > 0 {
        let double = item.similar.as_ref().map(similar_declared);
        let all: Vec<_> = double.into_iter().chain(advice(vendor, desired)).collect();
        return (!all.is_empty()).then(|| all.join("; "));
    }
    let in_sync = item.action() == Action::None && item.blocked().is_none();
    in_sync.then(|| spelling_note(prepared, declared, item, desired, vendor)).flatten()
}

/// Returns a note on values that the vendor stores in another spelling.
fn spelling_note(
    prepared: &Prepared,
    declared: &Declared,
    item: &Item,
    desired: &Document,
    vendor: VendorName,
) -> Option<String> {
    let observed = prepared.snapshot.observed.get(item.id()?.as_str())?;
    let redaction = declared.redaction(declared.may_show(&observed.id));
    let spellings = changes(rules(vendor), &observed.document, desired, redaction);
    (!spellings.is_empty()).then(|| spelling(&spellings, vendor))
}

/// Returns the subscriptions that look like the former one of what an item creates. With stored state there is no such question.
fn former_of(prepared: &Prepared, plan: &Plan, item: &Item, vendor: VendorName) -> Vec<FormerReport> {
    let declared = &prepared.declared[item.index];
    let (Desired::Known(desired), Some(Step::Create { .. }), true) =
        (&declared.desired, item.step(), declared.stateless)
    else {
        return Vec::new();
    };
    let observed = prepared.snapshot.observed.all();
    let found = former(rules(vendor), desired, plan.unmanaged.iter().map(|&at| &observed[at]));
    let report = |one: Former<'_>| FormerReport {
        external_id: shown(one.observed.id.as_str()),
        summary: shown(&one.observed.summary),
        differs: one.differs.into_iter().map(Into::into).collect(),
    };
    found.into_iter().map(report).collect()
}

/// Returns whether the vendor delivers for the subscription of an item, if its list says so.
fn delivery(prepared: &Prepared, item: &Item) -> Option<DeliveryState> {
    let observed = prepared.snapshot.observed.get(item.id()?.as_str())?;
    Some(match observed.delivery? {
        Delivery::On => DeliveryState::Active,
        Delivery::Off => DeliveryState::Stopped,
        Delivery::DisabledByVendor => DeliveryState::TooManyErrors,
    })
}

fn field_report(change: &Change) -> FieldReport {
    FieldReport {
        field: change.field.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
        replaces: change.replaces,
    }
}
