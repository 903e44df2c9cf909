//! How long it takes to read a vendor's list, from its answer on the wire to canonical documents.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "benchmarks")]

use axum::body::Bytes;
use axum::routing::{get, post};
use axum::{Json, Router};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hooktender::api::SecretKeyRef;
use hooktender::api::account::Vendor;
use hooktender::vendor::{AllowedEndpoints, Budget, Connection, Credentials, ReadOnly, Settings};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A subscription as Contensis shows it (docs/vendors/contensis.md 3).
fn item(n: usize) -> Value {
    json!({
        "id": format!("3a7ce8e3-9c9f-4242-be20-{n:012}"),
        "name": format!("webhook-{n}"),
        "description": "feeds the search index",
        "url": format!("https://hooks.example.com/c7s/{n}/{{{{resource.sys.id}}}}"),
        "method": "POST",
        "enabled": true,
        "topics": [
            {"resourceType": "entry", "event": ["published", "unpublished"], "contentTypeId": ["article", "review"]},
            {"resourceType": "asset", "event": ["deleted"]},
        ],
        "headers": {"X-Origin": {"value": "cms"}, "X-Key": {"secret": true, "value": "********"}},
        "templates": {"entry.article": "{\"id\":\"{{resource.sys.id}}\"}"},
        "version": {"created": "2026-09-01T08:59:49Z", "createdBy": "t.durden", "modified": "2026-09-01T08:59:49Z",
            "modifiedBy": "t.durden", "versionNo": "1.0"},
    })
}

/// A client of a server that answers each list with that many subscriptions.
async fn client(subscriptions: usize) -> Connection<ReadOnly> {
    let body = Bytes::from(Value::from((0..subscriptions).map(item).collect::<Vec<_>>()).to_string());
    let token = json!({"access_token": "token", "expires_in": 3600});
    let app = Router::new()
        .route("/authenticate/connect/token", post(move || async { Json(token) }))
        .fallback(get(move || async { body }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let at = |key: &str| SecretKeyRef { name: "login".into(), key: key.into() };
    let account: Vendor =
        serde_json::from_value(json!({"contensis": {"url": url, "project": "movies", "credentials":
        {"clientCredentials": {"clientIdSecretRef": at("id"), "clientSecretSecretRef": at("secret")}}}}))
        .unwrap();
    let mut credentials = Credentials::default();
    credentials.insert(&at("id"), "id".into());
    credentials.insert(&at("secret"), "secret".into());
    let allowed: AllowedEndpoints = url.parse().unwrap();
    let settings = Settings::new(allowed, |_| {});
    Connection::open("shop", &account, &credentials, Arc::new(Budget::of(&account, None)), &settings).unwrap()
}

fn list(criterion: &mut Criterion) {
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap();
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("list");
    group.sample_size(20);
    for subscriptions in [100, 1_000, 10_000] {
        let client = runtime.block_on(client(subscriptions));
        group.throughput(Throughput::Elements(subscriptions as u64));
        group.bench_function(BenchmarkId::from_parameter(subscriptions), |b| {
            b.iter(|| {
                let all = runtime.block_on(client.list()).unwrap();
                assert_eq!(all.observed.len(), subscriptions);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, list);
criterion_main!(benches);
