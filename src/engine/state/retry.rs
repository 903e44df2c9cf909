//! What happened before on one account, and what follows from it: how long to wait for what, what not to ask for again.

use crate::api::status::{Pending, WebhookStatus};
use crate::engine::clock;
use crate::engine::state::corrections::Corrections;
use crate::engine::state::spellings::Spellings;
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::webhook::AccountError;
use crate::plan::Document;
use crate::vendor::{self, Class, VendorError};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::{Duration, Instant};

/// What became due while a pass ran is looked at so soon after it.
const OVERTAKEN: Duration = Duration::from_millis(100);
/// The back-off of an account in error grows to this.
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// What a vendor refused is tried again this seldom, unless it changes or is asked for.
const SLOW_RETRY: Duration = Duration::from_secs(3600);

/// A subscription that the vendor had stopped by itself is started again at once, then after this long,
const REVIVAL: Duration = Duration::from_secs(300);
/// growing to this.
const LONGEST_REVIVAL: Duration = Duration::from_secs(6 * 3600);

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

/// A create that this process sent and that ended with an unknown outcome.
struct LostCreate {
    intent: Pending,
    ended: Instant,
    sent: Document,
}

/// Marks of what is known of a Webhook.
#[derive(Clone, Copy, Default)]
struct Known {
    /// The document that the vendor had when it was last in sync.
    in_sync: Option<u64>,
    /// What its status speaks of, and since when this process has known it.
    id: Option<(u64, Instant)>,
    pending: Option<(u64, Instant)>,
}

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
pub(crate) struct Wait {
    pub(crate) until: Instant,
    pub(crate) kind: WaitKind,
}

/// What cuts a wait short.
#[derive(Clone, Debug)]
pub(crate) enum WaitKind {
    /// Any change.
    BackOff,
    /// Nothing: it is our own pace, and short, or a second reading of a list.
    Pause,
    /// The vendor asked for it, and nothing cuts it short but an edit of the account: a wrong address may have asked.
    /// What it said is told to whoever comes meanwhile.
    AskedFor {
        /// The account's generation then.
        by: Option<i64>,
        trouble: AccountError,
    },
}

/// How long a create without an answer may still come true.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GracePeriod {
    /// The longest that a request can be running.
    pub(crate) request: Duration,
    /// How long a vendor may take to commit what it took in.
    pub(crate) settle: Duration,
}

/// What happened before, and what follows from it.
pub(crate) struct Past {
    refused: HashMap<String, Refused>,
    /// Webhooks whose last write the vendor did not answer, or did not take for the moment.
    strained: HashMap<String, Strain>,
    /// The creates that this process sent and that have an unknown outcome.
    lost: HashMap<String, LostCreate>,
    revived: HashMap<String, Revival>,
    pub(crate) corrections: Corrections,
    pub(crate) spellings: Spellings,
    failures: u32,
    pub(crate) wait: Option<Wait>,
    /// When the next pass is due by itself.
    pub(crate) due: Option<Instant>,
    /// How many times in a row a version had moved.
    pub(crate) outdated: u32,
    pub(crate) patience: GracePeriod,
    /// When the last pass began.
    pub(crate) begun: Instant,
    /// What is known of each Webhook. What another process, or this one before a clock was set, wrote down as the time of a
    /// subscription or an unanswered create is for people: nothing is decided by it.
    known: HashMap<String, Known>,
    hasher: RandomState,
}

impl Past {
    pub(crate) fn new(patience: GracePeriod) -> Self {
        Self {
            refused: HashMap::new(),
            strained: HashMap::new(),
            lost: HashMap::new(),
            revived: HashMap::new(),
            corrections: Corrections::default(),
            spellings: Spellings::default(),
            failures: 0,
            wait: None,
            due: None,
            outdated: 0,
            patience,
            begun: clock::now(),
            known: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&String) -> bool) {
        self.refused.retain(|uid, _| keep(uid));
        self.strained.retain(|uid, _| keep(uid));
        self.lost.retain(|uid, _| keep(uid));
        self.revived.retain(|uid, _| keep(uid));
        self.corrections.retain(&keep);
        self.spellings.retain(&keep);
        self.known.retain(|uid, _| keep(uid));
    }

    /// Takes note of the subscription and the unanswered create that a status speaks of.
    pub(crate) fn meet(&mut self, uid: &str, status: &WebhookStatus) {
        let id = status.external_id.as_ref().map(|id| self.mark_of(id));
        let pending = status.pending.as_ref().map(|pending| self.mark_of_pending(pending));
        self.know(uid, |known| {
            // Whoever wipes a status takes nothing away at the vendor.
            if id.is_some() {
                known.id = met(known.id, id);
            }
            known.pending = met(known.pending, pending);
        });
    }

    fn know(&mut self, uid: &str, what: impl FnOnce(&mut Known)) {
        match self.known.get_mut(uid) {
            Some(known) => what(known),
            None => what(self.known.entry(uid.to_owned()).or_default()),
        }
    }

    /// See [`AccountState::pack`](crate::engine::state::account::AccountState::pack).
    pub(crate) fn pack(&mut self) {
        self.known = self.known.iter().map(|(uid, known)| (uid.clone(), *known)).collect();
    }

    fn mark_of_pending(&self, pending: &Pending) -> u64 {
        self.mark_of((pending.action.as_str(), pending.since.0, &pending.digest, &pending.beside))
    }

    /// How long the subscription of a Webhook may still be missing from a list that lags so long behind.
    pub(crate) fn until_shown(&self, entry: &WebhookState) -> Duration {
        self.until_shown_in(entry, clock::now())
    }

    /// The same, counted from when a list was read.
    pub(crate) fn until_shown_in(&self, entry: &WebhookState, read: Instant) -> Duration {
        let longest = vendor::list_lag(entry.object.spec.subscription.vendor());
        let known = self.known.get(&entry.uid).and_then(|known| known.id.as_ref());
        let since = match (&entry.status.external_id, known) {
            (None, None) => return Duration::ZERO,
            (Some(id), Some((known, _))) if *known != self.mark_of(id) => Duration::ZERO,
            (Some(_), None) => Duration::ZERO,
            (_, Some((_, since))) => read.saturating_duration_since(*since),
        };
        longest.saturating_sub(since)
    }

    /// A mark of a document, secrets included: it tells that a value changed without keeping the value, and is good
    /// within this process only.
    pub(crate) fn mark(&self, document: &Document) -> u64 {
        self.mark_of(document)
    }

    /// A mark of anything, good within this process.
    pub(crate) fn mark_of(&self, what: impl Hash) -> u64 {
        self.hasher.hash_one(what)
    }

    /// The mark of what was in sync last.
    pub(crate) fn in_sync_mark(&self, uid: &str) -> Option<u64> {
        self.known.get(uid)?.in_sync
    }

    /// The vendor has it as declared.
    pub(crate) fn in_sync(&mut self, uid: &str, document: &Document) {
        let mark = self.mark(document);
        self.know(uid, |known| known.in_sync = Some(mark));
        self.refused.remove(uid);
        self.strained.remove(uid);
    }

    /// Nothing that was sent waits for an answer any more.
    pub(crate) fn answered(&mut self, uid: &str) {
        self.lost.remove(uid);
    }

    /// A write of this Webhook failed, and may be that Webhook's own fault: it alone backs off, and is the first to.
    pub(crate) fn strain(&mut self, entry: &WebhookState, error: &VendorError) {
        if error.class != Class::Unavailable {
            return;
        }
        let failures = self.strained.get(&entry.uid).map_or(0, |strain| strain.failures);
        let strain = Strain {
            generation: entry.requested.generation,
            failures: failures.saturating_add(1),
            until: clock::now() + backed_off(failures),
            error: error.clone(),
        };
        self.strained.insert(entry.uid.clone(), strain);
    }

    /// The error that this Webhook still backs off from. An edit cuts it short.
    pub(crate) fn strained(&self, entry: &WebhookState) -> Option<&VendorError> {
        let strain = self.strained.get(&entry.uid)?;
        let unchanged = strain.generation == entry.requested.generation;
        (unchanged && clock::now() < strain.until).then_some(&strain.error)
    }

    /// How long until this Webhook may be tried again, if it backed off when the last pass began.
    pub(crate) fn until_rested(&self, uid: &str) -> Option<Duration> {
        self.still_to_come(self.strained.get(uid)?.until)
    }

    /// How long until then. What has come while the last pass ran, which may have passed it over, is looked at soon.
    pub(crate) fn still_to_come(&self, until: Instant) -> Option<Duration> {
        let left = until.saturating_duration_since(clock::now());
        (until > self.begun).then_some(left.max(OVERTAKEN))
    }

    /// The vendor refused it: a document, or the deletion of an id.
    pub(crate) fn refuse(&mut self, uid: &str, what: impl Hash, error: VendorError) {
        let refused = Refused { mark: self.mark_of(what), until: clock::now() + SLOW_RETRY, error };
        self.refused.insert(uid.to_owned(), refused);
    }

    /// What the vendor said when it refused just this, if it is too early to ask again.
    pub(crate) fn refused(&self, uid: &str, what: impl Hash) -> Option<&VendorError> {
        let refused = self.refused.get(uid)?;
        (refused.mark == self.mark_of(what) && clock::now() < refused.until).then_some(&refused.error)
    }

    /// Forgets what the vendor refused: the account's login or settings have changed, and may have been the reason.
    pub(crate) fn forget_refusals(&mut self) {
        self.refused.clear();
    }

    /// A person asked for another try.
    pub(crate) fn try_again(&mut self, uid: &str) {
        self.refused.remove(uid);
        self.strained.remove(uid);
        self.corrections.forget(uid);
        if let Some(revival) = self.revived.get_mut(uid) {
            revival.until = clock::now();
        }
    }

    /// Whether it is time to start one again that the vendor has stopped by itself.
    pub(crate) fn may_revive(&self, uid: &str) -> bool {
        self.revived.get(uid).is_none_or(|revival| revival.until <= clock::now())
    }

    /// How long until that time, if it was still to come when the last pass began.
    pub(crate) fn until_revival(&self, uid: &str) -> Option<Duration> {
        self.still_to_come(self.revived.get(uid)?.until)
    }

    /// One was started again, or the vendor refused that.
    pub(crate) fn revived(&mut self, uid: &str, refused: Option<String>) {
        let tries = self.revived.get(uid).map_or(0, |revival| revival.tries);
        let wait = (REVIVAL * 2_u32.saturating_pow(tries.min(16))).min(LONGEST_REVIVAL);
        let revival = Revival { tries: tries.saturating_add(1), until: clock::now() + wait, refused };
        self.revived.insert(uid.to_owned(), revival);
    }

    /// Whether one was started again, or tried to be, and has not delivered for a while since.
    pub(crate) fn revives(&self, uid: &str) -> bool {
        self.revived.contains_key(uid)
    }

    /// What the vendor said when it refused to start one again.
    pub(crate) fn revival_refused(&self, uid: &str) -> Option<&str> {
        self.revived.get(uid)?.refused.as_deref()
    }

    /// The vendor delivers: once it has done so for a while, the next stop is the first again.
    pub(crate) fn delivers(&mut self, uid: &str) {
        if self.may_revive(uid) {
            self.revived.remove(uid);
        }
    }

    /// A create ended with an unknown outcome.
    pub(crate) fn unanswered(&mut self, uid: &str, intent: &Pending, sent: &Document) {
        let lost = LostCreate { intent: intent.clone(), ended: clock::now(), sent: sent.clone() };
        self.lost.insert(uid.to_owned(), lost);
    }

    /// What the create of that intent sent, if this process sent it and its outcome is unknown.
    pub(crate) fn sent(&self, uid: &str, intent: &Pending) -> Option<&Document> {
        self.lost_create(uid, intent).map(|lost| &lost.sent)
    }

    /// The create of that intent, if it is ours: another process may have stored an intent of its own since.
    fn lost_create(&self, uid: &str, intent: &Pending) -> Option<&LostCreate> {
        self.lost.get(uid).filter(|lost| lost.intent == *intent)
    }

    /// Whether a list that was read then shows what the create has made, if it has made anything: the vendor could no longer be
    /// working on it. That is so a grace period after it ended, or, where another process sent it, after it could last have been
    /// running, counted from when this process first knew of it.
    pub(crate) fn settled(&self, uid: &str, pending: &Pending, read: Instant) -> bool {
        let (gone, needed) = self.settling(uid, pending);
        gone.saturating_sub(clock::since(read)) >= needed
    }

    /// How long until it is settled.
    pub(crate) fn until_settled(&self, uid: &str, pending: &Pending) -> Duration {
        let (gone, needed) = self.settling(uid, pending);
        needed.saturating_sub(gone)
    }

    /// For how long it has been settled, if it is.
    pub(crate) fn settled_for(&self, uid: &str, pending: &Pending) -> Option<Duration> {
        let (gone, needed) = self.settling(uid, pending);
        gone.checked_sub(needed)
    }

    /// What has to go by before it is settled: how much has, and how much has to.
    fn settling(&self, uid: &str, pending: &Pending) -> (Duration, Duration) {
        let GracePeriod { request, settle } = self.patience;
        if let Some(lost) = self.lost_create(uid, pending) {
            return (clock::since(lost.ended), settle);
        }
        let known = self.known.get(uid).and_then(|known| known.pending.as_ref());
        let is_that = |(known, _): &&(u64, Instant)| *known == self.mark_of_pending(pending);
        let since = known.filter(is_that).map(|(_, since)| clock::since(*since));
        // A login or a refused token may have come between the intent and the request.
        (since.unwrap_or_default(), request.saturating_add(settle))
    }

    /// The account failed once more: how long to wait before it is tried by itself.
    pub(crate) fn back_off(&mut self) -> Duration {
        let wait = backed_off(self.failures);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// The account is well.
    pub(crate) fn recovered(&mut self) {
        self.failures = 0;
        self.wait = None;
    }
}

/// What is, and since when it has been known; from now on, if it was another before.
fn met(known: Option<(u64, Instant)>, is: Option<u64>) -> Option<(u64, Instant)> {
    let is = is?;
    known.filter(|(was, _)| *was == is).or_else(|| Some((is, clock::now())))
}

/// The wait after so many failures before: doubled from a second up, with jitter.
pub(crate) fn backed_off(failures: u32) -> Duration {
    let doubled = Duration::from_secs(1) * 2_u32.saturating_pow(failures.min(16));
    // Jitter downwards only, so that the documented longest wait holds.
    clock::jittered(doubled.min(LONGEST_BACKOFF), 0.75..=1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_due_while_a_pass_runs_is_not_left_to_the_next_resync() {
        let mut past = Past::new(GracePeriod::default());
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
        let mut memory = Past::new(GracePeriod::default());
        let waits: Vec<_> = (0..12).map(|_| memory.back_off()).collect();
        assert!(waits[0] <= Duration::from_secs(1) && waits[0] >= Duration::from_millis(750));
        assert!(waits[11] <= LONGEST_BACKOFF && waits[11] >= LONGEST_BACKOFF / 2);
        memory.recovered();
        assert!(memory.back_off() <= Duration::from_secs(1));
    }
}
