//! Accounts as WebhookSets read them: with labels and annotations, without status. Passes over accounts need neither, so that their
//! own cache has none, and a status that a pass writes triggers no set.

use crate::api::{ObjectKey, VendorAccount};
use kube::ResourceExt as _;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Limit of the labels of an account, and of its annotations, in bytes. Of an account with more, only the shorter ones are kept.
const MAX_METADATA: usize = 16 << 10;
/// Annotations with longer values are not kept, such as the one that `kubectl apply` writes.
const LONGEST_ANNOTATION: usize = 1 << 10;

type ByKey = HashMap<ObjectKey, Arc<VendorAccount>>;

/// The accounts of one watch.
#[derive(Default)]
pub(super) struct Tenants {
    accounts: RwLock<State>,
    changed: AtomicBool,
}

#[derive(Default)]
struct State {
    current: ByKey,
    /// What a restarted watch has listed so far.
    rebuilding: ByKey,
}

impl Tenants {
    /// Applies an event of the watch.
    pub(super) fn apply_event(&self, event: &Event<DeserializeGuard<VendorAccount>>) {
        let mut state = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let changed = match event {
            Event::Init => {
                state.rebuilding = ByKey::default();
                false
            }
            Event::InitApply(object) => upsert(&mut state.rebuilding, object),
            Event::InitDone => {
                state.current = std::mem::take(&mut state.rebuilding);
                true
            }
            Event::Apply(object) => upsert(&mut state.current, object),
            Event::Delete(object) => state.current.remove(&ObjectKey::of(object)).is_some(),
        };
        self.changed.fetch_or(changed, Ordering::AcqRel);
    }

    /// Returns whether anything has changed since the last call.
    pub(super) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    /// Returns all accounts that can be read.
    pub(super) fn all(&self) -> Vec<Arc<VendorAccount>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).current.values().cloned().collect()
    }

    /// Returns the account of that name, if it can be read.
    pub(super) fn get(&self, key: &ObjectKey) -> Option<Arc<VendorAccount>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).current.get(key).cloned()
    }
}

/// Stores an account, or removes one that cannot be read. Returns whether it differs from the one before.
fn upsert(all: &mut ByKey, object: &DeserializeGuard<VendorAccount>) -> bool {
    let key = ObjectKey::of(object);
    let Ok(account) = &object.0 else { return all.remove(&key).is_some() };
    let account = slim(account);
    if all.get(&key).is_some_and(|before| **before == account) {
        return false;
    }
    all.insert(key, Arc::new(account));
    true
}

/// Returns an account with what sets read.
fn slim(account: &VendorAccount) -> VendorAccount {
    let mut slim = VendorAccount::new(&account.name_any(), account.spec.clone());
    slim.metadata.namespace = account.namespace();
    slim.metadata.deletion_timestamp.clone_from(&account.metadata.deletion_timestamp);
    let short = |(_, value): &(&String, &String)| value.len() <= LONGEST_ANNOTATION;
    slim.metadata.labels = bounded(account.labels().iter());
    slim.metadata.annotations = bounded(account.annotations().iter().filter(short));
    slim
}

/// Returns as many entries as fit, shortest first.
fn bounded<'a>(
    all: impl Iterator<Item = (&'a String, &'a String)>,
) -> Option<std::collections::BTreeMap<String, String>> {
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(name, value)| name.len() + value.len());
    let mut left = MAX_METADATA;
    let fits = |(name, value): &(&String, &String)| {
        let length = name.len() + value.len();
        left.checked_sub(length).inspect(|rest| left = *rest).is_some()
    };
    let kept: std::collections::BTreeMap<_, _> =
        all.into_iter().take_while(fits).map(|(name, value)| (name.clone(), value.clone())).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn account(metadata: &Value) -> DeserializeGuard<VendorAccount> {
        let mut object = json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
            "metadata": {"name": "a", "namespace": "n"},
            "spec": {"vendor": {"brightpearl": {"datacenter": "euw1", "account": "acme", "credentials":
                {"staffToken": {"appRef": "a", "tokenSecretRef": {"name": "s", "key": "k"}}}}}},
        });
        object["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        serde_json::from_value(object).unwrap()
    }

    fn changes(all: &Tenants, metadata: &Value) -> bool {
        all.apply_event(&Event::Apply(account(metadata)));
        all.take_changed()
    }

    #[test]
    fn a_change_is_what_sets_read() {
        let all = Tenants::default();
        assert!(changes(&all, &json!({})), "it is new");
        assert!(!changes(&all, &json!({"resourceVersion": "2", "finalizers": ["f"]})));
        assert!(changes(&all, &json!({"labels": {"tier": "gold"}})));
        assert!(changes(
            &all,
            &json!({"labels": {"tier": "gold"}, "deletionTimestamp": "2026-01-01T00:00:00Z"})
        ));
        all.apply_event(&Event::Delete(account(&json!({}))));
        assert!(all.take_changed() && all.all().is_empty());
        assert!(!all.take_changed());
    }

    #[test]
    fn metadata_is_bounded() {
        let all = Tenants::default();
        let last_applied = "x".repeat(LONGEST_ANNOTATION + 1);
        changes(
            &all,
            &json!({"annotations": {"shown": "Acme", "kubectl.kubernetes.io/last-applied-configuration": last_applied}}),
        );
        let kept = all.get(&ObjectKey::new("n", "a")).unwrap();
        assert_eq!(kept.annotations().keys().collect::<Vec<_>>(), ["shown"]);
        let many: serde_json::Map<_, _> =
            (0..1000).map(|number| (format!("label-{number}"), json!("x".repeat(60)))).collect();
        changes(&all, &json!({"labels": many}));
        let kept = all.get(&ObjectKey::new("n", "a")).unwrap();
        let length: usize = kept.labels().iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(kept.labels().len() > 100 && length <= MAX_METADATA, "{length}");
    }
}
