//! Refreshes the tokens of an OAuth app (vendors/brightpearl.md 6.2).
//!
//! An exchange uses up the refresh token that it sends: after the vendor's answer, only the new pair is valid. Exchange and write
//! therefore run in a task of their own, which continues when the pass that waits for it is dropped (at its deadline, or when the
//! lease is lost), and the new pair is part of the state until the Secret holds it.

use super::wire;
use crate::vendor::session::{Headers, Token, TokenSource};
use crate::vendor::transport::{Answer, Body, Call, Operation, Transport};
use crate::vendor::{Class, Endpoint, NewTokens, PersistError, TokenStore, VendorError};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tracing::Instrument as _;

pub(super) const APP_REF: HeaderName = HeaderName::from_static("brightpearl-app-ref");
const DEV_REF: HeaderName = HeaderName::from_static("brightpearl-dev-ref");

/// Keys of an OAuth app's Secret. One of the first two is needed, the others are not.
pub(super) const OAUTH_KEYS: [&str; 4] = [ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET, EXPIRES_AT];
pub(super) const ACCESS_TOKEN: &str = "access_token";
pub(super) const REFRESH_TOKEN: &str = "refresh_token";
pub(super) const CLIENT_SECRET: &str = "client_secret";
pub(super) const EXPIRES_AT: &str = "expires_at";

/// The app whose tokens are refreshed, and where they are stored.
pub(super) struct OauthApp {
    pub(super) endpoint: Endpoint,
    pub(super) app_ref: String,
    pub(super) dev_ref: String,
    pub(super) client_secret: Option<SecretString>,
    pub(super) store: Arc<dyn TokenStore>,
    /// Name of the Secret, for messages.
    pub(super) secret: String,
}

/// The token source of one app.
pub(super) struct OauthRefresh {
    app: Arc<OauthApp>,
    tokens: Arc<Mutex<Tokens>>,
}

/// Where the tokens are between the vendor, the Secret and the session.
struct Tokens {
    /// The refresh token in the Secret, which is valid for one exchange.
    stored: SecretString,
    /// The pair that the vendor issued for `stored` and that the Secret does not hold yet.
    unpersisted: Option<Pair>,
    /// An access token whose pair the Secret holds and that the session has not fetched yet.
    ready: Option<Token>,
}

/// The tokens of an exchange.
struct Pair {
    tokens: NewTokens,
    /// Lifetime of the access token from `since` on.
    life: Duration,
    since: Instant,
}

impl Pair {
    fn of(&self, key: &str) -> Option<SecretString> {
        self.tokens.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone())
    }
}

impl OauthRefresh {
    /// `stored` is the refresh token in the Secret.
    pub(super) fn new(app: OauthApp, stored: SecretString) -> Self {
        let tokens = Tokens { stored, unpersisted: None, ready: None };
        Self { app: Arc::new(app), tokens: Arc::new(Mutex::new(tokens)) }
    }
}

impl TokenSource for OauthRefresh {
    async fn fetch(&self, transport: &Transport) -> Result<Token, VendorError> {
        let mut tokens = Arc::clone(&self.tokens).lock_owned().await;
        if tokens.ready.is_none() {
            let (app, transport) = (Arc::clone(&self.app), transport.clone());
            tokens = run_to_completion(async move {
                let _unfinished = transport.begin_token_exchange();
                app.refresh(&mut tokens, &transport).await.map(|()| tokens)
            })
            .await?;
        }
        tokens.ready.take().ok_or_else(|| unavailable("the refreshed access token is missing".into()))
    }

    async fn flush_tokens(&self) -> Result<(), VendorError> {
        let mut tokens = Arc::clone(&self.tokens).lock_owned().await;
        if tokens.unpersisted.is_none() {
            return Ok(());
        }
        let app = Arc::clone(&self.app);
        run_to_completion(async move {
            match app.persist(&mut tokens).await {
                // The pair in the Secret is newer.
                Err(_) if tokens.unpersisted.is_none() => Ok(()),
                persisted => persisted,
            }
        })
        .await
    }

    fn headers(&self, token: &SecretString) -> Headers {
        headers(&self.app.app_ref, &self.app.dev_ref, token)
    }
}

/// Runs the work in a task, which continues when the caller is dropped.
async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = Result<T, VendorError>> + Send + 'static,
) -> Result<T, VendorError> {
    let done = tokio::spawn(work.in_current_span()).await;
    done.unwrap_or_else(|error| {
        Err(unavailable(format!("refreshing the access token was interrupted: {error}")))
    })
}

/// Returns the class of a failed write: whether a person has to act, or a retry may help.
fn class(why: &PersistError) -> Class {
    match why {
        PersistError::Refused(_) => Class::Credentials,
        PersistError::Overtaken(_) | PersistError::Failed(_) => Class::Unavailable,
    }
}

fn unavailable(message: String) -> VendorError {
    VendorError::unsent(Class::Unavailable, Operation::Token, message)
}

impl OauthApp {
    /// Exchanges the pair, unless an exchanged pair waits already, and writes the new one to the Secret.
    async fn refresh(&self, tokens: &mut Tokens, transport: &Transport) -> Result<(), VendorError> {
        if tokens.unpersisted.is_none() {
            tokens.unpersisted = Some(self.exchange(&tokens.stored, transport).await?);
        }
        self.persist(tokens).await
    }

    /// Writes the unpersisted pair. It stays unpersisted if the write fails, and is dropped if the Secret holds a newer one.
    async fn persist(&self, tokens: &mut Tokens) -> Result<(), VendorError> {
        let Some(pair) = &tokens.unpersisted else { return Ok(()) };
        let written = self.store.persist((REFRESH_TOKEN, tokens.stored.clone()), pair.tokens.clone()).await;
        if let Err(why) = written {
            if matches!(why, PersistError::Overtaken(_)) {
                tokens.unpersisted = None;
            }
            let message = format!(
                "the access token was refreshed, but hooktender cannot use it before it is stored: {why}"
            );
            return Err(VendorError::unsent(class(&why), Operation::Token, message));
        }
        tracing::info!(secret = self.secret, "the access token was refreshed and stored in its Secret");
        let left = pair.life.saturating_sub(pair.since.elapsed());
        tokens.ready = Some(Token::expiring(pair.of(ACCESS_TOKEN).unwrap_or_default(), left));
        tokens.stored = pair.of(REFRESH_TOKEN).unwrap_or_else(|| tokens.stored.clone());
        tokens.unpersisted = None;
        Ok(())
    }

    async fn exchange(&self, refresh: &SecretString, transport: &Transport) -> Result<Pair, VendorError> {
        self.store.check_writable().await.map_err(|why| {
            let message = format!(
                "the access token must be refreshed, but hooktender requests none because it could not store it: {why}"
            );
            VendorError::unsent(class(&why), Operation::Token, message)
        })?;
        let mut form = vec![
            ("grant_type", SecretString::from("refresh_token")),
            (REFRESH_TOKEN, refresh.clone()),
            ("client_id", self.app_ref.as_str().into()),
        ];
        form.extend(self.client_secret.clone().map(|secret| (CLIENT_SECRET, secret)));
        let mut call = Call::new(Operation::Token, Method::POST, self.endpoint.url());
        call.body = Body::Form(form);
        call.redactor.hide(refresh, "(redacted)");
        let answer = transport.send(call).await?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        let given: wire::Tokens = answer.json()?;
        let life = Duration::from_secs(given.expires_in);
        let end = Timestamp::now().checked_add(SignedDuration::try_from(life).unwrap_or(SignedDuration::MAX));
        let tokens = vec![
            (ACCESS_TOKEN, given.access_token),
            (REFRESH_TOKEN, given.refresh_token.unwrap_or_else(|| refresh.clone())),
            (EXPIRES_AT, format!("{:.0}", end.unwrap_or(Timestamp::MAX)).into()),
        ];
        Ok(Pair { tokens, life, since: Instant::now() })
    }

    fn refused(&self, answer: &Answer) -> VendorError {
        if !answer.refuses_login() {
            return answer.status_error(None);
        }
        let detail: Option<wire::TokenError> =
            answer.any_json().and_then(|json| serde_json::from_value(json).ok());
        let (secret, code) = (&self.secret, detail.map(|detail| detail.error));
        let advice = match code.as_deref() {
            Some("invalid_client") => format!("check appRef and the key {CLIENT_SECRET} of Secret {secret}"),
            Some("invalid_grant") => format!(
                "authorise the app again, and put the new tokens into the keys {ACCESS_TOKEN} and {REFRESH_TOKEN} of Secret {secret}"
            ),
            _ => format!("check the app, tokenUrl and Secret {secret}"),
        };
        let code = code.unwrap_or_else(|| "no reason given".into());
        answer.error(
            Class::Credentials,
            format!("the token endpoint refused to refresh the access token ({code}); {advice}"),
        )
    }
}

pub(super) fn headers(app_ref: &str, dev_ref: &str, token: &SecretString) -> Headers {
    vec![
        (APP_REF, app_ref.into()),
        (DEV_REF, dev_ref.into()),
        (AUTHORIZATION, format!("Bearer {}", token.expose_secret()).into()),
    ]
}

#[cfg(test)]
mod tests;
