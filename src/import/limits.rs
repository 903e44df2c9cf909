//! Checks what the API server refuses for its size. The limits are read from the CRD, so that they are defined in one place.

use crate::api::crds;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The largest object in bytes. etcd accepts a little more.
const LARGEST_OBJECT: usize = 1_000_000;

/// The longest name in characters. YAML parsers accept 1024 bytes, and each character may take six.
const LONGEST_NAME: usize = 150;
/// The deepest nesting. JSON parsers stop at 128 levels, of which some are the object's own.
const DEEPEST: usize = 100;

/// The schemas of the specs by kind, as they are installed.
static SPECS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let schema = |crd: CustomResourceDefinition| {
        let version = crd.spec.versions.into_iter().next()?;
        let mut schema = serde_json::to_value(version.schema).ok()?;
        Some((crd.spec.names.kind, schema.pointer_mut("/openAPIV3Schema/properties/spec")?.take()))
    };
    crds().unwrap_or_default().into_iter().filter_map(schema).collect()
});

/// Returns the schema of the spec of a kind, such as `Webhook`.
pub(super) fn spec_schema(kind: &str) -> &'static Value {
    SPECS.get(kind).unwrap_or(&Value::Null)
}

/// Returns every limit that the spec of a kind exceeds, with the field.
pub(super) fn exceeded(kind: &str, spec: &impl Serialize) -> Vec<String> {
    let spec = serde_json::to_value(spec).unwrap_or_default();
    let mut found = Vec::new();
    if depth(&spec) > DEEPEST {
        return vec!["it is nested too deeply for JSON parsers".into()];
    }
    look("", spec_schema(kind), &spec, &mut found);
    if spec.to_string().len() > LARGEST_OBJECT {
        found.push("it is larger than Kubernetes allows for an object".into());
    }
    found
}

fn look(path: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
    let limit =
        |name: &str| schema.get(name).and_then(Value::as_u64).map(usize::try_from).and_then(Result::ok);
    let mut check = |is: usize, least: &str, most: &str, what: &str| {
        if let Some(least) = limit(least).filter(|least| is < *least) {
            found.push(format!("{path} has {is} {what}, but a Webhook needs at least {least}"));
        }
        if let Some(most) = limit(most).filter(|most| is > *most) {
            found.push(format!("{path} has {is} {what}, but a Webhook can have at most {most}"));
        }
    };
    match value {
        Value::String(text) => check(text.chars().count(), "minLength", "maxLength", "characters"),
        Value::Array(list) => {
            check(list.len(), "minItems", "maxItems", "members");
            let items = schema.get("items").unwrap_or(&Value::Null);
            for (at, value) in list.iter().enumerate() {
                look(&format!("{path}[{at}]"), items, value, found);
            }
        }
        Value::Object(map) => {
            check(map.len(), "minProperties", "maxProperties", "members");
            if map.keys().any(|name| name.chars().count() > LONGEST_NAME) {
                found.push(format!(
                    "{path} has a name of more than {LONGEST_NAME} characters, which some YAML parsers refuse"
                ));
            }
            for (name, value) in map {
                look(&below(path, name), of_member(schema, name), value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn depth(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => map.values().map(depth).max().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Returns the schema of a member: its own, or that of any member.
pub(super) fn of_member<'a>(schema: &'a Value, name: &str) -> &'a Value {
    let own = schema.get("properties").and_then(Value::as_object).and_then(|all: &Map<_, _>| all.get(name));
    own.or_else(|| schema.get("additionalProperties")).unwrap_or(&Value::Null)
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
