//! The declared and the observed subscription of one Webhook side by side.

use crate::engine::digest::Key;
use crate::plan::{self, Document, Field, Observed, Rules};

/// What is declared, and the vendor's copy of it.
#[derive(Clone, Copy)]
pub(crate) struct Comparison<'a> {
    pub(crate) rules: &'static Rules,
    pub(crate) declared: &'a Document,
    pub(crate) observed: &'a Observed,
    /// Makes the key for digests of the Webhook's secret values.
    pub(crate) key: &'a dyn Fn() -> Key,
}

impl Comparison<'_> {
    /// Returns the fields that differ. Write-only values are not compared.
    pub(crate) fn differing(&self) -> impl Iterator<Item = &'static Field> {
        self.rules.differing(self.declared, &self.observed.document)
    }

    fn readable(&self, field: &Field) -> String {
        let (declared, stored) = (field.readable(self.declared), field.readable(&self.observed.document));
        serde_json::json!([declared, stored]).to_string()
    }

    /// Returns a digest of the declared and the stored value of a field: a keyed one if a Secret's value is part of them.
    pub(crate) fn digest(&self, field: &Field) -> String {
        let both = self.readable(field);
        if self.is_secret(field) { (self.key)().digest(&both) } else { plan::hash(&both.into()) }
    }

    fn is_secret(&self, field: &Field) -> bool {
        self.declared.get(field.name).is_secret()
    }
}
