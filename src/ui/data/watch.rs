//! Watches that fill the store. A page reads the store only.
//!
//! A watch that fails is begun again from a new list, not continued: kube's watcher says nothing when it has recovered without
//! an event, so that a page could not tell since when its data is current.

use super::facts::{AccountFacts, EventFacts, WebhookFacts};
use super::problem::{Viewer, explain};
use super::set_facts::SetFacts;
use super::store::{Fact, Kind, Store, Watched};
use crate::api::{NamespaceName, StoredWebhook, VendorAccount, WebhookSet};
use crate::engine::clock::{jittered, timestamp};
use crate::engine::cluster::objects::in_namespace;
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Event as CoreEvent;
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;
use tokio::task::JoinSet;

/// The pause after the first failure, which doubles up to
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// the longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// hooktender's name in the events that it makes.
const OUR_EVENTS: &str = "reportingComponent=hooktender.dev/controller";

/// What to watch, and with whose rights.
#[derive(Clone)]
pub(crate) struct Watches {
    pub(crate) client: Client,
    /// The namespaces to watch; all if empty.
    pub(crate) namespaces: Vec<NamespaceName>,
    /// Label selector of the accounts; all if none.
    pub(crate) account_selector: Option<String>,
    pub(crate) viewer: Viewer,
}

impl Watches {
    /// Starts the watches as tasks, which fill the store.
    pub(crate) fn start(&self, store: &Store, tasks: &mut JoinSet<()>) {
        if self.namespaces.is_empty() {
            self.start_in(None, store, tasks);
        }
        for namespace in &self.namespaces {
            self.start_in(Some(namespace), store, tasks);
        }
    }

    fn start_in(&self, scope: Option<&NamespaceName>, store: &Store, tasks: &mut JoinSet<()>) {
        let selected = match &self.account_selector {
            Some(labels) => watcher::Config::default().labels(labels),
            None => watcher::Config::default(),
        };
        let watch = |kind, config| Watch { kind, config, scope: scope.cloned(), store: store.clone() };
        tasks.spawn(
            watch(Kind::Accounts, selected).follow::<DeserializeGuard<VendorAccount>>(self, |account| {
                account.0.ok().map(|account| Fact::Account(Box::new(AccountFacts::new(account))))
            }),
        );
        let all = watcher::Config::default();
        tasks.spawn(watch(Kind::Sets, all).follow::<DeserializeGuard<WebhookSet>>(self, |set| {
            set.0.ok().map(|set| Fact::Set(Box::new(SetFacts::new(set))))
        }));
        tasks.spawn(
            watch(Kind::Webhooks, watcher::Config::default()).follow::<StoredWebhook>(self, |webhook| {
                webhook.0.ok().map(|webhook| Fact::Webhook(Box::new(WebhookFacts::new(webhook))))
            }),
        );
        let ours = watcher::Config::default().fields(OUR_EVENTS);
        tasks.spawn(watch(Kind::Events, ours).follow::<CoreEvent>(self, |event| {
            EventFacts::new(event).map(|event| Fact::Event(Box::new(event)))
        }));
    }
}

/// One watch.
struct Watch {
    kind: Kind,
    config: watcher::Config,
    /// None for all namespaces.
    scope: Option<NamespaceName>,
    store: Store,
}

impl Watch {
    /// Follows the watch for ever. `fact` takes what a page needs of an object; none of one that cannot be read.
    fn follow<K>(
        self,
        settings: &Watches,
        fact: fn(K) -> Option<Fact>,
    ) -> impl Future<Output = ()> + Send + use<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let viewer = settings.viewer;
        let api: Api<K> = match &self.scope {
            Some(namespace) => in_namespace(&settings.client, namespace),
            None => Api::all(settings.client.clone()),
        };
        let namespace = self.scope.as_ref().map(ToString::to_string);
        let watched = Watched { kind: self.kind, namespace };
        self.store.write(|data| data.begin(watched.clone()));
        async move {
            let (plural, group) = (K::plural(&()), K::group(&()));
            let what = if group.is_empty() { plural.into_owned() } else { format!("{plural}.{group}") };
            let mut pause = FIRST_PAUSE;
            loop {
                let events = watcher(api.clone(), self.config.clone());
                let (was_live, error) = run(events, &watched, &self.store, fact).await;
                if let Some(error) = error {
                    let problem = explain(&error, &what, watched.namespace.as_deref(), viewer);
                    tracing::debug!(kind = watched.kind.name(), "watch failed: {}", problem.message);
                    self.store.write(|data| data.fail(&watched, problem, timestamp()));
                }
                if was_live {
                    pause = FIRST_PAUSE;
                }
                tokio::time::sleep(jittered(pause, 0.8..=1.2)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Runs one watch until it fails. Returns whether it has listed all objects before, and the error.
async fn run<K>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
    watched: &Watched,
    store: &Store,
    fact: fn(K) -> Option<Fact>,
) -> (bool, Option<watcher::Error>) {
    let mut events = std::pin::pin!(events);
    let (mut listed, mut live) = (Vec::new(), false);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(object)) => listed.extend(fact(object)),
            Ok(Event::InitDone) => {
                let all = std::mem::take(&mut listed);
                store.write(|data| data.replace(watched, all));
                live = true;
            }
            Ok(Event::Apply(object)) => {
                store.write(|data| fact(object).into_iter().for_each(|fact| data.upsert(fact)));
            }
            Ok(Event::Delete(object)) => {
                store.write(|data| fact(object).into_iter().for_each(|fact| data.remove(fact)));
            }
            Err(error) => return (live, Some(error)),
        }
    }
    (live, None)
}
