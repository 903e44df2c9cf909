//! `Webhook`: one subscription at one vendor.

use super::brightpearl::BrightpearlWebhook;
use super::contensis::ContensisWebhook;
use super::status::WebhookStatus;
use super::superoffice::{State, SuperofficeWebhook};
use super::{ConfigMapKeyRef, Mode, ObjectKey, SecretKeyRef, VendorName};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One subscription at one vendor.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "hooktender.dev",
    version = "v1alpha1",
    kind = "Webhook",
    plural = "webhooks",
    singular = "webhook",
    shortname = "wh",
    category = "hooktender",
    namespaced,
    status = "WebhookStatus",
    derive = "PartialEq",
    doc = "One webhook subscription at one vendor, declared. The manifest describes the whole subscription: a field that it leaves out has the vendor's documented default.",
    printcolumn(
        name = "VENDOR",
        type_ = "string",
        json_path = ".status.vendor",
        description = "The subscription's vendor."
    ),
    printcolumn(
        name = "ACCOUNT",
        type_ = "string",
        json_path = ".spec.accountRef.name",
        description = "The VendorAccount."
    ),
    printcolumn(
        name = "READY",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        description = "Whether the subscription is as declared."
    ),
    printcolumn(
        name = "REASON",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        description = "Why it is ready or not, such as InSync, Planned, Replacing or Deleting."
    ),
    printcolumn(
        name = "PLAN",
        type_ = "string",
        json_path = ".status.plan.action",
        description = "What is left to do at the vendor."
    ),
    printcolumn(
        name = "DRIFTED",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Drifted')].status",
        description = "Whether the subscription was changed at the vendor."
    ),
    printcolumn(
        name = "DELIVERING",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Delivering')].status",
        description = "Whether the vendor delivers; empty where the vendor does not say."
    ),
    printcolumn(
        name = "AGE",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Age of the object."
    ),
    printcolumn(
        name = "ID",
        type_ = "string",
        json_path = ".status.externalId",
        priority = 1,
        description = "The vendor's id of the subscription."
    ),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1,
        description = "What happened last, and what to do."
    )
)]
#[x_kube(
    validation = Rule::new("!has(self.subscription.superoffice) || !has(self.subscription.superoffice.secret) || !has(self.variables) || self.variables.all(v, '$(' + v.name + ')' != self.subscription.superoffice.secret || (has(v.valueFrom) && has(v.valueFrom.secretKeyRef)))")
        .message("superoffice.secret must use a variable from a Secret: give that variable valueFrom.secretKeyRef")
)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSpec {
    /// The VendorAccount that the subscription belongs to. Cannot be changed.
    #[x_kube(validation = Rule::new("self == oldSelf").message("accountRef cannot be changed: delete this Webhook and create a new one for the other account"))]
    pub account_ref: AccountRef,
    /// The subscription: exactly one key, the account's vendor. The key cannot be changed.
    #[x_kube(validation = Rule::new("(has(self.brightpearl) ? 1 : 0) + (has(self.contensis) ? 1 : 0) + (has(self.superoffice) ? 1 : 0) == 1").message("set exactly one vendor, the account's: brightpearl, contensis or superoffice"))]
    #[x_kube(validation = Rule::new("has(self.brightpearl) == has(oldSelf.brightpearl) && has(self.contensis) == has(oldSelf.contensis) && has(self.superoffice) == has(oldSelf.superoffice)").message("the vendor cannot be changed: delete this Webhook and create a new one"))]
    pub subscription: Subscription,
    /// Values for `$(NAME)` in any string of `subscription`; `$$(NAME)` is a literal `$(NAME)`. With the values inserted, the
    /// subscription may have at most 256 KiB, where each use of a variable counts as at least 64 bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, a.name == b.name))").message("two variables have the same name: keep one of them"))]
    #[schemars(length(max = 64))]
    pub variables: Vec<Variable>,
    /// Enforce: apply changes at the vendor. Plan: only show what would change. Default Enforce.
    #[serde(default)]
    pub mode: Mode,
    /// Correct: undo changes that were made at the vendor. Report: show them and leave them. Default Correct.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
    /// Delete: the subscription is deleted with this object. Retain: it stays at the vendor. Default Delete.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// The vendor's id of an existing subscription to adopt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_.:~=+@-]*[A-Za-z0-9_:~=+@-][A-Za-z0-9_.:~=+@-]*$')").message("externalId must consist of letters, digits and - _ . : ~ = + @, and not only of dots: give the vendor's id of an existing subscription, or remove it"))]
    #[schemars(length(max = 100))]
    pub external_id: Option<String>,
    /// How to adopt an existing subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
    /// True: nothing is read or written for this Webhook. Default false.
    #[serde(default)]
    pub suspend: bool,
}

impl Webhook {
    /// Returns the key of its VendorAccount.
    pub fn account(&self) -> ObjectKey {
        let own = || self.metadata.namespace.clone().unwrap_or_default();
        let at = &self.spec.account_ref;
        ObjectKey::new(at.namespace.clone().unwrap_or_else(own), at.name.clone())
    }

    /// Whether its account is in another namespace.
    pub fn is_guest(&self) -> bool {
        let at = self.spec.account_ref.namespace.as_deref();
        at.is_some_and(|namespace| self.metadata.namespace.as_deref() != Some(namespace))
    }
}

/// Names a VendorAccount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountRef {
    /// Name of the VendorAccount.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name must not be empty: give the name of the VendorAccount"))]
    #[x_kube(validation = super::name::subdomain("VendorAccount"))]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Its namespace. Default: the Webhook's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("size(self) > 0").message("namespace must not be empty: give the VendorAccount's namespace, or remove it if that is the Webhook's own"))]
    #[x_kube(validation = super::name::label())]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
}

/// One subscription, with the vendor's own field names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Subscription {
    /// A webhook of Brightpearl's integration service.
    Brightpearl(BrightpearlWebhook),
    /// A webhook subscription of a Contensis project.
    Contensis(ContensisWebhook),
    /// A webhook of SuperOffice.
    Superoffice(SuperofficeWebhook),
    /// A stored subscription that this version cannot read. Never part of a manifest.
    #[serde(skip)]
    Unreadable {
        /// The vendor.
        vendor: VendorName,
        /// Why it cannot be read.
        error: String,
    },
}

impl Subscription {
    /// Returns the vendor.
    pub fn vendor(&self) -> VendorName {
        match self {
            Self::Brightpearl(_) => VendorName::Brightpearl,
            Self::Contensis(_) => VendorName::Contensis,
            Self::Superoffice(_) => VendorName::Superoffice,
            Self::Unreadable { vendor, .. } => *vendor,
        }
    }

    /// Returns the declared receiver, with its variables.
    pub fn receiver(&self) -> &str {
        match self {
            Self::Brightpearl(declared) => &declared.uri_template,
            Self::Contensis(declared) => &declared.url,
            Self::Superoffice(declared) => &declared.target_url,
            Self::Unreadable { .. } => "",
        }
    }

    /// Whether the declaration lets the vendor deliver.
    pub fn is_enabled(&self) -> bool {
        match self {
            Self::Brightpearl(_) | Self::Unreadable { .. } => true,
            Self::Contensis(declared) => declared.enabled,
            Self::Superoffice(declared) => declared.state == State::Active,
        }
    }

    /// Returns about how many values it has.
    pub(crate) fn values(&self) -> usize {
        match self {
            Self::Brightpearl(_) | Self::Unreadable { .. } => 1,
            Self::Contensis(declared) => declared.values(),
            Self::Superoffice(declared) => declared.values(),
        }
    }

    /// Releases the spare capacity of its lists, which may be four times what they need after parsing.
    pub(crate) fn shrink_to_fit(&mut self) {
        match self {
            Self::Brightpearl(_) | Self::Unreadable { .. } => {}
            Self::Contensis(declared) => declared.shrink_to_fit(),
            Self::Superoffice(declared) => declared.events.shrink_to_fit(),
        }
    }
}

/// A value for `$(NAME)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.value) != has(self.valueFrom)")
        .message("set exactly one of value and valueFrom")
)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
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
    pub value_from: Option<ValueFrom>,
}

/// The source of a variable's value: exactly one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.secretKeyRef) != has(self.configMapKeyRef)")
        .message("set exactly one of secretKeyRef and configMapKeyRef in valueFrom")
)]
#[serde(rename_all = "camelCase")]
pub struct ValueFrom {
    /// A key of a Secret in the Webhook's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<SecretKeyRef>,
    /// A key of a ConfigMap in the Webhook's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<ConfigMapKeyRef>,
}

/// How to adopt an existing subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Adoption {
    /// Values that the vendor does not return, such as signing keys, cannot be compared when a subscription is adopted. Send:
    /// send the declared values once. Trust: assume that the vendor has the declared values, and send nothing until a declared
    /// one changes. Default Send.
    #[serde(default)]
    pub write_only_values: WriteOnlyValues,
}

/// What to do on adoption with values that the vendor does not return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WriteOnlyValues {
    /// Send the declared values once.
    #[default]
    Send,
    /// Assume that the vendor has the declared values.
    Trust,
}

/// What to do about changes that were made at the vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftPolicy {
    /// Undo them.
    #[default]
    Correct,
    /// Show them and leave them.
    Report,
}

/// What happens to the subscription when its Webhook is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// It is deleted at the vendor.
    #[default]
    Delete,
    /// It stays at the vendor.
    Retain,
}
