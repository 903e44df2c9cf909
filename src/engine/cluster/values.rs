//! The values of Secrets and ConfigMaps that a pass has read, and why others could not be read. Limits the length of each value, and
//! the memory for all values of a namespace in all passes.

use crate::api::ObjectKey;
use crate::api::shorten;
use crate::api::variables::without_final_line_break;
use crate::engine::dependency::{Dependency, ReadFailure};
use crate::engine::error::error_chain;
use crate::plan::SecretText;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// Maximum length of one value in bytes. A subscription with all its values has the same limit, see `variables`.
const MAX_VALUE: usize = 256 * 1024;
/// Maximum size, in bytes, of the values from one namespace in all passes that run at the same time.
const MAX_NAMESPACE: usize = 4 * 1024 * 1024;
/// Memory for a value besides its own bytes.
const PER_VALUE: usize = 128;
/// Maximum length of the API server's message in characters.
const LONGEST_MESSAGE: usize = 300;

/// A value of one key.
#[derive(Clone)]
pub(crate) enum Value {
    /// From a Secret: never shown.
    Secret(SecretString),
    /// From a ConfigMap or a manifest: may be shown.
    Plain(String),
}

impl Value {
    /// Whether the value has no characters.
    fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.expose().len()
    }

    /// Returns the first control character of the value.
    pub(crate) fn control_character(&self) -> Option<char> {
        self.expose().chars().find(|c| c.is_control())
    }

    fn expose(&self) -> &str {
        match self {
            Self::Secret(value) => value.expose_secret(),
            Self::Plain(value) => value,
        }
    }
}

/// The value of a key, or why it cannot be used.
enum Held {
    Value(Value),
    NotText,
    TooLong,
}

impl Held {
    /// Takes the value of a key.
    fn of(text: Option<&str>, value: impl FnOnce(&str) -> Value) -> Self {
        match text.map(without_final_line_break) {
            None => Self::NotText,
            Some(text) if text.len() > MAX_VALUE => Self::TooLong,
            Some(text) => Self::Value(value(text)),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Value(value) => value.len(),
            Self::NotText | Self::TooLong => 0,
        }
    }
}

/// Returns why a read failed.
pub(crate) fn read_failure(error: kube::Error) -> ReadFailure {
    match error {
        kube::Error::Api(refused) if refused.is_forbidden() => ReadFailure::Forbidden(refused.message),
        kube::Error::Api(refused) => {
            ReadFailure::Failed(shorten::to_chars(&refused.message, LONGEST_MESSAGE))
        }
        error => ReadFailure::Failed(shorten::to_chars(&error_chain(&error), LONGEST_MESSAGE)),
    }
}

/// Returns the failure of a read that was not done before the time for all reads of a pass was over.
pub(crate) fn read_late(after: Duration) -> ReadFailure {
    ReadFailure::Failed(format!("it was not read within {} seconds", after.as_secs()))
}

/// The values that one pass has read. Dropped with the pass.
#[derive(Default)]
pub(crate) struct Values {
    found: HashMap<Dependency, Keys>,
    unread: BTreeMap<Dependency, ReadFailure>,
    room: Vec<Room>,
}

#[derive(Default)]
struct Keys {
    values: HashMap<String, Held>,
    version: String,
    uid: String,
}

impl Values {
    /// Returns the value of a key. An error says what is missing or empty, and what to do.
    pub(crate) fn get(&self, from: &Dependency, key: &str) -> Result<Value, String> {
        let value = self.find(from, key)?;
        if value.is_empty() {
            return Err(format!("the key {key} of {from} is empty: set a value"));
        }
        Ok(value)
    }

    /// Returns the value of a key, which may be empty.
    pub(crate) fn find(&self, from: &Dependency, key: &str) -> Result<Value, String> {
        match self.unread.get(from) {
            Some(ReadFailure::InvalidName(why)) => {
                return Err(format!("{why}; correct the name of the {}", from.kind()));
            }
            Some(ReadFailure::Forbidden(why)) => {
                return Err(format!("no permission to read {from}: {why}"));
            }
            Some(ReadFailure::Failed(why)) => {
                return Err(format!("{from} cannot be read at the moment: {why}"));
            }
            None => {}
        }
        let Some(keys) = self.found.get(from) else {
            return Err(format!("{from} does not exist: create it with the key {key}"));
        };
        match keys.values.get(key) {
            Some(Held::Value(value)) => Ok(value.clone()),
            Some(Held::NotText) => Err(format!("the key {key} of {from} is not UTF-8 text")),
            Some(Held::TooLong) => {
                Err(format!("the key {key} of {from} is longer than {} KiB: shorten it", MAX_VALUE / 1024))
            }
            None => Err(format!("{from} has no key {key}: add it")),
        }
    }

    /// Returns the names and versions of these Secrets as a text: the same text means the same values.
    pub(crate) fn versions(&self, of: impl Iterator<Item = Dependency>) -> String {
        let all: BTreeSet<_> = of.filter(|from| matches!(from, Dependency::Secret(_))).collect();
        let version =
            |from: &Dependency| self.found.get(from).map(|keys| keys.version.as_str()).unwrap_or_default();
        all.iter().map(|from| format!("{from}@{}", version(from))).collect::<Vec<_>>().join(";")
    }

    /// Returns the names and uids of these Secrets. Only clients that can read the Secrets know the uids.
    pub(crate) fn uids(&self, of: impl Iterator<Item = Dependency>) -> Zeroizing<String> {
        let all: BTreeSet<_> = of.filter(|from| matches!(from, Dependency::Secret(_))).collect();
        let uid = |from: &Dependency| self.found.get(from).map(|keys| keys.uid.as_str()).unwrap_or_default();
        Zeroizing::new(all.iter().map(|from| format!("{from}={}", uid(from))).collect::<Vec<_>>().join(";"))
    }

    /// Whether all these keys of an object were read, or reading it was attempted and failed.
    pub(crate) fn was_read(&self, from: &Dependency, keys: &BTreeSet<String>) -> bool {
        self.unread.contains_key(from)
            || self.found.get(from).is_some_and(|found| keys.iter().all(|key| found.values.contains_key(key)))
    }

    /// Records why an object could not be read.
    pub(crate) fn note_unread(&mut self, from: Dependency, why: ReadFailure) {
        self.unread.insert(from, why);
    }

    /// Returns the objects that could not be read, and why.
    pub(crate) fn unread(&self) -> impl Iterator<Item = (&Dependency, &ReadFailure)> {
        self.unread.iter()
    }

    /// Adds a Secret.
    pub(crate) fn add_secret(&mut self, secret: Secret) {
        let key = Dependency::Secret(ObjectKey::of(&secret));
        let version = secret.resource_version().unwrap_or_default();
        // A Secret from a file has no uid. It keeps that of the object with its name.
        let known = || self.found.get(&key).map(|keys| keys.uid.clone());
        let uid = secret.uid().or_else(known).unwrap_or_default();
        let values = secret.data.unwrap_or_default().into_iter().map(|(name, bytes)| {
            let bytes = Zeroizing::new(bytes.0);
            (name, Held::of(std::str::from_utf8(&bytes).ok(), |text| Value::Secret(text.into())))
        });
        self.found.insert(key, Keys { values: values.collect(), version, uid });
    }

    /// Adds a ConfigMap.
    pub(crate) fn add_config_map(&mut self, map: ConfigMap) {
        let key = ObjectKey::of(&map);
        let version = map.resource_version().unwrap_or_default();
        let values = map.data.unwrap_or_default().into_iter();
        let values =
            values.map(|(name, text)| (name, Held::of(Some(&text), |text| Value::Plain(text.into()))));
        let keys = Keys { values: values.collect(), version, uid: String::new() };
        self.found.insert(Dependency::ConfigMap(key), keys);
    }

    /// Drops all keys of an object but these.
    pub(crate) fn keep(&mut self, from: &Dependency, keys: &BTreeSet<String>) {
        if let Some(found) = self.found.get_mut(from) {
            found.values.retain(|key, _| keys.contains(key));
            found.values.shrink_to_fit();
        }
    }

    /// Reserves memory for the values of an object until these values are dropped; fails if none is left.
    pub(crate) fn reserve(&mut self, from: &Dependency, budget: &ValueBudget) -> Result<(), ReadFailure> {
        let Some(found) = self.found.get(from) else { return Ok(()) };
        let sizes = found.values.iter().map(|(key, held)| key.len() + held.size() + PER_VALUE);
        self.room.push(budget.reserve(&from.key().namespace, sizes.sum())?);
        Ok(())
    }

    /// Adds other values.
    pub(crate) fn extend(&mut self, other: Self) {
        self.found.extend(other.found);
        self.unread.extend(other.unread);
        self.room.extend(other.room);
    }

    /// Adds the values that were read, without the failures.
    pub(crate) fn extend_found(&mut self, other: Self) {
        self.extend(Self { unread: BTreeMap::new(), ..other });
    }

    /// Adds a value for each of these keys that a Secret lacks. The Secret itself may be missing.
    pub(crate) fn make_up(&mut self, secret: ObjectKey, keys: &BTreeSet<String>) {
        let found = self.found.entry(Dependency::Secret(secret)).or_default();
        for key in keys {
            let value = || Held::Value(Value::Secret("made-up".into()));
            found.values.entry(key.clone()).or_insert_with(value);
        }
    }

    /// Returns the version of an object that was read.
    pub(crate) fn version(&self, of: &Dependency) -> Option<&str> {
        self.found.get(of).map(|keys| keys.version.as_str())
    }

    /// Returns the value of a key as text, for comparisons; the error if there is no value.
    pub(crate) fn text(&self, from: &Dependency, key: &str) -> Result<SecretText, String> {
        let mut text = SecretText::default();
        match self.get(from, key)? {
            Value::Secret(value) => text.push_secret(key, value),
            Value::Plain(value) => text.push_plain(&value),
        }
        Ok(text)
    }
}

/// Counts the bytes of values of each namespace in memory. A namespace that uses up its share delays only itself.
#[derive(Clone)]
pub(crate) struct ValueBudget {
    most: usize,
    used: Arc<Mutex<HashMap<String, usize>>>,
}

impl Default for ValueBudget {
    fn default() -> Self {
        Self { most: MAX_NAMESPACE, used: Arc::default() }
    }
}

impl ValueBudget {
    /// Returns a budget without a limit, for the command line.
    pub(crate) fn unlimited() -> Self {
        Self { most: usize::MAX, ..Self::default() }
    }

    fn reserve(&self, namespace: &str, bytes: usize) -> Result<Room, ReadFailure> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let all = used.entry(namespace.to_owned()).or_default();
        let wanted = all.saturating_add(bytes);
        if wanted > self.most {
            return Err(ReadFailure::Failed(format!(
                "the values from Secrets and ConfigMaps of namespace {namespace} have more than {} MiB in total: use fewer or shorter ones",
                self.most / 1024 / 1024
            )));
        }
        *all = wanted;
        Ok(Room { budget: self.clone(), namespace: namespace.to_owned(), bytes })
    }
}

/// Reserved bytes of a namespace's share. Released on drop.
struct Room {
    budget: ValueBudget,
    namespace: String,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut used = self.budget.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(all) = used.get_mut(&self.namespace) {
            *all = all.saturating_sub(self.bytes);
            if *all == 0 {
                used.remove(&self.namespace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::ByteString;

    fn secret(namespace: &str, name: &str, data: &[(&str, usize)]) -> Secret {
        let mut secret = Secret::default();
        secret.metadata.namespace = Some(namespace.into());
        secret.metadata.name = Some(name.into());
        let data = data.iter().map(|(key, size)| ((*key).to_owned(), ByteString(vec![b'a'; *size])));
        secret.data = Some(data.collect());
        secret
    }

    fn of(namespace: &str, name: &str) -> Dependency {
        Dependency::Secret(ObjectKey::new(namespace, name))
    }

    #[test]
    fn only_the_named_keys_are_kept_and_none_that_is_too_long() {
        let (mut values, from) = (Values::default(), of("shop", "s"));
        values.add_secret(secret(
            "shop",
            "s",
            &[("a", 8), ("b", 8), ("long", MAX_VALUE + 1), ("fits", MAX_VALUE)],
        ));
        values.keep(&from, &["a", "long", "fits"].map(str::to_owned).into());
        assert!(values.get(&from, "a").is_ok() && values.get(&from, "fits").is_ok());
        assert!(values.get(&from, "b").err().unwrap().contains("has no key b"));
        let problem = values.get(&from, "long").err().unwrap();
        assert_eq!(problem, "the key long of Secret shop/s is longer than 256 KiB: shorten it");
    }

    #[test]
    fn a_namespace_that_uses_up_its_share_waits_for_itself_alone() {
        let budget = ValueBudget::default();
        let read = |namespace: &str, name: &str| {
            let mut values = Values::default();
            values.add_secret(secret(namespace, name, &[("a", MAX_VALUE)]));
            values.reserve(&of(namespace, name), &budget).map(|()| values)
        };
        let held: Vec<_> = (0..15).map(|n| read("greedy", &n.to_string()).ok().unwrap()).collect();
        let problem = read("greedy", "more").err().unwrap();
        assert!(
            matches!(&problem, ReadFailure::Failed(why) if why.contains("namespace greedy have more than 4 MiB")),
            "{problem:?}"
        );
        assert!(read("other", "one").is_ok());
        drop(held);
        assert!(read("greedy", "more").is_ok());
        assert!(budget.used.lock().unwrap().is_empty(), "nothing is kept of what was given back");
    }

    #[test]
    fn each_failure_of_a_read_says_whether_to_try_again() {
        let status = |code, message: &str| {
            let reason = if code == 403 { "Forbidden" } else { "Other" };
            let status = kube::core::Status::failure(message, reason).with_code(code);
            kube::Error::Api(Box::new(status))
        };
        assert!(matches!(read_failure(status(403, "no")), ReadFailure::Forbidden(why) if why == "no"));
        for error in [status(500, "etcd"), status(503, "away"), status(429, "later"), status(401, "who")] {
            assert!(matches!(read_failure(error), ReadFailure::Failed(_)));
        }
        assert!(
            matches!(read_failure(kube::Error::Service("timeout".into())), ReadFailure::Failed(why) if why.contains("timeout"))
        );
    }
}
