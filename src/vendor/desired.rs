//! From the typed half of a Webhook to the canonical document of its subscription.
//!
//! Each vendor's `manifest` maps its fields by destructuring without `..`, so that a new field does not compile until it is
//! mapped. This module puts the values of variables into the texts.

use super::connection::rules;
use super::declared::Declared;
use super::{brightpearl, contensis, superoffice};
use crate::api::webhook::Subscription;
use crate::plan::{Document, SecretText, Usage, Value};
use std::collections::BTreeMap;

/// Returns the canonical document of what is declared. `expand` replaces the variables in a text, given what its field is used
/// for. An unreadable subscription gives an empty document; the engine blocks its Webhook.
pub fn desired<E>(
    subscription: &Subscription,
    expand: &mut dyn FnMut(&str, Usage) -> Result<SecretText, E>,
) -> Result<Document, E> {
    let mut declared = declared(subscription);
    let rules = rules(subscription.vendor());
    let mut values = BTreeMap::new();
    for field in rules.fields {
        if let Some(value) = declared.remove(field.name) {
            values.insert(field.name, expanded(value, &mut |text| expand(text, field.usage))?);
        }
    }
    Ok(rules.document(values))
}

fn declared(subscription: &Subscription) -> Declared {
    match subscription {
        Subscription::Brightpearl(webhook) => brightpearl::manifest::declared(webhook),
        Subscription::Contensis(webhook) => contensis::manifest::declared(webhook),
        Subscription::Superoffice(webhook) => superoffice::manifest::declared(webhook),
        Subscription::Unreadable { .. } => Declared::new(),
    }
}

fn expanded<E>(value: Value, expand: &mut dyn FnMut(&str) -> Result<SecretText, E>) -> Result<Value, E> {
    Ok(match value {
        Value::Text(text) => Value::Text(expand(&text.expose())?),
        Value::List(list) => {
            Value::List(list.into_iter().map(|value| expanded(value, expand)).collect::<Result<_, E>>()?)
        }
        Value::Map(map) => Value::Map(
            map.into_iter()
                .map(|(name, value)| Ok((name, expanded(value, expand)?)))
                .collect::<Result<_, E>>()?,
        ),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Webhook;
    use crate::plan::{Field, Rule};
    use kube::CustomResourceExt as _;
    use serde_json::{Map, Value as Json, json};
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    /// Subscriptions by vendor, which together have every field that a manifest can have. The contract tests check that each field is
    /// read back.
    fn samples() -> BTreeMap<String, Vec<Json>> {
        serde_json::from_str(include_str!("../../tests/contract/every_field.json")).unwrap()
    }

    /// The first sample of each vendor has all fields but those that exclude each other.
    fn full() -> Vec<Json> {
        samples().into_iter().map(|(vendor, samples)| json!({ vendor: samples[0] })).collect()
    }

    fn subscription(json: &Json) -> Subscription {
        serde_json::from_value(json.clone()).unwrap()
    }

    /// Adds the fields of a schema that no sample sets to a value other than the default.
    fn unset(schema: &Json, samples: &[&Json], path: &str, found: &mut Vec<String>) {
        let nothing = [Json::Null, json!(""), json!([]), json!({}), schema["default"].clone()];
        let is_set = |sample: &&Json| !nothing.contains(sample);
        if !samples.iter().any(is_set) {
            found.push(path.to_owned());
            return;
        }
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let of: Vec<_> = samples.iter().filter_map(|sample| sample.get(name)).collect();
            unset(member, &of, &format!("{path}.{name}"), found);
        }
        if let Some(item) = schema.get("items") {
            let of: Vec<_> = samples.iter().filter_map(|sample| sample.as_array()).flatten().collect();
            unset(item, &of, &format!("{path}[]"), found);
        }
        if let Some(value) = schema.get("additionalProperties") {
            let of: Vec<_> =
                samples.iter().filter_map(|sample| sample.as_object()).flat_map(Map::values).collect();
            unset(value, &of, &format!("{path}.*"), found);
        }
    }

    #[test]
    fn the_samples_set_every_field_of_the_crd() {
        let crd = serde_json::to_value(Webhook::crd()).unwrap();
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        let schemas = &spec["properties"]["subscription"]["properties"];
        let (mut found, samples) = (Vec::new(), samples());
        for (vendor, schema) in schemas.as_object().unwrap() {
            let samples: Vec<_> = samples.get(vendor).into_iter().flatten().collect();
            unset(schema, &samples, vendor, &mut found);
        }
        assert!(
            found.is_empty(),
            "tests/contract/every_field.json leaves {found:?} unset or at the default: give a sample another value there"
        );
    }

    #[test]
    fn every_mapped_field_has_a_rule() {
        for json in full() {
            let subscription = subscription(&json);
            let rules = rules(subscription.vendor());
            let mapped: BTreeSet<&str> = declared(&subscription).into_keys().collect();
            let with_rule: BTreeSet<&str> = rules.fields.iter().map(|field| field.name).collect();
            assert_eq!(
                mapped,
                with_rule,
                "{}: give the field a row in RULES of its vendor's document.rs, under the name that `declared` in manifest.rs maps it to",
                subscription.vendor()
            );
        }
    }

    #[test]
    fn every_member_of_a_record_has_a_rule() {
        let contensis = full().into_iter().find(|json| json.get("contensis").is_some()).unwrap();
        let declared = declared(&subscription(&contensis));
        let Value::List(topics) = &declared["topics"] else { panic!("topics is a list") };
        let Value::Map(topic) = &topics[0] else { panic!("a topic is a record") };
        let Some(Rule::Set(Rule::Record(fields))) = contensis::RULES.field("topics").map(|field| field.rule)
        else {
            panic!("topics is a set of records")
        };
        let mapped: BTreeSet<&str> = topic.keys().map(String::as_str).collect();
        let with_rule: BTreeSet<&str> = fields.iter().map(|field: &Field| field.name).collect();
        assert_eq!(
            mapped, with_rule,
            "give the member a row in TOPIC of contensis/document.rs, under the name that `topic` in manifest.rs maps it to"
        );
    }

    #[test]
    fn a_document_holds_what_the_manifest_says() {
        for json in full() {
            let document = desired(&subscription(&json), &mut |text, _| {
                Ok::<_, Infallible>(SecretText::plain(text.replace("$(", "<")))
            });
            let Ok(document) = document;
            let mut expected = json.as_object().unwrap().values().next().unwrap().clone();
            // Not a field of the vendor's: it says what to do when deliveries have stopped.
            expected.as_object_mut().unwrap().remove("onTooManyErrors");
            let expected = expected.to_string().replace("$(", "<");
            assert_eq!(document.redacted(), serde_json::from_str::<Json>(&expected).unwrap());
        }
    }
}
