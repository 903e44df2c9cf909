//! Reads a document into the manifest's types, and collects the reasons why a manifest cannot hold it.

use crate::api::variables::literal;
use crate::plan::{Document, Members, Value};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// A variable in place of a value that the vendor does not return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// Path in the vendor's half of the Webhook, member by member.
    pub at: Vec<String>,
    /// The path as shown to people, such as `headers.X-Key`.
    pub field: String,
    /// Name of the variable, unique within the Webhook.
    pub variable: String,
    /// Whether the subscription certainly has such a value; some vendors do not tell.
    pub certain: bool,
}

/// Reads the fields of one document into the manifest's types. A field that does not fit gives `None` and a reason.
pub(super) struct ManifestBuilder<'a> {
    document: &'a Document,
    reasons: Vec<String>,
    placeholders: Vec<Placeholder>,
}

impl<'a> ManifestBuilder<'a> {
    /// Starts to read a document.
    pub(super) fn new(document: &'a Document) -> Self {
        Self { document, reasons: Vec::new(), placeholders: Vec::new() }
    }
}

impl ManifestBuilder<'_> {
    /// Returns the placeholders, or the reasons why a manifest cannot hold the document.
    pub(super) fn finish(self) -> Result<Vec<Placeholder>, Vec<String>> {
        if self.reasons.is_empty() { Ok(self.placeholders) } else { Err(self.reasons) }
    }

    /// Records why a manifest cannot hold the subscription.
    pub(super) fn reject<T>(&mut self, reason: impl Into<String>) -> Option<T> {
        self.reasons.push(reason.into());
        None
    }

    /// Returns a top-level field.
    pub(super) fn get(&self, field: &str) -> Value {
        self.document.get(field).clone()
    }

    /// Returns a top-level text, which must not be empty.
    pub(super) fn text(&mut self, field: &str) -> Option<String> {
        let value = self.get(field);
        self.filled_text(field, &value)
    }

    /// Returns a text, which must not be empty, escaped so that its expansion is the text.
    pub(super) fn filled_text(&mut self, field: &str, value: &Value) -> Option<String> {
        match self.optional_text(field, value) {
            Some(text) if !text.is_empty() => Some(text),
            _ if value.is_empty() => self.reject(format!("{field} is empty, which a Webhook does not allow")),
            Some(_) | None => None,
        }
    }

    /// Returns a text that may be absent. Rejects what is not a text.
    pub(super) fn optional_text(&mut self, field: &str, value: &Value) -> Option<String> {
        match value {
            Value::Null => None,
            Value::Text(text) => Some(literal(&text.expose())),
            Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                self.reject(format!("{field} is not a text"))
            }
        }
    }

    /// Returns a list of texts, none of which may be empty.
    pub(super) fn texts(&mut self, field: &str, value: &Value) -> Option<Vec<String>> {
        let list = match value {
            Value::Null => return Some(Vec::new()),
            Value::List(list) => list,
            Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
                return self.reject(format!("{field} is not a list"));
            }
        };
        let all = list.iter().enumerate();
        all.map(|(at, value)| self.filled_text(&format!("{field}[{at}]"), value)).collect()
    }

    /// A flag. Its default is filled in by the vendor's rules.
    pub(super) fn flag(&mut self, field: &str, value: &Value) -> Option<bool> {
        match value {
            Value::Bool(flag) => Some(*flag),
            Value::Null | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                self.reject(format!("{field} is neither true nor false"))
            }
        }
    }

    /// Members by name.
    pub(super) fn members(&mut self, field: &str, value: &Value) -> Option<Members> {
        match value {
            Value::Null => Some(Members::new()),
            Value::Map(map) => Some(map.clone()),
            Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                self.reject(format!("{field} is not a map"))
            }
        }
    }

    /// Rejects header names that differ only in case: a manifest holds one of them.
    pub(super) fn distinct<'a>(&mut self, names: impl Iterator<Item = &'a String>) -> Option<()> {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name.to_ascii_lowercase()) {
                return self.reject(format!("two headers are named {name:?} and differ only in case"));
            }
        }
        Some(())
    }

    /// Returns any JSON that Kubernetes stores without a change.
    pub(super) fn structure(&mut self, field: &str, value: &Value) -> Option<Json> {
        match value {
            Value::Null => self.reject(format!("{field} is null, which kubectl drops")),
            Value::Bool(flag) => Some(Json::Bool(*flag)),
            Value::Number(number) if !keeps(number) => {
                self.reject(format!("{field} is a number too large for Kubernetes to keep exactly"))
            }
            Value::Number(number) => Some(Json::Number(number.clone())),
            Value::Text(text) => Some(Json::String(literal(&text.expose()))),
            Value::List(list) => {
                let all = list.iter().enumerate();
                all.map(|(at, value)| self.structure(&format!("{field}[{at}]"), value)).collect()
            }
            Value::Map(map) => {
                let member = |(name, value): (&String, &Value)| {
                    Some((name.clone(), self.structure(&format!("{field}.{name}"), value)?))
                };
                map.iter().map(member).collect::<Option<_>>().map(Json::Object)
            }
        }
    }

    /// Returns `$(NAME)` of a new variable, in place of a value that the vendor does not return.
    pub(super) fn placeholder(&mut self, at: &[&str], field: String, like: &str, certain: bool) -> String {
        let taken = |name: &String| self.placeholders.iter().any(|other| other.variable == *name);
        let base = variable_name(like, "SECRET");
        let numbered = (2..).map(|number| format!("{base}_{number}"));
        let variable =
            std::iter::once(base.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(base);
        let written = format!("$({variable})");
        let at = at.iter().map(|&step| step.to_owned()).collect();
        self.placeholders.push(Placeholder { at, field, variable, certain });
        written
    }
}

/// Returns the name of a variable for a field or a label: `X_API_KEY` for both `X-Api-Key` and `xApiKey`. A name that does not begin
/// with a letter gets `before` in front of it.
pub fn variable_name(like: &str, before: &str) -> String {
    let mut name = String::new();
    let mut small = false;
    for letter in like.chars().take(60) {
        if small && letter.is_ascii_uppercase() {
            name.push('_');
        }
        small = letter.is_ascii_lowercase();
        name.push(if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' });
    }
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => name,
        _ => format!("{before}_{name}").trim_end_matches('_').to_owned(),
    }
}

/// Whether an API server returns the same number. It stores a signed 64-bit integer or a double; a large double without a
/// fraction may be a rounded integer.
fn keeps(number: &serde_json::Number) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.is_i64() || (number.is_f64() && number.as_f64().is_some_and(|value| value.abs() < EXACT))
}

/// Quotes a value for a reason: shortened, on one line.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    format!("{short:?}{}", if short.len() < text.len() { "..." } else { "" })
}
