//! Names and descriptions: plain texts, or maps by language on old servers (vendors/contensis.md 0 and 4).

use super::wire::member;
use crate::plan::Observed;
use serde_json::{Map, Value as Json};

/// Maximum number of languages in a message.
const MOST_LISTED: usize = 5;

/// How a server stores names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Plain,
    /// By language. Holds the languages of one subscription.
    ByLanguage(Vec<String>),
}

impl Dialect {
    /// Reads the dialect off the first subscription that has a name.
    pub(super) fn of(observed: &[Observed]) -> Option<Self> {
        observed.iter().find_map(|one| match member(one.answer().as_object()?, "name")? {
            Json::String(_) => Some(Self::Plain),
            Json::Object(map) => Some(Self::ByLanguage(languages(map))),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => None,
        })
    }

    /// Returns what to set if `language`, the account's `nameLanguage`, does not fit.
    pub(super) fn mismatch(&self, language: Option<&str>) -> Option<String> {
        match (self, language) {
            (Self::ByLanguage(languages), None) => Some(format!(
                "this server stores names by language: set spec.vendor.contensis.nameLanguage to the language of the names in the Webhooks of this account{}",
                listed(languages)
            )),
            (Self::Plain, Some(language)) => Some(format!(
                "this server stores names as plain strings: remove spec.vendor.contensis.nameLanguage ({language})"
            )),
            (Self::ByLanguage(_), Some(_)) | (Self::Plain, None) => None,
        }
    }
}

/// Returns what to try after the server refused a name or description, if no list has shown its dialect.
pub(super) fn guess(language: Option<&str>, primary: Option<&str>) -> String {
    match (language, primary) {
        (None, Some(primary)) => format!(
            "if this server stores names by language, set spec.vendor.contensis.nameLanguage to the language of the names in the Webhooks of this account ({primary} is the project's primary language)"
        ),
        (None, None) => "if this server stores names by language, set spec.vendor.contensis.nameLanguage to the language of the names in the Webhooks of this account, such as en-GB"
            .into(),
        (Some(language), _) => format!(
            "if this server stores names as plain strings, remove spec.vendor.contensis.nameLanguage ({language})"
        ),
    }
}

/// Whether a refusal may be about the dialect of names. For the wording of a message only.
pub(super) fn is_about_names(message: &str) -> bool {
    let words = message.split(|letter: char| !letter.is_alphanumeric());
    words.into_iter().any(|word| ["name", "description"].iter().any(|field| word.eq_ignore_ascii_case(field)))
}

/// Returns the name in `language`, else the first one: a name identifies a subscription, also if it has none in that language
/// yet.
pub(super) fn name(value: &Json, language: Option<&str>) -> Json {
    match value {
        Json::Object(map) => language
            .and_then(|language| text_in(map, language))
            .or_else(|| map.values().find(|text| !is_empty(text)))
            .cloned()
            .unwrap_or_default(),
        plain => plain.clone(),
    }
}

/// Returns the description in `language`, never another one: an update keeps descriptions in other languages, so a Webhook
/// without a description would never be in sync.
pub(super) fn description(value: &Json, language: Option<&str>) -> Json {
    match (value, language) {
        (Json::Object(map), Some(language)) => text_in(map, language).cloned().unwrap_or_default(),
        (value, _) => name(value, None),
    }
}

/// Returns the map to send: that of `current` with the declared text in `language`, as a PUT replaces the whole map (2.3). None
/// if no language has a text.
pub(super) fn merged(current: Option<&Json>, language: &str, declared: Option<Json>) -> Option<Json> {
    let mut map = current.and_then(Json::as_object).cloned().unwrap_or_default();
    map.retain(|_, text| !text.is_null());
    let key = key_of(&map, language).unwrap_or(language).to_owned();
    match declared {
        Some(text) => map.insert(key, text),
        None => map.remove(&key),
    };
    (!map.is_empty()).then_some(Json::Object(map))
}

fn text_in<'a>(map: &'a Map<String, Json>, language: &str) -> Option<&'a Json> {
    map.get(key_of(map, language)?).filter(|text| !is_empty(text))
}

/// Returns the key of a language, ignoring case, as samples differ in it (3.3).
fn key_of<'a>(map: &'a Map<String, Json>, language: &'a str) -> Option<&'a str> {
    if map.contains_key(language) {
        return Some(language);
    }
    map.keys().map(String::as_str).find(|key| key.eq_ignore_ascii_case(language))
}

fn is_empty(text: &Json) -> bool {
    text.is_null() || text.as_str() == Some("")
}

/// Returns the keys that look like language codes. No other part of an answer goes into a message.
fn languages(map: &Map<String, Json>) -> Vec<String> {
    map.keys().filter(|key| is_language(key)).cloned().collect()
}

/// Whether a text looks like a language code, such as `en-GB`.
pub(super) fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let is_part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic()) && parts.all(is_part)
}

fn listed(languages: &[String]) -> String {
    if languages.is_empty() {
        return String::new();
    }
    let more = if languages.len() > MOST_LISTED { ", …" } else { "" };
    format!(" (it has {}{more})", languages[..languages.len().min(MOST_LISTED)].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_in_other_languages_survive_an_update() {
        let both = json!({"en-GB": "old", "fr-FR": "vieux"});
        let cases = [
            ("changed", Some(&both), Some("new"), Some(json!({"en-GB": "new", "fr-FR": "vieux"}))),
            ("no longer declared", Some(&both), None, Some(json!({"fr-FR": "vieux"}))),
            ("the last language is removed", Some(&json!({"en-GB": "old"})), None, None),
            (
                "first text of this language",
                Some(&json!({"fr-FR": "vieux"})),
                Some("new"),
                Some(json!({"en-GB": "new", "fr-FR": "vieux"})),
            ),
            (
                "language in another case",
                Some(&json!({"en-gb": "old"})),
                Some("new"),
                Some(json!({"en-gb": "new"})),
            ),
            ("null is never sent", Some(&json!({"fr-FR": null})), Some("new"), Some(json!({"en-GB": "new"}))),
            ("create", None, Some("new"), Some(json!({"en-GB": "new"}))),
            ("was a plain text", Some(&json!("old")), Some("new"), Some(json!({"en-GB": "new"}))),
        ];
        for (reason, current, declared, sent) in cases {
            assert_eq!(merged(current, "en-GB", declared.map(Json::from)), sent, "{reason}");
        }
    }

    #[test]
    fn only_a_name_falls_back_to_another_language() {
        let french = json!({"fr-FR": "vieux", "en-GB": ""});
        assert_eq!(name(&french, Some("en-GB")), json!("vieux"));
        assert_eq!(description(&french, Some("en-GB")), Json::Null);
        assert_eq!(description(&french, None), json!("vieux"));
        assert_eq!(description(&json!({"en-gb": "old"}), Some("en-GB")), json!("old"));
        assert_eq!(name(&json!("plain"), Some("en-GB")), json!("plain"));
    }

    #[test]
    fn a_message_lists_language_codes_and_nothing_else() {
        let keys = json!({"en-GB": "a", "zh-Hans-CN": "b", "https://h/?t=s3cret": "c", "": "d"});
        assert_eq!(languages(keys.as_object().unwrap()), ["en-GB", "zh-Hans-CN"]);
    }
}
