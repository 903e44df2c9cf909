//! Faults do on the wire what their names say, and leave behind what they promise.

use std::pin::pin;
use std::time::{Duration, Instant};

use hooktender_sandbox::STOP_LIMIT;
use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, Seen, WAIT_LIMIT, hook, webhook};

const ACCOUNT: &str = "brightpearl/acme";

async fn post(bench: &Bench) -> Result<reqwest::Response, reqwest::Error> {
    bench.brightpearl(Method::POST, "").json(&webhook()).send().await
}

async fn stored(bench: &Bench) -> usize {
    bench.look("/brightpearl/acme/subscriptions").await.as_array().unwrap().len()
}

/// Waits until so many subscriptions are stored.
async fn until(bench: &Bench, count: usize) {
    let end = Instant::now() + WAIT_LIMIT;
    while stored(bench).await != count {
        assert!(Instant::now() < end, "never became {count}");
        tokio::task::yield_now().await;
    }
}

/// Waits until so many requests of an operation have arrived.
async fn arrived(bench: &Bench, operation: &str, count: u64) {
    let end = Instant::now() + WAIT_LIMIT;
    while bench.look("/brightpearl/acme/counts").await[operation] != count {
        assert!(Instant::now() < end, "never {count} of {operation}");
        tokio::task::yield_now().await;
    }
}

/// Sends a request, and gives it up a moment after it has arrived, without an answer.
async fn given_up(bench: &Bench, request: reqwest::RequestBuilder, operation: &str, count: u64) {
    let mut answer = pin!(request.send());
    tokio::select! {
        answer = &mut answer => panic!("it was answered: {answer:?}"),
        () = arrived(bench, operation, count) => {}
    }
    assert!(tokio::time::timeout(Duration::from_millis(100), answer).await.is_err());
}

#[tokio::test]
async fn drops_close_the_connection_before_or_after_the_work() {
    let bench = Bench::new().await;
    for (kind, count) in [("drop_before", 0), ("drop_after", 1)] {
        bench.fault(ACCOUNT, json!({"operation": "create", "kind": kind})).await;
        let error = post(&bench).await.unwrap_err();
        assert!(error.is_request() && !error.is_timeout() && !error.is_connect(), "{kind}: {error:?}");
        assert_eq!(stored(&bench).await, count, "{kind}");
    }
    assert_eq!(post(&bench).await.unwrap().status(), 200, "a fault is used up");
    let journal = bench.look("/brightpearl/acme/journal").await;
    let seen: Vec<(&Value, &Value)> =
        journal.as_array().unwrap().iter().map(|e| (&e["fault"], &e["status"])).collect();
    assert_eq!(
        seen,
        [
            (&json!("drop_before"), &Value::Null),
            (&json!("drop_after"), &Value::Null),
            (&Value::Null, &json!(200))
        ]
    );
}

#[tokio::test]
async fn nothing_at_all_is_sent_before_a_drop() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let bench = Bench::new().await;
    bench.fault(ACCOUNT, json!({"kind": "drop_before"})).await;
    let address = bench.sandbox.brightpearl_url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = "GET /public-api/acme/integration-service/webhook HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let ending = tokio::time::timeout(WAIT_LIMIT, stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.is_empty(), "{ending:?} {}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn scripted_answers_before_and_after_the_work() {
    let bench = Bench::new().await;
    let html = json!({"kind": "status", "status": 520, "body": "<html>", "contentType": "text/html",
        "headers": {"retry-after": "7"}});
    bench.fault(ACCOUNT, html).await;
    let seen = Seen::of(bench.brightpearl(Method::POST, "").json(&webhook())).await;
    assert_eq!((seen.status, seen.text.as_str()), (520, "<html>"));
    assert_eq!((seen.header("content-type"), seen.header("retry-after")), ("text/html", "7"));
    assert_eq!(stored(&bench).await, 0);
    bench.fault(ACCOUNT, json!({"kind": "status_after", "status": 500, "body": {"a": 1}})).await;
    let seen = Seen::of(bench.brightpearl(Method::POST, "").json(&webhook())).await;
    assert_eq!(seen.expect(500), json!({"a": 1}));
    assert_eq!(stored(&bench).await, 1);
}

#[tokio::test]
async fn bodies_are_spoilt_or_cut_short() {
    let bench = Bench::new().await;
    bench.fault(ACCOUNT, json!({"kind": "garbage"})).await;
    let seen = Seen::of(bench.brightpearl(Method::POST, "").json(&webhook())).await;
    assert_eq!(seen.status, 200);
    assert!(serde_json::from_str::<Value>(&seen.text).is_err(), "{}", seen.text);
    bench.fault(ACCOUNT, json!({"kind": "truncate"})).await;
    let response = post(&bench).await.unwrap();
    assert_eq!(response.status(), 200, "the head arrives");
    assert!(response.bytes().await.is_err(), "the body does not");
    assert_eq!(stored(&bench).await, 2);
}

#[tokio::test]
async fn late_work_is_done_after_the_caller_is_gone() {
    let bench = Bench::new().await;
    bench.fault(ACCOUNT, json!({"operation": "create", "kind": "late_commit", "millis": 3000})).await;
    assert!(post(&bench).await.is_err());
    assert_eq!(stored(&bench).await, 0);
    until(&bench, 1).await;
    bench.fault(ACCOUNT, json!({"operation": "create", "kind": "delay", "millis": 1000})).await;
    given_up(&bench, bench.brightpearl(Method::POST, "").json(&webhook()), "create", 2).await;
    until(&bench, 2).await;
}

#[tokio::test]
async fn a_reset_stops_late_work() {
    let bench = Bench::new().await;
    bench.fault(ACCOUNT, json!({"kind": "late_commit", "millis": 100})).await;
    assert!(post(&bench).await.is_err());
    bench.control(Method::POST, "/reset", Value::Null).await;
    // Longer than the late work takes: its own delay is the clock here.
    bench.fault(ACCOUNT, json!({"kind": "delay", "millis": 300})).await;
    Seen::of(bench.brightpearl(Method::GET, "")).await.expect(404);
    assert_eq!(stored(&bench).await, 0);
}

#[tokio::test]
async fn hanging_lasts_until_the_caller_or_the_limit() {
    let bench = Bench::new().await;
    bench.fault(ACCOUNT, json!({"kind": "hang"})).await;
    given_up(&bench, bench.brightpearl(Method::GET, ""), "list", 1).await;
    bench.fault(ACCOUNT, json!({"kind": "hang_after", "millis": 50, "operation": "create"})).await;
    assert!(!post(&bench).await.unwrap_err().is_timeout());
    assert_eq!(stored(&bench).await, 1);
    bench.fault(ACCOUNT, json!({"kind": "hang"})).await;
    let waiting = bench.brightpearl(Method::GET, "").send();
    let arrived = async {
        arrived(&bench, "list", 2).await;
        let begin = Instant::now();
        bench.sandbox.stop().await;
        begin.elapsed()
    };
    let (answer, took) = tokio::join!(waiting, arrived);
    assert!(answer.is_err());
    assert!(took < STOP_LIMIT, "a hanging request does not hold the sandbox up: {took:?}");
}

#[tokio::test]
async fn faults_wait_for_the_requests_they_are_meant_for() {
    let bench = Bench::new().await;
    let account = "superoffice/superoffice";
    let fault = json!({"operation": "create", "times": 2, "skip": 1, "bodyContains": "contact-sync",
        "kind": "status", "status": 503});
    bench.fault(account, fault).await;
    let mut other = hook();
    other["Name"] = "other".into();
    let post = async |body: &Value| Seen::of(bench.superoffice(Method::POST, "").json(body)).await.status;
    assert_eq!(post(&other).await, 200);
    assert_eq!(Seen::of(bench.superoffice(Method::GET, "")).await.status, 200);
    assert_eq!(post(&hook()).await, 200, "the first one is let through");
    assert_eq!(post(&hook()).await, 503);
    let left = bench.look("/superoffice/superoffice/faults").await;
    assert_eq!((&left[0]["times"], left.as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(post(&hook()).await, 503);
    assert_eq!(post(&hook()).await, 200);
    bench.fault(account, json!({"times": null, "kind": "status", "status": 429})).await;
    for _ in 0..3 {
        assert_eq!(post(&hook()).await, 429);
    }
    bench.control(Method::DELETE, "/superoffice/superoffice/faults", Value::Null).await;
    assert_eq!(post(&hook()).await, 200);
}

#[tokio::test]
async fn a_slow_target_makes_a_slow_save() {
    let bench = Bench::new().await;
    let script = json!({"url": "https://hooks.example.com/so", "verdict": "slow", "millis": 300});
    bench.control(Method::PUT, "/superoffice/superoffice/targets", script).await;
    let begin = Instant::now();
    Seen::of(bench.superoffice(Method::POST, "").json(&hook())).await.expect(200);
    assert!(begin.elapsed() >= Duration::from_millis(300));
}
