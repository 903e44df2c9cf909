//! One Webhook's subscription from both compared, for what is remembered of their differences.

use super::digest::Key;
use super::gather::digest_key;
use super::secrets::Values;
use crate::api::Webhook;
use crate::plan::{self, Document, Field, Observed, Rules};

/// What is declared, and the vendor's copy of it.
#[derive(Clone, Copy)]
pub(super) struct Comparison<'a> {
    pub(super) rules: &'static Rules,
    pub(super) declared: &'a Document,
    pub(super) observed: &'a Observed,
    pub(super) secrets: Secrets<'a>,
}

/// The Secrets of the Webhook whose subscription is compared.
#[derive(Clone, Copy)]
pub(super) struct Secrets<'a> {
    pub(super) webhook: &'a Webhook,
    pub(super) values: &'a Values,
}

impl Secrets<'_> {
    fn key(self) -> Key {
        digest_key(self.webhook, self.values)
    }
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

    /// Returns a digest of the declared and the stored value of a field: a keyed one if a Secret's value is part of them.
    pub(super) fn digest(&self, field: &Field) -> String {
        let both = self.readable(field);
        if self.is_secret(field) { self.secrets.key().digest(&both) } else { plan::hash(&both.into()) }
    }

    fn is_secret(&self, field: &Field) -> bool {
        self.declared.get(field.name).is_secret()
    }
}
