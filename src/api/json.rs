//! Sizes of JSON that users write.

use serde_json::Value;

/// Returns how many values a JSON value consists of, itself included.
pub(super) fn count_values(json: &Value) -> usize {
    match json {
        Value::Array(list) => 1 + list.iter().map(count_values).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(count_values).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}
