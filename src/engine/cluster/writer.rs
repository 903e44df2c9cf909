//! Writes statuses, finalizers and events. In the engine, only this module and `token_store` write to the cluster.

use crate::api::status::{AccountStatus, WebhookStatus};
use crate::api::{
    ACCOUNT_FINALIZER, FINALIZER, NamespaceName, ObjectName, StoredWebhook, VendorAccount, Webhook,
};
use crate::engine::cluster::event::{EventRecord, event};
use crate::engine::cluster::event_limit::EventLimiter;
use crate::engine::cluster::objects::{ObjectApi, in_namespace, passes};
use crate::engine::cluster::scope::Scope;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Value, json};
use std::sync::Arc;

/// The field manager, and the reporting controller of events.
const MANAGER: &str = "hooktender";
/// How often the write of a finalizer is retried after a conflict.
const CONFLICTS: usize = 5;
/// Maximum length, in characters, of the API server's message in conditions and events.
const LONGEST_WORDS: usize = 300;

/// A write to the cluster that failed.
#[derive(Debug, thiserror::Error)]
#[error("the request to the API server failed: {what} of {object}")]
pub(crate) struct WriteError {
    what: &'static str,
    object: String,
    #[source]
    source: Box<kube::Error>,
}

impl WriteError {
    /// Returns the error of a write whose object was changed by another client since it was read.
    pub(crate) fn overtaken(webhook: &Webhook) -> Self {
        let message = "another process has written its status since it was read";
        let status = kube::core::Status::failure(message, "Conflict").with_code(409);
        failed("pending create", webhook, kube::Error::Api(Box::new(status)))
    }

    /// Whether another client has written the object since it was read.
    pub(crate) fn is_conflict(&self) -> bool {
        self.scope() == Scope::Conflict
    }

    /// Returns what the failure concerns: the object, all objects, or the API server.
    pub(crate) fn scope(&self) -> Scope {
        match &*self.source {
            kube::Error::Api(status) => Scope::of(status),
            _ => Scope::Server,
        }
    }

    /// Returns what was refused, with the API server's message, for conditions and events.
    pub(crate) fn in_words(&self) -> String {
        let why = match &*self.source {
            kube::Error::Api(status) => status.message.clone(),
            source => source.to_string(),
        };
        let mut words: String = why.chars().take(LONGEST_WORDS).collect();
        if words.len() < why.len() {
            words.push('…');
        }
        format!("its {} is refused: {words}", self.what)
    }
}

/// Writes statuses, finalizers and events.
pub(crate) trait ClusterWriter: Send + Sync {
    /// Reads the object again; none if it is gone, also if a new one has its name.
    fn webhook(&self, webhook: &Webhook) -> impl Future<Output = Result<Option<Webhook>, WriteError>> + Send;

    /// Writes the status. Returns the object as it is now, or none if it is gone. Fails with a conflict if another client has
    /// written the object since it was read: a status derived from the older version could undo what another process recorded.
    fn webhook_status(
        &self,
        webhook: &Webhook,
        status: &WebhookStatus,
    ) -> impl Future<Output = Result<Option<Webhook>, WriteError>> + Send;

    /// Writes the status. Returns the object as it is now, or none if it is gone.
    fn account_status(
        &self,
        account: &VendorAccount,
        status: &AccountStatus,
    ) -> impl Future<Output = Result<Option<VendorAccount>, WriteError>> + Send;

    /// Adds our finalizer. Returns the object as it is now.
    fn add_finalizer(&self, webhook: &Webhook) -> impl Future<Output = Result<Webhook, WriteError>> + Send;

    /// Removes our finalizer, if the object still exists. Fails with a conflict if its status has changed since it was read.
    fn remove_finalizer(&self, webhook: &Webhook) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Adds our finalizer to an account, unless it is being deleted. Returns the account as it is now.
    fn add_account_finalizer(
        &self,
        account: &VendorAccount,
    ) -> impl Future<Output = Result<VendorAccount, WriteError>> + Send;

    /// Removes our finalizer from an account, if it still exists.
    fn remove_account_finalizer(
        &self,
        account: &VendorAccount,
    ) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Publishes an event, unless the object has too many. A failure is logged and not retried.
    fn event(&self, on: ObjectReference, happened: &EventRecord) -> impl Future<Output = ()> + Send;
}

/// Writes to a cluster.
#[derive(Clone)]
pub(crate) struct KubeWriter {
    client: Client,
    instance: String,
    events: Arc<EventLimiter>,
}

impl KubeWriter {
    /// Creates a writer. `instance` identifies this process in events.
    pub(crate) fn new(client: Client, instance: String) -> Self {
        Self { client, instance, events: Arc::default() }
    }

    /// Returns the API of one object.
    pub(super) fn api<K: Resource<Scope = kube::core::NamespaceResourceScope>>(
        &self,
        object: &K,
    ) -> Result<ObjectApi<K>, WriteError>
    where
        K::DynamicType: Default,
    {
        let at = ObjectName::of(object);
        let at = at.map_err(|error| failed("name", object, kube::Error::Service(Box::new(error))))?;
        Ok(ObjectApi::new(&self.client, &at))
    }

    /// Writes a status. `at`: the version that the object must still have. None: it is gone.
    pub(super) async fn status<K>(
        &self,
        object: &K,
        status: &impl serde::Serialize,
        at: Option<String>,
    ) -> Result<Option<K>, WriteError>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug,
        K: serde::de::DeserializeOwned + serde::Serialize,
    {
        let mut body = json!({ "apiVersion": K::api_version(&()), "kind": K::kind(&()), "status": status });
        // A precondition: an object that was deleted and created again under this name has another uid.
        body["metadata"] = json!({ "uid": object.uid() });
        if let Some(version) = at {
            body["metadata"]["resourceVersion"] = json!(version);
        }
        let params = PatchParams::apply(MANAGER).force();
        let kind = K::kind(&());
        let api = self.api(object)?;
        let written = async {
            passes([&kind, "status", "writing"]).await?;
            let written = match api.patch_status(&params, &Patch::Apply(&body)).await {
                // A client that wrote a status field by hand owns it, so that leaving the field out does not remove it. The rest may
                // then be invalid. A merge patch removes it.
                Err(kube::Error::Api(refused)) if refused.code == 422 => {
                    clear_absent(&mut body["status"], object);
                    let params =
                        PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
                    api.patch_status(&params, &Patch::Merge(&body)).await?
                }
                written => written?,
            };
            passes([&kind, "status", "written"]).await?;
            Ok(written)
        };
        match written.await {
            Ok(written) => Ok(Some(written)),
            Err(kube::Error::Api(refused)) if refused.is_not_found() => Ok(None),
            Err(error) => Err(failed("status", object, error)),
        }
    }

    /// Changes the finalizers of an object. After a conflict reads the object again, and changes it if `may` still allows that.
    /// Returns none if the object is gone.
    pub(super) async fn finalizers<K>(
        &self,
        object: &K,
        change: impl Fn(&mut Vec<String>),
        may: impl Fn(&K) -> bool,
    ) -> Result<Option<K>, WriteError>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug,
        K: serde::de::DeserializeOwned,
    {
        let api = self.api(object)?;
        let mut current = object.clone();
        let mut tries = 0;
        let kind = K::kind(&());
        let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        loop {
            let mut finalizers = current.finalizers().to_vec();
            change(&mut finalizers);
            if finalizers == current.finalizers() {
                return Ok(Some(current));
            }
            let body = json!({ "metadata": {
                "uid": current.uid(), "resourceVersion": current.resource_version(), "finalizers": finalizers,
            } });
            let verb = if finalizers.len() > current.finalizers().len() { "hold" } else { "release" };
            let written = async {
                passes([&kind, verb, "writing"]).await?;
                let written = api.patch(&params, &Patch::Merge(&body)).await?;
                passes([&kind, verb, "written"]).await?;
                Ok(written)
            };
            let conflict = match written.await {
                Ok(written) => return Ok(Some(written)),
                Err(kube::Error::Api(refused)) if refused.is_not_found() => return Ok(None),
                Err(error @ kube::Error::Api(_)) if is_conflict(&error) && tries < CONFLICTS => error,
                Err(error) => return Err(failed("finalizer", object, error)),
            };
            tries += 1;
            match api.read().await {
                Ok(Some(now)) if now.uid() == object.uid() && !may(&now) => {
                    return Err(failed("finalizer", object, conflict));
                }
                Ok(Some(now)) if now.uid() == object.uid() => current = now,
                Ok(_) => return Ok(None),
                Err(error) => return Err(failed("finalizer", object, error)),
            }
        }
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(refused) if refused.is_conflict())
}

pub(crate) fn failed<K: Resource>(what: &'static str, object: &K, error: kube::Error) -> WriteError
where
    K::DynamicType: Default,
{
    let kind = K::kind(&K::DynamicType::default()).into_owned();
    let object = format!("{kind} {}/{}", object.namespace().unwrap_or_default(), object.name_any());
    WriteError { what, object, source: Box::new(error) }
}

impl ClusterWriter for KubeWriter {
    async fn webhook(&self, webhook: &Webhook) -> Result<Option<Webhook>, WriteError> {
        let stored = stored(webhook);
        let current = self.api(&stored)?.read().await;
        let current = current.map_err(|error| failed("newest version", webhook, error))?;
        read(webhook, current.filter(|current| current.uid() == webhook.uid()))
    }

    async fn webhook_status(
        &self,
        webhook: &Webhook,
        status: &WebhookStatus,
    ) -> Result<Option<Webhook>, WriteError> {
        read(webhook, self.status(&stored(webhook), status, webhook.resource_version()).await?)
    }

    async fn account_status(
        &self,
        account: &VendorAccount,
        status: &AccountStatus,
    ) -> Result<Option<VendorAccount>, WriteError> {
        self.status(account, status, None).await
    }

    async fn add_finalizer(&self, webhook: &Webhook) -> Result<Webhook, WriteError> {
        let held = self.finalizers(&stored(webhook), |all| add(all, FINALIZER), |_| true).await?;
        // A Webhook that is already gone needs no finalizer.
        read(webhook, held)?.ok_or_else(|| failed("finalizer", webhook, gone(webhook)))
    }

    async fn remove_finalizer(&self, webhook: &Webhook) -> Result<(), WriteError> {
        let as_read = |now: &StoredWebhook| match &now.0 {
            Ok(now) => now.status == webhook.status,
            Err(_) => true,
        };
        let remove = |all: &mut Vec<String>| all.retain(|name| name != FINALIZER);
        self.finalizers(&stored(webhook), remove, as_read).await.map(|_| ())
    }

    async fn add_account_finalizer(&self, account: &VendorAccount) -> Result<VendorAccount, WriteError> {
        if account.metadata.deletion_timestamp.is_some() {
            return Ok(account.clone());
        }
        let held = self.finalizers(account, |all| add(all, ACCOUNT_FINALIZER), |_| true).await?;
        held.ok_or_else(|| failed("finalizer", account, gone(account)))
    }

    async fn remove_account_finalizer(&self, account: &VendorAccount) -> Result<(), WriteError> {
        self.finalizers(account, |all| all.retain(|name| name != ACCOUNT_FINALIZER), |_| true)
            .await
            .map(|_| ())
    }

    async fn event(&self, on: ObjectReference, happened: &EventRecord) {
        if !self.events.admits(&on) {
            tracing::debug!(
                namespace = on.namespace,
                name = on.name,
                reason = happened.reason,
                "event dropped: the object has too many"
            );
            return;
        }
        let Ok(namespace) = NamespaceName::new(on.namespace.as_deref().unwrap_or_default()) else { return };
        let api: Api<Event> = in_namespace(&self.client, &namespace);
        // Not kube's own recorder: it folds events that differ only in their note into one that keeps the first note.
        let event = event(on, happened, &self.instance, rand::random());
        let made = async {
            passes(["event", "writing"]).await?;
            api.create(&PostParams::default(), &event).await?;
            passes(["event", "written"]).await
        };
        match made.await {
            Ok(()) => {}
            Err(kube::Error::Api(refused)) if matches!(refused.code, 400 | 413 | 422) => {
                tracing::warn!(error = %refused.message, "the API server refused an event: please report it");
            }
            Err(error) => tracing::debug!(%error, "the API server did not store an event"),
        }
    }
}

/// Adds a null for each field of the object's status that the new status lacks, so that a merge patch removes it.
fn clear_absent(status: &mut Value, object: &impl serde::Serialize) {
    let known = serde_json::to_value(object).unwrap_or_default();
    if let (Some(status), Some(known)) = (status.as_object_mut(), known["status"].as_object()) {
        for name in known.keys() {
            status.entry(name).or_insert(Value::Null);
        }
    }
}

/// Wraps a Webhook in the type for stored objects, so that the API server's answer can be read even if another version has written
/// the spec.
fn stored(webhook: &Webhook) -> StoredWebhook {
    StoredWebhook(Ok(webhook.clone()))
}

fn read(webhook: &Webhook, answer: Option<StoredWebhook>) -> Result<Option<Webhook>, WriteError> {
    match answer {
        None => Ok(None),
        Some(StoredWebhook(Ok(answer))) => Ok(Some(answer)),
        Some(StoredWebhook(Err(invalid))) => {
            Err(failed("answer", webhook, kube::Error::SerdeError(serde::de::Error::custom(invalid))))
        }
    }
}

pub(super) fn add(all: &mut Vec<String>, finalizer: &str) {
    if !all.iter().any(|name| name == finalizer) {
        all.push(finalizer.into());
    }
}

pub(crate) fn gone(object: &impl Resource) -> kube::Error {
    let status =
        kube::core::Status::failure(&format!("{} is gone", object.name_any()), "NotFound").with_code(404);
    kube::Error::Api(Box::new(status))
}
