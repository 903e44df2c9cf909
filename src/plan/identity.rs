//! Which subscription belongs to which Webhook.
//!
//! Recorded ids are matched first, then pinned ids, then content. In each round, Webhooks that have a subscription or may write
//! go first; among these, the ones of the account's own namespace; among these, the older ones. A subscription is assigned to
//! one Webhook only. It is *free* if no Webhook has or has replaced it. A create is *pending* while its outcome is unknown, and
//! has *expired* when the vendor can no longer commit it.
//!
//! | the Webhook | the vendor's list | match |
//! | --- | --- | --- |
//! | declares what another one declares that has it already, or is older | | [`Match::Conflict`] |
//! | declares or has what a Webhook at another VendorAccount object claims ([`elsewhere`](super::elsewhere)) | | [`Match::ConflictElsewhere`] |
//! | has a recorded or a pinned id | has that id in a shape that cannot be read | [`Match::Unreadable`] |
//! | has a recorded id | has that id | [`Match::Recorded`] |
//! | has a pinned id that another Webhook has replaced | has that id | [`Match::Conflict`] |
//! | has a pinned id | has that id, which a pending create of another Webhook may have made | [`Match::PinnedPending`] |
//! | has a pinned id | has that id | [`Match::Pinned`] |
//! | has either, which cannot be changed in place, and a pending create or no status | has a free equal one besides | [`Match::Replaced`], of several the youngest |
//! | has a pinned id | does not have it | [`Match::PinnedNotFound`] |
//! | has either, and a pending create | has a free one that is as that create was | [`Match::Replaced`] |
//! | has a pending create, and another declaration since | has a free equal one, and one that is as that create was | [`Match::Replaced`] |
//! | has a pending create that has not expired, and another declaration since | has a free equal one | as if there were none |
//! | has a pending create | has free equal ones, one of them as that create was and others from before it | [`Match::Equal`] with the former |
//! | | has a free equal one | [`Match::Equal`], of several the oldest |
//! | has a pending create | has a free one that is as that create was | [`Match::FromPendingCreate`], of several the youngest |
//! | has a recorded id | | [`Match::Missing`] |
//! | has no pending create, and nothing is recorded anywhere | has just one free one with the same natural key | [`Match::Pinned`] |
//! | has no pending create, or an expired one | has a free one with the same natural key | [`Match::Similar`] |
//! | has no subscription so far, or a pending create | has an unreadable item that may be its own | [`Match::Unreadable`] |
//! | | | [`Match::Nothing`] |
//!
//! A guest that may not adopt gets by content only what a pending create of its own may have made, and learns of similar ones only
//! after such a create. It conflicts with a Webhook of another namespace only if that one declares no secret. Otherwise it could
//! find out by guessing what others have. It still recovers from a crash, as a create is recorded before it is sent.
//!
//! A Webhook that is being deleted pins nothing and conflicts with no other over content. By content it gets only what a pending
//! create of its own may have made. A replaced subscription that waits for its deletion is not adopted, and neither is one that a
//! Webhook elsewhere claims. A subscription without a match is unmanaged and never changed.

mod by_content;
mod by_id;
mod contents;
mod pending;
mod totals;

use contents::{Contents, Wanting};

use super::declared::Declared;
use super::elsewhere::{Elsewhere, Index, Rival};
use super::list::Unreadable;
use super::rules::Rules;
use super::{ExternalId, Key, Observed};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most subscriptions with the same natural key that are named in a [`Match::Similar`].
const MOST_SIMILAR: usize = 100;

/// What is found for one Webhook. A number is a place in the list of observed subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// Its recorded subscription.
    Recorded(usize),
    /// Its recorded subscription, and the one that a pending create made to replace it.
    Replaced {
        /// The recorded one.
        old: usize,
        /// The replacement.
        new: usize,
    },
    /// The subscription with the id in its spec.
    Pinned(usize),
    /// A subscription that its pending create made, before its declaration changed.
    FromPendingCreate(usize),
    /// A free subscription that is equal to the declared one, and further ones: duplicates.
    Equal(usize, Vec<ExternalId>),
    /// Its recorded subscription does not exist any more.
    Missing,
    /// No subscription.
    Nothing,
    /// No subscription, but free ones with the same natural key.
    Similar(Vec<ExternalId>),
    /// No subscription has the id in its spec.
    PinnedNotFound(ExternalId),
    /// A pending create of another Webhook may have made the subscription with the id in its spec.
    PinnedPending,
    /// Another Webhook declares the same subscription, or has the same id.
    Conflict(Key),
    /// A Webhook at another VendorAccount object claims the same subscription.
    ConflictElsewhere(Rival),
    /// The vendor lists its subscription, or one that may be its own, in a shape that cannot be read.
    Unreadable(Unreadable),
}

/// What is found for all Webhooks of an account.
#[derive(Debug)]
pub struct Matches {
    /// One match a Webhook, in their order.
    pub of: Vec<Match>,
    /// The places of the subscriptions that belong to a Webhook.
    pub taken: HashSet<usize>,
    /// The number of them by the Webhooks' namespaces.
    pub taken_in: BTreeMap<String, usize>,
    /// The same as `taken` without those that were replaced and wait for their deletion.
    pub owned: HashSet<usize>,
    /// The places of the subscriptions that Webhooks at other VendorAccount objects claim, and no Webhook here has.
    pub elsewhere: HashSet<usize>,
    /// For each Webhook that shares its natural key with one of other content: that one.
    pub similar: HashMap<Key, Key>,
}

/// Finds one match for each Webhook, in the order of `declared`.
pub fn find_matches(
    rules: &Rules,
    declared: &[Declared],
    observed: &[Observed],
    elsewhere: &Elsewhere,
) -> Matches {
    let mut search = Search::new(rules, declared, observed, Index::new(rules, elsewhere));
    let mut found: Vec<Option<Match>> = vec![None; declared.len()];
    let mut order: Vec<usize> = (0..declared.len()).collect();
    order.sort_by(|&a, &b| declared[a].rank().cmp(&declared[b].rank()));
    // A Webhook that has nothing and may not write must not take from others. If none may write, the plan shows what they would
    // do if they might.
    let some_write = declared.iter().any(Declared::may_write);
    let only_looks = |webhook: &Declared| {
        some_write && !webhook.may_write() && webhook.recorded.is_none() && webhook.pending_create.is_none()
    };
    let (looking, claiming): (Vec<usize>, Vec<usize>) =
        order.iter().partition(|&&i| only_looks(&declared[i]));
    for mut group in [claiming, looking] {
        for by_id in [Search::unreadable, Search::recorded, Search::pinned] {
            for &i in &group {
                if found[i].is_none() {
                    found[i] = by_id(&mut search, &declared[i]);
                }
            }
        }
        // A Webhook that has a subscription keeps it, however young it is.
        let has_none = |found: &Option<Match>| {
            !matches!(found, Some(Match::Recorded(_) | Match::Pinned(_) | Match::Unreadable(_)))
        };
        group.sort_by_key(|&i| has_none(&found[i]));
        for i in group {
            found[i] = Some(search.by_content(&declared[i], found[i].take()));
        }
    }
    for i in order {
        found[i] = found[i].take().map(|one| search.still_similar(&declared[i], one));
    }
    let found = found.into_iter().map(|one| one.unwrap_or(Match::Nothing));
    search.into_matches(found.zip(declared).map(|(one, webhook)| unless_unreadable(one, webhook)).collect())
}

/// An item that cannot be read may be the missing subscription, or what a pending create made.
fn unless_unreadable(found: Match, webhook: &Declared) -> Match {
    let may_be_unreadable = match found {
        Match::Missing | Match::Nothing => true,
        Match::Recorded(_) | Match::Pinned(_) => webhook.pending_create.is_some(),
        Match::Replaced { .. }
        | Match::FromPendingCreate(_)
        | Match::Equal(..)
        | Match::Similar(_)
        | Match::PinnedNotFound(_)
        | Match::PinnedPending
        | Match::Conflict(_)
        | Match::ConflictElsewhere(_)
        | Match::Unreadable(_) => false,
    };
    let item = webhook.possible_unreadable().filter(|_| may_be_unreadable);
    item.map_or(found, |item| Match::Unreadable(item.clone()))
}

/// The state of one search.
struct Search<'a> {
    rules: &'a Rules,
    observed: &'a [Observed],
    contents: Contents<'a>,
    by_id: HashMap<&'a ExternalId, usize>,
    by_natural_key: HashMap<String, Vec<usize>>,
    /// The subscriptions that are assigned, each with its Webhook.
    taken: HashMap<usize, &'a Key>,
    /// The same of those that cannot be read.
    unreadable: HashMap<&'a ExternalId, &'a Key>,
    /// Replaced ids that wait for their deletion, each with its Webhooks, by rank.
    superseded: HashMap<&'a ExternalId, Vec<&'a Declared>>,
    /// Webhooks with a pending create.
    creating: Vec<&'a Declared>,
    /// The declarations of the Webhooks that were matched by content so far, by natural key.
    wanted: HashMap<String, Wanting<'a, Declared>>,
    elsewhere: Index<'a>,
    /// Webhooks, each with one elsewhere that has a subscription of the same natural key.
    similar_elsewhere: HashMap<Key, Key>,
}

impl<'a> Search<'a> {
    fn new(
        rules: &'a Rules,
        declared: &'a [Declared],
        observed: &'a [Observed],
        elsewhere: Index<'a>,
    ) -> Self {
        let mut by_natural_key: HashMap<String, Vec<usize>> = HashMap::new();
        // A list that shifts between its pages has a subscription twice. Only the first one counts.
        let mut by_id = HashMap::new();
        for (i, one) in observed.iter().enumerate() {
            if elsewhere.is_deleted(&one.id) || *by_id.entry(&one.id).or_insert(i) != i {
                continue;
            }
            by_natural_key.entry(rules.key_of(&one.document)).or_default().push(i);
        }
        for same in by_natural_key.values_mut() {
            same.sort_by_key(|&i| observed[i].age());
        }
        let mut superseded: HashMap<_, Vec<&Declared>> = HashMap::new();
        for webhook in declared {
            webhook.superseded.iter().for_each(|id| superseded.entry(id).or_default().push(webhook));
        }
        for of_one in superseded.values_mut() {
            of_one.sort_by(|a, b| a.rank().cmp(&b.rank()));
        }
        Self {
            rules,
            observed,
            contents: Contents::new(rules, observed),
            by_id,
            by_natural_key,
            taken: HashMap::new(),
            unreadable: HashMap::new(),
            superseded,
            creating: declared.iter().filter(|webhook| webhook.pending_create.is_some()).collect(),
            wanted: HashMap::new(),
            elsewhere,
            similar_elsewhere: HashMap::new(),
        }
    }

    /// Assigns a subscription to a Webhook; returns a conflict if another one has it.
    fn assign(&mut self, at: usize, webhook: &'a Declared, found: Match) -> Match {
        if let Some(other) = self.taken.get(&at) {
            return Match::Conflict((*other).clone());
        }
        self.taken.insert(at, &webhook.key);
        found
    }

    fn ids(&self, all: &[usize]) -> Vec<ExternalId> {
        all.iter().map(|&i| self.observed[i].id.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
