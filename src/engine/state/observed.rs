//! The subscriptions that the vendor has, indexed by id and by content, and kept up to date with our own writes.

use crate::plan::{Document, ExternalId, List, Observed, Rules, Unreadable};
use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// A list of the vendor's subscriptions with our own writes since.
pub(crate) struct Snapshot {
    pub(crate) observed: ObservedIndex,
    /// When the list was requested.
    pub(crate) read: Instant,
}

/// The subscriptions of the last list.
pub(crate) struct ObservedIndex {
    rules: &'static Rules,
    all: Vec<Observed>,
    /// The items of the list that cannot be read.
    unreadable: Vec<Unreadable>,
    unreadable_ids: HashSet<ExternalId>,
    /// Whether the list came in several pages.
    paged: bool,
    /// Positions in `all`.
    by_id: HashMap<ExternalId, usize>,
    /// Ids by the hash of the content, built when first needed. A subscription that has changed or was deleted since may still be under
    /// its old hash, so that each match is checked.
    by_content: Option<HashMap<String, Vec<ExternalId>>>,
    /// About how much memory the list takes, in bytes.
    size: usize,
    /// Keeps that memory reserved.
    _memory: Option<Arc<dyn Any + Send + Sync>>,
}

impl ObservedIndex {
    /// Indexes a list. If its pages shift while they are read, it may have a subscription twice: the first one is kept.
    pub(crate) fn new(rules: &'static Rules, list: List) -> Self {
        let List { observed, unreadable, paged, size, memory } = list;
        let by_id = HashMap::with_capacity(observed.len());
        let all = Vec::with_capacity(observed.len());
        let unreadable_ids = unreadable.iter().filter_map(|item| item.id.clone()).collect();
        let mut index = Self {
            rules,
            all,
            unreadable,
            unreadable_ids,
            paged,
            by_id,
            by_content: None,
            size,
            _memory: memory,
        };
        for one in observed {
            if !index.by_id.contains_key(&one.id) {
                index.upsert(one);
            }
        }
        index
    }

    pub(crate) fn all(&self) -> &[Observed] {
        &self.all
    }

    /// Returns the items of the list that cannot be read.
    pub(crate) fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// Returns the ids of all items that have one, readable or not.
    pub(crate) fn ids(&self) -> HashSet<&ExternalId> {
        self.by_id.keys().chain(self.unreadable.iter().filter_map(|item| item.id.as_ref())).collect()
    }

    /// Returns about how much memory the list takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Whether the list came in several pages.
    pub(crate) fn is_paged(&self) -> bool {
        self.paged
    }

    /// Returns the number of subscriptions, readable or not.
    pub(crate) fn len(&self) -> usize {
        self.all.len() + self.unreadable.len()
    }

    /// Whether there is a subscription with that id, readable or not.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.by_id.contains_key(id) || self.unreadable_ids.contains(id)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Observed> {
        self.by_id.get(id).map(|&at| &self.all[at])
    }

    /// Adds or replaces a subscription that was written.
    pub(crate) fn upsert(&mut self, one: Observed) {
        if let Some(by_content) = &mut self.by_content {
            by_content.entry(self.rules.content_hash(&one.document)).or_default().push(one.id.clone());
        }
        if let Some(&at) = self.by_id.get(&one.id) {
            self.all[at] = one;
        } else {
            self.by_id.insert(one.id.clone(), self.all.len());
            self.all.push(one);
        }
    }

    /// Removes a subscription that was deleted.
    pub(crate) fn remove(&mut self, id: &ExternalId) {
        if self.unreadable_ids.remove(id) {
            self.unreadable.retain(|item| item.id.as_ref() != Some(id));
        }
        let Some(at) = self.by_id.remove(id) else { return };
        self.all.swap_remove(at);
        if let Some(moved) = self.all.get(at) {
            self.by_id.insert(moved.id.clone(), at);
        }
    }

    /// Returns the ids of subscriptions that are equal to a document or differ from it in spelling only.
    pub(crate) fn equal_to(&mut self, document: &Document) -> Vec<String> {
        let Self { rules, all, by_id, by_content, .. } = self;
        let by_content = by_content.get_or_insert_with(|| {
            let mut by_content: HashMap<String, Vec<ExternalId>> = HashMap::new();
            for one in all.iter() {
                by_content.entry(rules.content_hash(&one.document)).or_default().push(one.id.clone());
            }
            by_content
        });
        let mut equal: Vec<_> = by_content
            .get(&rules.content_hash(document))
            .into_iter()
            .flatten()
            .filter_map(|id| by_id.get(id).map(|&at| &all[at]))
            .filter(|one| rules.spelled_alike(&one.document, document))
            .map(|one| one.id.to_string())
            .collect();
        equal.sort_unstable();
        equal.dedup();
        equal
    }
}
