//! One pass over one account: gather, observe, plan, apply, record.

pub(crate) mod differences;
pub(crate) mod execute;
pub(crate) mod finish;
pub(crate) mod guard;
pub(crate) mod pages;
pub(crate) mod prepare;
pub(crate) mod report_failure;
pub(crate) mod schedule;
pub(crate) mod step;
pub(crate) mod window;

use crate::api::VendorName;
use crate::api::account::Unmanaged;
use crate::api::status::{SubscriptionCounts, UnmanagedSubscription};
use crate::api::{Mode, ObjectKey, REQUESTED_AT, VendorAccount, Webhook};
use crate::engine::clock;
use crate::engine::cluster::scope::Scope;
use crate::engine::cluster::secrets::{Dependency, SecretReader};
use crate::engine::cluster::writer::{ClusterWriter, WriteError};
use crate::engine::limiter::{PassLimiter, PassPermits};
use crate::engine::pass::execute::is_pause;
use crate::engine::pass::finish::{PassCounts, Summary, chain};
use crate::engine::pass::guard::Planned;
use crate::engine::pass::prepare::Prepared;
use crate::engine::pass::schedule::{PassOutcome, after, asked_to_wait, changed, saw, too_early};
use crate::engine::state::account::{AccountState, Snapshot};
use crate::engine::state::webhook::is_unanswered;
use crate::engine::status::webhook::{AccountError, account_refused};
use crate::plan::{Plan, shown};
use crate::telemetry::{Metrics, PassResult};
use crate::vendor::{Class, Settings, VendorError, has_optimistic_locking};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tracing::Instrument as _;

/// How many strangers are listed in the account's status.
const LISTED: usize = 50;

/// What holds for every pass.
pub(crate) struct Context<S, R> {
    /// Reads Secrets and ConfigMaps.
    pub(crate) secrets: S,
    /// Writes to the cluster.
    pub(crate) writer: R,
    /// Where credentials may be sent, and who is told of calls.
    pub(crate) settings: Settings,
    /// Ceiling of every account's mode.
    pub(crate) ceiling: Mode,
    /// Nothing is to be done: clients are made that cannot write, whatever the mode, and deletions are judged as they are.
    pub(crate) dry_run: bool,
    /// There is no status from before: what is found by its natural key is ours, and what is found needs no recording.
    pub(crate) stateless: bool,
    /// Counters.
    pub(crate) metrics: Metrics,
    /// Bounds how many passes run at once.
    pub(crate) limiter: PassLimiter,
    /// Set when the process is to end: no further step is begun.
    pub(crate) stopping: Arc<AtomicBool>,
}

impl<S, R> Context<S, R> {
    /// Whether no further step is to be begun.
    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// One account and its Webhooks, as the front door found them.
pub(crate) struct Input {
    /// The account.
    pub(crate) account: Arc<VendorAccount>,
    /// Its Webhooks.
    pub(crate) webhooks: Vec<Arc<Webhook>>,
    /// Webhooks that refer to it and that it does not allow.
    pub(crate) not_allowed: Vec<Arc<Webhook>>,
    /// Whether something that it depends on has changed since the last pass.
    pub(crate) dependency_changed: bool,
}

/// Why a pass did not come to its end.
pub(crate) enum PassError {
    /// The vendor, or the way to it.
    AccountError(AccountError, Option<VendorError>),
    /// The list lacks most of what is recorded.
    Doubted(AccountError, Duration),
    /// The API server refuses to write the account, which only a person can change.
    Refused(AccountError),
    /// The cluster.
    Cluster(String),
}

impl From<WriteError> for PassError {
    /// A write of the account failed.
    fn from(error: WriteError) -> Self {
        match error.scope() {
            Scope::Object | Scope::Rights => Self::Refused(account_refused(error.scope(), &error.in_words())),
            Scope::Conflict | Scope::Server => Self::Cluster(chain(&error)),
        }
    }
}

/// Runs a pass if one is due; gives the time after which to look again. `depends` is told what the pass depends on
/// before any of it is read, so that no change is missed.
pub(crate) async fn run<S: SecretReader, R: ClusterWriter>(
    context: &Context<S, R>,
    memory: &mut AccountState,
    input: Input,
    depends: impl Fn(BTreeSet<Dependency>),
) -> Duration {
    memory.is_of(&input.account);
    let uids = memory.refresh(&input.webhooks);
    memory.does_not_allow(&input.not_allowed);
    let account = memory.newest(input.account);
    let mut pass = Pass::new(context, memory, &account, uids);
    let moved = memory.peers.take_moved(&account);
    let mut changed = changed(memory, &account, &pass.uids);
    changed.by_owner |= moved;
    let dependency_changed = input.dependency_changed || memory.dependency_changed;
    if dependency_changed && !changed.by_owner {
        pass.values_changed(memory, &depends, &mut changed).await;
    }
    // A pass that is due anyway takes it in.
    let of_guests = !changed.by_owner && !changed.by.contains(&pass.key.namespace);
    let short = if of_guests && changed.is_some() { memory.client.guests_wait(1) } else { None };
    let postponed = short.or_else(|| memory.pace.wait(&changed));
    memory.dependency_changed = dependency_changed && postponed.is_some();
    let changed = changed.is_some() && postponed.is_none();
    let told = asked_to_wait(memory, &account).filter(|_| changed);
    let early = if told.is_none() { too_early(memory, changed) } else { None };
    let early = early.map(|after| postponed.map_or(after, |wait| wait.min(after)));
    pass.summary.not_allowed.clone_from(&memory.not_allowed);
    if let Some(after) = early {
        // What is new is not passed over by telling what is old.
        let soon = if changed { None } else { pass.tell_again(memory).await };
        return soon.map_or(after, |soon| soon.min(after));
    }
    memory.untold.begin();
    if let Some((trouble, left)) = told {
        // The vendor is left alone; people are told, or let go.
        pass.permits.work().await;
        pass.report_failure(memory, &pass.uids, &trouble).await;
        if !pass.remove_account_finalizer(memory).await {
            memory.untold.account(&trouble);
        }
        saw(memory, &account, &pass.uids);
        return memory.untold.rest(&memory.refusals).map_or(left, |soon| soon.min(left));
    }
    let started = clock::now();
    memory.past.begun = started;
    let span = pass.span();
    let after = async {
        let result = pass.walk(memory, &depends).await;
        pass.conclude(memory, result, started).await
    };
    let after = after.instrument(span).await;
    memory.wrote(&pass.account);
    saw(memory, &account, &pass.uids);
    memory.untold.rest(&memory.refusals).map_or(after, |soon| soon.min(after))
}

/// A pass under way.
pub(crate) struct Pass<'a, S, R> {
    pub(crate) context: &'a Context<S, R>,
    pub(crate) key: ObjectKey,
    pub(crate) vendor: VendorName,
    pub(crate) account: Arc<VendorAccount>,
    pub(crate) uids: Vec<String>,
    /// The account's request as the pass began: what its own writes give back may hold a newer one, which is for the next pass.
    pub(crate) requested: Option<String>,
    pub(crate) now: Timestamp,
    pub(crate) summary: Summary,
    pub(crate) permits: PassPermits<'a>,
}

impl<'a, S: SecretReader, R: ClusterWriter> Pass<'a, S, R> {
    pub(crate) fn new(
        context: &'a Context<S, R>,
        memory: &AccountState,
        account: &Arc<VendorAccount>,
        uids: Vec<String>,
    ) -> Self {
        Self {
            context,
            key: ObjectKey::of(&**account),
            vendor: account.spec.vendor.name(),
            account: Arc::clone(account),
            uids,
            requested: account.annotations().get(REQUESTED_AT).cloned(),
            now: clock::timestamp(),
            summary: Summary::default(),
            permits: PassPermits::new(&context.limiter, &context.metrics, Arc::clone(&memory.queue)),
        }
    }

    /// The one trace of a pass.
    fn span(&self) -> tracing::Span {
        let ObjectKey { namespace, name } = &self.key;
        tracing::info_span!(
            parent: None, "pass", otel.name = %format_args!("pass {}", self.key), hooktender.vendor = self.vendor.as_str(),
            hooktender.account = name, k8s.namespace.name = namespace, hooktender.result = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
        )
    }

    async fn walk(
        &mut self,
        memory: &mut AccountState,
        depends: impl FnOnce(BTreeSet<Dependency>),
    ) -> Result<(), PassError> {
        if self.account.spec.suspend {
            return Ok(());
        }
        let planned = self.look(memory, depends).await?;
        if self.summary.lost.is_none() {
            self.keep_account(memory, planned.plan()).await?;
        }
        let left_out = planned.left_out();
        let worked = self.work(memory, planned).await;
        self.summary.advice = memory.client.last().and_then(|client| client.advice());
        if let Some(lost) = self.summary.lost.clone() {
            self.report_failure(memory, &left_out, &lost).await;
        }
        if let Some(Snapshot { observed, .. }) = &memory.snapshot {
            self.summary.allowed.retain(|id| observed.has(id));
            self.summary.counts.declared = number(memory.entries.len());
            let SubscriptionCounts { unmanaged, elsewhere, .. } = self.summary.counts;
            self.summary.counts.managed = number(observed.len()) - unmanaged - elsewhere;
        }
        match self.summary.guard.take_error() {
            Some(error) if worked.is_ok() => Err(error.into()),
            _ => worked,
        }
    }

    /// Observes, plans, and holds back what is not safe.
    pub(crate) async fn look(
        &mut self,
        memory: &mut AccountState,
        depends: impl FnOnce(BTreeSet<Dependency>),
    ) -> Result<Planned, PassError> {
        // Boxed, as it is most of the size of a pass.
        let (sight, plan) = Box::pin(self.observe(memory, depends)).await?;
        self.list_unmanaged(&plan, &sight);
        self.summary.planned = true;
        Ok(self.guard(memory, sight, plan).await)
    }

    /// What nobody declares is not touched, so it can be counted before anything is done.
    fn list_unmanaged(&mut self, plan: &Plan, sight: &Prepared) {
        let unreadable = sight.unmanaged_unreadable();
        self.summary.counts.unmanaged = number(plan.unmanaged.len() + unreadable.len());
        self.summary.counts.elsewhere = number(plan.elsewhere + sight.unreadable_elsewhere());
        if self.account.spec.unmanaged == Unmanaged::Report {
            let observed = sight.snapshot.observed.all();
            let readable =
                plan.unmanaged.iter().map(|&i| (Some(&observed[i].id), observed[i].summary.clone()));
            // First, as they need somebody.
            let all = unreadable.iter().map(|item| (item.id.as_ref(), item.summary())).chain(readable);
            let listed = all.take(LISTED).map(|(id, summary)| UnmanagedSubscription {
                external_id: id.map(|id| shown(id.as_str())).unwrap_or_default(),
                summary: shown(&summary),
            });
            self.summary.unmanaged = listed.collect();
        }
    }

    /// Whether the account's request is still to be answered.
    pub(crate) fn account_is_asked_for(&self) -> bool {
        let handled = self.account.status.as_ref().and_then(|status| status.last_handled_request.as_ref());
        is_unanswered(self.requested.as_ref(), handled)
    }

    /// Tells all Webhooks of the trouble, unless the pass came to a plan and so looked at each.
    async fn report_unplanned(&self, memory: &mut AccountState, trouble: &AccountError) {
        if !self.summary.planned {
            self.report_failure(memory, &self.uids, trouble).await;
        }
    }

    /// How a pass ended whose steps were executed as far as they could be.
    fn end_of_work(&self, lost: Option<&AccountError>) -> PassOutcome<'static> {
        let waits = [self.summary.guard.gathering, self.summary.tally.guests_wait];
        match (waits.into_iter().flatten().min(), lost) {
            _ if self.summary.tally.left > 0 => PassOutcome::Left,
            (Some(wait), _) => PassOutcome::Gathering(wait),
            _ if self.summary.tally.outdated => PassOutcome::Outdated,
            (_, Some(lost)) => PassOutcome::AccountError { stalled: lost.stalled, error: None },
            (_, None) => PassOutcome::Done,
        }
    }

    /// Writes what is so about the account; gives the time until the next look.
    async fn conclude(
        &mut self,
        memory: &mut AccountState,
        result: Result<(), PassError>,
        started: Instant,
    ) -> Duration {
        self.permits.work().await;
        let lost = self.summary.lost.clone();
        let (trouble, end) = match &result {
            Err(PassError::AccountError(_, Some(error))) if is_pause(error) => {
                (None, PassOutcome::Paced(error.retry_after.unwrap_or_default()))
            }
            Ok(()) => (lost.as_ref(), self.end_of_work(lost.as_ref())),
            Err(PassError::AccountError(trouble, error)) => {
                self.report_unplanned(memory, trouble).await;
                (Some(trouble), PassOutcome::AccountError { stalled: trouble.stalled, error: error.as_ref() })
            }
            Err(PassError::Refused(trouble)) => {
                self.report_unplanned(memory, trouble).await;
                (Some(trouble), PassOutcome::Refused)
            }
            Err(PassError::Doubted(trouble, wait)) => (Some(trouble), PassOutcome::Doubted(*wait)),
            Err(PassError::Cluster(message)) => {
                tracing::warn!(vendor = %self.vendor, account = %self.key, error = message, "the pass did not come to its end");
                (None, PassOutcome::Cluster)
            }
        };
        if !self.summary.planned {
            memory.peers.withdraw(&self.account);
        }
        // What is left to do is planned again from what is known, and an edit of the next moment may be where the vendor refuses
        // one that overlooks somebody else's; anything else begins with a new list.
        let throttled = matches!(end, PassOutcome::AccountError { error: Some(error), .. } if error.class == Class::Throttled);
        if throttled || matches!(end, PassOutcome::Left | PassOutcome::Paced(_) | PassOutcome::Gathering(_)) {
            memory.will_go_on();
        } else if matches!(end, PassOutcome::Done)
            && self.summary.tally.failed == 0
            && has_optimistic_locking(self.vendor)
        {
            memory.keep_for_edits();
        } else {
            memory.snapshot = None;
        }
        self.summary.refused = memory.refusals.summary();
        // What the status write gives back may hold an edit that this pass knew nothing of.
        let account = Arc::clone(&self.account);
        let told = matches!(end, PassOutcome::Cluster | PassOutcome::Paced(_))
            || self.account_status(memory, trouble, &end).await;
        let let_go = self.remove_account_finalizer(memory).await;
        if let (Some(trouble), PassOutcome::AccountError { .. } | PassOutcome::Refused, false) =
            (trouble, &end, told && let_go)
        {
            memory.untold.account(trouble);
        }
        // Nobody would be told or let go before the next resync, nor whoever asked for this pass be answered.
        let end =
            if matches!(end, PassOutcome::Done) && !(told && let_go) { PassOutcome::Cluster } else { end };
        let after = after(memory, &account, &self.uids, &end);
        memory.forget_long_list(after);
        memory.took(self.summary.tally.done);
        let (ok, took) = (result.is_ok() && lost.is_none(), clock::since(started));
        let paced = matches!(&result, Err(PassError::AccountError(_, Some(error))) if error.is_paced());
        let (how, good) = match (ok, paced) {
            (true, _) => (PassResult::Success, true),
            (false, true) => (PassResult::Paced, self.summary.planned),
            (false, false) => (PassResult::Error, false),
        };
        self.context.metrics.passed(self.vendor, &self.key, how, good, took);
        self.context.metrics.left(&self.key, memory.client.remaining());
        let Summary { counts, tally: PassCounts { done, held, failed, left, .. }, .. } = &self.summary;
        tracing::info!(
            vendor = %self.vendor, account = %self.key, ok, declared = counts.declared, managed = counts.managed,
            unmanaged = counts.unmanaged, done, held, failed, left, next_s = after.as_secs(),
            elapsed_ms = took.as_millis(), "pass"
        );
        after
    }
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
