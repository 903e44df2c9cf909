//! What the core decides: a plan and its items.

use super::diff::Change;
use super::document::Document;
use super::elsewhere::Rival;
use super::list::Unreadable;
use super::{ExternalId, Key};
use crate::api::status::Action;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Why something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// Nothing is to be done.
    InSync,
    /// It is declared and not at the vendor.
    New,
    /// An equal one is at the vendor already, or the spec names one.
    Found,
    /// It is adopted, and its write-only values cannot be compared with the declared ones.
    NotComparable,
    /// A person, or a Secret, changed what is declared.
    SpecChanged,
    /// Somebody changed it at the vendor.
    VendorEdit,
    /// The vendor has stopped it by itself.
    Halted,
    /// It was there, and is gone.
    Gone,
    /// Its replacement is in place.
    Superseded,
    /// The Webhook is being deleted.
    Deleted,
}

impl Cause {
    /// In words, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::New => "not yet at the vendor",
            Self::Found => "found at the vendor",
            Self::NotComparable => "cannot be compared: a write-only value is sent once",
            Self::SpecChanged => "spec changed",
            Self::VendorEdit => "vendor-side edit",
            Self::Halted => "stopped by the vendor after too many errors",
            Self::Gone => "gone at the vendor",
            Self::Superseded => "replaced",
            Self::Deleted => "Webhook deleted",
        }
    }

    /// Whether the vendor's copy differs although nothing that is declared did.
    pub fn is_drift(self) -> bool {
        matches!(self, Self::VendorEdit | Self::Halted | Self::Gone)
    }
}

/// Why a step is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockedReason {
    /// Plan mode.
    PlanOnly,
    /// `suspend: true`.
    Suspended,
    /// A create may still be under way at the vendor.
    Settling,
    /// What was made lately is not in the vendor's list, which may lag.
    NotShownYet,
    /// `driftPolicy: Report`.
    DriftReported,
    /// The same difference was corrected several times and came back each time.
    CorrectionDoesNotHold,
    /// Too many would be deleted at once.
    DeletionGuard,
    /// Unclaimed ones look alike.
    SimilarExists(Vec<ExternalId>),
    /// An older Webhook has or wants the same.
    Conflict(Key),
    /// A Webhook at another VendorAccount object has or wants the same.
    ConflictElsewhere(Rival),
    /// The id in the spec is not there.
    ExternalIdNotFound(ExternalId),
    /// The vendor lists its subscription, or one that may be its own, in a shape that cannot be read.
    Unreadable(Unreadable),
    /// What is declared cannot be said.
    Unknown {
        /// Condition reason.
        reason: &'static str,
        /// What is missing and what to do.
        message: String,
    },
}

/// What to do at the vendor and in the object.
#[derive(Clone, Debug)]
pub enum Step {
    /// Make it.
    Create(Document),
    /// Record that it is this one, and that it takes the other's place.
    Adopt(ExternalId, Option<ExternalId>),
    /// Change it in place.
    Update(ExternalId, Document),
    /// Make a new one, then delete this one.
    Replace(ExternalId, Document),
    /// Delete what was replaced.
    Finish(Vec<ExternalId>),
    /// Delete these, then let the object go.
    Delete(Vec<ExternalId>),
    /// Let the object go, without a call.
    Release,
}

impl Step {
    /// Whether the vendor is called for it.
    pub fn calls(&self) -> bool {
        self.number_of_calls() > 0
    }

    /// How many writes at the vendor it takes.
    pub fn number_of_calls(&self) -> usize {
        match self {
            Self::Create(_) | Self::Update(..) => 1,
            Self::Replace(..) => 2,
            Self::Finish(ids) | Self::Delete(ids) => ids.len(),
            Self::Adopt(_, replaced) => usize::from(replaced.is_some()),
            Self::Release => 0,
        }
    }
}

/// The order of work: what a person waits for never waits behind periodic work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Deletions, and edits that a person made.
    Edit,
    /// Creations.
    Create,
    /// Corrections of drift.
    Drift,
}

/// What is decided for one Webhook.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its place in the list of declared Webhooks.
    pub index: usize,
    /// Which Webhook it is.
    pub key: Key,
    /// The one action.
    pub action: Action,
    /// The subscription it is about, where there is one.
    pub id: Option<ExternalId>,
    /// Why.
    pub cause: Cause,
    /// Field by field, fit to be shown.
    pub changes: Vec<Change>,
    /// Stable while the effect is the same; none where nothing is to be done.
    pub digest: Option<String>,
    /// How many writes at the vendor it takes, held or not.
    pub calls: usize,
    /// What is done about it; nothing when held or in sync.
    pub step: Option<Step>,
    /// Why nothing is done.
    pub hold: Option<BlockedReason>,
    /// When it is done.
    pub lane: Priority,
    /// Unclaimed subscriptions equal to the one that is adopted.
    pub duplicates: Vec<ExternalId>,
    /// Whether what is found answers an unanswered create.
    pub answers: bool,
    /// A Webhook of other content that has the same natural key: a receiver may get the same twice.
    pub similar: Option<Key>,
}

/// What is decided for one account.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// One item a Webhook, in the order of work.
    pub items: Vec<Item>,
    /// Places of the subscriptions that no Webhook declares, in the list of observed ones.
    pub unmanaged: Vec<usize>,
    /// How many subscriptions belong to a Webhook.
    pub managed: usize,
    /// The same by the Webhooks' namespaces.
    pub managed_in: BTreeMap<String, usize>,
    /// How many subscriptions belong to Webhooks at other VendorAccount objects.
    pub elsewhere: usize,
}
