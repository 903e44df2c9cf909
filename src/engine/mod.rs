//! Reconciles one account at a time, for the operator and for the command line.
//!
//! Layers, lowest first; each imports only from those before it:
//!
//! - [`error`], `clock`, `fingerprint`, `digest`, `interval`, [`dependency`], `client`, [`limiter`]: small parts that the others share.
//! - [`state`]: plain data kept between the passes of one account. No I/O, nothing async.
//! - [`cluster`]: everything that talks to the API server.
//! - `inputs`: from objects and values to the input of the planner. Pure.
//! - [`status`]: what an outcome means for users: conditions, events, messages and gauges. Pure.
//! - [`pass`]: the phases of a pass, in order. The only place that decides when what happens.
//! - [`preview`]: the first phases alone, for `hooktender plan`.
//!
//! `simulation` plays random histories against all of it, in memory.

pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod cluster;
pub(crate) mod dependency;
mod digest;
pub(crate) mod error;
mod fingerprint;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
pub(crate) mod inputs;
pub(crate) mod interval;
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
