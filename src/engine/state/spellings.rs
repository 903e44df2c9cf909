//! Values that a vendor stores in another spelling than they were sent.
//!
//! What a vendor shows right after our own write is how it stores the declared value, so that it is no difference. The status
//! keeps one digest a field, of the declared and the stored value together (`lastApplied.storedDifferently`): another stored
//! value is drift, another declared value is a change of the spec.

use crate::api::status::{LastApplied, StoredDifferently};
use crate::engine::inputs::comparison::Comparison;
use crate::engine::state::corrections::Corrections;
use crate::plan::{Document, ExternalId, Field};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

/// State kept between passes of one account, by the Webhooks' uids.
#[derive(Default)]
pub(crate) struct Spellings {
    /// Creates whose answer did not show what was stored: the new id and a hash of what was sent. The next list shows it.
    unshown: HashMap<String, (ExternalId, u64)>,
    /// Hashes of both documents of what is recorded, so that no digest is computed twice.
    recorded: HashMap<String, u64>,
    hasher: RandomState,
}

impl Spellings {
    pub(crate) fn retain(&mut self, keep: impl Fn(&String) -> bool) {
        self.unshown.retain(|uid, _| keep(uid));
        self.recorded.retain(|uid, _| keep(uid));
    }

    /// Records a create whose answer did not show what was stored.
    pub(crate) fn unshown(&mut self, uid: &str, id: &ExternalId, sent: &Document) {
        self.unshown.insert(uid.to_owned(), (id.clone(), self.hasher.hash_one(sent)));
    }

    /// Returns the fields of the recorded subscription that differ only because the vendor stores another spelling.
    pub(crate) fn accepted_fields(
        &self,
        uid: &str,
        last: Option<&LastApplied>,
        compared: Comparison<'_>,
        corrections: &Corrections,
    ) -> Vec<&'static str> {
        let recorded = last.map_or(&[][..], |last| &last.stored_differently);
        let first_look = self.is_first_look(uid, compared);
        if !first_look && recorded.is_empty() {
            return Vec::new();
        }
        // A difference that is more than spelling may also be an edit made between the create and this list. It is corrected
        // once; if the next create starts with the same difference, the vendor makes it.
        let again = first_look && corrections.was_corrected(uid, corrections.difference(compared));
        let is_spelling = |field: &Field| field.spelled_alike(compared.declared, &compared.observed.document);
        let verified = self.is_verified(uid, compared);
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
        uid: &str,
        last: Option<&LastApplied>,
        compared: Comparison<'_>,
    ) -> Vec<StoredDifferently> {
        let before = last.map_or(&[][..], |last| &last.stored_differently);
        if compared.observed.raw.is_none() {
            return before.to_vec();
        }
        let verified = self.is_verified(uid, compared);
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
            self.unshown.remove(uid);
        }
        if all.is_empty() {
            self.recorded.remove(uid);
        } else {
            self.recorded.insert(uid.to_owned(), self.mark(compared));
        }
        all
    }

    /// Whether this list is the first to show what was created from the present declaration.
    fn is_first_look(&self, uid: &str, compared: Comparison<'_>) -> bool {
        let is_it = |(id, sent): &(ExternalId, u64)| {
            *id == compared.observed.id && *sent == self.hasher.hash_one(compared.declared)
        };
        compared.observed.raw.is_some() && self.unshown.get(uid).is_some_and(is_it)
    }

    /// Whether the digests that are recorded were already found to be of these values.
    fn is_verified(&self, uid: &str, compared: Comparison<'_>) -> bool {
        self.recorded.get(uid).is_some_and(|mark| *mark == self.mark(compared))
    }

    fn mark(&self, compared: Comparison<'_>) -> u64 {
        self.hasher.hash_one((compared.declared, &compared.observed.document))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{VendorName, Webhook};
    use crate::engine::cluster::secrets::Values;
    use crate::engine::inputs::comparison::Secrets;
    use crate::plan::{Observed, Text, Value};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;
    use std::collections::BTreeMap;

    fn webhook() -> Webhook {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook", "metadata": {"name": "a", "namespace": "n"},
            "spec": {"accountRef": {"name": "acc"}, "subscription": {"superoffice":
                {"name": "a", "events": ["contact.created"], "targetUrl": "https://h"}}},
        }))
        .unwrap()
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
        Observed { id, document, summary, created: None, mark: None, delivery: None, raw: Some("{}".into()) }
    }

    fn with_token(token: &str) -> Value {
        let mut url = Text::plain("https://H/?t=");
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
            let (webhook, values) = (webhook(), Values::default());
            let secrets = Secrets { webhook: &webhook, values: &values };
            let as_made = Comparison { rules, declared: &declared, observed: &stored, secrets };
            let mut here = Spellings::default();
            let recorded = here.record("u", None, as_made);
            assert_eq!(recorded.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["targetUrl"]);
            let last = applied(recorded);
            // In the process that recorded it, and after a restart.
            for mut spellings in [here, Spellings::default()] {
                let corrections = Corrections::default();
                let known = |compared| spellings.accepted_fields("u", Some(&last), compared, &corrections);
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
                let again = spellings.record("u", Some(&last), as_made);
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
        spellings.unshown("u", &alike.id, &declared);
        let (webhook, values) = (webhook(), Values::default());
        let secrets = Secrets { webhook: &webhook, values: &values };
        let first = Comparison { rules, declared: &declared, observed: &alike, secrets };
        assert_eq!(spellings.accepted_fields("u", None, first, &corrections), ["targetUrl"]);
        // This may be an edit, and is corrected once.
        let edited = Comparison { observed: &other, ..first };
        assert_eq!(spellings.accepted_fields("u", None, edited, &corrections), [""; 0]);
        corrections.corrected("u", corrections.difference(edited));
        assert_eq!(spellings.accepted_fields("u", None, edited, &corrections), ["targetUrl"]);
        // Once it is recorded, a difference is an edit.
        let recorded = spellings.record("u", None, first);
        assert_eq!(spellings.record("u", Some(&applied(recorded.clone())), first), recorded);
        assert_eq!(spellings.accepted_fields("u", None, edited, &corrections), [""; 0]);
    }
}
