//! Rate limit of an account, shared by all its clients.
//!
//! The limit is `spec.rateLimit`, or the vendor's published limit minus a reserve. It counts over a sliding window, so that no
//! window of the vendor's exceeds the limit, however it is aligned. Where the vendor reports how many calls remain and when its
//! window resets, that applies too, as others use the same limit. Crates such as `governor` cannot take such a correction.

use crate::api::account::{RateLimit, Vendor};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
/// One in this many of an account's calls is left to the Webhooks of its own namespace.
const OWN_SHARE: usize = 4;

/// A number of calls in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    calls: u32,
    window: Duration,
    /// How many of them to leave to other clients.
    reserve: u32,
}

/// The call budget of one account.
#[derive(Debug)]
pub struct Budget {
    limit: Option<Limit>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the calls of the last window were sent.
    history: VecDeque<Instant>,
    /// How many calls the vendor reported as remaining, less those sent since, and when its window resets.
    reported: Option<(u32, Instant)>,
    /// The end of the wait that the vendor asked for.
    blocked_until: Option<Instant>,
}

impl Budget {
    /// Returns the budget of an account.
    pub fn of(vendor: &Vendor, rate: Option<&RateLimit>) -> Self {
        let number = |n: i32| u32::try_from(n).unwrap_or_default();
        let limit = match rate {
            Some(rate) => Some(Limit {
                calls: number(rate.requests_per_minute),
                window: MINUTE,
                reserve: number(rate.reserve),
            }),
            None => published(vendor),
        };
        Self { limit, state: Mutex::default() }
    }

    /// Returns how long to wait before the next call; none if it can be sent now.
    pub fn wait(&self) -> Option<Duration> {
        let now = Instant::now();
        self.state(now).allows(self.limit, now).err()
    }

    /// Takes one call out of the budget; an error says how long to wait.
    pub(crate) fn try_acquire(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state(now);
        state.allows(self.limit, now)?;
        if self.limit.is_none() {
            return Ok(());
        }
        if let Some((remaining, _)) = &mut state.reported {
            *remaining = remaining.saturating_sub(1);
        }
        state.history.push_back(now);
        Ok(())
    }

    /// Checks that the vendor did not ask for a wait; an error says how long it is. For calls that the limit does not count.
    pub(crate) fn check(&self, now: Instant) -> Result<(), Duration> {
        self.state(now).blocked_until.map_or(Ok(()), |until| Err(until - now))
    }

    /// Records how many calls remain until the vendor's window resets.
    pub(crate) fn update_from_headers(&self, remaining: u32, resets_in: Duration, now: Instant) {
        let Some(until) = now.checked_add(resets_in) else { return };
        let mut state = self.state(now);
        // Answers may arrive out of order: within one window the lower count is the newer one.
        let same_window =
            |(_, other): &(u32, Instant)| until.max(*other) - until.min(*other) < Duration::from_secs(1);
        let remaining = match state.reported.filter(same_window) {
            Some((known, _)) => known.min(remaining),
            None => remaining,
        };
        state.reported = Some((remaining, until));
    }

    /// Allows no call for `wait`, as the vendor asked for.
    pub(crate) fn block_for(&self, wait: Duration, now: Instant) {
        let until = now.checked_add(wait);
        let mut state = self.state(now);
        state.blocked_until = state.blocked_until.max(until);
    }

    /// Returns how long calls for Webhooks of other namespaces have to wait, as they leave a part of the budget to the account's
    /// own namespace. None if they can be sent now.
    pub fn guests_wait(&self, calls: usize) -> Option<Duration> {
        let (limit, now) = (self.limit?, Instant::now());
        let own = limit.usable() / OWN_SHARE;
        let remaining = usize::try_from(self.remaining()?).unwrap_or(usize::MAX);
        // More than the limit would never be available.
        let needed = (own + calls).min(limit.usable());
        let lacking = needed.checked_sub(remaining).filter(|lacking| *lacking > 0)?;
        let state = self.state(now);
        let freed = state
            .history
            .get(lacking.min(state.history.len()).saturating_sub(1))
            .map(|at| *at + limit.window);
        let until =
            [freed, state.reported.map(|(_, until)| until), state.blocked_until].into_iter().flatten().min();
        let wait = until.map_or(limit.window, |until| until.saturating_duration_since(now));
        Some(wait.max(Duration::from_millis(100)))
    }

    /// Returns how many calls can be sent now; none if there is no limit.
    pub fn remaining(&self) -> Option<u32> {
        let state = self.state(Instant::now());
        let limit = self.limit?;
        if state.blocked_until.is_some() {
            return Some(0);
        }
        let own = u32::try_from(limit.usable().saturating_sub(state.history.len())).unwrap_or(u32::MAX);
        Some(state.reported.map_or(own, |(remaining, _)| own.min(remaining.saturating_sub(limit.reserve))))
    }

    /// Returns how long that many calls take at least; none if all can be sent now.
    pub fn time_for(&self, calls: usize) -> Option<Duration> {
        let limit = self.limit?;
        let later = calls.saturating_sub(usize::try_from(self.remaining()?).unwrap_or(usize::MAX));
        let windows = u32::try_from(later.div_ceil(limit.usable())).unwrap_or(u32::MAX);
        (windows > 0).then(|| limit.window.saturating_mul(windows))
    }

    /// Returns the state without what has expired.
    fn state(&self, now: Instant) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.reported.is_some_and(|(_, until)| until <= now) {
            // The vendor's next window.
            state.reported = None;
            state.history.clear();
        }
        state.blocked_until = state.blocked_until.filter(|until| now < *until);
        if let Some(limit) = self.limit {
            while state.history.front().is_some_and(|at| now.saturating_duration_since(*at) >= limit.window) {
                state.history.pop_front();
            }
        }
        state
    }
}

impl State {
    /// Checks that a call may be sent; an error says how long to wait.
    fn allows(&self, limit: Option<Limit>, now: Instant) -> Result<(), Duration> {
        if let Some(until) = self.blocked_until {
            return Err(until - now);
        }
        let Some(limit) = limit else {
            return Ok(());
        };
        let resets_at = self.reported.map(|(_, until)| until);
        if let (Some((remaining, _)), Some(resets_at)) = (self.reported, resets_at)
            && remaining <= limit.reserve
        {
            return Err(resets_at - now);
        }
        if self.history.len() >= limit.usable() {
            let oldest = self.history.front().map_or(now, |oldest| *oldest + limit.window);
            return Err(resets_at
                .map_or(oldest, |resets_at| resets_at.min(oldest))
                .saturating_duration_since(now));
        }
        Ok(())
    }
}

impl Limit {
    fn usable(self) -> usize {
        // At least one, or the account could never be read.
        usize::try_from(self.calls.saturating_sub(self.reserve).max(1)).unwrap_or(usize::MAX)
    }
}

/// Returns the vendor's published limit. Brightpearl: 200 calls a minute, shared by all private apps of an account
/// (vendors/brightpearl.md 7). SuperOffice: 10 a second for an app in its cloud, of which half are left to the app's other work
/// (vendors/superoffice.md 10). Contensis and on-site installations have none (vendors/contensis.md 6).
fn published(vendor: &Vendor) -> Option<Limit> {
    match vendor {
        Vendor::Brightpearl(_) => Some(Limit { calls: 200, window: MINUTE, reserve: 20 }),
        Vendor::Contensis(_) => None,
        Vendor::Superoffice(account) => {
            account.online.as_ref().map(|_| Limit { calls: 10, window: Duration::from_secs(1), reserve: 5 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(calls: u32, reserve: u32) -> Budget {
        Budget { limit: Some(Limit { calls, window: MINUTE, reserve }), state: Mutex::default() }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn no_minute_holds_more_than_the_limit_less_the_reserve() {
        let (budget, start) = (budget(10, 3), Instant::now());
        let mut made: Vec<Duration> = Vec::new();
        for tick in 0..600 {
            let at = Duration::from_millis(tick * 500);
            if budget.try_acquire(start + at).is_ok() {
                made.push(at);
            }
        }
        for (i, first) in made.iter().enumerate() {
            let within = made[i..].iter().filter(|at| at.saturating_sub(*first) < MINUTE).count();
            assert!(within <= 7, "{within} from {first:?} on");
        }
        assert_eq!(made.len(), 7 * 5, "the whole limit in each of five minutes");
    }

    #[test]
    fn the_reported_count_applies_until_the_window_resets() {
        let (budget, now) = (budget(200, 20), Instant::now());
        budget.try_acquire(now).unwrap();
        budget.update_from_headers(21, seconds(30), now);
        budget.try_acquire(now).unwrap();
        assert_eq!(budget.try_acquire(now), Err(seconds(30)), "the reserve is left to others");
        // An answer that arrived out of order.
        budget.update_from_headers(25, seconds(29), now + seconds(1));
        assert_eq!(budget.try_acquire(now + seconds(2)), Err(seconds(28)));
        assert!(budget.try_acquire(now + seconds(30)).is_ok(), "a new window");
    }

    #[test]
    fn a_wait_that_the_vendor_asks_for_is_kept_exactly() {
        let (budget, now) = (budget(200, 20), Instant::now());
        budget.block_for(seconds(7), now);
        budget.block_for(seconds(3), now);
        assert_eq!(budget.try_acquire(now), Err(seconds(7)), "the longer wait applies");
        assert!(budget.try_acquire(now + seconds(7)).is_ok());
        let unlimited = Budget { limit: None, state: Mutex::default() };
        unlimited.block_for(seconds(7), now);
        assert_eq!(unlimited.try_acquire(now), Err(seconds(7)));
        assert!(unlimited.try_acquire(now + seconds(7)).is_ok());
        assert_eq!(unlimited.remaining(), None);
    }

    #[test]
    fn guests_leave_a_quarter_to_the_account_itself() {
        let (budget, start) = (budget(43, 3), Instant::now());
        let mut made = 0;
        while budget.guests_wait(1).is_none() {
            budget.try_acquire(start).unwrap();
            made += 1;
        }
        assert_eq!((made, budget.remaining()), (30, Some(10)));
        let wait = budget.guests_wait(1).unwrap();
        assert!(wait > seconds(50) && wait <= MINUTE, "{wait:?}");
        let tiny = self::budget(1, 0);
        assert_eq!(tiny.guests_wait(2), None, "a budget of one call is not shared");
    }

    #[test]
    fn a_reserve_never_leaves_an_account_unread() {
        let (budget, now) = (budget(1, 1), Instant::now());
        assert!(budget.try_acquire(now).is_ok());
        assert_eq!(budget.try_acquire(now), Err(MINUTE));
    }
}
