//! One WebhookSet: its counts, and one cell a member.

use super::Inputs;
use super::commands::set_remedies;
use super::list::ListPage;
use super::object::{ConditionView, EventView, Remedy, events, not_observed};
use super::sets::SetRow;
use super::time::When;
use super::webhooks::{AccountName, LONGEST_MESSAGE};
use crate::api::conditions::READY;
use crate::api::status::MemberProblem;
use crate::api::{ObjectKey, shorten, visible};
use crate::ui::data::facts::WebhookFacts;
use crate::ui::data::set_facts::SetFacts;
use crate::ui::data::state::State;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The number of cells on a page. A cell is much smaller than a row.
const CELLS: usize = 200;

/// The page of a WebhookSet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetView {
    pub(crate) set: SetRow,
    /// How many of its Webhooks are in each state.
    pub(crate) states: BTreeMap<State, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleting_since: Option<When>,
    pub(crate) conditions: Vec<ConditionView>,
    /// What the status does not tell yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_observed: Option<String>,
    /// What happens next.
    pub(crate) next: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unblock: Vec<Remedy>,
    /// The members: one for each Webhook, and one for each account without a Webhook of which the status says why.
    pub(crate) members: ListPage<MemberView>,
    /// How many members have no Webhook, and are not listed because the status names only the members in the worst state.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) not_listed: usize,
    /// The members in the worst state.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) worst: Vec<MemberView>,
    pub(crate) events: Vec<EventView>,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberView {
    pub(crate) account: AccountName,
    /// The name of its Webhook, in the namespace of the set; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<String>,
    pub(crate) state: State,
    pub(crate) reason: String,
    pub(crate) message: String,
    /// The Webhook that a link leads to: its own, or the one that has its name; none for the account.
    #[serde(skip)]
    pub(crate) key: Option<ObjectKey>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What a cell is made of.
enum Member<'a> {
    Webhook(&'a WebhookFacts),
    /// It has no Webhook of the set.
    Missing(&'a MemberProblem),
}

impl Member<'_> {
    fn state(&self) -> State {
        match self {
            Self::Webhook(webhook) => webhook.state,
            Self::Missing(_) => State::Blocked,
        }
    }
}

/// Returns the page of a set; none if there is no such set.
pub(crate) fn view(key: &ObjectKey, inputs: &Inputs<'_>) -> Option<SetView> {
    let set = inputs.data.sets.get(key)?;
    let webhooks: Vec<&WebhookFacts> = inputs.data.webhooks_of_set(key).collect();
    let mut states = BTreeMap::new();
    for webhook in &webhooks {
        *states.entry(webhook.state).or_insert(0) += 1;
    }
    let members = members(set, &webhooks);
    Some(SetView {
        set: SetRow::new(set),
        states,
        deleting_since: set.deleting_since.map(|at| When::new(at, inputs.now)),
        conditions: set.status.conditions.iter().map(|one| ConditionView::new(one, inputs)).collect(),
        not_observed: not_observed(set.generation, set.status.observed_generation),
        next: next(set),
        unblock: set_remedies(set, inputs),
        not_listed: not_listed(set, &members),
        members: ListPage::of_size(CELLS, &members, inputs.filter.page, |member| match member {
            Member::Webhook(webhook) => of_webhook(webhook),
            Member::Missing(problem) => of_problem(problem, set, inputs),
        }),
        worst: set.status.worst.iter().map(|problem| of_problem(problem, set, inputs)).collect(),
        events: events(&set.uid, inputs),
    })
}

/// Returns the members, the most urgent first, each in the order of the accounts.
fn members<'a>(set: &'a SetFacts, webhooks: &[&'a WebhookFacts]) -> Vec<Member<'a>> {
    let known: BTreeSet<String> = webhooks.iter().map(|webhook| webhook.account.to_string()).collect();
    let missing = set.status.worst.iter().filter(|problem| !known.contains(&problem.account));
    let mut webhooks = webhooks.to_vec();
    webhooks.sort_by_key(|webhook| &webhook.account);
    let mut members: Vec<_> =
        missing.map(Member::Missing).chain(webhooks.into_iter().map(Member::Webhook)).collect();
    members.sort_by_key(Member::state);
    members
}

/// Returns how many members have neither a Webhook nor a problem in the status. A Webhook that is being deleted may belong to no member.
fn not_listed(set: &SetFacts, members: &[Member<'_>]) -> usize {
    let stays = |member: &&Member<'_>| match member {
        Member::Webhook(webhook) => webhook.deleting_since.is_none(),
        Member::Missing(_) => true,
    };
    let listed = members.iter().filter(stays).count();
    usize::try_from(set.status.members).unwrap_or_default().saturating_sub(listed)
}

fn of_webhook(webhook: &WebhookFacts) -> MemberView {
    let ready = webhook.condition(READY);
    MemberView {
        account: AccountName::new(&webhook.account),
        webhook: Some(visible(&webhook.key.name)),
        state: webhook.state,
        reason: ready.map(|ready| visible(&ready.reason)).unwrap_or_default(),
        message: ready
            .map(|ready| visible(&shorten::to_chars(&ready.message, LONGEST_MESSAGE)))
            .unwrap_or_default(),
        key: Some(webhook.key.clone()),
    }
}

/// Returns a member as the status of the set describes it.
fn of_problem(problem: &MemberProblem, set: &SetFacts, inputs: &Inputs<'_>) -> MemberView {
    let (namespace, name) = problem.account.split_once('/').unwrap_or(("", &problem.account));
    let account = ObjectKey::new(namespace, name);
    // The Webhook of that name may belong to another member, or to no member; the latter is why this member has none.
    let named = inputs.data.webhooks.get(&ObjectKey::new(&set.key.namespace, &problem.name));
    let is_member = |webhook: &&WebhookFacts| webhook.set.as_ref() == Some(&set.key);
    let own = named.filter(is_member).filter(|webhook| webhook.account == account);
    let linked = own.or_else(|| named.filter(|webhook| !is_member(webhook)));
    MemberView {
        account: AccountName::new(&account),
        webhook: own.map(|webhook| visible(&webhook.key.name)),
        state: own.map_or(State::Blocked, |webhook| webhook.state),
        reason: visible(&problem.reason),
        message: visible(&problem.message),
        key: linked.map(|webhook| webhook.key.clone()),
    }
}

/// Says how members follow the template.
fn next(set: &SetFacts) -> Vec<String> {
    if set.paused {
        return vec!["Nothing: spec.paused is true.".into()];
    }
    if set.deleting_since.is_some() {
        return vec!["The set is deleted when its last member is gone.".into()];
    }
    let mut roll_out = visible(&set.roll_out);
    if let Some(first) = roll_out.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    vec![format!("{roll_out}."), "A pass runs at once when the set, an account or a member changes.".into()]
}
