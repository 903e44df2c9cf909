//! What the pages need of an object, taken from it once, when a watch sends it.
//!
//! Of a Webhook's spec only modes and names are kept: a page shows what the status says, and a subscription may be 256 KiB long.

use super::state::State;
use crate::api::conditions::{self, DELIVERING, DRIFTED, READY, RECONCILING, STALLED};
use crate::api::status::{AccountStatus, Action, SubscriptionCounts, WebhookStatus};
use crate::api::webhook::Subscription;
use crate::api::webhook_set::managing_set;
use crate::api::{Mode, ObjectKey, VendorAccount, VendorName, Webhook};
use crate::engine::interval::resync_interval;
use k8s_openapi::api::core::v1::Event as CoreEvent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;

/// The longest message of an event that is kept, in bytes: the API's own limit.
const LONGEST_MESSAGE: usize = 1024;

/// What is known of one Webhook.
#[derive(Clone, Debug)]
pub(crate) struct WebhookFacts {
    pub(crate) key: ObjectKey,
    pub(crate) account: ObjectKey,
    /// The WebhookSet that manages it.
    pub(crate) set: Option<ObjectKey>,
    pub(crate) uid: String,
    pub(crate) vendor: VendorName,
    pub(crate) generation: i64,
    pub(crate) deleting_since: Option<Timestamp>,
    pub(crate) suspend: bool,
    pub(crate) plan_mode: bool,
    /// Why its spec cannot be read by this version of hooktender.
    pub(crate) unreadable: Option<String>,
    pub(crate) status: WebhookStatus,
    pub(crate) state: State,
    /// What the search box searches, in lower case.
    pub(crate) search: String,
}

/// What is known of one account.
#[derive(Clone, Debug)]
pub(crate) struct AccountFacts {
    pub(crate) key: ObjectKey,
    pub(crate) uid: String,
    pub(crate) vendor: VendorName,
    pub(crate) identity: String,
    pub(crate) generation: i64,
    pub(crate) deleting_since: Option<Timestamp>,
    pub(crate) suspend: bool,
    pub(crate) plan_mode: bool,
    pub(crate) resync: Duration,
    pub(crate) status: AccountStatus,
    pub(crate) state: State,
    pub(crate) search: String,
}

/// One event of an object.
#[derive(Clone, Debug)]
pub(crate) struct EventFacts {
    /// The uid of the object,
    pub(crate) of: String,
    /// and its namespace.
    pub(crate) namespace: String,
    /// The event's own uid.
    pub(crate) uid: String,
    pub(crate) at: Timestamp,
    pub(crate) warning: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl WebhookFacts {
    pub(crate) fn new(webhook: Webhook) -> Self {
        let (key, account) = (ObjectKey::of(&webhook), webhook.account());
        let set = managing_set(&webhook).map(|owner| ObjectKey::new(&key.namespace, &owner.name));
        let vendor = webhook.spec.subscription.vendor();
        let unreadable = match &webhook.spec.subscription {
            Subscription::Unreadable { error, .. } => Some(error.clone()),
            Subscription::Brightpearl(_) | Subscription::Contensis(_) | Subscription::Superoffice(_) => None,
        };
        let status = webhook.status.unwrap_or_default();
        let meta = Meta::of(webhook.metadata);
        let state = state(&status.conditions, status.observed_generation, &meta, webhook.spec.suspend);
        let (of_account, of_set) = (account.to_string(), set.as_ref().map_or("", |set| set.name.as_str()));
        let words = [of_account.as_str(), of_set, vendor.as_str(), id(&status)];
        let search = search(&key, &words, &status.conditions);
        Self {
            key,
            account,
            set,
            uid: meta.uid,
            vendor,
            generation: meta.generation,
            deleting_since: meta.deleting_since,
            suspend: webhook.spec.suspend,
            plan_mode: webhook.spec.mode == Mode::Plan,
            unreadable,
            status,
            state,
            search,
        }
    }

    /// Whether its subscription exists at the vendor, as far as the status says.
    pub(crate) fn exists(&self) -> bool {
        self.status.external_id.is_some() && self.action() != Action::Create
    }

    /// What is left to do at the vendor.
    pub(crate) fn action(&self) -> Action {
        self.status.plan.as_ref().map_or(Action::None, |plan| plan.action)
    }

    /// The condition of that type.
    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        conditions::get(&self.status.conditions, kind)
    }
}

impl AccountFacts {
    pub(crate) fn new(account: VendorAccount) -> Self {
        let key = ObjectKey::of(&account);
        let (vendor, identity) = (account.spec.vendor.name(), account.spec.vendor.identity());
        let resync = resync_interval(&account);
        let status = account.status.unwrap_or_default();
        let meta = Meta::of(account.metadata);
        let state = state(&status.conditions, status.observed_generation, &meta, account.spec.suspend);
        let search = search(&key, &[vendor.as_str(), &identity], &status.conditions);
        Self {
            key,
            uid: meta.uid,
            vendor,
            identity,
            generation: meta.generation,
            deleting_since: meta.deleting_since,
            suspend: account.spec.suspend,
            plan_mode: account.spec.mode == Mode::Plan,
            resync,
            status,
            state,
            search,
        }
    }

    /// The numbers of subscriptions; zero before the first pass.
    pub(crate) fn counts(&self) -> SubscriptionCounts {
        self.status.subscriptions.unwrap_or_default()
    }

    /// The condition of that type.
    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        conditions::get(&self.status.conditions, kind)
    }
}

impl EventFacts {
    /// Takes the facts of an event; none if it is about no object.
    pub(crate) fn new(event: CoreEvent) -> Option<Self> {
        let at = event.event_time.map(|time| time.0).or(event.last_timestamp.map(|time| time.0));
        Some(Self {
            of: event.involved_object.uid?,
            namespace: event.metadata.namespace.unwrap_or_default(),
            uid: event.metadata.uid.unwrap_or_default(),
            at: at.unwrap_or(Timestamp::UNIX_EPOCH),
            warning: event.type_.as_deref() == Some("Warning"),
            reason: event.reason.unwrap_or_default(),
            message: crate::api::shorten::to_bytes(&event.message.unwrap_or_default(), LONGEST_MESSAGE),
        })
    }
}

/// Metadata that all kinds need.
pub(super) struct Meta {
    pub(super) uid: String,
    pub(super) generation: i64,
    pub(super) deleting_since: Option<Timestamp>,
}

impl Meta {
    pub(super) fn of(meta: ObjectMeta) -> Self {
        Self {
            uid: meta.uid.unwrap_or_default(),
            generation: meta.generation.unwrap_or_default(),
            deleting_since: meta.deletion_timestamp.map(|time| time.0),
        }
    }
}

/// Returns the most urgent of the states that conditions and metadata tell of.
fn state(conditions: &[Condition], observed: Option<i64>, meta: &Meta, suspend: bool) -> State {
    let is = |kind| conditions::is_true(conditions, kind);
    let ready = conditions::get(conditions, READY);
    let reason = ready.map(|ready| ready.reason.as_str());
    let not_delivering = conditions::get(conditions, DELIVERING).is_some_and(|one| one.status == "False");
    if suspend || reason == Some("Suspended") {
        return State::Suspended;
    }
    if ready.is_none() || observed.is_some_and(|observed| observed < meta.generation) {
        return State::NotObserved;
    }
    let all = [
        (is(STALLED), State::Blocked),
        (not_delivering, State::NotDelivering),
        (is(DRIFTED), State::Drifted),
        (is(RECONCILING) || !is(READY), State::Working),
        (meta.deleting_since.is_some(), State::Deleting),
        (reason == Some("Planned"), State::Planned),
    ];
    all.into_iter().find(|(holds, _)| *holds).map_or(State::InSync, |(_, state)| state)
}

fn id(status: &WebhookStatus) -> &str {
    status.external_id.as_deref().unwrap_or_default()
}

/// Joins what the search box searches.
pub(super) fn search(key: &ObjectKey, words: &[&str], conditions: &[Condition]) -> String {
    let reasons = conditions.iter().map(|condition| condition.reason.as_str());
    let all = words.iter().copied().chain(reasons).filter(|word| !word.is_empty());
    all.fold(key.to_string(), |text, word| text + "\n" + word).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{condition, webhook};
    use serde_json::{Value, json};
    use std::slice::from_ref;

    fn state_of(conditions: &[Value], edit: impl FnOnce(&mut Value)) -> State {
        let mut object = webhook("shop", "a", "acme");
        object["status"]["conditions"] = json!(conditions);
        edit(&mut object);
        WebhookFacts::new(serde_json::from_value(object).unwrap()).state
    }

    #[test]
    fn a_webhook_has_the_most_urgent_of_its_states() {
        let ready = condition("Ready", true, "InSync");
        let not_ready = condition("Ready", false, "Rejected");
        let stalled = condition("Stalled", true, "Rejected");
        let drifted = condition("Drifted", true, "Drifted");
        let busy = condition("Reconciling", true, "Unavailable");
        let stopped = condition("Delivering", false, "Stopped");
        let as_is = |_: &mut Value| {};
        assert_eq!(state_of(from_ref(&ready), as_is), State::InSync);
        assert_eq!(state_of(&[condition("Ready", true, "StoredDifferently")], as_is), State::InSync);
        assert_eq!(state_of(&[condition("Ready", true, "Planned")], as_is), State::Planned);
        assert_eq!(state_of(&[ready.clone(), drifted.clone()], as_is), State::Drifted);
        assert_eq!(state_of(&[ready.clone(), stopped.clone(), drifted.clone()], as_is), State::NotDelivering);
        assert_eq!(state_of(&[not_ready.clone(), stalled, stopped, drifted], as_is), State::Blocked);
        assert_eq!(state_of(&[not_ready.clone(), busy], as_is), State::Working);
        assert_eq!(state_of(&[not_ready], as_is), State::Working);
        assert_eq!(state_of(&[], as_is), State::NotObserved);
        let edited = |object: &mut Value| object["metadata"]["generation"] = json!(2);
        assert_eq!(state_of(from_ref(&ready), edited), State::NotObserved);
        let suspended = |object: &mut Value| object["spec"]["suspend"] = json!(true);
        assert_eq!(state_of(from_ref(&ready), suspended), State::Suspended);
        let deleted =
            |object: &mut Value| object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(state_of(&[ready], deleted), State::Deleting);
    }

    #[test]
    fn a_subscription_that_is_to_be_created_again_does_not_exist() {
        let exists = |status: Value| {
            let mut object = webhook("shop", "a", "acme");
            object["status"] = status;
            WebhookFacts::new(serde_json::from_value(object).unwrap()).exists()
        };
        assert!(exists(json!({"externalId": "7"})));
        assert!(exists(json!({"externalId": "7", "plan": {"action": "Update"}})));
        assert!(!exists(json!({"externalId": "7", "plan": {"action": "Create"}})));
        assert!(!exists(json!({})));
    }

    #[test]
    fn a_search_finds_names_ids_vendors_accounts_and_reasons() {
        let mut object = webhook("shop", "Orders", "acme");
        object["status"]["externalId"] = json!("AB7");
        let facts = WebhookFacts::new(serde_json::from_value(object).unwrap());
        for word in ["shop/orders", "ab7", "brightpearl", "shop/acme", "insync"] {
            assert!(facts.search.contains(word), "{word}: {}", facts.search);
        }
    }
}
