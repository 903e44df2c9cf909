//! The controller: watches wake one worker per account, and each worker runs passes.
//!
//! kube's `Controller` is not used: it looks objects up in a single store, which cannot span several named namespaces, it
//! has no requeue time per account, and a panic in a reconcile ends it. With one worker per account, passes over one account
//! never overlap, `concurrency` bounds how many run at once, and a panic or a hanging request affects one pass of one account.

mod cache;
mod dependents;
mod leader;
mod orphans;
mod remote_accounts;
mod sets;
mod tenants;
mod watch_error;
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
use cache::{Cache, Indexes, Trigger};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use leader::{LeaderElector, LeadershipFence};
use sets::SetWorkers;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
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
    let ended = reconcile(client, options, health, fence, &context, stop).await;
    if tokio::time::timeout(TOKEN_REFRESH_GRACE, context.settings.token_exchanges_done()).await.is_err() {
        tracing::error!(
            "an exchange of OAuth tokens did not end in time; the app may have to be authorised again"
        );
    }
    ended
}

/// Runs passes until `stop` is true or the Lease is lost.
async fn reconcile(
    client: Client,
    options: Options,
    health: Health,
    fence: LeadershipFence,
    context: &Arc<ClusterContext>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let stopping = Arc::clone(&context.stopping);
    let indexes = Indexes::default();
    let lease = |namespace: &NamespaceName| {
        let name = leader::lease_name(&options.namespaces, options.account_selector.as_deref());
        ObjectName::new(namespace.as_str(), &name).map_err(|error| error.to_string())
    };
    let lease = options.leader_elect.as_ref().map(lease).transpose()?;
    let mut elector = lease.map(|lease| LeaderElector::new(&client, &lease, options.instance.clone(), fence));
    let mut led = None;
    if let Some(elector) = &mut elector {
        led = wait_for_leadership(elector, &client, &options, &health, &mut stop).await;
        if led.is_none() {
            return Ok(());
        }
    }
    context.metrics.set_leader(true);
    let (send, mut triggers) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let cache = Arc::new(Cache::start(&client, &options, &indexes, &send, &health, &mut tasks));
    let lost = async {
        match (&elector, led) {
            (Some(elector), Some(lease)) => elector.renew(lease).await,
            _ => std::future::pending().await,
        }
    };
    let mut lost = std::pin::pin!(lost);
    tokio::select! {
        () = cache.synced() => health.set_ready(),
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
        reason = &mut lost => return Err(reason),
    }
    tracing::info!(accounts = cache.accounts().len(), webhooks = cache.webhook_count(), "caches synced");
    let mut workers = Workers {
        grace_period: options.grace_period,
        wake_ups: HashMap::new(),
        tasks: JoinSet::new(),
        context: Arc::clone(context),
        cache: Arc::clone(&cache),
        indexes: indexes.clone(),
        registry: Arc::default(),
    };
    let mut sets = SetWorkers::new(Arc::clone(context), Arc::clone(&cache), indexes);
    tasks.spawn(watch_error::check_server_version(client.clone()));
    let orphans = WakeUp::default();
    tasks.spawn(orphans::watch(Arc::clone(context), Arc::clone(&cache), options, orphans.clone()));
    workers.sync();
    sets.sync();
    orphans.notify(false);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            // Running passes are cancelled: another process may be the leader already.
            reason = &mut lost => return Err(reason),
            // Reaps workers whose accounts are gone.
            Some(_) = workers.tasks.join_next() => {}
            Some(()) = sets.reap() => {}
            event = triggers.recv() => match event {
                Some(Trigger::Account(key)) => {
                    workers.sync();
                    workers.notify(&key, false);
                    orphans.notify(false);
                }
                Some(Trigger::Webhook(key)) => {
                    workers.notify(&key, false);
                    orphans.notify(false);
                }
                Some(Trigger::Dependency(key)) => workers.notify(&key, true),
                Some(Trigger::Set(key)) => {
                    sets.sync();
                    sets.notify(&key);
                }
                Some(Trigger::Tenants) => sets.notify_all(),
                Some(Trigger::All) => {
                    workers.sync();
                    workers.notify_all();
                    sets.sync();
                    sets.notify_all();
                    orphans.notify(false);
                }
                None => break,
            },
        }
    }
    stopping.store(true, Ordering::Relaxed);
    tracing::info!("stopping: waiting for running steps");
    tokio::select! {
        () = workers.shutdown() => {}
        reason = &mut lost => return Err(reason),
    }
    if let Some(elector) = &elector {
        elector.release().await;
    }
    Ok(())
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

/// Waits until this process is the leader; returns `None` if it is to stop before. A standby fills caches to show that it
/// has the rights to. The leader reads all objects again, because a watch may lag behind what the last leader wrote.
async fn wait_for_leadership(
    elector: &mut LeaderElector,
    client: &Client,
    options: &Options,
    health: &Health,
    stop: &mut watch::Receiver<bool>,
) -> Option<Lease> {
    let mut tasks = JoinSet::new();
    let (send, mut triggers) = mpsc::unbounded_channel();
    let cache = Cache::start(client, options, &Indexes::default(), &send, health, &mut tasks);
    let ready = async {
        cache.synced().await;
        health.set_ready();
        tracing::info!("caches synced; waiting for leadership");
        while triggers.recv().await.is_some() {}
    };
    tokio::select! {
        lease = elector.acquire() => Some(lease),
        () = ready => None,
        _ = stop.wait_for(|stop| *stop) => None,
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
}

impl Workers {
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
            tracing::warn!("a pass did not end in time; the next start resolves what it left pending");
        }
    }
}
