//! Validates the structure of a kind by its CRD: unknown members, defaults, types and bounds, in the API server's order and
//! words. The module `manifest` says why no JSON Schema library is used.

use super::advice::{advice, nearest};
use super::flaw::{Flaw, join};
use super::rule::Rule;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A structural schema. An unsupported keyword is an error when the CRDs are read, so that none is ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Schema {
    #[serde(rename = "type")]
    kind: Option<Type>,
    #[serde(default)]
    pub(super) properties: BTreeMap<String, Schema>,
    #[serde(default)]
    required: Vec<String>,
    pub(super) additional_properties: Option<Box<Schema>>,
    pub(super) items: Option<Box<Schema>>,
    #[serde(rename = "x-kubernetes-preserve-unknown-fields", default)]
    preserve: bool,
    #[serde(rename = "x-kubernetes-int-or-string", default)]
    int_or_string: bool,
    default: Option<Value>,
    #[serde(rename = "enum")]
    allowed: Option<Vec<Value>>,
    format: Option<Format>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    min_length: Option<usize>,
    max_length: Option<usize>,
    min_items: Option<usize>,
    max_items: Option<usize>,
    min_properties: Option<usize>,
    max_properties: Option<usize>,
    #[serde(rename = "x-kubernetes-validations", default)]
    pub(super) rules: Vec<Rule>,
    /// How items of an old and a new list are matched; no list in a spec has it.
    #[serde(rename = "x-kubernetes-list-type")]
    _list_type: Option<String>,
    #[serde(rename = "x-kubernetes-list-map-keys")]
    _list_map_keys: Option<Vec<String>>,
    #[serde(rename = "title")]
    _title: Option<String>,
    #[serde(rename = "description")]
    _description: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }

    fn of(value: &Value) -> &'static str {
        match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    Int32,
    Int64,
    DateTime,
}

/// Number of flaws of one object after which no more unknown members are reported.
const MAX_FLAWS: usize = 100;

impl Schema {
    /// Reports unknown members. The API server drops them with a warning, and kubectl refuses them.
    pub(super) fn unknown(&self, path: &str, value: &Value, flaws: &mut Vec<Flaw>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if flaws.len() >= MAX_FLAWS {
                        return;
                    }
                    let inner = join(path, name);
                    match self.member(name) {
                        Some(schema) => schema.unknown(&inner, member, flaws),
                        None if self.preserve || self.kind != Some(Type::Object) => {}
                        None => {
                            let near = nearest(name, self.properties.keys());
                            let flaw = Flaw::key(&inner, format!("unknown field{}", advice(near.as_deref())));
                            flaws.push(Flaw { meant: near.map(|near| join(path, &near)), ..flaw });
                        }
                    }
                }
            }
            Value::Array(items) => {
                let Some(schema) = &self.items else { return };
                for (number, item) in items.iter().enumerate() {
                    schema.unknown(&format!("{path}[{number}]"), item, flaws);
                }
            }
            _ => {}
        }
    }

    pub(super) fn member(&self, name: &str) -> Option<&Schema> {
        self.properties.get(name).or(self.additional_properties.as_deref())
    }

    /// Fills in defaults.
    pub(super) fn fill(&self, value: &mut Value) {
        match value {
            Value::Object(members) => self.fill_members(members),
            Value::Array(items) => {
                for item in items {
                    if let Some(schema) = &self.items {
                        schema.fill(item);
                    }
                }
            }
            _ => {}
        }
    }

    fn fill_members(&self, members: &mut Map<String, Value>) {
        for (name, schema) in &self.properties {
            if let Some(default) = &schema.default
                && !members.contains_key(name)
            {
                members.insert(name.clone(), default.clone());
            }
        }
        for (name, value) in members {
            if let Some(schema) = self.member(name) {
                schema.fill(value);
            }
        }
    }

    /// Validates the structure.
    pub(super) fn check(&self, path: &str, value: &Value, flaws: &mut Vec<Flaw>) {
        if let Some(kind) = self.kind
            && !fits(kind, value)
        {
            let (got, wanted) = match (Type::of(value), self.format) {
                ("number", Some(Format::Int32)) => ("float64", "int32"),
                ("number", Some(Format::Int64)) => ("float64", "int64"),
                (got, _) => (got, kind.name()),
            };
            let message =
                format!("Invalid value: \"{got}\": {path} in body must be of type {wanted}: \"{got}\"");
            return flaws.push(Flaw::new(path, message));
        }
        if self.int_or_string && !fits(Type::Integer, value) && !fits(Type::String, value) {
            let got = Type::of(value);
            let message =
                format!("Invalid value: \"{got}\": {path} in body must be of type int-or-string: \"{got}\"");
            return flaws.push(Flaw::new(path, message));
        }
        if let Some(allowed) = &self.allowed
            && !allowed.contains(value)
        {
            let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
            let message = format!("Unsupported value: {value}: supported values: {}", allowed.join(", "));
            flaws.push(Flaw::new(path, message));
        }
        match value {
            Value::Object(members) => self.check_members(path, members, flaws),
            Value::Array(items) => self.check_items(path, items, flaws),
            Value::String(text) => self.check_text(path, text, flaws),
            Value::Number(_) => self.check_number(path, value, flaws),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn check_members(&self, path: &str, members: &Map<String, Value>, flaws: &mut Vec<Flaw>) {
        for name in self.required.iter().filter(|name| !members.contains_key(*name)) {
            flaws.push(Flaw::new(&join(path, name), "Required value"));
        }
        count(path, members.len(), (self.min_properties, self.max_properties), flaws);
        for (name, member) in members {
            if let Some(schema) = self.member(name) {
                schema.check(&join(path, name), member, flaws);
            }
        }
    }

    fn check_items(&self, path: &str, items: &[Value], flaws: &mut Vec<Flaw>) {
        count(path, items.len(), (self.min_items, self.max_items), flaws);
        let Some(schema) = &self.items else { return };
        for (number, item) in items.iter().enumerate() {
            schema.check(&format!("{path}[{number}]"), item, flaws);
        }
    }

    fn check_text(&self, path: &str, text: &str, flaws: &mut Vec<Flaw>) {
        // Comparing bytes first is cheaper than counting characters.
        let within = |max: usize| text.len() <= max || text.chars().count() <= max;
        if let Some(max) = self.max_length.filter(|max| !within(*max)) {
            flaws.push(Flaw::new(path, format!("Too long: may not be more than {max} bytes")));
        }
        if let Some(min) = self.min_length.filter(|min| text.chars().count() < *min) {
            let message =
                format!("Invalid value: {text:?}: {path} in body should be at least {min} chars long");
            flaws.push(Flaw::new(path, message));
        }
        if let Some(Format::DateTime) = self.format
            && text.parse::<jiff::Timestamp>().is_err()
        {
            let message = format!("Invalid value: {text:?}: {path} in body must be of type date-time");
            flaws.push(Flaw::new(path, message));
        }
    }

    fn check_number(&self, path: &str, value: &Value, flaws: &mut Vec<Flaw>) {
        let size = value.as_f64().unwrap_or_default();
        let format = match self.format {
            Some(Format::Int32) if value.as_i64().is_none_or(|value| i32::try_from(value).is_err()) => {
                "int32"
            }
            Some(Format::Int64) if value.as_i64().is_none() => "int64",
            _ => "",
        };
        if !format.is_empty() {
            let message = format!(
                "Invalid value: {value}: {path} in body must be of type integer with format {format}"
            );
            flaws.push(Flaw::new(path, message));
        }
        if let Some(min) = self.minimum.filter(|min| size < *min) {
            let message = format!("{path} in body should be greater than or equal to {min}");
            flaws.push(Flaw::new(path, format!("Invalid value: {value}: {message}")));
        }
        if let Some(max) = self.maximum.filter(|max| size > *max) {
            let message = format!("{path} in body should be less than or equal to {max}");
            flaws.push(Flaw::new(path, format!("Invalid value: {value}: {message}")));
        }
    }
}

/// Removes nulls from maps, which kubectl and the API server ignore at any depth; nulls in lists stay.
pub(super) fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

fn count(path: &str, count: usize, (min, max): (Option<usize>, Option<usize>), flaws: &mut Vec<Flaw>) {
    if let Some(max) = max.filter(|max| count > *max) {
        flaws.push(Flaw::new(path, format!("Too many: {count}: must have at most {max} items")));
    }
    if let Some(min) = min.filter(|min| count < *min) {
        let message = format!("Invalid value: {count}: {path} in body should have at least {min} items");
        flaws.push(Flaw::new(path, message));
    }
}

fn fits(kind: Type, value: &Value) -> bool {
    match kind {
        Type::Object => value.is_object(),
        Type::Array => value.is_array(),
        Type::String => value.is_string(),
        Type::Integer => value.is_i64() || value.is_u64(),
        Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
    }
}
