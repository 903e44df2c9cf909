//! Checks at each write of the process that no rule is broken, by all states of the last minute: the caches of sets, accounts and Webhooks
//! lag independently, so that a pass may combine a new account with an old set.

use super::facts::Unapproved;
use super::objects::receiver;
use super::record::{matches, owner};
use super::world::State;
use crate::api::status::WebhookSetStatus;
use crate::api::{ALLOW_SET_CHANGES, FINALIZER, SET_REVISION, VendorAccount, Webhook, WebhookSet};
use crate::engine::cluster::set_writes::MemberObject;
use crate::plan;
use crate::set::expand::expand;
use crate::set::member::{has_spec, is_available, is_owned, risk};
use kube::ResourceExt;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How old what the process knows may be, in milliseconds: the longest lag, and the pauses of a pass.
const KNOWN: u64 = 60_000;
/// How long the guard counts a change, in milliseconds.
const RECENT: u64 = 600_000;

/// Whether a Webhook has a subscription, or may have one.
fn has_subscription(webhook: &Webhook) -> bool {
    let recorded = webhook.status.as_ref().is_some_and(|status| status.external_id.is_some());
    recorded || webhook.finalizers().iter().any(|name| name == FINALIZER)
}

/// Whether a new spec stops deliveries, or sends them to another receiver.
fn is_dangerous(before: &Webhook, member: &MemberObject<'_>) -> bool {
    let (old, new) = (&before.spec, member.spec);
    has_subscription(before)
        && (receiver(old) != receiver(new) || old.subscription.is_enabled() && !new.subscription.is_enabled())
}

fn uid(set: &WebhookSet) -> String {
    set.uid().unwrap_or_default()
}

/// Returns the place of an account in the order of a set's roll-out.
fn ring(set: &WebhookSet, account: &VendorAccount) -> usize {
    let limits = set.spec.update_strategy.rolling_update.as_ref();
    let Some(order) = limits.and_then(|limits| limits.order_by.as_ref()) else { return 0 };
    let value = account.labels().get(&order.label);
    order.values.iter().position(|one| Some(one) == value).unwrap_or(order.values.len())
}

impl State {
    /// Judges the creation of a member.
    pub(super) fn judge_creation(&mut self, member: &MemberObject<'_>) {
        self.judge_member(&uid(member.set), member.name, &member.spec.account_ref.name);
    }

    /// Judges a write of a member that exists.
    pub(super) fn judge_change(&mut self, before: &Webhook, member: &MemberObject<'_>) {
        let set = uid(member.set);
        self.judge_member(&set, member.name, &member.spec.account_ref.name);
        if !is_owned(before, &set) {
            self.wrong(format!("{} is written, and does not belong to the set", member.name));
        }
        let restored = before.annotations().get(SET_REVISION) == member.annotations.get(SET_REVISION);
        if restored || has_spec(before, member.spec) {
            return;
        }
        self.counts.rolled += 1;
        self.judge_limit(before, &set);
        self.judge_order(before, member);
        if is_dangerous(before, member) {
            let effect = risk(before, member.spec).unwrap_or_default();
            self.count(&set, &format!("{}={effect}", member.name));
        }
    }

    /// Judges the deletion of a member.
    pub(super) fn judge_removal(&mut self, webhook: &Webhook, set: &str) {
        let (name, account) = (webhook.name_any(), &webhook.spec.account_ref.name);
        if !is_owned(webhook, set) {
            self.wrong(format!("{name} is deleted, and does not belong to the set"));
        }
        let lately = self.facts.since(set, self.now.saturating_sub(KNOWN));
        if lately.iter().all(|sample| sample.paused) {
            self.wrong(format!("{name} is deleted, and the set is paused"));
            return;
        }
        if !self.seen(set, account).contains(&false) {
            self.wrong(format!("{name} is deleted, and its account matches"));
            return;
        }
        if webhook.metadata.deletion_timestamp.is_none() && has_subscription(webhook) {
            self.count(set, &format!("{name}=removed"));
        }
    }

    /// Judges what is recorded as approved: the annotation names exactly what was added.
    pub(super) fn judge_status(&mut self, set: &WebhookSet, status: &WebhookSetStatus) {
        let known = set.status.as_ref().map(|status| status.allowed_changes.clone()).unwrap_or_default();
        let added: BTreeSet<_> =
            status.allowed_changes.iter().filter(|change| !known.contains(change)).collect();
        let digest = plan::hash(&json!(added));
        let approved = set.annotations().get(ALLOW_SET_CHANGES);
        if !added.is_empty() && approved.is_none_or(|approved| !digest.starts_with(approved.as_str())) {
            self.wrong(format!("{added:?} count as approved, and {approved:?} was"));
        }
    }

    /// Returns whether the process may have seen that an account matches a set, and that it does not.
    fn seen(&self, uid: &str, account: &str) -> BTreeSet<bool> {
        let from = self.now.saturating_sub(KNOWN);
        let sets = self.cluster.sets.since(from);
        let of_uid = |set: &&Arc<WebhookSet>| set.metadata.uid.as_deref() == Some(uid);
        let sets: Vec<_> = sets.filter_map(|sets| sets.values().find(of_uid)).collect();
        let accounts = self.cluster.accounts.since(from).map(|accounts| accounts.get(account));
        let does_match = |account: Option<&Arc<VendorAccount>>, set: &WebhookSet| {
            account.is_some_and(|one| matches(set, one))
        };
        accounts.flat_map(|account| sets.iter().map(move |set| does_match(account, set))).collect()
    }

    fn judge_member(&mut self, set: &str, name: &str, account: &str) {
        let lately = self.facts.since(set, self.now.saturating_sub(KNOWN));
        if lately.iter().all(|sample| sample.paused) {
            self.wrong(format!("{name} is written, and the set is paused"));
        } else if !self.seen(set, account).contains(&true) {
            self.wrong(format!("{name} is written, and its account does not match"));
        }
    }

    /// A roll-out makes no more members unavailable than the set allows.
    fn judge_limit(&mut self, before: &Webhook, set: &str) {
        let lately = self.facts.since(set, self.now.saturating_sub(KNOWN));
        let limit = lately.iter().filter_map(|sample| sample.limit).max();
        let name = before.name_any();
        let Some(limit) = limit else {
            self.wrong(format!("{name} follows the template, and the strategy is OnDelete"));
            return;
        };
        if !is_available(before) {
            return;
        }
        self.facts.rolling.insert((set.to_owned(), name));
        let stays = |name: &String| {
            let webhook = self.cluster.webhooks.objects.get(name);
            webhook.is_some_and(|webhook| !self.seen(set, &webhook.spec.account_ref.name).contains(&false))
        };
        let of_set = self.facts.rolling.iter().filter(|(of, name)| of == set && stays(name));
        let rolling: Vec<_> = of_set.map(|(_, name)| name.clone()).collect();
        if rolling.len() > limit {
            self.wrong(format!("a roll-out made {rolling:?} unavailable, and {limit} are allowed"));
        }
    }

    /// The members of a ring are changed when those before it have been available with what the template declares for them.
    fn judge_order(&mut self, before: &Webhook, member: &MemberObject<'_>) {
        let lasting = |account: &Arc<VendorAccount>| {
            self.facts.account_changed.get(&account.name_any()).is_none_or(|at| *at + KNOWN < self.now)
        };
        let accounts: Vec<_> = self.cluster.accounts.objects.values().filter(|one| lasting(one)).collect();
        let Some(own) = accounts.iter().find(|one| one.name_any() == before.spec.account_ref.name) else {
            return;
        };
        let (set, place) = (uid(member.set), ring(member.set, own));
        let earlier = accounts.iter().filter(|account| {
            ring(member.set, account) < place && !self.seen(&set, &account.name_any()).contains(&false)
        });
        let mut late = None;
        for account in earlier {
            let expanded = expand(member.set, std::slice::from_ref(*account)).remove(0);
            let Ok(declared) = &expanded.declared else { continue };
            let there = self.cluster.webhooks.get(&expanded.name);
            if there.is_some_and(|webhook| !is_owned(&webhook, &set)) {
                continue;
            }
            let seen = self.facts.available.get(&(set.clone(), expanded.name.clone()));
            if !seen.is_some_and(|webhook| has_spec(webhook, &declared.spec)) {
                late = Some(expanded.name);
            }
        }
        if let Some(late) = late {
            self.wrong(format!("{} follows the template before {late} of an earlier ring", member.name));
        }
    }

    /// Counts a change for the guard, and judges all of the last ten minutes.
    fn count(&mut self, set: &str, change: &str) {
        let stored = self.cluster.sets.objects.values().find(|one| one.metadata.uid.as_deref() == Some(set));
        let Some(stored) = stored.cloned() else { return };
        if stored
            .status
            .as_ref()
            .is_some_and(|status| status.allowed_changes.iter().any(|allowed| allowed == change))
        {
            self.counts.approved += 1;
            return;
        }
        self.counts.unapproved += 1;
        let (now, guard) = (self.now, stored.spec.guard);
        self.facts.unapproved.push(Unapproved { at: now, set: set.to_owned(), change: change.to_owned() });
        let recent = self.facts.changes(set, now.saturating_sub(RECENT - KNOWN), usize::MAX).len();
        let lately = self.facts.since(set, now.saturating_sub(KNOWN));
        if lately.iter().all(|sample| sample.matching.is_empty())
            && stored.metadata.deletion_timestamp.is_none()
            && self.cluster.accounts.objects.values().all(|one| one.metadata.deletion_timestamp.is_none())
        {
            self.wrong(format!("{change}, and the selector matches nothing"));
        }
        let lately = self.facts.since(set, now.saturating_sub(KNOWN));
        let members = lately.iter().map(|sample| {
            let removed = self.facts.changes(set, now.saturating_sub(RECENT + KNOWN), sample.unapproved);
            sample.owned + removed.iter().filter(|change| change.ends_with("=removed")).count()
        });
        let members = members.max().unwrap_or_default();
        let number = |n: i32| usize::try_from(n).unwrap_or_default();
        if recent >= number(guard.min_count) && recent * 100 > number(guard.max_percent) * members {
            self.wrong(format!("{change} is the change {recent} of {members} members, and not approved"));
        }
    }

    /// Judges a Webhook that Kubernetes deletes because its set is gone.
    pub(super) fn judge_garbage(&mut self, webhook: &Webhook) {
        if webhook.metadata.deletion_timestamp.is_none() && has_subscription(webhook) {
            let (name, set) = (webhook.name_any(), owner(webhook));
            self.wrong(format!("{name} was left to the garbage collector by the set {set:?}"));
        }
    }
}
