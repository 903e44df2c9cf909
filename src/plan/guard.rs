//! What is held back although it was decided: deletions of too many at once, and everything while a list is in doubt.

use super::declared::Declared;
use super::item::{Hold, Plan, Step};
use super::{ExternalId, hash};
use std::collections::{BTreeSet, HashSet};

/// When an account's deletions are held until a person allows them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Above this share of its managed subscriptions, in percent,
    pub(crate) max_percent: usize,
    /// if there are at least so many.
    pub(crate) min_count: usize,
}

/// Deletions that a person has to allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// The subscriptions that would go.
    pub(crate) ids: BTreeSet<ExternalId>,
    /// How many Webhooks they belong to.
    pub(crate) webhooks: usize,
    /// How many others went just before.
    pub(crate) recent: usize,
    /// How many subscriptions the account manages in all.
    pub(crate) managed: usize,
    /// Stands for exactly these: whoever repeats it allows them.
    pub(crate) digest: String,
}

/// The deletions of a plan, if they are too many together with those of just before, `recent`: who deletes many deletes one
/// after the other. Those that are `allowed` already do not count. A replacement has a successor and does not count either.
pub(crate) fn too_many(
    plan: &Plan,
    limits: Limits,
    allowed: &HashSet<ExternalId>,
    recent: usize,
) -> Option<TooMany> {
    let doomed = plan.items.iter().filter_map(|item| match &item.step {
        Some(Step::Delete(ids)) if !ids.iter().all(|id| allowed.contains(id)) => Some(ids),
        _ => None,
    });
    let doomed: Vec<_> = doomed.collect();
    let webhooks = doomed.len();
    let (all, managed) = (webhooks + recent, plan.managed + recent);
    if webhooks == 0 || all < limits.min_count || all * 100 <= limits.max_percent * managed {
        return None;
    }
    let ids: BTreeSet<ExternalId> = doomed.into_iter().flatten().cloned().collect();
    let named: Vec<_> = ids.iter().map(ExternalId::as_str).collect();
    let digest = hash(&serde_json::json!(named));
    Some(TooMany { ids, webhooks, recent, managed: plan.managed, digest })
}

/// Holds those deletions; everything else of the plan goes on.
pub(crate) fn hold(plan: &mut Plan, held: &TooMany) {
    for item in &mut plan.items {
        let is_held =
            matches!(&item.step, Some(Step::Delete(ids)) if ids.iter().any(|id| held.ids.contains(id)));
        if is_held {
            item.step = None;
            item.hold = Some(Hold::DeletionGuard);
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
    let known = declared.iter().filter(|webhook| !webhook.fresh).flat_map(Declared::known_ids);
    known.filter(|id| !there.contains(id) && !believed.contains(*id)).cloned().collect()
}

#[cfg(test)]
mod tests;
