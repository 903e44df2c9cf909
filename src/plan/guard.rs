//! The deletion guard, and the check that a list is plausible.

use super::decision::{BlockedReason, Step};
use super::declared::Declared;
use super::item::{Item, Plan};
use super::{ExternalId, hash};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The limits above which an account's deletions wait for an approval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The share of the managed subscriptions, in percent, that may be deleted at once.
    pub(crate) max_percent: usize,
    /// The number of deletions below which the share does not matter.
    pub(crate) min_count: usize,
}

/// Deletions of one namespace's Webhooks that a person has to approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// The namespace.
    pub(crate) namespace: String,
    /// The subscriptions that would be deleted.
    pub(crate) ids: BTreeSet<ExternalId>,
    /// Changes that redirect or disable deliveries, as `id effect`. There are either deletions or changes.
    pub(crate) changes: BTreeSet<String>,
    /// The number of others that were deleted, redirected or disabled lately.
    pub(crate) recent: usize,
    /// The number of subscriptions that the account manages for that namespace.
    pub(crate) managed: usize,
    /// Digest of `ids`: the approval names it.
    pub(crate) digest: String,
}

/// Returns the subscriptions that a step deletes without a replacement and without an approval.
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

/// Returns the unapproved deletions of a plan that are too many. Each namespace is checked by itself, so that the deletions of one
/// tenant do not block those of another. Deletions of the last minutes, `recent`, count as part of the plan: Webhooks that are
/// deleted one after another are not in one plan.
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
        let texts: Vec<_> = ids.iter().map(ExternalId::as_str).collect();
        let digest = hash(&serde_json::json!(texts));
        Some(TooMany {
            namespace: namespace.to_owned(),
            ids,
            changes: BTreeSet::new(),
            recent,
            managed,
            digest,
        })
    };
    by_namespace.into_iter().filter_map(judge).collect()
}

/// Returns how a step redirects or disables deliveries that exist, as `id effect`; nothing if it does neither.
pub(crate) fn change(item: &Item) -> Option<String> {
    match item.step()? {
        Step::Update { id, .. } | Step::Replace { id, .. } => Some(format!("{id} {}", item.impact.as_ref()?)),
        _ => None,
    }
}

/// Returns the unapproved changes of a plan that are too many, together with its unapproved deletions and with those of the last
/// minutes. Each namespace is checked by itself.
pub(crate) fn too_many_changes(
    plan: &Plan,
    limits: Limits,
    allowed: &BTreeSet<String>,
    recent: &BTreeMap<String, usize>,
) -> Vec<TooMany> {
    let none = HashSet::new();
    let mut by_namespace: BTreeMap<&str, (BTreeSet<String>, usize)> = BTreeMap::new();
    for item in &plan.items {
        let of = by_namespace.entry(&item.key.namespace).or_default();
        of.0.extend(change(item).filter(|change| !allowed.contains(change)));
        of.1 += unapproved(item.step(), &none).count();
    }
    let judge = |(namespace, (changes, deletions)): (&str, (BTreeSet<String>, usize))| {
        let of = |counts: &BTreeMap<String, usize>| counts.get(namespace).copied().unwrap_or_default();
        let (recent, managed) = (of(recent), of(&plan.managed_in));
        let all = changes.len() + deletions + recent;
        let share = limits.max_percent * managed;
        if changes.is_empty() || all < limits.min_count || all * 100 <= share || limits.max_percent >= 100 {
            return None;
        }
        let digest = hash(&serde_json::json!(changes));
        Some(TooMany {
            namespace: namespace.to_owned(),
            ids: BTreeSet::new(),
            changes,
            recent,
            managed,
            digest,
        })
    };
    by_namespace.into_iter().filter_map(judge).collect()
}

/// Blocks those deletions or changes. The rest of the plan stays as it is.
pub(crate) fn block(plan: &mut Plan, too_many: &TooMany) {
    for item in &mut plan.items {
        if change(item).is_some_and(|change| too_many.changes.contains(&change)) {
            item.block(BlockedReason::DeletionGuard);
        }
        if matches!(item.step(), Some(Step::Delete { ids, .. }) if ids.iter().any(|id| too_many.ids.contains(id)))
        {
            item.block(BlockedReason::DeletionGuard);
        }
    }
}

/// Returns the recorded subscriptions that a list lacks, if the list is not plausible: if it lacks more than half of them, and at
/// least two. A wrong tenant, a restored backup or the token of another app gives such a list. Those in `known_gone`
/// do not count.
pub(crate) fn doubted(
    declared: &[Declared],
    there: &HashSet<&ExternalId>,
    known_gone: &HashSet<ExternalId>,
) -> Option<BTreeSet<ExternalId>> {
    let recorded: BTreeSet<&ExternalId> = declared
        .iter()
        .filter_map(|webhook| webhook.recorded.as_ref())
        .filter(|id| !known_gone.contains(*id))
        .collect();
    let missing: BTreeSet<_> = recorded.iter().copied().filter(|id| !there.contains(id)).cloned().collect();
    (missing.len() >= 2 && missing.len() * 2 > recorded.len()).then_some(missing)
}

/// Returns the subscriptions of Webhooks that the pages of a list lack. One that moves between pages while they are read may be on
/// none of them. Those that were created just now or are in `known_gone` are not expected.
pub(crate) fn missing_from_pages(
    declared: &[Declared],
    there: &HashSet<&ExternalId>,
    known_gone: &HashSet<ExternalId>,
) -> BTreeSet<ExternalId> {
    let known = declared.iter().filter(|webhook| !webhook.hints.may_lag).flat_map(Declared::known_ids);
    known.filter(|id| !there.contains(id) && !known_gone.contains(*id)).cloned().collect()
}

#[cfg(test)]
mod tests;
