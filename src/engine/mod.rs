//! One pass over one account, for whichever front door: gather, observe, plan, apply, record.
//!
//! [`pass`] walks the five steps; `due` says when, and `account` what the account itself is told. `observe` reads the
//! vendor's list and says whether to believe it, `pages` what the readings of a list in pages lack; `gather` makes of objects and values what the core decides on; only
//! [`secrets`] reads Secrets, `values` is what they gave. `guard` makes of a plan one that may be executed, by what `deletions` keeps between passes.
//! `work` takes a plan's items one by one, `slice` counts how they fared, `apply` their steps at the vendor. Only [`record`]
//! writes to the cluster, as many events as `event_limit` lets through; what an outcome means for conditions, events and log stands in `outcome`, of a hold in `hold`, and `untold` is what
//! the API server did not take. `scope` says whom a refused write concerns, `refusals` keeps the refused Webhooks, `unread` the
//! Secrets that may not be read, and `report_failure` tells Webhooks of their account's trouble. [`memory`] is what is kept from pass to pass, [`past`] what follows from what happened
//! before, `entry` what of one Webhook; `spelling` records which values a vendor stores in another spelling, `corrections` which
//! corrections were changed back, both by a `comparison`; `client` is how the vendor is reached, `digest` remembers values that cannot be
//! read back, [`peers`] tells what Webhooks of other accounts claim, and `keeper` writes tokens that a vendor exchanged back into
//! their Secret. Whatever is read or written by its name goes through [`objects`]. `clock` says what time it is. [`limiter`] bounds how many accounts are read and worked on at once.
//! [`preview`] walks the first three steps alone, and [`paper`] stands in for the cluster where nothing is to be written
//! to one.

mod account;
mod apply;
mod client;
mod clock;
mod comparison;
mod corrections;
mod deletions;
mod digest;
mod due;
mod effect;
pub(crate) mod entry;
mod event;
mod event_limit;
#[cfg(test)]
mod fake;
#[doc(hidden)]
pub mod fuzzing;
mod gather;
mod guard;
#[cfg(test)]
mod histories;
mod hold;
mod keeper;
mod lent;
pub mod limiter;
pub mod memory;
pub mod objects;
mod observe;
pub mod orphan;
mod outcome;
mod pace;
mod pages;
pub mod paper;
pub mod pass;
pub mod past;
pub mod peers;
pub mod preview;
pub mod record;
mod refusals;
mod report_failure;
mod scope;
pub mod secrets;
mod slice;
mod spelling;
mod standing;
mod stock;
mod unread;
mod untold;
mod values;
mod variables;
mod words;
mod work;

pub use account::chain;
pub use due::interval;
#[cfg(test)]
pub(crate) use variables::declared;
