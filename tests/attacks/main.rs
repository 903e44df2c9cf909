//! What a hostile tenant, viewer or vendor may try, against the real program with the chart's rights and the chart's memory
//! limit. The result is judged by the *other* tenant: its edit reaches its vendor, and its values appear nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod addresses;
#[path = "../scenarios/api.rs"]
mod api;
mod bombs;
mod border;
#[path = "../scenarios/command.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod command;
#[path = "../scenarios/helm.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod helm;
mod hostile;
mod limit;
mod lists;
mod names;
mod objects;
#[path = "../scenarios/operator.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod operator;
#[path = "../scenarios/scene.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod scene;
mod site;
#[path = "../scenarios/support.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod support;
#[path = "../scenarios/vendors.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod vendors;
mod words;
