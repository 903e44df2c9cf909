//! SuperOffice's fields (vendors/superoffice.md 6 and 7.3), and conversion between wire and document.

use super::{Generation, wire};
use crate::api::superoffice::SuperofficeAccount;
use crate::plan::{Absent, Delivery, Document, ExternalId, Field, Observed, Rule, Rules, Value};
use crate::vendor::items::parse_item;
use crate::vendor::receiver;
use crate::vendor::transport::Answer;
use reqwest::header::HeaderName;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Events are a set, texts compare byte for byte, and the secret is not compared: some servers return it, some do not (6.1).
pub const RULES: Rules = Rules {
    fields: &[
        Field::content("name"),
        Field::word("events").rule(Rule::Set(&Rule::Exact)),
        Field::address("targetUrl").receiver(),
        Field::signing_key("secret").rule(Rule::WriteOnly),
        Field::word("state")
            .rule(Rule::EnabledState { enabled: "Active", disabled_by_vendor: "TooManyErrors" })
            .absent(Absent::Text("Active"))
            .switch(),
        // It is not known whether a save can change it (16, row 17).
        Field::word("type").absent(Absent::Text("webhook")).replaces(),
        Field::header("headers").rule(Rule::Map { ignore_case: true, value: &Rule::Exact }),
        Field::content("properties"),
        Field::content("description"),
        Field::address("errorEmails").rule(Rule::Set(&Rule::Exact)),
        Field::word("notifyVia").rule(Rule::Set(&Rule::Exact)),
        Field::word("notifyWhen").rule(Rule::Set(&Rule::Exact)),
    ],
    natural_key: &["name", "targetUrl"],
};

/// Wire names of the fields that every server has (6).
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
/// Members for the notification of errors. Older servers have one address, newer ones a list and the members below (6).
const ONE_EMAIL: &str = "ErrorsEmail";
const EMAILS: &str = "ErrorEmails";
const DESCRIPTION: &str = "Description";
const NOTIFY_VIA: &str = "NotifyVia";
const NOTIFY_WHEN: &str = "NotifyWhen";
/// Fields that need a server of 12.0, at least for some values.
const NEWER: [&str; 4] = ["description", "errorEmails", "notifyVia", "notifyWhen"];
/// Length of the one text that stores all events (6).
const LONGEST_EVENTS: usize = 4000;
/// Maximum length of a name in the admin screens (6).
const LONGEST_NAME_ON_SCREEN: usize = 100;
/// Statistics and links, which only the server sets (6).
const NOT_SENT: &[&str] = &["_Links", "TotalCalls", "TotalErrors", "ConsecutiveErrors", "LastError"];

/// Returns the body of a POST, or of a PUT over `current`, whose members that a manifest cannot hold are kept: a save resets
/// members that it lacks (4.5, 7.3).
pub(in crate::vendor) fn body(desired: &Document, current: Option<&Json>, generation: Generation) -> Json {
    let mut body: Map<String, Json> = current.and_then(Json::as_object).cloned().unwrap_or_default();
    for name in NOT_SENT {
        body.remove(*name);
    }
    for (field, wire_name) in WIRE_NAMES {
        body.insert(wire_name.into(), desired.get(field).expose());
    }
    let mut emails = texts(desired.get("errorEmails"));
    // Only one of the two members, as it is not known which one the server prefers (16, row 14).
    match generation {
        Generation::OneErrorsEmail => {
            body.insert(ONE_EMAIL.into(), emails.pop().into());
        }
        Generation::ErrorEmails => {
            body.remove(ONE_EMAIL);
            body.insert(EMAILS.into(), emails.into());
            body.insert(DESCRIPTION.into(), desired.get("description").expose());
            body.insert(NOTIFY_VIA.into(), flags(desired.get("notifyVia")));
            body.insert(NOTIFY_WHEN.into(), flags(desired.get("notifyWhen")));
        }
    }
    Json::Object(body)
}

/// Returns the texts of a list, secrets included.
fn texts(value: &Value) -> Vec<String> {
    let Value::List(list) = value else { return Vec::new() };
    list.iter().filter_map(|one| one.expose().as_str().map(str::to_owned)).collect()
}

/// Returns a set of flags as the server accepts it: the names in one text, `None` for no flag (6).
fn flags(value: &Value) -> Json {
    let names = texts(value);
    if names.is_empty() { "None".into() } else { names.join(", ").into() }
}

/// Returns the generation of the server that returned this webhook.
pub(in crate::vendor) fn generation(item: &Json) -> Generation {
    if item.get(EMAILS).is_some() { Generation::ErrorEmails } else { Generation::OneErrorsEmail }
}

/// Whether the body depends on the server's generation.
pub(super) fn needs_generation(desired: &Document) -> bool {
    NEWER.iter().any(|field| !desired.get(field).is_empty())
}

/// Returns why a server of that generation cannot store what is declared. An older one notifies its one address by e-mail when it
/// disables the webhook, and has no other notification (6).
pub(super) fn unsupported(desired: &Document, generation: Generation) -> Option<String> {
    if generation == Generation::ErrorEmails {
        return None;
    }
    let emails = texts(desired.get("errorEmails"));
    let (via, when) = default_notification(!emails.is_empty());
    let missing = [
        ("description", !desired.get("description").is_empty()),
        ("a second address in errorEmails", emails.len() > 1),
        ("this notifyVia", texts(desired.get("notifyVia")) != via),
        ("this notifyWhen", texts(desired.get("notifyWhen")) != when),
    ];
    let missing: Vec<_> = missing.iter().filter(|(_, missing)| *missing).map(|(name, _)| *name).collect();
    (!missing.is_empty()).then(|| {
        format!(
            "the server is older than SuperOffice 12.0 and cannot store {}; remove it, or upgrade the server",
            missing.join(", ")
        )
    })
}

/// Returns the defaults of `notifyVia` and `notifyWhen`: with an address, what `errorsEmail` means on older servers, otherwise
/// nothing. Servers of 12.0 notify nobody if an address has no channel and occasion (6).
pub(super) fn default_notification(has_email: bool) -> (&'static [&'static str], &'static [&'static str]) {
    if has_email { (&["Email"], &["Disabling"]) } else { (&[], &[]) }
}

/// Returns why a tenant online refuses what is declared. On-site a setting of the server decides (3.3).
pub(in crate::vendor) fn refusal(account: &SuperofficeAccount, desired: &Document) -> Option<String> {
    (account.online.is_some() && is_plain_http(desired)).then(|| {
        "targetUrl of type webhook must start with https:// for an account online: http:// is possible on-site only".into()
    })
}

/// Whether deliveries go to an address without https.
fn is_plain_http(desired: &Document) -> bool {
    let target = desired.get("targetUrl").expose();
    let starts_with_https =
        |url: &str| url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
    desired.get("type").is_text("webhook") && !target.as_str().is_some_and(starts_with_https)
}

/// Warns about what the server is likely to refuse or to lose: an address without https (3.3), header names that are not valid or
/// that the sender sets itself (16, row 22), more events than it stores, and a name that is too long for its screens (6).
pub(crate) fn advice(desired: &Document) -> Option<String> {
    if is_plain_http(desired) {
        return Some(
            "targetUrl is not https: SuperOffice refuses it unless RequireHttps is off in the server's configuration, and deliveries are not encrypted"
                .into(),
        );
    }
    if let Some(advice) = header_advice(desired) {
        return Some(advice);
    }
    let length: usize = texts(desired.get("events")).iter().map(|event| event.len() + 1).sum();
    if length > LONGEST_EVENTS {
        return Some(format!(
            "the events have {length} characters in total, but SuperOffice stores at most {LONGEST_EVENTS}: split them into two Webhooks"
        ));
    }
    let length = desired.get("name").expose().as_str().map_or(0, |name| name.chars().count());
    (length > LONGEST_NAME_ON_SCREEN).then(|| {
        format!("name has {length} characters, but SuperOffice's screens allow only {LONGEST_NAME_ON_SCREEN}: an administrator cannot save the webhook there")
    })
}

fn header_advice(desired: &Document) -> Option<String> {
    let Value::Map(headers) = desired.get("headers") else { return None };
    for name in headers.keys() {
        let lower = name.to_lowercase();
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Some(format!(
                "{name:?} is not a valid name of a header: change it, because SuperOffice probably refuses it"
            ));
        }
        let own = ["host", "connection"].contains(&lower.as_str())
            || ["content-", "x-superoffice-"].iter().any(|start| lower.starts_with(start));
        if own {
            return Some(format!("SuperOffice sets the header {name} itself; choose another name"));
        }
    }
    None
}

/// Reads one webhook. An error says what is wrong with its shape.
pub(in crate::vendor) fn observed(answer: &Answer, item: &RawValue) -> Result<Observed, String> {
    let parsed: wire::Webhook = parse_item(item.get())?;
    let text = |text: Option<String>| text.map_or(Value::Null, Value::text);
    let events = parsed.events.unwrap_or_default();
    let target = parsed.target_url.unwrap_or_default();
    let summary = format!("{} -> {}", events.join(","), receiver(&target));
    let state = parsed.state.map(|state| state.name());
    let (is_newer, emails) = match parsed.error_emails {
        wire::Since12::Absent => (false, None),
        wire::Since12::Shown(emails) => (true, emails),
    };
    let mut emails = emails.unwrap_or_default();
    // A newer server returns the address of either member in the newer one (16, row 14).
    if emails.is_empty() {
        emails.extend(parsed.errors_email);
    }
    emails.retain(|email| !email.is_empty());
    let (via, when) = default_notification(!emails.is_empty());
    let shown = |flags: Option<wire::Flags>, names, default: &[&str]| match flags {
        Some(flags) => Value::texts(flags.names(names)),
        None if is_newer => Value::Null,
        None => Value::texts(default.iter().copied()),
    };
    let document = RULES.document(BTreeMap::from([
        ("name", text(parsed.name)),
        ("events", Value::texts(events.iter().map(|event| event.trim()))),
        ("targetUrl", Value::text(target)),
        ("state", state.clone().map_or(Value::Null, Value::text)),
        ("type", text(parsed.r#type)),
        ("headers", json!(parsed.headers).into()),
        ("properties", parsed.properties.unwrap_or_default().into()),
        ("description", text(parsed.description)),
        ("errorEmails", Value::texts(emails)),
        ("notifyVia", shown(parsed.notify_via, ["Email", "InApp"], via)),
        ("notifyWhen", shown(parsed.notify_when, ["FirstFailure", "Disabling"], when)),
    ]));
    let id = ExternalId::from(parsed.id);
    let remote_version = Some(remote_version(&parsed.rest));
    let delivery = state.as_deref().and_then(delivery);
    Ok(Observed {
        id,
        document,
        summary,
        created: None,
        remote_version,
        delivery,
        raw: Some(answer.part(item)),
    })
}

/// Returns whether a state delivers (8).
fn delivery(state: &str) -> Option<Delivery> {
    match state {
        "Active" => Some(Delivery::On),
        "Stopped" => Some(Delivery::Off),
        "TooManyErrors" => Some(Delivery::DisabledByVendor),
        _ => None,
    }
}

/// Returns when it was last saved, in seconds, and by which user (6).
fn remote_version(item: &Map<String, Json>) -> String {
    let by = item.get("UpdatedAssociate").and_then(|by| by.get("AssociateId")).unwrap_or(&Json::Null);
    format!("{} {by}", item.get("Updated").and_then(Json::as_str).unwrap_or_default())
}
