//! The deletion guard. Only a [`Planned`] can be executed, and only the guard makes one.

use crate::api::ALLOW_DELETIONS;
use crate::api::account::DeletionGuard;
use crate::api::status::AccountStatus;
use crate::engine::cluster::writer::{ClusterWriter, WriteError};
use crate::engine::pass::Pass;
use crate::engine::pass::prepare::{Credentials, Prepared};
use crate::engine::state::account::AccountState;
use crate::plan::guard::{self, Limits, TooMany, unapproved};
use crate::plan::{BlockedReason, ExternalId, Item, Plan};
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

/// The reason of an account whose deletions wait for a person.
pub(crate) const DELETION_GUARD: &str = "DeletionGuard";

/// What the guard says of a plan's deletions: all of them are executed but for these. Those that a person has allowed are
/// executed in any case.
#[derive(Default)]
pub(crate) struct GuardVerdict {
    /// How long some of them wait for others of their namespace, with which they are judged together.
    pub(crate) gathering: Option<Duration>,
    /// They wait for a person; first those of the account's own namespace.
    pub(crate) blocked: Vec<TooMany>,
    /// They wait until the account's status records them.
    unrecorded: Option<WriteError>,
}

impl GuardVerdict {
    /// Takes out why deletions could not be recorded.
    pub(crate) fn take_error(&mut self) -> Option<WriteError> {
        self.unrecorded.take()
    }
}

/// A plan without the deletions that the guard holds back, and with nothing but deletions where the credentials are lost.
pub(crate) struct Planned {
    sight: Prepared,
    plan: Plan,
}

impl Planned {
    /// The Webhooks (uids) that are left out because the credentials are lost.
    pub(crate) fn left_out(&self) -> Vec<String> {
        let Prepared { credentials, declared, uids, .. } = &self.sight;
        match credentials {
            Credentials::Current => Vec::new(),
            Credentials::LastGood(_) | Credentials::Unlisted(_) => {
                let stay = uids.iter().zip(declared).filter(|(_, webhook)| !webhook.deleting);
                stay.map(|(uid, _)| uid.clone()).collect()
            }
        }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn into_parts(self) -> (Prepared, Plan) {
        (self.sight, self.plan)
    }
}

impl<S, R: ClusterWriter> Pass<'_, S, R> {
    /// Judges the deletions of a plan and takes out those that may not be executed now. Whatever lets a deletion be executed
    /// is recorded in the account's status before: what a person allowed, and what needs no approval but counts for ten
    /// minutes. So a crash loses neither.
    pub(crate) async fn guard(
        &mut self,
        memory: &mut AccountState,
        sight: Prepared,
        mut plan: Plan,
    ) -> Planned {
        if let Credentials::LastGood(trouble) | Credentials::Unlisted(trouble) = &sight.credentials {
            plan.items.retain(|item| sight.declared[item.index].deleting);
            self.summary.lost = Some(trouble.clone());
        }
        let known = self.account.status.clone().unwrap_or_default();
        let approved = approved(&known.allowed_deletions, &sight, &plan);
        memory.deletions.learn(known.recent_deletions.as_ref());
        discount_deleted(memory, &sight, &mut plan);
        let (waits, blocked) = self.judge(memory, &sight, &plan, &approved);
        let allows = self.account.annotations().get(ALLOW_DELETIONS);
        let (allowed, blocked): (Vec<_>, Vec<_>) =
            blocked.into_iter().partition(|held| allows == Some(&held.digest));
        let mut now_approved = approved.clone();
        now_approved.extend(allowed.into_iter().flat_map(|held| held.ids));
        let recent = memory.deletions.record(known.recent_deletions.as_ref());
        let adds =
            now_approved.len() > approved.len() || recent.is_some() && recent != known.recent_deletions;
        (self.summary.allowed, self.summary.recent) = (sorted(&now_approved), recent);
        let unrecorded = if adds { self.record_deletions(known).await.err() } else { None };
        if unrecorded.is_some() {
            self.summary.allowed = sorted(&approved);
            plan.items.retain(|item| !is_unapproved(item, &approved));
            self.summary.guard = GuardVerdict { unrecorded, ..GuardVerdict::default() };
            return Planned { sight, plan };
        }
        plan.items
            .retain(|item| !(waits.contains_key(&item.key.namespace) && is_unapproved(item, &now_approved)));
        for held in &blocked {
            guard::hold(&mut plan, held);
        }
        let gathering = waits.into_values().min();
        self.summary.guard = GuardVerdict { gathering, blocked, unrecorded };
        Planned { sight, plan }
    }

    /// Returns how long the deletions of a namespace wait, and those that a person has to allow. Takes note of what is to be
    /// deleted without an approval. A preview waits for nothing.
    fn judge(
        &self,
        memory: &mut AccountState,
        sight: &Prepared,
        plan: &Plan,
        approved: &HashSet<ExternalId>,
    ) -> (BTreeMap<String, Duration>, Vec<TooMany>) {
        let limits = limits(self.account.spec.deletion_guard);
        let own = &self.key.namespace;
        let recent = recent(memory, sight, plan, own);
        let counts = |namespace: &String| {
            let of = |counts: &BTreeMap<String, usize>| counts.get(namespace).copied().unwrap_or_default();
            of(&plan.managed_in) + of(&recent) >= limits.min_count
        };
        let mut leaving: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for item in plan.items.iter().filter(|item| is_unapproved(item, approved)) {
            if counts(&item.key.namespace) {
                let uid = sight.uids[item.index].clone();
                leaving.entry(item.key.namespace.clone()).or_default().insert(uid);
            }
        }
        let mut judged: BTreeSet<String> = leaving.keys().cloned().collect();
        let waits = if self.context.dry_run { BTreeMap::new() } else { memory.deletions.wait(leaving) };
        judged.retain(|namespace| !waits.contains_key(namespace));
        let mut blocked = guard::too_many(plan, limits, approved, &recent);
        blocked.retain(|held| judged.remove(&held.namespace));
        blocked.sort_by_key(|held| held.namespace != *own);
        for namespace in judged {
            let items = plan.items.iter().filter(|item| item.key.namespace == namespace);
            let begins = items.flat_map(|item| unapproved(item.step(), approved));
            memory.deletions.begin((namespace != *own).then_some(&*namespace), begins.cloned());
        }
        (waits, blocked)
    }

    async fn record_deletions(&mut self, known: AccountStatus) -> Result<(), WriteError> {
        let status = AccountStatus {
            allowed_deletions: self.summary.allowed.clone(),
            recent_deletions: self.summary.recent.clone(),
            ..known
        };
        if let Some(written) = self.context.writer.account_status(&self.account, &status).await? {
            self.take(written);
        }
        Ok(())
    }

    /// What the guard blocks, and the command that allows it. The command ends the message, so that it can be copied. Where it
    /// blocks deletions of several namespaces, the next are named when the first are allowed.
    pub(crate) fn blocked(&self, held: &TooMany) -> String {
        let of = if held.namespace == self.key.namespace {
            String::new()
        } else {
            format!(" for namespace {}", held.namespace)
        };
        let recent = match held.recent {
            0 => String::new(),
            recent => format!(" after {recent} more were deleted within the last ten minutes"),
        };
        let lost = self.summary.lost.as_ref().map_or_else(String::new, |lost| {
            format!(
                "; the account is in trouble as well ({}), so that nothing but deletions is executed",
                lost.message
            )
        });
        format!(
            "{} of the {} subscriptions managed here{of} would be deleted{recent}, which is more than deletionGuard allows at once{lost}; \
             to allow exactly these: kubectl annotate --overwrite -n {} vendoraccount {} {ALLOW_DELETIONS}={}",
            held.ids.len(),
            held.managed,
            self.key.namespace,
            self.key.name,
            held.digest
        )
    }
}

fn limits(guard: DeletionGuard) -> Limits {
    let number = |n: i32| usize::try_from(n).unwrap_or_default();
    Limits { max_percent: number(guard.max_percent), min_count: number(guard.min_count) }
}

fn is_unapproved(item: &Item, approved: &HashSet<ExternalId>) -> bool {
    unapproved(item.step(), approved).next().is_some()
}

/// The approved deletions that are still to be executed. An approval ends when the Webhook is released: another one may adopt
/// the subscription.
fn approved(allowed: &[String], sight: &Prepared, plan: &Plan) -> HashSet<ExternalId> {
    if allowed.is_empty() {
        return HashSet::new();
    }
    let leaving = sight.declared.iter().filter(|webhook| webhook.deleting);
    let recorded = leaving.flat_map(|webhook| webhook.recorded.iter().chain(&webhook.superseded));
    let none = HashSet::new();
    let planned = plan.items.iter().flat_map(|item| unapproved(item.step(), &none));
    let leaving: HashSet<&ExternalId> = recorded.chain(planned).collect();
    let observed = &sight.snapshot.observed;
    let is_left = |id: &ExternalId| leaving.contains(id) && observed.has(id.as_str());
    ExternalId::valid(allowed).filter(is_left).collect()
}

/// Takes subscriptions whose deletion has begun, and that the list no longer shows, out of those that the plan counts as managed:
/// it takes a recent one for one that is not listed yet, and it would count both here and in [`recent`].
fn discount_deleted(memory: &AccountState, sight: &Prepared, plan: &mut Plan) {
    for item in plan.items.iter().filter(|item| item.blocked() == Some(&BlockedReason::NotShownYet)) {
        let recorded = sight.declared[item.index].recorded.as_ref();
        if recorded.is_some_and(|id| memory.deletions.counts(id))
            && let Some(managed) = plan.managed_in.get_mut(&item.key.namespace)
        {
            *managed -= 1;
            plan.managed -= 1;
        }
    }
}

/// How many subscriptions of each namespace's Webhooks were deleted lately without an approval. One that a Webhook still has, or that is about to be
/// deleted, is not deleted yet. One whose Webhook is gone is deleted, although the vendor's list may lag.
fn recent(memory: &AccountState, sight: &Prepared, plan: &Plan, own: &str) -> BTreeMap<String, usize> {
    if memory.deletions.is_calm() {
        return BTreeMap::new();
    }
    let recorded =
        sight.declared.iter().flat_map(|webhook| webhook.recorded.iter().chain(&webhook.superseded));
    let recorded = recorded.filter(|id| sight.snapshot.observed.has(id.as_str()));
    let none = HashSet::new();
    let planned = plan.items.iter().flat_map(|item| unapproved(item.step(), &none));
    let remain: HashSet<&ExternalId> = recorded.chain(planned).collect();
    memory.deletions.recent(own, |id| remain.contains(id))
}

fn sorted(ids: &HashSet<ExternalId>) -> Vec<String> {
    let mut all: Vec<_> = ids.iter().map(ToString::to_string).collect();
    all.sort_unstable();
    all
}
