//! Values that the vendor does not return: whether they have changed since they were sent.

use super::variables;
use crate::api::Webhook;
use crate::api::status::WriteOnlyDigest;
use crate::api::webhook::WriteOnlyValues;
use crate::engine::cluster::values::Values;
use crate::engine::digest::{Key, is_current};
use crate::engine::state::webhook::WebhookState;
use crate::plan::{Document, Rules};
use crate::vendor;

/// Returns the write-only values of a document as one text; none if it has none.
fn write_only_values(rules: &Rules, document: &Document) -> Option<String> {
    let values = rules.write_only_values(document);
    if values.is_empty() {
        return None;
    }
    let values: serde_json::Map<_, _> =
        values.into_iter().map(|(path, value)| (path, value.expose())).collect();
    Some(serde_json::Value::Object(values).to_string())
}

/// Whether `spec.adoption.writeOnlyValues` is Trust.
pub(crate) fn trusts(webhook: &Webhook) -> bool {
    webhook.spec.adoption.is_some_and(|adoption| adoption.write_only_values == WriteOnlyValues::Trust)
}

/// Whether the write-only values differ from those that were sent last. The digest is computed only if neither this process nor the
/// versions of the Secrets can tell.
pub(crate) fn write_only_changed(webhook: &WebhookState, document: &Document, values: &Values) -> bool {
    let rules = vendor::rules(webhook.object.spec.subscription.vendor());
    let now = write_only_values(rules, document);
    let Some(last) = &webhook.status.last_applied else {
        // Nothing is known to be applied: a subscription that is found may be another writer's, or have been made by a lost create
        // before the spec or a Secret changed. What that create sent is known only to the process that sent it.
        return match &webhook.status.pending {
            Some(pending) => match webhook.creates.sent(pending) {
                Some(sent) => write_only_values(rules, sent) != now,
                None => now.is_some() || pending.write_only,
            },
            None => now.is_some() && !trusts(&webhook.object),
        };
    };
    match (now, &last.concealed) {
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
        (Some(now), Some(sent)) => {
            let known = webhook.differs_from_in_sync(document) == Some(false);
            let same = || digest_key(&webhook.object, values).digest(&now) == sent.digest;
            !(known || sent.from == secret_versions(webhook, values) || same())
        }
    }
}

/// Returns what the status keeps of the write-only values now that the vendor has them; none if there are none. `version` is the
/// vendor's own version of the subscription.
pub(crate) fn write_only_digest(
    webhook: &WebhookState,
    document: &Document,
    values: &Values,
    changed: bool,
    version: Option<String>,
) -> Option<WriteOnlyDigest> {
    let rules = vendor::rules(webhook.object.spec.subscription.vendor());
    let now = write_only_values(rules, document)?;
    let sent = webhook.status.last_applied.as_ref().and_then(|last| last.concealed.as_ref());
    // Another version of a Secret with the same value causes no write: at worst the digest is computed once after a restart.
    let (digest, from) = match sent {
        Some(sent) if !changed && is_current(&sent.digest) => (sent.digest.clone(), sent.from.clone()),
        _ => (digest_key(&webhook.object, values).digest(&now), secret_versions(webhook, values)),
    };
    Some(WriteOnlyDigest { digest, from, mark: version })
}

/// Returns the key for digests of a Webhook's values.
pub(crate) fn digest_key(webhook: &Webhook, values: &Values) -> Key {
    Key::new(&values.uids(variables::dependencies(webhook)))
}

fn secret_versions(webhook: &WebhookState, values: &Values) -> String {
    values.versions(variables::dependencies(&webhook.object))
}
