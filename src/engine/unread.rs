//! Secrets and ConfigMaps that the API server does not let hooktender read.
//!
//! Rights are not in force at once, as after a restart of the API server. So a refusal is believed when it has been repeated;
//! until then whoever reads the object waits, and nobody else does.

use super::past::backed_off;
use super::secrets::{Dependency, Values};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A refusal is believed after so many tries in a row.
const BELIEVED: u32 = 3;

/// The refused objects of one account, with how often in a row each was refused.
#[derive(Default)]
pub(super) struct Unread(BTreeMap<Dependency, u32>);

impl Unread {
    /// Counts the refusals of a reading. Returns those that are not believed yet, with the API server's words.
    pub(super) fn count<'v>(&mut self, values: &'v Values) -> BTreeMap<&'v Dependency, &'v str> {
        let refused: BTreeMap<_, _> = values.refused().collect();
        self.0.retain(|known, _| refused.contains_key(known));
        let is_new = |from: &&Dependency| {
            let count = self.0.entry((*from).clone()).or_default();
            *count = count.saturating_add(1).min(BELIEVED);
            *count < BELIEVED
        };
        let doubted: BTreeSet<_> = refused.keys().copied().filter(is_new).collect();
        refused.into_iter().filter(|(from, _)| doubted.contains(from)).collect()
    }

    /// How long until they are read again, if a refusal is not believed yet.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.0.values().filter(|count| **count < BELIEVED).min().map(|count| backed_off(count - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ObjectKey;

    #[test]
    fn a_refusal_is_believed_once_and_not_doubted_again() {
        let secret = |name: &str| Dependency::Secret(ObjectKey::new("shop", name));
        let refused = |names: &[&str]| {
            let mut values = Values::default();
            for name in names {
                values.refuse(secret(name), "forbidden".into());
            }
            values
        };
        let mut unread = Unread::default();
        let mut doubted = |names: &[&str]| {
            let doubted: Vec<_> = unread.count(&refused(names)).into_keys().cloned().collect();
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
}
