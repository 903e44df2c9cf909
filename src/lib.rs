//! Declares webhook subscriptions at SaaS vendors as Kubernetes objects and keeps the vendors in step.

pub mod api;
pub mod cli;
mod compute;
pub(crate) mod controller;
pub(crate) mod engine;
mod failpoint;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod import;
pub mod manifest;
pub mod plan;
pub(crate) mod set;
#[cfg(test)]
mod simulation;
pub mod telemetry;
pub(crate) mod ui;
pub mod vendor;
