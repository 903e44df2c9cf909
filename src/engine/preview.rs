//! What a pass would do: its first phases with a client that cannot write.

use super::clock;
use super::cluster::secrets::SecretReader;
use super::cluster::writer::ClusterWriter;
use super::error::AccountError;
use super::fingerprint::fingerprint;
use super::inputs::dependencies::named_keys;
use super::inputs::desired::{DocumentBudget, build_desired};
use super::inputs::plan_input::plan_input;
use super::pass::prepare::Prepared;
use super::pass::report::PlanReport;
use super::pass::{Context, Pass, PassError, Webhooks, prepare_and_guard};
use super::state::account::AccountState;
use super::state::observed::{ObservedIndex, Snapshot};
use super::state::webhook::WebhookState;
use super::status::account::{DELETION_GUARD, deletions_blocked};
use super::status::blocked::{blocked_report, similar_declared};
use super::status::conditions::ACCOUNT_CHANGED;
use super::status::reported::{Reported, reported};
use super::status::words::spelling;
use crate::api::account::Unmanaged;
use crate::api::conditions::{self, READY};
use crate::api::status::Action;
use crate::api::{ObjectKey, VendorAccount, VendorName, Webhook};
use crate::plan::diff::changes;
use crate::plan::report::{AccountReport, Class, DeliveryState, FieldReport, Held, UnmanagedReport, WebhookReport};
use crate::plan::{Change, Declared, Delivery, Desired, Document, ExternalId, Item, List, Plan, shown};
use crate::vendor::{advice, rules};
use std::collections::BTreeSet;
use std::sync::Arc;

/// An account and its Webhooks.
#[derive(Clone)]
pub(crate) struct AccountObjects {
    pub(crate) account: Arc<VendorAccount>,
    pub(crate) webhooks: Vec<Arc<Webhook>>,
}

impl AccountObjects {
    /// Returns the Webhooks as a pass reads them.
    pub(crate) fn read_webhooks(&self) -> Webhooks {
        Webhooks { allowed: self.webhooks.clone(), not_allowed: Vec::new() }
    }

    fn refresh(&self, state: &mut AccountState) {
        state.reset_if_recreated(&self.account);
        state.refresh(&self.webhooks, &[]);
    }
}

/// What a pass would do, and which subscriptions belong to Webhooks.
pub(crate) struct Preview {
    /// Redacted.
    pub(crate) report: AccountReport,
    /// The subscriptions that belong to a Webhook.
    pub(crate) managed: BTreeSet<ExternalId>,
}

/// Returns what a pass would do. The list is kept, so that a pass that follows soon uses just the list that the plan was made of.
pub(crate) async fn preview<S: SecretReader, R: ClusterWriter>(
    context: &Context<S, R>,
    state: &mut AccountState,
    objects: &AccountObjects,
) -> Preview {
    objects.refresh(state);
    let read_webhooks = || objects.read_webhooks();
    let mut pass = Pass::new(context, state, &objects.account, &read_webhooks);
    let vendor = &objects.account.spec.vendor;
    let mut report = AccountReport {
        namespace: pass.key.namespace.clone(),
        name: pass.key.name.clone(),
        vendor: vendor.name(),
        identity: vendor.identity(),
        held: None,
        not_planned: false,
        advice: None,
        webhooks: Vec::new(),
        unmanaged: Vec::new(),
        about_seconds: None,
    };
    if objects.account.spec.suspend {
        let message = "the vendor is not called until spec.suspend is false";
        report.held = Some(Class::Suspended.held("Suspended", message));
        let message = format!("VendorAccount {} is suspended", pass.key);
        let held = Class::Suspended.held("Suspended", message);
        report.webhooks = unknown(state, &state.uids, Class::Suspended, &held);
        return Preview { report, managed: BTreeSet::new() };
    }
    let mut managed = BTreeSet::new();
    match prepare_and_guard(&mut pass, state, &|_| {}).await {
        Ok((planned, plan_report)) => {
            let (prepared, plan) = planned.into_parts();
            state.peers.note_found(&objects.account, &plan, &prepared.uids);
            let of = |item: &Item| state.webhooks.get(&prepared.uids[item.index]).map(|webhook| &*webhook.object);
            let report_of = |item: &Item| webhook_report(&prepared, item, of(item), pass.vendor);
            report.webhooks = plan.items.iter().map(report_of).collect();
            if objects.account.spec.unmanaged == Unmanaged::Report {
                report.unmanaged = unmanaged(&prepared, &plan);
            }
            report.webhooks.extend(foreign(state, &prepared));
            report.held = account_held(&pass.key, &plan_report);
            if let Some(lost) = &plan_report.credentials_lost {
                report.not_planned = true;
                let planned: BTreeSet<_> = plan.items.iter().map(|item| item.index).collect();
                let uids = prepared.uids.iter().enumerate().filter(|(at, _)| !planned.contains(at));
                let uids: Vec<_> = uids.map(|(_, uid)| uid.clone()).collect();
                let held = not_planned(&pass.key, lost.reason);
                report.webhooks.extend(unknown(state, &uids, Class::NotPlanned, &held));
            }
            report.advice = prepared.client.advice();
            let executed = report.webhooks.iter().filter(|webhook| webhook.held.is_none());
            let calls = executed.map(|webhook| webhook.calls).sum();
            report.about_seconds = state.client.time_for(calls).map(|time| time.as_secs());
            let unmanaged: BTreeSet<_> = plan.unmanaged.iter().copied().collect();
            let observed = prepared.snapshot.observed.all().iter().enumerate();
            managed.extend(observed.filter(|(at, _)| !unmanaged.contains(at)).map(|(_, one)| one.id.clone()));
            managed.extend(prepared.declared.iter().flat_map(Declared::known_ids).cloned());
            state.snapshot = Some(prepared.snapshot);
        }
        Err(error) => {
            let held = failed(error);
            let of_webhooks = not_planned(&pass.key, &held.reason);
            report.webhooks = unknown(state, &state.uids, Class::NotPlanned, &of_webhooks);
            (report.held, report.not_planned) = (Some(held), true);
        }
    }
    Preview { report, managed }
}

fn not_planned(account: &ObjectKey, reason: &str) -> Held {
    Class::NotPlanned.held(reason, format!("no plan could be made of VendorAccount {account}, which says why"))
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
        let message = ready.filter(|ready| ready.reason == ACCOUNT_CHANGED).map(|ready| ready.message.as_str());
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

/// Publishes what the Webhooks of an account declare, so that the plans of other VendorAccount objects that point to the same account at
/// the vendor respect it. The vendor is not called.
pub(crate) async fn publish_wants<S: SecretReader, R: ClusterWriter>(
    context: &Context<S, R>,
    state: &mut AccountState,
    objects: &AccountObjects,
) {
    objects.refresh(state);
    let account = &objects.account;
    let mut webhooks: Vec<_> = state.of(&state.uids).collect();
    webhooks.sort_by_cached_key(|webhook| webhook.age());
    let values = context.secrets.read(&named_keys(account, webhooks.iter().copied())).await;
    let observed = ObservedIndex::new(rules(account.spec.vendor.name()), List::default());
    let (snapshot, documents) = (Snapshot { observed, read: clock::now() }, DocumentBudget::default());
    let options = context.plan_options(state, &snapshot, &documents);
    let declared: Vec<_> =
        webhooks.iter().map(|webhook| plan_input(webhook, account, &values, options)).collect();
    let published = webhooks
        .iter()
        .zip(&declared)
        .map(|(webhook, declared)| (webhook.uid.as_str(), webhook.object.metadata.generation, declared));
    state.peers.exchange(account, published);
}

/// Records that the vendor was in sync with the values of `before`, so that a difference to those of `after` is a change of what is
/// declared, and no drift.
pub(crate) async fn seed_values<S: SecretReader>(
    before: &impl SecretReader,
    after: &S,
    state: &mut AccountState,
    objects: &AccountObjects,
) {
    objects.refresh(state);
    let keys = named_keys(&objects.account, state.of(&state.uids));
    let (before, after) = (before.read(&keys).await, after.read(&keys).await);
    let AccountState { webhooks, uids, .. } = state;
    for uid in &*uids {
        let Some(webhook) = webhooks.get_mut(uid) else { continue };
        let desired =
            |webhook: &WebhookState, values| match build_desired(&webhook.object, &objects.account, values) {
                (Desired::Known(document), _) => Some(document),
                (Desired::Unknown { .. }, _) => None,
            };
        if let (Some(was), Some(is)) = (desired(webhook, &before), desired(webhook, &after))
            && fingerprint(&was) != fingerprint(&is)
        {
            webhook.record_in_sync(&was);
        }
    }
}

fn failed(error: PassError) -> Held {
    let (reason, message) = match error {
        PassError::Failed(error, _) | PassError::ListDoubted(error, _) | PassError::Forbidden(error) => {
            (error.reason, error.message)
        }
        PassError::Cluster(message) => ("Cluster", message),
    };
    Class::NotPlanned.held(reason, message)
}

/// Returns why the deletions of an account, or everything else, are not executed, if that is so.
fn account_held(account: &ObjectKey, report: &PlanReport) -> Option<Held> {
    if let Some(deletions) = report.blocked.first() {
        let message = deletions_blocked(account, deletions, report.credentials_lost.as_ref());
        return Some(Class::Blocked.held(DELETION_GUARD, message));
    }
    let AccountError { reason, message, .. } = report.credentials_lost.as_ref()?;
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
