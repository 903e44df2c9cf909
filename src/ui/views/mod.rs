//! What each page says, as plain values: a template draws them, and JSON is these values as they are.
//!
//! Foreign text is made visible here, where it leaves the store. Only the values of changed fields are made visible where they
//! are drawn, because both sides of a difference must stay different.

pub(super) mod account;
pub(super) mod accounts;
pub(super) mod commands;
pub(super) mod freshness;
pub(super) mod list;
pub(super) mod object;
pub(super) mod plan;
pub(super) mod report;
pub(super) mod set;
pub(super) mod sets;
pub(super) mod time;
pub(super) mod webhook;
pub(super) mod webhooks;

use super::address::Filter;
use super::data::store::Data;
use crate::api::ObjectKey;
use k8s_openapi::jiff::Timestamp;
use std::sync::Arc;

/// Returns what to do about a condition's reason; none if nothing has to be done. The second value says whether the condition is
/// as it should be.
pub(crate) type Remedies = fn(&str, bool) -> Option<&'static str>;

/// What only a running operator knows of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Calls that the budget allows now.
    pub(crate) budget_left: Option<i64>,
    /// When the last pass ended.
    pub(crate) last_read: Option<Timestamp>,
}

/// Returns what the operator knows of an account.
pub(crate) type Paces = Arc<dyn Fn(&ObjectKey) -> Pace + Send + Sync>;

/// What views are made of.
pub(crate) struct Inputs<'a> {
    pub(crate) data: &'a Data,
    pub(crate) filter: &'a Filter,
    pub(crate) now: Timestamp,
    pub(crate) remedies: Remedies,
    /// None outside of an operator.
    pub(crate) paces: Option<&'a Paces>,
}
