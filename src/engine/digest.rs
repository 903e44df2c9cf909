//! Remembers values that no vendor gives back without keeping them: a salted Argon2id digest, good for telling whether a
//! value is still the one that was sent.

use crate::plan::{Document, Rules};
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};

/// KiB of memory and passes for one digest. A few milliseconds: it is made once a value, for a thousand Webhooks too, and
/// what it guards are keys and tokens, not words that people choose. Tests guard nothing, and have no time.
const COST: (u32, u32) = if cfg!(test) { (8, 1) } else { (8 * 1024, 1) };

/// The values of a document that the vendor does not give back, as one text; none if it has none.
pub(super) fn concealed(rules: &Rules, document: &Document) -> Option<String> {
    let values = rules.concealed(document);
    if values.is_empty() {
        return None;
    }
    let values: serde_json::Map<_, _> =
        values.into_iter().map(|(path, value)| (path, value.exposed())).collect();
    Some(serde_json::Value::Object(values).to_string())
}

/// A new digest. An error is the system's: it has no randomness or no memory to give.
pub(super) fn digest(values: &str) -> Result<String, String> {
    let hash = hasher()?.hash_password(values.as_bytes()).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Whether the digest is of these values. One that cannot be read is of none.
pub(super) fn is_of(digest: &str, values: &str) -> bool {
    hasher().is_ok_and(|hasher| {
        argon2::PasswordHash::new(digest)
            .is_ok_and(|hash| hasher.verify_password(values.as_bytes(), &hash).is_ok())
    })
}

fn hasher() -> Result<Argon2<'static>, String> {
    let params = Params::new(COST.0, COST.1, 1, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_its_values_from_others_and_from_itself() {
        let (one, again) = (digest("s3cret").unwrap(), digest("s3cret").unwrap());
        assert_ne!(one, again, "salted");
        assert!(one.starts_with("$argon2id$") && !one.contains("s3cret"));
        assert!(is_of(&one, "s3cret") && is_of(&again, "s3cret"));
        assert!(!is_of(&one, "s3cre") && !is_of("nonsense", "s3cret") && !is_of("", ""));
    }
}
