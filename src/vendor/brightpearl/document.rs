//! Brightpearl's fields (vendors/brightpearl.md 4 and 9.4), and conversion between wire and document.

use super::wire;
use crate::plan::{Absent, Document, ExternalId, Field, Observed, Rules, Value};
use crate::vendor::items::parse_item;
use crate::vendor::receiver;
use crate::vendor::transport::Answer;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Every field replaces, as there is no update (2).
pub const RULES: Rules = Rules {
    fields: &[
        Field::word("subscribeTo").replaces(),
        Field::word("httpMethod").replaces(),
        Field::address("uriTemplate").receiver().replaces(),
        Field::content("bodyTemplate").replaces(),
        Field::header("contentType").replaces(),
        Field::content("idSetAccepted").absent(Absent::Bool(false)).replaces(),
        Field::content("qualityOfService").absent(Absent::Int(0)).replaces(),
    ],
    natural_key: &["subscribeTo", "httpMethod", "uriTemplate"],
};

/// Variables that Brightpearl was observed to require in one of the two templates (4.3).
const MANDATORY: [&str; 4] = ["${account-code}", "${resource-type}", "${resource-id}", "${lifecycle-event}"];

/// Warns about mandatory variables that no template mentions. Brightpearl may no longer require them.
pub(crate) fn advice(desired: &Document) -> Option<String> {
    let mut templates = String::new();
    for field in ["uriTemplate", "bodyTemplate"] {
        if let Value::Text(text) = desired.get(field) {
            templates.push_str(&text.expose());
        }
    }
    let missing: Vec<_> = MANDATORY.into_iter().filter(|variable| !templates.contains(variable)).collect();
    if missing.is_empty() {
        return None;
    }
    let missing = missing.join(", ");
    Some(format!(
        "neither uriTemplate nor bodyTemplate contains {missing}: add it, because Brightpearl probably refuses a webhook without it"
    ))
}

/// Returns the body of a POST: the fields have the vendor's own names, and unset ones are left out.
pub(in crate::vendor) fn body(desired: &Document) -> serde_json::Value {
    desired.iter().map(|(name, value)| (name.to_owned(), value.expose())).collect()
}

/// Reads one item of a list. An error says what is wrong with its shape.
pub(in crate::vendor) fn observed(answer: &Answer, item: &RawValue) -> Result<Observed, String> {
    let parsed: wire::Webhook = parse_item(item.get())?;
    let id = parsed.id.ok_or("it has no id")?;
    let summary = format!("{} -> {}", parsed.subscribe_to, receiver(&parsed.uri_template));
    Ok(Observed {
        id: id_of(id),
        document: document(parsed),
        summary,
        created: None,
        remote_version: None,
        delivery: None,
        raw: Some(answer.part(item)),
    })
}

/// Returns the result of a POST: the vendor answers with the id only (2.1).
pub(super) fn created(id: i64, desired: &Document) -> Observed {
    Observed {
        id: id_of(id),
        document: desired.clone(),
        summary: String::new(),
        created: None,
        remote_version: None,
        delivery: None,
        raw: None,
    }
}

fn id_of(id: i64) -> ExternalId {
    ExternalId::from(id)
}

fn document(webhook: wire::Webhook) -> Document {
    // GET and DELETE carry no body, so that one that the vendor may have stored is ignored (4.1).
    let carries_body = matches!(webhook.http_method.as_str(), "POST" | "PUT");
    let text = |text: Option<String>| text.map_or(Value::Null, Value::text);
    RULES.document(BTreeMap::from([
        ("subscribeTo", Value::text(webhook.subscribe_to)),
        ("httpMethod", Value::text(webhook.http_method)),
        ("uriTemplate", Value::text(webhook.uri_template)),
        ("bodyTemplate", text(webhook.body_template.filter(|_| carries_body))),
        ("contentType", text(webhook.content_type.filter(|_| carries_body))),
        ("idSetAccepted", webhook.id_set_accepted.map_or(Value::Null, Value::Bool)),
        ("qualityOfService", webhook.quality_of_service.map_or(Value::Null, Value::int)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_template_variables_are_named() {
        let with = |uri: &str, body: &str| {
            RULES.document(BTreeMap::from([
                ("uriTemplate", Value::text(uri)),
                ("bodyTemplate", Value::text(body)),
            ]))
        };
        let all = MANDATORY.concat();
        assert_eq!(advice(&with("https://h", &all)), None);
        assert_eq!(advice(&with(&format!("https://h/{all}"), "")), None);
        let some = advice(&with("https://h/${account-code}", "${resource-id}")).unwrap();
        assert!(some.contains("${resource-type}, ${lifecycle-event}:"), "{some}");
    }
}
