//! Makes the plan of a world, account beside account, with clients that cannot write.

use super::flags::VendorFlags;
use super::shared::{groups, peers};
use super::world::{Layered, World};
use crate::api::{Mode, ObjectKey, VendorAccount, Webhook};
use crate::engine::cluster::dry_run::DryRunWriter;
use crate::engine::cluster::event::EventRecord;
use crate::engine::limiter::PassLimiter;
use crate::engine::pass::Context;
use crate::engine::preview::AccountObjects;
use crate::engine::preview::{preview, publish_wants, seed_values};
use crate::engine::state::account::AccountState;
use crate::engine::state::peers::Registry;
use crate::plan::report::{AccountReport, Report};
use crate::telemetry::Metrics;
use futures::StreamExt;
use k8s_openapi::api::core::v1::ObjectReference;
use std::io::IsTerminal;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// How many accounts are read at once.
const AT_ONCE: usize = 10;
/// Who waits longer than this is told what for.
const PATIENCE: Duration = Duration::from_secs(2);

/// An account that was looked at.
pub(super) struct Looked {
    pub(super) objects: AccountObjects,
    pub(super) memory: AccountState,
    pub(super) report: AccountReport,
}

/// Everything that was looked at.
pub(super) struct View {
    pub(super) accounts: Vec<Looked>,
    pub(super) report: Report,
}

/// What is told of what happens.
pub(super) type Tell = Box<dyn Fn(&ObjectReference, &EventRecord) + Send + Sync>;

/// How passes of the command line are run.
pub(super) fn context(
    source: &Layered,
    vendors: &VendorFlags,
    calls: &Arc<AtomicUsize>,
    stateless: bool,
) -> Context<Layered, DryRunWriter<Tell>> {
    Context {
        secrets: source.clone(),
        writer: DryRunWriter { tell: Box::new(|_, _| {}) },
        settings: vendors.settings(calls),
        ceiling: Mode::Enforce,
        dry_run: true,
        stateless,
        metrics: Metrics::default(),
        stopping: Arc::new(AtomicBool::new(false)),
        limiter: PassLimiter::unlimited(),
    }
}

/// An account's objects as a pass takes them.
pub(super) fn objects(account: &Arc<VendorAccount>, webhooks: &[Arc<Webhook>]) -> AccountObjects {
    AccountObjects { account: Arc::clone(account), webhooks: webhooks.to_vec() }
}

/// Plans all accounts of the world.
pub(super) async fn look(world: &World, vendors: &VendorFlags, stateless: bool) -> View {
    let calls = Arc::new(AtomicUsize::new(0));
    let done = AtomicUsize::new(0);
    let context = context(&world.source, vendors, &calls, stateless);
    let registry = Arc::default();
    let number = world.accounts.len();
    // Collected first: a stream over closures that borrow would not be general enough for the compiler.
    let groups = groups(world).into_iter().map(|group| {
        let begun = group.into_iter().map(|at| begin(world, at, vendors, &registry)).collect();
        look_at(begun, &context, &done)
    });
    let groups: Vec<_> = groups.collect();
    let all = futures::stream::iter(groups).buffered(AT_ONCE).collect::<Vec<_>>();
    let said = || format!("reading accounts: {} of {number} done", done.load(Ordering::Relaxed));
    let mut accounts: Vec<_> = watched(said, all).await.into_iter().flatten().collect();
    accounts.sort_by_key(|looked| ObjectKey::of(&*looked.objects.account));
    for looked in &mut accounts {
        for webhook in &mut looked.report.webhooks {
            webhook.declared_at = world.places.get(&webhook.key()).map(ToString::to_string);
        }
    }
    let mut orphans = world.orphans.clone();
    for orphan in &mut orphans {
        orphan.declared_at = world.places.get(&orphan.key()).map(ToString::to_string);
    }
    let reports = accounts.iter().map(|looked| looked.report.clone()).collect();
    View { report: Report::new(reports, orphans, calls.load(Ordering::Relaxed)), accounts }
}

/// An account before it is looked at.
fn begin(
    world: &World,
    at: usize,
    vendors: &VendorFlags,
    registry: &Arc<Registry>,
) -> (AccountObjects, AccountState) {
    let (account, webhooks) = &world.accounts[at];
    let memory = AccountState::new(vendors.patience()).with_peers(peers(world, account, registry));
    (objects(account, webhooks), memory)
}

/// Plans accounts that point to the same account at the vendor, one after the other.
async fn look_at(
    mut accounts: Vec<(AccountObjects, AccountState)>,
    context: &Context<Layered, DryRunWriter<Tell>>,
    done: &AtomicUsize,
) -> Vec<Looked> {
    let shared = accounts.len() > 1;
    for (objects, memory) in accounts.iter_mut().filter(|_| shared) {
        publish_wants(context, memory, objects).await;
    }
    let mut looked = Vec::with_capacity(accounts.len());
    for (objects, mut memory) in accounts {
        if let Some(cluster) = context.secrets.laid_over() {
            seed_values(cluster, &context.secrets, &mut memory, &objects).await;
        }
        let report = preview(context, &mut memory, &objects).await.report;
        done.fetch_add(1, Ordering::Relaxed);
        looked.push(Looked { objects, memory, report });
    }
    looked
}

/// Waits for the work; on a terminal, who waits long sees what for.
pub(super) async fn watched<T>(what: impl Fn() -> String, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        return done;
    }
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let bar = indicatif::ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            done = &mut work => {
                bar.finish_and_clear();
                return done;
            }
            _ = tick.tick() => bar.set_message(what()),
        }
    }
}
