//! What is kept of one account from pass to pass: our own writes until the cache shows them, what the vendor refused,
//! how long to wait, and the client.

use super::client::Kept;
use super::clock;
use super::entry::{Asked, Entry, version};
use super::outcome::Trouble;
use crate::api::status::Pending;
use crate::api::{VendorAccount, Webhook};
use crate::plan::{Document, ExternalId, Observed};
use crate::vendor::{Class, VendorError};
use kube::ResourceExt;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What became due while a pass ran is looked at so soon after it.
const OVERTAKEN: Duration = Duration::from_millis(100);
/// The back-off of an account in error grows to this.
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// What a vendor refused is tried again this seldom, unless it changes or is asked for.
const SLOW_RETRY: Duration = Duration::from_secs(3600);

struct Refused {
    mark: u64,
    until: Instant,
    error: VendorError,
}

struct Strain {
    generation: Option<i64>,
    failures: u32,
    until: Instant,
    error: VendorError,
}

/// A subscription that the vendor had stopped by itself is started again at once, then after this long,
const REVIVAL: Duration = Duration::from_secs(300);
/// growing to this.
const LONGEST_REVIVAL: Duration = Duration::from_secs(6 * 3600);

/// Deletions that come within this of one another are judged together,
const TOGETHER: Duration = Duration::from_secs(1);
/// but none waits longer than this for others.
const LONGEST_TOGETHER: Duration = Duration::from_secs(10);
/// Those of so long ago still count when more come.
const LATELY: Duration = Duration::from_secs(600);

/// Tries to start one again that the vendor had stopped by itself.
struct Revival {
    tries: u32,
    /// When the next try is due.
    until: Instant,
    /// What the vendor said when it refused the last one.
    refused: Option<String>,
}

/// Why an account waits.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    pub(super) until: Instant,
    pub(super) kind: WaitKind,
}

/// What cuts a wait short.
#[derive(Clone, Debug)]
pub(super) enum WaitKind {
    /// Any change.
    BackOff,
    /// Nothing: it is our own pace, and short, or a second reading of a list.
    Pause,
    /// The vendor asked for it, and nothing cuts it short but an edit of the account: a wrong address may have asked.
    /// What it said is told to whoever comes meanwhile.
    AskedFor {
        /// The account's generation then.
        by: Option<i64>,
        trouble: Trouble,
    },
}

/// Everything that a pass went by beside the vendor, as marks. Who asks is compared with what the pass acted on, what is
/// written with what it left behind: so our own writes wake nobody, and nothing that people do meanwhile is lost.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) account: Option<u64>,
    /// By uid: what was asked, and what was written.
    pub(super) webhooks: HashMap<String, (u64, u64)>,
}

/// A list that is not believed before a second reading agrees.
pub(super) struct Doubt {
    /// What it lacks.
    pub(super) missing: BTreeSet<ExternalId>,
    pub(super) since: Instant,
}

/// What the vendor has, and when it was read.
pub(super) struct Snapshot {
    pub(super) observed: Vec<Observed>,
    pub(super) read: Instant,
}

/// How long a create without an answer may still come true.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    /// The longest that a request can be running.
    pub request: Duration,
    /// How long a vendor may take to commit what it took in.
    pub settle: Duration,
}

/// What is kept of one account.
pub struct Memory {
    pub(super) entries: HashMap<String, Entry>,
    /// The account as our own last write to it gave it back.
    account: Option<Arc<VendorAccount>>,
    /// Webhooks that were let go, until the cache has forgotten them.
    gone: HashSet<String>,
    pub(super) client: Kept,
    /// What the vendor has, with our own writes since; for going on after a slice.
    pub(super) snapshot: Option<Snapshot>,
    /// The last list, if it was not believed.
    pub(super) doubt: Option<Doubt>,
    /// The Webhooks that are being deleted, and since when it is these; and when the first of them came.
    leaving: Option<(BTreeSet<String>, Instant, Instant)>,
    /// When subscriptions were deleted that nobody had to allow.
    deleted: VecDeque<Instant>,
    /// Recorded ids that are gone beyond doubt.
    pub(super) believed: HashSet<ExternalId>,
    /// Everything that the last pass went by.
    pub(super) seen: Seen,
    pub(super) past: Past,
}

/// What happened before, and what follows from it.
pub(super) struct Past {
    refused: HashMap<String, Refused>,
    in_sync: HashMap<String, u64>,
    /// Webhooks whose last write the vendor did not answer, or did not take for the moment.
    strained: HashMap<String, Strain>,
    /// When a request whose outcome is unknown came to its end.
    ended: HashMap<String, Instant>,
    revived: HashMap<String, Revival>,
    /// What the creates without an answer sent.
    sent: HashMap<String, Document>,
    failures: u32,
    pub(super) wait: Option<Wait>,
    /// When the next pass is due by itself.
    pub(super) due: Option<Instant>,
    /// How many times in a row a version had moved.
    pub(super) outdated: u32,
    patience: Patience,
    /// When the last pass began.
    pub(super) begun: Instant,
    /// When this process began to look after the account: whoever did so before it has ended by then.
    born: Instant,
    hasher: RandomState,
}

impl Memory {
    /// Nothing is known yet.
    pub fn new(patience: Patience) -> Self {
        Self {
            entries: HashMap::new(),
            account: None,
            gone: HashSet::new(),
            client: Kept::default(),
            snapshot: None,
            doubt: None,
            leaving: None,
            deleted: VecDeque::new(),
            believed: HashSet::new(),
            seen: Seen::default(),
            past: Past {
                refused: HashMap::new(),
                in_sync: HashMap::new(),
                strained: HashMap::new(),
                ended: HashMap::new(),
                revived: HashMap::new(),
                sent: HashMap::new(),
                failures: 0,
                wait: None,
                due: None,
                outdated: 0,
                patience,
                begun: clock::now(),
                born: clock::now(),
                hasher: RandomState::new(),
            },
        }
    }

    /// Another account under the same name is another account: nothing that is known holds for it.
    pub(super) fn is_of(&mut self, account: &VendorAccount) {
        if self.account.as_ref().is_some_and(|known| known.uid() != account.uid()) {
            *self = Self::new(self.past.patience);
        }
    }

    /// The newer one of the account that the cache shows and the one that we wrote.
    pub(super) fn newest(&self, cached: Arc<VendorAccount>) -> Arc<VendorAccount> {
        match &self.account {
            Some(ours) if ours.uid() == cached.uid() && version(&**ours) > version(&*cached) => {
                Arc::clone(ours)
            }
            _ => cached,
        }
    }

    /// Keeps the account as our own last write gave it back.
    pub(super) fn wrote(&mut self, account: &Arc<VendorAccount>) {
        self.account = Some(Arc::clone(account));
    }

    /// Takes in what the cache shows; gives the uids of the account's Webhooks.
    pub(super) fn refresh(&mut self, cached: &[Arc<Webhook>]) -> Vec<String> {
        let mut uids = Vec::with_capacity(cached.len());
        let mut shown = HashSet::with_capacity(cached.len());
        for webhook in cached {
            let Some(uid) = webhook.uid() else { continue };
            shown.insert(uid.clone());
            if self.gone.contains(&uid) {
                continue;
            }
            let entry = self
                .entries
                .entry(uid.clone())
                .and_modify(|entry| entry.refresh(webhook))
                .or_insert_with(|| Entry::new(uid.clone(), Webhook::clone(webhook)));
            entry.asked = Asked::of(&entry.known);
            // One that is being deleted and was never ours goes by itself.
            if entry.known.metadata.deletion_timestamp.is_none() || entry.is_held() {
                uids.push(uid);
            }
        }
        self.gone.retain(|uid| shown.contains(uid));
        self.entries.retain(|uid, _| shown.contains(uid));
        self.past.retain(|uid| shown.contains(uid));
        uids
    }

    /// Whether a list that lacks these has to be read again: how long from now; none if this is the second reading that
    /// agrees with the first.
    pub(super) fn doubts(&mut self, missing: BTreeSet<ExternalId>) -> Option<Duration> {
        let now = clock::now();
        let agrees = |doubt: &&Doubt| missing.is_subset(&doubt.missing);
        let Some(doubt) = self.doubt.as_ref().filter(agrees) else {
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

    /// Deletions come one after the other, and are judged together: how long to wait for more of them.
    pub(super) fn gathers(&mut self, leaving: BTreeSet<String>) -> Option<Duration> {
        let now = clock::now();
        if leaving.is_empty() {
            self.leaving = None;
            return None;
        }
        let (since, first) = match &self.leaving {
            Some((known, since, first)) if leaving.is_subset(known) => (*since, *first),
            Some((_, _, first)) => (now, *first),
            None => (now, now),
        };
        let until = (since + TOGETHER).min(first + LONGEST_TOGETHER);
        self.leaving = Some((leaving, since, first));
        until.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// A subscription was deleted that nobody had to allow.
    pub(super) fn deleted(&mut self) {
        self.deleted.push_back(clock::now());
    }

    /// How many went like that lately.
    pub(super) fn lately_deleted(&mut self) -> usize {
        while self.deleted.front().is_some_and(|at| clock::since(*at) > LATELY) {
            self.deleted.pop_front();
        }
        self.deleted.len()
    }

    /// A list that shows most of what is recorded.
    pub(super) fn trusts(&mut self, observed: &[Observed]) {
        self.doubt = None;
        if !self.believed.is_empty() {
            let recorded: HashSet<_> =
                self.entries.values().filter_map(|entry| entry.status.external_id.as_deref()).collect();
            let there: HashSet<_> = observed.iter().map(|one| &one.id).collect();
            self.believed.retain(|id| recorded.contains(id.as_str()) && !there.contains(id));
        }
    }

    /// The Webhook was let go.
    pub(super) fn forget(&mut self, uid: &str) {
        self.entries.remove(uid);
        self.gone.insert(uid.to_owned());
    }
}

impl Past {
    fn retain(&mut self, keep: impl Fn(&String) -> bool) {
        self.in_sync.retain(|uid, _| keep(uid));
        self.refused.retain(|uid, _| keep(uid));
        self.strained.retain(|uid, _| keep(uid));
        self.ended.retain(|uid, _| keep(uid));
        self.revived.retain(|uid, _| keep(uid));
        self.sent.retain(|uid, _| keep(uid));
    }

    /// A mark of a document, secrets included: it tells that a value changed without keeping the value, and is good
    /// within this process only.
    pub(super) fn mark(&self, document: &Document) -> u64 {
        let mut state = self.hasher.build_hasher();
        for (name, value) in document.iter() {
            name.hash(&mut state);
            value.exposed().to_string().hash(&mut state);
        }
        state.finish()
    }

    /// A mark of anything, good within this process.
    pub(super) fn mark_of(&self, what: impl Hash) -> u64 {
        self.hasher.hash_one(what)
    }

    /// The mark of what was in sync last.
    pub(super) fn in_sync_mark(&self, uid: &str) -> Option<u64> {
        self.in_sync.get(uid).copied()
    }

    /// The vendor has it as declared.
    pub(super) fn in_sync(&mut self, uid: &str, document: &Document) {
        self.in_sync.insert(uid.to_owned(), self.mark(document));
        self.refused.remove(uid);
        self.strained.remove(uid);
        self.ended.remove(uid);
        self.sent.remove(uid);
    }

    /// A write of this Webhook failed, and may be that Webhook's own fault: it alone backs off, and is the first to.
    pub(super) fn strain(&mut self, entry: &Entry, error: &VendorError) {
        if error.class != Class::Unavailable {
            return;
        }
        let failures = self.strained.get(&entry.uid).map_or(0, |strain| strain.failures);
        let strain = Strain {
            generation: entry.asked.generation,
            failures: failures.saturating_add(1),
            until: clock::now() + backed_off(failures),
            error: error.clone(),
        };
        self.strained.insert(entry.uid.clone(), strain);
    }

    /// The error that this Webhook still backs off from. An edit cuts it short.
    pub(super) fn strained(&self, entry: &Entry) -> Option<&VendorError> {
        let strain = self.strained.get(&entry.uid)?;
        let unchanged = strain.generation == entry.asked.generation;
        (unchanged && clock::now() < strain.until).then_some(&strain.error)
    }

    /// How long until this Webhook may be tried again, if it backed off when the last pass began.
    pub(super) fn until_rested(&self, uid: &str) -> Option<Duration> {
        self.still_to_come(self.strained.get(uid)?.until)
    }

    /// How long until then. What has come while the last pass ran, which may have passed it over, is looked at soon.
    fn still_to_come(&self, until: Instant) -> Option<Duration> {
        let left = until.saturating_duration_since(clock::now());
        (until > self.begun).then_some(left.max(OVERTAKEN))
    }

    /// The vendor refused it.
    pub(super) fn refuse(&mut self, uid: &str, document: &Document, error: VendorError) {
        let refused = Refused { mark: self.mark(document), until: clock::now() + SLOW_RETRY, error };
        self.refused.insert(uid.to_owned(), refused);
    }

    /// What the vendor said when it refused just this, if it is too early to ask again.
    pub(super) fn refused(&self, uid: &str, document: &Document) -> Option<&VendorError> {
        let refused = self.refused.get(uid)?;
        (refused.mark == self.mark(document) && clock::now() < refused.until).then_some(&refused.error)
    }

    /// A person asked for another try.
    pub(super) fn try_again(&mut self, uid: &str) {
        self.refused.remove(uid);
        self.strained.remove(uid);
        if let Some(revival) = self.revived.get_mut(uid) {
            revival.until = clock::now();
        }
    }

    /// Whether it is time to start one again that the vendor has stopped by itself.
    pub(super) fn may_revive(&self, uid: &str) -> bool {
        self.revived.get(uid).is_none_or(|revival| revival.until <= clock::now())
    }

    /// How long until that time, if it was still to come when the last pass began.
    pub(super) fn until_revival(&self, uid: &str) -> Option<Duration> {
        self.still_to_come(self.revived.get(uid)?.until)
    }

    /// One was started again, or the vendor refused that.
    pub(super) fn revived(&mut self, uid: &str, refused: Option<String>) {
        let tries = self.revived.get(uid).map_or(0, |revival| revival.tries);
        let wait = (REVIVAL * 2_u32.saturating_pow(tries.min(16))).min(LONGEST_REVIVAL);
        let revival = Revival { tries: tries.saturating_add(1), until: clock::now() + wait, refused };
        self.revived.insert(uid.to_owned(), revival);
    }

    /// What the vendor said when it refused to start one again.
    pub(super) fn revival_refused(&self, uid: &str) -> Option<&str> {
        self.revived.get(uid)?.refused.as_deref()
    }

    /// The vendor delivers: once it has done so for a while, the next stop is the first again.
    pub(super) fn delivers(&mut self, uid: &str) {
        if self.may_revive(uid) {
            self.revived.remove(uid);
        }
    }

    /// A create came to its end and nobody knows whether it was done.
    pub(super) fn unanswered(&mut self, uid: &str, sent: &Document) {
        self.ended.insert(uid.to_owned(), clock::now());
        self.sent.insert(uid.to_owned(), sent.clone());
    }

    /// What the create without an answer sent, if this process sent it.
    pub(super) fn sent(&self, uid: &str) -> Option<&Document> {
        self.sent.get(uid)
    }

    /// Whether the vendor can no longer be working on the create: a settling time after it ended, or, where another
    /// process sent it, after it could last have been running and after that process was gone.
    pub(super) fn settled(&self, uid: &str, pending: &Pending) -> bool {
        self.until_settled(uid, pending).is_zero()
    }

    /// How long until it is settled.
    pub(super) fn until_settled(&self, uid: &str, pending: &Pending) -> Duration {
        if let Some(ended) = self.ended.get(uid) {
            return self.patience.settle.saturating_sub(clock::since(*ended));
        }
        let since = clock::timestamp().duration_since(pending.since.0);
        // A clock that went backwards must not shorten the wait.
        let since = Duration::try_from(since).unwrap_or_default();
        let by_the_intent = (self.patience.request + self.patience.settle).saturating_sub(since);
        // A login or a refused token may have come between the intent and the request.
        by_the_intent.max(self.patience.settle.saturating_sub(clock::since(self.born)))
    }

    /// The account failed once more: how long to wait before it is tried by itself.
    pub(super) fn back_off(&mut self) -> Duration {
        let wait = backed_off(self.failures);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// The account is well.
    pub(super) fn recovered(&mut self) {
        self.failures = 0;
        self.wait = None;
    }
}

/// The wait after so many failures before: doubled from a second up, with jitter.
fn backed_off(failures: u32) -> Duration {
    let doubled = Duration::from_secs(1) * 2_u32.saturating_pow(failures.min(16));
    // Jitter downwards only, so that the documented longest wait holds.
    clock::jittered(doubled.min(LONGEST_BACKOFF), 0.75..=1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let mut memory = Memory::new(Patience::default());
        memory.refresh(&[Arc::new(webhook("5", None))]);
        // Our own write gave version 9 with the id.
        memory.entries.insert("u".into(), Entry::new("u".into(), webhook("9", Some("7"))));
        memory.refresh(&[Arc::new(webhook("5", None))]);
        assert_eq!(memory.entries["u"].status.external_id.as_deref(), Some("7"), "the cache is older");
        memory.refresh(&[Arc::new(webhook("10", None))]);
        assert_eq!(memory.entries["u"].status.external_id, None, "the cache is newer: somebody wiped it");
    }

    #[test]
    fn an_id_that_could_not_be_written_outlives_a_newer_cache() {
        let mut memory = Memory::new(Patience::default());
        memory.refresh(&[Arc::new(webhook("5", None))]);
        memory.entries.get_mut("u").unwrap().status.external_id = Some("7".into());
        memory.refresh(&[Arc::new(webhook("6", None))]);
        assert_eq!(memory.entries["u"].status.external_id.as_deref(), Some("7"));
    }

    #[test]
    fn what_was_let_go_stays_gone_while_the_cache_still_shows_it() {
        let mut memory = Memory::new(Patience::default());
        assert_eq!(memory.refresh(&[Arc::new(webhook("5", None))]), ["u"]);
        memory.forget("u");
        assert!(memory.refresh(&[Arc::new(webhook("5", None))]).is_empty());
        memory.refresh(&[]);
        assert!(memory.gone.is_empty());
    }

    #[test]
    fn what_becomes_due_while_a_pass_runs_is_not_left_to_the_next_resync() {
        let mut past = Memory::new(Patience::default()).past;
        let (before, now) = (past.begun, Instant::now());
        assert_eq!(past.still_to_come(before), None, "the pass had its turn");
        past.begun = now;
        assert!(past.still_to_come(now + Duration::from_secs(9)).unwrap() > Duration::from_secs(8));
        let while_it_ran = now + Duration::from_nanos(1);
        assert_eq!(past.still_to_come(while_it_ran), Some(OVERTAKEN));
        assert_eq!(past.still_to_come(now), None);
    }

    #[test]
    fn back_off_grows_to_five_minutes() {
        let mut memory = Memory::new(Patience::default()).past;
        let waits: Vec<_> = (0..12).map(|_| memory.back_off()).collect();
        assert!(waits[0] <= Duration::from_secs(1) && waits[0] >= Duration::from_millis(750));
        assert!(waits[11] <= LONGEST_BACKOFF && waits[11] >= LONGEST_BACKOFF / 2);
        memory.recovered();
        assert!(memory.back_off() <= Duration::from_secs(1));
    }
}
