//! Values of the Secrets that an account names, as the engine read them.

use super::connection::ConnectError;
use super::{brightpearl, contensis, superoffice};
use crate::api::SecretKeyRef;
use crate::api::account::Vendor;
use crate::api::variables::without_final_line_break;
use crate::plan::Redactor;
use futures::future::BoxFuture;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::sync::Arc;

/// Values of the Secrets that an account names. No `Debug`, no `Serialize`.
#[derive(Clone, Default)]
pub struct Credentials {
    values: HashMap<(String, String), SecretString>,
    store: Option<Arc<dyn TokenStore>>,
}

/// Tokens that replace those in a Secret, by key.
pub type NewTokens = Vec<(&'static str, SecretString)>;

/// Keeps tokens that a vendor gave in exchange for others where those came from. What it answers is fit to be shown.
pub trait TokenStore: Send + Sync {
    /// Whether new tokens could be kept right now: asked before the old ones are given away for good.
    fn check_writable(&self) -> BoxFuture<'_, Result<(), PersistError>>;

    /// Keeps them, unless the Secret holds another value than `replaced` under that key by now: then somebody else was
    /// first, and what they put there counts. Tokens are not used before they are kept.
    fn persist(
        &self,
        replaced: (&'static str, SecretString),
        tokens: NewTokens,
    ) -> BoxFuture<'_, Result<(), PersistError>>;
}

/// Why new tokens are not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersistError {
    /// Somebody else has put others there, which count.
    #[error("{0}")]
    Overtaken(String),
    /// The Secret may not be written until a person changes something: a right, a policy, or the Secret itself.
    #[error("{0}")]
    Refused(String),
    /// It did not work; it may later.
    #[error("{0}")]
    Failed(String),
}

/// A value that an account refers to and that is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissingSecret {
    /// The Secret, or the key in it, does not exist.
    #[error("Secret {name} has no key {key}")]
    Key {
        /// Name of the Secret.
        name: String,
        /// The key that is missing in it.
        key: String,
    },
    /// The value is empty, or only white space.
    #[error("the key {key} of Secret {name} is empty: set a value")]
    Empty {
        /// Name of the Secret.
        name: String,
        /// The key in it.
        key: String,
    },
}

impl Credentials {
    /// Adds the value of one key of one Secret.
    pub fn insert(&mut self, at: &SecretKeyRef, value: SecretString) {
        self.values.insert((at.name.clone(), at.key.clone()), value);
    }

    /// Says who keeps tokens that replace those here.
    pub fn set_token_store(&mut self, store: Arc<dyn TokenStore>) {
        self.store = Some(store);
    }

    /// Who keeps tokens that replace those here.
    pub(crate) fn token_store(&self) -> Option<Arc<dyn TokenStore>> {
        self.store.clone()
    }

    /// The value, without white space around it: a trailing newline is never part of a token, key or user name, and
    /// editors and `kubectl create secret --from-file` put one there.
    pub(crate) fn trimmed(&self, at: &SecretKeyRef) -> Result<SecretString, MissingSecret> {
        self.filled(at, str::trim)
    }

    /// The value like [`Self::trimmed`], if a header can carry it.
    pub(crate) fn for_header(&self, at: &SecretKeyRef) -> Result<SecretString, ConnectError> {
        let value = self.trimmed(at)?;
        if HeaderValue::from_str(value.expose_secret()).is_err() {
            let problem = "holds a character that no HTTP header can carry; look for line breaks, and for what a word processor makes of quotes and dashes";
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

    /// Hides every value.
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

/// Returns what an account reads from Secrets to log in.
pub fn secret_refs(account: &Vendor) -> SecretRefs {
    match account {
        Vendor::Brightpearl(account) => brightpearl::secret_refs(account),
        Vendor::Contensis(account) => contensis::secret_refs(account),
        Vendor::Superoffice(account) => superoffice::secret_refs(account),
    }
}

/// Those keys of Secrets, for a message that says where to look.
pub(crate) fn list_keys(keys: &[&SecretKeyRef]) -> String {
    let all: Vec<_> = keys.iter().map(|at| format!("the key {} of Secret {}", at.key, at.name)).collect();
    all.join(" and ")
}
