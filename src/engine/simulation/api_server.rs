//! The API server: how it answers a process, with writes that fail.

use super::step::ApiFault;
use super::world::{State, World};
use crate::api::status::{AccountStatus, WebhookStatus};
use crate::api::{ACCOUNT_FINALIZER, FINALIZER, VendorAccount, Webhook};
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::secrets::SecretReader;
use crate::engine::cluster::values::Values;
use crate::engine::cluster::writer::{ClusterWriter, WriteError, failed, gone};
use crate::engine::dependency::NamedKeys;
use crate::engine::dependency::ReadFailure;
use crate::vendor::TokenStore;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ObjectReference, Secret};
use kube::{Resource, ResourceExt};
use std::sync::Arc;

fn refused<K: Resource<DynamicType = ()>>(object: &K, code: u16) -> WriteError {
    let status = kube::core::Status::failure("refused", "Refused").with_code(code);
    failed("write", object, kube::Error::Api(Box::new(status)))
}

impl World {
    /// A write to the API server, with the fault that is armed.
    async fn write<K, T>(
        &self,
        object: &K,
        write: impl FnOnce(&mut State) -> Result<T, WriteError>,
    ) -> Result<T, WriteError>
    where
        K: Resource<DynamicType = ()>,
    {
        self.effect(|state, _| {
            state.cluster.writes += 1;
            if state.cluster.is_unreachable(state.now, state.acting) {
                return Err(refused(object, 503));
            }
            let fault = state.cluster.faults.pop_front();
            state.counts.faults += u64::from(fault.is_some());
            match fault {
                None => write(state),
                Some(ApiFault::Before) => Err(refused(object, 503)),
                Some(ApiFault::Invalid) => Err(refused(object, 422)),
                Some(ApiFault::After) => write(state).and_then(|_| Err(refused(object, 504))),
            }
        })
        .await
    }
}

fn without(finalizers: &[String], ours: &str) -> Vec<String> {
    finalizers.iter().filter(|name| *name != ours).cloned().collect()
}

/// Writes name objects, as those to a real API server do: the name is the slot's number.
fn slot(webhook: &Webhook) -> u8 {
    webhook.name_any().parse().unwrap_or(u8::MAX)
}

impl ClusterWriter for World {
    async fn webhook(&self, webhook: &Webhook) -> Result<Option<Webhook>, WriteError> {
        self.effect(|state, _| {
            if state.cluster.is_unreachable(state.now, state.acting) {
                return Err(refused(webhook, 503));
            }
            let now = state.cluster.objects.get(&slot(webhook)).filter(|now| now.uid() == webhook.uid());
            Ok(now.map(|now| (**now).clone()))
        })
        .await
    }

    async fn webhook_status(
        &self,
        webhook: &Webhook,
        status: &WebhookStatus,
    ) -> Result<Option<Webhook>, WriteError> {
        self.write(webhook, |state| {
            let slot = slot(webhook);
            let Some(now) = state.cluster.objects.get(&slot).cloned() else { return Ok(None) };
            if now.resource_version() != webhook.resource_version() {
                return Err(refused(webhook, 409));
            }
            let mut now = (*now).clone();
            now.status = Some(status.clone());
            let stored = state.cluster.store(slot, now);
            state.note_status(&stored);
            Ok(Some((*stored).clone()))
        })
        .await
    }

    async fn account_status(
        &self,
        account: &VendorAccount,
        status: &AccountStatus,
    ) -> Result<Option<VendorAccount>, WriteError> {
        self.write(account, |state| {
            if state.cluster.account.status.as_ref() != Some(status) {
                let mut now = (*state.cluster.account).clone();
                now.status = Some(status.clone());
                state.cluster.store_account(now);
            }
            Ok(Some((*state.cluster.account).clone()))
        })
        .await
    }

    async fn add_finalizer(&self, webhook: &Webhook) -> Result<Webhook, WriteError> {
        self.write(webhook, |state| {
            let now =
                state.cluster.objects.get(&slot(webhook)).filter(|now| now.uid() == webhook.uid()).cloned();
            let Some(now) = now else { return Err(failed("finalizer", webhook, gone(webhook))) };
            if now.finalizers().iter().any(|name| name == FINALIZER) {
                return Ok((*now).clone());
            }
            if now.metadata.deletion_timestamp.is_some() {
                return Err(refused(webhook, 422));
            }
            let mut now = (*now).clone();
            now.finalizers_mut().push(FINALIZER.into());
            Ok((*state.cluster.store(slot(webhook), now)).clone())
        })
        .await
    }

    async fn remove_finalizer(&self, webhook: &Webhook) -> Result<(), WriteError> {
        if !webhook.finalizers().iter().any(|name| name == FINALIZER) {
            return Ok(());
        }
        self.write(webhook, |state| {
            let now =
                state.cluster.objects.get(&slot(webhook)).filter(|now| now.uid() == webhook.uid()).cloned();
            if let Some(now) = now {
                if now.status != webhook.status {
                    return Err(refused(webhook, 409));
                }
                let mut now = (*now).clone();
                now.metadata.finalizers = Some(without(now.finalizers(), FINALIZER));
                let left = state.cluster.store(slot(webhook), now);
                state.note_vanished(&left);
            }
            Ok(())
        })
        .await
    }

    async fn add_account_finalizer(&self, account: &VendorAccount) -> Result<VendorAccount, WriteError> {
        self.write(account, |state| {
            let mut now = (*state.cluster.account).clone();
            if !now.finalizers().iter().any(|name| name == ACCOUNT_FINALIZER) {
                now.finalizers_mut().push(ACCOUNT_FINALIZER.into());
                state.cluster.store_account(now);
            }
            Ok((*state.cluster.account).clone())
        })
        .await
    }

    async fn remove_account_finalizer(&self, account: &VendorAccount) -> Result<(), WriteError> {
        self.write(account, |state| {
            let mut now = (*state.cluster.account).clone();
            now.metadata.finalizers = Some(without(now.finalizers(), ACCOUNT_FINALIZER));
            state.cluster.store_account(now);
            Ok(())
        })
        .await
    }

    async fn event(&self, _: ObjectReference, _: &EventRecord) {}
}

impl SecretReader for World {
    async fn read(&self, wanted: &NamedKeys) -> Values {
        self.effect(|state, _| {
            let mut values = Values::default();
            if state.cluster.is_unreachable(state.now, state.acting) {
                for from in wanted.keys() {
                    values.note_unread(from.clone(), ReadFailure::Failed("away".into()));
                }
                return values;
            }
            let secret = |name: &str, version: u64, data: &[(&str, String)]| {
                let mut secret = Secret::default();
                secret.metadata.name = Some(name.into());
                secret.metadata.namespace = Some("n".into());
                secret.metadata.resource_version = Some(version.to_string());
                let data = data
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), ByteString(value.clone().into_bytes())));
                secret.data = Some(data.collect());
                secret
            };
            let cluster = &state.cluster;
            if !cluster.login_missing {
                values.add_secret(secret(
                    "login",
                    cluster.logins + 1,
                    &[("a", "user".into()), ("b", format!("pass {}", cluster.logins))],
                ));
            }
            values.add_secret(secret("values", cluster.rotated + 1, &[("token", cluster.token())]));
            values
        })
        .await
    }

    fn token_store(&self, _: crate::api::ObjectKey, _: String) -> Option<Arc<dyn TokenStore>> {
        None
    }
}
