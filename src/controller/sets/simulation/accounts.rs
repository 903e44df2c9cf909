//! A model of the accounts' engine: it gives each Webhook a subscription, and deletes that before a Webhook goes.
//!
//! It is no real engine: that one needs a vendor, values and state for each account, and its own simulation proves the life of a single
//! Webhook. A pass over a set depends on it only by finalizers and statuses.

use super::objects::{ACCOUNTS, NAMESPACE, content};
use super::record::owner;
use super::step::Reach;
use super::world::{State, Sub};
use crate::api::conditions::{DELIVERING, READY, STALLED, seconds, set, status};
use crate::api::{FINALIZER, Webhook};
use crate::engine::clock;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use std::sync::Arc;

impl State {
    pub(super) fn reconcile_all(&mut self) {
        for account in ACCOUNTS {
            self.reconcile(account, Reach::Status);
        }
    }

    /// Reconciles the Webhooks of an account, so far.
    pub(super) fn reconcile(&mut self, account: &str, reach: Reach) {
        let Some(object) = self.cluster.accounts.get(account) else { return };
        for webhook in self.webhooks_of(account) {
            self.reconcile_webhook(account, &webhook, reach);
        }
        if object.metadata.deletion_timestamp.is_some() && self.webhooks_of(account).is_empty() {
            let mut object = (*object).clone();
            object.finalizers_mut().clear();
            self.store(object);
        }
    }

    fn webhooks_of(&self, account: &str) -> Vec<Arc<Webhook>> {
        let all = self.cluster.webhooks.objects.values();
        all.filter(|webhook| webhook.spec.account_ref.name == account).cloned().collect()
    }

    fn reconcile_webhook(&mut self, account: &str, webhook: &Webhook, reach: Reach) {
        let failing = self.failing.contains(account);
        let uid = webhook.uid().unwrap_or_default();
        let mut current = webhook.clone();
        if current.metadata.deletion_timestamp.is_some() {
            if !failing {
                self.subs.remove(&uid);
                current.finalizers_mut().retain(|name| name != FINALIZER);
                self.store(current);
            }
            return;
        }
        if !current.finalizers().iter().any(|name| name == FINALIZER) {
            current.finalizers_mut().push(FINALIZER.into());
            current = (*self.store(current)).clone();
        }
        if reach == Reach::Finalizer {
            return;
        }
        if !failing {
            self.declare(account, &uid, &current);
        }
        if reach == Reach::Status {
            self.report(account, &uid, current);
        }
    }

    /// Creates or updates the subscription of a Webhook.
    fn declare(&mut self, account: &str, uid: &str, webhook: &Webhook) {
        let content = content(&webhook.spec);
        if let Some(sub) = self.subs.get_mut(uid) {
            sub.content = content;
            return;
        }
        let sub = Sub { account: account.to_owned(), set: owner(webhook), content };
        let same = |other: &Sub| sub.set.is_some() && other.account == sub.account && other.set == sub.set;
        if self.subs.values().any(same) {
            self.wrong(format!("{} is a second subscription of a set at {account}", webhook.name_any()));
        }
        self.subs.insert(uid.to_owned(), sub);
    }

    fn report(&mut self, account: &str, uid: &str, mut webhook: Webhook) {
        let (failing, stopped) = (self.failing.contains(account), self.stopped.contains(account));
        let mut reported = webhook.status.clone().unwrap_or_default();
        reported.observed_generation = webhook.metadata.generation;
        reported.external_id = self.subs.contains_key(uid).then(|| uid.to_owned());
        let reason = if failing { "Rejected" } else { "InSync" };
        for (kind, is_true) in [(READY, !failing), (STALLED, failing), (DELIVERING, !stopped)] {
            let condition = Condition {
                type_: kind.into(),
                status: status(is_true),
                reason: reason.into(),
                message: format!("{kind} at {NAMESPACE}/{account}"),
                observed_generation: webhook.metadata.generation,
                last_transition_time: seconds(clock::timestamp()),
            };
            set(&mut reported.conditions, condition);
        }
        webhook.status = Some(reported);
        self.store(webhook);
    }
}
