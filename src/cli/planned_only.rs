//! What a command says at its end if it writes nothing because its changes are planned only.

use super::objects::ObjectSet;
use crate::api::webhook_set::managing_set;
use crate::api::{Mode, ObjectKey, VendorAccount, Webhook};
use crate::plan::report::{Class, Report, WebhookReport};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The most objects that are named.
const MAX_NAMED: usize = 5;

/// Says how many changes are planned only, and which objects have to be changed to apply them. None if there is no such change.
pub(super) fn planned_only(report: &Report, objects: &ObjectSet) -> Option<String> {
    let count = report.counts.planned_only;
    let webhooks = report.webhooks().filter(|webhook| webhook.class == Class::PlannedOnly);
    let planned: BTreeSet<ObjectKey> = webhooks.map(WebhookReport::key).collect();
    let of_account = report
        .accounts
        .iter()
        .filter(|account| account.webhooks.iter().any(|webhook| webhook.class == Class::PlannedOnly));
    let accounts: BTreeSet<ObjectKey> =
        of_account.map(|account| ObjectKey::new(&account.namespace, &account.name)).collect();
    (count > 0).then(|| sentence(count, &in_plan_mode(&objects.accounts, &accounts, &planned)))
}

/// Returns the objects whose mode is Plan: of these accounts, of these Webhooks, and of the WebhookSets that manage them.
fn in_plan_mode(
    objects: &[(Arc<VendorAccount>, Vec<Arc<Webhook>>)],
    accounts: &BTreeSet<ObjectKey>,
    planned: &BTreeSet<ObjectKey>,
) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (account, webhooks) in objects {
        let key = ObjectKey::of(&**account);
        if account.spec.mode == Mode::Plan && accounts.contains(&key) {
            found.insert(("VendorAccount", key));
        }
        for webhook in webhooks.iter().filter(|webhook| webhook.spec.mode == Mode::Plan) {
            let key = ObjectKey::of(&**webhook);
            if planned.contains(&key) {
                found.insert(match managing_set(&**webhook) {
                    Some(set) => ("WebhookSet", ObjectKey::new(&key.namespace, &set.name)),
                    None => ("Webhook", key),
                });
            }
        }
    }
    found.into_iter().map(|(kind, key)| format!("{kind} {key}")).collect()
}

fn sentence(count: usize, objects: &[String]) -> String {
    let mut named: Vec<_> = objects.iter().take(MAX_NAMED).cloned().collect();
    if objects.len() > named.len() {
        named.push(format!("{} more objects", objects.len() - named.len()));
    }
    let place = if named.is_empty() { String::new() } else { format!(" in {}", named.join(" and ")) };
    let them = if count == 1 { "it" } else { "them" };
    format!("Nothing was written: {count} planned only. Set mode: Enforce{place} to apply {them}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_a_bounded_number_of_objects() {
        let objects: Vec<_> = (1..=7).map(|number| format!("Webhook shop/{number}")).collect();
        for (count, named, says) in [
            (1, 0, "1 planned only. Set mode: Enforce to apply it."),
            (1, 1, "1 planned only. Set mode: Enforce in Webhook shop/1 to apply it."),
            (2, 2, "2 planned only. Set mode: Enforce in Webhook shop/1 and Webhook shop/2 to apply them."),
        ] {
            assert_eq!(sentence(count, &objects[..named]), format!("Nothing was written: {says}"));
        }
        let all = sentence(7, &objects);
        assert!(all.ends_with("Webhook shop/5 and 2 more objects to apply them."), "{all}");
    }
}
