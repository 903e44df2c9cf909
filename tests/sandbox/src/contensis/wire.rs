//! Subscriptions on the wire: read strictly, stored as a whole, shown in the server's dialect
//! (vendors/contensis.md §3).

use serde_json::{Map, Value, json};

use super::settings::{SecretMask, SecretOnPut, Settings};
use super::validate::Problem;
use crate::exchange::lowercase_host;

/// A body whose values have the right JSON types; `null` counts as absent.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    members: Map<String, Value>,
    pub(crate) version_no: Option<String>,
}

/// The content of a topic, and whether it is a list.
const TOPIC: &[(&str, bool)] = &[
    ("resourceType", false),
    ("event", true),
    ("contentTypeId", true),
    ("language", true),
    ("owner", false),
    ("workflowEvent", true),
    ("workflowState", true),
    ("id", false),
    ("dataFormat", false),
];

impl Draft {
    /// Fails with the name of the first value of the wrong type.
    pub(crate) fn read(body: &Value, settings: &Settings) -> Result<Self, String> {
        let body = body.as_object().ok_or("the body")?;
        let mut members = Map::new();
        for (name, value) in body.iter().filter(|(_, value)| !value.is_null()) {
            let kept = match name.as_str() {
                "name" | "description" => localisable(value).then(|| value.clone()),
                "url" | "method" => value.is_string().then(|| value.clone()),
                "enabled" | "ui" => value.is_boolean().then(|| value.clone()),
                "topics" => topics(value, settings),
                "headers" => headers(value),
                "templates" => templates(value),
                _ => continue,
            };
            members.insert(name.clone(), kept.ok_or(name.as_str())?);
        }
        let version_no = match body.get("version").map(|version| &version["versionNo"]) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => return Err("version.versionNo".to_owned()),
        };
        Ok(Self { members, version_no })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub(crate) fn has_templates(&self) -> bool {
        self.get("templates").and_then(Value::as_object).is_some_and(|t| !t.is_empty())
    }

    pub(crate) fn templates_value(&self) -> Option<Value> {
        self.get("templates").cloned()
    }

    /// A plain name at a server that wants maps, or the other way round (§10 row 5).
    pub(crate) fn dialect_problem(&self, localised: bool) -> Option<Problem> {
        ["name", "description"].into_iter().find_map(|field| {
            let wrong = self.get(field)?.is_object() != localised;
            wrong.then(|| {
                Problem::new(
                    field,
                    if localised { "A map of languages is expected" } else { "A text is expected" },
                )
            })
        })
    }

    /// What is stored: everything sent, a default for everything not sent (§10 row 10), and former secrets where the server keeps
    /// them.
    pub(crate) fn resource(
        mut self,
        before: Option<&Map<String, Value>>,
        settings: &Settings,
    ) -> Map<String, Value> {
        let headers = self.members.remove("headers");
        let old = before.and_then(|resource| resource.get("headers")).and_then(Value::as_object);
        self.members.insert("headers".to_owned(), stored_headers(headers.as_ref(), old, settings));
        if settings.lowercase_host
            && let Some(Value::String(url)) = self.members.get_mut("url")
        {
            *url = lowercase_host(url);
        }
        let mut defaults = vec![("enabled", json!(true)), ("templates", json!({}))];
        if !settings.localised {
            // The old dialect knows neither member (§0, generation G1).
            defaults.extend([("description", json!("")), ("method", json!("POST")), ("ui", json!(false))]);
        }
        for (name, value) in defaults {
            self.members.entry(name).or_insert(value);
        }
        self.members
    }
}

fn localisable(value: &Value) -> bool {
    value.is_string() || value.as_object().is_some_and(|map| map.values().all(Value::is_string))
}

fn topics(value: &Value, settings: &Settings) -> Option<Value> {
    let kept: Option<Vec<Value>> = value.as_array()?.iter().map(|one| topic(one, settings)).collect();
    kept.map(Value::Array)
}

fn topic(value: &Value, settings: &Settings) -> Option<Value> {
    let mut kept = Map::new();
    for (name, value) in value.as_object()? {
        let Some((_, is_list)) = TOPIC.iter().find(|(known, _)| known == name) else {
            continue;
        };
        let fits = match value {
            Value::Null => continue,
            Value::Array(items) => *is_list && items.iter().all(Value::is_string),
            other => (!is_list || settings.scalar_topics) && other.is_string(),
        };
        if !fits {
            return None;
        }
        let stored = if *is_list && value.is_string() { json!([value]) } else { value.clone() };
        kept.insert(name.clone(), stored);
    }
    Some(Value::Object(kept))
}

fn headers(value: &Value) -> Option<Value> {
    let fits = value.as_object()?.values().all(|header| {
        header.as_object().is_some_and(|header| {
            let value_fits = header.get("value").is_none_or(|v| v.is_string() || v.is_null());
            value_fits && header.get("secret").is_none_or(|v| v.is_boolean() || v.is_null())
        })
    });
    fits.then(|| value.clone())
}

fn templates(value: &Value) -> Option<Value> {
    value.as_object()?.values().all(|t| t.is_string() || t.is_object()).then(|| value.clone())
}

/// Headers without a value are not kept (§3.4); a secret without one may keep its old value (§10 row 3).
fn stored_headers(sent: Option<&Value>, old: Option<&Map<String, Value>>, settings: &Settings) -> Value {
    let mut kept = Map::new();
    for (name, header) in sent.and_then(Value::as_object).into_iter().flatten() {
        let secret = header["secret"].as_bool().unwrap_or(false);
        let value = header["value"].as_str().filter(|text| !text.is_empty());
        let masked = value.is_none_or(|text| text.chars().all(|c| c == '*'));
        let value = if secret && masked {
            match settings.secret_on_put {
                SecretOnPut::Keep => old_secret(old, name).or(value),
                SecretOnPut::Erase => None,
                SecretOnPut::StoreLiteral => value,
            }
        } else {
            value
        };
        if let Some(value) = value {
            let mut header = json!({"value": value});
            if secret {
                header["secret"] = true.into();
            }
            kept.insert(name.clone(), header);
        }
    }
    Value::Object(kept)
}

fn old_secret<'a>(old: Option<&'a Map<String, Value>>, name: &str) -> Option<&'a str> {
    let (_, header) = old?.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    header["value"].as_str().filter(|_| header["secret"] == true)
}

/// The resource as a caller sees it.
pub(crate) fn render(resource: &Map<String, Value>, settings: &Settings) -> Value {
    let mut shown = resource.clone();
    for field in ["name", "description"] {
        if let Some(value) = shown.get_mut(field) {
            in_dialect(value, settings);
        }
    }
    if let Some(Value::Object(headers)) = shown.get_mut("headers") {
        *headers = shown_headers(headers, settings);
    }
    if let Some(Value::Array(topics)) = shown.get_mut("topics") {
        for topic in topics.iter_mut() {
            shown_topic(topic, settings);
        }
        if settings.shuffle {
            topics.reverse();
        }
    }
    Value::Object(shown)
}

fn in_dialect(value: &mut Value, settings: &Settings) {
    match value {
        Value::String(text) if settings.localised => *value = json!({&settings.localised_language: text}),
        Value::Object(map) if !settings.localised => {
            let text = map.get(&settings.localised_language).or_else(|| map.values().next()).cloned();
            *value = text.unwrap_or_default();
        }
        _ => {}
    }
}

fn shown_headers(stored: &Map<String, Value>, settings: &Settings) -> Map<String, Value> {
    let mut shown = Map::new();
    for (name, header) in stored {
        let mut header = header.clone();
        if header["value"].as_str().is_none_or(str::is_empty) {
            continue;
        }
        if header["secret"] == true {
            match settings.secret_mask {
                SecretMask::Stars12 => header["value"] = "*".repeat(12).into(),
                SecretMask::Stars8 => header["value"] = "*".repeat(8).into(),
                SecretMask::Absent => header = json!({"secret": true}),
            }
        }
        shown.insert(if settings.camel_headers { camel(name) } else { name.clone() }, header);
    }
    shown
}

fn camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn shown_topic(topic: &mut Value, settings: &Settings) {
    let Some(members) = topic.as_object_mut() else {
        return;
    };
    for (name, value) in members {
        let Some(items) = value.as_array_mut() else {
            continue;
        };
        if settings.lowercase && matches!(name.as_str(), "language" | "workflowEvent" | "workflowState") {
            for item in items.iter_mut() {
                let lower = item.as_str().map(str::to_lowercase);
                *item = lower.map_or(Value::Null, Value::from);
            }
        }
        if settings.shuffle {
            items.reverse();
        }
        if settings.scalar_topics && items.len() == 1 {
            *value = items.remove(0);
        }
    }
}
