//! Limits how often passes run because of guests, and how often they can be requested: each such pass costs the account a call to
//! its vendor.

use crate::engine::clock;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// How many passes a namespace can trigger without a wait.
const BURST: u32 = 5;
/// The time between two passes after that.
const INTERVAL: Duration = Duration::from_secs(3);

/// Replaces the namespace of a guest that is gone, so that its namespace is unknown.
pub(crate) const GUESTS: &str = "";

/// Why a pass is due before its time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Whether the account, a Webhook in its namespace, or a value that one of them uses has changed.
    pub(crate) by_owner: bool,
    /// The namespaces in which a guest has changed or a pass was requested.
    pub(crate) by: BTreeSet<String>,
}

impl Changes {
    /// Adds a change in that namespace.
    pub(crate) fn by(&mut self, namespace: &str) {
        if !self.by.contains(namespace) {
            self.by.insert(namespace.to_owned());
        }
    }

    /// Whether anything has changed.
    pub(crate) fn is_some(&self) -> bool {
        self.by_owner || !self.by.is_empty()
    }
}

/// For each namespace, the time at which its whole burst is available again.
#[derive(Default)]
pub(crate) struct Pace(HashMap<String, Instant>);

impl Pace {
    /// Returns how long a pass for this reason has to wait. If it can run now, returns none and counts it.
    pub(crate) fn wait(&mut self, changed: &Changes) -> Option<Duration> {
        let now = clock::now();
        self.0.retain(|_, spent| *spent > now);
        if changed.by_owner || changed.by.is_empty() {
            return None;
        }
        let full = now + INTERVAL * BURST;
        let next = |namespace: &String| self.0.get(namespace).copied().unwrap_or(now) + INTERVAL;
        let after: Vec<_> = changed.by.iter().map(|namespace| (namespace.clone(), next(namespace))).collect();
        let wait =
            after.iter().map(|(_, next)| next.saturating_duration_since(full)).min().unwrap_or_default();
        if !wait.is_zero() {
            return Some(wait);
        }
        self.0.extend(after.into_iter().map(|(namespace, next)| (namespace, next.min(full))));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(namespaces: &[&str]) -> Changes {
        let by = namespaces.iter().map(|one| (*one).to_owned()).collect();
        Changes { by_owner: false, by }
    }

    #[test]
    fn a_flood_of_requests_is_one_pass_in_three_seconds() {
        let mut pace = Pace::default();
        let mut passes = 0;
        for tenths in 0..300 {
            clock::test::stop_at(Duration::from_millis(100 * tenths));
            passes += usize::from(pace.wait(&by(&["guest"])).is_none());
        }
        assert_eq!(passes, 5 + 9, "five at once, then one in three seconds");
    }

    #[test]
    fn nobody_waits_for_another_namespace() {
        clock::test::stop_at(Duration::ZERO);
        let mut pace = Pace::default();
        while pace.wait(&by(&["guest"])).is_none() {}
        assert_eq!(pace.wait(&by(&["guest"])), Some(INTERVAL));
        assert_eq!(pace.wait(&by(&["other"])), None);
        assert_eq!(pace.wait(&by(&["guest", "other"])), None, "one pass serves both");
        assert_eq!(pace.wait(&Changes { by_owner: true, ..by(&["guest"]) }), None);
    }
}
