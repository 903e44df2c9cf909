//! Takes a plan's items, for one slice: each is applied, recorded and told. Several are under way at once.

use crate::engine::pass::differences::note_unshown;

use crate::api::Mode;
use crate::api::status::Action;
use crate::engine::client::Client;
use crate::engine::clock;
use crate::engine::cluster::scope::Scope;
use crate::engine::cluster::secrets::{SecretReader, Values};
use crate::engine::cluster::writer::{ClusterWriter, EventRecord, WriteError};
use crate::engine::inputs::desired::conceal;
use crate::engine::lent::Lent;
use crate::engine::pass::finish::chain;
use crate::engine::pass::guard::Planned;
use crate::engine::pass::prepare::Prepared;
use crate::engine::pass::step::{StepExecutor, StepResult, document};
use crate::engine::pass::window::{ItemResult, Slice};
use crate::engine::pass::{Pass, PassError};
use crate::engine::state::account::AccountState;
use crate::engine::state::effect::Effect;
use crate::engine::state::observed::ObservedIndex;
use crate::engine::state::peers::Peers;
use crate::engine::state::refusals::Refusals;
use crate::engine::state::retry::Past;
use crate::engine::state::webhook::{WebhookState, version};
use crate::engine::status::blocked::similar_declared;
use crate::engine::status::webhook::{AccountError, Outcome, StatusInputs, UNSAID, settle};
use crate::plan::{BlockedReason, Decision, Declared, Delivery, ExternalId, Item, Observed, Step};
use crate::vendor::{Operation, VendorError, advice, rules};
use futures::stream::{FuturesUnordered, StreamExt as _};
use kube::Resource;
use std::collections::HashMap;
use std::time::Duration;

/// A wait for the account's own pace that is shorter than this is not worth a word to anybody.
const PAUSE: Duration = Duration::from_secs(3);

/// What the steps of a pass share.
pub(crate) struct Shared<'a> {
    pub(crate) values: &'a Values,
    client: &'a Client,
    observed: Lent<'a, ObservedIndex>,
    pub(crate) past: Lent<'a, Past>,
    refusals: Lent<'a, Refusals>,
    peers: &'a Peers,
}

/// What the vendor has of a Webhook.
#[derive(Default)]
struct Has {
    mark: Option<String>,
    delivery: Option<Delivery>,
}

impl Shared<'_> {
    /// What the vendor has of a Webhook, as recorded.
    fn of(&self, entry: &WebhookState) -> Has {
        let id = entry.status.external_id.as_deref();
        id.and_then(|id| self.look(id, |one| Has { mark: one.mark.clone(), delivery: one.delivery }))
            .unwrap_or_default()
    }

    /// Looks at what the vendor has, if it has that.
    pub(crate) fn look<T>(&self, id: &str, look: impl FnOnce(&Observed) -> T) -> Option<T> {
        self.observed.with(|observed| observed.get(id).map(look))
    }
}

impl<S: SecretReader, R: ClusterWriter> Pass<'_, S, R> {
    /// Applies and records for one slice, several items at once. A lane waits for the one before it: what is deleted and
    /// edited makes room, as for a name, for what is created.
    pub(crate) async fn work(
        &mut self,
        memory: &mut AccountState,
        planned: Planned,
    ) -> Result<(), PassError> {
        let (mut sight, plan) = planned.into_parts();
        let Prepared { values, client, declared, uids, snapshot, .. } = &mut sight;
        let AccountState { entries, past, client: kept, refusals, peers, .. } = memory;
        let shared = Shared {
            values,
            client,
            observed: Lent::new(&mut snapshot.observed),
            past: Lent::new(past),
            refusals: Lent::new(refusals),
            peers,
        };
        let mut entries: HashMap<&str, &mut WebhookState> =
            entries.iter_mut().map(|(uid, entry)| (uid.as_str(), entry)).collect();
        let mut slice = Slice::new(self.summary.tally);
        let mut under_way = FuturesUnordered::new();
        for item in &plan.items {
            let Some(entry) = entries.remove(uids[item.index].as_str()) else {
                continue;
            };
            if is_settled(&shared, entry, &declared[item.index], item) {
                continue;
            }
            entry.in_sync_fingerprint = None;
            let calls = item.step().map_or(0, Step::number_of_calls);
            let must_wait = |slice: &Slice, under_way: usize| {
                let crowded = under_way >= slice.abreast || slice.lane != Some(item.priority());
                under_way > 0 && (crowded || calls > 0 && !kept.fits(slice.calls + 1))
            };
            while must_wait(&slice, under_way.len()) {
                if let Some((calls, went)) = self.permits.waiting(under_way.next()).await {
                    slice.took(calls, went);
                }
            }
            slice.lane = Some(item.priority());
            if slice.cluster.is_some() {
                break;
            }
            let waits = shared.refusals.with(|refusals| refusals.holds_back(entry));
            if waits || slice.is_forbidden(&item.key.namespace) {
                slice.tally.failed += 1;
                continue;
            }
            if calls > 0 && slice.stop.is_none() {
                slice.stop = kept.wait().map(|wait| VendorError::paced(Operation::List, wait));
            }
            let is_guest = declared[item.index].guest && item.step().is_some();
            if is_guest {
                slice.begin_guests();
            }
            let short = kept.guests_wait(slice.calls + calls).filter(|_| is_guest && calls > 0);
            if let Some(wait) = short {
                slice.guests_wait(wait);
                if wait < PAUSE {
                    continue;
                }
            }
            let out_of_time =
                slice.stop.is_none() && (clock::now() >= slice.deadline || self.context.stopping());
            if item.step().is_some() && (out_of_time || slice.stop.as_ref().is_some_and(is_pause)) {
                slice.tally.left += 1;
                continue;
            }
            let strained = shared.past.with(|past| past.strained(entry).cloned());
            let short = short.map(|wait| VendorError::paced(Operation::List, wait));
            let barred = strained.or_else(|| slice.stop.clone()).or(short).filter(|_| item.step().is_some());
            slice.calls += calls;
            let (pass, shared, webhook) = (&*self, &shared, &declared[item.index]);
            under_way.push(async move { (calls, pass.item(shared, item, webhook, entry, barred).await) });
        }
        while let Some((calls, went)) = self.permits.waiting(under_way.next()).await {
            slice.took(calls, went);
        }
        drop(under_way);
        self.summary.tally = slice.tally;
        for uid in std::mem::take(&mut slice.gone) {
            memory.forget(&uid);
        }
        memory.snapshot = Some(sight.snapshot);
        slice.stopped()
    }

    /// Takes the step of one item, if it is not barred from it, and records what became of it.
    async fn item(
        &self,
        shared: &Shared<'_>,
        item: &Item,
        webhook: &Declared,
        entry: &mut WebhookState,
        barred: Option<VendorError>,
    ) -> Result<ItemResult, PassError> {
        let correction = self.correction(shared, entry, item, webhook);
        let must_wait =
            |difference| shared.past.with(|past| past.corrections.is_blocked(&entry.uid, difference));
        let taken = match barred {
            Some(error) => StepResult::Stays(Outcome::Waiting(AccountError::of(&error))),
            None if correction.is_some_and(must_wait) => {
                StepResult::Stays(Outcome::Held(BlockedReason::CorrectionDoesNotHold))
            }
            None => match self.one(shared, item, webhook, entry).await {
                Ok(taken) => taken,
                Err(error) => {
                    let went = self.not_written(shared, entry, item, &error).await?;
                    if !matches!(went, ItemResult::Refused) {
                        return Ok(went);
                    }
                    StepResult::Stays(Outcome::Refused(error.in_words()))
                }
            },
        };
        match taken {
            StepResult::Stays(outcome) => {
                if let Outcome::Failed(error) = &outcome {
                    shared.past.with(|past| past.strain(entry, error));
                }
                if let (Outcome::Done(_), Some(difference)) = (&outcome, correction) {
                    shared.past.with(|past| past.corrections.corrected(&entry.uid, difference));
                }
                self.stays(shared, entry, webhook, item, outcome).await
            }
            StepResult::LetGo(what) => {
                let reason = if item.action() == Action::Retain { "Retained" } else { "Deleted" };
                self.tell(entry, item, &EventRecord { warning: false, reason, note: what }).await;
                Ok(ItemResult::LetGo(entry.uid.clone()))
            }
        }
    }

    async fn one(
        &self,
        shared: &Shared<'_>,
        item: &Item,
        webhook: &Declared,
        entry: &mut WebhookState,
    ) -> Result<StepResult, WriteError> {
        let step = match &item.decision {
            Decision::Blocked { reason, .. } => return Ok(StepResult::Stays(Outcome::Held(reason.clone()))),
            Decision::Keep(_) => {
                // Somebody may have taken our finalizer off by force.
                if webhook.policy.mode == Mode::Enforce && entry.status.external_id.is_some() {
                    entry.add_finalizer(&self.context.writer).await?;
                }
                return Ok(StepResult::Stays(Outcome::InSync));
            }
            Decision::Execute(step) => step,
        };
        self.advise(entry, webhook, item).await;
        let recorder = &self.context.writer;
        let identity = self.account.spec.vendor.identity();
        let Shared { client, observed, past, peers, .. } = shared;
        let (vendor, account) = (self.vendor, &*self.account);
        let secrets = &*webhook.secrets;
        let worker =
            StepExecutor { recorder, vendor, client, identity, observed, past, peers, account, secrets };
        worker.take(entry, item, step, &webhook.redactor).await
    }

    /// Warns, once a generation, of what the vendor is likely to refuse, and of deliveries that come twice.
    async fn advise(&self, entry: &WebhookState, webhook: &Declared, item: &Item) {
        if entry.status.observed_generation == entry.requested.generation {
            return;
        }
        if let Some(note) = item.similar.as_ref().map(similar_declared) {
            self.tell(entry, item, &EventRecord { warning: true, reason: "SimilarDeclared", note }).await;
        }
        let advice = document(&webhook.desired).and_then(|desired| advice(self.vendor, desired));
        if let (Some(note), Action::Create | Action::Update | Action::Replace) = (advice, item.action()) {
            self.tell(entry, item, &EventRecord { warning: true, reason: "LikelyRefused", note }).await;
        }
    }

    /// The API server did not take a write of this Webhook.
    async fn not_written(
        &self,
        shared: &Shared<'_>,
        entry: &WebhookState,
        item: &Item,
        error: &WriteError,
    ) -> Result<ItemResult, PassError> {
        let (vendor, webhook, external_id) = (self.vendor, &item.key, item.id().map(ExternalId::as_str));
        let scope = error.scope();
        if scope == Scope::Conflict {
            tracing::info!(%vendor, account = %self.key, %webhook, external_id, "written by another client since it was read; planned again");
        } else {
            tracing::warn!(%vendor, account = %self.key, %webhook, external_id, error = %chain(error), "not written");
        }
        match scope {
            Scope::Conflict => Ok(ItemResult::Conflict),
            Scope::Object => {
                let words = error.in_words();
                if shared.refusals.with(|refusals| refusals.record(entry, words.clone())) {
                    self.tell_refusal(entry, &words).await;
                }
                Ok(ItemResult::Refused)
            }
            Scope::Rights => {
                Ok(ItemResult::Forbidden { namespace: item.key.namespace.clone(), words: error.in_words() })
            }
            Scope::Server => Err(PassError::Cluster(chain(error))),
        }
    }

    async fn stays(
        &self,
        shared: &Shared<'_>,
        entry: &mut WebhookState,
        webhook: &Declared,
        item: &Item,
        outcome: Outcome,
    ) -> Result<ItemResult, PassError> {
        if self.is_half_done(shared, entry, webhook, item, &outcome) {
            entry.status.pending = None;
            return match entry.write(&self.context.writer).await {
                Ok(()) => Ok(ItemResult::Half),
                Err(error) => self.not_written(shared, entry, item, &error).await,
            };
        }
        let has = shared.of(entry);
        let mut concealed = None;
        let (mut stored_differently, mut spellings) = (Vec::new(), Vec::new());
        if matches!(outcome, Outcome::InSync | Outcome::Done(_)) {
            if let Some(document) = document(&webhook.desired) {
                concealed =
                    conceal(entry, document, shared.values, webhook.concealed_changed, has.mark.clone());
                shared.past.with(|past| past.in_sync(&entry.uid, document));
                (stored_differently, spellings) = self.stored(shared, entry, webhook, item, document);
                note_unshown(shared, entry, item, document);
            }
            // In sync, but the list may be older than what a lost create of another content has made: that is still to be deleted.
            if webhook.intent.as_ref().is_none_or(|intent| intent.settled) {
                entry.status.pending = None;
            }
        }
        // What is not at the vendor any more needs no deleting.
        entry.status.superseded.retain(|id| shared.observed.with(|observed| observed.has(id)));
        if entry.requested.request.is_some() {
            entry.status.last_handled_request.clone_from(&entry.requested.request);
        }
        let revival_refused = shared.past.with(|past| {
            if has.delivery == Some(Delivery::On) {
                past.delivers(&entry.uid);
            }
            past.revival_refused(&entry.uid).map(str::to_owned)
        });
        let revival_refused = revival_refused.map(|words| if webhook.guest { UNSAID.into() } else { words });
        let noted = StatusInputs {
            concealed,
            stored_differently,
            spellings,
            delivery: has.delivery,
            revival_refused,
        };
        let unsaid = self.without_words(webhook, &outcome);
        let shown = unsaid.as_ref().unwrap_or(&outcome);
        // Not the time that the pass began at: the vendor may just have answered.
        let happened = settle(entry, webhook, item, shown, noted, self.vendor, clock::timestamp());
        if let (Outcome::Done(_), Some(id), Some(last)) =
            (&outcome, entry.status.external_id.clone(), entry.status.last_applied.clone())
        {
            entry.note(Effect::Applied { id, last });
        }
        let was_refused = matches!(outcome, Outcome::Refused(_));
        let unwritten = match entry.write(&self.context.writer).await {
            Ok(()) if was_refused => None,
            Ok(()) => {
                shared.refusals.with(|refusals| refusals.forget(&entry.uid));
                None
            }
            // It is known, and told, that this Webhook cannot be written.
            Err(error) if was_refused && error.scope() == Scope::Object => None,
            Err(error) => Some(self.not_written(shared, entry, item, &error).await?),
        };
        // Only now: a refused write leaves the intent stored, and only this process knows what its create sent.
        if unwritten.is_none() && entry.status.pending.is_none() {
            shared.past.with(|past| past.answered(&entry.uid));
        }
        if matches!(outcome, Outcome::InSync) && item.step().is_none() {
            entry.in_sync_fingerprint = shared.past.with(|past| settled(past, entry, &has));
        }
        for happened in happened {
            self.tell(entry, item, &happened).await;
        }
        Ok(match (outcome, unwritten) {
            (Outcome::Failed(error), _) => ItemResult::Failed(error),
            (_, Some(unwritten)) => unwritten,
            (Outcome::Refused(_), None) => ItemResult::Refused,
            (Outcome::InSync, None) => ItemResult::InSync,
            (Outcome::Done(_), None) => ItemResult::Done,
            (Outcome::Held(_), None) => ItemResult::Held,
            (Outcome::Waiting(_), None) => ItemResult::Waiting,
        })
    }

    /// The outcome as a guest may know it, where that is another: the vendor's words go to the log only.
    fn without_words(&self, webhook: &Declared, outcome: &Outcome) -> Option<Outcome> {
        let unsaid = outcome.without_words().filter(|_| webhook.guest)?;
        if let Outcome::Failed(error) = outcome {
            tracing::info!(vendor = %self.vendor, account = %self.key, webhook = %webhook.key, "{error}");
        }
        Some(unsaid)
    }

    /// Whether it took over what an unanswered create had made before the spec, or a Secret, moved on: it is recorded, and
    /// brought up to date in the next slice.
    fn is_half_done(
        &self,
        shared: &Shared<'_>,
        entry: &WebhookState,
        webhook: &Declared,
        item: &Item,
        outcome: &Outcome,
    ) -> bool {
        let took_over =
            matches!((outcome, item.step()), (Outcome::Done(_), Some(Step::AdoptReplacement { .. })));
        let id = entry.status.external_id.as_deref();
        let (Some(desired), Some(id), true) = (document(&webhook.desired), id, took_over) else {
            return false;
        };
        let differs = |one: &Observed| !rules(self.vendor).spelled_alike(&one.document, desired);
        shared.look(id, differs).is_some_and(|differs| webhook.concealed_changed || differs)
    }

    /// One log line, one event, one metric for what happened to a Webhook.
    async fn tell(&self, entry: &WebhookState, item: &Item, happened: &EventRecord) {
        let (vendor, webhook) = (self.vendor, &item.key);
        let id = entry.status.external_id.as_deref().or(item.id().map(ExternalId::as_str));
        if happened.warning {
            tracing::warn!(%vendor, account = %self.key, %webhook, external_id = id, reason = happened.reason, "{}", happened.note);
        } else {
            tracing::info!(%vendor, account = %self.key, %webhook, external_id = id, reason = happened.reason, "{}", happened.note);
            if item.action() != Action::None {
                self.context.metrics.acted(vendor, item.action(), item.cause.is_drift());
            }
        }
        self.context.writer.event(entry.object.object_ref(&()), happened).await;
    }
}

/// Whether the status of a Webhook that is in sync says so already, and nothing that it is made of is another since.
fn is_settled(shared: &Shared<'_>, entry: &WebhookState, webhook: &Declared, item: &Item) -> bool {
    let in_sync = item.step().is_none() && item.blocked().is_none();
    let same_values = !webhook.values_changed && !webhook.concealed_changed;
    in_sync
        && same_values
        && entry.in_sync_fingerprint.is_some()
        && shared.past.with(|past| settled(past, entry, &shared.of(entry))) == entry.in_sync_fingerprint
}

/// A mark of all that the status of one in sync is made of, but for its values; none while more is to be told.
fn settled(past: &Past, entry: &WebhookState, has: &Has) -> Option<u64> {
    let (status, version) = (&*entry.status, version(&*entry.object));
    let respelled = status.last_applied.as_ref().is_some_and(|last| !last.stored_differently.is_empty());
    let waits =
        status.pending.is_some() || !status.superseded.is_empty() || respelled || past.revives(&entry.uid);
    (entry.status.is_known() && version > 0 && !waits)
        .then(|| past.mark_of((version, &entry.requested, &has.mark, has.delivery)))
}

/// Whether the account only waits for its own pace, and not for long.
pub(crate) fn is_pause(error: &VendorError) -> bool {
    error.is_paced() && error.retry_after.is_none_or(|wait| wait < PAUSE)
}
