//! `/healthz`, `/readyz` and `/metrics`. Whoever asks and does not read the answer, or asks half a question, is left behind:
//! it costs a few connections for a few seconds, and no other client its answer.

use super::Metrics;
use super::classic::classic;
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

/// How long a connection may take, from its first byte to its last.
const LONGEST: Duration = Duration::from_secs(10);
/// How many there are at once; the oldest makes room for the next.
const MOST: usize = 64;
/// After a connection could not be taken: there are too many open files, say.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether the process is ready: its caches are filled; and, until they are, what is in the way.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    ready: AtomicBool,
    /// By kind and namespace; the namespace is empty for a watch over all of them.
    lacks: Mutex<BTreeMap<(String, String), String>>,
}

impl Health {
    /// The caches are filled.
    pub fn ready(&self) {
        self.0.ready.store(true, Ordering::Relaxed);
    }

    /// What keeps the objects of that kind from being read in a namespace, or in all if there is none given; if anything does.
    pub fn lacks(&self, kind: &str, namespace: Option<&str>, why: Option<&str>) {
        let mut all = self.0.lacks.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (kind.to_owned(), namespace.unwrap_or_default().to_owned());
        match why {
            Some(why) => drop(all.insert(of, why.to_owned())),
            None => drop(all.remove(&of)),
        }
    }

    fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    /// What to tell whoever asks why it is not ready, a line each.
    fn obstacles(&self) -> String {
        let all = self.0.lacks.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = "caches are not filled yet\n".to_owned();
        all.iter().fold(begin, |text, ((kind, namespace), why)| {
            let place =
                if namespace.is_empty() { String::new() } else { format!(" (in namespace {namespace})") };
            format!("{text}{kind}: {why}{place}\n")
        })
    }
}

/// The file with the token that `/metrics` asks for, if any. It is read for each scrape, so that another token needs no restart.
#[derive(Clone, Debug, Default)]
pub struct MetricsToken(Option<Arc<PathBuf>>);

impl MetricsToken {
    /// An error says why the file cannot be used.
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

    /// Whether whoever asks may see the metrics. A file that cannot be read lets nobody see them.
    fn admits(&self, asked: &HeaderMap) -> bool {
        let given = asked.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
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

/// Serves until `stop` comes true; gives the address it listens on at once.
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
        .route("/metrics", get(text))
        .with_state((health, metrics, token));
    tokio::spawn(async move {
        tokio::select! {
            () = accept(listener, router) => {}
            () = stop => {}
        }
    });
    Ok(bound)
}

async fn accept(listener: TcpListener, router: Router) {
    let mut open: VecDeque<AbortHandle> = VecDeque::with_capacity(MOST);
    let told = Arc::new(AtomicBool::new(false));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection to the health server was not taken");
                sleep(PAUSE).await;
                continue;
            }
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= MOST
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
            tell(&told);
        }
        open.push_back(tokio::spawn(answer(stream, router.clone(), Arc::clone(&told))).abort_handle());
    }
}

/// One connection is one question and its answer.
async fn answer(stream: TcpStream, router: Router, told: Arc<AtomicBool>) {
    let connection = http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(LONGEST, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection to the health server broke"),
        Err(_) => tell(&told),
    }
}

/// Said once: whoever does so once does so every few seconds.
fn tell(told: &AtomicBool) {
    if !told.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "a client of the health server does not ask or read to its end; such connections are closed"
        );
    }
}

/// What the answers are made of.
type Answers = (Health, Metrics, MetricsToken);

async fn readyz(State((health, ..)): State<Answers>) -> impl IntoResponse {
    if health.is_ready() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, health.obstacles())
    }
}

async fn text(State((_, metrics, token)): State<Answers>, asked: HeaderMap) -> impl IntoResponse {
    if !token.admits(&asked) {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge, "send the token as Authorization: Bearer\n")
            .into_response();
    }
    let text = match metrics.text() {
        Ok(text) => text,
        Err(error) => return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    };
    let accepted = asked.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let accepted = accepted.collect::<Vec<_>>().join(",");
    // OpenMetrics, unless only the format of before is asked for by its name.
    if accepted.contains("text/plain") && !accepted.contains("application/openmetrics-text") {
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        return ([(header::CONTENT_TYPE, kind)], classic(&text)).into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_for_those_that_have_the_token() {
        let file = std::env::temp_dir().join(format!("hooktender-metrics-{}", std::process::id()));
        let admits = |token: &MetricsToken, given: Option<&str>| {
            let given = given.map(|given| (header::AUTHORIZATION, given.parse().unwrap()));
            token.admits(&given.into_iter().collect())
        };
        assert!(admits(&MetricsToken::default(), None));
        std::fs::write(&file, "\n").unwrap();
        assert!(MetricsToken::new(Some(file.clone())).unwrap_err().contains("is empty"));
        std::fs::write(&file, "s3cret\n").unwrap();
        let token = MetricsToken::new(Some(file.clone())).unwrap();
        assert!(admits(&token, Some("Bearer s3cret")));
        for other in [None, Some("Bearer s3cre"), Some("Bearer "), Some("Basic s3cret"), Some("s3cret")] {
            assert!(!admits(&token, other), "{other:?}");
        }
        std::fs::write(&file, "another").unwrap();
        assert!(admits(&token, Some("Bearer another")), "another token needs no restart");
        std::fs::remove_file(&file).unwrap();
        assert!(!admits(&token, Some("Bearer another")), "without the file nobody is let in");
    }

    #[test]
    fn what_one_namespace_lacks_is_told_until_that_namespace_has_it() {
        let health = Health::default();
        for namespace in ["shop", "stock"] {
            health.lacks("Secret", Some(namespace), Some("may not be listed"));
        }
        health.lacks("Secret", Some("shop"), None);
        let expected = "caches are not filled yet\nSecret: may not be listed (in namespace stock)\n";
        assert_eq!(health.obstacles(), expected);
        health.lacks("Secret", Some("stock"), None);
        health.lacks("Webhook", None, Some("no CRD"));
        assert_eq!(health.obstacles(), "caches are not filled yet\nWebhook: no CRD\n");
    }
}
