//! What a change does to deliveries that exist: it sends them to another receiver, or disables them.

use super::diff::host;
use super::document::{Document, Value};
use super::field::{Role, Rule};
use super::hash;
use super::rules::Rules;

/// Characters of the digest of a receiver.
const DIGEST: usize = 12;

/// Returns what a change from one document to the other does to deliveries: `receiver:DIGEST` of another host, `disabled`, or both
/// joined by `+`; none if it does neither. A path or a query changes with a secret that is rotated, and is no other receiver.
pub(super) fn impact(rules: &Rules, observed: &Document, desired: &Document) -> Option<String> {
    let mut effects = Vec::new();
    for field in rules.fields {
        let (is, wanted) = (observed.get(field.name), desired.get(field.name));
        match (field.role, is, wanted) {
            (Role::Receiver, Value::Text(is), Value::Text(wanted)) => {
                let to = destination(&wanted.expose());
                if destination(&is.expose()) != to {
                    let digest = hash(&serde_json::Value::String(to));
                    let digest: String = digest.chars().skip("sha256:".len()).take(DIGEST).collect();
                    effects.push(format!("receiver:{digest}"));
                }
            }
            (Role::Switch, is, wanted) if is_on(field.rule, is) && !is_on(field.rule, wanted) => {
                effects.push("disabled".to_owned());
            }
            _ => {}
        }
    }
    (!effects.is_empty()).then(|| effects.join("+"))
}

/// Returns scheme and host of an address, or the whole text if it is none, such as the name of a script.
fn destination(text: &str) -> String {
    host(text).map_or_else(|| text.to_owned(), |host| host.trim_end_matches("/...").to_lowercase())
}

/// Whether a [`Role::Switch`] with this value lets the vendor deliver.
fn is_on(rule: Rule, value: &Value) -> bool {
    match rule {
        Rule::EnabledState { enabled, .. } => value.is_text(enabled),
        _ => *value == Value::Bool(true),
    }
}
