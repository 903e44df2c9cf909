//! One pass over one account, for whichever front door.
//!
//! `state` is plain data kept between passes, `cluster` all access to the API server, `inputs` makes of objects and values what the
//! planner decides on, `status` says what an outcome means, `pass` runs the phases in order, and `preview` the first of them alone.

mod client;
mod clock;
pub(crate) mod cluster;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod inputs;
mod lent;
pub(crate) mod limiter;
pub(crate) mod pass;
pub(crate) mod preview;
#[cfg(test)]
mod simulation;
pub(crate) mod state;
pub(crate) mod status;
#[cfg(test)]
mod testing;

#[cfg(test)]
pub(crate) use inputs::variables::declared;
pub(crate) use pass::finish::chain;
pub(crate) use pass::schedule::interval;
