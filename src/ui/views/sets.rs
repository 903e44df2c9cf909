//! The list of WebhookSets.

use super::Inputs;
use super::list::ListPage;
use super::webhooks::Choices;
use crate::api::conditions::READY;
use crate::api::{ObjectKey, VendorName, visible};
use crate::ui::data::set_facts::SetFacts;
use crate::ui::data::state::State;
use serde::Serialize;
use std::collections::BTreeSet;

/// The page with the list of WebhookSets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetsView {
    pub(crate) sets: ListPage<SetRow>,
    #[serde(skip)]
    pub(crate) choices: Choices,
}

/// A WebhookSet in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetRow {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) vendor: VendorName,
    pub(crate) state: State,
    /// The reason of the condition `Ready`, and its message.
    pub(crate) reason: String,
    pub(crate) message: String,
    #[serde(flatten)]
    pub(crate) counts: MemberCounts,
    #[serde(skip)]
    pub(crate) key: ObjectKey,
}

/// Numbers of members, as in the status. A member may be in several of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberCounts {
    pub(crate) members: i64,
    pub(crate) updated: i64,
    pub(crate) ready: i64,
    pub(crate) drifted: i64,
    pub(crate) not_delivering: i64,
    pub(crate) blocked: i64,
}

impl SetRow {
    pub(crate) fn new(set: &SetFacts) -> Self {
        let (ready, status) = (set.condition(READY), &set.status);
        Self {
            namespace: visible(&set.key.namespace),
            name: visible(&set.key.name),
            vendor: set.vendor,
            state: set.state,
            reason: ready.map(|ready| visible(&ready.reason)).unwrap_or_default(),
            message: ready.map(|ready| visible(&ready.message)).unwrap_or_default(),
            counts: MemberCounts {
                members: status.members,
                updated: status.updated,
                ready: status.ready,
                drifted: status.drifted,
                not_delivering: status.not_delivering,
                blocked: status.blocked,
            },
            key: set.key.clone(),
        }
    }
}

/// Returns the sets that the filter admits, the most urgent first, each in the order of the names.
pub(crate) fn view(inputs: &Inputs<'_>) -> SetsView {
    let all = inputs.data.sets.values();
    let admitted = |set: &&SetFacts| inputs.filter.admits(&set.key, set.vendor, set.state, &set.search);
    let mut found: Vec<_> = all.clone().filter(admitted).collect();
    found.sort_by_key(|set| set.state);
    let namespaces: BTreeSet<_> = all.clone().map(|set| set.key.namespace.clone()).collect();
    let vendors: BTreeSet<_> = all.map(|set| set.vendor).collect();
    SetsView {
        sets: ListPage::of(&found, inputs.filter.page, |set| SetRow::new(set)),
        choices: Choices {
            namespaces: namespaces.into_iter().collect(),
            vendors: vendors.into_iter().collect(),
        },
    }
}
