//! State kept between passes of one Webhook. The watch cache lags behind our own writes, so the object that a write returned is kept
//! until the cache shows it or a newer one.

use super::attempts::Attempts;
use super::corrections::Corrections;
use super::creates::{Creates, GracePeriod};
use super::effect::Effect;
use super::reenable::Reenable;
use super::refusals::Refusals;
use super::requested::{Requested, is_unanswered};
use super::spellings::Spellings;
use super::unwritten::UnwrittenStatus;
use crate::api::webhook::DeletionPolicy;
use crate::api::webhook_set::is_set;
use crate::api::{FINALIZER, ObjectKey, RELEASE, REQUESTED_AT, SET_REVISION, Webhook};
use crate::engine::clock;
use crate::engine::fingerprint::fingerprint;
use crate::plan::Document;
use crate::vendor;
use kube::ResourceExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The annotations of a Webhook that are read.
const ANNOTATIONS: [&str; 3] = [RELEASE, REQUESTED_AT, SET_REVISION];

/// State kept between passes of one Webhook.
pub(crate) struct WebhookState {
    /// The newest known version of the object: the cache's own copy, or what our last write returned.
    pub(crate) object: Arc<Webhook>,
    /// The status that the object should have.
    pub(crate) status: UnwrittenStatus,
    /// Facts that follow from calls to the vendor and that the cluster has not recorded yet, oldest first.
    effects: Vec<Effect>,
    /// What this pass acts on. A write may return an object that a user has edited meanwhile: that edit is for the next pass.
    pub(crate) requested: Requested,
    /// The inputs that the last pass has handled.
    pub(crate) handled: Option<HandledWebhook>,
    /// Fingerprint of everything that its status was derived from when it was last in sync, with nothing left to report.
    pub(crate) status_inputs: Option<u64>,
    /// Fingerprint of the document that the vendor had when it was last in sync.
    in_sync: Option<u64>,
    pub(crate) creates: Creates,
    pub(crate) attempts: Attempts,
    pub(crate) reenable: Reenable,
    pub(crate) corrections: Corrections,
    pub(crate) spellings: Spellings,
    pub(crate) refusals: Refusals,
}

/// Fingerprints of the inputs of one Webhook that a pass has handled.
#[derive(Clone, Copy)]
pub(crate) struct HandledWebhook {
    /// What was requested, but for a pass.
    pub(crate) requested: u64,
    /// The annotation that requests a pass.
    pub(crate) request: u64,
    /// Status and finalizer, and in which version of the object.
    pub(crate) written: u64,
    pub(crate) version: u64,
}

impl WebhookState {
    pub(crate) fn new(object: Arc<Webhook>) -> Self {
        let status = UnwrittenStatus::of(&object);
        Self {
            object,
            status,
            effects: Vec::new(),
            requested: Requested::default(),
            handled: None,
            status_inputs: None,
            in_sync: None,
            creates: Creates::default(),
            attempts: Attempts::default(),
            reenable: Reenable::default(),
            corrections: Corrections::default(),
            spellings: Spellings::default(),
            refusals: Refusals::default(),
        }
    }

    /// Returns the uid of the object, which every version of it has.
    pub(crate) fn uid(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }

    /// Returns a key that sorts Webhooks by age, oldest first.
    pub(crate) fn age(&self) -> (i64, ObjectKey) {
        let created = self.object.metadata.creation_timestamp.as_ref();
        (created.map_or(0, |time| time.0.as_second()), ObjectKey::of(&*self.object))
    }

    /// Replaces the object by the cache's, unless that is older.
    pub(crate) fn refresh(&mut self, cached: &Arc<Webhook>) {
        if version(&**cached) == version(&*self.object) {
            // The cache's copy, so that an object is in memory once.
            self.object = Arc::clone(cached);
            self.status.move_to(cached);
        } else if version(&**cached) > version(&*self.object) {
            self.rebase(Arc::clone(cached));
        }
    }

    /// Starts again from a newer version of the object: drops the unwritten status, which was derived from an older one, and adds the
    /// effects at the vendor to the newer one.
    pub(crate) fn rebase(&mut self, object: Arc<Webhook>) {
        self.status = UnwrittenStatus::of(&object);
        self.object = object;
        for effect in &self.effects {
            effect.apply(&mut self.status);
        }
    }

    /// Adds an effect at the vendor to the status, and keeps it until the cluster has recorded it.
    pub(crate) fn note(&mut self, effect: Effect) {
        effect.apply(&mut self.status);
        self.effects.push(effect);
    }

    /// Takes the object that a write returned.
    pub(crate) fn written(&mut self, mut object: Webhook) {
        slim(&mut object);
        self.object = Arc::new(object);
        self.status.move_to(&self.object);
    }

    /// Forgets the effects, and frees their memory: the cluster has recorded them.
    pub(crate) fn effects_recorded(&mut self) {
        self.effects = Vec::new();
    }

    pub(crate) fn has_finalizer(&self) -> bool {
        self.object.finalizers().iter().any(|name| name == FINALIZER)
    }

    /// Whether a user has requested a pass that is still to come.
    pub(crate) fn is_pass_requested(&self) -> bool {
        is_unanswered(self.requested.request.as_ref(), self.status.last_handled_request.as_ref())
    }

    pub(crate) fn is_deleting(&self) -> bool {
        self.requested.deleting
    }

    /// Whether it is being deleted and keeps its subscription, so that its finalizer can be removed without a call to the vendor.
    pub(crate) fn is_released(&self) -> bool {
        let retained = self.object.spec.deletion_policy == DeletionPolicy::Retain;
        let released = self.requested.release.as_deref() == Some("true");
        self.requested.deleting && self.has_finalizer() && (retained || released)
    }

    /// Forgets everything that delays the next attempt: a user has requested a pass.
    pub(crate) fn retry_now(&mut self) {
        self.attempts.clear();
        self.corrections.clear();
        self.reenable.make_due();
        self.refusals.make_due();
    }

    /// Records that the vendor has this document.
    pub(crate) fn record_in_sync(&mut self, document: &Document) {
        self.in_sync = Some(fingerprint(document));
        self.attempts.clear();
    }

    /// Whether the vendor had another document when it was last in sync. None if it was not in sync since the process started.
    pub(crate) fn differs_from_in_sync(&self, document: &Document) -> Option<bool> {
        self.in_sync.map(|in_sync| in_sync != fingerprint(document))
    }

    /// Returns for how much longer than `read` the vendor's list may lack the subscription.
    pub(crate) fn time_until_listed(&self, read: Instant) -> Duration {
        let lag = vendor::list_lag(self.object.spec.subscription.vendor());
        self.creates.time_until_listed(&self.status, lag, read)
    }

    /// Returns for how long the grace period of a pending create has been over, if there is one and it is.
    pub(crate) fn create_over_for(&self, grace: GracePeriod) -> Option<Duration> {
        self.creates.over_for(self.status.pending.as_ref()?, grace)
    }

    /// Returns the error that the Webhook still backs off from.
    pub(crate) fn backs_off(&self) -> Option<&vendor::VendorError> {
        self.attempts.backs_off(self.requested.generation)
    }

    /// Records a failed write at the vendor.
    pub(crate) fn record_failure(&mut self, error: &vendor::VendorError) {
        self.attempts.record_failure(self.requested.generation, error);
    }

    /// Records that the API server refused a write; see [`Refusals::record`].
    pub(crate) fn record_refusal(&mut self, message: String, grid: Instant) -> bool {
        self.refusals.record(&self.requested, message, grid)
    }

    /// Whether the Webhook waits because the API server refused to write it.
    pub(crate) fn is_refused(&self) -> bool {
        self.refusals.blocks(&self.requested)
    }

    /// Takes in what the status names, so that it is known since when.
    pub(crate) fn observe_status(&mut self) {
        self.creates.observe(&self.status);
    }

    /// Returns the time since when a list is older than the end of a pending create's grace period; see [`Self::create_over_for`].
    pub(crate) fn create_ended_after(&self, read: Instant, grace: GracePeriod) -> bool {
        self.create_over_for(grace).is_some_and(|over| over < clock::since(read))
    }
}

/// Cuts off what is not read: an operator keeps thousands of Webhooks in memory.
pub(crate) fn slim(webhook: &mut Webhook) {
    let metadata = &mut webhook.metadata;
    metadata.managed_fields = None;
    metadata.labels = None;
    metadata.owner_references = metadata.owner_references.take().and_then(|mut all| {
        all.retain(is_set);
        (!all.is_empty()).then_some(all)
    });
    metadata.annotations = metadata.annotations.take().and_then(|mut all| {
        all.retain(|name, _| ANNOTATIONS.contains(&name.as_str()));
        (!all.is_empty()).then_some(all)
    });
    webhook.spec.subscription.shrink_to_fit();
}

/// Returns the resource version as a number that grows. One that is no number counts as the oldest, so that the cache wins.
pub(crate) fn version(object: &impl kube::Resource) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn recorded_effects_take_no_memory() {
        let webhook = json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook", "metadata": {"name": "a", "namespace": "n"},
            "spec": {"accountRef": {"name": "acc"}, "subscription": {"superoffice":
                {"name": "a", "events": ["contact.created"], "targetUrl": "https://h"}}},
        });
        let mut state = WebhookState::new(Arc::new(serde_json::from_value(webhook).unwrap()));
        state.note(Effect::Deleted { id: "7".into() });
        state.effects_recorded();
        assert_eq!(state.effects.capacity(), 0);
    }
}
