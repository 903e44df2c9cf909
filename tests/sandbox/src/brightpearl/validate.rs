//! Checks of the service before it stores a webhook: all problems are reported together (vendors/brightpearl.md §4, §8.2, §9.6).

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::settings::Settings;
use crate::exchange::Call;

/// Codes for most field problems are not known; this one stands for all of them.
const FIELD: &str = "INTC-050";

/// In the order of a recording; the last one was never seen missing (§4.3).
const VARIABLES: [&str; 4] = ["${lifecycle-event}", "${account-code}", "${resource-type}", "${resource-id}"];

/// Events seen in documents or in recordings (§5.3). A prefix of one of these counts too (§5.2).
const EVENTS: &[&str] = &[
    "drop-ship-note.created",
    "drop-ship-note.destroyed",
    "drop-ship-note.modified.shipped",
    "goods-in-note.created",
    "quarantine-release.created",
    "goods-out-note.created",
    "goods-out-note.destroyed",
    "goods-out-note.modified.printed",
    "goods-out-note.modified.picked",
    "goods-out-note.modified.packed",
    "goods-out-note.modified.shipped",
    "goods-out-note.modified.un-printed",
    "goods-out-note.modified.un-picked",
    "goods-out-note.modified.un-packed",
    "order.modified.fully-shipped",
    "order.modified.order-status",
    "sales-order.created",
    "product.created",
    "product.destroyed",
    "product.modified.on-hand-modified",
];

/// A refusal: one status, one or more (code, message).
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) problems: Vec<(String, String)>,
}

/// The members to store: only known ones, unset ones left out (§2.2).
pub(crate) fn webhook(call: &Call, settings: &Settings) -> Result<Map<String, Value>, Refused> {
    let body = call.json().map_err(|_| {
        one(
            StatusCode::BAD_REQUEST,
            "CMNC-010",
            "The request body is missing or is not valid JSON".to_owned(),
        )
    })?;
    let draft = Draft::read(&body).map_err(|what| {
        let status =
            StatusCode::from_u16(settings.wrong_type_status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        one(status, "CMNU-003", format!("Internal server error: {what}"))
    })?;
    let problems = draft.problems(settings);
    if problems.is_empty() {
        Ok(draft.members(settings))
    } else {
        let problems = problems.into_iter().map(|(code, message)| (code.to_owned(), message)).collect();
        Err(Refused { status: StatusCode::BAD_REQUEST, problems })
    }
}

fn one(status: StatusCode, code: &str, message: String) -> Refused {
    Refused { status, problems: vec![(code.to_owned(), message)] }
}

/// The seven fields as sent; `null` counts as unset.
#[derive(Debug, Default)]
struct Draft {
    subscribe_to: Option<String>,
    http_method: Option<String>,
    uri_template: Option<String>,
    body_template: Option<String>,
    content_type: Option<String>,
    id_set_accepted: Option<bool>,
    quality_of_service: Option<i64>,
}

impl Draft {
    /// Fails on a JSON value of the wrong type.
    fn read(body: &Value) -> Result<Self, &'static str> {
        let members = body.as_object().ok_or("the body")?;
        let given = |name: &str| members.get(name).filter(|value| !value.is_null());
        let text = |name: &'static str| -> Result<Option<String>, &'static str> {
            given(name).map(|v| v.as_str().map(str::to_owned).ok_or(name)).transpose()
        };
        Ok(Self {
            subscribe_to: text("subscribeTo")?,
            http_method: text("httpMethod")?,
            uri_template: text("uriTemplate")?,
            body_template: text("bodyTemplate")?,
            content_type: text("contentType")?,
            id_set_accepted: given("idSetAccepted")
                .map(|v| v.as_bool().ok_or("idSetAccepted"))
                .transpose()?,
            quality_of_service: given("qualityOfService")
                .map(|v| v.as_i64().ok_or("qualityOfService"))
                .transpose()?,
        })
    }

    fn has_body(&self) -> bool {
        matches!(self.http_method.as_deref(), Some("POST" | "PUT"))
    }

    fn problems(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let mut require = |name: &str, value: &Option<String>| {
            if value.as_deref().is_none_or(|text| text.trim().is_empty()) {
                found.push((FIELD, format!("{name} is required")));
            }
        };
        require("subscribeTo", &self.subscribe_to);
        require("httpMethod", &self.http_method);
        require("uriTemplate", &self.uri_template);
        if self.has_body() {
            require("bodyTemplate", &self.body_template);
            require("contentType", &self.content_type);
        }
        if let Some(method) = filled(self.http_method.as_ref())
            && !matches!(method, "GET" | "POST" | "PUT" | "DELETE")
        {
            found.push((FIELD, format!("{method} is not one of GET, POST, PUT and DELETE")));
        }
        if let Some(uri) = filled(self.uri_template.as_ref())
            && !is_absolute(uri)
        {
            found.push((FIELD, format!("{uri} is not an absolute URI")));
        }
        if let Some(level) = self.quality_of_service
            && !matches!(level, 0 | 1)
        {
            found.push((FIELD, format!("{level} is not a quality of service; use 0 or 1")));
        }
        if settings.require_variables {
            found.extend(self.missing_variables());
        }
        if let Some(event) = filled(self.subscribe_to.as_ref()) {
            found.extend(event_problem(event, settings));
        }
        found
    }

    /// The body is checked only where one is sent; with an unknown method it is not.
    fn missing_variables(&self) -> Vec<(&'static str, String)> {
        let Some(uri) = filled(self.uri_template.as_ref()) else {
            return Vec::new();
        };
        let body = if self.has_body() { self.body_template.as_deref().unwrap_or_default() } else { "" };
        VARIABLES
            .into_iter()
            .filter(|variable| !uri.contains(variable) && !body.contains(variable))
            .map(|variable| {
                let text = format!(
                    "{variable} must be in the URI template or, for POST and PUT, in the body template"
                );
                ("INTC-057", text)
            })
            .collect()
    }

    fn members(self, settings: &Settings) -> Map<String, Value> {
        let has_body = self.has_body();
        let mut members = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        };
        put("subscribeTo", self.subscribe_to.map(Value::from));
        put("httpMethod", self.http_method.map(Value::from));
        put("uriTemplate", self.uri_template.map(Value::from));
        // Accepted and dropped where no body is sent (§4.1).
        put("bodyTemplate", self.body_template.filter(|_| has_body).map(Value::from));
        put("contentType", self.content_type.filter(|_| has_body).map(Value::from));
        let set = self.id_set_accepted.or((!settings.omit_unset_id_set_accepted).then_some(false));
        put("idSetAccepted", set.map(Value::from));
        let level = self.quality_of_service.or((!settings.omit_unset_quality_of_service).then_some(0));
        put("qualityOfService", level.map(Value::from));
        members
    }
}

fn filled(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|text| !text.trim().is_empty())
}

/// A scheme and something after it; templates allow no further check.
fn is_absolute(uri: &str) -> bool {
    uri.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            && !rest.is_empty()
            && !rest.starts_with('/')
    })
}

/// Unknown resources and events are `INTC-064`, a wrong lifecycle of a known resource is `INTC-062` (§8.2).
fn event_problem(event: &str, settings: &Settings) -> Option<(&'static str, String)> {
    let known = EVENTS.iter().copied().chain(settings.extra_events.iter().map(String::as_str));
    let matches =
        |name: &str| name == event || name.strip_prefix(event).is_some_and(|rest| rest.starts_with('.'));
    if settings.lenient_events || known.clone().any(matches) {
        return None;
    }
    let mut parts = event.split('.');
    let resource = parts.next().unwrap_or_default();
    let lifecycle = parts.next();
    let resource_known = known.clone().any(|name| name.split('.').next() == Some(resource));
    match lifecycle {
        // A page of the vendor's shows product.deleted; a recording refuses another word for it (§5.3).
        Some("deleted") if resource_known => None,
        Some(word) if resource_known && !matches!(word, "created" | "modified" | "destroyed") => {
            Some(("INTC-062", format!("{word} is not a valid lifecycle event")))
        }
        _ => Some(("INTC-064", format!("{event} does not exist or cannot be subscribed to"))),
    }
}
