//! What a pass would do, shown and not done: gather, observe, plan, with a client that cannot write.

use crate::api::ObjectKey;
use crate::api::account::Unmanaged;
use crate::api::status::Action;
use crate::engine::clock;
use crate::engine::cluster::secrets::SecretReader;
use crate::engine::cluster::writer::ClusterWriter;
use crate::engine::inputs::desired::{DocumentBudget, PlanOptions, declare, desired, named_keys};
use crate::engine::pass::guard::DELETION_GUARD;
use crate::engine::pass::prepare::Prepared;
use crate::engine::pass::{Context, Input, Pass, PassError};
use crate::engine::state::account::AccountState;
use crate::engine::state::observed::ObservedIndex;
use crate::engine::status::blocked::{shown_hold, similar_declared};
use crate::engine::status::webhook::AccountError;
use crate::engine::status::words::spelling;
use crate::plan::diff::changes;
use crate::plan::report::{AccountReport, FieldReport, Held, Stranger, Until, WebhookReport};
use crate::plan::{Change, Declared, Desired, Document, ExternalId, Item, List, Plan, shown};
use crate::vendor::{advice, rules};
use std::collections::BTreeSet;

/// What a pass would do, and whose the subscriptions are.
pub(crate) struct Preview {
    /// Fit to be shown.
    pub(crate) report: AccountReport,
    /// The subscriptions that a Webhook has.
    pub(crate) managed: BTreeSet<ExternalId>,
}

/// What a pass would do. What the vendor has is kept, so that a pass that follows soon goes by just the list that is shown.
pub(crate) async fn preview<S: SecretReader, R: ClusterWriter>(
    context: &Context<S, R>,
    memory: &mut AccountState,
    input: &Input,
) -> Preview {
    memory.is_of(&input.account);
    let uids = memory.refresh(&input.webhooks);
    let mut pass = Pass::new(context, memory, &input.account, uids);
    let vendor = &input.account.spec.vendor;
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
    if input.account.spec.suspend {
        let message = "the vendor is not called until spec.suspend is false".to_owned();
        report.held = Some(Held { reason: "Suspended".into(), message, until: Until::Left });
        return Preview { report, managed: BTreeSet::new() };
    }
    let mut managed = BTreeSet::new();
    match pass.look(memory, |_| {}).await {
        Ok(planned) => {
            let (sight, plan) = planned.into_parts();
            memory.peers.note_found(&input.account, &plan, &sight.uids);
            pass.shows(&mut report, &sight, &plan);
            report.advice = sight.client.advice();
            let goes_on = report.webhooks.iter().filter(|webhook| webhook.held.is_none());
            let calls = goes_on.map(|webhook| webhook.calls).sum();
            report.about_seconds = memory.client.time_for(calls).map(|time| time.as_secs());
            let free: BTreeSet<_> = plan.unmanaged.iter().copied().collect();
            let observed = sight.snapshot.observed.all().iter().enumerate();
            managed.extend(observed.filter(|(at, _)| !free.contains(at)).map(|(_, one)| one.id.clone()));
            managed.extend(sight.declared.iter().flat_map(Declared::known_ids).cloned());
            memory.snapshot = Some(sight.snapshot);
        }
        Err(stop) => report.held = Some(stopped(stop)),
    }
    Preview { report, managed }
}

/// Publishes what the Webhooks of an account want, so that the plans of other objects that point to the same account at the
/// vendor respect it. The vendor is not called.
pub(crate) async fn publish_wants<S: SecretReader, R: ClusterWriter>(
    context: &Context<S, R>,
    memory: &mut AccountState,
    input: &Input,
) {
    memory.is_of(&input.account);
    let uids = memory.refresh(&input.webhooks);
    let account = &input.account;
    let mut entries: Vec<_> = uids.iter().filter_map(|uid| memory.entries.get(uid)).collect();
    entries.sort_by_cached_key(|entry| entry.age());
    let values = context.secrets.read(&named_keys(account, entries.iter().copied())).await;
    let Context { ceiling, dry_run, stateless, .. } = *context;
    let observed = &ObservedIndex::new(rules(account.spec.vendor.name()), List::default());
    let documents = &DocumentBudget::default();
    let terms = PlanOptions { ceiling, dry_run, stateless, read: clock::now(), observed, documents };
    let declared = entries.iter().map(|entry| declare(entry, account, &values, &memory.past, terms));
    let declared: Vec<_> = declared.collect();
    let each = entries.iter().zip(&declared);
    let each = each.map(|(entry, webhook)| (entry.uid.as_str(), entry.object.metadata.generation, webhook));
    memory.peers.exchange(account, each);
}

/// Keeps in mind that the values of `before`, with which the vendor was in sync, become those of `after`: what comes of that
/// is a change of what is declared, and no drift.
pub(crate) async fn changes_values<S: SecretReader>(
    before: &impl SecretReader,
    after: &S,
    memory: &mut AccountState,
    input: &Input,
) {
    memory.is_of(&input.account);
    let uids = memory.refresh(&input.webhooks);
    let AccountState { entries, past, .. } = memory;
    let wanted = named_keys(&input.account, uids.iter().filter_map(|uid| entries.get(uid)));
    let (before, after) = (before.read(&wanted).await, after.read(&wanted).await);
    for entry in uids.iter().filter_map(|uid| entries.get(uid)) {
        let known = |values| match desired(entry, &input.account, values) {
            (Desired::Known(document), _) => Some(document),
            (Desired::Unknown { .. }, _) => None,
        };
        if let (Some(was), Some(is)) = (known(&before), known(&after))
            && past.mark(&was) != past.mark(&is)
        {
            past.in_sync(&entry.uid, &was);
        }
    }
}

fn stopped(stop: PassError) -> Held {
    let (reason, message) = match stop {
        PassError::AccountError(trouble, _)
        | PassError::Doubted(trouble, _)
        | PassError::Refused(trouble) => (trouble.reason, trouble.message),
        PassError::Cluster(message) => ("Cluster", message),
    };
    Held { reason: reason.into(), message, until: Until::Mended }
}

impl<S: SecretReader, R: ClusterWriter> Pass<'_, S, R> {
    fn shows(&self, report: &mut AccountReport, sight: &Prepared, plan: &Plan) {
        report.webhooks = plan.items.iter().map(|item| self.shows_item(sight, item)).collect();
        if self.account.spec.unmanaged == Unmanaged::Report {
            let unreadable = sight.unmanaged_unreadable().into_iter().map(|item| Stranger {
                external_id: item.id.as_ref().map(|id| shown(id.as_str())).unwrap_or_default(),
                summary: shown(&item.summary()),
            });
            let readable = plan.unmanaged.iter().map(|&at| &sight.snapshot.observed.all()[at]);
            let readable = readable
                .map(|one| Stranger { external_id: shown(one.id.as_str()), summary: shown(&one.summary) });
            report.unmanaged = unreadable.chain(readable).collect();
        }
        if let Some(held) = self.summary.guard.blocked.first() {
            let message = self.blocked(held);
            report.held = Some(Held { reason: DELETION_GUARD.into(), message, until: Until::Mended });
        } else if let Some(AccountError { reason, message, .. }) = &self.summary.lost {
            report.held =
                Some(Held { reason: (*reason).into(), message: message.clone(), until: Until::Mended });
        }
    }

    /// Returns a note on values that the vendor stores in another spelling.
    fn spelling(
        &self,
        sight: &Prepared,
        declared: &Declared,
        item: &Item,
        desired: &Document,
    ) -> Option<String> {
        let observed = sight.snapshot.observed.get(item.id()?.as_str())?;
        let hide = declared.hide(declared.may_show(&observed.id));
        let spellings = changes(rules(self.vendor), &observed.document, desired, hide);
        (!spellings.is_empty()).then(|| spelling(&spellings, self.vendor))
    }

    fn shows_item(&self, sight: &Prepared, item: &Item) -> WebhookReport {
        let declared = &sight.declared[item.index];
        let ObjectKey { namespace, name } = item.key.clone();
        let advice = match &declared.desired {
            Desired::Known(desired) if item.number_of_calls() > 0 => {
                let double = item.similar.as_ref().map(similar_declared);
                let all: Vec<_> = double.into_iter().chain(advice(self.vendor, desired)).collect();
                (!all.is_empty()).then(|| all.join("; "))
            }
            Desired::Known(desired) if item.action() == Action::None && item.blocked().is_none() => {
                self.spelling(sight, declared, item, desired)
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
            changes: item.changes.iter().map(field).collect(),
            held: item.blocked().map(|hold| shown_hold(declared, item, hold, self.vendor)),
            duplicates: item.duplicates.iter().map(ToString::to_string).collect(),
            advice,
            calls: item.number_of_calls(),
            digest: item.digest().filter(|_| item.number_of_calls() > 0 || item.blocked().is_some()),
        }
    }
}

fn field(change: &Change) -> FieldReport {
    FieldReport {
        field: change.field.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
        replaces: change.replaces,
    }
}
