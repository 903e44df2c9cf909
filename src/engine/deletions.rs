//! Deletions of one account: the window in which they are collected, and those of the last ten minutes.

use super::clock;
use crate::api::conditions::seconds;
use crate::api::status::RecentDeletions;
use crate::plan::ExternalId;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

/// A window closes when no other deletion has come for this long,
const QUIET: Duration = Duration::from_secs(1);
/// and at the latest this long after it opened.
const LONGEST_WINDOW: Duration = Duration::from_secs(10);
/// How long a deletion counts when others are planned.
const RECENT: Duration = Duration::from_secs(600);

/// State of the deletion guard between passes.
#[derive(Default)]
pub(super) struct Deletions {
    window: Option<Window>,
    /// Uids of the Webhooks whose window has closed. A deletion that takes long or keeps failing opens no other one.
    judged: BTreeSet<String>,
    /// Subscriptions whose deletion began without an approval, and when this process began it or first read of it.
    begun: HashMap<ExternalId, Instant>,
}

/// Deletions that are to be judged together.
struct Window {
    webhooks: BTreeSet<String>,
    opened: Instant,
    /// When the last of them came.
    grew: Instant,
}

impl Deletions {
    /// Returns how long the deletions of these Webhooks (uids) wait for others; none when they are to be judged now.
    pub(super) fn wait(&mut self, leaving: BTreeSet<String>) -> Option<Duration> {
        let now = clock::now();
        self.judged.retain(|uid| leaving.contains(uid));
        if leaving.is_subset(&self.judged) {
            self.window = None;
            return None;
        }
        let window = match self.window.take() {
            Some(window) if leaving.is_subset(&window.webhooks) => window,
            Some(window) => Window { webhooks: leaving.clone(), grew: now, ..window },
            None => Window { webhooks: leaving.clone(), opened: now, grew: now },
        };
        let closes = (window.grew + QUIET).min(window.opened + LONGEST_WINDOW);
        let left = closes.saturating_duration_since(now);
        if left.is_zero() {
            self.judged = leaving;
            return None;
        }
        self.window = Some(window);
        Some(left)
    }

    /// Takes over what the account's status records. What another process began counts from now, not by its clock.
    pub(super) fn learn(&mut self, recorded: Option<&RecentDeletions>) {
        let ids = recorded.map(|recorded| recorded.ids.as_slice()).unwrap_or_default();
        for id in ExternalId::valid(ids) {
            self.begun.entry(id).or_insert_with(clock::now);
        }
        let recorded: HashSet<&str> = ids.iter().map(String::as_str).collect();
        // An expired one is kept for as long as another process may still record it: read again, it would count anew.
        self.begun.retain(|id, began| clock::since(*began) < 2 * RECENT || recorded.contains(id.as_str()));
    }

    /// Returns how many subscriptions were deleted lately without an approval. `remains` tells which of those whose
    /// deletion began are still there.
    pub(super) fn recent(&self, remains: impl Fn(&ExternalId) -> bool) -> usize {
        self.counting().filter(|id| !remains(id)).count()
    }

    /// Whether no deletion counts any more.
    pub(super) fn is_calm(&self) -> bool {
        self.counting().next().is_none()
    }

    /// The deletions of these are about to begin.
    pub(super) fn begin(&mut self, ids: impl IntoIterator<Item = ExternalId>) {
        self.begun.extend(ids.into_iter().map(|id| (id, clock::now())));
    }

    /// Returns what the account's status is to record: `known` while it names all that count, nothing when none do.
    pub(super) fn record(&self, known: Option<&RecentDeletions>) -> Option<RecentDeletions> {
        let mut ids: Vec<String> = self.counting().map(ToString::to_string).collect();
        if ids.is_empty() {
            return None;
        }
        let recorded: HashSet<&String> = known.iter().flat_map(|known| &known.ids).collect();
        if let Some(known) = known
            && ids.iter().all(|id| recorded.contains(id))
        {
            return Some(known.clone());
        }
        ids.sort_unstable();
        Some(RecentDeletions { time: seconds(clock::timestamp()), ids })
    }

    fn counting(&self) -> impl Iterator<Item = &ExternalId> {
        self.begun.iter().filter(|(_, began)| clock::since(**began) < RECENT).map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The clock of this thread, in tenths of a second.
    fn at(tenths: u64) {
        clock::test::stop_at(Duration::from_millis(100 * tenths));
    }

    fn uids(range: std::ops::Range<u32>) -> BTreeSet<String> {
        range.map(|number| number.to_string()).collect()
    }

    fn ids(all: &[&str]) -> Vec<ExternalId> {
        all.iter().map(|id| ExternalId::new(*id).unwrap()).collect()
    }

    const NONE: fn(&ExternalId) -> bool = |_| false;

    #[test]
    fn deletions_that_come_close_together_are_judged_together() {
        let mut deletions = Deletions::default();
        at(0);
        assert_eq!(deletions.wait(uids(0..0)), None, "there are none");
        assert_eq!(deletions.wait(uids(0..1)), Some(QUIET));
        at(5);
        assert_eq!(deletions.wait(uids(0..2)), Some(QUIET), "another one came");
        at(10);
        assert_eq!(deletions.wait(uids(0..2)), Some(QUIET / 2));
        at(15);
        assert_eq!(deletions.wait(uids(0..2)), None);
        at(16);
        assert_eq!(deletions.wait(uids(0..2)), None, "they were judged");
        assert_eq!(deletions.wait(uids(0..3)), Some(QUIET), "a third one came later");
    }

    #[test]
    fn a_window_closes_although_deletions_keep_coming() {
        let mut deletions = Deletions::default();
        let waits = (0_u32..30).map(|number| {
            at(5 * u64::from(number));
            deletions.wait(uids(0..number + 1)).is_some()
        });
        let closed: Vec<_> = waits.enumerate().filter(|(_, waits)| !waits).map(|(at, _)| at).collect();
        assert_eq!(closed, [20], "after ten seconds; the next one has begun");
    }

    #[test]
    fn a_deletion_that_keeps_failing_does_not_switch_the_window_off() {
        let mut deletions = Deletions::default();
        at(0);
        assert!(deletions.wait(uids(0..1)).is_some());
        // It fails for twenty minutes.
        for tenths in [10, 100, 12_000] {
            at(tenths);
            assert_eq!(deletions.wait(uids(0..1)), None);
        }
        assert_eq!(deletions.wait(uids(0..6)), Some(QUIET), "five more are collected as ever");
        at(12_008);
        assert_eq!(deletions.wait(uids(0..12)), Some(QUIET));
    }

    #[test]
    fn a_new_process_counts_what_is_recorded_for_ten_minutes_from_when_it_reads_it() {
        at(0);
        let mut old = Deletions::default();
        old.begin(ids(&["1", "2"]));
        let record = old.record(None).unwrap();
        assert_eq!(record.ids, ["1", "2"]);
        let mut new = Deletions::default();
        at(5_000);
        new.learn(Some(&record));
        assert_eq!((old.recent(NONE), new.recent(NONE)), (2, 2));
        assert_eq!(new.recent(|id| id.as_str() == "2"), 1, "one of them is still there");
        at(6_000);
        assert_eq!((old.recent(NONE), old.record(Some(&record))), (0, None), "ten minutes after they began");
        assert_eq!(new.record(Some(&record)), Some(record.clone()), "nothing is written meanwhile");
        at(11_000);
        new.learn(Some(&record));
        assert_eq!((new.recent(NONE), new.record(Some(&record))), (0, None), "it does not count twice");
    }

    #[test]
    fn what_two_processes_record_of_each_other_comes_to_an_end() {
        let (mut one, mut other) = (Deletions::default(), Deletions::default());
        at(0);
        one.begin(ids(&["1"]));
        let mut record = one.record(None);
        at(10);
        other.learn(record.as_ref());
        at(6_005);
        one.learn(record.as_ref());
        record = one.record(record.as_ref());
        assert_eq!(record, None, "the one clears it");
        other.begin(ids(&["2"]));
        record = other.record(record.as_ref());
        assert_eq!(record.as_ref().unwrap().ids, ["1", "2"], "it still counts in the other");
        one.learn(record.as_ref());
        assert_eq!(one.recent(NONE), 1, "but does not count anew in the one");
        at(12_100);
        one.learn(record.as_ref());
        other.learn(record.as_ref());
        assert_eq!((one.record(record.as_ref()), other.record(record.as_ref())), (None, None));
    }

    #[test]
    fn a_record_is_written_again_only_when_something_is_added() {
        at(0);
        let mut deletions = Deletions::default();
        deletions.begin(ids(&["1"]));
        let first = deletions.record(None);
        at(600);
        deletions.begin(ids(&["1"]));
        assert_eq!(deletions.record(first.as_ref()), first, "the same deletion is tried again");
        at(1_200);
        deletions.begin(ids(&["2"]));
        let second = deletions.record(first.as_ref()).unwrap();
        assert_eq!(second.ids, ["1", "2"]);
        assert_ne!(Some(second.time), first.map(|first| first.time));
    }
}
