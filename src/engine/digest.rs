//! Digests of write-only values for the status. They tell whether a value is still the one that was sent, without keeping it.
//!
//! Everybody who can read a Webhook sees the digest. A plain or slow hash could be attacked with guesses, as many keys are short. So the
//! digest is keyed with the uids of the Secrets that the values come from: 122 random bits each, drawn by the API server, and visible
//! only to those who can read the Secrets. No key has to be created, stored or shared. A Secret that is created again has another uid,
//! and its value is sent once more.

use aws_lc_rs::hmac;

/// Prefix of each digest; digests with another prefix cannot be compared.
const KIND: &str = "hmac-sha256:";

/// The key for digests of one Webhook's values.
pub(crate) struct Key(hmac::Key);

impl Key {
    /// Derives the key from the uids of the Secrets that the values come from.
    pub(crate) fn new(uids: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, uids.as_bytes()))
    }

    pub(crate) fn digest(&self, values: &str) -> String {
        use std::fmt::Write as _;
        let mut digest = String::from(KIND);
        for byte in hmac::sign(&self.0, values.as_bytes()).as_ref() {
            let _ = write!(digest, "{byte:02x}");
        }
        digest
    }
}

/// Whether a digest was made by this version.
pub(crate) fn is_current(digest: &str) -> bool {
    digest.starts_with(KIND)
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
