//! Compares clocks. Tokens and signatures of logins carry times, and certificates are valid between two.

use super::line::Line;
use httpdate::fmt_http_date;
use std::time::{Duration, SystemTime};

/// The largest difference that is taken for the time on the way and the missing fraction of a second.
const TOLERATED: Duration = Duration::from_secs(30);

/// Compares this machine's clock with a server's `Date`.
pub(super) fn check(subject: impl Into<String>, whose: &str, theirs: SystemTime, own: SystemTime) -> Line {
    let (apart, direction) = match own.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if apart <= TOLERATED {
        return Line::ok(subject, format!("the clock agrees with {whose}"));
    }
    let message = format!(
        "this machine's clock is {} s {direction} {whose}, which says {}: logins with an expiry or a signature may fail",
        apart.as_secs(),
        fmt_http_date(theirs)
    );
    Line::problem(subject, message).fix("have the clock set by NTP, on this machine or on the server")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::line::State;

    #[test]
    fn clocks_may_differ_by_seconds() {
        let theirs = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let state = |own: SystemTime| check("clock", "the API server", theirs, own).state;
        for (seconds, expected) in
            [(0, State::Ok), (30, State::Ok), (31, State::Problem), (7200, State::Problem)]
        {
            let apart = Duration::from_secs(seconds);
            assert_eq!(state(theirs + apart), expected, "{seconds} s ahead");
            assert_eq!(state(theirs - apart), expected, "{seconds} s behind");
        }
    }
}
