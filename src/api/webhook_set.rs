//! `WebhookSet`: the same subscription at every account that a selector matches.
//!
//! A template is no `WebhookSpec`: it has no `accountRef` and no `externalId`, which belong to one account, and its variables may come
//! from the account. The set inserts these values, so that a member is an ordinary Webhook.

// The names of the Kubernetes API end with `Ref`. The derive of `KubeSchema` repeats each struct, so that the lint is off for the file.
#![allow(clippy::struct_field_names)]

use super::account::AllowedNamespaces;
use super::status::WebhookSetStatus;
use super::update_strategy::UpdateStrategy;
use super::webhook::{Adoption, DeletionPolicy, DriftPolicy, Subscription};
use super::{GROUP, Mode};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use kube::{CustomResource, KubeSchema, Resource};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The same subscription at every account that a selector matches.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "hooktender.dev",
    version = "v1alpha1",
    kind = "WebhookSet",
    plural = "webhooksets",
    singular = "webhookset",
    shortname = "whs",
    category = "hooktender",
    namespaced,
    status = "WebhookSetStatus",
    derive = "PartialEq",
    doc = "The same subscription at every account that a selector matches: it makes one Webhook for each of them.",
    printcolumn(
        name = "MEMBERS",
        type_ = "integer",
        json_path = ".status.members",
        description = "Accounts that the selector matches."
    ),
    printcolumn(
        name = "UPDATED",
        type_ = "integer",
        json_path = ".status.updated",
        description = "Members whose Webhook is as the template declares."
    ),
    printcolumn(
        name = "READY",
        type_ = "integer",
        json_path = ".status.ready",
        description = "Members whose Webhook is ready."
    ),
    printcolumn(
        name = "DRIFTED",
        type_ = "integer",
        json_path = ".status.drifted",
        description = "Members whose subscription was changed at the vendor."
    ),
    printcolumn(
        name = "UNDELIVERED",
        type_ = "integer",
        json_path = ".status.notDelivering",
        description = "Members whose vendor does not deliver."
    ),
    printcolumn(
        name = "BLOCKED",
        type_ = "integer",
        json_path = ".status.blocked",
        description = "Members that wait for a person."
    ),
    printcolumn(
        name = "REASON",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        description = "Why the set is ready or not."
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
        description = "What happened last, and what to do."
    )
)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSetSpec {
    /// Labels of the VendorAccounts that get a Webhook. An empty selector matches all.
    pub account_selector: LabelSelector,
    /// Namespaces whose VendorAccounts the selector may match, as far as their `allowedNamespaces` allow the set's namespace.
    /// Default: the set's own namespace.
    #[serde(default)]
    #[x_kube(validation = Rule::new("(self.from == 'Selector') == has(self.selector)").message("selector is needed with from: Selector, and allowed only with it"))]
    pub account_namespaces: AllowedNamespaces,
    /// The Webhook that each matching account gets.
    pub template: WebhookTemplate,
    /// How members follow a change of the template.
    #[serde(default)]
    pub update_strategy: UpdateStrategy,
    /// True: no Webhook is created, changed or deleted; only the status is written. Default false.
    #[serde(default)]
    pub paused: bool,
    /// Which changes of many members at once are blocked until a person allows them.
    #[serde(default)]
    pub guard: SetGuard,
}

/// Returns the WebhookSet that manages an object, if one does.
pub fn managing_set(object: &impl Resource) -> Option<&OwnerReference> {
    object.meta().owner_references.iter().flatten().find(|owner| is_set(owner))
}

/// Whether an owner is a WebhookSet that manages the object.
pub fn is_set(owner: &OwnerReference) -> bool {
    let group = owner.api_version.split('/').next();
    owner.controller == Some(true) && owner.kind == WebhookSet::kind(&()) && group == Some(GROUP)
}

/// A Webhook without account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookTemplate {
    /// Labels and annotations of the Webhooks.
    #[serde(default, skip_serializing_if = "TemplateMetadata::is_empty")]
    pub metadata: TemplateMetadata,
    /// The spec of the Webhooks, without `accountRef` and `externalId`.
    pub spec: TemplateSpec,
}

/// Labels and annotations of the Webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateMetadata {
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[x_kube(validation = Rule::new("self.all(k, !k.startsWith('hooktender.dev/'))").message("hooktender writes the labels of hooktender.dev: use another prefix"))]
    #[schemars(extend("maxProperties" = 32))]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[x_kube(validation = Rule::new("self.all(k, !k.startsWith('hooktender.dev/'))").message("annotations of hooktender.dev are for a single Webhook: set them there"))]
    #[schemars(extend("maxProperties" = 32))]
    pub annotations: BTreeMap<String, String>,
}

impl TemplateMetadata {
    fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }
}

/// The spec of a Webhook without what belongs to one account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!has(self.subscription.superoffice) || !has(self.subscription.superoffice.secret) || !has(self.variables) || self.variables.all(v, '$(' + v.name + ')' != self.subscription.superoffice.secret || (has(v.valueFrom) && has(v.valueFrom.secretKeyRef)))")
        .message("superoffice.secret must use a variable from a Secret: give that variable valueFrom.secretKeyRef")
)]
#[serde(rename_all = "camelCase")]
pub struct TemplateSpec {
    /// The subscription: exactly one key, the accounts' vendor. The key cannot be changed.
    #[x_kube(validation = Rule::new("(has(self.brightpearl) ? 1 : 0) + (has(self.contensis) ? 1 : 0) + (has(self.superoffice) ? 1 : 0) == 1").message("set exactly one vendor, the accounts': brightpearl, contensis or superoffice"))]
    #[x_kube(validation = Rule::new("has(self.brightpearl) == has(oldSelf.brightpearl) && has(self.contensis) == has(oldSelf.contensis) && has(self.superoffice) == has(oldSelf.superoffice)").message("the vendor cannot be changed: create a new WebhookSet instead"))]
    pub subscription: Subscription,
    /// Values for `$(NAME)` in any string of `subscription`, as in a Webhook. They may also come from the account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, a.name == b.name))").message("two variables have the same name: keep one of them"))]
    #[schemars(length(max = 64))]
    pub variables: Vec<TemplateVariable>,
    /// Enforce: apply changes at the vendor. Plan: only show what would change. Default Enforce.
    #[serde(default)]
    pub mode: Mode,
    /// Correct: undo changes that were made at the vendor. Report: show them and leave them. Default Correct.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
    /// Delete: the subscriptions are deleted with the Webhooks. Retain: they stay at the vendor. Default Delete.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// How to adopt existing subscriptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
    /// True: nothing is read or written for these Webhooks. Default false.
    #[serde(default)]
    pub suspend: bool,
}

/// A value for `$(NAME)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.value) != has(self.valueFrom)")
        .message("set exactly one of value and valueFrom")
)]
#[serde(rename_all = "camelCase")]
pub struct TemplateVariable {
    /// Name, as in `$(NAME)`.
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z_][A-Za-z0-9_.-]*$')").message("a variable name must start with a letter or _ and go on with letters, digits, _, - and ."))]
    #[schemars(length(max = 200))]
    pub name: String,
    /// A literal value. Not for secrets: everybody who can read the object can read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub value: Option<String>,
    /// The source of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<TemplateValueFrom>,
}

/// The source of a variable's value: exactly one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("(has(self.secretKeyRef) ? 1 : 0) + (has(self.configMapKeyRef) ? 1 : 0) + (has(self.accountRef) ? 1 : 0) == 1")
        .message("set exactly one of secretKeyRef, configMapKeyRef and accountRef in valueFrom")
)]
#[serde(rename_all = "camelCase")]
pub struct TemplateValueFrom {
    /// A key of a Secret in the set's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<TemplateKeyRef>,
    /// A key of a ConfigMap in the set's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<TemplateKeyRef>,
    /// Metadata of the VendorAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ref: Option<AccountField>,
}

/// One key of a Secret or ConfigMap, whose name may have variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateKeyRef {
    /// Name of the object. It may have `$(NAME)` of variables further up in the list with a `value` or an `accountRef`, such as
    /// `hook-$(TENANT)`. Values of accounts in another namespace than the set's are refused here.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name must not be empty: give the name of the Secret or ConfigMap"))]
    #[x_kube(validation = Rule::new("size(self) == 0 || self.matches('^([a-z0-9.-]|[$][(][A-Za-z_][A-Za-z0-9_.-]*[)])+$')").message("name must consist of lower case letters, digits, -, . and variables such as $(TENANT)"))]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Key in the object's `data`.
    #[x_kube(validation = Rule::new("size(self) > 0").message("key must not be empty: give the key in the Secret or ConfigMap"))]
    #[schemars(length(max = 253))]
    pub key: String,
}

/// Metadata of a VendorAccount: exactly one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("(has(self.label) ? 1 : 0) + (has(self.annotation) ? 1 : 0) + (has(self.name) ? 1 : 0) == 1")
        .message("set exactly one of label, annotation and name in accountRef")
)]
#[serde(rename_all = "camelCase")]
pub struct AccountField {
    /// The value of this label of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("size(self) > 0").message("label must not be empty: give the name of a label"))]
    #[schemars(length(max = 317))]
    pub label: Option<String>,
    /// The value of this annotation of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("size(self) > 0").message("annotation must not be empty: give the name of an annotation"))]
    #[schemars(length(max = 317))]
    pub annotation: Option<String>,
    /// True: the account's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self").message("name must be true: write name: true, or remove it"))]
    pub name: Option<bool>,
}

/// Which changes of many members at once are blocked until a person allows them: members that are removed, get another receiver, or
/// are disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetGuard {
    /// Such changes are blocked above this share of the members, in percent. Default 30.
    #[serde(default = "default_percent")]
    #[x_kube(validation = Rule::new("self >= 0 && self <= 100").message("maxPercent must be between 0 and 100"))]
    pub max_percent: i32,
    /// Fewer such changes than this are not blocked. Default 5.
    #[serde(default = "default_count")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 100000").message("minCount must be between 1 and 100000"))]
    pub min_count: i32,
}

impl Default for SetGuard {
    fn default() -> Self {
        Self { max_percent: default_percent(), min_count: default_count() }
    }
}

fn default_percent() -> i32 {
    30
}

fn default_count() -> i32 {
    5
}
