//! Evaluates the CRDs' rules (`x-kubernetes-validations`) of an object and everything in it.

use super::flaw::{Flaw, join};
use super::schema::Schema;
use serde_json::Value;

/// Evaluates the rules of `value` and everything in it: with `old` the transition rules, else all others.
pub(super) fn check(schema: &Schema, path: &str, value: &Value, old: Option<&Value>, flaws: &mut Vec<Flaw>) {
    for rule in schema.rules.iter().filter(|rule| rule.transition == old.is_some()) {
        flaws.extend(rule.violation(path, value, old));
    }
    // Unlike for structural errors, the API server puts keys of maps into brackets here.
    let inner = |path: &str, name: &str| {
        if schema.properties.contains_key(name) { join(path, name) } else { format!("{path}[{name}]") }
    };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let before = old.map(|old| old.get(name));
                // A new member has no transition.
                if let (Some(schema), None | Some(Some(_))) = (schema.member(name), before) {
                    check(schema, &inner(path, name), member, before.flatten(), flaws);
                }
            }
        }
        // Items of lists cannot be correlated: the API server allows no transition rules there.
        Value::Array(items) if old.is_none() => {
            let Some(schema) = &schema.items else { return };
            for (number, item) in items.iter().enumerate() {
                check(schema, &format!("{path}[{number}]"), item, None, flaws);
            }
        }
        _ => {}
    }
}
