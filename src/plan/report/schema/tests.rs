use super::*;
use crate::plan::report::testing::{any_report, rich};
use proptest::prelude::*;
use std::path::Path;

/// `make schema` writes it.
#[test]
fn plan_schema_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/plan.schema.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("HOOKTENDER_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == text, "docs/plan.schema.json is not what the code says: make schema");
}

#[test]
fn a_report_is_what_the_schema_says() {
    let schema = schema();
    let json: Value = serde_json::from_str(&rich().json()).unwrap();
    assert_eq!(complies(&json, &schema, &schema), Ok(()));
    let mut wrong = json.clone();
    wrong["accounts"][0]["webhooks"][0]["action"] = "Destroy".into();
    assert!(complies(&wrong, &schema, &schema).is_err());
    let mut wrong = json.clone();
    wrong["counts"].as_object_mut().unwrap().remove("heldBack");
    assert!(complies(&wrong, &schema, &schema).is_err());
    let mut wrong = json;
    wrong["accounts"][0]["more"] = 1.into();
    assert!(complies(&wrong, &schema, &schema).is_err(), "what the schema does not name is not there");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_report_is_what_the_schema_says(report in any_report()) {
        let schema = schema();
        let json: Value = serde_json::from_str(&report.json()).unwrap();
        prop_assert_eq!(complies(&json, &schema, &schema), Ok(()));
    }
}

/// Whether JSON is what our schema says, and has no member that it does not name; just the words that our schema uses.
fn complies(json: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    let Some(words) = schema.as_object() else { return Err(format!("{schema} is no schema")) };
    for (word, rule) in words {
        match word.as_str() {
            "$schema" | "$defs" | "title" | "description" | "format" | "additionalProperties" => Ok(()),
            "$ref" => {
                let target = rule.as_str().and_then(|path| root.pointer(path.trim_start_matches('#')));
                complies(json, target.ok_or(format!("{rule} is nowhere"))?, root)
            }
            "type" => is_of(json, rule),
            "const" => (json == rule).then_some(()).ok_or(format!("{json} is not {rule}")),
            "enum" => list(rule).contains(json).then_some(()).ok_or(format!("{json} is not in {rule}")),
            "minimum" => (json.as_f64() >= rule.as_f64()).then_some(()).ok_or(format!("{json} < {rule}")),
            "required" => list(rule).iter().try_for_each(|name| {
                let name = name.as_str().unwrap();
                json.get(name).map(|_| ()).ok_or(format!("{name} is missing in {json}"))
            }),
            "properties" => json.as_object().into_iter().flatten().try_for_each(|(name, value)| {
                complies(value, rule.get(name).ok_or(format!("{name} has no schema"))?, root)
            }),
            "items" => json.as_array().into_iter().flatten().try_for_each(|item| complies(item, rule, root)),
            "oneOf" | "anyOf" => {
                let any = list(rule).iter().any(|one| complies(json, one, root).is_ok());
                any.then_some(()).ok_or(format!("{json} is none of {rule}"))
            }
            other => Err(format!("{other} is new: check it here")),
        }?;
    }
    Ok(())
}

fn list(rule: &Value) -> &Vec<Value> {
    rule.as_array().unwrap()
}

fn is_of(json: &Value, kind: &Value) -> Result<(), String> {
    let is = match kind.as_str().unwrap() {
        "object" => json.is_object(),
        "array" => json.is_array(),
        "string" => json.is_string(),
        "integer" => json.is_u64() || json.is_i64(),
        "boolean" => json.is_boolean(),
        _ => false,
    };
    is.then_some(()).ok_or(format!("{json} is no {kind}"))
}
