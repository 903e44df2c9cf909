//! References within manifest files: a Webhook's account, its variables, their Secrets, and other Webhooks. Pure.

use crate::api::account::NamespacesFrom;
use crate::api::webhook::Subscription;
use crate::api::{ObjectKey, VendorAccount, Webhook};
use crate::engine::cluster::secrets::account_keys;
use crate::engine::cluster::values::Values;
use crate::engine::dependency::{Dependency, NamedKeys};
use crate::engine::inputs::variables::{self, Variables};
use crate::manifest::{Manifests, Placed, Problem, did_you_mean};
use crate::vendor;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use std::collections::BTreeMap;

/// Replaces a value that is in none of the files. It is valid for every use of a value, also as an address.
const PLACEHOLDER: &str = "https://placeholder.invalid";

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What cannot work, whatever the cluster has.
    pub(super) problems: Vec<Problem>,
    /// What works or not depending on the cluster or the vendor.
    pub(super) warnings: Vec<Problem>,
}

impl Findings {
    fn problem<T>(&mut self, object: &Placed<T>, path: &str, message: impl Into<String>) {
        self.problems.push(at(object, path, message));
    }

    fn warn<T>(&mut self, object: &Placed<T>, path: &str, message: impl Into<String>) {
        self.warnings.push(at(object, path, message));
    }
}

fn at<T>(object: &Placed<T>, path: &str, message: impl Into<String>) -> Problem {
    Problem { place: Some(object.place_of(path)), message: message.into() }
}

/// Checks the references of all objects; sorted by their place.
pub(super) fn findings(files: &Manifests) -> Findings {
    let accounts: BTreeMap<_, _> =
        files.accounts.iter().map(|account| (ObjectKey::of(&account.object), account)).collect();
    let values = values(files);
    let mut findings = Findings::default();
    for account in &files.accounts {
        check_login(account, &values, &mut findings);
    }
    for webhook in &files.webhooks {
        let account = account_of(webhook, &accounts, &mut findings);
        check_values(webhook, account, &values, &mut findings);
    }
    check_duplicates(files, &accounts, &mut findings);
    findings.problems.sort();
    findings.warnings.sort();
    findings
}

/// Returns the values of the files, with placeholders for those of Secrets and ConfigMaps that are in none of them.
fn values(files: &Manifests) -> Values {
    let mut named = NamedKeys::new();
    for account in &files.accounts {
        let namespace = account.object.namespace().unwrap_or_default();
        for (from, key) in account_keys(&account.object.spec.vendor, &namespace) {
            named.entry(from).or_default().insert(key);
        }
    }
    for (from, key) in files.webhooks.iter().flat_map(|webhook| variables::keys(&webhook.object)) {
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
mod tests {
    use super::*;
    use crate::manifest::parse;

    const ACCOUNT: &str = "
apiVersion: hooktender.dev/v1alpha1
kind: VendorAccount
metadata: {name: bp, namespace: shop}
spec:
  vendor:
    brightpearl:
      datacenter: euw1
      account: acme
      credentials: {staffToken: {appRef: acme_ops, tokenSecretRef: {name: login, key: token}}}
";
    const BODY: &str = "'${account-code} ${resource-type} ${resource-id} ${lifecycle-event}'";

    fn webhook(name: &str, more: &str) -> String {
        format!(
            "---
apiVersion: hooktender.dev/v1alpha1
kind: Webhook
metadata: {{name: {name}, namespace: shop}}
spec:
  accountRef: {{name: bp}}
  subscription:
    brightpearl: {{subscribeTo: product, httpMethod: POST, contentType: text/plain, bodyTemplate: {BODY}, uriTemplate: 'https://h/{name}'}}
{more}"
        )
    }

    /// Returns problems and warnings of a file.
    fn found(text: &str) -> (Vec<String>, Vec<String>) {
        let files = parse("a.yaml", text.as_bytes(), "default").unwrap_or_else(|all| panic!("{all:?}"));
        let Findings { problems, warnings } = findings(&files);
        let lines = |all: Vec<Problem>| all.iter().map(ToString::to_string).collect();
        (lines(problems), lines(warnings))
    }

    #[track_caller]
    fn one_problem(text: &str, says: &str) {
        let (problems, _) = found(text);
        assert!(problems.len() == 1 && problems[0].contains(says), "{says:?} in {problems:#?}");
        assert!(problems[0].starts_with("a.yaml:"), "{problems:?}");
    }

    #[test]
    fn complete_files_have_no_findings_and_need_no_secrets() {
        let variables = "  variables: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n";
        let used = webhook("a", variables).replace("https://h/a", "$(A)/a");
        assert_eq!(found(&format!("{ACCOUNT}{used}{}", webhook("b", ""))), (vec![], vec![]));
    }

    #[test]
    fn an_account_that_is_in_no_file_is_a_warning_with_advice() {
        let typo = webhook("a", "").replace("{name: bp}", "{name: pb}");
        let (problems, warnings) = found(&format!("{ACCOUNT}{typo}"));
        assert_eq!(problems, [""; 0]);
        assert_eq!(
            warnings,
            ["a.yaml:16:22: VendorAccount shop/pb is in none of the files: did you mean bp?"]
        );
    }

    #[test]
    fn what_the_account_does_not_take_is_a_problem() {
        let guest = webhook("a", "")
            .replace("namespace: shop", "namespace: web")
            .replace("{name: bp}", "{name: bp, namespace: shop}");
        one_problem(&format!("{ACCOUNT}{guest}"), "does not allow Webhooks of other namespaces");
        let open = ACCOUNT.replace("spec:", "spec:\n  allowedNamespaces: {from: All}");
        assert_eq!(found(&format!("{open}{guest}")).0, [""; 0]);
        let adopts = guest.replace("spec:", "spec:\n  externalId: '7'");
        one_problem(&format!("{open}{adopts}"), "does not let Webhooks of other namespaces adopt");
        let other = "    superoffice: {name: a, events: [contact.created], targetUrl: 'https://h'}\n";
        let (head, _) = webhook("a", "")
            .split_once("    brightpearl:")
            .map(|(head, tail)| (head.to_owned(), tail.to_owned()))
            .unwrap();
        one_problem(
            &format!("{ACCOUNT}{head}{other}"),
            "the subscription is for superoffice and VendorAccount shop/bp is at brightpearl",
        );
    }

    #[test]
    fn keys_are_looked_up_in_the_secrets_of_the_files() {
        let secret = |name: &str, data: &str| {
            format!(
                "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: shop}}\nstringData: {data}\n"
            )
        };
        one_problem(
            &format!("{ACCOUNT}{}", secret("login", "{other: x}")),
            "Secret shop/login has no key token: add it",
        );
        one_problem(
            &format!("{ACCOUNT}{}", secret("login", "{token: ''}")),
            "the key token of Secret shop/login is empty",
        );
        let variables = "  variables: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n";
        let used = webhook("a", variables).replace("https://h/a", "https://h/$(A)");
        one_problem(
            &format!("{ACCOUNT}{used}{}", secret("s", "{other: x}")),
            "variable A: Secret shop/s has no key k",
        );
        assert_eq!(found(&format!("{ACCOUNT}{used}{}", secret("s", "{k: x}"))).0, [""; 0]);
    }

    #[test]
    fn an_undeclared_variable_is_a_problem() {
        let used = webhook("a", "").replace("https://h/a", "https://h/$(A)");
        one_problem(&format!("{ACCOUNT}{used}"), "$(A) is used but not declared");
    }

    #[test]
    fn the_same_subscription_twice_is_a_problem() {
        let (a, b) = (webhook("a", ""), webhook("b", "").replace("https://h/b", "https://h/a"));
        one_problem(
            &format!("{ACCOUNT}{a}{b}"),
            "declares the same subscription as Webhook shop/a at a.yaml:12:1",
        );
        let other = ACCOUNT.replace("{name: bp,", "{name: copy,");
        let b = b.replace("{name: bp}", "{name: copy}");
        one_problem(
            &format!("{ACCOUNT}---{other}{a}{b}"),
            "declares the same subscription as Webhook shop/a",
        );
    }

    #[test]
    fn what_the_vendor_is_likely_to_refuse_is_a_warning() {
        let bare = webhook("a", "").replace(BODY, "x");
        let (problems, warnings) = found(&format!("{ACCOUNT}{bare}"));
        assert_eq!(problems, [""; 0]);
        assert!(warnings.len() == 1 && warnings[0].contains("${account-code}"), "{warnings:?}");
    }
}
