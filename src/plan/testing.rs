//! Helpers of the planner's tests: the rules of two vendors, and short ways to declare and to observe.

use super::field::Rule;
use super::field::{Absent, Field};
use super::rules::Rules;
use super::{
    Declared, Desired, Document, ExternalId, Hints, Key, Observed, Policy, Redactor, SecretText, Value,
};
use crate::api::Mode;
use crate::api::webhook::{DeletionPolicy, DriftPolicy};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A vendor that changes every field in place, does not return secrets, and has sets and header names.
pub(crate) const IN_PLACE: Rules = Rules {
    fields: &[
        Field::content("name"),
        Field::address("url").receiver(),
        Field::content("body"),
        Field::word("events").rule(Rule::Set(&Rule::Exact)),
        Field::content("on").absent(Absent::Bool(true)).switch(),
        Field::header("headers").rule(Rule::Map { ignore_case: true, value: &Rule::SecretValue }),
        Field::signing_key("secret").rule(Rule::WriteOnly),
    ],
    natural_key: &["name", "url"],
};

/// A vendor that changes nothing in place.
pub(super) const REPLACING: Rules = Rules {
    fields: &[
        Field::content("name").replaces(),
        Field::address("url").replaces(),
        Field::content("body").replaces(),
        Field::word("events").rule(Rule::Set(&Rule::Exact)).replaces(),
        Field::content("on").absent(Absent::Bool(true)).replaces(),
    ],
    natural_key: &["name", "url"],
};

pub(super) const ENFORCE: Policy = Policy {
    mode: Mode::Enforce,
    drift: DriftPolicy::Correct,
    deletion: DeletionPolicy::Delete,
    suspended: false,
    release: false,
};

pub(super) fn id(id: &str) -> ExternalId {
    ExternalId::new(id).unwrap()
}

pub(super) fn ids(all: &[&str]) -> Vec<ExternalId> {
    all.iter().map(|one| id(one)).collect()
}

pub(super) fn key(name: &str) -> Key {
    Key { namespace: "shop".into(), name: name.into() }
}

/// A subscription with this body; all have the same natural key.
pub(crate) fn document(body: &str) -> Document {
    of(&[("name", Value::text("n")), ("body", Value::text(body))])
}

pub(super) fn of(fields: &[(&'static str, Value)]) -> Document {
    IN_PLACE.document(fields.iter().cloned().collect::<BTreeMap<_, _>>())
}

pub(super) fn secret(before: &str, variable: &str, value: &str, after: &str) -> Value {
    let mut text = SecretText::plain(before);
    text.push_secret(variable, value.into());
    text.push_plain(after);
    Value::Text(text)
}

pub(super) fn json(json: serde_json::Value) -> Value {
    json.into()
}

/// A Webhook of which nothing is known but its declaration.
pub(crate) fn wants(name: &str, created: i64, desired: Document) -> Declared {
    Declared {
        key: key(name),
        created,
        guest: false,
        adopts: true,
        adopts_equal: true,
        desired: Desired::Known(desired),
        recorded: None,
        pinned_id: None,
        superseded: Vec::new(),
        unreadable: None,
        invalid_id: None,
        pending_create: None,
        applied: None,
        sensitive: Vec::new(),
        trusts_write_only: false,
        hints: Hints::default(),
        remote_version: None,
        deleting: false,
        stateless: false,
        policy: ENFORCE,
        redactor: Redactor::default(),
        secrets: Arc::default(),
    }
}

pub(super) fn unknown() -> Desired {
    Desired::Unknown { reason: "VariableMissing", message: "TOKEN is missing".into() }
}

pub(super) fn has(external_id: &str, document: Document) -> Observed {
    Observed {
        id: id(external_id),
        document,
        summary: format!("summary of {external_id}"),
        created: None,
        remote_version: None,
        delivery: None,
        raw: None,
    }
}
