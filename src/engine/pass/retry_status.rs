//! Retries status and finalizer writes that failed while the vendor could not be called.

use super::Pass;
use super::account_status::{PassEnd, remove_account_finalizer, write_account_status};
use super::report::PassReport;
use super::report_failure::report_failure;
use super::schedule::PassOutcome;
use crate::engine::cluster::writer::ClusterWriter;
use crate::engine::state::account::AccountState;
use crate::engine::state::changes::record_handled;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Retries what has failed, if it is due; returns the time until the next retry. The vendor is not called.
pub(crate) async fn retry_status_writes<S, R: ClusterWriter>(
    pass: &mut Pass<'_, S, R>,
    state: &mut AccountState,
) -> Option<Duration> {
    let left = state.status_retry.time_until_due()?;
    if !left.is_zero() {
        return Some(left);
    }
    pass.permits.work().await;
    // What a write returns may be an edit that no pass has acted on yet.
    let before = Arc::clone(&pass.account);
    let (webhooks, account) = state.status_retry.take();
    let current: HashSet<String> = state.uids.iter().cloned().collect();
    for (error, mut uids) in webhooks {
        uids.retain(|uid| current.contains(uid));
        report_failure(pass, state, &uids, &error).await;
    }
    if let Some(error) = account {
        let outcome = PassOutcome::Failed { error: error.clone(), cause: None };
        let mut report = PassReport::default();
        // The schedule of passes stays as it is.
        let next_attempt = before.status.as_ref().and_then(|status| status.next_attempt.as_ref());
        let end = PassEnd { error: Some(&error), outcome: &outcome, next_attempt };
        let written = write_account_status(pass, state, &mut report, end).await;
        if !(remove_account_finalizer(pass, state).await && written) {
            state.status_retry.add_account(&error);
        }
        state.written(&pass.account);
    }
    record_handled(state, &before);
    schedule_status_retry(state)
}

/// Schedules the retry of failed status writes; returns the delay, or none if there are none.
pub(crate) fn schedule_status_retry(state: &mut AccountState) -> Option<Duration> {
    let AccountState { status_retry, webhooks, .. } = state;
    status_retry.schedule(|uid| webhooks.get(uid)?.refusals.next_attempt())
}
