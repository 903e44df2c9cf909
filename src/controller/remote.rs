//! The VendorAccount objects by the account at the vendor that they point to: kept up with the watch, so that a pass over
//! an account that no other object points to looks at no other account.

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
    now: Index,
    /// What a watch that begins anew has shown so far.
    coming: Index,
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

    /// One that cannot be read points nowhere.
    fn put(&mut self, object: &DeserializeGuard<VendorAccount>) {
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
    /// Takes in what the watch shows.
    pub(super) fn take(&self, event: &Event<DeserializeGuard<VendorAccount>>) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Init => state.coming = Index::default(),
            Event::InitApply(object) => state.coming.put(object),
            Event::InitDone => state.now = std::mem::take(&mut state.coming),
            Event::Apply(object) => state.now.put(object),
            Event::Delete(object) => state.now.remove(&ObjectKey::of(object)),
        }
    }

    /// The objects that point to an account at the vendor, but for `own`.
    pub(super) fn others(&self, remote: &str, own: &ObjectKey) -> Vec<ObjectKey> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let objects = state.now.objects.get(remote).into_iter().flatten();
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

    fn beside(all: &RemoteAccounts, name: &str, code: &str) -> Vec<String> {
        let remote = account(name, code).0.unwrap().spec.vendor.remote_account();
        all.others(&remote, &ObjectKey::new("n", name)).into_iter().map(|key| key.name).collect()
    }

    #[test]
    fn objects_are_found_by_the_account_that_they_point_to_now() {
        let all = RemoteAccounts::default();
        for (name, code) in [("a", "acme"), ("b", "Acme"), ("c", "other")] {
            all.take(&Event::Apply(account(name, code)));
        }
        assert_eq!(beside(&all, "a", "acme"), ["b"]);
        assert_eq!(beside(&all, "c", "other"), [""; 0]);
        all.take(&Event::Apply(account("b", "other")));
        assert_eq!((beside(&all, "a", "acme"), beside(&all, "c", "other")), (vec![], vec!["b".into()]));
        all.take(&Event::Delete(account("b", "other")));
        assert_eq!(beside(&all, "c", "other"), [""; 0]);
        assert_eq!(all.0.read().unwrap().now.objects.len(), 2, "nothing is kept of what is gone");
    }

    #[test]
    fn a_watch_that_begins_anew_shows_the_old_ones_until_it_has_shown_all() {
        let all = RemoteAccounts::default();
        all.take(&Event::Apply(account("a", "acme")));
        all.take(&Event::Init);
        all.take(&Event::InitApply(account("b", "acme")));
        assert_eq!(beside(&all, "x", "acme"), ["a"]);
        all.take(&Event::InitDone);
        assert_eq!(beside(&all, "x", "acme"), ["b"]);
    }
}
