//! `hooktender ready`: whether another process is ready, for images that have no other program to ask with.

use crate::telemetry::until_ready;
use clap::Args;
use std::time::Duration;

/// Flags of `hooktender ready`.
#[derive(Debug, Args)]
pub(super) struct Ready {
    /// Where it listens: its `--listen`, or the address of a Service before it.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    address: String,
    /// How long to wait, such as `30s`.
    #[arg(long, default_value = "30s", value_parser = crate::engine::interval::interval)]
    timeout: Duration,
}

impl Ready {
    pub(super) async fn run(self) -> Result<(), String> {
        until_ready(&self.address, self.timeout).await
    }
}
