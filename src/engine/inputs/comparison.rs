//! One Webhook's subscription from both compared, for what is remembered of their differences.

use crate::api::Webhook;
use crate::engine::cluster::secrets::Values;
use crate::engine::inputs::desired::digest_key;
use crate::engine::inputs::write_only::Key;
use crate::plan::{self, Document, Field, Observed, Rules};

/// What is declared, and the vendor's copy of it.
#[derive(Clone, Copy)]
pub(crate) struct Comparison<'a> {
    pub(crate) rules: &'static Rules,
    pub(crate) declared: &'a Document,
    pub(crate) observed: &'a Observed,
    pub(crate) secrets: Secrets<'a>,
}

/// The Secrets of the Webhook whose subscription is compared.
#[derive(Clone, Copy)]
pub(crate) struct Secrets<'a> {
    pub(crate) webhook: &'a Webhook,
    pub(crate) values: &'a Values,
}

impl Secrets<'_> {
    fn key(self) -> Key {
        digest_key(self.webhook, self.values)
    }
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
        if self.is_secret(field) { self.secrets.key().digest(&both) } else { plan::hash(&both.into()) }
    }

    fn is_secret(&self, field: &Field) -> bool {
        self.declared.get(field.name).is_secret()
    }
}
