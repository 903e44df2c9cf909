//! One Webhook.

use super::Inputs;
use super::commands::of_webhook;
use super::object::{ConditionView, EventView, Remedy, events, not_observed};
use super::report::webhook_report;
use super::time::When;
use super::webhooks::WebhookRow;
use crate::api::conditions::{READY, RECONCILING};
use crate::api::{ObjectKey, visible};
use crate::plan::report::WebhookReport;
use crate::ui::data::facts::{AccountFacts, WebhookFacts};
use crate::ui::data::state::State;
use serde::Serialize;

/// The page of a Webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookView {
    #[serde(flatten)]
    pub(crate) webhook: WebhookRow,
    /// The WebhookSet that manages it, for the link.
    #[serde(skip)]
    pub(crate) set_key: Option<ObjectKey>,
    /// The state of its account; absent if the account is not there, or not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account_state: Option<State>,
    /// Why the account is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account_trouble: Option<String>,
    /// When what is declared was last sent to the vendor, or found there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_applied: Option<When>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleting_since: Option<When>,
    /// Replaced subscriptions that are not yet deleted at the vendor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) superseded: Vec<String>,
    pub(crate) conditions: Vec<ConditionView>,
    /// What the status does not tell yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_observed: Option<String>,
    /// Why its spec cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unreadable: Option<String>,
    /// What is left to do at the vendor.
    pub(crate) plan: PlannedView,
    /// What happens next.
    pub(crate) next: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unblock: Vec<Remedy>,
    pub(crate) events: Vec<EventView>,
}

/// A plan without the number of calls, which a status does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedView(pub(crate) WebhookReport);

impl Serialize for PlannedView {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = serde_json::to_value(&self.0).map_err(serde::ser::Error::custom)?;
        if let Some(members) = value.as_object_mut() {
            members.remove("calls");
        }
        value.serialize(serializer)
    }
}

/// Returns the page of a Webhook; none if there is no such Webhook.
pub(crate) fn view(key: &ObjectKey, inputs: &Inputs<'_>) -> Option<WebhookView> {
    let webhook = inputs.data.webhooks.get(key)?;
    let account = inputs.data.accounts.get(&webhook.account);
    let when = |at| When::new(at, inputs.now);
    // An adopted subscription of which nothing was sent has the beginning of time there.
    let applied = webhook.status.last_applied.as_ref().map(|last| last.time.0);
    Some(WebhookView {
        webhook: WebhookRow::new(webhook),
        set_key: webhook.set.clone(),
        account_state: account.map(|account| account.state),
        account_trouble: account.and_then(trouble),
        last_applied: applied.filter(|at| at.as_second() > 0).map(when),
        deleting_since: webhook.deleting_since.map(when),
        superseded: webhook.status.superseded.iter().map(|id| visible(id)).collect(),
        conditions: webhook
            .status
            .conditions
            .iter()
            .map(|condition| ConditionView::new(condition, inputs))
            .collect(),
        not_observed: not_observed(webhook.generation, webhook.status.observed_generation),
        unreadable: webhook.unreadable.as_deref().map(visible),
        plan: PlannedView(webhook_report(webhook, account)),
        next: next(webhook, account, inputs),
        unblock: of_webhook(webhook, account, inputs),
        events: events(&webhook.uid, inputs),
    })
}

fn trouble(account: &AccountFacts) -> Option<String> {
    let ready = account.condition(READY).filter(|ready| ready.status != "True")?;
    Some(visible(&format!("{}: {}", ready.reason, ready.message)))
}

fn next(webhook: &WebhookFacts, account: Option<&AccountFacts>, inputs: &Inputs<'_>) -> Vec<String> {
    if webhook.suspend {
        return vec!["Nothing: spec.suspend is true.".into()];
    }
    let Some(account) = account else {
        return vec![format!(
            "Account {} is not there, or is not shown here. A pass begins as soon as it exists.",
            visible(&webhook.account.to_string())
        )];
    };
    let mut next = Vec::new();
    let is_busy = webhook.condition(RECONCILING).is_some_and(|busy| busy.status == "True");
    match &webhook.status.pending {
        _ if account.suspend => {}
        Some(pending) => next.push(format!(
            "A create was sent {} and not answered. After the grace period (--request-timeout and --settle) the vendor's list decides.",
            When::new(pending.since.0, inputs.now).ago
        )),
        None if is_busy => next.push("hooktender tries again, after a back-off of at most 5 minutes.".into()),
        None => {}
    }
    next.push(super::account::next(account));
    next
}
