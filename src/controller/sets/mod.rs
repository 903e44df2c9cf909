//! WebhookSets: one worker a set, which writes Webhooks and calls no vendor. The decisions are in `crate::set`.

mod execute;
mod pace;
mod pass;
#[cfg(test)]
mod simulation;
mod state;
mod window;

use super::ClusterContext;
use super::cache::Cache;
use super::dependents::Dependents;
use super::indexes::Indexes;
use super::trigger::Trigger;
use super::worker::WakeUp;
use crate::api::ObjectKey;
use crate::engine::cluster::writer::KubeWriter;
use crate::telemetry::Metrics;
use futures::FutureExt as _;
use pace::Pace;
use state::SetState;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Concurrent writes of members over all sets.
const MAX_CONCURRENT_WRITES: usize = 32;
/// Writes of members in one pass. The next pass, which follows at once, makes the others: however large a set is, its passes are short,
/// and other sets have their turns.
const MAX_WRITES_PER_PASS: usize = 200;
/// Sets that are reconciled at a time. Each pass holds the declarations of all members of its set, which for a hundred sets of a thousand
/// members would be several times as large as everything else.
const MAX_CONCURRENT_PASSES: usize = 4;
/// A pass over a set that takes longer hangs.
const PASS_DEADLINE: Duration = Duration::from_secs(240);
/// Delay of the next pass after one that panicked or hung.
const FAILURE_RETRY: Duration = Duration::from_secs(30);

/// The workers, one per set.
pub(super) struct SetWorkers {
    wake_ups: HashMap<ObjectKey, WakeUp>,
    tasks: JoinSet<()>,
    shared: Arc<Shared<Cache, KubeWriter>>,
}

/// What all workers share.
struct Shared<C, W> {
    cache: Arc<C>,
    writer: W,
    metrics: Metrics,
    /// Webhooks that have the names of a set's members, whether they exist or not.
    members: Arc<Dependents<ObjectKey>>,
    /// Bounds the concurrent writes of members.
    write_permits: Semaphore,
    /// The most writes of members in one pass.
    writes_per_pass: usize,
    /// Bounds the concurrent passes.
    pass_permits: Semaphore,
    /// Bounds the processor time of decisions.
    pace: Pace,
}

impl<C, W> Shared<C, W> {
    fn new(cache: Arc<C>, writer: W, metrics: Metrics, members: Arc<Dependents<ObjectKey>>) -> Self {
        Self {
            cache,
            writer,
            metrics,
            members,
            write_permits: Semaphore::new(MAX_CONCURRENT_WRITES),
            writes_per_pass: MAX_WRITES_PER_PASS,
            pass_permits: Semaphore::new(MAX_CONCURRENT_PASSES),
            pace: Pace::new(),
        }
    }
}

impl SetWorkers {
    pub(super) fn new(context: &ClusterContext, cache: Arc<Cache>, indexes: &Indexes) -> Self {
        let members = Arc::clone(&indexes.members);
        let shared = Shared::new(cache, context.writer.clone(), context.metrics.clone(), members);
        let shared = Arc::new(shared);
        Self { wake_ups: HashMap::new(), tasks: JoinSet::new(), shared }
    }

    /// Notifies the workers that a trigger concerns.
    pub(super) fn handle(&mut self, trigger: &Trigger) {
        match trigger {
            Trigger::Set(key) => {
                self.sync();
                self.notify(key);
            }
            Trigger::Tenants => self.notify_all(),
            Trigger::All => {
                self.sync();
                self.notify_all();
            }
            Trigger::Account(_) | Trigger::Webhook(_) | Trigger::Dependency(_) => {}
        }
    }

    /// Starts workers for new sets, and stops those of sets that are gone.
    fn sync(&mut self) {
        let keys = self.shared.cache.set_keys();
        for key in &keys {
            if !self.wake_ups.contains_key(key) {
                let wake_up = WakeUp::default();
                wake_up.notify(false);
                self.tasks.spawn(run(key.clone(), wake_up.clone(), Arc::clone(&self.shared)));
                self.wake_ups.insert(key.clone(), wake_up);
            }
        }
        self.wake_ups.retain(|key, wake_up| {
            let kept = keys.contains(key);
            if !kept {
                wake_up.stop();
            }
            kept
        });
    }

    /// Notifies the worker of a set.
    fn notify(&self, key: &ObjectKey) {
        if let Some(wake_up) = self.wake_ups.get(key) {
            wake_up.notify(false);
        }
    }

    /// Notifies all workers.
    fn notify_all(&self) {
        for wake_up in self.wake_ups.values() {
            wake_up.notify(false);
        }
    }

    /// Reaps workers whose sets are gone.
    pub(super) async fn reap(&mut self) -> Option<()> {
        self.tasks.join_next().await.map(|_| ())
    }
}

/// Reconciles one set, one pass at a time.
async fn run(key: ObjectKey, wake_up: WakeUp, shared: Arc<Shared<Cache, KubeWriter>>) {
    let mut state = SetState::default();
    let mut after = Duration::MAX;
    while wake_up.wait(after).await {
        // Before the pass, so that the wait does not count towards its deadline.
        let permit = shared.pass_permits.acquire().await;
        let pass = AssertUnwindSafe(pass::run(&shared, &key, &mut state)).catch_unwind();
        after = match tokio::time::timeout(PASS_DEADLINE, pass).await {
            Ok(Ok(after)) => after,
            Ok(Err(_)) => failed(&key, "a pass over a set panicked; please report it"),
            Err(_) => failed(&key, "a pass over a set hung and was cancelled"),
        };
        drop(permit);
    }
    // Only after the last pass, which would register them again.
    shared.members.remove_account(&key);
    shared.metrics.remove_set(&key);
}

fn failed(key: &ObjectKey, message: &str) -> Duration {
    tracing::error!(set = %key, "{message}");
    FAILURE_RETRY
}
