//! The plan of everything.

use super::Inputs;
use super::list::ListPage;
use super::report::{account_report, webhook_report};
use super::webhook::PlannedView;
use super::webhooks::{AccountName, Choices, admits};
use crate::api::ObjectKey;
use crate::plan::report::{Counts, Outlook, Report, WebhookReport, html_summary, html_warnings, is_quiet};
use crate::ui::data::facts::WebhookFacts;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The page with the plan of all Webhooks that the filter admits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanView {
    pub(crate) result: Outlook,
    /// The numbers in a sentence, as `hooktender plan` prints it.
    pub(crate) summary: String,
    /// What blocks the plan, and how many Webhooks the vendors do not deliver for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
    pub(crate) counts: Counts,
    /// Webhooks with something to say about, by account.
    pub(crate) webhooks: ListPage<PlanRow>,
    #[serde(skip)]
    pub(crate) choices: Choices,
}

/// A Webhook with something to say about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanRow {
    pub(crate) account: AccountName,
    pub(crate) plan: PlannedView,
}

/// Returns the plan of all Webhooks that the filter admits.
pub(crate) fn view(inputs: &Inputs<'_>) -> PlanView {
    let admitted = |webhook: &&WebhookFacts| admits(inputs.filter, webhook);
    let all: Vec<&WebhookFacts> = inputs.data.webhooks.values().filter(admitted).collect();
    let report = report(&all, inputs);
    let namespaces: BTreeSet<_> = inputs.data.webhooks.keys().map(|key| key.namespace.clone()).collect();
    let vendors: BTreeSet<_> = inputs.data.webhooks.values().map(|webhook| webhook.vendor).collect();
    let of_accounts = report.accounts.iter().flat_map(|account| {
        let key = ObjectKey::new(&account.namespace, &account.name);
        account.webhooks.iter().map(move |webhook| (key.clone(), webhook))
    });
    let of = |webhook: &WebhookReport| {
        let facts = inputs.data.webhooks.get(&webhook.key());
        facts.map_or_else(|| webhook.key(), |facts| facts.account.clone())
    };
    let orphans = report.orphans.iter().map(|webhook| (of(webhook), webhook));
    let loud: Vec<_> = of_accounts.chain(orphans).filter(|(_, webhook)| !is_quiet(webhook)).collect();
    let row = |(account, webhook): &(ObjectKey, &WebhookReport)| PlanRow {
        account: AccountName::new(account),
        plan: PlannedView((*webhook).clone()),
    };
    PlanView {
        result: report.result,
        summary: html_summary(&report),
        warnings: html_warnings(&report),
        counts: report.counts,
        webhooks: ListPage::of(&loud, inputs.filter.page, row),
        choices: Choices {
            namespaces: namespaces.into_iter().collect(),
            vendors: vendors.into_iter().collect(),
        },
    }
}

/// Makes the report of these Webhooks, and of the accounts that the filter admits.
fn report(webhooks: &[&WebhookFacts], inputs: &Inputs<'_>) -> Report {
    let filter = inputs.filter;
    let mut accounts: BTreeMap<&ObjectKey, _> = inputs
        .data
        .accounts
        .values()
        .filter(|account| filter.account.as_ref().is_none_or(|key| *key == account.key))
        .filter(|account| filter.vendor.is_none_or(|vendor| vendor == account.vendor))
        .map(|account| (&account.key, account_report(account)))
        .collect();
    let mut orphans = Vec::new();
    for webhook in webhooks {
        let report = webhook_report(webhook, inputs.data.accounts.get(&webhook.account));
        match accounts.get_mut(&webhook.account) {
            Some(account) => account.webhooks.push(report),
            None => orphans.push(report),
        }
    }
    let is_chosen = filter.state.is_some()
        || filter.namespace.is_some()
        || filter.set.is_some()
        || !filter.words.is_empty();
    // A filter for Webhooks leaves out accounts without one.
    accounts.retain(|_, account| !is_chosen || !account.webhooks.is_empty());
    let counts = accounts.keys().filter_map(|key| inputs.data.accounts.get(*key));
    let unmanaged: i64 = counts.map(|account| account.counts().unmanaged).sum();
    let mut report = Report::new(accounts.into_values().collect(), orphans, 0);
    report.counts.unmanaged = usize::try_from(unmanaged).unwrap_or_default();
    report
}
