//! What users do, against a real API server, the fake vendors and the real program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod adopt;
mod examples;
mod kinds;
mod lifecycle;
mod operator;
mod outage;
mod plan_only;
mod quiet;
mod refusals;
mod restart;
mod scene;
mod secrets;
mod support;
mod trouble;
mod unreadable;
mod vendors;
