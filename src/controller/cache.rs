//! Caches of accounts and Webhooks, filled by watches, and metadata-only watches of Secrets and ConfigMaps.

use super::Options;
use super::dependents::Dependents;
use super::remote_accounts::RemoteAccounts;
use super::tenants::Tenants;
use super::watch_error;
use super::webhook_store::WebhookStore;
use crate::api::{NamespaceName, ObjectKey, StoredWebhook, VendorAccount, Webhook, WebhookSet};
use crate::engine::cluster::objects::in_namespace;
use crate::engine::dependency::Dependency;
use crate::engine::error::error_chain;
use crate::telemetry::Health;
use futures::future::join_all;
use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::core::error_boundary::InvalidObject;
use kube::core::{DeserializeGuard, NamespaceResourceScope, PartialObjectMeta};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// The prefix of the annotations that hooktender reads.
const OUR_ANNOTATIONS: &str = "hooktender.dev/";

/// Page size of the initial list of Webhooks: an object may be 1.5 MiB long, and takes several times that to parse.
const WEBHOOK_PAGE: u32 = 20;
/// Page size for the other kinds.
const SMALL_PAGE: u32 = 10;
/// Limit of the spec of an account in bytes of JSON, and of its finalizers.
const MAX_ACCOUNT: usize = 32 << 10;

/// Why a pass is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    /// This account was created, changed or deleted.
    Account(ObjectKey),
    /// A Webhook of this account changed, or one of another account that a Webhook of this account waits for.
    Webhook(ObjectKey),
    /// A Secret or ConfigMap that this account depends on changed.
    Dependency(ObjectKey),
    /// This WebhookSet was created, changed or deleted, or a Webhook with the name of one of its members was.
    Set(ObjectKey),
    /// What WebhookSets read of an account changed.
    Tenants,
    /// A watch was restarted: anything may have changed.
    All,
}

type Guarded<K> = DeserializeGuard<K>;

/// What accounts depend on besides their own objects.
#[derive(Clone, Default)]
pub(super) struct Indexes {
    /// Secrets and ConfigMaps.
    pub(super) dependents: Arc<Dependents<Dependency>>,
    /// Webhooks of other accounts that own what a Webhook waits for.
    pub(super) waiting: Arc<Dependents<ObjectKey>>,
    /// Webhooks that have the names of a set's members, whether they exist or not.
    pub(super) members: Arc<Dependents<ObjectKey>>,
}

impl Indexes {
    /// Removes an account that is gone.
    pub(super) fn remove_account(&self, account: &ObjectKey) {
        self.dependents.remove_account(account);
        self.waiting.remove_account(account);
    }
}

/// The caches: one store per managed namespace, or one for all namespaces.
pub(super) struct Cache {
    accounts: Vec<Store<Guarded<VendorAccount>>>,
    /// The names of all accounts, if a selector leaves some out of `accounts`.
    account_names: Vec<Store<PartialObjectMeta<VendorAccount>>>,
    remote: Vec<Arc<RemoteAccounts>>,
    tenants: Vec<Arc<Tenants>>,
    sets: Vec<Store<Guarded<WebhookSet>>>,
    webhooks: Vec<Arc<WebhookStore>>,
    /// Labels of namespaces, if all namespaces are managed.
    namespaces: Option<Store<PartialObjectMeta<Namespace>>>,
    synced: Vec<watch::Receiver<bool>>,
    /// Gets the errors of watches.
    health: Health,
    /// Sends triggers to the controller.
    send: mpsc::UnboundedSender<Trigger>,
}

impl Cache {
    /// Starts all watches as tasks.
    pub(super) fn start(
        client: &Client,
        options: &Options,
        indexes: &Indexes,
        send: &mpsc::UnboundedSender<Trigger>,
        health: &Health,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let mut cache = Self {
            accounts: Vec::new(),
            account_names: Vec::new(),
            remote: Vec::new(),
            tenants: Vec::new(),
            sets: Vec::new(),
            webhooks: Vec::new(),
            namespaces: None,
            synced: Vec::new(),
            health: health.clone(),
            send: send.clone(),
        };
        if options.namespaces.is_empty() {
            let (store, events) = names(Api::all(client.clone()));
            cache.namespaces = Some(store);
            cache.watch::<Namespace, _>(None, events, tasks, |_| vec![Trigger::All]);
        }
        let scopes: Vec<Option<&NamespaceName>> = match options.namespaces.as_slice() {
            [] => vec![None],
            named => named.iter().map(Some).collect(),
        };
        let selected = match &options.account_selector {
            Some(labels) => watcher::Config::default().labels(labels),
            None => watcher::Config::default(),
        };
        for scope in scopes {
            let remote = Arc::new(RemoteAccounts::default());
            let tenants = Arc::new(Tenants::default());
            let indexed = (Arc::clone(&remote), Arc::clone(&tenants));
            let (store, events) = accounts(client, scope, selected.clone(), indexed);
            cache.accounts.push(store);
            cache.remote.push(remote);
            cache.tenants.push(Arc::clone(&tenants));
            cache.watch::<VendorAccount, _>(scope, events, tasks, move |account| {
                let mut triggers = account_triggers(&account);
                triggers.extend(tenants.take_changed().then_some(Trigger::Tenants));
                triggers
            });
            // A shard has the sets with its label, and its own accounts.
            let (store, events) = sets(client, scope, selected.clone());
            cache.sets.push(store);
            cache.watch::<WebhookSet, _>(scope, events, tasks, |set| vec![Trigger::Set(ObjectKey::of(&set))]);
            if options.account_selector.is_some() {
                let (store, events) = names::<VendorAccount>(api(client, scope));
                cache.account_names.push(store);
                cache.watch::<VendorAccount, _>(scope, events, tasks, |account| {
                    vec![Trigger::Webhook(ObjectKey::of(&account))]
                });
            }
            let store = Arc::new(WebhookStore::default());
            cache.webhooks.push(Arc::clone(&store));
            let events = webhooks(client, scope, store, indexes.clone());
            cache.watch::<Webhook, _>(scope, events, tasks, |triggers| triggers);
            if options.watch_secrets {
                let on = Arc::clone(&indexes.dependents);
                let triggers =
                    move |secret| dependency_triggers(&on, &Dependency::Secret(ObjectKey::of(&secret)));
                cache.watch::<Secret, _>(scope, metadata::<Secret>(client, scope), tasks, triggers);
            }
            let on = Arc::clone(&indexes.dependents);
            let triggers = move |map| dependency_triggers(&on, &Dependency::ConfigMap(ObjectKey::of(&map)));
            cache.watch::<ConfigMap, _>(scope, metadata::<ConfigMap>(client, scope), tasks, triggers);
        }
        cache
    }

    /// Spawns a task that follows a watch and sends the triggers of its events. After a restart of the watch it sends [`Trigger::All`].
    fn watch<K: Resource<DynamicType = ()>, T: Send + 'static>(
        &mut self,
        scope: Option<&NamespaceName>,
        events: impl Stream<Item = watcher::Result<watcher::Event<T>>> + Send + 'static,
        tasks: &mut JoinSet<()>,
        triggers: impl Fn(T) -> Vec<Trigger> + Send + 'static,
    ) {
        let (synced, is_synced) = watch::channel(false);
        self.synced.push(is_synced);
        let (send, health, scope) = (self.send.clone(), self.health.clone(), scope.cloned());
        tasks.spawn(async move {
            let mut events = std::pin::pin!(events);
            let mut failure = None;
            while let Some(event) = events.next().await {
                let changes = match event {
                    Ok(watcher::Event::Apply(object) | watcher::Event::Delete(object)) => triggers(object),
                    // Finds dependencies that changed while the watch was down. Objects are compared once all are listed.
                    Ok(watcher::Event::InitApply(object)) => triggers(object)
                        .into_iter()
                        .filter(|trigger| matches!(trigger, Trigger::Dependency(_)))
                        .collect(),
                    Ok(watcher::Event::Init) => continue,
                    Ok(watcher::Event::InitDone) => {
                        synced.send_replace(true);
                        vec![Trigger::All]
                    }
                    Err(error) => {
                        // Logged once per reason; kube retries the watch with exponential back-off.
                        let reason = watch_error::explain::<K>(&error);
                        if failure.as_ref() != Some(&reason) {
                            tracing::warn!(kind = %K::kind(&()), error = %error_chain(&error), "watch failed; retrying: {reason}");
                            health.set_watch_error(&K::kind(&()), scope.as_ref().map(NamespaceName::as_str), Some(&reason));
                        }
                        failure = Some(reason);
                        continue;
                    }
                };
                if failure.take().is_some() {
                    health.set_watch_error(&K::kind(&()), scope.as_ref().map(NamespaceName::as_str), None);
                    tracing::info!(kind = %K::kind(&()), "watch recovered");
                }
                for change in changes {
                    // The receiver is gone when the process ends.
                    let _ = send.send(change);
                }
            }
        });
    }

    /// Waits until every watch has completed its initial list.
    pub(super) async fn synced(&self) {
        join_all(self.synced.iter().map(|synced| {
            let mut synced = synced.clone();
            async move {
                let _ = synced.wait_for(|synced| *synced).await;
            }
        }))
        .await;
    }

    /// Returns the account of that name, if it exists and can be read.
    pub(super) fn account(&self, key: &ObjectKey) -> Option<Arc<VendorAccount>> {
        let at = ObjectRef::new(&key.name).within(&key.namespace);
        let guarded = self.accounts.iter().find_map(|store| store.get(&at))?;
        guarded.0.as_ref().ok().map(|account| Arc::new(account.clone()))
    }

    /// Returns whether a selected account of that name exists, readable or not.
    pub(super) fn has_account(&self, key: &ObjectKey) -> bool {
        let at = ObjectRef::new(&key.name).within(&key.namespace);
        self.accounts.iter().any(|store| store.get(&at).is_some())
    }

    /// Returns whether an account of that name exists, selected or not.
    pub(super) fn account_exists(&self, key: &ObjectKey) -> bool {
        let at = ObjectRef::new(&key.name).within(&key.namespace);
        self.has_account(key) || self.account_names.iter().any(|store| store.get(&at).is_some())
    }

    /// Returns the names of all selected accounts.
    pub(super) fn account_keys(&self) -> Vec<ObjectKey> {
        self.accounts().iter().map(|account| ObjectKey::of(&**account)).collect()
    }

    /// Returns all selected accounts, readable or not.
    pub(super) fn accounts(&self) -> Vec<Arc<Guarded<VendorAccount>>> {
        self.accounts.iter().flat_map(Store::state).collect()
    }

    /// Returns the set of that name, if it exists; an error if it cannot be read.
    pub(super) fn set(&self, key: &ObjectKey) -> Option<Result<WebhookSet, String>> {
        let at = ObjectRef::new(&key.name).within(&key.namespace);
        let guarded = self.sets.iter().find_map(|store| store.get(&at))?;
        Some(guarded.0.clone().map_err(|invalid| invalid.error))
    }

    /// Returns the names of all selected sets.
    pub(super) fn set_keys(&self) -> Vec<ObjectKey> {
        self.sets.iter().flat_map(Store::state).map(|set| ObjectKey::of(&*set)).collect()
    }

    /// Returns the selected accounts as sets read them: with labels and annotations, and without status.
    pub(super) fn tenants(&self) -> impl Iterator<Item = Arc<VendorAccount>> {
        self.tenants.iter().flat_map(|tenants| tenants.all())
    }

    /// Returns the account of that name as sets read it, if it can be read.
    pub(super) fn tenant(&self, key: &ObjectKey) -> Option<Arc<VendorAccount>> {
        self.tenants.iter().find_map(|tenants| tenants.get(key))
    }

    /// Returns the labels of a namespace; none if only named namespaces are managed.
    pub(super) fn namespace_labels(&self, namespace: &str) -> Option<BTreeMap<String, String>> {
        let found = self.namespaces.as_ref()?.get(&ObjectRef::new(namespace))?;
        Some(found.labels().clone())
    }

    /// Returns the Webhooks that belong to the set with this uid.
    pub(super) fn webhooks_of_set(&self, uid: &str) -> Vec<Arc<Webhook>> {
        self.webhooks.iter().flat_map(|store| store.of_set(uid)).collect()
    }

    /// Returns the Webhook of that name that refers to this account.
    pub(super) fn webhook(&self, account: &ObjectKey, key: &ObjectKey) -> Option<Arc<Webhook>> {
        self.webhooks.iter().find_map(|store| store.get(account, key))
    }

    /// Returns the number of readable Webhooks.
    pub(super) fn webhook_count(&self) -> usize {
        self.webhooks.iter().map(|store| store.len()).sum()
    }

    /// Returns all Webhooks by the account that they refer to, whether it exists or not.
    pub(super) fn webhooks_by_account(&self) -> impl Iterator<Item = (ObjectKey, Vec<Arc<Webhook>>)> {
        self.webhooks.iter().flat_map(|store| {
            store.accounts().into_iter().map(|account| {
                let of = store.of_account(&account);
                (account, of)
            })
        })
    }

    /// Returns the Webhooks that refer to an account: those that it allows, and those that it does not.
    pub(super) fn webhooks_of(&self, account: &VendorAccount) -> (Vec<Arc<Webhook>>, Vec<Arc<Webhook>>) {
        let key = ObjectKey::of(account);
        let all = self.webhooks.iter().flat_map(|store| store.of_account(&key));
        all.partition(|webhook| self.may_refer(account, webhook))
    }

    /// Returns the Webhooks of all other accounts that point to the same account at the vendor, including those that are not
    /// allowed there: they keep the subscriptions that they own.
    pub(super) fn peers_of(&self, account: &VendorAccount) -> Vec<Arc<Webhook>> {
        let (remote, own) = (account.spec.vendor.remote_account(), ObjectKey::of(account));
        let others = self.remote.iter().flat_map(|index| index.others(&remote, &own));
        others
            .flat_map(|other| self.webhooks.iter().flat_map(move |store| store.of_account(&other)))
            .collect()
    }

    /// Returns whether the account allows the Webhook's namespace; its own is always allowed.
    pub(super) fn may_refer(&self, account: &VendorAccount, webhook: &Webhook) -> bool {
        let namespace = webhook.namespace().unwrap_or_default();
        account.admits(&namespace, || self.namespace_labels(&namespace))
    }
}

fn account_triggers(account: &Guarded<VendorAccount>) -> Vec<Trigger> {
    let key = ObjectKey::of(account);
    if let Err(error) = &account.0 {
        tracing::warn!(account = %key, error = %error.error, "this VendorAccount cannot be parsed and is ignored; was it stored by another version?");
    }
    vec![Trigger::Account(key)]
}

fn webhook_triggers(webhook: &Guarded<Webhook>) -> Vec<Trigger> {
    match &webhook.0 {
        Ok(webhook) => vec![Trigger::Webhook(webhook.account())],
        Err(error) => {
            tracing::warn!(webhook = %ObjectKey::of(webhook), error = %error.error, "this Webhook cannot be parsed and is ignored; was it stored by another version?");
            Vec::new()
        }
    }
}

fn dependency_triggers(dependents: &Dependents<Dependency>, dependency: &Dependency) -> Vec<Trigger> {
    dependents.on(dependency).into_iter().map(Trigger::Dependency).collect()
}

fn api<K>(client: &Client, scope: Option<&NamespaceName>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match scope {
        Some(namespace) => in_namespace(client, namespace),
        None => Api::all(client.clone()),
    }
}

/// Watches names and labels of objects.
fn names<K>(api: Api<PartialObjectMeta<K>>) -> (Store<PartialObjectMeta<K>>, Events<PartialObjectMeta<K>>)
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

/// Removes metadata that is not used, and marks an account as unreadable if it exceeds [`MAX_ACCOUNT`].
fn bound_account(account: &mut Guarded<VendorAccount>) {
    let metadata = account.meta_mut();
    metadata.managed_fields = None;
    metadata.labels = None;
    metadata.owner_references = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|name, _| name.starts_with(OUR_ANNOTATIONS));
    }
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

type Events<K> = std::pin::Pin<Box<dyn Stream<Item = watcher::Result<watcher::Event<K>>> + Send>>;

/// Returns the store of accounts and the watch that fills it.
fn accounts(
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
fn sets(
    client: &Client,
    scope: Option<&NamespaceName>,
    selected: watcher::Config,
) -> (Store<Guarded<WebhookSet>>, Events<Guarded<WebhookSet>>) {
    let (store, writer) = reflector::store::<Guarded<WebhookSet>>();
    let events = watcher(api::<Guarded<WebhookSet>>(client, scope), selected.page_size(SMALL_PAGE))
        .default_backoff()
        .modify(|set| {
            let metadata = set.meta_mut();
            metadata.managed_fields = None;
            metadata.labels = None;
            metadata.owner_references = None;
            if let Some(annotations) = &mut metadata.annotations {
                annotations.retain(|name, _| name.starts_with(OUR_ANNOTATIONS));
            }
        })
        .reflect(writer);
    (store, events.boxed())
}

/// Watches Webhooks, stores them, and returns the triggers of each event: the Webhook's account, and the accounts whose
/// Webhooks wait for what it owns.
fn webhooks(
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

fn object_key(event: &watcher::Event<Guarded<Webhook>>) -> Option<ObjectKey> {
    match event {
        watcher::Event::Apply(webhook) | watcher::Event::Delete(webhook) => Some(ObjectKey::of(webhook)),
        _ => None,
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
fn metadata<K>(client: &Client, scope: Option<&NamespaceName>) -> Events<PartialObjectMeta<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let config = watcher::Config::default().page_size(SMALL_PAGE);
    watcher(api::<PartialObjectMeta<K>>(client, scope), config).default_backoff().boxed()
}
