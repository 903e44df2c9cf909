//! One account's worker: waits for an alarm or for its time, gathers what came together, runs a pass.

use super::ClusterContext;
use super::cache::{Cache, Indexes};
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

/// A burst of changes is one pass: it starts when nothing more has come for this long,
const QUIET: Duration = Duration::from_millis(50);
/// and at the latest this long after the first.
const BURST: Duration = Duration::from_millis(400);
/// A pass that takes longer, the wait for permits not counted, hangs: its slice is ten seconds, and no request takes longer than a
/// minute and a half.
const PASS_DEADLINE: Duration = Duration::from_secs(240);
/// After a pass that panicked or hung, the account is tried again by itself after this long.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Wakes a worker.
#[derive(Clone, Default)]
pub(super) struct Alarm(Arc<Bell>);

#[derive(Default)]
struct Bell {
    notify: Notify,
    dependency_changed: AtomicBool,
    ended: AtomicBool,
}

impl Alarm {
    /// Something changed.
    pub(super) fn ring(&self, dependency_changed: bool) {
        if dependency_changed {
            self.0.dependency_changed.store(true, Ordering::Release);
        }
        self.0.notify.notify_one();
    }

    /// There is nothing more to do, ever.
    pub(super) fn end(&self) {
        self.0.ended.store(true, Ordering::Release);
        self.0.notify.notify_one();
    }

    /// Comes back after the time, or, once a burst is over, when it rang; false when it is the end.
    pub(super) async fn wait(&self, after: Duration) -> bool {
        self.rings(after).await;
        !self.ended()
    }

    /// Whether it rings within the time; comes back when the burst is over.
    async fn rings(&self, within: Duration) -> bool {
        let rang = timeout(within, self.0.notify.notified()).await.is_ok();
        if rang {
            let first = Instant::now();
            while first.elapsed() < BURST
                && !self.ended()
                && timeout(QUIET, self.0.notify.notified()).await.is_ok()
            {}
        }
        rang
    }

    fn ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    fn take_dependency_changed(&self) -> bool {
        self.0.dependency_changed.swap(false, Ordering::AcqRel)
    }
}

pub(super) struct Worker {
    pub(super) key: ObjectKey,
    pub(super) alarm: Alarm,
    pub(super) context: Arc<ClusterContext>,
    pub(super) cache: Arc<Cache>,
    pub(super) indexes: Indexes,
    pub(super) registry: Arc<Registry>,
}

impl Worker {
    pub(super) async fn run(self, patience: GracePeriod) {
        let cache = Arc::clone(&self.cache);
        let peers = Peers::new(Arc::clone(&self.registry), Box::new(move |account| cache.peers_of(account)));
        let peers = Arc::new(peers);
        let mut memory = AccountState::new(patience).with_peers(Arc::clone(&peers));
        let mut after = Duration::MAX;
        while self.alarm.wait(after).await {
            let queue = memory.queue();
            let pass = AssertUnwindSafe(self.pass(&mut memory, &peers)).catch_unwind();
            after = tokio::select! {
                done = pass => done.unwrap_or_else(|_| self.failed("a pass panicked; please report it")),
                () = queue.elapsed_beside(PASS_DEADLINE) => self.failed("a pass hung and was given up"),
            };
        }
        // Not before its last pass, which would tell of it again.
        self.context.metrics.forget(&self.key);
        self.registry.forget(&self.key);
    }

    async fn pass(&self, memory: &mut AccountState, peers: &Peers) -> Duration {
        let Some(account) = self.cache.account(&self.key) else {
            return Duration::MAX;
        };
        let known = Arc::clone(&account);
        let dependency_changed = self.alarm.take_dependency_changed();
        let read_webhooks = || {
            let (allowed, not_allowed) = self.cache.webhooks_of(&known);
            Webhooks { allowed, not_allowed }
        };
        let input = Input { account, read_webhooks: &read_webhooks, dependency_changed };
        let depends = |wanted| self.indexes.dependents.set(&self.key, wanted);
        let after = pass::run(&self.context, memory, input, &depends).await;
        // Before it is looked at, so that no change is missed.
        self.indexes.waiting.set(&self.key, peers.waits_for());
        if peers.have_moved(&known) {
            self.alarm.ring(false);
        }
        set_gauges(memory, &known, &self.context.metrics);
        after
    }

    /// The next pass has to go by the values of Secrets and ConfigMaps again, as this one may have missed a change.
    fn failed(&self, what: &str) -> Duration {
        self.alarm.0.dependency_changed.store(true, Ordering::Release);
        tracing::error!(account = %self.key, "{what}");
        self.context.metrics.broke(&self.key);
        AFTER_FAILURE
    }
}
