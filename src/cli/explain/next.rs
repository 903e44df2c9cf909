//! What happens next to an object, and when.

use super::page::ago;
use super::remedies::{conditions_of, own_conditions};
use crate::api::command::Target;
use crate::api::conditions::{self, READY, RECONCILING};
use crate::api::{ObjectKey, VendorAccount, Webhook};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// A try that is late by more than this does not come from a running operator.
const LATE: SignedDuration = SignedDuration::from_mins(1);

/// Returns what happens next to a Webhook.
pub(super) fn of_webhook(webhook: &Webhook, account: Option<&VendorAccount>) -> Vec<String> {
    if webhook.spec.suspend {
        return vec!["nothing, until spec.suspend is false".into()];
    }
    let Some(account) = account else {
        return vec!["a pass as soon as the VendorAccount exists".into()];
    };
    if account.spec.suspend {
        return vec!["nothing, until spec.suspend of the VendorAccount is false".into()];
    }
    let status = webhook.status.as_ref();
    let mut next = Vec::new();
    let account_ready = conditions::get(conditions_of(Some(account)), READY);
    let account_fails = account_ready.is_some_and(|ready| ready.status != "True");
    if conditions::is_true(own_conditions(webhook), RECONCILING) || account_fails {
        next.extend(next_attempt(account, Timestamp::now()));
    }
    if status.is_some_and(|status| status.pending.is_some()) {
        next.push(
            "the vendor's list decides whether the create was committed, after its grace period (--request-timeout and --settle)"
                .into(),
        );
    }
    next.push(resync(account));
    next
}

/// Returns what happens next to an account.
pub(super) fn of_account(account: &VendorAccount) -> Vec<String> {
    if account.spec.suspend {
        return vec!["nothing, until spec.suspend is false".into()];
    }
    next_attempt(account, Timestamp::now()).into_iter().chain([resync(account)]).collect()
}

/// Returns the command that asks for a pass.
pub(super) fn request(account: &VendorAccount) -> String {
    Target::account(&ObjectKey::of(account)).sync()
}

fn next_attempt(account: &VendorAccount, now: Timestamp) -> Option<String> {
    let at = account.status.as_ref()?.next_attempt.as_ref()?.0;
    let age = now.duration_since(at);
    Some(if age < SignedDuration::ZERO {
        format!("the next try, at the latest {}", ago(at))
    } else if age < LATE {
        format!("the next try, which was due {}", ago(at))
    } else {
        format!("the next try, which was due {}: is hooktender running?", ago(at))
    })
}

fn resync(account: &VendorAccount) -> String {
    format!(
        "the vendor's list is read every {} (give or take 10 %), and at once when an object or a Secret changes",
        account.spec.resync_interval
    )
}
