//! What is held back although it was decided: too many deletions at once, and everything while a list is in doubt.

use super::decision::{BlockedReason, Step};
use super::declared::Declared;
use super::item::Plan;
use super::{ExternalId, hash};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// When an account's deletions are held until a person allows them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Above this share of its managed subscriptions, in percent,
    pub(crate) max_percent: usize,
    /// if there are at least so many.
    pub(crate) min_count: usize,
}

/// Deletions of one namespace's Webhooks that a person has to allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// The namespace.
    pub(crate) namespace: String,
    /// The subscriptions that would be deleted.
    pub(crate) ids: BTreeSet<ExternalId>,
    /// How many others were deleted lately.
    pub(crate) recent: usize,
    /// How many subscriptions the account manages for that namespace.
    pub(crate) managed: usize,
    /// Digest of `ids`: the approval names it.
    pub(crate) digest: String,
}

/// The subscriptions that a step deletes without a successor and without an approval.
pub(crate) fn unapproved<'a>(
    step: Option<&'a Step>,
    allowed: &'a HashSet<ExternalId>,
) -> impl Iterator<Item = &'a ExternalId> {
    let ids = match step {
        Some(Step::Delete { ids, .. }) => ids.as_slice(),
        _ => &[],
    };
    ids.iter().filter(|id| !allowed.contains(*id))
}

/// Returns the unapproved deletions of a plan that are too many. The Webhooks of each namespace are judged by themselves, so
/// that no tenant's deletions keep another one from its own. Those that were deleted lately, `recent`, count as if
/// they were part of it: Webhooks that are deleted one after another are not in one plan.
pub(crate) fn too_many(
    plan: &Plan,
    limits: Limits,
    allowed: &HashSet<ExternalId>,
    recent: &BTreeMap<String, usize>,
) -> Vec<TooMany> {
    let mut by_namespace: BTreeMap<&str, BTreeSet<ExternalId>> = BTreeMap::new();
    for item in &plan.items {
        for id in unapproved(item.step(), allowed) {
            by_namespace.entry(&item.key.namespace).or_default().insert(id.clone());
        }
    }
    let judge = |(namespace, ids): (&str, BTreeSet<ExternalId>)| {
        let of = |counts: &BTreeMap<String, usize>| counts.get(namespace).copied().unwrap_or_default();
        let (recent, managed) = (of(recent), of(&plan.managed_in));
        let all = ids.len() + recent;
        if all < limits.min_count || all * 100 <= limits.max_percent * (managed + recent) {
            return None;
        }
        let named: Vec<_> = ids.iter().map(ExternalId::as_str).collect();
        let digest = hash(&serde_json::json!(named));
        Some(TooMany { namespace: namespace.to_owned(), ids, recent, managed, digest })
    };
    by_namespace.into_iter().filter_map(judge).collect()
}

/// Holds those deletions; everything else of the plan goes on.
pub(crate) fn hold(plan: &mut Plan, held: &TooMany) {
    for item in &mut plan.items {
        if matches!(item.step(), Some(Step::Delete { ids, .. }) if ids.iter().any(|id| held.ids.contains(id)))
        {
            item.block(BlockedReason::DeletionGuard);
        }
    }
}

/// The recorded subscriptions that a list lacks, if they are too many for one reading to be believed: more than half, and
/// at least two. A wrong tenant, a restored backup or another app's token shows a list like that. Those that are
/// `believed` to be gone do not count.
pub(crate) fn doubted(
    declared: &[Declared],
    there: &HashSet<&ExternalId>,
    believed: &HashSet<ExternalId>,
) -> Option<BTreeSet<ExternalId>> {
    let recorded: BTreeSet<&ExternalId> = declared
        .iter()
        .filter_map(|webhook| webhook.recorded.as_ref())
        .filter(|id| !believed.contains(*id))
        .collect();
    let missing: BTreeSet<_> = recorded.iter().copied().filter(|id| !there.contains(id)).cloned().collect();
    (missing.len() >= 2 && missing.len() * 2 > recorded.len()).then_some(missing)
}

/// The subscriptions of Webhooks that the pages of a list lack: one that moves from page to page while they are read is on
/// none of them. A list is expected to lack one that was created just now, and those that are `believed` to be gone.
pub(crate) fn missing_from_pages(
    declared: &[Declared],
    there: &HashSet<&ExternalId>,
    believed: &HashSet<ExternalId>,
) -> BTreeSet<ExternalId> {
    let known = declared.iter().filter(|webhook| !webhook.may_lag).flat_map(Declared::known_ids);
    known.filter(|id| !there.contains(id) && !believed.contains(*id)).cloned().collect()
}

#[cfg(test)]
mod tests;
