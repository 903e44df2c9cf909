//! Which accounts depend on what: on Secrets and ConfigMaps, which the last pass of each read, or missed; and on Webhooks of
//! other accounts, which hold what a Webhook of the account waits for.

use crate::api::ObjectKey;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// An index in both directions.
pub(super) struct Dependents<D>(Mutex<Index<D>>);

struct Index<D> {
    of_account: HashMap<ObjectKey, BTreeSet<D>>,
    on: HashMap<D, HashSet<ObjectKey>>,
}

impl<D> Default for Dependents<D> {
    fn default() -> Self {
        Self(Mutex::new(Index { of_account: HashMap::new(), on: HashMap::new() }))
    }
}

impl<D: Clone + Ord + Hash> Dependents<D> {
    /// The account depends on these, and on nothing else.
    pub(super) fn set(&self, account: &ObjectKey, wanted: BTreeSet<D>) {
        let mut index = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = index.of_account.remove(account).unwrap_or_default();
        for lost in before.difference(&wanted) {
            if let Some(accounts) = index.on.get_mut(lost) {
                accounts.remove(account);
                if accounts.is_empty() {
                    index.on.remove(lost);
                }
            }
        }
        for gained in wanted.difference(&before) {
            index.on.entry(gained.clone()).or_default().insert(account.clone());
        }
        if !wanted.is_empty() {
            index.of_account.insert(account.clone(), wanted);
        }
    }

    /// The account is gone.
    pub(super) fn forget(&self, account: &ObjectKey) {
        self.set(account, BTreeSet::new());
    }

    /// The accounts that depend on it.
    pub(super) fn on(&self, dependency: &D) -> Vec<ObjectKey> {
        let index = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        index.on.get(dependency).into_iter().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::dependency::Dependency;

    #[test]
    fn the_last_pass_says_what_an_account_depends_on() {
        let (one, two) = (ObjectKey::new("n", "one"), ObjectKey::new("n", "two"));
        let secret = |name| Dependency::Secret(ObjectKey::new("n", name));
        let all = Dependents::default();
        all.set(&one, [secret("a"), secret("b")].into());
        all.set(&two, [secret("b")].into());
        assert_eq!(all.on(&secret("a")), std::slice::from_ref(&one));
        assert_eq!(all.on(&secret("b")).len(), 2);
        all.set(&one, [secret("c")].into());
        assert!(all.on(&secret("a")).is_empty());
        assert_eq!(all.on(&secret("b")), [two]);
        all.forget(&one);
        assert!(all.on(&secret("c")).is_empty());
        assert_eq!(all.0.lock().unwrap().of_account.len(), 1, "nothing is kept of what is gone");
    }
}
