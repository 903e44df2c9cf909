//! A layer of the Kubernetes client that counts every write, and makes it a span of the pass that it belongs to.

use super::Metrics;
use super::labels::OfWrite;
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use std::task::{Context, Poll};
use tower::{Layer, Service};
use tracing::{Instrument as _, Span};

/// The layer that counts writes.
#[derive(Clone)]
pub struct CountWrites(pub Metrics);

impl<S> Layer<S> for CountWrites {
    type Service = WriteCounter<S>;

    fn layer(&self, inner: S) -> WriteCounter<S> {
        WriteCounter { inner, metrics: self.0.clone() }
    }
}

/// A service whose writes are counted.
#[derive(Clone)]
pub struct WriteCounter<S> {
    inner: S,
    metrics: Metrics,
}

impl<S, B, C> Service<Request<B>> for WriteCounter<S>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some((verb, resource)) =
            verb(request.method()).map(|verb| (verb, resource(request.uri().path())))
        else {
            return Box::pin(self.inner.call(request));
        };
        // Lease renewals belong to no pass.
        let span = if Span::current().is_disabled() {
            Span::none()
        } else {
            tracing::info_span!(
                "kubernetes write",
                otel.name = format!("{verb} {resource}"),
                otel.kind = "client",
                k8s.resource = resource,
                k8s.verb = verb,
                http.request.method = request.method().as_str(),
                http.response.status_code = tracing::field::Empty,
                otel.status_code = tracing::field::Empty,
            )
        };
        let (metrics, response) = (self.metrics.clone(), self.inner.call(request));
        let counted = async move {
            let response = response.await;
            let status = response.as_ref().ok().map(|response| response.status().as_u16());
            let result = result(status);
            metrics.record_write(&OfWrite { resource, verb, result });
            if let Some(status) = status {
                Span::current().record("http.response.status_code", status);
            }
            if result != "success" {
                Span::current().record("otel.status_code", "ERROR");
            }
            response
        };
        Box::pin(counted.instrument(span))
    }
}

/// Returns the verb of a write; `None` for a read.
fn verb(method: &Method) -> Option<&'static str> {
    match *method {
        Method::POST => Some("create"),
        Method::PUT => Some("update"),
        Method::PATCH => Some("patch"),
        Method::DELETE => Some("delete"),
        _ => None,
    }
}

/// Returns the resource of a path as rules of a Role name it; `other` if it is not one that hooktender writes.
fn resource(path: &str) -> &'static str {
    const KNOWN: [&str; 9] = [
        "webhooks",
        "webhooks/status",
        "vendoraccounts",
        "vendoraccounts/status",
        "webhooksets",
        "webhooksets/status",
        "events",
        "leases",
        "secrets",
    ];
    let mut parts = path.split('/').skip_while(|part| *part != "namespaces").skip(2);
    let (resource, _name, subresource) = (parts.next(), parts.next(), parts.next());
    let of = |known: &&&str| match known.split_once('/') {
        Some((of, sub)) => Some(of) == resource && Some(sub) == subresource,
        None => Some(**known) == resource && subresource.is_none(),
    };
    KNOWN.iter().find(of).copied().unwrap_or("other")
}

fn result(status: Option<u16>) -> &'static str {
    match status {
        Some(200..=299) => "success",
        Some(409) => "conflict",
        Some(400..=499) => "refused",
        // The API server is unreachable, or fails.
        Some(_) | None => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_named_as_in_a_role_and_objects_are_not_named() {
        for (path, expected) in [
            ("/apis/hooktender.dev/v1alpha1/namespaces/shop/webhooks/a", "webhooks"),
            ("/apis/hooktender.dev/v1alpha1/namespaces/shop/webhooks/a/status", "webhooks/status"),
            (
                "/apis/hooktender.dev/v1alpha1/namespaces/shop/vendoraccounts/a/status",
                "vendoraccounts/status",
            ),
            ("/apis/hooktender.dev/v1alpha1/namespaces/shop/webhooksets/a/status", "webhooksets/status"),
            ("/apis/events.k8s.io/v1/namespaces/shop/events", "events"),
            ("/api/v1/namespaces/namespaces/secrets/x", "secrets"),
            ("/apis/coordination.k8s.io/v1/namespaces/shop/leases/hooktender", "leases"),
            ("/api/v1/namespaces/shop/pods/x", "other"),
            ("/api/v1/namespaces/shop/secrets/x/status", "other"),
            ("/version", "other"),
        ] {
            assert_eq!(resource(path), expected, "{path}");
        }
    }
}
