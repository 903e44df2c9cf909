//! Causes of a 422 (vendors/contensis.md §2.6, §3.3, §10.1).

use serde_json::{Value, json};

use super::settings::Settings;
use super::wire::Draft;

/// Resource types with their events: everything that any page or sample of the vendor shows (§3.3).
const EVENTS: &[(&str, &[&str])] = &[
    ("entry", ENTRY),
    ("asset", ENTRY),
    (
        "form",
        &[
            "created",
            "updated",
            "deleted",
            "archived",
            "unarchived",
            "restored",
            "workflowEventRaised",
            "workflowStateChanged",
        ],
    ),
    ("contentType", &["created", "updated", "deleted", "published"]),
    ("component", &["created", "updated", "deleted", "published"]),
    ("node", &["created", "updated", "deleted", "moved", "childOrderChanged"]),
    ("project", &["updated"]),
    ("user", &["created", "updated", "deleted"]),
    ("group", &["created", "updated", "deleted", "userAdded", "userRemoved", "groupAdded", "groupRemoved"]),
    ("comment.entry", &["created", "replied", "updated", "resolved", "reactivated", "deleted"]),
];

const ENTRY: &[&str] = &[
    "created",
    "updated",
    "deleted",
    "published",
    "unpublished",
    "archived",
    "unarchived",
    "restored",
    "workflowEventRaised",
    "workflowStateChanged",
];

/// One item of a validation answer.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    field: String,
    message: String,
}

impl Problem {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// Some clients of the vendor read capital keys, so a server may send them (§2.6).
    pub(crate) fn shown(&self, capital: bool) -> Value {
        if capital {
            json!({"Field": self.field, "Message": self.message})
        } else {
            json!({"field": self.field, "message": self.message})
        }
    }
}

/// Every error in a body of the right JSON types.
pub(crate) fn check(draft: &Draft, settings: &Settings, update: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !named(draft.get("name")) {
        problems.push(Problem::new("name", "A name is required"));
    }
    match draft.text("url").map(str::trim) {
        None | Some("") => problems.push(Problem::new("url", "A URL is required")),
        Some(url) if settings.require_https && !starts_with_https(url) => {
            problems.push(Problem::new("url", "The URL must use https"));
        }
        Some(_) => {}
    }
    if let Some(method) = draft.text("method")
        && (method.is_empty() || !method.bytes().all(|b| b.is_ascii_alphabetic()))
    {
        problems.push(Problem::new("method", "The value is not an HTTP method"));
    }
    if update && draft.get("enabled").is_none() {
        problems.push(Problem::new("enabled", "A value is required"));
    }
    match draft.get("topics").and_then(Value::as_array) {
        None => problems.push(Problem::new("topics", "At least one topic is required")),
        Some(topics) if topics.is_empty() => {
            problems.push(Problem::new("topics", "At least one topic is required"));
        }
        Some(topics) => {
            for (index, topic) in topics.iter().enumerate() {
                problems.extend(topic_problems(index, topic, settings));
            }
        }
    }
    problems
}

fn named(name: Option<&Value>) -> bool {
    match name {
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Object(map)) => map.values().any(|v| v.as_str().is_some_and(|t| !t.trim().is_empty())),
        _ => false,
    }
}

fn starts_with_https(url: &str) -> bool {
    url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
}

fn topic_problems(index: usize, topic: &Value, settings: &Settings) -> Vec<Problem> {
    let field = |name: &str| format!("topics[{index}].{name}");
    let mut problems = Vec::new();
    let kind = topic["resourceType"].as_str().unwrap_or_default();
    if kind.is_empty() {
        return vec![Problem::new(field("resourceType"), "A resource type is required")];
    }
    let events = topic["event"].as_array();
    if events.is_some_and(Vec::is_empty) && !settings.accept_empty_events {
        problems.push(Problem::new(field("event"), "At least one event is required"));
    }
    if settings.lenient_topics {
        return problems;
    }
    let Some((_, known)) = EVENTS.iter().find(|(name, _)| *name == kind) else {
        problems.push(Problem::new(field("resourceType"), format!("{kind} is not a resource type")));
        return problems;
    };
    for event in events.into_iter().flatten().filter_map(Value::as_str) {
        if !known.contains(&event) {
            problems.push(Problem::new(field("event"), format!("{event} is not an event of {kind}")));
        }
    }
    problems
}
