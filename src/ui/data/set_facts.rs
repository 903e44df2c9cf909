//! What the pages need of a WebhookSet.

use super::facts::{Meta, search};
use super::state::State;
use crate::api::conditions::{self, READY, RECONCILING, STALLED};
use crate::api::status::WebhookSetStatus;
use crate::api::{ObjectKey, VendorName, WebhookSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;

/// What is known of one WebhookSet.
#[derive(Clone, Debug)]
pub(crate) struct SetFacts {
    pub(crate) key: ObjectKey,
    pub(crate) uid: String,
    pub(crate) vendor: VendorName,
    pub(crate) generation: i64,
    pub(crate) deleting_since: Option<Timestamp>,
    pub(crate) paused: bool,
    /// How a change of the template reaches members.
    pub(crate) roll_out: String,
    /// Without the lists of changes, which no page shows.
    pub(crate) status: WebhookSetStatus,
    pub(crate) state: State,
    /// What the search box searches, in lower case.
    pub(crate) search: String,
}

impl SetFacts {
    pub(crate) fn new(set: WebhookSet) -> Self {
        let key = ObjectKey::of(&set);
        let vendor = set.spec.template.spec.subscription.vendor();
        let status = WebhookSetStatus {
            allowed_changes: Vec::new(),
            recent_changes: None,
            ..set.status.unwrap_or_default()
        };
        let meta = Meta::of(set.metadata);
        let members = usize::try_from(status.members).unwrap_or_default();
        Self {
            uid: meta.uid.clone(),
            vendor,
            generation: meta.generation,
            deleting_since: meta.deleting_since,
            paused: set.spec.paused,
            roll_out: set.spec.update_strategy.describe(members),
            state: state(&status, &meta, set.spec.paused),
            search: search(&key, &[vendor.as_str()], &status.conditions),
            status,
            key,
        }
    }

    /// The condition of that type.
    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        conditions::get(&self.status.conditions, kind)
    }
}

/// Returns the most urgent of the states of the set and, as its counts tell, of its members.
fn state(status: &WebhookSetStatus, meta: &Meta, paused: bool) -> State {
    let is = |kind| conditions::is_true(&status.conditions, kind);
    let ready = conditions::get(&status.conditions, READY);
    if paused {
        return State::Suspended;
    }
    if ready.is_none() || status.observed_generation.is_some_and(|observed| observed < meta.generation) {
        return State::NotObserved;
    }
    // Neither is retried: plan mode ends, or Webhooks are deleted, when a person does it.
    let waits = ready.is_some_and(|ready| matches!(ready.reason.as_str(), "Planned" | "WaitingForDelete"));
    let all = [
        (is(STALLED), State::Blocked),
        (status.not_delivering > 0, State::NotDelivering),
        (status.drifted > 0, State::Drifted),
        (meta.deleting_since.is_some(), State::Deleting),
        (waits, State::Planned),
        (is(RECONCILING) || !is(READY), State::Working),
    ];
    all.into_iter().find(|(holds, _)| *holds).map_or(State::InSync, |(_, state)| state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{condition, set};
    use serde_json::{Value, json};

    fn state_of(conditions: &[Value], edit: impl FnOnce(&mut Value)) -> State {
        let mut object = set("shop", "orders");
        object["status"]["conditions"] = json!(conditions);
        edit(&mut object);
        SetFacts::new(serde_json::from_value(object).unwrap()).state
    }

    #[test]
    fn a_set_has_the_most_urgent_state_of_itself_and_its_members() {
        let as_is = |_: &mut Value| {};
        let ready = [condition("Ready", true, "InSync")];
        let unready = |reason| condition("Ready", false, reason);
        let busy = [unready("RollingUpdate"), condition("Reconciling", true, "RollingUpdate")];
        let blocked = [unready("SetGuard"), condition("Stalled", true, "SetGuard")];
        let count = |name: &'static str| move |object: &mut Value| object["status"][name] = json!(1);
        assert_eq!(state_of(&ready, as_is), State::InSync);
        assert_eq!(state_of(&[], as_is), State::NotObserved);
        assert_eq!(state_of(&busy, as_is), State::Working);
        assert_eq!(state_of(&busy, count("drifted")), State::Drifted);
        assert_eq!(state_of(&busy, count("notDelivering")), State::NotDelivering);
        assert_eq!(state_of(&blocked, count("notDelivering")), State::Blocked);
        assert_eq!(state_of(&[unready("Planned")], as_is), State::Planned);
        assert_eq!(state_of(&[unready("WaitingForDelete")], as_is), State::Planned);
        let paused = |object: &mut Value| object["spec"]["paused"] = json!(true);
        assert_eq!(state_of(&ready, paused), State::Suspended);
        let edited = |object: &mut Value| object["metadata"]["generation"] = json!(2);
        assert_eq!(state_of(&ready, edited), State::NotObserved);
        let deleted =
            |object: &mut Value| object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(state_of(&[unready("DeletingMembers")], deleted), State::Deleting);
    }
}
