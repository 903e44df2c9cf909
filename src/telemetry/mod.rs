//! What is told to machines: logging, metrics, and the health server.

mod logging;
mod metrics;
mod probe;
mod server;

pub use logging::{LogFormat, init as init_logging};
pub use metrics::Metrics;
pub use probe::until_ready;
pub use server::{Health, serve};
