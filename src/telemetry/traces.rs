//! Traces over OTLP: one a pass, with each call to a vendor and each write to Kubernetes as a span in it.
//!
//! The batches have a thread and a bounded queue of their own: a collector that is away, or that takes connections and
//! never answers, holds up nobody and costs spans, not memory.

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

/// How long the end of the process waits for the last spans to be taken.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where spans go.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// `endpoint` is that of a collector's OTLP over HTTP, such as `http://localhost:4318`. Headers, time-outs, sampling and
    /// resource attributes are those of the standard's environment variables.
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
        let exporter = Telling { exporter, fails: AtomicBool::new(false) };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Self(provider))
    }

    /// What makes spans of ours into theirs. Those of libraries may say more than is fit to be sent.
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

    /// Sends what is left, if the collector takes it in time.
    pub(super) fn end(&self) {
        // Whatever went wrong has been told.
        let _ = self.0.shutdown_with_timeout(FAREWELL);
    }
}

/// Tells once that the collector takes nothing, and once that it does again.
#[derive(Debug)]
struct Telling {
    exporter: opentelemetry_otlp::SpanExporter,
    fails: AtomicBool,
}

impl SpanExporter for Telling {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self.exporter.export(batch).await {
            Ok(()) if self.fails.swap(false, Ordering::Relaxed) => {
                tracing::info!("the trace collector takes traces again");
            }
            Err(error) if !self.fails.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, "the trace collector does not take traces; they are lost until it does");
            }
            Ok(()) | Err(_) => {}
        }
        // The queue goes on, whatever became of this batch.
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
