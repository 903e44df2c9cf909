//! A plan as it is shown to people and pipelines: plain values without secrets.
//!
//! `hooktender plan -o json` prints it; its schema is checked in as `docs/plan.schema.json`. [`text`], [`markdown`] and [`html`] draw it,
//! and none of them knows more than it says.

pub(crate) mod canvas;
mod class;
mod diff;
mod groups;
mod html;
mod markdown;
mod schema;
mod text;
mod visible;
mod words;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use class::{Class, Counts};
pub use html::{html, html_summary, html_warnings, is_quiet};
pub use markdown::markdown;
pub use schema::schema;
pub use text::{Style, text};
pub(crate) use words::namespaces_with;

use crate::api::status::Action;
use crate::api::{ObjectKey, VendorName};
use crate::plan::Cause;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// The version of the format. Members are only ever added under it.
pub const FORMAT: &str = "hooktender.dev/plan/v1";

/// What would change, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this format: `hooktender.dev/plan/v1`.
    #[schemars(extend("const" = FORMAT))]
    pub format: String,
    /// The overall result.
    pub result: Outlook,
    /// Where objects were looked for in the cluster; absent if only files were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searched: Option<Searched>,
    /// The accounts, in the order of their names.
    pub accounts: Vec<AccountReport>,
    /// Webhooks without an account that reconciles them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orphans: Vec<WebhookReport>,
    /// The number of Webhooks by class: each is counted once.
    pub counts: Counts,
    /// Calls to vendors.
    pub calls: Calls,
}

/// Where objects were looked for in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Searched {
    /// The namespace; absent for all namespaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The namespaces that have Webhooks, if this one has neither an account nor a Webhook. Empty as well if Webhooks of other
    /// namespaces may not be listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<WebhooksOf>,
}

/// The number of Webhooks in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhooksOf {
    /// The namespace.
    pub namespace: String,
    /// How many.
    pub webhooks: usize,
}

/// The overall result of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outlook {
    /// Nothing would be written at a vendor. Exit code 0.
    NoChanges,
    /// Something would be written at a vendor. Exit code 2.
    Changes,
    /// Something cannot be read, or cannot be applied as declared. Exit code 1.
    Blocked,
}

/// What would change in one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountReport {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its vendor.
    pub vendor: VendorName,
    /// The account at the vendor, such as `brightpearl/acme`.
    pub identity: String,
    /// What blocks the whole account, or all its deletions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// Whether no plan could be made of it, for the reason in `held`: its Webhooks are listed, and nothing is known of them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not_planned: bool,
    /// What should be changed about the account although it can be read, such as missing rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// One entry a Webhook, in the order of work.
    pub webhooks: Vec<WebhookReport>,
    /// Subscriptions at the vendor that no Webhook declares. They are never changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmanaged: Vec<UnmanagedReport>,
    /// How long the calls of this account take at the pace that its vendor allows, in seconds; absent if there is no
    /// wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about_seconds: Option<u64>,
}

/// What would change for one Webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookReport {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where it is declared, as `file:line:column`, if not in the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared_at: Option<String>,
    /// Its class.
    pub class: Class,
    /// The action, blocked or not.
    pub action: Action,
    /// Why.
    pub cause: Cause,
    /// The subscription at the vendor, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The changes by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldReport>,
    /// Why it is blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// Unmanaged subscriptions equal to the one that is adopted; they are left as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<String>,
    /// Unmanaged subscriptions that look like the former one of a subscription that is to be created; they are left as they are, and go on
    /// delivering. Only known without a cluster: with one, the status records the former subscription.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerReport>,
    /// Whether the vendor delivers for its subscription, if the vendor's list says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryState>,
    /// What the vendor is likely to refuse, or to deliver twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The number of calls that it takes, blocked or not.
    pub calls: usize,
    /// A digest of the effect; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Whether a vendor delivers for a subscription. The names are the reasons of the condition `Delivering`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub enum DeliveryState {
    /// It delivers.
    Active,
    /// A person has stopped it.
    Stopped,
    /// The vendor has stopped it by itself, because too many deliveries failed.
    TooManyErrors,
}

/// One field that differs. Secrets are redacted; values are not shortened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldReport {
    /// Path of the field below the subscription, such as `bodyTemplate` or `headers.X-Env`.
    pub field: String,
    /// What the vendor has; absent if it has nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What is declared; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether the vendor cannot change it in place, so that the subscription is replaced.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
}

/// Why something is blocked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The reason, as in the condition of the object.
    pub reason: String,
    /// What the reason is, and what to do about it.
    pub message: String,
    /// What it waits for.
    pub until: Until,
}

/// What a blocked change waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Until {
    /// It cannot be done as declared: a person has to change something.
    Mended,
    /// It will be done later: by itself, or when plan mode ends.
    Later,
    /// Nothing: a person wants it left as it is.
    Left,
}

/// A subscription that no Webhook declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnmanagedReport {
    /// The vendor's id.
    pub external_id: String,
    /// Its subject and its receiver, without path or query.
    pub summary: String,
}

/// A subscription that looks like the former one of a Webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FormerReport {
    /// The vendor's id.
    pub external_id: String,
    /// Its subject and its receiver, without path or query.
    pub summary: String,
    /// The fields in which it differs from what is declared.
    pub differs: Vec<String>,
}

/// Calls to vendors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// Calls made for this plan: reads and logins.
    pub made: usize,
    /// Calls that applying it takes.
    pub to_apply: usize,
    /// How long that takes at the pace that the vendors allow, in seconds; absent if there is no wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about_seconds: Option<u64>,
}

impl Report {
    /// Makes the report of all accounts.
    pub fn new(mut accounts: Vec<AccountReport>, orphans: Vec<WebhookReport>, made: usize) -> Self {
        accounts.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        let all = || accounts.iter().flat_map(|account| &account.webhooks).chain(&orphans);
        let counts = Counts::of(&accounts, &orphans);
        let calls = Calls {
            made,
            to_apply: all().filter(|webhook| webhook.held.is_none()).map(|webhook| webhook.calls).sum(),
            // Accounts are reconciled in parallel.
            about_seconds: accounts.iter().filter_map(|account| account.about_seconds).max(),
        };
        let of_accounts = accounts.iter().filter_map(|account| account.held.as_ref());
        let result = all().map(WebhookReport::outlook).chain(of_accounts.map(Held::outlook)).max();
        let result = result.unwrap_or(Outlook::NoChanges);
        Self { format: FORMAT.into(), result, searched: None, accounts, orphans, counts, calls }
    }

    /// Returns all Webhooks, with an account or without.
    pub fn webhooks(&self) -> impl Iterator<Item = &WebhookReport> {
        self.accounts.iter().flat_map(|account| &account.webhooks).chain(&self.orphans)
    }

    /// Whether a subscription was changed at its vendor, whatever is to be done about it. Suspended ones are not looked after.
    pub fn has_drift(&self) -> bool {
        self.webhooks().any(|webhook| webhook.cause.is_drift() && webhook.class != Class::Suspended)
    }

    /// Whether something would be written at a vendor, now or when plan mode ends, whatever else is blocked.
    pub fn has_changes(&self) -> bool {
        self.webhooks().any(|webhook| webhook.outlook() == Outlook::Changes)
    }

    /// Whether applying it writes anything at a vendor now.
    pub fn changes_something(&self) -> bool {
        self.calls.to_apply > 0
    }

    /// The report as indented JSON.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl AccountReport {
    /// Whether the other one has the same effect, whatever number of calls it takes.
    pub fn is_same_effect(&self, other: &Self) -> bool {
        let effect = |webhook: &WebhookReport| {
            let held = webhook.held.as_ref().map(|held| held.reason.clone());
            (webhook.namespace.clone(), webhook.name.clone(), webhook.digest.clone(), held)
        };
        let effects = |report: &Self| report.webhooks.iter().map(effect).collect::<BTreeSet<_>>();
        self.held == other.held && effects(self) == effects(other)
    }
}

impl Outlook {
    /// The exit code of a command that shows it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::NoChanges => 0,
            Self::Changes => 2,
            Self::Blocked => 1,
        }
    }
}

impl Held {
    fn outlook(&self) -> Outlook {
        if self.until == Until::Mended { Outlook::Blocked } else { Outlook::NoChanges }
    }
}

impl WebhookReport {
    /// Makes the report of a Webhook of which nothing is known but why.
    pub fn unknown(key: ObjectKey, class: Class, held: Held) -> Self {
        Self {
            namespace: key.namespace,
            name: key.name,
            declared_at: None,
            class,
            action: Action::None,
            cause: Cause::Unknown,
            id: None,
            changes: Vec::new(),
            held: Some(held),
            duplicates: Vec::new(),
            former: Vec::new(),
            delivery: None,
            advice: None,
            calls: 0,
            digest: None,
        }
    }

    /// Whether it is not known which subscription it has.
    pub fn is_undecided(&self) -> bool {
        matches!(self.class, Class::Blocked | Class::NotPlanned | Class::HeldBack)
            || self.cause == Cause::Unknown
    }

    /// Whether the vendor has stopped its deliveries by itself.
    pub fn is_disabled_by_vendor(&self) -> bool {
        self.delivery == Some(DeliveryState::TooManyErrors)
    }

    /// Which Webhook it is.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(&self.namespace, &self.name)
    }

    /// The result for this Webhook. A change that only waits, for example for plan mode to end, counts as a change.
    pub fn outlook(&self) -> Outlook {
        match self.held.as_ref().map(|held| held.until) {
            Some(Until::Mended) => Outlook::Blocked,
            Some(Until::Later) | None if self.calls > 0 => Outlook::Changes,
            Some(Until::Left | Until::Later) | None => Outlook::NoChanges,
        }
    }
}
