//! Validates objects of hooktender's kinds against their CRDs.

use super::flaw::Flaw;
use super::metadata;
use super::place::{Fields, Place, Placed, Problem, place_of};
use super::rules;
use super::schema::{Schema, without_nulls};
use crate::api::{VendorAccount, Webhook, WebhookSet, crds};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A kind with a CRD of hooktender.
pub trait Kind: DeserializeOwned + Serialize + sealed::Sealed {
    /// The kind as in manifests.
    const KIND: &'static str;
}

impl Kind for Webhook {
    const KIND: &'static str = "Webhook";
}

impl Kind for VendorAccount {
    const KIND: &'static str = "VendorAccount";
}

impl Kind for WebhookSet {
    const KIND: &'static str = "WebhookSet";
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Webhook {}
    impl Sealed for super::VendorAccount {}
    impl Sealed for super::WebhookSet {}
}

/// The schema of each kind with its compiled rules.
static SCHEMAS: LazyLock<Result<BTreeMap<String, Schema>, String>> = LazyLock::new(|| {
    let mut schemas = BTreeMap::new();
    for crd in crds().map_err(|error| error.to_string())? {
        for version in crd.spec.versions {
            let schema = version.schema.and_then(|schema| schema.open_api_v3_schema);
            let schema = serde_json::to_value(schema).map_err(|error| error.to_string())?;
            let schema = serde_json::from_value(schema).map_err(|error| error.to_string())?;
            schemas.insert(crd.spec.names.kind.clone(), schema);
        }
    }
    Ok(schemas)
});

fn schema<K: Kind>() -> Result<&'static Schema, Flaw> {
    let schemas =
        SCHEMAS.as_ref().map_err(|error| Flaw::new("spec", format!("the CRDs cannot be read: {error}")))?;
    schemas.get(K::KIND).ok_or_else(|| Flaw::new("spec", "this kind has no CRD"))
}

/// Returns the object in `value`, or `None` and flaws.
pub(super) fn object<K: Kind>(mut value: Value, namespace: &str, flaws: &mut Vec<Flaw>) -> Option<K> {
    let metadata = metadata::check(value.get("metadata"), namespace, flaws);
    let schema = match schema::<K>() {
        Ok(schema) => schema,
        Err(flaw) => {
            flaws.push(flaw);
            return None;
        }
    };
    if let Some(members) = value.as_object_mut() {
        // The API server ignores the status of a manifest.
        for member in ["apiVersion", "kind", "metadata", "status"] {
            members.remove(member);
        }
    }
    check(schema, &mut value, flaws);
    let metadata = metadata.filter(|_| flaws.is_empty())?;
    let object = json!({
        "apiVersion": format!("{}/{}", crate::api::GROUP, super::VERSION),
        "kind": K::KIND,
        "metadata": metadata,
        "spec": value["spec"].take(),
    });
    match serde_json::from_value(object) {
        Ok(object) => Some(object),
        Err(error) => {
            flaws.push(Flaw::new("spec", format!("Invalid value: {error}")));
            None
        }
    }
}

/// Validates in the API server's order: nulls and defaults, structure, and rules only if the structure is valid.
fn check(schema: &Schema, value: &mut Value, flaws: &mut Vec<Flaw>) {
    let mut own = Vec::new();
    schema.unknown("", value, &mut own);
    let meant: Vec<_> = own.iter().filter_map(|flaw| flaw.meant.clone()).collect();
    without_nulls(value);
    schema.fill(value);
    let mut structure = Vec::new();
    schema.check("", value, &mut structure);
    // A misspelt member is not also reported as missing.
    structure.retain(|flaw| !meant.contains(&flaw.path));
    own.append(&mut structure);
    if own.is_empty() {
        rules::check(schema, "", value, None, &mut own);
    }
    flaws.append(&mut own);
}

/// Evaluates the CRD's transition rules for a change of an existing object, such as that its account cannot be changed.
pub fn check_change<K: Kind>(old: &K, new: &Placed<K>) -> Vec<Problem> {
    let mut flaws = Vec::new();
    match (schema::<K>(), spec(old), spec(&new.object)) {
        (Ok(schema), Ok(mut old), Ok(mut new)) => {
            schema.fill(&mut old);
            schema.fill(&mut new);
            rules::check(schema, "", &new, Some(&old), &mut flaws);
        }
        (Err(flaw), _, _) => flaws.push(flaw),
        (_, Err(error), _) | (_, _, Err(error)) => flaws.push(Flaw::new("spec", error.to_string())),
    }
    let mut problems: Vec<_> =
        flaws.into_iter().map(|flaw| Problem::at(new.place_of(&flaw.path), flaw.message)).collect();
    problems.sort();
    problems
}

fn spec(object: &impl Serialize) -> serde_json::Result<Value> {
    Ok(json!({ "spec": serde_json::to_value(object)?["spec"].take() }))
}

/// Returns a flaw with its position.
pub(super) fn placed(flaw: Flaw, object: &Place, fields: &Fields) -> Problem {
    let path = if flaw.key { format!("{}:", flaw.path) } else { flaw.path };
    Problem::at(place_of(object, fields, &path), flaw.message)
}
