//! Compares fields by a vendor's table ([`Rules`]).

pub(super) mod members;

use super::document::{Document, Members, SecretText, Value};
use super::field::{Field, Rule};
use super::redact::Redactor;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// One vendor's fields.
#[derive(Debug)]
pub struct Rules {
    /// Every field of a subscription that a manifest can name.
    pub fields: &'static [Field],
    /// The natural key: two subscriptions that agree in these fields are *similar*.
    pub natural_key: &'static [&'static str],
}

/// The values of a [`Rule::EnabledState`] field before and after a subscription is enabled again.
pub(super) struct Reenabled {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

impl Rules {
    /// Returns the canonical document of what a manifest declares, or of what a vendor showed. At every level that a table
    /// describes, empty values are omitted, defaults are filled in, and unknown fields are dropped.
    pub fn document(&self, mut values: BTreeMap<&'static str, Value>) -> Document {
        let fields = self.fields.iter().filter_map(|field| {
            let value = field.canonical(values.remove(field.name).unwrap_or_default())?;
            Some((field.name, value))
        });
        Document { fields: fields.collect() }
    }

    /// Returns the values of a document that the vendor does not return, by path.
    pub fn write_only_values<'a>(&self, document: &'a Document) -> Vec<(String, &'a Value)> {
        let mut found = Vec::new();
        for field in self.fields {
            field.rule.write_only_values(field.name, document.get(field.name), &mut found);
        }
        found
    }

    /// Returns the field by which the vendor has disabled a subscription that is declared to be enabled.
    pub(super) fn disabled_by_vendor(
        &self,
        observed: &Document,
        desired: &Document,
    ) -> Option<(&'static str, Reenabled)> {
        self.fields.iter().find_map(|field| match field.rule {
            Rule::EnabledState { enabled, disabled_by_vendor: disabled } => {
                let (is, wanted) = (observed.get(field.name), desired.get(field.name));
                let is_disabled = is.is_text(disabled) && wanted.is_text(enabled);
                is_disabled.then_some((field.name, Reenabled { from: disabled, to: enabled }))
            }
            _ => None,
        })
    }

    /// Returns a digest of everything that can be read back. It is the same for documents that are
    /// [spelled alike](Self::spelled_alike). It may be stored, as known secrets are replaced by their variables first.
    pub fn fingerprint(&self, document: &Document, redactor: &Redactor) -> String {
        let fields = self.fields.iter().filter_map(|field| {
            let written = |text: &SecretText| field.usage.spelling(redactor.redact(&text.expose()));
            let value = field.rule.readable(document.get(field.name), &written);
            (!value.is_null()).then(|| (field.name.to_owned(), value))
        });
        super::hash(&Json::Object(fields.collect()))
    }

    /// Returns a hash of everything that can be read back, including secrets. It is the same for two [equal](Self::equal) documents,
    /// whatever the names of their variables. It must not leave the process.
    pub fn content_hash(&self, document: &Document) -> String {
        self.fingerprint(document, &Redactor::default())
    }

    /// Returns a top-level field.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether the two have the same natural key, ignoring spelling.
    pub fn similar(&self, a: &Document, b: &Document) -> bool {
        self.key_of(a) == self.key_of(b)
    }

    /// Returns the natural key's values as one text, including secrets. It is the same for documents that are equal or spelled alike.
    pub(crate) fn key_of(&self, document: &Document) -> String {
        let fields = self.natural_key.iter().filter_map(|name| self.field(name));
        Json::Array(fields.map(|field| field.spelling(document)).collect()).to_string()
    }

    /// Returns the fields in which the two differ. Write-only values are not compared.
    pub fn differing<'a>(
        &'a self,
        a: &'a Document,
        b: &'a Document,
    ) -> impl Iterator<Item = &'static Field> + 'a {
        self.fields.iter().filter(|field| !field.rule.same(a.get(field.name), b.get(field.name)))
    }

    /// Whether the two differ in spelling at most; see [`Usage`](super::Usage).
    pub fn spelled_alike(&self, a: &Document, b: &Document) -> bool {
        self.differing(a, b).all(|field| field.spelled_alike(a, b))
    }

    /// Whether the two are equal in every field that can be read back.
    pub fn equal(&self, a: &Document, b: &Document) -> bool {
        self.differing(a, b).next().is_none()
    }
}

impl Field {
    /// Whether this field differs in spelling at most.
    pub fn spelled_alike(&self, a: &Document, b: &Document) -> bool {
        self.spelling(a) == self.spelling(b)
    }

    /// Returns the field's value as far as it can be read back, including secrets. It is the same for all equal values.
    pub fn readable(&self, document: &Document) -> Json {
        self.rule.readable(document.get(self.name), &SecretText::expose)
    }

    /// Returns one form for all values that differ in spelling at most.
    fn spelling(&self, document: &Document) -> Json {
        self.rule.readable(document.get(self.name), &|text| self.usage.spelling(text.expose()))
    }

    fn canonical(&self, value: Value) -> Option<Value> {
        let value = self.rule.canonical(value);
        if value.is_empty() { self.absent.value() } else { Some(value) }
    }
}

impl Rule {
    fn canonical(self, value: Value) -> Value {
        match (self, value) {
            (Self::Set(inner), Value::List(list)) => {
                Value::List(members::distinct(*inner, list.into_iter().map(|v| inner.canonical(v))))
            }
            // A manifest cannot contain a null, so that one at the vendor is ignored.
            (Self::Map { value: inner, .. }, Value::Map(map)) => Value::Map(
                map.into_iter()
                    .map(|(k, v)| (k, inner.canonical(v)))
                    .filter(|(_, v)| *v != Value::Null)
                    .collect(),
            ),
            (Self::Record(fields), Value::Map(mut map)) => Value::Map(
                fields
                    .iter()
                    .filter_map(|f| {
                        Some((f.name.to_owned(), f.canonical(map.remove(f.name).unwrap_or_default())?))
                    })
                    .collect(),
            ),
            (_, value) => value,
        }
    }

    fn write_only_values<'a>(self, path: &str, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
        match (self, value) {
            (Self::WriteOnly, value) if !value.is_empty() => found.push((path.to_owned(), value)),
            (Self::SecretValue, Value::Map(record)) if is_secret_value(record) => {
                if let Some(value) = record.get("value") {
                    found.push((path.to_owned(), value));
                }
            }
            (Self::Map { value: inner, .. }, Value::Map(map)) => {
                for (name, value) in map {
                    inner.write_only_values(&format!("{path}.{name}"), value, found);
                }
            }
            _ => {}
        }
    }

    /// Whether two canonical values are equal by this rule.
    pub fn same(self, a: &Value, b: &Value) -> bool {
        match (self, a, b) {
            (Self::WriteOnly, _, _) => true,
            (Self::EnabledState { disabled_by_vendor: disabled, .. }, a, b)
                if a.is_text(disabled) || b.is_text(disabled) =>
            {
                true
            }
            (Self::IgnoreCase, Value::Text(a), Value::Text(b)) => {
                a.expose().to_lowercase() == b.expose().to_lowercase()
            }
            (Self::Set(inner), Value::List(a), Value::List(b)) => members::same_sets(*inner, a, b),
            (Self::SecretValue, Value::Map(a), Value::Map(b)) => {
                is_secret_value(a) == is_secret_value(b)
                    && (is_secret_value(a) || a.get("value") == b.get("value"))
            }
            (Self::Map { ignore_case, value }, Value::Map(a), Value::Map(b)) => {
                members::same_maps(*value, ignore_case, a, b)
            }
            (Self::Record(fields), Value::Map(a), Value::Map(b)) => {
                fields.iter().all(|f| f.rule.same(of(a, f.name), of(b, f.name)))
            }
            (_, a, b) => alike(a, b),
        }
    }

    /// Returns a value as far as it can be read back, in one form for all equal values. `written` maps each text.
    fn readable(self, value: &Value, written: &dyn Fn(&SecretText) -> String) -> Json {
        match (self, value) {
            // The vendor may have disabled the subscription meanwhile.
            (Self::WriteOnly | Self::EnabledState { .. }, _) | (_, Value::Null) => Json::Null,
            (Self::IgnoreCase, Value::Text(text)) => written(text).to_lowercase().into(),
            (Self::Set(inner), Value::List(list)) => {
                let mut all: Vec<_> = list.iter().map(|v| inner.readable(v, written).to_string()).collect();
                all.sort_unstable();
                all.into()
            }
            (Self::Map { ignore_case, value: inner }, Value::Map(map)) => {
                // A list, as two names may be equal but for case.
                let name = |name: &String| if ignore_case { name.to_lowercase() } else { name.clone() };
                let mut all: Vec<_> = map
                    .iter()
                    .map(|(k, v)| serde_json::json!([name(k), inner.readable(v, written)]).to_string())
                    .collect();
                all.sort_unstable();
                all.into()
            }
            (Self::Record(fields), Value::Map(map)) => fields
                .iter()
                .filter_map(|f| Some((f.name.to_owned(), f.rule.readable(map.get(f.name)?, written))))
                .collect(),
            (Self::SecretValue, Value::Map(map)) if is_secret_value(map) => true.into(),
            (Self::SecretValue, Value::Map(map)) => {
                map.get("value").map_or(Json::Null, |value| Self::Exact.readable(value, written))
            }
            (_, Value::Bool(b)) => (*b).into(),
            // Numbers are compared by value.
            (_, Value::Number(n)) => {
                n.as_f64().map_or_else(|| n.to_string().into(), |n| n.to_string().into())
            }
            (_, Value::Text(text)) => written(text).into(),
            (_, Value::List(list)) => list.iter().map(|v| Self::Exact.readable(v, written)).collect(),
            (_, Value::Map(map)) => {
                map.iter().map(|(k, v)| (k.clone(), Self::Exact.readable(v, written))).collect()
            }
        }
    }

    /// Returns plain JSON, fit to be shown. Write-only values are hidden even if they do not come from a Secret.
    pub(super) fn redacted(self, value: &Value) -> Json {
        match (self, value) {
            (Self::WriteOnly, value) => hidden(value),
            (Self::SecretValue, Value::Map(map)) if is_secret_value(map) => map
                .iter()
                .map(|(name, value)| {
                    let shown = if name == "value" { hidden(value) } else { value.redacted() };
                    (name.clone(), shown)
                })
                .collect(),
            (Self::Set(inner), Value::List(list)) => list.iter().map(|v| inner.redacted(v)).collect(),
            (Self::Map { value: inner, .. }, Value::Map(map)) => {
                map.iter().map(|(k, v)| (k.clone(), inner.redacted(v))).collect()
            }
            (Self::Record(fields), Value::Map(map)) => fields
                .iter()
                .filter_map(|f| Some((f.name.to_owned(), f.rule.redacted(map.get(f.name)?))))
                .collect(),
            (_, value) => value.redacted(),
        }
    }
}

/// Returns a secret as its variable, and hides any other value.
fn hidden(value: &Value) -> Json {
    if value.is_secret() { value.redacted() } else { "(hidden)".into() }
}

/// Whether two values are the same JSON. Numbers are compared by value.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64()
        }
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((m, a), (n, b))| m == n && alike(a, b))
        }
        (a, b) => a == b,
    }
}

/// Whether a [`Rule::SecretValue`] record hides its value.
pub(super) fn is_secret_value(record: &Members) -> bool {
    record.get("secret") == Some(&Value::Bool(true))
}

/// Returns the member of a record; null if it has none.
pub(super) fn of<'a>(record: &'a Members, name: &str) -> &'a Value {
    record.get(name).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests;
