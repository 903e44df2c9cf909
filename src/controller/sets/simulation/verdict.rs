//! What has to be true in the end.

use super::objects::content;
use super::record::owner;
use super::world::State;
use crate::api::conditions::{self, READY, STALLED};
use crate::api::status::WebhookSetStatus;
use crate::api::{SET_REVISION, Webhook, WebhookSet};
use crate::set::expand::{DeclaredMember, expand};
use crate::set::member::{has_spec, is_owned, is_ready};
use crate::set::status::NO_ACCOUNTS;
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How long the guard may count a change, in milliseconds: it counts from when a process first knew of it.
const LONGEST_RECENT: u64 = 1_300_000;

fn status(set: &WebhookSet) -> WebhookSetStatus {
    set.status.clone().unwrap_or_default()
}

/// Whether the guard blocks a set.
pub(super) fn is_blocked(set: &WebhookSet) -> bool {
    let conditions = status(set).conditions;
    conditions::get(&conditions, STALLED).is_some_and(|one| one.status == "True" && one.reason == "SetGuard")
}

/// What is true of the members of a set.
#[derive(Debug, Default, PartialEq, Eq)]
struct Members {
    all: i64,
    updated: i64,
    ready: i64,
    blocked: i64,
}

impl State {
    /// Checks that everything is as declared, or blocked by the guard if it may be; the error says what is not.
    pub(super) fn verdict(&self, may_be_blocked: bool) -> Result<(), String> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        for set in self.cluster.sets.objects.values() {
            let judged = match (is_blocked(set), may_be_blocked) {
                (true, true) => self.judge_block(set),
                (true, false) => Err("is blocked".to_owned()),
                (false, _) => self.judge_set(set),
            };
            judged.map_err(|what| format!("set {} {what}", set.name_any()))?;
        }
        self.judge_subscriptions()
    }

    fn judge_set(&self, set: &WebhookSet) -> Result<(), String> {
        if set.metadata.deletion_timestamp.is_some() {
            return Err("is still there".into());
        }
        let mut members = Members::default();
        let mut names = BTreeSet::new();
        for member in expand(set, &self.matching(set)) {
            names.insert(member.name.clone());
            members.all += 1;
            let webhook = self.cluster.webhooks.get(&member.name);
            let is_own = |webhook: &Arc<Webhook>| is_owned(webhook, &set.uid().unwrap_or_default());
            let own = webhook.as_ref().filter(|webhook| is_own(webhook));
            members.ready += i64::from(own.is_some_and(|webhook| is_ready(webhook)));
            match (&member.declared, &webhook, own) {
                (Err(_), ..) | (Ok(_), Some(_), None) => members.blocked += 1,
                (Ok(_), None, _) => return Err(format!("has no member {}", member.name)),
                (Ok(declared), _, Some(webhook)) => {
                    judge_member(webhook, declared)?;
                    members.updated += 1;
                }
            }
        }
        let left = self.owned(&set.uid().unwrap_or_default());
        if let Some(left) = left.iter().find(|webhook| !names.contains(&webhook.name_any())) {
            return Err(format!("still has the member {}", left.name_any()));
        }
        let status = status(set);
        let counted = Members {
            all: status.members,
            updated: status.updated,
            ready: status.ready,
            blocked: status.blocked,
        };
        if counted != members {
            return Err(format!("counts {counted:?} instead of {members:?}"));
        }
        let reason = conditions::get(&status.conditions, READY).map_or("", |ready| ready.reason.as_str());
        let expected = match members {
            Members { all: 0, .. } => NO_ACCOUNTS,
            Members { blocked: 0, .. } => "InSync",
            Members { .. } => "MembersBlocked",
        };
        if reason == expected { Ok(()) } else { Err(format!("is {reason} instead of {expected}")) }
    }

    /// The numbers of the guard's message are those of the members.
    fn judge_block(&self, set: &WebhookSet) -> Result<(), String> {
        let uid = set.uid().unwrap_or_default();
        let owned = self.owned(&uid);
        let ready = status(set).conditions;
        let message = conditions::get(&ready, STALLED).map_or("", |stalled| stalled.message.as_str());
        let from = self.now.saturating_sub(LONGEST_RECENT);
        // A change that was recorded may have been given up before it was made.
        let recorded = status(set).recent_changes.map_or(0, |recent| recent.changes.len());
        let recent = self.facts.changes(&uid, from, usize::MAX).len().max(recorded);
        let mut words = message.split(' ');
        let mut number = || words.find_map(|word| word.parse::<usize>().ok()).unwrap_or_default();
        let (_, members) = (number(), number());
        if (owned.len()..=owned.len() + recent).contains(&members) {
            Ok(())
        } else {
            Err(format!("has {} members, of which {recent} were changed, and says: {message}", owned.len()))
        }
    }

    /// Each Webhook has one subscription with its content, and there is no other one.
    fn judge_subscriptions(&self) -> Result<(), String> {
        let webhooks = &self.cluster.webhooks.objects;
        for webhook in webhooks.values() {
            let (name, account) = (webhook.name_any(), &webhook.spec.account_ref.name);
            if self.cluster.accounts.get(account).is_none() {
                continue;
            }
            if webhook.metadata.deletion_timestamp.is_some() {
                return Err(format!("{name} is still there"));
            }
            let sub = self.subs.get(&webhook.uid().unwrap_or_default());
            let wanted = content(&webhook.spec);
            match sub {
                Some(sub) if sub.content == wanted && sub.account == *account => {}
                sub => return Err(format!("{name} declares {wanted} and has {sub:?}")),
            }
        }
        let is_there = |uid: &String| webhooks.values().any(|one| one.metadata.uid.as_ref() == Some(uid));
        match self.subs.iter().find(|(uid, _)| !is_there(uid)) {
            Some((_, left)) => Err(format!("{left:?} is left at the vendor")),
            None => Ok(()),
        }
    }

    /// Describes the whole state, to find the cause of a failure.
    pub(super) fn scene(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for set in self.cluster.sets.objects.values() {
            let status = status(set);
            let ready = conditions::get(&status.conditions, READY);
            let ready = ready.map(|one| format!("{} {} {}", one.status, one.reason, one.message));
            let matching: Vec<_> = self.matching(set).iter().map(|account| account.name_any()).collect();
            lines.push(format!("set {} matches {matching:?}: {ready:?}", set.name_any()));
        }
        for webhook in self.cluster.webhooks.objects.values() {
            let deleting = webhook.metadata.deletion_timestamp.is_some();
            let (name, owner) = (webhook.name_any(), owner(webhook));
            let revision = webhook.annotations().get(SET_REVISION);
            let content = content(&webhook.spec);
            lines.push(format!(
                "Webhook {name} of {owner:?} at {revision:?}: {content}, deleting: {deleting}"
            ));
        }
        lines.join("\n")
    }
}

fn judge_member(webhook: &Webhook, declared: &DeclaredMember) -> Result<(), String> {
    let name = webhook.name_any();
    let written = webhook.annotations().get(SET_REVISION);
    if !has_spec(webhook, &declared.spec) || written != Some(&declared.revision) {
        return Err(format!("has another template than its member {name}"));
    }
    if is_ready(webhook) { Ok(()) } else { Err(format!("has the member {name} that is not ready")) }
}
