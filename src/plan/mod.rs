//! The core: what is declared and what is observed in, a plan out.
//!
//! Pure and total: no I/O, no clock, no client, no vendor by name. Everything that decides is a function from values
//! to values. The rules of identity stand in [`identity`], what to do in `decide`, how values compare in [`diff`].

mod cause;
mod decide;
mod decision;
mod declared;
pub mod diff;
pub mod document;
pub mod elsewhere;
mod field;
pub(crate) mod guard;
mod id;
pub mod identity;
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
pub use declared::{Declared, Desired, Intent, Policy};
pub use diff::Change;
pub use document::{Document, Members, SecretText, Value, digest};
pub use elsewhere::{Elsewhere, Peer, PendingCreate, Rival, Wants};
pub use field::{Absent, Field, Rule, Usage};
pub(crate) use id::order;
pub use id::{ExternalId, InvalidId, LONGEST_ID};
pub use item::{Item, Plan, Priority};
pub use list::{List, Unreadable};
pub use redact::Redactor;
pub use rules::Rules;

/// Names one Webhook.
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
    /// The vendor's own answer; null where there was none.
    pub(crate) fn answer(&self) -> serde_json::Value {
        self.raw.as_ref().and_then(|raw| serde_json::from_slice(raw).ok()).unwrap_or_default()
    }

    /// About how much memory it takes, in bytes, the vendor's own JSON not counted.
    pub(crate) fn size(&self) -> usize {
        // Its places in the list and in the indexes of a pass.
        const FIXED: usize = 512;
        FIXED + self.document.size() + self.summary.len()
    }

    /// Sorts the oldest first.
    pub(crate) fn age(&self) -> (Option<&str>, (u64, &str)) {
        (self.created.as_deref(), self.id.order())
    }
}

/// One subscription as the vendor showed it. `Debug` leaves out what it is: that may hold secrets in clear.
#[derive(Clone)]
pub struct Observed {
    /// The vendor's id.
    pub id: ExternalId,
    /// What it is, in the canonical form.
    pub document: Document,
    /// One line for people: what it is about and where it goes, without path or query.
    pub summary: String,
    /// When it was made, in a spelling that sorts, where the vendor tells.
    pub created: Option<String>,
    /// A mark that moves whenever somebody saves it at the vendor, where the vendor has one.
    pub remote_version: Option<String>,
    /// Whether the vendor delivers, where it tells.
    pub delivery: Option<Delivery>,
    /// The vendor's own JSON, for the vendor's code alone: members that a manifest cannot name. As text, of which a tree would
    /// take many times as much, and of a list's answer no more than a view.
    pub raw: Option<Bytes>,
}

/// Ids and summaries of what nobody declares are cut to this many characters: they are the vendor's, and people read them.
const LONGEST_SHOWN: usize = 200;

/// An id or a summary of what nobody declares, as people read it.
pub fn shown(text: &str) -> String {
    shorten::to_chars(&visible(text), LONGEST_SHOWN)
}

/// Whether a vendor delivers what a subscription asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// It does.
    On,
    /// Somebody has stopped it.
    Off,
    /// The vendor itself has stopped it, as too many deliveries failed.
    DisabledByVendor,
}

/// A digest of JSON.
pub(crate) fn hash(value: &serde_json::Value) -> String {
    let mut hex = String::from("sha256:");
    for byte in Sha256::digest(value.to_string()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
