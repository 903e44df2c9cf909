//! The planner: computes a plan from what is declared and what is observed.
//!
//! Pure and total: no I/O, no clock, no client, no vendor by name. Every decision is a function from values to values.
//! [`identity`] matches Webhooks and subscriptions, `decide` says what to do, [`diff`] compares values.

mod cause;
mod decide;
mod decision;
mod declared;
pub mod diff;
pub mod document;
pub mod elsewhere;
mod field;
pub(crate) mod former;
pub(crate) mod guard;
mod id;
pub mod identity;
mod impact;
mod item;
pub(crate) mod list;
pub mod redact;
pub mod report;
pub mod rules;
pub(crate) mod unreadable;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod testing;

pub use cause::Cause;
pub use decide::plan;
pub use decision::{BlockedReason, Decision, Step};
pub use declared::{Declared, Desired, Hints, PendingCreate, Policy};
pub use diff::Change;
pub use document::{Document, Members, SecretText, Value, digest};
pub use elsewhere::{Elsewhere, Peer, PeerCreate, Rival, Wants};
pub use field::{Absent, Field, Role, Rule, Usage};
pub(crate) use id::order;
pub use id::{ExternalId, InvalidId, LONGEST_ID};
pub(crate) use item::PlannedWebhook;
pub use item::{Item, Plan, Priority};
pub use list::{List, Unreadable};
pub use redact::Redactor;
pub use rules::Rules;

/// The name of a Webhook.
pub use crate::api::ObjectKey as Key;

use crate::api::{shorten, visible};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed")
            .field("id", &self.id)
            .field("summary", &self.summary)
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}

impl Observed {
    /// The vendor's own JSON; null if there was none.
    pub(crate) fn answer(&self) -> serde_json::Value {
        self.raw.as_ref().and_then(|raw| serde_json::from_slice(raw).ok()).unwrap_or_default()
    }

    /// The approximate size in memory, in bytes, without the vendor's own JSON.
    pub(crate) fn size(&self) -> usize {
        // The entries in the list and in the indexes of a pass.
        const FIXED: usize = 512;
        FIXED + self.document.size() + self.summary.len()
    }

    /// A key that sorts the oldest first.
    pub(crate) fn age(&self) -> (Option<&str>, (u64, &str)) {
        (self.created.as_deref(), self.id.order())
    }
}

/// One subscription as the vendor showed it. `Debug` omits its content, which may contain secrets in clear text.
#[derive(Clone)]
pub struct Observed {
    /// The vendor's id.
    pub id: ExternalId,
    /// Its content in canonical form.
    pub document: Document,
    /// One line for people: its subject and its receiver, without path or query.
    pub summary: String,
    /// When it was created, in a spelling that sorts, if the vendor says so.
    pub created: Option<String>,
    /// The vendor's own version of it, which changes with each save at the vendor, if it has one.
    pub remote_version: Option<String>,
    /// Whether the vendor delivers, if it says so.
    pub delivery: Option<Delivery>,
    /// The vendor's own JSON, for the vendor's code only: it has members that a manifest cannot name. It is kept as text, as a tree
    /// would take many times as much memory, and is a view of the list's response.
    pub raw: Option<Bytes>,
}

/// Ids and summaries of unmanaged subscriptions are cut to this many characters: their length is the vendor's choice.
const LONGEST_SHOWN: usize = 200;

/// An id or a summary of an unmanaged subscription, fit to be shown.
pub fn shown(text: &str) -> String {
    shorten::to_chars(&visible(text), LONGEST_SHOWN)
}

/// Whether a vendor delivers for a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// It delivers.
    On,
    /// A person has stopped it.
    Off,
    /// The vendor has disabled it by itself, as too many deliveries failed.
    DisabledByVendor,
}

/// Returns a digest of JSON.
pub(crate) fn hash(value: &serde_json::Value) -> String {
    let mut hex = String::from("sha256:");
    for byte in Sha256::digest(value.to_string()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
