//! Secrets and ConfigMaps that could not be read. A failure concerns only those that take a value from the object.
//!
//! A refusal is reported when it has been repeated, because rights may take effect late, as after a restart of the API server.
//! The same holds for a failure. Until then those that read the object wait. What failed is read again with a growing back-off; what
//! was refused is read again with the next pass that has another cause. An invalid name is reported at once.

use super::retry::back_off;
use crate::engine::dependency::{Dependency, ReadFailure};
use std::collections::BTreeMap;
use std::time::Duration;

/// A refusal or failure is reported after this many attempts in a row.
const REPORTED_AFTER: u32 = 3;

/// How often in a row an object could not be read.
#[derive(Clone, Copy, Default)]
struct Attempts {
    count: u32,
    /// Whether the last one failed, so that another one may not.
    failed: bool,
}

/// The objects of one account that could not be read.
#[derive(Default)]
pub(crate) struct UnreadObjects(BTreeMap<Dependency, Attempts>);

impl UnreadObjects {
    /// Counts what could not be read. Returns those that are not reported yet, as the next attempt may succeed.
    pub(crate) fn count<'v>(
        &mut self,
        unread: impl Iterator<Item = (&'v Dependency, &'v ReadFailure)>,
    ) -> BTreeMap<&'v Dependency, &'v ReadFailure> {
        let unread: BTreeMap<_, _> =
            unread.filter(|(_, why)| !matches!(why, ReadFailure::InvalidName(_))).collect();
        self.0.retain(|known, _| unread.contains_key(known));
        let is_new = |(from, why): &(&Dependency, &ReadFailure)| {
            let attempts = self.0.entry((*from).clone()).or_default();
            attempts.count = attempts.count.saturating_add(1);
            attempts.failed = matches!(why, ReadFailure::Failed(_));
            attempts.count < REPORTED_AFTER
        };
        unread.into_iter().filter(is_new).collect()
    }

    /// Whether at least the last two attempts to read it failed.
    pub(crate) fn keeps_failing(&self, from: &Dependency) -> bool {
        self.0.get(from).is_some_and(|attempts| attempts.failed && attempts.count > 1)
    }

    /// Returns how long until they are read again, if any is to be.
    pub(crate) fn retry(&self) -> Option<Duration> {
        let read_again =
            self.0.values().filter(|attempts| attempts.failed || attempts.count < REPORTED_AFTER);
        read_again.map(|attempts| attempts.count).min().map(|count| back_off(count - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ObjectKey;

    fn secret(name: &str) -> Dependency {
        Dependency::Secret(ObjectKey::new("shop", name))
    }

    fn counted(unread: &mut UnreadObjects, names: &[&str], why: &ReadFailure) -> Vec<Dependency> {
        let secrets: Vec<_> = names.iter().map(|name| secret(name)).collect();
        let doubted = unread.count(secrets.iter().map(|from| (from, why)));
        doubted.into_keys().cloned().collect()
    }

    #[test]
    fn a_refusal_is_reported_once_and_not_doubted_again() {
        let mut unread = UnreadObjects::default();
        let mut doubted = |names: &[&str]| {
            let doubted = counted(&mut unread, names, &ReadFailure::Forbidden("forbidden".into()));
            (doubted, unread.retry().is_some())
        };
        assert_eq!(doubted(&[]), (vec![], false));
        assert_eq!(doubted(&["a"]), (vec![secret("a")], true));
        assert_eq!(doubted(&["a"]), (vec![secret("a")], true));
        for _ in 0..3 {
            assert_eq!(doubted(&["a"]), (vec![], false), "no pass waits for it again");
        }
        assert_eq!(doubted(&["a", "b"]), (vec![secret("b")], true), "another one is another matter");
        assert_eq!(doubted(&["b"]), (vec![secret("b")], true));
        assert_eq!(doubted(&["a", "b"]), (vec![secret("a")], true), "it was readable in between");
    }

    #[test]
    fn what_fails_is_tried_again_until_it_is_read() {
        let mut unread = UnreadObjects::default();
        for count in 1..9 {
            let doubted = counted(&mut unread, &["a"], &ReadFailure::Failed("etcd".into()));
            assert_eq!(doubted.len(), usize::from(count < REPORTED_AFTER));
            assert_eq!(unread.keeps_failing(&secret("a")), count > 1);
            let wait = unread.retry().unwrap();
            assert!(wait <= Duration::from_secs(1 << (count - 1)) && wait <= Duration::from_secs(300));
        }
        counted(&mut unread, &[], &ReadFailure::Failed("etcd".into()));
        assert!(unread.retry().is_none() && !unread.keeps_failing(&secret("a")));
    }

    #[test]
    fn a_name_that_no_object_can_have_is_not_doubted() {
        let mut unread = UnreadObjects::default();
        let doubted = counted(&mut unread, &["?watch=true"], &ReadFailure::InvalidName("no".into()));
        assert!(doubted.is_empty() && unread.retry().is_none());
    }
}
