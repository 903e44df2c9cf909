//! The hooks of one tenant: ascending ids, never used twice (vendors/superoffice.md §17).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A stored hook: every member of the newest generation, the secret in clear.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) entity: Map<String, Value>,
    /// The app that made it; calls of others do not see it.
    pub(crate) app: Option<String>,
    /// When it was stored.
    born: Timestamp,
}

impl Hook {
    pub(crate) fn new(entity: Map<String, Value>, app: Option<String>, born: Timestamp) -> Self {
        Self { entity, app, born }
    }
}

/// Filters of a list (§4.1).
#[derive(Debug, Default)]
pub(crate) struct Filters {
    pub(crate) name: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) state: Option<String>,
    /// The list lags, and shows only what was stored until then.
    pub(crate) until: Option<Timestamp>,
}

impl Filters {
    fn match_all(&self, hook: &Hook) -> bool {
        let text = |member: &str| hook.entity.get(member).and_then(Value::as_str).unwrap_or_default();
        let events = hook.entity.get("Events").and_then(Value::as_array);
        let has = |event| events.is_some_and(|all| all.contains(&json!(event)));
        self.name.as_ref().is_none_or(|name| name == text("Name"))
            && self.state.as_ref().is_none_or(|state| state.eq_ignore_ascii_case(text("State")))
            && self.event.as_ref().is_none_or(has)
            && self.until.is_none_or(|until| hook.born <= until)
    }
}

/// Hooks by id.
#[derive(Debug, Default)]
pub(crate) struct Store {
    hooks: BTreeMap<i64, Hook>,
    highest: i64,
}

impl Store {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Hook> {
        self.hooks.values()
    }

    /// The hooks of one app, of all without one, that fit the filters.
    pub(crate) fn matching(&self, filters: &Filters, app: Option<&str>) -> impl Iterator<Item = &Hook> {
        self.all()
            .filter(move |hook| (app.is_none() || app == hook.app.as_deref()) && filters.match_all(hook))
    }

    pub(crate) fn get(&self, id: i64) -> Option<&Hook> {
        self.hooks.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: i64) -> Option<&mut Hook> {
        self.hooks.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: i64) -> bool {
        self.hooks.remove(&id).is_some()
    }

    /// The highest id ever given.
    pub(crate) fn highest(&self) -> i64 {
        self.highest
    }

    /// Stores under the wanted id if it is free, else under the next one.
    pub(crate) fn insert(&mut self, mut hook: Hook, wanted: Option<i64>, next: &mut i64) -> i64 {
        let id = wanted.filter(|id| !self.hooks.contains_key(id)).unwrap_or((*next).max(self.highest + 1));
        self.highest = self.highest.max(id);
        *next = self.highest + 1;
        hook.entity.insert("WebhookId".to_owned(), id.into());
        self.hooks.insert(id, hook);
        id
    }
}
