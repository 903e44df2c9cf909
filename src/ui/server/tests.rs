//! Requests as a browser, a pipeline and another site send them.

mod sets;

use super::*;
use crate::ui::data::facts::{AccountFacts, WebhookFacts};
use crate::ui::data::problem::Problem;
use crate::ui::data::set_facts::SetFacts;
use crate::ui::data::store::{Fact, Watched};
use crate::ui::testing::{account, condition, set, webhook};
use axum::body::{Body, to_bytes};
use serde_json::{Value, json};
use tower::Service as _;

fn facts_of(object: Value) -> Fact {
    match object["kind"].as_str() {
        Some("Webhook") => {
            Fact::Webhook(Box::new(WebhookFacts::new(serde_json::from_value(object).unwrap())))
        }
        Some("WebhookSet") => Fact::Set(Box::new(SetFacts::new(serde_json::from_value(object).unwrap()))),
        _ => Fact::Account(Box::new(AccountFacts::new(serde_json::from_value(object).unwrap()))),
    }
}

fn watched(kind: Kind) -> Watched {
    Watched { kind, namespace: None }
}

/// A server of these objects, all of which were read.
fn server(objects: Vec<Value>) -> Server {
    let store = Store::default();
    store.write(|data| {
        for kind in [Kind::Accounts, Kind::Sets, Kind::Webhooks, Kind::Events] {
            data.replace(&watched(kind), Vec::new());
        }
        for object in objects {
            data.upsert(facts_of(object));
        }
    });
    let remedies: Remedies = |reason, healthy| (!healthy || reason == "Planned").then_some("do this");
    Server(Arc::new(Settings { store, scope: "all namespaces".into(), remedies, paces: None }))
}

/// An answer: its status, headers and body.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

async fn send(server: &Server, method: &str, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = axum::http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = server.clone().router().call(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), 64 << 20).await.unwrap();
    Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn get(server: &Server, uri: &str) -> Answer {
    send(server, "GET", uri, &[("host", "localhost:8099")]).await
}

async fn get_json(server: &Server, uri: &str) -> Value {
    let answer = get(server, uri).await;
    assert_eq!(answer.headers["content-type"], "application/json", "{uri}");
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn only_names_of_loopback_are_answered() {
    let server = server(Vec::new());
    for (host, answered) in [
        ("localhost", true),
        ("LOCALHOST:8099", true),
        ("127.0.0.1:1", true),
        ("127.8.8.8", true),
        ("[::1]:8099", true),
        ("rebound.example", false),
        ("localhost.rebound.example", false),
        ("127.0.0.1.rebound.example:8099", false),
        ("user@localhost", false),
        ("10.0.0.1", false),
        ("", false),
    ] {
        let answer = send(&server, "GET", "/accounts", &[("host", host)]).await;
        let expected = if answered { StatusCode::OK } else { StatusCode::MISDIRECTED_REQUEST };
        assert_eq!(answer.status, expected, "{host}");
        assert!(answered || !answer.body.contains("Accounts"), "{host}");
    }
    let two = [("host", "localhost"), ("host", "rebound.example")];
    for (uri, headers) in
        [("/accounts", &two[..]), ("/accounts", &[]), ("http://rebound.example/accounts", &two[..1])]
    {
        assert_eq!(send(&server, "GET", uri, headers).await.status, StatusCode::MISDIRECTED_REQUEST, "{uri}");
    }
}

#[tokio::test]
async fn nothing_but_reading_is_answered() {
    let server = server(Vec::new());
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
        for uri in ["/accounts", "/nowhere"] {
            let answer = send(&server, method, uri, &[("host", "localhost")]).await;
            assert_eq!(
                (answer.status, &answer.headers["allow"]),
                (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD".parse().unwrap())
            );
        }
    }
    assert_eq!(send(&server, "HEAD", "/accounts", &[("host", "localhost")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let server = server(Vec::new());
    let style = crate::ui::assets::STYLE.path();
    for (method, uri, host) in [
        ("GET", "/accounts", "localhost"),
        ("GET", style, "localhost"),
        ("GET", "/plan.json", "localhost"),
        ("GET", "/nowhere", "localhost"),
        ("GET", "/webhooks?state=fine", "localhost"),
        ("POST", "/accounts", "localhost"),
        ("GET", "/accounts", "rebound.example"),
    ] {
        let answer = send(&server, method, uri, &[("host", host)]).await;
        for (name, value) in HEADERS {
            assert_eq!(answer.headers[name], value, "{method} {uri}");
        }
        let kept = answer
            .headers
            .get("cache-control")
            .is_some_and(|value| value.to_str().unwrap().contains("immutable"));
        assert_eq!(kept, uri == style, "{uri}");
    }
}

#[tokio::test]
async fn wrong_addresses_say_what_is_wrong() {
    let server = server(vec![webhook("shop", "a", "acme")]);
    let answer = get(&server, "/webhooks?state=%3Cb%3E").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("state is one of blocked"), "{}", answer.body);
    assert_eq!(get(&server, "/nowhere").await.status, StatusCode::NOT_FOUND);
    let as_json = get_json(&server, "/webhooks/shop/b.json").await;
    assert_eq!(as_json["error"], "There is no such Webhook");
    let gone = get(&server, "/webhooks/shop/b").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(gone.body.contains("There is no such Webhook"), "{}", gone.body);
    let first = get(&server, "/").await;
    assert_eq!(
        (first.status, &first.headers["location"]),
        (StatusCode::TEMPORARY_REDIRECT, &"/accounts".parse().unwrap())
    );
}

#[tokio::test]
async fn accept_or_the_ending_chooses_the_format() {
    let server = server(vec![account("shop", "a.json")]);
    let accept = async |uri: &str, accept: &str| {
        let answer = send(&server, "GET", uri, &[("host", "localhost"), ("accept", accept)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{uri}");
        answer.headers["content-type"].to_str().unwrap().to_owned()
    };
    assert_eq!(accept("/plan", "application/json").await, "application/json");
    assert_eq!(accept("/plan.html", "application/json").await, "text/html; charset=utf-8");
    assert_eq!(accept("/plan", "text/html,application/json").await, "text/html; charset=utf-8");
    assert_eq!(accept("/plan", "*/*").await, "text/html; charset=utf-8");
    assert_eq!(accept("/accounts/shop/a.json.html", "text/html").await, "text/html; charset=utf-8");
    assert_eq!(accept("/accounts/shop/a.json.json", "text/html").await, "application/json");
}

#[tokio::test]
async fn an_account_has_three_groups() {
    let mut missing = webhook("shop", "missing", "acme");
    missing["status"] =
        json!({"observedGeneration": 1, "conditions": [condition("Ready", false, "SimilarExists")]});
    let server = server(vec![
        account("shop", "acme"),
        webhook("shop", "there", "acme"),
        missing,
        webhook("shop", "other", "b"),
    ]);
    let page = get_json(&server, "/accounts/shop/acme.json").await;
    let names = |group: &str| {
        page[group]["rows"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((names("there"), names("missing")), (vec![json!("there")], vec![json!("missing")]));
    let unmanaged = &page["unmanaged"];
    assert_eq!(unmanaged["rows"][0]["import"], "hooktender import --account shop/acme --id 9");
    assert_eq!(
        (&unmanaged["total"], &unmanaged["import"]),
        (&json!(1), &json!("hooktender import --account shop/acme"))
    );
    assert_eq!(page["format"], FORMAT);
    let html = get(&server, "/accounts/shop/acme").await.body;
    for text in ["Declared and there", "Declared and missing", "Unmanaged", "--id 9"] {
        assert!(html.contains(text), "{text}");
    }
}

#[tokio::test]
async fn a_list_is_filtered_and_paged() {
    let mut objects: Vec<_> = (0..120).map(|n| webhook("shop", &format!("hook-{n:03}"), "acme")).collect();
    objects[7]["status"]["conditions"] =
        json!([condition("Ready", false, "Rejected"), condition("Stalled", true, "Rejected")]);
    objects.push(webhook("stock", "other", "b"));
    let server = server(objects);
    let first = get_json(&server, "/webhooks.json").await;
    assert_eq!((&first["webhooks"]["total"], &first["webhooks"]["pages"]), (&json!(121), &json!(3)));
    assert_eq!(first["webhooks"]["rows"][0]["name"], "hook-007", "the most urgent is first");
    assert_eq!(first["states"], json!({"blocked": 1, "in-sync": 120}));
    let last = get_json(&server, "/webhooks.json?page=3").await;
    assert_eq!(last["webhooks"]["rows"].as_array().unwrap().len(), 21);
    for (query, total) in [
        ("state=blocked", 1),
        ("namespace=stock", 1),
        ("account=stock/b", 1),
        ("vendor=contensis", 0),
        ("q=HOOK-01", 10),
        ("q=hook+rejected", 1),
        ("q=hook&state=in-sync&namespace=shop&vendor=brightpearl&account=shop/acme", 119),
    ] {
        assert_eq!(
            get_json(&server, &format!("/webhooks.json?{query}")).await["webhooks"]["total"],
            total,
            "{query}"
        );
    }
    let html = get(&server, "/webhooks?q=hook&page=2").await.body;
    assert!(
        html.contains("href=\"/webhooks?q=hook\"") && html.contains("href=\"/webhooks?q=hook&amp;page=3\""),
        "{html}"
    );
    assert!(html.contains("51–100 of 120"), "{html}");
}

#[tokio::test]
async fn a_webhook_shows_the_difference_and_what_unblocks_it() {
    let mut changed = webhook("shop", "a", "acme");
    changed["spec"]["mode"] = json!("Plan");
    changed["status"]["conditions"] = json!([condition("Ready", true, "Planned")]);
    changed["status"]["plan"] = json!({"action": "Replace", "changes": [
        {"field": "uriTemplate", "before": "https://hooks.example.com/v1/orders", "after": "https://hooks.example.com/v2/orders"}]});
    let server = server(vec![account("shop", "acme"), changed]);
    let page = get_json(&server, "/webhooks/shop/a.json").await;
    assert_eq!(page["plan"]["changes"][0]["field"], "uriTemplate");
    assert_eq!(page["plan"]["held"]["until"], "later");
    assert!(page["plan"].get("calls").is_none(), "a status does not tell the number of calls");
    let command = "kubectl patch webhook -n shop a --type=merge -p '{\"spec\":{\"mode\":\"Enforce\"}}'";
    assert_eq!(page["unblock"][0]["commands"], json!([command]));
    let html = get(&server, "/webhooks/shop/a").await.body;
    assert!(
        html.contains("v<em>1</em>") || html.contains("/v<em>1</em>/"),
        "the part that differs is marked: {html}"
    );
    let plan = get(&server, "/plan").await.body;
    assert!(plan.contains("Plan: 1 planned only, 1 unmanaged."), "{plan}");
    assert!(plan.contains("href=\"/webhooks/shop/a\""), "{plan}");
}

#[tokio::test]
async fn foreign_text_stays_text() {
    const EVIL: &str = "<script>alert(1)</script>\u{1b}[31m\u{202e}\"'&";
    let mut hostile = webhook("shop", "a", "acme");
    hostile["status"]["externalId"] = json!(EVIL);
    hostile["status"]["conditions"] = json!([{"type": "Ready", "status": "False", "reason": EVIL, "message": EVIL,
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    hostile["status"]["plan"] =
        json!({"action": "Update", "changes": [{"field": EVIL, "before": EVIL, "after": "b"}]});
    let mut of_vendor = account("shop", "acme");
    of_vendor["status"]["unmanaged"] = json!([{"externalId": EVIL, "summary": EVIL}]);
    let mut of_tenants = set("shop", "orders");
    of_tenants["status"]["conditions"] = hostile["status"]["conditions"].clone();
    of_tenants["status"]["worst"] = json!([{"name": EVIL, "account": EVIL, "reason": EVIL, "message": EVIL}]);
    let server = server(vec![of_vendor, of_tenants, hostile]);
    for uri in [
        "/accounts",
        "/accounts/shop/acme",
        "/sets",
        "/sets/shop/orders",
        "/webhooks",
        "/webhooks/shop/a",
        "/plan",
        "/webhooks?q=%3Cscript%3E",
    ] {
        let html = get(&server, uri).await.body;
        assert!(!html.contains("<script>") && !html.chars().any(is_hidden), "{uri}: {html}");
        let answer =
            send(&server, "GET", uri, &[("host", "localhost"), ("accept", "application/json")]).await;
        assert!(!answer.body.chars().any(|c| c != '\n' && is_hidden(c)), "{uri}: {}", answer.body);
        serde_json::from_str::<Value>(&answer.body).unwrap();
    }
    let page = get_json(&server, "/webhooks/shop/a.json").await;
    assert_eq!(page["plan"]["changes"][0]["before"], EVIL, "JSON has the value as it is");
}

#[tokio::test]
async fn a_page_says_what_is_missing_and_since_when_it_is_true() {
    let server = server(vec![webhook("shop", "a", "acme")]);
    let problem = |message: &str, forbidden| Problem { message: message.into(), forbidden };
    server.0.store.write(|data| {
        data.begin(watched(Kind::Accounts));
        data.fail(&watched(Kind::Accounts), problem("you lack the right to list", true), timestamp());
        data.fail(&watched(Kind::Webhooks), problem("the API server does not answer", false), timestamp());
    });
    let html = get(&server, "/webhooks").await.body;
    assert!(html.contains("No VendorAccounts are shown: </b>you lack the right to list"), "{html}");
    assert!(html.contains("Webhooks are shown as they were "), "{html}");
    assert!(!html.contains("class=\"live\""), "{html}");
    let freshness = &get_json(&server, "/webhooks.json").await["freshness"];
    assert_eq!((&freshness["live"], freshness["notices"].as_array().unwrap().len()), (&json!(false), 2));
    assert_eq!(get(&server, "/accounts/shop/acme").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&server, "/webhooks/shop/b").await.status, StatusCode::NOT_FOUND);
}
