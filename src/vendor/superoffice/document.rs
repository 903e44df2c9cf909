//! SuperOffice's fields (vendors/superoffice.md 6 and 7.3), wire to document and back.

use super::wire;
use crate::plan::{Absent, Document, ExternalId, Field, Observed, Rule, Rules, Value};
use crate::vendor::transport::Answer;
use crate::vendor::{Class, VendorError, receiver};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Events are a set, texts are bytes, and the secret is never compared: some servers show it, some hide it (6.1).
pub const RULES: Rules = Rules {
    fields: &[
        Field::exact("name"),
        Field::exact("events").rule(Rule::Set(&Rule::Exact)),
        Field::exact("targetUrl"),
        Field::exact("secret").rule(Rule::WriteOnly),
        Field::exact("state").absent(Absent::Text("Active")),
        // Whether a save may change it is not known (16, row 17): a new one is sure to be right.
        Field::exact("type").absent(Absent::Text("webhook")).replaces(),
        Field::exact("headers").rule(Rule::Map { ignore_case: true, value: &Rule::Exact }),
        Field::exact("properties"),
        Field::exact("errorsEmail"),
    ],
    natural_key: &["name", "targetUrl"],
};

/// Wire names of the fields, and statistics and links that are the server's alone (6).
const WIRE_NAMES: [(&str, &str); 9] = [
    ("name", "Name"),
    ("events", "Events"),
    ("targetUrl", "TargetUrl"),
    ("secret", "Secret"),
    ("state", "State"),
    ("type", "Type"),
    ("headers", "Headers"),
    ("properties", "Properties"),
    ("errorsEmail", "ErrorsEmail"),
];
const NOT_SENT: &[&str] = &["_Links", "TotalCalls", "TotalErrors", "ConsecutiveErrors", "LastError"];

/// The body of a POST, or of a PUT over `current`, whose members that a manifest cannot name are kept: a save resets
/// what it does not mention (4.5, 7.3).
pub(in crate::vendor) fn body(desired: &Document, current: Option<&Json>) -> Json {
    let mut body: Map<String, Json> = current.and_then(Json::as_object).cloned().unwrap_or_default();
    for name in NOT_SENT {
        body.remove(*name);
    }
    for (field, wire_name) in WIRE_NAMES {
        body.insert(wire_name.into(), desired.get(field).exposed());
    }
    Json::Object(body)
}

/// One webhook as the vendor showed it.
pub(in crate::vendor) fn observed(answer: &Answer, item: Json) -> Result<Observed, VendorError> {
    let parsed: wire::Webhook = serde_json::from_value(item.clone()).map_err(|error| {
        answer.error(Class::Unavailable, format!("a webhook is not what SuperOffice documents ({error})"))
    })?;
    let text = |text: Option<String>| text.map_or(Value::Null, Value::text);
    let events = parsed.events.unwrap_or_default();
    let target = parsed.target_url.unwrap_or_default();
    let summary = format!("{} -> {}", events.join(","), receiver(&target));
    let document = RULES.document(BTreeMap::from([
        ("name", text(parsed.name)),
        ("events", Value::texts(events.iter().map(|event| event.trim()))),
        ("targetUrl", Value::text(target)),
        ("state", parsed.state.map_or(Value::Null, |state| Value::text(state.name()))),
        ("type", text(parsed.r#type)),
        ("headers", json!(parsed.headers).into()),
        ("properties", parsed.properties.unwrap_or_default().into()),
        ("errorsEmail", text(parsed.errors_email)),
    ]));
    let id = ExternalId::new(parsed.id.to_string());
    let mark = Some(saved(&item));
    Ok(Observed { id, document, summary, created: None, mark, raw: item })
}

/// When it was saved last, and by whom (6): seconds are the finest that the vendor tells.
fn saved(item: &Json) -> String {
    let by = item.get("UpdatedAssociate").and_then(|by| by.get("AssociateId")).unwrap_or(&Json::Null);
    format!("{} {by}", item.get("Updated").and_then(Json::as_str).unwrap_or_default())
}
