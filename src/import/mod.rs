//! The output of `import`: Webhooks that declare what exists at a vendor, so that planning them changes nothing.
//!
//! Pure: no I/O, no client, no vendor by name. [`import`] makes the Webhooks, [`yaml()`] writes them. `name` finds names for the
//! objects, `limits` checks the limits of the CRD, `clear` finds values that look like secrets, `set` makes WebhookSets of what the
//! imports of several accounts have in common.

mod clear;
mod limits;
mod name;
mod reuse;
pub(crate) mod set;
mod yaml;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use yaml::yaml;

use crate::api::webhook::{
    AccountRef, Adoption, DeletionPolicy, DriftPolicy, ValueFrom, Variable, WriteOnlyValues,
};
use crate::api::{Mode, ObjectKey, SecretKeyRef, VendorName, Webhook, WebhookSpec};
use crate::plan::{ExternalId, Observed, Redactor, Rules, Unreadable, order};
use crate::vendor::{self, Described, Placeholder};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The input of an import.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// The account's vendor.
    pub vendor: VendorName,
    /// The account.
    pub account: &'a ObjectKey,
    /// The namespace of the new Webhooks.
    pub namespace: &'a str,
    /// Every subscription of the account.
    pub observed: &'a [Observed],
    /// The subscriptions that a Webhook has already, so that they are not imported.
    pub managed: &'a BTreeSet<ExternalId>,
    /// All known Webhooks of any account. Their names are taken, and their variables are used again.
    pub existing: &'a [Webhook],
    /// Further names that are taken in that namespace.
    pub taken: &'a BTreeSet<String>,
}

/// The result of an import. It does not depend on the order of the vendor's list.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The manifests, the oldest subscription first.
    pub webhooks: Vec<Webhook>,
    /// Write-only values that no Webhook declares yet.
    pub to_fill: Vec<ToFill>,
    /// Values that the vendor shows in clear text and that look like secrets.
    pub clear_secrets: Vec<ClearSecret>,
    /// Subscriptions that no manifest can declare.
    pub left_out: Vec<LeftOut>,
    /// What each Webhook is about, by its name: the text that the name was made of.
    pub titles: BTreeMap<String, String>,
}

/// A key of a Secret that a person has to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToFill {
    /// The Webhook. The Secret is in the same namespace.
    pub webhook: ObjectKey,
    /// The field below the subscription, such as `headers.X-Key`.
    pub field: String,
    /// The variable in the manifest.
    pub variable: String,
    /// The key to fill in.
    pub secret: SecretKeyRef,
    /// Whether the vendor certainly has a value. Otherwise it may have none, and then the field and its variable are to be removed.
    pub certain: bool,
}

/// A value in clear text that looks like a secret, without the value itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearSecret {
    /// The Webhook that shows it.
    pub webhook: ObjectKey,
    /// The field below the subscription.
    pub field: String,
    /// The reason why it looks like one, such as `token=`.
    pub mark: &'static str,
}

/// A subscription that no manifest can declare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The vendor's id. Empty for an item of the vendor's list without a valid one.
    pub id: String,
    /// Its subject and its receiver.
    pub summary: String,
    /// Why.
    pub reasons: Vec<String>,
}

impl LeftOut {
    /// Makes an entry for an item of the vendor's list that cannot be read.
    pub fn unreadable(item: &Unreadable) -> Self {
        Self {
            id: item.id.as_ref().map(ToString::to_string).unwrap_or_default(),
            summary: "it cannot be read".into(),
            reasons: vec![item.why.clone()],
        }
    }
}

/// Makes Webhooks for the subscriptions that no Webhook manages.
pub fn import(before: &Before<'_>) -> Imported {
    let mut imported = Imported::default();
    let mut described = Vec::new();
    let mut equals = Equals::of_managed(before);
    for observed in known_first(before) {
        let found = vendor::describe(before.vendor, observed).and_then(within_limits(before, observed));
        match found.and_then(|found| equals.none_of(observed).map(|()| found)) {
            Ok(found) => described.push((observed, found)),
            Err(reasons) => imported.left_out.push(LeftOut {
                id: observed.id.to_string(),
                summary: observed.summary.clone(),
                reasons,
            }),
        }
    }
    described.sort_by(|(a, _), (b, _)| a.age().cmp(&b.age()));
    imported.left_out.sort_by(|a, b| order(&a.id).cmp(&order(&b.id)));
    let names = name::names(before, &described);
    for ((observed, found), name) in described.into_iter().zip(names) {
        let key = ObjectKey::new(before.namespace, name);
        imported.titles.insert(key.name.clone(), found.title.clone());
        imported.clear_secrets.extend(clear::secrets(&key, &found));
        let webhook = webhook(before, &key, observed, &found, &mut imported.to_fill);
        imported.webhooks.push(webhook);
    }
    imported
}

/// Returns the subscriptions to import, in an order that does not depend on that of the vendor's list: those with the id of a
/// Webhook first, then the oldest.
fn known_first<'a>(before: &Before<'a>) -> Vec<&'a Observed> {
    let claimed = |observed: &Observed| before.existing.iter().any(|w| reuse::has_id_of(before, w, observed));
    let mut all: Vec<_> = before
        .observed
        .iter()
        .filter(|observed| !before.managed.contains(&observed.id))
        .map(|observed| (!claimed(observed), observed))
        .collect();
    all.sort_by(|(a_new, a), (b_new, b)| (a_new, a.age()).cmp(&(b_new, b.age())));
    // A list that shifts between its pages has a subscription twice.
    let mut seen = BTreeSet::new();
    all.retain(|(_, observed)| seen.insert(&observed.id));
    all.into_iter().map(|(_, observed)| observed).collect()
}

/// The subscriptions that Webhooks have or are to have, to find equal ones: two Webhooks that declare the same are in conflict.
struct Equals<'a> {
    rules: &'static Rules,
    known: HashMap<String, Vec<&'a Observed>>,
}

impl<'a> Equals<'a> {
    fn of_managed(before: &Before<'a>) -> Self {
        let mut equals = Self { rules: vendor::rules(before.vendor), known: HashMap::new() };
        for observed in before.observed.iter().filter(|observed| before.managed.contains(&observed.id)) {
            equals.same(observed).push(observed);
        }
        equals
    }

    fn none_of(&mut self, observed: &'a Observed) -> Result<(), Vec<String>> {
        let rules = self.rules;
        let same = self.same(observed);
        if let Some(other) = same.iter().find(|other| rules.equal(&other.document, &observed.document)) {
            return Err(vec![format!(
                "it is equal to {}, but two Webhooks cannot declare the same subscription: delete one of the two at the vendor",
                other.id
            )]);
        }
        same.push(observed);
        Ok(())
    }

    fn same(&mut self, observed: &Observed) -> &mut Vec<&'a Observed> {
        self.known.entry(self.rules.fingerprint(&observed.document, &Redactor::default())).or_default()
    }
}

/// Refuses what the API server would refuse for its size, with a name of any length.
fn within_limits<'a>(
    before: &'a Before<'_>,
    observed: &'a Observed,
) -> impl FnOnce(Described) -> Result<Described, Vec<String>> + 'a {
    move |described| {
        let key = ObjectKey::new(before.namespace, "x".repeat(name::LONGEST));
        let probe = webhook(before, &key, observed, &described, &mut Vec::new());
        let reasons = limits::exceeded("Webhook", &probe.spec);
        if reasons.is_empty() { Ok(described) } else { Err(reasons) }
    }
}

fn webhook(
    before: &Before<'_>,
    key: &ObjectKey,
    observed: &Observed,
    described: &Described,
    to_fill: &mut Vec<ToFill>,
) -> Webhook {
    let reused = reuse::find(before, observed, described);
    let mut variables = reused.variables;
    for concealed in reused.left {
        let secret = secret_for(key, &concealed);
        variables.push(Variable {
            name: concealed.variable.clone(),
            value: None,
            value_from: Some(ValueFrom { secret_key_ref: Some(secret.clone()), config_map_key_ref: None }),
        });
        let Placeholder { field, variable, certain, .. } = concealed;
        to_fill.push(ToFill { webhook: key.clone(), field, variable, secret, certain });
    }
    // An import must change nothing at the vendor, so that write-only values are not sent on adoption.
    let adoption = Adoption { write_only_values: WriteOnlyValues::Trust };
    let adoption = (!described.placeholders.is_empty()).then_some(adoption);
    let elsewhere = before.account.namespace != before.namespace;
    let mut webhook = Webhook::new(
        &key.name,
        WebhookSpec {
            account_ref: AccountRef {
                name: before.account.name.clone(),
                namespace: elsewhere.then(|| before.account.namespace.clone()),
            },
            subscription: reused.subscription,
            variables,
            mode: Mode::default(),
            drift_policy: DriftPolicy::default(),
            deletion_policy: DeletionPolicy::default(),
            external_id: Some(observed.id.as_str().to_owned()),
            adoption,
            suspend: false,
        },
    );
    webhook.metadata.namespace = Some(key.namespace.clone());
    webhook
}

/// Returns the Secret key for a value: one Secret a Webhook, with its name, and a key that is named like the variable.
fn secret_for(key: &ObjectKey, concealed: &Placeholder) -> SecretKeyRef {
    SecretKeyRef { name: key.name.clone(), key: concealed.variable.to_lowercase().replace('_', "-") }
}
