//! SuperOffice's fields (vendors/superoffice.md 6 and 7.3), wire to document and back.

use super::{Generation, wire};
use crate::plan::{Absent, Delivery, Document, ExternalId, Field, Observed, Rule, Rules, Value};
use crate::vendor::transport::Answer;
use crate::vendor::{Class, VendorError, receiver};
use reqwest::header::HeaderName;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Events are a set, texts are bytes, and the secret is never compared: some servers show it, some hide it (6.1).
pub const RULES: Rules = Rules {
    fields: &[
        Field::exact("name"),
        Field::exact("events").rule(Rule::Set(&Rule::Exact)),
        Field::exact("targetUrl"),
        Field::exact("secret").rule(Rule::WriteOnly),
        Field::exact("state")
            .rule(Rule::Switch { on: "Active", halted: "TooManyErrors" })
            .absent(Absent::Text("Active")),
        // Whether a save may change it is not known (16, row 17): a new one is sure to be right.
        Field::exact("type").absent(Absent::Text("webhook")).replaces(),
        Field::exact("headers").rule(Rule::Map { ignore_case: true, value: &Rule::Exact }),
        Field::exact("properties"),
        Field::exact("errorsEmail"),
    ],
    natural_key: &["name", "targetUrl"],
};

/// Wire names of the fields that every server has, and statistics and links that are the server's alone (6).
const WIRE_NAMES: [(&str, &str); 8] = [
    ("name", "Name"),
    ("events", "Events"),
    ("targetUrl", "TargetUrl"),
    ("secret", "Secret"),
    ("state", "State"),
    ("type", "Type"),
    ("headers", "Headers"),
    ("properties", "Properties"),
];
/// The address that is told of errors: one in the older member, a list in the newer one (6).
const ONE_EMAIL: &str = "ErrorsEmail";
pub(super) const EMAILS: &str = "ErrorEmails";
/// All events are kept in one text of this length (6).
const LONGEST_EVENTS: usize = 4000;
const NOT_SENT: &[&str] = &["_Links", "TotalCalls", "TotalErrors", "ConsecutiveErrors", "LastError"];

/// The body of a POST, or of a PUT over `current`, whose members that a manifest cannot name are kept: a save resets
/// what it does not mention (4.5, 7.3).
pub(in crate::vendor) fn body(desired: &Document, current: Option<&Json>, generation: Generation) -> Json {
    let mut body: Map<String, Json> = current.and_then(Json::as_object).cloned().unwrap_or_default();
    for name in NOT_SENT {
        body.remove(*name);
    }
    for (field, wire_name) in WIRE_NAMES {
        body.insert(wire_name.into(), desired.get(field).exposed());
    }
    let email = desired.get("errorsEmail").exposed();
    // Only one of the two, so that the server need not choose (16, row 14).
    match generation {
        Generation::OneErrorsEmail => body.insert(ONE_EMAIL.into(), email),
        Generation::ErrorEmails => {
            body.remove(ONE_EMAIL);
            body.insert(EMAILS.into(), if email.is_null() { json!([]) } else { json!([email]) })
        }
    };
    Json::Object(body)
}

/// The generation of a server that shows this.
pub(in crate::vendor) fn generation(item: &Json) -> Generation {
    if item.get(EMAILS).is_some() { Generation::ErrorEmails } else { Generation::OneErrorsEmail }
}

/// What is likely to be refused, or lost on the way to the receiver: header names that no request can carry, or that are
/// the sender's own (16, row 22), and more events than the vendor stores (6).
pub(crate) fn advice(desired: &Document) -> Option<String> {
    if let Value::Map(headers) = desired.get("headers") {
        for name in headers.keys() {
            let lower = name.to_lowercase();
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Some(format!(
                    "{name:?} cannot be the name of a header; SuperOffice is likely to refuse it"
                ));
            }
            let own = ["host", "connection"].contains(&lower.as_str())
                || ["content-", "x-superoffice-"].iter().any(|start| lower.starts_with(start));
            if own {
                return Some(format!("SuperOffice sets the header {name} itself; choose another name"));
            }
        }
    }
    let Value::List(events) = desired.get("events") else { return None };
    let length: usize = events.iter().map(|event| event.exposed().as_str().map_or(0, str::len) + 1).sum();
    (length > LONGEST_EVENTS).then(|| {
        format!("the events are {length} characters long together, and SuperOffice keeps {LONGEST_EVENTS}; make two Webhooks of it")
    })
}

/// One webhook as the vendor showed it.
pub(in crate::vendor) fn observed(answer: &Answer, item: &RawValue) -> Result<Observed, VendorError> {
    let parsed: wire::Webhook = serde_json::from_str(item.get()).map_err(|error| {
        answer.error(Class::Unavailable, format!("a webhook is not what SuperOffice documents ({error})"))
    })?;
    let text = |text: Option<String>| text.map_or(Value::Null, Value::text);
    let events = parsed.events.unwrap_or_default();
    let target = parsed.target_url.unwrap_or_default();
    let summary = format!("{} -> {}", events.join(","), receiver(&target));
    let state = parsed.state.map(|state| state.name());
    // A server that has the newer member shows in it what was sent in either (16, row 14).
    let emails = parsed.error_emails.unwrap_or_default();
    let email = if emails.is_empty() { parsed.errors_email } else { Some(emails.join(", ")) };
    let document = RULES.document(BTreeMap::from([
        ("name", text(parsed.name)),
        ("events", Value::texts(events.iter().map(|event| event.trim()))),
        ("targetUrl", Value::text(target)),
        ("state", state.clone().map_or(Value::Null, Value::text)),
        ("type", text(parsed.r#type)),
        ("headers", json!(parsed.headers).into()),
        ("properties", parsed.properties.unwrap_or_default().into()),
        ("errorsEmail", text(email)),
    ]));
    let id = ExternalId::new(parsed.id.to_string());
    let mark = Some(saved(&parsed.rest));
    let delivery = state.as_deref().and_then(delivery);
    Ok(Observed { id, document, summary, created: None, mark, delivery, raw: Some(answer.part(item)) })
}

/// Whether it delivers (8).
fn delivery(state: &str) -> Option<Delivery> {
    match state {
        "Active" => Some(Delivery::On),
        "Stopped" => Some(Delivery::Off),
        "TooManyErrors" => Some(Delivery::Halted),
        _ => None,
    }
}

/// When it was saved last, and by whom (6): seconds are the finest that the vendor tells.
fn saved(item: &Map<String, Json>) -> String {
    let by = item.get("UpdatedAssociate").and_then(|by| by.get("AssociateId")).unwrap_or(&Json::Null);
    format!("{} {by}", item.get("Updated").and_then(Json::as_str).unwrap_or_default())
}
