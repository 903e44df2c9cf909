//! Login at Brightpearl (vendors/brightpearl.md 6): a private app's token, or an OAuth app's, which `oauth` refreshes.

use super::oauth::{
    ACCESS_TOKEN, APP_REF, CLIENT_SECRET, EXPIRES_AT, OAUTH_KEYS, OauthApp, OauthRefresh, REFRESH_TOKEN,
    headers,
};
use crate::api::SecretKeyRef;
use crate::api::brightpearl::{AppToken, BrightpearlAccount, BrightpearlCredentials, BrightpearlOauth};
use crate::vendor::auth::{SecretRefs, list_keys};
use crate::vendor::session::{Session, Token};
use crate::vendor::{AccountEndpoints, ConnectError, Credentials};
use jiff::Timestamp;
use reqwest::header::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

const STAFF_TOKEN: HeaderName = HeaderName::from_static("brightpearl-staff-token");
const ACCOUNT_TOKEN: HeaderName = HeaderName::from_static("brightpearl-account-token");

/// Returns the Secret references of an account.
pub(in crate::vendor) fn secret_refs(account: &BrightpearlAccount) -> SecretRefs {
    let BrightpearlAccount { datacenter: _, url: _, account: _, credentials } = account;
    match credentials {
        BrightpearlCredentials::StaffToken(app) | BrightpearlCredentials::AccountToken(app) => {
            let AppToken { app_ref: _, token_secret_ref } = app;
            SecretRefs::required([token_secret_ref])
        }
        BrightpearlCredentials::Oauth(app) => {
            let BrightpearlOauth { app_ref: _, dev_ref: _, token_url: _, token_secret_ref } = app;
            SecretRefs::exchanged(&token_secret_ref.name, &OAUTH_KEYS)
        }
    }
}

/// Returns a session with the account's credentials, and advice for the message if they are refused.
pub(super) fn session(
    account: &BrightpearlAccount,
    credentials: &Credentials,
    allowed: &AccountEndpoints,
) -> Result<(Session<OauthRefresh>, String), ConnectError> {
    let private = |app: &AppToken, header| {
        let token = credentials.for_header(&app.token_secret_ref)?;
        let headers = vec![(APP_REF, SecretString::from(app.app_ref.as_str())), (header, token)];
        Ok((Session::Fixed(headers), format!("check appRef and {}", list_keys(&[&app.token_secret_ref]))))
    };
    match &account.credentials {
        BrightpearlCredentials::StaffToken(app) => private(app, STAFF_TOKEN),
        BrightpearlCredentials::AccountToken(app) => private(app, ACCOUNT_TOKEN),
        BrightpearlCredentials::Oauth(app) => {
            let session = oauth(app, account, credentials, allowed)?;
            let secret = &app.token_secret_ref.name;
            let advice = match &session {
                Session::Fixed(_) => format!(
                    "check appRef, devRef and the key {ACCESS_TOKEN} of Secret {secret}, and add the key {REFRESH_TOKEN} to have it refreshed"
                ),
                Session::Refreshed { .. } => {
                    format!(
                        "it was refreshed just now, so check appRef, devRef and the app's rights (Secret {secret})"
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
    allowed: &AccountEndpoints,
) -> Result<Session<OauthRefresh>, ConnectError> {
    let secret = &app.token_secret_ref.name;
    let at = |key: &str| SecretKeyRef { name: secret.clone(), key: key.into() };
    let optional = |key| credentials.trimmed(&at(key)).ok();
    let access = match credentials.for_header(&at(ACCESS_TOKEN)) {
        Err(error @ ConnectError::Unusable { .. }) => return Err(error),
        found_or_not => found_or_not,
    };
    let life = optional(EXPIRES_AT).map(|text| life(&text, secret)).transpose()?;
    // An exchange invalidates the old pair: without a store for the new one, none is made.
    let (Some(refresh), Some(store)) = (optional(REFRESH_TOKEN), credentials.token_store()) else {
        return Ok(Session::Fixed(headers(&app.app_ref, &app.dev_ref, &access?)));
    };
    let url = match (&app.token_url, &account.url) {
        (Some(url), _) => url.clone(),
        (None, Some(url)) => format!("{}/token/{}", url.trim_end_matches('/'), account.account),
        (None, None) => format!("https://oauth.brightpearlapp.com/token/{}", account.account),
    };
    let app = OauthApp {
        endpoint: allowed.check(&url)?,
        app_ref: app.app_ref.clone(),
        dev_ref: app.dev_ref.clone(),
        client_secret: optional(CLIENT_SECRET),
        store,
        secret: secret.clone(),
    };
    let first = access.ok().map(|token| match life {
        Some(life) => Token::expiring(token, life),
        None => Token::non_expiring(token),
    });
    Ok(Session::refreshed(OauthRefresh::new(app, refresh), first))
}

/// Returns the remaining lifetime of a token by its expiry time.
fn life(expires_at: &SecretString, secret: &str) -> Result<Duration, ConnectError> {
    let end: Timestamp = expires_at.expose_secret().parse().map_err(|_| ConnectError::Unusable {
        name: secret.into(),
        key: EXPIRES_AT.into(),
        problem: "is not a time; write it like 2026-11-22T21:00:00Z, or remove it".into(),
    })?;
    Ok(Duration::try_from(end.duration_since(Timestamp::now())).unwrap_or_default())
}
