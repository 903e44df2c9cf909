//! The metrics and their names. No label names a Webhook.

use crate::api::ObjectKey;
use crate::api::VendorName;
use crate::api::status::Action;
use crate::vendor::CallReport;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PassLabels {
    vendor: Vendor,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    vendor: Vendor,
    operation: &'static str,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionLabels {
    vendor: Vendor,
    action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VendorLabels {
    vendor: Vendor,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccountLabels {
    namespace: String,
    account: String,
}

impl AccountLabels {
    fn of(account: &ObjectKey) -> Self {
        Self { namespace: account.namespace.clone(), account: account.name.clone() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Vendor(VendorName);

impl EncodeLabelValue for Vendor {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(self.0.as_str())
    }
}

/// All metrics of the process. Clones count into the same ones.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    passes: Family<PassLabels, Counter>,
    requests: Family<CallLabels, Counter>,
    durations: Family<VendorLabels, Histogram>,
    actions: Family<ActionLabels, Counter>,
    drift: Family<VendorLabels, Counter>,
    last_pass: Family<AccountLabels, Gauge>,
    broken: Family<AccountLabels, Counter>,
    budget: Family<AccountLabels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("hooktender");
        let durations = Family::new_with_constructor(
            (|| Histogram::new(exponential_buckets(0.01, 2.0, 14))) as fn() -> Histogram,
        );
        let (passes, requests, actions) = (Family::default(), Family::default(), Family::default());
        let (drift, last_pass, broken) = (Family::default(), Family::default(), Family::default());
        let budget = Family::default();
        registry.register("passes", "Passes over an account, by what came of them", Family::clone(&passes));
        registry.register(
            "vendor_requests",
            "Requests to a vendor, by operation and class of the answer",
            Family::clone(&requests),
        );
        registry.register(
            "vendor_request_duration_seconds",
            "How long requests to a vendor took",
            Family::clone(&durations),
        );
        registry.register("plan_actions", "Actions taken, or planned in plan mode", Family::clone(&actions));
        registry.register("drift", "Changes made at a vendor that were corrected", Family::clone(&drift));
        registry.register(
            "last_pass_timestamp_seconds",
            "When the last good pass over an account ended",
            Family::clone(&last_pass),
        );
        registry.register(
            "budget_remaining",
            "Calls that an account could make at once after its last pass, where there is a limit",
            Family::clone(&budget),
        );
        registry.register("broken_passes", "Passes that panicked or hung", Family::clone(&broken));
        registry.register("build", "The build", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let registry = Arc::new(registry);
        Self { registry, passes, requests, durations, actions, drift, last_pass, broken, budget }
    }
}

impl Metrics {
    /// A pass over an account ended.
    pub(crate) fn passed(&self, vendor: VendorName, account: &ObjectKey, ok: bool) {
        let result = if ok { "success" } else { "error" };
        self.passes.get_or_create(&PassLabels { vendor: Vendor(vendor), result }).inc();
        if ok && let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) {
            self.last_pass
                .get_or_create(&AccountLabels::of(account))
                .set(i64::try_from(now.as_secs()).unwrap_or_default());
        }
    }

    /// A pass panicked or hung.
    pub(crate) fn broke(&self, account: &ObjectKey) {
        self.broken.get_or_create(&AccountLabels::of(account)).inc();
    }

    /// How many calls an account could make at once; none where there is no limit.
    pub(crate) fn left(&self, account: &ObjectKey, calls: Option<u32>) {
        match calls {
            Some(calls) => drop(self.budget.get_or_create(&AccountLabels::of(account)).set(calls.into())),
            None => drop(self.budget.remove(&AccountLabels::of(account))),
        }
    }

    /// An account is gone.
    pub(crate) fn forget(&self, account: &ObjectKey) {
        self.last_pass.remove(&AccountLabels::of(account));
        self.broken.remove(&AccountLabels::of(account));
        self.budget.remove(&AccountLabels::of(account));
    }

    /// Something was done about a Webhook.
    pub(crate) fn acted(&self, vendor: VendorName, action: Action, drift: bool) {
        self.actions.get_or_create(&ActionLabels { vendor: Vendor(vendor), action: action.as_str() }).inc();
        if drift {
            self.drift.get_or_create(&VendorLabels { vendor: Vendor(vendor) }).inc();
        }
    }

    /// A vendor was called.
    pub fn called(&self, call: CallReport) {
        let class = match call.status {
            None => "none",
            Some(200..=299) => "2xx",
            Some(300..=399) => "3xx",
            Some(429) => "429",
            Some(400..=499) => "4xx",
            Some(_) => "5xx",
        };
        let vendor = Vendor(call.vendor);
        self.requests.get_or_create(&CallLabels { vendor, operation: call.operation.as_str(), class }).inc();
        self.durations.get_or_create(&VendorLabels { vendor }).observe(call.elapsed.as_secs_f64());
    }

    /// All of them, as `OpenMetrics` text.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
