//! Matches Webhooks by the content of free subscriptions.

use super::{MOST_SIMILAR, Match, Search};
use crate::plan::{Declared, Desired, Document, ExternalId, Rival};
use std::collections::HashSet;

/// Free subscriptions that a Webhook may get.
struct Candidates {
    /// Those that are equal to the declared one, the oldest first.
    equal: Vec<usize>,
    /// Those that only have the same natural key.
    similar: Vec<usize>,
    /// The one that its pending create made.
    made: Option<usize>,
}

impl<'a> Search<'a> {
    /// The last round: `found` is the match by id.
    pub(super) fn by_content(&mut self, webhook: &'a Declared, found: Option<Match>) -> Match {
        let otherwise = if webhook.recorded.is_some() { Match::Missing } else { Match::Nothing };
        // A Webhook that is being deleted creates nothing. It is matched only with what its own pending create has made.
        if webhook.deleting && webhook.pending_create.is_none() {
            return found.unwrap_or(otherwise);
        }
        let Desired::Known(desired) = &webhook.desired else {
            let made = self.made(webhook);
            return self.with_made(webhook, found, made, otherwise);
        };
        let key = self.rules.key_of(desired);
        if let Some(rival) = self.rival(webhook, &key, desired, found.as_ref()) {
            return Match::ConflictElsewhere(rival.clone());
        }
        if let Some(conflict) = self.declare(webhook, &key, desired) {
            return conflict;
        }
        let Candidates { equal, similar, made } = self.candidates(webhook, &key, desired, found.is_some());
        match found {
            Some(Match::Recorded(old) | Match::Pinned(old))
                if (webhook.pending_create.is_some() || webhook.stateless)
                    && self.needs_another(old, desired) =>
            {
                // The youngest: older ones may have existed when the create was sent.
                match equal.last() {
                    Some(&new) => self.assign(new, webhook, Match::Replaced { old, new }),
                    None => self.with_made(webhook, found, made, otherwise),
                }
            }
            Some(_) => self.with_made(webhook, found, made, otherwise),
            // Its own subscription may not be listed yet. If an equal one were adopted instead, its own would become unmanaged.
            None if webhook.recorded.is_some()
                && webhook.hints.may_lag
                && webhook.pending_create.is_none() =>
            {
                otherwise
            }
            None => self.free_match(webhook, Candidates { equal, similar, made }, otherwise),
        }
    }

    /// Adds what a Webhook declares; returns a conflict if another one declares the same already.
    fn declare(&mut self, webhook: &'a Declared, key: &str, desired: &'a Document) -> Option<Match> {
        let wanting = self.wanted.entry(key.to_owned()).or_default();
        let comparable =
            |other: &Declared, wanted: &Document| webhook.may_know(&other.key) || !wanted.is_secret();
        // A Webhook that is being deleted is in no conflict: its subscription goes with it.
        let rival = if webhook.deleting { None } else { wanting.equal(self.rules, desired, comparable) };
        if let Some(other) = rival {
            return Some(Match::Conflict(other.key.clone()));
        }
        wanting.push(webhook, desired);
        None
    }

    fn candidates(&self, webhook: &Declared, key: &str, desired: &Document, has_one: bool) -> Candidates {
        let searches = !has_one || webhook.pending_create.is_some() || webhook.stateless;
        let (mut equal, similar) =
            if searches { self.free(key, webhook, desired) } else { (Vec::new(), Vec::new()) };
        let made = self.made(webhook);
        // A subscription from before its pending create was not made by it, although it may be free by now.
        if let Some(create) = &webhook.pending_create
            && (has_one || made.is_some())
        {
            equal.retain(|&i| !create.preexisting.contains(&self.observed[i].id));
        }
        if webhook.deleting || !webhook.adopts_equal {
            equal.retain(|&i| self.may_have_made(webhook, i));
        }
        Candidates { equal, similar, made }
    }

    /// The match of a Webhook that has no subscription by id.
    fn free_match(&mut self, webhook: &'a Declared, candidates: Candidates, otherwise: Match) -> Match {
        let Candidates { equal, similar, made } = candidates;
        let is_pending = webhook.pending_create.as_ref().is_some_and(|create| !create.expired);
        match (equal.split_first(), made) {
            // The declaration has changed since, and such a subscription exists: what the pending create made is surplus.
            (Some((&new, _)), Some(old)) if !equal.contains(&old) => {
                self.taken.insert(old, &webhook.key);
                self.assign(new, webhook, Match::Replaced { old, new })
            }
            // The vendor may still commit the pending create. If another subscription were adopted now, that one would stay unmanaged.
            (Some((&at, _)), None) if is_pending && !self.is_as_sent(webhook, at) => otherwise,
            (Some((&at, others)), _) => {
                let duplicates = if webhook.adopts { self.ids(others) } else { Vec::new() };
                self.assign(at, webhook, Match::Equal(at, duplicates))
            }
            (None, Some(at)) => self.assign(at, webhook, Match::FromPendingCreate(at)),
            _ if webhook.recorded.is_some() || is_pending || similar.is_empty() => otherwise,
            // After an expired create, a similar subscription is most likely what it made, in another spelling or with a secret
            // that is not recognised. Another create would make a duplicate.
            _ => Match::Similar(self.ids(&similar)),
        }
    }

    /// Adds what a pending create made to what was found by id.
    fn with_made(
        &mut self,
        webhook: &'a Declared,
        found: Option<Match>,
        made: Option<usize>,
        otherwise: Match,
    ) -> Match {
        match (found, made) {
            (Some(Match::Recorded(old) | Match::Pinned(old)), Some(new)) => {
                self.assign(new, webhook, Match::Replaced { old, new })
            }
            (None, Some(new)) => self.assign(new, webhook, Match::FromPendingCreate(new)),
            (found, _) => found.unwrap_or(otherwise),
        }
    }

    /// Whether that one cannot be changed in place into the desired one.
    fn needs_another(&self, at: usize, desired: &Document) -> bool {
        let has = &self.observed[at].document;
        self.rules.fields.iter().any(|f| f.replaces && !f.rule.same(has.get(f.name), desired.get(f.name)))
    }

    /// Looks again at similar subscriptions: the Webhook that they are equal to may have adopted them since.
    pub(super) fn still_similar(&mut self, webhook: &'a Declared, found: Match) -> Match {
        let Match::Similar(ids) = found else {
            return found;
        };
        let free = |id: &ExternalId| self.by_id.get(id).copied().filter(|at| !self.taken.contains_key(at));
        let left: Vec<usize> = ids.iter().filter_map(free).collect();
        match left[..] {
            // There may be more than are named.
            [] if ids.len() == MOST_SIMILAR => Match::Similar(ids),
            [] => Match::Nothing,
            [at] if webhook.stateless => self.assign(at, webhook, Match::Pinned(at)),
            _ => Match::Similar(self.ids(&left)),
        }
    }

    /// Returns the free subscriptions with that natural key, the oldest first: all equal ones, and the first similar ones.
    fn free(&self, key: &str, webhook: &Declared, desired: &Document) -> (Vec<usize>, Vec<usize>) {
        let same = self.by_natural_key.get(key).map(Vec::as_slice).unwrap_or_default();
        let all_equal: HashSet<usize> = self.contents.equal(same, desired).into_iter().collect();
        let (equal, similar): (Vec<_>, Vec<_>) = same
            .iter()
            .copied()
            .filter(|i| !self.taken.contains_key(i) && !self.superseded.contains_key(&self.observed[*i].id))
            .filter(|&i| !self.elsewhere.claims_against(&self.observed[i], webhook))
            .partition(|i| all_equal.contains(i));
        let may_know = webhook.adopts || webhook.pending_create.is_some();
        let unwanted =
            similar.into_iter().filter(|&i| may_know && !self.elsewhere.is_wanted(&self.observed[i]));
        (equal, unwanted.take(MOST_SIMILAR).collect())
    }

    /// Returns the Webhook elsewhere that claims what this one declares. Notes one that only has the same natural key.
    fn rival(
        &mut self,
        webhook: &Declared,
        key: &str,
        desired: &Document,
        found: Option<&Match>,
    ) -> Option<&'a Rival> {
        // Only hashes of the contents elsewhere are known here, so that it is unknown whether a guest may know them.
        if webhook.deleting || webhook.guest || self.elsewhere.is_empty() {
            return None;
        }
        let own = match found {
            Some(Match::Recorded(at) | Match::Pinned(at)) => Some(&self.observed[*at]),
            _ => None,
        };
        let alike = || self.by_natural_key.get(key).into_iter().flatten().map(|&at| &self.observed[at]);
        let rival = self.elsewhere.rival(webhook, desired, own, alike());
        if let (None, Some(other)) = (rival, alike().find_map(|one| self.elsewhere.holder(&one.id))) {
            self.similar_elsewhere.insert(webhook.key.clone(), other.webhook.clone());
        }
        rival
    }
}
