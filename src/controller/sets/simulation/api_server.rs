//! The API server: what the watches of the process show, and how its writes are answered, with those that fail.
//!
//! Server-side apply is modelled as far as the writes of sets use it: a forced apply of the version that was read, and one that is not
//! forced and meets what another manager owns. An apply is one request here, although the real one may need a second one for fields that
//! other clients have added.

use super::objects::{NAMESPACE, SETS};
use super::step::ApiFault;
use super::world::{State, World};
use crate::api::status::WebhookSetStatus;
use crate::api::{ObjectKey, SET_FINALIZER, VendorAccount, Webhook, WebhookSet};
use crate::controller::set_reader::SetReader;
use crate::engine::clock;
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::set_writes::{MemberObject, MemberWrite, SetWriter};
use crate::engine::cluster::writer::{WriteError, failed, gone};
use crate::engine::state::webhook::slim;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, Time};
use kube::{Resource, ResourceExt};
use std::collections::BTreeMap;
use std::sync::Arc;

const POLICY: &str = r#"admission webhook "policy" denied the request: no"#;
const RIGHTS: &str =
    r#"webhooks.hooktender.dev is forbidden: User "operator" cannot patch resource "webhooks""#;

fn refused<K: Resource<DynamicType = ()>>(object: &K, code: u16, message: &str) -> WriteError {
    let status = kube::core::Status::failure(message, "Refused").with_code(code);
    failed("write", object, kube::Error::Api(Box::new(status)))
}

impl SetReader for World {
    fn set(&self, key: &ObjectKey) -> Option<Result<WebhookSet, String>> {
        self.state().cluster.sets.shown().get(&key.name).map(|set| Ok((**set).clone()))
    }

    fn tenants(&self) -> impl Iterator<Item = Arc<VendorAccount>> {
        let all: Vec<_> = self.state().cluster.accounts.shown().values().cloned().collect();
        all.into_iter()
    }

    fn tenant(&self, key: &ObjectKey) -> Option<Arc<VendorAccount>> {
        self.state().cluster.accounts.shown().get(&key.name).cloned()
    }

    fn account_exists(&self, key: &ObjectKey) -> bool {
        self.tenant(key).is_some()
    }

    fn namespace_labels(&self, _: &str) -> Option<BTreeMap<String, String>> {
        Some(BTreeMap::new())
    }

    fn webhooks_of_set(&self, uid: &str) -> Vec<Arc<Webhook>> {
        self.webhooks(|webhook| webhook.owner_references().iter().any(|owner| owner.uid == uid))
    }

    fn webhook(&self, account: &ObjectKey, key: &ObjectKey) -> Option<Arc<Webhook>> {
        self.webhooks(|webhook| webhook.account() == *account && webhook.name_any() == key.name).pop()
    }
}

impl World {
    /// Returns the Webhooks that the watch shows, as they are kept in memory.
    fn webhooks(&self, which: impl Fn(&Webhook) -> bool) -> Vec<Arc<Webhook>> {
        let state = self.state();
        let found = state.cluster.webhooks.shown().values().filter(|webhook| which(webhook));
        let slimmed = |webhook: &Arc<Webhook>| {
            let mut webhook = (**webhook).clone();
            slim(&mut webhook);
            Arc::new(webhook)
        };
        found.map(slimmed).collect()
    }

    /// Returns the uid of the set whose pass writes.
    fn uid(&self, state: &State) -> String {
        let set = state.cluster.sets.shown().get(SETS[self.set()]);
        set.and_then(|set| set.uid()).unwrap_or_default()
    }

    /// A write to the API server, with the fault that is armed.
    async fn write<K, T>(
        &self,
        object: &K,
        write: impl FnOnce(&mut State) -> Result<T, WriteError>,
    ) -> Result<T, WriteError>
    where
        K: Resource<DynamicType = ()>,
    {
        self.effect(|state| {
            state.cluster.writes += 1;
            let fault = state.armed.faults.pop_front();
            state.counts.faults += u64::from(fault.is_some());
            match fault {
                Some(ApiFault::Before) => Err(refused(object, 503, "unavailable")),
                Some(ApiFault::After) => {
                    write(state).and_then(|_| Err(refused(object, 504, "the request did not complete")))
                }
                Some(ApiFault::Conflict) => Err(refused(object, 409, "the object has been modified")),
                Some(ApiFault::Refused) => Err(refused(object, 403, POLICY)),
                Some(ApiFault::Forbidden) => Err(refused(object, 403, RIGHTS)),
                None if state.refused.contains(&object.name_any()) => Err(refused(object, 403, POLICY)),
                None => write(state),
            }
        })
        .await
    }

    async fn read(&self, name: &str) -> Option<Arc<Webhook>> {
        self.effect(|state| state.cluster.webhooks.get(name)).await
    }
}

/// Returns the set of that name, if it is still the one that was read.
fn same(state: &State, set: &WebhookSet) -> Option<WebhookSet> {
    let now = state.cluster.sets.get(&set.name_any())?;
    (now.uid() == set.uid()).then(|| (*now).clone())
}

/// Whether an object is still in the version that was read.
fn is_as_read<K: Resource>(now: &K, read: &K) -> bool {
    let of = |object: &K| (object.meta().uid.clone(), object.meta().resource_version.clone());
    of(now) == of(read)
}

/// Returns a Webhook with what a set applies to it.
fn applied(member: &MemberObject<'_>, mut webhook: Webhook) -> Webhook {
    let before = webhook.spec.clone();
    webhook.labels_mut().extend(member.labels.clone());
    webhook.annotations_mut().extend(member.annotations.clone());
    webhook.metadata.owner_references = Some(vec![member.set.controller_owner_ref(&()).unwrap()]);
    webhook.metadata.managed_fields =
        Some(vec![ManagedFieldsEntry { manager: Some(member.manager()), ..ManagedFieldsEntry::default() }]);
    webhook.spec = member.spec.clone();
    webhook.spec.external_id.clone_from(&before.external_id);
    let generation = webhook.metadata.generation.unwrap_or(1);
    webhook.metadata.generation = Some(generation + i64::from(webhook.spec != before));
    webhook
}

fn new(member: &MemberObject<'_>) -> Webhook {
    let mut webhook = Webhook::new(member.name, member.spec.clone());
    webhook.metadata.namespace = Some(NAMESPACE.into());
    webhook
}

/// Whether only this manager owns fields.
fn is_managed_by(webhook: &Webhook, manager: &str) -> bool {
    let entries = webhook.managed_fields();
    !entries.is_empty() && entries.iter().all(|entry| entry.manager.as_deref() == Some(manager))
}

fn boxed(webhook: &Webhook) -> Box<Webhook> {
    Box::new(webhook.clone())
}

impl SetWriter for World {
    async fn set_status(
        &self,
        set: &WebhookSet,
        status: &WebhookSetStatus,
    ) -> Result<Option<WebhookSet>, WriteError> {
        self.write(set, |state| {
            let Some(now) = state.cluster.sets.get(&set.name_any()) else { return Ok(None) };
            if !is_as_read(&*now, set) {
                return Err(refused(set, 409, "the object has been modified"));
            }
            state.judge_status(&now, status);
            let written = WebhookSet { status: Some(status.clone()), ..(*now).clone() };
            Ok(Some((*state.store(written)).clone()))
        })
        .await
    }

    async fn add_set_finalizer(&self, set: &WebhookSet) -> Result<WebhookSet, WriteError> {
        self.write(set, |state| {
            let now = same(state, set).filter(|now| now.metadata.deletion_timestamp.is_none());
            let Some(mut now) = now else { return Err(failed("finalizer", set, gone(set))) };
            now.finalizers_mut().push(SET_FINALIZER.into());
            Ok((*state.store(now)).clone())
        })
        .await
    }

    async fn remove_set_finalizer(&self, set: &WebhookSet) -> Result<(), WriteError> {
        self.write(set, |state| {
            if let Some(mut now) = same(state, set) {
                now.finalizers_mut().retain(|name| name != SET_FINALIZER);
                state.store(now);
            }
            Ok(())
        })
        .await
    }

    async fn create_member(&self, member: &MemberObject<'_>) -> Result<MemberWrite, WriteError> {
        if let Some(found) = self.read(member.name).await {
            return Ok(MemberWrite::Found(boxed(&found)));
        }
        let object = new(member);
        self.write(&object, |state| {
            let made = match state.cluster.webhooks.get(member.name) {
                None => {
                    state.judge_creation(member);
                    state.counts.created += 1;
                    new(member)
                }
                // What this manager owns is no conflict.
                Some(found) if is_managed_by(&found, &member.manager()) => {
                    state.judge_change(&found, member);
                    (*found).clone()
                }
                Some(_) => return Err(refused(&object, 409, "conflict with another manager")),
            };
            Ok(MemberWrite::Written(boxed(&state.store(applied(member, made)))))
        })
        .await
    }

    async fn apply_member(
        &self,
        member: &MemberObject<'_>,
        webhook: &Webhook,
    ) -> Result<MemberWrite, WriteError> {
        let object = new(member);
        let written = self.write(&object, |state| {
            let now = state.cluster.webhooks.get(member.name);
            let Some(now) = now.filter(|now| is_as_read(&**now, webhook)) else {
                return Err(refused(&object, 409, "the object has been modified"));
            };
            state.judge_change(&now, member);
            state.counts.applied += 1;
            Ok(MemberWrite::Written(boxed(&state.store(applied(member, (*now).clone())))))
        });
        match written.await {
            Err(error) if error.is_conflict() => {
                let now = self.read(member.name).await;
                Ok(now.map_or(MemberWrite::Gone, |now| MemberWrite::Found(boxed(&now))))
            }
            written => written,
        }
    }

    async fn delete_member(&self, webhook: &Webhook) -> Result<(), WriteError> {
        self.write(webhook, |state| {
            let Some(now) = state.cluster.webhooks.get(&webhook.name_any()) else { return Ok(()) };
            if !is_as_read(&*now, webhook) {
                return Err(refused(webhook, 409, "the object has been modified"));
            }
            let set = self.uid(state);
            state.judge_removal(&now, &set);
            state.counts.removed += 1;
            state.delete_webhook(&now);
            Ok(())
        })
        .await
    }

    async fn event(&self, _: ObjectReference, _: &EventRecord) {
        self.effect(|_| ()).await;
    }
}

impl State {
    /// Requests the deletion of a Webhook.
    pub(super) fn delete_webhook(&mut self, webhook: &Webhook) {
        if webhook.metadata.deletion_timestamp.is_none() {
            let mut deleted = webhook.clone();
            deleted.metadata.deletion_timestamp = Some(Time(clock::timestamp()));
            deleted.metadata.generation = deleted.metadata.generation.map(|number| number + 1);
            self.store(deleted);
        }
    }

    /// Deletes the Webhooks whose set is gone.
    pub(super) fn collect_garbage(&mut self) {
        let sets = &self.cluster.sets.objects;
        let is_there = |uid: &str| sets.values().any(|set| set.metadata.uid.as_deref() == Some(uid));
        let has_none = |webhook: &&Arc<Webhook>| {
            let owners = webhook.owner_references();
            !owners.is_empty() && !owners.iter().any(|owner| is_there(&owner.uid))
        };
        let garbage: Vec<_> = self.cluster.webhooks.objects.values().filter(has_none).cloned().collect();
        for webhook in garbage {
            self.judge_garbage(&webhook);
            self.delete_webhook(&webhook);
        }
    }
}
