//! One account: what is declared and there, what is declared and missing, and what is unmanaged.

use super::Inputs;
use super::accounts::{AccountRow, Troubles};
use super::commands::{account_remedies, import};
use super::list::ListPage;
use super::object::{ConditionView, EventView, Remedy, events, not_observed};
use super::time::length;
use super::webhooks::WebhookRow;
use crate::api::{ObjectKey, visible};
use crate::ui::data::facts::{AccountFacts, WebhookFacts};
use crate::ui::data::state::State;
use serde::Serialize;
use std::collections::BTreeMap;

/// The page of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountView {
    pub(crate) account: AccountRow,
    /// How many of its Webhooks are in each state.
    pub(crate) states: BTreeMap<State, usize>,
    pub(crate) conditions: Vec<ConditionView>,
    /// What the status does not tell yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_observed: Option<String>,
    /// What happens next.
    pub(crate) next: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unblock: Vec<Remedy>,
    /// Webhooks whose subscription exists at the vendor.
    pub(crate) there: ListPage<WebhookRow>,
    /// Webhooks without a subscription at the vendor.
    pub(crate) missing: ListPage<WebhookRow>,
    pub(crate) unmanaged: UnmanagedView,
    /// Subscriptions that belong to Webhooks of other VendorAccounts for the same account at the vendor.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) elsewhere: i64,
    pub(crate) events: Vec<EventView>,
}

/// Subscriptions at the vendor that no Webhook declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnmanagedView {
    /// How many there are; the status lists only the first of them.
    pub(crate) total: i64,
    /// The command that prints manifests for all of them.
    pub(crate) import: String,
    pub(crate) rows: Vec<UnmanagedRow>,
}

/// A subscription that no Webhook declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnmanagedRow {
    pub(crate) id: String,
    pub(crate) summary: String,
    /// The command that prints a manifest for it; absent if it has no id, so that it cannot be imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) import: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// Returns the page of an account; none if there is no such account.
pub(crate) fn view(key: &ObjectKey, inputs: &Inputs<'_>) -> Option<AccountView> {
    let account = inputs.data.accounts.get(key)?;
    let mut troubles = Troubles::default();
    let mut states = BTreeMap::new();
    let mut webhooks: Vec<&WebhookFacts> = inputs.data.webhooks_of(key).collect();
    for webhook in &webhooks {
        troubles.add(webhook);
        *states.entry(webhook.state).or_insert(0) += 1;
    }
    // The most urgent first, each in the order of the names.
    webhooks.sort_by_key(|webhook| webhook.state);
    let (there, missing): (Vec<&WebhookFacts>, Vec<_>) =
        webhooks.into_iter().partition(|webhook| webhook.exists());
    let row = |webhook: &&WebhookFacts| WebhookRow::new(webhook);
    Some(AccountView {
        account: AccountRow::new(account, troubles, inputs),
        states,
        conditions: account
            .status
            .conditions
            .iter()
            .map(|condition| ConditionView::new(condition, inputs))
            .collect(),
        not_observed: not_observed(account.generation, account.status.observed_generation),
        next: next(account),
        unblock: account_remedies(account, inputs),
        there: ListPage::of(&there, inputs.filter.page, row),
        missing: ListPage::of(&missing, inputs.filter.second_page, row),
        unmanaged: unmanaged(account),
        elsewhere: account.counts().elsewhere,
        events: events(&account.uid, inputs),
    })
}

fn unmanaged(account: &AccountFacts) -> UnmanagedView {
    let rows = account.status.unmanaged.iter().map(|one| UnmanagedRow {
        id: visible(&one.external_id),
        summary: visible(&one.summary),
        import: (!one.external_id.is_empty()).then(|| import(&account.key, Some(&one.external_id))),
    });
    UnmanagedView {
        total: account.counts().unmanaged,
        import: import(&account.key, None),
        rows: rows.collect(),
    }
}

/// Says when the vendor's list is read next.
pub(crate) fn next(account: &AccountFacts) -> String {
    if account.suspend {
        return "Nothing: spec.suspend of the account is true.".into();
    }
    if account.deleting_since.is_some() {
        return "The account goes when its last Webhook is gone.".into();
    }
    format!(
        "The vendor's list is read every {}, give or take a tenth, and at once when an object or a Secret changes.",
        length(i64::try_from(account.resync.as_secs()).unwrap_or(i64::MAX))
    )
}
