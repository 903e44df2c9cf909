//! Authentication: private apps with a staff or account token, OAuth apps with a bearer token and both references; and the token
//! endpoint of the latter (vendors/brightpearl.md §6).

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::settings::{AuthMode, Settings};
use crate::exchange::{Call, Reply, random_base64};

/// An account as the control API takes it; app reference -> token for private apps.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Credentials {
    staff_tokens: BTreeMap<String, String>,
    account_tokens: BTreeMap<String, String>,
    oauth: Vec<OauthApp>,
    /// Static tokens are void until the credentials are set again.
    #[serde(skip)]
    revoked: bool,
}

/// An OAuth app.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OauthApp {
    app_ref: String,
    dev_ref: String,
    #[serde(default)]
    client_secret: Option<String>,
    #[serde(default = "random_base64")]
    access_token: String,
    #[serde(default = "random_base64")]
    refresh_token: String,
    /// Lifetime of a token in seconds; seven days by default (§6.2).
    #[serde(default = "a_week")]
    expires_in: i64,
    /// When the present token ends; the first one does not.
    #[serde(skip)]
    ends: Option<Timestamp>,
    #[serde(skip)]
    revoked: bool,
}

fn a_week() -> i64 {
    604_800
}

impl Credentials {
    /// A private app `{account}_ops` with a staff token.
    pub(crate) fn usual(account: &str) -> Self {
        let app = (format!("{account}_ops"), "example-staff-token".to_owned());
        Self { staff_tokens: [app].into(), ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.staff_tokens.is_empty() && self.account_tokens.is_empty() && self.oauth.is_empty()
    }

    pub(crate) fn revoke(&mut self) {
        self.revoked = true;
        for app in &mut self.oauth {
            app.revoked = true;
        }
    }

    /// The refusal text echoes the bad token, as the vendor does (§6.3).
    pub(crate) fn check(&self, call: &Call, settings: &Settings, now: Timestamp) -> Result<(), String> {
        let expired = || Err("Authorization token expired".to_owned());
        let Some(app_ref) = call.header("brightpearl-app-ref") else {
            return Err("Not authenticated: brightpearl-app-ref is missing".to_owned());
        };
        let token = presented(call).ok_or("Not authenticated: there is no token")?;
        let invalid = || Err(format!("Invalid {} token: {}", token.kind(), token.text()));
        match settings.auth_mode {
            AuthMode::Normal => {}
            AuthMode::Expired => return expired(),
            AuthMode::Invalid => return invalid(),
        }
        let known = match token {
            Token::Staff(text) => self.staff_tokens.get(app_ref).is_some_and(|t| t == text),
            Token::Account(text) => self.account_tokens.get(app_ref).is_some_and(|t| t == text),
            Token::Bearer(text) => {
                let dev_ref = call.header("brightpearl-dev-ref");
                let app = self.oauth.iter().find(|app| app.access_token == text);
                let Some(app) = app.filter(|a| a.app_ref == app_ref && Some(a.dev_ref.as_str()) == dev_ref)
                else {
                    return invalid();
                };
                if app.revoked || app.ends.is_some_and(|end| end <= now) {
                    return expired();
                }
                return Ok(());
            }
        };
        if known && !self.revoked { Ok(()) } else { invalid() }
    }

    /// The OAuth token endpoint: only the refresh grant makes sense without a browser (§6.2).
    pub(crate) fn token(&mut self, call: &Call, settings: &Settings, now: Timestamp) -> Reply {
        if call.method != Method::POST {
            return Reply::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let form: BTreeMap<String, String> = call.form().into_iter().collect();
        let field = |name: &str| form.get(name).map(String::as_str);
        if field("grant_type") != Some("refresh_token") {
            return refused("unsupported_grant_type");
        }
        let Some(app) = self.oauth.iter_mut().find(|app| field("client_id") == Some(app.app_ref.as_str()))
        else {
            return refused("invalid_client");
        };
        if app.client_secret.is_some() && app.client_secret.as_deref() != field("client_secret") {
            return refused("invalid_client");
        }
        if field("refresh_token") != Some(app.refresh_token.as_str()) {
            return refused("invalid_grant");
        }
        app.access_token = random_base64();
        if settings.rotate_refresh_tokens {
            app.refresh_token = random_base64();
        }
        app.revoked = false;
        app.ends = now.checked_add(SignedDuration::from_secs(app.expires_in)).ok();
        let answer = json!({
            "access_token": app.access_token,
            "refresh_token": app.refresh_token,
            "api_domain": call.header("host").unwrap_or("localhost"),
            "token_type": "Bearer",
            "expires_in": app.expires_in,
        });
        Reply::json(StatusCode::OK, &answer)
    }
}

/// The pool that a request counts in: the developer's, or that of all private apps (§7).
pub(crate) fn pool(call: &Call) -> String {
    match (call.authorization("bearer"), call.header("brightpearl-dev-ref")) {
        (Some(_), Some(dev_ref)) => format!("developer {dev_ref}"),
        _ => "private".to_owned(),
    }
}

enum Token<'a> {
    Bearer(&'a str),
    Staff(&'a str),
    Account(&'a str),
}

impl Token<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Bearer(_) => "instance",
            Self::Staff(_) => "staff",
            Self::Account(_) => "account",
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Bearer(text) | Self::Staff(text) | Self::Account(text) => text,
        }
    }
}

fn presented(call: &Call) -> Option<Token<'_>> {
    call.authorization("bearer")
        .map(Token::Bearer)
        .or_else(|| call.header("brightpearl-staff-token").map(Token::Staff))
        .or_else(|| call.header("brightpearl-account-token").map(Token::Account))
}

fn refused(error: &str) -> Reply {
    Reply::json(StatusCode::BAD_REQUEST, &json!({"error": error}))
}
