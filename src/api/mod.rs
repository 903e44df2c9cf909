//! The API: the kinds, their defaults, and the rules that the API server enforces (OpenAPI and CEL).
//!
//! Types only, without I/O and clients. `crds` generates the CRDs.

// The derive of `KubeSchema` repeats each struct inside a function, where `pub` is unreachable.
#![allow(unreachable_pub)]
// A CRD's printer columns repeat their keys, which the lint reports.
#![allow(clippy::duplicated_attributes)]

pub mod account;
pub mod brightpearl;
pub mod command;
pub mod conditions;
pub mod contensis;
mod crds;
mod json;
pub mod name;
pub mod shorten;
pub mod status;
mod stored;
pub mod superoffice;
pub mod update_strategy;
pub(crate) mod variables;
mod visible;
pub mod webhook;
pub mod webhook_set;

pub use account::{VendorAccount, VendorAccountSpec};
pub use crds::{crds, yaml};
pub use name::{InvalidName, NamespaceName, ObjectName};
pub use stored::StoredWebhook;
pub use visible::{exactly, is_hidden, visible};
pub use webhook::{Webhook, WebhookSpec};
pub use webhook_set::{WebhookSet, WebhookSetSpec};

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The API group of all kinds, and the prefix of every label, annotation and finalizer.
pub const GROUP: &str = "hooktender.dev";
/// Finalizer of a Webhook, from before the first write at the vendor until its subscription is deleted or released.
pub const FINALIZER: &str = "hooktender.dev/subscription";
/// Annotation: a new value requests a pass now. `status.lastHandledRequest` repeats the value that was handled.
pub const REQUESTED_AT: &str = "hooktender.dev/requested-at";
/// Annotation of a Webhook that is being deleted: `"true"` removes its finalizer without a call to the vendor.
pub const RELEASE: &str = "hooktender.dev/release";
/// Finalizer of a VendorAccount, until its last Webhook is gone.
pub const ACCOUNT_FINALIZER: &str = "hooktender.dev/webhooks";
/// Annotation of a VendorAccount: allows the deletions with this digest.
pub const ALLOW_DELETIONS: &str = "hooktender.dev/allow-deletions";
/// Finalizer of a WebhookSet, until its last member is gone.
pub const SET_FINALIZER: &str = "hooktender.dev/members";
/// Label of a member of a WebhookSet: the name of the set.
pub const SET_LABEL: &str = "hooktender.dev/set";
/// Annotation of a member of a WebhookSet: digest of what the set last declared for it.
pub const SET_REVISION: &str = "hooktender.dev/set-revision";
/// Annotation of a WebhookSet: allows the blocked changes with this digest.
pub const ALLOW_SET_CHANGES: &str = "hooktender.dev/allow-set-changes";

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// The key of an object by namespace and name.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of this object.
    pub fn of(object: &impl kube::ResourceExt) -> Self {
        Self::new(object.namespace().unwrap_or_default(), object.name_any())
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VendorName {
    /// Brightpearl.
    Brightpearl,
    /// Contensis.
    Contensis,
    /// SuperOffice.
    Superoffice,
}

impl VendorName {
    /// Returns the name in manifests, metrics and columns.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Brightpearl => "brightpearl",
            Self::Contensis => "contensis",
            Self::Superoffice => "superoffice",
        }
    }
}

impl fmt::Display for VendorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether hooktender may write to the vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// Apply changes.
    #[default]
    Enforce,
    /// Only show what would change.
    Plan,
}

/// One key of a Secret in the object's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name must not be empty: give the name of the Secret"))]
    #[x_kube(validation = name::subdomain("Secret"))]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Key in the Secret's `data`.
    #[x_kube(validation = Rule::new("size(self) > 0").message("key must not be empty: give the key in the Secret"))]
    #[schemars(length(max = 253))]
    pub key: String,
}

/// One key of a ConfigMap in the object's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name must not be empty: give the name of the ConfigMap"))]
    #[x_kube(validation = name::subdomain("ConfigMap"))]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Key in the ConfigMap's `data`.
    #[x_kube(validation = Rule::new("size(self) > 0").message("key must not be empty: give the key in the ConfigMap"))]
    #[schemars(length(max = 253))]
    pub key: String,
}

/// The `serde` default of a flag that is on by default.
pub(crate) fn default_true() -> bool {
    true
}
