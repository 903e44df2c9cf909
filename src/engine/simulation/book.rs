//! What a history keeps in mind beside what there is, so that its end can be judged.
//!
//! The exceptions from "exactly one, and nothing left behind", each for a reason:
//!
//! - **Let go**: a Webhook with `deletionPolicy: Retain`, or the annotation that releases it, leaves what it had.
//! - **Finalizer taken off by force**: a Webhook that goes without us leaves what it had; nobody was asked.
//! - **Status wiped or overwritten by hand** heals by content. If anything else changes before it has healed, or it was not
//!   in step when that was done, nothing tells its subscription from a stranger's. Nor does anything tell of it when the
//!   process ends before the list shows it.
//! - **A Secret that a lost create had in clear, changed before it is found**: it is recognised by what it held, and what
//!   it held is known to the process that sent it only.
//! - **An equal one that another made** is taken over; where no value is declared that nobody can read back, it may have one.
//! - **Somebody makes an equal one while a create is unanswered**: nobody can tell the two apart; one is adopted.

use super::content::{has_all, wanted};
use super::vendor::Sub;
use super::world::State;
use crate::api::{VendorName, Webhook};
use crate::plan::{Document, ExternalId};
use kube::ResourceExt;
use std::collections::{BTreeMap, HashSet};

/// What is remembered of one Webhook, also when it is gone.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Book {
    /// Everything it ever wanted.
    pub(super) wanted: Vec<Document>,
    /// Everything it ever had.
    pub(super) ids: HashSet<ExternalId>,
    pub(super) named: HashSet<String>,
    /// When it goes it may leave something behind.
    pub(super) may_leave: bool,
    /// What it had may be left behind.
    pub(super) excused: bool,
    /// It may need a person.
    pub(super) meddled: bool,
    /// It took over what somebody else, or another Webhook, had made.
    pub(super) adopted: bool,
    /// Its status was wiped, and is not healed yet.
    pub(super) wiped: bool,
}

/// What is remembered of all.
#[derive(Default)]
pub(super) struct Books {
    pub(super) of: BTreeMap<String, Book>,
    /// What the process made.
    pub(super) made: HashSet<ExternalId>,
    /// A person has allowed deletions at some time.
    pub(super) allowed: bool,
}

impl Books {
    pub(super) fn book(&mut self, webhook: &Webhook) -> &mut Book {
        self.of.entry(webhook.metadata.uid.clone().unwrap_or_default()).or_default()
    }
}

impl State {
    /// What that Webhook wants now.
    pub(super) fn wants(&self, webhook: &Webhook) -> Document {
        wanted(&webhook.spec.subscription, &self.cluster.token())
    }

    pub(super) fn note_wanted(&mut self, webhook: &Webhook) {
        let wants = self.wants(webhook);
        self.books.book(webhook).wanted.push(wants);
    }

    /// The status says which subscription is whose: a stranger's only if it was asked for.
    pub(super) fn note_status(&mut self, webhook: &Webhook) {
        let Some(status) = &webhook.status else { return };
        let rules = self.rules;
        let of_another = |id: &str| {
            let mut others =
                self.books.of.iter().filter(|(uid, _)| Some(*uid) != webhook.metadata.uid.as_ref());
            others.any(|(_, other)| other.ids.contains(id))
        };
        let of_another = status.external_id.as_deref().is_some_and(of_another);
        let book = self.books.book(webhook);
        book.adopted |= of_another;
        book.ids.extend(ExternalId::valid(&status.superseded));
        let Some(id) = ExternalId::valid(&status.external_id).next() else { return };
        let is_new = book.ids.insert(id.clone());
        let Some(sub) = self.vendor.subs.iter_mut().find(|sub| sub.id == id) else { return };
        book.adopted |= is_new && !book.wanted.iter().any(|one| has_all(rules, &sub.has, one));
        book.wiped &= status.last_applied.is_none();
        if let Some(stranger) = &sub.stranger {
            if book.named.contains(id.as_str()) || book.wanted.iter().any(|one| rules.equal(one, stranger)) {
                sub.stranger = None;
                book.adopted = true;
            } else {
                self.wrong(format!("the stranger {id} was taken over"));
            }
        }
    }

    /// A Webhook that is gone may have been let go.
    pub(super) fn note_vanished(&mut self, webhook: &Webhook) {
        if self.cluster.slot(webhook.metadata.uid.as_deref().unwrap_or_default()).is_none() {
            let book = self.books.book(webhook);
            book.excused |= book.may_leave;
        }
    }

    /// A process ends: what is in no list yet, and no longer in a status, nobody knows of.
    pub(super) fn note_forgotten(&mut self) {
        for webhook in self.cluster.objects.values() {
            let recorded = webhook.status.as_ref().is_some_and(|status| status.external_id.is_some());
            let book = self.books.of.entry(webhook.uid().unwrap_or_default()).or_default();
            let unseen = |sub: &Sub| sub.shown_from > self.now && book.ids.contains(&sub.id);
            if book.wiped && !recorded && self.vendor.subs.iter().any(unseen) {
                (book.excused, book.meddled) = (true, true);
            }
        }
    }

    /// Something changes that a wiped status cannot be healed from.
    pub(super) fn disturb(&mut self, which: impl Fn(&str, &Book) -> bool) {
        for (uid, book) in &mut self.books.of {
            if book.wiped && which(uid, book) {
                (book.excused, book.meddled) = (true, true);
            }
        }
    }

    /// An equal one that is taken over is sent what nobody can read back.
    pub(super) fn note_taken_over(&mut self, id: &ExternalId, desired: &Document) {
        let rules = self.rules;
        let Some(sub) = self.vendor.at(id) else { return };
        let equal = sub.stranger.as_ref().is_some_and(|stranger| rules.equal(stranger, desired));
        if equal && !rules.write_only_values(desired).is_empty() {
            sub.stranger = None;
        }
    }

    /// Whether a Webhook has just what it wants, and waits for nothing.
    pub(super) fn in_step(&self, webhook: &Webhook) -> bool {
        let Some(status) = &webhook.status else { return false };
        let sub = self.vendor.subs.iter().find(|sub| Some(sub.id.as_str()) == status.external_id.as_deref());
        sub.is_some_and(|sub| has_all(self.rules, &sub.has, &self.wants(webhook)))
            && status.pending.is_none()
            && status.superseded.is_empty()
            && self.vendor.late.is_empty()
    }

    /// Lost creates that hold the old value in clear are not found by it any more.
    pub(super) fn note_rotation(&mut self) {
        // In the middle of a pass one may be sent that knows the old value only.
        let mid_pass = self.mid_pass();
        for webhook in self.cluster.objects.values().cloned().collect::<Vec<_>>() {
            let pending = webhook.status.as_ref().is_some_and(|status| status.pending.is_some());
            if self.name == VendorName::Brightpearl && (mid_pass || pending) {
                self.books.book(&webhook).excused = true;
            }
            self.note_wanted(&webhook);
        }
    }

    /// Whether what is left at the vendor has a reason to be.
    pub(super) fn is_excused(&self, id: &ExternalId, has: &Document) -> bool {
        let mut excused = self.books.of.values().filter(|book| book.excused);
        excused.any(|book| book.ids.contains(id) || book.wanted.iter().any(|one| self.rules.equal(one, has)))
    }

    /// Whether the process would not believe an empty list: several subscriptions that it knows to be recorded are missing in it.
    pub(super) fn would_be_doubted(&self) -> bool {
        let view = self.cluster.last_view(self.acting);
        let recorded = view.webhooks.iter().filter_map(|one| one.status.as_ref()?.external_id.clone());
        let there = |id: &String| self.vendor.subs.iter().any(|sub| sub.id.as_str() == id);
        recorded.filter(there).collect::<HashSet<_>>().len() > 1
    }

    /// Deletions of Webhooks on their way out, for the guard.
    pub(super) fn note_deletion(&mut self, write: &super::vendor::Write) {
        let super::vendor::Write::Delete(id) = write else { return };
        let leaving = self.cluster.objects.values().any(|one| {
            let recorded = one.status.as_ref().and_then(|status| status.external_id.as_deref());
            one.metadata.deletion_timestamp.is_some() && recorded == Some(id.as_str())
        });
        if leaving {
            self.vendor.deleted[self.acting].insert(id.clone());
            self.is_guarded(id);
        }
        // Its replacement is recorded first: whoever dies in between knows both.
        let stays = self.cluster.objects.values().find(|one| {
            let recorded = one.status.as_ref().and_then(|status| status.external_id.as_deref());
            one.metadata.deletion_timestamp.is_none() && recorded == Some(id.as_str())
        });
        if let Some(name) = stays.map(|one| one.name_any()) {
            self.wrong(format!("{id} is deleted while Webhook {name} is still said to have it"));
        }
    }

    /// The guard counts deletions of the last ten minutes, also those of a process that died: no more than half may go
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
        if all > 1 && all * 100 > 50 * of && !self.books.allowed {
            self.wrong(format!("{all} of {of} were deleted within some minutes"));
        }
        self.vendor.requested.insert(id.clone(), self.now);
    }
}
