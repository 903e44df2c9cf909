//! Logging to stderr: text for people, JSON for machines.

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One readable line.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `level` is a filter such as `info` or `hooktender=debug,kube=warn`.
pub fn init(format: LogFormat, level: &str) -> Result<(), String> {
    // kube logs each failed request at error level, which our own lines say better, and an answer that it cannot read in
    // full, be it a Secret.
    let filter = EnvFilter::try_new(format!("{level},kube_client::client=off"))
        .map_err(|error| format!("--log-level {level}: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| error.to_string())
}
