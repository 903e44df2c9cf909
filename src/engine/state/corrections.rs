//! Counts corrections of the same difference, so that hooktender backs off from another writer, or from a vendor that changes values
//! after it has answered. Kept in memory only.

use crate::engine::clock;
use crate::engine::fingerprint::fingerprint;
use crate::engine::state::comparison::Comparison;
use crate::plan::Document;
use std::time::{Duration, Instant};

/// Corrections of the same difference in a row that are made without a wait.
const WITHOUT_WAIT: u32 = 3;
/// Wait before the next correction; doubled with each one,
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// up to this. A correction that held for this long ends the row.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

struct Correction {
    difference: u64,
    times: u32,
    last: Instant,
}

impl Correction {
    /// Returns the delay between this correction and the next one.
    fn wait(&self) -> Duration {
        match self.times.checked_sub(WITHOUT_WAIT) {
            Some(more) => FIRST_WAIT.saturating_mul(2_u32.saturating_pow(more)).min(LONGEST_WAIT),
            None => Duration::ZERO,
        }
    }

    /// Whether a correction made now counts as one more in a row.
    fn continues(&self) -> bool {
        clock::since(self.last) < self.wait() + LONGEST_WAIT
    }
}

/// The last correction of one Webhook.
#[derive(Default)]
pub(crate) struct Corrections(Option<Box<Correction>>);

/// Returns a fingerprint of the fields that differ and both their values, secrets included.
pub(crate) fn difference(compared: Comparison<'_>) -> u64 {
    let Comparison { rules, declared, observed, .. } = compared;
    let differing = rules.differing(declared, &observed.document);
    let values =
        differing.map(|field| (field.name, declared.get(field.name), observed.document.get(field.name)));
    let values: Vec<_> = values.collect();
    // Only write-only values may differ, which are not compared.
    if values.is_empty() { absence(declared) } else { fingerprint(values) }
}

/// Returns the same for a subscription that is gone at the vendor.
pub(crate) fn absence(declared: &Document) -> u64 {
    fingerprint(declared)
}

impl Corrections {
    /// Records that a difference was corrected.
    pub(crate) fn record(&mut self, difference: u64) {
        let before = self.0.as_ref().filter(|one| one.difference == difference && one.continues());
        let times = before.map_or(1, |one| one.times.saturating_add(1));
        self.0 = Some(Box::new(Correction { difference, times, last: clock::now() }));
    }

    /// Whether the last correction was of this difference.
    pub(crate) fn was_last(&self, difference: u64) -> bool {
        self.0.as_ref().is_some_and(|one| one.difference == difference && one.continues())
    }

    /// Whether the next correction of this difference has to wait.
    pub(crate) fn is_blocked(&self, difference: u64) -> bool {
        let of_it = self.0.as_ref().filter(|one| one.difference == difference);
        of_it.is_some_and(|one| clock::since(one.last) < one.wait())
    }

    /// Ends the row: a person asked for another attempt.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fourth_in_a_row_waits_and_each_after_it_longer() {
        let mut passed = Duration::ZERO;
        clock::test::stop_at(passed);
        let mut corrections = Corrections::default();
        let mut waits = Vec::new();
        for _ in 0..11 {
            corrections.record(1);
            let since = passed;
            while corrections.is_blocked(1) {
                passed += Duration::from_secs(30);
                clock::test::stop_at(passed);
            }
            waits.push(passed.saturating_sub(since).as_secs() / 60);
        }
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert!(!corrections.is_blocked(2), "another difference");
        corrections.record(2);
        assert!(!corrections.is_blocked(2), "another row begins");
    }

    #[test]
    fn what_held_for_an_hour_does_not_count() {
        let mut corrections = Corrections::default();
        for time in 0..6_u32 {
            clock::test::stop_at(LONGEST_WAIT * time);
            assert!(!corrections.is_blocked(1), "{time}");
            corrections.record(1);
        }
        corrections.record(1);
        corrections.record(1);
        assert!(corrections.is_blocked(1));
        corrections.clear();
        assert!(!corrections.is_blocked(1) && !corrections.was_last(1));
    }
}
