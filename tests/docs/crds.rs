//! The reference of all kinds: every field has a description, and `docs/crds.md` is what the CRDs say.

use std::fmt::Write as _;

use serde_json::Value;

/// All CRDs: the kind, and its schema.
fn kinds() -> Vec<(String, Value)> {
    let all = hooktender::api::crds().unwrap().into_iter().map(|crd| {
        let kind = crd.spec.names.kind.clone();
        let crd = serde_json::to_value(crd).unwrap();
        (kind, crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone())
    });
    all.collect()
}

fn text<'a>(schema: &'a Value, member: &str) -> &'a str {
    schema[member].as_str().unwrap_or_default()
}

/// The fields of an object, of the elements of a list, or of the values of a map.
fn fields(schema: &Value) -> Option<&serde_json::Map<String, Value>> {
    let inner = match text(schema, "type") {
        "array" => &schema["items"],
        _ if schema["additionalProperties"].is_object() => &schema["additionalProperties"],
        _ => schema,
    };
    inner["properties"].as_object()
}

fn undescribed(path: &str, schema: &Value, found: &mut Vec<String>) {
    for (name, field) in fields(schema).into_iter().flatten() {
        let path = format!("{path}.{name}");
        if text(field, "description").is_empty() {
            found.push(path.clone());
        }
        undescribed(&path, field, found);
    }
}

#[test]
fn every_field_has_a_description() {
    let mut found = Vec::new();
    for (kind, schema) in kinds() {
        undescribed(&kind, &schema, &mut found);
    }
    assert!(found.is_empty(), "fields without a description: {found:#?}");
}

#[test]
fn a_field_without_a_description_is_found_at_any_depth() {
    let field =
        |more: Value| serde_json::json!({"type": "object", "description": "d", "properties": {"b": more}});
    let bare = serde_json::json!({"type": "string"});
    let list = serde_json::json!({"type": "array", "description": "d", "items": field(bare.clone())});
    let map = serde_json::json!({"type": "object", "description": "d", "additionalProperties": field(bare.clone())});
    for schema in [field(field(bare)), field(list), field(map)] {
        let mut found = Vec::new();
        undescribed("A", &schema, &mut found);
        assert_eq!(found, ["A.b.b"]);
    }
}

/// What may be written, briefly.
fn kind_of(schema: &Value) -> String {
    let Some(allowed) = schema["enum"].as_array() else {
        return match text(schema, "type") {
            "array" => format!("list of {}", kind_of(&schema["items"])),
            "" if schema["x-kubernetes-int-or-string"] == true => "integer or string".into(),
            "" => "anything".into(),
            "object" if schema["additionalProperties"].is_object() => {
                format!("map of {}", kind_of(&schema["additionalProperties"]))
            }
            "string" if text(schema, "format") == "date-time" => "time".into(),
            other => other.into(),
        };
    };
    let all: Vec<_> = allowed.iter().map(|value| format!("`{}`", value.as_str().unwrap())).collect();
    all.join(", ")
}

/// A description, the default and the rules, in one cell.
fn meaning(field: &Value) -> String {
    let mut said = text(field, "description").replace('\n', " ");
    // Objects' defaults are those of their fields.
    if let Some(value) = Some(&field["default"]).filter(|value| !value.is_null() && !value.is_object()) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !said.contains("Default ") {
            write!(said, " Default {value}.").unwrap();
        }
    }
    for rule in field["x-kubernetes-validations"].as_array().into_iter().flatten() {
        write!(said, " *Rule:* {}.", text(rule, "message")).unwrap();
    }
    let mut escaped = String::new();
    let mut in_code = false;
    for c in said.chars() {
        in_code ^= c == '`';
        match c {
            '|' => escaped.push_str("\\|"),
            '<' | '>' | '[' | ']' if !in_code => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A section for an object, and one for each object below it.
fn section(path: &str, level: usize, schema: &Value, page: &mut String) {
    let Some(members) = fields(schema) else { return };
    write!(page, "\n{} {path}\n\n", "#".repeat(level)).unwrap();
    let own = meaning(&{
        let mut bare = schema.clone();
        bare.as_object_mut().unwrap().remove("default");
        bare
    });
    write!(page, "{own}\n\n| field | type | meaning |\n| --- | --- | --- |\n").unwrap();
    let required = |name: &String| {
        let all = schema["required"].as_array().or(schema["items"]["required"].as_array());
        all.is_some_and(|all| all.iter().any(|one| one == name))
    };
    for (name, field) in members {
        let needed = if required(name) { " (needed)" } else { "" };
        let mut kind = kind_of(field);
        if fields(field).is_some() {
            let anchor = format!("{path}.{name}").replace('.', "").to_lowercase();
            kind = format!("[{kind}](#{anchor})");
        }
        let mut shown = field.clone();
        if fields(field).is_some() {
            // They are in its own section.
            shown.as_object_mut().unwrap().remove("x-kubernetes-validations");
        }
        writeln!(page, "| `{name}`{needed} | {kind} | {} |", meaning(&shown)).unwrap();
    }
    for (name, field) in members {
        section(&format!("{path}.{name}"), level, field, page);
    }
}

#[test]
fn the_reference_is_what_the_crds_say() {
    let mut page = "<!-- Generated from the CRDs: make reference -->\n\n# Webhook, WebhookSet and VendorAccount\n\n\
        Every field of all kinds, of `hooktender.dev/v1alpha1`. `kubectl explain webhook.spec` says the same. A field without\n\
        *needed* may be left out. What stands behind *rule* is what the API server answers to who breaks it.\n"
        .to_owned();
    for (kind, schema) in kinds().iter().rev() {
        write!(page, "\n## {kind}\n\n{}\n", meaning(schema)).unwrap();
        for part in ["spec", "status"] {
            section(&format!("{kind}.{part}"), 3, &schema["properties"][part], &mut page);
        }
    }
    crate::blessed("docs/crds.md", &page);
}
