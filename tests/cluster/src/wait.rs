//! Waits for a condition by looking again and again, and judges times on machines of any speed.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

use crate::Cluster;

/// How much longer than on an idle machine a step may take: several builds and test runs share this one.
const BUSY: u64 = 5;

/// How long a test waits at most. A wait that succeeds ends at once, so that only what hangs takes so long.
pub const WAIT_LIMIT: Duration = Duration::from_secs(60 * BUSY);

/// [`WAIT_LIMIT`] as an argument of `kubectl wait` and `kubectl delete`.
pub const KUBECTL_WAIT_LIMIT: &str = "--timeout=300s";

/// How long to wait between two looks at a condition, at least.
const INTERVAL: Duration = Duration::from_millis(25);

/// How long one call of kubectl takes on an idle machine.
const IDLE_CALL: Duration = Duration::from_millis(100);

/// The condition did not become true in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not within {waited:.1?}: {what}; last seen: {last}")]
pub struct TimedOut {
    /// What was awaited.
    pub what: String,
    /// How long.
    pub waited: Duration,
    /// What the last look saw.
    pub last: String,
}

/// Looks every 25 ms until `look` returns `Ok`, whose value is the result; fails after [`WAIT_LIMIT`]. Between two long looks it waits
/// as long as one takes, so that a test that waits leaves half a core to what it waits for. An `Err` holds what was seen
/// instead: the last one is part of the failure.
///
/// ```
/// let mut count = 0;
/// let seen = hooktender_cluster::eventually("three looks", || {
///     count += 1;
///     if count == 3 { Ok(count) } else { Err(count) }
/// });
/// assert_eq!(seen, Ok(3));
/// ```
pub fn eventually<T, Seen: Debug>(what: &str, look: impl FnMut() -> Result<T, Seen>) -> Result<T, TimedOut> {
    eventually_within(WAIT_LIMIT, what, look)
}

/// As [`eventually`], with another limit. `look` runs at least once.
pub fn eventually_within<T, Seen: Debug>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, Seen>,
) -> Result<T, TimedOut> {
    let start = Instant::now();
    loop {
        let looked = Instant::now();
        match look() {
            Ok(value) => return Ok(value),
            Err(seen) if start.elapsed() >= limit => {
                return Err(TimedOut {
                    what: what.to_owned(),
                    waited: start.elapsed(),
                    last: format!("{seen:?}"),
                });
            }
            Err(_) => thread::sleep(looked.elapsed().max(INTERVAL)),
        }
    }
}

/// Measures a time that is to be judged, and beside it how fast the machine is at the moment: by what one call of kubectl takes before
/// and after. A limit holds for an idle machine; on a slower one it grows in proportion.
#[derive(Debug)]
pub struct Stopwatch<'a> {
    cluster: &'a Cluster,
    call_before: Duration,
    start: Instant,
}

impl<'a> Stopwatch<'a> {
    /// Starts to measure.
    pub fn start(cluster: &'a Cluster) -> Self {
        let call_before = call(cluster);
        Self { cluster, call_before, start: Instant::now() }
    }

    /// Panics if more than `limit` has passed, stretched by how much slower than an idle machine this one is. Returns the time.
    ///
    /// # Panics
    ///
    /// If it took longer.
    #[track_caller]
    pub fn assert_within(&self, limit: Duration) -> Duration {
        let took = self.start.elapsed();
        let call = self.call_before.max(call(self.cluster));
        let stretched = stretched(limit, call);
        assert!(
            took < stretched,
            "it took {took:.1?}, at most {stretched:.1?}: one call of kubectl takes {call:.1?}"
        );
        took
    }
}

/// Measures one call of kubectl: a process, and a request to the API server. Whether it succeeds is for others to say.
fn call(cluster: &Cluster) -> Duration {
    let start = Instant::now();
    let _ = cluster.kubectl_run(&["get", "--raw=/readyz"]);
    start.elapsed()
}

/// Returns a limit for a machine on which one call of kubectl takes so long.
fn stretched(limit: Duration, call: Duration) -> Duration {
    limit.mul_f64((call.as_secs_f64() / IDLE_CALL.as_secs_f64()).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_names_what_was_awaited_and_what_was_seen_last() {
        let mut looks = 0;
        let failure = eventually_within(Duration::from_millis(60), "the moon", || {
            looks += 1;
            Err::<(), _>(looks)
        })
        .unwrap_err();
        assert_eq!(failure.what, "the moon");
        assert_eq!(failure.last, looks.to_string());
        assert!(failure.waited >= Duration::from_millis(60), "{failure}");
    }

    #[test]
    fn kubectl_waits_as_long_as_we_do() {
        assert_eq!(KUBECTL_WAIT_LIMIT, format!("--timeout={}s", WAIT_LIMIT.as_secs()));
    }

    #[test]
    fn a_limit_grows_on_a_slow_machine_and_never_shrinks() {
        let second = Duration::from_secs(1);
        assert_eq!(stretched(second, IDLE_CALL / 10), second);
        assert_eq!(stretched(second, IDLE_CALL * 4), second * 4);
    }
}
