//! Makes one WebhookSet of corresponding drafts.

use super::account_values::{AccountValue, free};
use super::draft::{Draft, Text};
use super::text::{common_text, expansion};
use super::{ImportedSet, NewAnnotation, Tenants};
use crate::api::account::AllowedNamespaces;
use crate::api::update_strategy::UpdateStrategy;
use crate::api::variables::used;
use crate::api::webhook_set::{
    AccountField, SetGuard, TemplateMetadata, TemplateSpec, WebhookSetSpec, WebhookTemplate,
};
use crate::api::{ObjectKey, SecretKeyRef, WebhookSet, visible};
use crate::import::{ClearSecret, ToFill, limits};
use crate::vendor::variable_name;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The longest value of an annotation that a person is to copy, in characters.
const LONGEST_VALUE: usize = 1_000;
/// The longest name in the key of an annotation.
const LONGEST_KEY: usize = 63;

/// Returns the set, or why there is none.
pub(super) fn imported_set(
    tenants: &Tenants<'_>,
    name: &str,
    drafts: &[&Draft<'_>],
    values: &[AccountValue],
    taken: &BTreeSet<String>,
) -> Result<ImportedSet, String> {
    let first = drafts.first().ok_or("it has no account")?;
    let mut template = Template {
        name,
        accounts: drafts.iter().map(|draft| draft.account).collect(),
        values,
        taken: taken.clone(),
        annotations: Vec::new(),
        variables: Vec::new(),
    };
    let mut body = first.body.clone();
    for (at, text) in first.texts.iter().enumerate() {
        let texts: Vec<_> = drafts.iter().map(|draft| draft.texts[at].value.as_str()).collect();
        let common = template.text(tenants, text, &texts)?;
        if let Some(place) = body.pointer_mut(&text.pointer) {
            *place = common.into();
        }
    }
    template.fill(&mut body);
    template.put_variables(&mut body);
    let spec: TemplateSpec = serde_json::from_value(body).map_err(|error| error.to_string())?;
    let set = webhook_set(tenants, name, spec);
    let reasons = limits::exceeded("WebhookSet", &set.spec);
    if !reasons.is_empty() {
        return Err(reasons.join("; "));
    }
    Ok(ImportedSet {
        to_fill: drafts.iter().flat_map(|draft| to_fill(tenants, name, draft)).collect(),
        clear_secrets: clear_secrets(tenants, name, drafts),
        subscriptions: drafts.iter().map(|draft| subscription(tenants, draft)).collect(),
        annotations: template.annotations,
        title: first.title.to_owned(),
        set,
    })
}

/// A template while it is made.
struct Template<'a> {
    /// Name of the set.
    name: &'a str,
    accounts: Vec<usize>,
    values: &'a [AccountValue],
    /// Names of variables that are taken.
    taken: BTreeSet<String>,
    annotations: Vec<NewAnnotation>,
    /// Variables of the new annotations.
    variables: Vec<Value>,
}

impl Template<'_> {
    /// Returns the text of the template for texts that may differ by account.
    fn text(&mut self, tenants: &Tenants<'_>, place: &Text, texts: &[&str]) -> Result<String, String> {
        if let Some(common) = common_text(texts, &self.accounts, self.values) {
            return Ok(common);
        }
        let field = &place.field;
        if place.is_object_name {
            return Err(format!("{field} differs by account, and no value of the accounts explains it"));
        }
        let mut values = Vec::with_capacity(texts.len());
        for (account, text) in self.accounts.iter().zip(texts) {
            let account = tenants.key(*account);
            let value = annotation_value(text).map_err(|why| {
                format!(
                    "{field} differs by account and cannot come from an annotation: at {} it {why}",
                    account.name
                )
            })?;
            values.push((account, value));
        }
        let name = self.annotation_name(field);
        let variable = free(&variable_name(field, "VALUE"), &mut self.taken);
        let from = AccountField { label: None, annotation: Some(name.clone()), name: None };
        self.variables.push(json!({"name": variable, "valueFrom": {"accountRef": from}}));
        self.annotations.push(NewAnnotation { name, field: field.clone(), values });
        Ok(format!("$({variable})"))
    }

    /// Returns a key for the values of a field: `SET/FIELD`.
    fn annotation_name(&self, field: &str) -> String {
        let mut name = String::new();
        for letter in field.chars().take(LONGEST_KEY - 3) {
            if letter.is_ascii_alphanumeric() {
                name.push(letter);
            } else if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
        }
        let name = if name.is_empty() { "value" } else { name.trim_end_matches('-') };
        let own = format!("{}/{name}", self.name);
        let is_taken = |name: &String| self.annotations.iter().any(|other| other.name == *name);
        let numbered = (2_u64..).map(|number| format!("{own}-{number}"));
        let mut names = std::iter::once(own.clone()).chain(numbered);
        names.find(|name| !is_taken(name)).unwrap_or_default()
    }

    /// Gives variables whose values the vendor does not return a key of the tenant's Secret.
    fn fill(&self, body: &mut Value) {
        let account = self.values.first().map_or("", |value| value.variable.as_str());
        for variable in body["variables"].as_array_mut().into_iter().flatten() {
            if let Some(key) = variable.get("fill").cloned() {
                let secret = json!({"name": secret_name(self.name, &format!("$({account})")), "key": key});
                *variable = json!({"name": variable["name"], "valueFrom": {"secretKeyRef": secret}});
            }
        }
    }

    /// Puts the variables of the accounts that are used in front of the others: names of Secrets may use those above them.
    fn put_variables(&mut self, body: &mut Value) {
        let mut names = BTreeSet::new();
        collect_used(body, &mut names);
        let is_used = |value: &&AccountValue| names.contains(&value.variable);
        let own = self.values.iter().filter(is_used);
        let own = own.map(|value| json!({"name": value.variable, "valueFrom": {"accountRef": value.field}}));
        let mut all: Vec<_> = own.chain(self.variables.drain(..)).collect();
        all.extend(body["variables"].as_array().into_iter().flatten().cloned());
        body["variables"] = all.into();
    }
}

/// Returns the names of variables that the strings of a value use.
fn collect_used(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => names.extend(used(text).into_iter().map(str::to_owned)),
        Value::Array(list) => list.iter().for_each(|value| collect_used(value, names)),
        Value::Object(map) => map.values().for_each(|value| collect_used(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns a text as the value of an annotation, or why it cannot be one.
fn annotation_value(text: &str) -> Result<String, &'static str> {
    let value = expansion(text).ok_or("uses a variable")?;
    match value.chars().count() {
        0 => Err("is empty"),
        length if length > LONGEST_VALUE => Err("is too long to be copied"),
        _ if visible(&value) != value => {
            Err("contains a line break or another character that cannot be copied")
        }
        _ => Ok(value),
    }
}

/// Returns the name of the Secret with a tenant's values of a set.
fn secret_name(set: &str, account: &str) -> String {
    format!("{set}-{account}")
}

fn webhook_set(tenants: &Tenants<'_>, name: &str, spec: TemplateSpec) -> WebhookSet {
    let spec = WebhookSetSpec {
        account_selector: tenants.selector.clone(),
        account_namespaces: AllowedNamespaces::default(),
        template: WebhookTemplate { metadata: TemplateMetadata::default(), spec },
        update_strategy: UpdateStrategy::default(),
        paused: false,
        guard: SetGuard::default(),
    };
    let mut set = WebhookSet::new(name, spec);
    set.metadata.namespace = Some(tenants.namespace.to_owned());
    set
}

fn to_fill(tenants: &Tenants<'_>, name: &str, draft: &Draft<'_>) -> Vec<ToFill> {
    let secret = secret_name(name, &tenants.key(draft.account).name);
    let own = |fill: &&ToFill| ToFill {
        webhook: ObjectKey::new(tenants.namespace, name),
        secret: SecretKeyRef { name: secret.clone(), key: fill.secret.key.clone() },
        ..(*fill).clone()
    };
    draft.to_fill.iter().map(own).collect()
}

fn clear_secrets(tenants: &Tenants<'_>, name: &str, drafts: &[&Draft<'_>]) -> Vec<ClearSecret> {
    let mut found = Vec::new();
    for draft in drafts {
        let key = ObjectKey::of(draft.webhook);
        let all = &tenants.accounts[draft.account].imported.clear_secrets;
        for clear in all.iter().filter(|clear| clear.webhook == key) {
            let clear = ClearSecret { webhook: ObjectKey::new(tenants.namespace, name), ..clear.clone() };
            if !found.contains(&clear) {
                found.push(clear);
            }
        }
    }
    found
}

fn subscription(tenants: &Tenants<'_>, draft: &Draft<'_>) -> (ObjectKey, String) {
    (tenants.key(draft.account), draft.webhook.spec.external_id.clone().unwrap_or_default())
}
