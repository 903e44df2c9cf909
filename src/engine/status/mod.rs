//! What an outcome means: conditions, events, messages and gauges. Pure.

pub(crate) mod blocked;
pub(crate) mod gauges;
pub(crate) mod orphan;
pub(crate) mod webhook;
pub(crate) mod words;
