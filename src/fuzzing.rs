//! What takes in bytes that others made, for `fuzz/` and for `tests/fuzzing.rs`; not for anybody else. Each function takes
//! any bytes, comes back, and asserts what holds whatever they are.

pub use crate::engine::fuzzing::variables;
pub use crate::vendor::fuzzing::{headers, private_key};

use crate::api::webhook::Subscription;
use crate::api::{VendorAccount, VendorName, Webhook};
use crate::plan::{Document, Text};
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

/// What people may write, as YAML or JSON: what was read reads the same when it is written again, and so does what is
/// wanted of the vendor.
///
/// # Panics
///
/// When that does not hold.
pub fn manifest(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(webhook) = serde_saphyr::from_str::<Webhook>(&text) {
        let written = serde_json::to_string(&webhook).unwrap_or_default();
        let again = serde_json::from_str::<Webhook>(&written);
        assert!(
            again.as_ref().is_ok_and(|again| again.spec == webhook.spec),
            "what is written reads the same"
        );
        let document = document(&webhook.spec.subscription);
        let rules = vendor::rules(webhook.spec.subscription.vendor());
        assert!(rules.equal(&document, &document), "a document is equal to itself");
        let canonical = rules.document(document.iter().map(|(name, value)| (name, value.clone())).collect());
        assert!(canonical == document, "a canonical document stays as it is");
        let _ = vendor::advice(webhook.spec.subscription.vendor(), &document);
    }
    if let Ok(account) = serde_saphyr::from_str::<VendorAccount>(&text) {
        let written = serde_json::to_string(&account).unwrap_or_default();
        let again = serde_json::from_str::<VendorAccount>(&written);
        assert!(again.is_ok_and(|again| again.spec == account.spec), "what is written reads the same");
        let _ = crate::engine::interval(&account.spec.resync_interval);
        let _ = vendor::Budget::of(&account.spec.vendor, account.spec.rate_limit.as_ref()).remaining();
    }
}

fn document(subscription: &Subscription) -> Document {
    let plain = &mut |text: &str| Ok::<_, Infallible>(Text::plain(text));
    match vendor::desired(subscription, plain) {
        Ok(document) => document,
        Err(never) => match never {},
    }
}
