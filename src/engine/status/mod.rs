//! What the outcome of a pass means for users: conditions, events, messages and gauges. Pure.

pub(crate) mod account;
pub(crate) mod blocked;
pub(crate) mod conditions;
pub(crate) mod gauges;
pub(crate) mod orphan;
pub(crate) mod progress;
pub(crate) mod reported;
pub(crate) mod webhook;
pub(crate) mod words;
