//! A manifest's half of a SuperOffice webhook, to the fields of the document and back (vendors/superoffice.md 6).

use super::document::default_notification;
use super::{Generation, generation};
use crate::api::superoffice::{NotifyVia, NotifyWhen, OnTooManyErrors, State, SuperofficeWebhook};
use crate::api::webhook::Subscription;
use crate::plan::Value;
use crate::vendor::declared::{Declared, optional, spelled};
use crate::vendor::manifest_builder::{ManifestBuilder, quoted};
use litemap::LiteMap;
use serde_json::{Map, Value as Json};

/// Maps a manifest's members to the fields of `RULES`, with the default notification filled in. A new member is mapped here and
/// gets a row there.
pub(in crate::vendor) fn declared(webhook: &SuperofficeWebhook) -> Declared {
    let SuperofficeWebhook {
        name,
        events,
        target_url,
        secret,
        state,
        kind,
        headers,
        properties,
        description,
        errors_email,
        error_emails,
        notify_via,
        notify_when,
        // It says what hooktender does, and is not stored at the vendor.
        on_too_many_errors: _,
    } = webhook;
    let emails = errors_email.iter().chain(error_emails.iter().flatten());
    let emails: Vec<_> = emails.filter(|email| !email.is_empty()).collect();
    let (via, when) = default_notification(!emails.is_empty());
    let headers = headers.iter().map(|(name, value)| (name.clone(), Value::text(value)));
    Declared::from([
        ("name", optional(name.as_ref())),
        ("events", Value::texts(events)),
        ("targetUrl", Value::text(target_url)),
        ("secret", optional(secret.as_ref())),
        ("state", spelled(state)),
        ("type", Value::text(kind)),
        ("headers", Value::Map(headers.collect())),
        ("properties", Json::Object(properties.clone()).into()),
        ("description", optional(description.as_ref())),
        ("errorEmails", Value::texts(emails)),
        ("notifyVia", notify_via.as_ref().map_or_else(|| Value::texts(via.iter().copied()), spelled)),
        ("notifyWhen", notify_when.as_ref().map_or_else(|| Value::texts(when.iter().copied()), spelled)),
    ])
}

/// Returns the vendor's half of the Webhook, and a title to make the object's name from.
pub(in crate::vendor) fn describe(
    builder: &mut ManifestBuilder<'_>,
    raw: &Json,
) -> Option<(Subscription, String)> {
    let name = optional_text(builder, "name", 400);
    let events = events(builder);
    let kind = builder.text("type");
    let target_url = builder.text("targetUrl");
    let state = state(builder);
    let headers = headers(builder);
    let properties = properties(builder);
    let description = optional_text(builder, "description", 4000);
    let notification = notification(builder);
    let secret = secret(builder, raw);
    let (events, kind, target_url) = (events?, kind?, target_url?);
    if kind == "webhook" && !is_address(&target_url) {
        return builder.reject("targetUrl of type webhook starts with neither https:// nor http://");
    }
    let title = name.clone().or_else(|| events.first().cloned()).unwrap_or_default();
    let (state, on_too_many_errors) = state?;
    let Notification { errors_email, error_emails, notify_via, notify_when } = notification;
    let described = SuperofficeWebhook {
        name,
        events,
        target_url,
        secret,
        state,
        kind,
        headers: headers?,
        properties: properties?,
        description,
        errors_email,
        error_emails,
        notify_via,
        notify_when,
        on_too_many_errors,
    };
    Some((Subscription::Superoffice(described), title))
}

/// Returns a text that may be absent.
fn optional_text(builder: &mut ManifestBuilder<'_>, field: &str, longest: usize) -> Option<String> {
    let value = builder.get(field);
    let text = builder.optional_text(field, &value)?;
    if text.chars().count() > longest {
        return builder.reject(format!("{field} has more than {longest} characters"));
    }
    Some(text)
}

fn events(builder: &mut ManifestBuilder<'_>) -> Option<Vec<String>> {
    let value = builder.get("events");
    let events = builder.texts("events", &value)?;
    if events.is_empty() {
        return builder.reject("it has no event, but a Webhook needs one");
    }
    match events.iter().find(|event| event.contains(',')) {
        Some(event) => builder.reject(format!("the event {} contains a comma", quoted(event))),
        None => Some(events),
    }
}

/// Whether the CRD accepts it as an address. The server has accepted one without https.
fn is_address(url: &str) -> bool {
    let after = |scheme: &str| {
        let start = url.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme));
        start.is_some_and(|start| url[start.len()..].starts_with(|first| first != '\n'))
    };
    url.starts_with("$(") || after("https://") || after("http://")
}

/// Returns the state. A webhook that the vendor disabled stays so, as an import changes nothing (8).
fn state(builder: &mut ManifestBuilder<'_>) -> Option<(State, OnTooManyErrors)> {
    let state = builder.text("state")?;
    match state.as_str() {
        "Active" => Some((State::Active, OnTooManyErrors::default())),
        "Stopped" => Some((State::Stopped, OnTooManyErrors::default())),
        "TooManyErrors" => Some((State::Active, OnTooManyErrors::Leave)),
        other => builder.reject(format!("state is {}, neither Active nor Stopped", quoted(other))),
    }
}

fn headers(builder: &mut ManifestBuilder<'_>) -> Option<LiteMap<String, String>> {
    let value = builder.get("headers");
    let map = builder.members("headers", &value)?;
    builder.distinct(map.keys())?;
    let mut headers = LiteMap::new();
    for (name, value) in &map {
        headers.insert(name.clone(), builder.filled_text(&format!("headers.{name}"), value)?);
    }
    Some(headers)
}

fn properties(builder: &mut ManifestBuilder<'_>) -> Option<Map<String, Json>> {
    let value = builder.get("properties");
    let map = builder.members("properties", &value)?;
    let member = |(name, value): (&String, &Value)| {
        Some((name.clone(), builder.structure(&format!("properties.{name}"), value)?))
    };
    map.iter().map(member).collect()
}

/// Whom to notify of errors, how and when.
struct Notification {
    errors_email: Option<String>,
    error_emails: Option<Vec<String>>,
    notify_via: Option<Vec<NotifyVia>>,
    notify_when: Option<Vec<NotifyWhen>>,
}

/// Returns the notification: one address goes into the shorter field, and defaults are left out.
fn notification(builder: &mut ManifestBuilder<'_>) -> Notification {
    let value = builder.get("errorEmails");
    let mut emails = builder.texts("errorEmails", &value).unwrap_or_default();
    let (via, when) = default_notification(!emails.is_empty());
    let notify_via = flags(builder, "notifyVia", via, |flag| match flag {
        "Email" => Some(NotifyVia::Email),
        "InApp" => Some(NotifyVia::InApp),
        _ => None,
    });
    let notify_when = flags(builder, "notifyWhen", when, |flag| match flag {
        "FirstFailure" => Some(NotifyWhen::FirstFailure),
        "Disabling" => Some(NotifyWhen::Disabling),
        _ => None,
    });
    let errors_email = if emails.len() == 1 { emails.pop() } else { None };
    let error_emails = (!emails.is_empty()).then_some(emails);
    Notification { errors_email, error_emails, notify_via, notify_when }
}

/// Returns a set of flags, unless it is the default.
fn flags<T>(
    builder: &mut ManifestBuilder<'_>,
    field: &str,
    default: &[&str],
    flag: impl Fn(&str) -> Option<T>,
) -> Option<Vec<T>> {
    let value = builder.get(field);
    let names = builder.texts(field, &value)?;
    if names == default {
        return None;
    }
    let flags: Option<Vec<_>> = names.iter().map(|name| flag(name)).collect();
    flags.or_else(|| {
        let names = quoted(&names.join(", "));
        builder.reject(format!("{field} has a value that a Webhook cannot declare: {names}"))
    })
}

/// Returns a variable for a secret that exists or may exist: older servers return it or a mask of it, newer ones may return
/// nothing (6.1). A manifest without it would remove it with the next update.
fn secret(builder: &mut ManifestBuilder<'_>, raw: &Json) -> Option<String> {
    let shown = raw.get("Secret").is_some_and(|secret| !Value::from(secret.clone()).is_empty());
    match (shown, generation(raw)) {
        (false, Generation::OneErrorsEmail) => None,
        (certain, Generation::OneErrorsEmail | Generation::ErrorEmails) => {
            Some(builder.placeholder(&["secret"], "secret".into(), "SIGNING_KEY", certain))
        }
    }
}
