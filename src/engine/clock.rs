//! Time and randomness. The engine gets both only from here, so that a test can skip hours, and a failed simulation can be repeated.

use k8s_openapi::jiff::Timestamp;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// Returns the monotonic time, for waits.
pub(crate) fn now() -> Instant {
    #[cfg(test)]
    if let Some((start, passed)) = test::stopped() {
        return start + passed;
    }
    Instant::now()
}

/// Returns the time since then.
pub(crate) fn since(then: Instant) -> Duration {
    now().saturating_duration_since(then)
}

/// Returns the wall-clock time, for people.
pub(crate) fn timestamp() -> Timestamp {
    #[cfg(test)]
    if let Some((_, passed)) = test::stopped() {
        return test::BEGINNING + passed + test::shifted();
    }
    Timestamp::now()
}

/// Multiplies a duration by a random factor from the range.
pub(crate) fn jittered(wait: Duration, by: RangeInclusive<f64>) -> Duration {
    #[cfg(test)]
    if test::stopped().is_some() {
        return wait.mul_f64(*by.end());
    }
    wait.mul_f64(rand::random_range(by))
}

/// Waits for a call, but no longer than that; returns none if it takes longer. Where a test has stopped the clock, no call takes long.
pub(crate) async fn within<T>(time: Duration, call: impl Future<Output = T>) -> Option<T> {
    #[cfg(test)]
    if test::stopped().is_some() {
        return Some(call.await);
    }
    tokio::time::timeout(time, call).await.ok()
}

/// A clock that each test thread sets.
#[cfg(test)]
pub(crate) mod test {
    use super::{Duration, Instant, Timestamp};
    use k8s_openapi::jiff::SignedDuration;
    use std::cell::Cell;

    pub(in crate::engine) const BEGINNING: Timestamp = Timestamp::constant(1_800_000_000, 0);

    thread_local! {
        static STOPPED: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
        static SHIFTED: Cell<SignedDuration> = const { Cell::new(SignedDuration::ZERO) };
    }

    pub(crate) fn shifted() -> SignedDuration {
        SHIFTED.get()
    }

    /// Sets the wall clock, as an offset from the elapsed time. Does not affect waits.
    pub(in crate::engine) fn set_wall(shift: SignedDuration) {
        SHIFTED.set(shift);
    }

    pub(crate) fn stopped() -> Option<(Instant, Duration)> {
        STOPPED.get()
    }

    /// The time since the start of the clock.
    pub(in crate::engine) fn passed() -> Duration {
        STOPPED.get().map_or(Duration::ZERO, |(_, passed)| passed)
    }

    /// Stops the clock of this thread at that time after its start.
    pub(crate) fn stop_at(passed: Duration) {
        let start = STOPPED.get().map_or_else(Instant::now, |(start, _)| start);
        STOPPED.set(Some((start, passed)));
    }
}
