//! The subscription that a Webhook declares, with the values of its variables.

use super::variables::{ExpandError, Variables};
use crate::api::webhook::Subscription;
use crate::api::{VendorAccount, Webhook};
use crate::engine::cluster::values::Values;
use crate::plan::{Desired, Redactor};
use crate::vendor;
use kube::ResourceExt;
use std::cell::RefCell;
use std::collections::HashMap;

/// The reason of a Webhook whose subscription is too long.
const TOO_LARGE: &str = "SubscriptionTooLarge";
/// The most bytes of all subscriptions of one namespace at one account;
const MAX_DOCUMENTS: usize = 4 * 1024 * 1024;
/// those that are no longer than this do not count.
const UNCOUNTED: usize = 4 * 1024;

/// Returns what a Webhook declares, and the redactor for its secret values.
pub(crate) fn build_desired(
    webhook: &Webhook,
    account: &VendorAccount,
    values: &Values,
) -> (Desired, Redactor) {
    let unknown = |reason, message| {
        (Desired::Unknown { reason, message }, Variables::known(webhook, values).redactor())
    };
    if let Subscription::Unreadable { error, .. } = &webhook.spec.subscription {
        let message = format!(
            "this version of hooktender cannot read the spec, and changes nothing at the vendor: {error}; upgrade hooktender, or change the spec"
        );
        return unknown("Unreadable", message);
    }
    let (declared, actual) = (webhook.spec.subscription.vendor(), account.spec.vendor.name());
    if declared != actual {
        let message = format!(
            "the subscription is for {declared}, but the account is at {actual}: refer to an account at {declared} in a new Webhook"
        );
        return unknown("VendorMismatch", message);
    }
    let variables = match Variables::resolve(webhook, values) {
        Ok(variables) => variables,
        Err(message) => return unknown("VariableMissing", message),
    };
    let redactor = variables.redactor();
    let mut expansion = variables.expansion();
    match vendor::desired(&webhook.spec.subscription, &mut |text, usage| expansion.expand(text, usage)) {
        Ok(document) => match vendor::refusal(&account.spec.vendor, &document) {
            Some(message) => (Desired::Unknown { reason: "Rejected", message }, redactor),
            None => (Desired::Known(document), redactor),
        },
        Err(error) => {
            let reason = match error {
                ExpandError::Missing(_) => "VariableMissing",
                ExpandError::TooLarge => TOO_LARGE,
            };
            (Desired::Unknown { reason, message: error.to_string() }, redactor)
        }
    }
}

/// Bounds the sum of the lengths of a namespace's subscriptions at one account. Otherwise a guest could make the account's list too
/// long to be read, or use up the memory of all.
#[derive(Default)]
pub(crate) struct DocumentBudget(RefCell<HashMap<String, usize>>);

impl DocumentBudget {
    /// Returns the subscription; without it, and with the reason, if it is too much together with those before it.
    pub(crate) fn limit(&self, webhook: &Webhook, desired: Desired) -> Desired {
        let Desired::Known(document) = &desired else { return desired };
        let mut bytes = 0;
        document.for_each_text(&mut |text| bytes += text.len());
        if bytes <= UNCOUNTED {
            return desired;
        }
        let namespace = webhook.namespace().unwrap_or_default();
        let mut used = self.0.borrow_mut();
        let used = used.entry(namespace).or_default();
        if *used + bytes > MAX_DOCUMENTS {
            let message = format!(
                "the long subscriptions of this namespace (over {} KiB each) have more than {} MiB in total at this account, and older Webhooks have priority: shorten them, or use fewer",
                UNCOUNTED / 1024,
                MAX_DOCUMENTS / 1024 / 1024
            );
            return Desired::Unknown { reason: TOO_LARGE, message };
        }
        *used += bytes;
        desired
    }
}
