//! What users write: the two kinds, their defaults and the rules the API server enforces (OpenAPI + CEL).
//!
//! Types only: nothing in here does I/O or knows a client. `crds` is the one place that makes the CRDs.

// The derive of `KubeSchema` repeats each struct inside a function, where `pub` reaches nobody.
#![allow(unreachable_pub)]
// A CRD's printer columns repeat their keys, which the lint takes for a mistake.
#![allow(clippy::duplicated_attributes)]

pub mod account;
pub mod brightpearl;
pub mod conditions;
pub mod contensis;
mod crds;
mod json;
pub mod name;
pub mod shorten;
pub mod status;
mod stored;
pub mod superoffice;
pub(crate) mod variables;
mod visible;
pub mod webhook;

pub use account::{VendorAccount, VendorAccountSpec};
pub use crds::{crds, yaml};
pub use name::{InvalidName, NamespaceName, ObjectName};
pub use stored::StoredWebhook;
pub use visible::{exactly, is_hidden, visible};
pub use webhook::{Webhook, WebhookSpec};

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The API group of both kinds, and the prefix of every label, annotation and finalizer.
pub const GROUP: &str = "hooktender.dev";
/// Kept on a `Webhook` from the first write at the vendor until its subscription is gone or let go.
pub const FINALIZER: &str = "hooktender.dev/subscription";
/// Any new value asks for a pass now; the value handled is echoed in `status.lastHandledRequest`.
pub const REQUESTED_AT: &str = "hooktender.dev/requested-at";
/// `"true"` lets a `Webhook` that is being deleted go without a call to the vendor.
pub const RELEASE: &str = "hooktender.dev/release";
/// Finalizer of a VendorAccount: it stays until its last Webhook is gone.
pub const ACCOUNT_FINALIZER: &str = "hooktender.dev/webhooks";
/// Annotation of an account: allows the deletions whose digest it repeats.
pub const ALLOW_DELETIONS: &str = "hooktender.dev/allow-deletions";

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// Names an object.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Names the object that this is.
    pub fn of(object: &impl kube::ResourceExt) -> Self {
        Self::new(object.namespace().unwrap_or_default(), object.name_any())
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The vendors, by name.
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
    /// The name as it stands in manifests, metrics and columns.
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
    /// Make the vendor match.
    #[default]
    Enforce,
    /// Only work out and show what would change.
    Plan,
}

/// One key of a Secret in the object's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name the Secret: a name must not be empty"))]
    #[x_kube(validation = name::subdomain("Secret"))]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Key in the Secret's `data`.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name the key in the Secret: a key must not be empty"))]
    #[schemars(length(max = 253))]
    pub key: String,
}

/// One key of a ConfigMap in the object's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name the ConfigMap: a name must not be empty"))]
    #[x_kube(validation = name::subdomain("ConfigMap"))]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Key in the ConfigMap's `data`.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name the key in the ConfigMap: a key must not be empty"))]
    #[schemars(length(max = 253))]
    pub key: String,
}

/// `serde` default for a flag that is on unless it is turned off.
pub(crate) fn yes() -> bool {
    true
}
