//! The JSON schema of a report.

use super::Report;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// Returns the schema of [`Report::json`], which is checked in as `docs/plan.schema.json`. It allows further members.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Report>().to_value();
    polish(&mut schema);
    schema
}

/// Removes line breaks inside paragraphs of descriptions, and `null` from types whose member is omitted instead.
fn polish(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get_mut("description") {
                let paragraphs: Vec<_> = text.split("\n\n").map(|part| part.replace('\n', " ")).collect();
                *text = paragraphs.join("\n\n");
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".into(), only);
                }
            }
            if let Some(Value::Array(any)) = map.get_mut("anyOf") {
                any.retain(|schema| *schema != serde_json::json!({"type": "null"}));
                if let [Value::Object(only)] = any.as_mut_slice() {
                    let mut only = std::mem::take(only);
                    map.remove("anyOf");
                    map.append(&mut only);
                }
            }
            map.values_mut().for_each(polish);
        }
        Value::Array(all) => all.iter_mut().for_each(polish),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
