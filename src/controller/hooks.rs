//! The Webhooks that a watch shows, by the account they refer to, each shared with the passes that work on it.
//!
//! Not kube's reflector: behind the guard for what cannot be read it gives no share of an object but a copy, and it knows no
//! order but one list of all, which each of a thousand accounts would have to go through.

use crate::api::webhook::WebhookSpec;
use crate::api::{ObjectKey, Webhook};
use crate::engine::state::peers::same_claims;
use crate::engine::state::webhook::slim;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

type ByName = HashMap<ObjectKey, Arc<Webhook>>;
type ByAccount = HashMap<ObjectKey, ByName>;

/// The Webhooks of one watch.
#[derive(Default)]
pub(super) struct Hooks(RwLock<Shown>);

#[derive(Default)]
struct Shown {
    now: Kept,
    /// What a watch that begins again has shown so far.
    coming: Kept,
}

/// Webhooks, and the lengths of the long ones.
#[derive(Default)]
struct Kept {
    by_account: ByAccount,
    /// In bytes, by namespace and name.
    long: HashMap<String, HashMap<String, usize>>,
}

/// A spec that is shorter than this, in bytes, is not counted,
const SHORT: usize = 4 << 10;
/// and no more than this is kept of the others of a namespace, so that no tenant can fill the memory.
const MAX_LONG: usize = 8 << 20;

impl Kept {
    /// Keeps a Webhook in place of an older state of it; returns both.
    fn put(&mut self, mut webhook: Webhook) -> (Arc<Webhook>, Option<Arc<Webhook>>) {
        self.bound(&mut webhook);
        let webhook = Arc::new(webhook);
        let before = put(&mut self.by_account, Arc::clone(&webhook));
        (webhook, before)
    }

    fn bound(&mut self, webhook: &mut Webhook) {
        let ObjectKey { namespace, name } = ObjectKey::of(webhook);
        let length = written(&webhook.spec);
        if length <= SHORT && !self.long.contains_key(&namespace) {
            return;
        }
        let long = self.long.entry(namespace).or_default();
        long.remove(&name);
        if length <= SHORT {
            return;
        }
        if long.values().sum::<usize>() + length > MAX_LONG {
            webhook.without_content(format!(
                "the specs of this namespace's Webhooks that are longer than {} KiB are more than {} MiB together: shorten them, or use fewer",
                SHORT >> 10,
                MAX_LONG >> 20
            ));
        } else {
            long.insert(name, length);
        }
    }

    fn remove(&mut self, key: &ObjectKey) {
        self.by_account.retain(|_, of| of.remove(key).is_none() || !of.is_empty());
        if let Some(long) = self.long.get_mut(&key.namespace) {
            long.remove(&key.name);
        }
    }
}

/// How many bytes a spec takes as JSON.
fn written(spec: &WebhookSpec) -> usize {
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
    // One that cannot be written has been cut already.
    let _ = serde_json::to_writer(&mut count, spec);
    count.0
}

impl Hooks {
    /// Takes in what the watch shows. One that cannot be read is not kept. Returns the Webhook whose claims have changed, where
    /// one has.
    pub(super) fn take(&self, event: Event<DeserializeGuard<Webhook>>) -> Option<ObjectKey> {
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Init => shown.coming = Kept::default(),
            Event::InitApply(object) => {
                if let Ok(mut webhook) = object.0 {
                    slim(&mut webhook);
                    shown.coming.put(webhook);
                }
            }
            Event::InitDone => shown.now = std::mem::take(&mut shown.coming),
            Event::Apply(object) => match object.0 {
                Ok(mut webhook) => {
                    slim(&mut webhook);
                    let (webhook, before) = shown.now.put(webhook);
                    let same = before.is_some_and(|before| same_claims(&before, &webhook));
                    return (!same).then(|| ObjectKey::of(&*webhook));
                }
                Err(unreadable) => {
                    let (name, namespace) = (unreadable.metadata.name, unreadable.metadata.namespace);
                    let key = ObjectKey::new(namespace.unwrap_or_default(), name.unwrap_or_default());
                    shown.now.remove(&key);
                    return Some(key);
                }
            },
            Event::Delete(object) => {
                let key = ObjectKey::of(&object);
                shown.now.remove(&key);
                return Some(key);
            }
        }
        None
    }

    /// Those of one account.
    pub(super) fn of(&self, account: &ObjectKey) -> Vec<Arc<Webhook>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shown.now.by_account.get(account).map(|of| of.values().cloned().collect()).unwrap_or_default()
    }

    /// The accounts that any of them refers to, be they there or not.
    pub(super) fn accounts(&self) -> Vec<ObjectKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).now.by_account.keys().cloned().collect()
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).now.by_account.values().map(HashMap::len).sum()
    }
}

/// An account reference cannot be changed, and a Webhook that takes another's name comes after the other has gone. Returns
/// the Webhook as it was.
fn put(all: &mut ByAccount, webhook: Arc<Webhook>) -> Option<Arc<Webhook>> {
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

    fn names(hooks: &Hooks, account: &str) -> Vec<String> {
        let of = hooks.of(&ObjectKey::new("n", account));
        let mut names: Vec<_> = of.iter().filter_map(|webhook| webhook.metadata.name.clone()).collect();
        names.sort();
        names
    }

    #[test]
    fn each_account_has_its_own() {
        let hooks = Hooks::default();
        for (name, account) in [("a", "one"), ("b", "one"), ("c", "two")] {
            hooks.take(Event::Apply(webhook(name, account)));
        }
        assert_eq!(
            (names(&hooks, "one"), names(&hooks, "two")),
            (vec!["a".into(), "b".into()], vec!["c".into()])
        );
        assert_eq!(hooks.len(), 3);
        hooks.take(Event::Delete(webhook("c", "two")));
        hooks.take(Event::Apply(unreadable("b")));
        assert_eq!(names(&hooks, "one"), ["a"]);
        assert_eq!(hooks.accounts(), [ObjectKey::new("n", "one")], "nothing is kept of what is gone");
        let kept = &hooks.of(&ObjectKey::new("n", "one"))[0].metadata;
        assert!(kept.labels.is_none());
        assert_eq!(
            kept.annotations.as_ref().unwrap().keys().collect::<Vec<_>>(),
            ["hooktender.dev/requested-at"]
        );
    }

    #[test]
    fn only_a_change_of_claims_is_told() {
        let hooks = Hooks::default();
        let changed = |object: serde_json::Value| {
            let mut webhook = serde_json::to_value(webhook("a", "one").0.unwrap()).unwrap();
            json_patch(&mut webhook, object);
            hooks.take(Event::Apply(serde_json::from_value(webhook).unwrap())).is_some()
        };
        assert!(changed(json!({})), "it is new");
        assert!(!changed(json!({"metadata": {"resourceVersion": "2"}})));
        assert!(!changed(json!({"status": {"observedGeneration": 1}})));
        assert!(changed(json!({"status": {"externalId": "7"}})));
        assert!(changed(json!({"metadata": {"generation": 2}, "status": {"externalId": "7"}})));
        assert_eq!(hooks.take(Event::Delete(webhook("a", "one"))), Some(ObjectKey::new("n", "a")));
        assert_eq!(hooks.take(Event::Init), None);
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
    fn a_watch_that_begins_anew_shows_the_old_ones_until_it_has_shown_all() {
        let hooks = Hooks::default();
        hooks.take(Event::Apply(webhook("a", "one")));
        hooks.take(Event::Init);
        hooks.take(Event::InitApply(webhook("b", "one")));
        hooks.take(Event::InitApply(unreadable("c")));
        assert_eq!(names(&hooks, "one"), ["a"]);
        hooks.take(Event::InitDone);
        assert_eq!(names(&hooks, "one"), ["b"]);
    }
}
