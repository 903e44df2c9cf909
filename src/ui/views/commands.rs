//! The commands that unblock an object. They need kubectl only: a reader of an operator's pages may not have `hooktender`.

use super::object::Remedy;
use super::{Inputs, Remedies};
use crate::api::command::{Target, approval, similar_ids, word};
use crate::api::conditions::{DELIVERING, READY};
use crate::api::{ObjectKey, RELEASE, visible};
use crate::ui::data::facts::{AccountFacts, WebhookFacts};
use crate::ui::data::set_facts::SetFacts;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// The reason of a paused set whose members differ from the template.
const PAUSED: &str = "Paused";
/// The reason of one whose members do not.
const SUSPENDED: &str = "Suspended";

/// Patches the spec of a Webhook. A set undoes edits of its Webhooks, so that its template is patched.
fn patch_webhook(webhook: &WebhookFacts, members: &str) -> String {
    match &webhook.set {
        Some(set) => Target::set(set).patch_template(members),
        None => Target::webhook(&webhook.key).patch(members),
    }
}

/// The command that prints manifests for a subscription at the vendor; for all unmanaged ones of the account without an id.
pub(crate) fn import(account: &ObjectKey, id: Option<&str>) -> String {
    let id = id.map(|id| format!(" --id {}", word(id))).unwrap_or_default();
    format!("hooktender import --account {}{id}", word(&account.to_string()))
}

/// How to unblock a Webhook, and the account that it waits for.
pub(crate) fn of_webhook(
    webhook: &WebhookFacts,
    account: Option<&AccountFacts>,
    inputs: &Inputs<'_>,
) -> Vec<Remedy> {
    let target = Target::webhook(&webhook.key);
    let not_delivering = webhook.condition(DELIVERING).filter(|delivering| delivering.status != "True");
    let conditions = webhook.condition(READY).into_iter().chain(not_delivering);
    let mut all: Vec<_> = conditions
        .filter_map(|condition| {
            let commands = || webhook_commands(target, condition, webhook, account);
            let mut remedy = remedy(condition, inputs.remedies, commands)?;
            remedy.of_all_members = remedy.commands.iter().any(|command| command.contains(" webhookset "));
            Some(remedy)
        })
        .collect();
    if let Some(account) = account {
        let of_account = account_remedies(account, inputs).into_iter();
        // A problem of the account is listed once, with the command for the account. Only a suspension each may have by itself.
        for mut remedy in of_account {
            if remedy.reason != "Suspended" {
                all.retain(|known| known.reason != remedy.reason);
            }
            remedy.of_account = true;
            all.push(remedy);
        }
    }
    all
}

/// How to unblock an account.
pub(crate) fn account_remedies(account: &AccountFacts, inputs: &Inputs<'_>) -> Vec<Remedy> {
    let target = Target::account(&account.key);
    let ready = account.condition(READY).into_iter();
    ready
        .filter_map(|ready| remedy(ready, inputs.remedies, || account_commands(target, ready, account)))
        .collect()
}

/// How to unblock a WebhookSet.
pub(crate) fn set_remedies(set: &SetFacts, inputs: &Inputs<'_>) -> Vec<Remedy> {
    let resume = || vec![Target::set(&set.key).patch("\"paused\":false")];
    let ready = set.condition(READY).filter(|ready| ready.status != "True");
    let mut all: Vec<_> = ready
        .and_then(|ready| {
            remedy(ready, inputs.remedies, || match ready.reason.as_str() {
                PAUSED => resume(),
                "SetGuard" => approval(&set.key, &ready.message).into_iter().collect(),
                _ => Vec::new(),
            })
        })
        .into_iter()
        .collect();
    // A paused set may have another problem, or be ready with the reason Suspended.
    if set.paused && !all.iter().any(|remedy| remedy.reason == PAUSED) {
        all.extend((inputs.remedies)(PAUSED, false).map(|what| Remedy {
            reason: SUSPENDED.into(),
            of_account: false,
            of_all_members: false,
            what,
            commands: resume(),
        }));
    }
    all
}

fn remedy(
    condition: &Condition,
    remedies: Remedies,
    commands: impl FnOnce() -> Vec<String>,
) -> Option<Remedy> {
    let what = remedies(&condition.reason, condition.status == "True")?;
    Some(Remedy {
        reason: visible(&condition.reason),
        of_account: false,
        of_all_members: false,
        what,
        commands: commands(),
    })
}

fn webhook_commands(
    target: Target<'_>,
    condition: &Condition,
    webhook: &WebhookFacts,
    account: Option<&AccountFacts>,
) -> Vec<String> {
    let mut commands = match condition.reason.as_str() {
        "Suspended" if webhook.suspend => vec![patch_webhook(webhook, "\"suspend\":false")],
        "Planned" => plan_mode(webhook, account),
        "SimilarExists" => similar_ids(&condition.message)
            .map(|id| target.patch(&format!("\"externalId\":\"{id}\"")))
            .collect(),
        "ExternalIdNotFound" | "ExternalIdInvalid" | "AdoptionNotAllowed" => {
            vec![target.patch("\"externalId\":null")]
        }
        "DriftReported" | "CorrectionDoesNotHold" => {
            let policy = if condition.reason == "DriftReported" { "Correct" } else { "Report" };
            vec![patch_webhook(webhook, &format!("\"driftPolicy\":\"{policy}\""))]
        }
        // Its set would create it again.
        "Conflict" if webhook.set.is_some() => Vec::new(),
        "Conflict" => vec![target.delete()],
        "AccountNotFound" => {
            vec![format!("kubectl get -n {} vendoraccounts", word(&webhook.account.namespace))]
        }
        "Rejected" | "Unavailable" | "WriteRefused" | "TooManyErrors" => vec![target.request()],
        _ => Vec::new(),
    };
    if webhook.deleting_since.is_some() {
        commands.push(target.annotate(&format!("{RELEASE}=true")));
    }
    commands
}

/// Ends plan mode where it is set: at the Webhook, at the account, or at both. `--plan-only` of the operator has no command.
fn plan_mode(webhook: &WebhookFacts, account: Option<&AccountFacts>) -> Vec<String> {
    const ENFORCE: &str = "\"mode\":\"Enforce\"";
    let own = webhook.plan_mode.then(|| patch_webhook(webhook, ENFORCE));
    let account = account.filter(|account| account.plan_mode);
    let of_account = account.map(|account| Target::account(&account.key).patch(ENFORCE));
    own.into_iter().chain(of_account).collect()
}

fn account_commands(target: Target<'_>, condition: &Condition, account: &AccountFacts) -> Vec<String> {
    match condition.reason.as_str() {
        "Suspended" if account.suspend => vec![target.patch("\"suspend\":false")],
        "DeletionGuard" => condition.message.find("kubectl annotate").map_or_else(Vec::new, |at| {
            let command = condition.message[at..].lines().next().unwrap_or_default();
            vec![visible(command)]
        }),
        "Deleting" => vec!["kubectl get webhooks --all-namespaces".to_owned()],
        _ if condition.status != "True" => vec![target.request()],
        _ => Vec::new(),
    }
}
