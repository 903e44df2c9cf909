//! The status of all kinds.

use super::VendorName;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Status of a Webhook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The subscription's vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorName>,
    /// The vendor's id of the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_.:~=+@-]*[A-Za-z0-9_:~=+@-][A-Za-z0-9_.:~=+@-]*$')").message("externalId must consist of letters, digits and - _ . : ~ = + @, and not only of dots"))]
    #[schemars(length(max = 100))]
    pub external_id: Option<String>,
    /// The account at the vendor that the id belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Ready, Drifted, Reconciling, Stalled, and Delivering if the vendor reports it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What is left to do at the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// What was last applied at the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied: Option<LastApplied>,
    /// A create that is in flight, or whose outcome is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// Ids of replaced subscriptions that are not yet deleted at the vendor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(max = 100)))]
    pub superseded: Vec<String>,
    /// The value of the annotation `hooktender.dev/requested-at` that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_request: Option<String>,
}

/// What is left to do at the vendor for one Webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// The action.
    pub action: Action,
    /// The differing fields. Secrets are never shown, long values are shortened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// Digest of the effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What to do at the vendor.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Action {
    /// No change: the subscription is as declared.
    #[default]
    None,
    /// Create a subscription.
    Create,
    /// Adopt an existing one as it is.
    Adopt,
    /// Change it in place.
    Update,
    /// Create a new one, then delete the old one.
    Replace,
    /// Delete it.
    Delete,
    /// Keep it at the vendor, and remove the Webhook.
    Retain,
}

impl Action {
    /// Returns the name in status, metrics and columns.
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
    /// The value at the vendor; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The declared value; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What was last applied at the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastApplied {
    /// Digest of the declared subscription without secrets.
    pub digest: String,
    /// When the vendor answered.
    pub time: Time,
    /// Fields that had a value from a Secret. What the vendor returns for them is never shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
    /// What was last sent of the values that the vendor does not return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concealed: Option<WriteOnlyDigest>,
    /// Fields that the vendor stores in another spelling than declared. This is not a difference while neither value changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stored_differently: Vec<StoredDifferently>,
}

/// A field that the vendor stores in another spelling than declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredDifferently {
    /// Name of the field.
    pub field: String,
    /// Digest of the declared and the stored value. With a value from a Secret it is keyed, so that no value can be tried against
    /// it.
    pub digest: String,
}

impl LastApplied {
    /// A subscription about whose write-only values nothing is known: they match no digest.
    pub(crate) fn unknown() -> Self {
        let concealed = WriteOnlyDigest { digest: String::new(), from: String::new(), mark: None };
        let time = Time(Timestamp::UNIX_EPOCH);
        let (sensitive, stored_differently) = (Vec::new(), Vec::new());
        Self { digest: String::new(), time, sensitive, concealed: Some(concealed), stored_differently }
    }
}

/// What was last sent of the values that a vendor does not return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WriteOnlyDigest {
    /// Digest of the values, keyed with the uids of the Secrets, so that no value can be tried against it.
    pub digest: String,
    /// The Secrets of the values, with their resource versions: while these are the same, so are the values.
    pub from: String,
    /// The vendor's own version of the subscription after the values were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

/// A create that is in flight, or whose outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// Always Create.
    pub action: Action,
    /// When it was recorded, right before the request.
    pub since: Time,
    /// Digest of the subscription to create, without secrets.
    pub digest: String,
    /// Ids of equal subscriptions that existed before, and so are not its result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(max = 100)))]
    pub beside: Vec<String>,
    /// Whether the subscription has values that the vendor does not return.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub write_only: bool,
}

/// Status of a VendorAccount.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The account's vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorName>,
    /// Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Numbers of subscriptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriptions: Option<SubscriptionCounts>,
    /// Ids of subscriptions whose deletion was allowed and that still exist at the vendor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_deletions: Vec<String>,
    /// Changes that redirect or disable subscriptions, were allowed and are still to be made, as `id effect`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_changes: Vec<String>,
    /// Subscriptions whose deletion began recently without an approval. For ten minutes the deletion guard counts them with other
    /// deletions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recent_deletions: Option<RecentDeletions>,
    /// Subscriptions at the vendor that no Webhook declares: the first 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmanaged: Vec<UnmanagedSubscription>,
    /// When hooktender tries again at the latest. Set while the account, or one of its Webhooks, waits for a retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Time>,
    /// The value of the annotation `hooktender.dev/requested-at` that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_request: Option<String>,
}

/// Subscriptions whose deletion began recently without an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentDeletions {
    /// When the last of them began.
    pub time: Time,
    /// Ids of subscriptions of Webhooks in the account's own namespace.
    pub ids: Vec<String>,
    /// Ids of subscriptions of other Webhooks, by namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub guests: BTreeMap<String, Vec<String>>,
}

/// Numbers of subscriptions of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionCounts {
    /// Webhooks that refer to the account.
    pub declared: i64,
    /// Subscriptions at the vendor that belong to one of them.
    pub managed: i64,
    /// Subscriptions at the vendor that no Webhook declares.
    pub unmanaged: i64,
    /// Subscriptions at the vendor that belong to Webhooks of another VendorAccount for the same account at the vendor. Absent if
    /// there are none.
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
    /// The vendor's id. Empty if the item of the vendor's list has none.
    pub external_id: String,
    /// Its events and its receiver, without path and query; or why it cannot be read.
    pub summary: String,
}

/// Status of a WebhookSet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSetStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Accounts that the selector matches, and members that the guard keeps.
    #[serde(default)]
    pub members: i64,
    /// Members whose Webhook is as the template declares.
    #[serde(default)]
    pub updated: i64,
    /// Members whose Webhook is ready.
    #[serde(default)]
    pub ready: i64,
    /// Members whose subscription was changed at the vendor.
    #[serde(default)]
    pub drifted: i64,
    /// Members whose vendor does not deliver.
    #[serde(default)]
    pub not_delivering: i64,
    /// Members that wait for a person: without a Webhook, or with one that is stalled.
    #[serde(default)]
    pub blocked: i64,
    /// The members in the worst state, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worst: Vec<MemberProblem>,
    /// Changes that were allowed by annotation and are still to be made, as `member=effect`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_changes: Vec<String>,
    /// Changes that the guard counts and that were made lately without an approval. For ten minutes they count with other changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recent_changes: Option<RecentChanges>,
}

/// A member in a bad state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberProblem {
    /// Name of its Webhook.
    pub name: String,
    /// Namespace and name of its account.
    pub account: String,
    /// The reason, as in a condition of its Webhook.
    pub reason: String,
    /// What happened, and what to do.
    pub message: String,
}

/// Changes that the guard of a WebhookSet counts and that were made lately without an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentChanges {
    /// When the last of them began.
    pub time: Time,
    /// The changes, as `member=effect`.
    pub changes: Vec<String>,
}
