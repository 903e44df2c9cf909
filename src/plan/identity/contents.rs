//! Finds equal documents among many with the same natural key, by hashes of their content that are computed once. A vendor or a
//! tenant may have any number of them.

use crate::plan::{Document, Observed, Rules};
use std::cell::OnceCell;

/// Up to this many documents are compared by their fields, as most differ in the first ones.
const FEW: usize = 8;

/// Content hashes of the observed subscriptions.
pub(super) struct Contents<'a> {
    rules: &'a Rules,
    observed: &'a [Observed],
    of: Vec<OnceCell<String>>,
}

impl<'a> Contents<'a> {
    pub(super) fn new(rules: &'a Rules, observed: &'a [Observed]) -> Self {
        Self { rules, observed, of: vec![OnceCell::new(); observed.len()] }
    }

    /// [`Rules::content_hash`] of the subscription at that place.
    pub(super) fn of(&self, at: usize) -> &str {
        self.of[at].get_or_init(|| self.rules.content_hash(&self.observed[at].document))
    }

    /// Returns those of `places` that are equal to a document, in their order.
    pub(super) fn equal(&self, places: &[usize], desired: &Document) -> Vec<usize> {
        let content = (places.len() > FEW).then(|| self.rules.content_hash(desired));
        let may_be = |at: usize| content.as_ref().is_none_or(|content| self.of(at) == content);
        let is_equal = |at: usize| may_be(at) && self.rules.equal(&self.observed[at].document, desired);
        places.iter().copied().filter(|&at| is_equal(at)).collect()
    }
}

/// The declarations of the Webhooks of one natural key.
pub(super) struct Wanting<'a, W>(Vec<Wanted<'a, W>>);

struct Wanted<'a, W> {
    webhook: &'a W,
    document: &'a Document,
    content: OnceCell<String>,
}

impl<W> Default for Wanting<'_, W> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, W> Wanting<'a, W> {
    /// Returns the first Webhook that declares an equal document and may be compared.
    pub(super) fn equal(
        &self,
        rules: &Rules,
        desired: &Document,
        is_comparable: impl Fn(&W, &Document) -> bool,
    ) -> Option<&'a W> {
        let content = (self.0.len() > FEW).then(|| rules.content_hash(desired));
        let may_be = |wanted: &Wanted<'_, W>| {
            content.as_ref().is_none_or(|content| {
                wanted.content.get_or_init(|| rules.content_hash(wanted.document)) == content
            })
        };
        let is_equal = |wanted: &&Wanted<'_, W>| {
            is_comparable(wanted.webhook, wanted.document)
                && may_be(wanted)
                && rules.equal(wanted.document, desired)
        };
        self.0.iter().find(is_equal).map(|wanted| wanted.webhook)
    }

    pub(super) fn push(&mut self, webhook: &'a W, document: &'a Document) {
        self.0.push(Wanted { webhook, document, content: OnceCell::new() });
    }

    /// The Webhooks, in the order in which they were added.
    pub(super) fn webhooks(&self) -> impl Iterator<Item = &'a W> {
        self.0.iter().map(|wanted| wanted.webhook)
    }
}
