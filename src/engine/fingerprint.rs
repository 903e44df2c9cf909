//! Fingerprints: hashes that tell whether a value has changed without keeping the value, which may be a secret. Each process draws
//! its own key, so that a fingerprint says nothing outside the process.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::LazyLock;

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Returns the fingerprint of a value; comparable within this process only.
pub(crate) fn fingerprint(value: impl Hash) -> u64 {
    KEY.hash_one(value)
}
