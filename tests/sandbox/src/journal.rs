//! The journal: every request that a vendor received, in order of arrival.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::exchange::Call;
use crate::fault::Operation;

/// One request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) at: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) operation: Operation,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
    /// `null` until an answer is sent, and for ever when none was.
    pub(crate) status: Option<u16>,
    pub(crate) fault: Option<&'static str>,
}

impl Entry {
    /// What is known when a request arrives.
    pub(crate) fn new(seq: u64, operation: Operation, call: &Call, fault: Option<&'static str>) -> Self {
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &call.headers {
            let text = String::from_utf8_lossy(value.as_bytes());
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|all| {
                    all.push_str(", ");
                    all.push_str(&text);
                })
                .or_insert_with(|| text.clone().into_owned());
        }
        Self {
            seq,
            at: format!("{:.3}", Timestamp::now()),
            method: call.method.to_string(),
            path: call.path.clone(),
            query: call.raw_query.clone(),
            operation,
            headers,
            body: call.body_for_journal(),
            status: None,
            fault,
        }
    }
}

/// The requests of one account.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Vec<Entry>,
}

impl Journal {
    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Records the status of an answer; a journal that was emptied meanwhile stays empty.
    pub(crate) fn answered(&mut self, seq: u64, status: u16) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|e| e.seq == seq) {
            entry.status = Some(status);
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// How often each operation was requested.
    pub(crate) fn counts(&self) -> BTreeMap<Operation, u64> {
        let mut counts = BTreeMap::new();
        for entry in &self.entries {
            *counts.entry(entry.operation).or_default() += 1;
        }
        counts
    }
}
