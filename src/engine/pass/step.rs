//! Executes a step of a plan. Each call to the vendor is preceded by what makes a crash after it safe: the finalizer, the pending create,
//! the recorded id.

mod delete;

use super::shared::Shared;
use crate::api::conditions::seconds;
use crate::api::status::{Action, LastApplied, Pending};
use crate::api::{VendorAccount, VendorName};
use crate::engine::client::Client;
use crate::engine::clock;
use crate::engine::cluster::webhook_writes::{
    add_finalizer, remove_finalizer, write_pending_create, write_status,
};
use crate::engine::cluster::writer::{ClusterWriter, WriteError};
use crate::engine::state::effect::Effect;
use crate::engine::state::peers::Reservation;
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::progress::replacing;
use crate::engine::status::webhook::Outcome;
use crate::engine::status::words::describe_effect;
use crate::plan::{BlockedReason, Desired, Document, ExternalId, PlannedWebhook, Rival, Step};
use crate::vendor::{Class, Connection, ReadWrite, VendorError, rules};
use std::hash::Hash;

/// The result of a step.
pub(crate) enum StepResult {
    /// The Webhook stays.
    Stays(Outcome),
    /// Its finalizer was removed; the text is the event's note.
    Removed(String),
}

/// Why a step was not executed as a whole.
enum StepError {
    /// The call to the vendor failed.
    Vendor(VendorError),
    /// A write to the API server failed: nothing was done at the vendor after it.
    Cluster(WriteError),
}

impl From<VendorError> for StepError {
    fn from(error: VendorError) -> Self {
        Self::Vendor(error)
    }
}

impl From<WriteError> for StepError {
    fn from(error: WriteError) -> Self {
        Self::Cluster(error)
    }
}

/// Executes the step of one Webhook. Steps of other Webhooks may be in flight.
pub(crate) struct StepExecutor<'a, R> {
    pub(crate) writer: &'a R,
    pub(crate) account: &'a VendorAccount,
    /// The account at the vendor, which is recorded with ids.
    pub(crate) identity: String,
    pub(crate) shared: &'a Shared<'a>,
    pub(crate) planned: PlannedWebhook<'a>,
}

impl<R: ClusterWriter> StepExecutor<'_, R> {
    /// Executes a step, unless a Webhook at another VendorAccount object is about to have the same subscription.
    ///
    /// # Errors
    ///
    /// A failed write to the API server: nothing was done at the vendor after it. A failed call to the vendor is part of the result.
    pub(crate) async fn run(
        &self,
        webhook: &mut WebhookState,
        step: &Step,
    ) -> Result<StepResult, WriteError> {
        let reservation = match self.reserve(webhook, step) {
            Ok(reservation) => reservation,
            Err(rival) => {
                let reason = BlockedReason::ConflictElsewhere(rival);
                return Ok(StepResult::Stays(Outcome::Blocked(reason)));
            }
        };
        let before = webhook.status.external_id.clone();
        let result = match self.write(webhook, step).await {
            Ok(result) => Ok(result),
            Err(StepError::Vendor(error)) => Ok(StepResult::Stays(Outcome::Failed(error))),
            Err(StepError::Cluster(error)) => Err(error),
        };
        if let Some(reservation) = &reservation {
            // A replacement that is recorded was created, although the old one was not deleted.
            let nothing_new = webhook.status.external_id == before;
            match &result {
                Ok(StepResult::Stays(Outcome::Failed(error))) if error.outcome_unknown => {}
                Ok(StepResult::Stays(Outcome::Failed(_))) if nothing_new => reservation.cancel(),
                Ok(_) => reservation.holds(webhook.status.external_id.as_deref()),
                Err(_) => {}
            }
        }
        result
    }

    /// Reserves what the step is about to write or to adopt; none if it does neither.
    fn reserve(&self, webhook: &WebhookState, step: &Step) -> Result<Option<Reservation<'_>>, Rival> {
        let (content, ids) = match step {
            Step::Create { document } => (Some(document), [].into()),
            Step::Update { id, document }
            | Step::Reenable { id, document }
            | Step::Replace { id, document } => (Some(document), [id.clone()].into()),
            Step::Adopt { id } => (None, [id.clone()].into()),
            Step::AdoptReplacement { id, replaced } => (None, [id.clone(), replaced.clone()].into()),
            Step::DeleteSuperseded { .. }
            | Step::Delete { .. }
            | Step::Retain { .. }
            | Step::RemoveFinalizer => return Ok(None),
        };
        let rules = rules(self.account.spec.vendor.name());
        let content = content.map(|document| rules.content_hash(document));
        self.shared.peers.reserve(self.account, &webhook.object, content, ids).map(Some)
    }

    async fn write(&self, webhook: &mut WebhookState, step: &Step) -> Result<StepResult, StepError> {
        if step.only_removes_finalizer() {
            return Ok(self.remove_finalizer(webhook).await?);
        }
        let Client::Writer(connection) = self.shared.client else {
            // For a read-only client the plan blocks every other step, so this is not reached.
            return Ok(StepResult::Stays(Outcome::Blocked(BlockedReason::PlanOnly)));
        };
        match step {
            Step::Create { document } => self.create(connection, webhook, document).await?,
            Step::Adopt { id } => self.adopt(webhook, id).await?,
            Step::AdoptReplacement { id, replaced } => {
                self.adopt(webhook, id).await?;
                self.supersede(connection, webhook, replaced).await?;
            }
            Step::Reenable { id, document } => {
                return self.reenable(connection, webhook, id, document).await;
            }
            Step::Update { id, document } => {
                let answers = self.planned.item.answers;
                let done = self.update(connection, webhook, (id, document), answers).await;
                let is_written = !matches!(done, Err(StepError::Cluster(_)));
                // Once it is recorded, the create has its outcome, whatever the result of the update.
                if is_written && answers && webhook.status.external_id.as_deref() == Some(id.as_str()) {
                    webhook.status.pending = None;
                }
                done?;
            }
            Step::Replace { id: old, document } => {
                // What a create with an unknown outcome made is recorded before the next create forgets that one.
                webhook.status.external_id = Some(old.to_string());
                // Written together with the pending create.
                let generation = webhook.requested.generation;
                replacing(&mut webhook.status, old, self.vendor(), generation, clock::timestamp());
                self.create(connection, webhook, document).await?;
                self.supersede(connection, webhook, old).await?;
            }
            Step::DeleteSuperseded { superseded, .. } => {
                // The write that recorded the new one may have failed.
                write_status(webhook, self.writer).await?;
                self.delete_superseded(connection, webhook, superseded).await?;
            }
            Step::Delete { ids, .. } => {
                for id in ids {
                    self.delete_announced(connection, webhook, id).await?;
                }
                return Ok(self.remove_finalizer(webhook).await?);
            }
            Step::Retain { .. } | Step::RemoveFinalizer => {}
        }
        Ok(StepResult::Stays(Outcome::Done(self.describe(webhook))))
    }

    /// Writes finalizer and pending create, sends the request, and keeps the id as an effect, which the next status write records: in this
    /// order, so that a crash between any two leaves enough to find out what was created.
    async fn create(
        &self,
        connection: &Connection<ReadWrite>,
        webhook: &mut WebhookState,
        desired: &Document,
    ) -> Result<(), StepError> {
        if let Some(error) = webhook.attempts.rejection(desired) {
            return Err(error.clone().into());
        }
        let (rules, observed) = (rules(self.account.spec.vendor.name()), &self.shared.observed);
        add_finalizer(webhook, self.writer).await?;
        webhook.status.account = Some(self.identity.clone());
        let pending = Pending {
            action: Action::Create,
            since: seconds(clock::timestamp()),
            digest: rules.fingerprint(desired, &self.planned.declared.redactor),
            // The status of a guest must not say which others are equal.
            beside: if webhook.object.is_guest() { Vec::new() } else { observed.lock().equal_to(desired) },
            write_only: !rules.write_only_values(desired).is_empty(),
        };
        write_pending_create(webhook, self.writer, pending.clone()).await?;
        match connection.create(desired).await {
            Ok(created) => {
                let before = webhook.status.external_id.clone();
                let (id, account) = (created.id.to_string(), self.identity.clone());
                webhook.note(Effect::Created { id, account, pending, before });
                let mut observed = observed.lock();
                webhook.status.superseded.retain(|old| observed.has(old));
                observed.upsert(created);
                Ok(())
            }
            Err(error) => {
                if error.outcome_unknown {
                    webhook.creates.record_lost(&pending, desired);
                } else {
                    webhook.note(Effect::NotCreated { pending });
                }
                Err(self.record_error(webhook, desired, error).into())
            }
        }
    }

    async fn adopt(&self, webhook: &mut WebhookState, id: &ExternalId) -> Result<(), WriteError> {
        add_finalizer(webhook, self.writer).await?;
        webhook.status.account = Some(self.identity.clone());
        webhook.status.external_id = Some(id.to_string());
        webhook.status.pending = None;
        Ok(())
    }

    /// Updates a subscription; `answers` says whether the pending create has made it.
    async fn update(
        &self,
        connection: &Connection<ReadWrite>,
        webhook: &mut WebhookState,
        (id, desired): (&ExternalId, &Document),
        answers: bool,
    ) -> Result<(), StepError> {
        if let Some(error) = webhook.attempts.rejection(desired) {
            return Err(error.clone().into());
        }
        add_finalizer(webhook, self.writer).await?;
        webhook.status.account = Some(self.identity.clone());
        if webhook.status.external_id.replace(id.to_string()).as_deref() != Some(id.as_str()) {
            // If the update fails, nothing is known of the write-only values that a lost create of ours gave it.
            let pending = webhook.status.pending.take_if(|_| answers);
            let write_only = pending.as_ref().is_some_and(|pending| pending.write_only);
            webhook.status.last_applied = write_only.then(LastApplied::unknown);
            // After the update, its content no longer shows that the pending create made it.
            if pending.is_some() {
                write_status(webhook, self.writer).await?;
            }
        }
        let Some(current) = self.shared.read(id.as_str(), Clone::clone) else { return Ok(()) };
        let updated = connection.update(&current, desired).await;
        let updated = updated.map_err(|error| self.record_error(webhook, desired, error))?;
        self.shared.observed.lock().upsert(updated);
        Ok(())
    }

    /// Enables a subscription again that the vendor has disabled by itself. What is declared is valid, so a rejection is not the fault of
    /// the Webhook, and has a schedule of its own.
    async fn reenable(
        &self,
        connection: &Connection<ReadWrite>,
        webhook: &mut WebhookState,
        id: &ExternalId,
        desired: &Document,
    ) -> Result<StepResult, StepError> {
        webhook.attempts.clear();
        match self.update(connection, webhook, (id, desired), false).await {
            Ok(()) => {
                webhook.reenable.record(None);
                Ok(StepResult::Stays(Outcome::Done(self.describe(webhook))))
            }
            Err(StepError::Vendor(error)) if error.class == Class::Rejected => {
                webhook.reenable.record(Some(error.message));
                Ok(StepResult::Stays(Outcome::InSync))
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes what was replaced. The new id is recorded first, so that after a crash in between both are known.
    async fn supersede(
        &self,
        connection: &Connection<ReadWrite>,
        webhook: &mut WebhookState,
        old: &ExternalId,
    ) -> Result<(), StepError> {
        if !webhook.status.superseded.iter().any(|id| id == old.as_str()) {
            webhook.status.superseded.push(old.to_string());
        }
        write_status(webhook, self.writer).await?;
        Ok(self.delete_superseded(connection, webhook, std::slice::from_ref(old)).await?)
    }

    async fn remove_finalizer(&self, webhook: &mut WebhookState) -> Result<StepResult, WriteError> {
        let note = self.describe(webhook);
        remove_finalizer(webhook, self.writer).await?;
        Ok(StepResult::Removed(note))
    }

    /// Redacts the account's secrets in a vendor's error. A rejection is recorded, so that the same is not sent again before something
    /// changes.
    fn record_error(
        &self,
        webhook: &mut WebhookState,
        what: impl Hash,
        mut error: VendorError,
    ) -> VendorError {
        error.message = self.planned.declared.secrets.redact(&error.message);
        if error.class == Class::Rejected {
            webhook.attempts.record_rejection(what, error.clone());
        }
        error
    }

    fn describe(&self, webhook: &WebhookState) -> String {
        describe_effect(self.planned.item, webhook.status.external_id.as_deref(), self.vendor())
    }

    fn vendor(&self) -> VendorName {
        self.account.spec.vendor.name()
    }
}

/// Returns what is declared, if it is known.
pub(crate) fn document(desired: &Desired) -> Option<&Document> {
    match desired {
        Desired::Known(document) => Some(document),
        Desired::Unknown { .. } => None,
    }
}
