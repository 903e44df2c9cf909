//! The writer of a dry run: writes nothing to a cluster, and passes events to a callback.

use crate::api::status::{AccountStatus, WebhookStatus};
use crate::api::{ACCOUNT_FINALIZER, FINALIZER, VendorAccount, Webhook};
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::writer::{ClusterWriter, WriteError};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource, ResourceExt};

/// Accepts each write and returns the object as if it had been written; stores nothing.
pub(crate) struct DryRunWriter<F> {
    /// Receives the events.
    pub(crate) tell: F,
}

/// Returns the next resource version, as a write would.
fn written<K: Resource>(mut object: K) -> K {
    let version =
        object.resource_version().and_then(|version| version.parse::<u64>().ok()).unwrap_or_default();
    object.meta_mut().resource_version = Some((version + 1).to_string());
    object
}

fn held<K: Resource + Clone>(object: &K, finalizer: &str) -> K {
    let mut object = written(object.clone());
    if !object.finalizers().iter().any(|name| name == finalizer) {
        object.finalizers_mut().push(finalizer.into());
    }
    object
}

impl<F: Fn(&ObjectReference, &EventRecord) + Send + Sync> ClusterWriter for DryRunWriter<F> {
    async fn webhook(&self, webhook: &Webhook) -> Result<Option<Webhook>, WriteError> {
        Ok(Some(webhook.clone()))
    }

    async fn webhook_status(
        &self,
        webhook: &Webhook,
        status: &WebhookStatus,
    ) -> Result<Option<Webhook>, WriteError> {
        Ok(Some(Webhook { status: Some(status.clone()), ..written(webhook.clone()) }))
    }

    async fn account_status(
        &self,
        account: &VendorAccount,
        status: &AccountStatus,
    ) -> Result<Option<VendorAccount>, WriteError> {
        Ok(Some(VendorAccount { status: Some(status.clone()), ..written(account.clone()) }))
    }

    async fn add_finalizer(&self, webhook: &Webhook) -> Result<Webhook, WriteError> {
        Ok(held(webhook, FINALIZER))
    }

    async fn remove_finalizer(&self, _: &Webhook) -> Result<(), WriteError> {
        Ok(())
    }

    async fn add_account_finalizer(&self, account: &VendorAccount) -> Result<VendorAccount, WriteError> {
        Ok(held(account, ACCOUNT_FINALIZER))
    }

    async fn remove_account_finalizer(&self, _: &VendorAccount) -> Result<(), WriteError> {
        Ok(())
    }

    async fn event(&self, on: ObjectReference, happened: &EventRecord) {
        (self.tell)(&on, happened);
    }
}
