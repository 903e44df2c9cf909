//! Index of VendorAccount objects by the account at the vendor that they point to. It is updated by the watch, so that a pass
//! finds the objects that share its vendor account without reading all accounts.

use crate::api::{ObjectKey, VendorAccount};
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use std::collections::{BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};

/// The VendorAccount objects of one watch.
#[derive(Default)]
pub(super) struct RemoteAccounts(RwLock<State>);

#[derive(Default)]
struct State {
    current: Index,
    /// What a restarted watch has listed so far.
    rebuilding: Index,
}

#[derive(Default)]
struct Index {
    remote: HashMap<ObjectKey, String>,
    objects: HashMap<String, BTreeSet<ObjectKey>>,
}

impl Index {
    fn remove(&mut self, key: &ObjectKey) {
        let Some(remote) = self.remote.remove(key) else { return };
        if let Some(objects) = self.objects.get_mut(&remote) {
            objects.remove(key);
            if objects.is_empty() {
                self.objects.remove(&remote);
            }
        }
    }

    /// Adds or replaces an object. One that cannot be read points to no account.
    fn upsert(&mut self, object: &DeserializeGuard<VendorAccount>) {
        let key = ObjectKey::of(object);
        let remote = object.0.as_ref().ok().map(|account| account.spec.vendor.remote_account());
        if self.remote.get(&key) == remote.as_ref() {
            return;
        }
        self.remove(&key);
        if let Some(remote) = remote {
            self.objects.entry(remote.clone()).or_default().insert(key.clone());
            self.remote.insert(key, remote);
        }
    }
}

impl RemoteAccounts {
    /// Applies an event of the watch.
    pub(super) fn apply_event(&self, event: &Event<DeserializeGuard<VendorAccount>>) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Init => state.rebuilding = Index::default(),
            Event::InitApply(object) => state.rebuilding.upsert(object),
            Event::InitDone => state.current = std::mem::take(&mut state.rebuilding),
            Event::Apply(object) => state.current.upsert(object),
            Event::Delete(object) => state.current.remove(&ObjectKey::of(object)),
        }
    }

    /// Returns the objects that point to an account at the vendor, except `own`.
    pub(super) fn others(&self, remote: &str, own: &ObjectKey) -> Vec<ObjectKey> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let objects = state.current.objects.get(remote).into_iter().flatten();
        objects.filter(|key| *key != own).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn account(name: &str, code: &str) -> DeserializeGuard<VendorAccount> {
        serde_json::from_value(json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
            "metadata": {"name": name, "namespace": "n"},
            "spec": {"vendor": {"brightpearl": {"datacenter": "euw1", "account": code, "credentials":
                {"staffToken": {"appRef": "a", "tokenSecretRef": {"name": "s", "key": "k"}}}}}},
        }))
        .unwrap()
    }

    fn others(all: &RemoteAccounts, name: &str, code: &str) -> Vec<String> {
        let remote = account(name, code).0.unwrap().spec.vendor.remote_account();
        all.others(&remote, &ObjectKey::new("n", name)).into_iter().map(|key| key.name).collect()
    }

    #[test]
    fn objects_are_found_by_the_account_that_they_point_to() {
        let all = RemoteAccounts::default();
        for (name, code) in [("a", "acme"), ("b", "Acme"), ("c", "other")] {
            all.apply_event(&Event::Apply(account(name, code)));
        }
        assert_eq!(others(&all, "a", "acme"), ["b"]);
        assert_eq!(others(&all, "c", "other"), [""; 0]);
        all.apply_event(&Event::Apply(account("b", "other")));
        assert_eq!((others(&all, "a", "acme"), others(&all, "c", "other")), (vec![], vec!["b".into()]));
        all.apply_event(&Event::Delete(account("b", "other")));
        assert_eq!(others(&all, "c", "other"), [""; 0]);
        assert_eq!(all.0.read().unwrap().current.objects.len(), 2, "nothing is kept of what is gone");
    }

    #[test]
    fn a_restarted_watch_replaces_the_objects_once_it_has_listed_all() {
        let all = RemoteAccounts::default();
        all.apply_event(&Event::Apply(account("a", "acme")));
        all.apply_event(&Event::Init);
        all.apply_event(&Event::InitApply(account("b", "acme")));
        assert_eq!(others(&all, "x", "acme"), ["a"]);
        all.apply_event(&Event::InitDone);
        assert_eq!(others(&all, "x", "acme"), ["b"]);
    }
}
