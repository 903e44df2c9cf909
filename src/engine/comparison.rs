//! One Webhook's subscription from both compared, for what is remembered of their differences.

use super::digest;
use crate::plan::{self, Document, Field, Observed, Rules};

/// What is declared, and the vendor's copy of it.
#[derive(Clone, Copy)]
pub(super) struct Comparison<'a> {
    pub(super) rules: &'static Rules,
    pub(super) declared: &'a Document,
    pub(super) observed: &'a Observed,
}

impl Comparison<'_> {
    /// Returns the fields that differ. Write-only values are not compared.
    pub(super) fn differing(&self) -> impl Iterator<Item = &'static Field> {
        self.rules.differing(self.declared, &self.observed.document)
    }

    fn readable(&self, field: &Field) -> String {
        let (declared, stored) = (field.readable(self.declared), field.readable(&self.observed.document));
        serde_json::json!([declared, stored]).to_string()
    }

    /// Returns a digest of the declared and the stored value of a field: salted Argon2id if a Secret's value is part of them.
    pub(super) fn digest(&self, field: &Field) -> Result<String, String> {
        let both = self.readable(field);
        if self.is_secret(field) { digest::digest(&both) } else { Ok(plan::hash(&both.into())) }
    }

    /// Whether the digest was made of the present values of a field.
    pub(super) fn is_of(&self, digest: &str, field: &Field) -> bool {
        let both = self.readable(field);
        if self.is_secret(field) { digest::is_of(digest, &both) } else { plan::hash(&both.into()) == digest }
    }

    fn is_secret(&self, field: &Field) -> bool {
        self.declared.get(field.name).is_secret()
    }
}
