//! Ends a pass: reports what came of it, and schedules the next one.

use super::account_status::{remove_account_finalizer, write_account_status};
use super::execute::is_pause;
use super::forget::forgets;
use super::report::{PassCounts, PassReport};
use super::report_failure::report_failure;
use super::schedule::{PassOutcome, count, next};
use super::{Pass, PassError};
use crate::api::status::SubscriptionCounts;
use crate::engine::clock;
use crate::engine::cluster::writer::ClusterWriter;
use crate::engine::error::AccountError;
use crate::engine::state::account::AccountState;
use crate::telemetry::PassResult;
use crate::vendor::Class;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Writes the account's status, and the error to its Webhooks if the pass did not get to them. Returns the time until the next pass.
pub(crate) async fn finish<S: Sync, R: ClusterWriter>(
    pass: &mut Pass<'_, S, R>,
    state: &mut AccountState,
    mut report: PassReport,
    started: Instant,
) -> Duration {
    pass.permits.work().await;
    let counted = counted(&report);
    let outcome = outcome(&mut report);
    if let PassOutcome::ClusterFailed(message) = &outcome {
        tracing::warn!(vendor = %pass.vendor, account = %pass.key, error = message, "reconcile failed");
    }
    let error = account_error(&outcome, &report).cloned();
    state.forgets =
        matches!(&outcome, PassOutcome::Failed { cause: Some(cause), .. } if forgets(&pass.account, cause));
    if let (Some(error), None) = (&error, &report.plan) {
        // A pass that got to a plan has handled each Webhook.
        if !matches!(outcome, PassOutcome::ListDoubted { .. }) {
            let uids = state.uids.clone();
            report_failure(pass, state, &uids, error).await;
        }
    }
    if report.plan.is_none() {
        state.peers.withdraw(&pass.account);
    }
    // What is left is planned again with the same list, also after a throttled pass; anything else begins with a new list.
    let throttled =
        matches!(&outcome, PassOutcome::Failed { cause: Some(cause), .. } if cause.class == Class::Throttled);
    let goes_on =
        matches!(outcome, PassOutcome::MoreToDo | PassOutcome::RateLimited(_) | PassOutcome::Gathering(_));
    if !throttled && !goes_on {
        state.forget_list();
    }
    // What the status write returns may be an edit that this pass knows nothing of.
    let account = Arc::clone(&pass.account);
    let written = matches!(outcome, PassOutcome::ClusterFailed(_) | PassOutcome::RateLimited(_))
        || write_account_status(pass, state, &mut report, (error.as_ref(), &outcome)).await;
    let removed = remove_account_finalizer(pass, state).await;
    let retried = matches!(outcome, PassOutcome::Failed { .. } | PassOutcome::Forbidden(_));
    if let (Some(error), true, false) = (&error, retried, written && removed) {
        state.status_retry.add_account(error);
    }
    // Otherwise status, finalizer and `lastHandledRequest` would stay stale until the next resync.
    let outcome = match outcome {
        PassOutcome::InSync if !(written && removed) => {
            PassOutcome::ClusterFailed("the status or the finalizer of the account was not written".into())
        }
        outcome => outcome,
    };
    let now = clock::now();
    let schedule = next(&outcome, state, &account, now);
    count(&outcome, &mut state.retry);
    let wait = schedule.not_before.saturating_duration_since(now);
    state.retry.schedule = Some(schedule);
    state.forget_long_list(wait);
    let took = clock::since(started);
    pass.context.metrics.record_pass(pass.vendor, &pass.key, counted.result, counted.good, took);
    pass.context.metrics.set_budget(&pass.key, state.client.remaining());
    log(pass, &report, counted, (wait, took));
    wait
}

/// How a pass is counted, and whether its plan was made.
#[derive(Clone, Copy)]
struct Counted {
    result: PassResult,
    good: bool,
}

fn counted(report: &PassReport) -> Counted {
    let paced = matches!(&report.error, Some(PassError::Failed(_, Some(error))) if error.is_paced());
    let ok = report.error.is_none() && report.credentials_lost().is_none();
    match (ok, paced) {
        (true, _) => Counted { result: PassResult::Success, good: true },
        (false, true) => Counted { result: PassResult::Paced, good: report.plan.is_some() },
        (false, false) => Counted { result: PassResult::Error, good: false },
    }
}

/// Returns how a pass ended; takes its error.
fn outcome(report: &mut PassReport) -> PassOutcome {
    match report.error.take() {
        None => outcome_of_execution(report),
        Some(PassError::Failed(_, Some(error))) if is_pause(&error) => {
            PassOutcome::RateLimited(error.retry_after.unwrap_or_default())
        }
        Some(PassError::Failed(error, cause)) => PassOutcome::Failed { error, cause },
        Some(PassError::Forbidden(error)) => PassOutcome::Forbidden(error),
        Some(PassError::ListDoubted(error, wait)) => PassOutcome::ListDoubted { error, wait },
        Some(PassError::Cluster(message)) => PassOutcome::ClusterFailed(message),
    }
}

/// Returns how a pass ended whose steps were executed as far as they could be.
fn outcome_of_execution(report: &PassReport) -> PassOutcome {
    let gathering = report.plan.as_ref().and_then(|plan| plan.gathering);
    let wait = [gathering, report.counts.guests_wait].into_iter().flatten().min();
    match (wait, report.credentials_lost()) {
        _ if report.counts.left > 0 => PassOutcome::MoreToDo,
        (Some(wait), _) => PassOutcome::Gathering(wait),
        _ if report.counts.conflict => PassOutcome::Conflict,
        (_, Some(lost)) => PassOutcome::Failed { error: lost.clone(), cause: None },
        (_, None) => PassOutcome::InSync,
    }
}

/// Returns the error for the account's conditions, if there is one.
fn account_error<'a>(outcome: &'a PassOutcome, report: &'a PassReport) -> Option<&'a AccountError> {
    match outcome {
        PassOutcome::Failed { error, .. }
        | PassOutcome::Forbidden(error)
        | PassOutcome::ListDoubted { error, .. } => Some(error),
        PassOutcome::RateLimited(_) | PassOutcome::ClusterFailed(_) => None,
        PassOutcome::InSync | PassOutcome::MoreToDo | PassOutcome::Gathering(_) | PassOutcome::Conflict => {
            report.credentials_lost()
        }
    }
}

/// Writes the one line that each pass has in the log.
fn log<S, R>(
    pass: &Pass<'_, S, R>,
    report: &PassReport,
    counted: Counted,
    (wait, took): (Duration, Duration),
) {
    let PassCounts { done, blocked, failed, left, .. } = report.counts;
    let SubscriptionCounts { declared, managed, unmanaged, .. } =
        report.plan.as_ref().map(|plan| plan.subscriptions).unwrap_or_default();
    tracing::info!(
        target: "hooktender::engine::pass",
        vendor = %pass.vendor, account = %pass.key, ok = matches!(counted.result, PassResult::Success),
        declared, managed, unmanaged, done, held = blocked, failed, left, next_s = wait.as_secs(),
        elapsed_ms = took.as_millis(), "pass"
    );
}
