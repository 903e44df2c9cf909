//! Which subscription belongs to which Webhook.
//!
//! Recorded ids are looked at first, then ids that a spec names, then content; in each round older Webhooks come first,
//! and what one has no other may have:
//!
//! | the Webhook | the vendor's list | it is |
//! | --- | --- | --- |
//! | wants what another wants that has one already, or is older | | [`Claim::Conflict`] |
//! | has a recorded id | holds that id | [`Claim::Bound`] |
//! | the same, and an unanswered create | holds an unclaimed equal one beside it | [`Claim::Replaced`] |
//! | names an id in its spec | holds that id | [`Claim::Named`] |
//! | names an id in its spec | does not hold it | [`Claim::NotThere`] |
//! | | holds an unclaimed equal one | [`Claim::Adopt`], of several the oldest |
//! | has a recorded id | | [`Claim::Gone`] |
//! | has no unanswered create | holds an unclaimed one with the same natural key | [`Claim::Similar`] |
//! | | | [`Claim::Missing`] |
//!
//! Whatever nobody claims is a stranger and is never touched.

use super::decide::{Declared, Desired};
use super::document::Document;
use super::rules::Rules;
use super::{ExternalId, Key, Observed};
use std::collections::{HashMap, HashSet};

/// What is found for one Webhook. A number is a place in the list of observed subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Its recorded subscription.
    Bound(usize),
    /// Its recorded subscription, and the one that a create of its own, never answered, made in its place.
    Replaced {
        /// The recorded one.
        old: usize,
        /// The one that takes its place.
        new: usize,
    },
    /// The subscription that its spec names.
    Named(usize),
    /// An equal subscription that nobody had; others that are equal too are duplicates.
    Adopt(usize, Vec<ExternalId>),
    /// It had one, which is not there any more.
    Gone,
    /// There is none.
    Missing,
    /// There is none, but there are unclaimed ones that look alike.
    Similar(Vec<ExternalId>),
    /// Its spec names an id that is not there.
    NotThere(ExternalId),
    /// Another Webhook wants the same, or has the same id.
    Conflict(Key),
}

/// What is found for all Webhooks of an account.
#[derive(Debug)]
pub struct Claims {
    /// One claim a Webhook, in their order.
    pub of: Vec<Claim>,
    /// The places of the subscriptions that belong to a Webhook.
    pub taken: HashSet<usize>,
}

/// Finds one claim for each Webhook, in the order of `declared`.
pub fn claims(rules: &Rules, declared: &[Declared], observed: &[Observed]) -> Claims {
    let mut search = Search::new(rules, declared, observed);
    let mut found: Vec<Option<Claim>> = vec![None; declared.len()];
    let mut order: Vec<usize> = (0..declared.len()).collect();
    order.sort_by_key(|&i| (declared[i].created, &declared[i].key));
    for by_id in [Search::recorded, Search::named] {
        for &i in &order {
            if found[i].is_none() {
                found[i] = by_id(&mut search, &declared[i]);
            }
        }
    }
    // Who has a subscription keeps it, however young.
    order.sort_by_key(|&i| found[i].is_none());
    for i in order {
        found[i] = Some(search.by_content(&declared[i], found[i].take()));
    }
    let superseded = search.superseded.iter().filter_map(|id| search.by_id.get(id));
    let taken = search.taken.keys().chain(superseded).copied().collect();
    Claims { of: found.into_iter().map(|claim| claim.unwrap_or(Claim::Missing)).collect(), taken }
}

struct Search<'a> {
    rules: &'a Rules,
    observed: &'a [Observed],
    by_id: HashMap<&'a ExternalId, usize>,
    by_natural_key: HashMap<String, Vec<usize>>,
    /// Who has which subscription.
    taken: HashMap<usize, &'a Key>,
    /// Replaced ids wait for their deletion and are nobody's to adopt.
    superseded: HashSet<&'a ExternalId>,
    /// What the Webhooks looked at so far want, by natural key.
    wanted: HashMap<String, Vec<(&'a Key, &'a Document)>>,
}

impl<'a> Search<'a> {
    fn new(rules: &'a Rules, declared: &'a [Declared], observed: &'a [Observed]) -> Self {
        let mut by_natural_key: HashMap<String, Vec<usize>> = HashMap::new();
        for (i, one) in observed.iter().enumerate() {
            by_natural_key.entry(natural_key(rules, &one.document)).or_default().push(i);
        }
        for same in by_natural_key.values_mut() {
            same.sort_by_key(|&i| observed[i].age());
        }
        Self {
            rules,
            observed,
            by_id: observed.iter().enumerate().map(|(i, one)| (&one.id, i)).collect(),
            by_natural_key,
            taken: HashMap::new(),
            superseded: declared.iter().flat_map(|d| &d.superseded).collect(),
            wanted: HashMap::new(),
        }
    }

    fn recorded(&mut self, webhook: &'a Declared) -> Option<Claim> {
        let at = *self.by_id.get(webhook.recorded.as_ref()?)?;
        Some(self.take(at, webhook, Claim::Bound(at)))
    }

    fn named(&mut self, webhook: &'a Declared) -> Option<Claim> {
        let id = webhook.named.as_ref().filter(|_| !webhook.deleting)?;
        let Some(&at) = self.by_id.get(id) else {
            return Some(Claim::NotThere(id.clone()));
        };
        Some(self.take(at, webhook, Claim::Named(at)))
    }

    fn take(&mut self, at: usize, webhook: &'a Declared, claim: Claim) -> Claim {
        if let Some(other) = self.taken.get(&at) {
            return Claim::Conflict((*other).clone());
        }
        self.taken.insert(at, &webhook.key);
        claim
    }

    /// The last round: `claim` is what was found by id.
    fn by_content(&mut self, webhook: &'a Declared, claim: Option<Claim>) -> Claim {
        let otherwise = if webhook.recorded.is_some() { Claim::Gone } else { Claim::Missing };
        let Desired::Known(desired) = &webhook.desired else {
            return claim.unwrap_or(otherwise);
        };
        // A Webhook that is going makes nothing, so all it may have is what its own unanswered create left behind.
        if webhook.deleting && webhook.intent.is_none() {
            return claim.unwrap_or(otherwise);
        }
        let key = natural_key(self.rules, desired);
        let wanting = self.wanted.entry(key.clone()).or_default();
        if let Some((other, _)) = wanting.iter().find(|(_, wanted)| self.rules.equal(wanted, desired)) {
            return Claim::Conflict((*other).clone());
        }
        wanting.push((&webhook.key, desired));
        let (equal, similar) = self.free(&key, desired);
        match claim {
            Some(Claim::Bound(old)) => match equal.first() {
                Some(&new) if webhook.intent.is_some() && !self.has_it(old, desired) => {
                    self.take(new, webhook, Claim::Replaced { old, new })
                }
                _ => Claim::Bound(old),
            },
            Some(claim) => claim,
            None => match equal.split_first() {
                Some((&at, others)) => self.take(at, webhook, Claim::Adopt(at, self.ids(others))),
                None if webhook.recorded.is_some() || webhook.intent.is_some() || similar.is_empty() => {
                    otherwise
                }
                None => Claim::Similar(self.ids(&similar)),
            },
        }
    }

    fn has_it(&self, at: usize, desired: &Document) -> bool {
        self.rules.equal(&self.observed[at].document, desired)
    }

    /// The unclaimed ones with that natural key, the oldest first: those that are equal, and those that only look alike.
    fn free(&self, key: &str, desired: &Document) -> (Vec<usize>, Vec<usize>) {
        let same = self.by_natural_key.get(key).into_iter().flatten().copied();
        same.filter(|i| !self.taken.contains_key(i) && !self.superseded.contains(&self.observed[*i].id))
            .partition(|&i| self.has_it(i, desired))
    }

    fn ids(&self, all: &[usize]) -> Vec<ExternalId> {
        all.iter().map(|&i| self.observed[i].id.clone()).collect()
    }
}

fn natural_key(rules: &Rules, document: &Document) -> String {
    let values: Vec<_> = rules.natural_key.iter().map(|name| document.get(name).exposed()).collect();
    serde_json::Value::Array(values).to_string()
}
