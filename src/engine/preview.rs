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
use super::status::words::spelling;
use crate::api::account::Unmanaged;
use crate::api::status::Action;
use crate::api::{ObjectKey, VendorAccount, VendorName, Webhook};
use crate::plan::diff::changes;
use crate::plan::report::{AccountReport, FieldReport, Held, UnmanagedReport, Until, WebhookReport};
use crate::plan::{Change, Declared, Desired, Document, ExternalId, Item, List, Plan, shown};
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
        advice: None,
        webhooks: Vec::new(),
        unmanaged: Vec::new(),
        about_seconds: None,
    };
    if objects.account.spec.suspend {
        let message = "the vendor is not called until spec.suspend is false".to_owned();
        report.held = Some(Held { reason: "Suspended".into(), message, until: Until::Left });
        return Preview { report, managed: BTreeSet::new() };
    }
    let mut managed = BTreeSet::new();
    match prepare_and_guard(&mut pass, state, &|_| {}).await {
        Ok((planned, plan_report)) => {
            let (prepared, plan) = planned.into_parts();
            state.peers.note_found(&objects.account, &plan, &prepared.uids);
            report.webhooks =
                plan.items.iter().map(|item| webhook_report(&prepared, item, pass.vendor)).collect();
            if objects.account.spec.unmanaged == Unmanaged::Report {
                report.unmanaged = unmanaged(&prepared, &plan);
            }
            report.held = account_held(&pass.key, &plan_report);
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
        Err(error) => report.held = Some(failed(error)),
    }
    Preview { report, managed }
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
        .map(|(webhook, declared)| (webhook.uid(), webhook.object.metadata.generation, declared));
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
    Held { reason: reason.into(), message, until: Until::Mended }
}

/// Returns why the deletions of an account, or everything else, are not executed, if that is so.
fn account_held(account: &ObjectKey, report: &PlanReport) -> Option<Held> {
    if let Some(deletions) = report.blocked.first() {
        let message = deletions_blocked(account, deletions, report.credentials_lost.as_ref());
        return Some(Held { reason: DELETION_GUARD.into(), message, until: Until::Mended });
    }
    let AccountError { reason, message, .. } = report.credentials_lost.as_ref()?;
    Some(Held { reason: (*reason).into(), message: message.clone(), until: Until::Mended })
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

fn webhook_report(prepared: &Prepared, item: &Item, vendor: VendorName) -> WebhookReport {
    let declared = &prepared.declared[item.index];
    let ObjectKey { namespace, name } = item.key.clone();
    let advice = match &declared.desired {
        Desired::Known(desired) if item.number_of_calls() > 0 => {
            let double = item.similar.as_ref().map(similar_declared);
            let all: Vec<_> = double.into_iter().chain(advice(vendor, desired)).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Desired::Known(desired) if item.action() == Action::None && item.blocked().is_none() => {
            spelling_note(prepared, declared, item, desired, vendor)
        }
        Desired::Known(_) | Desired::Unknown { .. } => None,
    };
    WebhookReport {
        namespace,
        name,
        declared_at: None,
        action: item.action(),
        cause: item.cause,
        id: item.id().map(ToString::to_string),
        changes: item.changes.iter().map(field_report).collect(),
        held: item.blocked().map(|reason| blocked_report(declared, item, reason, vendor)),
        duplicates: item.duplicates.iter().map(ToString::to_string).collect(),
        advice,
        calls: item.number_of_calls(),
        digest: item.digest().filter(|_| item.number_of_calls() > 0 || item.blocked().is_some()),
    }
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

fn field_report(change: &Change) -> FieldReport {
    FieldReport {
        field: change.field.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
        replaces: change.replaces,
    }
}
