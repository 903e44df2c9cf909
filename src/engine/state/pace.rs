//! How often a pass may be asked for: a request and an edit by a guest cost the account a call of its vendor each, whoever
//! makes them.

use crate::engine::clock;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// The number of requested passes that may follow one another at once;
const BURST: u32 = 5;
/// after them one in this time.
const INTERVAL: Duration = Duration::from_secs(3);

/// Stands for guests where it is not known which: one of them is gone.
pub(crate) const GUESTS: &str = "";

/// Why a pass is due before its time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// The account, a Webhook of its own namespace or a value that these name is another.
    pub(crate) by_owner: bool,
    /// The namespaces of guests that are others, and those in which only a pass was asked for.
    pub(crate) by: BTreeSet<String>,
}

impl Changes {
    /// Something of that namespace is another.
    pub(crate) fn by(&mut self, namespace: &str) {
        if !self.by.contains(namespace) {
            self.by.insert(namespace.to_owned());
        }
    }

    /// Whether there is anything.
    pub(crate) fn is_some(&self) -> bool {
        self.by_owner || !self.by.is_empty()
    }
}

/// When each namespace's passes would be spent, at the pace of one in an interval.
#[derive(Default)]
pub(crate) struct Pace(HashMap<String, Instant>);

impl Pace {
    /// Returns how long a pass has to wait that is due for this reason; none if it may be made now, which is taken note of.
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
