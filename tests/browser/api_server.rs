//! A fake API server that only lists and watches, from memory.
//!
//! A real one does not store hostile names, takes minutes for ten thousand objects, and cannot be made to fail at a chosen
//! moment. That the pages work with a real one is shown by `tests/scenarios/ui.rs`.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::runtime::Runtime;

/// A request that the program has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) watch: bool,
}

/// The fake. It ends when it is dropped.
pub(crate) struct ApiServer {
    address: SocketAddr,
    state: Arc<Mutex<Objects>>,
    running: Option<Runtime>,
}

#[derive(Default)]
struct Objects {
    /// By the plural of their kind.
    all: BTreeMap<String, Vec<Value>>,
    watchers: Vec<(String, UnboundedSender<Bytes>)>,
    forbidden: BTreeSet<String>,
    asked: Vec<Asked>,
}

impl ApiServer {
    /// Starts it with these objects.
    pub(crate) fn start(objects: &[Value]) -> Self {
        let mut all = Objects::default();
        for object in objects {
            all.all.entry(plural(object)).or_default().push(object.clone());
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut server = Self { address, state: Arc::new(Mutex::new(all)), running: None };
        server.come_back();
        server
    }

    /// Ends it and all its connections.
    pub(crate) fn go_away(&mut self) {
        self.state().watchers.clear();
        if let Some(running) = self.running.take() {
            running.shutdown_background();
        }
    }

    /// Starts it again at the same address.
    pub(crate) fn come_back(&mut self) {
        let running = Runtime::new().unwrap();
        let listener = running.block_on(tokio::net::TcpListener::bind(self.address)).unwrap();
        self.address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&self.state));
        running.spawn(async move { axum::serve(listener, router).await.unwrap() });
        self.running = Some(running);
    }

    /// Refuses to list and watch a kind.
    pub(crate) fn forbid(&self, plural: &str) {
        self.state().forbidden.insert(plural.to_owned());
    }

    /// Stores an object, and tells the watches.
    pub(crate) fn put(&self, object: &Value) {
        let mut state = self.state();
        let kind = plural(object);
        let of_kind = state.all.entry(kind.clone()).or_default();
        let same = |one: &Value, field: &str| one["metadata"][field] == object["metadata"][field];
        let known = of_kind.iter().position(|one| same(one, "namespace") && same(one, "name"));
        let event = if known.is_some() { "MODIFIED" } else { "ADDED" };
        match known {
            Some(at) => of_kind[at] = object.clone(),
            None => of_kind.push(object.clone()),
        }
        let line = Bytes::from(json!({"type": event, "object": object}).to_string() + "\n");
        let watchers = state.watchers.iter().filter(|(of, _)| *of == kind);
        watchers.for_each(|(_, watcher)| drop(watcher.unbounded_send(line.clone())));
    }

    /// What it was asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// Waits until it is asked for that many watches.
    pub(crate) fn watched(&self, number: usize) {
        let begin = std::time::Instant::now();
        while self.asked().iter().filter(|asked| asked.watch).count() < number {
            assert!(begin.elapsed().as_secs() < 60, "{:?}", self.asked());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Writes a kubeconfig for it.
    pub(crate) fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let path = folder.join("kubeconfig");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "me", "user": {}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "shop"}}],
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    fn state(&self) -> MutexGuard<'_, Objects> {
        self.state.lock().unwrap()
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.go_away();
    }
}

fn plural(object: &Value) -> String {
    format!("{}s", object["kind"].as_str().unwrap().to_lowercase())
}

async fn answer(State(state): State<Arc<Mutex<Objects>>>, method: Method, uri: Uri) -> Response {
    let query: BTreeMap<_, _> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let watch = query.get("watch").is_some_and(|watch| watch == "true");
    let path = uri.path().to_owned();
    let plural = path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut state = state.lock().unwrap();
    state.asked.push(Asked { method: method.to_string(), path: path.clone(), watch });
    if method != Method::GET {
        return status(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "only reads");
    }
    if state.forbidden.contains(&plural) {
        let message = format!("{plural} is forbidden: User \"me\" cannot list resource \"{plural}\"");
        return status(StatusCode::FORBIDDEN, "Forbidden", &message);
    }
    if watch {
        let (send, receive) = unbounded();
        state.watchers.push((plural, send));
        return Body::from_stream(receive.map(Ok::<_, Infallible>)).into_response();
    }
    let namespace = path.split("/namespaces/").nth(1).and_then(|rest| rest.split('/').next());
    let in_scope =
        |object: &&Value| namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace);
    let all: Vec<_> = state.all.get(&plural).into_iter().flatten().filter(in_scope).collect();
    let from: usize = query.get("continue").and_then(|token| token.parse().ok()).unwrap_or(0);
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(all.len());
    let page: Vec<_> = all.iter().skip(from).take(limit).collect();
    let mut metadata = json!({"resourceVersion": "1"});
    if from + page.len() < all.len() {
        metadata["continue"] = json!((from + page.len()).to_string());
    }
    axum::Json(json!({"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": page}))
        .into_response()
}

fn status(code: StatusCode, reason: &str, message: &str) -> Response {
    let body = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason, "message": message,
        "code": code.as_u16()});
    (code, axum::Json(body)).into_response()
}
