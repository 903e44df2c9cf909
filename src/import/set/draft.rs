//! An imported Webhook without its account, and the texts in it that may differ by account.

use crate::api::webhook::Subscription;
use crate::api::{ObjectKey, Webhook};
use crate::import::limits::{of_member, spec_schema};
use crate::import::{Imported, ToFill};
use crate::plan::{Rule, Usage};
use crate::vendor;
use serde_json::{Value, json};

/// An imported Webhook of one account.
pub(super) struct Draft<'a> {
    /// Index of its account.
    pub(super) account: usize,
    pub(super) webhook: &'a Webhook,
    pub(super) title: &'a str,
    /// The values to fill in.
    pub(super) to_fill: Vec<&'a ToFill>,
    /// What the template of a set has in common with it. A variable to fill in has the member `fill`, the key in its Secret.
    pub(super) body: Value,
    /// The texts of the body that may differ by account.
    pub(super) texts: Vec<Text>,
    /// The body without these texts: drafts with different shapes do not correspond.
    shape: Value,
}

/// A text of a draft that may differ by account.
pub(super) struct Text {
    /// JSON pointer in the body.
    pub(super) pointer: String,
    /// The path below the subscription, or below the spec for the name of an object.
    pub(super) field: String,
    pub(super) value: String,
    /// Whether it is the name of a Secret or ConfigMap.
    pub(super) is_object_name: bool,
}

/// Makes the drafts of what was imported from one account.
pub(super) fn drafts(account: usize, imported: &Imported) -> impl Iterator<Item = Draft<'_>> {
    imported.webhooks.iter().map(move |webhook| {
        let key = ObjectKey::of(webhook);
        let to_fill: Vec<_> = imported.to_fill.iter().filter(|fill| fill.webhook == key).collect();
        let (body, texts) = body(webhook, &to_fill);
        let shape = shape(&body, &texts);
        let title = imported.titles.get(&key.name).map_or("", String::as_str);
        Draft { account, webhook, title, to_fill, body, texts, shape }
    })
}

impl Draft<'_> {
    /// Returns one text for all drafts that may correspond to this one.
    pub(super) fn shape(&self) -> String {
        self.shape.to_string()
    }

    /// Returns the fields in which the shapes differ.
    pub(super) fn differs_in(&self, other: &Self) -> Vec<String> {
        let half = |draft: &Self| {
            let name = vendor_of(&draft.webhook.spec.subscription);
            draft.shape["subscription"][name].as_object().cloned().unwrap_or_default()
        };
        let (mine, theirs) = (half(self), half(other));
        let names = mine.keys().chain(theirs.keys().filter(|name| !mine.contains_key(*name)));
        let mut differing: Vec<_> =
            names.filter(|name| mine.get(*name) != theirs.get(*name)).cloned().collect();
        if self.shape["variables"] != other.shape["variables"] {
            differing.push("variables".into());
        }
        differing
    }
}

fn vendor_of(subscription: &Subscription) -> &'static str {
    subscription.vendor().as_str()
}

fn body(webhook: &Webhook, to_fill: &[&ToFill]) -> (Value, Vec<Text>) {
    let spec = &webhook.spec;
    let mut texts = Vec::new();
    let subscription = json!(spec.subscription);
    let name = vendor_of(&spec.subscription);
    let cursor = Cursor {
        pointer: format!("/subscription/{name}"),
        field: String::new(),
        schema: of_member(of_member(spec_schema("Webhook"), "subscription"), name),
        rule: Some(Rule::Record(vendor::rules(spec.subscription.vendor()).fields)),
        is_word: false,
    };
    cursor.collect(&subscription[name], &mut texts);
    let mut variables = Vec::new();
    for (at, variable) in spec.variables.iter().enumerate() {
        if let Some(fill) = to_fill.iter().find(|fill| fill.variable == variable.name) {
            variables.push(json!({"name": variable.name, "fill": fill.secret.key}));
            continue;
        }
        variables.push(json!(variable));
        for kind in ["secretKeyRef", "configMapKeyRef"] {
            if let Some(text) = variables[at]["valueFrom"][kind]["name"].as_str() {
                texts.push(Text {
                    pointer: format!("/variables/{at}/valueFrom/{kind}/name"),
                    field: format!("variables.{}.valueFrom.{kind}.name", variable.name),
                    value: text.to_owned(),
                    is_object_name: true,
                });
            }
        }
    }
    let mut body = json!({"subscription": subscription, "variables": variables});
    if let Some(adoption) = &spec.adoption {
        body["adoption"] = json!(adoption);
    }
    (body, texts)
}

/// A place in the vendor's half of a Webhook.
struct Cursor<'a> {
    pointer: String,
    field: String,
    schema: &'a Value,
    rule: Option<Rule>,
    /// Whether its texts are words of the vendor's vocabulary, such as events, which are no values of a tenant.
    is_word: bool,
}

impl Cursor<'_> {
    fn collect(&self, value: &Value, found: &mut Vec<Text>) {
        match value {
            Value::String(text) if !self.is_word && self.schema.get("enum").is_none() => found.push(Text {
                pointer: self.pointer.clone(),
                field: self.field.clone(),
                value: text.clone(),
                is_object_name: false,
            }),
            Value::Array(list) => {
                for (at, value) in list.iter().enumerate() {
                    self.item(at).collect(value, found);
                }
            }
            Value::Object(map) => {
                for (name, value) in map {
                    self.member(name).collect(value, found);
                }
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn item(&self, at: usize) -> Self {
        let rule = if let Some(Rule::Set(inner)) = self.rule { Some(*inner) } else { None };
        Self {
            pointer: format!("{}/{at}", self.pointer),
            field: format!("{}[{at}]", self.field),
            schema: self.schema.get("items").unwrap_or(&Value::Null),
            rule,
            is_word: self.is_word,
        }
    }

    fn member(&self, name: &str) -> Self {
        let (rule, is_word) = match self.rule {
            Some(Rule::Record(fields)) => {
                let field = fields.iter().find(|field| field.name == name);
                field.map_or((None, self.is_word), |field| (Some(field.rule), field.usage == Usage::Word))
            }
            Some(Rule::Map { value, .. }) => (Some(*value), self.is_word),
            _ => (None, self.is_word),
        };
        let step = name.replace('~', "~0").replace('/', "~1");
        let dot = if self.field.is_empty() { "" } else { "." };
        Self {
            pointer: format!("{}/{step}", self.pointer),
            field: format!("{}{dot}{name}", self.field),
            schema: of_member(self.schema, name),
            rule,
            is_word,
        }
    }
}

fn shape(body: &Value, texts: &[Text]) -> Value {
    let mut shape = body.clone();
    for text in texts {
        if let Some(place) = shape.pointer_mut(&text.pointer) {
            *place = Value::Null;
        }
    }
    sort_words(&mut shape);
    shape
}

/// Sorts the lists of words, whose order means nothing.
fn sort_words(value: &mut Value) {
    match value {
        Value::Array(list) if list.iter().all(Value::is_string) => {
            list.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        }
        Value::Array(list) => list.iter_mut().for_each(sort_words),
        Value::Object(map) => map.values_mut().for_each(sort_words),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
