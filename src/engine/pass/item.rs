//! Processes one item of a plan: executes its step, and writes what came of it.

use super::differences::{correction, record_unverified_create, stored_differently};
use super::report_failure::report_refusal;
use super::shared::{RemoteState, Shared};
use super::step::{StepExecutor, StepResult, document};
use super::window::ItemResult;
use super::{Pass, PassError};
use crate::api::Mode;
use crate::api::status::Action;
use crate::engine::clock;
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::scope::Scope;
use crate::engine::cluster::webhook_writes::{add_finalizer, write_status};
use crate::engine::cluster::writer::{ClusterWriter, WriteError};
use crate::engine::error::{AccountError, error_chain};
use crate::engine::fingerprint::fingerprint;
use crate::engine::inputs::write_only::write_only_digest;
use crate::engine::state::effect::Effect;
use crate::engine::state::webhook::{WebhookState, version};
use crate::engine::status::blocked::similar_declared;
use crate::engine::status::webhook::{MESSAGE_IN_LOG, Outcome, StatusInputs, update_status};
use crate::plan::{
    BlockedReason, Decision, Declared, Delivery, ExternalId, Item, Observed, PlannedWebhook, Step,
};
use crate::vendor::{VendorError, advice, rules};
use kube::Resource;

/// Executes the step of an item, unless an error blocks it, and writes what came of it.
pub(crate) async fn process_item<S: Sync, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    shared: &Shared<'_>,
    planned: PlannedWebhook<'_>,
    webhook: &mut WebhookState,
    blocked_by: Option<VendorError>,
) -> Result<ItemResult, PassError> {
    let item = planned.item;
    let correction = correction(shared, planned, webhook);
    let result = match blocked_by {
        Some(error) => StepResult::Stays(Outcome::Waiting(AccountError::of(&error))),
        None if correction.is_some_and(|difference| webhook.corrections.is_blocked(difference)) => {
            StepResult::Stays(Outcome::Blocked(BlockedReason::CorrectionDoesNotHold))
        }
        None => match execute_step(pass, shared, planned, webhook).await {
            Ok(result) => result,
            Err(error) => {
                let result = not_written(pass, shared, webhook, item, &error).await?;
                if !matches!(result, ItemResult::Refused) {
                    return Ok(result);
                }
                StepResult::Stays(Outcome::Refused(error.in_words()))
            }
        },
    };
    match result {
        StepResult::Stays(outcome) => {
            if let Outcome::Failed(error) = &outcome {
                webhook.record_failure(error);
            }
            if let (Outcome::Done(_), Some(difference)) = (&outcome, correction) {
                webhook.corrections.record(difference);
            }
            write_outcome(pass, shared, planned, webhook, outcome).await
        }
        StepResult::Removed(note) => {
            let reason = if item.action() == Action::Retain { "Retained" } else { "Deleted" };
            publish(pass, webhook, item, &EventRecord { warning: false, reason, note }).await;
            Ok(ItemResult::Removed(webhook.uid().to_owned()))
        }
    }
}

async fn execute_step<S: Sync, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    shared: &Shared<'_>,
    planned: PlannedWebhook<'_>,
    webhook: &mut WebhookState,
) -> Result<StepResult, WriteError> {
    let writer = &pass.context.writer;
    let step = match &planned.item.decision {
        Decision::Blocked { reason, .. } => {
            return Ok(StepResult::Stays(Outcome::Blocked(reason.clone())));
        }
        Decision::Keep(_) => {
            // The finalizer may have been removed by force.
            if planned.declared.policy.mode == Mode::Enforce && webhook.status.external_id.is_some() {
                add_finalizer(webhook, writer).await?;
            }
            return Ok(StepResult::Stays(Outcome::InSync));
        }
        Decision::Execute(step) => step,
    };
    publish_advice(pass, planned, webhook).await;
    let identity = pass.account.spec.vendor.identity();
    let executor = StepExecutor { writer, account: &pass.account, identity, shared, planned };
    executor.run(webhook, step).await
}

/// Warns, once a generation, of what the vendor is likely to reject, and of deliveries that come twice.
async fn publish_advice<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    planned: PlannedWebhook<'_>,
    webhook: &WebhookState,
) {
    let PlannedWebhook { declared, item } = planned;
    if webhook.status.observed_generation == webhook.requested.generation {
        return;
    }
    if let Some(note) = item.similar.as_ref().map(similar_declared) {
        let event = EventRecord { warning: true, reason: "SimilarDeclared", note };
        publish(pass, webhook, item, &event).await;
    }
    let advice = document(&declared.desired).and_then(|desired| advice(pass.vendor, desired));
    if let (Some(note), Action::Create | Action::Update | Action::Replace) = (advice, item.action()) {
        publish(pass, webhook, item, &EventRecord { warning: true, reason: "LikelyRefused", note }).await;
    }
}

/// Returns the result of an item whose Webhook was not written.
async fn not_written<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    shared: &Shared<'_>,
    webhook: &mut WebhookState,
    item: &Item,
    error: &WriteError,
) -> Result<ItemResult, PassError> {
    let (vendor, key, external_id) = (pass.vendor, &item.key, item.id().map(ExternalId::as_str));
    let scope = error.scope();
    if scope == Scope::Conflict {
        tracing::info!(%vendor, account = %pass.key, webhook = %key, external_id, "written by another client since it was read; planned again");
    } else {
        tracing::warn!(%vendor, account = %pass.key, webhook = %key, external_id, error = %error_chain(error), "not written");
    }
    match scope {
        Scope::Conflict => Ok(ItemResult::Conflict),
        Scope::Object => {
            let message = error.in_words();
            if webhook.record_refusal(message.clone(), shared.refusal_grid) {
                report_refusal(pass, webhook, &message).await;
            }
            Ok(ItemResult::Refused)
        }
        Scope::Rights => {
            Ok(ItemResult::Forbidden { namespace: item.key.namespace.clone(), message: error.in_words() })
        }
        Scope::Server => Err(PassError::Cluster(error_chain(error))),
    }
}

/// Writes the status of a Webhook that stays, and publishes its events.
async fn write_outcome<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    shared: &Shared<'_>,
    planned: PlannedWebhook<'_>,
    webhook: &mut WebhookState,
    outcome: Outcome,
) -> Result<ItemResult, PassError> {
    let (writer, item) = (&pass.context.writer, planned.item);
    if needs_update(pass, shared, planned, webhook, &outcome) {
        webhook.status.pending = None;
        return match write_status(webhook, writer).await {
            Ok(()) => Ok(ItemResult::AdoptedNeedsUpdate),
            Err(error) => not_written(pass, shared, webhook, item, &error).await,
        };
    }
    let remote = shared.remote_state(webhook);
    let redacted = without_message(pass, planned.declared, &outcome);
    let shown = redacted.as_ref().unwrap_or(&outcome);
    let inputs = status_inputs(pass, shared, planned, webhook, (shown, &remote));
    // Not the time at which the pass began: the vendor may just have answered.
    let events = update_status(webhook, planned, inputs, pass.vendor, clock::timestamp());
    if let (Outcome::Done(_), Some(id), Some(last)) =
        (&outcome, webhook.status.external_id.clone(), webhook.status.last_applied.clone())
    {
        webhook.note(Effect::Applied { id, last });
    }
    let was_refused = matches!(outcome, Outcome::Refused(_));
    let unwritten = match write_status(webhook, writer).await {
        Ok(()) => {
            if !was_refused {
                webhook.refusals.clear();
            }
            None
        }
        // That this Webhook cannot be written is known and reported.
        Err(error) if was_refused && error.scope() == Scope::Object => None,
        Err(error) => Some(not_written(pass, shared, webhook, item, &error).await?),
    };
    // Only now: a refused write leaves the pending create stored, and only this process knows what that create sent.
    if unwritten.is_none() && webhook.status.pending.is_none() {
        webhook.creates.forget_lost();
    }
    if matches!(outcome, Outcome::InSync) && item.step().is_none() {
        webhook.status_inputs = status_fingerprint(webhook, &remote);
    }
    for event in events {
        publish(pass, webhook, item, &event).await;
    }
    Ok(match (outcome, unwritten) {
        (Outcome::Failed(error), _) => ItemResult::Failed(error),
        (_, Some(unwritten)) => unwritten,
        (Outcome::Refused(_), None) => ItemResult::Refused,
        (Outcome::InSync, None) => ItemResult::InSync,
        (Outcome::Done(_), None) => ItemResult::Done,
        (Outcome::Blocked(_), None) => ItemResult::Blocked,
        (Outcome::Waiting(_), None) => ItemResult::Waiting,
    })
}

/// Records what follows from an outcome, and returns what the status is made of beside it.
fn status_inputs<'o, S, R>(
    pass: &Pass<'_, S, R>,
    shared: &Shared<'_>,
    planned: PlannedWebhook<'_>,
    webhook: &mut WebhookState,
    (outcome, remote): (&'o Outcome, &RemoteState),
) -> StatusInputs<'o> {
    let declared = planned.declared;
    let mut inputs = StatusInputs::new(outcome, remote.delivery);
    if matches!(outcome, Outcome::InSync | Outcome::Done(_)) {
        if let Some(document) = document(&declared.desired) {
            let (changed, version) = (declared.hints.write_only_changed, remote.version.clone());
            inputs.concealed = write_only_digest(webhook, document, shared.values, changed, version);
            webhook.record_in_sync(document);
            (inputs.stored_differently, inputs.spellings) =
                stored_differently(shared, planned, webhook, pass.vendor);
            record_unverified_create(shared, webhook, planned.item, document);
        }
        // In sync, but the list may be older than what a lost create of another content has made: that is still to be deleted.
        if declared.pending_create.as_ref().is_none_or(|create| create.expired) {
            webhook.status.pending = None;
        }
    }
    // What is no longer at the vendor needs no deletion.
    webhook.status.superseded.retain(|id| shared.observed.lock().has(id));
    if webhook.requested.request.is_some() {
        webhook.status.last_handled_request.clone_from(&webhook.requested.request);
    }
    if remote.delivery == Some(Delivery::On) {
        webhook.reenable.record_delivering();
    }
    inputs.reenable_rejected = webhook
        .reenable
        .rejected()
        .map(|message| if declared.guest { MESSAGE_IN_LOG.into() } else { message.to_owned() });
    inputs
}

/// Returns the outcome as a guest may see it, if that differs: the vendor's message goes to the log only.
fn without_message<S, R>(pass: &Pass<'_, S, R>, declared: &Declared, outcome: &Outcome) -> Option<Outcome> {
    let redacted = outcome.without_words().filter(|_| declared.guest)?;
    if let Outcome::Failed(error) = outcome {
        tracing::info!(vendor = %pass.vendor, account = %pass.key, webhook = %declared.key, "{error}");
    }
    Some(redacted)
}

/// Whether the step adopted what a lost create had made before the spec, or a Secret, changed: the adoption is recorded, and the next
/// plan updates it.
fn needs_update<S, R>(
    pass: &Pass<'_, S, R>,
    shared: &Shared<'_>,
    planned: PlannedWebhook<'_>,
    webhook: &WebhookState,
    outcome: &Outcome,
) -> bool {
    let PlannedWebhook { declared, item } = planned;
    let adopted = matches!((outcome, item.step()), (Outcome::Done(_), Some(Step::AdoptReplacement { .. })));
    let id = webhook.status.external_id.as_deref();
    let (Some(desired), Some(id), true) = (document(&declared.desired), id, adopted) else {
        return false;
    };
    let differs = |one: &Observed| !rules(pass.vendor).spelled_alike(&one.document, desired);
    shared.read(id, differs).is_some_and(|differs| declared.hints.write_only_changed || differs)
}

/// Publishes what happened to a Webhook: one log line, one event, one metric.
async fn publish<S, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    webhook: &WebhookState,
    item: &Item,
    event: &EventRecord,
) {
    let (vendor, key) = (pass.vendor, &item.key);
    let id = webhook.status.external_id.as_deref().or(item.id().map(ExternalId::as_str));
    if event.warning {
        tracing::warn!(%vendor, account = %pass.key, webhook = %key, external_id = id, reason = event.reason, "{}", event.note);
    } else {
        tracing::info!(%vendor, account = %pass.key, webhook = %key, external_id = id, reason = event.reason, "{}", event.note);
        if item.action() != Action::None {
            pass.context.metrics.record_action(vendor, item.action(), item.cause.is_drift());
        }
    }
    pass.context.writer.event(webhook.object.object_ref(&()), event).await;
}

/// Whether the status of a Webhook in sync says so already, and nothing that it was derived from has changed.
pub(crate) fn is_unchanged(shared: &Shared<'_>, planned: PlannedWebhook<'_>, webhook: &WebhookState) -> bool {
    let PlannedWebhook { declared, item } = planned;
    let in_sync = item.step().is_none() && item.blocked().is_none();
    let same_values = !declared.hints.values_changed && !declared.hints.write_only_changed;
    in_sync
        && same_values
        && webhook.status_inputs.is_some()
        && status_fingerprint(webhook, &shared.remote_state(webhook)) == webhook.status_inputs
}

/// Returns a fingerprint of everything but values that the status of a Webhook in sync is derived from; none while more is to be reported.
fn status_fingerprint(webhook: &WebhookState, remote: &RemoteState) -> Option<u64> {
    let (status, version) = (&*webhook.status, version(&*webhook.object));
    let respelled = status.last_applied.as_ref().is_some_and(|last| !last.stored_differently.is_empty());
    let more = status.pending.is_some()
        || !status.superseded.is_empty()
        || respelled
        || webhook.reenable.is_under_way();
    (webhook.status.is_unchanged() && version > 0 && !more)
        .then(|| fingerprint((version, &webhook.requested, &remote.version, remote.delivery)))
}
