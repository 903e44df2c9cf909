//! What a person would write to declare a SuperOffice webhook that exists (vendors/superoffice.md 6).

use super::{Generation, document::EMAILS, generation};
use crate::api::superoffice::{OnTooManyErrors, State, SuperofficeWebhook};
use crate::api::webhook::Subscription;
use crate::plan::Value;
use crate::vendor::describe::{Reading, quoted};
use litemap::LiteMap;
use serde_json::{Map, Value as Json};

/// The vendor's half of the Webhook, and what people would call it.
pub(in crate::vendor) fn describe(reading: &mut Reading<'_>, raw: &Json) -> Option<(Subscription, String)> {
    let name = name(reading);
    let events = events(reading);
    let kind = reading.text("type");
    let target_url = reading.text("targetUrl");
    let state = state(reading);
    let headers = headers(reading);
    let properties = properties(reading);
    let errors_email = errors_email(reading, raw);
    let secret = secret(reading, raw);
    let (name, kind, target_url) = (name?, kind?, target_url?);
    if kind == "webhook" && !is_https(&target_url) {
        return reading.cannot("targetUrl does not start with https://, which type webhook must");
    }
    let title = name.clone();
    let (state, on_too_many_errors) = state?;
    let described = SuperofficeWebhook {
        name,
        events: events?,
        target_url,
        secret,
        state,
        kind,
        headers: headers?,
        properties: properties?,
        errors_email,
        on_too_many_errors,
    };
    Some((Subscription::Superoffice(described), title))
}

fn name(reading: &mut Reading<'_>) -> Option<String> {
    let name = reading.text("name")?;
    if name.chars().count() > 100 {
        return reading.cannot("name has more than 100 characters");
    }
    Some(name)
}

fn events(reading: &mut Reading<'_>) -> Option<Vec<String>> {
    let value = reading.get("events");
    let events = reading.texts("events", &value)?;
    if events.is_empty() {
        return reading.cannot("it has no event, and a Webhook must have one");
    }
    match events.iter().find(|event| event.contains(',')) {
        Some(event) => reading.cannot(format!("the event {} has a comma in it", quoted(event))),
        None => Some(events),
    }
}

fn is_https(url: &str) -> bool {
    let rest = url.get(..8).filter(|start| start.eq_ignore_ascii_case("https://")).map(|_| &url[8..]);
    url.starts_with("$(") || rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('\n'))
}

/// One that the vendor has stopped by itself is left so: to import is to change nothing (8).
fn state(reading: &mut Reading<'_>) -> Option<(State, OnTooManyErrors)> {
    let state = reading.text("state")?;
    match state.as_str() {
        "Active" => Some((State::Active, OnTooManyErrors::default())),
        "Stopped" => Some((State::Stopped, OnTooManyErrors::default())),
        "TooManyErrors" => Some((State::Active, OnTooManyErrors::Leave)),
        other => reading.cannot(format!("state is {}, neither Active nor Stopped", quoted(other))),
    }
}

fn headers(reading: &mut Reading<'_>) -> Option<LiteMap<String, String>> {
    let value = reading.get("headers");
    let map = reading.members("headers", &value)?;
    reading.distinct(map.keys())?;
    let mut headers = LiteMap::new();
    for (name, value) in &map {
        headers.insert(name.clone(), reading.filled_text(&format!("headers.{name}"), value)?);
    }
    Some(headers)
}

fn properties(reading: &mut Reading<'_>) -> Option<Map<String, Json>> {
    let value = reading.get("properties");
    let map = reading.members("properties", &value)?;
    let member = |(name, value): (&String, &Value)| {
        Some((name.clone(), reading.structure(&format!("properties.{name}"), value)?))
    };
    map.iter().map(member).collect()
}

/// A newer server may tell several people, and a manifest names one (6).
fn errors_email(reading: &mut Reading<'_>, raw: &Json) -> Option<String> {
    if raw.get(EMAILS).and_then(Json::as_array).is_some_and(|all| all.len() > 1) {
        return reading.cannot("several addresses are told of errors, and a Webhook has one errorsEmail");
    }
    let value = reading.get("errorsEmail");
    reading.optional_text("errorsEmail", &value)
}

/// Older servers show the secret or a mask of it, newer ones may show nothing where there is one (6.1). Whoever leaves out
/// one that is there would take it away with the next change.
fn secret(reading: &mut Reading<'_>, raw: &Json) -> Option<String> {
    let shown = raw.get("Secret").is_some_and(|secret| !Value::from(secret.clone()).is_empty());
    match (shown, generation(raw)) {
        (false, Generation::OneErrorsEmail) => None,
        (certain, Generation::OneErrorsEmail | Generation::ErrorEmails) => {
            Some(reading.conceal(&["secret"], "secret".into(), "SIGNING_KEY", certain))
        }
    }
}
