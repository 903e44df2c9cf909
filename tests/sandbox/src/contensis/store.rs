//! The subscriptions of one project, with secrets in clear, and their version stamps
//! (vendors/contensis.md §3.6).

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A stored resource.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    /// All members, secret header values included.
    pub(crate) resource: Map<String, Value>,
    /// When it was stored.
    pub(crate) born: Timestamp,
}

impl Subscription {
    pub(crate) fn new(resource: Map<String, Value>, now: Timestamp) -> Self {
        Self { resource, born: now }
    }

    /// One that another user made: nothing is checked, missing members get a usual value.
    pub(crate) fn foreign(mut members: Map<String, Value>, id: &str, now: Timestamp) -> Self {
        for (name, value) in [
            ("description", json!("")),
            ("enabled", json!(true)),
            ("method", json!("POST")),
            ("ui", json!(false)),
            ("topics", json!([])),
            ("headers", json!({})),
            ("templates", json!({})),
            ("version", first("t.durden", false, now)),
        ] {
            members.entry(name).or_insert(value);
        }
        members.insert("id".to_owned(), id.into());
        Self { resource: members, born: now }
    }
}

/// In order of creation; ids compare without case.
#[derive(Debug, Default)]
pub(crate) struct Store {
    subscriptions: Vec<Subscription>,
}

impl Store {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.iter()
    }

    /// Adds one, in place of another of the same id.
    pub(crate) fn insert(&mut self, subscription: Subscription) -> String {
        let id = id_of(&subscription).to_owned();
        self.remove(&id);
        self.subscriptions.push(subscription);
        id
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|s| id_of(s).eq_ignore_ascii_case(id))
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|s| id_of(s).eq_ignore_ascii_case(id))
    }

    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let before = self.subscriptions.len();
        self.subscriptions.retain(|s| !id_of(s).eq_ignore_ascii_case(id));
        before > self.subscriptions.len()
    }
}

fn id_of(subscription: &Subscription) -> &str {
    subscription.resource.get("id").and_then(Value::as_str).unwrap_or_default()
}

/// The stamp of a new resource.
pub(crate) fn first(who: &str, with_modified: bool, now: Timestamp) -> Value {
    let mut version = json!({"createdBy": who, "created": stamp(now), "versionNo": "1.0"});
    if with_modified {
        version["modifiedBy"] = who.into();
        version["modified"] = stamp(now).into();
    }
    version
}

/// The stamp after a change: the major number grows by one.
pub(crate) fn bumped(old: Option<&Value>, who: &str, now: Timestamp) -> Value {
    let mut version = old.cloned().unwrap_or_else(|| first(who, false, now));
    let major = version["versionNo"]
        .as_str()
        .and_then(|text| text.split('.').next())
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(1);
    version["versionNo"] = format!("{}.0", major + 1).into();
    version["modifiedBy"] = who.into();
    version["modified"] = stamp(now).into();
    version
}

/// UTC with seven digits, as the vendor's platform prints it.
fn stamp(now: Timestamp) -> String {
    format!("{now:.7}")
}
