//! The metrics. `docs/telemetry.md` documents each of them, which a test checks. No label names a Webhook.

use super::labels::{
    OfAccount, OfAction, OfCall, OfKind, OfOperation, OfPass, OfSet, OfVendor, OfWrite, PassResult, Vendor,
};
use super::logging::LostLines;
use super::state_gauges::{StateCounts, StateGauges};
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

/// All metrics of the process. Clones share them.
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
    states: StateGauges,
    writes: Family<OfWrite, Counter>,
    not_written: Family<OfKind, Gauge>,
    members: Family<OfSet, Gauge>,
    leader: Gauge,
    lost_lines: LostLines,
}

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// The kinds of objects that are written.
const WEBHOOK: &str = "Webhook";
const VENDOR_ACCOUNT: &str = "VendorAccount";

/// The states of a set's members: `total` has all of them.
pub(crate) const SET_STATES: [&str; 6] =
    ["total", "updated", "ready", "drifted", "not_delivering", "blocked"];

/// The class of a request that succeeded.
const SUCCESS: &str = "success";

/// Buckets from 10 ms to almost three minutes: from a fast vendor to the longest pass.
fn durations<L: Clone + std::hash::Hash + Eq>() -> Durations<L> {
    Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.01, 2.0, 15)))
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(LostLines::default())
    }
}

impl Metrics {
    /// Creates and registers all metrics. `lost_lines` counts dropped log lines.
    pub fn new(lost_lines: LostLines) -> Self {
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
            states: StateGauges::default(),
            writes: Family::default(),
            not_written: Family::default(),
            members: Family::default(),
            leader: Gauge::default(),
            lost_lines,
        };
        all.registry = Arc::new(all.registered());
        all
    }

    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("hooktender");
        let all = &mut registry;
        register(all, "passes", "Passes over an account, by result", &self.passes);
        register(all, "broken_passes", "Passes that panicked or hung", &self.broken);
        register(all, "queue_depth", "Accounts that wait for a permit", &self.waiting);
        register(all, "passes_running", "Accounts that are reconciled now", &self.running);
        register(all, "plan_actions", "Actions taken, or planned in plan mode", &self.actions);
        register(all, "drift", "Changes made at a vendor that were corrected", &self.drift);
        register(all, "vendor_requests", "Requests to a vendor, by operation and class", &self.requests);
        let help = "Calls left in the rate limit of an account after its last pass";
        register(all, "budget_remaining", help, &self.budget);
        register(all, "webhooks", "Webhooks, by state", &self.states.webhooks);
        register(all, "accounts", "VendorAccounts, by state", &self.states.accounts);
        register(all, "kubernetes_writes", "Writes to the API server", &self.writes);
        let help = "Objects of an account that the API server refuses to write";
        register(all, "objects_not_written", help, &self.not_written);
        let help = "Members of a WebhookSet, by state; a member may be in several";
        register(all, "set_members", help, &self.members);
        register(all, "leader", "Whether this process is the leader: 1, or 0 for a standby", &self.leader);
        register(
            all,
            "log_lines_lost",
            "Log lines that were dropped because stderr was not read fast enough",
            &self.lost_lines,
        );
        let build = [("version", env!("CARGO_PKG_VERSION")), ("commit", env!("HOOKTENDER_BUILD_COMMIT"))];
        all.register("build", "Version and commit of the program", Info::new(build));
        register_seconds(all, "pass_duration", "Duration of passes", &self.pass_durations);
        register_seconds(
            all,
            "vendor_request_duration",
            "Duration of requests to a vendor",
            &self.request_durations,
        );
        register_seconds(
            all,
            "last_pass_timestamp",
            "When the last successful pass over an account ended",
            &self.last_pass,
        );
        register_seconds(
            all,
            "resync_interval",
            "Resync interval of an account that is not suspended",
            &self.resync,
        );
        registry
    }

    /// Records the end of a pass over an account; `good` if it read the vendor's list and did what it could.
    pub fn record_pass(
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

    /// Counts a pass that panicked or timed out.
    pub(crate) fn pass_failed(&self, account: &ObjectKey) {
        self.broken.get_or_create(&OfAccount::of(account)).inc();
    }

    /// Counts an account as waiting for a permit until the guard is dropped.
    pub(crate) fn track_waiting(&self) -> GaugeGuard {
        GaugeGuard::new(&self.waiting)
    }

    /// Counts an account as being reconciled until the guard is dropped.
    pub(crate) fn track_running(&self) -> GaugeGuard {
        GaugeGuard::new(&self.running)
    }

    /// Sets how many calls the rate limit of an account leaves; `None` where there is no limit.
    pub fn set_budget(&self, account: &ObjectKey, calls: Option<u32>) {
        set(&self.budget, account, calls.map(i64::from));
    }

    /// Returns how many calls the rate limit of an account leaves, and when its last good pass ended, in seconds since 1970; none
    /// of what is not known.
    pub(crate) fn pace(&self, account: &ObjectKey) -> (Option<i64>, Option<i64>) {
        let account = OfAccount::of(account);
        let of = |family: &Family<OfAccount, Gauge>| family.get(&account).map(|gauge| gauge.get());
        (of(&self.budget), of(&self.last_pass))
    }

    /// Sets the state of an account and its Webhooks, and its resync interval; `None` while it is suspended.
    pub fn set_state(&self, account: &ObjectKey, counts: StateCounts, resync: Option<Duration>) {
        self.states.set(account, Some(counts));
        // Counters start at 0: `increase()` does not see a series that starts at 1.
        let vendor = Vendor(counts.vendor);
        drop(self.broken.get_or_create(&OfAccount::of(account)));
        drop(self.drift.get_or_create(&OfVendor { vendor }));
        for result in PassResult::ALL {
            drop(self.passes.get_or_create(&OfPass { vendor, result }));
        }
        set(&self.resync, account, resync.map(seconds));
    }

    /// Sets how many Webhooks of an account the API server refuses to write, and whether it refuses the account itself.
    pub fn set_not_written(&self, account: &ObjectKey, webhooks: usize, itself: bool) {
        let webhooks = i64::try_from(webhooks).unwrap_or(i64::MAX);
        self.not_written.get_or_create(&OfKind::of(account, WEBHOOK)).set(webhooks);
        self.not_written.get_or_create(&OfKind::of(account, VENDOR_ACCOUNT)).set(itself.into());
    }

    /// Sets how many Webhooks have no account that manages them.
    pub(crate) fn set_orphans(&self, counts: HashMap<VendorName, i64>) {
        self.states.set_orphans(counts);
    }

    /// Removes the series of an account that is gone.
    pub(crate) fn remove_account(&self, account: &ObjectKey) {
        self.states.set(account, None);
        for kind in [WEBHOOK, VENDOR_ACCOUNT] {
            self.not_written.remove(&OfKind::of(account, kind));
        }
        let account = OfAccount::of(account);
        self.last_pass.remove(&account);
        self.resync.remove(&account);
        self.broken.remove(&account);
        self.budget.remove(&account);
    }

    /// Sets how many members of a set are in each state, in the order of [`SET_STATES`].
    pub(crate) fn set_members(&self, set: &ObjectKey, counts: [i64; SET_STATES.len()]) {
        for (state, count) in SET_STATES.into_iter().zip(counts) {
            self.members.get_or_create(&OfSet::of(set, state)).set(count);
        }
    }

    /// Removes the series of a set that is gone.
    pub(crate) fn remove_set(&self, set: &ObjectKey) {
        for state in SET_STATES {
            self.members.remove(&OfSet::of(set, state));
        }
    }

    /// Counts an action on a Webhook.
    pub fn record_action(&self, vendor: VendorName, action: Action, drift: bool) {
        let vendor = Vendor(vendor);
        self.actions.get_or_create(&OfAction { vendor, action: action.as_str() }).inc();
        if drift {
            self.drift.get_or_create(&OfVendor { vendor }).inc();
        }
    }

    /// Counts a request to a vendor.
    pub fn record_request(&self, call: CallReport) {
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

    /// Counts a write to the API server.
    pub(super) fn record_write(&self, write: &OfWrite) {
        self.writes.get_or_create(write).inc();
    }

    /// Sets whether this process is the leader.
    pub(crate) fn set_leader(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// Returns the names of all registered metrics, without prefix and unit. The text leaves out metrics without a series, and the
    /// registry lists its metrics in its debug output only.
    #[cfg(test)]
    pub(super) fn registered_names(&self) -> Vec<String> {
        let registry = format!("{:?}", self.registry);
        let after_start = registry.split("Descriptor { name: \"").skip(1);
        after_start.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned()).collect()
    }

    /// Returns all metrics as `OpenMetrics` text.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Keeps a gauge raised by one until it is dropped.
pub(crate) struct GaugeGuard(Gauge);

impl GaugeGuard {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn register(registry: &mut Registry, name: &str, help: &str, metric: &(impl Metric + Clone)) {
    registry.register(name, help, metric.clone());
}

/// Registers a metric in seconds.
fn register_seconds(registry: &mut Registry, name: &str, help: &str, metric: &(impl Metric + Clone)) {
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
