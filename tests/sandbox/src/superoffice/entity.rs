//! The Webhook entity: its members, since when, of which type, and how they are shown (vendors/superoffice.md §6).

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::settings::{Dates, EmptyMaps, Events, MissingState, SecretEcho, Settings, Version};
use crate::exchange::lowercase_host;

/// The date of an event that has not happened.
const NEVER: &str = "0001-01-01T00:00:00";

/// The type of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Texts,
    List,
    State,
    TextMap,
    AnyMap,
    Flags([&'static str; 2]),
}

/// Members that callers may set.
const WRITABLE: &[(&str, Kind, Version)] = &[
    ("Name", Kind::Text, Version::V10_1),
    ("Events", Kind::Texts, Version::V10_1),
    ("TargetUrl", Kind::Text, Version::V10_1),
    ("Secret", Kind::Text, Version::V10_1),
    ("State", Kind::State, Version::V10_1),
    ("Type", Kind::Text, Version::V10_1),
    ("Headers", Kind::TextMap, Version::V10_1),
    ("Properties", Kind::AnyMap, Version::V10_1),
    ("ErrorsEmail", Kind::Text, Version::V10_2_7),
    ("ErrorEmails", Kind::Texts, Version::V12_0),
    ("ErrorAssociates", Kind::List, Version::V12_0),
    ("Description", Kind::Text, Version::V12_0),
    ("NotifyVia", Kind::Flags(["Email", "InApp"]), Version::V12_0),
    ("NotifyWhen", Kind::Flags(["FirstFailure", "Disabling"]), Version::V12_0),
];

/// Members that only the server sets, and that newer versions have.
const STATISTICS: &[&str] = &["TotalCalls", "TotalErrors", "ConsecutiveErrors", "LastError"];

const STATES: [&str; 4] = ["Unknown", "Active", "Stopped", "TooManyErrors"];

/// Members of a request under their proper names, types checked. Names compare without case, unknown and
/// server-set ones are skipped; fails with the name of a member of the wrong type.
pub(crate) fn read(body: &Value, settings: &Settings) -> Result<Map<String, Value>, String> {
    let members = body.as_object().ok_or("the body")?;
    let mut kept = Map::new();
    for (given, value) in members {
        let known = WRITABLE.iter().find(|(name, _, _)| name.eq_ignore_ascii_case(given));
        if let Some((name, kind, since)) = known
            && *since <= settings.version
        {
            let value = typed(*kind, value).ok_or_else(|| (*name).to_owned())?;
            kept.insert((*name).to_owned(), value);
        }
    }
    Ok(kept)
}

fn typed(kind: Kind, value: &Value) -> Option<Value> {
    let fits = match (kind, value) {
        (Kind::State, Value::Null) => return Some(STATES[0].into()),
        (Kind::State, Value::Number(number)) => {
            let index = usize::try_from(number.as_u64()?).ok()?;
            return STATES.get(index).map(|state| (*state).into());
        }
        (Kind::State, Value::String(text)) => {
            return STATES.iter().find(|state| state.eq_ignore_ascii_case(text)).map(|state| (*state).into());
        }
        (Kind::Flags(names), Value::Number(number)) => return flags(names, number.as_u64()?),
        (_, Value::Null)
        | (Kind::Text | Kind::Flags(_), Value::String(_))
        | (Kind::List, Value::Array(_))
        | (Kind::AnyMap, Value::Object(_)) => true,
        (Kind::Texts, Value::Array(items)) => items.iter().all(Value::is_string),
        (Kind::TextMap, Value::Object(map)) => map.values().all(Value::is_string),
        _ => false,
    };
    fits.then(|| value.clone())
}

fn flags(names: [&str; 2], bits: u64) -> Option<Value> {
    match bits {
        0 => Some("None".into()),
        1 => Some(names[0].into()),
        2 => Some(names[1].into()),
        3 => Some(names.join(", ").into()),
        _ => None,
    }
}

/// A hook of the newest generation with all defaults; members of newer generations are hidden when shown.
pub(crate) fn fresh(settings: &Settings) -> Map<String, Value> {
    let mut entity = Map::new();
    for (name, kind, _) in WRITABLE {
        entity.insert((*name).to_owned(), unset(name, *kind, settings));
    }
    entity.insert("WebhookId".to_owned(), 0.into());
    for name in ["RegisteredAssociate", "UpdatedAssociate", "LastError"] {
        entity.insert(name.to_owned(), Value::Null);
    }
    for name in ["Registered", "Updated"] {
        entity.insert(name.to_owned(), NEVER.into());
    }
    for name in ["TotalCalls", "TotalErrors", "ConsecutiveErrors"] {
        entity.insert(name.to_owned(), 0.into());
    }
    entity
}

fn unset(name: &str, kind: Kind, settings: &Settings) -> Value {
    match (name, kind) {
        (_, Kind::State) => match settings.missing_state {
            MissingState::Active => "Active".into(),
            MissingState::Unknown => "Unknown".into(),
        },
        ("Type", _) => "webhook".into(),
        (_, Kind::Texts | Kind::List) => json!([]),
        (_, Kind::Flags(_)) => "None".into(),
        _ => Value::Null,
    }
}

/// The template that the server offers; it has two events in it (§4.2).
pub(crate) fn template(settings: &Settings) -> Map<String, Value> {
    let mut entity = fresh(settings);
    entity.insert("State".to_owned(), "Active".into());
    entity.insert("Events".to_owned(), json!(["contact.created", "contact.deleted"]));
    entity
}

/// Puts all members that a caller may set back to unset.
pub(crate) fn reset_writable(entity: &mut Map<String, Value>, settings: &Settings) {
    for (name, kind, _) in WRITABLE {
        entity.insert((*name).to_owned(), unset(name, *kind, settings));
    }
}

/// Sets the given members of a hook, changed as storing changes them (§7.2, §17).
pub(crate) fn overlay(entity: &mut Map<String, Value>, members: Map<String, Value>, settings: &Settings) {
    for (name, value) in members {
        let value = match (name.as_str(), value) {
            ("Events", value) => stored_events(&value, settings),
            ("Type", Value::Null) => "webhook".into(),
            ("Type", Value::String(kind)) if settings.lowercase_type => kind.to_lowercase().into(),
            ("TargetUrl", Value::String(url)) if settings.lowercase_host => lowercase_host(&url).into(),
            (_, value) => value,
        };
        entity.insert(name, value);
    }
    for name in ["Headers", "Properties"] {
        let value = entity.remove(name).unwrap_or_default();
        entity.insert(name.to_owned(), stored_map(value, settings));
    }
    // A saved hook without a secret shows an empty one, the template shows null.
    let secret = entity.entry("Secret").or_insert(Value::Null);
    if secret.is_null() {
        *secret = "".into();
    }
}

/// The list is kept as one text with commas, so a comma inside a name splits it.
fn stored_events(value: &Value, settings: &Settings) -> Value {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let joined: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    let joined = joined.join(",");
    let mut events: Vec<&str> = joined.split(',').filter(|event| !event.is_empty()).collect();
    let lower = joined.to_lowercase();
    match settings.events {
        Events::Keep => {}
        Events::Lower => events = lower.split(',').filter(|event| !event.is_empty()).collect(),
        Events::Trim => events = events.into_iter().map(str::trim).collect(),
        Events::Reverse => events.reverse(),
    }
    json!(events)
}

fn stored_map(value: Value, settings: &Settings) -> Value {
    let is_empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
    match settings.empty_maps {
        EmptyMaps::Null if is_empty => Value::Null,
        EmptyMaps::Object if is_empty => json!({}),
        _ => value,
    }
}

/// Records who made it.
pub(crate) fn register(entity: &mut Map<String, Value>, who: &str, now: Timestamp) {
    entity.insert("Registered".to_owned(), stamp(now));
    entity.insert("RegisteredAssociate".to_owned(), associate(who));
}

/// Records who changed it.
pub(crate) fn touch(entity: &mut Map<String, Value>, who: &str, now: Timestamp) {
    entity.insert("Updated".to_owned(), stamp(now));
    entity.insert("UpdatedAssociate".to_owned(), associate(who));
}

fn stamp(now: Timestamp) -> Value {
    now.strftime("%Y-%m-%dT%H:%M:%S").to_string().into()
}

fn associate(who: &str) -> Value {
    // Any stable number will do; two people must not share one in the same test.
    let id = who.bytes().fold(7_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 9973);
    json!({
        "AssociateId": id,
        "Name": who,
        "PersonId": 0,
        "Rank": 0,
        "Tooltip": null,
        "Type": if who == "SYS" { "SystemAssociate" } else { "InternalAssociate" },
        "GroupIdx": 0,
        "FullName": who,
        "FormalName": who,
        "Deleted": false,
        "EjUserId": 0,
        "UserName": who,
    })
}

/// The hook as this generation of the server shows it.
pub(crate) fn render(entity: &Map<String, Value>, settings: &Settings) -> Map<String, Value> {
    let mut shown = entity.clone();
    for (name, _, since) in WRITABLE {
        if *since > settings.version {
            shown.remove(*name);
        }
    }
    if settings.version < Version::V12_0 {
        for name in STATISTICS {
            shown.remove(*name);
        }
    }
    match settings.secret_echo {
        SecretEcho::Null => {
            shown.insert("Secret".to_owned(), Value::Null);
        }
        SecretEcho::Mask if entity.get("Secret").and_then(Value::as_str).is_some_and(|s| !s.is_empty()) => {
            shown.insert("Secret".to_owned(), "********".into());
        }
        SecretEcho::Clear | SecretEcho::Mask => {}
    }
    for name in ["Registered", "Updated"] {
        if let Some(Value::String(text)) = shown.get_mut(name)
            && text.len() == NEVER.len()
        {
            text.push_str(match settings.dates {
                Dates::Bare => "",
                Dates::Offset => "+00:00",
                Dates::Z => "Z",
            });
        }
    }
    shown
}

/// `$select`: everything else is shown as null (§4.10).
pub(crate) fn select(entity: &mut Map<String, Value>, wanted: &str) {
    let wanted: Vec<&str> = wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if wanted.is_empty() {
        return;
    }
    for (name, value) in entity.iter_mut() {
        if !wanted.iter().any(|want| want.eq_ignore_ascii_case(name)) {
            *value = Value::Null;
        }
    }
}
