//! The list of accounts.

use super::list::ListPage;
use super::time::When;
use super::webhooks::Choices;
use super::{Inputs, Pace};
use crate::api::conditions::{DELIVERING, DRIFTED, READY};
use crate::api::{ObjectKey, VendorName, visible};
use crate::ui::data::facts::{AccountFacts, WebhookFacts};
use crate::ui::data::state::State;
use k8s_openapi::jiff::SignedDuration;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The page with the list of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountsView {
    /// How many Webhooks are in each state, over all accounts.
    pub(crate) states: BTreeMap<State, usize>,
    pub(crate) accounts: ListPage<AccountRow>,
    #[serde(skip)]
    pub(crate) choices: Choices,
}

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountRow {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) vendor: VendorName,
    /// The account at the vendor.
    pub(crate) identity: String,
    pub(crate) state: State,
    pub(crate) reason: String,
    pub(crate) message: String,
    /// Numbers of subscriptions, as in the status.
    pub(crate) declared: i64,
    pub(crate) managed: i64,
    pub(crate) unmanaged: i64,
    /// Numbers of Webhooks.
    #[serde(flatten)]
    pub(crate) troubles: Troubles,
    /// What only an operator knows; absent in `hooktender ui`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) pace: Option<PaceView>,
    #[serde(skip)]
    pub(crate) key: ObjectKey,
}

/// How many Webhooks of an account need attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Troubles {
    pub(crate) drifted: usize,
    pub(crate) not_delivering: usize,
    pub(crate) blocked: usize,
}

impl Troubles {
    pub(crate) fn add(&mut self, webhook: &WebhookFacts) {
        let is = |kind, status| webhook.condition(kind).is_some_and(|condition| condition.status == status);
        self.drifted += usize::from(is(DRIFTED, "True"));
        self.not_delivering += usize::from(is(DELIVERING, "False"));
        self.blocked += usize::from(webhook.state == State::Blocked);
    }
}

/// Budget and times of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaceView {
    /// Calls to the vendor that are left; absent before the first call, or without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) budget_left: Option<i64>,
    /// When the vendor's list was last read, or was tried to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_read: Option<When>,
    /// When it is read again, if nothing changes before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_read: Option<When>,
}

impl PaceView {
    fn new(pace: Pace, account: &AccountFacts, inputs: &Inputs<'_>) -> Self {
        let resync = SignedDuration::try_from(account.resync).unwrap_or_default();
        let next = pace.last_read.and_then(|last| last.checked_add(resync).ok());
        Self {
            budget_left: pace.budget_left,
            last_read: pace.last_read.map(|at| When::new(at, inputs.now)),
            next_read: next.filter(|_| !account.suspend).map(|at| When::new(at, inputs.now)),
        }
    }
}

impl AccountRow {
    pub(crate) fn new(account: &AccountFacts, troubles: Troubles, inputs: &Inputs<'_>) -> Self {
        let ready = account.condition(READY);
        let counts = account.counts();
        Self {
            namespace: visible(&account.key.namespace),
            name: visible(&account.key.name),
            vendor: account.vendor,
            identity: visible(&account.identity),
            state: account.state,
            reason: ready.map(|ready| visible(&ready.reason)).unwrap_or_default(),
            message: ready.map(|ready| visible(&ready.message)).unwrap_or_default(),
            declared: counts.declared,
            managed: counts.managed,
            unmanaged: counts.unmanaged,
            troubles,
            pace: inputs.paces.map(|paces| PaceView::new(paces(&account.key), account, inputs)),
            key: account.key.clone(),
        }
    }
}

/// Returns the accounts that the filter admits. Its state is that of the account.
pub(crate) fn view(inputs: &Inputs<'_>) -> AccountsView {
    let mut states = BTreeMap::new();
    let mut troubles: HashMap<&ObjectKey, Troubles> = HashMap::new();
    for webhook in inputs.data.webhooks.values() {
        *states.entry(webhook.state).or_insert(0) += 1;
        troubles.entry(&webhook.account).or_default().add(webhook);
    }
    let all = inputs.data.accounts.values();
    let admitted = |account: &&AccountFacts| {
        inputs.filter.admits(&account.key, account.vendor, account.state, &account.search)
    };
    let found: Vec<_> = all.clone().filter(admitted).collect();
    let namespaces: BTreeSet<_> = all.clone().map(|account| account.key.namespace.clone()).collect();
    let vendors: BTreeSet<_> = all.map(|account| account.vendor).collect();
    let choices =
        Choices { namespaces: namespaces.into_iter().collect(), vendors: vendors.into_iter().collect() };
    let row = |account: &&AccountFacts| {
        let troubles = troubles.get(&account.key).copied().unwrap_or_default();
        AccountRow::new(account, troubles, inputs)
    };
    AccountsView { states, accounts: ListPage::of(&found, inputs.filter.page, row), choices }
}
