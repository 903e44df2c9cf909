//! Secrets and ConfigMaps that could not be read. Each is the matter of those that take a value from it.
//!
//! A refusal is believed when it has been repeated, as rights are not in force at once, as after a restart of the API server;
//! so is a failure. Until then whoever reads the object waits, and nobody else does. What failed is tried again with growing
//! pauses; what is refused, with the next pass that has another reason. A name that no object can have is believed at once.

use crate::engine::cluster::secrets::{Dependency, account_keys};
use crate::engine::cluster::values::{Unread, Values};
use crate::engine::pass::{Pass, PassError};
use crate::engine::state::account::AccountState;
use crate::engine::state::retry::backed_off;
use crate::engine::status::webhook::{AccountError, CLUSTER_UNAVAILABLE};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A refusal or failure is believed after so many tries in a row.
const BELIEVED: u32 = 3;

/// How often in a row an object could not be read.
#[derive(Clone, Copy, Default)]
struct Tries {
    count: u32,
    /// Whether the last one failed, so that another one may not.
    failed: bool,
}

/// The unread objects of one account.
#[derive(Default)]
pub(crate) struct UnreadObjects(BTreeMap<Dependency, Tries>);

impl UnreadObjects {
    /// Counts what a reading could not read. Returns what is not believed yet, and why it was not read.
    pub(crate) fn count<'v>(&mut self, values: &'v Values) -> BTreeMap<&'v Dependency, &'v Unread> {
        let unread = values.unread().filter(|(_, why)| !matches!(why, Unread::InvalidName(_)));
        let unread: BTreeMap<_, _> = unread.collect();
        self.0.retain(|known, _| unread.contains_key(known));
        let is_new = |(from, why): &(&Dependency, &Unread)| {
            let tries = self.0.entry((*from).clone()).or_default();
            tries.count = tries.count.saturating_add(1);
            tries.failed = matches!(why, Unread::Failed(_));
            tries.count < BELIEVED
        };
        unread.into_iter().filter(is_new).collect()
    }

    /// Whether the last two readings or more failed to read it.
    pub(crate) fn keeps_failing(&self, from: &Dependency) -> bool {
        self.0.get(from).is_some_and(|tries| tries.failed && tries.count > 1)
    }

    /// How long until they are read again, if any is to be.
    pub(crate) fn retry(&self) -> Option<Duration> {
        let tried_again = self.0.values().filter(|tries| tries.failed || tries.count < BELIEVED);
        tried_again.map(|tries| tries.count).min().map(|count| backed_off(count - 1))
    }
}

impl<S, R> Pass<'_, S, R> {
    /// The Secrets and ConfigMaps that may be readable with the next pass, whose readers wait for that. It is an error if the
    /// account is one of them: one that is shown in its conditions when it is repeated.
    pub(crate) fn doubted_dependencies(
        &self,
        memory: &mut AccountState,
        values: &Values,
    ) -> Result<BTreeSet<Dependency>, PassError> {
        if self.context.dry_run {
            return Ok(BTreeSet::new());
        }
        let doubted = memory.unread.count(values);
        for (from, why) in &doubted {
            let words = why.words();
            tracing::warn!(vendor = %self.vendor, account = %self.key, "{from} was not read and is tried again: {words}");
        }
        for (own, _) in account_keys(&self.account.spec.vendor, &self.key.namespace) {
            if memory.unread.keeps_failing(&own)
                && let Some(why) = values.unread().find_map(|(from, why)| (*from == own).then_some(why))
            {
                let message = format!(
                    "{own}, which the account logs in with, cannot be read: {}; it is tried again with growing pauses",
                    why.words()
                );
                let trouble = AccountError { reason: CLUSTER_UNAVAILABLE, message, stalled: false };
                return Err(PassError::AccountError(trouble, None));
            }
            if let Some(why) = doubted.get(&own) {
                return Err(PassError::Cluster(format!("reading the account's {own}: {}", why.words())));
            }
        }
        Ok(doubted.into_keys().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ObjectKey;

    fn secret(name: &str) -> Dependency {
        Dependency::Secret(ObjectKey::new("shop", name))
    }

    fn values(names: &[&str], why: &Unread) -> Values {
        let mut values = Values::default();
        for name in names {
            values.note_unread(secret(name), why.clone());
        }
        values
    }

    #[test]
    fn a_refusal_is_believed_once_and_not_doubted_again() {
        let mut unread = UnreadObjects::default();
        let mut doubted = |names: &[&str]| {
            let values = values(names, &Unread::Forbidden("forbidden".into()));
            let doubted: Vec<_> = unread.count(&values).into_keys().cloned().collect();
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
            let values = values(&["a"], &Unread::Failed("etcd".into()));
            assert_eq!(unread.count(&values).len(), usize::from(count < BELIEVED));
            assert_eq!(unread.keeps_failing(&secret("a")), count > 1);
            let wait = unread.retry().unwrap();
            assert!(wait <= Duration::from_secs(1 << (count - 1)) && wait <= Duration::from_secs(300));
        }
        unread.count(&Values::default());
        assert!(unread.retry().is_none() && !unread.keeps_failing(&secret("a")));
    }

    #[test]
    fn a_name_that_no_object_can_have_is_not_doubted() {
        let mut unread = UnreadObjects::default();
        let values = values(&["?watch=true"], &Unread::InvalidName("no".into()));
        assert!(unread.count(&values).is_empty() && unread.retry().is_none());
        let problem = values.find(&secret("?watch=true"), "k").err().unwrap();
        assert_eq!(problem, "no; name the Secret that has the value");
    }
}
