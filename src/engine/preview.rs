//! What a pass would do: its first phases with a client that cannot write.

mod report;

use self::report::{failed_report, planned_report, suspended_report};
use super::clock;
use super::cluster::secrets::SecretReader;
use super::cluster::writer::ClusterWriter;
use super::fingerprint::fingerprint;
use super::inputs::dependencies::named_keys;
use super::inputs::desired::{DocumentBudget, build_desired};
use super::inputs::plan_input::plan_input;
use super::pass::prepare::Prepared;
use super::pass::{Context, Pass, Webhooks, prepare_and_guard};
use super::state::account::AccountState;
use super::state::observed::{ObservedIndex, Snapshot};
use super::state::webhook::WebhookState;
use crate::api::{VendorAccount, Webhook};
use crate::plan::report::AccountReport;
use crate::plan::{Declared, Desired, ExternalId, List, Plan};
use crate::vendor::rules;
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
    if objects.account.spec.suspend {
        return Preview { report: suspended_report(&objects.account, state), managed: BTreeSet::new() };
    }
    let read_webhooks = || objects.read_webhooks();
    let mut pass = Pass::new(context, state, &objects.account, &read_webhooks);
    match prepare_and_guard(&mut pass, state, &|_| {}).await {
        Ok((planned, plan_report)) => {
            let (prepared, plan) = planned.into_parts();
            state.peers.note_found(&objects.account, &plan, &prepared.uids);
            let report = planned_report(&objects.account, state, (&prepared, &plan), &plan_report);
            let managed = managed(&prepared, &plan);
            state.snapshot = Some(prepared.snapshot);
            Preview { report, managed }
        }
        Err(error) => {
            Preview { report: failed_report(&objects.account, state, error), managed: BTreeSet::new() }
        }
    }
}

fn managed(prepared: &Prepared, plan: &Plan) -> BTreeSet<ExternalId> {
    let unmanaged: BTreeSet<_> = plan.unmanaged.iter().copied().collect();
    let observed = prepared.snapshot.observed.all().iter().enumerate();
    let listed = observed.filter(|(at, _)| !unmanaged.contains(at)).map(|(_, one)| one.id.clone());
    listed.chain(prepared.declared.iter().flat_map(Declared::known_ids).cloned()).collect()
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
