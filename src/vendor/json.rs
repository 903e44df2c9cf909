//! Reads large JSON without building a tree: counts values, and extracts members.

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt;

/// Maximum length of an extracted member in bytes.
const LONGEST_MEMBER: usize = 64 << 10;

/// Counts the values of JSON that arrives in pieces. Each value but the first follows a comma or an opening bracket.
#[derive(Clone, Copy, Default)]
pub(super) struct Counter {
    values: usize,
    in_text: bool,
    escaped: bool,
}

impl Counter {
    pub(super) fn add(&mut self, piece: &[u8]) {
        for byte in piece {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                b',' | b'[' | b'{' if !self.in_text => self.values += 1,
                _ => {}
            }
        }
    }

    pub(super) fn values(&self) -> usize {
        self.values
    }
}

/// Whether JSON has more than `most` values.
pub(super) fn holds_more_values(json: &[u8], most: usize) -> bool {
    let mut counter = Counter::default();
    // Each value takes a byte at least.
    json.len() > most && {
        counter.add(json);
        counter.values() > most
    }
}

/// Returns the members of an object that `keep` selects, without long ones. None if it is not an object.
pub(super) fn members(json: &[u8], keep: &dyn Fn(&str) -> bool) -> Option<Map<String, Value>> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let members = MemberFilter(keep).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    members
}

struct MemberFilter<'a>(&'a dyn Fn(&str) -> bool);

impl<'de> DeserializeSeed<'de> for MemberFilter<'_> {
    type Value = Option<Map<String, Value>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MemberFilter<'_> {
    type Value = Option<Map<String, Value>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if !(self.0)(&name) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let raw = map.next_value::<&RawValue>()?.get();
            if raw.len() <= LONGEST_MEMBER {
                members.insert(name, serde_json::from_str(raw).unwrap_or_default());
            }
        }
        Ok(Some(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_counted_and_the_content_of_texts_is_not() {
        let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
        let cases = [
            ("objects", list("{}", 1000), 2000),
            ("objects with a list each", list("{\"a\":[1]}", 1000), 3000),
            ("numbers", list("1", 1000), 1000),
            ("commas in texts", list(r#"{"a":"\",[{,,,,,,,"}"#, 1000), 2000),
            ("not JSON", "x".repeat(1000), 0),
        ];
        for (reason, body, values) in cases {
            for piece in [1, 3, body.len()] {
                let mut counter = Counter::default();
                body.as_bytes().chunks(piece).for_each(|piece| counter.add(piece));
                assert_eq!(counter.values(), values, "{reason}, in pieces of {piece}");
            }
            assert!(!holds_more_values(body.as_bytes(), values), "{reason}");
            assert_eq!(holds_more_values(body.as_bytes(), values / 2), values > 1, "{reason}");
        }
    }

    #[test]
    fn members_are_extracted_from_an_object_only() {
        let picked = |json: &str| members(json.as_bytes(), &|name| name.len() == 1).map(Value::Object);
        assert_eq!(picked(r#"{"a": [1], "long": [2], "b": "x"}"#), Some(json!({"a": [1], "b": "x"})));
        assert_eq!(picked(&format!(r#"{{"a": "{}"}}"#, "x".repeat(LONGEST_MEMBER))), Some(json!({})));
        for other in
            ["[{\"a\": 1}]", "1", "-1", "1.5", "true", "null", "\"a\"", "{\"a\": 1", "{\"a\": 1} x", ""]
        {
            assert_eq!(picked(other), None, "{other}");
        }
    }
}
