//! The control API itself.

use std::net::{IpAddr, Ipv4Addr};

use hooktender_sandbox::{Error, Options, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, Seen, hook, subscription, webhook};

#[tokio::test]
async fn only_loopback_is_served() {
    let options = Options { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), ..Options::default() };
    assert!(matches!(Sandbox::start(options).await, Err(Error::NotLoopback(_))));
}

#[tokio::test]
async fn resources_are_made_changed_and_removed_through_the_control_api() {
    let bench = Bench::new().await;
    for (account, body, patch, field) in [
        ("brightpearl/acme", webhook(), json!({"subscribeTo": "nonsense"}), "subscribeTo"),
        ("contensis/movies", subscription(), json!({"name": "changed"}), "name"),
        ("superoffice/superoffice", hook(), json!({"Name": "changed"}), "Name"),
    ] {
        let path = format!("/{account}/subscriptions");
        let id = bench.control(Method::POST, &path, body).await["id"].as_str().unwrap().to_owned();
        bench.control(Method::PATCH, &format!("{path}/{id}"), patch.clone()).await;
        let stored = bench.look(&path).await;
        assert_eq!(stored[0][field], patch[field], "{account}");
        bench.control(Method::DELETE, &format!("{path}/{id}"), Value::Null).await;
        assert_eq!(bench.look(&path).await, json!([]));
        let again = bench.control_raw(Method::DELETE, &format!("{path}/{id}"), Value::Null).await;
        assert_eq!(again.status, 404);
        assert_eq!(bench.look(&format!("/{account}/journal")).await, json!([]), "no vendor request was made");
    }
}

#[tokio::test]
async fn an_edit_by_somebody_else_moves_the_version() {
    let bench = Bench::new().await;
    let path = "/contensis/movies/subscriptions";
    let id = bench.control(Method::POST, path, subscription()).await["id"].as_str().unwrap().to_owned();
    let edited = bench.control(Method::PATCH, &format!("{path}/{id}"), json!({"enabled": false})).await;
    assert_eq!(edited["version"]["versionNo"], "2.0");
    assert_ne!(edited["version"]["modifiedBy"], "ops");
    assert_eq!(bench.look(path).await[0]["headers"]["X-Key"]["value"], "s3cret", "secrets are in clear here");
}

#[tokio::test]
async fn the_journal_records_everything() {
    let bench = Bench::new().await;
    let request = bench.brightpearl(Method::POST, "?a=b").json(&webhook()).header("X-Trace", "7");
    Seen::of(request).await.expect(200);
    Seen::of(bench.brightpearl(Method::POST, "").body("{oops")).await.expect(400);
    Seen::of(bench.brightpearl(Method::GET, "/1")).await.expect(200);
    let journal = bench.look("/brightpearl/acme/journal").await;
    let first = &journal[0];
    for (name, value) in [
        ("method", json!("POST")),
        ("path", json!("/public-api/acme/integration-service/webhook")),
        ("query", json!("a=b")),
        ("operation", json!("create")),
        ("body", webhook()),
        ("status", json!(200)),
        ("fault", Value::Null),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    assert_eq!(first["headers"]["x-trace"], "7");
    assert_eq!((&journal[1]["body"], &journal[1]["status"]), (&json!("{oops"), &json!(400)));
    assert!(first["seq"].as_u64() < journal[1]["seq"].as_u64());
    let at = first["at"].as_str().unwrap();
    assert_eq!((at.len(), at.ends_with('Z')), ("2026-01-01T00:00:00.000Z".len(), true), "{at}");
    assert_eq!(bench.look("/brightpearl/acme/counts").await, json!({"create": 2, "get": 1}));
    bench.control(Method::DELETE, "/brightpearl/acme/journal", Value::Null).await;
    assert_eq!(bench.look("/brightpearl/acme/journal").await, json!([]));
}

#[tokio::test]
async fn accounts_are_separate() {
    let bench = Bench::new().await;
    bench.control(Method::PUT, "/brightpearl/second", json!({"staffTokens": {"a": "t1"}})).await;
    bench.control(Method::POST, "/brightpearl/second/subscriptions", webhook()).await;
    assert_eq!(bench.look("/brightpearl/acme/subscriptions").await, json!([]));
    let url = format!("{}/public-api/second/integration-service/webhook", bench.sandbox.brightpearl_url());
    let list = async |token: &str| {
        let request = bench.client.get(&url).header("brightpearl-app-ref", "a");
        Seen::of(request.header("brightpearl-staff-token", token)).await.status
    };
    assert_eq!(list("t1").await, 200);
    bench.control(Method::PUT, "/brightpearl/second", json!({"staffTokens": {"a": "t2"}})).await;
    assert_eq!((list("t1").await, list("t2").await), (401, 200));
    assert_eq!(bench.look("/brightpearl").await, json!(["acme", "second"]));
    bench.control(Method::POST, "/reset", Value::Null).await;
    assert_eq!(bench.look("/brightpearl").await, json!(["acme"]));
    assert_eq!(list("t2").await, 404);
    bench.control(Method::DELETE, "/brightpearl/acme", Value::Null).await;
    assert_eq!(bench.look("/brightpearl").await, json!([]));
}

#[tokio::test]
async fn mistakes_are_explained() {
    let bench = Bench::new().await;
    for (method, path, body, status, hint) in [
        (Method::POST, "/brightpearl/acme/faults", json!({"kind": "explode"}), 400, "explode"),
        (Method::POST, "/brightpearl/acme/faults", json!({"kind": "status"}), 400, "status"),
        (Method::POST, "/brightpearl/acme/faults", json!({"kind": "delay"}), 400, "millis"),
        (
            Method::POST,
            "/brightpearl/acme/faults",
            json!({"kind": "hang", "operation": "x"}),
            400,
            "operation",
        ),
        (Method::POST, "/brightpearl/acme/faults", json!({"kind": "hang", "typo": 1}), 400, "typo"),
        (Method::PATCH, "/contensis/movies/settings", json!({"pagedd": true}), 400, "pagedd"),
        (Method::PATCH, "/contensis/movies/settings", json!({"paged": "yes"}), 400, "boolean"),
        (Method::PATCH, "/brightpearl/acme/settings", json!({"nextId": 0}), 400, "nextId"),
        (Method::PUT, "/superoffice/x", json!({"user": {}}), 400, "user"),
        (Method::GET, "/brightpearl/nobody/subscriptions", Value::Null, 404, "nobody"),
        (Method::GET, "/wordpress/acme/subscriptions", Value::Null, 404, "wordpress"),
        (Method::GET, "/brightpearl/acme/nonsense", Value::Null, 400, "nonsense"),
        (Method::GET, "/brightpearl/acme/pings", Value::Null, 400, "pings"),
    ] {
        let seen = bench.control_raw(method, path, body).await;
        let refused = seen.expect(status);
        let error = refused["error"].as_str().unwrap();
        assert!(error.contains(hint), "{path}: {error}");
    }
    let settings = bench.look("/contensis/movies/settings").await;
    assert_eq!((&settings["paged"], &settings["pageSize"]), (&json!(false), &json!(25)));
    assert!(bench.look("/").await["routes"].as_array().unwrap().len() > 10);
}
