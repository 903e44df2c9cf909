//! What a finished search says about all Webhooks together.

use super::{Match, Matches, Search};
use crate::plan::{Declared, Key};
use std::collections::{BTreeMap, HashMap, HashSet};

impl Search<'_> {
    pub(super) fn into_matches(mut self, of: Vec<Match>) -> Matches {
        let superseded = self.superseded.keys().filter_map(|id| self.by_id.get(id));
        let taken: HashSet<usize> = self.taken.keys().chain(superseded).copied().collect();
        let taken_in = self.taken_in();
        let elsewhere = self.claimed_elsewhere(&taken);
        let similar = self.similar();
        let owned = self.taken.into_keys().collect();
        Matches { of, taken, taken_in, owned, elsewhere, similar }
    }

    /// Counts the subscriptions that Webhooks have or have replaced, by their namespaces.
    fn taken_in(&self) -> BTreeMap<String, usize> {
        let mut taken: HashMap<usize, &Key> = self.taken.clone();
        for (id, webhooks) in &self.superseded {
            if let (Some(&at), Some(webhook)) = (self.by_id.get(id), webhooks.first()) {
                taken.entry(at).or_insert(&webhook.key);
            }
        }
        let mut counts = BTreeMap::new();
        for key in taken.into_values() {
            match counts.get_mut(&key.namespace) {
                Some(count) => *count += 1,
                None => drop(counts.insert(key.namespace.clone(), 1)),
            }
        }
        counts
    }

    /// Returns the subscriptions that are claimed elsewhere and not `taken` here.
    fn claimed_elsewhere(&self, taken: &HashSet<usize>) -> HashSet<usize> {
        if self.elsewhere.is_empty() {
            return HashSet::new();
        }
        let claimed = |at: &usize| !taken.contains(at) && self.elsewhere.claims(&self.observed[*at]);
        (0..self.observed.len()).filter(claimed).collect()
    }

    /// Returns the Webhooks that share their natural key with one of other content, each with the first such one.
    fn similar(&mut self) -> HashMap<Key, Key> {
        let mut similar = std::mem::take(&mut self.similar_elsewhere);
        for wanting in self.wanted.values() {
            let stays: Vec<&Declared> = wanting.webhooks().filter(|webhook| !webhook.deleting).collect();
            // The first two of all namespaces, and of each: guests know their own namespace only.
            let mut first: HashMap<Option<&str>, Vec<&Key>> = HashMap::new();
            for webhook in &stays {
                for of in [None, Some(&*webhook.key.namespace)] {
                    let first = first.entry(of).or_default();
                    if first.len() < 2 {
                        first.push(&webhook.key);
                    }
                }
            }
            for webhook in &stays {
                let known = webhook.guest.then_some(&*webhook.key.namespace);
                let mut others = first.get(&known).into_iter().flatten();
                if let Some(other) = others.find(|other| ***other != webhook.key) {
                    similar.insert(webhook.key.clone(), (*other).clone());
                }
            }
        }
        similar
    }
}
