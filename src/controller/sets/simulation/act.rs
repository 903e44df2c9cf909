//! Actions of people.

use super::objects::{self, ACCOUNTS, LABELS, SETS, name, rename, repoint, toggle};
use super::step::{Act, Edit, Selection, Strategy};
use super::world::State;
use crate::api::conditions::{STALLED, get};
use crate::api::update_strategy::{
    MaxUnavailable, OrderBy, RollingUpdate, UpdateStrategy, UpdateStrategyType,
};
use crate::api::{ALLOW_SET_CHANGES, SET_REVISION, VendorAccount, Webhook, WebhookSet};
use crate::engine::clock;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::sync::Arc;

impl State {
    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::AddAccount(account) => {
                if self.cluster.accounts.get(name(&ACCOUNTS, account)).is_none() {
                    self.store_account(objects::account(account));
                }
            }
            Act::CreateSet(set) => {
                if self.cluster.sets.get(name(&SETS, set)).is_none() {
                    self.store(objects::set(set));
                }
            }
            Act::RemoveAccount(account) | Act::Relabel(account, ..) => {
                self.edit_account(account, |account| change_account(account, act));
            }
            Act::DeleteSet(set)
            | Act::Select(set, _)
            | Act::Rename(set, _)
            | Act::Repoint(set, _)
            | Act::Toggle(set)
            | Act::Label(set, _)
            | Act::Pause(set)
            | Act::Approve(set)
            | Act::Follow(set, _) => self.edit_set(set, |set| change_set(set, act)),
            Act::EditMember(member, edit) => self.edit_member(member, edit),
            Act::DeleteMember(member) => {
                if let Some(webhook) = self.member(member) {
                    self.delete_webhook(&webhook);
                }
            }
            Act::MakeForeign(set, account) => {
                let webhook = member_name(set, account);
                if self.cluster.webhooks.get(&webhook).is_none() {
                    self.store(objects::foreign(&webhook, name(&ACCOUNTS, account)));
                }
            }
            Act::DeleteForeign(number) => {
                let all = self.cluster.webhooks.objects.values();
                let foreign: Vec<_> = all.filter(|one| one.owner_references().is_empty()).cloned().collect();
                if let Some(webhook) = nth(&foreign, number) {
                    self.delete_webhook(&webhook);
                }
            }
            Act::Refuse(set, account) => flip(&mut self.refused, &member_name(set, account)),
            Act::Fail(account) => flip(&mut self.failing, name(&ACCOUNTS, account)),
            Act::Stop(account) => flip(&mut self.stopped, name(&ACCOUNTS, account)),
        }
    }

    fn store_account(&mut self, account: VendorAccount) {
        self.facts.account_changed.insert(account.name_any(), self.now);
        self.store(account);
    }

    fn edit_account(&mut self, account: u8, edit: impl FnOnce(&mut VendorAccount)) {
        if let Some(account) = self.cluster.accounts.get(name(&ACCOUNTS, account)) {
            let mut account = (*account).clone();
            edit(&mut account);
            self.store_account(account);
        }
    }

    pub(super) fn edit_set(&mut self, set: u8, edit: impl FnOnce(&mut WebhookSet)) {
        let Some(before) = self.cluster.sets.get(name(&SETS, set)) else { return };
        let mut set = (*before).clone();
        edit(&mut set);
        let changed =
            set.spec != before.spec || set.metadata.deletion_timestamp != before.metadata.deletion_timestamp;
        set.metadata.generation = set.metadata.generation.map(|number| number + i64::from(changed));
        self.store(set);
    }

    /// Returns a Webhook that belongs to a set.
    fn member(&self, number: u8) -> Option<Arc<Webhook>> {
        let all = self.cluster.webhooks.objects.values();
        let members: Vec<_> = all.filter(|one| !one.owner_references().is_empty()).cloned().collect();
        nth(&members, number)
    }

    fn edit_member(&mut self, member: u8, edit: Edit) {
        let Some(before) = self.member(member) else { return };
        let mut webhook = (*before).clone();
        let spec = &mut webhook.spec;
        match edit {
            Edit::Rename => rename(&mut spec.subscription, 9),
            Edit::Repoint => repoint(&mut spec.subscription, 9),
            Edit::Toggle => toggle(&mut spec.subscription),
            Edit::Pin => spec.external_id = Some("7".into()),
            Edit::Release => webhook.metadata.owner_references = None,
            Edit::Revision => drop(webhook.annotations_mut().insert(SET_REVISION.into(), "older".into())),
        }
        let changed = webhook.spec != before.spec;
        webhook.metadata.generation = webhook.metadata.generation.map(|number| number + i64::from(changed));
        self.store(webhook);
    }
}

fn member_name(set: u8, account: u8) -> String {
    format!("{}-{}", name(&SETS, set), name(&ACCOUNTS, account))
}

fn change_account(account: &mut VendorAccount, act: Act) {
    match act {
        Act::RemoveAccount(_) => {
            account.metadata.deletion_timestamp.get_or_insert(Time(clock::timestamp()));
        }
        Act::Relabel(_, label, value) => {
            let (label, values) = LABELS[usize::from(label) % LABELS.len()];
            let labels = account.labels_mut();
            labels.insert(label.into(), name(&values, value).into());
            labels.retain(|_, value| !value.is_empty());
        }
        _ => {}
    }
}

fn change_set(set: &mut WebhookSet, act: Act) {
    let template = &mut set.spec.template;
    match act {
        Act::DeleteSet(_) => {
            set.metadata.deletion_timestamp.get_or_insert(Time(clock::timestamp()));
        }
        Act::Select(_, selection) => select(set, selection),
        Act::Rename(_, number) => rename(&mut template.spec.subscription, number),
        Act::Repoint(_, number) => repoint(&mut template.spec.subscription, number),
        Act::Toggle(_) => toggle(&mut template.spec.subscription),
        Act::Label(_, number) => {
            template.metadata.labels.insert("team".into(), format!("team{number}"));
        }
        Act::Pause(_) => set.spec.paused = !set.spec.paused,
        Act::Approve(_) => approve(set),
        Act::Follow(_, strategy) => follow(set, strategy),
        _ => {}
    }
}

fn nth(all: &[Arc<Webhook>], number: u8) -> Option<Arc<Webhook>> {
    all.get(usize::from(number) % all.len().max(1)).cloned()
}

fn flip(all: &mut BTreeSet<String>, name: &str) {
    if !all.remove(name) {
        all.insert(name.to_owned());
    }
}

fn select(set: &mut WebhookSet, selection: Selection) {
    let (label, values) = LABELS[0];
    let labels = match selection {
        Selection::Plan(plan) => Some((label, name(&values[..2], plan))),
        Selection::All => None,
        Selection::Nothing => Some((label, "lead")),
    };
    let labels = labels.into_iter().map(|(label, value)| (label.to_owned(), value.to_owned()));
    set.spec.account_selector.match_labels = Some(labels.collect());
}

fn follow(set: &mut WebhookSet, strategy: Strategy) {
    set.spec.update_strategy = match strategy {
        Strategy::OnDelete => UpdateStrategy { kind: UpdateStrategyType::OnDelete, rolling_update: None },
        Strategy::Rolling { max_unavailable, rings } => {
            let (label, values) = LABELS[1];
            let values: Vec<_> = values[..usize::from(rings)].iter().map(|&value| value.to_owned()).collect();
            let order_by = (!values.is_empty()).then(|| OrderBy { label: label.to_owned(), values });
            let max_unavailable = max_unavailable
                .map_or_else(MaxUnavailable::default, |number| MaxUnavailable::Count(number.into()));
            let rolling_update = Some(RollingUpdate { max_unavailable, order_by });
            UpdateStrategy { kind: UpdateStrategyType::RollingUpdate, rolling_update }
        }
    };
}

/// Sets the annotation that the guard's message names.
fn approve(set: &mut WebhookSet) {
    let stalled = set.status.as_ref().and_then(|status| get(&status.conditions, STALLED));
    let named = stalled.and_then(|stalled| stalled.message.split_once(&format!("{ALLOW_SET_CHANGES}=")));
    if let Some(digest) = named.map(|(_, digest)| digest.to_owned()) {
        set.annotations_mut().insert(ALLOW_SET_CHANGES.into(), digest);
    }
}
