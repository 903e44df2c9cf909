//! Matches Webhooks by recorded and pinned ids.

use super::{Match, Search};
use crate::plan::Declared;
use std::collections::hash_map::Entry;

impl<'a> Search<'a> {
    pub(super) fn unreadable(&mut self, webhook: &'a Declared) -> Option<Match> {
        let item = webhook.own_unreadable()?;
        if let Some(rival) = item.id.as_ref().and_then(|id| self.elsewhere.also_recorded(id, webhook)) {
            return Some(Match::ConflictElsewhere(rival.clone()));
        }
        Some(match self.unreadable.entry(item.id.as_ref()?) {
            Entry::Occupied(other) => Match::Conflict((*other.get()).clone()),
            Entry::Vacant(free) => {
                free.insert(&webhook.key);
                Match::Unreadable(item.clone())
            }
        })
    }

    pub(super) fn recorded(&mut self, webhook: &'a Declared) -> Option<Match> {
        let id = webhook.recorded.as_ref()?;
        let at = *self.by_id.get(id)?;
        if let Some(rival) = self.elsewhere.also_recorded(id, webhook) {
            return Some(Match::ConflictElsewhere(rival.clone()));
        }
        Some(self.assign(at, webhook, Match::Recorded(at)))
    }

    pub(super) fn pinned(&mut self, webhook: &'a Declared) -> Option<Match> {
        let id = webhook.pinned()?;
        let Some(&at) = self.by_id.get(id) else {
            return Some(Match::PinnedNotFound(id.clone()));
        };
        if let Some(rival) = self.elsewhere.pinned(id, webhook) {
            return Some(Match::ConflictElsewhere(rival.clone()));
        }
        let mut replaced_by = self.superseded.get(id).into_iter().flatten();
        if let Some(other) = replaced_by.find(|other| other.key != webhook.key) {
            return Some(Match::Conflict(other.key.clone()));
        }
        if self.creating.iter().any(|other| other.key != webhook.key && self.may_come_from(other, at)) {
            return Some(Match::PinnedPending);
        }
        Some(self.assign(at, webhook, Match::Pinned(at)))
    }
}
