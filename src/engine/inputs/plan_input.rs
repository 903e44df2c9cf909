//! What the planner gets to know of one Webhook.

use super::desired::{DocumentBudget, build_desired};
use super::write_only::{digest_key, trusts, write_only_changed};
use crate::api::status::{Pending, WebhookStatus};
use crate::api::{Mode, ObjectKey, RELEASE, VendorAccount, Webhook};
use crate::engine::cluster::secrets::account_keys;
use crate::engine::cluster::values::Values;
use crate::engine::state::comparison::Comparison;
use crate::engine::state::creates::GracePeriod;
use crate::engine::state::observed::ObservedIndex;
use crate::engine::state::webhook::WebhookState;
use crate::plan::{
    Declared, Desired, Document, ExternalId, Hints, PendingCreate, Policy, Redactor, SecretText,
};
use crate::vendor;
use kube::ResourceExt;
use std::sync::Arc;
use std::time::Instant;

/// What is the same for all Webhooks of a pass.
#[derive(Clone, Copy)]
pub(crate) struct PlanOptions<'a> {
    pub(crate) ceiling: Mode,
    pub(crate) dry_run: bool,
    pub(crate) stateless: bool,
    pub(crate) grace: GracePeriod,
    /// When the list was requested.
    pub(crate) read: Instant,
    /// The subscriptions of the list.
    pub(crate) observed: &'a ObservedIndex,
    /// Bounds the sum of the lengths of the declared subscriptions.
    pub(crate) documents: &'a DocumentBudget,
}

/// Returns what the planner needs to know of one Webhook.
pub(crate) fn plan_input(
    state: &WebhookState,
    account: &VendorAccount,
    values: &Values,
    options: PlanOptions<'_>,
) -> Declared {
    let (webhook, status) = (&*state.object, &*state.status);
    let spec = &webhook.spec;
    let (desired, redactor) = build_desired(webhook, account, values);
    let mut desired = options.documents.limit(webhook, desired);
    // Without stored state it is unknown which Webhook a subscription belongs to. The person who runs such a pass has the credentials
    // in a file, so that the limits for guests would protect nothing.
    let guest = webhook.is_guest() && !options.stateless;
    let adopts = !guest || account.spec.allow_guest_adoption;
    let pinned = spec.external_id.as_ref();
    let may_not_pin = !adopts && pinned.is_some() && pinned != status.external_id.as_ref();
    let deleting = webhook.metadata.deletion_timestamp.is_some();
    if may_not_pin && status.external_id.is_none() && !deleting {
        desired = adoption_not_allowed(account);
    }
    Declared {
        key: ObjectKey::of(webhook),
        created: webhook.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second()),
        recorded: ExternalId::valid(&status.external_id).next(),
        guest,
        adopts,
        adopts_equal: adopts || spec.mode == Mode::Enforce && !spec.suspend,
        pinned_id: ExternalId::valid(pinned.filter(|_| !may_not_pin)).next(),
        superseded: ExternalId::valid(&status.superseded).collect(),
        unreadable: None,
        invalid_id: invalid_id(webhook, status),
        pending_create: status.pending.as_ref().map(|pending| pending_create(state, pending, options)),
        applied: status.last_applied.as_ref().map(|applied| applied.digest.clone()),
        sensitive: status.last_applied.as_ref().map(|applied| applied.sensitive.clone()).unwrap_or_default(),
        trusts_write_only: trusts(webhook),
        remote_version: status.last_applied.as_ref().and_then(|last| last.concealed.as_ref()?.mark.clone()),
        hints: hints(state, &desired, values, options),
        deleting,
        stateless: options.stateless,
        policy: policy(webhook, account, options.ceiling),
        desired,
        redactor,
        secrets: Arc::default(),
    }
}

/// Returns what is known of a create with an unknown outcome.
fn pending_create(state: &WebhookState, pending: &Pending, options: PlanOptions<'_>) -> PendingCreate {
    PendingCreate {
        expired: state.creates.is_over(pending, options.grace, options.read),
        fingerprint: pending.digest.clone(),
        document: state.creates.sent(pending).cloned(),
        preexisting: ExternalId::valid(&pending.beside).collect(),
    }
}

/// Returns what earlier passes and the values of Secrets tell about the subscription.
fn hints(state: &WebhookState, desired: &Desired, values: &Values, options: PlanOptions<'_>) -> Hints {
    let known = match desired {
        Desired::Known(document) => Some(document),
        Desired::Unknown { .. } => None,
    };
    let status = &*state.status;
    let first_time = options.stateless && status.last_applied.is_none() && status.pending.is_none();
    Hints {
        values_changed: known.is_some_and(|document| state.differs_from_in_sync(document) == Some(true)),
        write_only_changed: known
            .is_some_and(|document| !first_time && write_only_changed(state, document, values)),
        stored_differently: known
            .map(|document| stored_differently(state, document, values, options))
            .unwrap_or_default(),
        reenable_due: vendor::auto_reenable(&state.object.spec.subscription) && state.reenable.is_due(),
        // A dry run has no history, so recent creates cannot be detected.
        may_lag: !options.dry_run && !state.time_until_listed(options.read).is_zero(),
    }
}

/// Returns what may be done for a Webhook. The strictest of the modes of Webhook, account and process applies.
fn policy(webhook: &Webhook, account: &VendorAccount, ceiling: Mode) -> Policy {
    let spec = &webhook.spec;
    Policy {
        mode: spec.mode.max(account.spec.mode).max(ceiling),
        drift: spec.drift_policy,
        deletion: spec.deletion_policy,
        suspended: spec.suspend,
        release: webhook.annotations().get(RELEASE).is_some_and(|value| value == "true"),
    }
}

/// Returns the fields that the vendor stores in another spelling.
fn stored_differently(
    state: &WebhookState,
    declared: &Document,
    values: &Values,
    options: PlanOptions<'_>,
) -> Vec<&'static str> {
    let recorded = state.status.external_id.as_deref().and_then(|id| options.observed.get(id));
    let Some(observed) = recorded else { return Vec::new() };
    let rules = vendor::rules(state.object.spec.subscription.vendor());
    let key = || digest_key(&state.object, values);
    let compared = Comparison { rules, declared, observed, key: &key };
    state.spellings.accepted_fields(state.status.last_applied.as_ref(), compared, &state.corrections)
}

/// Returns the field and the complaint about an id in spec or status that no subscription can have.
fn invalid_id(webhook: &Webhook, status: &WebhookStatus) -> Option<(&'static str, String)> {
    let superseded = status.superseded.iter().map(|id| ("status.superseded", id));
    let beside = status.pending.iter().flat_map(|pending| &pending.beside);
    let mut all = webhook
        .spec
        .external_id
        .iter()
        .map(|id| ("spec.externalId", id))
        .chain(status.external_id.iter().map(|id| ("status.externalId", id)))
        .chain(superseded)
        .chain(beside.map(|id| ("status.pending.beside", id)));
    let (field, error) = all.find_map(|(field, id)| Some((field, ExternalId::new(id).err()?)))?;
    let message =
        format!("{field}: {error}; correct it, or give up the subscription with deletionPolicy: Retain");
    Some(("ExternalIdInvalid", message))
}

/// Returns the reason of a guest that pins a subscription which it did not create.
fn adoption_not_allowed(account: &VendorAccount) -> Desired {
    let message = format!(
        "VendorAccount {} does not allow Webhooks of other namespaces to use externalId: remove externalId to have a subscription created, or ask the owners of the account to set allowGuestAdoption: true",
        ObjectKey::of(account)
    );
    Desired::Unknown { reason: "AdoptionNotAllowed", message }
}

/// Gives each Webhook the secrets of the account and of all its Webhooks: the vendor's message about one of them may repeat what it was
/// sent for another one.
pub(crate) fn share_secrets(declared: &mut [Declared], account: &VendorAccount, values: &Values) {
    let namespace = account.namespace().unwrap_or_default();
    let login = account_keys(&account.spec.vendor, &namespace);
    let login: Vec<_> = login.filter_map(|(from, key)| values.text(&from, &key).ok()).collect();
    let login = login.iter().flat_map(SecretText::secrets).map(|(_, secret)| secret);
    let secrets = declared.iter().flat_map(|webhook| webhook.redactor.secrets()).chain(login);
    let all = Arc::new(Redactor::of(secrets));
    for webhook in declared {
        webhook.secrets = Arc::clone(&all);
    }
}
