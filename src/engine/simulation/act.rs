//! Actions of people.

use super::content::{altered, webhook, with};
use super::step::Act;
use super::world::State;
use crate::api::status::{Action, Pending, WebhookStatus};
use crate::api::webhook::{DeletionPolicy, DriftPolicy};
use crate::api::{ALLOW_DELETIONS, FINALIZER, Mode, RELEASE, REQUESTED_AT, VendorName, Webhook};
use crate::engine::clock;
use crate::plan::Value;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::SignedDuration;
use kube::ResourceExt;

impl State {
    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Create { slot, content } => self.create(slot, content),
            Act::Edit { slot, content } => {
                let other = webhook(self.name, content).spec.subscription;
                self.edit(slot, |one| one.spec.subscription = other);
            }
            Act::Report(slot) => self.edit(slot, |one| {
                let report = one.spec.drift_policy == DriftPolicy::Report;
                one.spec.drift_policy = if report { DriftPolicy::Correct } else { DriftPolicy::Report };
            }),
            Act::Retain(slot) => {
                self.may_leave(slot);
                self.edit(slot, |one| {
                    let retain = one.spec.deletion_policy == DeletionPolicy::Retain;
                    one.spec.deletion_policy =
                        if retain { DeletionPolicy::Delete } else { DeletionPolicy::Retain };
                });
            }
            Act::Suspend(slot) => self.edit(slot, |one| one.spec.suspend = !one.spec.suspend),
            Act::PlanOnly(slot) => self.edit(slot, |one| {
                one.spec.mode = if one.spec.mode == Mode::Plan { Mode::Enforce } else { Mode::Plan };
            }),
            Act::Pin(slot) => self.pin(slot),
            Act::Delete(slot) => self.delete(slot),
            Act::DeleteAll => (0..super::step::SLOTS).for_each(|slot| self.delete(slot)),
            Act::Release(slot) => {
                self.may_leave(slot);
                self.change(slot, |one| drop(one.annotations_mut().insert(RELEASE.into(), "true".into())));
            }
            Act::Request(slot) => {
                let when = self.now.to_string();
                self.change(slot, |one| drop(one.annotations_mut().insert(REQUESTED_AT.into(), when)));
            }
            Act::WipeStatus(slot) => self.overwrite(slot, |one| one.status = None),
            Act::Nonsense(slot, kind) => self.overwrite(slot, |one| nonsense(one, kind)),
            Act::RemoveFinalizer(slot) => {
                self.may_leave(slot);
                self.change(slot, |one| one.finalizers_mut().retain(|name| name != FINALIZER));
            }
            Act::Rotate => {
                self.disturb(|_, _| true);
                self.cluster.rotated += 1;
                self.note_rotation();
            }
            Act::Login => self.cluster.logins += 1,
            Act::ToggleLogin => {
                self.cluster.login_missing = !self.cluster.login_missing;
                self.cluster.logins += 1;
            }
            Act::SuspendAccount => {
                let mut account = (*self.cluster.account).clone();
                account.spec.suspend = !account.spec.suspend;
                account.metadata.generation = account.metadata.generation.map(|n| n + 1);
                self.cluster.store_account(account);
            }
            Act::AllowDeletions => self.allow(),
            Act::MakeUnmanaged { content, kind } => self.make_unmanaged(content, kind),
            Act::EditAtVendor(which) => self.at_vendor(which, |state, at| {
                if state.name != VendorName::Brightpearl {
                    let has = altered(state.name, &state.vendor.subs[at].has, "by hand");
                    (state.vendor.subs[at].has, state.vendor.subs[at].mark) =
                        (has, state.vendor.subs[at].mark + 1);
                }
            }),
            Act::Disable(which) => self.at_vendor(which, |state, at| {
                if state.name == VendorName::Superoffice {
                    let has =
                        with(state.rules, &state.vendor.subs[at].has, "state", Value::text("TooManyErrors"));
                    state.vendor.subs[at].has = has;
                }
            }),
            Act::DeleteAtVendor(which) => {
                if !self.vendor.subs.is_empty() {
                    let gone = self.vendor.subs.remove(usize::from(which) % self.vendor.subs.len()).id;
                    self.vendor.removed.push(self.now);
                    self.disturb(|_, facts| facts.ids.contains(&gone));
                }
            }
        }
    }

    fn create(&mut self, slot: u8, content: u8) {
        if self.cluster.objects.contains_key(&slot) {
            return;
        }
        self.cluster.objects_made += 1;
        let mut made = webhook(self.name, content);
        made.metadata.name = Some(slot.to_string());
        made.metadata.uid = Some(format!("u{}", self.cluster.objects_made));
        made.metadata.generation = Some(1);
        made.metadata.creation_timestamp = Some(Time(clock::timestamp()));
        self.note_wanted(&made);
        self.cluster.store(slot, made);
    }

    /// Changes an object, spec or not.
    fn change(&mut self, slot: u8, how: impl FnOnce(&mut Webhook)) {
        let Some(one) = self.cluster.objects.get(&slot) else { return };
        let mut one = (**one).clone();
        how(&mut one);
        let stored = self.cluster.store(slot, one);
        self.note_vanished(&stored);
    }

    fn edit(&mut self, slot: u8, how: impl FnOnce(&mut Webhook)) {
        let Some(before) = self.cluster.objects.get(&slot).cloned() else { return };
        let uid = before.uid().unwrap_or_default();
        self.disturb(|other, _| *other == uid);
        self.change(slot, |one| {
            how(one);
            if one.spec != before.spec {
                one.metadata.generation = one.metadata.generation.map(|n| n + 1);
            }
        });
        if let Some(after) = self.cluster.objects.get(&slot).cloned() {
            self.note_wanted(&after);
        }
    }

    fn delete(&mut self, slot: u8) {
        let now = Time(clock::timestamp());
        if self.cluster.objects.get(&slot).is_some_and(|one| one.metadata.deletion_timestamp.is_none()) {
            self.edit(slot, |_| {});
            self.change(slot, |one| {
                one.metadata.deletion_timestamp = Some(now);
                one.metadata.generation = one.metadata.generation.map(|n| n + 1);
            });
        }
    }

    fn pin(&mut self, slot: u8) {
        let Some(one) = self.cluster.objects.get(&slot).cloned() else { return };
        let other = if one.spec.external_id.is_some() {
            None
        } else {
            let Some(sub) = self.vendor.subs.iter_mut().find(|sub| sub.made_as.is_some()) else {
                return;
            };
            sub.made_as = None;
            Some(sub.id.to_string())
        };
        self.facts.webhook(&one).pinned.extend(other.clone());
        self.edit(slot, |one| one.spec.external_id = other);
    }

    fn may_leave(&mut self, slot: u8) {
        if let Some(one) = self.cluster.objects.get(&slot).cloned() {
            self.facts.webhook(&one).may_leave = true;
        }
    }

    /// Somebody else writes the status.
    fn overwrite(&mut self, slot: u8, how: impl FnOnce(&mut Webhook)) {
        let Some(one) = self.cluster.objects.get(&slot).cloned() else { return };
        let wants = self.wants(&one);
        let equal = self.vendor.subs.iter().filter(|sub| self.rules.equal(&sub.has, &wants)).count();
        let heals = self.in_step(&one) && equal == 1 && one.metadata.deletion_timestamp.is_none();
        let facts = self.facts.webhook(&one);
        facts.wiped = true;
        if !heals {
            (facts.may_be_left, facts.may_need_person) = (true, true);
        }
        self.change(slot, how);
    }

    fn allow(&mut self) {
        let conditions = self.cluster.account.status.iter().flat_map(|status| &status.conditions);
        let mut digests = conditions
            .filter_map(|condition| condition.message.split_once("allow-deletions="))
            .map(|(_, d)| d.to_owned());
        let Some(digest) = digests.next_back() else { return };
        self.facts.allowed = true;
        let mut account = (*self.cluster.account).clone();
        account.annotations_mut().insert(ALLOW_DELETIONS.into(), digest);
        self.cluster.store_account(account);
    }

    /// An equal subscription is made only while no create has an unknown outcome.
    fn make_unmanaged(&mut self, content: u8, kind: u8) {
        let pending = |one: &Webhook| one.status.as_ref().is_some_and(|status| status.pending.is_some());
        let unanswered = self.mid_pass()
            || !self.vendor.late.is_empty()
            || self.cluster.objects.values().any(|one| pending(one));
        let like = webhook(self.name, content);
        let has = super::content::in_clear(self.rules, &self.wants(&like));
        let has = match kind {
            0 if unanswered => return,
            0 => has,
            _ => altered(self.name, &has, "somebody else's"),
        };
        self.disturb(|_, _| true);
        self.make(has, false);
    }

    /// Somebody changes a subscription at the vendor that a Webhook manages.
    fn at_vendor(&mut self, which: u8, how: impl FnOnce(&mut Self, usize)) {
        let has = |at: &usize| {
            let id = Some(self.vendor.subs[*at].id.as_str());
            self.cluster
                .objects
                .values()
                .any(|one| one.status.as_ref().is_some_and(|s| s.external_id.as_deref() == id))
        };
        let all: Vec<_> = (0..self.vendor.subs.len()).filter(has).collect();
        if all.is_empty() {
            return;
        }
        let at = all[usize::from(which) % all.len()];
        let id = self.vendor.subs[at].id.clone();
        self.disturb(|_, facts| facts.ids.contains(&id));
        how(self, at);
    }
}

/// Writes a status that makes no sense and names nothing that exists.
fn nonsense(webhook: &mut Webhook, kind: u8) {
    let status = webhook.status.get_or_insert_with(WebhookStatus::default);
    match kind {
        0 => status.external_id = Some("nonsense".into()),
        1 => status.superseded = vec!["nonsense".into(), "nonsense".into()],
        2 => {
            let since = Time(clock::timestamp());
            let digest = "nonsense".to_owned();
            status.pending = Some(Pending {
                action: Action::Create,
                since,
                digest,
                beside: vec!["x".into()],
                write_only: false,
            });
        }
        3 => {
            status.conditions.clear();
            status.observed_generation = Some(99);
            status.plan = None;
        }
        4 => status.last_applied = None,
        // As after a clock was set.
        _ => {
            let when =
                clock::timestamp() + SignedDuration::from_hours([-9000, -3, 9000][usize::from(kind % 3)]);
            if let Some(pending) = &mut status.pending {
                pending.since = Time(when);
            }
            if let Some(last) = &mut status.last_applied {
                last.time = Time(when);
            }
        }
    }
}
