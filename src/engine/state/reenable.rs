//! When a subscription is enabled again that the vendor has disabled by itself.

use crate::engine::clock;
use std::time::{Duration, Instant};

/// The first attempt is made at once, the second one after this long;
const FIRST_WAIT: Duration = Duration::from_secs(300);
/// the wait doubles up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3600);

struct Attempt {
    count: u32,
    next: Instant,
    /// The vendor's message if it rejected the attempt.
    rejected: Option<String>,
}

/// The attempts to enable one Webhook's subscription again; empty if it delivers, or was never disabled.
#[derive(Default)]
pub(crate) struct Reenable(Option<Box<Attempt>>);

impl Reenable {
    /// Whether the next attempt may be made now.
    pub(crate) fn is_due(&self) -> bool {
        self.0.as_ref().is_none_or(|attempt| attempt.next <= clock::now())
    }

    /// Returns when the next attempt is due, after at least one.
    pub(crate) fn next_attempt(&self) -> Option<Instant> {
        self.0.as_ref().map(|attempt| attempt.next)
    }

    /// Records an attempt, with the vendor's message if it was rejected.
    pub(crate) fn record(&mut self, rejected: Option<String>) {
        let count = self.0.as_ref().map_or(0, |attempt| attempt.count);
        let wait = (FIRST_WAIT * 2_u32.saturating_pow(count.min(16))).min(LONGEST_WAIT);
        let attempt = Attempt { count: count.saturating_add(1), next: clock::now() + wait, rejected };
        self.0 = Some(Box::new(attempt));
    }

    /// Whether there was an attempt, and the subscription has not delivered for a while since.
    pub(crate) fn is_under_way(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the vendor's message if it rejected the last attempt.
    pub(crate) fn rejected(&self) -> Option<&str> {
        self.0.as_ref()?.rejected.as_deref()
    }

    /// Makes the next attempt due at once: a person asked for a pass.
    pub(crate) fn make_due(&mut self) {
        if let Some(attempt) = &mut self.0 {
            attempt.next = clock::now();
        }
    }

    /// Records that the subscription delivers. Once it has done so until the next attempt would be due, the attempts are forgotten.
    pub(crate) fn record_delivering(&mut self) {
        if self.is_due() {
            self.0 = None;
        }
    }
}
