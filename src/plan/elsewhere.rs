//! Claims of Webhooks at other VendorAccount objects that point to the same account at the vendor.
//!
//! | the other Webhook | claims |
//! | --- | --- |
//! | has recorded an id, or waits to delete a replaced one | that subscription |
//! | has a pending create | what the vendor shows of it, and equal content |
//! | has, or was just given, equal content | that content |
//! | declares equal content or pins the same id, and neither of the two has it | the content or the id, if it is older |
//!
//! A Webhook that has a subscription keeps it, however young it is. If two have the same one, a Webhook that is being deleted
//! gives way.

use super::declared::Declared;
use super::document::{Document, digest};
use super::redact::Redactor;
use super::rules::Rules;
use super::{ExternalId, Key, Observed};
use std::collections::{HashMap, HashSet};

/// The claims at other VendorAccount objects. Empty if no other object points to the same account at the vendor.
#[derive(Clone, Debug, Default)]
pub struct Elsewhere {
    /// The Webhooks of those objects.
    pub webhooks: Vec<Peer>,
    /// Ids that were deleted so recently that a list may still show them.
    pub deleted: Vec<ExternalId>,
}

/// One Webhook at another VendorAccount object.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The Webhook, and the VendorAccount object that it refers to.
    pub rival: Rival,
    /// When it was created, in seconds since 1970.
    pub created: i64,
    /// Whether it is in another namespace than its VendorAccount.
    pub guest: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// The ids that it has recorded, or is about to record.
    pub holds: Vec<ExternalId>,
    /// Replaced ids that it has not deleted yet.
    pub superseded: Vec<ExternalId>,
    /// A create whose outcome is unknown.
    pub pending: Option<PeerCreate>,
    /// [`digest`](super::digest) of what was last applied for it.
    pub applied: Option<String>,
    /// [`Rules::content_hash`] of what it sent to the vendor recently, or is sending.
    pub written: Option<String>,
    /// Whether that write is running, or has ended with an unknown outcome.
    pub unanswered: bool,
    /// What it declares, if that is known.
    pub wants: Option<Wants>,
}

/// The names of a Webhook that claims what another one declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// The Webhook.
    pub webhook: Key,
    /// The VendorAccount object that it refers to.
    pub account: Key,
}

/// A create of another Webhook whose outcome is unknown.
#[derive(Clone, Debug)]
pub struct PeerCreate {
    /// [`Rules::fingerprint`] of what was sent.
    pub fingerprint: String,
    /// Equal subscriptions that existed before it was sent.
    pub preexisting: Vec<ExternalId>,
}

/// What a Webhook declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// [`Rules::content_hash`] of the declared subscription.
    pub content: String,
    /// The id in its spec.
    pub pinned: Option<ExternalId>,
}

impl Elsewhere {
    /// Whether nothing is claimed.
    pub fn is_empty(&self) -> bool {
        self.webhooks.is_empty() && self.deleted.is_empty()
    }

    /// All ids that are claimed.
    pub(super) fn ids(&self) -> impl Iterator<Item = &ExternalId> {
        let claimed = self.webhooks.iter().flat_map(|peer| peer.holds.iter().chain(&peer.superseded));
        claimed.chain(&self.deleted)
    }
}

impl Peer {
    /// Whether it goes first if both have equal rights.
    fn goes_before(&self, webhook: &Declared) -> bool {
        let own = (self.deleting, self.guest, self.created, &self.rival.webhook);
        own < (webhook.deleting, webhook.guest, webhook.created, &webhook.key)
    }

    /// Whether the vendor may list a subscription of it whose id it does not know yet.
    fn is_writing(&self) -> bool {
        self.pending.is_some() || self.unanswered
    }
}

/// The claims elsewhere, indexed for one plan.
pub(super) struct Index<'a> {
    rules: &'a Rules,
    peers: &'a [Peer],
    /// The Webhooks that have an id, or wait to delete it.
    by_id: HashMap<&'a ExternalId, Vec<&'a Peer>>,
    deleted: HashSet<&'a ExternalId>,
}

impl<'a> Index<'a> {
    pub(super) fn new(rules: &'a Rules, elsewhere: &'a Elsewhere) -> Self {
        let mut by_id: HashMap<_, Vec<&Peer>> = HashMap::new();
        for peer in &elsewhere.webhooks {
            for id in peer.holds.iter().chain(&peer.superseded) {
                by_id.entry(id).or_default().push(peer);
            }
        }
        Self { rules, peers: &elsewhere.webhooks, by_id, deleted: elsewhere.deleted.iter().collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty() && self.deleted.is_empty()
    }

    pub(super) fn is_deleted(&self, id: &ExternalId) -> bool {
        self.deleted.contains(id)
    }

    /// Returns the other Webhook that has recorded that id too and goes before this one.
    pub(super) fn also_recorded(&self, id: &ExternalId, webhook: &Declared) -> Option<&'a Rival> {
        let peers = self.by_id.get(id)?.iter();
        let first = peers.filter(|peer| peer.holds.contains(id) && peer.goes_before(webhook));
        first.map(|peer| &peer.rival).next()
    }

    /// Returns the other Webhook to which a pinned id belongs.
    pub(super) fn pinned(&self, id: &ExternalId, webhook: &Declared) -> Option<&'a Rival> {
        let holder = self.by_id.get(id).and_then(|peers| peers.first().copied());
        let pins = |peer: &&Peer| {
            let pinned = peer.wants.as_ref().and_then(|wants| wants.pinned.as_ref());
            pinned == Some(id) && peer.goes_before(webhook)
        };
        holder.or_else(|| self.peers.iter().find(pins)).map(|peer| &peer.rival)
    }

    /// Returns the Webhook that has a subscription of the vendor's list.
    pub(super) fn holder(&self, id: &ExternalId) -> Option<&'a Rival> {
        let peers = self.by_id.get(id)?.iter();
        peers.filter(|peer| peer.holds.contains(id)).map(|peer| &peer.rival).next()
    }

    /// Whether a Webhook elsewhere declares that subscription, and is about to adopt it.
    pub(super) fn is_wanted(&self, one: &Observed) -> bool {
        let mut wants = self.peers.iter().filter_map(|peer| peer.wants.as_ref()).peekable();
        wants.peek().is_some() && {
            let content = self.rules.content_hash(&one.document);
            wants.any(|wants| wants.content == content)
        }
    }

    /// Whether a subscription of the list belongs to a Webhook elsewhere.
    pub(super) fn claims(&self, one: &Observed) -> bool {
        self.by_id.contains_key(&one.id)
            || self.is_deleted(&one.id)
            || self.maker(one, &[&Redactor::default()], |_| true).is_some()
    }

    /// Like [`Self::claims`], for one Webhook. A subscription that pending creates of both may have made belongs to the Webhook that goes
    /// first.
    pub(super) fn claims_against(&self, one: &Observed, webhook: &Declared) -> bool {
        let redactors = [&webhook.redactor, &Redactor::default()];
        let before = |peer: &Peer| webhook.pending_create.is_none() || peer.goes_before(webhook);
        self.by_id.contains_key(&one.id)
            || self.is_deleted(&one.id)
            || self.maker(one, &redactors, before).is_some()
    }

    /// Returns the Webhook whose pending create, or whose recent write, looks like that subscription. The fingerprint of a create has
    /// the names of its variables in place of secrets, so that it matches only if `redactors` have the same names.
    fn maker(
        &self,
        one: &Observed,
        redactors: &[&Redactor],
        counts: impl Fn(&Peer) -> bool,
    ) -> Option<&'a Peer> {
        let mut candidates = self.peers.iter().filter(|peer| peer.is_writing() && counts(peer)).peekable();
        candidates.peek()?;
        let content = self.rules.content_hash(&one.document);
        let fingerprints: Vec<_> =
            redactors.iter().map(|redactor| self.rules.fingerprint(&one.document, redactor)).collect();
        candidates.find(|peer| {
            let wrote = peer.unanswered && peer.written.as_ref() == Some(&content);
            wrote
                || peer.pending.as_ref().is_some_and(|pending| {
                    fingerprints.contains(&pending.fingerprint) && !pending.preexisting.contains(&one.id)
                })
        })
    }

    /// Returns the other Webhook because of which this one may not have that content. `own` is the subscription that this one has.
    pub(super) fn rival(
        &self,
        webhook: &Declared,
        desired: &Document,
        own: Option<&Observed>,
        alike: impl Iterator<Item = &'a Observed>,
    ) -> Option<&'a Rival> {
        if self.peers.is_empty() {
            return None;
        }
        let fingerprint = self.rules.fingerprint(desired, &webhook.redactor);
        let sent_it = webhook.pending_create.as_ref().is_some_and(|create| create.fingerprint == fingerprint);
        let (content, digest) = (self.rules.content_hash(desired), digest(desired));
        // The vendor may store what was applied in another spelling.
        let applied = webhook.applied.as_ref() == Some(&digest);
        let holds_it = own.is_some_and(|own| applied || self.rules.equal(&own.document, desired));
        let shown: HashMap<&ExternalId, bool> =
            alike.map(|one| (&one.id, self.rules.equal(&one.document, desired))).collect();
        let has_it = |peer: &Peer| {
            peer.written.as_ref() == Some(&content)
                || peer.pending.as_ref().is_some_and(|pending| pending.fingerprint == fingerprint)
                || peer.holds.iter().any(|id| shown.get(id) == Some(&true))
                || peer.applied.as_ref() == Some(&digest) && !peer.holds.is_empty()
        };
        let wants_it = |peer: &Peer| peer.wants.as_ref().is_some_and(|wants| wants.content == content);
        let first = |peer: &Peer| (peer.holds.is_empty(), !peer.goes_before(webhook)) < (own.is_none(), true);
        let rival = self.peers.iter().find(|peer| {
            (has_it(peer) && (!(holds_it || sent_it) || peer.goes_before(webhook)))
                || (wants_it(peer) && !(holds_it || sent_it) && first(peer))
        });
        rival.map(|peer| &peer.rival)
    }
}
