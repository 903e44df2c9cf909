//! A vendor's subscription as it is shown: member by member, only differences where two are compared, and no secrets.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::vendor::Vendor;

/// Longer values are cut.
const LONGEST: usize = 90;
/// Shorter values of Secrets, such as a user's name, occur by chance.
const SHORTEST_SECRET: usize = 8;
const MASK: &str = "****";

/// Values that must not be shown.
#[derive(Debug, Default)]
pub(crate) struct Masks(Vec<String>);

impl Masks {
    /// The values of all Secrets of a list.
    pub(crate) fn of(secrets: &Value) -> Self {
        let items = secrets["items"].as_array().into_iter().flatten();
        let values = items.filter_map(|item| item["data"].as_object()).flatten();
        let mut words: Vec<_> = values
            .filter_map(|(_, value)| STANDARD.decode(value.as_str()?).ok())
            .filter_map(|bytes| String::from_utf8(bytes).ok())
            .filter(|text| text.len() >= SHORTEST_SECRET)
            .collect();
        // One value may be part of another.
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        Self(words)
    }

    pub(crate) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, word| text.replace(word, MASK))
    }
}

/// The vendor's id.
pub(crate) fn id(vendor: Vendor, subscription: &Value) -> String {
    match &subscription[vendor.id_member()] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The declared part: without the vendor's own members.
pub(crate) fn essence(vendor: Vendor, subscription: &Value) -> Map<String, Value> {
    let members = subscription.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| !vendor.made_by_vendor().contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Whether two values mean the same; the lists that the demo edits are sets.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            let set = |list: &[Value]| list.iter().map(Value::to_string).collect::<BTreeSet<_>>();
            set(one) == set(other)
        }
        _ => one == other,
    }
}

/// A line for each member with a value.
pub(crate) fn members(vendor: Vendor, subscription: &Value, masks: &Masks) -> String {
    let essence = essence(vendor, subscription);
    let said = essence.iter().filter(|(_, value)| !is_empty(value));
    said.fold(String::new(), |text, (name, value)| {
        text + &format!("  {name:<16} {}\n", shown(name, value, masks))
    })
}

/// A line for each member that differs.
pub(crate) fn differences(vendor: Vendor, before: &Value, after: &Value, masks: &Masks) -> String {
    let (before, after) = (essence(vendor, before), essence(vendor, after));
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let value = |of: &Map<String, Value>, name: &str| of.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .map(|name| (name, value(&before, name), value(&after, name)))
        .filter(|(_, before, after)| !same(before, after))
        .fold(String::new(), |text, (name, before, after)| {
            let (before, after) = (shown(name, &before, masks), shown(name, &after, masks));
            text + &format!("  {name}: {before} → {after}\n")
        })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn shown(name: &str, value: &Value, masks: &Masks) -> String {
    if name.eq_ignore_ascii_case("secret") && value.is_string() {
        return MASK.to_owned();
    }
    let text = match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => without_secret_headers(other).to_string(),
    };
    let text = masks.apply(&text);
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// A header that is marked as secret loses its value.
fn without_secret_headers(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let secret = members.get("secret") == Some(&Value::Bool(true));
            let members = members.iter().map(|(name, value)| {
                let value =
                    if secret && name == "value" { MASK.into() } else { without_secret_headers(value) };
                (name.clone(), value)
            });
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_masked_everywhere() {
        let secrets = json!({"items": [{"data": {"a": "aHVudGVyMi1odW50ZXIy", "user": "b3Bz"}}]});
        let masks = Masks::of(&secrets);
        let stored = json!({
            "id": 1,
            "url": "https://ops.example.com/?t=hunter2-hunter2",
            "headers": {"X-Key": {"secret": true, "value": "k"}, "X-Env": {"value": "prod"}},
            "Secret": "s",
            "empty": "",
        });
        let text = members(Vendor::Brightpearl, &stored, &masks);
        assert!(text.contains("https://ops.example.com/?t=****"), "{text}");
        assert!(
            text.contains(r#"{"X-Env":{"value":"prod"},"X-Key":{"secret":true,"value":"****"}}"#),
            "{text}"
        );
        assert!(text.contains("Secret           ****\n"), "{text}");
        assert!(!text.contains("empty") && !text.contains("id "), "{text}");
    }

    #[test]
    fn only_differences_are_shown_and_the_order_of_a_list_is_none() {
        let (before, after) = (
            json!({"id": 1, "events": ["a", "b"], "on": true}),
            json!({"id": 2, "events": ["b", "a"], "on": false}),
        );
        let text = differences(Vendor::Brightpearl, &before, &after, &Masks::default());
        assert_eq!(text, "  on: true → false\n");
    }
}
