//! The labels of metrics. Apart from the names of accounts, their values come from fixed sets, so that the number of series
//! does not grow with the number of Webhooks.

use crate::api::{ObjectKey, VendorName};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use std::fmt::Write as _;

/// The state of a Webhook. Each Webhook is in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WebhookPhase {
    /// In sync with the vendor.
    Ready,
    /// Changes are pending; plan mode only reports them.
    Planned,
    /// Changed at the vendor; `driftPolicy: Report` leaves it so.
    Drifted,
    /// The vendor has stopped its deliveries, because too many failed.
    NotDelivering,
    /// Being reconciled, or waiting to be.
    Reconciling,
    /// A person has to act.
    Stalled,
    /// Not reconciled: `spec.suspend` is true.
    Suspended,
    /// Being deleted.
    Deleting,
    /// Its account is missing, or does not allow its namespace.
    Orphaned,
}

impl WebhookPhase {
    /// All states, in the order of their discriminants.
    pub const ALL: [Self; 9] = [
        Self::Ready,
        Self::Planned,
        Self::Drifted,
        Self::NotDelivering,
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
            Self::NotDelivering => "not_delivering",
            Self::Reconciling => "reconciling",
            Self::Stalled => "stalled",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
            Self::Orphaned => "orphaned",
        }
    }
}

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountPhase {
    /// Its vendor is read at every resync.
    Ready,
    /// Being reconciled, or retried with back-off.
    Reconciling,
    /// A person has to act.
    Stalled,
    /// Its vendor is not called: `spec.suspend` is true.
    Suspended,
    /// Being deleted.
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

/// The result of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassResult {
    /// All phases ran.
    Success,
    /// The account's own rate limit was used up; the pass is continued later.
    Paced,
    /// The vendor, the cluster, or an invalid declaration stopped it.
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

/// Implements `EncodeLabelValue` by `as_str`.
macro_rules! label_values {
    ($($name:ty),*) => {$(
        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
                encoder.write_str(self.as_str())
            }
        }
    )*};
}
label_values!(WebhookPhase, AccountPhase, PassResult, Vendor);

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
pub(super) struct OfSet {
    pub(super) namespace: String,
    pub(super) set: String,
    pub(super) state: &'static str,
}

impl OfSet {
    pub(super) fn of(set: &ObjectKey, state: &'static str) -> Self {
        Self { namespace: set.namespace.clone(), set: set.name.clone(), state }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfWrite {
    pub(super) resource: &'static str,
    pub(super) verb: &'static str,
    pub(super) result: &'static str,
}
