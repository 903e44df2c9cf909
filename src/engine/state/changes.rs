//! What a pass depends on beside the vendor, as fingerprints. What users write is compared with what the last pass acted on, and what is
//! written with what that pass left behind: so our own writes do not trigger a pass, and no change that users make meanwhile is lost.

use super::account::AccountState;
use super::handled::{HandledInputs, WebhookCounts};
use super::pace::{Changes, GUESTS};
use super::webhook::{HandledWebhook, WebhookState, version};
use crate::api::{ALLOW_DELETIONS, REQUESTED_AT, VendorAccount};
use crate::engine::fingerprint::fingerprint;
use kube::{Resource, ResourceExt};
use std::collections::BTreeSet;

/// Returns what has changed since the last pass of what a pass depends on.
pub(crate) fn changes(state: &AccountState, account: &VendorAccount) -> Changes {
    let own = account.metadata.namespace.as_deref().unwrap_or_default();
    // A Webhook that is gone without our doing had no finalizer, and others may have waited for what it declared.
    let (handled, webhooks) = (&state.handled, count(state));
    let mut changes = Changes {
        by_owner: handled.account != Some(fingerprint_of(state, account))
            || handled.webhooks.own != webhooks.own,
        by: BTreeSet::new(),
    };
    if handled.request != Some(request_of(account)) {
        changes.by(own);
    }
    if handled.webhooks.guests != webhooks.guests {
        changes.by(GUESTS);
    }
    for webhook in state.of(&state.uids) {
        let requested = fingerprint(webhook.requested.but_request());
        let differs = webhook.handled.is_none_or(|handled| {
            handled.requested != requested || handled.written != written(webhook, version(&*webhook.object))
        });
        let requests = || {
            webhook.handled.is_some_and(|handled| handled.request != fingerprint(&webhook.requested.request))
        };
        if differs && !webhook.object.is_guest() {
            changes.by_owner = true;
        } else if differs || requests() {
            changes.by(webhook.object.metadata.namespace.as_deref().unwrap_or_default());
        }
    }
    changes
}

fn count(state: &AccountState) -> WebhookCounts {
    let guests = state.of(&state.uids).filter(|webhook| webhook.object.is_guest()).count();
    WebhookCounts { own: state.uids.len() - guests, guests }
}

/// Records what a pass has handled: `account` as it was when the pass began.
pub(crate) fn record_handled(state: &mut AccountState, account: &VendorAccount) {
    let mut webhooks = WebhookCounts::default();
    for uid in &state.uids {
        let Some(webhook) = state.webhooks.get_mut(uid) else { continue };
        // What the pass created is known from now on, even if the status is wiped before the next pass.
        webhook.observe_status();
        let version = version(&*webhook.object);
        webhook.handled = Some(HandledWebhook {
            requested: fingerprint(webhook.requested.but_request()),
            request: fingerprint(&webhook.requested.request),
            written: written(webhook, version),
            version,
        });
        *(if webhook.object.is_guest() { &mut webhooks.guests } else { &mut webhooks.own }) += 1;
    }
    // A pass that panics or hangs does not get here: what it read is compared with what the pass before it used.
    let values = state.values.take().or(state.handled.values);
    let (account, request) = (Some(fingerprint_of(state, account)), Some(request_of(account)));
    state.handled = HandledInputs { account, request, webhooks, values };
}

fn fingerprint_of(state: &AccountState, account: &VendorAccount) -> u64 {
    let allows = account.annotations().get(ALLOW_DELETIONS);
    fingerprint((account.uid(), account.meta().generation, allows, &state.not_allowed))
}

fn request_of(account: &VendorAccount) -> u64 {
    fingerprint(account.annotations().get(REQUESTED_AT))
}

/// Returns the fingerprint of status and finalizer: a status that was wiped, or a finalizer removed by force, triggers a pass. The
/// fingerprint of a version that was handled before is the same.
fn written(webhook: &WebhookState, version: u64) -> u64 {
    if let Some(handled) = webhook.handled.filter(|handled| version > 0 && handled.version == version) {
        return handled.written;
    }
    fingerprint((webhook.has_finalizer(), serde_json::to_string(&webhook.object.status).unwrap_or_default()))
}
