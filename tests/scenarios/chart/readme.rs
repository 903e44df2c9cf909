//! The tables of the chart's README: `make chart` writes them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::helm::{chart, rendered};

/// A value that is documented: its path, and the comment above it.
struct Row {
    path: Vec<String>,
    text: String,
}

/// Returns every value in the file with a comment that begins with two dashes.
fn rows(yaml: &str) -> Vec<Row> {
    let (mut rows, mut path, mut text) = (Vec::new(), Vec::<(usize, String)>::new(), String::new());
    for line in yaml.lines() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        if let Some(begun) = bare.strip_prefix("# -- ") {
            begun.clone_into(&mut text);
        } else if let Some(more) = bare.strip_prefix("# ").filter(|_| !text.is_empty()) {
            text = format!("{text} {more}");
        } else if let Some((key, _)) = bare.split_once(':').filter(|_| !bare.starts_with('#')) {
            path.retain(|(depth, _)| *depth < indent);
            path.push((indent, key.to_owned()));
            if !text.is_empty() {
                let path = path.iter().map(|(_, key)| key.clone()).collect();
                rows.push(Row { path, text: std::mem::take(&mut text) });
            }
        }
    }
    rows
}

fn values() -> (Vec<Row>, Value) {
    let yaml = fs::read_to_string(chart().join("values.yaml")).unwrap();
    (rows(&yaml), serde_saphyr::from_str(&yaml).unwrap())
}

fn values_table() -> String {
    let (rows, values) = values();
    let lines = rows.iter().map(|Row { path, text }| {
        let value = &values.pointer(&format!("/{}", path.join("/"))).unwrap();
        format!("| `{}` | {text} | `{value}` |\n", path.join("."))
    });
    ["| value | meaning | default |\n| --- | --- | --- |\n".to_owned()].into_iter().chain(lines).collect()
}

/// The purpose of a rule of the chart.
fn reason(group: &str, resource: &str, verbs: &str, narrowed: bool) -> &'static str {
    match (group, resource, verbs) {
        ("hooktender.dev", "vendoraccounts, webhooks, webhooksets", _) => {
            "reads them, adds and removes their finalizer, and changes Webhooks of WebhookSets"
        }
        ("hooktender.dev", "webhooks", "create, delete") => "creates and deletes Webhooks of WebhookSets",
        ("hooktender.dev", "vendoraccounts/status, webhooks/status, webhooksets/status", _) => {
            "writes their status"
        }
        ("", "configmaps", _) => "reads values that Webhooks refer to; watches metadata only",
        ("", "secrets", "get, list, watch") => {
            "reads Secrets that accounts and Webhooks refer to, with `get` only; watches metadata only (`secrets.watch`, `secrets.names`)"
        }
        ("", "secrets", "patch") if narrowed => {
            "writes exchanged tokens back, to Secrets in `secrets.writable`"
        }
        ("", "namespaces", _) => "reads their labels for `allowedNamespaces`; not with `watchNamespaces`",
        ("events.k8s.io", "events", _) => "reports what it did",
        ("", "events", "list, watch") => "shows them on its pages (`ui.enabled`)",
        ("coordination.k8s.io", "leases", "create") => {
            "leader election in the release's namespace; with several replicas"
        }
        ("coordination.k8s.io", "leases", "get, update") if narrowed => "the same, for its own Lease only",
        other => panic!("say what {other:?} is for"),
    }
}

fn rights_table() -> String {
    let all = json!({"replicas": 2, "secrets": {"writable": ["tokens"]}, "ui": {"enabled": true}});
    let objects = rendered("hooktender", "hooktender", &all, &["--show-only=templates/rbac.yaml"]);
    let roles = objects.iter().filter(|object| object["kind"].as_str().unwrap().ends_with("Role"));
    let mut table = "| group | kinds | verbs | what for |\n| --- | --- | --- | --- |\n".to_owned();
    for rule in roles.flat_map(|role| role["rules"].as_array().unwrap()) {
        let texts = |member: &str| {
            let all = rule[member].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
            all.collect::<Vec<_>>().join(", ")
        };
        let (group, resources, verbs) = (texts("apiGroups"), texts("resources"), texts("verbs"));
        let what_for = reason(&group, &resources, &verbs, rule["resourceNames"].is_array());
        let group = if group.is_empty() { "core".to_owned() } else { format!("`{group}`") };
        table.extend(["| ", &group, " | ", &resources, " | ", &verbs, " | ", what_for, " |\n"]);
    }
    table
}

/// Replaces the table between its two marks.
fn with(text: &str, mark: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {mark}: make chart -->\n"), format!("<!-- end of {mark} -->\n"));
    let (before, rest) = text.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}{table}{end}{after}")
}

#[test]
fn the_tables_of_the_readme_are_as_the_chart_is() {
    let path = chart().join("README.md");
    let checked_in = fs::read_to_string(&path).unwrap();
    let text = with(&with(&checked_in, "values", &values_table()), "rights", &rights_table());
    if std::env::var_os("HOOKTENDER_BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    } else {
        assert!(checked_in == text, "{} is not what the chart says: make chart", path.display());
    }
}

/// Paths of all members of objects in the values, down to those with a row of their own.
fn paths(
    value: &Value,
    path: &[String],
    documented: &BTreeSet<Vec<String>>,
    found: &mut BTreeSet<Vec<String>>,
) {
    if let (Value::Object(members), false) = (value, documented.contains(path)) {
        for (name, member) in members {
            paths(member, &[path, std::slice::from_ref(name)].concat(), documented, found);
        }
    } else {
        found.insert(path.to_vec());
    }
}

/// The same of the schema.
fn schema_paths(
    schema: &Value,
    path: &[String],
    documented: &BTreeSet<Vec<String>>,
    found: &mut BTreeSet<Vec<String>>,
) {
    match schema["properties"].as_object().filter(|_| !documented.contains(path)) {
        Some(properties) => {
            assert_eq!(schema["additionalProperties"], false, "{path:?} lets unknown values through");
            for (name, property) in properties.iter().filter(|(name, _)| *name != "global") {
                schema_paths(property, &[path, std::slice::from_ref(name)].concat(), documented, found);
            }
        }
        None => drop(found.insert(path.to_vec())),
    }
}

#[test]
fn every_value_is_documented_and_in_the_schema() {
    let (rows, values) = values();
    let documented: BTreeSet<_> = rows.iter().map(|row| row.path.clone()).collect();
    let (mut there, mut known) = (BTreeSet::new(), BTreeSet::new());
    paths(&values, &[], &documented, &mut there);
    assert_eq!(there, documented, "a value without a comment, or a comment without a value");
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(chart().join("values.schema.json")).unwrap()).unwrap();
    schema_paths(&schema, &[], &documented, &mut known);
    assert_eq!(known, documented, "a value that the schema does not know, or one that is nowhere else");
}

#[test]
fn a_comment_belongs_to_the_value_below_it() {
    let rows = rows("# No row.\na:\n  # -- One\n  # and more.\n  b: 1\n  c: 2\n# -- Two.\nd: {e: 1}\n");
    let rows: Vec<_> = rows.iter().map(|row| (row.path.join("."), row.text.as_str())).collect();
    assert_eq!(rows, [("a.b".to_owned(), "One and more."), ("d".to_owned(), "Two.")]);
}
