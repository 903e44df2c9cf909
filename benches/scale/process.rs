//! What a process costs, as the kernel counts it.

use std::fs;
use std::time::Duration;

/// The unit of times in `/proc`; it is the same on every Linux that anybody runs.
const TICKS_A_SECOND: u64 = 100;

/// A running process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Resident memory now and at its peak, in KiB; none once the process has ended.
    pub(crate) fn memory(self) -> Option<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse().ok()
        };
        Some((line("VmRSS:")?, line("VmHWM:")?))
    }

    /// Time on the processors so far.
    pub(crate) fn cpu(self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        // The name, in brackets, may hold anything.
        let (_, rest) = stat.rsplit_once(')').unwrap();
        let ticks: u64 = rest.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 1000 / TICKS_A_SECOND)
    }
}
