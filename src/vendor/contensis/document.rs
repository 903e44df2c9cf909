//! Contensis' fields (vendors/contensis.md 3 and 4), and conversion between wire and document.

use super::names;
use super::wire::{self, member};
use crate::plan::{Absent, Document, ExternalId, Field, Members, Observed, Rule, Rules, Value};
use crate::vendor::items::parse_item;
use crate::vendor::receiver;
use crate::vendor::transport::Answer;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Names, workflow ids and languages ignore case, lists have no order, templates and addresses compare byte for byte (4).
pub const RULES: Rules = Rules {
    fields: &[
        Field::content("name"),
        Field::content("description"),
        Field::address("url").receiver(),
        Field::word("method").rule(Rule::IgnoreCase).absent(Absent::Text("POST")),
        Field::content("enabled").absent(Absent::Bool(true)).switch(),
        Field::content("topics").rule(Rule::Set(&Rule::Record(TOPIC))),
        Field::header("headers").rule(Rule::Map { ignore_case: true, value: &Rule::SecretValue }),
        Field::content("templates").rule(Rule::Map { ignore_case: false, value: &Rule::Exact }),
    ],
    natural_key: &["name", "url"],
};

pub(super) const TOPIC: &[Field] = &[
    Field::word("resourceType").rule(Rule::IgnoreCase),
    Field::word("event").rule(Rule::Set(&Rule::IgnoreCase)),
    Field::content("contentTypeId").rule(Rule::Set(&Rule::Exact)),
    Field::word("language").rule(Rule::Set(&Rule::IgnoreCase)),
    Field::content("owner"),
    Field::word("workflowEvent").rule(Rule::Set(&Rule::IgnoreCase)),
    Field::word("workflowState").rule(Rule::Set(&Rule::IgnoreCase)),
    Field::content("id").rule(Rule::IgnoreCase),
    Field::word("dataFormat").rule(Rule::IgnoreCase),
];

/// Fields that old servers store as a map by language (0).
const LOCALISED: [&str; 2] = ["name", "description"];

/// Members that are not sent back: those that the server sets, and those of shapes that it no longer accepts (3, 3.6).
const NOT_SENT: &[&str] =
    &["id", "version", "retryPolicy", "invokeUrl", "createdBy", "created", "modifiedBy", "modified"];

/// Returns the body of a POST, or of a PUT over `current`, whose members that a manifest cannot hold are kept. `headers` and
/// `templates` are always sent, null never is, and a PUT has to name the version that it is based on (2.3, 4).
pub(in crate::vendor) fn body(desired: &Document, current: Option<&Json>, language: Option<&str>) -> Json {
    let mut body = current.and_then(Json::as_object).cloned().unwrap_or_default();
    body.retain(|name, value| {
        let ours = RULES.fields.iter().any(|field| field.name.eq_ignore_ascii_case(name));
        let not_sent = NOT_SENT.iter().any(|other| other.eq_ignore_ascii_case(name));
        !(ours || not_sent || value.is_null())
    });
    body.entry("ui").or_insert(Json::Bool(false));
    for name in ["headers", "templates"] {
        body.insert(name.into(), json!({}));
    }
    for (name, value) in desired.iter() {
        body.insert(name.into(), value.expose());
    }
    if let Some(language) = language {
        for name in LOCALISED.map(str::to_owned) {
            let shown = current.and_then(Json::as_object).and_then(|current| member(current, &name));
            let merged = names::merged(shown, language, body.remove(&name));
            body.extend(merged.map(|merged| (name, merged)));
        }
    }
    if let Some(version) = current.and_then(wire::version_no) {
        body.insert("version".into(), json!({ "versionNo": version }));
    }
    Json::Object(body)
}

/// Reads one subscription in any of the documented shapes. An error says what is wrong with its shape.
pub(in crate::vendor) fn observed(
    answer: &Answer,
    raw: &RawValue,
    language: Option<&str>,
) -> Result<Observed, String> {
    let item: Json = parse_item(raw.get())?;
    let map = item.as_object().ok_or("it is not an object")?;
    let id = ExternalId::new(wire::id(&item).ok_or("it has no id")?).map_err(|error| error.to_string())?;
    let get = |name: &str| member(map, name).unwrap_or(&Json::Null);
    let url = match get("url") {
        Json::Null => get("invokeUrl"),
        url => url,
    };
    let name = names::name(get("name"), language);
    let topics = get("topics").as_array().map(|all| all.iter().map(topic).collect()).unwrap_or_default();
    let summary =
        format!("{} -> {}", name.as_str().unwrap_or_default(), receiver(url.as_str().unwrap_or_default()));
    let document = RULES.document(BTreeMap::from([
        ("name", name.into()),
        ("description", names::description(get("description"), language).into()),
        ("url", url.clone().into()),
        ("method", get("method").clone().into()),
        ("enabled", get("enabled").clone().into()),
        ("topics", Value::List(topics)),
        ("headers", headers(get("headers"))),
        ("templates", get("templates").clone().into()),
    ]));
    let created = member(map, "version")
        .and_then(Json::as_object)
        .and_then(|version| member(version, "created"))
        .and_then(Json::as_str)
        .map(str::to_owned);
    let remote_version = wire::version_no(&item).map(str::to_owned);
    let raw = Some(answer.part(raw));
    Ok(Observed { id, document, summary, created, remote_version, delivery: None, raw })
}

/// Reads a topic. Old shapes, and the vendor's newest page, have a single text in place of a list (3.2).
fn topic(topic: &Json) -> Value {
    let mut map = topic.as_object().cloned().unwrap_or_default();
    for field in TOPIC.iter().filter(|field| matches!(field.rule, Rule::Set(_))) {
        let single = |value: &&mut Json| value.as_str().is_some_and(|text| !text.is_empty());
        if let Some(value) = map.get_mut(field.name).filter(single) {
            *value = json!([value.take()]);
        }
    }
    Json::Object(map).into()
}

/// Reads the headers. The value of a secret header is a mask or missing (3.4). A header without a value is ignored.
fn headers(headers: &Json) -> Value {
    let none = Map::new();
    let headers = headers.as_object().unwrap_or(&none).iter().filter_map(|(name, header)| {
        let header = header.as_object()?;
        let secret = member(header, "secret").and_then(Json::as_bool).unwrap_or_default();
        let value = member(header, "value").filter(|value| !secret && !value.is_null());
        if !secret && value.is_none_or(|value| value.as_str() == Some("")) {
            return None;
        }
        let mut shown = Members::from_iter([("secret".to_owned(), Value::Bool(secret))]);
        if let Some(value) = value {
            shown.insert("value".into(), value.clone().into());
        }
        Some((name.clone(), Value::Map(shown)))
    });
    Value::Map(headers.collect())
}
