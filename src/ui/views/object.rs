//! What the pages of accounts, sets and Webhooks have in common.

use super::Inputs;
use super::time::When;
use crate::api::conditions::{DELIVERING, DRIFTED, READY, RECONCILING, STALLED};
use crate::api::visible;
use crate::ui::data::state::Tone;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;

/// The number of events on a page.
const EVENTS: usize = 10;

/// A condition, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConditionView {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    /// What type and status say, in words.
    pub(crate) words: &'static str,
    pub(crate) message: String,
    pub(crate) since: When,
    #[serde(skip)]
    pub(crate) tone: Tone,
}

/// An event of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventView {
    pub(crate) at: When,
    pub(crate) warning: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// How to unblock an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Remedy {
    pub(crate) reason: String,
    /// Whether it is the account's problem.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) of_account: bool,
    /// Whether its commands change the template of a set, and so all members.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) of_all_members: bool,
    pub(crate) what: &'static str,
    /// Commands that do it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) commands: Vec<String>,
}

impl ConditionView {
    pub(crate) fn new(condition: &Condition, inputs: &Inputs<'_>) -> Self {
        let (words, tone) = meaning(&condition.type_, &condition.status);
        Self {
            kind: visible(&condition.type_),
            status: visible(&condition.status),
            reason: visible(&condition.reason),
            words,
            message: visible(&condition.message),
            since: When::new(condition.last_transition_time.0, inputs.now),
            tone,
        }
    }
}

/// Returns what a condition means.
fn meaning(kind: &str, status: &str) -> (&'static str, Tone) {
    match (kind, status) {
        (READY, "True") => ("Ready", Tone::Good),
        (READY, "False") => ("Not ready", Tone::Warning),
        (READY, _) => ("Not known whether it is ready", Tone::Quiet),
        (DRIFTED, "True") => ("Changed at the vendor", Tone::Warning),
        (DRIFTED, "False") => ("Not changed at the vendor", Tone::Good),
        (DRIFTED, _) => ("Not known whether it was changed at the vendor", Tone::Quiet),
        (RECONCILING, "True") => ("Work in progress", Tone::Busy),
        (RECONCILING, _) => ("No work in progress", Tone::Quiet),
        (STALLED, "True") => ("Blocked until a person acts", Tone::Bad),
        (STALLED, _) => ("Not blocked", Tone::Quiet),
        (DELIVERING, "True") => ("The vendor delivers", Tone::Good),
        (DELIVERING, _) => ("The vendor does not deliver", Tone::Bad),
        _ => ("Another condition", Tone::Quiet),
    }
}

/// The last events of the object with that uid, the newest first.
pub(crate) fn events(uid: &str, inputs: &Inputs<'_>) -> Vec<EventView> {
    let view = |event: &crate::ui::data::facts::EventFacts| EventView {
        at: When::new(event.at, inputs.now),
        warning: event.warning,
        reason: visible(&event.reason),
        message: visible(&event.message),
    };
    inputs.data.events(uid).take(EVENTS).map(view).collect()
}

/// Says whether the current spec was observed; none if it was.
pub(crate) fn not_observed(generation: i64, observed: Option<i64>) -> Option<String> {
    match observed {
        Some(observed) if observed == generation => None,
        Some(observed @ 1..) => Some(format!(
            "The spec has generation {generation}; hooktender has observed {observed}, and the status is about that one."
        )),
        // Values below 1 are the default of a new object.
        Some(_) | None => {
            Some("No hooktender has observed it yet: is one running, and for this namespace?".into())
        }
    }
}
