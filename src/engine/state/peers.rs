//! The Webhooks of other VendorAccount objects that point to the same account at the vendor, and what they claim.
//!
//! Each VendorAccount object has its own worker, and several workers run at the same time. What one of them has just written may
//! be missing in the watch cache, and in the list that another one plans with. Therefore the content and the ids of a write are
//! reserved in the [`Registry`] of the process before the write is sent. The reservation fails if a Webhook of another object has
//! reserved the same. A reservation stays until no older list can be in use.
//!
//! No lock is held during a call to a vendor, so that a slow pass over one object does not delay the others.

use crate::api::status::{Pending, WebhookStatus};
use crate::api::{Mode, ObjectKey, VendorAccount, Webhook};
use crate::engine::clock;
use crate::plan::{
    BlockedReason, Cause, Declared, Desired, Elsewhere, ExternalId, Peer, PeerCreate, Plan, Rival, Rules,
    Wants,
};
use crate::vendor::rules;
use kube::ResourceExt;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long reservations and deletions are kept: a list is used for at most a minute, by a pass that takes at most four.
const REMEMBERED: Duration = Duration::from_secs(300);

/// Reads the Webhooks of all other VendorAccount objects that point to the same account at the vendor as this one.
pub(crate) type ReadPeers = dyn Fn(&VendorAccount) -> Vec<Arc<Webhook>> + Send + Sync;

/// What the VendorAccount objects of this process write and want, by the account at the vendor.
#[derive(Default)]
pub(crate) struct Registry(Mutex<HashMap<String, HashMap<ObjectKey, Ledger>>>);

/// What one VendorAccount object writes and wants.
#[derive(Default)]
struct Ledger {
    /// The last write of each Webhook, by its uid.
    writes: HashMap<String, Write>,
    deleted: Vec<(ExternalId, Instant)>,
    /// What each Webhook wanted in the last pass, by its uid, with the generation of its spec.
    wants: HashMap<String, (Option<i64>, Wants)>,
}

/// A write at the vendor.
struct Write {
    content: Option<String>,
    ids: Vec<ExternalId>,
    /// Whether the outcome is known.
    answered: bool,
    /// None: the request is running.
    ended: Option<Instant>,
}

impl Ledger {
    fn prune(&mut self) {
        let recent = |at: Instant| clock::since(at) < REMEMBERED;
        self.writes.retain(|_, write| write.ended.is_none_or(recent));
        self.deleted.retain(|(_, at)| recent(*at));
    }

    fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.deleted.is_empty() && self.wants.is_empty()
    }
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<ObjectKey, Ledger>>> {
        locked(&self.0)
    }

    /// Forgets a VendorAccount object that is gone.
    pub(crate) fn forget(&self, account: &ObjectKey) {
        self.lock().retain(|_, ledgers| {
            ledgers.remove(account);
            !ledgers.is_empty()
        });
    }

    fn with_ledger<T>(&self, account: &VendorAccount, with: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut all = self.lock();
        let ledgers = all.entry(account.spec.vendor.remote_account()).or_default();
        with(ledgers.entry(ObjectKey::of(account)).or_default())
    }

    /// Removes expired entries, so that an account that writes nothing uses no memory.
    fn prune(&self, account: &VendorAccount) {
        let (mut all, remote) = (self.lock(), account.spec.vendor.remote_account());
        let Some(ledgers) = all.get_mut(&remote) else { return };
        let key = ObjectKey::of(account);
        if let Some(ledger) = ledgers.get_mut(&key) {
            ledger.prune();
            if ledger.is_empty() {
                ledgers.remove(&key);
            }
        }
        if ledgers.is_empty() {
            all.remove(&remote);
        }
    }
}

/// The Webhooks at other VendorAccount objects, as one account sees them.
pub(crate) struct Peers {
    registry: Arc<Registry>,
    read: Box<ReadPeers>,
    /// The Webhooks elsewhere that the current pass plans with.
    seen: Mutex<Vec<Arc<Webhook>>>,
    /// The Webhooks elsewhere that block Webhooks here with `Conflict`, as they were in that pass.
    waits: Mutex<HashMap<ObjectKey, Arc<Webhook>>>,
}

impl Default for Peers {
    /// No other object points to the same account at the vendor.
    fn default() -> Self {
        Self::new(Arc::default(), Box::new(|_| Vec::new()))
    }
}

impl Peers {
    /// `read` is called whenever a pass plans or writes.
    pub(crate) fn new(registry: Arc<Registry>, read: Box<ReadPeers>) -> Self {
        Self { registry, read, seen: Mutex::default(), waits: Mutex::default() }
    }

    /// Publishes what the Webhooks of the account want, given with their uids and generations, and returns the claims
    /// elsewhere.
    pub(crate) fn exchange<'a>(
        &self,
        account: &VendorAccount,
        declared: impl Iterator<Item = (&'a str, Option<i64>, &'a Declared)>,
    ) -> Elsewhere {
        let webhooks = (self.read)(account);
        if webhooks.is_empty() {
            self.withdraw(account);
        }
        self.registry.prune(account);
        if webhooks.is_empty() {
            return Elsewhere::default();
        }
        let rules = rules(account.spec.vendor.name());
        let wants: HashMap<_, _> = declared
            .filter_map(|(uid, generation, webhook)| {
                Some((uid.to_owned(), (generation, wants(rules, webhook)?)))
            })
            .collect();
        self.registry.with_ledger(account, |ledger| ledger.wants = wants);
        let elsewhere = self.elsewhere(account, &webhooks);
        *locked(&self.seen) = webhooks;
        elsewhere
    }

    /// Withdraws what the Webhooks of an account want that cannot be reconciled. What they have stays theirs.
    pub(crate) fn withdraw(&self, account: &VendorAccount) {
        let mut all = self.registry.lock();
        let ledgers = all.get_mut(&account.spec.vendor.remote_account());
        if let Some(ledger) = ledgers.and_then(|ledgers| ledgers.get_mut(&ObjectKey::of(account))) {
            ledger.wants.clear();
        }
    }

    fn elsewhere(&self, account: &VendorAccount, webhooks: &[Arc<Webhook>]) -> Elsewhere {
        let (key, identity) = (ObjectKey::of(account), account.spec.vendor.identity());
        let all = self.registry.lock();
        let ledgers = all.get(&account.spec.vendor.remote_account());
        let ledger_of = |other: &ObjectKey| ledgers.and_then(|ledgers| ledgers.get(other));
        let peers = webhooks.iter().map(|webhook| peer(webhook, &identity, ledger_of(&webhook.account())));
        let others = ledgers.into_iter().flatten().filter(|(other, _)| **other != key);
        let deleted = others.flat_map(|(_, ledger)| &ledger.deleted);
        Elsewhere {
            webhooks: peers.collect(),
            deleted: deleted
                .filter(|(_, at)| clock::since(*at) < REMEMBERED)
                .map(|(id, _)| id.clone())
                .collect(),
        }
    }

    /// Records which Webhooks elsewhere block Webhooks of the plan.
    pub(crate) fn note_waits(&self, plan: &Plan) {
        let waits = plan.items.iter().filter_map(|item| match item.blocked() {
            Some(BlockedReason::ConflictElsewhere(rival)) => Some(&rival.webhook),
            _ => None,
        });
        let waits: HashSet<_> = waits.collect();
        let seen = std::mem::take(&mut *locked(&self.seen)).into_iter();
        let seen = seen.map(|webhook| (ObjectKey::of(&*webhook), webhook));
        *locked(&self.waits) = seen.filter(|(key, _)| waits.contains(key)).collect();
    }

    /// Returns the Webhooks elsewhere that block Webhooks of this account.
    pub(crate) fn waits_for(&self) -> BTreeSet<ObjectKey> {
        locked(&self.waits).keys().cloned().collect()
    }

    /// Whether one of them has changed its claims since, so that the account needs a new plan.
    pub(crate) fn have_moved(&self, account: &VendorAccount) -> bool {
        self.moved(account, &locked(&self.waits)).is_some()
    }

    /// Like [`Self::have_moved`], but reports each change once: a pass that fails before it plans is not repeated because of it.
    pub(crate) fn take_moved(&self, account: &VendorAccount) -> bool {
        let mut waits = locked(&self.waits);
        let moved = self.moved(account, &waits);
        if let Some(now) = &moved {
            waits.retain(|key, _| now.contains_key(key));
            waits.iter_mut().for_each(|(key, seen)| seen.clone_from(&now[key]));
        }
        moved.is_some()
    }

    /// Returns the Webhooks elsewhere as they are now, if one of those in `waits` has changed its claims.
    fn moved(
        &self,
        account: &VendorAccount,
        waits: &HashMap<ObjectKey, Arc<Webhook>>,
    ) -> Option<HashMap<ObjectKey, Arc<Webhook>>> {
        if waits.is_empty() {
            return None;
        }
        let webhooks = (self.read)(account).into_iter();
        let now: HashMap<_, _> = webhooks.map(|webhook| (ObjectKey::of(&*webhook), webhook)).collect();
        let moved =
            |(key, seen): (&ObjectKey, &Arc<Webhook>)| now.get(key).is_none_or(|now| !same_claims(seen, now));
        waits.iter().any(moved).then_some(now)
    }

    /// Reserves the content and the ids of a write that is about to be sent for a Webhook. An error names the Webhook at
    /// another object that has them.
    pub(crate) fn reserve(
        &self,
        account: &VendorAccount,
        webhook: &Webhook,
        content: Option<String>,
        ids: BTreeSet<ExternalId>,
    ) -> Result<Reservation<'_>, Rival> {
        let (key, uid) = (ObjectKey::of(account), webhook.uid().unwrap_or_default());
        let remote = account.spec.vendor.remote_account();
        let mut all = self.registry.lock();
        let ledgers = all.entry(remote.clone()).or_default();
        // Otherwise a guest would learn that another namespace writes the same.
        let compares = content.is_some() && !webhook.is_guest();
        let taken = |write: &Write| {
            (compares && write.content == content) || write.ids.iter().any(|id| ids.contains(id))
        };
        let others = ledgers.iter().filter(|(other, _)| **other != key);
        let holders: Vec<_> = others
            .flat_map(|(_, ledger)| &ledger.writes)
            .filter(|(_, write)| write.ended.is_none_or(|at| clock::since(at) < REMEMBERED) && taken(write))
            .collect();
        if !holders.is_empty() {
            // The reservation of a Webhook that is gone does not count.
            let there = (self.read)(account);
            let there: HashMap<_, _> =
                there.iter().filter_map(|peer| Some((peer.metadata.uid.as_deref()?, peer))).collect();
            if let Some(peer) = holders.into_iter().find_map(|(uid, _)| there.get(uid.as_str())) {
                let rival = Rival { webhook: ObjectKey::of(&***peer), account: peer.account() };
                locked(&self.waits).insert(rival.webhook.clone(), Arc::clone(peer));
                return Err(rival);
            }
        }
        let ids = ids.into_iter().collect();
        let write = Write { content, ids, answered: false, ended: None };
        ledgers.entry(key.clone()).or_default().writes.insert(uid.clone(), write);
        Ok(Reservation { registry: &self.registry, remote, account: key, uid })
    }

    /// Records that a subscription was deleted, because the list of another object may still show it.
    pub(crate) fn deleted(&self, account: &VendorAccount, id: &ExternalId) {
        self.registry.with_ledger(account, |ledger| ledger.deleted.push((id.clone(), clock::now())));
    }

    /// Records which subscriptions the plan attributes to Webhooks of the account although no status records them.
    pub(crate) fn note_found(&self, account: &VendorAccount, plan: &Plan, uids: &[String]) {
        for item in plan.items.iter().filter(|item| item.cause != Cause::Deleted) {
            let (Some(id), None | Some(BlockedReason::PlanOnly)) = (item.id(), item.blocked()) else {
                continue;
            };
            let ended = Some(clock::now());
            let write = Write { content: None, ids: vec![id.clone()], answered: true, ended };
            self.registry.with_ledger(account, |ledger| {
                ledger.writes.insert(uids[item.index].clone(), write);
            });
        }
    }
}

/// A reserved write. If it is dropped without [`Self::holds`] or [`Self::cancel`], the outcome counts as unknown: content and
/// ids stay reserved.
pub(crate) struct Reservation<'a> {
    registry: &'a Registry,
    remote: String,
    account: ObjectKey,
    uid: String,
}

impl Reservation<'_> {
    fn change(&self, change: impl FnOnce(&mut Write)) {
        let mut all = self.registry.lock();
        let ledger = all.get_mut(&self.remote).and_then(|ledgers| ledgers.get_mut(&self.account));
        if let Some(write) = ledger.and_then(|ledger| ledger.writes.get_mut(&self.uid)) {
            change(write);
        }
    }

    /// Records that the write succeeded and that the Webhook has that subscription now.
    pub(crate) fn holds(&self, id: Option<&str>) {
        self.change(|write| {
            write.ids.extend(ExternalId::valid(id));
            write.ids.shrink_to_fit();
            write.answered = true;
        });
    }

    /// Records that the write was not done.
    pub(crate) fn cancel(&self) {
        self.change(|write| (write.content, write.answered) = (None, true));
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.change(|write| write.ended = Some(clock::now()));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns what a Webhook wants; none if it may not write, or is being deleted.
fn wants(rules: &Rules, webhook: &Declared) -> Option<Wants> {
    let may_write = webhook.policy.mode == Mode::Enforce && !webhook.policy.suspended;
    match &webhook.desired {
        Desired::Known(desired) if may_write && !webhook.deleting => {
            Some(Wants { content: rules.content_hash(desired), pinned: webhook.pinned_id.clone() })
        }
        Desired::Known(_) | Desired::Unknown { .. } => None,
    }
}

/// Returns the claims of a Webhook of another object. `identity` is that of the account at the vendor.
fn peer(webhook: &Arc<Webhook>, identity: &str, ledger: Option<&Ledger>) -> Peer {
    // Ids that were recorded for another account at the vendor say nothing about this one.
    let is_here = |status: &&WebhookStatus| {
        status.account.as_ref().is_none_or(|recorded| recorded.eq_ignore_ascii_case(identity))
    };
    let status = webhook.status.as_ref().filter(is_here);
    let (meta, uid) = (&webhook.metadata, webhook.metadata.uid.as_deref().unwrap_or_default());
    let write = ledger.and_then(|ledger| ledger.writes.get(uid));
    let wants = ledger.and_then(|ledger| ledger.wants.get(uid));
    let wants = wants.filter(|(generation, _)| *generation == meta.generation);
    let recorded = ExternalId::valid(status.and_then(|status| status.external_id.as_ref()));
    let mut holds: Vec<_> = write.iter().flat_map(|write| &write.ids).cloned().collect();
    holds.extend(recorded);
    let pending = |pending: &Pending| PeerCreate {
        fingerprint: pending.digest.clone(),
        preexisting: ExternalId::valid(&pending.beside).collect(),
    };
    Peer {
        rival: Rival { webhook: ObjectKey::of(&**webhook), account: webhook.account() },
        created: meta.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second()),
        guest: webhook.is_guest(),
        deleting: meta.deletion_timestamp.is_some(),
        holds,
        superseded: ExternalId::valid(status.iter().flat_map(|status| &status.superseded)).collect(),
        pending: status.and_then(|status| status.pending.as_ref()).map(pending),
        applied: status.and_then(|status| status.last_applied.as_ref()).map(|last| last.digest.clone()),
        written: write.and_then(|write| write.content.clone()),
        unanswered: write.is_some_and(|write| !write.answered),
        wants: wants.filter(|_| meta.deletion_timestamp.is_none()).map(|(_, wants)| wants.clone()),
    }
}

/// Whether two states of a Webhook claim the same.
pub(crate) fn same_claims(one: &Webhook, other: &Webhook) -> bool {
    static NONE: LazyLock<WebhookStatus> = LazyLock::new(WebhookStatus::default);
    let meta = [one, other].map(|webhook| {
        let meta = &webhook.metadata;
        (&meta.uid, meta.generation, meta.deletion_timestamp.is_some())
    });
    let status = [one, other].map(|webhook| {
        let status = webhook.status.as_ref().unwrap_or(&NONE);
        let applied = status.last_applied.as_ref().map(|last| &last.digest);
        (&status.account, &status.external_id, &status.superseded, &status.pending, applied)
    });
    meta[0] == meta[1] && status[0] == status[1]
}

#[cfg(test)]
mod tests;
