//! A trace collector: receives OTLP over HTTP and keeps the spans.

use super::prometheus::free_address;
use crate::vendors;
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The parts of a span that tests check.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) trace: Vec<u8>,
    pub(super) is_root: bool,
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
}

/// The received spans.
#[derive(Clone, Default)]
pub(super) struct Collector(Arc<Mutex<Vec<Span>>>);

impl Collector {
    /// Starts it; returns its address.
    pub(super) fn start() -> (Self, String) {
        let address = free_address();
        (Self::start_at(&address), format!("http://{address}"))
    }

    /// Starts it at that address.
    pub(super) fn start_at(address: &str) -> Self {
        let collector = Self::default();
        let take = {
            let collector = collector.clone();
            move |body: Bytes| {
                collector.take(&body);
                std::future::ready(())
            }
        };
        let router = Router::new().route("/v1/traces", post(take));
        vendors::block_on(async {
            let listener = tokio::net::TcpListener::bind(address).await.unwrap();
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        });
        collector
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        self.0.lock().unwrap().clone()
    }

    fn take(&self, body: &[u8]) {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans).map(|span| Span {
            is_root: span.parent_span_id.is_empty(),
            trace: span.trace_id,
            name: span.name,
            attributes: span
                .attributes
                .into_iter()
                .map(|attribute| {
                    let value = match attribute.value.and_then(|value| value.value) {
                        Some(Value::StringValue(text)) => text,
                        Some(Value::IntValue(number)) => number.to_string(),
                        other => format!("{other:?}"),
                    };
                    (attribute.key, value)
                })
                .collect(),
        });
        self.0.lock().unwrap().extend(spans);
    }
}
