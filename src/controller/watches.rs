//! The tasks that follow the watches: each sends the triggers of its events, and reports why its watch fails.

use super::trigger::Trigger;
use super::watch_error::{self, WatchFailures};
use crate::api::NamespaceName;
use crate::telemetry::Health;
use futures::future::join_all;
use futures::{Stream, StreamExt};
use kube::Resource;
use kube::runtime::watcher::{self, Event};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The watches of a cache. They end when this is dropped.
pub(super) struct Watches {
    tasks: JoinSet<()>,
    /// Whether each watch has completed its initial list.
    synced: Vec<watch::Receiver<bool>>,
    /// Gets the errors of watches.
    failures: WatchFailures,
    /// Sends triggers to the controller.
    send: UnboundedSender<Trigger>,
}

impl Watches {
    /// Returns no watches yet, and what receives their triggers.
    pub(super) fn new(health: &Health) -> (Self, UnboundedReceiver<Trigger>) {
        let (send, triggers) = unbounded_channel();
        let failures = WatchFailures::new(health.clone());
        (Self { tasks: JoinSet::new(), synced: Vec::new(), failures, send }, triggers)
    }

    /// Spawns a task that follows a watch of the kind `K` and sends the triggers of its events. After a restart of the watch it sends
    /// [`Trigger::All`].
    pub(super) fn follow<K: Resource<DynamicType = ()>, T: Send + 'static>(
        &mut self,
        scope: Option<&NamespaceName>,
        events: impl Stream<Item = watcher::Result<Event<T>>> + Send + 'static,
        triggers: impl Fn(T) -> Vec<Trigger> + Send + 'static,
    ) {
        let (synced, is_synced) = watch::channel(false);
        self.synced.push(is_synced);
        let send = self.send.clone();
        let mut report = self.failures.report::<K>(scope);
        self.tasks.spawn(async move {
            let mut events = std::pin::pin!(events);
            while let Some(event) = events.next().await {
                let changes = match event {
                    Ok(Event::Apply(object) | Event::Delete(object)) => triggers(object),
                    // Finds dependencies that changed while the watch was down. Objects are compared once all are listed.
                    Ok(Event::InitApply(object)) => triggers(object)
                        .into_iter()
                        .filter(|trigger| matches!(trigger, Trigger::Dependency(_)))
                        .collect(),
                    Ok(Event::Init) => continue,
                    Ok(Event::InitDone) => {
                        synced.send_replace(true);
                        vec![Trigger::All]
                    }
                    Err(error) => {
                        report.failed(watch_error::explain::<K>(&error));
                        continue;
                    }
                };
                report.recovered();
                for change in changes {
                    // The receiver is gone when the process ends.
                    let _ = send.send(change);
                }
            }
        });
    }

    /// Waits until every watch has completed its initial list.
    pub(super) async fn synced(&self) {
        join_all(self.synced.iter().map(|synced| {
            let mut synced = synced.clone();
            async move {
                let _ = synced.wait_for(|synced| *synced).await;
            }
        }))
        .await;
    }
}
