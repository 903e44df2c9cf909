//! The one reader of Secrets, and of ConfigMaps beside them. `keeper` writes what a vendor exchanged.

use super::keeper::ClusterKeeper;
use crate::api::account::Vendor;
use crate::api::variables::without_final_line_break;
use crate::api::{ObjectKey, SecretKeyRef};
use crate::plan::Text;
use crate::vendor::{Credentials, OAUTH_KEYS, TokenKeeper};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client, ResourceExt};
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use zeroize::Zeroizing;

/// How many Secrets and ConfigMaps are read at once.
const AT_ONCE: usize = 8;

/// An object that values are taken from. A pass over an account is due when one of its dependencies changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependency {
    /// A Secret.
    Secret(ObjectKey),
    /// A ConfigMap.
    ConfigMap(ObjectKey),
}

impl std::fmt::Display for Dependency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret(key) => write!(f, "Secret {key}"),
            Self::ConfigMap(key) => write!(f, "ConfigMap {key}"),
        }
    }
}

/// A value of one key.
#[derive(Clone)]
pub enum Value {
    /// Nobody may see it.
    Secret(SecretString),
    /// Everybody may.
    Plain(String),
}

impl Value {
    /// Whether the value has no characters.
    fn is_empty(&self) -> bool {
        self.exposed().is_empty()
    }

    /// Returns the first control character of the value.
    pub(super) fn control_character(&self) -> Option<char> {
        self.exposed().chars().find(|c| c.is_control())
    }

    fn exposed(&self) -> &str {
        match self {
            Self::Secret(value) => value.expose_secret(),
            Self::Plain(value) => value,
        }
    }
}

/// What the dependencies of one pass hold. Kept no longer than the pass.
#[derive(Default)]
pub struct Values {
    found: HashMap<Dependency, Keys>,
    /// What the API server does not let us read, in its words.
    refused: BTreeMap<Dependency, String>,
}

#[derive(Default)]
struct Keys {
    values: HashMap<String, Option<Value>>,
    version: String,
}

/// Reads dependencies.
pub trait Source: Send + Sync {
    /// Reads each of them once. One that is not there is left out, and one that may not be read is noted.
    fn read(&self, wanted: &BTreeSet<Dependency>)
    -> impl Future<Output = Result<Values, kube::Error>> + Send;

    /// Who keeps tokens in that Secret, as it was read at that version; none where nothing can be kept.
    fn keeper(&self, secret: ObjectKey, version: String) -> Option<Arc<dyn TokenKeeper>>;
}

impl Values {
    /// Returns the value of a key. An error says what is missing or empty, and what to do.
    pub(super) fn get(&self, from: &Dependency, key: &str) -> Result<Value, String> {
        let value = self.find(from, key)?;
        if value.is_empty() {
            return Err(format!("the key {key} of {from} is empty: set a value"));
        }
        Ok(value)
    }

    /// Returns the value of a key, which may be empty.
    fn find(&self, from: &Dependency, key: &str) -> Result<Value, String> {
        if let Some(why) = self.refused.get(from) {
            return Err(format!("{from} may not be read: {why}"));
        }
        let Some(keys) = self.found.get(from) else {
            return Err(format!("{from} does not exist: create it with the key {key}"));
        };
        match keys.values.get(key) {
            Some(Some(value)) => Ok(value.clone()),
            Some(None) => Err(format!("the key {key} of {from} is not UTF-8 text")),
            None => Err(format!("{from} has no key {key}: add it")),
        }
    }

    /// Those Secrets, with their versions: the same text means the same values.
    pub(super) fn versions(&self, of: impl Iterator<Item = Dependency>) -> String {
        let all: BTreeSet<_> = of.filter(|from| matches!(from, Dependency::Secret(_))).collect();
        let version =
            |from: &Dependency| self.found.get(from).map(|keys| keys.version.as_str()).unwrap_or_default();
        all.iter().map(|from| format!("{from}@{}", version(from))).collect::<Vec<_>>().join(";")
    }

    /// Adds what the API server does not let us read, with its words.
    pub(super) fn refuse(&mut self, from: Dependency, words: String) {
        self.refused.insert(from, words);
    }

    /// What the API server does not let us read, with its words.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&Dependency, &str)> {
        self.refused.iter().map(|(from, words)| (from, words.as_str()))
    }

    /// Adds a Secret.
    pub fn add_secret(&mut self, secret: Secret) {
        let key = ObjectKey::of(&secret);
        let version = secret.resource_version().unwrap_or_default();
        let values = secret.data.unwrap_or_default().into_iter().map(|(name, bytes)| {
            let bytes = Zeroizing::new(bytes.0);
            let text = std::str::from_utf8(&bytes).ok().map(without_final_line_break);
            (name, text.map(|text| Value::Secret(text.into())))
        });
        self.found.insert(Dependency::Secret(key), Keys { values: values.collect(), version });
    }

    /// Adds what was read elsewhere.
    pub fn extend(&mut self, other: Self) {
        self.found.extend(other.found);
        self.refused.extend(other.refused);
    }

    /// Adds to a Secret, whether it is there or not, a value for each of the keys that it does not have.
    pub fn make_up(&mut self, secret: ObjectKey, keys: &BTreeSet<String>) {
        let found = self.found.entry(Dependency::Secret(secret)).or_default();
        for key in keys {
            let value = || Some(Value::Secret("made-up".into()));
            found.values.entry(key.clone()).or_insert_with(value);
        }
    }

    /// Adds a ConfigMap.
    pub fn add_config_map(&mut self, map: ConfigMap) {
        let key = ObjectKey::of(&map);
        let version = map.resource_version().unwrap_or_default();
        let values = map
            .data
            .unwrap_or_default()
            .into_iter()
            .map(|(name, text)| (name, Some(Value::Plain(without_final_line_break(&text).into()))));
        self.found.insert(Dependency::ConfigMap(key), Keys { values: values.collect(), version });
    }

    /// The version of an object that was read.
    fn version(&self, of: &Dependency) -> Option<&str> {
        self.found.get(of).map(|keys| keys.version.as_str())
    }

    /// The value of a key as text, for comparing; the error where there is none.
    pub(super) fn text(&self, from: &Dependency, key: &str) -> Result<Text, String> {
        let mut text = Text::default();
        match self.get(from, key)? {
            Value::Secret(value) => text.push_secret(key, value),
            Value::Plain(value) => text.push_plain(&value),
        }
        Ok(text)
    }

    /// The credentials that an account names, all in its own namespace.
    pub(super) fn credentials(
        &self,
        vendor: &Vendor,
        namespace: &str,
        source: &impl Source,
    ) -> Result<Credentials, String> {
        let mut credentials = Credentials::default();
        for Wanted { at, optional } in wanted(vendor) {
            let from = Dependency::Secret(ObjectKey::new(namespace, &at.name));
            // Which optional values are needed depends on the others: an empty one is reported by the login that needs it.
            let value = if optional { self.find(&from, &at.key) } else { self.get(&from, &at.key) };
            match value {
                Ok(Value::Secret(value)) => credentials.insert(&at, value),
                Ok(Value::Plain(_)) => {}
                // A Secret that is not there at all is worth a word although none of its keys is a must.
                Err(_) if optional && self.version(&from).is_some() => {}
                Err(missing) => return Err(missing),
            }
        }
        if let Some(name) = rotating(vendor) {
            let key = ObjectKey::new(namespace, name);
            let version = self.version(&Dependency::Secret(key.clone())).unwrap_or_default().to_owned();
            if let Some(keeper) = source.keeper(key, version) {
                credentials.kept_by(keeper);
            }
        }
        Ok(credentials)
    }
}

/// The Secrets that an account names.
pub(super) fn account_dependencies(vendor: &Vendor, namespace: &str) -> impl Iterator<Item = Dependency> {
    wanted(vendor)
        .into_iter()
        .map(move |Wanted { at, .. }| Dependency::Secret(ObjectKey::new(namespace, &at.name)))
}

/// The keys of Secrets that an account names.
pub(super) fn account_keys(vendor: &Vendor, namespace: &str) -> impl Iterator<Item = (Dependency, String)> {
    wanted(vendor)
        .into_iter()
        .map(move |Wanted { at, .. }| (Dependency::Secret(ObjectKey::new(namespace, &at.name)), at.key))
}

/// A key of a Secret that an account names.
struct Wanted {
    at: SecretKeyRef,
    optional: bool,
}

/// The Secret whose tokens the vendor exchanges for others.
fn rotating(vendor: &Vendor) -> Option<&str> {
    use crate::api::brightpearl::BrightpearlCredentials as B;
    match vendor {
        Vendor::Brightpearl(account) => match &account.credentials {
            B::Oauth(app) => Some(&app.token_secret_ref.name),
            B::StaffToken(_) | B::AccountToken(_) => None,
        },
        Vendor::Contensis(_) | Vendor::Superoffice(_) => None,
    }
}

/// Every key of a Secret that an account names.
fn wanted(vendor: &Vendor) -> Vec<Wanted> {
    use crate::api::brightpearl::BrightpearlCredentials as B;
    use crate::api::contensis::ContensisCredentials as C;
    use crate::api::superoffice::SuperofficeCredentials as S;
    if let Some(name) = rotating(vendor) {
        let at = |key: &&str| SecretKeyRef { name: name.into(), key: (*key).into() };
        return OAUTH_KEYS.iter().map(|key| Wanted { at: at(key), optional: true }).collect();
    }
    let all: Vec<&SecretKeyRef> = match vendor {
        Vendor::Brightpearl(account) => match &account.credentials {
            B::StaffToken(app) | B::AccountToken(app) => vec![&app.token_secret_ref],
            B::Oauth(_) => vec![],
        },
        Vendor::Contensis(account) => match &account.credentials {
            C::ClientCredentials(key) => vec![&key.client_id_secret_ref, &key.client_secret_secret_ref],
            C::Classic(user) => vec![&user.username_secret_ref, &user.password_secret_ref],
        },
        Vendor::Superoffice(account) => match &account.credentials {
            S::SystemUser(user) => {
                vec![
                    &user.client_secret_secret_ref,
                    &user.system_user_token_secret_ref,
                    &user.private_key_secret_ref,
                ]
            }
            S::RefreshToken(token) => vec![&token.client_secret_secret_ref, &token.refresh_token_secret_ref],
            S::Basic(user) => vec![&user.username_secret_ref, &user.password_secret_ref],
            S::Ticket(ticket) => {
                [&ticket.ticket_secret_ref].into_iter().chain(&ticket.app_token_secret_ref).collect()
            }
            S::Bearer(bearer) => vec![&bearer.token_secret_ref],
        },
    };
    all.into_iter().map(|at| Wanted { at: at.clone(), optional: false }).collect()
}

/// Reads from the cluster, by `get` and nothing else.
#[derive(Clone)]
pub struct ClusterSource {
    client: Client,
}

impl ClusterSource {
    /// Reads with that client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Reads one into values of its own.
    async fn one(&self, dependency: &Dependency) -> Result<Values, kube::Error> {
        let mut values = Values::default();
        let read = match dependency {
            Dependency::Secret(key) => {
                let api: Api<Secret> = Api::namespaced(self.client.clone(), &key.namespace);
                api.get_opt(&key.name)
                    .await
                    .map(|found| found.into_iter().for_each(|one| values.add_secret(one)))
            }
            Dependency::ConfigMap(key) => {
                let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &key.namespace);
                api.get_opt(&key.name)
                    .await
                    .map(|found| found.into_iter().for_each(|one| values.add_config_map(one)))
            }
        };
        match read {
            Err(kube::Error::Api(refused)) if refused.is_forbidden() => {
                values.refuse(dependency.clone(), refused.message);
                Ok(values)
            }
            read => read.map(|()| values),
        }
    }
}

impl Source for ClusterSource {
    async fn read(&self, wanted: &BTreeSet<Dependency>) -> Result<Values, kube::Error> {
        let wanted = stream::iter(wanted.iter().cloned());
        let mut reads = wanted.map(|one| async move { self.one(&one).await }).buffer_unordered(AT_ONCE);
        let mut values = Values::default();
        while let Some(one) = reads.try_next().await? {
            values.extend(one);
        }
        Ok(values)
    }

    fn keeper(&self, secret: ObjectKey, version: String) -> Option<Arc<dyn TokenKeeper>> {
        Some(Arc::new(ClusterKeeper::new(self.client.clone(), secret, version)))
    }
}
