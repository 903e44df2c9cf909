//! The account of one case, its credentials, and helpers for both sides.

use crate::column::{Column, SECRET};
use crate::world::World;
use futures::future::BoxFuture;
use hooktender::api::SecretKeyRef;
use hooktender::api::account::{RateLimit, Vendor};
use hooktender::vendor::{
    AccessLevel, AllowedEndpoints, Budget, Class, ConnectError, Connection, Credentials, NewTokens,
    PersistError, ReadWrite, Settings, TokenStore, VendorError,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request timeout that no answer of a sandbox reaches.
const PATIENCE: Duration = Duration::from_secs(60);
/// A rate that no case reaches.
const FAST: RateLimit = RateLimit { requests_per_minute: 100_000, reserve: 0 };

/// The account of one case.
pub(crate) struct Bench {
    pub(crate) world: Arc<World>,
    pub(crate) column: Column,
    pub(crate) code: String,
    /// The Secret's content.
    pub(crate) secrets: Vec<(&'static str, String)>,
    pub(crate) account: Vendor,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) patience: Duration,
}

impl Bench {
    pub(crate) async fn new(world: Arc<World>, column: Column) -> Self {
        let code = world.code();
        let secrets = column.secrets(&code, &world);
        let account = column.account(&code, &world);
        let budget = Arc::new(Budget::of(&account, Some(&FAST)));
        let keeper = Arc::new(Keeper::default());
        let bench = Self { world, column, code, secrets, account, keeper, budget, patience: PATIENCE };
        bench.accept(&bench.secrets).await;
        bench
    }

    /// Another account in the same sandbox.
    pub(crate) async fn another(&self) -> Self {
        Self::new(Arc::clone(&self.world), self.column).await
    }

    /// Makes the vendor accept these credentials and no others.
    pub(crate) async fn accept(&self, secrets: &[(&'static str, String)]) {
        self.control("PUT", "", &self.column.accepted(&self.code, secrets, &self.world)).await;
    }

    /// Makes the vendor accept other credentials than those in the Secret.
    pub(crate) async fn lock_out(&self) {
        let other = self.secrets.iter().map(|(key, value)| match *key {
            "id" | "username" | "system-token" => (*key, value.clone()),
            _ => (*key, format!("other-{value}")),
        });
        self.accept(&other.collect::<Vec<_>>()).await;
    }

    /// Revokes the tokens issued so far; a name and a password are changed instead.
    pub(crate) async fn revoke(&self) {
        if self.column == Column::Basic {
            self.lock_out().await;
        } else {
            self.control("POST", "/tokens/revoke", &Value::Null).await;
        }
    }

    pub(crate) fn credentials(&self) -> Credentials {
        let mut credentials = Credentials::default();
        for (key, value) in &self.secrets {
            let at = SecretKeyRef { name: SECRET.into(), key: (*key).into() };
            credentials.insert(&at, value.as_str().into());
        }
        credentials.set_token_store(Arc::clone(&self.keeper) as Arc<dyn TokenStore>);
        credentials
    }

    pub(crate) fn settings(&self) -> Settings {
        let elsewhere = format!("http://{}", self.world.elsewhere());
        let world = &self.world;
        let allowed: AllowedEndpoints =
            [world.brightpearl(), world.contensis(), world.superoffice(), elsewhere.as_str()]
                .into_iter()
                .map(|address| address.parse().unwrap())
                .collect();
        Settings::new(allowed, |_| {}).with_timeout(self.patience)
    }

    /// A client that has sent no request yet.
    pub(crate) fn open<A: AccessLevel>(&self) -> Connection<A> {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open<A: AccessLevel>(&self) -> Result<Connection<A>, ConnectError> {
        let budget = Arc::clone(&self.budget);
        Connection::open("shop", &self.account, &self.credentials(), budget, &self.settings())
    }

    /// Replaces a value in the Secret.
    pub(crate) fn put(&mut self, key: &'static str, value: impl Into<String>) {
        self.secrets.retain(|(known, _)| *known != key);
        self.secrets.push((key, value.into()));
    }

    pub(crate) fn connect(&self) -> Connection<ReadWrite> {
        self.open()
    }

    /// A client that is logged in and knows the account's address; the journal is empty afterwards.
    pub(crate) async fn connected(&self) -> Connection<ReadWrite> {
        let connection = self.connect();
        connection.list().await.unwrap();
        self.forget().await;
        connection
    }

    /// A client with a long timeout.
    pub(crate) async fn another_client(&self) -> Connection<ReadWrite> {
        let settings = self.settings().with_timeout(PATIENCE);
        let budget = Arc::clone(&self.budget);
        let connection =
            Connection::open("shop", &self.account, &self.credentials(), budget, &settings).unwrap();
        connection.list().await.unwrap();
        connection
    }

    async fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/{}/{}{path}", self.column.vendor_name(), self.code);
        self.world.control(method, &path, body).await
    }

    pub(crate) async fn stored(&self) -> Vec<Value> {
        self.control("GET", "/subscriptions", &Value::Null).await.as_array().unwrap().clone()
    }

    /// Stores a subscription at the vendor without checks; returns its id.
    pub(crate) async fn insert(&self, subscription: &Value) -> String {
        let mut subscription = subscription.clone();
        if matches!(self.column, Column::SystemUser | Column::RefreshToken) {
            // An app sees its own subscriptions only: a colleague made this one with the same app.
            subscription["app"] = json!(format!("app-{}", self.code));
        }
        self.control("POST", "/subscriptions", &subscription).await["id"].as_str().unwrap().to_owned()
    }

    /// Edits a subscription at the vendor.
    pub(crate) async fn edit(&self, id: &str, patch: &Value) {
        self.control("PATCH", &format!("/subscriptions/{id}"), patch).await;
    }

    /// Deletes a subscription at the vendor.
    pub(crate) async fn remove(&self, id: &str) {
        self.control("DELETE", &format!("/subscriptions/{id}"), &Value::Null).await;
    }

    pub(crate) async fn journal(&self) -> Vec<Value> {
        self.control("GET", "/journal", &Value::Null).await.as_array().unwrap().clone()
    }

    /// Returns how often an operation was requested.
    pub(crate) async fn count(&self, operation: &str) -> u64 {
        let counts = self.control("GET", "/counts", &Value::Null).await;
        counts[operation].as_u64().unwrap_or_default()
    }

    /// Returns how many requests of any kind there were.
    pub(crate) async fn total(&self) -> usize {
        self.journal().await.len()
    }

    /// Empties the journal.
    pub(crate) async fn forget(&self) {
        self.control("DELETE", "/journal", &Value::Null).await;
    }

    pub(crate) async fn fault(&self, fault: Value) {
        self.control("POST", "/faults", &fault).await;
    }

    pub(crate) async fn heal(&self) {
        self.control("DELETE", "/faults", &Value::Null).await;
    }

    pub(crate) async fn set(&self, patch: Value) {
        self.control("PATCH", "/settings", &patch).await;
    }

    /// Sets what a SuperOffice target answers to the vendor's test call.
    pub(crate) async fn target(&self, url: &str, verdict: &str) {
        self.control("PUT", "/targets", &json!({"url": url, "verdict": verdict})).await;
    }

    /// An error in the vendor's own envelope.
    pub(crate) fn envelope(&self, text: &str) -> Value {
        match self.column.vendor_name() {
            "brightpearl" => json!({"errors": [{"code": "CMNU-003", "message": text}]}),
            "contensis" => json!({"logId": "0", "message": text, "data": null, "type": "Error"}),
            _ => json!({"Error": true, "ErrorType": "SoException", "ErrorMessage": text}),
        }
    }
}

/// Stands for the Secret that exchanged tokens are written to.
#[derive(Default)]
pub(crate) struct Keeper {
    kept: Mutex<Vec<(String, String)>>,
    /// Why nothing can be stored, while that is so.
    pub(crate) closed: Mutex<Option<String>>,
    /// Why a promised write is not done, while that is so.
    pub(crate) broken: Mutex<Option<String>>,
}

impl Keeper {
    pub(crate) fn kept(&self, key: &str) -> Option<String> {
        let kept = self.kept.lock().unwrap();
        kept.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }

    fn state(&self) -> Result<(), String> {
        self.closed.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl TokenStore for Keeper {
    fn check_writable(&self) -> BoxFuture<'_, Result<(), PersistError>> {
        Box::pin(async { self.state().map_err(PersistError::Failed) })
    }

    fn persist(
        &self,
        replaced: (&'static str, SecretString),
        tokens: NewTokens,
    ) -> BoxFuture<'_, Result<(), PersistError>> {
        Box::pin(async move {
            self.state().map_err(PersistError::Failed)?;
            self.broken.lock().unwrap().clone().map_or(Ok(()), |why| Err(PersistError::Failed(why)))?;
            let (key, old) = replaced;
            if self.kept(key).is_some_and(|known| known != old.expose_secret()) {
                return Err(PersistError::Overtaken("somebody else was first".into()));
            }
            let tokens =
                tokens.iter().map(|(key, value)| ((*key).to_owned(), value.expose_secret().to_owned()));
            self.kept.lock().unwrap().extend(tokens);
            Ok(())
        })
    }
}

/// Returns the error of a call that has to fail in that class.
#[track_caller]
pub(crate) fn fails<T>(result: Result<T, VendorError>, class: Class) -> VendorError {
    match result {
        Ok(_) => panic!("it succeeded, and not failed as {class:?}"),
        Err(error) => {
            assert_eq!(error.class, class, "{error} {error:?}");
            error
        }
    }
}

/// Asserts that a message contains these words.
#[track_caller]
pub(crate) fn says(error: &VendorError, words: &[&str]) {
    for word in words {
        assert!(error.message.contains(word), "{word:?} is not in: {}", error.message);
    }
}
