//! References within manifest files: a Webhook's account, its variables, their Secrets, and other Webhooks. Pure.

use super::findings::Findings;
use super::sets::{Lacking, SetMembers, TEMPLATE, members};
use crate::api::account::NamespacesFrom;
use crate::api::webhook::Subscription;
use crate::api::{ObjectKey, VendorAccount, Webhook};
use crate::engine::cluster::secrets::account_keys;
use crate::engine::cluster::values::Values;
use crate::engine::dependency::{Dependency, NamedKeys};
use crate::engine::inputs::variables::{self, Variables};
use crate::manifest::{Manifests, Placed, did_you_mean};
use crate::vendor;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use std::collections::BTreeMap;

/// Replaces a value that is in none of the files. It is valid for every use of a value, also as an address.
const PLACEHOLDER: &str = "https://placeholder.invalid";

/// Checks the references of all objects; sorted by their place.
pub(super) fn findings(files: &Manifests) -> Findings {
    let accounts: BTreeMap<_, _> =
        files.accounts.iter().map(|account| (ObjectKey::of(&account.object), account)).collect();
    let mut findings = Findings::default();
    let of_sets = members(files, &mut findings);
    let values = values(files, &of_sets);
    for account in &files.accounts {
        check_login(account, &values, &mut findings);
    }
    for webhook in &files.webhooks {
        let account = account_of(webhook, &accounts, &mut findings);
        check_values(webhook, account, &values, &mut findings);
    }
    for of_set in &of_sets {
        check_members(of_set, &values, &mut findings);
    }
    check_duplicates(files, &accounts, &mut findings);
    findings.problems.sort();
    findings.warnings.sort();
    findings
}

/// Returns the values of the files, with placeholders for those of Secrets and ConfigMaps that are in none of them.
fn values(files: &Manifests, of_sets: &[SetMembers<'_>]) -> Values {
    let mut named = NamedKeys::new();
    for account in &files.accounts {
        let namespace = account.object.namespace().unwrap_or_default();
        for (from, key) in account_keys(&account.object.spec.vendor, &namespace) {
            named.entry(from).or_default().insert(key);
        }
    }
    let of_sets = of_sets.iter().flat_map(|of_set| &of_set.members).map(|member| &member.webhook);
    for (from, key) in
        files.webhooks.iter().chain(of_sets).flat_map(|webhook| variables::keys(&webhook.object))
    {
        named.entry(from).or_default().insert(key.to_owned());
    }
    let mut values = Values::default();
    for (from, keys) in named {
        let ObjectKey { namespace, name } = from.key().clone();
        let metadata = ObjectMeta { namespace: Some(namespace), name: Some(name), ..ObjectMeta::default() };
        match from {
            Dependency::Secret(_) => {
                let data = keys.into_iter().map(|key| (key, ByteString(PLACEHOLDER.into())));
                values.add_secret(Secret { metadata, data: Some(data.collect()), ..Secret::default() });
            }
            Dependency::ConfigMap(_) => {
                let data = keys.into_iter().map(|key| (key, PLACEHOLDER.to_owned()));
                values.add_config_map(ConfigMap {
                    metadata,
                    data: Some(data.collect()),
                    ..ConfigMap::default()
                });
            }
        }
    }
    // Replaces placeholders: a key that an object of the files lacks is missing.
    files.secrets.iter().for_each(|secret| values.add_secret(secret.object.clone()));
    files.config_maps.iter().for_each(|map| values.add_config_map(map.object.clone()));
    values
}

/// Checks that the Secrets of the files have the keys that an account logs in with.
fn check_login(account: &Placed<VendorAccount>, values: &Values, findings: &mut Findings) {
    let namespace = account.object.namespace().unwrap_or_default();
    for needed in vendor::secret_refs(&account.object.spec.vendor).keys.iter().filter(|one| !one.optional) {
        let from = Dependency::Secret(ObjectKey::new(&namespace, &needed.at.name));
        if let Err(missing) = values.get(&from, &needed.at.key) {
            findings.problem(account, "spec.vendor", missing);
        }
    }
}

/// Returns the account of a Webhook if it is in the files, and checks that it takes the Webhook.
fn account_of<'a>(
    webhook: &Placed<Webhook>,
    accounts: &BTreeMap<ObjectKey, &'a Placed<VendorAccount>>,
    findings: &mut Findings,
) -> Option<&'a VendorAccount> {
    let (object, key) = (&webhook.object, webhook.object.account());
    let Some(account) = accounts.get(&key) else {
        let known = accounts.keys().filter(|known| known.namespace == key.namespace).map(|known| &known.name);
        let advice = did_you_mean(&key.name, known);
        let message = format!("VendorAccount {key} is in none of the files{advice}");
        findings.warn(webhook, "spec.accountRef.name", message);
        return None;
    };
    let account = &account.object;
    let (declared, actual) = (object.spec.subscription.vendor(), account.spec.vendor.name());
    if declared != actual {
        let message = format!(
            "the subscription is for {declared} and VendorAccount {key} is at {actual}: refer to an account of {declared}"
        );
        findings.problem(webhook, "spec.subscription", message);
        return None;
    }
    if object.is_guest() {
        // The labels that a selector reads are those of the cluster.
        if account.spec.allowed_namespaces.from == NamespacesFrom::Same {
            let message = format!(
                "VendorAccount {key} does not allow Webhooks of other namespaces: widen its spec.allowedNamespaces"
            );
            findings.problem(webhook, "spec.accountRef", message);
        }
        if object.spec.external_id.is_some() && !account.spec.allow_guest_adoption {
            let message = format!(
                "VendorAccount {key} does not let Webhooks of other namespaces adopt: remove externalId, or set its spec.allowGuestAdoption: true"
            );
            findings.problem(webhook, "spec.externalId", message);
        }
    }
    Some(account)
}

/// Checks that the variables have values which fit into the subscription.
fn check_values(
    webhook: &Placed<Webhook>,
    account: Option<&VendorAccount>,
    values: &Values,
    findings: &mut Findings,
) {
    let subscription = &webhook.object.spec.subscription;
    if let Subscription::Unreadable { error, .. } = subscription {
        return findings.problem(webhook, "spec.subscription", error);
    }
    let variables = match Variables::resolve(&webhook.object, values) {
        Ok(variables) => variables,
        Err(missing) => return findings.problem(webhook, "spec.variables", missing),
    };
    let mut expansion = variables.expansion();
    match vendor::desired(subscription, &mut |text, usage| expansion.expand(text, usage)) {
        Err(error) => findings.problem(webhook, "spec.subscription", error.to_string()),
        Ok(document) => {
            let refused = account.and_then(|account| vendor::refusal(&account.spec.vendor, &document));
            if let Some(refused) = refused {
                findings.problem(webhook, "spec.subscription", refused);
            } else if let Some(advice) = vendor::advice(subscription.vendor(), &document) {
                findings.warn(webhook, "spec.subscription", advice);
            }
        }
    }
}

/// Checks the variables of a set's members. What all of them lack is said once.
fn check_members(of_set: &SetMembers<'_>, values: &Values, findings: &mut Findings) {
    let (mut problems, mut warnings) = (Lacking::default(), Lacking::default());
    for member in &of_set.members {
        let mut found = Findings::default();
        check_values(&member.webhook, Some(&member.account), values, &mut found);
        let name = || member.webhook.object.name_any();
        found.problems.into_iter().for_each(|problem| problems.add(problem.message, name()));
        found.warnings.into_iter().for_each(|warning| warnings.add(warning.message, name()));
    }
    problems.messages().for_each(|message| findings.problem(of_set.set, TEMPLATE, message));
    warnings.messages().for_each(|message| findings.warn(of_set.set, TEMPLATE, message));
}

/// Finds Webhooks that declare the same subscription at the same account: only one of them can have it.
fn check_duplicates(
    files: &Manifests,
    accounts: &BTreeMap<ObjectKey, &Placed<VendorAccount>>,
    findings: &mut Findings,
) {
    let mut seen: BTreeMap<_, &Placed<Webhook>> = BTreeMap::new();
    for webhook in &files.webhooks {
        let key = webhook.object.account();
        let remote = accounts.get(&key).map(|account| account.object.spec.vendor.remote_account());
        let spec = &webhook.object.spec;
        let Ok(declared) = serde_json::to_string(&(&spec.subscription, &spec.variables)) else { continue };
        // Variables of other namespaces have other values.
        let namespace = (!spec.variables.is_empty()).then(|| webhook.object.namespace());
        let what = (remote.unwrap_or_else(|| key.to_string()), namespace, declared);
        match seen.get(&what) {
            Some(first) => {
                let message = format!(
                    "declares the same subscription as Webhook {} at {}, and only one of them can have it: remove one, or make them differ",
                    ObjectKey::of(&first.object),
                    first.place
                );
                findings.problem(webhook, "metadata.name", message);
            }
            None => {
                seen.insert(what, webhook);
            }
        }
    }
}

#[cfg(test)]
mod tests;
