//! What `import` prints: Webhooks that declare what exists at a vendor, so that planning them changes nothing.
//!
//! Pure: no I/O, no client, no vendor by name. [`import`] decides, [`yaml()`] spells it out. `name` finds names for the
//! objects, `limits` knows what the CRD refuses, `clear` what looks like a secret.

mod clear;
mod limits;
mod name;
mod reuse;
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
use std::collections::{BTreeSet, HashMap};

/// What is known before anything is imported.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// The account's vendor.
    pub vendor: VendorName,
    /// The account.
    pub account: &'a ObjectKey,
    /// Where the Webhooks are to be.
    pub namespace: &'a str,
    /// Every subscription of the account.
    pub observed: &'a [Observed],
    /// The subscriptions that need no manifest, as a Webhook has them already.
    pub managed: &'a BTreeSet<ExternalId>,
    /// Every Webhook that is known, of whichever account: their names are taken, and their variables are used again.
    pub existing: &'a [Webhook],
    /// Further names that are taken in that namespace.
    pub taken: &'a BTreeSet<String>,
}

/// What becomes of a vendor's list. The same for the same list in another order.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The manifests, the oldest subscription first.
    pub webhooks: Vec<Webhook>,
    /// Values that the vendor does not give back and no Webhook declares yet.
    pub to_fill: Vec<ToFill>,
    /// Values that the vendor shows in clear and that look like secrets.
    pub clear_secrets: Vec<ClearSecret>,
    /// Subscriptions that no manifest can hold.
    pub left_out: Vec<LeftOut>,
}

/// A key of a Secret that a person has to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToFill {
    /// The Webhook. The Secret is in the same namespace.
    pub webhook: ObjectKey,
    /// The field below the subscription, such as `headers.X-Key`.
    pub field: String,
    /// The variable that stands there.
    pub variable: String,
    /// What to fill in.
    pub secret: SecretKeyRef,
    /// Whether the vendor has a value for sure. If not, and it has none, the field and its variable are to be removed.
    pub certain: bool,
}

/// A value in clear that looks like a secret. The value itself is not in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearSecret {
    /// The Webhook that shows it.
    pub webhook: ObjectKey,
    /// The field below the subscription.
    pub field: String,
    /// What makes it look like one, such as `token=`.
    pub mark: &'static str,
}

/// A subscription that no manifest can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The vendor's id. Empty for an item of the vendor's list that shows none that is valid.
    pub id: String,
    /// What it is about and where it goes.
    pub summary: String,
    /// Why.
    pub reasons: Vec<String>,
}

impl LeftOut {
    /// An item of the vendor's list that cannot be read.
    pub fn unreadable(item: &Unreadable) -> Self {
        Self {
            id: item.id.as_ref().map(ToString::to_string).unwrap_or_default(),
            summary: "it cannot be read".into(),
            reasons: vec![item.why.clone()],
        }
    }
}

/// Makes manifests of what exists at the vendor and no Webhook manages.
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
        imported.clear_secrets.extend(clear::secrets(&key, &found));
        let webhook = webhook(before, &key, observed, &found, &mut imported.to_fill);
        imported.webhooks.push(webhook);
    }
    imported
}

/// What is to be imported, in an order of its own: that of the vendor's list may be another one the next time. What a
/// Webhook claims by its id comes first, then the oldest.
fn known_first<'a>(before: &Before<'a>) -> Vec<&'a Observed> {
    let claimed = |observed: &Observed| before.existing.iter().any(|w| reuse::claims(before, w, observed));
    let mut all: Vec<_> = before
        .observed
        .iter()
        .filter(|observed| !before.managed.contains(&observed.id))
        .map(|observed| (!claimed(observed), observed))
        .collect();
    all.sort_by(|(a_new, a), (b_new, b)| (a_new, a.age()).cmp(&(b_new, b.age())));
    // A list that shifts between its pages shows one twice.
    let mut seen = BTreeSet::new();
    all.retain(|(_, observed)| seen.insert(&observed.id));
    all.into_iter().map(|(_, observed)| observed).collect()
}

/// Equal ones among what Webhooks have or are to have: two Webhooks that want the same are in conflict.
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
                "it is equal to {}, and two Webhooks cannot want the same: delete one of the two at the vendor",
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

/// Leaves out what the API server would refuse for its size, whatever its name will be.
fn within_limits<'a>(
    before: &'a Before<'_>,
    observed: &'a Observed,
) -> impl FnOnce(Described) -> Result<Described, Vec<String>> + 'a {
    move |described| {
        let key = ObjectKey::new(before.namespace, "x".repeat(name::LONGEST));
        let probe = webhook(before, &key, observed, &described, &mut Vec::new());
        let reasons = limits::exceeded(&probe);
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
    // An import changes nothing at the vendor, so write-only values must not be sent on adoption.
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

/// One Secret a Webhook, named like it, with a key that reads like the variable.
fn secret_for(key: &ObjectKey, concealed: &Placeholder) -> SecretKeyRef {
    SecretKeyRef { name: key.name.clone(), key: concealed.variable.to_lowercase().replace('_', "-") }
}
