//! Fuzz targets for `fuzz/` and `tests/fuzzing.rs`. Each function accepts any bytes, has to return, and asserts what holds for
//! all of them.

pub use crate::engine::fuzzing::variables;
pub use crate::vendor::fuzzing::{headers, private_key};

use crate::api::VendorName;
use crate::api::webhook::Subscription;
use crate::manifest;
use crate::plan::{Document, SecretText};
use crate::vendor;
use std::convert::Infallible;

/// Reads an answer of Brightpearl.
pub fn brightpearl(data: &[u8]) {
    vendor::fuzzing::vendor_answer(VendorName::Brightpearl, data);
}

/// Reads an answer of Contensis.
pub fn contensis(data: &[u8]) {
    vendor::fuzzing::vendor_answer(VendorName::Contensis, data);
}

/// Reads an answer of SuperOffice.
pub fn superoffice(data: &[u8]) {
    vendor::fuzzing::vendor_answer(VendorName::Superoffice, data);
}

/// Reads manifests as YAML or JSON: every problem is one line, a valid object is the same after it is written and read again, and
/// a canonical document stays as it is.
///
/// # Panics
///
/// If that does not hold.
pub fn manifest(data: &[u8]) {
    let found = match manifest::parse("made-up.yaml", data, "default") {
        Ok(found) => found,
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal has a reason");
            for problem in problems {
                assert!(!problem.to_string().contains(char::is_control), "a problem is one line");
            }
            return;
        }
    };
    for webhook in &found.webhooks {
        assert_round_trip(&webhook.object);
        let unchanged = manifest::check_change(&webhook.object, webhook);
        assert!(unchanged.is_empty(), "an unchanged object is valid: {unchanged:?}");
        let subscription = &webhook.object.spec.subscription;
        let document = document(subscription);
        let rules = vendor::rules(subscription.vendor());
        assert!(rules.equal(&document, &document), "a document is equal to itself");
        let canonical = rules.document(document.iter().map(|(name, value)| (name, value.clone())).collect());
        assert!(canonical == document, "a canonical document stays as it is");
        let _ = vendor::advice(subscription.vendor(), &document);
    }
    for account in &found.accounts {
        assert_round_trip(&account.object);
        let unchanged = manifest::check_change(&account.object, account);
        assert!(unchanged.is_empty(), "an unchanged object is valid: {unchanged:?}");
        let spec = &account.object.spec;
        assert!(
            crate::engine::interval::interval(&spec.resync_interval).is_ok(),
            "a valid interval can be parsed"
        );
        let _ = vendor::Budget::of(&spec.vendor, spec.rate_limit.as_ref()).remaining();
    }
}

/// Asserts that an object is valid and the same after it is written and read again.
fn assert_round_trip<K: manifest::Kind + PartialEq>(object: &K) {
    let written = serde_json::to_vec(object).unwrap_or_default();
    let found = manifest::parse("again.json", &written, "default");
    assert!(found.is_ok(), "a written object is valid: {:?}", found.err());
    assert!(
        serde_json::from_slice::<K>(&written).is_ok_and(|again| again == *object),
        "a written object reads the same"
    );
}

fn document(subscription: &Subscription) -> Document {
    let plain = &mut |text: &str, _| Ok::<_, Infallible>(SecretText::plain(text));
    match vendor::desired(subscription, plain) {
        Ok(document) => document,
        Err(never) => match never {},
    }
}
