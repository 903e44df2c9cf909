//! The results of one run, as a table and as JSON.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// How often each of several things happened.
pub(crate) type Counts = BTreeMap<String, usize>;

/// A row of the table: what was measured, and the value.
type Row = (&'static str, String);

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

/// Costs from one `kubectl apply` until all Webhooks are ready.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Applied {
    /// The time of kubectl itself.
    pub(crate) apply_s: f64,
    pub(crate) ready_s: f64,
    pub(crate) cpu_s: f64,
    /// The operator's resident memory since its start, at most.
    pub(crate) peak_kib: u64,
    pub(crate) calls: Counts,
    pub(crate) writes: Counts,
}

impl Applied {
    /// Returns the rows of the table. `check`: what was compared at the vendor afterwards.
    fn rows(&self, apply: &'static str, ready: &'static str, check: Row) -> [Row; 7] {
        [
            (apply, seconds(self.apply_s)),
            (ready, seconds(self.ready_s)),
            ("  vendor calls", counts(&self.calls)),
            ("  Kubernetes writes", counts(&self.writes)),
            check,
            ("  processor time", seconds(self.cpu_s)),
            ("  resident memory, peak", mib(self.peak_kib)),
        ]
    }
}

/// Costs of the time after a restart.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Restart {
    pub(crate) filled_s: f64,
    /// Until each account's list was read.
    pub(crate) read_s: f64,
    /// How long calls, writes and CPU time are counted.
    pub(crate) counted_s: f64,
    pub(crate) calls: Counts,
    pub(crate) writes: Counts,
    pub(crate) cpu_s: f64,
    pub(crate) memory_kib: u64,
}

/// Costs of one `hooktender plan`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Planned {
    pub(crate) took_s: f64,
    pub(crate) calls: Counts,
    pub(crate) memory_kib: u64,
}

/// The results of one run. Times are in seconds or, where the name says so, milliseconds; memory is in KiB.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) webhooks: usize,
    pub(crate) accounts: usize,
    /// Number of WebhookSets that make the Webhooks.
    pub(crate) sets: usize,
    pub(crate) vendor_ms: u64,
    pub(crate) converge: Applied,
    pub(crate) duplicates: usize,
    /// A change of the sets' templates.
    pub(crate) change: Option<Applied>,
    /// Subscriptions that the change did not reach although all are ready.
    pub(crate) outdated: usize,
    pub(crate) memory_settled_kib: u64,
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
    pub(crate) restart: Restart,
    /// A plan in which nothing is to be done.
    pub(crate) plan: Option<Planned>,
    /// A plan of a change of the sets' templates.
    pub(crate) plan_change: Option<Planned>,
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

    fn applied_rows(&self) -> Vec<Row> {
        let duplicates = ("  duplicates", self.duplicates.to_string());
        let converged =
            self.converge.rows("kubectl apply itself", "apply to all at the vendor and Ready", duplicates);
        let mut rows = Vec::from(converged);
        if let Some(change) = &self.change {
            let outdated = ("  subscriptions without the change", self.outdated.to_string());
            let (itself, ready) =
                ("kubectl apply of another template", "another template to all at the vendor and Ready");
            rows.extend(change.rows(itself, ready, outdated));
        }
        rows
    }

    fn quiet_rows(&self) -> Vec<Row> {
        let mut rows = vec![("resident memory, quiet", mib(self.memory_settled_kib))];
        let server = |quiet: &Quiet| quiet.a_minute(quiet.server_cpu_s);
        if let Some((_, most)) = self.quiet.memory() {
            let calls = counts(&self.quiet.calls);
            rows.extend([
                ("resident memory, quiet, at most", mib(most)),
                ("quiet: vendor calls", format!("{calls} in {:.1} min", self.quiet.minutes)),
                ("quiet: Kubernetes writes", counts(&self.quiet.writes)),
                ("quiet: processor time a minute", format!("{:.2} s", self.cpu_a_minute())),
                (
                    "quiet: API server's time a minute",
                    format!("{:.2} s ({:.2} s without hooktender)", server(&self.quiet), server(&self.idle)),
                ),
                ("quiet: longest between two lists of an account", seconds(self.quiet.gap_s)),
            ]);
        }
        rows.push(("longest message in a status", format!("{} characters", self.longest_message)));
        rows
    }

    fn edit_rows(&self) -> Vec<Row> {
        let edited = if self.sets > 0 {
            "edit of an account's label to the vendor's request"
        } else {
            "edit to the vendor's request"
        };
        let rows = [(edited, &self.edits_ms), ("Secret edit to the vendor's request", &self.secrets_ms)];
        let measured = rows.into_iter().filter(|(_, times)| !times.is_empty());
        let mut rows: Vec<_> = measured.map(|(name, times)| (name, latency(times))).collect();
        rows.push(("edit at the vendor to its correction", seconds(self.drift_s)));
        rows
    }

    fn restart_rows(&self) -> Vec<Row> {
        let Restart { filled_s, read_s, counted_s, calls, writes, cpu_s, memory_kib } = &self.restart;
        let mut rows = vec![
            ("restart: caches filled", format!("{filled_s:.2} s")),
            ("restart: every account read", format!("{read_s:.2} s")),
            ("restart: vendor calls in the first minute", counts(calls)),
            ("restart: Kubernetes writes in the first minute", counts(writes)),
            ("restart: processor time in the first minute", format!("{cpu_s:.1} s in {counted_s:.0} s")),
            ("resident memory, quiet after a restart", mib(*memory_kib)),
        ];
        let plans =
            [("hooktender plan", &self.plan), ("hooktender plan of another template", &self.plan_change)];
        for (name, plan) in plans {
            let Some(Planned { took_s, calls, memory_kib }) = plan else { continue };
            rows.push((name, format!("{took_s:.2} s, {}", mib(*memory_kib))));
            rows.push(("  vendor calls", counts(calls)));
        }
        rows
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
        let sets = if self.sets > 0 { format!(" (WebhookSets: {})", self.sets) } else { String::new() };
        writeln!(
            f,
            "| {} Webhooks{sets}, {} accounts, vendor answers in {} ms | |\n| --- | --- |",
            self.webhooks, self.accounts, self.vendor_ms
        )?;
        let rows = [self.applied_rows(), self.quiet_rows(), self.edit_rows(), self.restart_rows()];
        rows.iter().flatten().try_for_each(|(name, value)| writeln!(f, "| {name} | {value} |"))?;
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

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

fn mib(kib: u64) -> String {
    format!("{:.1} MiB", mebi(kib))
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
