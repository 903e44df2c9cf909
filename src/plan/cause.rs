//! The reason of a decision.

use schemars::JsonSchema;
use serde::Serialize;

/// The reason of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// Nothing is to be done.
    InSync,
    /// The vendor does not have it yet.
    New,
    /// The vendor has an equal subscription already, or the spec has the id of one.
    Found,
    /// It is adopted, and its write-only values cannot be compared with the declared ones.
    NotComparable,
    /// A person, or a Secret, changed what is declared.
    SpecChanged,
    /// It was changed at the vendor.
    VendorEdit,
    /// The vendor has disabled it by itself.
    #[serde(rename = "halted")]
    DisabledByVendor,
    /// It was deleted at the vendor.
    Gone,
    /// It was replaced.
    Superseded,
    /// The Webhook is being deleted.
    Deleted,
    /// No Webhook declares it, and a person has named it to be deleted.
    Pruned,
    /// Nothing is known of it: no plan was made.
    Unknown,
}

impl Cause {
    /// A phrase for messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::New => "not yet at the vendor",
            Self::Found => "found at the vendor",
            Self::NotComparable => "cannot be compared: a write-only value is sent once",
            Self::SpecChanged => "spec changed",
            Self::VendorEdit => "vendor-side edit",
            Self::DisabledByVendor => "stopped by the vendor after too many errors",
            Self::Gone => "gone at the vendor",
            Self::Superseded => "replaced",
            Self::Deleted => "Webhook deleted",
            Self::Pruned => "unmanaged, and named by --prune",
            Self::Unknown => "not planned",
        }
    }

    /// Whether the difference arose at the vendor, while the declaration stayed the same.
    pub fn is_drift(self) -> bool {
        matches!(self, Self::VendorEdit | Self::DisabledByVendor | Self::Gone)
    }
}
