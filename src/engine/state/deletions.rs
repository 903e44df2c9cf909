//! Deletions of one account: the windows in which they are collected, and those of the last ten minutes.

use crate::api::conditions::seconds;
use crate::api::status::RecentDeletions;
use crate::engine::clock;
use crate::plan::ExternalId;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

/// A window closes when no deletion was added for this long.
const QUIET: Duration = Duration::from_secs(1);
/// A window closes this long after it was opened, even if deletions are still added.
const LONGEST_WINDOW: Duration = Duration::from_secs(10);
/// How long the guard counts a deletion together with later ones.
const RECENT: Duration = Duration::from_secs(600);

/// State of the deletion guard between passes.
#[derive(Default)]
pub(crate) struct Deletions {
    /// The windows of each namespace's Webhooks.
    windows: BTreeMap<String, Windows>,
    /// Subscriptions whose deletion began without an approval.
    begun: HashMap<ExternalId, Begun>,
    /// Subscriptions that were redirected or disabled without an approval. Only this process counts them.
    changed: HashMap<ExternalId, Begun>,
}

/// The deletion of one subscription.
#[derive(Clone)]
struct Begun {
    /// When this process began the deletion, or first read of it in the status.
    at: Instant,
    /// The Webhook's namespace, if it differs from the account's.
    guest: Option<String>,
}

/// The windows of one namespace.
#[derive(Default)]
struct Windows {
    open: Option<Window>,
    /// Uids of the Webhooks whose window has closed. A deletion that is slow or fails repeatedly does not open another window.
    judged: BTreeSet<String>,
}

/// Deletions that the guard checks together.
struct Window {
    webhooks: BTreeSet<String>,
    opened: Instant,
    /// When the last one was added.
    grew: Instant,
}

impl Windows {
    /// Returns how long the deletions of these Webhooks (uids) wait for others; none if the guard checks them now.
    fn wait(&mut self, leaving: BTreeSet<String>) -> Option<Duration> {
        let now = clock::now();
        self.judged.retain(|uid| leaving.contains(uid));
        if leaving.is_subset(&self.judged) {
            self.open = None;
            return None;
        }
        let window = match self.open.take() {
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
        self.open = Some(window);
        Some(left)
    }
}

impl Deletions {
    /// Returns, by namespace, how long the deletions of the Webhooks (uids) wait for others. Namespaces whose deletions the guard
    /// checks now are left out.
    pub(crate) fn wait(&mut self, leaving: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, Duration> {
        self.windows.retain(|namespace, _| leaving.contains_key(namespace));
        let wait = |(namespace, uids): (String, BTreeSet<String>)| {
            let wait = self.windows.entry(namespace.clone()).or_default().wait(uids)?;
            Some((namespace, wait))
        };
        leaving.into_iter().filter_map(wait).collect()
    }

    /// Adds the deletions that the account's status records. Those of another process count from now, because its clock may be wrong.
    pub(crate) fn learn(&mut self, recorded: Option<&RecentDeletions>) {
        let mut known: HashSet<&str> = HashSet::new();
        for (guest, id) in recorded.into_iter().flat_map(ids) {
            known.insert(id);
            let begun = || Begun { at: clock::now(), guest: guest.cloned() };
            if let Ok(id) = ExternalId::new(id) {
                self.begun.entry(id).or_insert_with(begun);
            }
        }
        // Expired entries stay while a status may still record them. Otherwise such an id, read again, would count for another ten minutes.
        self.begun.retain(|id, begun| clock::since(begun.at) < 2 * RECENT || known.contains(id.as_str()));
    }

    /// Returns, by namespace, how many subscriptions were deleted without an approval in the last ten minutes. `own` is the
    /// account's namespace; `remains` returns whether the vendor still has a subscription whose deletion began.
    pub(crate) fn recent(&self, own: &str, remains: impl Fn(&ExternalId) -> bool) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (_, begun) in self.counting().filter(|(id, _)| !remains(id)) {
            *counts.entry(begun.guest.clone().unwrap_or_else(|| own.to_owned())).or_default() += 1;
        }
        counts
    }

    /// Whether the guard counts the deletion of that subscription.
    pub(crate) fn counts(&self, id: &ExternalId) -> bool {
        self.begun.get(id).is_some_and(|begun| clock::since(begun.at) < RECENT)
    }

    /// Whether the guard counts no deletion at present.
    pub(crate) fn is_calm(&self) -> bool {
        self.counting().next().is_none()
    }

    /// Records that the deletions of these subscriptions begin. `guest` is the namespace of their Webhooks, if it differs from the
    /// account's.
    pub(crate) fn begin(&mut self, guest: Option<&str>, ids: impl IntoIterator<Item = ExternalId>) {
        let begun = Begun { at: clock::now(), guest: guest.map(str::to_owned) };
        self.begun.extend(ids.into_iter().map(|id| (id, begun.clone())));
    }

    /// Records that these subscriptions are about to be redirected or disabled. `guest` is the namespace of their Webhooks, if it differs
    /// from the account's.
    pub(crate) fn begin_changes(&mut self, guest: Option<&str>, ids: impl IntoIterator<Item = ExternalId>) {
        let begun = Begun { at: clock::now(), guest: guest.map(str::to_owned) };
        self.changed.extend(ids.into_iter().map(|id| (id, begun.clone())));
    }

    /// Returns, by namespace, how many subscriptions were redirected or disabled without an approval in the last ten minutes. Those
    /// that are `planned` to be changed again do not count.
    pub(crate) fn recent_changes(
        &mut self,
        own: &str,
        planned: impl Fn(&ExternalId) -> bool,
    ) -> BTreeMap<String, usize> {
        self.changed.retain(|_, begun| clock::since(begun.at) < RECENT);
        let mut counts = BTreeMap::new();
        for (_, begun) in self.changed.iter().filter(|(id, _)| !planned(id)) {
            *counts.entry(begun.guest.clone().unwrap_or_else(|| own.to_owned())).or_default() += 1;
        }
        counts
    }

    /// Returns what to record in the account's status: `known` unchanged while it has all deletions that count, none if none counts.
    pub(crate) fn record(&self, known: Option<&RecentDeletions>) -> Option<RecentDeletions> {
        if self.is_calm() {
            return None;
        }
        let recorded: HashSet<&str> = known.into_iter().flat_map(ids).map(|(_, id)| id).collect();
        if let Some(known) = known
            && self.counting().all(|(id, _)| recorded.contains(id.as_str()))
        {
            return Some(known.clone());
        }
        let time = seconds(clock::timestamp());
        let mut all = RecentDeletions { time, ids: Vec::new(), guests: BTreeMap::new() };
        for (id, begun) in self.counting() {
            let list = match &begun.guest {
                Some(guest) => all.guests.entry(guest.clone()).or_default(),
                None => &mut all.ids,
            };
            list.push(id.to_string());
        }
        all.ids.sort_unstable();
        all.guests.values_mut().for_each(|ids| ids.sort_unstable());
        Some(all)
    }

    fn counting(&self) -> impl Iterator<Item = (&ExternalId, &Begun)> {
        self.begun.iter().filter(|(_, begun)| clock::since(begun.at) < RECENT)
    }
}

/// Returns the recorded ids, each with the namespace of its Webhook if that differs from the account's.
fn ids(recorded: &RecentDeletions) -> impl Iterator<Item = (Option<&String>, &str)> {
    let own = recorded.ids.iter().map(|id| (None, id.as_str()));
    let guests = recorded.guests.iter();
    own.chain(guests.flat_map(|(guest, ids)| ids.iter().map(move |id| (Some(guest), id.as_str()))))
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

    fn lately(deletions: &Deletions, remains: impl Fn(&ExternalId) -> bool) -> usize {
        deletions.recent("own", remains).values().sum()
    }

    #[test]
    fn a_guests_deletions_are_counted_and_recorded_by_themselves() {
        at(0);
        let mut old = Deletions::default();
        old.begin(None, ids(&["1"]));
        old.begin(Some("guest"), ids(&["2", "3"]));
        let record = old.record(None);
        let mut new = Deletions::default();
        new.learn(record.as_ref());
        for deletions in [&old, &new] {
            let expected = [("guest".to_owned(), 2), ("own".to_owned(), 1)];
            assert_eq!(deletions.recent("own", NONE), BTreeMap::from(expected));
        }
        let leaving =
            |namespaces: &[&str]| namespaces.iter().map(|one| ((*one).to_owned(), uids(0..1))).collect();
        assert_eq!(old.wait(leaving(&["own"])).len(), 1);
        at(10);
        let waits = old.wait(leaving(&["own", "guest"]));
        assert_eq!(waits, BTreeMap::from([("guest".to_owned(), QUIET)]), "nobody waits for another one's");
    }

    #[test]
    fn deletions_that_come_close_together_are_judged_together() {
        let mut deletions = Windows::default();
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
        let mut deletions = Windows::default();
        let waits = (0_u32..30).map(|number| {
            at(5 * u64::from(number));
            deletions.wait(uids(0..number + 1)).is_some()
        });
        let closed: Vec<_> = waits.enumerate().filter(|(_, waits)| !waits).map(|(at, _)| at).collect();
        assert_eq!(closed, [20], "after ten seconds; the next one has begun");
    }

    #[test]
    fn a_deletion_that_keeps_failing_does_not_switch_the_window_off() {
        let mut deletions = Windows::default();
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
        old.begin(None, ids(&["1", "2"]));
        let record = old.record(None).unwrap();
        assert_eq!(record.ids, ["1", "2"]);
        let mut new = Deletions::default();
        at(5_000);
        new.learn(Some(&record));
        assert_eq!((lately(&old, NONE), lately(&new, NONE)), (2, 2));
        assert_eq!(lately(&new, |id| id.as_str() == "2"), 1, "one of them is still there");
        at(6_000);
        assert_eq!(
            (lately(&old, NONE), old.record(Some(&record))),
            (0, None),
            "ten minutes after they began"
        );
        assert_eq!(new.record(Some(&record)), Some(record.clone()), "nothing is written meanwhile");
        at(11_000);
        new.learn(Some(&record));
        assert_eq!((lately(&new, NONE), new.record(Some(&record))), (0, None), "it does not count twice");
    }

    #[test]
    fn what_two_processes_record_of_each_other_comes_to_an_end() {
        let (mut one, mut other) = (Deletions::default(), Deletions::default());
        at(0);
        one.begin(None, ids(&["1"]));
        let mut record = one.record(None);
        at(10);
        other.learn(record.as_ref());
        at(6_005);
        one.learn(record.as_ref());
        record = one.record(record.as_ref());
        assert_eq!(record, None, "the one clears it");
        other.begin(None, ids(&["2"]));
        record = other.record(record.as_ref());
        assert_eq!(record.as_ref().unwrap().ids, ["1", "2"], "it still counts in the other");
        one.learn(record.as_ref());
        assert_eq!(lately(&one, NONE), 1, "but does not count anew in the one");
        at(12_100);
        one.learn(record.as_ref());
        other.learn(record.as_ref());
        assert_eq!((one.record(record.as_ref()), other.record(record.as_ref())), (None, None));
    }

    #[test]
    fn a_record_is_written_again_only_when_something_is_added() {
        at(0);
        let mut deletions = Deletions::default();
        deletions.begin(None, ids(&["1"]));
        let first = deletions.record(None);
        at(600);
        deletions.begin(None, ids(&["1"]));
        assert_eq!(deletions.record(first.as_ref()), first, "the same deletion is tried again");
        at(1_200);
        deletions.begin(None, ids(&["2"]));
        let second = deletions.record(first.as_ref()).unwrap();
        assert_eq!(second.ids, ["1", "2"]);
        assert_ne!(Some(second.time), first.map(|first| first.time));
    }
}
