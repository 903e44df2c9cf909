//! Logging to stderr: text for people, JSON for programs.
//!
//! `hooktender run` writes through `tracing_appender::non_blocking`, so that logging never blocks reconciliation, not even
//! when nobody reads stderr. Lines that do not fit into the buffer are dropped and counted ([`LostLines`]).

use super::traces::Traces;
use crate::api::visible;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::{self, IsTerminal, Write};
use tracing::field::Field;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The number of lines that are kept while stderr is not read: about one megabyte.
const MAX_BUFFERED_LINES: usize = 4096;

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One readable line per event.
    Text,
    /// One JSON object per line.
    Json,
}

/// Parses `--log-level`.
fn filter(level: &str) -> Result<EnvFilter, String> {
    let allowed = "use off, error, warn, info, debug or trace, or a filter such as info,hooktender=debug";
    // The filter takes a single word for a target, so that a misspelt level would silence everything.
    let is_word = level.chars().all(char::is_alphanumeric) && !level.starts_with("hooktender");
    if is_word && level.parse::<LevelFilter>().is_err() {
        return Err(format!("--log-level (RUST_LOG) {level:?} is not a level: {allowed}"));
    }
    // kube_client::client logs failed requests at error level, which the engine's own lines cover, and prints responses
    // that it cannot parse, Secrets included. kube_runtime::watcher warns each time the API server refuses a watch, which
    // `controller::watch_error` reports once per reason. A filter that names this module shows each attempt.
    EnvFilter::try_new(format!("kube_runtime::watcher=off,{level},kube_client::client=off"))
        .map_err(|error| format!("--log-level (RUST_LOG) {level:?}: {error}; {allowed}"))
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions<'a> {
    /// The format of the lines.
    pub format: LogFormat,
    /// A filter such as `info` or `hooktender=debug,kube=warn`.
    pub level: &'a str,
    /// Whether lines are buffered, and dropped when the buffer is full, instead of blocking until stderr is read.
    pub buffered: bool,
    /// The OTLP endpoint for traces, if any.
    pub traces: Option<&'a str>,
}

/// Logging and tracing of this process. Dropping it flushes what is buffered, for a few seconds at most.
pub struct Telemetry {
    buffer: Option<(NonBlocking, WorkerGuard)>,
    traces: Option<Traces>,
}

impl Telemetry {
    /// Starts logging, and tracing if an endpoint is given.
    pub fn start(options: LogOptions<'_>) -> Result<Self, String> {
        let LogOptions { format, level, buffered, traces } = options;
        let filter = filter(level)?;
        let traces = traces.map(Traces::to).transpose()?;
        // Spans go to traces only: each log line names its objects itself.
        let filter = filter.and(filter_fn(|metadata: &tracing::Metadata<'_>| metadata.is_event()));
        let buffer = buffered.then(|| buffer(io::stderr()));
        let log = match &buffer {
            Some((writer, _)) => format_layer(format, writer.clone()),
            None => format_layer(format, io::stderr),
        };
        let mut layers = vec![log.with_filter(filter).boxed()];
        layers.extend(traces.as_ref().map(Traces::layer));
        tracing_subscriber::registry().with(layers).try_init().map_err(|error| error.to_string())?;
        if buffer.is_some() {
            // The default panic hook writes to stderr directly, which may block.
            std::panic::set_hook(Box::new(log_panic));
        }
        Ok(Self { buffer, traces })
    }

    /// Returns the counter of dropped log lines.
    pub fn lost_lines(&self) -> LostLines {
        LostLines(self.buffer.as_ref().map(|(writer, _)| writer.error_counter()))
    }

    /// Writes a line for people to stderr, whatever the log level.
    pub fn print_line(&self, line: &str) {
        let line = format!("{line}\n");
        // A closed stderr is not an error.
        let _ = match &self.buffer {
            Some((writer, _)) => writer.clone().write_all(line.as_bytes()),
            None => io::stderr().lock().write_all(line.as_bytes()),
        };
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = &self.traces {
            traces.shutdown();
        }
        // The guard of the buffer flushes when it is dropped.
    }
}

/// Starts the thread that writes lines to `to`.
fn buffer(to: impl Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(MAX_BUFFERED_LINES)
        .thread_name("log")
        .finish(to)
}

/// The number of log lines that were dropped because stderr was not read fast enough; 0 without a buffer.
#[derive(Clone, Debug, Default)]
pub struct LostLines(Option<ErrorCounter>);

impl EncodeMetric for LostLines {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let lost = self.0.as_ref().map_or(0, ErrorCounter::dropped_lines);
        encoder.encode_counter::<NoLabelSet, u64, u64>(&u64::try_from(lost).unwrap_or(u64::MAX), None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

fn format_layer<W>(format: LogFormat, to: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        LogFormat::Text => layer()
            .fmt_fields(debug_fn(write_field).delimited(" "))
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

/// Writes one field of a text line. A value may come from a vendor or a tenant: line breaks and control characters in it
/// are escaped.
fn write_field(to: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let value = visible(&format!("{value:?}"));
    match field.name() {
        "message" => to.write_str(&value),
        name if to.has_ansi_escapes() => write!(to, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}"),
        name => write!(to, "{name}={value}"),
    }
}

fn log_panic(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let payload = info.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let message = text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(place, backtrace, "panicked: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::time::{Duration, Instant};

    #[test]
    fn logging_never_blocks_and_lost_lines_are_counted() {
        let (reader, writer) = io::pipe().unwrap();
        let (mut lines, guard) = buffer(writer);
        let line = [b'x'; 1023].into_iter().chain([b'\n']).collect::<Vec<_>>();
        let written = 2 * MAX_BUFFERED_LINES;
        for _ in 0..written {
            lines.write_all(&line).unwrap();
        }
        let lost = lines.error_counter().dropped_lines();
        // The buffer is full, and so is the pipe, which takes 64 KiB; one line is being written.
        assert!(lost >= MAX_BUFFERED_LINES - 65, "{lost}");
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &{
            let mut registry = prometheus_client::registry::Registry::default();
            registry.register("lost", "Lost", LostLines(Some(lines.error_counter())));
            registry
        })
        .unwrap();
        assert!(text.contains(&format!("\nlost_total {lost}\n")), "{text}");
        // Once somebody reads, all lines that were kept come whole, and then the next ones.
        let mut read = BufReader::new(reader).lines().map_while(Result::ok);
        let kept: Vec<_> = read.by_ref().take(written - lost).collect();
        assert!(kept.iter().all(|line| line.len() == 1023));
        lines.write_all(b"after\n").unwrap();
        assert_eq!(read.next().unwrap(), "after");
        drop(guard);
    }

    #[test]
    fn the_end_of_the_process_does_not_wait_for_a_reader() {
        let (_reader, writer) = io::pipe().unwrap();
        let (mut lines, guard) = buffer(writer);
        lines.write_all(&vec![b'x'; 1 << 20]).unwrap();
        let start = Instant::now();
        drop(guard);
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}
