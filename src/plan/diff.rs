//! Compares the desired document with the observed one, field by field.

use super::document::{Document, Members, Value};
use super::field::{Field, Rule, Usage};
use super::redact::Redactor;
use super::rules::members::Names;
use super::rules::{Rules, is_secret_value, of};

/// One field that differs, fit to be shown: secrets are redacted by construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Path of the field below the subscription, such as `bodyTemplate` or `headers.X-Env`.
    pub field: String,
    /// What the vendor has; none if it has nothing.
    pub before: Option<String>,
    /// What is declared; none if nothing is.
    pub after: Option<String>,
    /// Whether the vendor cannot change it in place.
    pub replaces: bool,
}

impl Change {
    /// Returns the field of the vendor's table that the change is part of.
    pub(super) fn top_level(&self, rules: &Rules) -> Option<&'static Field> {
        rules.field(self.field.split('.').next().unwrap_or_default())
    }
}

/// What may not be shown of the vendor's side.
#[derive(Clone, Copy, Debug)]
pub struct Redaction<'a> {
    /// The Webhook's own secrets.
    pub redactor: &'a Redactor,
    /// The secrets of the whole account.
    pub secrets: &'a Redactor,
    /// Fields that held a secret when they were last applied.
    pub fields: &'a [String],
    /// Whether nothing of the vendor's side is shown but the hosts of addresses, and which top-level fields differ.
    pub host_only: bool,
}

/// Returns what would have to change at the vendor. It is empty exactly if the documents are [equal](Rules::equal).
pub fn changes(
    rules: &Rules,
    observed: &Document,
    desired: &Document,
    redaction: Redaction<'_>,
) -> Vec<Change> {
    let mut found = Vec::new();
    for field in rules.fields {
        let (before, after) = (observed.get(field.name), desired.get(field.name));
        if field.rule.same(before, after) {
            continue;
        }
        if redaction.host_only {
            found.push(redaction.unseen(field, before, after));
        } else {
            let at = DiffCursor { path: field.name.to_owned(), replaces: field.replaces, redaction };
            at.differ(field.rule, before, after, &mut found);
        }
    }
    found
}

impl Redaction<'_> {
    fn unseen(&self, field: &Field, before: &Value, after: &Value) -> Change {
        let host = match before {
            Value::Text(text) if field.usage == Usage::Address => host(&text.expose()),
            _ => None,
        };
        let before = (!before.is_empty()).then(|| host.unwrap_or_else(|| "(hidden)".into()));
        Change {
            field: field.name.to_owned(),
            before: before.map(|before| Redactor::redact_all([self.redactor, self.secrets], &before)),
            after: (!after.is_empty()).then(|| self.redactor.redact(&line(&field.rule.redacted(after)))),
            replaces: field.replaces,
        }
    }
}

/// Returns the scheme and the host of an address, which may be a template; none if it is no absolute address.
pub(crate) fn host(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let host = &rest[..rest.find(['/', '?', '#', '{', '$']).unwrap_or(rest.len())];
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let end = if host.len() < rest.len() { "/..." } else { "" };
    Some(format!("{scheme}://{host}{end}"))
}

/// Returns the fields of a subscription that is to be created. Write-only values are hidden.
pub(super) fn creation(rules: &Rules, desired: &Document, redaction: Redaction<'_>) -> Vec<Change> {
    let fields = rules.fields.iter().map(|field| (field, desired.get(field.name)));
    fields
        .filter(|(_, value)| !value.is_empty())
        .flat_map(|(field, value)| parts(field.name.to_owned(), field.rule, value))
        .map(|(field, shown)| Change {
            field,
            before: None,
            after: Some(redaction.redactor.redact(&line(&shown))),
            replaces: false,
        })
        .collect()
}

/// Returns each member of a map by itself, as in the changes of an update.
fn parts(path: String, rule: Rule, value: &Value) -> Vec<(String, serde_json::Value)> {
    match (rule, value) {
        (Rule::Map { value: inner, .. }, Value::Map(map)) => {
            map.iter().flat_map(|(name, value)| parts(format!("{path}.{name}"), *inner, value)).collect()
        }
        _ => vec![(path, rule.redacted(value))],
    }
}

/// A place in a comparison of two documents.
struct DiffCursor<'a> {
    path: String,
    replaces: bool,
    redaction: Redaction<'a>,
}

impl DiffCursor<'_> {
    /// Adds the changes of one member.
    fn compare(&self, name: &str, rule: Rule, before: &Value, after: &Value, found: &mut Vec<Change>) {
        if !rule.same(before, after) {
            let path = format!("{}.{name}", self.path);
            Self { path, ..*self }.differ(rule, before, after, found);
        }
    }

    fn differ(&self, rule: Rule, before: &Value, after: &Value, found: &mut Vec<Change>) {
        match (rule, before, after) {
            (Rule::Map { ignore_case, value }, Value::Map(_) | Value::Null, Value::Map(_) | Value::Null) => {
                self.members(ignore_case, *value, before, after, found);
            }
            (Rule::Record(fields), Value::Map(_) | Value::Null, Value::Map(_) | Value::Null) => {
                self.record(fields, before, after, found);
            }
            _ => found.push(Change {
                field: self.path.clone(),
                before: (!before.is_empty()).then(|| self.shown_before(rule, before, after)),
                after: (!after.is_empty())
                    .then(|| self.redaction.redactor.redact(&line(&rule.redacted(after)))),
                replaces: self.replaces,
            }),
        }
    }

    fn members(&self, ignore_case: bool, rule: Rule, before: &Value, after: &Value, found: &mut Vec<Change>) {
        let none = Members::new();
        let (before, after) = (map(before, &none), map(after, &none));
        let [old, new] = [before, after].map(|map| Names::new(map, ignore_case));
        // If two names are equal but for case, only one has a partner on the other side. The other one exists on one side only.
        for (name, had) in before {
            if partner(&old, name, &new).is_none() {
                self.compare(name, rule, had, &Value::Null, found);
            }
        }
        for (name, wanted) in after {
            let had = partner(&new, name, &old).unwrap_or(&Value::Null);
            self.compare(name, rule, had, wanted, found);
        }
    }

    fn record(&self, fields: &[Field], before: &Value, after: &Value, found: &mut Vec<Change>) {
        let none = Members::new();
        let (before, after) = (map(before, &none), map(after, &none));
        for field in fields {
            self.compare(field.name, field.rule, of(before, field.name), of(after, field.name), found);
        }
    }

    /// Returns the vendor's value as it may be shown. It may contain an old secret, which no redactor knows. If the field is declared
    /// with a secret, or was when it was last applied, only the text around the secret is shown.
    fn shown_before(&self, rule: Rule, before: &Value, after: &Value) -> String {
        let was_sensitive =
            self.redaction.fields.iter().any(|field| within(&self.path, field) || within(field, &self.path));
        match (before, after) {
            (_, Value::Map(after)) if matches!(rule, Rule::SecretValue) && is_secret_value(after) => {
                "(hidden)".into()
            }
            (Value::Text(before), Value::Text(after)) if after.is_secret() => after.mask(&before.expose()),
            (_, after) if after.is_secret() || was_sensitive => "(hidden)".into(),
            (before, _) => {
                let both = [self.redaction.redactor, self.redaction.secrets];
                Redactor::redact_all(both, &line(&rule.redacted(before)))
            }
        }
    }
}

/// Whether a path equals another one or is below it, ignoring case: a vendor may spell a header's name in its own way.
fn within(path: &str, other: &str) -> bool {
    let (path, other) = (path.to_lowercase(), other.to_lowercase());
    path.strip_prefix(&other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Returns the value of the same member on the other side, if that one's partner is this member too.
fn partner<'a>(own: &Names<'_>, name: &str, other: &Names<'a>) -> Option<&'a Value> {
    let (found, value) = other.get(name)?;
    let (back, _) = own.get(found)?;
    (back == name).then_some(value)
}

fn map<'a>(value: &'a Value, none: &'a Members) -> &'a Members {
    if let Value::Map(map) = value { map } else { none }
}

/// Returns a text as it is, and anything else as JSON.
fn line(json: &serde_json::Value) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
