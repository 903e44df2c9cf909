//! One pass over one account: gather, observe, plan, apply, record.

use super::account::{Summary, chain};
use super::apply::{Taken, Worker, document};
use super::client::Client;
use super::clock;
use super::due::{End, after, asked_to_wait, changed, saw, too_early};
use super::entry::Entry;
use super::gather::conceal;
use super::memory::Memory;
use super::observe::Sight;
use super::outcome::{Noted, Outcome, Trouble, settle};
use super::past::Past;
use super::record::{Happened, RecordError, Recorder};
use super::secrets::{Dependency, Source, Values};
use crate::api::VendorName;
use crate::api::account::Unmanaged;
use crate::api::status::{AccountStatus, Action, UnmanagedSubscription};
use crate::api::{Mode, ObjectKey, REQUESTED_AT, VendorAccount, Webhook};
use crate::plan::{Declared, Delivery, Item, Observed, Plan, Step, plan};
use crate::telemetry::Metrics;
use crate::vendor::{Class, Operation, Settings, VendorError, advice, rules};
use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A slice of work; after it the account is planned again, so that a fresh edit never waits behind a backlog.
const SLICE: Duration = Duration::from_secs(10);
/// A wait for the account's own pace that is shorter than this is not worth a word to anybody.
const PAUSE: Duration = Duration::from_secs(3);
/// How many strangers are listed in the account's status.
const LISTED: usize = 50;

/// What holds for every pass.
pub struct Context<S, R> {
    /// Reads Secrets and ConfigMaps.
    pub source: S,
    /// Writes to the cluster.
    pub recorder: R,
    /// Where credentials may be sent, and who is told of calls.
    pub settings: Settings,
    /// Ceiling of every account's mode.
    pub ceiling: Mode,
    /// Nothing is to be done: clients are made that cannot write, whatever the mode, and deletions are judged as they are.
    pub look_only: bool,
    /// There is no status from before: what is found by its natural key is ours, and what is found needs no recording.
    pub stateless: bool,
    /// Counters.
    pub metrics: Metrics,
    /// Set when the process is to end: no further step is begun.
    pub stopping: Arc<AtomicBool>,
}

impl<S, R> Context<S, R> {
    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// One account and its Webhooks, as the front door found them.
pub struct Input {
    /// The account.
    pub account: Arc<VendorAccount>,
    /// Its Webhooks.
    pub webhooks: Vec<Arc<Webhook>>,
    /// Whether something that it depends on has changed since the last pass.
    pub dependency_changed: bool,
}

/// Why a pass did not come to its end.
pub(super) enum Stop {
    /// The vendor, or the way to it.
    Trouble(Trouble, Option<VendorError>),
    /// The list lacks most of what is recorded.
    Doubted(Trouble, Duration),
    /// The cluster.
    Cluster(String),
}

impl From<RecordError> for Stop {
    fn from(error: RecordError) -> Self {
        Self::Cluster(chain(&error))
    }
}

/// Runs a pass if one is due; gives the time after which to look again. `depends` is told what the pass depends on
/// before any of it is read, so that no change is missed.
pub async fn run<S: Source, R: Recorder>(
    context: &Context<S, R>,
    memory: &mut Memory,
    input: Input,
    depends: impl FnOnce(BTreeSet<Dependency>),
) -> Duration {
    memory.is_of(&input.account);
    let uids = memory.refresh(&input.webhooks);
    let account = memory.newest(input.account);
    let changed = input.dependency_changed || changed(memory, &account, &uids);
    let told = asked_to_wait(memory, &account).filter(|_| changed);
    let early = if told.is_none() { too_early(memory, changed) } else { None };
    let mut pass = Pass::new(context, &account, uids);
    if let Some(after) = early {
        // What is new is not passed over by telling what is old.
        let soon = if changed { None } else { pass.tell_again(memory).await };
        return soon.map_or(after, |soon| soon.min(after));
    }
    memory.untold.begin();
    if let Some((trouble, left)) = told {
        // The vendor is left alone; people are told, or let go.
        pass.unseen(memory, &pass.uids, &trouble).await;
        if !pass.release_account(memory).await {
            memory.untold.account(&trouble);
        }
        saw(memory, &account, &pass.uids);
        return memory.untold.rest().map_or(left, |soon| soon.min(left));
    }
    let started = clock::now();
    memory.past.begun = started;
    let result = pass.walk(memory, depends).await;
    let after = pass.conclude(memory, result, started).await;
    memory.wrote(&pass.account);
    saw(memory, &account, &pass.uids);
    memory.untold.rest().map_or(after, |soon| soon.min(after))
}

/// A pass under way.
pub(super) struct Pass<'a, S, R> {
    pub(super) context: &'a Context<S, R>,
    pub(super) key: ObjectKey,
    pub(super) vendor: VendorName,
    pub(super) account: Arc<VendorAccount>,
    pub(super) uids: Vec<String>,
    pub(super) now: Timestamp,
    pub(super) summary: Summary,
}

/// What a pass has read.
struct Seen<'a> {
    values: &'a Values,
    observed: &'a [Observed],
}

impl Seen<'_> {
    fn at(&self, id: &str) -> Option<&Observed> {
        self.observed.iter().find(|one| one.id.as_str() == id)
    }

    fn mark(&self, id: Option<&str>) -> Option<&str> {
        self.at(id?)?.mark.as_deref()
    }
}

impl<'a, S: Source, R: Recorder> Pass<'a, S, R> {
    pub(super) fn new(context: &'a Context<S, R>, account: &Arc<VendorAccount>, uids: Vec<String>) -> Self {
        Self {
            context,
            key: ObjectKey::of(&**account),
            vendor: account.spec.vendor.name(),
            account: Arc::clone(account),
            uids,
            now: clock::timestamp(),
            summary: Summary::default(),
        }
    }

    async fn walk(
        &mut self,
        memory: &mut Memory,
        depends: impl FnOnce(BTreeSet<Dependency>),
    ) -> Result<(), Stop> {
        if self.account.spec.suspend {
            return Ok(());
        }
        let (mut sight, mut plan) = self.look(memory, depends).await?;
        if let Some(trouble) = sight.lost.take() {
            // With credentials that nobody can check any more, what is to go is deleted, and nothing else is done.
            plan.items.retain(|item| sight.declared[item.index].deleting);
            self.work(memory, &mut sight, &plan).await?;
            return Err(Stop::Trouble(trouble, None));
        }
        self.keep_account(memory, &plan).await?;
        let worked = self.work(memory, &mut sight, &plan).await;
        let there = |id: &String| sight.snapshot.observed.iter().any(|one| one.id.as_str() == id);
        self.summary.allowed.retain(there);
        self.summary.counts.declared = number(memory.entries.len());
        self.summary.counts.managed = number(sight.snapshot.observed.len()) - self.summary.counts.unmanaged;
        memory.snapshot = Some(sight.snapshot);
        worked
    }

    /// Observes, plans, and holds back what is not safe.
    pub(super) async fn look(
        &mut self,
        memory: &mut Memory,
        depends: impl FnOnce(BTreeSet<Dependency>),
    ) -> Result<(Sight, Plan), Stop> {
        let sight = self.observe(memory, depends).await?;
        let mut plan = plan(rules(self.vendor), &sight.declared, &sight.snapshot.observed);
        if sight.lost.is_none() {
            self.guard(memory, &mut plan, &sight.snapshot.observed).await?;
            self.list_unmanaged(&plan, &sight.snapshot.observed);
            self.summary.planned = true;
        }
        Ok((sight, plan))
    }

    /// What nobody declares is not touched, so it can be counted before anything is done.
    fn list_unmanaged(&mut self, plan: &Plan, observed: &[Observed]) {
        self.summary.counts.unmanaged = number(plan.unmanaged.len());
        if self.account.spec.unmanaged == Unmanaged::Report {
            let listed = plan.unmanaged.iter().take(LISTED).map(|&i| UnmanagedSubscription {
                external_id: observed[i].id.to_string(),
                summary: observed[i].summary.clone(),
            });
            self.summary.unmanaged = listed.collect();
        }
    }

    /// Applies and records, item by item, for one slice.
    async fn work(&mut self, memory: &mut Memory, sight: &mut Sight, plan: &Plan) -> Result<(), Stop> {
        let Sight { values, client, declared, uids, snapshot, .. } = sight;
        let observed = &mut snapshot.observed;
        let deadline = clock::now() + SLICE;
        let mut stop: Option<VendorError> = None;
        for item in &plan.items {
            let webhook = &declared[item.index];
            let uid = uids[item.index].clone();
            if item.step.as_ref().is_some_and(Step::calls) && stop.is_none() {
                stop = memory.client.wait().map(|wait| VendorError::paced(Operation::List, wait));
            }
            let out_of_time = stop.is_none() && (clock::now() >= deadline || self.context.stopping());
            if item.step.is_some() && (out_of_time || stop.as_ref().is_some_and(is_pause)) {
                self.summary.left += 1;
                continue;
            }
            let Memory { entries, past, .. } = memory;
            let Some(entry) = entries.get_mut(&uid) else {
                continue;
            };
            let strained = past.strained(entry).or(stop.as_ref());
            let taken = match strained {
                Some(error) if item.step.is_some() => Taken::Stays(Outcome::Waiting(Trouble::of(error))),
                _ => match self.one(past, client, item, webhook, entry, observed).await {
                    Err(error) if error.is_of_the_object_alone() => {
                        self.unrecorded(item, &error);
                        continue;
                    }
                    taken => taken?,
                },
            };
            match taken {
                Taken::Stays(outcome) => {
                    if let Outcome::Failed(error) = &outcome {
                        past.strain(entry, error);
                        stop = self.stops(error).or(stop);
                    }
                    let seen = Seen { values, observed };
                    self.stays(past, entry, webhook, item, &outcome, &seen).await?;
                }
                Taken::LetGo(what) => {
                    self.let_go(entry, item, what).await;
                    let allowed = item.id.as_ref().is_some_and(|id| self.summary.allows(id));
                    memory.forget(&uid);
                    if item.action == Action::Delete && !allowed {
                        memory.deleted();
                    }
                }
            }
        }
        match stop {
            Some(error) => Err(Stop::Trouble(Trouble::of(&error), Some(error))),
            None => Ok(()),
        }
    }

    async fn one(
        &self,
        past: &mut Past,
        client: &Client,
        item: &Item,
        webhook: &Declared,
        entry: &mut Entry,
        observed: &mut Vec<Observed>,
    ) -> Result<Taken, RecordError> {
        if let Some(hold) = &item.hold {
            return Ok(Taken::Stays(Outcome::Held(hold.clone())));
        }
        let Some(step) = &item.step else {
            // Somebody may have taken our finalizer off by force.
            if webhook.policy.mode == Mode::Enforce && entry.status.external_id.is_some() {
                entry.hold(&self.context.recorder).await?;
            }
            return Ok(Taken::Stays(Outcome::InSync));
        };
        self.advise(entry, webhook, item).await;
        let recorder = &self.context.recorder;
        let identity = self.account.spec.vendor.identity();
        let mut worker = Worker { recorder, vendor: self.vendor, client, identity, observed };
        worker.take(past, entry, item, step, &webhook.redactor).await
    }

    /// Warns, once a generation, of what the vendor is likely to refuse.
    async fn advise(&self, entry: &Entry, webhook: &Declared, item: &Item) {
        if entry.status.observed_generation == entry.asked.generation {
            return;
        }
        let advice = document(&webhook.desired).and_then(|desired| advice(self.vendor, desired));
        if let (Some(note), Action::Create | Action::Update | Action::Replace) = (advice, item.action) {
            self.tell(entry, item, &Happened { warning: true, reason: "LikelyRefused", note }).await;
        }
    }

    pub(super) fn wants_another_try(&self, entry: &Entry) -> bool {
        let asked = |asked: Option<&String>, handled: Option<&String>| asked.is_some() && asked != handled;
        let handled =
            |status: Option<&AccountStatus>| status.and_then(|status| status.last_handled_request.clone());
        asked(entry.asked.request.as_ref(), entry.status.last_handled_request.as_ref())
            || asked(
                self.account.annotations().get(REQUESTED_AT),
                handled(self.account.status.as_ref()).as_ref(),
            )
    }

    /// Whether a failure of one Webhook is one of the whole account. No answer to one write may be that Webhook's own
    /// fault, which must not stop the others; to two, it is the vendor's.
    fn stops(&mut self, error: &VendorError) -> Option<VendorError> {
        match error.class {
            Class::Rejected => None,
            Class::Outdated | Class::NotFound => {
                self.summary.outdated = true;
                None
            }
            Class::Unavailable => {
                self.summary.unanswered += 1;
                (self.summary.unanswered > 1).then(|| error.clone())
            }
            Class::Throttled | Class::Credentials => Some(error.clone()),
        }
    }

    /// The API server refuses something of just this Webhook. It is tried again at the next pass.
    fn unrecorded(&mut self, item: &Item, error: &RecordError) {
        tracing::warn!(vendor = %self.vendor, account = %self.key, webhook = %item.key, "{}", chain(error));
        self.summary.failed += 1;
        // Somebody else wrote it at the same time: soon, that is.
        self.summary.outdated |= error.is_conflict();
    }

    async fn let_go(&mut self, entry: &Entry, item: &Item, what: String) {
        let reason = if item.action == Action::Retain { "Retained" } else { "Deleted" };
        self.tell(entry, item, &Happened { warning: false, reason, note: what }).await;
        self.summary.done += 1;
    }

    async fn stays(
        &mut self,
        past: &mut Past,
        entry: &mut Entry,
        webhook: &Declared,
        item: &Item,
        outcome: &Outcome,
        seen: &Seen<'_>,
    ) -> Result<(), Stop> {
        if self.is_half_done(entry, webhook, item, outcome, seen) {
            entry.status.pending = None;
            self.summary.left += 1;
            entry.write(&self.context.recorder).await?;
            return Ok(());
        }
        match outcome {
            Outcome::InSync => {}
            Outcome::Done(_) => self.summary.done += 1,
            Outcome::Held(_) => self.summary.held += 1,
            Outcome::Failed(_) | Outcome::Waiting(_) => self.summary.failed += 1,
        }
        let mut concealed = None;
        if matches!(outcome, Outcome::InSync | Outcome::Done(_)) {
            if let Some(document) = document(&webhook.desired) {
                let mark = || seen.mark(entry.status.external_id.as_deref());
                concealed = conceal(entry, document, seen.values, webhook.concealed_changed, mark)
                    .map_err(Stop::Cluster)?;
                past.in_sync(&entry.uid, document);
            }
            // In step before a lost create of another content has settled: what it makes is still to be cleared up.
            if entry.status.pending.as_ref().is_none_or(|pending| past.settled(&entry.uid, pending)) {
                past.answered(&entry.uid);
                entry.status.pending = None;
            }
        }
        // What is not at the vendor any more needs no deleting.
        entry.status.superseded.retain(|id| seen.at(id).is_some());
        if entry.asked.request.is_some() {
            entry.status.last_handled_request.clone_from(&entry.asked.request);
        }
        let delivery = entry.status.external_id.as_deref().and_then(|id| seen.at(id)?.delivery);
        if delivery == Some(Delivery::On) {
            past.delivers(&entry.uid);
        }
        let revival_refused = past.revival_refused(&entry.uid).map(str::to_owned);
        let noted = Noted { concealed, delivery, revival_refused };
        // Not the time that the pass began at: the vendor may just have answered.
        let happened = settle(entry, webhook, item, outcome, noted, self.vendor, clock::timestamp());
        match entry.write(&self.context.recorder).await {
            Err(error) if error.is_of_the_object_alone() => self.unrecorded(item, &error),
            written => written?,
        }
        if let Some(happened) = happened {
            self.tell(entry, item, &happened).await;
        }
        Ok(())
    }

    /// Whether it took over what an unanswered create had made before the spec, or a Secret, moved on: it is recorded, and
    /// brought up to date in the next slice.
    fn is_half_done(
        &self,
        entry: &Entry,
        webhook: &Declared,
        item: &Item,
        outcome: &Outcome,
        seen: &Seen<'_>,
    ) -> bool {
        let took_over = matches!((outcome, &item.step), (Outcome::Done(_), Some(Step::Adopt(_, Some(_)))));
        let has = entry.status.external_id.as_deref().and_then(|id| seen.at(id));
        let (Some(desired), Some(has), true) = (document(&webhook.desired), has, took_over) else {
            return false;
        };
        webhook.concealed_changed || !rules(self.vendor).equal(&has.document, desired)
    }

    /// One log line, one event, one metric for what happened to a Webhook.
    async fn tell(&self, entry: &Entry, item: &Item, happened: &Happened) {
        let (vendor, webhook) = (self.vendor, &item.key);
        if happened.warning {
            tracing::warn!(%vendor, account = %self.key, %webhook, reason = happened.reason, "{}", happened.note);
        } else {
            tracing::info!(%vendor, account = %self.key, %webhook, reason = happened.reason, "{}", happened.note);
            if item.action != Action::None {
                self.context.metrics.acted(vendor, item.action, item.cause.is_drift());
            }
        }
        self.context.recorder.event(entry.known.object_ref(&()), happened).await;
    }

    /// Writes what is so about the account; gives the time until the next look.
    async fn conclude(
        &mut self,
        memory: &mut Memory,
        result: Result<(), Stop>,
        started: Instant,
    ) -> Duration {
        let (trouble, end) = match &result {
            Err(Stop::Trouble(_, Some(error))) if is_pause(error) => {
                (None, End::Paced(error.retry_after.unwrap_or_default()))
            }
            Ok(()) if self.summary.left > 0 => (None, End::Left),
            Ok(()) if self.summary.gathering.is_some() => {
                (None, End::Gathering(self.summary.gathering.unwrap_or_default()))
            }
            Ok(()) if self.summary.outdated => (None, End::Outdated),
            Ok(()) => (None, End::Done),
            Err(Stop::Trouble(trouble, error)) => {
                if !self.summary.planned {
                    self.unseen(memory, &self.uids, trouble).await;
                }
                (Some(trouble), End::Trouble { stalled: trouble.stalled, error: error.as_ref() })
            }
            Err(Stop::Doubted(trouble, wait)) => (Some(trouble), End::Doubted(*wait)),
            Err(Stop::Cluster(message)) => {
                tracing::warn!(vendor = %self.vendor, account = %self.key, "{message}");
                (None, End::Cluster)
            }
        };
        // What is left to do is planned again from what is known; anything else begins with a new list.
        let throttled =
            matches!(end, End::Trouble { error: Some(error), .. } if error.class == Class::Throttled);
        if !(throttled || matches!(end, End::Left | End::Paced(_) | End::Gathering(_))) {
            memory.snapshot = None;
        }
        // What the status write gives back may hold an edit that this pass knew nothing of.
        let account = Arc::clone(&self.account);
        let told = matches!(end, End::Cluster | End::Paced(_)) || self.account_status(trouble, &end).await;
        let let_go = self.release_account(memory).await;
        if let (Some(trouble), End::Trouble { .. }, false) = (trouble, &end, told && let_go) {
            memory.untold.account(trouble);
        }
        // Nobody would be told or let go before the next resync, nor whoever asked for this pass be answered.
        let end = if matches!(end, End::Done) && !(told && let_go) { End::Cluster } else { end };
        let after = after(memory, &account, &self.uids, &end);
        let ok = result.is_ok();
        self.context.metrics.passed(self.vendor, &self.key, ok);
        self.context.metrics.left(&self.key, memory.client.remaining());
        let Summary { counts, done, held, failed, left, .. } = &self.summary;
        tracing::info!(
            vendor = %self.vendor, account = %self.key, ok, declared = counts.declared, managed = counts.managed,
            unmanaged = counts.unmanaged, done, held, failed, left, next_s = after.as_secs(),
            elapsed_ms = clock::since(started).as_millis(), "pass"
        );
        after
    }
}

/// Whether the account only waits for its own pace, and not for long.
fn is_pause(error: &VendorError) -> bool {
    error.is_paced() && error.retry_after.is_none_or(|wait| wait < PAUSE)
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
