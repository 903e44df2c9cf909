//! What a history is judged by, as it happens.

use crate::api::Webhook;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A set as it was at one moment.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) at: u64,
    /// The uid of the set.
    pub(super) set: String,
    pub(super) paused: bool,
    /// The Webhooks that belong to it and are not being deleted.
    pub(super) owned: usize,
    /// How many members a roll-out may make unavailable; none with `OnDelete`.
    pub(super) limit: Option<usize>,
    /// How many unapproved changes had been made, of all sets.
    pub(super) unapproved: usize,
    /// The accounts that match.
    pub(super) matching: BTreeSet<String>,
}

/// A change that the guard counts and that was made without an approval.
#[derive(Clone, Debug)]
pub(super) struct Unapproved {
    pub(super) at: u64,
    /// The uid of the set.
    pub(super) set: String,
    /// The change, as the guard words it.
    pub(super) change: String,
}

/// A member: the uid of its set, and the name of its Webhook.
pub(super) type MemberKey = (String, String);

#[derive(Default)]
pub(super) struct Facts {
    pub(super) samples: Vec<Sample>,
    pub(super) unapproved: Vec<Unapproved>,
    /// Members that a roll-out has changed and that are not available yet.
    pub(super) rolling: BTreeSet<MemberKey>,
    /// Each member as it was when it was last available.
    pub(super) available: BTreeMap<MemberKey, Arc<Webhook>>,
    /// When each account was last changed.
    pub(super) account_changed: BTreeMap<String, u64>,
}

impl Facts {
    /// Returns how a set was from that time on, with how it had been before.
    pub(super) fn since(&self, set: &str, from: u64) -> Vec<&Sample> {
        let all: Vec<_> = self.samples.iter().filter(|sample| sample.set == set).collect();
        let first = all.iter().rposition(|sample| sample.at < from).unwrap_or_default();
        all.into_iter().skip(first).collect()
    }

    /// Returns those of the first unapproved changes that were made to a set from that time on, each once.
    pub(super) fn changes(&self, set: &str, from: u64, first: usize) -> BTreeSet<&str> {
        let all = self.unapproved.iter().take(first);
        let of = all.filter(|one| one.set == set && one.at > from);
        of.map(|one| one.change.as_str()).collect()
    }
}
