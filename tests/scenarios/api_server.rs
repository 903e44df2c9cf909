//! An API server, or a proxy in front of it, that accepts requests and never answers them.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response};
use hooktender_cluster::eventually;
use serde_json::json;

use crate::command;
use crate::scene::{Scene, condition, is, secret, webhook};
use crate::vendors::{self, Vendor};

/// A gateway to the API server that can swallow requests.
struct Gateway {
    /// Leads through the gateway, with the operator's rights.
    kubeconfig: PathBuf,
    state: Arc<Upstream>,
}

struct Upstream {
    http: reqwest::Client,
    url: String,
    /// Requests whose path contains this are never answered.
    swallows: Mutex<Option<&'static str>>,
    /// The paths of swallowed requests.
    swallowed: Mutex<Vec<String>>,
}

impl Gateway {
    fn new(scene: &Scene) -> Self {
        let ca = reqwest::Certificate::from_pem(scene.cluster.ca().as_bytes()).unwrap();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap();
        let url = scene.cluster.api_url().to_owned();
        let state = Arc::new(Upstream { http, url, swallows: Mutex::default(), swallowed: Mutex::default() });
        let app = Router::new().fallback(forward).with_state(Arc::clone(&state));
        let listener = vendors::block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let here = format!("http://{}", listener.local_addr().unwrap());
        vendors::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let text = fs::read_to_string(&scene.kubeconfig).unwrap();
        let kubeconfig = scene.cluster.folder().join(format!("gateway-{}", scene.namespace));
        fs::write(&kubeconfig, text.replace(scene.cluster.api_url(), &here)).unwrap();
        Self { kubeconfig, state }
    }

    /// From now on requests whose path contains this are never answered.
    fn swallow(&self, path: Option<&'static str>) {
        *self.state.swallows.lock().unwrap() = path;
    }

    fn has_swallowed(&self, path: &str) {
        eventually(&format!("a request for {path} is swallowed"), || {
            let swallowed = self.state.swallowed.lock().unwrap();
            if swallowed.iter().any(|one| one.contains(path)) { Ok(()) } else { Err(swallowed.clone()) }
        })
        .unwrap();
    }
}

async fn forward(State(upstream): State<Arc<Upstream>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().unwrap().to_string();
    if upstream.swallows.lock().unwrap().is_some_and(|part| path.contains(part)) {
        upstream.swallowed.lock().unwrap().push(path);
        return std::future::pending().await;
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut headers = head.headers;
    headers.remove("host");
    let url = format!("{}{path}", upstream.url);
    let answer = upstream.http.request(head.method, url).headers(headers).body(body).send().await.unwrap();
    let status = answer.status();
    let kind = answer.headers()["content-type"].clone();
    // Part by part: a watch never ends.
    let parts = futures::stream::unfold(answer, |mut answer| async move {
        let part: Result<Bytes, std::io::Error> =
            answer.chunk().await.transpose()?.map_err(std::io::Error::other);
        Some((part, answer))
    });
    Response::builder().status(status).header("content-type", kind).body(Body::from_stream(parts)).unwrap()
}

#[test]
fn an_api_server_that_never_answers_stops_neither_passes_nor_orphans_nor_commands() {
    let (scene, _tenant) = Scene::with_account("silent-api", Vendor::Superoffice);
    let gateway = Gateway::new(&scene);
    let _operator = scene.operator_by(&gateway.kubeconfig, &[]);
    scene.apply(&webhook("first", Vendor::Superoffice));
    scene.ready("first");
    // The account's Secret cannot be read; orphans need no Secret.
    gateway.swallow(Some("/secrets/login"));
    let asked = scene.request("account");
    gateway.has_swallowed("/secrets/login");
    let mut orphan = webhook("orphan", Vendor::Superoffice);
    orphan["spec"]["accountRef"] = json!({"name": "missing"});
    scene.apply(&orphan);
    scene.stalled("orphan", "AccountNotFound");
    let says = eventually("the account says so", || {
        let account = scene.account("account");
        let ready = condition(&account, "Ready").filter(|ready| ready.reason == "ClusterUnavailable");
        ready.map(|ready| ready.message).ok_or(account["status"].clone())
    })
    .unwrap();
    let words =
        format!("Secret {}/login, which has the credentials of the account, cannot be read", scene.namespace);
    assert!(says.starts_with(&words) && says.contains("did not answer within 10 seconds"), "{says}");
    // The command gets no answer.
    gateway.swallow(Some("/vendoraccounts?"));
    let mut plan = command::hooktender(&["plan", "-n", &scene.namespace]);
    plan.env("KUBECONFIG", &gateway.kubeconfig).stderr(Stdio::piped());
    let mut plan = plan.spawn().unwrap();
    gateway.has_swallowed("/vendoraccounts?");
    gateway.swallow(None);
    // Only requests from before are lost.
    let code = eventually("the command gives up", || plan.try_wait().unwrap().ok_or(()));
    if code.is_err() {
        plan.kill().unwrap();
    }
    assert_eq!(code.unwrap().code(), Some(1));
    let said = String::from_utf8(plan.wait_with_output().unwrap().stderr).unwrap();
    assert!(said.contains("the API server") && said.contains("no answer within 30 seconds"), "{said}");
    eventually("the pass is tried again", || {
        let status = scene.account("account")["status"].take();
        if status["lastHandledRequest"] == asked.as_str() { Ok(()) } else { Err(status) }
    })
    .unwrap();
    scene.account_becomes("account", "well again", |account| is(account, "Ready", "True", "InSync"));
}

#[test]
fn a_secret_without_an_answer_delays_its_readers_only() {
    let (scene, tenant) = Scene::with_account("slow-secret", Vendor::Superoffice);
    let gateway = Gateway::new(&scene);
    let _operator = scene.operator_by(&gateway.kubeconfig, &[]);
    scene.apply(&webhook("first", Vendor::Superoffice));
    scene.ready("first");
    scene.apply(&secret("slow", &json!({"token": "canary-slow"})));
    let mut other = webhook("other", Vendor::Superoffice);
    other["spec"]["variables"][0]["valueFrom"]["secretKeyRef"]["name"] = json!("slow");
    gateway.swallow(Some("/secrets/slow"));
    scene.apply(&other);
    gateway.has_swallowed("/secrets/slow");
    let edit = json!({"spec": {"subscription": {"superoffice": {"errorsEmail": "edit@example.com"}}}});
    scene.patch("webhook/first", &edit);
    scene.ready("first");
    assert_eq!(tenant.stored().len(), 1);
    assert!(is(&scene.account("account"), "Ready", "True", "InSync"));
    gateway.swallow(None);
    eventually("the other one is ready", || {
        let webhook = scene.webhook("other");
        if is(&webhook, "Ready", "True", "InSync") { Ok(()) } else { Err(webhook["status"].clone()) }
    })
    .unwrap();
}
