//! The deletion guard. Only a [`Planned`] can be executed, and only the guard makes one.

use super::memory::Memory;
use super::observe::{Credentials, Sight};
use super::pass::Pass;
use super::record::{RecordError, Recorder};
use crate::api::ALLOW_DELETIONS;
use crate::api::account::DeletionGuard;
use crate::api::status::AccountStatus;
use crate::plan::guard::{self, Limits, TooMany, unapproved};
use crate::plan::{ExternalId, Item, Plan};
use kube::ResourceExt;
use std::collections::HashSet;
use std::time::Duration;

/// The reason of an account whose deletions wait for a person.
pub(super) const DELETION_GUARD: &str = "DeletionGuard";

/// What the guard says of a plan's deletions. Those that a person has allowed are executed in any case.
#[derive(Default)]
pub(super) enum GuardVerdict {
    /// All of them are executed.
    #[default]
    Clear,
    /// They wait so long for others, with which they are judged together.
    Gathering(Duration),
    /// They wait for a person.
    Blocked(TooMany),
    /// They wait until the account's status records them.
    Unrecorded(RecordError),
}

impl GuardVerdict {
    /// Takes out why deletions could not be recorded.
    pub(super) fn take_error(&mut self) -> Option<RecordError> {
        match std::mem::take(self) {
            Self::Unrecorded(error) => Some(error),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// A plan without the deletions that the guard holds back, and with nothing but deletions where the credentials are lost.
pub(super) struct Planned {
    sight: Sight,
    plan: Plan,
}

impl Planned {
    /// The Webhooks (uids) that are left out because the credentials are lost.
    pub(super) fn left_out(&self) -> Vec<String> {
        let Sight { credentials, declared, uids, .. } = &self.sight;
        match credentials {
            Credentials::Current => Vec::new(),
            Credentials::LastGood(_) | Credentials::Unlisted(_) => {
                let stay = uids.iter().zip(declared).filter(|(_, webhook)| !webhook.deleting);
                stay.map(|(uid, _)| uid.clone()).collect()
            }
        }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn into_parts(self) -> (Sight, Plan) {
        (self.sight, self.plan)
    }
}

impl<S, R: Recorder> Pass<'_, S, R> {
    /// Judges the deletions of a plan and takes out those that may not be executed now. Whatever lets a deletion be executed
    /// is recorded in the account's status before: what a person allowed, and what needs no approval but counts for ten
    /// minutes. So a crash loses neither.
    pub(super) async fn guard(&mut self, memory: &mut Memory, sight: Sight, mut plan: Plan) -> Planned {
        if let Credentials::LastGood(trouble) | Credentials::Unlisted(trouble) = &sight.credentials {
            plan.items.retain(|item| sight.declared[item.index].deleting);
            self.summary.lost = Some(trouble.clone());
        }
        let known = self.account.status.clone().unwrap_or_default();
        let approved = approved(&known.allowed_deletions, &sight, &plan);
        memory.deletions.learn(known.recent_deletions.as_ref());
        let mut verdict = self.judge(memory, &sight, &plan, &approved);
        let mut now_approved = approved.clone();
        if let GuardVerdict::Blocked(held) = &verdict
            && self.account.annotations().get(ALLOW_DELETIONS) == Some(&held.digest)
        {
            now_approved.extend(held.ids.iter().cloned());
            verdict = GuardVerdict::Clear;
        }
        let recent = memory.deletions.record(known.recent_deletions.as_ref());
        let adds =
            now_approved.len() > approved.len() || recent.is_some() && recent != known.recent_deletions;
        (self.summary.allowed, self.summary.recent) = (sorted(&now_approved), recent);
        if adds && let Err(error) = self.record_deletions(known).await {
            self.summary.allowed = sorted(&approved);
            verdict = GuardVerdict::Unrecorded(error);
        }
        match &verdict {
            GuardVerdict::Clear => {}
            GuardVerdict::Blocked(held) => guard::hold(&mut plan, held),
            GuardVerdict::Gathering(_) | GuardVerdict::Unrecorded(_) => {
                plan.items.retain(|item| !is_unapproved(item, &approved));
            }
        }
        self.summary.guard = verdict;
        Planned { sight, plan }
    }

    /// What the guard says, and takes note of what is to be deleted without an approval. A preview waits for nothing.
    fn judge(
        &self,
        memory: &mut Memory,
        sight: &Sight,
        plan: &Plan,
        approved: &HashSet<ExternalId>,
    ) -> GuardVerdict {
        let limits = limits(self.account.spec.deletion_guard);
        let recent = recent(memory, sight, plan);
        if plan.managed + recent < limits.min_count {
            return GuardVerdict::Clear;
        }
        if !self.context.look_only {
            let leaving = plan.items.iter().filter(|item| is_unapproved(item, approved));
            let leaving = leaving.map(|item| sight.uids[item.index].clone()).collect();
            if let Some(wait) = memory.deletions.wait(leaving) {
                return GuardVerdict::Gathering(wait);
            }
        }
        if let Some(held) = guard::too_many(plan, limits, approved, recent) {
            return GuardVerdict::Blocked(held);
        }
        let begins = plan.items.iter().flat_map(|item| unapproved(item.step.as_ref(), approved));
        memory.deletions.begin(begins.cloned());
        GuardVerdict::Clear
    }

    async fn record_deletions(&mut self, known: AccountStatus) -> Result<(), RecordError> {
        let status = AccountStatus {
            allowed_deletions: self.summary.allowed.clone(),
            recent_deletions: self.summary.recent.clone(),
            ..known
        };
        if let Some(written) = self.context.recorder.account_status(&self.account, &status).await? {
            self.take(written);
        }
        Ok(())
    }

    /// What the guard blocks, and the command that allows it. The command ends the message, so that it can be copied.
    pub(super) fn blocked(&self, held: &TooMany) -> String {
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
            "{} of the {} subscriptions managed here would be deleted{recent}, which is more than deletionGuard allows at once{lost}; \
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
    unapproved(item.step.as_ref(), approved).next().is_some()
}

/// The approved deletions that are still to be executed. An approval ends when the Webhook is released: another one may adopt
/// the subscription.
fn approved(allowed: &[String], sight: &Sight, plan: &Plan) -> HashSet<ExternalId> {
    if allowed.is_empty() {
        return HashSet::new();
    }
    let leaving = sight.declared.iter().filter(|webhook| webhook.deleting);
    let recorded = leaving.flat_map(|webhook| webhook.recorded.iter().chain(&webhook.superseded));
    let none = HashSet::new();
    let planned = plan.items.iter().flat_map(|item| unapproved(item.step.as_ref(), &none));
    let leaving: HashSet<&ExternalId> = recorded.chain(planned).collect();
    let observed = &sight.snapshot.observed;
    let is_left = |id: &ExternalId| leaving.contains(id) && observed.has(id.as_str());
    ExternalId::valid(allowed).filter(is_left).collect()
}

/// How many subscriptions were deleted lately without an approval. One that a Webhook still has, or that is about to be
/// deleted, is not deleted yet. One whose Webhook is gone is deleted, although the vendor's list may lag.
fn recent(memory: &Memory, sight: &Sight, plan: &Plan) -> usize {
    if memory.deletions.is_calm() {
        return 0;
    }
    let recorded =
        sight.declared.iter().flat_map(|webhook| webhook.recorded.iter().chain(&webhook.superseded));
    let recorded = recorded.filter(|id| sight.snapshot.observed.has(id.as_str()));
    let none = HashSet::new();
    let planned = plan.items.iter().flat_map(|item| unapproved(item.step.as_ref(), &none));
    let remain: HashSet<&ExternalId> = recorded.chain(planned).collect();
    memory.deletions.recent(|id| remain.contains(id))
}

fn sorted(ids: &HashSet<ExternalId>) -> Vec<String> {
    let mut all: Vec<_> = ids.iter().map(ToString::to_string).collect();
    all.sort_unstable();
    all
}
