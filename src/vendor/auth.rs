//! Credentials: which keys of Secrets an account refers to, and their values as the engine read them.

use super::endpoint::EndpointNotAllowed;
use crate::api::SecretKeyRef;
use crate::api::variables::without_final_line_break;
use crate::plan::Redactor;
use futures::future::BoxFuture;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::sync::Arc;

/// Values of the Secrets that an account refers to. Has neither `Debug` nor `Serialize`, so that no value is printed.
#[derive(Clone, Default)]
pub struct Credentials {
    values: HashMap<(String, String), SecretString>,
    store: Option<Arc<dyn TokenStore>>,
}

/// Tokens that replace those in a Secret, by key of the Secret.
pub type NewTokens = Vec<(&'static str, SecretString)>;

/// Stores tokens that a vendor issued in exchange for others, in the place where those came from. Its errors hold no secret.
pub trait TokenStore: Send + Sync {
    /// Checks that new tokens could be stored now. Called before the old ones are used up.
    fn check_writable(&self) -> BoxFuture<'_, Result<(), PersistError>>;

    /// Stores the tokens, unless the Secret no longer holds the value `replaced` under that key: then another client
    /// wrote newer ones, which are used instead. Tokens are not used before they are stored.
    fn persist(
        &self,
        replaced: (&'static str, SecretString),
        tokens: NewTokens,
    ) -> BoxFuture<'_, Result<(), PersistError>>;
}

/// Why new tokens could not be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersistError {
    /// Somebody else stored newer tokens.
    #[error("{0}")]
    Overtaken(String),
    /// The Secret cannot be written until a person changes something: a right, a policy, or the Secret itself.
    #[error("{0}")]
    Refused(String),
    /// A failure that may pass, such as an API server that does not answer.
    #[error("{0}")]
    Failed(String),
}

/// A value that an account refers to is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissingSecret {
    /// The Secret, or the key in it, does not exist.
    #[error("there is no Secret {name} with the key {key}: add it")]
    Key {
        /// Name of the Secret.
        name: String,
        /// The key that is missing in it.
        key: String,
    },
    /// The value is empty or consists of white space.
    #[error("the key {key} of Secret {name} is empty: set a value")]
    Empty {
        /// Name of the Secret.
        name: String,
        /// The key in it.
        key: String,
    },
}

/// Why a connection cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not allowed.
    #[error(transparent)]
    Endpoint(#[from] EndpointNotAllowed),
    /// A Secret or a key is missing.
    #[error(transparent)]
    Secret(#[from] MissingSecret),
    /// A value in a Secret is not usable.
    #[error("the key {key} of Secret {name} {problem}")]
    Unusable {
        /// Name of the Secret.
        name: String,
        /// The key in it.
        key: String,
        /// What is wrong with it and what to do. Never holds the value.
        problem: String,
    },
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

impl Credentials {
    /// Adds the value of one key of one Secret.
    pub fn insert(&mut self, at: &SecretKeyRef, value: SecretString) {
        self.values.insert((at.name.clone(), at.key.clone()), value);
    }

    /// Sets the store for tokens that are exchanged for these.
    pub fn set_token_store(&mut self, store: Arc<dyn TokenStore>) {
        self.store = Some(store);
    }

    /// Returns the store for tokens that are exchanged for these.
    pub(crate) fn token_store(&self) -> Option<Arc<dyn TokenStore>> {
        self.store.clone()
    }

    /// Returns the value without white space around it. A trailing newline is never part of a token, key or user name, and
    /// editors and `kubectl create secret --from-file` add one.
    pub(crate) fn trimmed(&self, at: &SecretKeyRef) -> Result<SecretString, MissingSecret> {
        self.filled(at, str::trim)
    }

    /// Returns the value like [`Self::trimmed`]; an error if it is not valid in an HTTP header.
    pub(crate) fn for_header(&self, at: &SecretKeyRef) -> Result<SecretString, ConnectError> {
        let value = self.trimmed(at)?;
        if HeaderValue::from_str(value.expose_secret()).is_err() {
            let problem = "contains a character that is not valid in an HTTP header: look for line breaks, typographic quotes and dashes";
            return Err(ConnectError::Unusable {
                name: at.name.clone(),
                key: at.key.clone(),
                problem: problem.into(),
            });
        }
        Ok(value)
    }

    /// Returns the value without a line break at its end, for passwords, which may begin or end with a space.
    pub(crate) fn exact(&self, at: &SecretKeyRef) -> Result<SecretString, MissingSecret> {
        self.filled(at, without_final_line_break)
    }

    /// Returns what `cut` leaves of the value; an error if that is nothing.
    fn filled(&self, at: &SecretKeyRef, cut: fn(&str) -> &str) -> Result<SecretString, MissingSecret> {
        let (name, key) = (at.name.clone(), at.key.clone());
        match self.values.get(&(name.clone(), key.clone())).map(|value| cut(value.expose_secret())) {
            Some("") => Err(MissingSecret::Empty { name, key }),
            Some(value) => Ok(value.into()),
            None => Err(MissingSecret::Key { name, key }),
        }
    }

    /// Makes the redactor hide every value.
    pub(crate) fn hide_in(&self, redactor: &mut Redactor) {
        for value in self.values.values() {
            redactor.hide(&value.expose_secret().trim().into(), "(redacted)");
        }
    }
}

/// What an account logs in with, as far as it comes from Secrets of the account's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretRefs {
    /// Every key that is read.
    pub keys: Vec<SecretRef>,
    /// Name of the Secret whose tokens the vendor exchanges for new ones, which are written back to it.
    pub exchanged: Option<String>,
}

/// A key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef {
    /// Secret and key.
    pub at: SecretKeyRef,
    /// Whether the key may be missing in a Secret that exists. The login reports an optional key that it needs.
    pub optional: bool,
}

impl SecretRefs {
    /// Keys that have to exist.
    pub(super) fn required<'a>(keys: impl IntoIterator<Item = &'a SecretKeyRef>) -> Self {
        let keys = keys.into_iter().map(|at| SecretRef { at: at.clone(), optional: false });
        Self { keys: keys.collect(), exchanged: None }
    }

    /// Optional keys of one Secret, whose tokens the vendor exchanges.
    pub(super) fn exchanged(secret: &str, keys: &[&str]) -> Self {
        let at = |key: &&str| SecretKeyRef { name: secret.into(), key: (*key).into() };
        let keys = keys.iter().map(|key| SecretRef { at: at(key), optional: true });
        Self { keys: keys.collect(), exchanged: Some(secret.into()) }
    }
}

/// Lists keys of Secrets for a message.
pub(crate) fn list_keys(keys: &[&SecretKeyRef]) -> String {
    let all: Vec<_> = keys.iter().map(|at| format!("the key {} of Secret {}", at.key, at.name)).collect();
    all.join(" and ")
}
