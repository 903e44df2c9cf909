//! The guard of a set: changes of many members at once that wait for a person. One mistake in a template or a selector reaches every
//! tenant, and each account's own deletion guard sees only one of them.
//!
//! A change that the guard counts is a text `member=effect`, so that an approval names exactly these: `removed`, `receiver:DIGEST` of
//! the new receiver, `disabled`.

use crate::api::webhook_set::SetGuard;
use crate::plan;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The effect of removing a member.
pub(crate) const REMOVED: &str = "removed";

/// Changes that the guard counts.
pub(crate) type Changes = BTreeSet<String>;

/// Returns one change.
pub(crate) fn change(member: &str, effect: &str) -> String {
    format!("{member}={effect}")
}

/// What the guard judges.
pub(crate) struct Judged<'a> {
    /// The changes to be made.
    pub(crate) changes: Changes,
    /// Webhooks that the set has.
    pub(crate) existing: usize,
    /// Whether the selector matches no account although accounts of members exist.
    pub(crate) matches_nothing: bool,
    /// Changes that were allowed and are not made yet.
    pub(crate) allowed: &'a Changes,
    /// Changes that were made lately without an approval.
    pub(crate) recent: &'a Changes,
    /// The digest that a person allows.
    pub(crate) allows: Option<&'a str>,
}

/// The guard's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The changes may be made.
    Clear {
        /// Those of them that a person allowed.
        allowed: Changes,
        /// Those that need no approval, to be counted from now on.
        unapproved: Changes,
    },
    /// A person has to allow them.
    Blocked(TooMany),
}

/// Changes that a person has to allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// The unapproved changes.
    pub(crate) changes: Changes,
    /// The number of others that were made lately.
    pub(crate) recent: usize,
    /// The number of members that they are a share of.
    pub(crate) members: usize,
    /// Whether the selector matches no account.
    pub(crate) matches_nothing: bool,
    /// The approval names it.
    pub(crate) digest: String,
}

/// Judges the changes of one set.
pub(crate) fn judge(judged: Judged<'_>, guard: SetGuard) -> Verdict {
    let Judged { changes, existing, matches_nothing, allowed, recent, allows } = judged;
    let (mut approved, unapproved): (Changes, Changes) =
        changes.into_iter().partition(|change| allowed.contains(change));
    let others: Changes = recent.difference(&unapproved).cloned().collect();
    let gone = others.iter().filter(|change| change.ends_with(REMOVED)).count();
    let (count, members) = (unapproved.len() + others.len(), existing + gone);
    let number = |n: i32| usize::try_from(n).unwrap_or_default();
    let too_many = count >= number(guard.min_count) && count * 100 > number(guard.max_percent) * members;
    if unapproved.is_empty() || !(too_many || matches_nothing) {
        return Verdict::Clear { allowed: approved, unapproved };
    }
    let digest = digest(&unapproved);
    if allows == Some(&*digest) {
        approved.extend(unapproved);
        return Verdict::Clear { allowed: approved, unapproved: Changes::new() };
    }
    Verdict::Blocked(TooMany { changes: unapproved, recent: others.len(), members, matches_nothing, digest })
}

/// Returns a number with its noun.
pub(super) fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Returns the digest of changes, which an approval names.
fn digest(changes: &Changes) -> String {
    let digest = plan::hash(&json!(changes));
    digest.chars().take("sha256:".len() + 16).collect()
}

impl TooMany {
    /// Returns what is blocked, and how to allow it. The annotation is the end of the text.
    pub(crate) fn message(&self, deleting: bool) -> String {
        let names: Vec<_> =
            self.changes.iter().take(3).filter_map(|change| change.split('=').next()).collect();
        let more = if self.changes.len() > names.len() { ", …" } else { "" };
        let way_out = if deleting {
            // The template is not applied any more.
            "Nothing is removed until you set deletionPolicy: Retain at these Webhooks, which keeps their subscriptions, or allow exactly this"
        } else {
            "Nothing is changed until you correct it, or allow exactly this"
        };
        format!(
            "{} ({}{more}). {way_out} with the annotation {}={}",
            self.summary(deleting),
            names.join(", "),
            crate::api::ALLOW_SET_CHANGES,
            self.digest
        )
    }

    /// Returns what is blocked, and why.
    pub(crate) fn summary(&self, deleting: bool) -> String {
        let effects = || self.changes.iter().filter_map(|change| Some(change.split_once('=')?.1));
        let count = |effect: &str| effects().filter(|all| all.contains(effect)).count();
        let mut parts = Vec::new();
        for (number, what) in [
            (count(REMOVED), "would be removed"),
            (count("receiver:"), "would get another receiver"),
            (count("disabled"), "would be disabled"),
        ] {
            if number > 0 {
                parts.push(format!("{number} of {} {what}", counted(self.members, "member")));
            }
        }
        let mut message = parts.join(", ");
        if self.recent > 0 {
            let changes = counted(self.recent, "such change");
            let _ = write!(message, ", after {changes} in the last ten minutes");
        }
        message += if deleting {
            ": the set is being deleted"
        } else if self.matches_nothing {
            ": spec.accountSelector matches no account"
        } else {
            ""
        };
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn changes(range: std::ops::Range<usize>, effect: &str) -> Changes {
        range.map(|number| change(&format!("m{number:03}"), effect)).collect()
    }

    fn verdict(changes: Changes, existing: usize, recent: &Changes, allows: Option<&str>) -> Verdict {
        let none = Changes::new();
        let judged = Judged { changes, existing, matches_nothing: false, allowed: &none, recent, allows };
        judge(judged, SetGuard::default())
    }

    fn blocked(verdict: Verdict) -> Option<TooMany> {
        match verdict {
            Verdict::Blocked(too_many) => Some(too_many),
            Verdict::Clear { .. } => None,
        }
    }

    #[test]
    fn more_than_the_share_is_blocked() {
        let none = Changes::new();
        for (count, existing, too_many) in
            [(4, 4, false), (5, 5, true), (6, 20, false), (7, 20, true), (60, 200, false), (61, 200, true)]
        {
            for effect in [REMOVED, "receiver:1", "disabled"] {
                let found = blocked(verdict(changes(0..count, effect), existing, &none, None));
                assert_eq!(found.is_some(), too_many, "{count} of {existing} {effect}");
            }
        }
        let lately = changes(0..4, REMOVED);
        let found = blocked(verdict(changes(4..7, REMOVED), 16, &lately, None)).unwrap();
        assert_eq!((found.recent, found.members), (4, 20), "one after the other counts together");
        assert!(
            blocked(verdict(changes(0..4, REMOVED), 20, &lately, None)).is_none(),
            "it is the same again"
        );
        assert!(blocked(verdict(none.clone(), 0, &lately, None)).is_none());
    }

    #[test]
    fn a_selector_that_matches_nothing_is_blocked_however_few_it_concerns() {
        let none = Changes::new();
        let judged = |allows| Judged {
            changes: changes(0..1, REMOVED),
            existing: 1,
            matches_nothing: true,
            allowed: &none,
            recent: &none,
            allows,
        };
        let found = blocked(judge(judged(None), SetGuard::default())).unwrap();
        assert_eq!(
            found.message(false),
            format!(
                "1 of 1 member would be removed: spec.accountSelector matches no account (m000). Nothing is changed until you correct it, or allow exactly this with the annotation hooktender.dev/allow-set-changes={}",
                found.digest
            )
        );
        assert!(blocked(judge(judged(Some(&found.digest)), SetGuard::default())).is_none());
    }

    #[test]
    fn a_message_says_how_to_end_a_set() {
        let found = blocked(verdict(changes(0..5, REMOVED), 5, &changes(5..6, REMOVED), None)).unwrap();
        assert_eq!(
            found.message(true),
            format!(
                "5 of 6 members would be removed, after 1 such change in the last ten minutes: the set is being deleted (m000, m001, m002, …). Nothing is removed until you set deletionPolicy: Retain at these Webhooks, which keeps their subscriptions, or allow exactly this with the annotation hooktender.dev/allow-set-changes={}",
                found.digest
            )
        );
        let found = blocked(verdict(changes(0..5, REMOVED), 5, &changes(5..7, REMOVED), None)).unwrap();
        assert_eq!(
            found.summary(false),
            "5 of 7 members would be removed, after 2 such changes in the last ten minutes"
        );
    }

    #[test]
    fn an_approval_covers_exactly_these_changes_until_they_are_made() {
        let none = Changes::new();
        let all = changes(0..10, "receiver:1");
        let digest = blocked(verdict(all.clone(), 10, &none, None)).unwrap().digest;
        let clear = verdict(all.clone(), 10, &none, Some(&digest));
        assert_eq!(clear, Verdict::Clear { allowed: all.clone(), unapproved: none.clone() });
        assert!(blocked(verdict(changes(0..10, "receiver:2"), 10, &none, Some(&digest))).is_some());
        assert!(blocked(verdict(changes(0..11, "receiver:1"), 11, &none, Some(&digest))).is_some());
        // Some of them are made, and the annotation is gone.
        let rest = changes(4..10, "receiver:1");
        let judged = Judged {
            changes: rest.clone(),
            existing: 10,
            matches_nothing: false,
            allowed: &all,
            recent: &none,
            allows: None,
        };
        let expected = Verdict::Clear { allowed: rest, unapproved: none.clone() };
        assert_eq!(judge(judged, SetGuard::default()), expected);
    }

    proptest! {
        /// However the changes are split over passes, no more than the share is made without an approval.
        #[test]
        fn no_sequence_of_passes_makes_too_many(existing in 1_usize..60, parts in prop::collection::vec(1_usize..12, 1..12)) {
            let guard = SetGuard::default();
            let (mut recent, mut next) = (Changes::new(), 0);
            for part in parts {
                let part = part.min(existing - next);
                let now = changes(next..next + part, REMOVED);
                let none = Changes::new();
                let judged = Judged { changes: now, existing: existing - next, matches_nothing: false, allowed: &none, recent: &recent, allows: None };
                if let Verdict::Clear { unapproved, .. } = judge(judged, guard) {
                    next += unapproved.len();
                    recent.extend(unapproved);
                }
            }
            let few = next < usize::try_from(guard.min_count).unwrap();
            prop_assert!(few || next * 100 <= usize::try_from(guard.max_percent).unwrap() * existing, "{} of {}", next, existing);
        }
    }
}
