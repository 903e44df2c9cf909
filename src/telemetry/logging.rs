//! Logging to stderr: text for people, JSON for machines.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

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
    let allowed = "give off, error, warn, info, debug or trace, or a filter such as info,hooktender=debug";
    // A word alone is the name of a target to the filter, so that a level that is misspelt would silence everything.
    let is_word = level.chars().all(char::is_alphanumeric) && !level.starts_with("hooktender");
    if is_word && level.parse::<LevelFilter>().is_err() {
        return Err(format!("--log-level (RUST_LOG) {level:?} is no level: {allowed}"));
    }
    // kube logs each failed request at error level, which our own lines say better, and an answer that it cannot read in
    // full, be it a Secret.
    let filter = EnvFilter::try_new(format!("{level},kube_client::client=off"))
        .map_err(|error| format!("--log-level (RUST_LOG) {level:?}: {error}; {allowed}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| error.to_string())
}
