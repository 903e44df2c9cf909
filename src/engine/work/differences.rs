//! What is remembered of differences between a Webhook and its subscription: corrections, and values stored in another spelling.

use super::Shared;
use crate::api::status::StoredDifferently;
use crate::engine::apply::document;
use crate::engine::comparison::Comparison;
use crate::engine::entry::Entry;
use crate::engine::pass::{Pass, Stop};
use crate::engine::record::Recorder;
use crate::engine::secrets::Source;
use crate::plan::diff::{Hide, changes};
use crate::plan::{Cause, Change, Declared, Document, Item, Observed, Step};
use crate::vendor::rules;

impl<S: Source, R: Recorder> Pass<'_, S, R> {
    /// Returns a hash of the drift that a step corrects; none for any other step.
    pub(super) fn correction(&self, shared: &Shared<'_>, item: &Item, webhook: &Declared) -> Option<u64> {
        if item.step.is_none() || !matches!(item.cause, Cause::VendorEdit | Cause::Gone) {
            return None;
        }
        let (rules, declared) = (rules(self.vendor), document(&webhook.desired)?);
        let difference = |observed: &Observed| {
            let compared = Comparison { rules, declared, observed };
            shared.past.with(|past| past.corrections.difference(compared))
        };
        let there = item.id.as_ref().and_then(|id| shared.look(id.as_str(), difference));
        Some(there.unwrap_or_else(|| shared.past.with(|past| past.corrections.absence(declared))))
    }

    /// Returns the fields that the vendor of a Webhook in sync stores in another spelling: to be recorded, and to be shown.
    pub(super) fn stored(
        &self,
        shared: &Shared<'_>,
        entry: &Entry,
        webhook: &Declared,
        item: &Item,
        declared: &Document,
    ) -> Result<(Vec<StoredDifferently>, Vec<Change>), Stop> {
        let (rules, last) = (rules(self.vendor), entry.status.last_applied.as_ref());
        // Drift that is only reported may be left beside what was deleted.
        if matches!(item.step, Some(Step::Finish(_))) {
            return Ok((last.map_or_else(Vec::new, |last| last.stored_differently.clone()), Vec::new()));
        }
        let id = entry.status.external_id.as_deref().unwrap_or_default();
        let stored = shared.look(id, |observed| {
            let compared = Comparison { rules, declared, observed };
            let fields = shared.past.with(|past| past.spellings.record(&entry.uid, last, compared))?;
            let hide = Hide { redactor: &webhook.redactor, fields: &webhook.sensitive };
            let differ = !fields.is_empty();
            Ok((fields, if differ { changes(rules, &observed.document, declared, hide) } else { Vec::new() }))
        });
        stored.unwrap_or_else(|| Ok((Vec::new(), Vec::new()))).map_err(Stop::Cluster)
    }
}

/// Records a create whose answer did not show what was stored.
pub(super) fn note_unshown(shared: &Shared<'_>, entry: &Entry, item: &Item, sent: &Document) {
    let made = matches!(item.step, Some(Step::Create(_) | Step::Replace(..)));
    let id = entry.status.external_id.as_deref().filter(|_| made);
    let unshown = |one: &Observed| one.raw.is_none().then(|| one.id.clone());
    if let Some(id) = id.and_then(|id| shared.look(id, unshown)).flatten() {
        shared.past.with(|past| past.spellings.unshown(&entry.uid, &id, sent));
    }
}
