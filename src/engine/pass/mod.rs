//! One pass over one account. Its phases: decide, prepare, plan, guard, execute, finish.

pub(crate) mod account_status;
pub(crate) mod connect;
pub(crate) mod differences;
pub(crate) mod execute;
pub(crate) mod finish;
pub(crate) mod forget;
pub(crate) mod guard;
pub(crate) mod item;
pub(crate) mod pages;
pub(crate) mod plausible;
pub(crate) mod prepare;
pub(crate) mod report;
pub(crate) mod report_failure;
pub(crate) mod retry_status;
pub(crate) mod schedule;
pub(crate) mod shared;
pub(crate) mod step;
pub(crate) mod window;

use self::account_status::{add_account_finalizer, remove_account_finalizer};
use self::execute::{Executed, execute};
use self::finish::finish;
use self::guard::{Planned, guard};
use self::prepare::{Prepared, prepare, read_values};
use self::report::{PassReport, PlanReport};
use self::report_failure::report_failure;
use self::retry_status::{retry_status_writes, schedule_status_retry};
use self::schedule::{Decision, decide};
use super::clock;
use super::cluster::scope::Scope;
use super::cluster::secrets::SecretReader;
use super::cluster::writer::{ClusterWriter, WriteError};
use super::dependency::Dependency;
use super::error::{AccountError, error_chain};
use super::inputs::dependencies::value_fingerprints;
use super::limiter::{PassLimiter, PassPermits};
use super::state::account::AccountState;
use super::state::changes::{changes, record_handled};
use super::state::pace::{Changes, GUESTS};
use super::state::requested::is_unanswered;
use super::status::webhook::account_write_refused;
use crate::api::account::Unmanaged;
use crate::api::status::UnmanagedSubscription;
use crate::api::{Mode, ObjectKey, REQUESTED_AT, VendorAccount, VendorName, Webhook};
use crate::plan::{Plan, shown};
use crate::telemetry::Metrics;
use crate::vendor::{Settings, VendorError};
use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::Instrument as _;

/// How many unmanaged subscriptions the account's status lists.
const MAX_UNMANAGED_LISTED: usize = 50;

/// What is the same for every pass of a process.
pub(crate) struct Context<S, R> {
    /// Reads Secrets and ConfigMaps.
    pub(crate) secrets: S,
    /// Writes to the cluster.
    pub(crate) writer: R,
    /// Where credentials may be sent, and what observes the calls.
    pub(crate) settings: Settings,
    /// The most that any account's mode allows.
    pub(crate) ceiling: Mode,
    /// Whether nothing is to be written: clients are read-only whatever the mode, and deletions are judged at once.
    pub(crate) dry_run: bool,
    /// Whether no state is stored: a subscription with the natural key of a Webhook belongs to it, and nothing has to be recorded.
    pub(crate) stateless: bool,
    pub(crate) metrics: Metrics,
    /// Bounds how many passes run at once.
    pub(crate) limiter: PassLimiter,
    /// Set when the process is to end: no further step begins.
    pub(crate) stopping: Arc<AtomicBool>,
}

impl<S, R> Context<S, R> {
    /// Whether no further step is to begin.
    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// The Webhooks that refer to an account.
pub(crate) struct Webhooks {
    /// Those to reconcile.
    pub(crate) allowed: Vec<Arc<Webhook>>,
    /// Those that the account does not allow.
    pub(crate) not_allowed: Vec<Arc<Webhook>>,
}

/// Reads the Webhooks that refer to the account as they are now, without a request.
pub(crate) type ReadWebhooks<'a> = dyn Fn() -> Webhooks + Send + Sync + 'a;

/// What a worker hands to a pass.
pub(crate) struct Input<'a> {
    pub(crate) account: Arc<VendorAccount>,
    pub(crate) read_webhooks: &'a ReadWebhooks<'a>,
    /// Whether a Secret or ConfigMap that is used has changed since the last pass.
    pub(crate) dependency_changed: bool,
}

/// Why a pass ended early.
pub(crate) enum PassError {
    /// The vendor could not be reached, or refused; with its error where there is one.
    Failed(AccountError, Option<VendorError>),
    /// The list is not plausible, and is read again after this time.
    ListDoubted(AccountError, Duration),
    /// The API server refuses to write the account, which only a person can change.
    Forbidden(AccountError),
    /// The API server failed.
    Cluster(String),
}

impl From<WriteError> for PassError {
    /// A write of the account failed.
    fn from(error: WriteError) -> Self {
        match error.scope() {
            Scope::Object | Scope::Rights => {
                Self::Forbidden(account_write_refused(error.scope(), &error.in_words()))
            }
            Scope::Conflict | Scope::Server => Self::Cluster(error_chain(&error)),
        }
    }
}

/// Runs a pass if one is due; returns the time until the next call is due. `depends` receives what the pass depends on before any of it
/// is read, so that no change is missed.
pub(crate) async fn run<S: SecretReader, R: ClusterWriter>(
    context: &Context<S, R>,
    state: &mut AccountState,
    input: Input<'_>,
    depends: &(dyn Fn(BTreeSet<Dependency>) + Sync),
) -> Duration {
    state.reset_if_recreated(&input.account);
    let webhooks = (input.read_webhooks)();
    state.refresh(&webhooks.allowed, &webhooks.not_allowed);
    drop(webhooks);
    let account = state.newest(input.account);
    let mut pass = Pass::new(context, state, &account, input.read_webhooks);
    let (changed, postponed) = pass.changed(state, input.dependency_changed, depends).await;
    match decide(&state.retry, &account, changed, clock::now()) {
        Decision::Sleep(wait) => {
            let wait = postponed.map_or(wait, |postponed| postponed.min(wait));
            // A new change is not delayed by retries.
            let retry = if changed { None } else { retry_status_writes(&mut pass, state).await };
            retry.map_or(wait, |retry| retry.min(wait))
        }
        Decision::ReportVendorWait(error, wait) => {
            state.status_retry.begin();
            pass.permits.work().await;
            let uids = state.uids.clone();
            report_failure(&pass, state, &uids, &error).await;
            if !remove_account_finalizer(&pass, state).await {
                state.status_retry.add_account(&error);
            }
            record_handled(state, &account);
            schedule_status_retry(state).map_or(wait, |retry| retry.min(wait))
        }
        Decision::Run => {
            state.status_retry.begin();
            let started = clock::now();
            state.retry.pass_started = started;
            state.forgets = false;
            let span = pass.span();
            let wait = async {
                let report = run_phases(&mut pass, state, depends).await;
                finish(&mut pass, state, report, started).await
            };
            let wait = wait.instrument(span).await;
            state.written(&pass.account);
            record_handled(state, &account);
            schedule_status_retry(state).map_or(wait, |retry| retry.min(wait))
        }
    }
}

/// Runs the phases from the preparation to the execution.
async fn run_phases<S: SecretReader, R: ClusterWriter>(
    pass: &mut Pass<'_, S, R>,
    state: &mut AccountState,
    depends: &(dyn Fn(BTreeSet<Dependency>) + Sync),
) -> PassReport {
    let mut report = PassReport::default();
    if pass.account.spec.suspend {
        return report;
    }
    let (planned, mut plan) = match prepare_and_guard(pass, state, depends).await {
        Ok(planned) => planned,
        Err(error) => return PassReport { error: Some(error), ..report },
    };
    if plan.deletions_only.is_none()
        && let Err(error) = add_account_finalizer(pass, state, planned.plan()).await
    {
        return PassReport { plan: Some(plan), error: Some(error.into()), ..report };
    }
    let left_out = planned.left_out();
    let Executed { counts, stopped_by } = execute(pass, state, planned).await;
    report.counts = counts;
    report.advice = state.client.last().and_then(|client| client.advice());
    if let Some(reason) = &plan.deletions_only {
        report_failure(pass, state, &left_out, reason).await;
    }
    if let Some(snapshot) = &state.snapshot {
        plan.allowed.retain(|id| snapshot.observed.has(id));
        let subscriptions = &mut plan.subscriptions;
        subscriptions.declared = number(state.webhooks.len());
        subscriptions.managed =
            number(snapshot.observed.len()) - subscriptions.unmanaged - subscriptions.elsewhere;
    }
    report.error = stopped_by.or_else(|| plan.unrecorded.take().map(PassError::from));
    report.plan = Some(plan);
    report
}

/// Prepares, plans, and takes out of the plan what may not be executed.
pub(crate) async fn prepare_and_guard<S: SecretReader, R: ClusterWriter>(
    pass: &mut Pass<'_, S, R>,
    state: &mut AccountState,
    depends: &(dyn Fn(BTreeSet<Dependency>) + Sync),
) -> Result<(Planned, PlanReport), PassError> {
    // Boxed, as it is most of the size of a pass.
    let (prepared, plan) = Box::pin(prepare(pass, state, depends)).await?;
    let mut report = unmanaged_report(pass, &prepared, &plan);
    report.deletions_only = prepared.access.deletions_only().cloned();
    let planned = guard(pass, state, (prepared, plan), &mut report).await;
    Ok((planned, report))
}

/// Reports the unmanaged subscriptions. They are not touched, so they can be counted before anything is executed.
fn unmanaged_report<S, R>(pass: &Pass<'_, S, R>, prepared: &Prepared, plan: &Plan) -> PlanReport {
    let mut report = PlanReport::default();
    let unreadable = prepared.unmanaged_unreadable();
    report.subscriptions.unmanaged = number(plan.unmanaged.len() + unreadable.len());
    report.subscriptions.elsewhere = number(plan.elsewhere + prepared.unreadable_elsewhere());
    if pass.account.spec.unmanaged == Unmanaged::Report {
        let observed = prepared.snapshot.observed.all();
        let readable = plan.unmanaged.iter().map(|&i| (Some(&observed[i].id), observed[i].summary.clone()));
        // Those that cannot be read come first, because they need a person.
        let all = unreadable.iter().map(|item| (item.id.as_ref(), item.summary())).chain(readable);
        let listed = all.take(MAX_UNMANAGED_LISTED).map(|(id, summary)| UnmanagedSubscription {
            external_id: id.map(|id| shown(id.as_str())).unwrap_or_default(),
            summary: shown(&summary),
        });
        report.unmanaged = listed.collect();
    }
    report
}

/// A pass under way.
pub(crate) struct Pass<'a, S, R> {
    pub(crate) context: &'a Context<S, R>,
    pub(crate) key: ObjectKey,
    pub(crate) vendor: VendorName,
    /// The account as the pass began, with our own writes since.
    pub(crate) account: Arc<VendorAccount>,
    pub(crate) read_webhooks: &'a ReadWebhooks<'a>,
    /// The account's request as the pass began: a write may return a newer one, which is for the next pass.
    pub(crate) requested: Option<String>,
    pub(crate) now: Timestamp,
    pub(crate) permits: PassPermits<'a>,
}

impl<'a, S, R> Pass<'a, S, R> {
    pub(crate) fn new(
        context: &'a Context<S, R>,
        state: &AccountState,
        account: &Arc<VendorAccount>,
        read_webhooks: &'a ReadWebhooks<'a>,
    ) -> Self {
        Self {
            context,
            key: ObjectKey::of(&**account),
            vendor: account.spec.vendor.name(),
            account: Arc::clone(account),
            read_webhooks,
            requested: account.annotations().get(REQUESTED_AT).cloned(),
            now: clock::timestamp(),
            permits: PassPermits::new(&context.limiter, &context.metrics, Arc::clone(&state.queue)),
        }
    }

    /// Returns the span of the trace that each pass has.
    fn span(&self) -> tracing::Span {
        let ObjectKey { namespace, name } = &self.key;
        tracing::info_span!(
            parent: None, "pass", otel.name = %format_args!("pass {}", self.key), hooktender.vendor = self.vendor.as_str(),
            hooktender.account = name, k8s.namespace.name = namespace, hooktender.result = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
        )
    }

    /// Whether a user has requested this pass at the account.
    pub(crate) fn is_requested(&self) -> bool {
        let handled = self.account.status.as_ref().and_then(|status| status.last_handled_request.as_ref());
        is_unanswered(self.requested.as_ref(), handled)
    }

    /// Takes the account that a write returned, unless it has an edit that this pass knows nothing of.
    pub(crate) fn written(&mut self, written: VendorAccount) {
        if written.meta().generation == self.account.meta().generation {
            self.account = Arc::new(written);
        }
    }
}

impl<S: SecretReader, R> Pass<'_, S, R> {
    /// Returns whether anything has changed that triggers a pass now, and how long a change has to wait that may not trigger one yet.
    async fn changed(
        &self,
        state: &mut AccountState,
        dependency_changed: bool,
        depends: &(dyn Fn(BTreeSet<Dependency>) + Sync),
    ) -> (bool, Option<Duration>) {
        let moved = state.peers.take_moved(&self.account);
        let mut changes = changes(state, &self.account);
        changes.by_owner |= moved;
        let dependency_changed = dependency_changed || state.dependency_changed;
        if dependency_changed && !changes.by_owner {
            self.add_changed_values(state, depends, &mut changes).await;
        }
        let of_guests = !changes.by_owner && !changes.by.contains(&self.key.namespace);
        let guests_wait = if of_guests && changes.is_some() { state.client.guests_wait(1) } else { None };
        let postponed = guests_wait.or_else(|| state.pace.wait(&changes));
        // A pass that is due anyway takes it in.
        state.dependency_changed = dependency_changed && postponed.is_some();
        (changes.is_some() && postponed.is_none(), postponed)
    }

    /// Adds whose values differ from those of the last pass. Most writes of a Secret or ConfigMap, such as that of an annotation, change
    /// no value, and would cost a call to the vendor each.
    async fn add_changed_values(
        &self,
        state: &AccountState,
        depends: &(dyn Fn(BTreeSet<Dependency>) + Sync),
        changes: &mut Changes,
    ) {
        let values = read_values(self, state, depends).await;
        let now = value_fingerprints(&self.account, state.of(&state.uids), &values);
        changes.by_owner |= state.handled.values.is_none_or(|handled| handled.own != now.own);
        if state.handled.values.is_some_and(|handled| handled.guests != now.guests) {
            changes.by(GUESTS);
        }
    }
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
