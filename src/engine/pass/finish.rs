//! The account's side of a pass: its status, and what its Webhooks are told when it cannot be worked on.

use crate::api::conditions::{self, READY, RECONCILING, STALLED};
use crate::api::status::{RecentDeletions, SubscriptionCounts, UnmanagedSubscription};
use crate::api::{ACCOUNT_FINALIZER, ObjectKey, RELEASE, VendorAccount};
use crate::engine::cluster::scope::Scope;
use crate::engine::cluster::writer::{ClusterWriter, EventRecord, WriteError};
use crate::engine::pass::Pass;
use crate::engine::pass::guard::{DELETION_GUARD, GuardVerdict};
use crate::engine::pass::schedule::PassOutcome;
use crate::engine::state::account::AccountState;
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::webhook::{AccountError, WEBHOOKS_NOT_WRITTEN, account_refused};
use crate::plan::Plan;
use kube::{Resource, ResourceExt};
use std::sync::Arc;
use std::time::Duration;

/// The reason of an account that was read.
const IN_SYNC: &str = "InSync";
/// How many Webhooks an account's message names.
const MAX_NAMED: usize = 5;

/// What a pass found and did, for status, metrics and the one line of log.
#[derive(Default)]
pub(crate) struct Summary {
    pub(crate) counts: SubscriptionCounts,
    pub(crate) unmanaged: Vec<UnmanagedSubscription>,
    pub(crate) tally: PassCounts,
    /// What the deletion guard says.
    pub(crate) guard: GuardVerdict,
    /// Ids whose deletion is allowed and that are still there.
    pub(crate) allowed: Vec<String>,
    /// Deletions of late that nobody had to allow.
    pub(crate) recent: Option<RecentDeletions>,
    /// Why the account's credentials are lost; deletions use those that were good last.
    pub(crate) lost: Option<AccountError>,
    /// Webhooks with a subscription that the account does not allow any more.
    pub(crate) not_allowed: Vec<ObjectKey>,
    /// Whether it came to a plan, so that each Webhook was looked at.
    pub(crate) planned: bool,
    /// Webhooks that the API server refuses to write: how many, and the first of them with its words.
    pub(crate) refused: Option<(usize, String)>,
    /// What a person should do about the account although it can be read.
    pub(crate) advice: Option<String>,
}

/// How many Webhooks fared how.
#[derive(Clone, Copy, Default)]
pub(crate) struct PassCounts {
    pub(crate) done: usize,
    pub(crate) held: usize,
    pub(crate) failed: usize,
    /// Steps that are left for the next slice.
    pub(crate) left: usize,
    /// How long steps of guests wait, as the rest of the budget is left to the account's own namespace.
    pub(crate) guests_wait: Option<Duration>,
    /// Whether a version had moved between reading and writing.
    pub(crate) outdated: bool,
    /// How many writes the vendor gave no answer to.
    pub(crate) unanswered: u32,
}

/// The error and all its causes, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

/// What the account's conditions say.
struct AccountConditions {
    ready: bool,
    reconciling: bool,
    stalled: bool,
    reason: &'static str,
    message: String,
}

impl<S, R: ClusterWriter> Pass<'_, S, R> {
    /// Puts our finalizer on the account before the first subscription of it is made or taken over.
    pub(crate) async fn keep_account(
        &mut self,
        memory: &AccountState,
        plan: &Plan,
    ) -> Result<(), WriteError> {
        let has_finalizer = self.account.finalizers().iter().any(|name| name == ACCOUNT_FINALIZER);
        let has_some =
            !self.summary.not_allowed.is_empty() || memory.entries.values().any(WebhookState::has_finalizer);
        let begins =
            plan.items.iter().any(|item| item.step().is_some_and(|step| !step.only_removes_finalizer()));
        if !has_finalizer && (has_some || begins) && self.account.metadata.deletion_timestamp.is_none() {
            let written = self.context.writer.add_account_finalizer(&self.account).await?;
            self.take(written);
        }
        Ok(())
    }

    /// Removes the finalizer from an account that is being deleted, when no Webhook that refers to it has a subscription any
    /// more, allowed or not. Returns whether nothing of that is left to do.
    pub(crate) async fn remove_account_finalizer(&self, memory: &AccountState) -> bool {
        let has_finalizer = self.account.finalizers().iter().any(|name| name == ACCOUNT_FINALIZER);
        let leaving = self.account.metadata.deletion_timestamp.is_some();
        let in_use =
            !self.summary.not_allowed.is_empty() || memory.entries.values().any(WebhookState::has_finalizer);
        if !(has_finalizer && leaving) || in_use {
            return true;
        }
        match self.context.writer.remove_account_finalizer(&self.account).await {
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
    pub(crate) fn take(&mut self, written: VendorAccount) {
        if written.meta().generation == self.account.meta().generation {
            self.account = Arc::new(written);
        }
    }

    fn says(&self, trouble: Option<&AccountError>, was_ready: bool) -> AccountConditions {
        let calm = |ready, reason, message| AccountConditions {
            ready,
            reconciling: false,
            stalled: false,
            reason,
            message,
        };
        if self.account.spec.suspend {
            let message = "suspended: the vendor is not called until spec.suspend is false".to_owned();
            return calm(was_ready, "Suspended", message);
        }
        let is_lost = trouble.is_some_and(|trouble| self.summary.lost.as_ref() == Some(trouble));
        if let (true, Some(held)) = (trouble.is_none() || is_lost, self.summary.guard.blocked.first()) {
            return AccountConditions {
                // A guest's deletions are no trouble of the account.
                ready: trouble.is_none() && held.namespace != self.key.namespace,
                reconciling: false,
                stalled: true,
                reason: DELETION_GUARD,
                message: self.blocked(held),
            };
        }
        let Some(AccountError { reason, message, stalled }) = trouble else {
            if self.account.metadata.deletion_timestamp.is_some() {
                let message = format!("is being deleted; {}", self.kept_for());
                return AccountConditions { reconciling: true, ..calm(was_ready, "Deleting", message) };
            }
            if let Some((count, which)) = &self.summary.refused {
                let message = format!(
                    "the API server refuses to write {count} of {} Webhooks: {which}; the others are kept up",
                    self.uids.len()
                );
                return calm(true, WEBHOOKS_NOT_WRITTEN, message);
            }
            let interval = &self.account.spec.resync_interval;
            let advice = self.summary.advice.iter().map(|advice| format!("; {advice}"));
            let message = format!("{} is read every {interval}{}", self.vendor, advice.collect::<String>());
            return calm(true, IN_SYNC, message);
        };
        let leaving =
            self.account.metadata.deletion_timestamp.is_some() && !self.summary.not_allowed.is_empty();
        let kept =
            if leaving { format!("; is being deleted and {}", self.kept_for()) } else { String::new() };
        let message = format!("{message}{kept}");
        AccountConditions { ready: false, reconciling: !stalled, stalled: *stalled, reason, message }
    }

    /// What an account that is being deleted waits for.
    fn kept_for(&self) -> String {
        let (own, others) = (self.uids.len(), &self.summary.not_allowed);
        let kept = format!("kept until its {} Webhooks are gone", own + others.len());
        if others.is_empty() {
            return kept;
        }
        let shown: Vec<_> = others.iter().take(MAX_NAMED).map(ToString::to_string).collect();
        let more = if others.len() > shown.len() { ", ..." } else { "" };
        format!(
            "{kept}; {} of them have subscriptions and are in namespaces that spec.allowedNamespaces does not allow any more ({}{more}): \
             allow these namespaces again and delete the Webhooks, or delete them with the annotation {RELEASE}=true, which keeps their subscriptions",
            others.len(),
            shown.join(", ")
        )
    }

    /// Brings the account's status up to date; writes and tells only what is new. Gives whether the cluster has it now.
    pub(crate) async fn account_status(
        &mut self,
        memory: &mut AccountState,
        trouble: Option<&AccountError>,
        end: &PassOutcome<'_>,
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
            status.recent_deletions = self.summary.recent.take();
        }
        for (kind, value) in [(READY, says.ready), (RECONCILING, says.reconciling), (STALLED, says.stalled)] {
            let message = if kind == READY || value { says.message.as_str() } else { "" };
            conditions::set(&mut status.conditions, kind, value, says.reason, message, generation, self.now);
        }
        if matches!(end, PassOutcome::Done | PassOutcome::AccountError { .. } | PassOutcome::Refused)
            && self.requested.is_some()
        {
            status.last_handled_request.clone_from(&self.requested);
        }
        if status == known {
            return true;
        }
        match self.context.writer.account_status(&self.account, &status).await {
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
        let advised = says.reason == IN_SYNC && self.summary.advice.is_some();
        let warning = trouble.is_some() || says.stalled || refused || advised;
        let reason = if advised { "LikelyRefused" } else { says.reason };
        let happened = EventRecord { warning, reason, note: says.message };
        if happened.warning {
            tracing::warn!(vendor = %self.vendor, account = %self.key, reason, "{}", happened.note);
        }
        self.context.writer.event(self.account.object_ref(&()), &happened).await;
        true
    }

    /// Tells in an event, once, that the API server refuses the account's own status, which cannot say it then.
    async fn tell_account_refusal(&self, memory: &mut AccountState, error: &WriteError) {
        let scope = error.scope();
        if !matches!(scope, Scope::Object | Scope::Rights) {
            return;
        }
        let words = error.in_words();
        if memory.account_refused.as_ref() == Some(&words) {
            return;
        }
        let AccountError { reason, message, .. } = account_refused(scope, &words);
        memory.account_refused = Some(words);
        let happened = EventRecord { warning: true, reason, note: message };
        self.context.writer.event(self.account.object_ref(&()), &happened).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::REQUESTED_AT;
    use crate::engine::testing::{Scene, Server};

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
        assert!(pass.account_status(&mut scene.memory, None, &PassOutcome::Done).await);
        let handled = |account: &VendorAccount| account.status.as_ref().unwrap().last_handled_request.clone();
        assert_eq!(handled(&pass.account).as_deref(), Some("first"));
        let account = Arc::clone(&pass.account);
        assert!(Pass::new(&scene.context, &scene.memory, &account, Vec::new()).account_is_asked_for());
    }
}
