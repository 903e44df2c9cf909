//! The schedule and the back-off that are kept between the passes of an account. `pass/schedule.rs` decides when the next pass runs.

use crate::engine::clock;
use crate::engine::error::AccountError;
use std::time::{Duration, Instant};

/// What became due while a pass ran is handled this long after the pass.
const SOON: Duration = Duration::from_millis(100);
/// The longest back-off of an account that fails.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(300);

/// When the next pass runs.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) not_before: Instant,
    pub(crate) interruptible_by: Interrupt,
}

/// What makes a pass run before its time.
#[derive(Clone, Debug)]
pub(crate) enum Interrupt {
    /// Any change of what a pass depends on.
    Anything,
    /// Nothing: a short wait of our own, or the second reading of a list.
    Nothing,
    /// An edit of the account, since a wrong address may have asked for the wait. For any other change the wait is reported to the
    /// Webhooks, and the vendor is not called.
    AccountEdit {
        /// The account's generation when the vendor asked.
        generation: Option<i64>,
        error: AccountError,
    },
}

/// State of an account's retries.
pub(crate) struct RetryState {
    /// None before the first pass, and when there is something to do at once.
    pub(crate) schedule: Option<Schedule>,
    /// Failed passes in a row.
    failures: u32,
    /// Passes in a row that found a version changed between reading and writing.
    pub(crate) conflicts: u32,
    /// When the last pass began.
    pub(crate) pass_started: Instant,
}

impl Default for RetryState {
    fn default() -> Self {
        Self { schedule: None, failures: 0, conflicts: 0, pass_started: clock::now() }
    }
}

impl RetryState {
    /// Returns how long to wait after another failed pass.
    pub(crate) fn next_back_off(&self) -> Duration {
        back_off(self.failures)
    }

    /// Counts a failed pass.
    pub(crate) fn count_failure(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// Ends the back-off: a pass succeeded.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Returns how long until then; none if it was due before the last pass began, which has handled it. What became due while that
    /// pass ran may have been missed by it, and is handled soon.
    pub(crate) fn time_until(&self, due: Instant) -> Option<Duration> {
        let left = due.saturating_duration_since(clock::now());
        (due > self.pass_started).then_some(left.max(SOON))
    }
}

/// Returns the wait after so many failures before: doubled from a second up to five minutes, with jitter.
pub(crate) fn back_off(failures: u32) -> Duration {
    let doubled = Duration::from_secs(1) * 2_u32.saturating_pow(failures.min(16));
    // Jitter downwards only, so that the documented longest wait holds.
    clock::jittered(doubled.min(LONGEST_BACK_OFF), 0.75..=1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_due_while_a_pass_runs_is_not_left_to_the_next_resync() {
        let mut retry = RetryState::default();
        let (before, now) = (retry.pass_started, Instant::now());
        assert_eq!(retry.time_until(before), None, "the pass has handled it");
        retry.pass_started = now;
        assert!(retry.time_until(now + Duration::from_secs(9)).unwrap() > Duration::from_secs(8));
        let while_it_ran = now + Duration::from_nanos(1);
        assert_eq!(retry.time_until(while_it_ran), Some(SOON));
        assert_eq!(retry.time_until(now), None);
    }

    #[test]
    fn back_off_grows_to_five_minutes() {
        let mut retry = RetryState::default();
        let mut wait = || {
            let wait = retry.next_back_off();
            retry.count_failure();
            wait
        };
        let waits: Vec<_> = (0..12).map(|_| wait()).collect();
        assert!(waits[0] <= Duration::from_secs(1) && waits[0] >= Duration::from_millis(750));
        assert!(waits[11] <= LONGEST_BACK_OFF && waits[11] >= LONGEST_BACK_OFF / 2);
        retry.reset();
        assert!(retry.next_back_off() <= Duration::from_secs(1));
    }
}
