//! What the cluster holds: both kinds, and metadata-only watches of Secrets and ConfigMaps.

use super::Options;
use super::dependents::Dependents;
use super::hooks::Hooks;
use super::obstacle;
use super::remote::RemoteAccounts;
use crate::api::{NamespaceName, ObjectKey, StoredWebhook, VendorAccount, Webhook};
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
use std::fmt::Debug;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How the annotations begin that are read here.
const OUR_ANNOTATIONS: &str = "hooktender.dev/";

/// How many Webhooks are read at once when a watch begins: each may be 1.5 MiB long, and takes several times that while it is read.
const PAGE: u32 = 20;
/// The same for objects of which there are fewer, or of which only the metadata is read.
const SMALL_PAGE: u32 = 10;
/// The longest spec of an account that is kept, in bytes as JSON, and the longest of its finalizers.
const MAX_ACCOUNT: usize = 32 << 10;

/// What woke the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// This account changed, came, or went.
    Account(ObjectKey),
    /// A Webhook of this account did, or one elsewhere that a Webhook of this account waits for.
    Webhook(ObjectKey),
    /// Something that this account depends on did.
    Dependency(ObjectKey),
    /// A watch began anew: anything may have changed.
    All,
}

type Guarded<K> = DeserializeGuard<K>;

/// What accounts depend on beside their own objects.
#[derive(Clone, Default)]
pub(super) struct Indexes {
    /// Secrets and ConfigMaps.
    pub(super) dependents: Arc<Dependents<Dependency>>,
    /// Webhooks of other accounts, which hold what a Webhook waits for.
    pub(super) waiting: Arc<Dependents<ObjectKey>>,
}

impl Indexes {
    /// Forgets an account that is gone.
    pub(super) fn forget(&self, account: &ObjectKey) {
        self.dependents.forget(account);
        self.waiting.forget(account);
    }
}

/// What the cluster holds, one store a namespace that is looked after.
pub(super) struct Cache {
    accounts: Vec<Store<Guarded<VendorAccount>>>,
    /// The names of all accounts, where a selector keeps some out of `accounts`.
    account_names: Vec<Store<PartialObjectMeta<VendorAccount>>>,
    remote: Vec<Arc<RemoteAccounts>>,
    webhooks: Vec<Arc<Hooks>>,
    /// Labels of namespaces, where all are looked after: outside of those that are named, nothing is read.
    namespaces: Option<Store<PartialObjectMeta<Namespace>>>,
    filled: Vec<watch::Receiver<bool>>,
    /// Is told what keeps a watch from coming about.
    health: Health,
    /// Wakes the controller.
    wake: mpsc::UnboundedSender<Woken>,
}

impl Cache {
    /// Starts all watches as tasks.
    pub(super) fn start(
        client: &Client,
        options: &Options,
        indexes: &Indexes,
        wake: &mpsc::UnboundedSender<Woken>,
        health: &Health,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let mut cache = Self {
            accounts: Vec::new(),
            account_names: Vec::new(),
            remote: Vec::new(),
            webhooks: Vec::new(),
            namespaces: None,
            filled: Vec::new(),
            health: health.clone(),
            wake: wake.clone(),
        };
        if options.namespaces.is_empty() {
            let (store, events) = names(Api::all(client.clone()));
            cache.namespaces = Some(store);
            cache.watch::<Namespace, _>(None, events, tasks, |_| vec![Woken::All]);
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
            let (store, events) = accounts(client, scope, selected.clone(), Arc::clone(&remote));
            cache.accounts.push(store);
            cache.remote.push(remote);
            cache.watch::<VendorAccount, _>(scope, events, tasks, |account| woken_by_account(&account));
            if options.account_selector.is_some() {
                let (store, events) = names::<VendorAccount>(api(client, scope));
                cache.account_names.push(store);
                cache.watch::<VendorAccount, _>(scope, events, tasks, |account| {
                    vec![Woken::Webhook(ObjectKey::of(&account))]
                });
            }
            let hooks = Arc::new(Hooks::default());
            cache.webhooks.push(Arc::clone(&hooks));
            let events = webhooks(client, scope, hooks, Arc::clone(&indexes.waiting));
            cache.watch::<Webhook, _>(scope, events, tasks, |woken| woken);
            if options.watch_secrets {
                let on = Arc::clone(&indexes.dependents);
                let woken = move |secret| depending(&on, &Dependency::Secret(ObjectKey::of(&secret)));
                cache.watch::<Secret, _>(scope, metadata::<Secret>(client, scope), tasks, woken);
            }
            let on = Arc::clone(&indexes.dependents);
            let woken = move |map| depending(&on, &Dependency::ConfigMap(ObjectKey::of(&map)));
            cache.watch::<ConfigMap, _>(scope, metadata::<ConfigMap>(client, scope), tasks, woken);
        }
        cache
    }

    /// Follows a watch for ever: it wakes for each change, and for anything after it had to begin anew.
    fn watch<K: Resource<DynamicType = ()>, T: Send + 'static>(
        &mut self,
        scope: Option<&NamespaceName>,
        events: impl Stream<Item = watcher::Result<watcher::Event<T>>> + Send + 'static,
        tasks: &mut JoinSet<()>,
        woken: impl Fn(T) -> Vec<Woken> + Send + 'static,
    ) {
        let (filled, is_filled) = watch::channel(false);
        self.filled.push(is_filled);
        let (wake, health, scope) = (self.wake.clone(), self.health.clone(), scope.cloned());
        tasks.spawn(async move {
            let mut events = std::pin::pin!(events);
            let mut broken = None;
            while let Some(event) = events.next().await {
                let changes = match event {
                    Ok(watcher::Event::Apply(object) | watcher::Event::Delete(object)) => woken(object),
                    // Dependencies that changed while the watch was down are found here; objects, once all are there.
                    Ok(watcher::Event::InitApply(object)) => woken(object)
                        .into_iter()
                        .filter(|woken| matches!(woken, Woken::Dependency(_)))
                        .collect(),
                    Ok(watcher::Event::Init) => continue,
                    Ok(watcher::Event::InitDone) => {
                        filled.send_replace(true);
                        vec![Woken::All]
                    }
                    Err(error) => {
                        // Said once for each reason; the watch goes on by itself, with a growing back-off.
                        let why = obstacle::in_words::<K>(&error);
                        if broken.as_ref() != Some(&why) {
                            tracing::warn!(kind = %K::kind(&()), error = %error_chain(&error), "a watch broke and is being set up again: {why}");
                            health.lacks(&K::kind(&()), scope.as_ref().map(NamespaceName::as_str), Some(&why));
                        }
                        broken = Some(why);
                        continue;
                    }
                };
                if broken.take().is_some() {
                    health.lacks(&K::kind(&()), scope.as_ref().map(NamespaceName::as_str), None);
                    tracing::info!(kind = %K::kind(&()), "the watch is up again");
                }
                for change in changes {
                    // Nobody listens any more when the process ends.
                    let _ = wake.send(change);
                }
            }
        });
    }

    /// Comes back when every watch has seen everything once.
    pub(super) async fn filled(&self) {
        join_all(self.filled.iter().map(|filled| {
            let mut filled = filled.clone();
            async move {
                let _ = filled.wait_for(|filled| *filled).await;
            }
        }))
        .await;
    }

    /// The account of that name, if it is there and can be read.
    pub(super) fn account(&self, key: &ObjectKey) -> Option<Arc<VendorAccount>> {
        let at = ObjectRef::new(&key.name).within(&key.namespace);
        let guarded = self.accounts.iter().find_map(|store| store.get(&at))?;
        guarded.0.as_ref().ok().map(|account| Arc::new(account.clone()))
    }

    /// Whether there is an account of that name, be it readable or not.
    pub(super) fn has_account(&self, key: &ObjectKey) -> bool {
        let at = ObjectRef::new(&key.name).within(&key.namespace);
        self.accounts.iter().any(|store| store.get(&at).is_some())
    }

    /// Whether there is an account of that name, be it selected or not.
    pub(super) fn account_exists(&self, key: &ObjectKey) -> bool {
        let at = ObjectRef::new(&key.name).within(&key.namespace);
        self.has_account(key) || self.account_names.iter().any(|store| store.get(&at).is_some())
    }

    /// The names of all accounts.
    pub(super) fn account_keys(&self) -> Vec<ObjectKey> {
        self.accounts().iter().map(|account| ObjectKey::of(&**account)).collect()
    }

    /// All accounts, readable or not.
    pub(super) fn accounts(&self) -> Vec<Arc<Guarded<VendorAccount>>> {
        self.accounts.iter().flat_map(Store::state).collect()
    }

    /// How many Webhooks can be read.
    pub(super) fn number_of_webhooks(&self) -> usize {
        self.webhooks.iter().map(|hooks| hooks.len()).sum()
    }

    /// The accounts that any Webhook refers to, be they there or not, with the Webhooks.
    pub(super) fn webhooks_by_account(&self) -> impl Iterator<Item = (ObjectKey, Vec<Arc<Webhook>>)> {
        self.webhooks.iter().flat_map(|hooks| {
            hooks.accounts().into_iter().map(|account| {
                let of = hooks.of(&account);
                (account, of)
            })
        })
    }

    /// The Webhooks that refer to an account: those that it allows, and those that it refuses.
    pub(super) fn webhooks_of(&self, account: &VendorAccount) -> (Vec<Arc<Webhook>>, Vec<Arc<Webhook>>) {
        let key = ObjectKey::of(account);
        let all = self.webhooks.iter().flat_map(|hooks| hooks.of(&key));
        all.partition(|webhook| self.may_refer(account, webhook))
    }

    /// The Webhooks of all other accounts that point to the same account at the vendor, whether these let them in or not:
    /// what they hold, they hold.
    pub(super) fn peers_of(&self, account: &VendorAccount) -> Vec<Arc<Webhook>> {
        let (remote, own) = (account.spec.vendor.remote_account(), ObjectKey::of(account));
        let others = self.remote.iter().flat_map(|index| index.others(&remote, &own));
        others.flat_map(|other| self.webhooks.iter().flat_map(move |hooks| hooks.of(&other))).collect()
    }

    /// Whether the account lets the Webhook's namespace refer to it; its own always may.
    pub(super) fn may_refer(&self, account: &VendorAccount, webhook: &Webhook) -> bool {
        let namespace = webhook.namespace().unwrap_or_default();
        account.admits(&namespace, || {
            let found = self.namespaces.as_ref()?.get(&ObjectRef::new(&namespace))?;
            Some(found.labels().clone())
        })
    }
}

fn woken_by_account(account: &Guarded<VendorAccount>) -> Vec<Woken> {
    let key = ObjectKey::of(account);
    if let Err(error) = &account.0 {
        tracing::warn!(account = %key, error = %error.error, "this VendorAccount cannot be read and is left alone; was it stored by another version?");
    }
    vec![Woken::Account(key)]
}

fn woken_by_webhook(webhook: &Guarded<Webhook>) -> Vec<Woken> {
    match &webhook.0 {
        Ok(webhook) => vec![Woken::Webhook(webhook.account())],
        Err(error) => {
            tracing::warn!(webhook = %ObjectKey::of(webhook), error = %error.error, "this Webhook cannot be read and is left alone; was it stored by another version?");
            Vec::new()
        }
    }
}

fn depending(dependents: &Dependents<Dependency>, dependency: &Dependency) -> Vec<Woken> {
    dependents.on(dependency).into_iter().map(Woken::Dependency).collect()
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

/// The objects' names and labels.
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

/// Cuts off what nobody here reads, and makes an account unreadable that is too long to be kept.
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

/// The accounts, and the watch that fills their store without what nobody here reads.
fn accounts(
    client: &Client,
    scope: Option<&NamespaceName>,
    selected: watcher::Config,
    remote: Arc<RemoteAccounts>,
) -> (Store<Guarded<VendorAccount>>, Events<Guarded<VendorAccount>>) {
    let (store, writer) = reflector::store::<Guarded<VendorAccount>>();
    let events = watcher(api::<Guarded<VendorAccount>>(client, scope), selected.page_size(SMALL_PAGE))
        .default_backoff()
        .modify(bound_account)
        .inspect_ok(move |event| remote.take(event))
        .reflect(writer);
    (store, events.boxed())
}

/// A watch of Webhooks that are kept as they come, and whom each of them wakes: its account, and those whose Webhooks wait
/// for what it holds.
fn webhooks(
    client: &Client,
    scope: Option<&NamespaceName>,
    kept: Arc<Hooks>,
    waiting: Arc<Dependents<ObjectKey>>,
) -> Events<Vec<Woken>> {
    use watcher::Event;
    let config = watcher::Config::default().page_size(PAGE);
    let events = watcher(api::<StoredWebhook>(client, scope), config);
    let take = move |event: Event<Guarded<Webhook>>| {
        let mut woken = match &event {
            Event::Apply(webhook) => Event::Apply(woken_by_webhook(webhook)),
            Event::Delete(webhook) => Event::Delete(woken_by_webhook(webhook)),
            Event::Init => Event::Init,
            Event::InitApply(webhook) => Event::InitApply(woken_by_webhook(webhook)),
            Event::InitDone => Event::InitDone,
        };
        let changed = kept.take(event);
        if let (Event::Apply(woken) | Event::Delete(woken), Some(webhook)) = (&mut woken, &changed) {
            woken.extend(waiting.on(webhook).into_iter().map(Woken::Webhook));
        }
        woken
    };
    events.default_backoff().map(move |event| event.map(|event| take(guarded(event)))).boxed()
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

/// A watch of metadata alone: no Secret's content is ever kept.
fn metadata<K>(client: &Client, scope: Option<&NamespaceName>) -> Events<PartialObjectMeta<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let config = watcher::Config::default().page_size(SMALL_PAGE);
    watcher(api::<PartialObjectMeta<K>>(client, scope), config).default_backoff().boxed()
}
