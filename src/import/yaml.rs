//! Writes Webhooks and WebhookSets as a person would: in the order of the types, without defaults.

use super::limits::{of_member, spec_schema};
use crate::api::is_hidden;
use kube::Resource;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};
use serde_saphyr::ser::Error;
use serde_saphyr::{DoubleQuoted, FlowSeq, SingleQuoted};
use std::fmt::{self, Write as _};

/// Writes one document for each object, separated by `---`.
pub fn yaml<K: Resource<DynamicType = ()> + Serialize>(objects: &[K]) -> Result<String, Error> {
    let mut text = String::new();
    for object in objects {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        text.push_str(&document(object, spec_schema(&K::kind(&())))?);
    }
    Ok(text)
}

fn document(object: &impl Serialize, schema: &Value) -> Result<String, Error> {
    let options = serde_saphyr::ser_options! {
        // Long lines are not folded, so that they look like those of the vendor.
        folded_wrap_chars: usize::MAX,
    };
    let json = serde_json::to_string(object).map_err(Error::custom)?;
    let mut written: Written = serde_json::from_str(&json).map_err(Error::custom)?;
    if let Written::Map(members) = &mut written {
        members.retain(|(name, _)| name != "status");
        for (name, value) in members {
            match name.as_str() {
                "metadata" => value.only(&["name", "namespace"]),
                "spec" => value.without_defaults(schema),
                _ => {}
            }
        }
    }
    let mut names = QuotedNames::default();
    names.replace(&mut written);
    let yaml = serde_saphyr::to_string_with_options(&written, options)?;
    Ok(escaped(&names.put_back(yaml)))
}

/// Names of members that have to be in double quotes. The serializer cannot be told to quote a name, so that each is replaced by
/// another one while it writes.
#[derive(Default)]
struct QuotedNames(Vec<(String, String)>);

impl QuotedNames {
    fn replace(&mut self, written: &mut Written) {
        match written {
            Written::List(list) => list.iter_mut().for_each(|value| self.replace(value)),
            Written::Map(members) => {
                for (name, value) in members {
                    if has_to_be_escaped(name) {
                        let quoted = in_double_quotes(name);
                        let unique = format!("member{:016x}", rand::random::<u64>());
                        // As long as the name, because the layout of a member depends on that.
                        let stand_in = format!("{unique:x<length$}", length = quoted.len());
                        name.clone_from(&stand_in);
                        self.0.push((stand_in, quoted));
                    }
                    self.replace(value);
                }
            }
            Written::Null | Written::Bool(_) | Written::Number(_) | Written::Text(_) => {}
        }
    }

    fn put_back(&self, yaml: String) -> String {
        self.0.iter().fold(yaml, |yaml, (stand_in, quoted)| yaml.replace(stand_in, quoted))
    }
}

/// Returns a text in YAML's double quotes. Other characters than letters, digits and ASCII are escaped.
fn in_double_quotes(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            _ if c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric() => quoted.push(c),
            _ => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Escapes invisible characters, and the first `#` of `##word[`, which a CI runner would take for a command. Both are in double
/// quotes at this point.
fn escaped(yaml: &str) -> String {
    let mut text = String::with_capacity(yaml.len());
    for (at, c) in yaml.char_indices() {
        match c {
            '\n' | '\t' => text.push(c),
            '#' if is_command(&yaml[at..]) => text.push_str(r"\x23"),
            _ if is_hidden(c) => {
                let _ = write!(text, "\\U{:08x}", u32::from(c));
            }
            _ => text.push(c),
        }
    }
    text
}

/// Whether a CI runner would take the start of this text for a command, anywhere in a line.
fn is_command(text: &str) -> bool {
    let word =
        text.strip_prefix("##").map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric()));
    word.is_some_and(|rest| rest.starts_with('['))
}

/// Whether a text would control a terminal or a CI runner, or hide something, if it were not escaped.
fn has_to_be_escaped(text: &str) -> bool {
    text.contains(|c| !matches!(c, '\n' | '\t') && is_hidden(c))
        || text.lines().any(|line| line.trim_start().starts_with("::"))
        || text.match_indices("##").any(|(at, _)| is_command(&text[at..]))
}

/// JSON that keeps the order of its members, which is that of the types' fields.
#[derive(Clone, Debug, PartialEq)]
enum Written {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Written>),
    Map(Vec<(String, Written)>),
}

impl Written {
    /// Removes members with other names.
    fn only(&mut self, names: &[&str]) {
        if let Self::Map(members) = self {
            members.retain(|(name, _)| names.contains(&name.as_str()));
            members.sort_by_key(|(name, _)| names.iter().position(|other| other == name));
        }
    }

    /// Removes members with the default of their schema.
    fn without_defaults(&mut self, schema: &Value) {
        match self {
            Self::List(list) => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                for value in list {
                    value.without_defaults(items);
                }
            }
            Self::Map(members) => {
                members.retain_mut(|(name, value)| {
                    let schema = of_member(schema, name);
                    let is_default = schema.get("default").is_some_and(|default| value.is(default));
                    value.without_defaults(schema);
                    !is_default
                });
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => {}
        }
    }

    fn is(&self, other: &Value) -> bool {
        match (self, other) {
            (Self::Bool(a), Value::Bool(b)) => a == b,
            (Self::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
            (Self::Text(a), Value::String(b)) => a == b,
            (Self::Map(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| a.is(b)))
            }
            _ => false,
        }
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) if has_to_be_escaped(text) => DoubleQuoted(text).serialize(serializer),
            Self::Text(text) if text.contains('\n') && !fits_a_block(text) => {
                DoubleQuoted(text).serialize(serializer)
            }
            Self::Text(text) if reads_better_in_single_quotes(text) => {
                SingleQuoted(text).serialize(serializer)
            }
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) if fits_on_a_line(list) => FlowSeq(list).serialize(serializer),
            Self::List(list) => {
                let mut all = serializer.serialize_seq(Some(list.len()))?;
                list.iter().try_for_each(|value| all.serialize_element(value))?;
                all.end()
            }
            Self::Map(members) => {
                let mut all = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| all.serialize_entry(name, value))?;
                all.end()
            }
        }
    }
}

/// Whether a text can be a block scalar: kubectl takes a tab at the start of a line for indentation, and spaces at the start need an
/// indentation indicator.
fn fits_a_block(text: &str) -> bool {
    !text.starts_with(char::is_whitespace)
        && text.lines().all(|line| !line.trim_start_matches(' ').starts_with('\t'))
}

/// Whether single quotes are better, as for JSON: in double quotes, each of its own quotes would need a backslash.
fn reads_better_in_single_quotes(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric();
    text.contains('"') && text.chars().all(plain)
}

/// Whether a list consists of a few short words.
fn fits_on_a_line(list: &[Written]) -> bool {
    let of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let length = |value: &Written| match value {
        Written::Text(text) if text.chars().all(of_word) => Some(text.len() + 2),
        Written::Text(_)
        | Written::Null
        | Written::Bool(_)
        | Written::Number(_)
        | Written::List(_)
        | Written::Map(_) => None,
    };
    let all: Option<usize> = list.iter().map(length).sum();
    !list.is_empty() && all.is_some_and(|length| length <= 80)
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Written, E> {
        Ok(Written::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Written, E> {
        Ok(Written::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Written, E> {
        Ok(Written::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Written, E> {
        Ok(Written::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Written, E> {
        Number::from_f64(value).map(Written::Number).ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Written, E> {
        Ok(Written::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Written, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Written::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        let mut members: Vec<(String, Written)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Written>()? {
            if members.iter().any(|(other, _)| *other == name) {
                return Err(A::Error::custom("two members have one name"));
            }
            members.push((name, value));
        }
        Ok(Written::Map(members))
    }
}
