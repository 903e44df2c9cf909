//! The list of Webhooks.

use super::Inputs;
use super::list::ListPage;
use crate::api::conditions::{DELIVERING, DRIFTED, READY};
use crate::api::status::Action;
use crate::api::{ObjectKey, VendorName, shorten, visible};
use crate::ui::address::Filter;
use crate::ui::data::facts::WebhookFacts;
use crate::ui::data::state::State;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Messages are cut to this many characters in a list; the page of the object has all of them.
pub(super) const LONGEST_MESSAGE: usize = 200;

/// The page with the list of Webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhooksView {
    /// How many Webhooks are in each state, of those that the rest of the filter admits.
    pub(crate) states: BTreeMap<State, usize>,
    pub(crate) webhooks: ListPage<WebhookRow>,
    #[serde(skip)]
    pub(crate) choices: Choices,
}

/// What the filter can choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choices {
    pub(crate) namespaces: Vec<String>,
    pub(crate) vendors: Vec<VendorName>,
}

/// A Webhook in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookRow {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) account: AccountName,
    /// The name of the WebhookSet that manages it, in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) set: Option<String>,
    pub(crate) vendor: VendorName,
    pub(crate) state: State,
    /// What holds besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) also: Vec<State>,
    pub(crate) action: Action,
    /// The id of the subscription at the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// The reason of the condition `Ready`, and its message.
    pub(crate) reason: String,
    pub(crate) message: String,
    #[serde(skip)]
    pub(crate) key: ObjectKey,
}

/// Names an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AccountName {
    pub(crate) namespace: String,
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) key: ObjectKey,
}

impl AccountName {
    pub(crate) fn new(key: &ObjectKey) -> Self {
        Self { namespace: visible(&key.namespace), name: visible(&key.name), key: key.clone() }
    }
}

impl WebhookRow {
    pub(crate) fn new(webhook: &WebhookFacts) -> Self {
        let ready = webhook.condition(READY);
        let is_true = |kind| webhook.condition(kind).is_some_and(|condition| condition.status == "True");
        let is_false = |kind| webhook.condition(kind).is_some_and(|condition| condition.status == "False");
        let also = [
            (is_false(DELIVERING), State::NotDelivering),
            (is_true(DRIFTED), State::Drifted),
            (webhook.deleting_since.is_some(), State::Deleting),
        ];
        let also = also.into_iter().filter(|(holds, state)| *holds && *state != webhook.state);
        Self {
            namespace: visible(&webhook.key.namespace),
            name: visible(&webhook.key.name),
            account: AccountName::new(&webhook.account),
            set: webhook.set.as_ref().map(|set| visible(&set.name)),
            vendor: webhook.vendor,
            state: webhook.state,
            also: also.map(|(_, state)| state).collect(),
            action: webhook.action(),
            id: webhook.status.external_id.as_deref().map(visible),
            reason: ready.map(|ready| visible(&ready.reason)).unwrap_or_default(),
            message: ready
                .map(|ready| visible(&shorten::to_chars(&ready.message, LONGEST_MESSAGE)))
                .unwrap_or_default(),
            key: webhook.key.clone(),
        }
    }
}

/// Whether a filter admits a Webhook.
pub(crate) fn admits(filter: &Filter, webhook: &WebhookFacts) -> bool {
    filter.account.as_ref().is_none_or(|account| *account == webhook.account)
        && filter.set.as_ref().is_none_or(|set| Some(set) == webhook.set.as_ref())
        && filter.admits(&webhook.key, webhook.vendor, webhook.state, &webhook.search)
}

/// Returns the Webhooks that the filter admits, and the numbers of the others by state.
pub(crate) fn view(inputs: &Inputs<'_>) -> WebhooksView {
    let any_state = Filter { state: None, ..inputs.filter.clone() };
    let mut states = BTreeMap::new();
    let (mut namespaces, mut vendors) = (BTreeSet::new(), BTreeSet::new());
    let mut found = Vec::new();
    for webhook in inputs.data.webhooks.values() {
        namespaces.insert(webhook.key.namespace.as_str());
        vendors.insert(webhook.vendor);
        if admits(&any_state, webhook) {
            *states.entry(webhook.state).or_insert(0) += 1;
            if inputs.filter.state.is_none_or(|state| state == webhook.state) {
                found.push(webhook);
            }
        }
    }
    if inputs.filter.state.is_none() {
        // The most urgent first, each in the order of the names.
        found.sort_by_key(|webhook| webhook.state);
    }
    let choices = Choices {
        namespaces: namespaces.into_iter().map(str::to_owned).collect(),
        vendors: vendors.into_iter().collect(),
    };
    let webhooks = ListPage::of(&found, inputs.filter.page, |webhook| WebhookRow::new(webhook));
    WebhooksView { states, webhooks, choices }
}
