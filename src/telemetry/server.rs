//! Serves `/healthz`, `/readyz` and `/metrics`. Slow clients do not block probes.
//!
//! The accept loop is written with hyper, because axum's `serve` (0.8) has neither a connection limit nor a time-out for a
//! request head, and the layers of tower-http and tower start when the head has been read and end before the response is
//! written: a client that sends half a request, or never reads the response, would keep its connection for ever. A limit
//! that makes new connections wait would let such clients block the kubelet's probes. Here a connection serves one request,
//! lives for [`CONNECTION_TIMEOUT`] at most, and the oldest of [`MAX_CONNECTIONS`] is closed for a new one.

use super::Metrics;
use super::prometheus_text::from_openmetrics;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

/// How long a connection may be open.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that may be open at once.
const MAX_CONNECTIONS: usize = 64;
/// Delay after a failed `accept`, such as for too many open files.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Readiness of the process: it is ready once its caches are synced. Until then it keeps the errors of its watches.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<HealthState>);

#[derive(Debug, Default)]
struct HealthState {
    ready: AtomicBool,
    /// By kind and namespace; the namespace is empty for a watch over all namespaces.
    watch_errors: Mutex<BTreeMap<(String, String), String>>,
}

impl Health {
    /// Marks the process as ready: the caches are synced.
    pub fn set_ready(&self) {
        self.0.ready.store(true, Ordering::Relaxed);
    }

    /// Sets or clears the error of the watch over a kind, in one namespace or in all (`None`).
    pub fn set_watch_error(&self, kind: &str, namespace: Option<&str>, error: Option<&str>) {
        let mut all = self.0.watch_errors.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = (kind.to_owned(), namespace.unwrap_or_default().to_owned());
        match error {
            Some(error) => drop(all.insert(watch, error.to_owned())),
            None => drop(all.remove(&watch)),
        }
    }

    fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    /// Returns why the process is not ready, one line per watch error.
    fn not_ready_reasons(&self) -> String {
        let all = self.0.watch_errors.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = "caches not synced yet\n".to_owned();
        all.iter().fold(begin, |text, ((kind, namespace), why)| {
            let place =
                if namespace.is_empty() { String::new() } else { format!(" (in namespace {namespace})") };
            format!("{text}{kind}: {why}{place}\n")
        })
    }
}

/// The file with the bearer token for `/metrics`, if any. It is read for each scrape, so that a new token needs no restart.
#[derive(Clone, Debug, Default)]
pub struct MetricsToken(Option<Arc<PathBuf>>);

impl MetricsToken {
    /// Fails if the file cannot be read or is empty.
    pub fn new(file: Option<PathBuf>) -> Result<Self, String> {
        let token = Self(file.map(Arc::new));
        token.read().map(|_| token)
    }

    fn read(&self) -> Result<Option<Zeroizing<String>>, String> {
        let Some(file) = &self.0 else { return Ok(None) };
        let text = std::fs::read_to_string(file.as_path());
        let file = file.display();
        let text = Zeroizing::new(text.map_err(|error| format!("--metrics-token-file {file}: {error}"))?);
        match text.trim() {
            "" => Err(format!("--metrics-token-file {file} is empty: write a token into it")),
            token => Ok(Some(Zeroizing::new(token.to_owned()))),
        }
    }

    /// Checks the Authorization header of a request. If the file cannot be read, all requests are refused.
    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        match self.read() {
            Ok(None) => true,
            Ok(Some(token)) => given
                .strip_prefix(b"Bearer ")
                .is_some_and(|given| verify_slices_are_equal(given.trim_ascii(), token.as_bytes()).is_ok()),
            Err(error) => {
                tracing::warn!("{error}");
                false
            }
        }
    }
}

/// Binds the address and serves until `stop` completes. Returns the bound address at once.
pub async fn serve(
    address: SocketAddr,
    health: Health,
    metrics: Metrics,
    token: MetricsToken,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(serve_metrics))
        .with_state((health, metrics, token));
    tokio::spawn(async move {
        tokio::select! {
            () = accept_loop(listener, router) => {}
            () = stop => {}
        }
    });
    Ok(bound)
}

async fn accept_loop(listener: TcpListener, router: Router) {
    let mut open: VecDeque<AbortHandle> = VecDeque::with_capacity(MAX_CONNECTIONS);
    let warned = Arc::new(AtomicBool::new(false));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "health server: accept failed");
                sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= MAX_CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
            warn_once(&warned);
        }
        open.push_back(
            tokio::spawn(serve_connection(stream, router.clone(), Arc::clone(&warned))).abort_handle(),
        );
    }
}

/// Serves one request.
async fn serve_connection(stream: TcpStream, router: Router, warned: Arc<AtomicBool>) {
    let connection = http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "health server: connection failed"),
        Err(_) => warn_once(&warned),
    }
}

/// Logs slow clients once: most of them come back every few seconds.
fn warn_once(warned: &AtomicBool) {
    if !warned.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "health server: a client does not finish its request or does not read the response; such connections are closed"
        );
    }
}

/// The state of the routes.
type RouteState = (Health, Metrics, MetricsToken);

async fn readyz(State((health, ..)): State<RouteState>) -> impl IntoResponse {
    if health.is_ready() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, health.not_ready_reasons())
    }
}

async fn serve_metrics(
    State((_, metrics, token)): State<RouteState>,
    headers: HeaderMap,
) -> impl IntoResponse {
    if !token.is_authorized(&headers) {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge, "send the token as Authorization: Bearer\n")
            .into_response();
    }
    let text = match metrics.text() {
        Ok(text) => text,
        Err(error) => return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    };
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let accepted = accepted.collect::<Vec<_>>().join(",");
    // OpenMetrics, unless only text/plain is accepted.
    if accepted.contains("text/plain") && !accepted.contains("application/openmetrics-text") {
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        return ([(header::CONTENT_TYPE, kind)], from_openmetrics(&text)).into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_need_the_token() {
        let file = std::env::temp_dir().join(format!("hooktender-metrics-{}", std::process::id()));
        let is_authorized = |token: &MetricsToken, given: Option<&str>| {
            let given = given.map(|given| (header::AUTHORIZATION, given.parse().unwrap()));
            token.is_authorized(&given.into_iter().collect())
        };
        assert!(is_authorized(&MetricsToken::default(), None));
        std::fs::write(&file, "\n").unwrap();
        assert!(MetricsToken::new(Some(file.clone())).unwrap_err().contains("is empty"));
        std::fs::write(&file, "s3cret\n").unwrap();
        let token = MetricsToken::new(Some(file.clone())).unwrap();
        assert!(is_authorized(&token, Some("Bearer s3cret")));
        for other in [None, Some("Bearer s3cre"), Some("Bearer "), Some("Basic s3cret"), Some("s3cret")] {
            assert!(!is_authorized(&token, other), "{other:?}");
        }
        std::fs::write(&file, "another").unwrap();
        assert!(is_authorized(&token, Some("Bearer another")), "a new token needs no restart");
        std::fs::remove_file(&file).unwrap();
        assert!(!is_authorized(&token, Some("Bearer another")), "without the file all requests are refused");
    }

    #[test]
    fn a_watch_error_is_reported_until_that_watch_recovers() {
        let health = Health::default();
        for namespace in ["shop", "stock"] {
            health.set_watch_error("Secret", Some(namespace), Some("may not be listed"));
        }
        health.set_watch_error("Secret", Some("shop"), None);
        let expected = "caches not synced yet\nSecret: may not be listed (in namespace stock)\n";
        assert_eq!(health.not_ready_reasons(), expected);
        health.set_watch_error("Secret", Some("stock"), None);
        health.set_watch_error("Webhook", None, Some("no CRD"));
        assert_eq!(health.not_ready_reasons(), "caches not synced yet\nWebhook: no CRD\n");
    }
}
