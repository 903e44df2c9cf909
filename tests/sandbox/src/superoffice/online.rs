//! SuperOffice Online: the central addresses for a tenant's state and for logins (vendors/superoffice.md §2.3, §3.1, §3.2). They
//! are served beside the tenants; no tenant can have their names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Tenant;
use super::settings::{JwtFault, Settings};
use crate::exchange::{Call, Reply, base64url, random_base64url};

/// The claims of a system user's token share this prefix (§3.1).
const CLAIM: &str = "http://schemes.superoffice.net/identity/";

/// First path segments that are not tenants.
pub(crate) const RESERVED: [&str; 2] = ["api", "login"];

/// An app that the tenant has approved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct App {
    pub(crate) client_id: String,
    /// Also the value of `SO-AppToken`.
    pub(crate) client_secret: String,
    #[serde(default)]
    system_user_token: Option<String>,
    /// PEM, of the kind PUBLIC KEY or RSA PUBLIC KEY. Without one a pair is generated, and the answer to the control request
    /// holds the private half.
    #[serde(default)]
    public_key_pem: Option<String>,
    #[serde(default)]
    refresh_tokens: BTreeSet<String>,
}

/// A ticket or access token that was issued.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) client_id: String,
    pub(crate) ends: Timestamp,
}

/// Tickets and access tokens of one tenant.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sessions {
    pub(crate) tickets: BTreeMap<String, Issued>,
    pub(crate) bearers: BTreeMap<String, Issued>,
}

impl App {
    /// Gives the app a key pair if it has none; returns the private half as PEM.
    pub(crate) fn complete(&mut self) -> Result<Option<String>, String> {
        if self.system_user_token.is_none() || self.public_key_pem.is_some() {
            return Ok(None);
        }
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|e| e.to_string())?;
        let private: Pkcs8V1Der<'static> = pair.as_der().map_err(|e| e.to_string())?;
        let public: PublicKeyX509Der<'static> = pair.public_key().as_der().map_err(|e| e.to_string())?;
        self.public_key_pem = Some(pem("PUBLIC KEY", public.as_ref()));
        Ok(Some(pem("PRIVATE KEY", private.as_ref())))
    }

    /// Why a signed system token is not accepted, in the words of the vendor's code list (§3.1).
    fn check(&self, signed: &str, tolerance: i64, now: Timestamp) -> Result<(), &'static str> {
        let (data, signature) = signed.rsplit_once('.').ok_or("InvalidSignature")?;
        let (token, minute) = data.rsplit_once('.').ok_or("InvalidSignature")?;
        if self.system_user_token.as_deref() != Some(token) {
            return Err("Denied");
        }
        let key = self.public_key_pem.as_deref().and_then(der).ok_or("InvalidSignature")?;
        let signature = STANDARD.decode(signature).map_err(|_| "InvalidSignature")?;
        UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, key)
            .verify(data.as_bytes(), &signature)
            .map_err(|_| "InvalidSignature")?;
        let signed_at = DateTime::strptime("%Y%m%d%H%M", minute)
            .and_then(|time| time.to_zoned(TimeZone::UTC))
            .map_err(|_| "InvalidTimestamp")?;
        let apart = now.duration_since(signed_at.timestamp()).abs();
        // The stamp has minutes only, so up to one is lost to rounding.
        if apart > SignedDuration::from_mins(tolerance + 1) { Err("InvalidTimestamp") } else { Ok(()) }
    }
}

/// Answers a central address; none if it is another one.
pub(crate) fn answer(tenants: &mut BTreeMap<String, Tenant>, call: &Call, now: Timestamp) -> Option<Reply> {
    let lower: Vec<String> = call.segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let route: Vec<&str> = lower.iter().map(String::as_str).collect();
    match (&call.method, route.as_slice()) {
        (&Method::GET, ["api", "state", _]) => {
            let wanted = call.segments.last()?;
            let found = tenants.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            Some(
                found.map_or_else(
                    || Reply::empty(StatusCode::NOT_FOUND),
                    |(name, t)| state(name, t, call, now),
                ),
            )
        }
        (&Method::POST, ["login", "api", "partnersystemuser", "authenticate"]) => {
            Some(match authenticate(tenants, call, now) {
                Ok(token) => Reply::json(StatusCode::OK, &json!({"IsSuccessful": true, "Token": token})),
                Err(why) => Reply::json(StatusCode::OK, &json!({"IsSuccessful": false, "ErrorMessage": why})),
            })
        }
        (&Method::POST, ["login", "common", "oauth", "tokens"]) => Some(refresh(tenants, call, now)),
        (&Method::GET, ["login", ".well-known", "jwks"]) => Some(keys()),
        (&Method::GET, ["login", ".well-known", "openid-configuration"]) => Some(metadata(call)),
        _ => None,
    }
}

/// The tenant that a central request is about.
pub(crate) fn concerned(tenants: &BTreeMap<String, Tenant>, call: &Call) -> Option<String> {
    let by_name = |wanted: &str| tenants.keys().find(|name| name.eq_ignore_ascii_case(wanted)).cloned();
    if call.segments.first()?.eq_ignore_ascii_case("api") {
        return by_name(call.segments.get(2)?);
    }
    if let Ok(body) = call.json() {
        return by_name(body["ContextIdentifier"].as_str()?);
    }
    let token = parameter(call, "refresh_token")?;
    let owns =
        |tenant: &Tenant| tenant.credentials.apps.iter().any(|app| app.refresh_tokens.contains(&token));
    tenants.iter().find(|(_, tenant)| owns(tenant)).map(|(name, _)| name.clone())
}

/// The tenant's own root.
fn endpoint(name: &str, settings: &Settings, call: &Call) -> String {
    let host = settings.endpoint_host.as_deref().or_else(|| call.header("host")).unwrap_or("localhost");
    format!("http://{host}/{name}")
}

/// Whether the tenant answers API calls (§2.3).
pub(crate) fn runs(settings: &Settings) -> bool {
    matches!(settings.state.as_str(), "Running" | "OnlineMaintenance")
}

fn state(name: &str, tenant: &Tenant, call: &Call, now: Timestamp) -> Reply {
    let settings = &tenant.settings;
    let root = endpoint(name, settings, call);
    let until = now.checked_add(SignedDuration::from_secs(settings.state_valid_seconds)).unwrap_or(now);
    let state = json!({
        "ContextIdentifier": name,
        "Endpoint": root,
        "State": settings.state,
        "IsRunning": runs(settings),
        "ValidUntil": format!("{until:.3}"),
        "Api": format!("{root}/api"),
        "Version": settings.version.number(),
    });
    Reply::json(StatusCode::OK, &state)
}

fn authenticate(
    tenants: &mut BTreeMap<String, Tenant>,
    call: &Call,
    now: Timestamp,
) -> Result<String, String> {
    let body = call.json().map_err(|_| "The request is not JSON")?;
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let context = text("ContextIdentifier");
    let found = tenants.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(context));
    let (name, tenant) = found.ok_or("Denied: the context is not known")?;
    if tenant.settings.refuse_all {
        return Err("Revoked".to_owned());
    }
    let app = tenant.credentials.apps.iter().find(|app| app.client_secret == text("ApplicationToken"));
    let app = app.ok_or("Denied: the application is not known")?;
    app.check(text("SignedSystemToken"), tenant.settings.timestamp_tolerance_minutes, now)?;
    if !text("ReturnTokenType").eq_ignore_ascii_case("jwt") {
        return Err("ReturnTokenType must be JWT here".to_owned());
    }
    let ticket = format!("7T:{}", random_base64url());
    let root = endpoint(name, &tenant.settings, call);
    let soon = now.checked_add(SignedDuration::from_mins(5)).unwrap_or(now);
    let mut claims = json!({
        "iss": "SuperOffice AS",
        "aud": "spn:1234567890",
        "nbf": now.as_second(),
        "iat": now.as_second(),
        "exp": soon.as_second(),
        format!("{CLAIM}ticket"): ticket,
        format!("{CLAIM}ctx"): name,
        format!("{CLAIM}serial"): "1234567890",
        format!("{CLAIM}webapi_url"): format!("{root}/api/"),
        format!("{CLAIM}netserver_url"): format!("{root}/remote/services88/"),
        format!("{CLAIM}associateid"): "9",
    });
    let client_id = app.client_id.clone();
    let ends = super::auth::ticket_end(&tenant.settings, now);
    tenant.credentials.sessions.tickets.insert(ticket, Issued { client_id, ends });
    let wrong = tenant.settings.jwt_fault;
    match wrong {
        JwtFault::None | JwtFault::Signature => {}
        JwtFault::Issuer => claims["iss"] = "Somebody else".into(),
        JwtFault::Audience => claims["aud"] = "spn:42".into(),
        JwtFault::Expired => {
            claims["exp"] = now.as_second().saturating_sub(3600).into();
        }
        JwtFault::Context => claims[format!("{CLAIM}ctx")] = "Cust99999".into(),
    }
    jwt(&claims, if wrong == JwtFault::Signature { other_key() } else { vendor_key() })
}

/// The refresh grant, from a form or the query; the refresh token stays the same (§3.2).
fn refresh(tenants: &mut BTreeMap<String, Tenant>, call: &Call, now: Timestamp) -> Reply {
    let refused = |error: &str| Reply::json(StatusCode::BAD_REQUEST, &json!({"error": error}));
    if parameter(call, "grant_type").as_deref() != Some("refresh_token") {
        return refused("unsupported_grant_type");
    }
    let basic = call.basic();
    let client = parameter(call, "client_id").or_else(|| basic.as_ref().map(|(id, _)| id.clone()));
    let secret = parameter(call, "client_secret").or_else(|| basic.map(|(_, secret)| secret));
    let token = parameter(call, "refresh_token").unwrap_or_default();
    let fits =
        |app: &App| Some(&app.client_id) == client.as_ref() && Some(&app.client_secret) == secret.as_ref();
    if !tenants.values().any(|tenant| tenant.credentials.apps.iter().any(fits)) {
        return refused("invalid_client");
    }
    for (name, tenant) in tenants {
        let app = tenant.credentials.apps.iter().find(|app| fits(app) && app.refresh_tokens.contains(&token));
        let Some(client_id) = app.map(|app| app.client_id.clone()) else {
            continue;
        };
        if tenant.settings.refuse_all {
            break;
        }
        let life = tenant.settings.token_life_seconds;
        let access = format!("8A:{name}.{}", random_base64url());
        let ends = now.checked_add(SignedDuration::from_secs(life)).unwrap_or(now);
        tenant.credentials.sessions.bearers.insert(access.clone(), Issued { client_id, ends });
        let answer = json!({"token_type": "Bearer", "access_token": access, "expires_in": life});
        return Reply::json(StatusCode::OK, &answer);
    }
    refused("invalid_grant")
}

fn parameter(call: &Call, name: &str) -> Option<String> {
    let form = call.form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value);
    form.or_else(|| call.query(name))
}

/// The vendor's signing key: one for the process, generated when first needed.
fn vendor_key() -> Option<&'static KeyPair> {
    static KEY: OnceLock<Option<KeyPair>> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).ok()).as_ref()
}

/// A key that is not published.
fn other_key() -> Option<&'static KeyPair> {
    static KEY: OnceLock<Option<KeyPair>> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).ok()).as_ref()
}

fn jwt(claims: &Value, key: Option<&KeyPair>) -> Result<String, String> {
    let key = key.ok_or("there is no signing key")?;
    let head = base64url(r#"{"alg":"RS256","kid":"sandbox","typ":"JWT"}"#);
    let data = format!("{head}.{}", base64url(claims.to_string()));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data.as_bytes(), &mut signature)
        .map_err(|e| e.to_string())?;
    Ok(format!("{data}.{}", base64url(signature)))
}

fn keys() -> Reply {
    let Some(key) = vendor_key() else {
        return Reply::empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let public = key.public_key();
    let modulus = base64url(public.modulus().big_endian_without_leading_zero());
    let exponent = base64url(public.exponent().big_endian_without_leading_zero());
    let key =
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "sandbox", "n": modulus, "e": exponent});
    Reply::json(StatusCode::OK, &json!({"keys": [key]}))
}

fn metadata(call: &Call) -> Reply {
    let root = format!("http://{}", call.header("host").unwrap_or("localhost"));
    let about = json!({
        "issuer": root,
        "authorization_endpoint": format!("{root}/login/common/oauth/authorize"),
        "token_endpoint": format!("{root}/login/common/oauth/tokens"),
        "jwks_uri": format!("{root}/login/.well-known/jwks"),
        "scopes_supported": ["openid"],
        "grant_types_supported": ["implicit", "authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    });
    Reply::json(StatusCode::OK, &about)
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = vec![format!("-----BEGIN {kind}-----")];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        lines.push(line.to_owned());
        rest = tail;
    }
    lines.push(format!("-----END {kind}-----\n"));
    lines.join("\n")
}

fn der(pem: &str) -> Option<Vec<u8>> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    STANDARD.decode(text).ok()
}
