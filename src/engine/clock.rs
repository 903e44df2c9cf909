//! What time it is, and chance. The engine asks here and nowhere else, so that a test can let hours pass in no time, and a
//! history that went wrong goes wrong again.

use k8s_openapi::jiff::Timestamp;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// The time for waits.
pub(crate) fn now() -> Instant {
    #[cfg(test)]
    if let Some((start, passed)) = test::stopped() {
        return start + passed;
    }
    Instant::now()
}

/// How long ago that was.
pub(crate) fn since(then: Instant) -> Duration {
    now().saturating_duration_since(then)
}

/// The time that people read.
pub(crate) fn timestamp() -> Timestamp {
    #[cfg(test)]
    if let Some((_, passed)) = test::stopped() {
        return test::BEGINNING + passed + test::shifted();
    }
    Timestamp::now()
}

/// So much more or less, by chance.
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

/// A clock that goes only as a test says, a thread.
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

    /// Sets the clock on the wall: so far from what has passed. Waits know nothing of it.
    pub(in crate::engine) fn set_wall(shift: SignedDuration) {
        SHIFTED.set(shift);
    }

    pub(crate) fn stopped() -> Option<(Instant, Duration)> {
        STOPPED.get()
    }

    /// How long after its beginning the clock stands.
    pub(in crate::engine) fn passed() -> Duration {
        STOPPED.get().map_or(Duration::ZERO, |(_, passed)| passed)
    }

    /// Stops the clock of this thread, so long after its beginning.
    pub(in crate::engine) fn stop_at(passed: Duration) {
        let start = STOPPED.get().map_or_else(Instant::now, |(start, _)| start);
        STOPPED.set(Some((start, passed)));
    }
}
