//! Login as an app's system user (vendors/superoffice.md 3.1): a signed token is exchanged for a signed answer with a ticket.

use super::key::PrivateKey;
use super::wire;
use crate::api::superoffice as api;
use crate::vendor::auth::list_keys;
use crate::vendor::session::Token;
use crate::vendor::transport::{Answer, Body, Call, Operation, Transport};
use crate::vendor::{Class, ConnectError, Credentials, Endpoint, VendorError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// The issuer of the answer.
const ISSUER: &str = "SuperOffice AS";
/// Prefix of the answer's claims.
const CLAIM: &str = "http://schemes.superoffice.net/identity/";
/// Lifetime of a ticket from its last use on.
const TICKET_LIFE: Duration = Duration::from_secs(6 * 3600);
/// Accepted difference between our clock and the vendor's, in seconds.
const LEEWAY: u64 = 300;
/// A larger difference between the two clocks is reported.
const REPORTED_CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// The central host and the tenant's id, for logins there.
#[derive(Clone, Copy)]
pub(super) struct Central<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) customer_id: &'a str,
}

pub(super) struct SystemUser {
    central: Endpoint,
    customer_id: String,
    client_secret: SecretString,
    token: SecretString,
    private_key: PrivateKey,
    /// The vendor's published keys, by which its answers are verified.
    keys: Mutex<Option<JwkSet>>,
    /// The Secrets of the key and of the two texts, for messages.
    key_from: String,
    texts_from: String,
}

impl SystemUser {
    /// Reads the secrets of a login.
    pub(super) fn new(
        user: &api::SystemUser,
        credentials: &Credentials,
        central: Central<'_>,
    ) -> Result<Self, ConnectError> {
        let api::SystemUser {
            client_secret_secret_ref: secret,
            system_user_token_secret_ref: token,
            private_key_secret_ref: key,
        } = user;
        let parsed = PrivateKey::parse(credentials.exact(key)?.expose_secret());
        let private_key = parsed.map_err(|problem| ConnectError::Unusable {
            name: key.name.clone(),
            key: key.key.clone(),
            problem,
        })?;
        Ok(Self {
            central: central.endpoint.clone(),
            customer_id: central.customer_id.to_owned(),
            client_secret: credentials.for_header(secret)?,
            token: credentials.trimmed(token)?,
            private_key,
            keys: Mutex::default(),
            key_from: list_keys(&[key]),
            texts_from: list_keys(&[secret, token]),
        })
    }

    /// Returns the client secret, which is sent with every ticket.
    pub(super) fn client_secret(&self) -> &SecretString {
        &self.client_secret
    }

    /// Fetches a new ticket.
    pub(super) async fn ticket(&self, transport: &Transport) -> Result<Token, VendorError> {
        let signed = self.signed().map_err(|problem| {
            let message = format!("the private key ({}) {problem}", self.key_from);
            VendorError::unsent(Class::Credentials, Operation::Token, message)
        })?;
        let body = json!({
            "SignedSystemToken": signed.expose_secret(),
            "ApplicationToken": self.client_secret.expose_secret(),
            "ContextIdentifier": self.customer_id,
            "ReturnTokenType": "JWT",
        });
        let url = self.central.join(["Login", "api", "PartnerSystemUser", "Authenticate"]);
        let mut call = Call::new(Operation::Token, Method::POST, url);
        call.body = Body::Json(&body);
        call.redactor.hide(&signed, "(redacted)");
        let answer = transport.send(call).await?;
        let detail = || answer.any_json().as_ref().and_then(wire::in_words);
        if answer.refuses_login() {
            return Err(self.refused(&answer, &detail().unwrap_or_default()));
        }
        if !answer.status.is_success() {
            return Err(answer.status_error(detail()));
        }
        // A refusal may have status 200.
        let given: wire::SystemUserAnswer = answer.json()?;
        let Some(jwt) = given.token.filter(|_| given.is_successful) else {
            return Err(self.refused(&answer, given.error_message.as_deref().unwrap_or_default()));
        };
        let claims = self.verified(jwt.expose_secret(), transport).await.map_err(|error| match error {
            Unverified::Unavailable(error) => error,
            Unverified::Forged(why) => answer.error(
                Class::Unavailable,
                format!(
                    "the token in the answer cannot be verified ({why}): perhaps it is not from SuperOffice"
                ),
            ),
        })?;
        let ticket = claims.get(&format!("{CLAIM}ticket")).and_then(Value::as_str);
        let ticket = ticket
            .ok_or_else(|| answer.error(Class::Unavailable, "the token in the answer has no ticket"))?;
        Ok(Token::sliding(ticket.into(), TICKET_LIFE))
    }

    /// Returns the system user token with the current minute, and the signature over both.
    fn signed(&self) -> Result<SecretString, String> {
        let minute = Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M");
        let data = Zeroizing::new(format!("{}.{minute}", self.token.expose_secret()));
        let signature = STANDARD.encode(self.private_key.sign(data.as_bytes())?);
        Ok(format!("{}.{signature}", *data).into())
    }

    /// Returns the error of a refusal. The vendor documents the names of its codes, not their spelling in the answer (3.1).
    fn refused(&self, answer: &Answer, detail: &str) -> VendorError {
        let (key, texts) = (&self.key_from, &self.texts_from);
        let advice = match detail.to_lowercase() {
            detail if detail.contains("timestamp") => clock_advice(answer.date()),
            detail if detail.contains("signature") => {
                format!(
                    "the request was not signed with the app's key: check {key}; the Developer Portal may have a newer key"
                )
            }
            detail if detail.contains("revoked") => {
                "the tenant's administrator has to approve the app again".to_owned()
            }
            detail if detail.contains("expired") || detail.contains("reapproval") => {
                "the tenant's administrator has to approve the app again".to_owned()
            }
            _ => format!("check {texts}, customerId, and that the tenant's administrator approved the app"),
        };
        let detail = if detail.is_empty() { "no reason given" } else { detail };
        answer.error(Class::Credentials, format!("the system user was refused ({detail}); {advice}"))
    }

    /// Returns the claims of a token if the vendor signed it for this tenant.
    async fn verified(&self, jwt: &str, transport: &Transport) -> Result<Map<String, Value>, Unverified> {
        let header =
            jsonwebtoken::decode_header(jwt).map_err(|error| Unverified::Forged(error.to_string()))?;
        let key = self.key(header.kid.as_deref(), transport).await?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[ISSUER]);
        validation.leeway = LEEWAY;
        // The audience depends on another claim, see below.
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<Map<String, Value>>(jwt, &key, &validation)
            .map_err(|error| Unverified::Forged(error.to_string()))?
            .claims;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let serial = text(&format!("{CLAIM}serial"));
        let audience = format!("spn:{serial}");
        let is_ours = match claims.get("aud") {
            Some(Value::String(one)) => *one == audience,
            Some(Value::Array(all)) => all.iter().any(|one| *one == audience),
            _ => false,
        };
        if serial.is_empty() || !is_ours {
            return Err(Unverified::Forged("it is for another audience".into()));
        }
        if !text(&format!("{CLAIM}ctx")).eq_ignore_ascii_case(&self.customer_id) {
            return Err(Unverified::Forged("it is for another tenant".into()));
        }
        Ok(claims)
    }

    /// Returns the published key of that id. Fetches the keys again if the id is unknown.
    async fn key(&self, id: Option<&str>, transport: &Transport) -> Result<DecodingKey, Unverified> {
        let mut known = self.keys.lock().await;
        let find = |keys: &JwkSet| match id {
            Some(id) => keys.find(id).cloned(),
            None => keys.keys.first().cloned(),
        };
        let mut found = known.as_ref().and_then(find);
        if found.is_none() {
            let fresh = self.fetch_keys(transport).await.map_err(Unverified::Unavailable)?;
            found = find(known.insert(fresh));
        }
        let key = found.ok_or_else(|| Unverified::Forged("no published key has its id".into()))?;
        DecodingKey::from_jwk(&key).map_err(|error| Unverified::Forged(error.to_string()))
    }

    async fn fetch_keys(&self, transport: &Transport) -> Result<JwkSet, VendorError> {
        let url = self.central.join(["login", ".well-known", "jwks"]);
        let answer = transport.send(Call::new(Operation::Token, Method::GET, url)).await?;
        if answer.status.is_success() { answer.json() } else { Err(answer.status_error(None)) }
    }
}

/// Why a token cannot be verified.
enum Unverified {
    Unavailable(VendorError),
    Forged(String),
}

/// Returns advice about a rejected time stamp.
fn clock_advice(theirs: Option<SystemTime>) -> String {
    let apart = theirs.and_then(|theirs| {
        let ours = SystemTime::now();
        let (apart, which) = match ours.duration_since(theirs) {
            Ok(ahead) => (ahead, "ahead of"),
            Err(behind) => (behind.duration(), "behind"),
        };
        (apart > REPORTED_CLOCK_DIFFERENCE).then(|| {
            let apart = SignedDuration::try_from(apart).unwrap_or(SignedDuration::MAX);
            format!(": it is {}m {which} SuperOffice's", apart.as_mins())
        })
    });
    format!("correct the clock of the machine that hooktender runs on{}", apart.unwrap_or_default())
}
