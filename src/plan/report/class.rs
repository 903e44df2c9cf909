//! The class of each Webhook in a plan, and how many there are of each: a Webhook is in one class and is counted once.

use super::{AccountReport, Held, Until, WebhookReport};
use crate::api::status::Action;
use schemars::JsonSchema;
use serde::Serialize;

/// What a plan says about a Webhook, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// Its subscription is to be created.
    Create,
    /// Its subscription is to be changed in place.
    Update,
    /// Its subscription is to be replaced by a new one.
    Replace,
    /// Its subscription is to be deleted.
    Delete,
    /// An existing subscription is to be adopted as it is.
    Adopt,
    /// Its finalizer is to be removed, and its subscription kept.
    Retain,
    /// The vendor has it as declared.
    Unchanged,
    /// The vendor has it otherwise, and it is left so: `driftPolicy: Report`.
    Drifted,
    /// A change that waits for the end of plan mode.
    PlannedOnly,
    /// It, or its account, is suspended.
    Suspended,
    /// Held back: the change is applied later, without a person.
    HeldBack,
    /// Blocked: a person has to change something first.
    Blocked,
    /// No plan could be made of its account.
    NotPlanned,
}

impl Class {
    /// Returns the class of a change that is not blocked.
    pub fn of(action: Action) -> Self {
        match action {
            Action::None => Self::Unchanged,
            Action::Create => Self::Create,
            Action::Adopt => Self::Adopt,
            Action::Update => Self::Update,
            Action::Replace => Self::Replace,
            Action::Delete => Self::Delete,
            Action::Retain => Self::Retain,
        }
    }

    /// Returns what a change of this class waits for; a change that is applied waits for a person, if for anything.
    pub fn until(self) -> Until {
        match self {
            Self::Drifted | Self::Suspended => Until::Left,
            Self::PlannedOnly | Self::HeldBack => Until::Later,
            Self::Create
            | Self::Update
            | Self::Replace
            | Self::Delete
            | Self::Adopt
            | Self::Retain
            | Self::Unchanged
            | Self::Blocked
            | Self::NotPlanned => Until::Mended,
        }
    }

    /// Makes the reason why a change of this class is not applied.
    pub fn held(self, reason: impl Into<String>, message: impl Into<String>) -> Held {
        Held { reason: reason.into(), message: message.into(), until: self.until() }
    }
}

/// The number of Webhooks by class, of subscriptions that no Webhook declares, and of accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// To be created.
    pub create: usize,
    /// To be changed in place.
    pub update: usize,
    /// To be replaced by a new one.
    pub replace: usize,
    /// To be deleted.
    pub delete: usize,
    /// To be adopted as they are.
    pub adopt: usize,
    /// Deleted Webhooks whose subscriptions are kept.
    pub retain: usize,
    /// In sync.
    pub unchanged: usize,
    /// Changed at the vendor, and left so by `driftPolicy: Report`.
    pub drifted: usize,
    /// Changes that wait for the end of plan mode.
    pub planned_only: usize,
    /// Suspended, by themselves or with their account.
    pub suspended: usize,
    /// Held back: applied later, without a person.
    pub held_back: usize,
    /// Blocked: a person has to change something first.
    pub blocked: usize,
    /// Webhooks of accounts of which no plan could be made.
    pub not_planned: usize,
    /// Webhooks, of any class, whose deliveries the vendor has stopped because too many failed.
    pub not_delivering: usize,
    /// Subscriptions at the vendor that no Webhook declares.
    pub unmanaged: usize,
    /// Accounts.
    pub accounts: usize,
    /// Accounts of which no plan could be made.
    pub accounts_not_planned: usize,
}

impl Counts {
    /// Counts accounts, their Webhooks, and Webhooks without an account.
    pub(super) fn of(accounts: &[AccountReport], orphans: &[WebhookReport]) -> Self {
        let mut counts = Self {
            unmanaged: accounts.iter().map(|account| account.unmanaged.len()).sum(),
            accounts: accounts.len(),
            accounts_not_planned: accounts.iter().filter(|account| account.not_planned).count(),
            ..Self::default()
        };
        for webhook in accounts.iter().flat_map(|account| &account.webhooks).chain(orphans) {
            *counts.of_class(webhook.class) += 1;
            counts.not_delivering += usize::from(webhook.is_disabled_by_vendor());
        }
        counts
    }

    fn of_class(&mut self, class: Class) -> &mut usize {
        match class {
            Class::Create => &mut self.create,
            Class::Update => &mut self.update,
            Class::Replace => &mut self.replace,
            Class::Delete => &mut self.delete,
            Class::Adopt => &mut self.adopt,
            Class::Retain => &mut self.retain,
            Class::Unchanged => &mut self.unchanged,
            Class::Drifted => &mut self.drifted,
            Class::PlannedOnly => &mut self.planned_only,
            Class::Suspended => &mut self.suspended,
            Class::HeldBack => &mut self.held_back,
            Class::Blocked => &mut self.blocked,
            Class::NotPlanned => &mut self.not_planned,
        }
    }
}
