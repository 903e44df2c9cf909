//! Bounds the processor time of decisions about sets. Each one looks at all members, and each change of a member asks for another one:
//! without a bound, the cost of members that become ready would grow with the square of their number.

use std::time::{Duration, Instant};
use tokio::sync::{Mutex, MutexGuard};

/// How many times as long as a decision the pause after it is: all sets together use at most a fifth of a processor.
const PAUSE: u32 = 4;
/// The longest pause, also if the machine was suspended during a decision.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The turns of all sets of a process, one after the other. A set that decides in a millisecond waits some milliseconds, and what
/// happens meanwhile is part of its next decision.
pub(super) struct Pace(Option<Mutex<Instant>>);

/// The turn of one set; it ends when it is dropped.
pub(super) struct Turn<'a>(Option<(MutexGuard<'a, Instant>, Instant)>);

impl Pace {
    pub(super) fn new() -> Self {
        Self(Some(Mutex::new(Instant::now())))
    }

    /// Creates a pace without pauses.
    #[cfg(test)]
    pub(super) fn unlimited() -> Self {
        Self(None)
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self) -> Turn<'_> {
        let Some(next) = &self.0 else { return Turn(None) };
        let next = next.lock().await;
        tokio::time::sleep_until((*next).into()).await;
        Turn(Some((next, Instant::now())))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some((next, started)) = &mut self.0 {
            let pause = (started.elapsed() * PAUSE).min(LONGEST_PAUSE);
            **next = Instant::now() + pause;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_is_followed_by_a_pause_of_four_times_its_length() {
        let pace = Pace::new();
        let turn = pace.turn().await;
        let started = Instant::now();
        std::thread::sleep(Duration::from_millis(5));
        let took = started.elapsed();
        drop(turn);
        let ended = Instant::now();
        drop(pace.turn().await);
        assert!(
            ended.elapsed() + Duration::from_millis(1) >= took * PAUSE,
            "{took:?}, {:?}",
            ended.elapsed()
        );
    }
}
