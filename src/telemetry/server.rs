//! `/healthz`, `/readyz` and `/metrics`.

use super::Metrics;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// Whether the process is ready: its caches are filled; and, until they are, what is in the way.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    ready: AtomicBool,
    lacks: Mutex<BTreeMap<String, String>>,
}

impl Health {
    /// The caches are filled.
    pub fn ready(&self) {
        self.0.ready.store(true, Ordering::Relaxed);
    }

    /// What keeps the objects of that kind from being read, if anything does.
    pub fn lacks(&self, kind: &str, why: Option<&str>) {
        let mut all = self.0.lacks.lock().unwrap_or_else(PoisonError::into_inner);
        match why {
            Some(why) => drop(all.insert(kind.to_owned(), why.to_owned())),
            None => drop(all.remove(kind)),
        }
    }

    fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    /// What to tell whoever asks why it is not ready, a line each.
    fn obstacles(&self) -> String {
        let all = self.0.lacks.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = "caches are not filled yet\n".to_owned();
        all.iter().fold(begin, |text, (kind, why)| text + kind + ": " + why + "\n")
    }
}

/// Serves until `stop` comes true; gives the address it listens on at once.
pub async fn serve(
    address: SocketAddr,
    health: Health,
    metrics: Metrics,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(text))
        .with_state((health, metrics));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
            tracing::error!(%error, "the health server ended");
        }
    });
    Ok(bound)
}

async fn readyz(State((health, _)): State<(Health, Metrics)>) -> impl IntoResponse {
    if health.is_ready() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, health.obstacles())
    }
}

async fn text(State((_, metrics)): State<(Health, Metrics)>) -> impl IntoResponse {
    match metrics.text() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
