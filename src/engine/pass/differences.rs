//! What is remembered of differences between a Webhook and its subscription: corrections, and values stored in another spelling.

use crate::api::status::StoredDifferently;
use crate::engine::cluster::secrets::SecretReader;
use crate::engine::cluster::writer::ClusterWriter;
use crate::engine::inputs::comparison::{Comparison, Secrets};
use crate::engine::pass::Pass;
use crate::engine::pass::execute::Shared;
use crate::engine::pass::step::document;
use crate::engine::state::webhook::WebhookState;
use crate::plan::diff::changes;
use crate::plan::{Cause, Change, Declared, Document, Item, Observed, Step};
use crate::vendor::rules;

impl<S: SecretReader, R: ClusterWriter> Pass<'_, S, R> {
    /// Returns a hash of the drift that a step corrects; none for any other step.
    pub(crate) fn correction(
        &self,
        shared: &Shared<'_>,
        entry: &WebhookState,
        item: &Item,
        webhook: &Declared,
    ) -> Option<u64> {
        if item.step().is_none() || !matches!(item.cause, Cause::VendorEdit | Cause::Gone) {
            return None;
        }
        let (rules, declared) = (rules(self.vendor), document(&webhook.desired)?);
        let difference = |observed: &Observed| {
            let secrets = Secrets { webhook: &entry.object, values: shared.values };
            let compared = Comparison { rules, declared, observed, secrets };
            shared.past.with(|past| past.corrections.difference(compared))
        };
        let there = item.id().and_then(|id| shared.look(id.as_str(), difference));
        Some(there.unwrap_or_else(|| shared.past.with(|past| past.corrections.absence(declared))))
    }

    /// Returns the fields that the vendor of a Webhook in sync stores in another spelling: to be recorded, and to be shown.
    pub(crate) fn stored(
        &self,
        shared: &Shared<'_>,
        entry: &WebhookState,
        webhook: &Declared,
        item: &Item,
        declared: &Document,
    ) -> (Vec<StoredDifferently>, Vec<Change>) {
        let (rules, last) = (rules(self.vendor), entry.status.last_applied.as_ref());
        // Drift that is only reported may be left beside what was deleted.
        if matches!(item.step(), Some(Step::DeleteSuperseded { .. })) {
            return (last.map_or_else(Vec::new, |last| last.stored_differently.clone()), Vec::new());
        }
        let id = entry.status.external_id.as_deref().unwrap_or_default();
        let stored = shared.look(id, |observed| {
            let secrets = Secrets { webhook: &entry.object, values: shared.values };
            let compared = Comparison { rules, declared, observed, secrets };
            let fields = shared.past.with(|past| past.spellings.record(&entry.uid, last, compared));
            // It is in sync, so that it is the Webhook's own, if only from now on.
            let hide = webhook.hide(!webhook.guest);
            let differ = !fields.is_empty();
            (fields, if differ { changes(rules, &observed.document, declared, hide) } else { Vec::new() })
        });
        stored.unwrap_or_default()
    }
}

/// Records a create whose answer did not show what was stored.
pub(crate) fn note_unshown(shared: &Shared<'_>, entry: &WebhookState, item: &Item, sent: &Document) {
    let made = item.step().is_some_and(Step::creates);
    let id = entry.status.external_id.as_deref().filter(|_| made);
    let unshown = |one: &Observed| one.raw.is_none().then(|| one.id.clone());
    if let Some(id) = id.and_then(|id| shared.look(id, unshown)).flatten() {
        shared.past.with(|past| past.spellings.unshown(&entry.uid, &id, sent));
    }
}
