//! Writes of one Webhook's status and finalizer. Each rests on the version that was read; after a conflict the object is read again, so
//! that the next pass does not run into the same conflict while the watch cache lags.

use super::scope::Scope;
use super::writer::{ClusterWriter, WriteError, failed, gone};
use crate::api::Webhook;
use crate::api::status::Pending;
use crate::engine::state::webhook::{WebhookState, slim};
use std::sync::Arc;

/// Writes the status, if the object has another one.
///
/// # Errors
///
/// A conflict if another client has written the object since it was read. The next pass decides on the newer version.
pub(crate) async fn write_status(
    webhook: &mut WebhookState,
    writer: &impl ClusterWriter,
) -> Result<(), WriteError> {
    if !webhook.status.differs() {
        webhook.effects_recorded();
        return Ok(());
    }
    let mut result = writer.webhook_status(&webhook.object, &webhook.status).await;
    if let Err(error) = result {
        let (object, status) = (Arc::clone(&webhook.object), webhook.status.clone());
        let error = read_again(webhook, writer, error).await;
        // If only annotations differ, as for a request that is to come, the status is still right.
        if Arc::ptr_eq(&object, &webhook.object) || !differ_in_annotations_only(&object, &webhook.object) {
            return Err(error);
        }
        *webhook.status = status;
        result = writer.webhook_status(&webhook.object, &webhook.status).await;
    }
    match result {
        Ok(Some(written)) => {
            webhook.written(written);
            webhook.effects_recorded();
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) => Err(read_again(webhook, writer, error).await),
    }
}

/// Writes the pending create. Without it nothing may be sent.
///
/// # Errors
///
/// As [`write_status`], and a conflict if the object is gone.
pub(crate) async fn write_pending_create(
    webhook: &mut WebhookState,
    writer: &impl ClusterWriter,
    pending: Pending,
) -> Result<(), WriteError> {
    webhook.status.pending = Some(pending);
    match writer.webhook_status(&webhook.object, &webhook.status).await {
        Ok(Some(written)) => {
            webhook.written(written);
            webhook.effects_recorded();
            Ok(())
        }
        Ok(None) => Err(failed("pending create", &*webhook.object, gone(&*webhook.object))),
        Err(error) => {
            webhook.rebase(Arc::clone(&webhook.object));
            Err(read_again(webhook, writer, error).await)
        }
    }
}

/// Adds the finalizer, before the first write at the vendor.
///
/// # Errors
///
/// A conflict if another process has written the status since it was read: this pass was planned on an older one.
pub(crate) async fn add_finalizer(
    webhook: &mut WebhookState,
    writer: &impl ClusterWriter,
) -> Result<(), WriteError> {
    if !webhook.has_finalizer() {
        let mut written = writer.add_finalizer(&webhook.object).await?;
        if written.status != webhook.object.status {
            slim(&mut written);
            webhook.rebase(Arc::new(written));
            return Err(WriteError::overtaken(&webhook.object));
        }
        webhook.written(written);
    }
    Ok(())
}

/// Removes the finalizer, when nothing is left to do at the vendor.
///
/// # Errors
///
/// A conflict if another process has recorded something since the object was read, which may be a subscription to delete.
pub(crate) async fn remove_finalizer(
    webhook: &mut WebhookState,
    writer: &impl ClusterWriter,
) -> Result<(), WriteError> {
    match writer.remove_finalizer(&webhook.object).await {
        Ok(()) => Ok(()),
        Err(error) => Err(read_again(webhook, writer, error).await),
    }
}

/// Reads the object again after a conflict.
async fn read_again(
    webhook: &mut WebhookState,
    writer: &impl ClusterWriter,
    error: WriteError,
) -> WriteError {
    if error.scope() == Scope::Conflict
        && let Ok(Some(mut current)) = writer.webhook(&webhook.object).await
    {
        slim(&mut current);
        webhook.rebase(Arc::new(current));
    }
    error
}

/// Whether two versions of a Webhook declare and record the same.
fn differ_in_annotations_only(one: &Webhook, other: &Webhook) -> bool {
    let meta = |webhook: &Webhook| {
        let meta = &webhook.metadata;
        (meta.uid.clone(), meta.generation, meta.deletion_timestamp.is_some(), meta.finalizers.clone())
    };
    meta(one) == meta(other) && one.status == other.status
}
