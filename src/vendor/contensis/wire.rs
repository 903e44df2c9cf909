//! Contensis' wire types (vendors/contensis.md 2 and 3). Private to this folder.
//!
//! The vendor documents several shapes of a subscription, so it is kept as JSON and read member by member.

use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The answer of the token endpoint.
#[derive(Deserialize)]
pub(super) struct Token {
    pub(super) access_token: SecretString,
    /// Seconds; the vendor documents 3600.
    #[serde(default = "an_hour")]
    pub(super) expires_in: u64,
}

fn an_hour() -> u64 {
    3600
}

/// A refusal of the token endpoint.
#[derive(Deserialize)]
pub(super) struct TokenError {
    pub(super) error: String,
}

/// A list, bare or in the paging envelope (2.2). Each item keeps its text and is read on its own.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    pub(super) items: Vec<&'a RawValue>,
    /// The total number of subscriptions, if the server pages.
    pub(super) total: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paged<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    total_count: usize,
}

impl<'de> Deserialize<'de> for Listing<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        if raw.starts_with('[') {
            return Ok(Self { items: serde_json::from_str(raw).map_err(D::Error::custom)?, total: None });
        }
        let Paged { items, total_count } = serde_json::from_str(raw).map_err(D::Error::custom)?;
        Ok(Self { items, total: Some(total_count) })
    }
}

/// Returns a member, ignoring the case of its name, as the vendor's own tools read both spellings (2.6).
pub(super) fn member<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name)
        .or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Returns the id of a subscription.
pub(super) fn id(item: &Value) -> Option<String> {
    member(item.as_object()?, "id")?.as_str().map(str::to_owned)
}

/// Returns the opaque version that a PUT has to name (3.6).
pub(super) fn version_no(item: &Value) -> Option<&str> {
    member(member(item.as_object()?, "version")?.as_object()?, "versionNo")?.as_str()
}

/// Returns the message of the vendor's error envelope, with the field of each complaint; none if the body is something else.
pub(super) fn in_words(body: &Value) -> Option<String> {
    let body = body.as_object()?;
    let message = member(body, "message")?.as_str()?.trim_end_matches('.').to_owned();
    let complaints =
        member(body, "data").and_then(Value::as_array).into_iter().flatten().filter_map(|item| {
            let item = item.as_object()?;
            let detail = member(item, "message")?.as_str()?;
            Some(match member(item, "field").and_then(Value::as_str).filter(|field| !field.is_empty()) {
                Some(field) => format!("{field}: {detail}"),
                None => detail.to_owned(),
            })
        });
    let complaints: Vec<_> = complaints.collect();
    Some(if complaints.is_empty() { message } else { format!("{message}: {}", complaints.join("; ")) })
}
