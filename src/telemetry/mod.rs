//! Log lines, metrics, traces, and the health server. `docs/telemetry.md` is the reference.

#[cfg(test)]
mod documented;
mod kubernetes;
mod labels;
mod logging;
mod metrics;
mod probe;
mod prometheus_text;
mod server;
mod state_gauges;
mod traces;

pub use kubernetes::CountWrites;
pub use labels::{AccountPhase, PassResult, WebhookPhase};
pub use logging::{LogFormat, LogOptions, LostLines, Telemetry};
pub(crate) use metrics::GaugeGuard;
pub use metrics::Metrics;
pub use probe::until_ready;
pub use server::{Health, MetricsToken, serve};
pub use state_gauges::StateCounts;
