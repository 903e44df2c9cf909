//! Takes a step of a plan. Each outside effect is preceded by what makes it safe to die after it:
//! the finalizer, the intent, the recorded id.

use crate::api::conditions::seconds;
use crate::api::status::{Action, LastApplied, Pending};
use crate::api::{VendorAccount, VendorName};
use crate::engine::client::Client;
use crate::engine::clock;
use crate::engine::cluster::writer::{ClusterWriter, WriteError};
use crate::engine::lent::Lent;
use crate::engine::state::effect::Effect;
use crate::engine::state::observed::ObservedIndex;
use crate::engine::state::peers::{Peers, Reservation};
use crate::engine::state::retry::Past;
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::webhook::Outcome;
use crate::engine::status::words::fields;
use crate::plan::{BlockedReason, Cause, Desired, Document, ExternalId, Item, Redactor, Rival, Step};
use crate::vendor::{Class, Connection, ReadWrite, VendorError, rules};
use std::hash::Hash;

/// What became of a step.
pub(crate) enum StepResult {
    /// The Webhook stays.
    Stays(Outcome),
    /// The Webhook was let go; the text says what was done about its subscription.
    LetGo(String),
}

/// Why a step was not executed as a whole.
enum StepError {
    /// The vendor did not do it.
    Vendor(VendorError),
    /// The API server did not take a write: nothing was done at the vendor after it.
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

/// Takes a step of one account's plan. Others may be under way beside it.
pub(crate) struct StepExecutor<'a, 'b, R> {
    pub(crate) recorder: &'a R,
    pub(crate) vendor: VendorName,
    pub(crate) client: &'a Client,
    /// Whose ids are recorded.
    pub(crate) identity: String,
    /// What the vendor has, kept up with what is done.
    pub(crate) observed: &'a Lent<'b, ObservedIndex>,
    pub(crate) past: &'a Lent<'b, Past>,
    /// What Webhooks at other VendorAccount objects claim.
    pub(crate) peers: &'a Peers,
    pub(crate) account: &'a VendorAccount,
    /// The secrets of the whole account, which the vendor's words may repeat.
    pub(crate) secrets: &'a Redactor,
}

impl<R: ClusterWriter> StepExecutor<'_, '_, R> {
    /// Takes a step, unless a Webhook at another VendorAccount object is about to have the same. An error is the cluster's:
    /// nothing was done at the vendor after it.
    pub(crate) async fn take(
        &self,
        entry: &mut WebhookState,
        item: &Item,
        step: &Step,
        redactor: &Redactor,
    ) -> Result<StepResult, WriteError> {
        let reserved = match self.reserve(entry, step) {
            Ok(reserved) => reserved,
            Err(rival) => {
                return Ok(StepResult::Stays(Outcome::Held(BlockedReason::ConflictElsewhere(rival))));
            }
        };
        let before = entry.status.external_id.clone();
        let taken = self.perform(entry, item, step, redactor).await;
        if let Some(reserved) = &reserved {
            // A replacement that is recorded was made, although the old one was not deleted.
            let nothing_new = entry.status.external_id == before;
            match &taken {
                Ok(StepResult::Stays(Outcome::Failed(error))) if error.outcome_unknown => {}
                Ok(StepResult::Stays(Outcome::Failed(_))) if nothing_new => reserved.cancel(),
                Ok(_) => reserved.holds(entry.status.external_id.as_deref()),
                Err(_) => {}
            }
        }
        taken
    }

    /// Reserves what the step is about to write or to take over; none if it does neither.
    fn reserve(&self, entry: &WebhookState, step: &Step) -> Result<Option<Reservation<'_>>, Rival> {
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
        let content = content.map(|document| rules(self.vendor).content_hash(document));
        self.peers.reserve(self.account, &entry.object, content, ids).map(Some)
    }

    async fn perform(
        &self,
        entry: &mut WebhookState,
        item: &Item,
        step: &Step,
        redactor: &Redactor,
    ) -> Result<StepResult, WriteError> {
        match self.write(entry, item, step, redactor).await {
            Ok(result) => Ok(result),
            Err(StepError::Vendor(error)) => Ok(StepResult::Stays(Outcome::Failed(error))),
            Err(StepError::Cluster(error)) => Err(error),
        }
    }

    async fn write(
        &self,
        entry: &mut WebhookState,
        item: &Item,
        step: &Step,
        redactor: &Redactor,
    ) -> Result<StepResult, StepError> {
        if step.only_removes_finalizer() {
            return Ok(self.let_go(entry, item).await?);
        }
        let Client::Writer(connection) = self.client else {
            // A plan for a reader blocks every other step; the type alone would refuse it.
            return Ok(StepResult::Stays(Outcome::Held(BlockedReason::PlanOnly)));
        };
        match step {
            Step::Create { document } => self.create(connection, entry, document, redactor).await?,
            Step::Adopt { id } => self.adopt(entry, id).await?,
            Step::AdoptReplacement { id, replaced } => {
                self.adopt(entry, id).await?;
                self.supersede(connection, entry, replaced).await?;
            }
            Step::Reenable { id, document } => {
                return self.revive(connection, entry, item, id, document).await;
            }
            Step::Update { id, document } => {
                let done = self.update(connection, entry, id, document).await;
                let is_written = !matches!(done, Err(StepError::Cluster(_)));
                // Recorded, it answers the create, whatever became of the update.
                if is_written && item.answers && entry.status.external_id.as_deref() == Some(id.as_str()) {
                    entry.status.pending = None;
                }
                done?;
            }
            Step::Replace { id: old, document } => {
                // What an unanswered create made is recorded before the next create forgets that one.
                entry.status.external_id = Some(old.to_string());
                self.create(connection, entry, document, redactor).await?;
                self.supersede(connection, entry, old).await?;
            }
            Step::DeleteSuperseded { superseded, .. } => {
                // The write that recorded the new one may have failed.
                entry.write(self.recorder).await?;
                self.finish(connection, entry, superseded).await?;
            }
            Step::Delete { ids, .. } => {
                for id in ids {
                    self.delete(connection, entry, id).await?;
                }
                return Ok(self.let_go(entry, item).await?);
            }
            Step::Retain { .. } | Step::RemoveFinalizer => {}
        }
        Ok(StepResult::Stays(Outcome::Done(self.said(entry, item))))
    }

    /// Finalizer, intent, request, id: in this order, so that a death between any two heals by itself.
    async fn create(
        &self,
        connection: &Connection<ReadWrite>,
        entry: &mut WebhookState,
        desired: &Document,
        redactor: &Redactor,
    ) -> Result<(), StepError> {
        if let Some(refused) = self.refused(entry, desired) {
            return Err(refused.into());
        }
        entry.add_finalizer(self.recorder).await?;
        entry.status.account = Some(self.identity.clone());
        let intent = Pending {
            action: Action::Create,
            since: seconds(clock::timestamp()),
            digest: rules(self.vendor).fingerprint(desired, redactor),
            // A guest's status must not tell it which others are equal.
            beside: if entry.object.is_guest() {
                Vec::new()
            } else {
                self.observed.with(|observed| observed.equal_to(desired))
            },
            write_only: !rules(self.vendor).concealed(desired).is_empty(),
        };
        entry.write_pending_create(self.recorder, intent.clone()).await?;
        match connection.create(desired).await {
            Ok(made) => {
                let before = entry.status.external_id.clone();
                let (id, account) = (made.id.to_string(), self.identity.clone());
                entry.note(Effect::Created { id, account, intent, before });
                self.observed.with(|observed| {
                    entry.status.superseded.retain(|old| observed.has(old));
                    observed.put(made);
                });
                Ok(())
            }
            Err(error) => {
                if error.outcome_unknown {
                    self.past.with(|past| past.unanswered(&entry.uid, &intent, desired));
                } else {
                    entry.note(Effect::NotCreated { intent });
                }
                Err(self.remember(entry, desired, error).into())
            }
        }
    }

    async fn adopt(&self, entry: &mut WebhookState, id: &ExternalId) -> Result<(), WriteError> {
        entry.add_finalizer(self.recorder).await?;
        entry.status.account = Some(self.identity.clone());
        entry.status.external_id = Some(id.to_string());
        entry.status.pending = None;
        Ok(())
    }

    async fn update(
        &self,
        connection: &Connection<ReadWrite>,
        entry: &mut WebhookState,
        id: &ExternalId,
        desired: &Document,
    ) -> Result<(), StepError> {
        if let Some(refused) = self.refused(entry, desired) {
            return Err(refused.into());
        }
        entry.add_finalizer(self.recorder).await?;
        entry.status.account = Some(self.identity.clone());
        if entry.status.external_id.replace(id.to_string()).as_deref() != Some(id.as_str()) {
            // If the update fails, nothing is known of the write-only values that a lost create of ours gave it.
            let write_only = entry.status.pending.as_ref().is_some_and(|intent| intent.write_only);
            entry.status.last_applied = write_only.then(LastApplied::unknown);
        }
        let Some(current) = self.observed.with(|observed| observed.get(id.as_str()).cloned()) else {
            return Ok(());
        };
        let updated = connection.update(&current, desired).await;
        let updated = updated.map_err(|error| self.remember(entry, desired, error))?;
        self.observed.with(|observed| observed.put(updated));
        Ok(())
    }

    /// Starts one again that the vendor had stopped by itself. What is declared is in order, so that a refusal is not the
    /// Webhook's, and is tried again in its own time.
    async fn revive(
        &self,
        connection: &Connection<ReadWrite>,
        entry: &mut WebhookState,
        item: &Item,
        id: &ExternalId,
        desired: &Document,
    ) -> Result<StepResult, StepError> {
        self.past.with(|past| past.try_again(&entry.uid));
        match self.update(connection, entry, id, desired).await {
            Ok(()) => {
                self.past.with(|past| past.revived(&entry.uid, None));
                Ok(StepResult::Stays(Outcome::Done(self.said(entry, item))))
            }
            Err(StepError::Vendor(error)) if error.class == Class::Rejected => {
                self.past.with(|past| past.revived(&entry.uid, Some(error.message)));
                Ok(StepResult::Stays(Outcome::InSync))
            }
            Err(error) => Err(error),
        }
    }

    /// The new one is recorded before the old one goes, so that whoever dies in between knows both.
    async fn supersede(
        &self,
        connection: &Connection<ReadWrite>,
        entry: &mut WebhookState,
        old: &ExternalId,
    ) -> Result<(), StepError> {
        if !entry.status.superseded.iter().any(|id| id == old.as_str()) {
            entry.status.superseded.push(old.to_string());
        }
        entry.write(self.recorder).await?;
        Ok(self.finish(connection, entry, std::slice::from_ref(old)).await?)
    }

    async fn finish(
        &self,
        connection: &Connection<ReadWrite>,
        entry: &mut WebhookState,
        ids: &[ExternalId],
    ) -> Result<(), VendorError> {
        for id in ids {
            self.delete(connection, entry, id).await?;
            entry.note(Effect::Deleted { id: id.to_string() });
        }
        Ok(())
    }

    async fn delete(
        &self,
        connection: &Connection<ReadWrite>,
        entry: &WebhookState,
        id: &ExternalId,
    ) -> Result<(), VendorError> {
        if let Some(refused) = self.refused(entry, id) {
            return Err(refused);
        }
        connection.delete(id).await.map_err(|error| self.remember(entry, id, error))?;
        self.observed.with(|observed| observed.remove(id));
        self.peers.deleted(self.account, id);
        Ok(())
    }

    async fn let_go(&self, entry: &mut WebhookState, item: &Item) -> Result<StepResult, WriteError> {
        let said = self.said(entry, item);
        entry.remove_finalizer(self.recorder).await?;
        Ok(StepResult::LetGo(said))
    }

    /// What the vendor said when it refused just this, if it is too early to ask again.
    fn refused(&self, entry: &WebhookState, what: impl Hash) -> Option<VendorError> {
        self.past.with(|past| past.refused(&entry.uid, what).cloned())
    }

    /// Hides the account's secrets in a vendor's error. A refusal is remembered, so that it is not asked for again before
    /// something changes.
    fn remember(&self, entry: &WebhookState, what: impl Hash, mut error: VendorError) -> VendorError {
        error.message = self.secrets.redact(&error.message);
        if error.class == Class::Rejected {
            self.past.with(|past| past.refuse(&entry.uid, what, error.clone()));
        }
        error
    }

    /// What was done, in words for an event.
    fn said(&self, entry: &WebhookState, item: &Item) -> String {
        let vendor = self.vendor;
        let why =
            if item.cause == Cause::New { String::new() } else { format!(" ({})", item.cause.as_str()) };
        let id = entry.status.external_id.as_deref().unwrap_or("no subscription");
        let old = item.id().map_or(id, ExternalId::as_str);
        match item.action() {
            Action::Create => format!("created {id} at {vendor}{why}"),
            Action::Adopt => format!("adopted {id} at {vendor} as it is{}", duplicates(item)),
            Action::Update => format!("updated {id} at {vendor}{why}{}{}", fields(item), duplicates(item)),
            Action::Replace => format!("replaced {old} by {id} at {vendor}{why}{}", fields(item)),
            Action::Delete => format!("deleted {old} at {vendor}"),
            Action::Retain => format!("let go; {old} stays at {vendor}"),
            Action::None => format!("nothing left to delete at {vendor}"),
        }
    }
}

/// Equal subscriptions beside the one that is adopted, for people to clear up.
fn duplicates(item: &Item) -> String {
    let others: Vec<_> = item.duplicates.iter().map(ExternalId::as_str).collect();
    if others.is_empty() {
        return String::new();
    }
    format!("; it has equal ones that no Webhook declares, which are left as they are: {}", others.join(", "))
}

/// What is declared, if it can be said.
pub(crate) fn document(desired: &Desired) -> Option<&Document> {
    match desired {
        Desired::Known(document) => Some(document),
        Desired::Unknown { .. } => None,
    }
}
