//! Finds values in clear text that look like secrets. This is only a warning: some may be none, and others are not found.

use super::ClearSecret;
use crate::api::ObjectKey;
use crate::vendor::Described;
use serde_json::Value;
use std::collections::BTreeSet;

/// Words in the names of secrets, and how they are reported.
const WORDS: [(&str, &str); 14] = [
    ("token", "token="),
    ("signature", "signature="),
    ("secret", "secret="),
    ("password", "password="),
    ("passwd", "password="),
    ("pwd", "pwd="),
    ("passphrase", "passphrase="),
    ("credential", "credential="),
    ("authorization", "authorization"),
    ("apikey", "apikey="),
    ("accesskey", "accesskey="),
    ("cookie", "cookie"),
    ("bearer", "bearer"),
    ("jwt", "jwt="),
];
/// Names that are too short to look for inside longer ones.
const WHOLE: [(&str, &str); 6] = [
    ("key", "key="),
    ("sig", "sig="),
    ("code", "code="),
    ("auth", "auth="),
    ("pass", "pass="),
    ("sas", "sas="),
];
/// The starts of values that the vendor fills in.
const FILLED_IN: [&str; 3] = ["${", "{{", "{/"];

/// Returns everything in the subscription that looks like a secret.
pub(super) fn secrets(webhook: &ObjectKey, described: &Described) -> Vec<ClearSecret> {
    let json = serde_json::to_value(&described.subscription).unwrap_or_default();
    let mut found = BTreeSet::new();
    let hidden: Vec<_> =
        described.placeholders.iter().map(|concealed| format!("$({})", concealed.variable)).collect();
    for half in json.as_object().into_iter().flat_map(|vendors| vendors.values()) {
        look("", None, half, &hidden, &mut found);
    }
    let report = |(field, mark)| ClearSecret { webhook: webhook.clone(), field, mark };
    found.into_iter().map(report).collect()
}

fn look(
    path: &str,
    inherited: Option<&'static str>,
    value: &Value,
    hidden: &[String],
    found: &mut BTreeSet<(String, &'static str)>,
) {
    match value {
        Value::String(text) if hidden.contains(text) => {}
        Value::String(text) => {
            if let Some(mark) = inherited.filter(|_| is_value(text)) {
                found.insert((path.to_owned(), mark));
            }
            found.extend(in_text(text).into_iter().map(|mark| (path.to_owned(), mark)));
        }
        Value::Array(list) => list.iter().for_each(|value| look(path, inherited, value, hidden, found)),
        Value::Object(map) => {
            for (name, value) in map {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                // The value of a header is a member `value` below its name.
                let mark = secret_name(name).or(inherited.filter(|_| name == "value"));
                look(&below, mark, value, hidden, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns the kind of secret that has such a name.
fn secret_name(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let bare: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    let in_it = WORDS.iter().find(|(word, _)| bare.contains(word)).map(|(_, mark)| *mark);
    in_it.or_else(|| words.find_map(|own| WHOLE.iter().find(|(word, _)| own == *word).map(|(_, mark)| *mark)))
}

/// Whether it is a value, and not one that the vendor fills in.
fn is_value(text: &str) -> bool {
    !text.is_empty() && !FILLED_IN.iter().any(|start| text.starts_with(start))
}

/// Finds `name=value` of an address or a form, `"name": "value"` of JSON, and `user:password@` of an address.
fn in_text(text: &str) -> Vec<&'static str> {
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut found = Vec::new();
    for (at, sign) in text.match_indices(['=', ':']) {
        let name = text[..at].trim_end_matches([' ', '"', '\'', '\\']);
        let start = name
            .char_indices()
            .rev()
            .take_while(|(_, c)| of_name(*c))
            .last()
            .map_or(name.len(), |(at, _)| at);
        let value = text[at + 1..].trim_start_matches([' ', '"', '\'', '\\', '\t']);
        let quoted =
            text[..at].ends_with(['"', '\'']) || text[at + 1..].trim_start().starts_with(['"', '\'', '\\']);
        let assigned = sign == "=" || quoted;
        let nothing = value.is_empty() || value.starts_with(['&', ',', '}', '=', '#']);
        if assigned && !nothing && is_value(value) {
            found.extend(secret_name(&name[start..]));
        }
    }
    let host = text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    if host.and_then(|host| host.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':')) {
        found.push("user:password@");
    }
    let scheme = text.split_once(' ').map(|(scheme, rest)| (scheme.to_lowercase(), rest));
    if scheme.is_some_and(|(scheme, rest)| ["bearer", "basic"].contains(&scheme.as_str()) && is_value(rest)) {
        found.push("authorization");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_seen() {
        let cases: [(&str, &[&str]); 12] = [
            ("https://h/?token=abc", &["token="]),
            ("https://h/?a=1&sig=abc%3D&sv=2", &["sig="]),
            ("https://h/?api-key=abc", &["apikey="]),
            ("https://h/?code=abc", &["code="]),
            ("https://user:abc@h/x", &["user:password@"]),
            (r#"{"id": "${resource-id}", "access_token": "abc"}"#, &["token="]),
            (r#"{"password":"${x}","barcode":"1"}"#, &[]),
            ("https://h/?token=${account-code}&key=&id=7", &[]),
            ("https://h/{{resource.sys.id}}?tokens", &[]),
            ("Bearer abc", &["authorization"]),
            ("a key: to the door", &[]),
            ("keyword=x&monkey=y", &[]),
        ];
        for (text, marks) in cases {
            assert_eq!(in_text(text), marks, "{text}");
        }
    }

    #[test]
    fn names_tell() {
        for name in
            ["Authorization", "X-Api-Key", "X-Auth-Token", "clientSecret", "Cookie", "X-Functions-Key"]
        {
            assert!(secret_name(name).is_some(), "{name}");
        }
        for name in ["X-Origin", "keyboard", "author", "X-Monkey", "description"] {
            assert!(secret_name(name).is_none(), "{name}");
        }
    }
}
