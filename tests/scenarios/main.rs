//! What users do, against a real API server, the fake vendors and the real program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod adopt;
mod lifecycle;
mod operator;
mod outage;
mod plan_only;
mod quiet;
mod restart;
mod scene;
mod secrets;
mod trouble;
mod vendors;
