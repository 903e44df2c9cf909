//! What is told of each call to a vendor: a report for metrics, and a span for traces.

use super::error::Class;
use super::transport::{Call, Operation};
use crate::api::VendorName;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tracing::Span;
use tracing::field::Empty;

/// What is told of each call, for metrics.
#[derive(Clone, Copy, Debug)]
pub struct CallReport {
    /// Which vendor was called.
    pub vendor: VendorName,
    /// What for.
    pub operation: Operation,
    /// What kind of failure the answer is; none if it is what was asked for.
    pub class: Option<Class>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Is told of each call.
pub(crate) type Reporter = Arc<dyn Fn(CallReport) + Send + Sync>;

/// An answer that is still to be judged: only who reads it knows what it means. Its report is made when it is dropped.
pub(super) struct PendingReport {
    report: Reporter,
    call: CallReport,
    class: OnceLock<Class>,
}

impl PendingReport {
    /// `call` holds what the status alone says.
    pub(super) fn new(report: Reporter, call: CallReport) -> Self {
        Self { report, call, class: OnceLock::new() }
    }

    /// It is a failure of that kind.
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

/// What a status says where nobody reads more out of the answer.
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

/// The span of one call. Neither path nor query, headers nor bodies: what is secret may be in any of them.
pub(super) fn span(vendor: VendorName, call: &Call<'_>) -> Span {
    tracing::info_span!(
        "vendor call", otel.name = %format_args!("{vendor} {}", call.operation), otel.kind = "client",
        hooktender.vendor = vendor.as_str(), hooktender.operation = call.operation.as_str(),
        http.request.method = call.method.as_str(), server.address = call.url.host_str(),
        server.port = call.url.port_or_known_default(), http.response.status_code = Empty, otel.status_code = Empty,
    )
}

/// What came of it.
pub(super) fn ended(span: &Span, status: Option<u16>) {
    if let Some(status) = status {
        span.record("http.response.status_code", status);
    }
    if status.is_none_or(|status| status >= 400) {
        span.record("otel.status_code", "ERROR");
    }
}
