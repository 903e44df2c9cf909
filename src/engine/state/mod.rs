//! State kept between the passes of one account: plain data, no I/O, nothing async.

pub(crate) mod account;
pub(crate) mod attempts;
pub(crate) mod changes;
pub(crate) mod client_cache;
pub(crate) mod comparison;
pub(crate) mod corrections;
pub(crate) mod creates;
pub(crate) mod deletions;
pub(crate) mod doubt;
pub(crate) mod effect;
pub(crate) mod handled;
pub(crate) mod observed;
pub(crate) mod pace;
pub(crate) mod peers;
pub(crate) mod reenable;
pub(crate) mod refusals;
pub(crate) mod requested;
pub(crate) mod retry;
pub(crate) mod spellings;
pub(crate) mod status_retry;
pub(crate) mod unread;
pub(crate) mod unwritten;
pub(crate) mod webhook;
