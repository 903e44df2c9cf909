//! Plain data kept between the passes of one account. No I/O, nothing async.

pub(crate) mod account;
pub(crate) mod corrections;
pub(crate) mod deletions;
pub(crate) mod effect;
pub(crate) mod observed;
pub(crate) mod pace;
pub(crate) mod peers;
pub(crate) mod refusals;
pub(crate) mod retry;
pub(crate) mod spellings;
pub(crate) mod status_retry;
pub(crate) mod unread;
pub(crate) mod webhook;
