//! The labels of metrics. Their values are few and known beforehand, but for the names of accounts: whatever grows with the
//! number of Webhooks makes no series.

use crate::api::{ObjectKey, VendorName};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use std::fmt::Write as _;

/// How a Webhook stands. Each stands in one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WebhookPhase {
    /// The vendor has it as declared.
    Ready,
    /// Something is to be done, which plan mode only shows.
    Planned,
    /// Somebody changed it at the vendor, and it is left so.
    Drifted,
    /// It is worked on, or waits for its turn.
    Reconciling,
    /// A person has to do something.
    Stalled,
    /// It is left alone on purpose.
    Suspended,
    /// It is being deleted.
    Deleting,
    /// Its account is missing, or does not let it in.
    Orphaned,
}

impl WebhookPhase {
    /// All of them, in the order of their tallies.
    pub const ALL: [Self; 8] = [
        Self::Ready,
        Self::Planned,
        Self::Drifted,
        Self::Reconciling,
        Self::Stalled,
        Self::Suspended,
        Self::Deleting,
        Self::Orphaned,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Planned => "planned",
            Self::Drifted => "drifted",
            Self::Reconciling => "reconciling",
            Self::Stalled => "stalled",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
            Self::Orphaned => "orphaned",
        }
    }
}

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountPhase {
    /// Its vendor is read every interval.
    Ready,
    /// It is worked on, or tried again by itself.
    Reconciling,
    /// A person has to do something.
    Stalled,
    /// Its vendor is not called on purpose.
    Suspended,
    /// It is being deleted.
    Deleting,
}

impl AccountPhase {
    pub(super) const ALL: [Self; 5] =
        [Self::Ready, Self::Reconciling, Self::Stalled, Self::Suspended, Self::Deleting];

    fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Reconciling => "reconciling",
            Self::Stalled => "stalled",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
        }
    }
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassResult {
    /// It came to its end.
    Success,
    /// The account's own budget of calls was used up; it goes on by itself.
    Paced,
    /// The vendor, the cluster, or what is declared kept it from its end.
    Error,
}

impl PassResult {
    pub(super) const ALL: [Self; 3] = [Self::Success, Self::Paced, Self::Error];

    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Paced => "paced",
            Self::Error => "error",
        }
    }
}

/// Makes a type a label value by its name.
macro_rules! named {
    ($($name:ty),*) => {$(
        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
                encoder.write_str(self.as_str())
            }
        }
    )*};
}
named!(WebhookPhase, AccountPhase, PassResult, Vendor);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Vendor(pub(super) VendorName);

impl Vendor {
    fn as_str(self) -> &'static str {
        self.0.as_str()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfVendor {
    pub(super) vendor: Vendor,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfPass {
    pub(super) vendor: Vendor,
    pub(super) result: PassResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfCall {
    pub(super) vendor: Vendor,
    pub(super) operation: &'static str,
    pub(super) class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfOperation {
    pub(super) vendor: Vendor,
    pub(super) operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfAction {
    pub(super) vendor: Vendor,
    pub(super) action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfWebhooks {
    pub(super) vendor: Vendor,
    pub(super) state: WebhookPhase,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfAccounts {
    pub(super) vendor: Vendor,
    pub(super) state: AccountPhase,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfAccount {
    pub(super) namespace: String,
    pub(super) account: String,
}

impl OfAccount {
    pub(super) fn of(account: &ObjectKey) -> Self {
        Self { namespace: account.namespace.clone(), account: account.name.clone() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfKind {
    pub(super) namespace: String,
    pub(super) account: String,
    pub(super) kind: &'static str,
}

impl OfKind {
    pub(super) fn of(account: &ObjectKey, kind: &'static str) -> Self {
        Self { namespace: account.namespace.clone(), account: account.name.clone(), kind }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfWrite {
    pub(super) resource: &'static str,
    pub(super) verb: &'static str,
    pub(super) result: &'static str,
}
