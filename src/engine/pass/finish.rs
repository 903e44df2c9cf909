//! Ends a pass: reports what came of it, and schedules the next one.

use super::account_status::{PassEnd, remove_account_finalizer, write_account_status};
use super::execute::is_pause;
use super::forget::forgets;
use super::report::{PassCounts, PassReport};
use super::report_failure::report_failure;
use super::schedule::{PassOutcome, count, next};
use super::{Pass, PassError};
use crate::api::VendorAccount;
use crate::api::conditions::{self, RECONCILING};
use crate::api::status::SubscriptionCounts;
use crate::engine::clock;
use crate::engine::cluster::writer::ClusterWriter;
use crate::engine::error::AccountError;
use crate::engine::state::account::AccountState;
use crate::engine::state::retry::Schedule;
use crate::telemetry::PassResult;
use crate::vendor::Class;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
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
    let schedule = next(&outcome, state, &account, clock::now());
    let next_attempt = next_attempt(state, &schedule, error.as_ref());
    let end = PassEnd { error: error.as_ref(), outcome: &outcome, next_attempt: next_attempt.as_ref() };
    let written = matches!(outcome, PassOutcome::ClusterFailed(_) | PassOutcome::RateLimited(_))
        || write_account_status(pass, state, &mut report, end).await;
    // A pass that got to a plan has handled each Webhook. The others are written after their account, as an answer to a request for a
    // Webhook is read together with the account's conditions.
    let unhandled = report.plan.is_none() && !matches!(outcome, PassOutcome::ListDoubted { .. });
    if let Some(error) = error.as_ref().filter(|_| unhandled) {
        let uids = state.uids.clone();
        report_failure(pass, state, &uids, error).await;
    }
    let removed = remove_account_finalizer(pass, state).await;
    let retried = matches!(outcome, PassOutcome::Failed { .. } | PassOutcome::Forbidden(_));
    if let (Some(error), true, false) = (&error, retried, written && removed) {
        state.status_retry.add_account(error);
    }
    let (outcome, schedule) = match outcome {
        PassOutcome::InSync if !(written && removed) => not_written(state, &account),
        outcome => (outcome, schedule),
    };
    count(&outcome, &mut state.retry);
    let wait = schedule.not_before.saturating_duration_since(clock::now());
    state.retry.schedule = Some(schedule);
    state.forget_long_list(wait);
    let took = clock::since(started);
    pass.context.metrics.record_pass(pass.vendor, &pass.key, counted.result, counted.good, took);
    pass.context.metrics.set_budget(&pass.key, state.client.remaining());
    log(pass, &report, counted, (wait, took));
    wait
}

/// Returns the outcome of a pass after which the account was not written, and the back-off. Otherwise status, finalizer and
/// `lastHandledRequest` would stay stale until the next resync.
fn not_written(state: &AccountState, account: &VendorAccount) -> (PassOutcome, Schedule) {
    let failed = "the status or the finalizer of the account was not written";
    let outcome = PassOutcome::ClusterFailed(failed.into());
    let schedule = next(&outcome, state, account, clock::now());
    (outcome, schedule)
}

/// Returns when the next pass runs, for the account's status; none if nothing waits for it, so that a steady state is never written.
fn next_attempt(state: &AccountState, schedule: &Schedule, error: Option<&AccountError>) -> Option<Time> {
    let retries =
        || state.of(&state.uids).any(|webhook| conditions::is_true(&webhook.status.conditions, RECONCILING));
    if error.is_none() && !retries() {
        return None;
    }
    let wait = schedule.not_before.saturating_duration_since(clock::now());
    // Rounded up: a time that has come and nothing happens would be wrong.
    let wait = Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
    Some(conditions::seconds(clock::timestamp() + wait))
}

/// How a pass is counted, and whether its plan was made.
#[derive(Clone, Copy)]
struct Counted {
    result: PassResult,
    good: bool,
}

fn counted(report: &PassReport) -> Counted {
    let paced = matches!(&report.error, Some(PassError::Failed(_, Some(error))) if error.is_paced());
    let ok = report.error.is_none() && report.deletions_only().is_none();
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
    match (wait, report.deletions_only()) {
        _ if report.counts.left > 0 => PassOutcome::MoreToDo,
        (Some(wait), _) => PassOutcome::Gathering(wait),
        _ if report.counts.conflict => PassOutcome::Conflict,
        (_, Some(reason)) => PassOutcome::Failed { error: reason.clone(), cause: None },
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
            report.deletions_only()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::retry::Interrupt;
    use crate::engine::testing::{Scene, Server};

    /// `hooktender sync --wait` reads the account's conditions as soon as the Webhook's request is answered.
    #[tokio::test]
    async fn a_failing_pass_writes_the_account_before_it_answers_its_webhooks() {
        let mut scene = Scene::new(1, Server::default());
        let (account, read) = (Arc::clone(&scene.account), scene.read_webhooks());
        let mut pass = Pass::new(&scene.context, &scene.state, &account, &read);
        let error = PassError::Failed(AccountError::stalled("Credentials", "refused"), None);
        let report = PassReport { error: Some(error), ..PassReport::default() };
        finish(&mut pass, &mut scene.state, report, clock::now()).await;
        let before_account = *scene.context.writer.before_account.lock();
        assert_eq!((before_account, scene.writes()), (Some(0), 1));
    }

    #[test]
    fn the_next_attempt_is_recorded_only_while_something_waits_for_it() {
        let mut scene = Scene::new(1, Server::default());
        let in_millis = |millis| Schedule {
            not_before: clock::now() + Duration::from_millis(millis),
            interruptible_by: Interrupt::Anything,
        };
        let seconds =
            |time: Option<Time>| time.map(|time| time.0.duration_since(clock::timestamp()).as_secs());
        let error = AccountError::stalled("Credentials", "refused");
        assert_eq!(next_attempt(&scene.state, &in_millis(300_000), None), None, "a steady state");
        assert_eq!(seconds(next_attempt(&scene.state, &in_millis(300_000), Some(&error))), Some(300));
        assert_eq!(
            seconds(next_attempt(&scene.state, &in_millis(1_001), Some(&error))),
            Some(2),
            "at the latest"
        );
        let status = &mut scene.state.webhooks.values_mut().next().unwrap().status;
        conditions::set(&mut status.conditions, conditions::sample(RECONCILING, true, "Settling", ""));
        assert_eq!(seconds(next_attempt(&scene.state, &in_millis(9_000), None)), Some(9));
    }
}
