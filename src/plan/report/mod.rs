//! A plan as it is shown to people and pipelines: plain values without secrets.
//!
//! `hooktender plan -o json` prints it; its schema is checked in as `docs/plan.schema.json`. [`text`], [`markdown`] and [`html`] draw it.

mod canvas;
mod diff;
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

pub use html::{html, html_summary, is_quiet};
pub use markdown::markdown;
pub use schema::schema;
pub use text::{Style, text};

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
    /// The accounts, in the order of their names.
    pub accounts: Vec<AccountReport>,
    /// Webhooks without an account that reconciles them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orphans: Vec<WebhookReport>,
    /// The number of Webhooks by action.
    pub counts: Counts,
    /// Calls to vendors.
    pub calls: Calls,
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
    /// What should be changed about the account although it can be read, such as missing rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// One entry a Webhook, in the order of work; empty if the vendor could not be read.
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
    /// The action.
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
    /// What the vendor is likely to refuse, or to deliver twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The number of calls that it takes, blocked or not.
    pub calls: usize,
    /// A digest of the effect; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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

/// The number of Webhooks by action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// To be created.
    pub create: usize,
    /// To be adopted as they are.
    pub adopt: usize,
    /// To be changed in place.
    pub update: usize,
    /// To be replaced by a new one.
    pub replace: usize,
    /// To be deleted.
    pub delete: usize,
    /// Deleted Webhooks whose subscriptions are kept.
    pub retain: usize,
    /// In sync.
    pub unchanged: usize,
    /// Blocked, whatever their action.
    pub held: usize,
    /// At the vendor, and declared by no Webhook.
    pub unmanaged: usize,
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
        let mut counts = Counts::default();
        all().for_each(|webhook| counts.add(webhook));
        counts.unmanaged = accounts.iter().map(|account| account.unmanaged.len()).sum();
        let calls = Calls {
            made,
            to_apply: all().filter(|webhook| webhook.held.is_none()).map(|webhook| webhook.calls).sum(),
            // Accounts are reconciled in parallel.
            about_seconds: accounts.iter().filter_map(|account| account.about_seconds).max(),
        };
        let of_accounts = accounts.iter().filter_map(|account| account.held.as_ref());
        let result = all().map(WebhookReport::outlook).chain(of_accounts.map(Held::outlook)).max();
        let result = result.unwrap_or(Outlook::NoChanges);
        Self { format: FORMAT.into(), result, accounts, orphans, counts, calls }
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

impl Counts {
    fn add(&mut self, webhook: &WebhookReport) {
        self.held += usize::from(webhook.held.is_some());
        let count = match webhook.action {
            Action::None if webhook.held.is_some() => return,
            Action::None => &mut self.unchanged,
            Action::Create => &mut self.create,
            Action::Adopt => &mut self.adopt,
            Action::Update => &mut self.update,
            Action::Replace => &mut self.replace,
            Action::Delete => &mut self.delete,
            Action::Retain => &mut self.retain,
        };
        *count += 1;
    }
}
