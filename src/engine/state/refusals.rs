//! Writes of one Webhook that the API server refuses, as an admission policy does, and when the next attempt is made.

use crate::engine::clock;
use crate::engine::state::requested::Requested;
use std::time::{Duration, Instant};

/// The wait after the first refusal. Each further one doubles it,
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// up to this, and up to a quarter longer by `STEPS`.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// A wait ends on a multiple of this part of itself, so that Webhooks of one account that were refused at different times are retried
/// together: a thousand of them cause no more passes than a few.
const STEPS: u32 = 4;

/// The last refusal.
struct Refusal {
    /// What was requested when the write was refused.
    requested: Requested,
    /// The API server's message.
    message: String,
    failures: u32,
    until: Instant,
}

/// The API server's refusals to write one Webhook; empty if the last write succeeded.
#[derive(Default)]
pub(crate) struct Refusals(Option<Box<Refusal>>);

impl Refusals {
    /// Records one more refusal, with the API server's message. The wait ends on a grid that begins at `grid`. Returns whether the
    /// message is new, so that an event is due.
    pub(crate) fn record(&mut self, requested: &Requested, message: String, grid: Instant) -> bool {
        let is_new = self.0.as_ref().is_none_or(|before| before.message != message);
        let failures = self.0.as_ref().map_or(0, |before| before.failures);
        self.0 = Some(Box::new(Refusal {
            requested: requested.clone(),
            message,
            failures: failures.saturating_add(1),
            until: next_attempt(grid, failures),
        }));
        is_new
    }

    /// Whether the Webhook waits for its next attempt. An edit, a deletion or a request ends the wait.
    pub(crate) fn blocks(&self, requested: &Requested) -> bool {
        let refusal = self.0.as_ref();
        refusal.is_some_and(|refusal| refusal.requested == *requested && clock::now() < refusal.until)
    }

    /// Returns when the next attempt is made, if the last write was refused.
    pub(crate) fn next_attempt(&self) -> Option<Instant> {
        self.0.as_ref().map(|refusal| refusal.until)
    }

    /// Returns the API server's message, if the last write was refused.
    pub(crate) fn message(&self) -> Option<&str> {
        self.0.as_ref().map(|refusal| refusal.message.as_str())
    }

    /// Makes the next attempt due at once: a person asked for a pass.
    pub(crate) fn make_due(&mut self) {
        if let Some(refusal) = &mut self.0 {
            refusal.until = clock::now();
        }
    }

    /// Forgets the refusal: everything was written.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

fn next_attempt(grid: Instant, failures: u32) -> Instant {
    let wait = (FIRST_WAIT * 2_u32.saturating_pow(failures.min(16))).min(LONGEST_WAIT);
    let (end, step) = (clock::since(grid) + wait, wait / STEPS);
    let steps = end.as_nanos().div_ceil(step.as_nanos().max(1));
    grid + step * u32::try_from(steps).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_webhook_waits_until_its_time_or_an_edit() {
        let (mut refusals, requested) = (Refusals::default(), Requested::default());
        let grid = clock::now();
        assert!(!refusals.blocks(&requested));
        assert!(refusals.record(&requested, "frozen".into(), grid), "the first is reported");
        assert!(!refusals.record(&requested, "frozen".into(), grid), "the same is not reported again");
        assert!(refusals.blocks(&requested));
        let edited = Requested { generation: Some(2), ..requested.clone() };
        assert!(!refusals.blocks(&edited), "an edit is attempted at once");
        refusals.make_due();
        assert!(!refusals.blocks(&requested));
        assert!(refusals.record(&requested, "too large".into(), grid), "another reason is reported");
        refusals.clear();
        assert_eq!((refusals.message(), refusals.next_attempt()), (None, None));
    }

    #[test]
    fn waits_double_to_five_minutes_and_end_together() {
        let grid = clock::now();
        let wait = |failures| next_attempt(grid, failures).saturating_duration_since(clock::now());
        for (failures, least) in [(0, 1), (1, 2), (4, 16), (8, 256), (9, 300), (60, 300)] {
            let (wait, least) = (wait(failures).as_secs_f64(), f64::from(least));
            assert!(wait > 0.99 * least && wait <= 1.25 * least, "after {failures}: {wait}");
        }
        assert_eq!(next_attempt(grid, 9), next_attempt(grid, 20), "refused at different times");
    }
}
