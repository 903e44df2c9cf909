//! Values that a vendor stores in another spelling than they were sent.
//!
//! What a vendor shows right after our own write is how it stores the declared value, so that it is no difference. The status
//! keeps one digest a field, of the declared and the stored value together (`lastApplied.storedDifferently`): another stored
//! value is drift, another declared value is a change of the spec.

use crate::api::status::{LastApplied, StoredDifferently};
use crate::engine::fingerprint::fingerprint;
use crate::engine::state::comparison::Comparison;
use crate::engine::state::corrections::{Corrections, difference};
use crate::plan::{Document, ExternalId, Field};

/// What is known of the spellings of one Webhook.
#[derive(Default)]
pub(crate) struct Spellings {
    /// A create whose answer did not show what was stored: the new id and a fingerprint of what was sent. The next list shows it.
    unverified_create: Option<Box<(ExternalId, u64)>>,
    /// Fingerprint of both documents that the recorded digests were made of, so that no digest is computed twice.
    recorded: Option<u64>,
}

impl Spellings {
    /// Records a create whose answer did not show what was stored.
    pub(crate) fn record_unverified_create(&mut self, id: &ExternalId, sent: &Document) {
        self.unverified_create = Some(Box::new((id.clone(), fingerprint(sent))));
    }

    /// Returns the fields of the recorded subscription that differ only because the vendor stores another spelling.
    pub(crate) fn accepted_fields(
        &self,
        last: Option<&LastApplied>,
        compared: Comparison<'_>,
        corrections: &Corrections,
    ) -> Vec<&'static str> {
        let recorded = last.map_or(&[][..], |last| &last.stored_differently);
        let first_look = self.is_first_look(compared);
        if !first_look && recorded.is_empty() {
            return Vec::new();
        }
        // A difference that is more than spelling may also be an edit made between the create and this list. It is corrected
        // once; if the next create starts with the same difference, the vendor makes it.
        let again = first_look && corrections.was_last(difference(compared));
        let is_spelling = |field: &Field| field.spelled_alike(compared.declared, &compared.observed.document);
        let verified = self.is_verified(compared);
        let is_recorded = |field: &Field| {
            let mut of_field = recorded.iter().filter(|one| one.field == field.name);
            of_field.any(|one| verified || compared.digest(field) == one.digest)
        };
        let accepted = |field: &&Field| again || first_look && is_spelling(field) || is_recorded(field);
        compared.differing().filter(accepted).map(|field| field.name).collect()
    }

    /// Returns what to record of a subscription that is in sync: every field that still differs is stored in another spelling.
    pub(crate) fn record(
        &mut self,
        last: Option<&LastApplied>,
        compared: Comparison<'_>,
    ) -> Vec<StoredDifferently> {
        let before = last.map_or(&[][..], |last| &last.stored_differently);
        if compared.observed.raw.is_none() {
            return before.to_vec();
        }
        let verified = self.is_verified(compared);
        let one = |field: &'static Field| {
            let mut of_field = before.iter().filter(|one| one.field == field.name);
            match of_field.find(|_| verified) {
                Some(known) => known.clone(),
                None => StoredDifferently { field: field.name.to_owned(), digest: compared.digest(field) },
            }
        };
        let all: Vec<_> = compared.differing().map(one).collect();
        // A status that could not be written is computed again.
        if all == before {
            self.unverified_create = None;
        }
        self.recorded = (!all.is_empty()).then(|| fingerprint_of(compared));
        all
    }

    /// Whether this list is the first to show what was created from the present declaration.
    fn is_first_look(&self, compared: Comparison<'_>) -> bool {
        let is_it = |created: &(ExternalId, u64)| {
            created.0 == compared.observed.id && created.1 == fingerprint(compared.declared)
        };
        compared.observed.raw.is_some() && self.unverified_create.as_deref().is_some_and(is_it)
    }

    /// Whether the digests that are recorded were already found to be of these values.
    fn is_verified(&self, compared: Comparison<'_>) -> bool {
        self.recorded == Some(fingerprint_of(compared))
    }
}

fn fingerprint_of(compared: Comparison<'_>) -> u64 {
    fingerprint((compared.declared, &compared.observed.document))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::VendorName;
    use crate::engine::digest::Key;
    use crate::plan::{Observed, SecretText, Value};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;
    use std::collections::BTreeMap;

    fn key() -> Key {
        Key::new("Secret n/s=7f3e")
    }

    fn document(url: Value) -> Document {
        let fields = [("name", Value::text("n")), ("targetUrl", url)];
        crate::vendor::rules(VendorName::Superoffice).document(BTreeMap::from(fields))
    }

    fn applied(stored_differently: Vec<StoredDifferently>) -> LastApplied {
        let time = Time(Timestamp::UNIX_EPOCH);
        LastApplied {
            digest: String::new(),
            time,
            sensitive: Vec::new(),
            concealed: None,
            stored_differently,
        }
    }

    fn shown(url: &str) -> Observed {
        let (document, id) = (document(Value::text(url)), ExternalId::new("1").unwrap());
        let summary = String::new();
        Observed {
            id,
            document,
            summary,
            created: None,
            remote_version: None,
            delivery: None,
            raw: Some("{}".into()),
        }
    }

    fn with_token(token: &str) -> Value {
        let mut url = SecretText::plain("https://H/?t=");
        url.push_secret("TOKEN", token.into());
        Value::Text(url)
    }

    #[test]
    fn a_difference_is_the_vendors_while_both_values_stay_as_they_are() {
        let rules = crate::vendor::rules(VendorName::Superoffice);
        for (declared, stored, another) in [
            (Value::text("https://H/"), "https://h/", Value::text("https://H/x")),
            (with_token("Abc"), "https://h/?t=abc", with_token("Abd")),
        ] {
            let (declared, another) = (document(declared), document(another));
            let (stored, edited) = (shown(stored), shown("https://h/edited"));
            let as_made = Comparison { rules, declared: &declared, observed: &stored, key: &key };
            let mut here = Spellings::default();
            let recorded = here.record(None, as_made);
            assert_eq!(recorded.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["targetUrl"]);
            let last = applied(recorded);
            // In the process that recorded it, and after a restart.
            for mut spellings in [here, Spellings::default()] {
                let corrections = Corrections::default();
                let known = |compared| spellings.accepted_fields(Some(&last), compared, &corrections);
                assert_eq!(known(as_made), ["targetUrl"]);
                assert_eq!(
                    known(Comparison { observed: &edited, ..as_made }),
                    [""; 0],
                    "an edit at the vendor"
                );
                assert_eq!(
                    known(Comparison { declared: &another, ..as_made }),
                    [""; 0],
                    "an edit of what is declared"
                );
                let again = spellings.record(Some(&last), as_made);
                assert_eq!(again, last.stored_differently, "it is not written again");
            }
        }
    }

    #[test]
    fn what_the_first_list_after_a_create_shows_is_what_the_vendor_made_of_it() {
        let rules = crate::vendor::rules(VendorName::Superoffice);
        let declared = document(Value::text("https://H/"));
        let (alike, other) = (shown("https://h"), shown("https://h/other"));
        let mut corrections = Corrections::default();
        let mut spellings = Spellings::default();
        spellings.record_unverified_create(&alike.id, &declared);
        let first = Comparison { rules, declared: &declared, observed: &alike, key: &key };
        assert_eq!(spellings.accepted_fields(None, first, &corrections), ["targetUrl"]);
        // This may be an edit, and is corrected once.
        let edited = Comparison { observed: &other, ..first };
        assert_eq!(spellings.accepted_fields(None, edited, &corrections), [""; 0]);
        corrections.record(difference(edited));
        assert_eq!(spellings.accepted_fields(None, edited, &corrections), ["targetUrl"]);
        // Once it is recorded, a difference is an edit.
        let recorded = spellings.record(None, first);
        assert_eq!(spellings.record(Some(&applied(recorded.clone())), first), recorded);
        assert_eq!(spellings.accepted_fields(None, edited, &corrections), [""; 0]);
    }
}
