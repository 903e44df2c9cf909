//! Traces over OTLP: one trace per pass, with a span for each vendor call and each write to Kubernetes.
//!
//! The batch exporter has its own thread and a bounded queue. A collector that is down or never answers costs spans, and
//! never blocks reconciliation.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::Registry;

/// How long the process waits at its end for the collector to take the last spans.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// The trace provider of this process.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends traces to `endpoint`, the OTLP/HTTP address of a collector such as `http://localhost:4318`. Headers, time-outs,
    /// sampling and resource attributes are read from the standard's environment variables.
    pub(super) fn to(endpoint: &str) -> Result<Self, String> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .map_err(|error| format!("--otlp-endpoint {endpoint}: {error}"))?;
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("hooktender");
        }
        let exporter = LoggingExporter { exporter, fails: AtomicBool::new(false) };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Self(provider))
    }

    /// Returns the layer that exports the spans of this crate. Spans of libraries are left out: they may hold secrets.
    pub(super) fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        let ours = |metadata: &tracing::Metadata<'_>| {
            metadata.is_span() && metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
        };
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(env!("CARGO_CRATE_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(ours))
            .boxed()
    }

    /// Sends the remaining spans, within [`SHUTDOWN_TIMEOUT`].
    pub(super) fn shutdown(&self) {
        // The exporter has logged its errors.
        let _ = self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
    }
}

/// Logs once when exports begin to fail, and once when they succeed again.
#[derive(Debug)]
struct LoggingExporter {
    exporter: opentelemetry_otlp::SpanExporter,
    fails: AtomicBool,
}

impl SpanExporter for LoggingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self.exporter.export(batch).await {
            Ok(()) if self.fails.swap(false, Ordering::Relaxed) => {
                tracing::info!("the trace collector accepts traces again");
            }
            Err(error) if !self.fails.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, "the trace collector does not accept traces; they are dropped until it does");
            }
            Ok(()) | Err(_) => {}
        }
        // A failed batch does not stop the queue.
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
