//! What is remembered of differences between a Webhook and its subscription: corrections, and values stored in another spelling.

use super::shared::Shared;
use super::step::document;
use crate::api::VendorName;
use crate::api::status::StoredDifferently;
use crate::engine::inputs::write_only::digest_key;
use crate::engine::state::comparison::Comparison;
use crate::engine::state::corrections;
use crate::engine::state::webhook::WebhookState;
use crate::plan::diff::changes;
use crate::plan::{Cause, Change, Document, Item, Observed, PlannedWebhook, Step};
use crate::vendor::rules;

/// Returns the fingerprint of the drift that a step corrects; none for any other step.
pub(crate) fn correction(
    shared: &Shared<'_>,
    planned: PlannedWebhook<'_>,
    webhook: &WebhookState,
) -> Option<u64> {
    let PlannedWebhook { declared, item } = planned;
    if item.step().is_none() || !matches!(item.cause, Cause::VendorEdit | Cause::Gone) {
        return None;
    }
    let document = document(&declared.desired)?;
    let rules = rules(webhook.object.spec.subscription.vendor());
    let key = || digest_key(&webhook.object, shared.values);
    let difference = |observed: &Observed| {
        corrections::difference(Comparison { rules, declared: document, observed, key: &key })
    };
    let differs = item.id().and_then(|id| shared.read(id.as_str(), difference));
    Some(differs.unwrap_or_else(|| corrections::absence(document)))
}

/// Returns the fields that the vendor of a Webhook in sync stores in another spelling: to be recorded, and to be shown.
pub(crate) fn stored_differently(
    shared: &Shared<'_>,
    planned: PlannedWebhook<'_>,
    webhook: &mut WebhookState,
    vendor: VendorName,
) -> (Vec<StoredDifferently>, Vec<Change>) {
    let PlannedWebhook { declared, item } = planned;
    let Some(document) = document(&declared.desired) else { return Default::default() };
    let WebhookState { status, spellings, object, .. } = webhook;
    let last = status.last_applied.as_ref();
    // Drift that is only reported may stay beside a superseded subscription that is deleted.
    if matches!(item.step(), Some(Step::DeleteSuperseded { .. })) {
        return (last.map_or_else(Vec::new, |last| last.stored_differently.clone()), Vec::new());
    }
    let rules = rules(vendor);
    let key = || digest_key(object, shared.values);
    let id = status.external_id.as_deref().unwrap_or_default();
    let stored = shared.read(id, |observed| {
        let fields = spellings.record(last, Comparison { rules, declared: document, observed, key: &key });
        // A Webhook in sync owns the subscription, if only from now on.
        let redaction = declared.redaction(!declared.guest);
        let differ = !fields.is_empty();
        (fields, if differ { changes(rules, &observed.document, document, redaction) } else { Vec::new() })
    });
    stored.unwrap_or_default()
}

/// Records a create whose answer did not show what was stored.
pub(crate) fn record_unverified_create(
    shared: &Shared<'_>,
    webhook: &mut WebhookState,
    item: &Item,
    sent: &Document,
) {
    let created = item.step().is_some_and(Step::creates);
    let id = webhook.status.external_id.as_deref().filter(|_| created);
    let unverified = |one: &Observed| one.raw.is_none().then(|| one.id.clone());
    if let Some(id) = id.and_then(|id| shared.read(id, unverified)).flatten() {
        webhook.spellings.record_unverified_create(&id, sent);
    }
}
