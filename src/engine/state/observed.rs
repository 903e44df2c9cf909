//! What the vendor has, found by id and by likeness, and kept up with what is done.

use crate::plan::{Document, ExternalId, List, Observed, Rules, Unreadable};
use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What the vendor has.
pub(crate) struct ObservedIndex {
    rules: &'static Rules,
    all: Vec<Observed>,
    /// The items of the list that cannot be read.
    unreadable: Vec<Unreadable>,
    unreadable_ids: HashSet<ExternalId>,
    /// Whether the list came in several pages.
    paged: bool,
    /// Where each is in `all`.
    by_id: HashMap<ExternalId, usize>,
    /// Those that may be equal to a document, by the hash of its content; made when it is first asked for. One that has changed
    /// or gone since may still be under its old hash, so that each that is found is looked at again.
    alike: Option<HashMap<String, Vec<ExternalId>>>,
    /// About how much memory the list took, in bytes.
    size: usize,
    /// What keeps it reserved.
    _memory: Option<Arc<dyn Any + Send + Sync>>,
}

impl ObservedIndex {
    /// Takes a list. One that shifts between its pages may show a subscription twice: the first stands for both.
    pub(crate) fn new(rules: &'static Rules, list: List) -> Self {
        let List { observed, unreadable, paged, size, memory } = list;
        let by_id = HashMap::with_capacity(observed.len());
        let all = Vec::with_capacity(observed.len());
        let unreadable_ids = unreadable.iter().filter_map(|item| item.id.clone()).collect();
        let mut stock =
            Self { rules, all, unreadable, unreadable_ids, paged, by_id, alike: None, size, _memory: memory };
        for one in observed {
            if !stock.by_id.contains_key(&one.id) {
                stock.put(one);
            }
        }
        stock
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Observed] {
        &self.all
    }

    /// The items of the list that cannot be read.
    pub(crate) fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// The ids of all items that have one, readable or not.
    pub(crate) fn ids(&self) -> HashSet<&ExternalId> {
        self.by_id.keys().chain(self.unreadable.iter().filter_map(|item| item.id.as_ref())).collect()
    }

    /// About how much memory the list took, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Whether the list came in several pages.
    pub(crate) fn is_paged(&self) -> bool {
        self.paged
    }

    /// How many there are, readable or not.
    pub(crate) fn len(&self) -> usize {
        self.all.len() + self.unreadable.len()
    }

    /// Whether the vendor has one with that id, readable or not.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.by_id.contains_key(id) || self.unreadable_ids.contains(id)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Observed> {
        self.by_id.get(id).map(|&at| &self.all[at])
    }

    /// It was made, or changed.
    pub(crate) fn put(&mut self, one: Observed) {
        if let Some(alike) = &mut self.alike {
            alike.entry(self.rules.content_hash(&one.document)).or_default().push(one.id.clone());
        }
        if let Some(&at) = self.by_id.get(&one.id) {
            self.all[at] = one;
        } else {
            self.by_id.insert(one.id.clone(), self.all.len());
            self.all.push(one);
        }
    }

    /// It was deleted.
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
        let Self { rules, all, by_id, alike, .. } = self;
        let alike = alike.get_or_insert_with(|| {
            let mut alike: HashMap<String, Vec<ExternalId>> = HashMap::new();
            for one in all.iter() {
                alike.entry(rules.content_hash(&one.document)).or_default().push(one.id.clone());
            }
            alike
        });
        let mut equal: Vec<_> = alike
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
