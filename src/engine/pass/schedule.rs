//! Decides when the next pass over an account runs. Retries of status writes, the limit on requested passes (`state/pace.rs`) and a
//! worker that failed have waits of their own.

use crate::api::VendorAccount;
use crate::api::conditions::{self, READY};
use crate::engine::clock;
use crate::engine::error::AccountError;
use crate::engine::interval::resync_interval;
use crate::engine::state::account::AccountState;
use crate::engine::state::retry::{Interrupt, RetryState, Schedule};
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::conditions::SETTLING;
use crate::vendor::{Class, VendorError};
use kube::Resource;
use std::time::{Duration, Instant};

/// How long a throttled account waits if the vendor does not say.
const THROTTLED: Duration = Duration::from_secs(60);
/// A shorter wait that the vendor asks for is replaced by the back-off.
const SHORTEST_VENDOR_WAIT: Duration = Duration::from_secs(1);
/// How often in a row a conflict makes the account be read again at once.
const MAX_CONFLICTS: u32 = 3;
/// A create whose grace period ended during a pass is handled this long after it.
const SOON: Duration = Duration::from_millis(100);

/// How a pass ended.
pub(crate) enum PassOutcome {
    /// Everything was done that could be.
    InSync,
    /// Steps are left for the next pass, which uses the same list.
    MoreToDo,
    /// Deletions wait for others, with which they are judged together.
    Gathering(Duration),
    /// The account may make its next call after this time, which is short.
    RateLimited(Duration),
    /// An object or a subscription was changed between reading and writing.
    Conflict,
    /// The list is not plausible, and is read again after a while.
    ListDoubted { error: AccountError, wait: Duration },
    /// The vendor could not be reached, or refused; with its error where there is one.
    Failed { error: AccountError, cause: Option<VendorError> },
    /// The API server refuses something that only a person can change.
    Forbidden(AccountError),
    /// The API server failed, with the message for the log.
    ClusterFailed(String),
}

/// What to do now.
pub(crate) enum Decision {
    /// Nothing but to retry failed status writes, for this long.
    Sleep(Duration),
    /// Report to the Webhooks that the vendor has asked for a wait of this long.
    ReportVendorWait(AccountError, Duration),
    Run,
}

/// Decides whether a pass runs now. `changed` says whether anything that it depends on has changed since the last pass.
pub(crate) fn decide(retry: &RetryState, account: &VendorAccount, changed: bool, now: Instant) -> Decision {
    let Some(schedule) = &retry.schedule else { return Decision::Run };
    let left = schedule.not_before.saturating_duration_since(now);
    if left.is_zero() {
        return Decision::Run;
    }
    match &schedule.interruptible_by {
        Interrupt::Nothing => Decision::Sleep(left),
        _ if !changed => Decision::Sleep(left),
        Interrupt::AccountEdit { generation, error } if *generation == account.meta().generation => {
            Decision::ReportVendorWait(error.clone(), left)
        }
        Interrupt::Anything | Interrupt::AccountEdit { .. } => Decision::Run,
    }
}

/// Returns when the next pass runs after one with this outcome.
pub(crate) fn next(
    outcome: &PassOutcome,
    state: &AccountState,
    account: &VendorAccount,
    now: Instant,
) -> Schedule {
    let anything =
        |wait: Duration| Schedule { not_before: now + wait, interruptible_by: Interrupt::Anything };
    match outcome {
        PassOutcome::MoreToDo => anything(Duration::ZERO),
        PassOutcome::Gathering(wait) => anything(*wait),
        // Neither is a second list read before its time, nor the next call of a rate-limited account made.
        PassOutcome::RateLimited(wait) | PassOutcome::ListDoubted { wait, .. } => {
            Schedule { not_before: now + *wait, interruptible_by: Interrupt::Nothing }
        }
        PassOutcome::Conflict if state.retry.conflicts < MAX_CONFLICTS => anything(Duration::ZERO),
        PassOutcome::Failed { error, cause: Some(cause) } if vendor_wait(cause).is_some() => {
            let wait = vendor_wait(cause).unwrap_or_default();
            let edit = Interrupt::AccountEdit { generation: account.meta().generation, error: error.clone() };
            // Our own rate limit may have been edited, and a new Webhook is told to wait.
            let interruptible_by = if cause.is_paced() { Interrupt::Anything } else { edit };
            Schedule { not_before: now + wait, interruptible_by }
        }
        outcome if backs_off(outcome) => anything(state.retry.next_back_off()),
        PassOutcome::InSync
        | PassOutcome::Conflict
        | PassOutcome::Failed { .. }
        | PassOutcome::Forbidden(_)
        | PassOutcome::ClusterFailed(_) => anything(until_due(outcome, state, account)),
    }
}

/// Counts the outcome of a pass towards the back-off.
pub(crate) fn count(outcome: &PassOutcome, retry: &mut RetryState) {
    let backs_off = backs_off(outcome)
        && !matches!(outcome, PassOutcome::Failed { cause: Some(cause), .. } if vendor_wait(cause).is_some());
    match outcome {
        PassOutcome::Conflict => {
            retry.conflicts += 1;
            if retry.conflicts > MAX_CONFLICTS {
                retry.count_failure();
            }
            return;
        }
        PassOutcome::InSync => retry.reset(),
        _ if backs_off => retry.count_failure(),
        _ => {}
    }
    retry.conflicts = 0;
}

/// Returns the wait that the vendor, or our own rate limit, asks for.
fn vendor_wait(error: &VendorError) -> Option<Duration> {
    match error.class {
        Class::Throttled => Some(error.retry_after.unwrap_or(THROTTLED)),
        // During maintenance, for example, the vendor says when to retry. A wait of zero does not count.
        _ => error.retry_after.filter(|wait| *wait >= SHORTEST_VENDOR_WAIT),
    }
}

/// Whether the next pass waits for the back-off. A pass that made no call to the vendor is repeated in any case: nothing tells when a
/// right is granted or a policy was changed.
fn backs_off(outcome: &PassOutcome) -> bool {
    match outcome {
        PassOutcome::Failed { cause: Some(cause), .. } if cause.was_no_call() => true,
        PassOutcome::Failed { error, .. } => !error.stalled,
        PassOutcome::Conflict | PassOutcome::Forbidden(_) | PassOutcome::ClusterFailed(_) => true,
        PassOutcome::InSync
        | PassOutcome::MoreToDo
        | PassOutcome::Gathering(_)
        | PassOutcome::RateLimited(_)
        | PassOutcome::ListDoubted { .. } => false,
    }
}

/// Returns how long until the resync, or until something of a Webhook is due.
fn until_due(outcome: &PassOutcome, state: &AccountState, account: &VendorAccount) -> Duration {
    // Jitter, or accounts that were created together would be read together for good.
    let mut wait = clock::jittered(resync_interval(account), 0.9..=1.1);
    let failed = matches!(outcome, PassOutcome::Failed { .. });
    for webhook in state.of(&state.uids) {
        let at = [webhook.attempts.backs_off_until(), webhook.reenable.next_attempt()];
        // While the account fails, refused writes are retried without a call to the vendor.
        let refused = webhook.refusals.next_attempt().filter(|_| !failed);
        let due = at.into_iter().chain([refused]).flatten().filter_map(|at| state.retry.time_until(at));
        wait = due.chain(until_create_over(state, webhook)).fold(wait, Duration::min);
    }
    state.unread.retry().map_or(wait, |retry| wait.min(retry))
}

/// Returns how long until the grace period of a pending create is over, or until the list must show a new subscription. If it ended
/// while the pass ran, the Webhook is handled soon; if the Webhook is blocked for another reason, there is nothing to wait for.
fn until_create_over(state: &AccountState, webhook: &WebhookState) -> Option<Duration> {
    let waits_for_it =
        conditions::get(&webhook.status.conditions, READY).is_some_and(|ready| ready.reason == SETTLING);
    let left = match &webhook.status.pending {
        Some(pending) => webhook.creates.time_until_over(pending, state.grace),
        None if waits_for_it => webhook.time_until_listed(clock::now()),
        None => return None,
    };
    if left.is_zero() { waits_for_it.then_some(SOON) } else { Some(left) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{Scene, Server};
    use crate::vendor::Operation;

    fn after_503(failures: u32, retry_after: Option<u64>) -> Duration {
        let mut scene = Scene::new(0, Server::default());
        let answered = VendorError::answered(Class::Unavailable, Operation::List, 503, "maintenance");
        let cause = VendorError { retry_after: retry_after.map(Duration::from_secs), ..answered };
        let outcome = PassOutcome::Failed { error: AccountError::of(&cause), cause: Some(cause) };
        for _ in 0..failures {
            count(&outcome, &mut scene.state.retry);
        }
        let now = clock::now();
        next(&outcome, &scene.state, &scene.account, now).not_before - now
    }

    #[test]
    fn a_vendor_that_is_away_is_asked_when_it_says_and_never_at_once() {
        assert_eq!(after_503(0, Some(120)), Duration::from_secs(120));
        assert_eq!(after_503(9, Some(120)), Duration::from_secs(120));
        for failures in 0..9 {
            let wait = Duration::from_secs(1 << failures);
            assert_eq!(after_503(failures, None), wait.min(Duration::from_secs(300)));
            assert_eq!(after_503(failures, Some(0)), after_503(failures, None), "a wait of nothing is none");
        }
    }
}
