//! Caches of accounts, sets and Webhooks, filled by watches. Of Secrets and ConfigMaps only the metadata is watched, and nothing is stored.

use super::Options;
use super::indexes::Indexes;
use super::remote_accounts::RemoteAccounts;
use super::set_reader::SetReader;
use super::streams::{Guarded, accounts, api, metadata, names, sets, webhooks};
use super::tenants::Tenants;
use super::trigger::{Trigger, account_triggers, dependency_triggers};
use super::watches::Watches;
use super::webhook_store::WebhookStore;
use crate::api::{NamespaceName, ObjectKey, VendorAccount, Webhook, WebhookSet};
use crate::engine::dependency::Dependency;
use crate::telemetry::Health;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

/// The caches: one store per managed namespace, or one for all namespaces.
pub(super) struct Cache {
    accounts: Vec<Store<Guarded<VendorAccount>>>,
    /// The names of all accounts, if a selector leaves some out of `accounts`.
    account_names: Vec<Store<PartialObjectMeta<VendorAccount>>>,
    remote: Vec<Arc<RemoteAccounts>>,
    /// The selected accounts as sets read them.
    tenants: Vec<Arc<Tenants>>,
    sets: Vec<Store<Guarded<WebhookSet>>>,
    webhooks: Vec<Arc<WebhookStore>>,
    /// Labels of namespaces, if all namespaces are managed.
    namespaces: Option<Store<PartialObjectMeta<Namespace>>>,
    watches: Watches,
}

impl Cache {
    /// Starts all watches; returns what receives their triggers.
    pub(super) fn start(
        client: &Client,
        options: &Options,
        indexes: &Indexes,
        health: &Health,
    ) -> (Self, UnboundedReceiver<Trigger>) {
        let (watches, triggers) = Watches::new(health);
        let mut cache = Self {
            accounts: Vec::new(),
            account_names: Vec::new(),
            remote: Vec::new(),
            tenants: Vec::new(),
            sets: Vec::new(),
            webhooks: Vec::new(),
            namespaces: None,
            watches,
        };
        if options.namespaces.is_empty() {
            let (store, events) = names(Api::all(client.clone()));
            cache.namespaces = Some(store);
            cache.watches.follow::<Namespace, _>(None, events, |_| vec![Trigger::All]);
            cache.watch_scope(client, options, indexes, None);
        }
        for namespace in &options.namespaces {
            cache.watch_scope(client, options, indexes, Some(namespace));
        }
        (cache, triggers)
    }

    /// Starts the watches of one namespace, or of all.
    fn watch_scope(
        &mut self,
        client: &Client,
        options: &Options,
        indexes: &Indexes,
        scope: Option<&NamespaceName>,
    ) {
        let labels = options.account_selector.clone();
        let selected = watcher::Config { label_selector: labels, ..watcher::Config::default() };
        self.watch_accounts(client, selected.clone(), scope);
        // A shard has the sets with its label, and its own accounts.
        let (store, events) = sets(client, scope, selected);
        self.sets.push(store);
        self.watches.follow::<WebhookSet, _>(scope, events, |set| vec![Trigger::Set(ObjectKey::of(&set))]);
        let store = Arc::new(WebhookStore::default());
        self.webhooks.push(Arc::clone(&store));
        let events = webhooks(client, scope, store, indexes.clone());
        self.watches.follow::<Webhook, _>(scope, events, |triggers| triggers);
        if options.watch_secrets {
            let on = Arc::clone(&indexes.dependents);
            let triggers =
                move |secret| dependency_triggers(&on, &Dependency::Secret(ObjectKey::of(&secret)));
            self.watches.follow::<Secret, _>(scope, metadata::<Secret>(client, scope), triggers);
        }
        let on = Arc::clone(&indexes.dependents);
        let triggers = move |map| dependency_triggers(&on, &Dependency::ConfigMap(ObjectKey::of(&map)));
        self.watches.follow::<ConfigMap, _>(scope, metadata::<ConfigMap>(client, scope), triggers);
    }

    /// Watches the selected accounts, and the names of all others.
    fn watch_accounts(&mut self, client: &Client, selected: watcher::Config, scope: Option<&NamespaceName>) {
        let leaves_some_out = selected.label_selector.is_some();
        let (remote, tenants) = (Arc::new(RemoteAccounts::default()), Arc::new(Tenants::default()));
        let indexed = (Arc::clone(&remote), Arc::clone(&tenants));
        let (store, events) = accounts(client, scope, selected, indexed);
        self.accounts.push(store);
        self.remote.push(remote);
        self.tenants.push(Arc::clone(&tenants));
        self.watches.follow::<VendorAccount, _>(scope, events, move |account| {
            let mut triggers = account_triggers(&account);
            triggers.extend(tenants.take_changed().then_some(Trigger::Tenants));
            triggers
        });
        if leaves_some_out {
            let (store, events) = names::<VendorAccount>(api(client, scope));
            self.account_names.push(store);
            let triggers = |account| vec![Trigger::Webhook(ObjectKey::of(&account))];
            self.watches.follow::<VendorAccount, _>(scope, events, triggers);
        }
    }

    /// Waits until every watch has completed its initial list.
    pub(super) async fn synced(&self) {
        self.watches.synced().await;
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

    /// Returns the names of all selected accounts.
    pub(super) fn account_keys(&self) -> Vec<ObjectKey> {
        self.accounts().iter().map(|account| ObjectKey::of(&**account)).collect()
    }

    /// Returns all selected accounts, readable or not.
    pub(super) fn accounts(&self) -> Vec<Arc<Guarded<VendorAccount>>> {
        self.accounts.iter().flat_map(Store::state).collect()
    }

    /// Returns the names of all selected sets.
    pub(super) fn set_keys(&self) -> Vec<ObjectKey> {
        self.sets.iter().flat_map(Store::state).map(|set| ObjectKey::of(&*set)).collect()
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

impl SetReader for Cache {
    fn set(&self, key: &ObjectKey) -> Option<Result<WebhookSet, String>> {
        let at = ObjectRef::new(&key.name).within(&key.namespace);
        let guarded = self.sets.iter().find_map(|store| store.get(&at))?;
        Some(guarded.0.clone().map_err(|invalid| invalid.error))
    }

    fn tenants(&self) -> impl Iterator<Item = Arc<VendorAccount>> {
        self.tenants.iter().flat_map(|tenants| tenants.all())
    }

    fn tenant(&self, key: &ObjectKey) -> Option<Arc<VendorAccount>> {
        self.tenants.iter().find_map(|tenants| tenants.get(key))
    }

    fn namespace_labels(&self, namespace: &str) -> Option<BTreeMap<String, String>> {
        let found = self.namespaces.as_ref()?.get(&ObjectRef::new(namespace))?;
        Some(found.labels().clone())
    }

    fn webhooks_of_set(&self, uid: &str) -> Vec<Arc<Webhook>> {
        self.webhooks.iter().flat_map(|store| store.of_set(uid)).collect()
    }

    fn webhook(&self, account: &ObjectKey, key: &ObjectKey) -> Option<Arc<Webhook>> {
        self.webhooks.iter().find_map(|store| store.get(account, key))
    }

    fn account_exists(&self, key: &ObjectKey) -> bool {
        let at = ObjectRef::new(&key.name).within(&key.namespace);
        self.has_account(key) || self.account_names.iter().any(|store| store.get(&at).is_some())
    }
}
