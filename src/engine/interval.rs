//! Intervals as users write them.

use crate::api::VendorAccount;
use std::time::Duration;

/// The longest valid interval.
const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// The resync interval where the stored one cannot be read: the CRD's default.
const DEFAULT_RESYNC: Duration = Duration::from_secs(300);

/// Returns how often the vendor's list is read; the CRD keeps it within its range.
pub(crate) fn resync_interval(account: &VendorAccount) -> Duration {
    interval(&account.spec.resync_interval).unwrap_or(DEFAULT_RESYNC)
}

/// Parses `90s`, `5m` or `1h30m`. At most a day is valid, so that sums of intervals do not overflow a clock.
///
/// # Errors
///
/// What is wrong with the text, and how an interval is written.
pub(crate) fn interval(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is not an interval: write it like 90s, 5m or 1h30m");
    let mut total = Duration::ZERO;
    let mut number = String::new();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let count: u64 = std::mem::take(&mut number).parse().map_err(|_| wrong())?;
        total = total.saturating_add(Duration::from_secs(count.saturating_mul(unit)));
    }
    if !number.is_empty() || text.is_empty() {
        return Err(wrong());
    }
    if total > LONGEST_INTERVAL {
        return Err(format!("{text} is too long: at most 24h"));
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_like_go_durations() {
        let cases = [
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("1h30m", Some(5400)),
            ("24h", Some(86_400)),
            ("5", None),
            ("m", None),
            ("", None),
            ("1d", None),
            ("0s", Some(0)),
            ("24h1s", None),
            ("1000000000h", None),
            ("18446744073709551615h", None),
            ("99999999999999999999s", None),
            ("18446744073709551615s18446744073709551615s", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(interval(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
