//! The results of one run, as a table and as JSON.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// How often each of several things happened.
pub(crate) type Counts = BTreeMap<String, usize>;

/// Costs of a period in which nothing happens.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Quiet {
    pub(crate) minutes: f64,
    /// The longest time between two lists of one account.
    pub(crate) gap_s: f64,
    pub(crate) calls: Counts,
    pub(crate) writes: Counts,
    pub(crate) cpu_s: f64,
    pub(crate) server_cpu_s: f64,
    /// The operator's resident memory, sampled each second.
    pub(crate) memory_kib: Vec<u64>,
}

impl Quiet {
    /// Converts a count over the whole period to one a minute; none if nothing was counted.
    pub(crate) fn a_minute(&self, whole: f64) -> f64 {
        if self.minutes > 0.0 { whole / self.minutes } else { 0.0 }
    }

    /// The operator's resident memory in KiB: the median, and the maximum.
    pub(crate) fn memory(&self) -> Option<(u64, u64)> {
        let mut all = self.memory_kib.clone();
        all.sort_unstable();
        Some((*all.get(all.len() / 2)?, *all.last()?))
    }
}

/// The results of one run. Times are in seconds or, where the name says so, milliseconds; memory is in KiB.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) webhooks: usize,
    pub(crate) accounts: usize,
    pub(crate) vendor_ms: u64,
    pub(crate) apply_s: f64,
    pub(crate) ready_s: f64,
    pub(crate) converge_cpu_s: f64,
    pub(crate) converge_calls: Counts,
    pub(crate) converge_writes: Counts,
    pub(crate) duplicates: usize,
    pub(crate) memory_peak_kib: u64,
    pub(crate) memory_settled_kib: u64,
    pub(crate) memory_restarted_kib: u64,
    /// In characters.
    pub(crate) longest_message: usize,
    pub(crate) quiet: Quiet,
    /// The API server without an operator.
    pub(crate) idle: Quiet,
    pub(crate) edits_ms: Vec<f64>,
    pub(crate) secrets_ms: Vec<f64>,
    pub(crate) drift_s: f64,
    /// After each interval of the soak.
    pub(crate) soak_kib: Vec<u64>,
    pub(crate) filled_s: f64,
    pub(crate) read_s: f64,
    pub(crate) restart_calls: Counts,
    pub(crate) restart_writes: Counts,
    pub(crate) plan_s: f64,
    pub(crate) plan_calls: Counts,
    pub(crate) plan_memory_kib: u64,
}

impl Figures {
    /// The operator's CPU time a quiet minute, in seconds.
    pub(crate) fn cpu_a_minute(&self) -> f64 {
        self.quiet.a_minute(self.quiet.cpu_s)
    }

    /// How much memory grows with each interval of the second half of the soak, in KiB: least squares.
    fn slope(&self) -> Option<f64> {
        let half = &self.soak_kib[self.soak_kib.len() / 2..];
        let points = || (0_u32..).zip(half).map(|(x, y)| (f64::from(x), mebi(*y) * 1024.0));
        let n = f64::from(u32::try_from(half.len()).ok().filter(|n| *n > 1)?);
        let (x, y) = points().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / n, b + y / n));
        let (over, under) =
            points().fold((0.0, 0.0), |(a, b), (px, py)| (a + (px - x) * (py - y), b + (px - x).powi(2)));
        Some(over / under)
    }
}

/// The median and the 99th percentile of the latencies, in milliseconds.
fn latency(of: &[f64]) -> String {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    let within = |percent: usize| {
        let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        sorted.get(at).copied().unwrap_or_default()
    };
    format!("p50 {:.0} ms, p99 {:.0} ms of {}", within(50), within(99), of.len())
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib: u64| format!("{:.1} MiB", mebi(kib));
        let server = |quiet: &Quiet| quiet.a_minute(quiet.server_cpu_s);
        let rows = [
            ("kubectl apply itself", format!("{:.1} s", self.apply_s)),
            ("apply to all at the vendor and Ready", format!("{:.1} s", self.ready_s)),
            ("  vendor calls", counts(&self.converge_calls)),
            ("  Kubernetes writes", counts(&self.converge_writes)),
            ("  duplicates", self.duplicates.to_string()),
            ("  processor time", format!("{:.1} s", self.converge_cpu_s)),
            ("resident memory, peak", mib(self.memory_peak_kib)),
            ("resident memory, quiet", mib(self.memory_settled_kib)),
            ("resident memory, quiet, at most", mib(self.quiet.memory().unwrap_or_default().1)),
            ("resident memory, quiet after a restart", mib(self.memory_restarted_kib)),
            (
                "quiet: vendor calls",
                format!("{} in {:.1} min", counts(&self.quiet.calls), self.quiet.minutes),
            ),
            ("quiet: Kubernetes writes", counts(&self.quiet.writes)),
            ("quiet: processor time a minute", format!("{:.2} s", self.cpu_a_minute())),
            (
                "quiet: API server's time a minute",
                format!("{:.2} s ({:.2} s without hooktender)", server(&self.quiet), server(&self.idle)),
            ),
            ("quiet: longest between two lists of an account", format!("{:.1} s", self.quiet.gap_s)),
            ("edit to the vendor's request", latency(&self.edits_ms)),
            ("Secret edit to the vendor's request", latency(&self.secrets_ms)),
            ("longest message in a status", format!("{} characters", self.longest_message)),
            ("edit at the vendor to its correction", format!("{:.1} s", self.drift_s)),
            ("restart: caches filled", format!("{:.2} s", self.filled_s)),
            ("restart: every account read", format!("{:.2} s", self.read_s)),
            ("restart: vendor calls in the first minute", counts(&self.restart_calls)),
            ("restart: Kubernetes writes in the first minute", counts(&self.restart_writes)),
            ("hooktender plan", format!("{:.2} s, {}", self.plan_s, mib(self.plan_memory_kib))),
            ("  vendor calls", counts(&self.plan_calls)),
        ];
        writeln!(
            f,
            "| {} Webhooks, {} accounts, vendor answers in {} ms | |\n| --- | --- |",
            self.webhooks, self.accounts, self.vendor_ms
        )?;
        rows.iter().try_for_each(|(name, value)| writeln!(f, "| {name} | {value} |"))?;
        let (Some(slope), Some(first), Some(last)) =
            (self.slope(), self.soak_kib.first(), self.soak_kib.last())
        else {
            return Ok(());
        };
        let intervals = self.soak_kib.len();
        let (first, last) = (mib(*first), mib(*last));
        writeln!(
            f,
            "| {intervals} intervals with edits: resident memory | {first}, in the end {last}, {slope:+.1} KiB an interval |"
        )
    }
}

/// KiB as MiB.
pub(crate) fn mebi(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}

fn counts(counts: &Counts) -> String {
    if counts.is_empty() {
        return "0".into();
    }
    counts.iter().map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join(", ")
}
