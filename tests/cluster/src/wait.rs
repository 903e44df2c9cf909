//! Waiting for something to become true, without fixed sleeps: a look every 25 ms until a deadline.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(25);

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

/// Looks every 25 ms until `look` returns `Ok`, whose value is the result. An `Err` holds what was seen instead; when the
/// deadline has passed, the last one is part of the failure. `look` runs at least once.
///
/// ```
/// # use std::time::Duration;
/// let mut count = 0;
/// let seen = hooktender_cluster::eventually(Duration::from_secs(5), "three looks", || {
///     count += 1;
///     if count == 3 { Ok(count) } else { Err(count) }
/// });
/// assert_eq!(seen, Ok(3));
/// ```
pub fn eventually<T, Seen: Debug>(
    deadline: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, Seen>,
) -> Result<T, TimedOut> {
    let start = Instant::now();
    loop {
        match look() {
            Ok(value) => return Ok(value),
            Err(seen) if start.elapsed() >= deadline => {
                return Err(TimedOut {
                    what: what.to_owned(),
                    waited: start.elapsed(),
                    last: format!("{seen:?}"),
                });
            }
            Err(_) => thread::sleep(INTERVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_names_what_was_awaited_and_what_was_seen_last() {
        let mut looks = 0;
        let failure = eventually(Duration::from_millis(60), "the moon", || {
            looks += 1;
            Err::<(), _>(looks)
        })
        .unwrap_err();
        assert_eq!(failure.what, "the moon");
        assert_eq!(failure.last, looks.to_string());
        assert!(looks > 1, "looked {looks} times");
    }
}
