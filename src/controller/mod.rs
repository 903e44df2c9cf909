//! The cluster front door: watches wake one worker an account, and each worker runs passes.
//!
//! Not kube's `Controller`: that one looks objects up in a single store, which cannot span several named namespaces, has
//! no waiting per account, and dies with a panic in a reconcile. A worker an account is less code than the way around
//! these: passes over one account never overlap, `concurrency` bounds how many run at once, and a panic or a hanging
//! request costs that account one pass and no other account anything.

mod cache;
mod dependents;
mod hooks;
mod leader;
mod obstacle;
mod orphans;
mod remote;
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
use cache::{Cache, Indexes, Woken};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use leader::{Candidate, Fence};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use worker::{Alarm, Worker};

/// How long the passes that are under way may take to end when the process is to end.
const FAREWELL: Duration = Duration::from_secs(25);

/// How long the exchanges of tokens that are under way may take to end then.
const EXCHANGES: Duration = Duration::from_secs(4);

/// How the controller runs.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The namespaces to look after; all if empty.
    pub(crate) namespaces: Vec<NamespaceName>,
    /// Labels of the accounts to look after; all if none.
    pub(crate) account_selector: Option<String>,
    /// Whether a change of a Secret starts a pass; the next pass sees it in any case.
    pub(crate) watch_secrets: bool,
    /// Ceiling of every account's mode.
    pub(crate) ceiling: Mode,
    /// How many accounts are worked on at once.
    pub(crate) concurrency: usize,
    /// How long vendors may take.
    pub(crate) patience: GracePeriod,
    /// Endpoints beside the vendors' own.
    pub(crate) allowed: AllowedEndpoints,
    /// The memory that vendors' answers share.
    pub(crate) answer_memory: AnswerMemory,
    /// Tells several hooktenders apart in events.
    pub(crate) instance: String,
    /// The namespace of the Lease, if only one of several processes is to work at a time.
    pub(crate) leader_elect: Option<NamespaceName>,
}

/// The context that this front door gives to passes.
pub(crate) type ClusterContext = Context<KubeSecretReader, KubeWriter>;

/// Runs until `stop` comes true, then lets the passes under way end. An error says why it had to stop before.
pub(crate) async fn run(
    client: Client,
    options: Options,
    health: Health,
    metrics: Metrics,
    stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let fence = Fence::default();
    let context = Arc::new(context(&client, &options, &fence, &metrics));
    let ended = reconcile(client, options, health, fence, &context, stop).await;
    if tokio::time::timeout(EXCHANGES, context.settings.token_exchanges_done()).await.is_err() {
        tracing::error!(
            "an exchange of OAuth tokens did not end in time; the app may have to be authorised again"
        );
    }
    ended
}

/// Runs passes until `stop` comes true or the Lease is lost.
async fn reconcile(
    client: Client,
    options: Options,
    health: Health,
    fence: Fence,
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
    let mut candidate = lease.map(|lease| Candidate::new(&client, &lease, options.instance.clone(), fence));
    let mut led = None;
    if let Some(candidate) = &mut candidate {
        led = stand_by(candidate, &client, &options, &health, &mut stop).await;
        if led.is_none() {
            return Ok(());
        }
    }
    context.metrics.leads(true);
    let (wake, mut woken) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let cache = Arc::new(Cache::start(&client, &options, &indexes, &wake, &health, &mut tasks));
    let lost = async {
        match (&candidate, led) {
            (Some(candidate), Some(lease)) => candidate.lead(lease).await,
            _ => std::future::pending().await,
        }
    };
    let mut lost = std::pin::pin!(lost);
    tokio::select! {
        () = cache.filled() => health.ready(),
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
        how = &mut lost => return Err(how),
    }
    tracing::info!(
        accounts = cache.accounts().len(),
        webhooks = cache.number_of_webhooks(),
        "caches are filled"
    );
    let mut workers = Workers {
        patience: options.patience,
        alarms: HashMap::new(),
        tasks: JoinSet::new(),
        context: Arc::clone(context),
        cache: Arc::clone(&cache),
        indexes,
        registry: Arc::default(),
    };
    tasks.spawn(obstacle::look_at_version(client.clone()));
    let orphans = Alarm::default();
    tasks.spawn(orphans::watch(Arc::clone(context), Arc::clone(&cache), options, orphans.clone()));
    workers.sync();
    orphans.ring(false);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            // Whatever is under way is broken off: somebody else may be at work already.
            how = &mut lost => return Err(how),
            // A worker whose account is gone has ended.
            Some(_) = workers.tasks.join_next() => {}
            event = woken.recv() => match event {
                Some(Woken::Account(key)) => {
                    workers.sync();
                    workers.ring(&key, false);
                    orphans.ring(false);
                }
                Some(Woken::Webhook(key)) => {
                    workers.ring(&key, false);
                    orphans.ring(false);
                }
                Some(Woken::Dependency(key)) => workers.ring(&key, true),
                Some(Woken::All) => {
                    workers.sync();
                    workers.ring_all();
                    orphans.ring(false);
                }
                None => break,
            },
        }
    }
    stopping.store(true, Ordering::Relaxed);
    tracing::info!("stopping: the steps under way are brought to their end");
    tokio::select! {
        () = workers.farewell() => {}
        how = &mut lost => return Err(how),
    }
    if let Some(candidate) = &candidate {
        candidate.give_back().await;
    }
    Ok(())
}

/// What holds for all passes of this process.
fn context(client: &Client, options: &Options, fence: &Fence, metrics: &Metrics) -> ClusterContext {
    let report = metrics.clone();
    let mut settings = Settings::new(options.allowed.clone(), move |call| report.called(call))
        .with_timeout(options.patience.longest_request)
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

/// Waits until this process leads; none if it is to stop before that. A standby has filled caches of its own, which says
/// that it can see what it will have to. What it goes by once it leads is read anew: a watch may lag behind what the last
/// leader wrote.
async fn stand_by(
    candidate: &mut Candidate,
    client: &Client,
    options: &Options,
    health: &Health,
    stop: &mut watch::Receiver<bool>,
) -> Option<Lease> {
    let mut tasks = JoinSet::new();
    let (wake, mut woken) = mpsc::unbounded_channel();
    let cache = Cache::start(client, options, &Indexes::default(), &wake, health, &mut tasks);
    let ready = async {
        cache.filled().await;
        health.ready();
        tracing::info!("caches are filled; waiting to lead");
        while woken.recv().await.is_some() {}
    };
    tokio::select! {
        lease = candidate.elected() => Some(lease),
        () = ready => None,
        _ = stop.wait_for(|stop| *stop) => None,
    }
}

/// One worker an account.
struct Workers {
    patience: GracePeriod,
    alarms: HashMap<ObjectKey, Alarm>,
    tasks: JoinSet<()>,
    context: Arc<ClusterContext>,
    cache: Arc<Cache>,
    indexes: Indexes,
    /// What the workers write and want, where several accounts point to the same account at the vendor.
    registry: Arc<Registry>,
}

impl Workers {
    /// Starts workers for new accounts, and ends those of accounts that are gone.
    fn sync(&mut self) {
        for key in self.cache.account_keys() {
            if self.alarms.contains_key(&key) {
                continue;
            }
            let alarm = Alarm::default();
            alarm.ring(false);
            let worker = Worker {
                key: key.clone(),
                alarm: alarm.clone(),
                context: Arc::clone(&self.context),
                cache: Arc::clone(&self.cache),
                indexes: self.indexes.clone(),
                registry: Arc::clone(&self.registry),
            };
            self.tasks.spawn(worker.run(self.patience));
            self.alarms.insert(key, alarm);
        }
        let (cache, indexes) = (&self.cache, &self.indexes);
        self.alarms.retain(|key, alarm| {
            let kept = cache.has_account(key);
            if !kept {
                alarm.end();
                indexes.forget(key);
            }
            kept
        });
    }

    fn ring(&self, key: &ObjectKey, dependency_changed: bool) {
        if let Some(alarm) = self.alarms.get(key) {
            alarm.ring(dependency_changed);
        }
    }

    fn ring_all(&self) {
        for alarm in self.alarms.values() {
            alarm.ring(false);
        }
    }

    /// Lets passes end, for a while.
    async fn farewell(mut self) {
        for alarm in self.alarms.values() {
            alarm.end();
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::warn!("a pass did not end in time; what it left unanswered settles at the next start");
        }
    }
}
