//! Records the facts of a history as they happen.

use super::content::{has_all, wanted};
use super::facts::WebhookFacts;
use super::vendor::{Sub, Write};
use super::world::State;
use crate::api::{VendorName, Webhook};
use crate::plan::{Document, ExternalId};
use kube::ResourceExt;
use std::collections::HashSet;

impl State {
    /// Returns what that Webhook declares now.
    pub(super) fn wants(&self, webhook: &Webhook) -> Document {
        wanted(&webhook.spec.subscription, &self.cluster.token())
    }

    pub(super) fn note_wanted(&mut self, webhook: &Webhook) {
        let wants = self.wants(webhook);
        self.facts.webhook(webhook).wanted.push(wants);
    }

    /// Records which subscription a status names. One that somebody else made may be named only if the spec asks for it.
    pub(super) fn note_status(&mut self, webhook: &Webhook) {
        let Some(status) = &webhook.status else { return };
        let rules = self.rules;
        let of_another = |id: &str| {
            let mut others =
                self.facts.webhooks.iter().filter(|(uid, _)| Some(*uid) != webhook.metadata.uid.as_ref());
            others.any(|(_, other)| other.ids.contains(id))
        };
        let of_another = status.external_id.as_deref().is_some_and(of_another);
        let facts = self.facts.webhook(webhook);
        facts.adopted |= of_another;
        facts.ids.extend(ExternalId::valid(&status.superseded));
        let Some(id) = ExternalId::valid(&status.external_id).next() else { return };
        let is_new = facts.ids.insert(id.clone());
        let Some(sub) = self.vendor.subs.iter_mut().find(|sub| sub.id == id) else { return };
        facts.adopted |= is_new && !facts.wanted.iter().any(|one| has_all(rules, &sub.has, one));
        facts.wiped &= status.last_applied.is_none();
        if let Some(made_as) = &sub.made_as {
            if facts.pinned.contains(id.as_str()) || facts.wanted.iter().any(|one| rules.equal(one, made_as))
            {
                sub.made_as = None;
                facts.adopted = true;
            } else {
                self.wrong(format!("the unmanaged subscription {id} was adopted"));
            }
        }
    }

    /// Records that a Webhook is gone; its finalizer may have been removed without a deletion at the vendor.
    pub(super) fn note_vanished(&mut self, webhook: &Webhook) {
        if self.cluster.slot(webhook.metadata.uid.as_deref().unwrap_or_default()).is_none() {
            let facts = self.facts.webhook(webhook);
            facts.may_be_left |= facts.may_leave;
        }
    }

    /// Records the end of a process: nobody knows a subscription that no list shows yet and that no status names any more.
    pub(super) fn note_forgotten(&mut self) {
        for webhook in self.cluster.objects.values() {
            let recorded = webhook.status.as_ref().is_some_and(|status| status.external_id.is_some());
            let facts = self.facts.webhooks.entry(webhook.uid().unwrap_or_default()).or_default();
            let unseen = |sub: &Sub| sub.shown_from > self.now && facts.ids.contains(&sub.id);
            if facts.wiped && !recorded && self.vendor.subs.iter().any(unseen) {
                (facts.may_be_left, facts.may_need_person) = (true, true);
            }
        }
    }

    /// Records a change from which a wiped status cannot be restored.
    pub(super) fn disturb(&mut self, which: impl Fn(&str, &WebhookFacts) -> bool) {
        for (uid, facts) in &mut self.facts.webhooks {
            if facts.wiped && which(uid, facts) {
                (facts.may_be_left, facts.may_need_person) = (true, true);
            }
        }
    }

    /// Records an adoption: the subscription gets the declared write-only values.
    pub(super) fn note_taken_over(&mut self, id: &ExternalId, desired: &Document) {
        let rules = self.rules;
        let Some(sub) = self.vendor.at(id) else { return };
        let equal = sub.made_as.as_ref().is_some_and(|made_as| rules.equal(made_as, desired));
        if equal && !rules.write_only_values(desired).is_empty() {
            sub.made_as = None;
        }
    }

    /// Whether the Webhook is in sync and waits for nothing.
    pub(super) fn in_step(&self, webhook: &Webhook) -> bool {
        let Some(status) = &webhook.status else { return false };
        let sub = self.vendor.subs.iter().find(|sub| Some(sub.id.as_str()) == status.external_id.as_deref());
        sub.is_some_and(|sub| has_all(self.rules, &sub.has, &self.wants(webhook)))
            && status.pending.is_none()
            && status.superseded.is_empty()
            && self.vendor.late.is_empty()
    }

    /// Records a new value of the Secret: lost creates that hold the old value in clear are not recognised any more.
    pub(super) fn note_rotation(&mut self) {
        // In the middle of a pass, a create with the old value may still be sent.
        let mid_pass = self.mid_pass();
        for webhook in self.cluster.objects.values().cloned().collect::<Vec<_>>() {
            let pending = webhook.status.as_ref().is_some_and(|status| status.pending.is_some());
            if self.name == VendorName::Brightpearl && (mid_pass || pending) {
                self.facts.webhook(&webhook).may_be_left = true;
            }
            self.note_wanted(&webhook);
        }
    }

    /// Whether there is a reason why this subscription is left at the vendor.
    pub(super) fn is_left_for_a_reason(&self, id: &ExternalId, has: &Document) -> bool {
        let mut may_be_left = self.facts.webhooks.values().filter(|facts| facts.may_be_left);
        may_be_left
            .any(|facts| facts.ids.contains(id) || facts.wanted.iter().any(|one| self.rules.equal(one, has)))
    }

    /// Whether the process would not trust an empty list: it lacks several recorded subscriptions.
    pub(super) fn would_be_doubted(&self) -> bool {
        let view = self.cluster.last_view(self.acting);
        let recorded = view.webhooks.iter().filter_map(|one| one.status.as_ref()?.external_id.clone());
        let there = |id: &String| self.vendor.subs.iter().any(|sub| sub.id.as_str() == id);
        recorded.filter(there).collect::<HashSet<_>>().len() > 1
    }

    /// Records deletions of Webhooks that are being deleted, for the deletion guard.
    pub(super) fn note_deletion(&mut self, write: &Write) {
        let Write::Delete(id) = write else { return };
        let leaving = self.cluster.objects.values().any(|one| {
            let recorded = one.status.as_ref().and_then(|status| status.external_id.as_deref());
            one.metadata.deletion_timestamp.is_some() && recorded == Some(id.as_str())
        });
        if leaving {
            self.vendor.deleted[self.acting].insert(id.clone());
            self.is_guarded(id);
        }
        // Its replacement is recorded first: a process that dies in between knows both.
        let stays = self.cluster.objects.values().find(|one| {
            let recorded = one.status.as_ref().and_then(|status| status.external_id.as_deref());
            one.metadata.deletion_timestamp.is_none() && recorded == Some(id.as_str())
        });
        if let Some(name) = stays.map(|one| one.name_any()) {
            self.wrong(format!("{id} is deleted while the status of Webhook {name} still names it"));
        }
    }

    /// The guard counts deletions of the last ten minutes, also those of a process that died: no more than half may be deleted
    /// without a person. Some minutes are left out, as requests take time.
    fn is_guarded(&mut self, id: &ExternalId) {
        const COUNTS: u64 = 300;
        let lately = |at: &u64| *at + COUNTS > self.now;
        let there = |id: &ExternalId| self.vendor.subs.iter().any(|sub| sub.id == *id);
        let gone = self.vendor.requested.iter().filter(|(id, at)| lately(at) && !there(id)).count();
        let managed = self.vendor.subs.iter().filter(|sub| self.is_recorded(sub)).count();
        if managed + gone < 2 {
            return;
        }
        let removed = self.vendor.removed.iter().filter(|at| lately(at)).count();
        let all = gone + self.vendor.deleted[self.acting].iter().filter(|id| there(id)).count();
        let of = self.vendor.subs.len() + gone + removed;
        if all > 1 && all * 100 > 50 * of && !self.facts.allowed {
            self.wrong(format!("{all} of {of} were deleted within some minutes"));
        }
        self.vendor.requested.insert(id.clone(), self.now);
    }
}
