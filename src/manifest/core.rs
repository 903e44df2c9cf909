//! Validates Secrets and ConfigMaps as the API server does. No problem repeats a value: it may be a secret.

use super::advice::did_you_mean;
use super::flaw::{Flaw, join};
use super::metadata;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::Value;
use std::collections::BTreeMap;

const NOT_TEXT: &str = "Invalid value: must be text: put it in quotes";

/// Returns the Secret in `value`, or `None` and flaws.
pub(super) fn secret(value: &Value, namespace: &str, flaws: &mut Vec<Flaw>) -> Option<Secret> {
    let before = flaws.len();
    known(value, &["data", "stringData", "type", "immutable"], flaws);
    let metadata = metadata::check(value.get("metadata"), namespace, flaws);
    let mut data = bytes("data", value, flaws);
    // The API server merges it into `data`.
    for (name, text) in texts("stringData", value, flaws) {
        data.insert(name, ByteString(text.into_bytes()));
    }
    let type_ = match &value["type"] {
        Value::Null => Some("Opaque".to_owned()),
        Value::String(text) => Some(text.clone()),
        _ => {
            flaws.push(Flaw::new("type", NOT_TEXT));
            None
        }
    };
    let immutable = immutable(value, flaws);
    let metadata = metadata.filter(|_| flaws.len() == before)?;
    Some(Secret { data: Some(data), immutable, metadata, string_data: None, type_ })
}

/// Returns the ConfigMap in `value`, or `None` and flaws.
pub(super) fn config_map(value: &Value, namespace: &str, flaws: &mut Vec<Flaw>) -> Option<ConfigMap> {
    let before = flaws.len();
    known(value, &["data", "binaryData", "immutable"], flaws);
    let metadata = metadata::check(value.get("metadata"), namespace, flaws);
    let data = texts("data", value, flaws);
    let binary = bytes("binaryData", value, flaws);
    for name in binary.keys().filter(|name| data.contains_key(*name)) {
        flaws.push(Flaw::new(
            &join("binaryData", name),
            "Invalid value: this key is also in data: remove one of the two",
        ));
    }
    let immutable = immutable(value, flaws);
    let metadata = metadata.filter(|_| flaws.len() == before)?;
    Some(ConfigMap { binary_data: Some(binary), data: Some(data), immutable, metadata })
}

fn known(value: &Value, own: &[&str], flaws: &mut Vec<Flaw>) {
    let names = || own.iter().chain(&["apiVersion", "kind", "metadata"]);
    for name in value.as_object().into_iter().flat_map(|members| members.keys()) {
        if !names().any(|known| known == name) {
            flaws.push(Flaw::key(name, format!("unknown field{}", did_you_mean(name, names()))));
        }
    }
}

fn immutable(value: &Value, flaws: &mut Vec<Flaw>) -> Option<bool> {
    let given = &value["immutable"];
    if !given.is_null() && !given.is_boolean() {
        flaws.push(Flaw::new("immutable", "Invalid value: must be true or false"));
    }
    given.as_bool()
}

fn bytes(map: &str, value: &Value, flaws: &mut Vec<Flaw>) -> BTreeMap<String, ByteString> {
    let mut decoded = BTreeMap::new();
    for (name, text) in texts(map, value, flaws) {
        // Go's decoder ignores line breaks.
        let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        if let Ok(bytes) = STANDARD.decode(text) {
            decoded.insert(name, ByteString(bytes));
        } else {
            let advice = if map == "data" { "; write plain text under stringData" } else { "" };
            flaws.push(Flaw::new(&join(map, &name), format!("Invalid value: not base64{advice}")));
        }
    }
    decoded
}

fn texts(map: &str, value: &Value, flaws: &mut Vec<Flaw>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let members = match &value[map] {
        Value::Null => return found,
        Value::Object(members) => members,
        _ => {
            flaws.push(Flaw::new(map, "Invalid value: must be a map"));
            return found;
        }
    };
    for (name, member) in members {
        let path = join(map, name);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty()
            || name.len() > 253
            || !name.bytes().all(plain)
            || name == "."
            || name.starts_with("..")
        {
            let message = "Invalid value: use at most 253 letters, digits, -, _ and .";
            flaws.push(Flaw::key(&path, message));
        }
        match member {
            Value::Null => drop(found.insert(name.clone(), String::new())),
            Value::String(text) => drop(found.insert(name.clone(), text.clone())),
            _ => flaws.push(Flaw::new(&path, NOT_TEXT)),
        }
    }
    found
}
