//! One Webhook in memory: as the cluster has it, as its status should be, and as the pass found it. A watch cache lags, so
//! that what we wrote ourselves is kept until the cache shows it.

use super::record::{RecordError, Recorder};
use crate::api::status::{Pending, WebhookStatus};
use crate::api::webhook::DeletionPolicy;
use crate::api::{FINALIZER, RELEASE, REQUESTED_AT, Webhook};
use kube::ResourceExt;

/// One Webhook: as the cluster has it, and as its status should be.
pub(super) struct Entry {
    /// The object's uid.
    pub(super) uid: String,
    /// The newest state that the cluster is known to have: the cache's, or what our own last write gave back.
    pub(super) known: Webhook,
    /// What the status should be. It differs from `known` while a write is still to be made, or failed.
    pub(super) status: WebhookStatus,
    /// What this pass acts on. What our own writes give back may be newer than that: a person may have edited the object
    /// meanwhile, and that is for the next pass to see.
    pub(super) asked: Asked,
}

/// What people ask of a Webhook, as a pass found it when it began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) generation: Option<i64>,
    pub(super) request: Option<String>,
    release: Option<String>,
    deleting: bool,
}

impl Asked {
    pub(super) fn of(webhook: &Webhook) -> Self {
        let annotation = |name: &str| webhook.annotations().get(name).cloned();
        Self {
            generation: webhook.metadata.generation,
            request: annotation(REQUESTED_AT),
            release: annotation(RELEASE),
            deleting: webhook.metadata.deletion_timestamp.is_some(),
        }
    }
}

impl Entry {
    pub(super) fn new(uid: String, known: Webhook) -> Self {
        let status = known.status.clone().unwrap_or_default();
        Self { uid, known, status, asked: Asked::default() }
    }

    /// Takes what the cache shows, unless it is older than what we wrote. A status that could not be written yet keeps
    /// what must not be lost: ids, intents, and what was applied.
    pub(super) fn refresh(&mut self, cached: &Webhook) {
        if version(cached) <= version(&self.known) {
            return;
        }
        let unwritten = self.known.status.clone().unwrap_or_default() != self.status;
        self.known = cached.clone();
        let shown = cached.status.clone().unwrap_or_default();
        self.status = if unwritten {
            let ours = std::mem::take(&mut self.status);
            WebhookStatus {
                external_id: ours.external_id,
                account: ours.account,
                pending: ours.pending,
                superseded: ours.superseded,
                last_applied: ours.last_applied,
                ..shown
            }
        } else {
            shown
        };
    }

    /// Whether our finalizer is on it.
    pub(super) fn is_held(&self) -> bool {
        self.known.finalizers().iter().any(|name| name == FINALIZER)
    }

    /// Whether it is being deleted.
    pub(super) fn is_leaving(&self) -> bool {
        self.asked.deleting
    }

    /// Whether it is being deleted and its subscription is to stay: that needs no vendor.
    pub(super) fn is_released(&self) -> bool {
        let retained = self.known.spec.deletion_policy == DeletionPolicy::Retain;
        self.asked.deleting && self.is_held() && (retained || self.asked.release.as_deref() == Some("true"))
    }

    /// Writes the status, if the cluster has another one.
    pub(super) async fn write(&mut self, recorder: &impl Recorder) -> Result<(), RecordError> {
        if self.known.status.as_ref() == Some(&self.status) {
            return Ok(());
        }
        if let Some(written) = recorder.webhook_status(&self.known, &self.status).await? {
            self.take(written);
        }
        Ok(())
    }

    /// Writes an intent, if nobody else has written the object since it was read.
    pub(super) async fn intend(
        &mut self,
        recorder: &impl Recorder,
        pending: Pending,
    ) -> Result<(), RecordError> {
        let before = self.status.pending.replace(pending);
        match recorder.webhook_intent(&self.known, &self.status).await {
            Ok(Some(written)) => self.take(written),
            Ok(None) => {}
            Err(error) => {
                self.status.pending = before;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Puts our finalizer on it, before the first write at the vendor.
    pub(super) async fn hold(&mut self, recorder: &impl Recorder) -> Result<(), RecordError> {
        if !self.is_held() {
            let written = recorder.add_finalizer(&self.known).await?;
            // Another process has been at work on it: what this pass goes by is old.
            let overtaken = written.status != self.known.status;
            self.take(written);
            if overtaken {
                self.status = self.known.status.clone().unwrap_or_default();
                return Err(RecordError::overtaken(&self.known));
            }
        }
        Ok(())
    }

    /// What a write gave back; who wrote which field is nothing we need.
    fn take(&mut self, mut written: Webhook) {
        written.metadata.managed_fields = None;
        self.known = written;
    }
}

/// Resource versions are numbers that grow; should one be none, it counts as the oldest, so that the cache wins.
pub(super) fn version(object: &impl kube::Resource) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default()
}
