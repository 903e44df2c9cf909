//! Records the facts of a history after each change in the cluster.

use super::facts::Sample;
use super::world::State;
use crate::api::update_strategy::UpdateStrategyType;
use crate::api::{VendorAccount, Webhook, WebhookSet};
use crate::set::member::{is_available, is_owned};
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Returns the uid of the set that a Webhook belongs to.
pub(super) fn owner(webhook: &Webhook) -> Option<String> {
    let owners = webhook.owner_references();
    owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.clone())
}

/// Whether an account gets a member of a set.
pub(super) fn matches(set: &WebhookSet, account: &VendorAccount) -> bool {
    let mut labels = set.spec.account_selector.match_labels.iter().flatten();
    let has = |(label, value): (&String, &String)| account.labels().get(label) == Some(value);
    let deleting = [&set.metadata, &account.metadata].iter().any(|one| one.deletion_timestamp.is_some());
    !deleting && labels.all(has)
}

impl State {
    /// Returns the accounts that get a member of a set.
    pub(super) fn matching(&self, set: &WebhookSet) -> Vec<Arc<VendorAccount>> {
        let accounts = self.cluster.accounts.objects.values();
        accounts.filter(|account| matches(set, account)).cloned().collect()
    }

    /// Returns the Webhooks that belong to a set and are not being deleted.
    pub(super) fn owned(&self, uid: &str) -> Vec<Arc<Webhook>> {
        let all = self.cluster.webhooks.objects.values();
        let is_there =
            |webhook: &&Arc<Webhook>| is_owned(webhook, uid) && webhook.metadata.deletion_timestamp.is_none();
        all.filter(is_there).cloned().collect()
    }

    pub(super) fn record(&mut self) {
        let sets: Vec<_> = self.cluster.sets.objects.values().cloned().collect();
        for set in sets {
            let sample = self.sample(&set);
            self.facts.samples.push(sample);
        }
        let members: Vec<_> = self.cluster.webhooks.objects.values().cloned().collect();
        let mut there = BTreeSet::new();
        for webhook in members {
            let Some(set) = owner(&webhook) else { continue };
            let key = (set, webhook.name_any());
            if is_available(&webhook) {
                self.facts.rolling.remove(&key);
                self.facts.available.insert(key.clone(), Arc::clone(&webhook));
            }
            if webhook.metadata.deletion_timestamp.is_none() {
                there.insert(key);
            }
        }
        // What people delete or release is no part of a roll-out any more.
        self.facts.rolling.retain(|member| there.contains(member));
    }

    fn sample(&self, set: &WebhookSet) -> Sample {
        let uid = set.uid().unwrap_or_default();
        let matching: BTreeSet<_> = self.matching(set).iter().map(|account| account.name_any()).collect();
        let strategy = &set.spec.update_strategy;
        let limits = strategy.rolling_update.clone().unwrap_or_default();
        let rolls = strategy.kind == UpdateStrategyType::RollingUpdate;
        Sample {
            at: self.now,
            paused: set.spec.paused,
            owned: self.owned(&uid).len(),
            unapproved: self.facts.unapproved.len(),
            limit: rolls.then(|| limits.max_unavailable.of(matching.len())),
            matching,
            set: uid,
        }
    }
}
