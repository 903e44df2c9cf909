//! From objects and values to what the core decides on.

use super::memory::{Entry, Past};
use super::secrets::{Dependency, Values, account_dependencies};
use super::variables::{self, Variables};
use crate::api::{Mode, ObjectKey, RELEASE, VendorAccount};
use crate::plan::{Declared, Desired, Document, ExternalId, Intent, Policy, Redactor};
use crate::vendor;
use kube::ResourceExt;
use std::collections::BTreeSet;

/// Everything that a pass over the account reads beside the objects themselves.
pub(super) fn dependencies<'a>(
    account: &VendorAccount,
    entries: impl Iterator<Item = &'a Entry>,
) -> BTreeSet<Dependency> {
    let namespace = account.namespace().unwrap_or_default();
    let mut all: BTreeSet<_> = account_dependencies(&account.spec.vendor, &namespace).collect();
    for entry in entries {
        all.extend(variables::dependencies(&entry.known));
    }
    all
}

/// One Webhook, as far as deciding needs it.
pub(super) fn declare(
    entry: &Entry,
    account: &VendorAccount,
    values: &Values,
    past: &Past,
    ceiling: Mode,
) -> Declared {
    let (webhook, status) = (&entry.known, &entry.status);
    let spec = &webhook.spec;
    let (desired, redactor) = desired(entry, account, values);
    let values_changed = match &desired {
        Desired::Known(document) => {
            past.in_sync_mark(&entry.uid).is_some_and(|mark| mark != past.mark(document))
        }
        Desired::Unknown { .. } => false,
    };
    Declared {
        key: ObjectKey::of(webhook),
        created: webhook.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second()),
        desired,
        recorded: status.external_id.clone().map(ExternalId::new),
        named: spec.external_id.clone().map(ExternalId::new),
        superseded: status.superseded.iter().cloned().map(ExternalId::new).collect(),
        intent: status.pending.as_ref().map(|pending| Intent { settled: past.settled(&entry.uid, pending) }),
        applied: status.last_applied.as_ref().map(|applied| applied.digest.clone()),
        sensitive: status.last_applied.as_ref().map(|applied| applied.sensitive.clone()).unwrap_or_default(),
        values_changed,
        deleting: webhook.metadata.deletion_timestamp.is_some(),
        policy: Policy {
            mode: spec.mode.max(account.spec.mode).max(ceiling),
            drift: spec.drift_policy,
            deletion: spec.deletion_policy,
            suspended: spec.suspend,
            release: webhook.annotations().get(RELEASE).is_some_and(|value| value == "true"),
        },
        redactor,
    }
}

fn desired(entry: &Entry, account: &VendorAccount, values: &Values) -> (Desired, Redactor) {
    let webhook = &entry.known;
    let unknown = |reason, message| (Desired::Unknown { reason, message }, Redactor::default());
    let (wanted, has) = (webhook.spec.subscription.vendor(), account.spec.vendor.name());
    if wanted != has {
        let message = format!(
            "the subscription is for {wanted} and the account is at {has}: refer to an account of {wanted}"
        );
        return unknown("VendorMismatch", message);
    }
    let variables = match Variables::resolve(webhook, values) {
        Ok(variables) => variables,
        Err(message) => return unknown("VariableMissing", message),
    };
    let redactor = variables.redactor();
    match vendor::desired(&webhook.spec.subscription, &mut |text| variables.expand(text)) {
        Ok(document) => (Desired::Known(document), redactor),
        Err(message) => (Desired::Unknown { reason: "VariableMissing", message }, redactor),
    }
}

/// The fields that hold a value from a Secret.
pub(super) fn sensitive_fields(document: &Document) -> Vec<String> {
    document.iter().filter(|(_, value)| value.is_secret()).map(|(name, _)| name.to_owned()).collect()
}
