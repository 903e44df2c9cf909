//! Logging to stderr: text for people, JSON for machines.

use super::lines::Lines;
use super::traces::Traces;
use crate::api::visible;
use prometheus_client::metrics::counter::Counter;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::{self, IsTerminal, Write as _};
use tracing::field::Field;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One readable line.
    Text,
    /// One JSON object a line.
    Json,
}

/// Reads `--log-level`.
fn filter(level: &str) -> Result<EnvFilter, String> {
    let allowed = "give off, error, warn, info, debug or trace, or a filter such as info,hooktender=debug";
    // A word alone is the name of a target to the filter, so that a level that is misspelt would silence everything.
    let is_word = level.chars().all(char::is_alphanumeric) && !level.starts_with("hooktender");
    if is_word && level.parse::<LevelFilter>().is_err() {
        return Err(format!("--log-level (RUST_LOG) {level:?} is no level: {allowed}"));
    }
    // kube logs each failed request at error level, which our own lines say better, and an answer that it cannot read in
    // full, be it a Secret.
    EnvFilter::try_new(format!("{level},kube_client::client=off"))
        .map_err(|error| format!("--log-level (RUST_LOG) {level:?}: {error}; {allowed}"))
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions<'a> {
    /// How lines look.
    pub format: LogFormat,
    /// A filter such as `info` or `hooktender=debug,kube=warn`.
    pub level: &'a str,
    /// Whether nobody may ever wait for stderr: what runs for years must not stop because nobody reads its log.
    pub queued: bool,
    /// Where traces go, if anywhere.
    pub traces: Option<&'a str>,
}

/// Logging under way. When it is dropped, what is still on its way is written and sent, as long as somebody takes it.
pub struct Telemetry {
    lines: Option<Lines>,
    traces: Option<Traces>,
    lost_lines: Counter,
}

impl Telemetry {
    /// Starts logging, and tracing if that is asked for.
    pub fn start(options: LogOptions<'_>) -> Result<Self, String> {
        let LogOptions { format, level, queued, traces } = options;
        let filter = filter(level)?;
        let lost_lines = Counter::default();
        let traces = traces.map(Traces::to).transpose()?;
        // Spans are for traces alone: a line says all there is to say by itself.
        let filter = filter.and(filter_fn(|metadata: &tracing::Metadata<'_>| metadata.is_event()));
        let told = move |lost| said_of_lost(format, lost);
        let lines = queued.then(|| Lines::to(io::stderr(), told, lost_lines.clone())).transpose();
        let lines = lines.map_err(|error| format!("the thread that writes the log: {error}"))?;
        let log = match lines.clone() {
            Some(lines) => lines_as(format, move || lines.clone()),
            None => lines_as(format, io::stderr),
        };
        let mut layers = vec![log.with_filter(filter).boxed()];
        layers.extend(traces.as_ref().map(Traces::layer));
        tracing_subscriber::registry().with(layers).try_init().map_err(|error| error.to_string())?;
        if lines.is_some() {
            // The usual hook writes to stderr by itself, and would wait for it.
            std::panic::set_hook(Box::new(panicked));
        }
        Ok(Self { lines, traces, lost_lines })
    }

    /// Counts log lines that nobody read in time.
    pub fn lost_lines(&self) -> Counter {
        self.lost_lines.clone()
    }

    /// Writes a line to stderr that is for people, whatever is logged.
    pub fn say(&self, line: &str) {
        let line = format!("{line}\n");
        // Whoever closed stderr does not want to know.
        let _ = match &self.lines {
            Some(lines) => lines.clone().write_all(line.as_bytes()),
            None => io::stderr().lock().write_all(line.as_bytes()),
        };
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = &self.traces {
            traces.end();
        }
        if let Some(lines) = &self.lines {
            lines.flush();
        }
    }
}

/// The layer that makes lines.
fn lines_as<W>(format: LogFormat, to: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        LogFormat::Text => layer()
            .fmt_fields(debug_fn(field).delimited(" "))
            .with_writer(to)
            .with_ansi(io::stderr().is_terminal())
            .boxed(),
        LogFormat::Json => layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(to)
            .boxed(),
    }
}

/// Writes one field of a line for people. A value may hold a vendor's or a tenant's words: it begins no line and hides nothing.
fn field(to: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let value = visible(&format!("{value:?}"));
    match field.name() {
        "message" => to.write_str(&value),
        name if to.has_ansi_escapes() => write!(to, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}"),
        name => write!(to, "{name}={value}"),
    }
}

/// The line about lines that are not there. It comes from beside all layers, into which it would not fit any more.
fn said_of_lost(format: LogFormat, lost: u64) -> String {
    let time = format!("{:.6}", jiff::Timestamp::now());
    let message = "log lines were lost, as nobody read them";
    match format {
        LogFormat::Text => format!("{time}  WARN hooktender::telemetry: {message} lost={lost}\n"),
        LogFormat::Json => {
            let line = serde_json::json!({
                "timestamp": time, "level": "WARN", "message": message, "lost": lost, "target": "hooktender::telemetry",
            });
            format!("{line}\n")
        }
    }
}

fn panicked(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let payload = info.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let message = text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(place, backtrace, "panicked: {message}");
}
