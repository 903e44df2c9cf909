//! Desired against observed, field by field.

use super::document::{Document, Value};
use super::redact::Redactor;
use super::rules::{Field, Rule, Rules, member};
use std::collections::BTreeMap;

/// One field that differs, fit to be shown: secrets are hidden by construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Path of the field below the subscription, such as `bodyTemplate` or `headers.X-Env`.
    pub field: String,
    /// What the vendor has; none where it has nothing.
    pub before: Option<String>,
    /// What is declared; none where nothing is.
    pub after: Option<String>,
    /// Whether the vendor cannot change it in place.
    pub replaces: bool,
}

/// What may not be shown of a vendor's side.
#[derive(Clone, Copy, Debug)]
pub struct Hide<'a> {
    /// Secrets that are known.
    pub redactor: &'a Redactor,
    /// Fields that held a secret when they were last applied.
    pub fields: &'a [String],
}

/// What would have to change at the vendor. Empty exactly when [`Rules::equal`] holds.
pub fn changes(rules: &Rules, observed: &Document, desired: &Document, hide: Hide<'_>) -> Vec<Change> {
    let mut found = Vec::new();
    for field in rules.fields {
        let at = At { path: field.name.to_owned(), replaces: field.replaces, hide };
        at.compare(field.rule, observed.get(field.name), desired.get(field.name), &mut found);
    }
    found
}

/// What a subscription that is to be made consists of.
pub fn additions(desired: &Document) -> Vec<Change> {
    desired
        .iter()
        .map(|(name, value)| Change {
            field: name.into(),
            before: None,
            after: Some(line(&value.shown())),
            replaces: false,
        })
        .collect()
}

struct At<'a> {
    path: String,
    replaces: bool,
    hide: Hide<'a>,
}

impl At<'_> {
    fn compare(&self, rule: Rule, before: &Value, after: &Value, found: &mut Vec<Change>) {
        if rule.same(before, after) {
            return;
        }
        match (rule, before, after) {
            (Rule::Map { ignore_case, value }, Value::Map(_) | Value::Null, Value::Map(_) | Value::Null) => {
                self.members(ignore_case, *value, before, after, found);
            }
            (Rule::Record(fields), Value::Map(_) | Value::Null, Value::Map(_) | Value::Null) => {
                self.record(fields, before, after, found);
            }
            _ => found.push(Change {
                field: self.path.clone(),
                before: (!before.is_empty()).then(|| self.shown_before(before, after)),
                after: (!after.is_empty()).then(|| line(&after.shown())),
                replaces: self.replaces,
            }),
        }
    }

    fn members(&self, ignore_case: bool, rule: Rule, before: &Value, after: &Value, found: &mut Vec<Change>) {
        let none = BTreeMap::new();
        let (before, after) = (map(before, &none), map(after, &none));
        for (name, had) in before {
            if member(after, name, ignore_case).is_none() {
                self.step(name).compare(rule, had, &Value::Null, found);
            }
        }
        for (name, wanted) in after {
            let had = member(before, name, ignore_case).map_or(&Value::Null, |(_, value)| value);
            self.step(name).compare(rule, had, wanted, found);
        }
    }

    fn record(&self, fields: &[Field], before: &Value, after: &Value, found: &mut Vec<Change>) {
        let none = BTreeMap::new();
        let (before, after) = (map(before, &none), map(after, &none));
        for field in fields {
            let get = |map: &BTreeMap<String, Value>| map.get(field.name).cloned().unwrap_or_default();
            self.step(field.name).compare(field.rule, &get(before), &get(after), found);
        }
    }

    fn step(&self, name: &str) -> Self {
        Self { path: format!("{}.{name}", self.path), replaces: self.replaces, hide: self.hide }
    }

    /// The vendor's side may hold an old secret, which no redactor knows: where the field is declared with a secret, or
    /// was when it was last applied, only what surrounds the secret is shown.
    fn shown_before(&self, before: &Value, after: &Value) -> String {
        let top = self.path.split('.').next().unwrap_or_default();
        let was_sensitive = self.hide.fields.iter().any(|f| f == &self.path || f == top);
        match (before, after) {
            (Value::Text(before), Value::Text(after)) if after.is_secret() => after.mask(&before.exposed()),
            (_, after) if after.is_secret() || was_sensitive => "(hidden)".into(),
            (before, _) => self.hide.redactor.redact(&line(&before.shown())),
        }
    }
}

fn map<'a>(value: &'a Value, none: &'a BTreeMap<String, Value>) -> &'a BTreeMap<String, Value> {
    if let Value::Map(map) = value { map } else { none }
}

/// A text as it is, anything else as JSON.
fn line(json: &serde_json::Value) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}
