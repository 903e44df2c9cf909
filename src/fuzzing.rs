//! What takes in bytes that others made, for `fuzz/` and for `tests/fuzzing.rs`; not for anybody else. Each function takes
//! any bytes, comes back, and asserts what holds whatever they are.

pub use crate::engine::fuzzing::variables;
pub use crate::vendor::fuzzing::{headers, private_key};

use crate::api::VendorName;
use crate::api::webhook::Subscription;
use crate::manifest;

use crate::plan::{Document, SecretText};
use crate::vendor;
use std::convert::Infallible;

/// What Brightpearl may answer.
pub fn brightpearl(data: &[u8]) {
    vendor::fuzzing::vendor_answer(VendorName::Brightpearl, data);
}

/// What Contensis may answer.
pub fn contensis(data: &[u8]) {
    vendor::fuzzing::vendor_answer(VendorName::Contensis, data);
}

/// What SuperOffice may answer.
pub fn superoffice(data: &[u8]) {
    vendor::fuzzing::vendor_answer(VendorName::Superoffice, data);
}

/// What people may write, as YAML or JSON: every complaint is one line, and what is fine reads the same when it is written
/// again, and so does what is wanted of the vendor.
///
/// # Panics
///
/// When that does not hold.
pub fn manifest(data: &[u8]) {
    let found = match manifest::parse("made-up.yaml", data, "default") {
        Ok(found) => found,
        Err(problems) => {
            assert!(!problems.is_empty(), "what is refused has a reason");
            for problem in problems {
                assert!(!problem.to_string().contains(char::is_control), "a complaint is one line");
            }
            return;
        }
    };
    for webhook in &found.webhooks {
        again(&webhook.object);
        let unchanged = manifest::check_change(&webhook.object, webhook);
        assert!(unchanged.is_empty(), "what has not changed may stay: {unchanged:?}");
        let subscription = &webhook.object.spec.subscription;
        let document = document(subscription);
        let rules = vendor::rules(subscription.vendor());
        assert!(rules.equal(&document, &document), "a document is equal to itself");
        let canonical = rules.document(document.iter().map(|(name, value)| (name, value.clone())).collect());
        assert!(canonical == document, "a canonical document stays as it is");
        let _ = vendor::advice(subscription.vendor(), &document);
    }
    for account in &found.accounts {
        again(&account.object);
        let unchanged = manifest::check_change(&account.object, account);
        assert!(unchanged.is_empty(), "what has not changed may stay: {unchanged:?}");
        let spec = &account.object.spec;
        assert!(
            crate::engine::interval::interval(&spec.resync_interval).is_ok(),
            "an interval that is fine can be waited"
        );
        let _ = vendor::Budget::of(&spec.vendor, spec.rate_limit.as_ref()).remaining();
    }
}

/// What is written is as good as what was read, and the same.
fn again<K: manifest::Kind + PartialEq>(object: &K) {
    let written = serde_json::to_vec(object).unwrap_or_default();
    let found = manifest::parse("again.json", &written, "default");
    assert!(found.is_ok(), "what is written is fine: {:?}", found.err());
    assert!(serde_json::from_slice::<K>(&written).is_ok_and(|again| again == *object), "it reads the same");
}

fn document(subscription: &Subscription) -> Document {
    let plain = &mut |text: &str, _| Ok::<_, Infallible>(SecretText::plain(text));
    match vendor::desired(subscription, plain) {
        Ok(document) => document,
        Err(never) => match never {},
    }
}
