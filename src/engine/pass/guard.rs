//! Takes out of a plan what may not be executed: too many deletions, and everything but deletions if there is no usable login. Only a
//! [`Planned`] can be executed, and only the guard creates one.

use super::Pass;
use super::prepare::{Access, Prepared};
use super::report::PlanReport;
use crate::api::ALLOW_DELETIONS;
use crate::api::account::DeletionGuard;
use crate::api::status::AccountStatus;
use crate::engine::cluster::writer::{ClusterWriter, WriteError};
use crate::engine::state::account::AccountState;
use crate::plan::guard::{self, Limits, TooMany, unapproved};
use crate::plan::{BlockedReason, ExternalId, Item, Plan};
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

/// A plan without the deletions that the guard blocks, and with nothing but deletions if [`Access`] allows no more.
pub(crate) struct Planned {
    prepared: Prepared,
    plan: Plan,
}

impl Planned {
    /// Returns the uids of the Webhooks that are left out because only deletions are executed.
    pub(crate) fn left_out(&self) -> Vec<String> {
        let Prepared { access, declared, uids, .. } = &self.prepared;
        match access {
            Access::Full => Vec::new(),
            Access::LastGoodClient(_) | Access::ListTooLarge(_) => {
                let stay = uids.iter().zip(declared).filter(|(_, webhook)| !webhook.deleting);
                stay.map(|(uid, _)| uid.clone()).collect()
            }
        }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn into_parts(self) -> (Prepared, Plan) {
        (self.prepared, self.plan)
    }
}

/// Checks the deletions of a plan and takes out those that may not be executed now; adds the result to the report. Before a deletion is
/// executed, the account's status records why it may be: a person allowed it, or it needs no approval and counts for ten minutes. So a
/// crash loses neither.
pub(crate) async fn guard<S, R: ClusterWriter>(
    pass: &mut Pass<'_, S, R>,
    state: &mut AccountState,
    (prepared, mut plan): (Prepared, Plan),
    report: &mut PlanReport,
) -> Planned {
    if prepared.access.deletions_only().is_some() {
        plan.items.retain(|item| prepared.declared[item.index].deleting);
    }
    let known = pass.account.status.clone().unwrap_or_default();
    let approved = approved(&known.allowed_deletions, &prepared, &plan);
    state.deletions.learn(known.recent_deletions.as_ref());
    discount_deleted(state, &prepared, &mut plan);
    let planned: BTreeSet<String> = plan.items.iter().filter_map(guard::change).collect();
    let approved_changes: BTreeSet<String> =
        known.allowed_changes.iter().filter(|change| planned.contains(*change)).cloned().collect();
    let (waits, mut too_many) = judge(pass, state, &prepared, &plan, &approved);
    too_many.extend(judge_changes(pass, state, &prepared, &plan, &approved_changes));
    let allows = pass.account.annotations().get(ALLOW_DELETIONS);
    let (allowed, blocked): (Vec<_>, Vec<_>) =
        too_many.into_iter().partition(|deletions| allows == Some(&deletions.digest));
    let (mut now_approved, mut now_approved_changes) = (approved.clone(), approved_changes.clone());
    for TooMany { ids, changes, .. } in allowed {
        now_approved.extend(ids);
        now_approved_changes.extend(changes);
    }
    let recent = state.deletions.record(known.recent_deletions.as_ref());
    let adds = now_approved.len() > approved.len()
        || now_approved_changes.len() > approved_changes.len()
        || recent.is_some() && recent != known.recent_deletions;
    (report.allowed, report.recent) = (sorted(&now_approved), recent);
    report.allowed_changes = now_approved_changes.iter().cloned().collect();
    if adds && let Err(error) = record_deletions(pass, report, known).await {
        report.allowed = sorted(&approved);
        report.allowed_changes = approved_changes.iter().cloned().collect();
        report.unrecorded = Some(error);
        let begins = |item: &Item| {
            guard::change(item).is_some_and(|change| {
                now_approved_changes.contains(&change) && !approved_changes.contains(&change)
            })
        };
        plan.items.retain(|item| !is_unapproved(item, &approved) && !begins(item));
        return Planned { prepared, plan };
    }
    plan.items
        .retain(|item| !(waits.contains_key(&item.key.namespace) && is_unapproved(item, &now_approved)));
    for deletions in &blocked {
        guard::block(&mut plan, deletions);
    }
    begin_changes(state, &plan, &now_approved_changes, &pass.key.namespace);
    report.gathering = waits.into_values().min();
    report.blocked = blocked;
    Planned { prepared, plan }
}

/// Returns how long the deletions of each namespace wait for others, and those that need an approval. Records what is to be deleted
/// without one. A dry run waits for nothing.
fn judge<S, R>(
    pass: &Pass<'_, S, R>,
    state: &mut AccountState,
    prepared: &Prepared,
    plan: &Plan,
    approved: &HashSet<ExternalId>,
) -> (BTreeMap<String, Duration>, Vec<TooMany>) {
    let limits = limits(pass.account.spec.deletion_guard);
    let own = &pass.key.namespace;
    let recent = recent(state, prepared, plan, own);
    let counts = |namespace: &String| {
        let of = |counts: &BTreeMap<String, usize>| counts.get(namespace).copied().unwrap_or_default();
        of(&plan.managed_in) + of(&recent) >= limits.min_count
    };
    let mut deleting: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for item in plan.items.iter().filter(|item| is_unapproved(item, approved)) {
        if counts(&item.key.namespace) {
            let uid = prepared.uids[item.index].clone();
            deleting.entry(item.key.namespace.clone()).or_default().insert(uid);
        }
    }
    let mut judged: BTreeSet<String> = deleting.keys().cloned().collect();
    let waits = if pass.context.dry_run { BTreeMap::new() } else { state.deletions.wait(deleting) };
    judged.retain(|namespace| !waits.contains_key(namespace));
    let mut blocked = guard::too_many(plan, limits, approved, &recent);
    blocked.retain(|deletions| judged.remove(&deletions.namespace));
    blocked.sort_by_key(|deletions| deletions.namespace != *own);
    for namespace in judged {
        let items = plan.items.iter().filter(|item| item.key.namespace == namespace);
        let begins = items.flat_map(|item| unapproved(item.step(), approved));
        state.deletions.begin((namespace != *own).then_some(&*namespace), begins.cloned());
    }
    (waits, blocked)
}

/// Returns the changes that redirect or disable deliveries and need an approval. They wait for no others: whatever the passes between
/// which edits fall, those of the last minutes count.
fn judge_changes<S, R>(
    pass: &Pass<'_, S, R>,
    state: &mut AccountState,
    prepared: &Prepared,
    plan: &Plan,
    approved: &BTreeSet<String>,
) -> Vec<TooMany> {
    let own = &pass.key.namespace;
    let planned: HashSet<&ExternalId> =
        plan.items.iter().filter(|item| guard::change(item).is_some()).filter_map(Item::id).collect();
    let mut recent = recent(state, prepared, plan, own);
    for (namespace, count) in state.deletions.recent_changes(own, |id| planned.contains(id)) {
        *recent.entry(namespace).or_default() += count;
    }
    let mut blocked =
        guard::too_many_changes(plan, limits(pass.account.spec.deletion_guard), approved, &recent);
    blocked.sort_by_key(|changes| changes.namespace != *own);
    blocked
}

/// Counts the changes that are about to be made without an approval.
fn begin_changes(state: &mut AccountState, plan: &Plan, approved: &BTreeSet<String>, own: &str) {
    for item in &plan.items {
        if guard::change(item).is_some_and(|change| !approved.contains(&change)) {
            let namespace = &*item.key.namespace;
            state.deletions.begin_changes((namespace != own).then_some(namespace), item.id().cloned());
        }
    }
}

async fn record_deletions<S, R: ClusterWriter>(
    pass: &mut Pass<'_, S, R>,
    report: &PlanReport,
    known: AccountStatus,
) -> Result<(), WriteError> {
    let status = AccountStatus {
        allowed_deletions: report.allowed.clone(),
        allowed_changes: report.allowed_changes.clone(),
        recent_deletions: report.recent.clone(),
        ..known
    };
    if let Some(written) = pass.context.writer.account_status(&pass.account, &status).await? {
        pass.written(written);
    }
    Ok(())
}

fn limits(guard: DeletionGuard) -> Limits {
    let number = |n: i32| usize::try_from(n).unwrap_or_default();
    Limits { max_percent: number(guard.max_percent), min_count: number(guard.min_count) }
}

fn is_unapproved(item: &Item, approved: &HashSet<ExternalId>) -> bool {
    unapproved(item.step(), approved).next().is_some()
}

/// Returns the approved deletions that are still to be executed. An approval ends when the Webhook is gone: another one may adopt the
/// subscription.
fn approved(allowed: &[String], prepared: &Prepared, plan: &Plan) -> HashSet<ExternalId> {
    if allowed.is_empty() {
        return HashSet::new();
    }
    let deleting = prepared.declared.iter().filter(|webhook| webhook.deleting);
    let recorded = deleting.flat_map(|webhook| webhook.recorded.iter().chain(&webhook.superseded));
    let none = HashSet::new();
    let planned = plan.items.iter().flat_map(|item| unapproved(item.step(), &none));
    let deleting: HashSet<&ExternalId> = recorded.chain(planned).collect();
    let observed = &prepared.snapshot.observed;
    let is_left = |id: &ExternalId| deleting.contains(id) && observed.has(id.as_str());
    ExternalId::valid(allowed).filter(is_left).collect()
}

/// Takes subscriptions whose deletion has begun, and that the list no longer shows, out of those that the plan counts as managed. The
/// plan treats a recent one as not listed yet; it would then count both there and in [`recent`].
fn discount_deleted(state: &AccountState, prepared: &Prepared, plan: &mut Plan) {
    for item in plan.items.iter().filter(|item| item.blocked() == Some(&BlockedReason::NotListedYet)) {
        let recorded = prepared.declared[item.index].recorded.as_ref();
        if recorded.is_some_and(|id| state.deletions.counts(id))
            && let Some(managed) = plan.managed_in.get_mut(&item.key.namespace)
        {
            *managed -= 1;
            plan.managed -= 1;
        }
    }
}

/// Returns how many subscriptions of each namespace's Webhooks were deleted lately without an approval. One that a Webhook still has, or that is about to be
/// deleted, is not deleted yet. One whose Webhook is gone is deleted, although the vendor's list may lag.
fn recent(state: &AccountState, prepared: &Prepared, plan: &Plan, own: &str) -> BTreeMap<String, usize> {
    if state.deletions.is_calm() {
        return BTreeMap::new();
    }
    let recorded =
        prepared.declared.iter().flat_map(|webhook| webhook.recorded.iter().chain(&webhook.superseded));
    let recorded = recorded.filter(|id| prepared.snapshot.observed.has(id.as_str()));
    let none = HashSet::new();
    let planned = plan.items.iter().flat_map(|item| unapproved(item.step(), &none));
    let remain: HashSet<&ExternalId> = recorded.chain(planned).collect();
    state.deletions.recent(own, |id| remain.contains(id))
}

fn sorted(ids: &HashSet<ExternalId>) -> Vec<String> {
    let mut all: Vec<_> = ids.iter().map(ToString::to_string).collect();
    all.sort_unstable();
    all
}
