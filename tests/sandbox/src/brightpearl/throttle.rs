//! The request cap: fixed windows aligned to the clock, a pool for all private apps of the account and one for
//! each developer (vendors/brightpearl.md §7).

use std::collections::HashMap;

use jiff::Timestamp;

use super::settings::Settings;

/// Counters of one account.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// Pool -> (window, requests in it).
    used: HashMap<String, (i64, u64)>,
}

/// The headers after a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    pub(crate) over: bool,
    pub(crate) remaining: u64,
    pub(crate) millis_left: i64,
}

impl Throttle {
    /// Counts one request, whatever its result.
    pub(crate) fn count(&mut self, pool: String, settings: &Settings, now: Timestamp) -> Meter {
        let length = settings.throttle_window_millis.max(1);
        let millis = now.as_millisecond();
        let window = millis.div_euclid(length);
        let used = self.used.entry(pool).or_insert((window, 0));
        if used.0 != window {
            *used = (window, 0);
        }
        used.1 += 1;
        Meter {
            over: used.1 > settings.throttle_cap,
            remaining: settings.throttle_cap.saturating_sub(used.1),
            millis_left: length - millis.rem_euclid(length),
        }
    }
}
