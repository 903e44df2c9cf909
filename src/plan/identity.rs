//! Which subscription belongs to which Webhook.
//!
//! Recorded ids are looked at first, then ids that a spec names, then content; in each round those come first that have
//! something or may write, of these the ones of the account's own namespace, and of these the older ones. What one has no other
//! may have:
//!
//! | the Webhook | the vendor's list | it is |
//! | --- | --- | --- |
//! | wants what another wants that has one already, or is older | | [`Claim::Conflict`] |
//! | wants or has what a Webhook at another VendorAccount object claims ([`elsewhere`](super::elsewhere)) | | [`Claim::ConflictElsewhere`] |
//! | has a recorded id, or names one in its spec | holds that id in a shape that cannot be read | [`Claim::Unreadable`] |
//! | has a recorded id | holds that id | [`Claim::Bound`] |
//! | names an id in its spec that another Webhook has replaced | holds that id | [`Claim::Conflict`] |
//! | names an id in its spec | holds that id, which an unanswered create of another Webhook may have made | [`Claim::Settling`] |
//! | names an id in its spec | holds that id | [`Claim::Named`] |
//! | has either, which cannot be changed in place, and an unanswered create or no status | holds an unclaimed equal one beside it | [`Claim::Replaced`], of several the youngest |
//! | names an id in its spec | does not hold it | [`Claim::NotThere`] |
//! | has either, and an unanswered create | holds an unclaimed one that is as that create was | [`Claim::Replaced`] |
//! | has an unanswered create, and moved on since | holds an unclaimed equal one, and one that is as that create was | [`Claim::Replaced`] |
//! | has an unanswered create that is not settled, and moved on since | holds an unclaimed equal one | as if there were none |
//! | has an unanswered create | holds unclaimed equal ones, one of them as that create was and others from before it | [`Claim::Adopt`] of what it made |
//! | | holds an unclaimed equal one | [`Claim::Adopt`], of several the oldest |
//! | has an unanswered create | holds an unclaimed one that is as that create was | [`Claim::Made`], of several the youngest |
//! | has a recorded id | | [`Claim::Gone`] |
//! | has no unanswered create, and nothing is recorded anywhere | holds just one unclaimed with the same natural key | [`Claim::Named`] |
//! | has no unanswered create, or one that is settled | holds an unclaimed one with the same natural key | [`Claim::Similar`] |
//! | has no subscription by now, or an unanswered create | holds an unreadable item that may be its own | [`Claim::Unreadable`] |
//! | | | [`Claim::Missing`] |
//!
//! A guest that may not adopt has by content only what an unanswered create of its own may have made, and is told of similar ones
//! only after such a create. With another namespace's Webhook it is in conflict only where that one declares no secret: anything else would tell it
//! whether it has guessed what others have. It heals after a crash all the same, as a create is recorded before it is sent.
//!
//! A Webhook that is being deleted names nothing and is in conflict with nobody over content; by content it has only what
//! an unanswered create of its own may have made. What was replaced and waits for its deletion is nobody's to adopt, nor is
//! what a Webhook elsewhere claims. Whatever nobody claims is a stranger and is never touched.

mod contents;

use contents::{Contents, Wanting};

use super::declared::{Declared, Desired};
use super::document::Document;
use super::elsewhere::{Elsewhere, Index, Rival};
use super::list::Unreadable;
use super::redact::Redactor;
use super::rules::Rules;
use super::{ExternalId, Key, Observed};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

/// So many subscriptions that only look alike are noted for a Webhook.
const MOST_SIMILAR: usize = 100;

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
    /// What an unanswered create of its own made, before the spec moved on.
    Made(usize),
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
    /// Its spec names what an unanswered create of another Webhook may have made.
    Settling,
    /// Another Webhook wants the same, or has the same id.
    Conflict(Key),
    /// A Webhook at another VendorAccount object claims the same.
    ConflictElsewhere(Rival),
    /// The vendor lists its own, or one that may be its own, in a shape that cannot be read.
    Unreadable(Unreadable),
}

/// What is found for all Webhooks of an account.
#[derive(Debug)]
pub struct Claims {
    /// One claim a Webhook, in their order.
    pub of: Vec<Claim>,
    /// The places of the subscriptions that belong to a Webhook.
    pub taken: HashSet<usize>,
    /// How many of them belong to Webhooks of each namespace.
    pub taken_in: BTreeMap<String, usize>,
    /// The same without those that were replaced and wait for their deletion.
    pub owned: HashSet<usize>,
    /// The places of the subscriptions that Webhooks at other VendorAccount objects claim, and none here has.
    pub elsewhere: HashSet<usize>,
    /// For each Webhook that shares its natural key with another one of other content: that one.
    pub similar: HashMap<Key, Key>,
}

/// Finds one claim for each Webhook, in the order of `declared`.
pub fn claims(rules: &Rules, declared: &[Declared], observed: &[Observed], elsewhere: &Elsewhere) -> Claims {
    let mut search = Search::new(rules, declared, observed, Index::new(rules, elsewhere));
    let mut found: Vec<Option<Claim>> = vec![None; declared.len()];
    let mut order: Vec<usize> = (0..declared.len()).collect();
    order.sort_by(|&a, &b| declared[a].rank().cmp(&declared[b].rank()));
    // One that has nothing and may not write gets what the others leave, so that it is in nobody's way. Where none may write, a
    // plan shows what they would do if they might.
    let some_write = declared.iter().any(Declared::may_write);
    let only_looks = |webhook: &Declared| {
        some_write && !webhook.may_write() && webhook.recorded.is_none() && webhook.intent.is_none()
    };
    let (looking, claiming): (Vec<usize>, Vec<usize>) =
        order.iter().partition(|&&i| only_looks(&declared[i]));
    for mut group in [claiming, looking] {
        for by_id in [Search::unreadable, Search::recorded, Search::named] {
            for &i in &group {
                if found[i].is_none() {
                    found[i] = by_id(&mut search, &declared[i]);
                }
            }
        }
        // Who has a subscription keeps it, however young.
        group.sort_by_key(|&i| {
            !matches!(found[i], Some(Claim::Bound(_) | Claim::Named(_) | Claim::Unreadable(_)))
        });
        for i in group {
            found[i] = Some(search.by_content(&declared[i], found[i].take()));
        }
    }
    for i in order {
        found[i] = found[i].take().map(|claim| search.still_similar(&declared[i], claim));
    }
    let claims = found.into_iter().map(|claim| claim.unwrap_or(Claim::Missing));
    let of = claims.zip(declared).map(|(claim, webhook)| unless_unreadable(claim, webhook)).collect();
    let superseded = search.superseded.keys().filter_map(|id| search.by_id.get(id));
    let taken: HashSet<usize> = search.taken.keys().chain(superseded).copied().collect();
    let taken_in = search.taken_in();
    let elsewhere = search.claimed_elsewhere(&taken);
    let similar = search.similar();
    let owned = search.taken.into_keys().collect();
    Claims { of, taken, taken_in, owned, elsewhere, similar }
}

/// What is missing may be an item that cannot be read, and so may be what an unanswered create made.
fn unless_unreadable(claim: Claim, webhook: &Declared) -> Claim {
    let may_be_unreadable = match claim {
        Claim::Gone | Claim::Missing => true,
        Claim::Bound(_) | Claim::Named(_) => webhook.intent.is_some(),
        Claim::Replaced { .. }
        | Claim::Made(_)
        | Claim::Adopt(..)
        | Claim::Similar(_)
        | Claim::NotThere(_)
        | Claim::Settling
        | Claim::Conflict(_)
        | Claim::ConflictElsewhere(_)
        | Claim::Unreadable(_) => false,
    };
    let item = webhook.possible_unreadable().filter(|_| may_be_unreadable);
    item.map_or(claim, |item| Claim::Unreadable(item.clone()))
}

struct Search<'a> {
    rules: &'a Rules,
    observed: &'a [Observed],
    contents: Contents<'a>,
    by_id: HashMap<&'a ExternalId, usize>,
    by_natural_key: HashMap<String, Vec<usize>>,
    /// Who has which subscription.
    taken: HashMap<usize, &'a Key>,
    /// Who has which of those that cannot be read.
    unreadable: HashMap<&'a ExternalId, &'a Key>,
    /// Replaced ids, each with who replaced it: they wait for their deletion and are nobody's to adopt.
    superseded: HashMap<&'a ExternalId, &'a Declared>,
    /// Webhooks with an unanswered create.
    creating: Vec<&'a Declared>,
    /// What the Webhooks looked at so far want, by natural key.
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
        // A list that shifts between its pages shows one twice: the first stands for both.
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
        Self {
            rules,
            observed,
            contents: Contents::new(rules, observed),
            by_id,
            by_natural_key,
            taken: HashMap::new(),
            unreadable: HashMap::new(),
            superseded: declared.iter().flat_map(|d| d.superseded.iter().map(move |id| (id, d))).collect(),
            creating: declared.iter().filter(|webhook| webhook.intent.is_some()).collect(),
            wanted: HashMap::new(),
            elsewhere,
            similar_elsewhere: HashMap::new(),
        }
    }

    fn unreadable(&mut self, webhook: &'a Declared) -> Option<Claim> {
        let item = webhook.own_unreadable()?;
        if let Some(rival) = item.id.as_ref().and_then(|id| self.elsewhere.also_recorded(id, webhook)) {
            return Some(Claim::ConflictElsewhere(rival.clone()));
        }
        Some(match self.unreadable.entry(item.id.as_ref()?) {
            Entry::Occupied(other) => Claim::Conflict((*other.get()).clone()),
            Entry::Vacant(free) => {
                free.insert(&webhook.key);
                Claim::Unreadable(item.clone())
            }
        })
    }

    fn recorded(&mut self, webhook: &'a Declared) -> Option<Claim> {
        let id = webhook.recorded.as_ref()?;
        let at = *self.by_id.get(id)?;
        if let Some(rival) = self.elsewhere.also_recorded(id, webhook) {
            return Some(Claim::ConflictElsewhere(rival.clone()));
        }
        Some(self.take(at, webhook, Claim::Bound(at)))
    }

    fn named(&mut self, webhook: &'a Declared) -> Option<Claim> {
        let id = webhook.pinned_id.as_ref().filter(|_| !webhook.deleting)?;
        let Some(&at) = self.by_id.get(id) else {
            return Some(Claim::NotThere(id.clone()));
        };
        if let Some(rival) = self.elsewhere.pinned(id, webhook) {
            return Some(Claim::ConflictElsewhere(rival.clone()));
        }
        if let Some(other) = self.superseded.get(id).filter(|other| other.key != webhook.key) {
            return Some(Claim::Conflict(other.key.clone()));
        }
        if self.creating.iter().any(|other| other.key != webhook.key && self.may_come_from(other, at)) {
            return Some(Claim::Settling);
        }
        Some(self.take(at, webhook, Claim::Named(at)))
    }

    /// Whether an unanswered create of that Webhook may have made it. Until that is settled it may have made anything: with
    /// another value of a Secret by now, what it sent is not recognised.
    fn may_come_from(&self, other: &Declared, at: usize) -> bool {
        let unsettled = other
            .intent
            .as_ref()
            .is_some_and(|intent| !intent.expired && !intent.preexisting.contains(&self.observed[at].id));
        unsettled || self.may_have_made(other, at)
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
        // A Webhook that is going makes nothing, so all it may have is what its own unanswered create left behind.
        if webhook.deleting && webhook.intent.is_none() {
            return claim.unwrap_or(otherwise);
        }
        let Desired::Known(desired) = &webhook.desired else {
            let made = self.made(webhook);
            return self.with_made(webhook, claim, made, otherwise);
        };
        let key = self.rules.key_of(desired);
        if let Some(rival) = self.rival(webhook, &key, desired, claim.as_ref()) {
            return Claim::ConflictElsewhere(rival.clone());
        }
        let wanting = self.wanted.entry(key.clone()).or_default();
        // Nor does it stand in anybody's way: what it has, by id or by content, goes with it.
        let comparable =
            |other: &Declared, wanted: &Document| webhook.may_know(&other.key) || !wanted.is_secret();
        let rival = if webhook.deleting { None } else { wanting.equal(self.rules, desired, comparable) };
        if let Some(other) = rival {
            return Claim::Conflict(other.key.clone());
        }
        wanting.push(webhook, desired);
        let searches = claim.is_none() || webhook.intent.is_some() || webhook.stateless;
        let (mut equal, similar) =
            if searches { self.free(&key, webhook, desired) } else { (Vec::new(), Vec::new()) };
        let made = self.made(webhook);
        // What was there before its own create is not what that made, although it may be free since.
        if let Some(intent) = &webhook.intent
            && (claim.is_some() || made.is_some())
        {
            equal.retain(|&i| !intent.preexisting.contains(&self.observed[i].id));
        }
        if webhook.deleting || !webhook.adopts_equal {
            equal.retain(|&i| self.may_have_made(webhook, i));
        }
        match claim {
            // The youngest: an older one may have been a stranger's when the create was sent.
            Some(Claim::Bound(old) | Claim::Named(old))
                if (webhook.intent.is_some() || webhook.stateless)
                    && self.needs_another(old, desired)
                    && !equal.is_empty() =>
            {
                let new = equal.last().copied().unwrap_or(old);
                self.take(new, webhook, Claim::Replaced { old, new })
            }
            Some(claim) => self.with_made(webhook, Some(claim), made, otherwise),
            // Its own may only not be listed yet: an equal one that is taken over instead would leave that behind.
            None if webhook.recorded.is_some() && webhook.may_lag && webhook.intent.is_none() => otherwise,
            None => match (equal.split_first(), made) {
                // The spec moved on to what is there already: what the create made is left over.
                (Some((&new, _)), Some(old)) if !equal.contains(&old) => {
                    self.taken.insert(old, &webhook.key);
                    self.take(new, webhook, Claim::Replaced { old, new })
                }
                // Or will be: whoever settled for another one now would never look for it again.
                (Some((&at, _)), None)
                    if webhook.intent.as_ref().is_some_and(|intent| !intent.expired)
                        && !self.is_as_sent(webhook, at) =>
                {
                    otherwise
                }
                (Some((&at, others)), _) => {
                    let duplicates = if webhook.adopts { self.ids(others) } else { Vec::new() };
                    self.take(at, webhook, Claim::Adopt(at, duplicates))
                }
                (None, Some(at)) => self.take(at, webhook, Claim::Made(at)),
                // After an unanswered create, a similar subscription is most likely what it made, in a spelling or with a
                // secret that is not recognised. Another create would make a duplicate.
                _ if webhook.recorded.is_some()
                    || webhook.intent.as_ref().is_some_and(|intent| !intent.expired)
                    || similar.is_empty() =>
                {
                    otherwise
                }
                _ => Claim::Similar(self.ids(&similar)),
            },
        }
    }

    /// What an unanswered create made, beside what was found by id.
    fn with_made(
        &mut self,
        webhook: &'a Declared,
        claim: Option<Claim>,
        made: Option<usize>,
        otherwise: Claim,
    ) -> Claim {
        match (claim, made) {
            (Some(Claim::Bound(old) | Claim::Named(old)), Some(new)) => {
                self.take(new, webhook, Claim::Replaced { old, new })
            }
            (None, Some(new)) => self.take(new, webhook, Claim::Made(new)),
            (claim, _) => claim.unwrap_or(otherwise),
        }
    }

    /// The youngest unclaimed one that is just as an unanswered create was: it was not there when that was sent.
    fn made(&self, webhook: &Declared) -> Option<usize> {
        webhook.intent.as_ref()?;
        (0..self.observed.len())
            .filter(|&i| self.may_have_made(webhook, i))
            .max_by_key(|&i| self.observed[i].age())
    }

    fn may_have_made(&self, webhook: &Declared, at: usize) -> bool {
        let id = &self.observed[at].id;
        let was_there = || webhook.intent.as_ref().is_some_and(|intent| intent.preexisting.contains(id));
        self.by_id.get(id) == Some(&at)
            && !self.taken.contains_key(&at)
            && !self.superseded.contains_key(id)
            && !was_there()
            && self.is_as_sent(webhook, at)
            && !self.elsewhere.claims_against(&self.observed[at], webhook)
    }

    fn is_as_sent(&self, webhook: &Declared, at: usize) -> bool {
        let shown = &self.observed[at].document;
        webhook.intent.as_ref().is_some_and(|intent| {
            intent.document.as_ref().is_some_and(|sent| self.rules.equal(shown, sent))
                || self.fingerprint_is(at, &webhook.redactor, &intent.fingerprint)
        })
    }

    fn fingerprint_is(&self, at: usize, redactor: &Redactor, sent: &str) -> bool {
        if redactor.is_empty() {
            return self.contents.of(at) == sent;
        }
        self.rules.fingerprint(&self.observed[at].document, redactor) == sent
    }

    /// Whether that one cannot be changed into the desired one.
    fn needs_another(&self, at: usize, desired: &Document) -> bool {
        let has = &self.observed[at].document;
        self.rules.fields.iter().any(|f| f.replaces && !f.rule.same(has.get(f.name), desired.get(f.name)))
    }

    /// What looked alike when its turn came may since have been adopted by the one that it is equal to.
    fn still_similar(&mut self, webhook: &'a Declared, claim: Claim) -> Claim {
        let Claim::Similar(ids) = claim else {
            return claim;
        };
        let free = |id: &ExternalId| self.by_id.get(id).copied().filter(|at| !self.taken.contains_key(at));
        let left: Vec<usize> = ids.iter().filter_map(free).collect();
        match left[..] {
            // There may be more than were noted.
            [] if ids.len() == MOST_SIMILAR => Claim::Similar(ids),
            [] => Claim::Missing,
            [at] if webhook.stateless => self.take(at, webhook, Claim::Named(at)),
            _ => Claim::Similar(self.ids(&left)),
        }
    }

    /// The unclaimed ones with that natural key, the oldest first: those that are equal, and the first of those that only look
    /// alike.
    fn free(&self, key: &str, webhook: &Declared, desired: &Document) -> (Vec<usize>, Vec<usize>) {
        let same = self.by_natural_key.get(key).map(Vec::as_slice).unwrap_or_default();
        let all_equal: HashSet<usize> = self.contents.equal(same, desired).into_iter().collect();
        let (equal, similar): (Vec<_>, Vec<_>) = same
            .iter()
            .copied()
            .filter(|i| !self.taken.contains_key(i) && !self.superseded.contains_key(&self.observed[*i].id))
            .filter(|&i| !self.elsewhere.claims_against(&self.observed[i], webhook))
            .partition(|i| all_equal.contains(i));
        let may_be_told = webhook.adopts || webhook.intent.is_some();
        let unwanted =
            similar.into_iter().filter(|&i| may_be_told && !self.elsewhere.is_wanted(&self.observed[i]));
        (equal, unwanted.take(MOST_SIMILAR).collect())
    }

    /// The Webhook elsewhere that claims what this one wants. Notes one that only has the same natural key.
    fn rival(
        &mut self,
        webhook: &Declared,
        key: &str,
        desired: &Document,
        claim: Option<&Claim>,
    ) -> Option<&'a Rival> {
        // Which contents those have is not for a guest to know, of which only hashes are known here.
        if webhook.deleting || webhook.guest || self.elsewhere.is_empty() {
            return None;
        }
        let own = match claim {
            Some(Claim::Bound(at) | Claim::Named(at)) => Some(&self.observed[*at]),
            _ => None,
        };
        let alike = || self.by_natural_key.get(key).into_iter().flatten().map(|&at| &self.observed[at]);
        let rival = self.elsewhere.rival(webhook, desired, own, alike());
        if let (None, Some(other)) = (rival, alike().find_map(|one| self.elsewhere.holder(&one.id))) {
            self.similar_elsewhere.insert(webhook.key.clone(), other.webhook.clone());
        }
        rival
    }

    /// How many subscriptions Webhooks of each namespace have, or have replaced.
    fn taken_in(&self) -> BTreeMap<String, usize> {
        let mut taken: HashMap<usize, &Key> = self.taken.clone();
        for (id, webhook) in &self.superseded {
            if let Some(&at) = self.by_id.get(id) {
                taken.entry(at).or_insert(&webhook.key);
            }
        }
        let mut counts = BTreeMap::new();
        for key in taken.into_values() {
            match counts.get_mut(&key.namespace) {
                Some(count) => *count += 1,
                None => drop(counts.insert(key.namespace.clone(), 1)),
            }
        }
        counts
    }

    /// The subscriptions that are claimed elsewhere, but for those that are `taken` here.
    fn claimed_elsewhere(&self, taken: &HashSet<usize>) -> HashSet<usize> {
        if self.elsewhere.is_empty() {
            return HashSet::new();
        }
        let claimed = |at: &usize| !taken.contains(at) && self.elsewhere.claims(&self.observed[*at]);
        (0..self.observed.len()).filter(claimed).collect()
    }

    /// The Webhooks that share their natural key with another one, of other content, each with the first such one.
    fn similar(&mut self) -> HashMap<Key, Key> {
        let mut similar = std::mem::take(&mut self.similar_elsewhere);
        for wanting in self.wanted.values() {
            let stays: Vec<&Declared> = wanting.webhooks().filter(|webhook| !webhook.deleting).collect();
            // The first two of each namespace; guests know no other.
            let mut first: HashMap<Option<&str>, Vec<&Key>> = HashMap::new();
            for webhook in &stays {
                for of in [None, Some(&*webhook.key.namespace)] {
                    let first = first.entry(of).or_default();
                    if first.len() < 2 {
                        first.push(&webhook.key);
                    }
                }
            }
            for webhook in &stays {
                let known = webhook.guest.then_some(&*webhook.key.namespace);
                let mut others = first.get(&known).into_iter().flatten();
                if let Some(other) = others.find(|other| ***other != webhook.key) {
                    similar.insert(webhook.key.clone(), (*other).clone());
                }
            }
        }
        similar
    }

    fn ids(&self, all: &[usize]) -> Vec<ExternalId> {
        all.iter().map(|&i| self.observed[i].id.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
