//! Brightpearl's wire types (vendors/brightpearl.md 2, 4 and 8.1). Private to this folder.

use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The envelope of every success.
#[derive(Debug, Deserialize)]
pub(super) struct Enveloped<T> {
    pub(super) response: T,
}

/// A list, or a bare object, which one published client expects (9.4). Each item keeps its text and is read on its own.
#[derive(Debug)]
pub(super) struct OneOrMany<'a>(pub(super) Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for OneOrMany<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('{') {
            return Ok(Self(vec![raw]));
        }
        serde_json::from_str(raw.get()).map(Self).map_err(D::Error::custom)
    }
}

/// A webhook. Unset members are left out, never null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Webhook {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<i64>,
    pub(super) subscribe_to: String,
    pub(super) http_method: String,
    pub(super) uri_template: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body_template: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id_set_accepted: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quality_of_service: Option<i64>,
}

/// The answer of the token endpoint (6.2), without an envelope.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) access_token: SecretString,
    /// Seconds; seven days for the first token.
    #[serde(default = "a_week")]
    pub(super) expires_in: u64,
    /// The next refresh token; without it the old one stays valid.
    #[serde(default)]
    pub(super) refresh_token: Option<SecretString>,
}

fn a_week() -> u64 {
    604_800
}

/// A refusal of the token endpoint.
#[derive(Deserialize)]
pub(super) struct TokenError {
    pub(super) error: String,
}

/// The two error envelopes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Failure {
    Service { errors: Vec<ServiceError> },
    Gateway { response: String },
}

/// An error of a service.
#[derive(Debug, Deserialize)]
pub(super) struct ServiceError {
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

/// Joins the codes and messages of all errors.
pub(super) fn in_words(errors: &[ServiceError]) -> String {
    let all: Vec<_> = errors.iter().map(|e| format!("{}: {}", e.code, e.message)).collect();
    all.join("; ")
}
