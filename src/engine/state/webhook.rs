//! One Webhook in memory: as the cluster has it, as its status should be, and as the pass found it. A watch cache lags, so
//! that what we wrote ourselves is kept until the cache shows it.

use crate::api::status::{Pending, WebhookStatus};
use crate::api::webhook::DeletionPolicy;
use crate::api::{FINALIZER, ObjectKey, RELEASE, REQUESTED_AT, Webhook};
use crate::engine::cluster::scope::Scope;
use crate::engine::cluster::writer::{ClusterWriter, WriteError, failed, gone};
use crate::engine::state::effect::Effect;
use kube::ResourceExt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

/// The annotations of a Webhook that a pass goes by.
const OURS: [&str; 2] = [RELEASE, REQUESTED_AT];

/// The status of a Webhook that has none.
static NONE: LazyLock<WebhookStatus> = LazyLock::new(WebhookStatus::default);

/// One Webhook: as the cluster has it, and as its status should be.
pub(crate) struct WebhookState {
    /// The object's uid.
    pub(crate) uid: String,
    /// The newest state that the cluster is known to have: the cache's own copy, or what our own last write gave back.
    pub(crate) object: Arc<Webhook>,
    /// What the status should be. It differs from `known` while a write is still to be made, or failed.
    pub(crate) status: UnwrittenStatus,
    /// What the vendor did for it and the cluster has not recorded yet, oldest first.
    effects: Vec<Effect>,
    /// What this pass acts on. What our own writes give back may be newer than that: a person may have edited the object
    /// meanwhile, and that is for the next pass to see.
    pub(crate) requested: Requested,
    /// As it was when the last pass over it ended.
    pub(crate) handled: Option<Handled>,
    /// A mark of all that its status was made of when it was last in sync and nothing was left to be told of it.
    pub(crate) in_sync_fingerprint: Option<u64>,
}

/// Marks of one Webhook.
#[derive(Clone, Copy)]
pub(crate) struct Handled {
    /// Of what was asked, but for the request.
    pub(crate) asked: u64,
    /// Of the request.
    pub(crate) request: u64,
    /// Of what is written, and in which version.
    pub(crate) written: u64,
    pub(crate) version: u64,
}

/// What people ask of a Webhook, as a pass found it when it began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Requested {
    pub(crate) generation: Option<i64>,
    pub(crate) request: Option<String>,
    release: Option<String>,
    deleting: bool,
}

impl Requested {
    /// Everything that is asked for but a pass.
    pub(crate) fn but_request(&self) -> (Option<i64>, Option<&str>, bool) {
        (self.generation, self.release.as_deref(), self.deleting)
    }

    pub(crate) fn of(webhook: &Webhook) -> Self {
        let annotation = |name: &str| webhook.annotations().get(name).cloned();
        Self {
            generation: webhook.metadata.generation,
            request: annotation(REQUESTED_AT),
            release: annotation(RELEASE),
            deleting: webhook.metadata.deletion_timestamp.is_some(),
        }
    }
}

/// What a status should be: the one that the cluster is known to have, until it is written to.
pub(crate) struct UnwrittenStatus {
    known: Arc<Webhook>,
    ours: Option<Box<WebhookStatus>>,
}

impl UnwrittenStatus {
    fn as_known(known: &Arc<Webhook>) -> Self {
        Self { known: Arc::clone(known), ours: None }
    }

    /// Whether the cluster has just this one, as far as is known without a look.
    pub(crate) fn is_known(&self) -> bool {
        self.ours.is_none()
    }

    /// Whether the cluster has another one; what is equal is kept once.
    fn is_unwritten(&mut self) -> bool {
        let known = self.known.status.as_ref().unwrap_or(&NONE);
        self.ours = self.ours.take().filter(|ours| **ours != *known);
        self.ours.is_some()
    }

    /// The cluster has this now; ours, if there is one, is still to be written.
    fn over(&mut self, known: &Arc<Webhook>) {
        self.known = Arc::clone(known);
        self.is_unwritten();
    }
}

impl Deref for UnwrittenStatus {
    type Target = WebhookStatus;

    fn deref(&self) -> &WebhookStatus {
        self.ours.as_deref().or(self.known.status.as_ref()).unwrap_or(&NONE)
    }
}

impl DerefMut for UnwrittenStatus {
    fn deref_mut(&mut self) -> &mut WebhookStatus {
        let known = &self.known;
        self.ours.get_or_insert_with(|| Box::new(known.status.clone().unwrap_or_default()))
    }
}

/// Cuts off what nobody here reads, and room that nobody needs: thousands of Webhooks are kept.
pub(crate) fn slim(webhook: &mut Webhook) {
    let metadata = &mut webhook.metadata;
    metadata.managed_fields = None;
    metadata.labels = None;
    metadata.owner_references = None;
    metadata.annotations = metadata.annotations.take().and_then(|mut all| {
        all.retain(|name, _| OURS.contains(&name.as_str()));
        (!all.is_empty()).then_some(all)
    });
    metadata.finalizers.iter_mut().for_each(Vec::shrink_to_fit);
    webhook.spec.subscription.shrink_to_fit();
    if let Some(status) = &mut webhook.status {
        status.conditions.shrink_to_fit();
    }
}

impl WebhookState {
    /// Orders Webhooks by age, oldest first.
    pub(crate) fn age(&self) -> (i64, ObjectKey) {
        let created = self.object.metadata.creation_timestamp.as_ref();
        (created.map_or(0, |time| time.0.as_second()), ObjectKey::of(&*self.object))
    }

    pub(crate) fn new(uid: String, object: Arc<Webhook>) -> Self {
        let status = UnwrittenStatus::as_known(&object);
        Self {
            uid,
            object,
            status,
            effects: Vec::new(),
            requested: Requested::default(),
            handled: None,
            in_sync_fingerprint: None,
        }
    }

    /// Replaces the known state by the cache's, unless that is older. Of a status that was made of an older state only the
    /// effects at the vendor are kept.
    pub(crate) fn refresh(&mut self, cached: &Arc<Webhook>) {
        if version(&**cached) >= version(&*self.object) && !self.share(cached) {
            self.rebase(Arc::clone(cached));
        }
    }

    /// Starts again from a newer state of the object: drops the unwritten status, which was derived from an older one, and
    /// adds the effects at the vendor to the new one.
    fn rebase(&mut self, known: Arc<Webhook>) {
        self.status = UnwrittenStatus::as_known(&known);
        self.object = known;
        for effect in &self.effects {
            effect.apply(&mut self.status);
        }
    }

    /// Adds an effect at the vendor to the status, and keeps it until the cluster has recorded it.
    pub(crate) fn note(&mut self, effect: Effect) {
        effect.apply(&mut self.status);
        self.effects.push(effect);
    }

    /// What the cache shows may be what is known already: then it is kept once. Gives whether it is.
    pub(crate) fn share(&mut self, cached: &Arc<Webhook>) -> bool {
        let same = version(&**cached) == version(&*self.object);
        if same {
            self.object = Arc::clone(cached);
            self.status.over(&self.object);
        }
        same
    }

    /// Whether our finalizer is on it.
    pub(crate) fn has_finalizer(&self) -> bool {
        self.object.finalizers().iter().any(|name| name == FINALIZER)
    }

    /// Whether a person has asked for a pass that is still to come.
    pub(crate) fn is_asked_for(&self) -> bool {
        is_unanswered(self.requested.request.as_ref(), self.status.last_handled_request.as_ref())
    }

    /// Whether it is being deleted.
    pub(crate) fn is_leaving(&self) -> bool {
        self.requested.deleting
    }

    /// Whether it is being deleted and its subscription is to stay: that needs no vendor.
    pub(crate) fn is_released(&self) -> bool {
        let retained = self.object.spec.deletion_policy == DeletionPolicy::Retain;
        self.requested.deleting
            && self.has_finalizer()
            && (retained || self.requested.release.as_deref() == Some("true"))
    }

    /// Writes the status, if the cluster has another one.
    ///
    /// # Errors
    ///
    /// A conflict if somebody has written the object since it was read: it has been read again by then, and the next pass decides
    /// on the newer state.
    pub(crate) async fn write(&mut self, recorder: &impl ClusterWriter) -> Result<(), WriteError> {
        if !self.status.is_unwritten() {
            self.effects.clear();
            return Ok(());
        }
        let mut result = recorder.webhook_status(&self.object, &self.status).await;
        if let Err(error) = result {
            let (known, wanted) = (Arc::clone(&self.object), self.status.clone());
            let error = self.read_again(recorder, error).await;
            // Only an annotation is another, a request to come, say: the status is still what it should be.
            if Arc::ptr_eq(&known, &self.object) || !is_same_but_for_annotations(&known, &self.object) {
                return Err(error);
            }
            *self.status = wanted;
            result = recorder.webhook_status(&self.object, &self.status).await;
        }
        match result {
            Ok(Some(written)) => {
                self.take(written);
                self.effects.clear();
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => Err(self.read_again(recorder, error).await),
        }
    }

    /// Stores the intent of a create. Without it nothing may be sent.
    ///
    /// # Errors
    ///
    /// A conflict as in [`write`](Self::write), and if the object is gone.
    pub(crate) async fn write_pending_create(
        &mut self,
        recorder: &impl ClusterWriter,
        pending: Pending,
    ) -> Result<(), WriteError> {
        self.status.pending = Some(pending);
        match recorder.webhook_status(&self.object, &self.status).await {
            Ok(Some(written)) => {
                self.take(written);
                self.effects.clear();
                Ok(())
            }
            Ok(None) => Err(failed("intent", &*self.object, gone(&*self.object))),
            Err(error) => {
                self.rebase(Arc::clone(&self.object));
                Err(self.read_again(recorder, error).await)
            }
        }
    }

    /// Reads the object again after a conflict, so that the next pass does not run into the same one while the watch cache lags.
    async fn read_again(&mut self, recorder: &impl ClusterWriter, error: WriteError) -> WriteError {
        if error.scope() == Scope::Conflict
            && let Ok(Some(mut current)) = recorder.webhook(&self.object).await
        {
            slim(&mut current);
            self.rebase(Arc::new(current));
        }
        error
    }

    /// Puts our finalizer on it, before the first write at the vendor.
    pub(crate) async fn add_finalizer(&mut self, recorder: &impl ClusterWriter) -> Result<(), WriteError> {
        if !self.has_finalizer() {
            let mut written = recorder.add_finalizer(&self.object).await?;
            // Another process has been at work on it: this pass was planned on an older state.
            if written.status != self.object.status {
                slim(&mut written);
                self.rebase(Arc::new(written));
                return Err(WriteError::overtaken(&self.object));
            }
            self.take(written);
        }
        Ok(())
    }

    /// Takes our finalizer off, when nothing is left to be done at the vendor.
    ///
    /// # Errors
    ///
    /// A conflict if another process has recorded something since the object was read, which may be a subscription to delete.
    pub(crate) async fn remove_finalizer(&mut self, recorder: &impl ClusterWriter) -> Result<(), WriteError> {
        match recorder.remove_finalizer(&self.object).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.read_again(recorder, error).await),
        }
    }

    /// What a write gave back.
    fn take(&mut self, mut written: Webhook) {
        slim(&mut written);
        self.object = Arc::new(written);
        self.status.over(&self.object);
    }
}

/// Whether two states of a Webhook declare and record the same.
fn is_same_but_for_annotations(one: &Webhook, other: &Webhook) -> bool {
    let meta = |webhook: &Webhook| {
        let meta = &webhook.metadata;
        (meta.uid.clone(), meta.generation, meta.deletion_timestamp.is_some(), meta.finalizers.clone())
    };
    meta(one) == meta(other) && one.status == other.status
}

/// Whether a request, of a Webhook or an account, is another than the one that was handled last.
pub(crate) fn is_unanswered(request: Option<&String>, handled: Option<&String>) -> bool {
    request.is_some() && request != handled
}

/// Resource versions are numbers that grow; should one be none, it counts as the oldest, so that the cache wins.
pub(crate) fn version(object: &impl kube::Resource) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default()
}
