//! What the cluster holds, and what the watches of the process show of it, each of which may lag.

use super::step::Lag;
use crate::api::{VendorAccount, Webhook, WebhookSet};
use kube::{Resource, ResourceExt};
use std::collections::BTreeMap;
use std::sync::Arc;

/// No watch is further behind than this, in milliseconds: what a write returned is trusted for 30 seconds.
pub(super) const LONGEST_LAG: u64 = 25_000;

/// Objects by name.
pub(super) type Objects<T> = BTreeMap<String, Arc<T>>;

/// The objects of one kind.
pub(super) struct Kind<T> {
    pub(super) objects: Objects<T>,
    /// Every state since the start with its time, and the one that the watch shows.
    log: Vec<(u64, Objects<T>)>,
    shown: usize,
}

impl<T: Resource<DynamicType = ()> + Clone + PartialEq> Kind<T> {
    fn new() -> Self {
        Self { objects: Objects::new(), log: vec![(0, Objects::new())], shown: 0 }
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<T>> {
        self.objects.get(name).cloned()
    }

    /// Stores an object. One that is being deleted and has no finalizer is removed.
    fn store(&mut self, now: u64, object: T) -> Arc<T> {
        let object = Arc::new(object);
        if object.meta().deletion_timestamp.is_some() && object.finalizers().is_empty() {
            self.objects.remove(&object.name_any());
        } else {
            self.objects.insert(object.name_any(), Arc::clone(&object));
        }
        self.log.push((now, self.objects.clone()));
        object
    }

    /// Lets the watch show a state that is so many changes behind, but no older one than before.
    fn show(&mut self, now: u64, lag: u8) {
        let newest = self.log.len() - 1;
        let outdated = |index: &usize| self.log[*index].0 + LONGEST_LAG <= now;
        let oldest = (0..=newest).rev().find(outdated).unwrap_or_default();
        self.shown = newest.saturating_sub(lag.into()).max(oldest).max(self.shown);
    }

    /// Returns all states from that time on, with the one before.
    pub(super) fn since(&self, from: u64) -> impl Iterator<Item = &Objects<T>> {
        let first = self.log.iter().rposition(|(at, _)| *at < from).unwrap_or_default();
        self.log[first..].iter().map(|(_, objects)| objects)
    }

    pub(super) fn shown(&self) -> &Objects<T> {
        &self.log[self.shown].1
    }
}

/// State of the cluster.
pub(super) struct Cluster {
    pub(super) sets: Kind<WebhookSet>,
    pub(super) accounts: Kind<VendorAccount>,
    pub(super) webhooks: Kind<Webhook>,
    version: u64,
    created: u64,
    /// How many requests to write there were.
    pub(super) writes: u64,
}

/// A kind of which the cluster holds objects.
pub(super) trait Stored: Resource<DynamicType = ()> + Clone + PartialEq {
    fn kind_in(cluster: &mut Cluster) -> &mut Kind<Self>;
}

impl Stored for WebhookSet {
    fn kind_in(cluster: &mut Cluster) -> &mut Kind<Self> {
        &mut cluster.sets
    }
}

impl Stored for VendorAccount {
    fn kind_in(cluster: &mut Cluster) -> &mut Kind<Self> {
        &mut cluster.accounts
    }
}

impl Stored for Webhook {
    fn kind_in(cluster: &mut Cluster) -> &mut Kind<Self> {
        &mut cluster.webhooks
    }
}

impl Cluster {
    pub(super) fn new() -> Self {
        let (sets, accounts, webhooks) = (Kind::new(), Kind::new(), Kind::new());
        Self { sets, accounts, webhooks, version: 10, created: 0, writes: 0 }
    }

    /// Stores an object with a new version, unless nothing has changed. A new object gets a uid.
    pub(super) fn store<T: Stored>(&mut self, now: u64, mut object: T) -> Arc<T> {
        if let Some(before) = T::kind_in(self).get(&object.name_any()).filter(|before| **before == object) {
            return before;
        }
        self.version += 1;
        let metadata = object.meta_mut();
        metadata.resource_version = Some(self.version.to_string());
        if metadata.uid.is_none() {
            self.created += 1;
            metadata.uid = Some(format!("u{}", self.created));
        }
        T::kind_in(self).store(now, object)
    }

    /// Moves each watch to the state of `lag` changes ago, but never back.
    pub(super) fn show(&mut self, now: u64, lag: Lag) {
        self.sets.show(now, lag.sets);
        self.accounts.show(now, lag.accounts);
        self.webhooks.show(now, lag.webhooks);
    }

    /// Returns the newest version of all objects.
    pub(super) fn version(&self) -> u64 {
        self.version
    }
}
