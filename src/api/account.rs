//! `VendorAccount`: one account at one vendor, and how to log in.

use super::brightpearl::BrightpearlAccount;
use super::contensis::ContensisAccount;
use super::status::AccountStatus;
use super::superoffice::SuperofficeAccount;
use super::{Mode, VendorName};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt as _};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One account at one vendor, and how to log in.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "hooktender.dev",
    version = "v1alpha1",
    kind = "VendorAccount",
    plural = "vendoraccounts",
    singular = "vendoraccount",
    shortname = "va",
    category = "hooktender",
    namespaced,
    status = "AccountStatus",
    derive = "PartialEq",
    doc = "One account at one vendor, and how to log in. Webhooks refer to it by name.",
    printcolumn(
        name = "VENDOR",
        type_ = "string",
        json_path = ".status.vendor",
        description = "The account's vendor."
    ),
    printcolumn(
        name = "READY",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        description = "Whether the vendor can be read."
    ),
    printcolumn(
        name = "REASON",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        description = "Why it is ready or not."
    ),
    printcolumn(
        name = "DECLARED",
        type_ = "integer",
        json_path = ".status.subscriptions.declared",
        description = "Webhooks that refer to this account."
    ),
    printcolumn(
        name = "MANAGED",
        type_ = "integer",
        json_path = ".status.subscriptions.managed",
        description = "Subscriptions at the vendor that belong to one of them."
    ),
    printcolumn(
        name = "UNMANAGED",
        type_ = "integer",
        json_path = ".status.subscriptions.unmanaged",
        description = "Subscriptions at the vendor that no Webhook declares."
    ),
    printcolumn(
        name = "AGE",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Age of the object."
    ),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1,
        description = "What happened last."
    )
)]
#[serde(rename_all = "camelCase")]
pub struct VendorAccountSpec {
    /// The vendor: exactly one key.
    #[x_kube(validation = Rule::new("(has(self.brightpearl) ? 1 : 0) + (has(self.contensis) ? 1 : 0) + (has(self.superoffice) ? 1 : 0) == 1").message("set exactly one vendor: brightpearl, contensis or superoffice"))]
    #[x_kube(validation = Rule::new("has(self.brightpearl) == has(oldSelf.brightpearl) && has(self.contensis) == has(oldSelf.contensis) && has(self.superoffice) == has(oldSelf.superoffice)").message("the vendor cannot be changed: create a new VendorAccount instead"))]
    pub vendor: Vendor,
    /// Upper limit for the mode of every Webhook of the account. Plan: only show what would change, and write nothing at the
    /// vendor. Default Enforce.
    #[serde(default)]
    pub mode: Mode,
    /// True: no call to the vendor. Default false.
    #[serde(default)]
    pub suspend: bool,
    /// How often to read the vendor's list again: 30s to 24h, with a jitter of 10 %. Default 5m.
    #[serde(default = "default_resync")]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]{1,5}(s|m|h))+$') && duration(self) >= duration('30s') && duration(self) <= duration('24h')").message("resyncInterval must be between 30s and 24h, written like 90s, 5m or 1h30m"))]
    #[schemars(length(max = 32))]
    pub resync_interval: String,
    /// What to do about subscriptions that no Webhook declares, which are never changed. Report: list them in the status. Ignore:
    /// only count them. Default Report.
    #[serde(default)]
    pub unmanaged: Unmanaged,
    /// Namespaces whose Webhooks may refer to this account. Default: its own namespace.
    #[serde(default)]
    #[x_kube(validation = Rule::new("(self.from == 'Selector') == has(self.selector)").message("selector is needed with from: Selector, and allowed only with it"))]
    pub allowed_namespaces: AllowedNamespaces,
    /// Whether Webhooks of other namespaces may adopt subscriptions by `externalId`, and report similar ones and duplicates.
    /// Default false: they only have subscriptions that they created, or that equal their declaration in every field.
    #[serde(default)]
    pub allow_guest_adoption: bool,
    /// What happens to Webhooks that are being deleted when the account is being deleted, too, and the vendor refuses its login or
    /// knows the tenant no more. Wait: they wait, as their subscriptions cannot be deleted. Forget: they go, and an event lists what
    /// may have stayed at the vendor. Default Wait.
    #[serde(default)]
    pub when_revoked: WhenRevoked,
    /// When deletions are blocked until a person allows them.
    #[serde(default)]
    pub deletion_guard: DeletionGuard,
    /// Rate limit of calls to the vendor. Default: the vendor's published limit minus a reserve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.reserve < self.requestsPerMinute || self.requestsPerMinute < 1").message("reserve must be smaller than requestsPerMinute: it is the part of them that is left to other clients"))]
    pub rate_limit: Option<RateLimit>,
}

impl VendorAccount {
    /// Whether Webhooks of that namespace may refer to the account. `labels` returns the namespace's labels, or none if they
    /// cannot be read; it is called only if a selector needs them.
    pub fn admits(&self, namespace: &str, labels: impl FnOnce() -> Option<BTreeMap<String, String>>) -> bool {
        let allowed = &self.spec.allowed_namespaces;
        self.metadata.namespace.as_deref() == Some(namespace)
            || match allowed.from {
                NamespacesFrom::All => true,
                NamespacesFrom::Same => false,
                NamespacesFrom::Selector => {
                    let selector = allowed.selector.clone().map(Selector::try_from);
                    let selector = selector.and_then(Result::ok);
                    selector.zip(labels()).is_some_and(|(selector, labels)| selector.matches(&labels))
                }
            }
    }
}

/// One account at one vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Vendor {
    /// A Brightpearl account.
    Brightpearl(BrightpearlAccount),
    /// A Contensis project.
    Contensis(ContensisAccount),
    /// A SuperOffice tenant or installation.
    Superoffice(SuperofficeAccount),
}

impl Vendor {
    /// Returns the identity of the account at the vendor, to which recorded ids belong. Made of immutable fields.
    pub fn identity(&self) -> String {
        match self {
            Self::Brightpearl(account) => format!("brightpearl/{}", account.account),
            Self::Contensis(account) => format!("contensis/{}", account.project),
            Self::Superoffice(account) => match &account.online {
                Some(online) => format!("superoffice/{}", online.customer_id),
                None => "superoffice/onsite".to_owned(),
            },
        }
    }

    /// Returns a key of the account at the vendor, the same for two objects if and only if they have the same subscriptions. In
    /// contrast to [`Self::identity`] it has the server, if several servers may have accounts of that name, and so may change
    /// with the address in the manifest. It is never recorded.
    pub fn remote_account(&self) -> String {
        let server = match self {
            // Account codes are unique on all of the vendor's servers.
            Self::Brightpearl(_) => None,
            Self::Contensis(account) => account.root(),
            Self::Superoffice(account) => match (&account.online, &account.onsite) {
                (Some(online), _) => Some(format!("{:?}", online.environment)),
                (None, onsite) => onsite.as_ref().map(|onsite| onsite.url.clone()),
            },
        };
        let server = server.unwrap_or_default();
        format!("{} {}", self.identity(), server.trim_end_matches('/')).to_ascii_lowercase()
    }

    /// Returns the vendor.
    pub fn name(&self) -> VendorName {
        match self {
            Self::Brightpearl(_) => VendorName::Brightpearl,
            Self::Contensis(_) => VendorName::Contensis,
            Self::Superoffice(_) => VendorName::Superoffice,
        }
    }
}

/// What to do about subscriptions that no Webhook declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Unmanaged {
    /// List them in the account's status.
    #[default]
    Report,
    /// Only count them.
    Ignore,
}

/// What happens to Webhooks that are being deleted with an account whose login is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WhenRevoked {
    /// They wait.
    #[default]
    Wait,
    /// They go, and their subscriptions may stay at the vendor.
    Forget,
}

/// Namespaces whose Webhooks may refer to an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Same: the account's own namespace. All: every namespace. Selector: those that `selector` matches.
    #[serde(default)]
    pub from: NamespacesFrom,
    /// Labels of the namespaces, with `from: Selector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// Which namespaces are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NamespacesFrom {
    /// The account's own namespace.
    #[default]
    Same,
    /// Every namespace.
    All,
    /// Namespaces that the selector matches.
    Selector,
}

/// When deletions are blocked until a person allows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletionGuard {
    /// Deletions are blocked above this share of the account's managed subscriptions, in percent. Default 30.
    #[serde(default = "default_percent")]
    #[x_kube(validation = Rule::new("self >= 0 && self <= 100").message("maxPercent must be between 0 and 100"))]
    pub max_percent: i32,
    /// Fewer deletions than this are never blocked. Default 5.
    #[serde(default = "default_count")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 100000").message("minCount must be between 1 and 100000"))]
    pub min_count: i32,
}

impl Default for DeletionGuard {
    fn default() -> Self {
        Self { max_percent: default_percent(), min_count: default_count() }
    }
}

/// Rate limit of calls to the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Calls per minute that the vendor allows.
    #[x_kube(validation = Rule::new("self >= 1 && self <= 100000").message("requestsPerMinute must be between 1 and 100000"))]
    pub requests_per_minute: i32,
    /// How many of them to leave to other clients. Default 0.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self >= 0").message("reserve must not be negative"))]
    pub reserve: i32,
}

fn default_resync() -> String {
    "5m".into()
}

fn default_percent() -> i32 {
    30
}

fn default_count() -> i32 {
    5
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn remote(vendor: serde_json::Value) -> String {
        serde_json::from_value::<Vendor>(vendor).unwrap().remote_account()
    }

    #[test]
    fn remote_accounts_are_equal_if_and_only_if_their_subscriptions_are() {
        let key = json!({"name": "s", "key": "k"});
        let brightpearl = |address: (&str, &str), code: &str| {
            let credentials = json!({"staffToken": {"appRef": code, "tokenSecretRef": key}});
            let (member, value) = address;
            remote(json!({"brightpearl": {member: value, "account": code, "credentials": credentials}}))
        };
        let contensis = |address: (&str, &str), project: &str| {
            let credentials = json!({"classic": {"usernameSecretRef": key, "passwordSecretRef": key}});
            let (member, value) = address;
            remote(json!({"contensis": {member: value, "project": project, "credentials": credentials}}))
        };
        let superoffice = |server: (&str, serde_json::Value)| {
            let (member, value) = server;
            remote(
                json!({"superoffice": {member: value, "credentials": {"bearer": {"tokenSecretRef": key}}}}),
            )
        };
        let tenant = |environment: &str| json!({"environment": environment, "customerId": "Cust1"});
        let acme = brightpearl(("datacenter", "euw1"), "acme");
        assert_eq!(acme, brightpearl(("url", "https://ws-eu1.brightpearl.com"), "ACME"));
        assert_ne!(acme, brightpearl(("datacenter", "euw1"), "other"));
        let movies = contensis(("alias", "Example"), "movies");
        assert_eq!(movies, contensis(("url", "https://cms-example.cloud.contensis.com/"), "movies"));
        assert_ne!(movies, contensis(("alias", "other"), "movies"), "projects are named within a server");
        assert_ne!(movies, contensis(("alias", "example"), "books"));
        let online = superoffice(("online", tenant("online")));
        assert_eq!(online, superoffice(("online", json!({"customerId": "cust1", "url": "https://h"}))));
        assert_ne!(online, superoffice(("online", tenant("sod"))));
        let onsite = |url: &str| superoffice(("onsite", json!({ "url": url })));
        assert_eq!(onsite("https://crm.example.com/so"), onsite("https://crm.example.com/so/"));
        assert_ne!(onsite("https://crm.example.com/a"), onsite("https://crm.example.com/b"));
    }
}
