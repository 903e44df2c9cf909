//! The webhooks of one account: ascending integer ids, never used twice (vendors/brightpearl.md §2.1).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// Webhooks by id, each as it is shown to the caller.
#[derive(Debug, Default)]
pub(crate) struct Store {
    webhooks: BTreeMap<u64, Value>,
    /// When each was stored.
    born: BTreeMap<u64, Timestamp>,
    highest: u64,
}

impl Store {
    /// Stores under the object's own `id` if it brings a free one, else under `next`.
    pub(crate) fn insert(&mut self, mut members: Map<String, Value>, next: u64, now: Timestamp) -> u64 {
        let own = members.get("id").and_then(Value::as_u64).filter(|id| !self.webhooks.contains_key(id));
        let id = own.unwrap_or(next.max(self.highest + 1));
        members.insert("id".to_owned(), id.into());
        self.highest = self.highest.max(id);
        self.born.insert(id, now);
        self.webhooks.insert(id, Value::Object(members));
        id
    }

    /// All, ascending.
    pub(crate) fn all(&self) -> Vec<Value> {
        self.webhooks.values().cloned().collect()
    }

    /// All that were stored at least so long ago, ascending.
    pub(crate) fn listed(&self, delay: SignedDuration, now: Timestamp) -> Vec<Value> {
        let is_listed = |id: &u64| self.born.get(id).is_none_or(|born| now.duration_since(*born) >= delay);
        self.webhooks.iter().filter(|(id, _)| is_listed(id)).map(|(_, webhook)| webhook.clone()).collect()
    }

    /// Those in the set, ascending.
    pub(crate) fn some(&self, wanted: &[RangeInclusive<u64>]) -> Vec<Value> {
        self.webhooks
            .iter()
            .filter(|(id, _)| wanted.iter().any(|range| range.contains(id)))
            .map(|(_, webhook)| webhook.clone())
            .collect()
    }

    pub(crate) fn contains(&self, id: u64) -> bool {
        self.webhooks.contains_key(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Value> {
        self.webhooks.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        self.webhooks.remove(&id).is_some()
    }

    /// The lowest id that was never used and has only unused ones above it.
    pub(crate) fn lowest_free(&self) -> u64 {
        self.highest + 1
    }
}
