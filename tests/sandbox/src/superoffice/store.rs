//! The hooks of one tenant: ascending ids, never used twice (vendors/superoffice.md §17).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A stored hook: every member of the newest generation, the secret in clear.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) entity: Map<String, Value>,
    /// The app that made it; nobody else's calls see it.
    pub(crate) app: Option<String>,
}

impl Hook {
    pub(crate) fn new(entity: Map<String, Value>, app: Option<String>) -> Self {
        Self { entity, app }
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
