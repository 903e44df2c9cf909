//! The chart, as platform teams meet it: what it renders, what it lets the operator do, and its whole life in a cluster.

pub(crate) mod pod;
mod readme;
mod render;
// Fail points bring about the conflicts after which an object is read again.
#[cfg(feature = "failpoints")]
mod rights;
mod secrets;
mod story;
mod users;
mod values;
