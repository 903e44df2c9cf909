//! Deletes subscriptions without a cluster: those that `apply --prune` names, and those of the manifests of `delete`.
//!
//! Each is planned as a Webhook that is being deleted and has its subscription recorded, so that the engine deletes it as it does in a
//! cluster: with the account's mode, its rate limit and its retries. Only the deletion guard does not apply: it asks for the approval of
//! exactly these deletions, which is what the shown plan and its confirmation are.

use super::CommandError;
use super::flags::VendorFlags;
use super::objects::ObjectSet;
use super::plan_runner::{PlanView, PlannedAccount, plan_all};
use crate::api::status::WebhookStatus;
use crate::api::webhook::{AccountRef, DeletionPolicy, DriftPolicy, Subscription, WebhookSpec};
use crate::api::{FINALIZER, Mode, ObjectKey, VendorAccount, Webhook};
use crate::plan::report::{AccountReport, Report, WebhookReport};
use crate::plan::{Cause, ExternalId};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An unmanaged subscription that a person names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prune {
    /// The account; none if only one can be meant.
    account: Option<ObjectKey>,
    id: ExternalId,
}

/// The plan of deletions.
#[derive(Default)]
pub(super) struct Deletions {
    pub(super) accounts: Vec<PlannedAccount>,
    /// Calls that were made for the plan.
    made: usize,
}

impl Prune {
    /// Parses `ID` or `NAMESPACE/ACCOUNT/ID`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split('/').collect();
        let (account, id) = match parts[..] {
            [id] => (None, id),
            [namespace, name, id] => (Some(ObjectKey::new(namespace, name)), id),
            _ => return Err("write ID or NAMESPACE/ACCOUNT/ID".into()),
        };
        Ok(Self { account, id: ExternalId::new(id).map_err(|error| error.to_string())? })
    }

    /// Returns the place of the account that has it as an unmanaged subscription.
    fn find(&self, accounts: &[PlannedAccount]) -> Result<usize, String> {
        let id = &self.id;
        let meant = |planned: &PlannedAccount| {
            let key = ObjectKey::of(&*planned.objects.account);
            self.account.as_ref().is_none_or(|account| *account == key)
        };
        let candidates = || accounts.iter().enumerate().filter(|(_, planned)| meant(planned));
        let having: Vec<_> = candidates().filter(|(_, planned)| planned.has_unmanaged(id)).collect();
        match having[..] {
            [(at, _)] => Ok(at),
            [] => {
                let accounts: Vec<_> = candidates().map(|(_, planned)| planned).collect();
                Err(format!("--prune {id}: {}", self.refusal(&accounts)))
            }
            _ => {
                let keys: Vec<_> =
                    having.iter().map(|(_, one)| ObjectKey::of(&*one.objects.account)).collect();
                let names: Vec<_> = keys.iter().map(ToString::to_string).collect();
                Err(format!(
                    "--prune {id}: several accounts have an unmanaged subscription {id} ({}): write --prune {}/{id}",
                    names.join(", "),
                    names.first().map(String::as_str).unwrap_or_default()
                ))
            }
        }
    }

    /// Returns why none of the accounts that can be meant has it as an unmanaged subscription, and what to do.
    fn refusal(&self, accounts: &[&PlannedAccount]) -> String {
        let id = &self.id;
        if let Some(owner) = accounts.iter().find_map(|planned| owner(planned, id)) {
            return format!(
                "the subscription belongs to Webhook {owner}, and is not deleted: hooktender delete --offline deletes it with the manifest of that Webhook; or remove the manifest, and it is unmanaged"
            );
        }
        if let (Some(account), []) = (&self.account, accounts) {
            return format!(
                "VendorAccount {account} is in none of the files: correct the name, or add its manifest"
            );
        }
        let unread = accounts.iter().find_map(|planned| {
            let report = &planned.report;
            let held = report.held.as_ref().filter(|_| report.not_planned)?;
            Some(format!("{}/{} ({})", report.namespace, report.name, held.message))
        });
        match unread {
            Some(unread) => format!(
                "no account of the files that can be read has an unmanaged subscription {id}; one cannot be read: {unread}"
            ),
            None => format!(
                "no account of the files has an unmanaged subscription {id}: hooktender plan --offline lists those that there are"
            ),
        }
    }
}

fn owner(planned: &PlannedAccount, id: &ExternalId) -> Option<ObjectKey> {
    let mut webhooks = planned.report.webhooks.iter();
    webhooks.find(|webhook| webhook.id.as_deref() == Some(id.as_str())).map(WebhookReport::key)
}

/// Plans the deletion of the subscriptions that a person has named. Nothing but what the plan found to be unmanaged is deleted.
///
/// # Errors
///
/// If one of them is not an unmanaged subscription of exactly one account.
pub(super) async fn plan_prunes(
    prunes: &[Prune],
    planned: &PlanView,
    objects: &ObjectSet,
    vendors: &VendorFlags,
) -> Result<Deletions, CommandError> {
    let mut deleting: BTreeMap<usize, BTreeMap<ExternalId, Webhook>> = BTreeMap::new();
    let mut problems = Vec::new();
    for prune in prunes {
        match prune.find(&planned.accounts) {
            Ok(at) => {
                let account = &planned.accounts[at].objects.account;
                let webhook = unmanaged_webhook(account, &prune.id);
                deleting.entry(at).or_default().insert(prune.id.clone(), webhook);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let deleting = deleting.into_iter().map(|(at, webhooks)| {
        (Arc::clone(&planned.accounts[at].objects.account), webhooks.into_iter().collect())
    });
    Ok(plan_deletions(deleting.collect(), objects, vendors).await)
}

/// Plans the deletion of what the Webhooks of the manifests have at their vendors.
pub(super) async fn plan_delete(planned: &PlanView, objects: &ObjectSet, vendors: &VendorFlags) -> Deletions {
    let mut deleting = Vec::new();
    for PlannedAccount { objects, report, .. } in &planned.accounts {
        let ids: BTreeMap<ObjectKey, &String> =
            decided(report).filter_map(|webhook| Some((webhook.key(), webhook.id.as_ref()?))).collect();
        let having = objects.webhooks.iter().filter_map(|webhook| {
            let id = ExternalId::new(ids.get(&ObjectKey::of(&**webhook))?.as_str()).ok()?;
            Some((id, (**webhook).clone()))
        });
        let having: Vec<_> = having.collect();
        if !having.is_empty() {
            deleting.push((Arc::clone(&objects.account), having));
        }
    }
    plan_deletions(deleting, objects, vendors).await
}

/// Returns the Webhooks of which it is known which subscription they have, if any.
fn decided(report: &AccountReport) -> impl Iterator<Item = &WebhookReport> {
    report.webhooks.iter().filter(|webhook| !webhook.is_undecided())
}

/// An account and the subscriptions to delete there, each with its Webhook.
type AccountDeletions = (Arc<VendorAccount>, Vec<(ExternalId, Webhook)>);

async fn plan_deletions(
    deleting: Vec<AccountDeletions>,
    objects: &ObjectSet,
    vendors: &VendorFlags,
) -> Deletions {
    if deleting.is_empty() {
        return Deletions::default();
    }
    let accounts = deleting.into_iter().map(|(account, webhooks)| {
        let identity = account.spec.vendor.identity();
        let webhooks =
            webhooks.into_iter().map(|(id, webhook)| Arc::new(being_deleted(webhook, &id, &identity)));
        let mut account = (*account).clone();
        // The confirmed plan is the approval, so that no number of deletions is too many, and none waits for others.
        account.spec.deletion_guard.min_count = i32::MAX;
        (Arc::new(account), webhooks.collect())
    });
    let only_these = ObjectSet {
        accounts: accounts.collect(),
        orphans: Vec::new(),
        source: objects.source.clone(),
        places: objects.places.clone(),
        notes: Vec::new(),
        held: objects.held.clone(),
        sets: BTreeMap::new(),
    };
    let PlanView { accounts, report } = plan_all(&only_these, vendors, true).await;
    Deletions { accounts, made: report.calls.made }
}

/// Returns a Webhook as it is while its subscription is being deleted.
fn being_deleted(mut webhook: Webhook, id: &ExternalId, identity: &str) -> Webhook {
    webhook.metadata.deletion_timestamp = Some(Time(Timestamp::now()));
    webhook.finalizers_mut().push(FINALIZER.into());
    webhook.status = Some(WebhookStatus {
        external_id: Some(id.to_string()),
        account: Some(identity.to_owned()),
        ..WebhookStatus::default()
    });
    webhook
}

/// Returns a Webhook for a subscription that none declares.
fn unmanaged_webhook(account: &VendorAccount, id: &ExternalId) -> Webhook {
    let ObjectKey { namespace, name } = ObjectKey::of(account);
    let spec = WebhookSpec {
        account_ref: AccountRef { name: name.clone(), namespace: None },
        subscription: Subscription::Unreadable {
            vendor: account.spec.vendor.name(),
            error: "no Webhook declares it".into(),
        },
        variables: Vec::new(),
        mode: Mode::Enforce,
        drift_policy: DriftPolicy::Correct,
        deletion_policy: DeletionPolicy::Delete,
        external_id: None,
        adoption: None,
        suspend: false,
    };
    let mut webhook = Webhook::new(&format!("unmanaged-{id}"), spec);
    webhook.metadata.uid = Some(format!("unmanaged:{namespace}/{name}/{id}"));
    webhook.metadata.namespace = Some(namespace);
    webhook.metadata.generation = Some(1);
    webhook
}

impl Deletions {
    /// Returns the plan of everything else, with these deletions.
    pub(super) fn merge_into(&self, report: Report) -> Report {
        let Report { mut accounts, orphans, searched, calls, .. } = report;
        for planned in &self.accounts {
            let is_same = |one: &&mut AccountReport| {
                (&one.namespace, &one.name) == (&planned.report.namespace, &planned.report.name)
            };
            if let Some(account) = accounts.iter_mut().find(is_same) {
                merge(account, &planned.report);
            }
        }
        Report { searched, ..Report::new(accounts, orphans, calls.made + self.made) }
    }

    /// Returns the plan of these deletions, and of what cannot be decided of the rest.
    pub(super) fn replace_in(&self, report: Report) -> Report {
        let Report { mut accounts, orphans, calls, .. } = report;
        for account in &mut accounts {
            account.unmanaged.clear();
            account.webhooks.retain(WebhookReport::is_undecided);
            let is_same = |planned: &&PlannedAccount| {
                (&account.namespace, &account.name) == (&planned.report.namespace, &planned.report.name)
            };
            account.about_seconds = None;
            let Some(planned) = self.accounts.iter().find(is_same) else { continue };
            account.webhooks.extend(planned.report.webhooks.iter().cloned());
            account.held = account.held.take().or_else(|| planned.report.held.clone());
            account.not_planned |= planned.report.not_planned;
            account.about_seconds = planned.report.about_seconds;
        }
        Report::new(accounts, orphans, calls.made + self.made)
    }

    /// Describes each deletion that is not executed.
    pub(super) fn descriptions(&self) -> impl Iterator<Item = String> {
        let webhooks = self.accounts.iter().flat_map(|planned| &planned.report.webhooks);
        webhooks.map(|webhook| {
            format!(
                "--prune {}: the rest of the plan was not applied",
                webhook.id.as_deref().unwrap_or_default()
            )
        })
    }
}

/// Adds pruned subscriptions to the report of their account, where they are unmanaged no more.
fn merge(account: &mut AccountReport, prunes: &AccountReport) {
    let ids: Vec<_> = prunes.webhooks.iter().filter_map(|webhook| webhook.id.clone()).collect();
    account.unmanaged.retain(|one| !ids.contains(&one.external_id));
    for webhook in &mut account.webhooks {
        webhook.former.retain(|one| !ids.contains(&one.external_id));
    }
    let webhooks = prunes.webhooks.iter().cloned();
    account.webhooks.extend(webhooks.map(|webhook| WebhookReport { cause: Cause::Pruned, ..webhook }));
    account.about_seconds = account.about_seconds.max(prunes.about_seconds);
    if account.held.is_none() {
        account.held.clone_from(&prunes.held);
    }
}
