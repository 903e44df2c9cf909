//! What is to be done for a set: which Webhooks are created, changed and removed now, and what keeps others from it.

use super::expand::{Member, MemberError, expand};
use super::guard::{self, Changes, Judged, REMOVED, Verdict};
use super::member::{self, Difference, compare, is_owned};
use super::rollout::{self, Rolling, Rollout};
use crate::api::update_strategy::UpdateStrategyType;
use crate::api::{ALLOW_SET_CHANGES, ObjectKey, VendorAccount, Webhook, WebhookSet};
use kube::ResourceExt;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Everything that a decision depends on.
pub(crate) struct Input<'a> {
    pub(crate) set: &'a WebhookSet,
    /// The members at all accounts that match; none if the set is being deleted.
    pub(crate) members: Vec<Member>,
    /// The Webhooks that belong to the set.
    pub(crate) owned: Vec<Arc<Webhook>>,
    /// The Webhooks that have the name of a member and do not belong to the set, by name.
    pub(crate) others: HashMap<String, Arc<Webhook>>,
    /// Accounts that exist and that this process cannot judge: another process selects them, or they cannot be read.
    pub(crate) unknown_accounts: HashSet<ObjectKey>,
    /// Accounts that exist and are not being deleted.
    pub(crate) existing_accounts: HashMap<ObjectKey, Arc<VendorAccount>>,
    /// Why the API server refuses the Webhook of a member, by name.
    pub(crate) refused: HashMap<String, MemberError>,
    /// Changes that were made lately without an approval.
    pub(crate) recent: Changes,
}

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Write {
    /// Creates the Webhook of a member.
    Create(usize),
    /// Changes the Webhook of a member to what is declared.
    Apply {
        /// The member.
        member: usize,
        /// Its Webhook.
        webhook: Arc<Webhook>,
        /// Why.
        why: Difference,
    },
    /// Deletes a Webhook whose account matches no more.
    Remove(Arc<Webhook>),
}

/// A member with its Webhook, as the status shows it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) account: ObjectKey,
    pub(crate) difference: Option<Difference>,
    pub(crate) webhook: Option<Arc<Webhook>>,
    /// Why it is blocked, apart from its Webhook's own conditions.
    pub(crate) problem: Option<MemberError>,
    /// Its place in the order of a rolling update.
    pub(crate) ring: usize,
}

/// What is to be done for a set.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) members: Vec<Member>,
    pub(crate) rows: Vec<Row>,
    /// The writes, if the guard allows them and the set is not paused.
    pub(crate) writes: Vec<Write>,
    pub(crate) verdict: Verdict,
    pub(crate) rollout: Rollout,
    /// Webhooks whose account matches no more.
    pub(crate) leaving: Vec<Row>,
}

/// Decides what is to be done for a set.
pub(crate) fn decide(input: Input<'_>) -> Decision {
    let Input { set, members, owned, others, refused, .. } = &input;
    let uid = set.uid().unwrap_or_default();
    let by_name: BTreeMap<String, &Arc<Webhook>> =
        owned.iter().map(|webhook| (webhook.name_any(), webhook)).collect();
    let order = set.spec.update_strategy.rolling_update.as_ref().and_then(|limits| limits.order_by.as_ref());
    let mut rows = Vec::with_capacity(members.len());
    for member in members {
        let webhook = by_name.get(&member.name).copied().or_else(|| others.get(&member.name)).cloned();
        let declared = member.declared.as_ref();
        let difference = declared.ok().map(|declared| compare(declared, webhook.as_deref(), &uid));
        let problem = match declared {
            Err(error) => Some(error.clone()),
            Ok(_) if difference == Some(Difference::NotOwned) => Some(not_owned(&member.name, set)),
            Ok(_) => refused.get(&member.name).cloned(),
        };
        let owned = webhook.filter(|webhook| is_owned(webhook, &uid));
        let (account, ring) = (ObjectKey::of(&*member.account), member::ring(member, order));
        rows.push(Row { name: member.name.clone(), account, difference, webhook: owned, problem, ring });
    }
    let leaving = leaving(&input);
    let rollout = rollout(set, &rows);
    let verdict = verdict(&input, &rows, &leaving);
    let mut writes = Vec::new();
    if matches!(verdict, Verdict::Clear { .. }) && !set.spec.paused {
        writes = wanted(&rows, &rollout);
        let due =
            |webhook: &&Arc<Webhook>| !is_deleting(webhook) && !refused.contains_key(&webhook.name_any());
        writes.extend(leaving.iter().filter(due).cloned().map(Write::Remove));
    }
    let leaving = leaving.iter().map(|webhook| leaving_row(&input, webhook, &uid)).collect();
    Decision { members: input.members, rows, writes, verdict, rollout, leaving }
}

fn is_deleting(webhook: &Webhook) -> bool {
    webhook.metadata.deletion_timestamp.is_some()
}

fn not_owned(name: &str, set: &WebhookSet) -> MemberError {
    let message = format!(
        "the Webhook {name} does not belong to this set and is left as it is: delete or rename it, or exclude its account from {}'s spec.accountSelector",
        set.name_any()
    );
    MemberError::new("NotOwned", message)
}

/// Returns the Webhooks whose account matches no more.
fn leaving(input: &Input<'_>) -> Vec<Arc<Webhook>> {
    let names: HashSet<&str> = input.members.iter().map(|member| member.name.as_str()).collect();
    let leaves = |webhook: &&Arc<Webhook>| {
        !names.contains(webhook.name_any().as_str()) && !input.unknown_accounts.contains(&webhook.account())
    };
    input.owned.iter().filter(leaves).cloned().collect()
}

/// Returns a Webhook whose account matches no more, compared with what the template declares for this account.
fn leaving_row(input: &Input<'_>, webhook: &Arc<Webhook>, uid: &str) -> Row {
    let account = webhook.account();
    let expanded =
        input.existing_accounts.get(&account).map(|found| expand(input.set, std::slice::from_ref(found)));
    let declared = expanded.as_deref().and_then(|members| members.first()?.declared.as_ref().ok());
    let difference = declared.map(|declared| compare(declared, Some(webhook), uid));
    let webhook = Arc::clone(webhook);
    Row { name: webhook.name_any(), account, difference, webhook: Some(webhook), problem: None, ring: 0 }
}

fn rollout(set: &WebhookSet, rows: &[Row]) -> Rollout {
    let strategy = &set.spec.update_strategy;
    if strategy.kind == UpdateStrategyType::OnDelete {
        return Rollout::default();
    }
    let all = rows.iter().enumerate().filter_map(|(index, row)| Some((index, rolling(row)?)));
    let (places, members): (Vec<_>, Vec<_>) = all.unzip();
    let limits = strategy.rolling_update.clone().unwrap_or_default();
    let max_unavailable = limits.max_unavailable.of(rows.len());
    let mut rollout = rollout::next(&members, max_unavailable);
    for place in &mut rollout.now {
        *place = places[*place];
    }
    rollout
}

/// Returns what a roll-out has to know of a member; nothing if it has no Webhook and gets none.
fn rolling(row: &Row) -> Option<Rolling> {
    // One that was deleted, and one that is edited and is to be put back, are not available until they are as declared.
    let available = match &row.webhook {
        Some(webhook) => row.difference != Some(Difference::Edited) && member::is_available(webhook),
        None if row.difference == Some(Difference::Missing) => false,
        None => return None,
    };
    let outdated = row.difference == Some(Difference::Outdated);
    Some(Rolling { outdated, refused: row.problem.is_some(), available, ring: row.ring })
}

/// Returns the writes of members that are not held back by the guard.
fn wanted(rows: &[Row], rollout: &Rollout) -> Vec<Write> {
    let now: HashSet<usize> = rollout.now.iter().copied().collect();
    let wanted = rows.iter().enumerate().filter_map(|(member, row)| {
        if row.problem.is_some() {
            return None;
        }
        let why = row.difference?;
        let apply = || Some(Write::Apply { member, webhook: Arc::clone(row.webhook.as_ref()?), why });
        match why {
            Difference::Missing => Some(Write::Create(member)),
            Difference::Metadata | Difference::Edited => apply(),
            Difference::Outdated if now.contains(&member) => apply(),
            Difference::Outdated | Difference::None | Difference::Deleting | Difference::NotOwned => None,
        }
    });
    wanted.collect()
}

/// Judges everything that the set would do in the end, not only what it would do now: a rolling update must not begin with what may not
/// be completed.
fn verdict(input: &Input<'_>, rows: &[Row], leaving: &[Arc<Webhook>]) -> Verdict {
    let Input { set, members, owned, recent, .. } = input;
    let mut changes = Changes::new();
    for webhook in leaving.iter().filter(|webhook| member::loses_subscription(webhook)) {
        changes.insert(guard::change(&webhook.name_any(), REMOVED));
    }
    if set.spec.update_strategy.kind == UpdateStrategyType::RollingUpdate {
        for (row, member) in rows.iter().zip(members) {
            let (Some(webhook), Ok(declared)) = (&row.webhook, &member.declared) else { continue };
            // What a person edited is put back, whatever it was.
            if row.difference == Some(Difference::Outdated)
                && let Some(effect) = member::risk(webhook, &declared.spec)
            {
                changes.insert(guard::change(&row.name, &effect));
            }
        }
    }
    let deleting = set.metadata.deletion_timestamp.is_some();
    let stays = |webhook: &Arc<Webhook>| input.existing_accounts.contains_key(&webhook.account());
    let status = set.status.as_ref();
    let judged = Judged {
        changes,
        existing: owned.iter().filter(|webhook| !is_deleting(webhook)).count(),
        matches_nothing: !deleting && members.is_empty() && leaving.iter().any(stays),
        allowed: &status.map(|status| status.allowed_changes.iter().cloned().collect()).unwrap_or_default(),
        recent,
        allows: set.annotations().get(ALLOW_SET_CHANGES).map(String::as_str),
    };
    guard::judge(judged, set.spec.guard)
}

#[cfg(test)]
mod tests;
