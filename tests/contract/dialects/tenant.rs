//! SuperOffice Online: tenants that move, that are unavailable, and apps that do not see each other's subscriptions.

use crate::bench::{Bench, fails, says};
use crate::run::{Case, cases};
use crate::samples::{document, foreign, same};
use hooktender::api::VendorName::Superoffice;
use hooktender::plan::ExternalId;
use hooktender::vendor::{Budget, Class};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) fn cases() -> Vec<Case> {
    cases![
        "a tenant that moved is followed once" => moved,
        "a write is done once, wherever the tenant is" => moved_write,
        "a tenant that moves on and on is left alone" => moves_on,
        "maintenance: no call to the tenant, and when to come" => maintenance,
        "maintenance that begins in between" => goes_down,
        "a tenant that is gone for good is told" => gone,
        "credentials go to the vendor's own hosts only" => foreign_endpoint,
        "where a tenant is is not asked with every call" => asked_seldom,
        "a central host that is down" => central_down,
        "apps see their own hooks only, and touch no other" => apart,
        "the published 10 a second, half of them" => pace,
    ]
}

async fn moved(bench: Bench) {
    let connection = bench.connected().await;
    bench.set(json!({"endpointHost": bench.world.elsewhere()})).await;
    connection.list().await.unwrap();
    assert_eq!((bench.count("list").await, bench.count("other").await), (2, 1));
    assert_eq!(bench.count("token").await, 0, "a move is no reason to log in");
    bench.forget().await;
    connection.list().await.unwrap();
    assert_eq!((bench.count("list").await, bench.total().await), (1, 1), "where it is is known now");
}

async fn moved_write(bench: Bench) {
    bench.insert(&foreign(Superoffice, "zero")).await;
    let connection = bench.connected().await;
    bench.set(json!({"endpointHost": bench.world.elsewhere()})).await;
    let desired = document(bench.column, "one");
    let made = connection.create(&desired).await.unwrap();
    same(bench.column, &made, &desired);
    assert_eq!((bench.count("create").await, bench.stored().await.len()), (2, 2));
    bench.set(json!({"endpointHost": bench.world.superoffice().trim_start_matches("http://")})).await;
    connection.delete(&made.id).await.unwrap();
    assert_eq!(bench.stored().await.len(), 1);
}

async fn moves_on(bench: Bench) {
    let connection = bench.connected().await;
    bench.set(json!({"endpointHost": bench.world.elsewhere()})).await;
    // The first one is refused by the old host, the others by the new one.
    bench
        .fault(json!({"operation": "list", "skip": 1, "times": null, "kind": "status", "status": 421}))
        .await;
    says(&fails(connection.list().await, Class::Unavailable), &["moved again"]);
    assert!(bench.total().await <= 6, "{}", bench.total().await);
    bench.heal().await;
    connection.list().await.unwrap();
}

async fn maintenance(bench: Bench) {
    bench.set(json!({"state": "OfflineMaintenance", "stateValidSeconds": 90})).await;
    let connection = bench.connect();
    let error = fails(connection.list().await, Class::Unavailable);
    says(&error, &["OfflineMaintenance"]);
    let wait = error.retry_after.unwrap();
    assert!((80..=90).contains(&wait.as_secs()), "{wait:?}");
    let error = fails(connection.create(&document(bench.column, "one")).await, Class::Unavailable);
    assert!(!error.outcome_unknown, "{error:?}");
    assert_eq!((bench.count("list").await, bench.count("create").await), (0, 0));
    bench.set(json!({"state": "OnlineMaintenance"})).await;
    connection.list().await.unwrap();
}

async fn goes_down(bench: Bench) {
    bench.insert(&foreign(Superoffice, "zero")).await;
    let connection = bench.connected().await;
    bench.set(json!({"state": "OfflineMaintenance"})).await;
    let error = fails(connection.list().await, Class::Unavailable);
    assert!(error.retry_after.is_some(), "{error:?}");
    assert_eq!((bench.count("list").await, bench.count("other").await), (1, 1));
    bench.set(json!({"state": "Running"})).await;
    connection.list().await.unwrap();
    bench.set(json!({"state": "OfflineMaintenance"})).await;
    let error = fails(connection.create(&document(bench.column, "one")).await, Class::Unavailable);
    assert!(error.outcome_unknown, "nobody knows what a page of something in between means: {error:?}");
}

async fn gone(bench: Bench) {
    for state in ["Deleted", "Suspended", "Unknown"] {
        bench.set(json!({"state": state})).await;
        fails(bench.connect().list().await, Class::Rejected);
    }
    for status in [400, 404] {
        bench.fault(json!({"operation": "other", "kind": "status", "status": status})).await;
        says(&fails(bench.connect().list().await, Class::Rejected), &["customerId", &bench.code]);
    }
    assert_eq!(bench.count("list").await, 0);
}

async fn foreign_endpoint(bench: Bench) {
    for address in ["https://evil.example.com/x", "http://online3.superoffice.com/x", "", "ftp://x"] {
        let body = json!({"Endpoint": address, "State": "Running", "IsRunning": true});
        bench.fault(json!({"operation": "other", "kind": "status", "status": 200, "body": body})).await;
        says(&fails(bench.connect().list().await, Class::Rejected), &["not allowed"]);
    }
    assert_eq!((bench.count("list").await, bench.count("token").await), (0, 0));
}

async fn asked_seldom(bench: Bench) {
    bench.set(json!({"stateValidSeconds": 0})).await;
    let connection = bench.connect();
    for _ in 0..3 {
        connection.list().await.unwrap();
    }
    assert_eq!(bench.count("other").await, 1);
}

async fn central_down(bench: Bench) {
    let connection = bench.connected().await;
    // A client that knows the tenant's host does not ask the central one.
    bench.fault(json!({"operation": "other", "times": null, "kind": "status", "status": 503})).await;
    connection.list().await.unwrap();
    fails(bench.connect().list().await, Class::Unavailable);
    let page = json!({"operation": "list", "kind": "status", "status": 502, "body": "<html>"});
    bench.fault(page).await;
    fails(connection.list().await, Class::Unavailable);
}

async fn apart(bench: Bench) {
    let mut hook = foreign(Superoffice, "one");
    hook["app"] = json!("another");
    let path = format!("/superoffice/{}/subscriptions", bench.code);
    let id = bench.world.control("POST", &path, &hook).await["id"].as_str().unwrap().to_owned();
    let connection = bench.connected().await;
    assert!(connection.list().await.unwrap().observed.is_empty());
    connection.create(&document(bench.column, "one")).await.unwrap();
    assert_eq!(connection.list().await.unwrap().observed.len(), 1);
    connection.delete(&ExternalId::new(id.as_str()).unwrap()).await.unwrap();
    bench.set(json!({"foreignStatus": 403})).await;
    bench.forget().await;
    fails(connection.delete(&ExternalId::new(id).unwrap()).await, Class::Rejected);
    // It was renewed once: an expired token gives the same answer.
    assert_eq!((bench.count("delete").await, bench.count("token").await), (2, 1));
    assert_eq!(bench.stored().await.len(), 2, "it is nobody's but the other app's");
}

async fn pace(mut bench: Bench) {
    bench.budget = Arc::new(Budget::of(&bench.account, None));
    let connection = bench.connect();
    // From just before a request was sent to just after it: it left in between.
    let mut sent: Vec<(Instant, Instant)> = Vec::new();
    while sent.len() < 12 {
        let before = Instant::now();
        match connection.list().await {
            Ok(_) => sent.push((before, Instant::now())),
            Err(error) => {
                assert!(error.is_paced(), "{error:?}");
                tokio::time::sleep(error.retry_after.unwrap()).await;
            }
        }
    }
    assert_eq!(bench.count("list").await, 12);
    for six in sent.windows(6) {
        let apart = six[5].1.duration_since(six[0].0);
        assert!(apart >= Duration::from_secs(1), "six calls within {apart:?}");
    }
}
