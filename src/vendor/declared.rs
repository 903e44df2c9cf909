//! Values of a manifest, before variables are expanded.

use crate::plan::Value;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a manifest declares, by the names of the vendor's `RULES`. Its texts still hold `$(NAME)`.
pub(super) type Declared = BTreeMap<&'static str, Value>;

/// A text that may be absent.
pub(super) fn optional(text: Option<&String>) -> Value {
    text.map_or(Value::Null, Value::text)
}

/// A value that is spelled in the document as in the manifest, such as an enum.
pub(super) fn spelled(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default().into()
}
