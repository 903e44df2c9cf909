//! Plans all accounts of an [`ObjectSet`], several at once, with read-only clients.

use super::flags::VendorFlags;
use super::objects::{ObjectSet, OverlaySource};
use super::peers::{groups, peers};
use super::sets::{HeldBySet, HeldBySets};
use crate::api::status::Action;
use crate::api::{Mode, ObjectKey, VendorAccount, Webhook};
use crate::engine::cluster::dry_run::DryRunWriter;
use crate::engine::cluster::event::EventRecord;
use crate::engine::limiter::PassLimiter;
use crate::engine::pass::Context;
use crate::engine::preview::{AccountObjects, Preview, preview, publish_wants, seed_values};
use crate::engine::state::account::AccountState;
use crate::engine::state::peers::Registry;
use crate::plan::ExternalId;
use crate::plan::report::{AccountReport, Report};
use crate::telemetry::Metrics;
use futures::StreamExt;
use k8s_openapi::api::core::v1::ObjectReference;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Accounts that are read at once.
const MAX_CONCURRENT_ACCOUNTS: usize = 10;
/// A spinner is shown when a command waits longer than this.
const SPINNER_DELAY: Duration = Duration::from_secs(2);

/// An account with its plan.
pub(super) struct PlannedAccount {
    pub(super) objects: AccountObjects,
    pub(super) state: AccountState,
    pub(super) report: AccountReport,
    /// The subscriptions that belong to a Webhook.
    pub(super) managed: BTreeSet<ExternalId>,
}

impl PlannedAccount {
    /// Whether the vendor has that subscription, and no Webhook has it.
    pub(super) fn has_unmanaged(&self, id: &ExternalId) -> bool {
        let listed = || self.state.observed().into_iter().flatten().any(|observed| observed.id == *id);
        !self.managed.contains(id) && listed()
    }
}

/// The plans of all accounts.
pub(super) struct PlanView {
    pub(super) accounts: Vec<PlannedAccount>,
    pub(super) report: Report,
}

/// Receives the events of passes.
pub(super) type EventSink = Box<dyn Fn(&ObjectReference, &EventRecord) + Send + Sync>;

/// Returns the context of passes that only plan.
pub(super) fn context(
    source: &OverlaySource,
    vendors: &VendorFlags,
    calls: &Arc<AtomicUsize>,
    stateless: bool,
) -> Context<OverlaySource, DryRunWriter<EventSink>> {
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

/// Returns the objects of an account.
pub(super) fn account_objects(account: &Arc<VendorAccount>, webhooks: &[Arc<Webhook>]) -> AccountObjects {
    AccountObjects { account: Arc::clone(account), webhooks: webhooks.to_vec() }
}

/// Plans all accounts.
pub(super) async fn plan_all(objects: &ObjectSet, vendors: &VendorFlags, stateless: bool) -> PlanView {
    let calls = Arc::new(AtomicUsize::new(0));
    let progress = Progress::new(objects.accounts.len());
    let context = context(&objects.source, vendors, &calls, stateless);
    let registry = Arc::default();
    // Collected first, because the compiler rejects a stream over closures that borrow.
    let groups = groups(objects).into_iter().map(|group| {
        let prepared = group.into_iter().map(|at| prepare(objects, at, vendors, &registry)).collect();
        plan_group(prepared, &context, &progress)
    });
    let groups: Vec<_> = groups.collect();
    let all = futures::stream::iter(groups).buffered(MAX_CONCURRENT_ACCOUNTS).collect::<Vec<_>>();
    let mut accounts: Vec<_> = with_spinner(|| progress.words(), all).await.into_iter().flatten().collect();
    accounts.sort_by_key(|planned| ObjectKey::of(&*planned.objects.account));
    for planned in &mut accounts {
        for webhook in &mut planned.report.webhooks {
            webhook.declared_at = objects.places.get(&webhook.key()).map(ToString::to_string);
        }
        hold_members(&mut planned.report, &objects.held);
    }
    let mut orphans = objects.orphans.clone();
    for orphan in &mut orphans {
        orphan.declared_at = objects.places.get(&orphan.key()).map(ToString::to_string);
    }
    let reports = accounts.iter().map(|planned| planned.report.clone()).collect();
    PlanView { report: Report::new(reports, orphans, calls.load(Ordering::Relaxed)), accounts }
}

/// Marks the changes that the sets of the Webhooks would not make now.
pub(super) fn hold_members(report: &mut AccountReport, held: &HeldBySets) {
    let mut holds = false;
    for webhook in &mut report.webhooks {
        if let Some(HeldBySet { class, held }) = held.get(&webhook.key())
            && webhook.held.is_none()
            && webhook.action != Action::None
        {
            webhook.class = *class;
            webhook.held = Some(held.clone());
            holds = true;
        }
    }
    if holds && !report.webhooks.iter().any(|webhook| webhook.held.is_none() && webhook.calls > 0) {
        report.about_seconds = None;
    }
}

/// Returns the objects and the state of an account that is to be planned.
fn prepare(
    objects: &ObjectSet,
    at: usize,
    vendors: &VendorFlags,
    registry: &Arc<Registry>,
) -> (AccountObjects, AccountState) {
    let (account, webhooks) = &objects.accounts[at];
    let state = AccountState::new(vendors.grace_period()).with_peers(peers(objects, account, registry));
    (account_objects(account, webhooks), state)
}

/// Plans accounts that point to the same account at the vendor, one after the other, so that each sees the claims of the others.
async fn plan_group(
    mut accounts: Vec<(AccountObjects, AccountState)>,
    context: &Context<OverlaySource, DryRunWriter<EventSink>>,
    progress: &Progress,
) -> Vec<PlannedAccount> {
    let shared = accounts.len() > 1;
    for (objects, state) in accounts.iter_mut().filter(|_| shared) {
        publish_wants(context, state, objects).await;
    }
    let mut planned = Vec::with_capacity(accounts.len());
    for (objects, mut state) in accounts {
        if let Some(cluster) = context.secrets.overlaid_cluster() {
            seed_values(cluster, &context.secrets, &mut state, &objects).await;
        }
        progress.begin(&objects.account);
        let Preview { report, managed } = preview(context, &mut state, &objects).await;
        progress.end(&objects.account);
        planned.push(PlannedAccount { objects, state, report, managed });
    }
    planned
}

/// Which accounts are done, and which are waited for.
struct Progress {
    number: usize,
    state: Mutex<ProgressState>,
}

#[derive(Default)]
struct ProgressState {
    done: usize,
    /// Accounts with the vendors that they belong to, in the order of their beginning.
    running: Vec<String>,
}

impl Progress {
    fn new(number: usize) -> Self {
        Self { number, state: Mutex::default() }
    }

    fn begin(&self, account: &VendorAccount) {
        self.state.lock().running.push(named(account));
    }

    fn end(&self, account: &VendorAccount) {
        let mut state = self.state.lock();
        state.done += 1;
        let name = named(account);
        state.running.retain(|running| *running != name);
    }

    /// Describes the progress; of the accounts that are waited for it names the one that began first.
    fn words(&self) -> String {
        let state = self.state.lock();
        let number = self.number;
        let waits_for = match &state.running[..] {
            [] => String::new(),
            [one] => format!(", waiting for {one}"),
            [first, others @ ..] => format!(", waiting for {first} and {} more", others.len()),
        };
        format!("reading accounts: {} of {number} done{waits_for}", state.done)
    }
}

/// Returns an account as progress names it.
pub(super) fn named(account: &VendorAccount) -> String {
    format!("{} ({})", ObjectKey::of(account), account.spec.vendor.identity())
}

/// Waits for `work`, and shows `message` with a spinner on a terminal if it takes long.
pub(super) async fn with_spinner<T>(message: impl Fn() -> String, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if let Ok(done) = tokio::time::timeout(SPINNER_DELAY, &mut work).await {
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
            _ = tick.tick() => bar.set_message(message()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::VendorName;
    use crate::plan::report::{Class, Outlook, WebhookReport};

    /// The plan of a Webhook that would be deleted and of one that stays, both held by their set.
    fn held_by_set(class: Class) -> Report {
        let webhook = |name: &str, action: Action| WebhookReport {
            class: Class::of(action),
            action,
            held: None,
            calls: usize::from(action != Action::None),
            ..WebhookReport::unknown(
                ObjectKey::new("shop", name),
                Class::Blocked,
                Class::Blocked.held("", ""),
            )
        };
        let mut account = AccountReport {
            namespace: "shop".into(),
            name: "crm".into(),
            vendor: VendorName::Superoffice,
            identity: String::new(),
            held: None,
            not_planned: false,
            advice: None,
            webhooks: vec![webhook("a", Action::Delete), webhook("b", Action::None)],
            unmanaged: Vec::new(),
            about_seconds: Some(5),
        };
        let held = HeldBySet { class, held: class.held("Why", "why") };
        let held = ["a", "b"].map(|name| (ObjectKey::new("shop", name), held.clone()));
        hold_members(&mut account, &held.into());
        Report::new(vec![account], Vec::new(), 0)
    }

    #[test]
    fn changes_that_a_set_does_not_make_are_not_applied() {
        let guarded = held_by_set(Class::Blocked);
        let counts = guarded.counts;
        assert_eq!((counts.delete, counts.blocked, counts.unchanged), (0, 1, 1));
        assert_eq!((guarded.result, guarded.calls.to_apply), (Outlook::Blocked, 0));
        assert_eq!(guarded.calls.about_seconds, None);
        assert_eq!(guarded.accounts[0].webhooks[0].held.as_ref().unwrap().reason, "Why");
        let paused = held_by_set(Class::HeldBack);
        assert_eq!((paused.counts.delete, paused.counts.held_back), (0, 1));
        assert_eq!((paused.result, paused.calls.to_apply), (Outlook::Changes, 0));
    }

    #[test]
    fn progress_names_who_is_waited_for() {
        let account = |name: &str| {
            let json = serde_json::json!({
                "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
                "metadata": {"name": name, "namespace": "shop"},
                "spec": {"vendor": {"contensis": {"alias": "a", "project": "p", "credentials": {"clientCredentials": {
                    "clientIdSecretRef": {"name": "s", "key": "id"}, "clientSecretSecretRef": {"name": "s", "key": "secret"},
                }}}}},
            });
            serde_json::from_value::<VendorAccount>(json).unwrap()
        };
        let (a, b) = (account("a"), account("b"));
        let progress = Progress::new(2);
        assert_eq!(progress.words(), "reading accounts: 0 of 2 done");
        progress.begin(&a);
        progress.begin(&b);
        assert_eq!(
            progress.words(),
            "reading accounts: 0 of 2 done, waiting for shop/a (contensis/p) and 1 more"
        );
        progress.end(&a);
        assert_eq!(progress.words(), "reading accounts: 1 of 2 done, waiting for shop/b (contensis/p)");
        progress.end(&b);
        assert_eq!(progress.words(), "reading accounts: 2 of 2 done");
    }
}
