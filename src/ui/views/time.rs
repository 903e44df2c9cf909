//! Times, absolute and as their age.

use crate::api::conditions::seconds;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

/// A point in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct When {
    /// In RFC 3339, to the second.
    pub(crate) at: String,
    /// How long ago, or in how long.
    pub(crate) ago: String,
}

impl When {
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        let age = now.duration_since(at).as_secs();
        let ago = match age {
            ..-1 => format!("in {}", length(-age)),
            -1..=1 => "now".to_owned(),
            _ => format!("{} ago", length(age)),
        };
        Self { at: seconds(at).0.to_string(), ago }
    }
}

/// A number of seconds, in the unit that suits it.
pub(crate) fn length(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_their_age() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let of = |seconds: i64| When::new(Timestamp::from_second(1_000_000 - seconds).unwrap(), now).ago;
        for (age, ago) in [
            (0, "now"),
            (-1, "now"),
            (2, "2 s ago"),
            (119, "119 s ago"),
            (120, "2 min ago"),
            (7_200, "2 h ago"),
            (172_800, "2 days ago"),
            (-90, "in 90 s"),
            (-600, "in 10 min"),
        ] {
            assert_eq!(of(age), ago, "{age}");
        }
        assert_eq!(When::new(now, now).at, "1970-01-12T13:46:40Z");
    }
}
