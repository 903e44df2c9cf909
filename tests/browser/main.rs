//! The pages of `hooktender ui` in a real browser, from the real program.
//!
//! Chromium comes from Debian's packages, axe-core from npm; both are installed if they are missing. Where neither can be had, a
//! test prints why and passes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod api_server;
mod axe;
mod chromium;
mod objects;
mod pictures;
mod plan_picture;
mod program;
mod tests;
