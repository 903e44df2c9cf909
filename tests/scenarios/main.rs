//! What users do, against a real API server, the fake vendors and the real program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod examples;
mod kinds;
mod refusals;
mod support;
