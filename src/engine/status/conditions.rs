//! The conditions of an object, which are set together, and the reasons that several modules use.

use crate::api::conditions::{self, DRIFTED, READY, RECONCILING, STALLED};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;

/// A create ended with an unknown outcome, and its grace period is not over.
pub(crate) const SETTLING: &str = "Settling";
/// The vendor has stopped deliveries, because too many failed.
pub(crate) const TOO_MANY_ERRORS: &str = "TooManyErrors";
/// The recorded id belongs to another account at the vendor.
pub(crate) const ACCOUNT_CHANGED: &str = "AccountChanged";
/// The API server refuses to write the object, as an admission policy does.
pub(crate) const WRITE_REFUSED: &str = "WriteRefused";
/// hooktender lacks a right in the cluster.
pub(crate) const FORBIDDEN: &str = "Forbidden";
/// The account's Secrets cannot be read because the API server fails.
pub(crate) const CLUSTER_UNAVAILABLE: &str = "ClusterUnavailable";
/// The API server refuses to write some of the account's Webhooks.
pub(crate) const WEBHOOKS_NOT_WRITTEN: &str = "WebhooksNotWritten";

/// Values for the conditions `Ready`, `Reconciling` and `Stalled`.
pub(crate) struct ConditionSummary {
    /// None leaves it as it is.
    pub(crate) ready: Option<bool>,
    pub(crate) reconciling: bool,
    pub(crate) stalled: bool,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl ConditionSummary {
    pub(crate) fn ready(reason: &'static str, message: impl Into<String>) -> Self {
        Self { ready: Some(true), reconciling: false, stalled: false, reason, message: message.into() }
    }

    pub(crate) fn busy(reason: &'static str, message: impl Into<String>) -> Self {
        Self { ready: Some(false), reconciling: true, stalled: false, reason, message: message.into() }
    }

    pub(crate) fn stalled(reason: &'static str, message: impl Into<String>) -> Self {
        Self { ready: Some(false), reconciling: false, stalled: true, reason, message: message.into() }
    }

    /// Returns [`Self::stalled`] if a person has to act, and [`Self::busy`] otherwise.
    pub(crate) fn failed(stalled: bool, reason: &'static str, message: impl Into<String>) -> Self {
        if stalled { Self::stalled(reason, message) } else { Self::busy(reason, message) }
    }
}

/// What is known about changes made at the vendor.
pub(crate) enum Drift {
    Unknown,
    None,
    Found(String),
}

/// Sets the conditions `Ready`, `Drifted`, `Reconciling` and `Stalled`.
pub(crate) fn set_all(
    all: &mut Vec<Condition>,
    summary: &ConditionSummary,
    drift: &Drift,
    generation: Option<i64>,
    now: Timestamp,
) {
    let ready = summary.ready.unwrap_or_else(|| conditions::is_true(all, READY));
    let (reason, message) = (summary.reason, summary.message.as_str());
    let mut set = |kind: &str, is_true, reason: &str, message: &str| {
        let new = Condition {
            type_: kind.into(),
            status: conditions::status(is_true),
            reason: reason.into(),
            message: message.into(),
            observed_generation: generation,
            last_transition_time: conditions::seconds(now),
        };
        conditions::set(all, new);
    };
    set(READY, ready, reason, message);
    match drift {
        Drift::Unknown => {}
        Drift::None => set(DRIFTED, false, "NoDrift", ""),
        Drift::Found(message) => set(DRIFTED, true, "Drifted", message),
    }
    set(RECONCILING, summary.reconciling, reason, if summary.reconciling { message } else { "" });
    set(STALLED, summary.stalled, reason, if summary.stalled { message } else { "" });
}
