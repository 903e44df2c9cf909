//! Telemetry of vendor calls: a report for metrics, and a span for traces.

use super::error::Class;
use super::transport::operation::Operation;
use crate::api::VendorName;
use reqwest::Method;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};
use tracing::Span;
use tracing::field::Empty;
use url::Url;

/// A call, for metrics and checks.
#[derive(Clone, Copy, Debug)]
pub struct CallReport {
    /// The vendor.
    pub vendor: VendorName,
    /// The purpose of the call.
    pub operation: Operation,
    /// The class of the failure; none if the call succeeded.
    pub class: Option<Class>,
    /// How long the call took.
    pub elapsed: Duration,
    /// The vendor's clock when it answered (its `Date` header), to the second.
    pub clock: Option<SystemTime>,
}

/// Called after each call.
pub(crate) type Reporter = Arc<dyn Fn(CallReport) + Send + Sync>;

/// The report of an answer that is still being read: only its reader knows the class. Reports when it is dropped.
pub(super) struct PendingReport {
    report: Reporter,
    call: CallReport,
    class: OnceLock<Class>,
}

impl PendingReport {
    /// `call` has the class by the status alone.
    pub(super) fn new(report: Reporter, call: CallReport) -> Self {
        Self { report, call, class: OnceLock::new() }
    }

    /// Sets the class of the failure.
    pub(super) fn set_class(&self, class: Class) {
        let _ = self.class.set(class);
    }
}

impl Drop for PendingReport {
    fn drop(&mut self) {
        let class = self.class.get().copied().or(self.call.class);
        (self.report)(CallReport { class, ..self.call });
    }
}

/// Returns the class by the status alone.
pub(super) fn class_of(status: u16) -> Option<Class> {
    match status {
        200..=299 => None,
        401 | 403 => Some(Class::Credentials),
        404 | 410 => Some(Class::NotFound),
        409 | 412 => Some(Class::Outdated),
        429 => Some(Class::Throttled),
        400..=499 => Some(Class::Rejected),
        _ => Some(Class::Unavailable),
    }
}

/// Starts the span of a call. It has no path, query, headers or body: each may hold secrets.
pub(super) fn span(vendor: VendorName, operation: Operation, method: &Method, url: &Url) -> Span {
    tracing::info_span!(
        "vendor call", otel.name = %format_args!("{vendor} {operation}"), otel.kind = "client",
        hooktender.vendor = vendor.as_str(), hooktender.operation = operation.as_str(),
        http.request.method = method.as_str(), server.address = url.host_str(),
        server.port = url.port_or_known_default(), http.response.status_code = Empty, otel.status_code = Empty,
    )
}

/// Records the outcome of a call.
pub(super) fn ended(span: &Span, status: Option<u16>) {
    if let Some(status) = status {
        span.record("http.response.status_code", status);
    }
    if status.is_none_or(|status| status >= 400) {
        span.record("otel.status_code", "ERROR");
    }
}
