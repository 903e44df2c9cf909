//! What unblocks an object: the advice for the reasons of its conditions, with what only this object's fields tell.

use super::mode::{self, Limit};
use super::page::{Remedy, split_command};
use crate::api::command::{Target, approval, similar_ids};
use crate::api::conditions::{self, DELIVERING, READY, STALLED};
use crate::api::{FINALIZER, ObjectKey, RELEASE, VendorAccount, Webhook, WebhookSet};
use crate::cli::remediation::remediation;
use crate::set::status::NO_ACCOUNTS;
use crate::vendor::BUDGET_USED_UP;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

/// Reasons of settings, which [`mode`] names.
const LIMITS: [&str; 2] = ["Planned", "Suspended"];

/// A Webhook with what belongs to it.
pub(super) struct Objects<'a> {
    pub(super) webhook: &'a Webhook,
    pub(super) account: Option<&'a VendorAccount>,
    /// The account that the Webhook may mean, if the one that it refers to does not exist.
    pub(super) similar_account: &'a str,
}

/// Returns what unblocks a Webhook.
pub(super) fn of_webhook(objects: &Objects<'_>, limits: &[Limit]) -> Vec<Remedy> {
    let mut all = mode::remedies(limits, Some(objects.webhook), &objects.webhook.account());
    let own = own_conditions(objects.webhook);
    let not_delivering = conditions::get(own, DELIVERING).filter(|delivering| delivering.status != "True");
    for condition in conditions::get(own, READY).into_iter().chain(not_delivering) {
        all.extend(remedy(condition, objects.account, Some(objects)));
    }
    let of_account = conditions::get(conditions_of(objects.account), READY);
    if let Some(way) = of_account.and_then(|ready| remedy(ready, objects.account, None))
        && !all.iter().any(|known| known.reason == way.reason)
    {
        all.push(Remedy { text: format!("the account: {}", way.text), ..way });
    }
    let is_well = conditions::is_true(own, READY) && of_account.is_some_and(|ready| ready.status == "True");
    all.extend(release(objects.webhook).filter(|_| !is_well));
    all
}

/// Returns what unblocks an account.
pub(super) fn of_account(account: &VendorAccount, limits: &[Limit]) -> Vec<Remedy> {
    let mut all = mode::remedies(limits, None, &ObjectKey::of(account));
    let conditions = conditions_of(Some(account));
    let ready = conditions::get(conditions, READY);
    // Deletions of guests do not make the account unready.
    let stalled = conditions::get(conditions, STALLED).filter(|stalled| stalled.status == "True");
    all.extend(stalled.or(ready).and_then(|condition| remedy(condition, Some(account), None)));
    all
}

/// Returns what unblocks a WebhookSet, in the order in which it has to be done.
pub(super) fn of_set(set: &WebhookSet) -> Vec<Remedy> {
    let conditions = set.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let ready = conditions::get(conditions, READY);
    let resume = resume(set, ready);
    let problem = ready.filter(|ready| ready.status != "True" || ready.reason == NO_ACCOUNTS);
    let way = problem.and_then(|ready| set_remedy(set, ready));
    let way = way.filter(|way| resume.as_ref().is_none_or(|resume| resume.reason != way.reason));
    way.into_iter().chain(resume).collect()
}

/// Returns how to resume a paused set.
fn resume(set: &WebhookSet, ready: Option<&Condition>) -> Option<Remedy> {
    if !set.spec.paused {
        return None;
    }
    let reason = if ready.is_some_and(|ready| ready.reason == "Paused") { "Paused" } else { "Suspended" };
    Some(Remedy {
        reason: reason.into(),
        text: "set spec.paused: false at the WebhookSet".into(),
        commands: vec![Target::set(&ObjectKey::of(set)).resume()],
    })
}

fn set_remedy(set: &WebhookSet, ready: &Condition) -> Option<Remedy> {
    let text = remediation(&ready.reason, false)?.to_owned();
    // The message of a member may end with a command.
    let command = split_command(&ready.message).1.map(str::to_owned);
    let commands = command.or_else(|| approval(&ObjectKey::of(set), &ready.message)).into_iter().collect();
    Some(Remedy { reason: ready.reason.clone(), text, commands })
}

pub(super) fn own_conditions(webhook: &Webhook) -> &[Condition] {
    webhook.status.as_ref().map_or(&[], |status| &status.conditions)
}

pub(super) fn conditions_of(account: Option<&VendorAccount>) -> &[Condition] {
    account.and_then(|account| account.status.as_ref()).map_or(&[], |status| &status.conditions)
}

/// Returns what to do about a condition; none if it is well, or if a setting is the reason.
fn remedy(
    condition: &Condition,
    account: Option<&VendorAccount>,
    webhook: Option<&Objects<'_>>,
) -> Option<Remedy> {
    let reason = condition.reason.clone();
    if LIMITS.contains(&reason.as_str()) {
        return None;
    }
    let is_good = condition.type_ != STALLED && condition.status == "True";
    let text = remediation(&reason, is_good)?;
    let mut remedy = Remedy { reason, text: text.to_owned(), commands: Vec::new() };
    match (remedy.reason.as_str(), webhook) {
        // The advice is that for an account.
        ("Deleting", Some(_)) => {
            remedy.text = "nothing: hooktender waits for the vendor's response to the deletion".into();
        }
        ("AccountNotFound", Some(objects)) => remedy.text += objects.similar_account,
        ("SimilarExists", Some(objects)) => {
            let key = ObjectKey::of(objects.webhook);
            let adopts = |id| Target::webhook(&key).patch(&format!("\"externalId\":\"{id}\""));
            remedy.commands = similar_ids(&condition.message).map(adopts).collect();
        }
        ("DeletionGuard", _) => {
            let stalled = conditions::get(conditions_of(account), STALLED);
            remedy.commands = stalled
                .and_then(|stalled| split_command(&stalled.message).1)
                .map(str::to_owned)
                .into_iter()
                .collect();
        }
        ("Throttled", _) if condition.message.contains(BUDGET_USED_UP) => remedy.text = budget(account),
        _ => {}
    }
    Some(remedy)
}

/// Returns what to do about an account that has used up its own budget of calls.
fn budget(account: Option<&VendorAccount>) -> String {
    match account.and_then(|account| account.spec.rate_limit.as_ref()) {
        Some(rate) => format!(
            "nothing: hooktender continues as soon as spec.rateLimit ({} calls per minute, {} of them left to others) allows it; raise it if that takes too long",
            rate.requests_per_minute, rate.reserve
        ),
        None => "nothing: hooktender continues as soon as the vendor's published limit allows it; if your account has a higher limit, set spec.rateLimit".into(),
    }
}

/// Returns how to delete a Webhook at once that is being deleted; its subscription stays.
fn release(webhook: &Webhook) -> Option<Remedy> {
    let is_kept = webhook.finalizers().iter().any(|name| name == FINALIZER);
    if webhook.metadata.deletion_timestamp.is_none() || !is_kept {
        return None;
    }
    let id = webhook.status.as_ref().and_then(|status| status.external_id.as_deref());
    let stays =
        id.map_or_else(|| "its subscription, if there is one,".into(), |id| format!("subscription {id}"));
    Some(Remedy {
        reason: "Release".into(),
        text: format!("to delete the Webhook without waiting; {stays} stays at the vendor:"),
        commands: vec![Target::webhook(&ObjectKey::of(webhook)).annotate(&format!("{RELEASE}=true"))],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_paused_set_is_resumed() {
        let remedies = |paused: bool, status: &str, reason: &str| {
            let ready = conditions::sample(READY, status == "True", reason, "kubectl get all");
            let set: WebhookSet = serde_json::from_value(json!({
                "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet", "metadata": {"name": "a", "namespace": "n"},
                "spec": {"accountSelector": {}, "paused": paused, "template": {"spec": {"subscription": {"superoffice":
                    {"events": ["sale.sold"], "targetUrl": "https://h"}}}}},
                "status": {"conditions": [ready]},
            }))
            .unwrap();
            of_set(&set)
        };
        let reasons = |all: &[Remedy]| all.iter().map(|way| way.reason.clone()).collect::<Vec<_>>();
        let well = remedies(true, "True", "Suspended");
        assert_eq!(reasons(&well), ["Suspended"]);
        assert_eq!(well[0].commands, ["hooktender resume whs/a -n n"]);
        assert_eq!(reasons(&remedies(true, "False", "Paused")), ["Paused"]);
        assert_eq!(reasons(&remedies(true, "False", "SetGuard")), ["SetGuard", "Suspended"]);
        assert_eq!(reasons(&remedies(false, "True", "InSync")), [""; 0]);
        let empty = remedies(false, "True", "NoAccounts");
        assert_eq!(reasons(&empty), ["NoAccounts"]);
        assert_eq!(empty[0].commands, ["kubectl get all"]);
    }
}
