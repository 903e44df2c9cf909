//! What users do, against a real API server, the fake vendors and the real program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod adopt;
mod clocks;
mod delivering;
mod examples;
mod explain;
mod hands;
mod import_choice;
mod import_cli;
mod imported;
mod input;
mod kinds;
mod lag;
mod leader;
mod lifecycle;
mod neighbours;
mod oauth;
mod operator;
mod outage;
mod pace;
mod plan_only;
mod program;
mod quiet;
mod refusals;
mod restart;
mod rotation;
mod safety;
mod scene;
mod secrets;
mod support;
mod tenant;
mod trouble;
mod unreadable;
mod vendors;
