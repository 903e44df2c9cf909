//! What is told to machines: log lines, metrics, traces, and the health server. `docs/telemetry.md` is its manual.

mod classic;
#[cfg(test)]
mod documented;
mod kubernetes;
mod labels;
mod lines;
mod logging;
mod metrics;
mod probe;
mod server;
mod tally;
mod traces;

pub use kubernetes::CountWrites;
pub use labels::{AccountPhase, PassResult, WebhookPhase};
pub use logging::{LogFormat, LogOptions, Telemetry};
pub(crate) use metrics::Counted;
pub use metrics::Metrics;
pub use probe::until_ready;
pub use server::{Health, MetricsToken, serve};
pub use tally::StateCounts;
