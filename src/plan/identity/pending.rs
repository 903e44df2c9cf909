//! Recognises what pending creates have made.

use super::Search;
use crate::plan::{Declared, Redactor};

impl Search<'_> {
    /// Whether the pending create of `other` may have made it. Until that create has expired, it may have made any subscription,
    /// because what was sent is not recognised if a Secret has changed since.
    pub(super) fn may_come_from(&self, other: &Declared, at: usize) -> bool {
        let id = &self.observed[at].id;
        let may_be_any = other
            .pending_create
            .as_ref()
            .is_some_and(|create| !create.expired && !create.preexisting.contains(id));
        may_be_any || self.may_have_made(other, at)
    }

    /// Returns the youngest free subscription that is as the pending create of a Webhook was.
    pub(super) fn made(&self, webhook: &Declared) -> Option<usize> {
        webhook.pending_create.as_ref()?;
        (0..self.observed.len())
            .filter(|&i| self.may_have_made(webhook, i))
            .max_by_key(|&i| self.observed[i].age())
    }

    /// Whether it is free, is as the pending create of a Webhook was, and did not exist before.
    pub(super) fn may_have_made(&self, webhook: &Declared, at: usize) -> bool {
        let id = &self.observed[at].id;
        let was_there =
            || webhook.pending_create.as_ref().is_some_and(|create| create.preexisting.contains(id));
        self.by_id.get(id) == Some(&at)
            && !self.taken.contains_key(&at)
            && !self.superseded.contains_key(id)
            && !was_there()
            && self.is_as_sent(webhook, at)
            && !self.elsewhere.claims_against(&self.observed[at], webhook)
    }

    pub(super) fn is_as_sent(&self, webhook: &Declared, at: usize) -> bool {
        let shown = &self.observed[at].document;
        webhook.pending_create.as_ref().is_some_and(|create| {
            create.document.as_ref().is_some_and(|sent| self.rules.equal(shown, sent))
                || self.fingerprint_is(at, &webhook.redactor, &create.fingerprint)
        })
    }

    fn fingerprint_is(&self, at: usize, redactor: &Redactor, fingerprint: &str) -> bool {
        if redactor.is_empty() {
            return self.contents.of(at) == fingerprint;
        }
        self.rules.fingerprint(&self.observed[at].document, redactor) == fingerprint
    }
}
