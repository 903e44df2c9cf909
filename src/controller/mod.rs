//! The controller: watches wake one worker per account, and each worker runs passes.
//!
//! kube's `Controller` is not used: it looks objects up in a single store, which cannot span several named namespaces, it
//! has no requeue time per account, and a panic in a reconcile ends it. With one worker per account, passes over one account
//! never overlap, `concurrency` bounds how many run at once, and a panic or a hanging request affects one pass of one account.

mod cache;
mod dependents;
mod indexes;
mod leader;
mod orphans;
mod remote_accounts;
mod set_reader;
mod sets;
mod streams;
mod tenants;
mod trigger;
mod watch_error;
mod watches;
mod webhook_store;
mod worker;

use crate::api::{Mode, NamespaceName, ObjectKey, ObjectName};
use crate::engine::cluster::secrets::KubeSecretReader;
use crate::engine::cluster::values::ValueBudget;
use crate::engine::cluster::writer::KubeWriter;
use crate::engine::limiter::PassLimiter;
use crate::engine::pass::Context;
use crate::engine::state::creates::GracePeriod;
use crate::engine::state::peers::Registry;
use crate::telemetry::{Health, Metrics};
use crate::vendor::{AllowedEndpoints, AnswerMemory, Settings};
use cache::Cache;
use indexes::Indexes;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use leader::{LeaderElector, LeadershipFence};
use sets::SetWorkers;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use trigger::Trigger;
use worker::{AccountWorker, WakeUp};

/// How long running passes may take to end after a stop signal.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(25);

/// How long running exchanges of OAuth tokens may take to end after the last pass.
const TOKEN_REFRESH_GRACE: Duration = Duration::from_secs(4);

/// How the controller runs.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The namespaces to manage; all if empty.
    pub(crate) namespaces: Vec<NamespaceName>,
    /// Label selector of the accounts to manage; all if none.
    pub(crate) account_selector: Option<String>,
    /// Whether a change of a Secret starts a pass; otherwise the next pass sees it.
    pub(crate) watch_secrets: bool,
    /// Upper limit of every account's mode.
    pub(crate) ceiling: Mode,
    /// How many accounts are reconciled at once.
    pub(crate) concurrency: usize,
    /// How long a create with an unknown outcome may still be committed.
    pub(crate) grace_period: GracePeriod,
    /// Allowed endpoints besides the vendors' own.
    pub(crate) allowed: AllowedEndpoints,
    /// The memory budget that vendor responses share.
    pub(crate) answer_memory: AnswerMemory,
    /// The name of this process in events and the Lease.
    pub(crate) instance: String,
    /// The namespace of the Lease; none without leader election.
    pub(crate) leader_elect: Option<NamespaceName>,
}

/// The context of passes in a cluster.
pub(crate) type ClusterContext = Context<KubeSecretReader, KubeWriter>;

/// Runs until `stop` is true, then lets running passes end. Fails if the Lease is lost.
pub(crate) async fn run(
    client: Client,
    options: Options,
    health: Health,
    metrics: Metrics,
    stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let fence = LeadershipFence::default();
    let context = Arc::new(context(&client, &options, &fence, &metrics));
    let ended = Controller { client, options, health, stop }.run(fence, &context).await;
    if tokio::time::timeout(TOKEN_REFRESH_GRACE, context.settings.token_exchanges_done()).await.is_err() {
        tracing::error!(
            "an exchange of OAuth tokens did not end in time; if the next login is refused, authorise the app again"
        );
    }
    ended
}

/// The controller of this process.
struct Controller {
    client: Client,
    options: Options,
    health: Health,
    /// Becomes true when the process is to end.
    stop: watch::Receiver<bool>,
}

impl Controller {
    /// Runs passes, with leader election as long as this process is the leader. Fails if the Lease is lost.
    async fn run(&self, fence: LeadershipFence, context: &Arc<ClusterContext>) -> Result<(), String> {
        let Some(namespace) = &self.options.leader_elect else {
            self.run_workers(context).await;
            return Ok(());
        };
        let name = leader::lease_name(&self.options.namespaces, self.options.account_selector.as_deref());
        let lease = ObjectName::new(namespace.as_str(), &name).map_err(|error| error.to_string())?;
        let mut elector = LeaderElector::new(&self.client, &lease, self.options.instance.clone(), fence);
        let Some(lease) = self.wait_for_leadership(&mut elector).await else { return Ok(()) };
        tokio::select! {
            () = self.run_workers(context) => {}
            // Running passes are cancelled: another process may be the leader already.
            reason = elector.renew(lease) => return Err(reason),
        }
        elector.release().await;
        Ok(())
    }

    /// Waits until this process is the leader; returns `None` if it is to stop before. A standby fills caches to show that it
    /// has the rights to. The leader reads all objects again, because a watch may lag behind what the last leader wrote.
    async fn wait_for_leadership(&self, elector: &mut LeaderElector) -> Option<Lease> {
        let mut stop = self.stop.clone();
        let indexes = Indexes::default();
        let (cache, mut triggers) = Cache::start(&self.client, &self.options, &indexes, &self.health);
        let ready = async {
            cache.synced().await;
            self.health.set_ready();
            tracing::info!("caches synced; waiting for leadership");
            while triggers.recv().await.is_some() {}
        };
        tokio::select! {
            lease = elector.acquire() => Some(lease),
            () = ready => None,
            _ = stop.wait_for(|stop| *stop) => None,
        }
    }

    /// Runs a worker for each account and each set until the process is to stop, then lets running passes over accounts end.
    async fn run_workers(&self, context: &Arc<ClusterContext>) {
        context.metrics.set_leader(true);
        let mut stop = self.stop.clone();
        let indexes = Indexes::default();
        let (cache, mut triggers) = Cache::start(&self.client, &self.options, &indexes, &self.health);
        tokio::select! {
            () = cache.synced() => self.health.set_ready(),
            _ = stop.wait_for(|stop| *stop) => return,
        }
        tracing::info!(accounts = cache.accounts().len(), webhooks = cache.webhook_count(), "caches synced");
        let (cache, orphans) = (Arc::new(cache), WakeUp::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(watch_error::check_server_version(self.client.clone()));
        let options = self.options.clone();
        tasks.spawn(orphans::watch(Arc::clone(context), Arc::clone(&cache), options, orphans.clone()));
        let mut sets = SetWorkers::new(context, Arc::clone(&cache), &indexes);
        let mut workers = Workers {
            grace_period: self.options.grace_period,
            wake_ups: HashMap::new(),
            tasks: JoinSet::new(),
            context: Arc::clone(context),
            cache,
            indexes,
            registry: Arc::default(),
            orphans,
        };
        sets.handle(&Trigger::All);
        workers.handle(Trigger::All);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                // Reaps workers whose accounts are gone.
                Some(_) = workers.tasks.join_next() => {}
                Some(()) = sets.reap() => {}
                trigger = triggers.recv() => match trigger {
                    Some(trigger) => {
                        sets.handle(&trigger);
                        workers.handle(trigger);
                    }
                    None => break,
                },
            }
        }
        context.stopping.store(true, Ordering::Relaxed);
        tracing::info!("stopping: waiting for running steps");
        workers.shutdown().await;
    }
}

/// Builds the context that all passes of this process share.
fn context(client: &Client, options: &Options, fence: &LeadershipFence, metrics: &Metrics) -> ClusterContext {
    let report = metrics.clone();
    let mut settings = Settings::new(options.allowed.clone(), move |call| report.record_request(call))
        .with_timeout(options.grace_period.longest_request)
        .with_answer_memory(options.answer_memory.clone());
    if options.leader_elect.is_some() {
        let fence = fence.clone();
        settings = settings.while_leading(move || fence.is_open());
    }
    Context {
        secrets: KubeSecretReader::new(client.clone(), ValueBudget::default()),
        writer: KubeWriter::new(client.clone(), options.instance.clone()),
        settings,
        ceiling: options.ceiling,
        dry_run: false,
        stateless: false,
        metrics: metrics.clone(),
        limiter: PassLimiter::new(options.concurrency),
        stopping: Arc::default(),
    }
}

/// The workers, one per account.
struct Workers {
    grace_period: GracePeriod,
    wake_ups: HashMap<ObjectKey, WakeUp>,
    tasks: JoinSet<()>,
    context: Arc<ClusterContext>,
    cache: Arc<Cache>,
    indexes: Indexes,
    /// Claims and writes of accounts that point to the same account at the vendor.
    registry: Arc<Registry>,
    /// Triggers the check for orphans.
    orphans: WakeUp,
}

impl Workers {
    /// Notifies the workers that a trigger concerns.
    fn handle(&mut self, trigger: Trigger) {
        match trigger {
            Trigger::Account(key) => {
                self.sync();
                self.notify(&key, false);
                self.orphans.notify(false);
            }
            Trigger::Webhook(key) => {
                self.notify(&key, false);
                self.orphans.notify(false);
            }
            Trigger::Dependency(key) => self.notify(&key, true),
            Trigger::Set(_) | Trigger::Tenants => {}
            Trigger::All => {
                self.sync();
                self.notify_all();
                self.orphans.notify(false);
            }
        }
    }

    /// Starts workers for new accounts, and stops those of accounts that are gone.
    fn sync(&mut self) {
        for key in self.cache.account_keys() {
            if self.wake_ups.contains_key(&key) {
                continue;
            }
            let wake_up = WakeUp::default();
            wake_up.notify(false);
            let worker = AccountWorker {
                key: key.clone(),
                wake_up: wake_up.clone(),
                context: Arc::clone(&self.context),
                cache: Arc::clone(&self.cache),
                indexes: self.indexes.clone(),
                registry: Arc::clone(&self.registry),
            };
            self.tasks.spawn(worker.run(self.grace_period));
            self.wake_ups.insert(key, wake_up);
        }
        let (cache, indexes) = (&self.cache, &self.indexes);
        self.wake_ups.retain(|key, wake_up| {
            let kept = cache.has_account(key);
            if !kept {
                wake_up.stop();
                indexes.remove_account(key);
            }
            kept
        });
    }

    fn notify(&self, key: &ObjectKey, dependency_changed: bool) {
        if let Some(wake_up) = self.wake_ups.get(key) {
            wake_up.notify(dependency_changed);
        }
    }

    fn notify_all(&self) {
        for wake_up in self.wake_ups.values() {
            wake_up.notify(false);
        }
    }

    /// Waits until all passes have ended, for [`SHUTDOWN_GRACE`] at most.
    async fn shutdown(mut self) {
        for wake_up in self.wake_ups.values() {
            wake_up.stop();
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_GRACE, all).await.is_err() {
            tracing::warn!("a pass did not end in time; the next start resolves its pending creates");
        }
    }
}
