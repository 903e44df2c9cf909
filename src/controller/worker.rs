//! The worker of one account: waits for a wake-up or its requeue time, collects a burst of changes, and runs a pass.

use super::ClusterContext;
use super::cache::Cache;
use super::indexes::Indexes;
use crate::api::ObjectKey;
use crate::engine::pass::{self, Input, Webhooks};
use crate::engine::state::account::AccountState;
use crate::engine::state::creates::GracePeriod;
use crate::engine::state::peers::{Peers, Registry};
use crate::engine::status::gauges::set_gauges;
use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// A burst of changes becomes one pass, which starts when no change has come for this long,
const DEBOUNCE: Duration = Duration::from_millis(50);
/// and at the latest this long after the first change.
const MAX_DEBOUNCE: Duration = Duration::from_millis(400);
/// A pass that takes longer hangs, the wait for permits not counted: it works for ten seconds, and the longest request takes
/// 90 seconds.
const PASS_DEADLINE: Duration = Duration::from_secs(240);
/// Delay of the next pass after one that panicked or hung.
const FAILURE_RETRY: Duration = Duration::from_secs(30);

/// Wakes a worker. Wake-ups that come while the worker is busy are merged into one. Clones wake the same worker.
#[derive(Clone, Default)]
pub(super) struct WakeUp(Arc<Signal>);

#[derive(Default)]
struct Signal {
    notify: Notify,
    dependency_changed: AtomicBool,
    stopped: AtomicBool,
}

impl WakeUp {
    /// Wakes the worker. `dependency_changed`: a Secret or ConfigMap has changed.
    pub(super) fn notify(&self, dependency_changed: bool) {
        if dependency_changed {
            self.0.dependency_changed.store(true, Ordering::Release);
        }
        self.0.notify.notify_one();
    }

    /// Tells the worker to end.
    pub(super) fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.notify.notify_one();
    }

    /// Waits for `after`, or for a wake-up and the end of its burst. Returns false if the worker is to end.
    pub(super) async fn wait(&self, after: Duration) -> bool {
        if timeout(after, self.0.notify.notified()).await.is_ok() {
            let first = Instant::now();
            while first.elapsed() < MAX_DEBOUNCE
                && !self.is_stopped()
                && timeout(DEBOUNCE, self.0.notify.notified()).await.is_ok()
            {}
        }
        !self.is_stopped()
    }

    fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    fn take_dependency_changed(&self) -> bool {
        self.0.dependency_changed.swap(false, Ordering::AcqRel)
    }
}

/// Reconciles one account, one pass at a time.
pub(super) struct AccountWorker {
    pub(super) key: ObjectKey,
    pub(super) wake_up: WakeUp,
    pub(super) context: Arc<ClusterContext>,
    pub(super) cache: Arc<Cache>,
    pub(super) indexes: Indexes,
    pub(super) registry: Arc<Registry>,
}

impl AccountWorker {
    pub(super) async fn run(self, grace_period: GracePeriod) {
        let cache = Arc::clone(&self.cache);
        let peers = Peers::new(Arc::clone(&self.registry), Box::new(move |account| cache.peers_of(account)));
        let peers = Arc::new(peers);
        let mut state = AccountState::new(grace_period).with_peers(Arc::clone(&peers));
        let mut after = Duration::MAX;
        while self.wake_up.wait(after).await {
            let queue = state.queue();
            // On the heap, as it takes ten kilobytes, which each idle account would otherwise keep.
            let pass = AssertUnwindSafe(Box::pin(self.pass(&mut state, &peers))).catch_unwind();
            after = tokio::select! {
                done = pass => done.unwrap_or_else(|_| self.pass_failed("a pass panicked; please report it")),
                () = queue.elapsed_beside(PASS_DEADLINE) => self.pass_failed("a pass hung and was cancelled"),
            };
        }
        // Only after the last pass, which would set them again.
        self.context.metrics.remove_account(&self.key);
        self.registry.forget(&self.key);
    }

    /// Runs a pass and returns the delay until the next one.
    async fn pass(&self, state: &mut AccountState, peers: &Peers) -> Duration {
        let Some(account) = self.cache.account(&self.key) else {
            return Duration::MAX;
        };
        let cached = Arc::clone(&account);
        let dependency_changed = self.wake_up.take_dependency_changed();
        let read_webhooks = || {
            let (allowed, not_allowed) = self.cache.webhooks_of(&cached);
            Webhooks { allowed, not_allowed }
        };
        let input = Input { account, read_webhooks: &read_webhooks, dependency_changed };
        let set_dependencies = |named| self.indexes.dependents.set(&self.key, named);
        let after = pass::run(&self.context, state, input, &set_dependencies).await;
        // Registered before the check below, so that no change is missed.
        self.indexes.waiting.set(&self.key, peers.waits_for());
        if peers.have_moved(&cached) {
            self.wake_up.notify(false);
        }
        set_gauges(state, &cached, &self.context.metrics);
        after
    }

    /// Reports a pass that did not return. The next one compares Secrets and ConfigMaps again, because this one may have
    /// consumed the notice of a change.
    fn pass_failed(&self, message: &str) -> Duration {
        self.wake_up.0.dependency_changed.store(true, Ordering::Release);
        tracing::error!(account = %self.key, "{message}");
        self.context.metrics.pass_failed(&self.key);
        FAILURE_RETRY
    }
}
