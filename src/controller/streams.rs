//! The event streams of the watched kinds: what is listed in which pages, and what is cut off before an object is stored.

use super::indexes::Indexes;
use super::remote_accounts::RemoteAccounts;
use super::tenants::Tenants;
use super::trigger::{Trigger, webhook_triggers};
use super::webhook_store::WebhookStore;
use crate::api::{NamespaceName, ObjectKey, StoredWebhook, VendorAccount, Webhook, WebhookSet};
use crate::engine::cluster::objects::in_namespace;
use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::error_boundary::InvalidObject;
use kube::core::{DeserializeGuard, NamespaceResourceScope, PartialObjectMeta};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

/// The prefix of the annotations that hooktender reads.
const OUR_ANNOTATIONS: &str = "hooktender.dev/";

/// Page size of the initial list of Webhooks: an object may be 1.5 MiB long, and takes several times that to parse.
const WEBHOOK_PAGE: u32 = 20;
/// Page size for the other kinds.
const SMALL_PAGE: u32 = 10;
/// Limit of the spec of an account in bytes of JSON, and of its finalizers.
const MAX_ACCOUNT: usize = 32 << 10;

/// An object, or why it cannot be read.
pub(super) type Guarded<K> = DeserializeGuard<K>;

/// What a watch of a kind sends.
type Events<K> = Pin<Box<dyn Stream<Item = watcher::Result<watcher::Event<K>>> + Send>>;

/// Returns the API of a kind in one namespace, or in all.
pub(super) fn api<K>(client: &Client, scope: Option<&NamespaceName>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match scope {
        Some(namespace) => in_namespace(client, namespace),
        None => Api::all(client.clone()),
    }
}

/// Returns the store of the names and labels of objects, and the watch that fills it.
pub(super) fn names<K>(
    api: Api<PartialObjectMeta<K>>,
) -> (Store<PartialObjectMeta<K>>, Events<PartialObjectMeta<K>>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    PartialObjectMeta<K>: DeserializeOwned,
{
    let (store, writer) = reflector::store::<PartialObjectMeta<K>>();
    let events = watcher(api, watcher::Config::default().page_size(SMALL_PAGE))
        .default_backoff()
        .modify(|object| {
            let metadata = object.meta_mut();
            metadata.managed_fields = None;
            metadata.annotations = None;
            metadata.finalizers = None;
            metadata.owner_references = None;
        })
        .reflect(writer);
    (store, events.boxed())
}

/// Removes metadata that passes do not use.
fn remove_unused(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    metadata.labels = None;
    metadata.owner_references = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|name, _| name.starts_with(OUR_ANNOTATIONS));
    }
}

/// Removes metadata that is not used, and marks an account as unreadable if it exceeds [`MAX_ACCOUNT`].
fn bound_account(account: &mut Guarded<VendorAccount>) {
    remove_unused(account.meta_mut());
    let metadata = account.meta_mut();
    let finalizers: usize = metadata.finalizers.iter().flatten().map(String::len).sum();
    let spec = account.0.as_ref().ok().and_then(|account| serde_json::to_vec(&account.spec).ok());
    if finalizers > MAX_ACCOUNT || spec.is_some_and(|spec| spec.len() > MAX_ACCOUNT) {
        let mut metadata = account.meta().clone();
        metadata.finalizers = None;
        let error =
            format!("its spec or its finalizers have more than {} KiB: shorten them", MAX_ACCOUNT >> 10);
        account.0 = Err(InvalidObject { error, metadata });
    }
}

/// Returns the store of accounts and the watch that fills it.
pub(super) fn accounts(
    client: &Client,
    scope: Option<&NamespaceName>,
    selected: watcher::Config,
    (remote, tenants): (Arc<RemoteAccounts>, Arc<Tenants>),
) -> (Store<Guarded<VendorAccount>>, Events<Guarded<VendorAccount>>) {
    let (store, writer) = reflector::store::<Guarded<VendorAccount>>();
    let events = watcher(api::<Guarded<VendorAccount>>(client, scope), selected.page_size(SMALL_PAGE))
        .default_backoff()
        .inspect_ok(move |event| tenants.apply_event(event))
        .modify(bound_account)
        .inspect_ok(move |event| remote.apply_event(event))
        .reflect(writer);
    (store, events.boxed())
}

/// Returns the store of sets and the watch that fills it.
pub(super) fn sets(
    client: &Client,
    scope: Option<&NamespaceName>,
    selected: watcher::Config,
) -> (Store<Guarded<WebhookSet>>, Events<Guarded<WebhookSet>>) {
    let (store, writer) = reflector::store::<Guarded<WebhookSet>>();
    let events = watcher(api::<Guarded<WebhookSet>>(client, scope), selected.page_size(SMALL_PAGE))
        .default_backoff()
        .modify(|set| remove_unused(set.meta_mut()))
        .reflect(writer);
    (store, events.boxed())
}

/// Watches Webhooks, stores them, and returns the triggers of each event: the Webhook's account, the accounts whose Webhooks wait for
/// what it owns, and the set whose member has its name.
pub(super) fn webhooks(
    client: &Client,
    scope: Option<&NamespaceName>,
    store: Arc<WebhookStore>,
    indexes: Indexes,
) -> Events<Vec<Trigger>> {
    use watcher::Event;
    let config = watcher::Config::default().page_size(WEBHOOK_PAGE);
    let events = watcher(api::<StoredWebhook>(client, scope), config);
    let apply = move |event: Event<Guarded<Webhook>>| {
        let mut triggers = match &event {
            Event::Apply(webhook) => Event::Apply(webhook_triggers(webhook)),
            Event::Delete(webhook) => Event::Delete(webhook_triggers(webhook)),
            Event::Init => Event::Init,
            Event::InitApply(webhook) => Event::InitApply(webhook_triggers(webhook)),
            Event::InitDone => Event::InitDone,
        };
        if let (Event::Apply(triggers) | Event::Delete(triggers), Some(webhook)) =
            (&mut triggers, object_key(&event))
        {
            triggers.extend(indexes.members.on(&webhook).into_iter().map(Trigger::Set));
        }
        let changed = store.apply_event(event);
        if let (Event::Apply(triggers) | Event::Delete(triggers), Some(webhook)) = (&mut triggers, &changed) {
            triggers.extend(indexes.waiting.on(webhook).into_iter().map(Trigger::Webhook));
        }
        triggers
    };
    events.default_backoff().map(move |event| event.map(|event| apply(guarded(event)))).boxed()
}

/// Returns the Webhook that an event reports as changed or deleted.
fn object_key(event: &watcher::Event<Guarded<Webhook>>) -> Option<ObjectKey> {
    match event {
        watcher::Event::Apply(webhook) | watcher::Event::Delete(webhook) => Some(ObjectKey::of(webhook)),
        watcher::Event::Init | watcher::Event::InitApply(_) | watcher::Event::InitDone => None,
    }
}

fn guarded(event: watcher::Event<StoredWebhook>) -> watcher::Event<Guarded<Webhook>> {
    use watcher::Event;
    match event {
        Event::Apply(StoredWebhook(webhook)) => Event::Apply(DeserializeGuard(webhook)),
        Event::Delete(StoredWebhook(webhook)) => Event::Delete(DeserializeGuard(webhook)),
        Event::Init => Event::Init,
        Event::InitApply(StoredWebhook(webhook)) => Event::InitApply(DeserializeGuard(webhook)),
        Event::InitDone => Event::InitDone,
    }
}

/// Watches metadata only: the content of Secrets is never cached.
pub(super) fn metadata<K>(client: &Client, scope: Option<&NamespaceName>) -> Events<PartialObjectMeta<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let config = watcher::Config::default().page_size(SMALL_PAGE);
    watcher(api::<PartialObjectMeta<K>>(client, scope), config).default_backoff().boxed()
}
