//! A vendor's id of a subscription. It becomes a path segment of a URL, so that an unchecked one could address another resource.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The longest id, in characters.
pub const LONGEST_ID: usize = 100;

/// A vendor's id of a subscription, opaque: 1 to [`LONGEST_ID`] letters, digits or any of `-_.:~=+@`, and not only dots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalId(String);

/// The error for a text that is no id of a subscription. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not an id: an id consists of 1 to {LONGEST_ID} letters, digits and - _ . : ~ = + @, and not only of dots"
)]
pub struct InvalidId;

impl ExternalId {
    /// Checks an id and keeps the vendor's spelling.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidId> {
        let id = id.into();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:~=+@".contains(&byte);
        let is_valid = (1..=LONGEST_ID).contains(&id.len())
            && id.bytes().all(is_allowed)
            && id.bytes().any(|byte| byte != b'.');
        if is_valid { Ok(Self(id)) } else { Err(InvalidId) }
    }

    /// Returns the valid ids among these texts.
    pub(crate) fn valid<T: Into<String>>(all: impl IntoIterator<Item = T>) -> impl Iterator<Item = Self> {
        all.into_iter().filter_map(|id| Self::new(id).ok())
    }

    /// The vendor's spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key that sorts older ones first: vendors number upwards, so that smaller numbers are older.
    pub(crate) fn order(&self) -> (u64, &str) {
        order(&self.0)
    }
}

/// A key that sorts older ids first, also for texts that are no ids.
pub(crate) fn order(id: &str) -> (u64, &str) {
    (id.parse().unwrap_or(u64::MAX), id)
}

impl FromStr for ExternalId {
    type Err = InvalidId;

    fn from_str(id: &str) -> Result<Self, InvalidId> {
        Self::new(id)
    }
}

impl From<i64> for ExternalId {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl Borrow<str> for ExternalId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_one_segment_of_a_path() {
        let long = "7".repeat(LONGEST_ID);
        for good in ["7", "3a7ce8e3-9c9f-4242-be20-000000000001", "a.b", "..a", "Zm9v+A==", &long] {
            assert!(ExternalId::new(good).is_ok(), "{good}");
        }
        let long = "7".repeat(LONGEST_ID + 1);
        for bad in [
            "", ".", "..", "...", "../7", "7/8", "a\\b", "%2e%2e", "a?b", "a#b", "a b", "\n", "7\0", "é",
            &long,
        ] {
            assert_eq!(ExternalId::new(bad), Err(InvalidId), "{bad:?}");
        }
    }
}
