//! Brightpearl's wire types (vendors/brightpearl.md 2, 4 and 8.1). They go no further than this folder.

use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The envelope of every success.
#[derive(Debug, Deserialize)]
pub(super) struct Enveloped<T> {
    pub(super) response: T,
}

/// A list, or the bare object that one client guards against (9.4). Each item is left as it stands in the answer, and read
/// one by one.
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

/// A webhook. Members that are not set are left out, never null.
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

/// The answer of the token endpoint (6.2), which has no envelope.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) access_token: SecretString,
    /// Seconds; seven days on the first grant.
    #[serde(default = "a_week")]
    pub(super) expires_in: u64,
    /// The next one; without it the old one stays.
    #[serde(default)]
    pub(super) refresh_token: Option<SecretString>,
}

fn a_week() -> u64 {
    604_800
}

/// The refusal of the token endpoint.
#[derive(Deserialize)]
pub(super) struct TokenError {
    pub(super) error: String,
}

/// The two envelopes of failure.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Failure {
    Service { errors: Vec<ServiceError> },
    Gateway { response: String },
}

/// One of the services' errors.
#[derive(Debug, Deserialize)]
pub(super) struct ServiceError {
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

/// All errors of an answer, in the vendor's own codes and words.
pub(super) fn in_words(errors: &[ServiceError]) -> String {
    let all: Vec<_> = errors.iter().map(|e| format!("{}: {}", e.code, e.message)).collect();
    all.join("; ")
}
