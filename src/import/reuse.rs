//! Reuses what Webhooks declare already for write-only values.

use super::Before;
use crate::api::variables::used;
use crate::api::webhook::{Subscription, Variable};
use crate::api::{Webhook, webhook};
use crate::plan::Observed;
use crate::vendor::{self, Described, Placeholder};
use serde_json::Value;

/// A subscription with the declarations that were reused.
pub(super) struct Reused {
    pub(super) subscription: Subscription,
    /// The variables that were reused.
    pub(super) variables: Vec<Variable>,
    /// The values that are not declared yet.
    pub(super) left: Vec<Placeholder>,
}

/// Reuses what the Webhook with the id of the subscription declares, or else one with the same natural key.
pub(super) fn find(before: &Before<'_>, observed: &Observed, described: &Described) -> Reused {
    // A variable's Secret is in its Webhook's namespace.
    let here = before.existing.iter().filter(|w| w.metadata.namespace.as_deref() == Some(before.namespace));
    let mut candidates: Vec<_> = here
        .filter(|w| w.account() == *before.account)
        .map(|w| (!has_id_of(before, w, observed), w))
        .filter(|(by_key, w)| !by_key || similar(before, w, described))
        .collect();
    candidates.sort_by_key(|(by_key, w)| (*by_key, w.metadata.name.clone()));
    let mut json = serde_json::to_value(&described.subscription).unwrap_or_default();
    let mut reused = Reused {
        subscription: described.subscription.clone(),
        variables: Vec::new(),
        left: described.placeholders.clone(),
    };
    if let Some((_, webhook)) = candidates.first() {
        let declared = serde_json::to_value(&webhook.spec.subscription).unwrap_or_default();
        let name = before.vendor.as_str();
        reused.left.retain(|concealed| {
            let Some(variables) = reuse(webhook, &declared[name], &mut json[name], concealed) else {
                return true;
            };
            for variable in variables {
                if !reused.variables.contains(&variable) {
                    reused.variables.push(variable);
                }
            }
            false
        });
        rename(&mut reused.left, &reused.variables, &mut json[name]);
        if let Ok(subscription) = serde_json::from_value(json) {
            reused.subscription = subscription;
        }
    }
    reused
}

/// Whether a Webhook has the id of this subscription.
pub(super) fn has_id_of(before: &Before<'_>, webhook: &Webhook, observed: &Observed) -> bool {
    let recorded = webhook.status.as_ref().and_then(|status| status.external_id.as_deref());
    let id = webhook.spec.external_id.as_deref().or(recorded);
    webhook.account() == *before.account && id == Some(observed.id.as_str())
}

/// Whether both have the same natural key, in the same spelling.
fn similar(before: &Before<'_>, webhook: &Webhook, described: &Described) -> bool {
    let name = before.vendor.as_str();
    let declared = serde_json::to_value(&webhook.spec.subscription).unwrap_or_default();
    let found = serde_json::to_value(&described.subscription).unwrap_or_default();
    let key = vendor::rules(before.vendor).natural_key;
    declared.get(name).is_some() && key.iter().all(|field| declared[name][field] == found[name][field])
}

/// Writes what the Webhook declares in the same place, and returns the variables in it, if all of them are declared.
fn reuse(
    webhook: &Webhook,
    declared: &Value,
    json: &mut Value,
    concealed: &Placeholder,
) -> Option<Vec<webhook::Variable>> {
    let written = concealed.at.iter().try_fold(declared, |value, step| member(value, step))?.as_str()?;
    let names = used(written);
    let all = &webhook.spec.variables;
    let variables: Option<Vec<_>> =
        names.iter().map(|name| all.iter().find(|variable| variable.name == *name).cloned()).collect();
    let variables = variables.filter(|variables| !variables.is_empty())?;
    write(json, &concealed.at, written);
    Some(variables)
}

/// Renames new variables with the same name as a reused one.
fn rename(left: &mut [Placeholder], variables: &[Variable], json: &mut Value) {
    let mut names: Vec<_> = variables.iter().map(|variable| variable.name.clone()).collect();
    names.extend(left.iter().map(|concealed| concealed.variable.clone()));
    for concealed in left {
        if !variables.iter().any(|variable| variable.name == concealed.variable) {
            continue;
        }
        let numbered = (2_u64..).map(|number| format!("{}_{number}", concealed.variable));
        if let Some(name) = numbered.into_iter().find(|name| !names.contains(name)) {
            write(json, &concealed.at, &format!("$({name})"));
            names.push(name.clone());
            concealed.variable = name;
        }
    }
}

fn write(json: &mut Value, at: &[String], text: &str) {
    if let Some(place) = at.iter().try_fold(json, |value, step| value.get_mut(step)) {
        *place = text.into();
    }
}

/// Returns a member, ignoring case, as header names do.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let all = value.as_object()?;
    all.get(name).or_else(|| all.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v))
}
