//! Costs of a process, as the kernel counts them.

use std::fs;

/// The unit of times in `/proc`; it is the same on every Linux in use.
const TICKS_A_SECOND: f64 = 100.0;

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

    /// CPU time so far, in seconds.
    pub(crate) fn cpu(self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        // The name, in brackets, may contain any character.
        let (_, rest) = stat.rsplit_once(')').unwrap();
        rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>()
            / TICKS_A_SECOND
    }
}
