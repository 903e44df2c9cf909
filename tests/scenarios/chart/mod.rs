//! The chart, from the view of a platform team: what it renders, the rights that it gives, and a release's whole life in a
//! cluster.

mod manifests;
mod options;
pub(crate) mod pod;
mod readme;
mod render;
// Fail points cause the conflicts after which an object is read again.
#[cfg(feature = "failpoints")]
mod rights;
mod secrets;
mod story;
mod users;
mod values;
