//! Checked names of objects. A name from a manifest becomes part of a path of the API server, where `?watch=true` or
//! `../../other` would make another request.
//!
//! The CRDs refuse such names, but an object that was stored before, or a file, may have one. References are kept unchanged, and
//! checked before each request.

use super::ObjectKey;
use kube::ResourceExt;
use kube::core::Rule;
use std::fmt;

/// Maximum length of a name.
const LONGEST_NAME: usize = 253;
/// Maximum length of the name of a namespace.
const LONGEST_NAMESPACE: usize = 63;
/// How many characters of an invalid name an error repeats.
const LONGEST_SHOWN: usize = 64;

/// The syntax of a name.
const SUBDOMAIN: &str =
    "use at most 253 lower case letters, digits, - and ., starting and ending with a letter or digit";
/// The syntax of the name of a namespace.
const LABEL: &str =
    "use at most 63 lower case letters, digits and -, starting and ending with a letter or digit";

/// CRD rule for the name of an object, a DNS subdomain. Another rule refuses an empty name.
pub(super) fn subdomain(kind: &str) -> Rule {
    let rule = "size(self) == 0 || self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$')";
    Rule::new(rule).message(format!("not a valid name of a {kind}: {SUBDOMAIN}").as_str())
}

/// CRD rule for the name of a namespace, a DNS label. Another rule refuses an empty name.
pub(super) fn label() -> Rule {
    Rule::new("size(self) == 0 || self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')")
        .message(format!("not a valid name of a namespace: {LABEL}").as_str())
}

/// A text that is not a valid name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {shown} is not valid: {rule}")]
pub struct InvalidName {
    what: &'static str,
    shown: String,
    rule: &'static str,
}

impl InvalidName {
    fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        let shown: String = text.chars().take(LONGEST_SHOWN).collect();
        Self { what, shown: format!("{shown:?}"), rule }
    }
}

/// The name of a namespace: a DNS label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceName(String);

impl NamespaceName {
    /// Checks the name of a namespace.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        if text.len() <= LONGEST_NAMESPACE && is_label(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::new("the namespace", text, LABEL))
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NamespaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checked namespace and name of an object, a DNS label and a DNS subdomain. Required to read or write an object by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    namespace: NamespaceName,
    name: String,
}

impl ObjectName {
    /// Checks the name of an object.
    pub fn new(namespace: &str, name: &str) -> Result<Self, InvalidName> {
        let namespace = NamespaceName::new(namespace)?;
        if name.len() <= LONGEST_NAME && name.split('.').all(is_label) {
            Ok(Self { namespace, name: name.to_owned() })
        } else {
            Err(InvalidName::new("the name", name, SUBDOMAIN))
        }
    }

    /// Checks the name of an object.
    pub fn of(object: &impl ResourceExt) -> Result<Self, InvalidName> {
        Self::try_from(&ObjectKey::of(object))
    }

    /// Returns the namespace.
    pub fn namespace(&self) -> &NamespaceName {
        &self.namespace
    }

    /// Returns the name within the namespace.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl TryFrom<&ObjectKey> for ObjectName {
    type Error = InvalidName;

    fn try_from(key: &ObjectKey) -> Result<Self, InvalidName> {
        Self::new(&key.namespace, &key.name)
    }
}

fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A valid name stays within one path segment, and decoding does not change it.
        #[test]
        fn a_valid_name_stays_within_its_path_segment(text in "\\PC{0,12}|[a-z0-9./?#%&-]{0,12}") {
            if let Ok(name) = ObjectName::new("shop", &text) {
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
                prop_assert!(name.name().chars().all(plain) && !matches!(name.name(), "" | "." | ".."), "{}", text);
            }
        }
    }

    #[test]
    fn names_are_valid_as_for_an_api_server() {
        let long = "a".repeat(254);
        let bad = [
            "",
            "?watch=true",
            "../../a/secrets/x",
            "a/b",
            "a%2fb",
            "a b",
            "..",
            ".",
            "a..b",
            ".a",
            "a.",
            "-a",
            "a-",
            "A",
            "a_b",
            "ä",
            "own\n",
            "a#b",
            &long,
        ];
        for name in bad {
            let error = ObjectName::new("shop", name).unwrap_err().to_string();
            assert!(
                error.contains("lower case letters") && !error.contains('\n') && error.len() < 300,
                "{error}"
            );
        }
        for name in ["a", "0", "a-b.c", "kube-root-ca.crt", &long[1..]] {
            assert_eq!(ObjectName::new("shop", name).unwrap().name(), name);
        }
        for namespace in ["", "a.b", "../b", "A", &long[..64]] {
            assert!(
                NamespaceName::new(namespace).is_err() && ObjectName::new(namespace, "a").is_err(),
                "{namespace}"
            );
        }
        assert_eq!(NamespaceName::new(&long[..63]).unwrap().as_str(), &long[..63]);
    }
}
