//! The objects that a command works with: accounts, their Webhooks and the values that they name, from the cluster, from files
//! overlaid on it, or from files only. Never writes.

use super::cluster_reader::{ClusterObjects, ClusterReader, ClusterSets, read_cluster};
use super::overlay::{blocked_orphan, overlay};
use super::sets::{DeclaredSet, Expanded, HeldBySets, KnownSet, expand_into, overlay_sets};
use crate::api::webhook_set::managing_set;
use crate::api::{ObjectKey, VendorAccount, Webhook};
use crate::engine::cluster::secrets::{KubeSecretReader, SecretReader};
use crate::engine::cluster::values::Values;
use crate::engine::dependency::{Dependency, NamedKeys};
use crate::engine::status::orphan::Orphan;
use crate::manifest::{Manifests, Place, Placed, did_you_mean};
use crate::plan::report::WebhookReport;
use crate::vendor::TokenStore;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SETS_NOT_LISTED: &str =
    "you may not list WebhookSets: what they have yet to change in their Webhooks is not planned";

/// The objects of a command.
pub(super) struct ObjectSet {
    /// Accounts, each with its Webhooks.
    pub(super) accounts: Vec<(Arc<VendorAccount>, Vec<Arc<Webhook>>)>,
    /// Webhooks without an account that allows them.
    pub(super) orphans: Vec<WebhookReport>,
    /// The source of Secrets and ConfigMaps.
    pub(super) source: OverlaySource,
    /// Where Webhooks of files are declared.
    pub(super) places: BTreeMap<ObjectKey, Place>,
    /// Warnings to print with the plan.
    pub(super) notes: Vec<String>,
    /// Webhooks that their set does not change now, and why.
    pub(super) held: HeldBySets,
    /// The sets that are known: those of the files and of the cluster, and those that Webhooks belong to.
    pub(super) sets: BTreeMap<ObjectKey, KnownSet>,
}

/// Secrets and ConfigMaps of files, overlaid on those of the cluster.
#[derive(Clone)]
pub(super) struct OverlaySource {
    secrets: Arc<BTreeMap<ObjectKey, Secret>>,
    config_maps: Arc<BTreeMap<ObjectKey, ConfigMap>>,
    cluster: Option<KubeSecretReader>,
    /// Keys of Secrets that get a placeholder if they are not filled in yet.
    placeholders: Arc<BTreeMap<ObjectKey, BTreeSet<String>>>,
}

impl OverlaySource {
    /// Returns the cluster, if files overlay its values.
    pub(super) fn overlaid_cluster(&self) -> Option<&KubeSecretReader> {
        let none = self.secrets.is_empty() && self.config_maps.is_empty();
        self.cluster.as_ref().filter(|_| !none)
    }
}

impl SecretReader for OverlaySource {
    async fn read(&self, wanted: &NamedKeys) -> Values {
        let in_files = |dependency: &Dependency| match dependency {
            Dependency::Secret(key) => self.secrets.contains_key(key),
            Dependency::ConfigMap(key) => self.config_maps.contains_key(key),
        };
        let placeholders = |dependency: &Dependency| matches!(dependency, Dependency::Secret(key) if self.placeholders.contains_key(key));
        let mut values = Values::default();
        if let Some(cluster) = &self.cluster {
            let all = wanted.iter().map(|(dependency, keys)| (dependency.clone(), keys.clone()));
            let (optional, cluster_only): (NamedKeys, NamedKeys) =
                all.partition(|(dependency, _)| placeholders(dependency) || in_files(dependency));
            values = cluster.read(&cluster_only).await;
            // Objects that files overlay may be missing or unreadable in the cluster. Where they exist, their uid shows whether a
            // value is the one that was sent.
            values.extend_found(cluster.read(&optional).await);
        }
        for dependency in wanted.keys().filter(|dependency| in_files(dependency)) {
            match dependency {
                Dependency::Secret(key) => {
                    self.secrets.get(key).cloned().into_iter().for_each(|one| values.add_secret(one));
                }
                Dependency::ConfigMap(key) => {
                    self.config_maps.get(key).cloned().into_iter().for_each(|one| values.add_config_map(one));
                }
            }
        }
        for (secret, keys) in self.placeholders.iter() {
            values.make_up(secret.clone(), keys);
        }
        values
    }

    /// Commands do not refresh OAuth tokens: a plan is read-only, and files cannot be written.
    fn token_store(&self, _: ObjectKey, _: String) -> Option<Arc<dyn TokenStore>> {
        None
    }
}

impl OverlaySource {
    /// Reads from the cluster what is not in the files.
    pub(super) fn with_cluster(self, cluster: KubeSecretReader) -> Self {
        Self { cluster: Some(cluster), ..self }
    }

    /// Adds keys of Secrets that get a placeholder if they are not filled in yet.
    pub(super) fn with_placeholders(&self, keys: BTreeMap<ObjectKey, BTreeSet<String>>) -> Self {
        Self { placeholders: Arc::new(keys), ..self.clone() }
    }
}

impl ObjectSet {
    /// Returns all Webhooks that have an account.
    pub(super) fn webhooks(&self) -> impl Iterator<Item = &Arc<Webhook>> {
        self.accounts.iter().flat_map(|(_, webhooks)| webhooks)
    }

    /// Whether there is neither an account nor a Webhook.
    pub(super) fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.orphans.is_empty()
    }

    /// Builds the set from files only.
    pub(super) async fn of_files(mut files: Manifests) -> Result<Self, Vec<String>> {
        let sets = overlay_sets(None, std::mem::take(&mut files.sets), BTreeMap::new()).await?;
        Self::new(ClusterObjects::default(), files, &sets, None)
    }

    /// Builds the set from the cluster, overlaid with files. What the sets of the cluster have yet to do is part of it for those that are
    /// given.
    pub(super) async fn of_cluster(
        reader: &ClusterReader,
        mut files: Manifests,
        of_cluster: ClusterSets,
    ) -> Result<Self, Vec<String>> {
        let sets = overlay_sets(Some(reader), std::mem::take(&mut files.sets), of_cluster.sets).await?;
        let referred = files.webhooks.iter().map(|webhook| webhook.object.account());
        let in_files: Vec<_> = files.accounts.iter().map(|account| account.object.clone()).collect();
        let by_labels = sets.iter().any(DeclaredSet::selects_namespaces);
        let objects = read_cluster(reader, referred.collect(), &in_files, by_labels)
            .await
            .map_err(|error| vec![error])?;
        let mut objects = Self::new(objects, files, &sets, Some(reader))?;
        if of_cluster.forbidden.is_some() && !objects.sets.is_empty() {
            objects.notes.push(SETS_NOT_LISTED.to_owned());
        }
        for (set, why) in of_cluster.unreadable {
            objects.notes.push(format!("WebhookSet {set}: {why}"));
            objects.sets.entry(set).or_default();
        }
        Ok(objects)
    }

    fn new(
        mut objects: ClusterObjects,
        files: Manifests,
        sets: &[DeclaredSet],
        reader: Option<&ClusterReader>,
    ) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut places = BTreeMap::new();
        for file in files.accounts {
            let key = ObjectKey::of(&file.object);
            let merged = overlay(objects.accounts.remove(&key), file, &mut problems);
            objects.accounts.insert(key, merged);
        }
        for file in files.webhooks {
            let key = ObjectKey::of(&file.object);
            places.insert(key.clone(), file.place.clone());
            let merged = overlay(objects.webhooks.remove(&key), file, &mut problems);
            objects.webhooks.insert(key, merged);
        }
        if !problems.is_empty() {
            return Err(problems.iter().map(ToString::to_string).collect());
        }
        let expanded = expand_into(&mut objects, sets, &mut places, reader)?;
        let Expanded { blocked, notes, held, mut sets } = expanded;
        for (key, webhook) in &objects.webhooks {
            if let Some(owner) = managing_set(webhook) {
                let set = ObjectKey::new(&key.namespace, &owner.name);
                sets.entry(set).or_default().members.insert(key.clone());
            }
        }
        let skipped = files.skipped.iter().map(ToString::to_string);
        let notes = objects.notes.drain(..).chain(skipped).chain(notes).collect();
        let by_key = |secret: Placed<Secret>| (ObjectKey::of(&secret.object), secret.object);
        let map_by_key = |map: Placed<ConfigMap>| (ObjectKey::of(&map.object), map.object);
        let source = OverlaySource {
            secrets: Arc::new(files.secrets.into_iter().map(by_key).collect()),
            config_maps: Arc::new(files.config_maps.into_iter().map(map_by_key).collect()),
            cluster: reader.map(ClusterReader::secret_reader),
            placeholders: Arc::default(),
        };
        let (accounts, mut orphans) = assign(objects);
        orphans.extend(blocked);
        Ok(Self { accounts, orphans, source, places, notes, held, sets })
    }
}

type Assigned = (Vec<(Arc<VendorAccount>, Vec<Arc<Webhook>>)>, Vec<WebhookReport>);

/// Assigns each Webhook to its account; the others become orphans.
fn assign(objects: ClusterObjects) -> Assigned {
    let mut of: BTreeMap<ObjectKey, Vec<Arc<Webhook>>> = BTreeMap::new();
    let mut orphans = Vec::new();
    for (key, webhook) in objects.webhooks {
        let account = webhook.account();
        let labels = || objects.labels.get(&key.namespace).cloned();
        match objects.accounts.get(&account) {
            Some(found) if found.admits(&key.namespace, labels) => {
                of.entry(account).or_default().push(Arc::new(webhook));
            }
            Some(_) => orphans.push(orphan(key, &Orphan::NotAllowed(account))),
            None => {
                let accounts = objects.accounts.keys().filter(|known| known.namespace == account.namespace);
                let hint = did_you_mean(&account.name, accounts.map(|known| known.name.as_str()));
                let mut orphan = orphan(key, &Orphan::without_account(account));
                orphan.held.iter_mut().for_each(|held| held.message += &hint);
                orphans.push(orphan);
            }
        }
    }
    let unreadable = objects.unreadable.into_iter();
    orphans.extend(unreadable.map(|(key, why)| blocked_orphan(key, "Unreadable", why)));
    let accounts = objects.accounts.into_iter().map(|(key, account)| {
        let webhooks = of.remove(&key).unwrap_or_default();
        (Arc::new(account), webhooks)
    });
    (accounts.collect(), orphans)
}

fn orphan(key: ObjectKey, orphan: &Orphan) -> WebhookReport {
    let (reason, message) = orphan.words();
    blocked_orphan(key, reason, message)
}
