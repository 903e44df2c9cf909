//! The operator's writes to the API server, counted from its audit log.

use crate::figures::Counts;
use hooktender_cluster::{AuditEvent, AuditReader};

/// Counts writes while the log grows; a run of 100,000 Webhooks has a million of them.
pub(crate) struct WriteCounter {
    reader: AuditReader,
    user: String,
    counts: Counts,
}

impl WriteCounter {
    /// Counts the writes of one user.
    pub(crate) fn new(reader: AuditReader, user: String) -> Self {
        Self { reader, user, counts: Counts::new() }
    }

    /// Returns the writes so far, by kind.
    pub(crate) fn so_far(&mut self) -> Counts {
        let Self { reader, user, counts } = self;
        let count = |event: AuditEvent| {
            if event.user == *user && event.is_write() {
                let what = if event.subresource.is_empty() { "" } else { "/status" };
                *counts.entry(format!("{} {}{what}", event.verb, event.resource)).or_default() += 1;
            }
        };
        reader.read(count).unwrap();
        counts.clone()
    }
}

/// Returns what was added to counts.
pub(crate) fn added(now: &Counts, before: &Counts) -> Counts {
    let added = now.iter().map(|(name, n)| (name.clone(), n - before.get(name).copied().unwrap_or_default()));
    added.filter(|(_, n)| *n > 0).collect()
}
