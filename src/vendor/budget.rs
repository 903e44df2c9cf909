//! How many calls an account may make: one budget an account, whatever its clients and their number.
//!
//! The vendor's published limit less a reserve, or what `spec.rateLimit` says, counted here over a sliding window, so that
//! no window of the vendor's, however it is aligned, ever holds more. Where the vendor tells what is left, and when it
//! counts anew, that holds too: others draw on the same limit. Own code, as the known crates do not let a vendor correct them.

use crate::api::account::{RateLimit, Vendor};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
/// One in so many of an account's calls is left to the Webhooks of its own namespace.
const OWN_SHARE: usize = 4;

/// So many calls in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    calls: u32,
    window: Duration,
    /// How many of them are left to others.
    reserve: u32,
}

/// What one account may still ask of its vendor.
#[derive(Debug)]
pub struct Budget {
    limit: Option<Limit>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the calls of the last window were made.
    made: VecDeque<Instant>,
    /// What the vendor said is left, less what was sent since, and when it counts anew.
    told: Option<(u32, Instant)>,
    /// Until when the vendor asked to be left alone.
    closed: Option<Instant>,
}

impl Budget {
    /// The budget of an account.
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

    /// How long to wait for the next call; none where it can be made now.
    pub fn wait(&self) -> Option<Duration> {
        let now = Instant::now();
        self.state(now).allows(self.limit, now).err()
    }

    /// Takes one call out of the budget; an error says how long to wait for the next.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state(now);
        state.allows(self.limit, now)?;
        if self.limit.is_none() {
            return Ok(());
        }
        if let Some((left, _)) = &mut state.told {
            *left = left.saturating_sub(1);
        }
        state.made.push_back(now);
        Ok(())
    }

    /// Whether the vendor may be asked anything at all; an error says how long to leave it alone.
    pub(crate) fn open(&self, now: Instant) -> Result<(), Duration> {
        self.state(now).closed.map_or(Ok(()), |until| Err(until - now))
    }

    /// The vendor says how many calls are left until it counts anew.
    pub(crate) fn told(&self, left: u32, anew: Duration, now: Instant) {
        let Some(until) = now.checked_add(anew) else { return };
        let mut state = self.state(now);
        // Answers may overtake one another: within one window only the lower count is the newer.
        let same_window =
            |(_, other): &(u32, Instant)| until.max(*other) - until.min(*other) < Duration::from_secs(1);
        let left = match state.told.filter(same_window) {
            Some((known, _)) => known.min(left),
            None => left,
        };
        state.told = Some((left, until));
    }

    /// The vendor asks to be left alone for so long.
    pub(crate) fn close(&self, wait: Duration, now: Instant) {
        let until = now.checked_add(wait);
        let mut state = self.state(now);
        state.closed = state.closed.max(until);
    }

    /// How long so many calls for Webhooks of other namespaces wait: they leave a part of the budget to the account's own. None
    /// where they can be made now.
    pub fn guests_wait(&self, calls: usize) -> Option<Duration> {
        let (limit, now) = (self.limit?, Instant::now());
        let own = limit.usable() / OWN_SHARE;
        let left = usize::try_from(self.remaining()?).unwrap_or(usize::MAX);
        // A share that is smaller than what is asked for would never suffice.
        let needed = (own + calls).min(limit.usable());
        let lacking = needed.checked_sub(left).filter(|lacking| *lacking > 0)?;
        let state = self.state(now);
        let freed =
            state.made.get(lacking.min(state.made.len()).saturating_sub(1)).map(|at| *at + limit.window);
        let until = [freed, state.told.map(|(_, until)| until), state.closed].into_iter().flatten().min();
        let wait = until.map_or(limit.window, |until| until.saturating_duration_since(now));
        Some(wait.max(Duration::from_millis(100)))
    }

    /// How many calls can be made now; none where there is no limit.
    pub fn remaining(&self) -> Option<u32> {
        let state = self.state(Instant::now());
        let limit = self.limit?;
        if state.closed.is_some() {
            return Some(0);
        }
        let own = u32::try_from(limit.usable().saturating_sub(state.made.len())).unwrap_or(u32::MAX);
        Some(state.told.map_or(own, |(left, _)| own.min(left.saturating_sub(limit.reserve))))
    }

    /// How long so many calls take at least, where they do not fit into what can be made now.
    pub fn time_for(&self, calls: usize) -> Option<Duration> {
        let limit = self.limit?;
        let later = calls.saturating_sub(usize::try_from(self.remaining()?).unwrap_or(usize::MAX));
        let windows = u32::try_from(later.div_ceil(limit.usable())).unwrap_or(u32::MAX);
        (windows > 0).then(|| limit.window.saturating_mul(windows))
    }

    /// The state, with everything forgotten that is over.
    fn state(&self, now: Instant) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.told.is_some_and(|(_, until)| until <= now) {
            // A new window at the vendor's.
            state.told = None;
            state.made.clear();
        }
        state.closed = state.closed.filter(|until| now < *until);
        if let Some(limit) = self.limit {
            while state.made.front().is_some_and(|at| now.saturating_duration_since(*at) >= limit.window) {
                state.made.pop_front();
            }
        }
        state
    }
}

impl State {
    /// Whether a call may be made; an error says how long to wait for it.
    fn allows(&self, limit: Option<Limit>, now: Instant) -> Result<(), Duration> {
        if let Some(until) = self.closed {
            return Err(until - now);
        }
        let Some(limit) = limit else {
            return Ok(());
        };
        let anew = self.told.map(|(_, until)| until);
        if let (Some((left, _)), Some(anew)) = (self.told, anew)
            && left <= limit.reserve
        {
            return Err(anew - now);
        }
        if self.made.len() >= limit.usable() {
            let oldest = self.made.front().map_or(now, |oldest| *oldest + limit.window);
            return Err(anew.map_or(oldest, |anew| anew.min(oldest)).saturating_duration_since(now));
        }
        Ok(())
    }
}

impl Limit {
    fn usable(self) -> usize {
        // A reserve that leaves nothing would leave the account for ever unread.
        usize::try_from(self.calls.saturating_sub(self.reserve).max(1)).unwrap_or(usize::MAX)
    }
}

/// What the vendors publish: Brightpearl 200 calls a minute, shared by all private apps of an account
/// (vendors/brightpearl.md 7); SuperOffice 10 a second for an app in its cloud, of which half are left to the app's other
/// work (vendors/superoffice.md 10); Contensis none (vendors/contensis.md 6), nor does an installation of one's own.
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
            if budget.take(start + at).is_ok() {
                made.push(at);
            }
        }
        for (i, first) in made.iter().enumerate() {
            let within = made[i..].iter().filter(|at| at.saturating_sub(*first) < MINUTE).count();
            assert!(within <= 7, "{within} from {first:?} on");
        }
        assert_eq!(made.len(), 7 * 5, "five minutes, and nothing is given away");
    }

    #[test]
    fn what_the_vendor_tells_counts_until_it_counts_anew() {
        let (budget, now) = (budget(200, 20), Instant::now());
        budget.take(now).unwrap();
        budget.told(21, seconds(30), now);
        budget.take(now).unwrap();
        assert_eq!(budget.take(now), Err(seconds(30)), "the reserve is left to others");
        // An answer that overtook another one.
        budget.told(25, seconds(29), now + seconds(1));
        assert_eq!(budget.take(now + seconds(2)), Err(seconds(28)));
        assert!(budget.take(now + seconds(30)).is_ok(), "a new window");
    }

    #[test]
    fn who_is_told_to_wait_waits_just_so_long() {
        let (budget, now) = (budget(200, 20), Instant::now());
        budget.close(seconds(7), now);
        budget.close(seconds(3), now);
        assert_eq!(budget.take(now), Err(seconds(7)), "the longer wait holds");
        assert!(budget.take(now + seconds(7)).is_ok());
        let unlimited = Budget { limit: None, state: Mutex::default() };
        unlimited.close(seconds(7), now);
        assert_eq!(unlimited.take(now), Err(seconds(7)));
        assert!(unlimited.take(now + seconds(7)).is_ok());
        assert_eq!(unlimited.remaining(), None);
    }

    #[test]
    fn guests_leave_a_quarter_to_the_account_itself() {
        let (budget, start) = (budget(43, 3), Instant::now());
        let mut made = 0;
        while budget.guests_wait(1).is_none() {
            budget.take(start).unwrap();
            made += 1;
        }
        assert_eq!((made, budget.remaining()), (30, Some(10)));
        let wait = budget.guests_wait(1).unwrap();
        assert!(wait > seconds(50) && wait <= MINUTE, "{wait:?}");
        let tiny = self::budget(1, 0);
        assert_eq!(tiny.guests_wait(2), None, "a share of nothing would wait for ever");
    }

    #[test]
    fn a_reserve_never_leaves_an_account_unread() {
        let (budget, now) = (budget(1, 1), Instant::now());
        assert!(budget.take(now).is_ok());
        assert_eq!(budget.take(now), Err(MINUTE));
    }
}
