//! WebhookSets, decided: which members a set has, what is to be done for each of them, and what its status says. Pure: the controller
//! reads and writes, the command line shows.
//!
//! - `select`: which accounts match, and the members that they get (`expand`, `names`).
//! - `member`: a declared member compared with the Webhook that exists.
//! - `guard`: changes of many members at once that wait for a person.
//! - `rollout`: which outdated members are changed now.
//! - `decide`: all of the above for one set; `status` summarises it.
//!
//! Decisions that the contract leaves open:
//!
//! - **What differs** is decided by comparing specs, not by a counter: a set that is deleted and made again, or an operator that
//!   restarts, finds the same. The annotation `hooktender.dev/set-revision` only tells an edit by hand, which is undone at once, from an
//!   older template, which follows the update strategy.
//! - **`spec.externalId` of a member belongs to people**: it adopts one existing subscription, which no template can name. Everything
//!   else in a member's spec is put back.
//! - **A member whose declaration cannot be made** (an account lacks a label) keeps the Webhook that it has.
//! - **An account that is being deleted** matches no more: its member goes, by the guard, and then the account can go.

pub(crate) mod decide;
pub(crate) mod expand;
pub(crate) mod guard;
pub(crate) mod member;
mod names;
pub(crate) mod rollout;
pub(crate) mod select;
pub(crate) mod status;
#[cfg(test)]
mod testing;
