//! Everything that talks to the API server.

pub(crate) mod dry_run;
pub(crate) mod event;
pub(crate) mod event_limit;
pub(crate) mod objects;
pub(crate) mod scope;
pub(crate) mod secrets;
pub(crate) mod set_writes;
pub(crate) mod token_store;
pub(crate) mod values;
pub(crate) mod webhook_writes;
pub(crate) mod writer;
