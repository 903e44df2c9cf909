//! Writes exchanged tokens back to the Secret that the old ones came from. Nothing else writes Secrets.

use crate::api::ObjectName;
use crate::engine::cluster::objects::{ObjectApi, passes};
use crate::engine::cluster::scope::Scope;
use crate::vendor::{NewTokens, PersistError, TokenStore};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Client, ResourceExt};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The field manager.
const MANAGER: &str = "hooktender";
/// The key that the check with a dry run writes. A write without a change would succeed even if the Secret is immutable.
const PROBE: &str = "hooktender-dry-run";
/// How often a write is retried after another client has changed the Secret since it was read.
const CONFLICTS: u32 = 5;

/// Keeps tokens in a Secret of the cluster, guarded by its resource version.
pub(crate) struct SecretTokenStore {
    api: ObjectApi<Secret>,
    key: String,
    /// The version that the tokens were read at, or written.
    version: Mutex<String>,
}

impl SecretTokenStore {
    pub(crate) fn new(client: &Client, at: &ObjectName, version: String) -> Self {
        Self { api: ObjectApi::new(client, at), key: at.to_string(), version: Mutex::new(version) }
    }

    async fn patch(&self, data: &BTreeMap<&str, ByteString>, dry_run: bool) -> Result<(), kube::Error> {
        let version = self.version.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let body = json!({ "metadata": { "resourceVersion": version }, "data": data });
        let params = PatchParams { field_manager: Some(MANAGER.into()), dry_run, ..PatchParams::default() };
        let verb = if dry_run { "try" } else { "keep" };
        passes(["Secret", verb, "writing"]).await?;
        let written = self.api.patch(&params, &Patch::Merge(&body)).await?;
        passes(["Secret", verb, "written"]).await?;
        if !dry_run {
            self.remember(&written);
        }
        Ok(())
    }

    fn remember(&self, secret: &Secret) {
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) =
            secret.resource_version().unwrap_or_default();
    }

    /// Returns why a write failed, and what helps.
    fn persist_error(&self, error: &kube::Error) -> PersistError {
        let key = &self.key;
        let kube::Error::Api(refused) = error else {
            return PersistError::Failed(format!("the API server did not store Secret {key} ({error})"));
        };
        let message = &refused.message;
        match Scope::of(refused) {
            _ if refused.is_not_found() => {
                PersistError::Refused(format!("Secret {key} was deleted: create it again"))
            }
            _ if message.contains("immutable") => {
                PersistError::Refused(format!("Secret {key} is immutable: replace it with a mutable one"))
            }
            Scope::Conflict => {
                PersistError::Failed(format!("Secret {key} was changed meanwhile; hooktender reads it again"))
            }
            Scope::Rights => PersistError::Refused(format!(
                "hooktender has no permission to write Secret {key}: give its ServiceAccount the verb patch on it"
            )),
            Scope::Object => {
                PersistError::Refused(format!("the API server refuses to write Secret {key}: {message}"))
            }
            Scope::Server => {
                PersistError::Failed(format!("the API server did not store Secret {key} ({message})"))
            }
        }
    }

    async fn write(
        &self,
        replaced: (&'static str, SecretString),
        tokens: NewTokens,
    ) -> Result<(), PersistError> {
        let failed = |error: kube::Error| self.persist_error(&error);
        let data: BTreeMap<_, _> = tokens
            .iter()
            .map(|(key, value)| (*key, ByteString(value.expose_secret().as_bytes().to_vec())))
            .collect();
        let (key, old) = replaced;
        for _ in 0..CONFLICTS {
            match self.patch(&data, false).await {
                Err(kube::Error::Api(refused)) if refused.is_conflict() => {}
                written => return written.map_err(failed),
            }
            // Another client has changed the Secret. If it did not change the tokens, ours are still the only valid ones.
            let Some(now) = self.api.read().await.map_err(failed)? else {
                return Err(PersistError::Refused(format!(
                    "Secret {} was deleted: create it again",
                    self.key
                )));
            };
            let held = now.data.as_ref().and_then(|data| data.get(key));
            if held.is_none_or(|held| held.0.trim_ascii() != old.expose_secret().as_bytes()) {
                return Err(PersistError::Overtaken(format!(
                    "Secret {} has other tokens by now; hooktender reads it again",
                    self.key
                )));
            }
            self.remember(&now);
        }
        self.patch(&data, false).await.map_err(failed)
    }
}

impl TokenStore for SecretTokenStore {
    fn check_writable(&self) -> BoxFuture<'_, Result<(), PersistError>> {
        async {
            let probe = BTreeMap::from([(PROBE, ByteString::default())]);
            self.patch(&probe, true).await.map_err(|error| self.persist_error(&error))
        }
        .boxed()
    }

    fn persist(
        &self,
        replaced: (&'static str, SecretString),
        tokens: NewTokens,
    ) -> BoxFuture<'_, Result<(), PersistError>> {
        self.write(replaced, tokens).boxed()
    }
}
