//! Webhooks by the account that they refer to, filled by a watch and shared with the passes.
//!
//! kube's reflector is not used: with `DeserializeGuard` it returns copies instead of shared objects, and it has no index by
//! account, so that each of a thousand accounts would have to filter the list of all Webhooks.

use crate::api::webhook::WebhookSpec;
use crate::api::{ObjectKey, Webhook};
use crate::engine::state::peers::same_claims;
use crate::engine::state::webhook::slim;
use kube::ResourceExt as _;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

type ByName = HashMap<ObjectKey, Arc<Webhook>>;
type ByAccount = HashMap<ObjectKey, ByName>;

/// The Webhooks of one watch.
#[derive(Default)]
pub(super) struct WebhookStore(RwLock<StoreState>);

#[derive(Default)]
struct StoreState {
    current: BoundedWebhooks,
    /// What a restarted watch has listed so far.
    rebuilding: BoundedWebhooks,
}

/// Webhooks, with a limit on the size of large specs.
#[derive(Default)]
struct BoundedWebhooks {
    by_account: ByAccount,
    /// Members of WebhookSets, by the uid of the set.
    by_set: HashMap<String, ByName>,
    /// The sizes of specs above [`SMALL_SPEC`], in bytes of JSON, by namespace and name.
    large_specs: HashMap<String, HashMap<String, usize>>,
}

/// Specs up to this size, in bytes of JSON, do not count towards the limit,
const SMALL_SPEC: usize = 4 << 10;
/// which bounds the sum of all others of a namespace, so that no tenant can fill the memory.
const MAX_LARGE_SPECS: usize = 8 << 20;

impl BoundedWebhooks {
    /// Stores a Webhook; returns it with the one that it replaces.
    fn upsert(&mut self, mut webhook: Webhook) -> (Arc<Webhook>, Option<Arc<Webhook>>) {
        self.bound(&mut webhook);
        let webhook = Arc::new(webhook);
        let before = insert(&mut self.by_account, Arc::clone(&webhook));
        let key = ObjectKey::of(&*webhook);
        self.remove_member(&key, before.as_deref());
        if let Some(set) = set_of(&webhook) {
            self.by_set.entry(set.to_owned()).or_default().insert(key, Arc::clone(&webhook));
        }
        (webhook, before)
    }

    /// Removes the content of a Webhook that exceeds the limit of its namespace.
    fn bound(&mut self, webhook: &mut Webhook) {
        let ObjectKey { namespace, name } = ObjectKey::of(webhook);
        let length = json_length(&webhook.spec);
        if length <= SMALL_SPEC && !self.large_specs.contains_key(&namespace) {
            return;
        }
        let large_specs = self.large_specs.entry(namespace).or_default();
        large_specs.remove(&name);
        if length <= SMALL_SPEC {
            return;
        }
        if large_specs.values().sum::<usize>() + length > MAX_LARGE_SPECS {
            webhook.without_content(format!(
                "the specs of this namespace's Webhooks that are longer than {} KiB have more than {} MiB in total: shorten them, or use fewer",
                SMALL_SPEC >> 10,
                MAX_LARGE_SPECS >> 20
            ));
        } else {
            large_specs.insert(name, length);
        }
    }

    fn remove(&mut self, key: &ObjectKey) {
        self.by_account.retain(|_, of| of.remove(key).is_none() || !of.is_empty());
        self.by_set.retain(|_, of| of.remove(key).is_none() || !of.is_empty());
        if let Some(large_specs) = self.large_specs.get_mut(&key.namespace) {
            large_specs.remove(&key.name);
        }
    }
}

impl BoundedWebhooks {
    /// Removes a Webhook from the set that it belonged to.
    fn remove_member(&mut self, key: &ObjectKey, before: Option<&Webhook>) {
        let Some(set) = before.and_then(set_of) else { return };
        if let Some(members) = self.by_set.get_mut(set) {
            members.remove(key);
            if members.is_empty() {
                self.by_set.remove(set);
            }
        }
    }
}

/// Returns the uid of the set that a stored Webhook belongs to: of its owners, [`slim`] keeps only that.
fn set_of(webhook: &Webhook) -> Option<&str> {
    webhook.owner_references().first().map(|owner| owner.uid.as_str())
}

/// Returns the size of a spec in bytes of JSON.
fn json_length(spec: &WebhookSpec) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // A spec that cannot be serialized has no content any more.
    let _ = serde_json::to_writer(&mut count, spec);
    count.0
}

impl WebhookStore {
    /// Applies an event of the watch. Webhooks that cannot be read are not stored. Returns the key of a Webhook whose claims on
    /// subscriptions have changed.
    pub(super) fn apply_event(&self, event: Event<DeserializeGuard<Webhook>>) -> Option<ObjectKey> {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Init => state.rebuilding = BoundedWebhooks::default(),
            Event::InitApply(object) => {
                if let Ok(mut webhook) = object.0 {
                    slim(&mut webhook);
                    state.rebuilding.upsert(webhook);
                }
            }
            Event::InitDone => state.current = std::mem::take(&mut state.rebuilding),
            Event::Apply(object) => match object.0 {
                Ok(mut webhook) => {
                    slim(&mut webhook);
                    let (webhook, before) = state.current.upsert(webhook);
                    let same = before.is_some_and(|before| same_claims(&before, &webhook));
                    return (!same).then(|| ObjectKey::of(&*webhook));
                }
                Err(unreadable) => {
                    let (name, namespace) = (unreadable.metadata.name, unreadable.metadata.namespace);
                    let key = ObjectKey::new(namespace.unwrap_or_default(), name.unwrap_or_default());
                    state.current.remove(&key);
                    return Some(key);
                }
            },
            Event::Delete(object) => {
                let key = ObjectKey::of(&object);
                state.current.remove(&key);
                return Some(key);
            }
        }
        None
    }

    /// Returns the Webhooks that refer to an account.
    pub(super) fn of_account(&self, account: &ObjectKey) -> Vec<Arc<Webhook>> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.current.by_account.get(account).map(|of| of.values().cloned().collect()).unwrap_or_default()
    }

    /// Returns the Webhooks that belong to the set with this uid.
    pub(super) fn of_set(&self, uid: &str) -> Vec<Arc<Webhook>> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.current.by_set.get(uid).map(|of| of.values().cloned().collect()).unwrap_or_default()
    }

    /// Returns the Webhook of that name that refers to an account.
    pub(super) fn get(&self, account: &ObjectKey, key: &ObjectKey) -> Option<Arc<Webhook>> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.current.by_account.get(account)?.get(key).cloned()
    }

    /// Returns the accounts that any Webhook refers to, whether they exist or not.
    pub(super) fn accounts(&self) -> Vec<ObjectKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).current.by_account.keys().cloned().collect()
    }

    /// Returns the number of Webhooks.
    pub(super) fn len(&self) -> usize {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .current
            .by_account
            .values()
            .map(HashMap::len)
            .sum()
    }
}

/// Stores a Webhook and returns the one that it replaces. It is always under the same account: the account reference is
/// immutable, and a Webhook of the same name is created only after the other is gone.
fn insert(all: &mut ByAccount, webhook: Arc<Webhook>) -> Option<Arc<Webhook>> {
    all.entry(webhook.account()).or_default().insert(ObjectKey::of(&*webhook), webhook)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn webhook(name: &str, account: &str) -> DeserializeGuard<Webhook> {
        serde_json::from_value(json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
            "metadata": {"name": name, "namespace": "n", "labels": {"team": "a"},
                "annotations": {"note": "x", "hooktender.dev/requested-at": "1"}},
            "spec": {"accountRef": {"name": account}, "subscription": {"superoffice":
                {"name": "a", "events": ["contact.created"], "targetUrl": "https://h"}}},
        }))
        .unwrap()
    }

    fn unreadable(name: &str) -> DeserializeGuard<Webhook> {
        let object = json!({"metadata": {"name": name, "namespace": "n"}, "spec": {}});
        serde_json::from_value(object).unwrap()
    }

    fn names(store: &WebhookStore, account: &str) -> Vec<String> {
        let of = store.of_account(&ObjectKey::new("n", account));
        let mut names: Vec<_> = of.iter().filter_map(|webhook| webhook.metadata.name.clone()).collect();
        names.sort();
        names
    }

    #[test]
    fn webhooks_are_stored_by_account() {
        let store = WebhookStore::default();
        for (name, account) in [("a", "one"), ("b", "one"), ("c", "two")] {
            store.apply_event(Event::Apply(webhook(name, account)));
        }
        assert_eq!(
            (names(&store, "one"), names(&store, "two")),
            (vec!["a".into(), "b".into()], vec!["c".into()])
        );
        assert_eq!(store.len(), 3);
        store.apply_event(Event::Delete(webhook("c", "two")));
        store.apply_event(Event::Apply(unreadable("b")));
        assert_eq!(names(&store, "one"), ["a"]);
        assert_eq!(store.accounts(), [ObjectKey::new("n", "one")], "nothing is kept of what is gone");
        let kept = &store.of_account(&ObjectKey::new("n", "one"))[0].metadata;
        assert!(kept.labels.is_none());
        assert_eq!(
            kept.annotations.as_ref().unwrap().keys().collect::<Vec<_>>(),
            ["hooktender.dev/requested-at"]
        );
    }

    #[test]
    fn members_are_stored_by_set() {
        let member = |name: &str, kind: &str| {
            let mut object = serde_json::to_value(webhook(name, "one").0.unwrap()).unwrap();
            let owner = json!({"apiVersion": "hooktender.dev/v1alpha1", "kind": kind, "name": "set", "uid": "u", "controller": true});
            object["metadata"]["ownerReferences"] = json!([owner]);
            serde_json::from_value::<DeserializeGuard<Webhook>>(object).unwrap()
        };
        let store = WebhookStore::default();
        for name in ["a", "b"] {
            store.apply_event(Event::Apply(member(name, "WebhookSet")));
        }
        store.apply_event(Event::Apply(member("c", "ReplicaSet")));
        assert_eq!(store.of_set("u").len(), 2);
        store.apply_event(Event::Apply(webhook("a", "one")));
        assert_eq!(store.of_set("u").len(), 1, "the owner reference was removed");
        store.apply_event(Event::Delete(member("b", "WebhookSet")));
        assert!(store.0.read().unwrap().current.by_set.is_empty(), "nothing is kept of what is gone");
        assert!(store.get(&ObjectKey::new("n", "one"), &ObjectKey::new("n", "a")).is_some());
    }

    #[test]
    fn only_changed_claims_are_returned() {
        let store = WebhookStore::default();
        let changed = |object: serde_json::Value| {
            let mut webhook = serde_json::to_value(webhook("a", "one").0.unwrap()).unwrap();
            json_patch(&mut webhook, object);
            store.apply_event(Event::Apply(serde_json::from_value(webhook).unwrap())).is_some()
        };
        assert!(changed(json!({})), "it is new");
        assert!(!changed(json!({"metadata": {"resourceVersion": "2"}})));
        assert!(!changed(json!({"status": {"observedGeneration": 1}})));
        assert!(changed(json!({"status": {"externalId": "7"}})));
        assert!(changed(json!({"metadata": {"generation": 2}, "status": {"externalId": "7"}})));
        assert_eq!(store.apply_event(Event::Delete(webhook("a", "one"))), Some(ObjectKey::new("n", "a")));
        assert_eq!(store.apply_event(Event::Init), None);
    }

    /// Merges the members of two objects.
    fn json_patch(into: &mut serde_json::Value, patch: serde_json::Value) {
        match (into, patch) {
            (serde_json::Value::Object(into), serde_json::Value::Object(patch)) => {
                for (name, value) in patch {
                    json_patch(into.entry(name).or_insert_with(|| json!({})), value);
                }
            }
            (into, patch) => *into = patch,
        }
    }

    #[test]
    fn a_restarted_watch_replaces_the_webhooks_once_it_has_listed_all() {
        let store = WebhookStore::default();
        store.apply_event(Event::Apply(webhook("a", "one")));
        store.apply_event(Event::Init);
        store.apply_event(Event::InitApply(webhook("b", "one")));
        store.apply_event(Event::InitApply(unreadable("c")));
        assert_eq!(names(&store, "one"), ["a"]);
        store.apply_event(Event::InitDone);
        assert_eq!(names(&store, "one"), ["b"]);
    }
}
