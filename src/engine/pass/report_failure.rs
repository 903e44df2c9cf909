//! Reports to Webhooks that their account cannot be reconciled, and removes the finalizer from those that need no call to the vendor.
//!
//! An account may have ten thousand Webhooks. Several are written at once, for a second only; the next attempt goes on with the rest, so
//! that a corrected Secret does not wait behind the reports of the wrong one.

use super::Pass;
use super::forget::{left_behind, report_forgotten};
use crate::api::ObjectKey;
use crate::engine::clock;
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::scope::Scope;
use crate::engine::cluster::webhook_writes::{remove_finalizer, write_status};
use crate::engine::cluster::writer::{ClusterWriter, WriteError};
use crate::engine::error::{AccountError, error_chain};
use crate::engine::state::account::AccountState;
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::conditions::ACCOUNT_CHANGED;
use crate::engine::status::webhook::{report_account_error, write_refused};
use futures::stream::{FuturesUnordered, StreamExt as _};
use kube::Resource;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long one pass reports; what is left is reported soon after.
const LONGEST: Duration = Duration::from_secs(1);
/// How many Webhooks are written at once.
const MAX_IN_FLIGHT: usize = 8;

/// The result of the report to one Webhook.
enum Reported {
    /// It is written, or nothing was to be written.
    Written,
    /// The finalizer was removed.
    Removed,
    Failed(WriteError),
}

/// Reports the account's error to the Webhooks that are not in sync, and removes the finalizer from those that are being deleted and keep
/// their subscription. What is not written is left to [`retry_status_writes`](super::retry_status::retry_status_writes).
pub(crate) async fn report_failure<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    state: &mut AccountState,
    uids: &[String],
    error: &AccountError,
) {
    let AccountState { webhooks, status_retry, refusal_grid, forgets, .. } = state;
    let forgets = *forgets;
    let mut left = in_order(webhooks, uids, forgets);
    let deadline = clock::now() + LONGEST;
    let mut in_flight = FuturesUnordered::new();
    let (mut removed, mut forgotten) = (Vec::new(), Vec::new());
    let mut server_failed = false;
    loop {
        while in_flight.len() < MAX_IN_FLIGHT
            && !server_failed
            && clock::now() < deadline
            && !pass.context.stopping()
        {
            let Some(webhook) = left.next() else { break };
            if webhook.is_refused() {
                status_retry.add_webhook(webhook.uid(), error);
            } else {
                in_flight.push(report(pass, webhook, error, forgets));
            }
        }
        let Some((webhook, reported)) = in_flight.next().await else { break };
        match reported {
            Reported::Written => {}
            Reported::Removed => {
                removed.push(webhook.uid().to_owned());
                if !webhook.is_released() {
                    let key = ObjectKey::of(&*webhook.object);
                    forgotten.push(format!("{} of {key}", left_behind(webhook)));
                }
            }
            Reported::Failed(failure) => {
                status_retry.add_webhook(webhook.uid(), error);
                server_failed |= not_written(pass, webhook, &failure, *refusal_grid).await;
            }
        }
    }
    drop(in_flight);
    let left = left.map(|webhook| webhook.uid().to_owned());
    if server_failed {
        status_retry.server_failed(error, left);
    } else {
        status_retry.out_of_time(error, left);
    }
    for uid in &removed {
        state.remove(uid);
    }
    report_forgotten(pass, &forgotten).await;
}

/// Whether the finalizer is removed without a call to the vendor. `forgets`: also if the subscription should be deleted.
fn needs_no_vendor(webhook: &WebhookState, forgets: bool) -> bool {
    webhook.is_released() || forgets && webhook.is_deleting() && webhook.has_finalizer()
}

/// Returns the Webhooks with these uids in the order in which they are reported to.
fn in_order<'w>(
    webhooks: &'w mut HashMap<String, Box<WebhookState>>,
    uids: &[String],
    forgets: bool,
) -> impl Iterator<Item = &'w mut WebhookState> + use<'w> {
    let mut webhooks: HashMap<&str, &mut WebhookState> =
        webhooks.iter_mut().map(|(uid, webhook)| (uid.as_str(), webhook.as_mut())).collect();
    // Users wait for what is being deleted.
    let (released, others): (Vec<_>, Vec<_>) = uids
        .iter()
        .filter_map(|uid| webhooks.remove(uid.as_str()))
        .partition(|webhook| needs_no_vendor(webhook, forgets));
    released.into_iter().chain(others)
}

/// Records that a Webhook was not written. Returns whether the others cannot be written either, so that the server is not asked once for
/// each of them.
async fn not_written<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    webhook: &mut WebhookState,
    failure: &WriteError,
    refusal_grid: Instant,
) -> bool {
    match failure.scope() {
        Scope::Object => {
            let message = failure.in_words();
            if webhook.record_refusal(message.clone(), refusal_grid) {
                report_refusal(pass, webhook, &message).await;
            }
            false
        }
        Scope::Conflict => false,
        Scope::Rights | Scope::Server => true,
    }
}

/// Updates one Webhook.
async fn report<'w, S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    webhook: &'w mut WebhookState,
    error: &AccountError,
    forgets: bool,
) -> (&'w mut WebhookState, Reported) {
    let released = needs_no_vendor(webhook, forgets);
    let written =
        if released { release(pass, webhook).await } else { report_error(pass, webhook, error).await };
    let reported = match written {
        Ok(()) if released => Reported::Removed,
        Ok(()) => Reported::Written,
        Err(failure) => {
            let what = if released { "finalizer not removed" } else { "status not written" };
            tracing::warn!(vendor = %pass.vendor, account = %pass.key, webhook = %ObjectKey::of(&*webhook.object), external_id = webhook.status.external_id, error = %error_chain(&failure), "{what}");
            Reported::Failed(failure)
        }
    };
    (webhook, reported)
}

async fn report_error<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    webhook: &mut WebhookState,
    error: &AccountError,
) -> Result<(), WriteError> {
    if webhook.object.spec.suspend {
        return Ok(());
    }
    if webhook.is_pass_requested() {
        webhook.status.last_handled_request.clone_from(&webhook.requested.request);
    }
    // That the id belongs to another account concerns the Webhook itself.
    let is_own = !webhook.object.is_guest() || error.reason == ACCOUNT_CHANGED;
    let redacted = (!is_own).then(|| error.without_words());
    let error = redacted.as_ref().unwrap_or(error);
    let event = report_account_error(webhook, error, &pass.key, pass.vendor, pass.now);
    write_status(webhook, &pass.context.writer).await?;
    if let Some(event) = event {
        publish_warning(pass, webhook, &event).await;
    }
    Ok(())
}

/// Publishes that the API server refuses to write just this Webhook.
pub(crate) async fn report_refusal<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    webhook: &WebhookState,
    message: &str,
) {
    publish_warning(pass, webhook, &write_refused(message)).await;
}

async fn publish_warning<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    webhook: &WebhookState,
    event: &EventRecord,
) {
    tracing::warn!(vendor = %pass.vendor, account = %pass.key, webhook = %ObjectKey::of(&*webhook.object), external_id = webhook.status.external_id, reason = event.reason, "{}", event.note);
    pass.context.writer.event(webhook.object.object_ref(&()), event).await;
}

/// Removes the finalizer and keeps the subscription.
async fn release<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    webhook: &mut WebhookState,
) -> Result<(), WriteError> {
    remove_finalizer(webhook, &pass.context.writer).await?;
    let (vendor, subscription) = (pass.vendor, left_behind(webhook));
    if !webhook.is_released() {
        let note = format!(
            "finalizer removed, as the account's login is refused and its whenRevoked is Forget; {subscription} may have stayed at {vendor}"
        );
        publish_warning(pass, webhook, &EventRecord { warning: true, reason: "Forgotten", note }).await;
        return Ok(());
    }
    let note = format!("finalizer removed; {subscription} kept at {vendor}");
    tracing::info!(%vendor, account = %pass.key, webhook = %ObjectKey::of(&*webhook.object), external_id = webhook.status.external_id, reason = "Retained", "{note}");
    let event = EventRecord { warning: false, reason: "Retained", note };
    pass.context.writer.event(webhook.object.object_ref(&()), &event).await;
    Ok(())
}

#[cfg(test)]
mod tests;
