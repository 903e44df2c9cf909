//! The account's side of a pass: its status, and what its Webhooks are told when it cannot be worked on.

use super::due::End;
use super::entry::Entry;
use super::memory::Memory;
use super::outcome::{Trouble, WEBHOOKS_NOT_WRITTEN, account_refused};
use super::pass::Pass;
use super::record::{Happened, RecordError, Recorder};
use super::scope::Scope;
use super::stock::Stock;
use crate::api::conditions::{self, READY, RECONCILING, STALLED};
use crate::api::status::{SubscriptionCounts, UnmanagedSubscription};
use crate::api::{ACCOUNT_FINALIZER, ALLOW_DELETIONS, VendorAccount};
use crate::plan::guard::{self, Limits, TooMany};
use crate::plan::{ExternalId, Plan, Step};
use kube::{Resource, ResourceExt};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The reason of an account whose deletions wait for a person.
pub(super) const DELETION_GUARD: &str = "DeletionGuard";

/// What a pass found and did, for status, metrics and the one line of log.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) counts: SubscriptionCounts,
    pub(super) unmanaged: Vec<UnmanagedSubscription>,
    pub(super) tally: Tally,
    /// How long deletions wait for others, with which they are judged together.
    pub(super) gathering: Option<Duration>,
    /// Deletions that wait for a person.
    pub(super) guarded: Option<TooMany>,
    /// Ids whose deletion is allowed and that are still there.
    pub(super) allowed: Vec<String>,
    /// Whether it came to a plan, so that each Webhook was looked at.
    pub(super) planned: bool,
    /// Webhooks that the API server refuses to write: how many, and the first of them with its words.
    pub(super) refused: Option<(usize, String)>,
}

/// How many Webhooks fared how.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) done: usize,
    pub(super) held: usize,
    pub(super) failed: usize,
    /// Steps that are left for the next slice.
    pub(super) left: usize,
    /// Whether a version had moved between reading and writing.
    pub(super) outdated: bool,
    /// How many writes the vendor gave no answer to.
    pub(super) unanswered: u32,
}

impl Summary {
    /// Whether a person has allowed the deletion of that one.
    pub(super) fn allows(&self, id: &ExternalId) -> bool {
        self.allowed.iter().any(|allowed| allowed == id.as_str())
    }
}

/// The error and all its causes, for the log.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

fn sorted(ids: &HashSet<ExternalId>) -> Vec<String> {
    let mut all: Vec<_> = ids.iter().map(ToString::to_string).collect();
    all.sort_unstable();
    all
}

/// What the account's conditions say.
struct Says {
    ready: bool,
    reconciling: bool,
    stalled: bool,
    reason: &'static str,
    message: String,
}

impl<S, R: Recorder> Pass<'_, S, R> {
    /// Puts our finalizer on the account before the first subscription of it is made or taken over.
    pub(super) async fn keep_account(&mut self, memory: &Memory, plan: &Plan) -> Result<(), RecordError> {
        let is_held = self.account.finalizers().iter().any(|name| name == ACCOUNT_FINALIZER);
        let has_some = memory.entries.values().any(Entry::is_held);
        let begins = plan
            .items
            .iter()
            .any(|item| item.step.as_ref().is_some_and(|step| !matches!(step, Step::Release)));
        if !is_held && (has_some || begins) && self.account.metadata.deletion_timestamp.is_none() {
            let written = self.context.recorder.hold_account(&self.account).await?;
            self.take(written);
        }
        Ok(())
    }

    /// Lets an account go that is being deleted, when no Webhook of it has a subscription any more. Gives whether the
    /// cluster took that.
    pub(super) async fn release_account(&self, memory: &Memory) -> bool {
        let is_held = self.account.finalizers().iter().any(|name| name == ACCOUNT_FINALIZER);
        let leaving = self.account.metadata.deletion_timestamp.is_some();
        if !(is_held && leaving) || memory.entries.values().any(Entry::is_held) {
            return true;
        }
        match self.context.recorder.release_account(&self.account).await {
            Ok(()) => {
                tracing::info!(vendor = %self.vendor, account = %self.key, "let go");
                true
            }
            Err(error) => {
                tracing::warn!(vendor = %self.vendor, account = %self.key, error = %chain(&error), "not let go");
                false
            }
        }
    }

    /// What a write gave back, unless it holds an edit that this pass knows nothing of.
    fn take(&mut self, written: VendorAccount) {
        if written.meta().generation == self.account.meta().generation {
            self.account = Arc::new(written);
        }
    }

    fn says(&self, trouble: Option<&Trouble>, was_ready: bool) -> Says {
        let calm =
            |ready, reason, message| Says { ready, reconciling: false, stalled: false, reason, message };
        if self.account.spec.suspend {
            let message = "suspended: the vendor is not called until spec.suspend is false".to_owned();
            return calm(was_ready, "Suspended", message);
        }
        if let (None, Some(held)) = (trouble, &self.summary.guarded) {
            return Says {
                ready: false,
                reconciling: false,
                stalled: true,
                reason: DELETION_GUARD,
                message: self.guarded(held),
            };
        }
        let Some(Trouble { reason, message, stalled }) = trouble else {
            if self.account.metadata.deletion_timestamp.is_some() {
                let message =
                    format!("is being deleted; kept until its {} Webhooks are gone", self.uids.len());
                return Says { reconciling: true, ..calm(was_ready, "Deleting", message) };
            }
            if let Some((count, which)) = &self.summary.refused {
                let message = format!(
                    "the API server refuses to write {count} of {} Webhooks: {which}; the others are kept up",
                    self.uids.len()
                );
                return calm(true, WEBHOOKS_NOT_WRITTEN, message);
            }
            let interval = &self.account.spec.resync_interval;
            return calm(true, "InSync", format!("{} is read every {interval}", self.vendor));
        };
        Says { ready: false, reconciling: !stalled, stalled: *stalled, reason, message: message.clone() }
    }

    /// What is held by the guard, and how to allow it.
    pub(super) fn guarded(&self, held: &TooMany) -> String {
        let before = match held.recent {
            0 => String::new(),
            recent => format!(", after {recent} that went just before"),
        };
        format!(
            "{} of the {} subscriptions managed here would be deleted{before}, which is more than deletionGuard allows at once; \
             to allow exactly these: kubectl annotate --overwrite -n {} vendoraccount {} {ALLOW_DELETIONS}={}",
            held.webhooks, held.managed, self.key.namespace, self.key.name, held.digest
        )
    }

    /// Holds deletions that are too many, unless a person has allowed just these. What is allowed is written down before
    /// the first of them is done, so that whoever dies on the way can go on.
    pub(super) async fn guard(
        &mut self,
        memory: &mut Memory,
        plan: &mut Plan,
        observed: &Stock,
    ) -> Result<(), RecordError> {
        let number = |n: i32| usize::try_from(n).unwrap_or_default();
        let guard = &self.account.spec.deletion_guard;
        let limits = Limits { max_percent: number(guard.max_percent), min_count: number(guard.min_count) };
        let known = self.account.status.as_ref().map(|status| status.allowed_deletions.clone());
        let mut allowed: HashSet<ExternalId> = known.into_iter().flatten().map(ExternalId::new).collect();
        allowed.retain(|id| observed.has(id.as_str()));
        if plan.managed >= limits.min_count && !self.context.look_only {
            let unheard = |ids: &[ExternalId]| !ids.iter().all(|id| allowed.contains(id));
            let leaving = plan.items.iter().filter_map(|item| match &item.step {
                Some(Step::Delete(ids)) if unheard(ids) => Some(item.key.to_string()),
                _ => None,
            });
            let leaving: BTreeSet<String> = leaving.collect();
            if let Some(wait) = memory.gathers(leaving) {
                plan.items.retain(|item| !matches!(&item.step, Some(Step::Delete(ids)) if unheard(ids)));
                self.summary.gathering = Some(wait);
                self.summary.allowed = sorted(&allowed);
                return Ok(());
            }
        }
        if let Some(held) = guard::too_many(plan, limits, &allowed, memory.lately_deleted()) {
            if self.account.annotations().get(ALLOW_DELETIONS) == Some(&held.digest) {
                allowed.extend(held.ids);
                let mut status = self.account.status.clone().unwrap_or_default();
                status.allowed_deletions = sorted(&allowed);
                if let Some(written) = self.context.recorder.account_status(&self.account, &status).await? {
                    self.take(written);
                }
            } else {
                guard::hold(plan, &held);
                self.summary.guarded = Some(held);
            }
        }
        self.summary.allowed = sorted(&allowed);
        Ok(())
    }

    /// Brings the account's status up to date; writes and tells only what is new. Gives whether the cluster has it now.
    pub(super) async fn account_status(
        &mut self,
        memory: &mut Memory,
        trouble: Option<&Trouble>,
        end: &End<'_>,
    ) -> bool {
        let known = self.account.status.clone().unwrap_or_default();
        let mut status = known.clone();
        let generation = self.account.meta().generation;
        status.observed_generation = generation;
        status.vendor = Some(self.vendor);
        let says = self.says(trouble, conditions::is_true(&known.conditions, READY));
        if self.summary.planned {
            status.subscriptions = Some(self.summary.counts);
            status.unmanaged = std::mem::take(&mut self.summary.unmanaged);
            status.allowed_deletions = std::mem::take(&mut self.summary.allowed);
        }
        for (kind, value) in [(READY, says.ready), (RECONCILING, says.reconciling), (STALLED, says.stalled)] {
            let message = if kind == READY || value { says.message.as_str() } else { "" };
            conditions::set(&mut status.conditions, kind, value, says.reason, message, generation, self.now);
        }
        if matches!(end, End::Done | End::Trouble { .. } | End::Refused) && self.requested.is_some() {
            status.last_handled_request.clone_from(&self.requested);
        }
        if status == known {
            return true;
        }
        match self.context.recorder.account_status(&self.account, &status).await {
            Ok(Some(written)) => self.account = Arc::new(written),
            Ok(None) => return true,
            Err(error) => {
                tracing::warn!(vendor = %self.vendor, account = %self.key, error = %chain(&error), "status not written");
                self.tell_account_refusal(memory, &error).await;
                return false;
            }
        }
        memory.account_refused = None;
        let told = conditions::get(&known.conditions, READY).map(|c| (c.reason.as_str(), c.message.as_str()));
        if told == Some((says.reason, says.message.as_str())) {
            return true;
        }
        let refused = says.reason == WEBHOOKS_NOT_WRITTEN;
        let warning = trouble.is_some() || self.summary.guarded.is_some() || refused;
        let happened = Happened { warning, reason: says.reason, note: says.message };
        if happened.warning {
            tracing::warn!(vendor = %self.vendor, account = %self.key, reason = says.reason, "{}", happened.note);
        }
        self.context.recorder.event(self.account.object_ref(&()), &happened).await;
        true
    }

    /// Tells in an event, once, that the API server refuses the account's own status, which cannot say it then.
    async fn tell_account_refusal(&self, memory: &mut Memory, error: &RecordError) {
        let scope = error.scope();
        if !matches!(scope, Scope::Object | Scope::Rights) {
            return;
        }
        let words = error.in_words();
        if memory.account_refused.as_ref() == Some(&words) {
            return;
        }
        let Trouble { reason, message, .. } = account_refused(scope, &words);
        memory.account_refused = Some(words);
        let happened = Happened { warning: true, reason, note: message };
        self.context.recorder.event(self.account.object_ref(&()), &happened).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::REQUESTED_AT;
    use crate::engine::fake::{Scene, Server};

    #[tokio::test]
    async fn a_request_that_comes_during_a_pass_is_left_to_the_next() {
        let mut scene = Scene::new(0, Server::default());
        let request = |account: &VendorAccount, value: &str| {
            let mut account = account.clone();
            account.annotations_mut().insert(REQUESTED_AT.into(), value.into());
            account
        };
        let account = Arc::new(request(&scene.account, "first"));
        let mut pass = Pass::new(&scene.context, &scene.memory, &account, Vec::new());
        // As the write of a finalizer gives it back: an annotation is no new generation.
        pass.take(request(&account, "second"));
        assert!(pass.account_status(&mut scene.memory, None, &End::Done).await);
        let handled = |account: &VendorAccount| account.status.as_ref().unwrap().last_handled_request.clone();
        assert_eq!(handled(&pass.account).as_deref(), Some("first"));
        let account = Arc::clone(&pass.account);
        assert!(Pass::new(&scene.context, &scene.memory, &account, Vec::new()).account_is_asked_for());
    }
}
