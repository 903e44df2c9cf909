//! Deletes subscriptions at the vendor.

use super::{StepError, StepExecutor};
use crate::engine::clock;
use crate::engine::cluster::scope::Scope;
use crate::engine::cluster::webhook_writes::write_status;
use crate::engine::cluster::writer::ClusterWriter;
use crate::engine::state::effect::Effect;
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::progress::deleting;
use crate::plan::ExternalId;
use crate::vendor::{Connection, ReadWrite, VendorError};
use std::pin::pin;
use std::time::Duration;

/// A vendor that has not answered after this time takes long to delete.
const SLOW: Duration = Duration::from_secs(1);

impl<R: ClusterWriter> StepExecutor<'_, R> {
    /// Deletes what was replaced.
    pub(super) async fn delete_superseded(
        &self,
        connection: &Connection<ReadWrite>,
        webhook: &mut WebhookState,
        ids: &[ExternalId],
    ) -> Result<(), VendorError> {
        for id in ids {
            self.delete(connection, webhook, id).await?;
            webhook.note(Effect::Deleted { id: id.to_string() });
        }
        Ok(())
    }

    async fn delete(
        &self,
        connection: &Connection<ReadWrite>,
        webhook: &mut WebhookState,
        id: &ExternalId,
    ) -> Result<(), VendorError> {
        if let Some(error) = webhook.attempts.rejection(id) {
            return Err(error.clone());
        }
        connection.delete(id).await.map_err(|error| self.record_error(webhook, id, error))?;
        self.record_deleted(id);
        Ok(())
    }

    /// Deletes the subscription of a Webhook that is being deleted. If the vendor takes long to answer, the conditions say so meanwhile;
    /// a quick deletion costs no such write.
    pub(super) async fn delete_announced(
        &self,
        connection: &Connection<ReadWrite>,
        webhook: &mut WebhookState,
        id: &ExternalId,
    ) -> Result<(), StepError> {
        if let Some(error) = webhook.attempts.rejection(id) {
            return Err(error.clone().into());
        }
        let mut call = pin!(connection.delete(id));
        let (deleted, announced) = if let Some(deleted) = clock::within(SLOW, &mut call).await {
            (deleted, Ok(()))
        } else {
            let generation = webhook.requested.generation;
            deleting(&mut webhook.status, id, self.vendor(), generation, clock::timestamp());
            let announced = write_status(webhook, self.writer).await;
            (call.await, announced)
        };
        deleted.map_err(|error| self.record_error(webhook, id, error))?;
        self.record_deleted(id);
        match announced {
            // Another client has written the object: it may have recorded another subscription, which is to be deleted as well.
            Err(error) if error.scope() == Scope::Conflict => Err(error.into()),
            // The announcement is for people only.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Takes a deleted subscription out of what is known of the vendor.
    fn record_deleted(&self, id: &ExternalId) {
        self.shared.observed.lock().remove(id);
        self.shared.peers.deleted(self.account, id);
    }
}
