//! Too many calls at the vendors that document no limit: refused, in each form.

use reqwest::Method;
use serde_json::json;

use crate::bench::{Bench, Seen};

/// Calls until one is refused; not one too many ever passes, wherever the window begins.
async fn refused(calls: impl AsyncFn() -> Seen, cap: usize) -> Seen {
    for _ in 0..=2 * cap {
        let seen = calls().await;
        if seen.status != 200 {
            return seen;
        }
    }
    panic!("{} calls went through", 2 * cap + 1);
}

#[tokio::test]
async fn superoffice_refuses_in_every_form() {
    let bench = Bench::new().await;
    for dialect in ["seconds", "date", "none"] {
        bench
            .set("superoffice/superoffice", json!({"maxCallsPerSecond": 3, "throttleDialect": dialect}))
            .await;
        let seen = refused(async || Seen::of(bench.superoffice(Method::GET, "")).await, 3).await;
        assert_eq!((seen.status, &seen.json()["Message"]), (429, &json!("Too many requests.")));
        assert_eq!(seen.headers.contains_key("retry-after"), dialect != "none");
        match dialect {
            "seconds" => assert_eq!(seen.header("retry-after"), "1"),
            "date" => assert!(seen.header("retry-after").ends_with(" GMT"), "{}", seen.header("retry-after")),
            _ => {}
        }
    }
    bench.set("superoffice/superoffice", json!({"maxCallsPerSecond": null})).await;
    for _ in 0..10 {
        Seen::of(bench.superoffice(Method::GET, "")).await.expect(200);
    }
}

#[tokio::test]
async fn contensis_counts_by_the_minute() {
    let bench = Bench::new().await;
    let token = bench.contensis_token().await;
    bench.set("contensis/movies", json!({"callsPerMinute": 3})).await;
    let seen = refused(async || Seen::of(bench.contensis(Method::GET, &token, "")).await, 3).await;
    assert_eq!((seen.status, &seen.json()["type"]), (429, &json!("Error")));
    let seconds: u32 = seen.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    bench.control(Method::POST, "/clock", json!({"advanceMillis": 60_000})).await;
    Seen::of(bench.contensis(Method::GET, &token, "")).await.expect(200);
}

#[tokio::test]
async fn an_empty_list_may_be_not_found() {
    let bench = Bench::new().await;
    Seen::of(bench.superoffice(Method::GET, "")).await.expect(200);
    bench.set("superoffice/superoffice", json!({"emptyListStatus": 404})).await;
    let seen = Seen::of(bench.superoffice(Method::GET, "")).await.expect(404);
    assert_eq!(seen["ErrorType"], "SoNotFoundException");
}
