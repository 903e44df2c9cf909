//! Rate limits, in every known form: the whole account waits for as long as the vendor says.

use crate::bench::{Bench, fails};
use crate::run::{Case, cases};
use crate::samples::document;
use futures::future::join_all;
use hooktender::api::VendorName;
use hooktender::vendor::{Class, Connection, ReadWrite};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

pub(super) fn cases() -> Vec<Case> {
    cases![
        "429, Retry-After in seconds: nothing more is sent" => seconds,
        "429, Retry-After as a date" => date,
        "429 without Retry-After" => untold,
        "503 whose text is about the pace" => text_503,
        "503 that is about something else" => other_503,
        "429 on a write: it was not done" => write,
        "429 of the login: it is left alone too" => login,
        "the vendor's own limit, and its own refusal" => own_limit,
    ]
}

/// A refusal because of the rate, in the vendor's own format.
fn refusal(bench: &Bench, operation: &str, status: u16, headers: &Value) -> Value {
    let body = match bench.column.vendor() {
        VendorName::Brightpearl => json!({"response": "You have sent too many requests. Please wait"}),
        VendorName::Contensis | VendorName::Superoffice => bench.envelope("Too many requests"),
    };
    json!({"operation": operation, "kind": "status", "status": status, "headers": headers, "body": body})
}

/// Asserts that no request of any kind is sent now.
async fn is_left_alone(bench: &Bench, connection: &Connection<ReadWrite>) {
    bench.forget().await;
    let wait = bench.budget.wait().unwrap();
    for _ in 0..3 {
        let error = fails(connection.list().await, Class::Throttled);
        assert!(error.is_paced() && error.retry_after.unwrap() <= wait, "{error:?}");
        let error = fails(connection.create(&document(bench.column, "one")).await, Class::Throttled);
        assert!(error.is_paced() && !error.outcome_unknown, "{error:?}");
    }
    assert_eq!(bench.total().await, 0, "{:?}", bench.journal().await);
    assert_eq!(bench.budget.remaining(), Some(0));
}

async fn seconds(bench: Bench) {
    let connection = bench.connected().await;
    bench.fault(refusal(&bench, "list", 429, &json!({"retry-after": "40"}))).await;
    let error = fails(connection.list().await, Class::Throttled);
    assert_eq!((error.retry_after, error.is_paced()), (Some(Duration::from_secs(40)), false));
    assert_eq!((bench.count("list").await, bench.total().await), (1, 1));
    is_left_alone(&bench, &connection).await;
    // Another client of the same account waits too.
    assert!(fails(bench.connect().list().await, Class::Throttled).is_paced());
    assert_eq!(bench.total().await, 0);
}

async fn date(bench: Bench) {
    let connection = bench.connected().await;
    let then = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(30));
    bench.fault(refusal(&bench, "list", 429, &json!({"retry-after": then}))).await;
    let wait = fails(connection.list().await, Class::Throttled).retry_after.unwrap();
    assert!((15..=31).contains(&wait.as_secs()), "{wait:?}");
    is_left_alone(&bench, &connection).await;
    // A date is read by the vendor's own clock, and one in the past causes no busy loop.
    let other = bench.another().await;
    let connection = other.connected().await;
    let now = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (then, wait) in [("Sun, 06 Nov 1994 08:00:00 GMT", 1), ("Sun, 06 Nov 1994 08:49:49 GMT", 12)] {
        let headers = json!({"retry-after": then, "date": now});
        other.fault(refusal(&other, "list", 429, &headers)).await;
        let error = fails(connection.list().await, Class::Throttled);
        assert_eq!(error.retry_after, Some(Duration::from_secs(wait)));
        tokio::time::sleep(Duration::from_millis(1050)).await;
    }
}

async fn untold(bench: Bench) {
    let connection = bench.connected().await;
    bench.fault(refusal(&bench, "list", 429, &json!({}))).await;
    let error = fails(connection.list().await, Class::Throttled);
    assert_eq!((error.retry_after, error.status), (None, Some(429)));
    assert_eq!(bench.count("list").await, 1, "it is not for the client to try again");
    // A proxy that answers with a page means the same.
    let page = json!({"operation": "list", "kind": "status", "status": 429, "body": "<html>", "contentType": "text/html"});
    bench.fault(page).await;
    fails(connection.list().await, Class::Throttled);
    connection.list().await.unwrap();
}

async fn text_503(bench: Bench) {
    let connection = bench.connected().await;
    bench.fault(refusal(&bench, "list", 503, &json!({"retry-after": "35"}))).await;
    let error = fails(connection.list().await, Class::Throttled);
    assert_eq!((error.retry_after, error.status), (Some(Duration::from_secs(35)), Some(503)));
    is_left_alone(&bench, &connection).await;
    let other = bench.another().await;
    let connection = other.connected().await;
    other.fault(refusal(&other, "create", 503, &json!({}))).await;
    let error = fails(connection.create(&document(other.column, "one")).await, Class::Throttled);
    assert!(!error.outcome_unknown, "refused before anything was done: {error:?}");
}

async fn other_503(bench: Bench) {
    let connection = bench.connected().await;
    let page = |operation: &str| {
        json!({"operation": operation, "kind": "status", "status": 503, "headers": {"retry-after": "9"},
            "body": "<html>Down for maintenance</html>", "contentType": "text/html"})
    };
    bench.fault(page("list")).await;
    let error = fails(connection.list().await, Class::Unavailable);
    assert_eq!(error.retry_after, Some(Duration::from_secs(9)));
    bench.fault(page("create")).await;
    let error = fails(connection.create(&document(bench.column, "one")).await, Class::Unavailable);
    assert!(error.outcome_unknown, "{error:?}");
    assert_eq!(bench.budget.wait(), None, "an outage is no matter of pace");
}

async fn write(bench: Bench) {
    let connection = bench.connected().await;
    bench.fault(refusal(&bench, "create", 429, &json!({"retry-after": "40"}))).await;
    let error = fails(connection.create(&document(bench.column, "one")).await, Class::Throttled);
    assert!(!error.outcome_unknown && error.retry_after == Some(Duration::from_secs(40)), "{error:?}");
    assert_eq!((bench.count("create").await, bench.stored().await.len()), (1, 0));
    is_left_alone(&bench, &connection).await;
}

async fn login(bench: Bench) {
    let connection = bench.connected().await;
    bench.revoke().await;
    bench.fault(refusal(&bench, "token", 429, &json!({"retry-after": "40"}))).await;
    let listed = connection.list().await;
    if !bench.column.renews() {
        fails(listed, Class::Credentials);
        assert_eq!(bench.count("token").await, 0);
        return;
    }
    let error = fails(listed, Class::Throttled);
    assert_eq!(error.retry_after, Some(Duration::from_secs(40)));
    assert_eq!(bench.count("token").await, 1);
    is_left_alone(&bench, &connection).await;
}

/// No fault: the sandbox's own limit.
async fn own_limit(bench: Bench) {
    let connection = bench.connected().await;
    let limit = match bench.column.vendor() {
        // The window is aligned to the clock: an hour is long enough.
        VendorName::Brightpearl => json!({"throttleCap": 2, "throttleWindowMillis": 3_600_000}),
        VendorName::Contensis => json!({"callsPerMinute": 2}),
        VendorName::Superoffice => json!({"maxCallsPerSecond": 2}),
    };
    bench.set(limit).await;
    bench.forget().await;
    let mut paced = None;
    for _ in 0..50 {
        // Some at once: one after the other they may take longer than the period that is counted.
        let lists = join_all((0..4).map(|_| connection.list())).await;
        if let Some(error) = lists.into_iter().find_map(Result::err) {
            assert_eq!(error.class, Class::Throttled, "{error:?}");
            paced = error.retry_after;
            break;
        }
    }
    assert!(paced.unwrap() >= Duration::from_millis(1), "{paced:?}");
    if bench.column.vendor() == VendorName::Brightpearl {
        // The others' windows may end at any moment.
        is_left_alone(&bench, &connection).await;
    }
}
