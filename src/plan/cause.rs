//! Why something is done.

use schemars::JsonSchema;
use serde::Serialize;

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
    #[serde(rename = "halted")]
    DisabledByVendor,
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
            Self::DisabledByVendor => "stopped by the vendor after too many errors",
            Self::Gone => "gone at the vendor",
            Self::Superseded => "replaced",
            Self::Deleted => "Webhook deleted",
        }
    }

    /// Whether the vendor's copy differs although nothing that is declared did.
    pub fn is_drift(self) -> bool {
        matches!(self, Self::VendorEdit | Self::DisabledByVendor | Self::Gone)
    }
}
