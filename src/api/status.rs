//! What hooktender writes back: the status of both kinds.

use super::VendorName;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is so about one Webhook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookStatus {
    /// The generation of the spec that the rest speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The subscription's vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorName>,
    /// The vendor's id of the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_.:~=+@-]*[A-Za-z0-9_:~=+@-][A-Za-z0-9_.:~=+@-]*$')").message("externalId has letters, digits or any of - _ . : ~ = + @, and not only dots"))]
    #[schemars(length(max = 100))]
    pub external_id: Option<String>,
    /// The account at the vendor that the id belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Ready, Drifted, Reconciling, Stalled, and Delivering where the vendor tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What is left to do at the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// What the vendor was last made to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied: Option<LastApplied>,
    /// A create that was sent and not answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// Ids that were replaced and are not yet deleted at the vendor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(max = 100)))]
    pub superseded: Vec<String>,
    /// The value of the annotation `hooktender.dev/requested-at` whose pass is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_request: Option<String>,
}

/// What is left to do at the vendor for one Webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// The one action.
    pub action: Action,
    /// Field by field; secrets are never shown, long values are shortened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// Stable while the effect is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What to do at the vendor.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Action {
    /// Nothing: it is as declared.
    #[default]
    None,
    /// Make it.
    Create,
    /// Take an existing one over as it is.
    Adopt,
    /// Change it in place.
    Update,
    /// Make a new one, then delete the old one.
    Replace,
    /// Delete it.
    Delete,
    /// Let it stay, and the Webhook go.
    Retain,
}

impl Action {
    /// The name as it stands in status, metrics and columns.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Create => "Create",
            Self::Adopt => "Adopt",
            Self::Update => "Update",
            Self::Replace => "Replace",
            Self::Delete => "Delete",
            Self::Retain => "Retain",
        }
    }
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Path of the field below the subscription.
    pub field: String,
    /// What the vendor has; absent where it has nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What is declared; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What the vendor was last made to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastApplied {
    /// Digest of the declared subscription, secrets left out.
    pub digest: String,
    /// When the vendor answered.
    pub time: Time,
    /// Fields that held a value from a Secret: what the vendor shows of them is never shown again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
    /// Values that the vendor does not give back: what was last sent of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concealed: Option<WriteOnlyDigest>,
    /// Fields that the vendor stores in another spelling than they are declared. This is no difference while neither value
    /// changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stored_differently: Vec<StoredDifferently>,
}

/// A field that the vendor stores in another spelling than it is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredDifferently {
    /// Name of the field.
    pub field: String,
    /// Digest of the declared and the stored value. If a Secret's value is part of them it is keyed, so that no value can be tried
    /// against it.
    pub digest: String,
}

impl LastApplied {
    /// A subscription that has write-only values of which nothing is known: no digest is theirs.
    pub(crate) fn unknown() -> Self {
        let concealed = WriteOnlyDigest { digest: String::new(), from: String::new(), mark: None };
        let time = Time(Timestamp::UNIX_EPOCH);
        let (sensitive, stored_differently) = (Vec::new(), Vec::new());
        Self { digest: String::new(), time, sensitive, concealed: Some(concealed), stored_differently }
    }
}

/// What was last sent of the values that a vendor does not give back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WriteOnlyDigest {
    /// Digest of the values, keyed with the uids of the Secrets, so that no value can be tried against it.
    pub digest: String,
    /// The Secrets they came from, with their resource versions: while these are the same, so are the values.
    pub from: String,
    /// The vendor's own mark of the subscription after it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

/// A create that was sent and not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// Always Create: the one request that must not be repeated blindly.
    pub action: Action,
    /// When it was about to be sent.
    pub since: Time,
    /// Digest of what was about to be sent, secrets left out.
    pub digest: String,
    /// Equal subscriptions that were there before, and so are not what it makes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(max = 100)))]
    pub beside: Vec<String>,
    /// Whether it has values that the vendor does not return.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub write_only: bool,
}

/// What is so about one account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// The generation of the spec that the rest speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The account's vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorName>,
    /// Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// How many subscriptions there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriptions: Option<SubscriptionCounts>,
    /// Ids whose deletion a person has allowed and that are still at the vendor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_deletions: Vec<String>,
    /// Subscriptions whose deletion began lately without an approval: for ten minutes they count when others are to be
    /// deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recent_deletions: Option<RecentDeletions>,
    /// Subscriptions at the vendor that no Webhook declares: the first 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmanaged: Vec<UnmanagedSubscription>,
    /// The value of the annotation `hooktender.dev/requested-at` whose pass is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_request: Option<String>,
}

/// Subscriptions whose deletion began lately without an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentDeletions {
    /// When the last of them began.
    pub time: Time,
    /// The vendor's ids, of Webhooks of the account's own namespace.
    pub ids: Vec<String>,
    /// The vendor's ids, by the namespaces of all other Webhooks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub guests: BTreeMap<String, Vec<String>>,
}

/// How many subscriptions an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionCounts {
    /// Webhooks that refer to the account.
    pub declared: i64,
    /// Subscriptions at the vendor that belong to one of them.
    pub managed: i64,
    /// Subscriptions at the vendor that no Webhook declares.
    pub unmanaged: i64,
    /// Subscriptions at the vendor that belong to Webhooks of another VendorAccount, which points to the same account at the
    /// vendor. Absent where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub elsewhere: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// A subscription at the vendor that no Webhook declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnmanagedSubscription {
    /// The vendor's id. Empty for an item of the vendor's list that shows none.
    pub external_id: String,
    /// What it is about and where it goes, without path or query; or why it cannot be read.
    pub summary: String,
}
