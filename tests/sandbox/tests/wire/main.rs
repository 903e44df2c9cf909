//! The sandbox from a client's view: real requests, and answers compared with what is known of the vendors.
#![allow(
    clippy::doc_markdown,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod bench;
mod brightpearl;
mod contensis;
mod control;
mod faults;
mod online;
mod pace;
mod process;
mod seeds;
mod superoffice;
