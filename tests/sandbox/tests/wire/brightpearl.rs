//! Brightpearl: ids, 404s, refusals, throttling.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, Seen, webhook};

const ACCOUNT: &str = "brightpearl/acme";

fn codes(body: &Value) -> Vec<&str> {
    body["errors"].as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect()
}

async fn post(bench: &Bench, body: &Value) -> Seen {
    Seen::of(bench.brightpearl(Method::POST, "").json(body)).await
}

#[tokio::test]
async fn lives_through_create_read_delete() {
    let bench = Bench::new().await;
    assert_eq!(post(&bench, &webhook()).await.expect(200), json!({"response": 1}));
    let seen = Seen::of(bench.brightpearl(Method::GET, "/1")).await;
    assert_eq!(seen.header("content-type"), "application/json;charset=UTF-8");
    assert_eq!(seen.header("message-type"), "webhook-get");
    assert!(seen.text.contains("key\\u003d1"), "equals signs are escaped: {}", seen.text);
    let shown = &seen.expect(200)["response"][0];
    assert_eq!(shown["uriTemplate"], "https://hooks.example.com/bp?key=1");
    assert_eq!(shown["idSetAccepted"], false);
    assert_eq!(shown.get("qualityOfService"), None, "never sent, so not shown");
    let seen = Seen::of(bench.brightpearl(Method::DELETE, "/1")).await;
    assert_eq!((seen.text.as_str(), seen.header("message-type")), ("{}", "webhook-delete"));
    let seen = Seen::of(bench.brightpearl(Method::DELETE, "/1")).await;
    assert_eq!(codes(&seen.expect(404)), ["CMNC-404"]);
    assert_eq!(seen.header("message-type"), "delete-webhook");
    assert_eq!(post(&bench, &webhook()).await.expect(200), json!({"response": 2}), "ids are not used again");
}

#[tokio::test]
async fn an_unknown_set_is_a_404_that_names_it() {
    let bench = Bench::new().await;
    let seen = Seen::of(bench.brightpearl(Method::GET, "")).await;
    assert_eq!(codes(&seen.expect(404)), ["CMNC-404"]);
    bench.set(ACCOUNT, json!({"emptyListOk": true})).await;
    let seen = Seen::of(bench.brightpearl(Method::GET, "/")).await;
    assert_eq!(seen.expect(200), json!({"response": []}));
    let seen = Seen::of(bench.brightpearl(Method::GET, "/7-9")).await;
    let message = seen.expect(404)["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.ends_with("7-9"), "{message}");
    for _ in 0..4 {
        post(&bench, &webhook()).await.expect(200);
    }
    let ids = async |set: &str| -> Vec<u64> {
        let found = Seen::of(bench.brightpearl(Method::GET, set)).await.expect(200);
        found["response"].as_array().unwrap().iter().map(|w| w["id"].as_u64().unwrap()).collect()
    };
    assert_eq!(ids("/3.1,99").await, [1, 3], "part of the set is enough");
    assert_eq!(ids("/2-3,4").await, [2, 3, 4]);
    for bad in ["/3-1", "/x", "/1,"] {
        assert_eq!(Seen::of(bench.brightpearl(Method::GET, bad)).await.status, 400, "{bad}");
    }
    assert_eq!(Seen::of(bench.brightpearl(Method::DELETE, "/1,2")).await.status, 400);
    assert_eq!(Seen::of(bench.brightpearl(Method::PUT, "/1").json(&webhook())).await.status, 405);
}

#[tokio::test]
async fn all_problems_are_reported_together() {
    let bench = Bench::new().await;
    let body = json!({"subscribeTo": "contact.created", "httpMethod": "DELETE",
        "uriTemplate": "http://x/${resource-id}", "bodyTemplate": "${account-code}"});
    let refused = post(&bench, &body).await.expect(400);
    assert_eq!(codes(&refused), ["INTC-057", "INTC-057", "INTC-057", "INTC-064"]);
    let order: Vec<&str> = refused["errors"].as_array().unwrap()[..3]
        .iter()
        .map(|e| e["message"].as_str().unwrap().split_whitespace().next().unwrap())
        .collect();
    assert_eq!(order, ["${lifecycle-event}", "${account-code}", "${resource-type}"]);
    let message = refused["errors"][3]["message"].as_str().unwrap();
    assert!(message.starts_with("contact.created"), "{message}");
    assert_eq!(codes(&post(&bench, &json!({})).await.expect(400)).len(), 3);
    assert_eq!(bench.look("/brightpearl/acme/subscriptions").await, json!([]));
}

#[tokio::test]
async fn each_rule_refuses() {
    let bench = Bench::new().await;
    for (field, value, status, code) in [
        ("subscribeTo", json!("product.exploded"), 400, "INTC-062"),
        ("subscribeTo", json!("nonsense"), 400, "INTC-064"),
        ("subscribeTo", json!("product.modified.nonsense"), 400, "INTC-064"),
        ("httpMethod", json!("post"), 400, "INTC-050"),
        ("uriTemplate", json!("/relative"), 400, "INTC-050"),
        ("contentType", Value::Null, 400, "INTC-050"),
        ("qualityOfService", json!(2), 400, "INTC-050"),
        ("qualityOfService", json!("1"), 500, "CMNU-003"),
        ("idSetAccepted", json!("true"), 500, "CMNU-003"),
        ("subscribeTo", json!(["product"]), 500, "CMNU-003"),
    ] {
        let mut body = webhook();
        body[field] = value;
        let refused = post(&bench, &body).await;
        assert_eq!(codes(&refused.expect(status))[0], code, "{body}");
    }
    let seen = Seen::of(bench.brightpearl(Method::POST, "").body("{\"subscribeTo\":")).await;
    assert_eq!(codes(&seen.expect(400)), ["CMNC-010"]);
    for event in ["product.modified", "goods-out-note", "order.modified.fully-shipped", "product.deleted"] {
        let mut body = webhook();
        body["subscribeTo"] = event.into();
        post(&bench, &body).await.expect(200);
    }
    bench.set(ACCOUNT, json!({"wrongTypeStatus": 400})).await;
    let mut body = webhook();
    body["idSetAccepted"] = "true".into();
    post(&bench, &body).await.expect(400);
}

#[tokio::test]
async fn body_and_type_are_dropped_where_no_body_is_sent() {
    let bench = Bench::new().await;
    let body = json!({"subscribeTo": "product", "httpMethod": "GET", "bodyTemplate": "x", "contentType": "y",
        "uriTemplate": "http://x/${account-code}/${resource-type}/${resource-id}/${lifecycle-event}"});
    post(&bench, &body).await.expect(200);
    let stored = bench.look("/brightpearl/acme/subscriptions").await;
    assert_eq!(stored[0].get("bodyTemplate"), None);
    assert_eq!(stored[0].get("contentType"), None);
}

#[tokio::test]
async fn a_bad_token_is_echoed_by_the_gateway() {
    let bench = Bench::new().await;
    let url = format!("{}/public-api/acme/integration-service/webhook", bench.sandbox.brightpearl_url());
    let wrong = bench
        .client
        .get(&url)
        .header("brightpearl-app-ref", "acme_ops")
        .header("brightpearl-staff-token", "hunter2");
    let seen = Seen::of(wrong).await;
    assert!(seen.expect(401)["response"].as_str().unwrap().contains("hunter2"));
    assert_eq!(seen.header("message-type"), "api-proxy");
    assert_eq!(seen.header("brightpearl-requests-remaining"), "199", "refusals count too");
    assert_eq!(Seen::of(bench.client.get(&url)).await.status, 401);
    let stranger = url.replace("acme", "nobody");
    let seen = Seen::of(bench.client.get(stranger)).await;
    assert_eq!(codes(&seen.expect(404)), ["CMNC-404"]);
    bench.control(Method::POST, "/brightpearl/acme/tokens/revoke", Value::Null).await;
    assert_eq!(Seen::of(bench.brightpearl(Method::GET, "")).await.status, 401);
    bench.control(Method::PUT, "/brightpearl/acme", json!({})).await;
    assert_eq!(Seen::of(bench.brightpearl(Method::GET, "")).await.status, 404, "new credentials work");
    bench.set(ACCOUNT, json!({"authMode": "expired"})).await;
    let seen = Seen::of(bench.brightpearl(Method::GET, "")).await;
    assert_eq!(seen.expect(401), json!({"response": "Authorization token expired"}));
}

#[tokio::test]
async fn oauth_apps_refresh_and_the_old_refresh_token_is_void() {
    let bench = Bench::new().await;
    let app = json!({"appRef": "app", "devRef": "dev", "clientSecret": "cs", "accessToken": "a1",
        "refreshToken": "r1", "expiresIn": 60});
    bench.control(Method::PUT, "/brightpearl/other", json!({"oauth": [app]})).await;
    let base = bench.sandbox.brightpearl_url();
    let list = async |token: &str, dev: &str| {
        let url = format!("{base}/public-api/other/integration-service/webhook");
        let request = bench.client.get(url).bearer_auth(token).header("brightpearl-app-ref", "app");
        Seen::of(request.header("brightpearl-dev-ref", dev)).await.status
    };
    assert_eq!(list("a1", "dev").await, 404);
    assert_eq!(list("a1", "other").await, 401, "both references are needed");
    let refresh = async |token: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", "app"),
            ("client_secret", "cs"),
        ];
        Seen::of(bench.client.post(format!("{base}/token/other")).form(&form)).await
    };
    let fresh = refresh("r1").await.expect(200);
    assert_eq!(fresh["expires_in"], 60);
    let access = fresh["access_token"].as_str().unwrap();
    assert_eq!(list(access, "dev").await, 404);
    assert_eq!(refresh("r1").await.expect(400), json!({"error": "invalid_grant"}));
    bench.control(Method::POST, "/clock", json!({"advanceMillis": 61_000})).await;
    assert_eq!(list(access, "dev").await, 401, "expired");
    refresh(fresh["refresh_token"].as_str().unwrap()).await.expect(200);
    assert_eq!(bench.look("/brightpearl/other/counts").await["token"], 3);
}

#[tokio::test]
async fn over_the_limit_the_gateway_is_too_busy_until_the_window_ends() {
    let bench = Bench::new().await;
    // A window so long that no test machine crosses its end.
    let hour = 3_600_000_i64;
    bench.set(ACCOUNT, json!({"throttleCap": 2, "throttleWindowMillis": hour * 24 * 365 * 40})).await;
    for left in ["1", "0"] {
        let seen = Seen::of(bench.brightpearl(Method::GET, "")).await;
        assert_eq!((seen.status, seen.header("brightpearl-requests-remaining")), (404, left));
    }
    let seen = Seen::of(bench.brightpearl(Method::GET, "")).await;
    assert!(seen.expect(503)["response"].as_str().unwrap().contains("too many requests"));
    assert_eq!(seen.header("brightpearl-requests-remaining"), "0");
    assert_eq!(seen.header("message-type"), "api-proxy");
    let wait: i64 = seen.header("brightpearl-next-throttle-period").parse().unwrap();
    assert!(wait > 0);
    bench.control(Method::POST, "/clock", json!({"advanceMillis": wait})).await;
    assert_eq!(Seen::of(bench.brightpearl(Method::GET, "")).await.status, 404);
}

#[tokio::test]
async fn a_vendor_may_store_another_spelling() {
    let bench = Bench::new().await;
    bench.set(ACCOUNT, json!({"lowercaseHost": true, "cutLastSlash": true})).await;
    let mut sent = webhook();
    sent["uriTemplate"] = json!("https://Hooks.Example.com/In/");
    assert_eq!(post(&bench, &sent).await.expect(200), json!({"response": 1}));
    let listed = Seen::of(bench.brightpearl(Method::GET, "")).await.expect(200);
    assert_eq!(listed["response"][0]["uriTemplate"], "https://hooks.example.com/In");
}
