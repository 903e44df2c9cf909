//! A rate limit for two vendors that document none, in every known form of a 429 (vendors/contensis.md §6, vendors/superoffice.md
//! §10).

use std::time::Duration;

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::exchange::Reply;

/// How an answer gives the delay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ThrottleDialect {
    /// `Retry-After` in seconds.
    #[default]
    Seconds,
    /// `Retry-After` as a date.
    Date,
    /// Not at all.
    None,
}

/// Calls in the present window; windows are aligned to the clock.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    window: i64,
    used: u32,
}

impl Pace {
    /// Counts a call; returns the rest of the window if it is one too many.
    pub(crate) fn over(&mut self, cap: Option<u32>, length: Duration, now: Timestamp) -> Option<Duration> {
        let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX).max(1);
        let millis = now.as_millisecond();
        let window = millis.div_euclid(length);
        if self.window != window {
            *self = Self { window, used: 0 };
        }
        self.used += 1;
        let left = length - millis.rem_euclid(length);
        (self.used > cap?).then(|| Duration::from_millis(left.unsigned_abs()))
    }
}

/// That answer as a 429 with the delay in its form: in whole seconds, as HTTP has no finer ones.
pub(crate) fn too_many(mut reply: Reply, dialect: ThrottleDialect, left: Duration, now: Timestamp) -> Reply {
    reply.status = StatusCode::TOO_MANY_REQUESTS;
    let seconds = left.as_millis().div_ceil(1000);
    match dialect {
        ThrottleDialect::Seconds => reply.with("retry-after", &seconds.to_string()),
        ThrottleDialect::Date => {
            let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            let then = now.checked_add(seconds).unwrap_or(Timestamp::MAX);
            reply.with("retry-after", &then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        }
        ThrottleDialect::None => reply,
    }
}
