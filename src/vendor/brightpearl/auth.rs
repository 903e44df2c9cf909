//! How to log in at Brightpearl (vendors/brightpearl.md 6): a private app's token, or an OAuth app's, which is exchanged
//! for another one before it ends.

use super::wire;
use crate::api::SecretKeyRef;
use crate::api::VendorName;
use crate::api::brightpearl::{AppToken, BrightpearlAccount, BrightpearlCredentials, BrightpearlOauth};
use crate::vendor::auth::named;
use crate::vendor::session::{Headers, Renewal, Session, Token};
use crate::vendor::transport::{Answer, Body, Call, Operation, Transport};
use crate::vendor::{
    AllowedEndpoints, Class, ConnectError, Credentials, Endpoint, NewTokens, NotKept, TokenKeeper,
    VendorError,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

const APP_REF: HeaderName = HeaderName::from_static("brightpearl-app-ref");
const DEV_REF: HeaderName = HeaderName::from_static("brightpearl-dev-ref");
const STAFF_TOKEN: HeaderName = HeaderName::from_static("brightpearl-staff-token");
const ACCOUNT_TOKEN: HeaderName = HeaderName::from_static("brightpearl-account-token");

/// The keys of an OAuth app's Secret. One of the first two is needed, the others are not.
pub(crate) const OAUTH_KEYS: [&str; 4] = [ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET, EXPIRES_AT];
const ACCESS_TOKEN: &str = "access_token";
const REFRESH_TOKEN: &str = "refresh_token";
const CLIENT_SECRET: &str = "client_secret";
const EXPIRES_AT: &str = "expires_at";

/// An OAuth app, whose token is exchanged together with the one that it was exchanged by (6.2).
pub(super) struct Exchange {
    endpoint: Endpoint,
    app_ref: String,
    dev_ref: String,
    client_secret: Option<SecretString>,
    tokens: Mutex<Tokens>,
    keeper: Arc<dyn TokenKeeper>,
    /// Name of the Secret, for messages.
    secret: String,
}

/// What is to be exchanged next, and what was given and is still to be kept.
struct Tokens {
    /// What the Secret holds: good for one exchange only.
    stored: SecretString,
    /// Given in exchange for it, and how long the first of them lives.
    unkept: Option<(NewTokens, Duration)>,
}

/// A session with the account's credentials, and what to say when they are refused.
pub(super) fn session(
    account: &BrightpearlAccount,
    credentials: &Credentials,
    allowed: &AllowedEndpoints,
) -> Result<(Session<Exchange>, String), ConnectError> {
    let private = |app: &AppToken, header| {
        let token = credentials.for_header(&app.token_secret_ref)?;
        let headers = vec![(APP_REF, SecretString::from(app.app_ref.as_str())), (header, token)];
        Ok((Session::Fixed(headers), format!("check appRef and {}", named(&[&app.token_secret_ref]))))
    };
    match &account.credentials {
        BrightpearlCredentials::StaffToken(app) => private(app, STAFF_TOKEN),
        BrightpearlCredentials::AccountToken(app) => private(app, ACCOUNT_TOKEN),
        BrightpearlCredentials::Oauth(app) => {
            let session = oauth(app, account, credentials, allowed)?;
            let secret = &app.token_secret_ref.name;
            let advice = match &session {
                Session::Fixed(_) => format!(
                    "check appRef, devRef and the key {ACCESS_TOKEN} of Secret {secret}, and add the key {REFRESH_TOKEN} to have it renewed"
                ),
                Session::Renewed { .. } => {
                    format!(
                        "it was renewed just now; check appRef, devRef and what the app may do (Secret {secret})"
                    )
                }
            };
            Ok((session, advice))
        }
    }
}

fn oauth(
    app: &BrightpearlOauth,
    account: &BrightpearlAccount,
    credentials: &Credentials,
    allowed: &AllowedEndpoints,
) -> Result<Session<Exchange>, ConnectError> {
    let secret = &app.token_secret_ref.name;
    let at = |key: &str| SecretKeyRef { name: secret.clone(), key: key.into() };
    let optional = |key| credentials.trimmed(&at(key)).ok();
    let access = match credentials.for_header(&at(ACCESS_TOKEN)) {
        Err(error @ ConnectError::Unusable { .. }) => return Err(error),
        found_or_not => found_or_not,
    };
    let life = optional(EXPIRES_AT).map(|text| life(&text, secret)).transpose()?;
    // An exchange makes the old pair worthless: without a place for the new one there is none.
    let (Some(refresh), Some(keeper)) = (optional(REFRESH_TOKEN), credentials.keeper()) else {
        return Ok(Session::Fixed(headers(&app.app_ref, &app.dev_ref, &access?)));
    };
    let url = match (&app.token_url, &account.url) {
        (Some(url), _) => url.clone(),
        (None, Some(url)) => format!("{}/token/{}", url.trim_end_matches('/'), account.account),
        (None, None) => format!("https://oauth.brightpearlapp.com/token/{}", account.account),
    };
    let exchange = Exchange {
        endpoint: allowed.check(VendorName::Brightpearl, &url)?,
        app_ref: app.app_ref.clone(),
        dev_ref: app.dev_ref.clone(),
        client_secret: optional(CLIENT_SECRET),
        tokens: Mutex::new(Tokens { stored: refresh, unkept: None }),
        keeper,
        secret: secret.clone(),
    };
    let first = access.ok().map(|token| match life {
        Some(life) => Token::lasting(token, life),
        None => Token::unending(token),
    });
    Ok(Session::renewed(exchange, first))
}

/// How long a token lives on that ends at that time.
fn life(expires_at: &SecretString, secret: &str) -> Result<Duration, ConnectError> {
    let end: Timestamp = expires_at.expose_secret().parse().map_err(|_| ConnectError::Unusable {
        name: secret.into(),
        key: EXPIRES_AT.into(),
        problem: "is no time; write it like 2026-11-22T21:00:00Z, or remove it".into(),
    })?;
    Ok(Duration::try_from(end.duration_since(Timestamp::now())).unwrap_or_default())
}

fn headers(app_ref: &str, dev_ref: &str, token: &SecretString) -> Headers {
    vec![
        (APP_REF, app_ref.into()),
        (DEV_REF, dev_ref.into()),
        (AUTHORIZATION, format!("Bearer {}", token.expose_secret()).into()),
    ]
}

impl Renewal for Exchange {
    /// Exchanges the pair. The new one is kept before it is used, so that whoever dies, or comes second, finds it.
    async fn renew(&self, transport: &Transport) -> Result<Token, VendorError> {
        let mut tokens = self.tokens.lock().await;
        let (given, life) = match tokens.unkept.take() {
            Some(given) => given,
            None => self.exchange(&tokens.stored, transport).await?,
        };
        let of = |key| given.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone());
        self.keep(&mut tokens, given.clone(), life).await?;
        tracing::info!(secret = self.secret, "the access token was renewed and is kept in its Secret");
        tokens.stored = of(REFRESH_TOKEN).unwrap_or_else(|| tokens.stored.clone());
        Ok(Token::lasting(of(ACCESS_TOKEN).unwrap_or_default(), life))
    }

    async fn settle(&self) -> Result<(), VendorError> {
        let mut tokens = self.tokens.lock().await;
        match tokens.unkept.take() {
            Some((given, life)) => match self.keep(&mut tokens, given, life).await {
                // What somebody else has put there counts.
                Err(_) if tokens.unkept.is_none() => Ok(()),
                kept => kept,
            },
            None => Ok(()),
        }
    }

    fn headers(&self, token: &SecretString) -> Headers {
        headers(&self.app_ref, &self.dev_ref, token)
    }
}

/// Who can help when a pair cannot be kept: a person, or time.
fn class(why: &NotKept) -> Class {
    match why {
        NotKept::Refused(_) => Class::Credentials,
        NotKept::Overtaken(_) | NotKept::Failed(_) => Class::Unavailable,
    }
}

impl Exchange {
    /// Keeps a pair. One that cannot be kept now is tried again; one that came second is forgotten.
    async fn keep(&self, tokens: &mut Tokens, given: NewTokens, life: Duration) -> Result<(), VendorError> {
        let kept = self.keeper.keep((REFRESH_TOKEN, tokens.stored.clone()), given.clone()).await;
        if let Err(why) = kept {
            let message = format!("the access token was renewed and cannot be used before it is kept: {why}");
            let class = class(&why);
            if !matches!(why, NotKept::Overtaken(_)) {
                tokens.unkept = Some((given, life));
            }
            return Err(VendorError::unsent(class, Operation::Token, message));
        }
        Ok(())
    }

    async fn exchange(
        &self,
        refresh: &SecretString,
        transport: &Transport,
    ) -> Result<(NewTokens, Duration), VendorError> {
        self.keeper.ready().await.map_err(|why| {
            let message = format!(
                "the access token is due, but a new one could not be kept, so that none is asked for: {why}"
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
        Ok((tokens, life))
    }

    fn refused(&self, answer: &Answer) -> VendorError {
        if !answer.refuses_login() {
            return answer.failed(None);
        }
        let said: Option<wire::TokenError> =
            answer.any_json().and_then(|json| serde_json::from_value(json).ok());
        let (secret, code) = (&self.secret, said.map(|said| said.error));
        let advice = match code.as_deref() {
            Some("invalid_client") => format!("check appRef and the key {CLIENT_SECRET} of Secret {secret}"),
            Some("invalid_grant") => format!(
                "the app has to be authorised again: put the new pair into the keys {ACCESS_TOKEN} and {REFRESH_TOKEN} of Secret {secret}"
            ),
            _ => format!("check the app, tokenUrl and Secret {secret}"),
        };
        let code = code.unwrap_or_else(|| "no reason given".into());
        answer.error(
            Class::Credentials,
            format!("the token endpoint refused to renew the access token ({code}); {advice}"),
        )
    }
}
