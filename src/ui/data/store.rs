//! The facts that the pages are made of, and how current they are.

use super::facts::{AccountFacts, EventFacts, WebhookFacts};
use super::problem::Problem;
use super::set_facts::SetFacts;
use crate::api::ObjectKey;
use k8s_openapi::jiff::Timestamp;
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The number of events that are kept of an object.
const MAX_EVENTS: usize = 20;

/// The kinds that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Accounts,
    Sets,
    Webhooks,
    Events,
}

impl Kind {
    /// The name on a page.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accounts => "VendorAccounts",
            Self::Sets => "WebhookSets",
            Self::Webhooks => "Webhooks",
            Self::Events => "events",
        }
    }
}

/// A kind, and the namespace that is watched; none for all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Watched {
    pub(crate) kind: Kind,
    pub(crate) namespace: Option<String>,
}

/// How current the objects of a watch are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    /// They are being listed for the first time.
    #[default]
    Loading,
    /// The watch runs: they are as the API server has them.
    Live,
    /// The watch has failed. Objects that were read before are shown as they were at `true_until`.
    Failed { problem: Problem, true_until: Option<Timestamp> },
}

/// An object of one of the kinds.
pub(crate) enum Fact {
    Account(Box<AccountFacts>),
    Set(Box<SetFacts>),
    Webhook(Box<WebhookFacts>),
    Event(Box<EventFacts>),
}

/// All facts.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) accounts: BTreeMap<ObjectKey, AccountFacts>,
    pub(crate) sets: BTreeMap<ObjectKey, SetFacts>,
    pub(crate) webhooks: BTreeMap<ObjectKey, WebhookFacts>,
    /// By the uid of the object; the oldest first.
    events: HashMap<String, Vec<EventFacts>>,
    sources: BTreeMap<Watched, Source>,
}

/// The facts, shared by the watches and the pages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store(Arc<RwLock<Data>>);

impl Store {
    /// Calls `read` with the facts, which do not change meanwhile.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Data) -> T) -> T {
        read(&self.0.read())
    }

    /// Calls `write` with the facts.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Data) -> T) -> T {
        write(&mut self.0.write())
    }
}

impl Data {
    /// All watches, and how current their objects are.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&Watched, &Source)> {
        self.sources.iter()
    }

    /// Notes a watch that is about to list its objects for the first time.
    pub(crate) fn begin(&mut self, watched: Watched) {
        self.sources.insert(watched, Source::Loading);
    }

    /// Notes that a watch has failed.
    pub(crate) fn fail(&mut self, watched: &Watched, problem: Problem, now: Timestamp) {
        let source = self.sources.entry(watched.clone()).or_default();
        let true_until = match source {
            Source::Loading => None,
            Source::Live => Some(now),
            Source::Failed { true_until, .. } => *true_until,
        };
        *source = Source::Failed { problem, true_until };
    }

    /// Replaces all objects of a watch by those that were listed.
    pub(crate) fn replace(&mut self, watched: &Watched, all: Vec<Fact>) {
        let other = |namespace: &str| watched.namespace.as_ref().is_some_and(|watched| watched != namespace);
        match watched.kind {
            Kind::Accounts => self.accounts.retain(|key, _| other(&key.namespace)),
            Kind::Sets => self.sets.retain(|key, _| other(&key.namespace)),
            Kind::Webhooks => self.webhooks.retain(|key, _| other(&key.namespace)),
            Kind::Events => self.events.retain(|_, of| of.iter().any(|event| other(&event.namespace))),
        }
        for fact in all {
            self.upsert(fact);
        }
        self.sources.insert(watched.clone(), Source::Live);
    }

    /// Stores a new or changed object.
    pub(crate) fn upsert(&mut self, fact: Fact) {
        match fact {
            Fact::Account(account) => drop(self.accounts.insert(account.key.clone(), *account)),
            Fact::Set(set) => drop(self.sets.insert(set.key.clone(), *set)),
            Fact::Webhook(webhook) => drop(self.webhooks.insert(webhook.key.clone(), *webhook)),
            Fact::Event(event) => {
                let of = self.events.entry(event.of.clone()).or_default();
                of.retain(|known| known.uid != event.uid);
                let at = of.partition_point(|known| known.at <= event.at);
                of.insert(at, *event);
                if of.len() > MAX_EVENTS {
                    of.remove(0);
                }
            }
        }
    }

    /// Removes an object.
    pub(crate) fn remove(&mut self, fact: Fact) {
        match fact {
            Fact::Account(account) => drop(self.accounts.remove(&account.key)),
            Fact::Set(set) => drop(self.sets.remove(&set.key)),
            Fact::Webhook(webhook) => drop(self.webhooks.remove(&webhook.key)),
            Fact::Event(event) => {
                if let Some(of) = self.events.get_mut(&event.of) {
                    of.retain(|known| known.uid != event.uid);
                    if of.is_empty() {
                        self.events.remove(&event.of);
                    }
                }
            }
        }
    }

    /// The last events of an object, the newest first.
    pub(crate) fn events(&self, uid: &str) -> impl Iterator<Item = &EventFacts> {
        self.events.get(uid).into_iter().flatten().rev()
    }

    /// The Webhooks of an account.
    pub(crate) fn webhooks_of<'a>(
        &'a self,
        account: &'a ObjectKey,
    ) -> impl Iterator<Item = &'a WebhookFacts> {
        self.webhooks.values().filter(move |webhook| webhook.account == *account)
    }

    /// The Webhooks that a set manages.
    pub(crate) fn webhooks_of_set<'a>(
        &'a self,
        set: &'a ObjectKey,
    ) -> impl Iterator<Item = &'a WebhookFacts> {
        self.webhooks.values().filter(move |webhook| webhook.set.as_ref() == Some(set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(namespace: &str, uid: &str, second: i64) -> Fact {
        let at = Timestamp::from_second(second).unwrap();
        let (of, namespace) = (format!("object in {namespace}"), namespace.into());
        let (reason, message) = ("Created".into(), String::new());
        Fact::Event(Box::new(EventFacts {
            of,
            namespace,
            uid: uid.into(),
            at,
            warning: false,
            reason,
            message,
        }))
    }

    fn seen(data: &Data, namespace: &str) -> Vec<i64> {
        data.events(&format!("object in {namespace}")).map(|event| event.at.as_second()).collect()
    }

    fn watched(kind: Kind, namespace: Option<&str>) -> Watched {
        Watched { kind, namespace: namespace.map(str::to_owned) }
    }

    #[test]
    fn the_newest_events_of_an_object_are_kept_in_order() {
        let mut data = Data::default();
        for second in [3, 1, 2] {
            data.upsert(event("shop", &second.to_string(), second));
        }
        assert_eq!(seen(&data, "shop"), [3, 2, 1]);
        data.upsert(event("shop", "1", 4));
        assert_eq!(seen(&data, "shop"), [4, 3, 2], "an event that happened again is not listed twice");
        (10..40).for_each(|second| data.upsert(event("shop", &second.to_string(), second)));
        assert_eq!((seen(&data, "shop").len(), seen(&data, "shop")[0]), (MAX_EVENTS, 39));
        (0..40).for_each(|second| data.remove(event("shop", &second.to_string(), second)));
        assert!(data.events.is_empty());
    }

    #[test]
    fn a_list_replaces_the_objects_of_its_namespace() {
        let mut data = Data::default();
        data.upsert(event("shop", "1", 1));
        data.upsert(event("stock", "2", 2));
        data.replace(&watched(Kind::Events, Some("shop")), vec![event("shop", "3", 3)]);
        assert_eq!((seen(&data, "shop"), seen(&data, "stock")), (vec![3], vec![2]));
        data.replace(&watched(Kind::Events, None), Vec::new());
        assert!(data.events.is_empty());
    }

    #[test]
    fn what_is_shown_was_true_until_the_first_failure() {
        let problem = || Problem { forbidden: false, message: "away".into() };
        let at = |second| Timestamp::from_second(second).unwrap();
        let webhooks = watched(Kind::Webhooks, None);
        let mut data = Data::default();
        data.begin(webhooks.clone());
        data.fail(&webhooks, problem(), at(1));
        let source = |data: &Data| data.sources[&webhooks].clone();
        assert_eq!(source(&data), Source::Failed { problem: problem(), true_until: None });
        data.replace(&webhooks, Vec::new());
        assert_eq!(source(&data), Source::Live);
        data.fail(&webhooks, problem(), at(5));
        data.fail(&webhooks, problem(), at(9));
        assert_eq!(source(&data), Source::Failed { problem: problem(), true_until: Some(at(5)) });
        assert_eq!(data.sources().count(), 1);
    }
}
