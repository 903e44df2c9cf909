//! Decides what to do: declared + observed + policy -> plan.

mod delete;
mod differences;
mod keep;

use super::cause::Cause;
use super::decision::{BlockedReason, Decision, apply_policy};
use super::declared::Declared;
use super::elsewhere::Elsewhere;
use super::identity::{Match, Matches, find_matches};
use super::item::{Item, Plan, Priority};
use super::rules::Rules;
use super::{ExternalId, Observed};
use std::collections::HashSet;

/// Computes a plan. It does not depend on the order of `declared` and `observed`.
pub fn plan(rules: &Rules, declared: &[Declared], observed: &[Observed], elsewhere: &Elsewhere) -> Plan {
    let Matches { of, taken, taken_in: mut managed_in, owned, elsewhere: others, mut similar } =
        find_matches(rules, declared, observed, elsewhere);
    let owned_elsewhere = elsewhere.webhooks.iter().flat_map(|peer| &peer.holds);
    let owned: HashSet<&ExternalId> = owned.iter().map(|&i| &observed[i].id).chain(owned_elsewhere).collect();
    // A superseded id that a Webhook has, or has pinned again, is not deleted.
    let unowned: HashSet<&ExternalId> =
        observed.iter().map(|one| &one.id).filter(|id| !owned.contains(id)).collect();
    let mut items: Vec<Item> = declared
        .iter()
        .zip(of)
        .enumerate()
        .map(|(index, (webhook, found))| {
            PlanContext { rules, webhook, observed, unowned: &unowned, index }.decide(found)
        })
        .map(|item| Item { similar: similar.remove(&item.key), ..item })
        .collect();
    // Steps go before the statuses of Webhooks without one, the account's own namespace before guests, and edits before corrections of
    // drift. Older Webhooks go before newer ones, so that these cannot starve them of calls. What needs no call is sorted by name, as
    // the objects of one `kubectl apply` may be created in the same second or not.
    let order = |item: &Item| {
        let webhook = &declared[item.index];
        let priority = item.priority();
        let created = (item.number_of_calls() > 0).then_some(webhook.created);
        (item.step().is_none(), priority == Priority::Drift, webhook.guest, priority, created)
    };
    items.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.key.cmp(&b.key)));
    let mut seen: HashSet<&ExternalId> = taken.iter().chain(&others).map(|&i| &observed[i].id).collect();
    let mut unmanaged: Vec<usize> = (0..observed.len()).filter(|&i| seen.insert(&observed[i].id)).collect();
    unmanaged.sort_by_key(|&i| observed[i].age());
    let unreadable =
        declared.iter().filter(|webhook| webhook.own_unreadable().is_some()).map(|webhook| &webhook.key);
    // Recorded subscriptions that are only not listed yet count as well. Otherwise the deletion guard would compare with a part of
    // the account.
    let unlisted = items
        .iter()
        .filter(|item| item.blocked() == Some(&BlockedReason::NotListedYet))
        .map(|item| &item.key);
    for key in unreadable.chain(unlisted) {
        *managed_in.entry(key.namespace.clone()).or_default() += 1;
    }
    let managed = managed_in.values().sum();
    Plan { items, unmanaged, managed, managed_in, elsewhere: others.len() }
}

/// The input of the decision on one Webhook.
struct PlanContext<'a> {
    rules: &'a Rules,
    webhook: &'a Declared,
    observed: &'a [Observed],
    /// Ids at the vendor that no Webhook has.
    unowned: &'a HashSet<&'a ExternalId>,
    index: usize,
}

impl PlanContext<'_> {
    fn decide(&self, found: Match) -> Item {
        let webhook = self.webhook;
        let answers = webhook.pending_create.is_some()
            && matches!(found, Match::FromPendingCreate(_) | Match::Equal(..));
        let item = if webhook.deleting { self.delete(&found) } else { self.keep(found) };
        let decision = apply_policy(item.decision, item.cause, webhook.policy);
        Item { decision, answers, ..item }
    }

    fn item(&self, decision: Decision, cause: Cause) -> Item {
        Item {
            index: self.index,
            key: self.webhook.key.clone(),
            decision,
            cause,
            changes: Vec::new(),
            duplicates: Vec::new(),
            answers: false,
            impact: None,
            similar: None,
        }
    }

    /// Blocks everything while the vendor may still be working on a create.
    fn settling(&self) -> Option<BlockedReason> {
        let create = self.webhook.pending_create.as_ref()?;
        (!create.expired).then_some(BlockedReason::CreatePending)
    }

    /// Blocks everything if the Webhook has an id that cannot be one.
    fn invalid_id(&self) -> Option<BlockedReason> {
        let (reason, message) = self.webhook.invalid_id.as_ref()?;
        Some(BlockedReason::Unknown { reason, message: message.clone() })
    }

    /// Replaced ids that are still at the vendor, each once.
    fn superseded(&self) -> Vec<ExternalId> {
        let mut seen = HashSet::new();
        self.webhook
            .superseded
            .iter()
            .filter(|id| self.unowned.contains(id) || self.webhook.lists_unreadable(id))
            .filter(|id| seen.insert(*id))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests;
