//! A vendor's list of subscriptions, including the items that cannot be read.

use super::rules::Rules;
use super::{ExternalId, Observed};
use serde_json::Value as Json;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A vendor's list.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The subscriptions that can be read.
    pub observed: Vec<Observed>,
    /// The items that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Whether it came in several pages, which may change while they are read.
    pub paged: bool,
    /// The approximate size in memory, in bytes.
    pub size: usize,
    /// Keeps that memory reserved as long as any part of the list exists.
    pub memory: Option<Arc<dyn Any + Send + Sync>>,
}

impl List {
    /// Whether it has an item with that id, readable or not.
    pub fn has(&self, id: &ExternalId) -> bool {
        self.observed.iter().any(|one| one.id == *id)
            || self.unreadable.iter().any(|item| item.id.as_ref() == Some(id))
    }
}

impl List {
    /// Returns a substitute for a list that is too large to be read. It only says that the subscriptions with these ids may exist.
    /// Any subscription may be that of a Webhook without an id, so that none is created.
    pub(crate) fn unread(rules: &Rules, ids: impl IntoIterator<Item = ExternalId>, why: &str) -> Self {
        let ids = ids.into_iter().map(Some).chain([None]);
        let any = || rules.natural_key.iter().map(|name| (*name, None)).collect();
        let item = |id| Unreadable { id, why: why.into(), key: any() };
        Self { unreadable: ids.map(item).collect(), ..Self::default() }
    }
}

impl From<Vec<Observed>> for List {
    fn from(observed: Vec<Observed>) -> Self {
        Self { observed, ..Self::default() }
    }
}

/// An item of a vendor's list with a shape that the vendor does not document. It is not updated, replaced or created again while
/// it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The vendor's id, if the item has one.
    pub id: Option<ExternalId>,
    /// What is wrong with its shape, without any of its values.
    pub why: String,
    /// Its members of the natural key: the text, or none if the member is not a text.
    pub key: BTreeMap<&'static str, Option<String>>,
}

impl Unreadable {
    /// Keeps what can be read of an item. Names of members are compared without case, as vendors capitalise some.
    pub fn new(rules: &Rules, id: Option<ExternalId>, why: String, item: &Json) -> Self {
        let member = |name: &str| {
            let mut members = item.as_object()?.iter();
            members.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let text = |name: &&'static str| Some((*name, member(name)?.as_str().map(str::to_owned)));
        Self { id, why, key: rules.natural_key.iter().filter_map(text).collect() }
    }

    /// Returns the line that replaces the summary of a readable item.
    pub fn summary(&self) -> String {
        format!("cannot be read: {}", self.why)
    }
}
