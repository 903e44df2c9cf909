//! Validates `metadata` as the API server does.

use super::advice::did_you_mean;
use super::flaw::{Flaw, join};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

const MEMBERS: &[&str] = &[
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Returns the metadata of an object, with `namespace` if it has none; or `None` and flaws.
pub(super) fn check(value: Option<&Value>, namespace: &str, flaws: &mut Vec<Flaw>) -> Option<ObjectMeta> {
    let before = flaws.len();
    let empty = serde_json::Map::new();
    let members = match value {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(members)) => members,
        Some(_) => {
            flaws.push(Flaw::new("metadata", "Invalid value: must be a map with a name"));
            return None;
        }
    };
    for name in members.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        let advice = did_you_mean(name, MEMBERS);
        flaws.push(Flaw::key(&join("metadata", name), format!("unknown field{advice}")));
    }
    let text = |name: &str| members.get(name).filter(|value| !value.is_null());
    match (text("name"), text("generateName")) {
        (None, Some(_)) => flaws.push(Flaw::key(
            "metadata.generateName",
            "use metadata.name instead: with generateName, each run would create another object and another subscription",
        )),
        (None, None) => flaws.push(Flaw::new("metadata.name", "Required value: name is required")),
        (Some(Value::String(name)), _) => {
            if !is_subdomain(name) {
                flaws.push(Flaw::new(
                    "metadata.name",
                    format!("Invalid value: {name:?}: use at most 253 lower case letters, digits, - and ., starting and ending with a letter or digit"),
                ));
            }
        }
        (Some(_), _) => flaws.push(Flaw::new("metadata.name", NOT_TEXT)),
    }
    match text("namespace") {
        Some(Value::String(name)) if name.is_empty() || is_label(name) => {}
        Some(Value::String(name)) => flaws.push(Flaw::new(
            "metadata.namespace",
            format!("Invalid value: {name:?}: use at most 63 lower case letters, digits and -, starting and ending with a letter or digit"),
        )),
        Some(_) => flaws.push(Flaw::new("metadata.namespace", NOT_TEXT)),
        None => {}
    }
    for map in ["labels", "annotations"] {
        texts(map, text(map), flaws);
    }
    if flaws.len() > before {
        return None;
    }
    match serde_json::from_value::<ObjectMeta>(Value::Object(members.clone())) {
        Ok(mut metadata) => {
            let named = metadata.namespace.take().filter(|name| !name.is_empty());
            metadata.namespace = named.or_else(|| Some(namespace.to_owned()));
            Some(metadata)
        }
        Err(error) => {
            flaws.push(Flaw::new("metadata", format!("Invalid value: {error}")));
            None
        }
    }
}

const NOT_TEXT: &str = "Invalid value: must be text: put it in quotes";

fn texts(map: &str, value: Option<&Value>, flaws: &mut Vec<Flaw>) {
    let path = join("metadata", map);
    match value {
        None => {}
        Some(Value::Object(members)) => {
            for (name, _) in members.iter().filter(|(_, value)| !value.is_string() && !value.is_null()) {
                flaws.push(Flaw::new(&join(&path, name), NOT_TEXT));
            }
        }
        Some(_) => flaws.push(Flaw::new(&path, "Invalid value: must be a map")),
    }
}

fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= 63
        && name.bytes().all(inner)
        && !name.is_empty()
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn is_subdomain(name: &str) -> bool {
    // Unlike in a namespace, a part of a name may have any length.
    name.len() <= 253
        && name.split('.').all(|part| {
            let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
        })
}
