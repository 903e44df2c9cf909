//! Remembers values that no vendor gives back without keeping them: good for telling whether a value is still the one that was sent.
//!
//! Whoever may read a Webhook sees the digest, and would try values against it if it were a plain hash, or a slow one: many keys are
//! short. So it is keyed with what only those can read who can read the Secrets themselves: their uids, which the API server draws at
//! random (122 bits) and which no right shows without the value. So no key has to be made, kept and shared between processes and with
//! the command line; a Secret that was made again has another uid, and its value is sent once more.

use crate::plan::{Document, Rules};
use aws_lc_rs::hmac;

/// Before each digest; those of other versions are of no value.
const KIND: &str = "hmac-sha256:";

/// What digests of one Webhook's values are keyed with.
pub(crate) struct Key(hmac::Key);

impl Key {
    /// Made of the uids of the Secrets that the values are from.
    pub(crate) fn new(uids: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, uids.as_bytes()))
    }

    /// The digest of a text.
    pub(crate) fn digest(&self, values: &str) -> String {
        use std::fmt::Write as _;
        let mut digest = String::from(KIND);
        for byte in hmac::sign(&self.0, values.as_bytes()).as_ref() {
            let _ = write!(digest, "{byte:02x}");
        }
        digest
    }
}

/// Whether it is a digest of this version.
pub(crate) fn is_current(digest: &str) -> bool {
    digest.starts_with(KIND)
}

/// The values of a document that the vendor does not give back, as one text; none if it has none.
pub(crate) fn concealed(rules: &Rules, document: &Document) -> Option<String> {
    let values = rules.concealed(document);
    if values.is_empty() {
        return None;
    }
    let values: serde_json::Map<_, _> =
        values.into_iter().map(|(path, value)| (path, value.exposed())).collect();
    Some(serde_json::Value::Object(values).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_one_value_and_cannot_be_tried_without_the_secrets_uid() {
        let key = Key::new("Secret a/s=7f3e");
        let digest = key.digest("7351");
        assert_eq!(digest, Key::new("Secret a/s=7f3e").digest("7351"), "in every process");
        assert_ne!(digest, key.digest("7352"));
        assert_ne!(digest, Key::new("Secret a/s=other").digest("7351"));
        assert!(is_current(&digest) && !is_current("$argon2id$v=19$m=8192,t=1,p=1$c2FsdA$aGFzaA"));
    }
}
