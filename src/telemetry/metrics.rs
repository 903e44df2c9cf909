//! The metrics. `docs/telemetry.md` says of each what it means; a test keeps the two together. No label names a Webhook.

use super::labels::{
    OfAccount, OfAction, OfCall, OfKind, OfOperation, OfPass, OfVendor, OfWrite, PassResult, Vendor,
};
use super::tally::{AccountCounts, StateCounts};
use crate::api::status::Action;
use crate::api::{ObjectKey, VendorName};
use crate::vendor::{CallReport, Class};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// All metrics of the process. Clones count into the same ones.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    passes: Family<OfPass, Counter>,
    pass_durations: Durations<OfVendor>,
    broken: Family<OfAccount, Counter>,
    waiting: Gauge,
    running: Gauge,
    actions: Family<OfAction, Counter>,
    drift: Family<OfVendor, Counter>,
    requests: Family<OfCall, Counter>,
    request_durations: Durations<OfOperation>,
    budget: Family<OfAccount, Gauge>,
    last_pass: Family<OfAccount, Gauge>,
    resync: Family<OfAccount, Gauge>,
    tallies: AccountCounts,
    writes: Family<OfWrite, Counter>,
    not_written: Family<OfKind, Gauge>,
    leader: Gauge,
    lost_lines: Counter,
}

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// The kinds of objects that are written.
const WEBHOOK: &str = "Webhook";
const VENDOR_ACCOUNT: &str = "VendorAccount";

/// The class of a call that failed in no way.
const SUCCESS: &str = "success";

/// From ten milliseconds to almost three minutes: from a vendor around the corner to what a pass may take.
fn durations<L: Clone + std::hash::Hash + Eq>() -> Durations<L> {
    Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.01, 2.0, 15)))
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(Counter::default())
    }
}

impl Metrics {
    /// `lost_lines` counts log lines that nobody read in time.
    pub fn new(lost_lines: Counter) -> Self {
        let mut all = Self {
            registry: Arc::default(),
            passes: Family::default(),
            pass_durations: durations(),
            broken: Family::default(),
            waiting: Gauge::default(),
            running: Gauge::default(),
            actions: Family::default(),
            drift: Family::default(),
            requests: Family::default(),
            request_durations: durations(),
            budget: Family::default(),
            last_pass: Family::default(),
            resync: Family::default(),
            tallies: AccountCounts::default(),
            writes: Family::default(),
            not_written: Family::default(),
            leader: Gauge::default(),
            lost_lines,
        };
        all.registry = Arc::new(all.registered());
        all
    }

    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("hooktender");
        let all = &mut registry;
        is(all, "passes", "Passes over an account, by how they ended", &self.passes);
        is(all, "broken_passes", "Passes that panicked or hung", &self.broken);
        is(all, "queue_depth", "Accounts that wait for a free worker", &self.waiting);
        is(all, "passes_running", "Accounts that are worked on now", &self.running);
        is(all, "plan_actions", "Actions taken, or planned in plan mode", &self.actions);
        is(all, "drift", "Changes made at a vendor that were corrected", &self.drift);
        is(all, "vendor_requests", "Requests to a vendor, by operation and class", &self.requests);
        let help = "Calls that an account could make at once after its last pass, where there is a limit";
        is(all, "budget_remaining", help, &self.budget);
        is(all, "webhooks", "Webhooks, by how they stand", &self.tallies.webhooks);
        is(all, "accounts", "VendorAccounts, by how they stand", &self.tallies.accounts);
        is(all, "kubernetes_writes", "Writes to the API server", &self.writes);
        let help = "Objects of an account that the API server refuses to write";
        is(all, "objects_not_written", help, &self.not_written);
        is(all, "leader", "Whether this process works: 1, or 0 while it stands by", &self.leader);
        is(all, "log_lines_lost", "Log lines that nobody read in time", &self.lost_lines);
        let build = [("version", env!("CARGO_PKG_VERSION")), ("commit", env!("HOOKTENDER_BUILD_COMMIT"))];
        all.register("build", "The build", Info::new(build));
        takes(all, "pass_duration", "How long passes took", &self.pass_durations);
        takes(all, "vendor_request_duration", "How long requests to a vendor took", &self.request_durations);
        takes(all, "last_pass_timestamp", "When the last good pass over an account ended", &self.last_pass);
        takes(all, "resync_interval", "How often an account that is not suspended is read", &self.resync);
        registry
    }

    /// A pass over an account ended; `good` if it read what the vendor has and did what it could.
    pub fn passed(
        &self,
        vendor: VendorName,
        account: &ObjectKey,
        result: PassResult,
        good: bool,
        took: Duration,
    ) {
        let vendor = Vendor(vendor);
        self.passes.get_or_create(&OfPass { vendor, result }).inc();
        self.pass_durations.get_or_create(&OfVendor { vendor }).observe(took.as_secs_f64());
        if good && let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) {
            self.last_pass.get_or_create(&OfAccount::of(account)).set(seconds(now));
        }
    }

    /// A pass panicked or hung.
    pub(crate) fn broke(&self, account: &ObjectKey) {
        self.broken.get_or_create(&OfAccount::of(account)).inc();
    }

    /// An account waits for a free worker, as long as what it gives is kept.
    pub(crate) fn waiting(&self) -> Counted {
        Counted::new(&self.waiting)
    }

    /// An account is worked on, as long as what it gives is kept.
    pub(crate) fn running(&self) -> Counted {
        Counted::new(&self.running)
    }

    /// How many calls an account could make at once; none where there is no limit.
    pub fn left(&self, account: &ObjectKey, calls: Option<u32>) {
        set(&self.budget, account, calls.map(i64::from));
    }

    /// How an account and its Webhooks stand, and how often it is read; not at all while it is suspended.
    pub fn stands(&self, account: &ObjectKey, tally: StateCounts, resync: Option<Duration>) {
        self.tallies.tell(account, Some(tally));
        // A counter that begins at one has not risen, for whoever asks by how much it has.
        let vendor = Vendor(tally.vendor);
        drop(self.broken.get_or_create(&OfAccount::of(account)));
        drop(self.drift.get_or_create(&OfVendor { vendor }));
        for result in PassResult::ALL {
            drop(self.passes.get_or_create(&OfPass { vendor, result }));
        }
        set(&self.resync, account, resync.map(seconds));
    }

    /// How many Webhooks of an account the API server refuses to write, and whether it refuses the account itself.
    pub fn not_written(&self, account: &ObjectKey, webhooks: usize, itself: bool) {
        let webhooks = i64::try_from(webhooks).unwrap_or(i64::MAX);
        self.not_written.get_or_create(&OfKind::of(account, WEBHOOK)).set(webhooks);
        self.not_written.get_or_create(&OfKind::of(account, VENDOR_ACCOUNT)).set(itself.into());
    }

    /// So many Webhooks have no account that looks after them.
    pub(crate) fn orphaned(&self, counts: HashMap<VendorName, i64>) {
        self.tallies.orphaned(counts);
    }

    /// An account is gone.
    pub(crate) fn forget(&self, account: &ObjectKey) {
        self.tallies.tell(account, None);
        for kind in [WEBHOOK, VENDOR_ACCOUNT] {
            self.not_written.remove(&OfKind::of(account, kind));
        }
        let account = OfAccount::of(account);
        self.last_pass.remove(&account);
        self.resync.remove(&account);
        self.broken.remove(&account);
        self.budget.remove(&account);
    }

    /// Something was done about a Webhook.
    pub fn acted(&self, vendor: VendorName, action: Action, drift: bool) {
        let vendor = Vendor(vendor);
        self.actions.get_or_create(&OfAction { vendor, action: action.as_str() }).inc();
        if drift {
            self.drift.get_or_create(&OfVendor { vendor }).inc();
        }
    }

    /// A vendor was called.
    pub fn called(&self, call: CallReport) {
        let (vendor, operation) = (Vendor(call.vendor), call.operation.as_str());
        let class = call.class.map_or(SUCCESS, Class::as_str);
        if self.requests.get(&OfCall { vendor, operation, class }).is_none() {
            for class in Class::ALL.map(Class::as_str).into_iter().chain([SUCCESS]) {
                drop(self.requests.get_or_create(&OfCall { vendor, operation, class }));
            }
        }
        self.requests.get_or_create(&OfCall { vendor, operation, class }).inc();
        let durations = self.request_durations.get_or_create(&OfOperation { vendor, operation });
        durations.observe(call.elapsed.as_secs_f64());
    }

    /// The API server was written to.
    pub(super) fn wrote(&self, write: &OfWrite) {
        self.writes.get_or_create(write).inc();
    }

    /// Whether this process works, and does not stand by.
    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// All of them, as `OpenMetrics` text.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Counts one thing as long as it is kept, however it ends.
pub(crate) struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn is(registry: &mut Registry, name: &str, help: &str, metric: &(impl Metric + Clone)) {
    registry.register(name, help, metric.clone());
}

/// A metric in seconds.
fn takes(registry: &mut Registry, name: &str, help: &str, metric: &(impl Metric + Clone)) {
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
}

fn set(family: &Family<OfAccount, Gauge>, account: &ObjectKey, value: Option<i64>) {
    let account = OfAccount::of(account);
    match value {
        Some(value) => drop(family.get_or_create(&account).set(value)),
        None => drop(family.remove(&account)),
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
