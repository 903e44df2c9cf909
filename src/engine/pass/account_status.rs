//! Writes the account's own status and finalizer.

use super::Pass;
use super::report::PassReport;
use super::schedule::PassOutcome;
use crate::api::ACCOUNT_FINALIZER;
use crate::api::conditions::{self, READY};
use crate::api::status::AccountStatus;
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::scope::Scope;
use crate::engine::cluster::writer::{ClusterWriter, WriteError};
use crate::engine::error::{AccountError, error_chain};
use crate::engine::state::account::AccountState;
use crate::engine::status::account::{AccountInputs, IN_SYNC, account_conditions};
use crate::engine::status::conditions::{ConditionSummary, Drift, WEBHOOKS_NOT_WRITTEN, set_all};
use crate::engine::status::webhook::account_write_refused;
use crate::plan::Plan;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Resource, ResourceExt};
use std::sync::Arc;

/// Adds the finalizer to the account before its first subscription is created or adopted.
pub(crate) async fn add_account_finalizer<S, R: ClusterWriter>(
    pass: &mut Pass<'_, S, R>,
    state: &AccountState,
    plan: &Plan,
) -> Result<(), WriteError> {
    let begins =
        || plan.items.iter().any(|item| item.step().is_some_and(|step| !step.only_removes_finalizer()));
    let deleting = pass.account.metadata.deletion_timestamp.is_some();
    if !has_finalizer(pass) && !deleting && (is_in_use(state) || begins()) {
        let written = pass.context.writer.add_account_finalizer(&pass.account).await?;
        pass.written(written);
    }
    Ok(())
}

/// Removes the finalizer from an account that is being deleted, when no Webhook that refers to it has a subscription any more, allowed or
/// not. Returns whether nothing of that is left to do.
pub(crate) async fn remove_account_finalizer<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    state: &AccountState,
) -> bool {
    let deleting = pass.account.metadata.deletion_timestamp.is_some();
    if !(has_finalizer(pass) && deleting) || is_in_use(state) {
        return true;
    }
    match pass.context.writer.remove_account_finalizer(&pass.account).await {
        Ok(()) => {
            tracing::info!(vendor = %pass.vendor, account = %pass.key, "finalizer removed");
            true
        }
        Err(error) => {
            tracing::warn!(vendor = %pass.vendor, account = %pass.key, error = %error_chain(&error), "finalizer not removed");
            false
        }
    }
}

fn has_finalizer<S, R>(pass: &Pass<'_, S, R>) -> bool {
    pass.account.finalizers().iter().any(|name| name == ACCOUNT_FINALIZER)
}

/// Whether a Webhook of the account has a subscription, or had one.
fn is_in_use(state: &AccountState) -> bool {
    !state.not_allowed.is_empty() || state.webhooks.values().any(|webhook| webhook.has_finalizer())
}

/// How a pass ended, for the account's status.
#[derive(Clone, Copy)]
pub(crate) struct PassEnd<'a> {
    pub(crate) error: Option<&'a AccountError>,
    pub(crate) outcome: &'a PassOutcome,
    /// When the next pass runs, if something waits for a retry.
    pub(crate) next_attempt: Option<&'a Time>,
}

/// Updates the account's status; writes it and publishes an event only if something has changed. Returns whether the cluster has it now.
pub(crate) async fn write_account_status<S, R: ClusterWriter>(
    pass: &mut Pass<'_, S, R>,
    state: &mut AccountState,
    report: &mut PassReport,
    end: PassEnd<'_>,
) -> bool {
    let before = pass.account.status.clone().unwrap_or_default();
    let summary = summarize(pass, state, report, end.error);
    let status = next_status(pass, &before, &summary, (&mut *report, end));
    if status == before {
        return true;
    }
    match pass.context.writer.account_status(&pass.account, &status).await {
        Ok(Some(written)) => pass.account = Arc::new(written),
        Ok(None) => return true,
        Err(error) => {
            tracing::warn!(vendor = %pass.vendor, account = %pass.key, error = %error_chain(&error), "status not written");
            report_status_refusal(pass, state, &error).await;
            return false;
        }
    }
    state.status_refused = None;
    let was = conditions::get(&before.conditions, READY).map(|c| (c.reason.as_str(), c.message.as_str()));
    if was != Some((summary.reason, summary.message.as_str())) {
        publish_change(pass, summary, report.advice.is_some()).await;
    }
    true
}

/// Returns what the account's conditions say after the pass.
fn summarize<S, R>(
    pass: &Pass<'_, S, R>,
    state: &AccountState,
    report: &PassReport,
    error: Option<&AccountError>,
) -> ConditionSummary {
    account_conditions(&AccountInputs {
        account: &pass.account,
        error,
        deletions_only: error.is_some() && error == report.deletions_only(),
        blocked: report.plan.as_ref().and_then(|plan| plan.blocked.first()),
        webhooks: state.uids.len(),
        not_allowed: &state.not_allowed,
        refused: state.refused_webhooks(),
        advice: report.advice.as_deref(),
    })
}

/// Returns the account's status after the pass. Moves what the plan says about the account as a whole out of the report.
fn next_status<S, R>(
    pass: &Pass<'_, S, R>,
    before: &AccountStatus,
    summary: &ConditionSummary,
    (report, end): (&mut PassReport, PassEnd<'_>),
) -> AccountStatus {
    let generation = pass.account.meta().generation;
    let mut status = before.clone();
    status.observed_generation = generation;
    status.vendor = Some(pass.vendor);
    status.next_attempt = end.next_attempt.cloned();
    if let Some(plan) = &mut report.plan {
        status.subscriptions = Some(plan.subscriptions);
        status.unmanaged = std::mem::take(&mut plan.unmanaged);
        status.allowed_deletions = std::mem::take(&mut plan.allowed);
        status.allowed_changes = std::mem::take(&mut plan.allowed_changes);
        status.recent_deletions = plan.recent.take();
    }
    set_all(&mut status.conditions, summary, &Drift::Unknown, generation, pass.now);
    let handled =
        matches!(end.outcome, PassOutcome::InSync | PassOutcome::Failed { .. } | PassOutcome::Forbidden(_));
    if handled && pass.requested.is_some() {
        status.last_handled_request.clone_from(&pass.requested);
    }
    status
}

/// Publishes that the account's condition `Ready` has changed. `has_advice`: its message says what a person should do although the list
/// can be read.
async fn publish_change<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    summary: ConditionSummary,
    has_advice: bool,
) {
    let advised = summary.reason == IN_SYNC && has_advice;
    let failed = summary.stalled || summary.ready == Some(false) || summary.reason == WEBHOOKS_NOT_WRITTEN;
    let reason = if advised { "LikelyRefused" } else { summary.reason };
    let event = EventRecord { warning: failed || advised, reason, note: summary.message };
    if event.warning {
        tracing::warn!(vendor = %pass.vendor, account = %pass.key, reason, "{}", event.note);
    }
    pass.context.writer.event(pass.account.object_ref(&()), &event).await;
}

/// Publishes an event, once, when the API server refuses the account's own status, which cannot say so then.
async fn report_status_refusal<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    state: &mut AccountState,
    error: &WriteError,
) {
    let scope = error.scope();
    let message = error.in_words();
    if !matches!(scope, Scope::Object | Scope::Rights) || state.status_refused.as_ref() == Some(&message) {
        return;
    }
    let AccountError { reason, message: note, .. } = account_write_refused(scope, &message);
    state.status_refused = Some(message);
    pass.context
        .writer
        .event(pass.account.object_ref(&()), &EventRecord { warning: true, reason, note })
        .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{REQUESTED_AT, VendorAccount};
    use crate::engine::testing::{Scene, Server};

    #[tokio::test]
    async fn a_request_that_comes_during_a_pass_is_left_to_the_next() {
        let mut scene = Scene::new(0, Server::default());
        let request = |account: &VendorAccount, value: &str| {
            let mut account = account.clone();
            account.annotations_mut().insert(REQUESTED_AT.into(), value.into());
            account
        };
        let account = Arc::new(request(&scene.account, "first"));
        let read = scene.read_webhooks();
        let mut pass = Pass::new(&scene.context, &scene.state, &account, &read);
        // As the write of a finalizer returns it: an annotation does not change the generation.
        pass.written(request(&account, "second"));
        let mut report = PassReport::default();
        let end = PassEnd { error: None, outcome: &PassOutcome::InSync, next_attempt: None };
        assert!(write_account_status(&mut pass, &mut scene.state, &mut report, end).await);
        let handled = |account: &VendorAccount| account.status.as_ref().unwrap().last_handled_request.clone();
        assert_eq!(handled(&pass.account).as_deref(), Some("first"));
        let account = Arc::clone(&pass.account);
        assert!(Pass::new(&scene.context, &scene.state, &account, &read).is_requested());
    }
}
