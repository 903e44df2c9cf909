//! A manifest's half of a Contensis subscription, to the fields of the document and back (vendors/contensis.md 3).

use super::document::TOPIC;
use super::wire::member;
use crate::api::contensis::{ContensisWebhook, Header, Method, Topic};
use crate::api::webhook::Subscription;
use crate::plan::{Members, Value};
use crate::vendor::declared::{Declared, optional, spelled};
use crate::vendor::manifest_builder::{ManifestBuilder, quoted};
use litemap::LiteMap;
use serde_json::{Map, Value as Json};

/// Maps a manifest's members to the fields of `RULES`. A new member is mapped here and gets a row there.
pub(in crate::vendor) fn declared(webhook: &ContensisWebhook) -> Declared {
    let ContensisWebhook { name, description, url, method, enabled, topics, headers, templates } = webhook;
    let headers = headers.iter().map(|(name, header)| (name.clone(), declared_header(header)));
    let templates = templates.iter().map(|(kind, template)| (kind.clone(), template.clone().into()));
    Declared::from([
        ("name", Value::text(name)),
        ("description", optional(description.as_ref())),
        ("url", Value::text(url)),
        ("method", spelled(method)),
        ("enabled", Value::Bool(*enabled)),
        ("topics", Value::List(topics.iter().map(declared_topic).collect())),
        ("headers", Value::Map(headers.collect())),
        ("templates", Value::Map(templates.collect())),
    ])
}

fn declared_topic(topic: &Topic) -> Value {
    let Topic {
        resource_type,
        event,
        content_type_id,
        language,
        owner,
        workflow_event,
        workflow_state,
        id,
        data_format,
    } = topic;
    record([
        ("resourceType", Value::text(resource_type)),
        ("event", Value::texts(event)),
        ("contentTypeId", Value::texts(content_type_id)),
        ("language", Value::texts(language)),
        ("owner", optional(owner.as_ref())),
        ("workflowEvent", Value::texts(workflow_event)),
        ("workflowState", Value::texts(workflow_state)),
        ("id", optional(id.as_ref())),
        ("dataFormat", optional(data_format.as_ref())),
    ])
}

fn declared_header(header: &Header) -> Value {
    let Header { value, secret } = header;
    record([("value", Value::text(value)), ("secret", Value::Bool(*secret))])
}

fn record<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Members>())
}

/// Returns the vendor's half of the Webhook, and a title to make the object's name from.
pub(in crate::vendor) fn describe(
    builder: &mut ManifestBuilder<'_>,
    raw: &Json,
) -> Option<(Subscription, String)> {
    unknown_members(builder, raw);
    let name = builder.text("name");
    let description = builder.get("description");
    let description = builder.optional_text("description", &description);
    let url = builder.text("url");
    let method = method(builder);
    let enabled = builder.get("enabled");
    let enabled = builder.flag("enabled", &enabled);
    let topics = topics(builder);
    let headers = headers(builder);
    let templates = templates(builder);
    let name = name?;
    let title = name.clone();
    let described = ContensisWebhook {
        name,
        description,
        url: url?,
        method: method?,
        enabled: enabled?,
        topics: topics?,
        headers: headers?,
        templates: templates?,
    };
    Some((Subscription::Contensis(described), title))
}

/// Rejects unknown members of topics and headers: an update sends these as declared, so such members would be lost. Other unknown
/// members are kept.
fn unknown_members(builder: &mut ManifestBuilder<'_>, raw: &Json) {
    let Some(map) = raw.as_object() else { return };
    let mut reject = |whose: &str, name: &str| {
        builder
            .reject::<()>(format!("{whose} has the member {}, which a Webhook cannot declare", quoted(name)));
    };
    for topic in member(map, "topics").and_then(Json::as_array).into_iter().flatten() {
        for (name, value) in topic.as_object().into_iter().flatten() {
            if !TOPIC.iter().any(|field| field.name == name) && !Value::from(value.clone()).is_empty() {
                reject("a topic", name);
            }
        }
    }
    for header in member(map, "headers").and_then(Json::as_object).into_iter().flat_map(Map::values) {
        for (name, value) in header.as_object().into_iter().flatten() {
            let known = ["value", "secret"].iter().any(|known| known.eq_ignore_ascii_case(name));
            if !known && !Value::from(value.clone()).is_empty() {
                reject("a header", name);
            }
        }
    }
}

fn method(builder: &mut ManifestBuilder<'_>) -> Option<Method> {
    let method = builder.text("method")?;
    match method.to_ascii_uppercase().as_str() {
        "GET" => Some(Method::Get),
        "POST" => Some(Method::Post),
        "PUT" => Some(Method::Put),
        "PATCH" => Some(Method::Patch),
        "DELETE" => Some(Method::Delete),
        _ => builder.reject(format!("method is {}, not GET, POST, PUT, PATCH or DELETE", quoted(&method))),
    }
}

fn topics(builder: &mut ManifestBuilder<'_>) -> Option<Vec<Topic>> {
    let list = match builder.get("topics") {
        Value::List(list) => list,
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
            return builder.reject("topics is not a list");
        }
    };
    if list.is_empty() {
        return builder.reject("it has no topic, but a Webhook needs one");
    }
    list.iter().enumerate().map(|(at, value)| topic(builder, &format!("topics[{at}]"), value)).collect()
}

fn topic(builder: &mut ManifestBuilder<'_>, path: &str, value: &Value) -> Option<Topic> {
    let map = builder.members(path, value)?;
    let of = |name: &str| (format!("{path}.{name}"), map.get(name).cloned().unwrap_or_default());
    let mut text = |name: &str| {
        let (path, value) = of(name);
        builder.optional_text(&path, &value)
    };
    let (owner, id, data_format) = (text("owner"), text("id"), text("dataFormat"));
    let (path_of_type, resource_type) = of("resourceType");
    let resource_type = builder.filled_text(&path_of_type, &resource_type)?;
    let mut texts = |name: &str| {
        let (path, value) = of(name);
        builder.texts(&path, &value)
    };
    let (event, content_type_id, language) = (texts("event")?, texts("contentTypeId")?, texts("language")?);
    let (workflow_event, workflow_state) = (texts("workflowEvent")?, texts("workflowState")?);
    if event.is_empty() {
        return builder.reject(format!("{path} has no event"));
    }
    Some(Topic {
        resource_type,
        event,
        content_type_id,
        language,
        owner,
        workflow_event,
        workflow_state,
        id,
        data_format,
    })
}

/// Returns the headers, with a variable for the value of each secret one, which the vendor does not return (3.4).
fn headers(builder: &mut ManifestBuilder<'_>) -> Option<LiteMap<String, Header>> {
    let value = builder.get("headers");
    let map = builder.members("headers", &value)?;
    builder.distinct(map.keys())?;
    let mut headers = LiteMap::new();
    for (name, header) in &map {
        let field = format!("headers.{name}");
        let record = builder.members(&field, header)?;
        let secret = record.get("secret") == Some(&Value::Bool(true));
        let value = if secret {
            builder.placeholder(&["headers", name, "value"], field, name, true)
        } else {
            let shown = record.get("value").cloned().unwrap_or_default();
            builder.filled_text(&field, &shown)?
        };
        headers.insert(name.clone(), Header { value, secret });
    }
    Some(headers)
}

fn templates(builder: &mut ManifestBuilder<'_>) -> Option<LiteMap<String, Json>> {
    let value = builder.get("templates");
    let map = builder.members("templates", &value)?;
    let template = |(name, value): (&String, &Value)| {
        Some((name.clone(), builder.structure(&format!("templates.{name}"), value)?))
    };
    map.iter().map(template).collect()
}
