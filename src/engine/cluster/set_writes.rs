//! Writes of WebhookSets and of their members. Each rests on the version that was read: what another client has written meanwhile is
//! returned instead, and the next pass decides with it.

use super::event::EventRecord;
use super::objects::passes;
use super::writer::{ClusterWriter, KubeWriter, WriteError, add, failed, gone};
use crate::api::status::WebhookSetStatus;
use crate::api::{ObjectKey, SET_FINALIZER, StoredWebhook, Webhook, WebhookSet, WebhookSpec};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Begins the owner of the fields of members, as managed fields show it.
const MANAGER: &str = "hooktender-set";

/// The Webhook that a set declares for one account.
#[derive(Clone, Debug)]
pub(crate) struct MemberObject<'a> {
    pub(crate) set: &'a WebhookSet,
    pub(crate) name: &'a str,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) spec: &'a WebhookSpec,
}

impl MemberObject<'_> {
    fn key(&self) -> ObjectKey {
        ObjectKey::new(self.set.namespace().unwrap_or_default(), self.name)
    }

    /// Returns the owner of its fields. Each set has its own: of two sets whose members have the same name, the second one to apply at the
    /// same moment meets a conflict.
    pub(crate) fn manager(&self) -> String {
        format!("{MANAGER}-{}", self.set.uid().unwrap_or_default())
    }

    /// Returns the object that identifies it in errors and paths.
    fn object(&self) -> StoredWebhook {
        let mut webhook = Webhook::new(self.name, self.spec.clone());
        webhook.metadata.namespace = self.set.namespace();
        StoredWebhook(Ok(webhook))
    }

    /// Returns what is applied.
    fn body(&self, at: Option<&Webhook>) -> Value {
        let ObjectKey { namespace, name } = self.key();
        let mut body = json!({
            "apiVersion": Webhook::api_version(&()),
            "kind": Webhook::kind(&()),
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": self.labels,
                "annotations": self.annotations,
                "ownerReferences": [self.set.controller_owner_ref(&())],
            },
            "spec": self.spec,
        });
        if let Some(at) = at {
            body["metadata"]["uid"] = json!(at.uid());
            body["metadata"]["resourceVersion"] = json!(at.resource_version());
        }
        body
    }
}

/// The outcome of the write of a member.
#[derive(Debug)]
pub(crate) enum MemberWrite {
    /// It is written.
    Written(Box<Webhook>),
    /// Another Webhook has the name, or another client has changed it since it was read.
    Found(Box<Webhook>),
    /// It is gone.
    Gone,
}

/// Writes sets and their members.
pub(crate) trait SetWriter: Send + Sync {
    /// Writes the status of a set. A conflict if another client has written the object since it was read. None: it is gone.
    fn set_status(
        &self,
        set: &WebhookSet,
        status: &WebhookSetStatus,
    ) -> impl Future<Output = Result<Option<WebhookSet>, WriteError>> + Send;

    /// Adds our finalizer to a set; returns the set as it is now.
    fn add_set_finalizer(
        &self,
        set: &WebhookSet,
    ) -> impl Future<Output = Result<WebhookSet, WriteError>> + Send;

    /// Removes our finalizer from a set. One that is gone is fine.
    fn remove_set_finalizer(&self, set: &WebhookSet) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Creates the Webhook of a member. One that exists is returned and left as it is.
    fn create_member(
        &self,
        member: &MemberObject<'_>,
    ) -> impl Future<Output = Result<MemberWrite, WriteError>> + Send;

    /// Changes the Webhook of a member to what is declared, if it is still in the version that was read. Fields of its spec that others
    /// have added go, too, but for `externalId`.
    fn apply_member(
        &self,
        member: &MemberObject<'_>,
        webhook: &Webhook,
    ) -> impl Future<Output = Result<MemberWrite, WriteError>> + Send;

    /// Deletes the Webhook of a member, if it is still in the version that was read. One that is gone is fine.
    fn delete_member(&self, webhook: &Webhook) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Publishes an event about a set, unless it has too many. A failure is logged and not retried.
    fn event(&self, on: ObjectReference, happened: &EventRecord) -> impl Future<Output = ()> + Send;
}

impl SetWriter for KubeWriter {
    async fn set_status(
        &self,
        set: &WebhookSet,
        status: &WebhookSetStatus,
    ) -> Result<Option<WebhookSet>, WriteError> {
        self.status(set, status, set.resource_version()).await
    }

    async fn add_set_finalizer(&self, set: &WebhookSet) -> Result<WebhookSet, WriteError> {
        let held = self.finalizers(set, |all| add(all, SET_FINALIZER), |_| true).await?;
        held.ok_or_else(|| failed("finalizer", set, gone(set)))
    }

    async fn remove_set_finalizer(&self, set: &WebhookSet) -> Result<(), WriteError> {
        let remove = |all: &mut Vec<String>| all.retain(|name| name != SET_FINALIZER);
        self.finalizers(set, remove, |_| true).await.map(|_| ())
    }

    async fn create_member(&self, member: &MemberObject<'_>) -> Result<MemberWrite, WriteError> {
        let stored = member.object();
        let api = self.api(&stored)?;
        let created = async {
            if let Some(found) = api.read().await? {
                return Ok((found, false));
            }
            passes(["Member", "create", "writing"]).await?;
            // Not forced: if another client creates it at this moment, nothing of it is taken over.
            let params = PatchParams::apply(&member.manager());
            let created = api.patch(&params, &Patch::Apply(&member.body(None))).await?;
            passes(["Member", "create", "written"]).await?;
            Ok((created, true))
        };
        let (webhook, created) = created.await.map_err(|error| failed("creation", &stored, error))?;
        let webhook = Box::new(readable(webhook, &stored)?);
        Ok(if created { MemberWrite::Written(webhook) } else { MemberWrite::Found(webhook) })
    }

    async fn apply_member(
        &self,
        member: &MemberObject<'_>,
        webhook: &Webhook,
    ) -> Result<MemberWrite, WriteError> {
        let stored = member.object();
        let api = self.api(&stored)?;
        let applied = async {
            passes(["Member", "apply", "writing"]).await?;
            let params = PatchParams::apply(&member.manager()).force();
            let mut applied = api.patch(&params, &Patch::Apply(&member.body(Some(webhook)))).await?;
            if let StoredWebhook(Ok(written)) = &applied
                && let Some(rest) = left_over(written, member.spec)
            {
                let params = PatchParams { field_manager: Some(member.manager()), ..PatchParams::default() };
                applied = api.patch(&params, &Patch::Merge(&rest)).await?;
            }
            passes(["Member", "apply", "written"]).await?;
            Ok(applied)
        };
        match applied.await {
            Ok(applied) => Ok(MemberWrite::Written(Box::new(readable(applied, &stored)?))),
            Err(kube::Error::Api(refused)) if refused.code == 409 || refused.is_not_found() => {
                let now = api.read().await.map_err(|error| failed("newest version", &stored, error))?;
                now.map_or(Ok(MemberWrite::Gone), |now| {
                    Ok(MemberWrite::Found(Box::new(readable(now, &stored)?)))
                })
            }
            Err(error) => Err(failed("change", &stored, error)),
        }
    }

    async fn delete_member(&self, webhook: &Webhook) -> Result<(), WriteError> {
        let api = self.api(&StoredWebhook(Ok(webhook.clone())))?;
        let deleted = async {
            passes(["Member", "delete", "writing"]).await?;
            api.delete(webhook).await?;
            passes(["Member", "delete", "written"]).await
        };
        deleted.await.map_err(|error| failed("deletion", webhook, error))
    }

    async fn event(&self, on: ObjectReference, happened: &EventRecord) {
        ClusterWriter::event(self, on, happened).await;
    }
}

fn readable(answer: StoredWebhook, object: &StoredWebhook) -> Result<Webhook, WriteError> {
    answer.0.map_err(|invalid| {
        failed("answer", object, kube::Error::SerdeError(serde::de::Error::custom(invalid)))
    })
}

/// Returns a merge patch that removes what a spec has beside the declared one; nothing if there is nothing.
fn left_over(written: &Webhook, declared: &WebhookSpec) -> Option<Value> {
    let (has, declared) = (serde_json::to_value(&written.spec).ok()?, serde_json::to_value(declared).ok()?);
    let mut spec = removal(&has, &declared)?;
    spec.as_object_mut()?.remove("externalId");
    if spec.as_object().is_some_and(Map::is_empty) {
        return None;
    }
    let metadata = json!({"uid": written.uid(), "resourceVersion": written.resource_version()});
    Some(json!({"metadata": metadata, "spec": spec}))
}

/// Returns the merge patch from one value to another; nothing if they are equal.
fn removal(has: &Value, declared: &Value) -> Option<Value> {
    match (has, declared) {
        (Value::Object(has), Value::Object(declared)) => {
            let mut patch = Map::new();
            for (name, value) in has {
                match declared.get(name) {
                    None => drop(patch.insert(name.clone(), Value::Null)),
                    Some(declared) => {
                        if let Some(inner) = removal(value, declared) {
                            patch.insert(name.clone(), inner);
                        }
                    }
                }
            }
            let added = declared.iter().filter(|(name, _)| !has.contains_key(*name));
            patch.extend(added.map(|(name, value)| (name.clone(), value.clone())));
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        (has, declared) if has == declared => None,
        (_, declared) => Some(declared.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_added_is_removed() {
        let has = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1]});
        assert_eq!(removal(&has, &has), None);
        assert_eq!(
            removal(&has, &json!({"a": 1, "b": {"c": 2}, "e": [2], "f": 4})),
            Some(json!({"b": {"d": null}, "e": [2], "f": 4}))
        );
        assert_eq!(removal(&has, &json!({"b": {"c": 2, "d": 3}, "e": [1]})), Some(json!({"a": null})));
    }

    #[test]
    fn the_external_id_of_a_member_stays() {
        let spec = |more: Value| -> WebhookSpec {
            let mut spec = json!({"accountRef": {"name": "a"}, "subscription": {"superoffice":
                {"name": "n", "events": ["sale.sold"], "targetUrl": "https://h"}}});
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(spec).unwrap()
        };
        let declared = spec(json!({}));
        let with = |more: Value| {
            left_over(&Webhook::new("w", spec(more)), &declared).map(|patch| patch["spec"].clone())
        };
        assert_eq!(with(json!({"externalId": "7"})), None);
        let adoption = json!({"externalId": "7", "adoption": {"writeOnlyValues": "Trust"}});
        assert_eq!(with(adoption), Some(json!({"adoption": null})));
    }
}
