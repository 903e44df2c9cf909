//! Tells Webhooks that their account cannot be worked on, and removes the finalizer from those that need no vendor call.
//!
//! An account may have ten thousand of them. Several are written at once, for a moment only: what is left goes on with the
//! next look, so that a corrected Secret does not wait behind the reports of the wrong one.

use crate::api::ObjectKey;
use crate::engine::clock;
use crate::engine::cluster::scope::Scope;
use crate::engine::cluster::writer::{ClusterWriter, EventRecord, WriteError};
use crate::engine::pass::Pass;
use crate::engine::pass::finish::chain;
use crate::engine::state::account::AccountState;
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::webhook::{ACCOUNT_CHANGED, AccountError, refused, settle_unseen};
use futures::stream::{FuturesUnordered, StreamExt as _};
use kube::Resource;
use std::collections::HashMap;
use std::time::Duration;

/// How long one pass reports; what is left is reported soon after.
const REPORTING: Duration = Duration::from_secs(1);
/// How many Webhooks are written at once.
const MAX_IN_FLIGHT: usize = 8;

/// What became of the report to one Webhook.
enum Reported {
    /// It is written, or says so already.
    Written,
    /// The finalizer is removed.
    Released,
    /// The API server did not take it.
    Failed(WriteError),
}

impl<S, R: ClusterWriter> Pass<'_, S, R> {
    /// Reports the account's trouble to the Webhooks that wait for something, and removes the finalizer from those that are
    /// being deleted and whose subscription stays. What is not written is noted as untold.
    pub(crate) async fn report_failure(
        &self,
        memory: &mut AccountState,
        uids: &[String],
        trouble: &AccountError,
    ) {
        let AccountState { entries, refusals, untold, .. } = memory;
        let mut entries: HashMap<&str, &mut WebhookState> =
            entries.iter_mut().map(|(uid, entry)| (uid.as_str(), entry)).collect();
        // People wait for what is being deleted.
        let (released, others): (Vec<_>, Vec<_>) =
            uids.iter().filter_map(|uid| entries.remove(uid.as_str())).partition(|entry| entry.is_released());
        let mut left = released.into_iter().chain(others);
        let deadline = clock::now() + REPORTING;
        let mut in_flight = FuturesUnordered::new();
        let mut gone = Vec::new();
        let mut server_fails = false;
        loop {
            while in_flight.len() < MAX_IN_FLIGHT
                && !server_fails
                && clock::now() < deadline
                && !self.context.stopping()
            {
                let Some(entry) = left.next() else { break };
                if refusals.holds_back(entry) {
                    untold.webhook(&entry.uid, trouble);
                } else {
                    in_flight.push(self.report(entry, trouble));
                }
            }
            let Some((entry, reported)) = in_flight.next().await else { break };
            match reported {
                Reported::Written => {}
                Reported::Released => gone.push(entry.uid.clone()),
                Reported::Failed(error) => {
                    untold.webhook(&entry.uid, trouble);
                    match error.scope() {
                        Scope::Object => {
                            let words = error.in_words();
                            if refusals.record(entry, words.clone()) {
                                self.tell_refusal(entry, &words).await;
                            }
                        }
                        Scope::Conflict => {}
                        // It is not asked once for each of them.
                        Scope::Rights | Scope::Server => server_fails = true,
                    }
                }
            }
        }
        drop(in_flight);
        let left = left.map(|entry| entry.uid.clone());
        if server_fails {
            untold.server_failed(trouble, left);
        } else {
            untold.out_of_time(trouble, left);
        }
        for uid in &gone {
            memory.forget(uid);
        }
    }

    /// Brings one Webhook up to date.
    async fn report<'e>(
        &self,
        entry: &'e mut WebhookState,
        trouble: &AccountError,
    ) -> (&'e mut WebhookState, Reported) {
        let released = entry.is_released();
        let reported =
            if released { self.release(entry).await } else { self.tell_trouble(entry, trouble).await };
        let reported = match reported {
            Ok(()) if released => Reported::Released,
            Ok(()) => Reported::Written,
            Err(error) => {
                let what = if released { "finalizer not removed" } else { "status not written" };
                tracing::warn!(vendor = %self.vendor, account = %self.key, webhook = %ObjectKey::of(&*entry.object), external_id = entry.status.external_id, error = %chain(&error), "{what}");
                Reported::Failed(error)
            }
        };
        (entry, reported)
    }

    async fn tell_trouble(&self, entry: &mut WebhookState, trouble: &AccountError) -> Result<(), WriteError> {
        if entry.object.spec.suspend {
            return Ok(());
        }
        if entry.requested.request.is_some() && entry.status.last_handled_request != entry.requested.request {
            entry.status.last_handled_request.clone_from(&entry.requested.request);
        }
        // That the id is of another account is the Webhook's own trouble.
        let is_own = !entry.object.is_guest() || trouble.reason == ACCOUNT_CHANGED;
        let unsaid = (!is_own).then(|| trouble.without_words());
        let happened =
            settle_unseen(entry, unsaid.as_ref().unwrap_or(trouble), &self.key, self.vendor, self.now);
        entry.write(&self.context.writer).await?;
        if let Some(happened) = happened {
            tracing::warn!(vendor = %self.vendor, account = %self.key, webhook = %ObjectKey::of(&*entry.object), external_id = entry.status.external_id, reason = happened.reason, "{}", happened.note);
            self.context.writer.event(entry.object.object_ref(&()), &happened).await;
        }
        Ok(())
    }

    /// Tells, in log and event, that the API server refuses a write of just this Webhook.
    pub(crate) async fn tell_refusal(&self, entry: &WebhookState, words: &str) {
        let happened = refused(words);
        tracing::warn!(vendor = %self.vendor, account = %self.key, webhook = %ObjectKey::of(&*entry.object), external_id = entry.status.external_id, reason = happened.reason, "{}", happened.note);
        self.context.writer.event(entry.object.object_ref(&()), &happened).await;
    }

    async fn release(&self, entry: &mut WebhookState) -> Result<(), WriteError> {
        entry.remove_finalizer(&self.context.writer).await?;
        let id = entry.status.external_id.as_deref().unwrap_or("its subscription, if there is one,");
        let note = format!("let go; {id} stays at {}", self.vendor);
        tracing::info!(vendor = %self.vendor, account = %self.key, webhook = %ObjectKey::of(&*entry.object), external_id = entry.status.external_id, reason = "Retained", "{note}");
        let happened = EventRecord { warning: false, reason: "Retained", note };
        self.context.writer.event(entry.object.object_ref(&()), &happened).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
