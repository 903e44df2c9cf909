//! One pass over one account: gather, observe, plan, apply, record.

use super::apply::{Taken, Worker, document};
use super::gather::{declare, dependencies};
use super::memory::{Client, Entry, Memory, Past, Wait};
use super::outcome::{Outcome, Trouble, settle, settle_unseen};
use super::record::{Happened, RecordError, Recorder};
use super::secrets::{Dependency, Source, Values};
use crate::api::account::Unmanaged;
use crate::api::conditions::{self, READY, RECONCILING, STALLED};
use crate::api::status::{AccountStatus, SubscriptionCounts, UnmanagedSubscription};
use crate::api::webhook::VendorName;
use crate::api::{Mode, ObjectKey, RELEASE, REQUESTED_AT, VendorAccount, Webhook};
use crate::plan::{Declared, Item, Observed, Plan, plan};
use crate::telemetry::Metrics;
use crate::vendor::{Class, ConnectError, Connection, Settings, VendorError, rules};
use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt};
use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A slice of work; after it the account is planned again, so that a fresh edit never waits behind a backlog.
const SLICE: Duration = Duration::from_secs(10);
/// A throttled account whose vendor does not say how long waits this long.
const THROTTLED: Duration = Duration::from_secs(60);
/// How often in a row a moved version makes the account be read again at once.
const OUTDATED: u32 = 3;
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
enum Stop {
    /// The vendor, or the way to it.
    Trouble(Trouble, Option<VendorError>),
    /// The cluster.
    Cluster(String),
}

impl From<RecordError> for Stop {
    fn from(error: RecordError) -> Self {
        Self::Cluster(chain(&error))
    }
}

/// The error and all its causes, for the log.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

/// Runs a pass if one is due; gives the time after which to look again. `depends` is told what the pass depends on
/// before any of it is read, so that no change is missed.
pub async fn run<S: Source, R: Recorder>(
    context: &Context<S, R>,
    memory: &mut Memory,
    input: Input,
    depends: impl FnOnce(BTreeSet<Dependency>),
) -> Duration {
    let uids = memory.refresh(&input.webhooks);
    let mark = inputs(memory, &input.account, &uids);
    let changed = input.dependency_changed || memory.inputs != Some(mark);
    if let Some(after) = too_early(memory, changed) {
        return after;
    }
    let mut pass = Pass {
        context,
        key: ObjectKey::of(&*input.account),
        vendor: input.account.spec.vendor.name(),
        account: input.account,
        uids,
        now: Timestamp::now(),
        summary: Summary::default(),
    };
    let started = Instant::now();
    let result = pass.walk(memory, depends).await;
    let after = pass.conclude(memory, result, started).await;
    memory.inputs = Some(inputs(memory, &pass.account, &pass.uids));
    after
}

/// How long until there is anything to do; none if there is now.
fn too_early(memory: &mut Memory, changed: bool) -> Option<Duration> {
    let now = Instant::now();
    if let Some(wait) = memory.past.wait {
        if now < wait.until && (wait.asked_for || !changed) {
            return Some(wait.until - now);
        }
        memory.past.wait = None;
        return None;
    }
    if changed || memory.snapshot.is_some() {
        return None;
    }
    memory.past.due.filter(|due| now < *due).map(|due| due - now)
}

/// A mark of everything that a pass goes by, beside the vendor: it is the same after a pass that only our own writes
/// followed.
fn inputs(memory: &Memory, account: &VendorAccount, uids: &[String]) -> u64 {
    let mut state = memory.past.hasher().build_hasher();
    (account.uid(), account.meta().generation, account.annotations().get(REQUESTED_AT)).hash(&mut state);
    for uid in uids {
        let Some(entry) = memory.entries.get(uid) else {
            continue;
        };
        let meta = &entry.known.metadata;
        let asked = [REQUESTED_AT, RELEASE].map(|name| entry.known.annotations().get(name));
        (uid, meta.generation, meta.deletion_timestamp.is_some(), entry.is_held(), asked).hash(&mut state);
        serde_json::to_string(&entry.known.status).unwrap_or_default().hash(&mut state);
    }
    state.finish()
}

struct Pass<'a, S, R> {
    context: &'a Context<S, R>,
    key: ObjectKey,
    vendor: VendorName,
    account: Arc<VendorAccount>,
    uids: Vec<String>,
    now: Timestamp,
    summary: Summary,
}

/// What a pass found and did, for status, metrics and the one line of log.
#[derive(Default)]
struct Summary {
    counts: SubscriptionCounts,
    unmanaged: Vec<UnmanagedSubscription>,
    done: usize,
    held: usize,
    failed: usize,
    /// Steps that are left for the next slice.
    left: usize,
    /// Whether it came to a plan, so that each Webhook was looked at.
    planned: bool,
}

impl<S: Source, R: Recorder> Pass<'_, S, R> {
    async fn walk(
        &mut self,
        memory: &mut Memory,
        depends: impl FnOnce(BTreeSet<Dependency>),
    ) -> Result<(), Stop> {
        if self.account.spec.suspend {
            return Ok(());
        }
        let wanted = dependencies(&self.account, self.uids.iter().filter_map(|uid| memory.entries.get(uid)));
        depends(wanted.clone());
        let values = self
            .context
            .source
            .read(&wanted)
            .await
            .map_err(|error| Stop::Cluster(format!("reading Secrets and ConfigMaps: {error}")))?;
        let client = self.client(memory, &values)?;
        let mut observed = match memory.snapshot.take() {
            Some(snapshot) => snapshot,
            None => client.list().await.map_err(|error| Stop::Trouble(Trouble::of(&error), Some(error)))?,
        };
        let declared: Vec<Declared> = self
            .uids
            .iter()
            .filter_map(|uid| memory.entries.get(uid))
            .map(|entry| declare(entry, &self.account, &values, &memory.past, self.context.ceiling))
            .collect();
        let plan = plan(rules(self.vendor), &declared, &observed);
        self.list_unmanaged(&plan, &observed);
        self.summary.planned = true;
        self.work(memory, &client, &plan, &declared, &mut observed).await
    }

    /// The account's client: kept from pass to pass, with its connections and tokens, while nothing it is made of changes.
    fn client(&self, memory: &mut Memory, values: &Values) -> Result<Arc<Client>, Stop> {
        let stalled =
            |reason, message: String| Stop::Trouble(Trouble { reason, message, stalled: true }, None);
        let (credentials, versions) = values
            .credentials(&self.account.spec.vendor, &self.key.namespace)
            .map_err(|message| stalled("Credentials", message))?;
        let mode = self.account.spec.mode.max(self.context.ceiling);
        let made_of = format!("{:?}/{mode:?}/{versions}", self.account.meta().generation);
        if let Some((of, client)) = &memory.client
            && *of == made_of
        {
            return Ok(Arc::clone(client));
        }
        let (vendor, settings) = (&self.account.spec.vendor, &self.context.settings);
        let client = match mode {
            Mode::Plan => Connection::open(vendor, &credentials, settings).map(Client::Reader),
            Mode::Enforce => Connection::open(vendor, &credentials, settings).map(Client::Writer),
        };
        let client = Arc::new(client.map_err(|error| {
            let reason = match &error {
                ConnectError::Endpoint(_) => "EndpointNotAllowed",
                ConnectError::Secret(_) | ConnectError::Unsupported { .. } | ConnectError::Client(_) => {
                    "Credentials"
                }
            };
            stalled(reason, error.to_string())
        })?);
        memory.client = Some((made_of, Arc::clone(&client)));
        Ok(client)
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
    async fn work(
        &mut self,
        memory: &mut Memory,
        client: &Client,
        plan: &Plan,
        declared: &[Declared],
        observed: &mut Vec<Observed>,
    ) -> Result<(), Stop> {
        let deadline = Instant::now() + SLICE;
        let mut stop = None;
        for item in &plan.items {
            let webhook = &declared[item.index];
            let uid = self.uids[item.index].clone();
            if item.step.is_some()
                && stop.is_none()
                && (Instant::now() >= deadline || self.context.stopping())
            {
                self.summary.left += 1;
                continue;
            }
            let Memory { entries, past, .. } = memory;
            let Some(entry) = entries.get_mut(&uid) else {
                continue;
            };
            if self.wants_another_try(entry) {
                past.try_again(&uid);
            }
            let taken = match &stop {
                Some(trouble) if item.step.is_some() => {
                    Taken::Stays(Outcome::Waiting(Trouble::clone(trouble)))
                }
                _ => self.one(past, client, item, webhook, entry, observed).await?,
            };
            match taken {
                Taken::Stays(outcome) => {
                    if let Outcome::Failed(error) = &outcome {
                        stop = stops(past, error).or(stop);
                    }
                    self.stays(past, entry, webhook, item, &outcome, observed).await?;
                }
                Taken::LetGo(what) => {
                    self.let_go(entry, item, what).await;
                    memory.forget(&uid);
                }
            }
        }
        self.summary.counts.declared = number(memory.entries.len());
        self.summary.counts.managed = number(observed.len()) - self.summary.counts.unmanaged;
        if self.summary.left > 0 {
            memory.snapshot = Some(std::mem::take(observed));
        }
        match stop {
            Some(trouble) => Err(Stop::Trouble(trouble, None)),
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
        let recorder = &self.context.recorder;
        Worker { recorder, vendor: self.vendor, client, observed }.take(past, entry, item, step).await
    }

    fn wants_another_try(&self, entry: &Entry) -> bool {
        let asked = |asked: Option<&String>, handled: Option<&String>| asked.is_some() && asked != handled;
        let handled =
            |status: Option<&AccountStatus>| status.and_then(|status| status.last_handled_request.clone());
        asked(entry.known.annotations().get(REQUESTED_AT), entry.status.last_handled_request.as_ref())
            || asked(
                self.account.annotations().get(REQUESTED_AT),
                handled(self.account.status.as_ref()).as_ref(),
            )
    }

    async fn let_go(&mut self, entry: &Entry, item: &Item, what: String) {
        let reason = if item.action == crate::api::status::Action::Retain { "Retained" } else { "Deleted" };
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
        observed: &[Observed],
    ) -> Result<(), RecordError> {
        match outcome {
            Outcome::InSync => {}
            Outcome::Done(_) => self.summary.done += 1,
            Outcome::Held(_) => self.summary.held += 1,
            Outcome::Failed(_) | Outcome::Waiting(_) => self.summary.failed += 1,
        }
        if matches!(outcome, Outcome::InSync | Outcome::Done(_)) {
            if let Some(document) = document(&webhook.desired) {
                past.in_sync(&entry.uid, document);
            }
            entry.status.pending = None;
        }
        // What is not at the vendor any more needs no deleting.
        entry.status.superseded.retain(|id| observed.iter().any(|one| one.id.as_str() == id));
        if let Some(asked) = entry.known.annotations().get(REQUESTED_AT) {
            entry.status.last_handled_request = Some(asked.clone());
        }
        let happened = settle(entry, webhook, item, outcome, self.vendor, self.now);
        entry.write(&self.context.recorder).await?;
        if let Some(happened) = happened {
            self.tell(entry, item, &happened).await;
        }
        Ok(())
    }

    /// One log line, one event, one metric for what happened to a Webhook.
    async fn tell(&self, entry: &Entry, item: &Item, happened: &Happened) {
        let (vendor, webhook) = (self.vendor, &item.key);
        if happened.warning {
            tracing::warn!(%vendor, account = %self.key, %webhook, reason = happened.reason, "{}", happened.note);
        } else {
            tracing::info!(%vendor, account = %self.key, %webhook, reason = happened.reason, "{}", happened.note);
            self.context.metrics.acted(vendor, item.action, item.cause.is_drift());
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
        let after = self.after(memory, &result);
        let trouble = match &result {
            Ok(()) => None,
            Err(Stop::Trouble(trouble, _)) => {
                if !self.summary.planned {
                    self.unseen(memory, trouble).await;
                }
                Some(trouble.clone())
            }
            Err(Stop::Cluster(message)) => {
                tracing::warn!(vendor = %self.vendor, account = %self.key, "{message}");
                None
            }
        };
        if !matches!(result, Err(Stop::Cluster(_))) {
            self.account_status(trouble.as_ref(), result.is_ok() && self.summary.left == 0).await;
        }
        let ok = result.is_ok();
        self.context.metrics.passed(self.vendor, &self.key, ok);
        let Summary { counts, done, held, failed, left, .. } = &self.summary;
        tracing::info!(
            vendor = %self.vendor, account = %self.key, ok, declared = counts.declared, managed = counts.managed,
            unmanaged = counts.unmanaged, done, held, failed, left, next_s = after.as_secs(),
            elapsed_ms = started.elapsed().as_millis(), "pass"
        );
        after
    }

    /// When to look again, by what came of the pass.
    fn after(&self, memory: &mut Memory, result: &Result<(), Stop>) -> Duration {
        let mut after = jittered(resync(&self.account));
        match result {
            Ok(()) if self.account.spec.suspend => {}
            Ok(()) if self.summary.left > 0 => return Duration::ZERO,
            Ok(()) if memory.past.outdated > 0 && memory.past.outdated <= OUTDATED => {
                memory.past.due = Some(Instant::now());
                return Duration::ZERO;
            }
            Ok(()) => {
                memory.past.outdated = 0;
                memory.past.recovered();
            }
            Err(Stop::Trouble(trouble, error)) => {
                memory.snapshot = None;
                let asked = error.as_ref().filter(|error| error.class == Class::Throttled);
                if let Some(error) = asked {
                    let until = Instant::now() + error.retry_after.unwrap_or(THROTTLED);
                    memory.past.wait = Some(Wait { until, asked_for: true });
                } else if memory.past.wait.is_none() && !trouble.stalled {
                    let until = Instant::now() + memory.past.back_off();
                    memory.past.wait = Some(Wait { until, asked_for: false });
                }
            }
            Err(Stop::Cluster(_)) => {
                memory.snapshot = None;
                memory.past.wait =
                    Some(Wait { until: Instant::now() + memory.past.back_off(), asked_for: false });
            }
        }
        for uid in &self.uids {
            if let Some(pending) = memory.entries.get(uid).and_then(|entry| entry.status.pending.as_ref()) {
                after = after.min(memory.past.until_settled(uid, pending));
            }
        }
        memory.past.due = Some(Instant::now() + after);
        memory.past.wait.map_or(after, |wait| wait.until.saturating_duration_since(Instant::now()))
    }

    /// Tells the Webhooks that wait for something that the account is in trouble.
    async fn unseen(&self, memory: &mut Memory, trouble: &Trouble) {
        for uid in &self.uids {
            let Some(entry) = memory.entries.get_mut(uid) else {
                continue;
            };
            if entry.known.spec.suspend {
                continue;
            }
            let happened = settle_unseen(entry, trouble, &self.key, self.vendor, self.now);
            if let Err(error) = entry.write(&self.context.recorder).await {
                tracing::warn!(webhook = %ObjectKey::of(&entry.known), error = %chain(&error), "status not written");
                return;
            }
            if let Some(happened) = happened {
                tracing::warn!(vendor = %self.vendor, webhook = %ObjectKey::of(&entry.known), reason = happened.reason, "{}", happened.note);
                self.context.recorder.event(entry.known.object_ref(&()), &happened).await;
            }
        }
    }

    async fn account_status(&mut self, trouble: Option<&Trouble>, done: bool) {
        let known = self.account.status.clone().unwrap_or_default();
        let mut status = known.clone();
        let generation = self.account.meta().generation;
        status.observed_generation = generation;
        status.vendor = Some(self.vendor);
        let (ready, reconciling, stalled, reason, message) = if self.account.spec.suspend {
            let was = conditions::is_true(&known.conditions, READY);
            (
                was,
                false,
                false,
                "Suspended",
                "suspended: the vendor is not called until spec.suspend is false".to_owned(),
            )
        } else {
            match trouble {
                None => (
                    true,
                    false,
                    false,
                    "InSync",
                    format!("{} is read every {}", self.vendor, self.account.spec.resync_interval),
                ),
                Some(trouble) => {
                    (false, !trouble.stalled, trouble.stalled, trouble.reason, trouble.message.clone())
                }
            }
        };
        if trouble.is_none() && !self.account.spec.suspend {
            status.subscriptions = Some(self.summary.counts);
            status.unmanaged = std::mem::take(&mut self.summary.unmanaged);
        }
        for (kind, value) in [(READY, ready), (RECONCILING, reconciling), (STALLED, stalled)] {
            let message = if kind == READY || value { message.as_str() } else { "" };
            conditions::set(&mut status.conditions, kind, value, reason, message, generation, self.now);
        }
        if (done || trouble.is_some())
            && let Some(asked) = self.account.annotations().get(REQUESTED_AT)
        {
            status.last_handled_request = Some(asked.clone());
        }
        if status == known {
            return;
        }
        let told = conditions::get(&known.conditions, READY).map(|c| (c.reason.clone(), c.message.clone()));
        match self.context.recorder.account_status(&self.account, &status).await {
            Ok(Some(written)) => self.account = Arc::new(written),
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(account = %self.key, error = %chain(&error), "status not written");
                return;
            }
        }
        if told != Some((reason.to_owned(), message.clone())) {
            let happened = Happened { warning: trouble.is_some(), reason, note: message };
            if happened.warning {
                tracing::warn!(vendor = %self.vendor, account = %self.key, reason, "{}", happened.note);
            }
            self.context.recorder.event(self.account.object_ref(&()), &happened).await;
        }
    }
}

/// Whether a failure of one Webhook is one of the whole account.
fn stops(past: &mut Past, error: &VendorError) -> Option<Trouble> {
    match error.class {
        Class::Rejected => None,
        Class::Outdated | Class::NotFound => {
            past.outdated += 1;
            None
        }
        Class::Throttled => {
            let until = Instant::now() + error.retry_after.unwrap_or(THROTTLED);
            past.wait = Some(Wait { until, asked_for: true });
            Some(Trouble::of(error))
        }
        Class::Credentials | Class::Unavailable => Some(Trouble::of(error)),
    }
}

/// How often the vendor's list is read; the CRD keeps it within its range.
fn resync(account: &VendorAccount) -> Duration {
    interval(&account.spec.resync_interval).unwrap_or(Duration::from_secs(300))
}

/// Reads `90s`, `5m`, `1h30m`.
pub fn interval(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is no interval: write it like 90s, 5m or 1h30m");
    let mut total = Duration::ZERO;
    let mut number = String::new();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let count: u64 = std::mem::take(&mut number).parse().map_err(|_| wrong())?;
        total = total.saturating_add(Duration::from_secs(count.saturating_mul(unit)));
    }
    if number.is_empty() && !text.is_empty() { Ok(total) } else { Err(wrong()) }
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Accounts that were made together must not be read together for ever.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::random_range(0.9..=1.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_like_go_durations() {
        let cases = [
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("1h30m", Some(5400)),
            ("24h", Some(86_400)),
            ("5", None),
            ("m", None),
            ("", None),
            ("1d", None),
            ("0s", Some(0)),
        ];
        for (text, seconds) in cases {
            assert_eq!(interval(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
