//! The Secrets and ConfigMaps that an account and its Webhooks take values from.

use crate::api::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter, Result};

/// The keys that are read, by object.
pub(crate) type NamedKeys = BTreeMap<Dependency, BTreeSet<String>>;

/// An object that values are taken from. When it changes, its values are read again, and a pass runs if one of them differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Dependency {
    Secret(ObjectKey),
    ConfigMap(ObjectKey),
}

impl Dependency {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Secret(_) => "Secret",
            Self::ConfigMap(_) => "ConfigMap",
        }
    }

    /// Returns namespace and name as the manifest has them: they may be invalid.
    pub(crate) fn key(&self) -> &ObjectKey {
        match self {
            Self::Secret(key) | Self::ConfigMap(key) => key,
        }
    }
}

impl Display for Dependency {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} {}", self.kind(), self.key())
    }
}

/// Why a dependency could not be read, with the message for conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadFailure {
    /// No object can have that name.
    InvalidName(String),
    /// The API server does not allow it.
    Forbidden(String),
    /// The next try may succeed: the API server failed, or there was no memory left for the values.
    Failed(String),
}

impl ReadFailure {
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::InvalidName(message) | Self::Forbidden(message) | Self::Failed(message) => message,
        }
    }
}
