//! Names of objects, checked. A name that comes from a manifest becomes part of the API server's path, where `?watch=true` or
//! `../../other` would be another request than is meant.
//!
//! The CRDs refuse such names. An object that was stored before they did, or a file, may still hold one: references are kept
//! as they are written, and checked where a request is made of them.

use super::ObjectKey;
use kube::ResourceExt;
use kube::core::Rule;
use std::fmt;

/// Most characters of a name.
const LONGEST_NAME: usize = 253;
/// Most characters of a namespace's name.
const LONGEST_NAMESPACE: usize = 63;
/// Characters of a wrong name that an error repeats.
const LONGEST_SHOWN: usize = 64;

/// Says how a name has to be written.
const SUBDOMAIN: &str = "lower case letters, digits, - and ., beginning and ending with a letter or digit, at most 253 characters";
/// Says how a namespace has to be written.
const LABEL: &str =
    "lower case letters, digits and -, beginning and ending with a letter or digit, at most 63 characters";

/// A rule of a CRD: the name of an object, which is a DNS subdomain. An empty one has a rule of its own.
pub(super) fn subdomain(kind: &str) -> Rule {
    let rule = "size(self) == 0 || self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$')";
    Rule::new(rule).message(format!("no {kind} can have that name: {SUBDOMAIN}").as_str())
}

/// A rule of a CRD: the name of a namespace, which is a DNS label. An empty one has a rule of its own.
pub(super) fn label() -> Rule {
    Rule::new("size(self) == 0 || self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')")
        .message(format!("no namespace can have that name: {LABEL}").as_str())
}

/// A text that cannot be the name of an object.
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

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NamespaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Namespace and name of an object, both checked: a DNS label and a DNS subdomain. What reads or writes an object by its name
/// takes this type.
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

    /// Checks the name of an object that was read.
    pub fn of(object: &impl ResourceExt) -> Result<Self, InvalidName> {
        Self::try_from(&ObjectKey::of(object))
    }

    /// The namespace.
    pub fn namespace(&self) -> &NamespaceName {
        &self.namespace
    }

    /// The name within it.
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
        /// Whatever is taken stays within one segment of a path, and is the same when it is decoded.
        #[test]
        fn no_name_leaves_its_segment_of_a_path(text in "\\PC{0,12}|[a-z0-9./?#%&-]{0,12}") {
            if let Ok(name) = ObjectName::new("shop", &text) {
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
                prop_assert!(name.name().chars().all(plain) && !matches!(name.name(), "" | "." | ".."), "{}", text);
            }
        }
    }

    #[test]
    fn names_are_those_that_an_api_server_takes() {
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
