//! What is kept of one account from pass to pass: our own writes until the cache shows them, the client, what the vendor
//! has, and what happened before.

use crate::api::conditions::{self, READY, RECONCILING};
use crate::api::{FINALIZER, ObjectKey, VendorAccount, Webhook};
use crate::engine::client::ClientCache;
use crate::engine::clock;
use crate::engine::limiter::QueueTime;
use crate::engine::state::deletions::Deletions;
use crate::engine::state::observed::ObservedIndex;
use crate::engine::state::pace::Pace;
use crate::engine::state::peers::Peers;
use crate::engine::state::refusals::Refusals;
use crate::engine::state::retry::{GracePeriod, Past};
use crate::engine::state::status_retry::StatusRetry;
use crate::engine::state::unread::UnreadObjects;
use crate::engine::state::webhook::{Requested, WebhookState, version};
use crate::plan::{Declared, ExternalId, Observed, Unreadable};
use kube::ResourceExt;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// After a pass that came to its end its list is good for edits for so long.
const KEPT: Duration = Duration::from_secs(2);

/// Everything that a pass went by beside the vendor, as marks. Who asks is compared with what the pass acted on, what is
/// written with what it left behind: so our own writes wake nobody, and nothing that people do meanwhile is lost.
#[derive(Default)]
pub(crate) struct LastPass {
    pub(crate) account: Option<u64>,
    /// Of the account's request.
    pub(crate) request: Option<u64>,
    /// How many Webhooks; each has its own marks.
    pub(crate) webhooks: Counts,
    /// Of the values of Secrets and ConfigMaps.
    pub(crate) values: Option<ValueMarks>,
}

/// How many Webhooks an account has.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) own: usize,
    pub(crate) guests: usize,
}

/// Fingerprints of values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueMarks {
    /// Those that the account and the Webhooks of its namespace name.
    pub(crate) own: u64,
    /// Those that guests name.
    pub(crate) guests: u64,
}

/// A list that is not believed before a second reading agrees.
pub(crate) struct Doubt {
    /// What it lacks.
    pub(crate) missing: BTreeSet<ExternalId>,
    pub(crate) since: Instant,
}

/// What the vendor has, and when it was read.
pub(crate) struct Snapshot {
    pub(crate) observed: ObservedIndex,
    pub(crate) read: Instant,
    /// When the pass that read it came to its end. It is kept for edits then, and no more for going on.
    pub(crate) ended: Option<Instant>,
}

/// How a Webhook stands, as its conditions say.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Which Webhook it is.
    pub(crate) webhook: ObjectKey,
    /// Whether the vendor has it as declared.
    pub(crate) ready: bool,
    /// Whether it is still worked on.
    pub(crate) reconciling: bool,
    /// One word.
    pub(crate) reason: String,
    /// What is so, and what to do.
    pub(crate) message: String,
}

impl Standing {
    fn of(entry: &WebhookState) -> Self {
        let conditions = &entry.status.conditions;
        let ready = conditions::get(conditions, READY);
        Self {
            webhook: ObjectKey::of(&*entry.object),
            ready: conditions::is_true(conditions, READY),
            // No pass has come to it yet.
            reconciling: ready.is_none() || conditions::is_true(conditions, RECONCILING),
            reason: ready.map_or_else(|| "Waiting".into(), |ready| ready.reason.clone()),
            message: ready.map_or_else(|| "it was not begun".into(), |ready| ready.message.clone()),
        }
    }
}

/// What is kept of one account.
pub(crate) struct AccountState {
    pub(crate) entries: HashMap<String, WebhookState>,
    /// The account as our own last write to it gave it back.
    account: Option<Arc<VendorAccount>>,
    /// Webhooks that were let go, until the cache has forgotten them.
    gone: HashSet<String>,
    pub(crate) client: ClientCache,
    /// What the vendor has, with our own writes since; for going on after a slice, or for edits.
    pub(crate) snapshot: Option<Snapshot>,
    /// The last list, if it was not believed.
    pub(crate) doubt: Option<Doubt>,
    /// What the deletion guard goes by.
    pub(crate) deletions: Deletions,
    /// Webhooks with a subscription that the account does not allow any more.
    pub(crate) not_allowed: Vec<ObjectKey>,
    /// Recorded ids that are gone beyond doubt.
    pub(crate) believed: HashSet<ExternalId>,
    /// The fingerprints of the values that the pass under way goes by.
    pub(crate) values: Option<ValueMarks>,
    /// How often passes may be asked for.
    pub(crate) pace: Pace,
    /// Whether a Secret or ConfigMap has changed since the last pass, which has waited for that pace.
    pub(crate) dependency_changed: bool,
    /// Everything that the last pass went by.
    pub(crate) seen: LastPass,
    pub(crate) past: Past,
    /// Whether the vendor took long for its last list.
    pub(crate) slow: bool,
    /// How long passes have waited for permits.
    pub(crate) queue: Arc<QueueTime>,
    /// What the cluster did not take of what people are to be told.
    pub(crate) untold: StatusRetry,
    /// Webhooks that the API server refuses to write.
    pub(crate) refusals: Refusals,
    /// What the API server said last when it refused the account's own status.
    pub(crate) account_refused: Option<String>,
    /// Secrets and ConfigMaps that could not be read.
    pub(crate) unread: UnreadObjects,
    pub(crate) peers: Arc<Peers>,
}

impl AccountState {
    /// Nothing is known yet.
    pub(crate) fn new(patience: GracePeriod) -> Self {
        Self {
            entries: HashMap::new(),
            account: None,
            gone: HashSet::new(),
            client: ClientCache::default(),
            snapshot: None,
            doubt: None,
            deletions: Deletions::default(),
            not_allowed: Vec::new(),
            believed: HashSet::new(),
            values: None,
            pace: Pace::default(),
            dependency_changed: false,
            seen: LastPass::default(),
            past: Past::new(patience),
            slow: false,
            queue: Arc::default(),
            untold: StatusRetry::default(),
            refusals: Refusals::default(),
            account_refused: None,
            unread: UnreadObjects::default(),
            peers: Arc::default(),
        }
    }

    /// The same, for an account at whose vendor account other VendorAccount objects may point too.
    #[must_use]
    pub(crate) fn beside(mut self, peers: Arc<Peers>) -> Self {
        self.peers = peers;
        self
    }

    /// Another account under the same name is another account: nothing that is known holds for it.
    pub(crate) fn is_of(&mut self, account: &VendorAccount) {
        if self.account.as_ref().is_some_and(|known| known.uid() != account.uid()) {
            *self = Self::new(self.past.patience).beside(Arc::clone(&self.peers));
        }
    }

    /// The newer one of the account that the cache shows and the one that we wrote.
    pub(crate) fn newest(&self, cached: Arc<VendorAccount>) -> Arc<VendorAccount> {
        match &self.account {
            Some(ours) if ours.uid() == cached.uid() && version(&**ours) > version(&*cached) => {
                Arc::clone(ours)
            }
            _ => cached,
        }
    }

    /// Takes note of the Webhooks with a subscription among those that the account does not allow.
    pub(crate) fn does_not_allow(&mut self, webhooks: &[Arc<Webhook>]) {
        let held =
            webhooks.iter().filter(|webhook| webhook.finalizers().iter().any(|name| name == FINALIZER));
        self.not_allowed = held.map(|webhook| ObjectKey::of(&**webhook)).collect();
        self.not_allowed.sort();
    }

    /// Keeps the account as our own last write gave it back.
    pub(crate) fn wrote(&mut self, account: &Arc<VendorAccount>) {
        self.account = Some(Arc::clone(account));
    }

    /// Takes in what the cache shows; gives the uids of the account's Webhooks.
    pub(crate) fn refresh(&mut self, cached: &[Arc<Webhook>]) -> Vec<String> {
        let mut uids = Vec::with_capacity(cached.len());
        let mut shown = HashSet::with_capacity(cached.len());
        for webhook in cached {
            let Some(uid) = &webhook.metadata.uid else { continue };
            shown.insert(uid.as_str());
            if self.gone.contains(uid) {
                continue;
            }
            let entry = match self.entries.get_mut(uid) {
                Some(entry) => {
                    entry.refresh(webhook);
                    entry
                }
                None => self
                    .entries
                    .entry(uid.clone())
                    .or_insert_with(|| WebhookState::new(uid.clone(), Arc::clone(webhook))),
            };
            entry.requested = Requested::of(&entry.object);
            self.past.meet(uid, &entry.status);
            // One that is being deleted and was never ours goes by itself.
            if entry.object.metadata.deletion_timestamp.is_none() || entry.has_finalizer() {
                uids.push(uid.clone());
            }
        }
        self.gone.retain(|uid| shown.contains(uid.as_str()));
        self.entries.retain(|uid, _| shown.contains(uid.as_str()));
        self.past.retain(|uid| shown.contains(uid.as_str()));
        self.refusals.retain(|uid| shown.contains(uid.as_str()));
        uids
    }

    /// Whether a create that was not answered has settled since then: a list from before it settled may not show what it
    /// made, and who goes by that makes another one.
    pub(crate) fn settled_since(&self, then: Instant) -> bool {
        let pending =
            self.entries.iter().filter_map(|(uid, entry)| Some((uid, entry.status.pending.as_ref()?)));
        pending
            .filter_map(|(uid, pending)| self.past.settled_for(uid, pending))
            .any(|settled| settled < clock::since(then))
    }

    /// Whether a list that lacks these has to be read again: how long from now; none if this is the second reading that
    /// agrees with the first. Of what is `fresh` a first reading says nothing: a list that lags lacks it as well.
    pub(crate) fn doubts(
        &mut self,
        missing: BTreeSet<ExternalId>,
        fresh: &HashSet<&ExternalId>,
    ) -> Option<Duration> {
        let now = clock::now();
        let agrees = |doubt: &&Doubt| missing.is_subset(&doubt.missing);
        let Some(doubt) = self.doubt.as_ref().filter(agrees) else {
            let missing = missing.into_iter().filter(|id| !fresh.contains(id)).collect();
            self.doubt = Some(Doubt { missing, since: now });
            return Some(self.past.patience.settle);
        };
        let left = self.past.patience.settle.saturating_sub(now - doubt.since);
        if !left.is_zero() {
            return Some(left);
        }
        self.doubt = None;
        self.believed.extend(missing);
        None
    }

    /// A list that shows most of what is recorded, with the ids in it.
    pub(crate) fn trusts(&mut self, declared: &[Declared], there: &HashSet<&ExternalId>) {
        self.doubt = None;
        if !self.believed.is_empty() {
            let known: HashSet<_> = declared.iter().flat_map(Declared::known_ids).collect();
            self.believed.retain(|id| known.contains(id) && !there.contains(id));
        }
    }

    /// What the vendor has, as it was read last; none where it could not be read.
    pub(crate) fn observed(&self) -> Option<&[Observed]> {
        self.snapshot.as_ref().map(|snapshot| snapshot.observed.all())
    }

    /// The items of the vendor's list that could not be read.
    pub(crate) fn unreadable(&self) -> &[Unreadable] {
        self.snapshot.as_ref().map_or(&[], |snapshot| snapshot.observed.unreadable())
    }

    /// How long passes have waited for permits, as it goes on.
    pub(crate) fn queue(&self) -> Arc<QueueTime> {
        Arc::clone(&self.queue)
    }

    /// Whether there is more to do by what is known of the vendor.
    pub(crate) fn goes_on(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.ended.is_none())
    }

    /// There is more to do by what is known of the vendor.
    pub(crate) fn will_go_on(&mut self) {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.ended = None;
        }
    }

    /// The pass came to its end: what is known of the vendor is good for edits for a moment. Should this be the pass over
    /// such an edit, that moment is not made longer.
    pub(crate) fn keep_for_edits(&mut self) {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.ended.get_or_insert_with(clock::now);
        }
    }

    /// For how much longer what is known of the vendor is kept for edits, if it is.
    pub(crate) fn kept_for(&self) -> Option<Duration> {
        let ended = self.snapshot.as_ref()?.ended?;
        Some(KEPT.saturating_sub(clock::since(ended)))
    }

    /// What was kept for edits is old.
    pub(crate) fn forget_kept(&mut self) {
        self.snapshot.take_if(|snapshot| snapshot.ended.is_some());
    }

    /// Gives back the memory of a long list that is not needed soon, which other accounts may wait for.
    pub(crate) fn forget_long_list(&mut self, next_pass: Duration) {
        const LONG: usize = 512 << 10;
        const SOON: Duration = Duration::from_secs(5);
        // One that is kept for edits goes in a moment anyway.
        let is_kept = |snapshot: &Snapshot| snapshot.ended.is_none() && snapshot.observed.size() > LONG;
        self.snapshot.take_if(|snapshot| next_pass > SOON && is_kept(snapshot));
    }

    /// The vendor is read again before anything is decided.
    pub(crate) fn look_again(&mut self) {
        self.snapshot = None;
    }

    /// How each Webhook stands after the last pass, in the order of their names.
    pub(crate) fn standing(&self) -> Vec<Standing> {
        let mut all: Vec<_> = self.entries.values().map(Standing::of).collect();
        all.sort_by(|a, b| a.webhook.cmp(&b.webhook));
        all
    }

    /// The Webhook was let go.
    pub(crate) fn forget(&mut self, uid: &str) {
        self.entries.remove(uid);
        self.gone.insert(uid.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::effect::Effect;
    use serde_json::json;

    fn webhook(version: &str, id: Option<&str>) -> Webhook {
        serde_json::from_value(json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
            "metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": version},
            "spec": {"accountRef": {"name": "acc"}, "subscription": {"superoffice":
                {"name": "a", "events": ["contact.created"], "targetUrl": "https://h"}}},
            "status": {"externalId": id},
        }))
        .unwrap()
    }

    #[test]
    fn a_cache_that_lags_never_takes_back_what_we_wrote() {
        let mut memory = AccountState::new(GracePeriod::default());
        memory.refresh(&[Arc::new(webhook("5", None))]);
        // Our own write gave version 9 with the id.
        memory.entries.insert("u".into(), WebhookState::new("u".into(), Arc::new(webhook("9", Some("7")))));
        memory.refresh(&[Arc::new(webhook("5", None))]);
        assert_eq!(memory.entries["u"].status.external_id.as_deref(), Some("7"), "the cache is older");
        memory.refresh(&[Arc::new(webhook("10", None))]);
        assert_eq!(memory.entries["u"].status.external_id, None, "the cache is newer: somebody wiped it");
    }

    #[test]
    fn an_id_that_could_not_be_written_outlives_a_newer_cache() {
        let mut memory = AccountState::new(GracePeriod::default());
        memory.refresh(&[Arc::new(webhook("5", None))]);
        let created = Effect::Created {
            id: "7".into(),
            account: "superoffice/Cust1".into(),
            intent: serde_json::from_value(json!({
                "action": "Create", "since": "2026-01-01T00:00:00Z", "digest": "mine",
            }))
            .unwrap(),
            before: None,
        };
        let entry = memory.entries.get_mut("u").unwrap();
        entry.status.last_handled_request = Some("of an older object".into());
        entry.note(created);
        memory.refresh(&[Arc::new(webhook("6", None))]);
        assert_eq!(memory.entries["u"].status.external_id.as_deref(), Some("7"));
        assert_eq!(memory.entries["u"].status.last_handled_request, None, "the rest is made again");
    }

    #[test]
    fn what_was_let_go_stays_gone_while_the_cache_still_shows_it() {
        let mut memory = AccountState::new(GracePeriod::default());
        assert_eq!(memory.refresh(&[Arc::new(webhook("5", None))]), ["u"]);
        memory.forget("u");
        assert!(memory.refresh(&[Arc::new(webhook("5", None))]).is_empty());
        memory.refresh(&[]);
        assert!(memory.gone.is_empty());
    }
}
