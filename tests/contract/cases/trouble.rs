//! Failures, timeouts, and answers that never come or are cut short: an unknown outcome is reported, and never repeated.

use crate::bench::{Bench, fails, says};
use crate::run::{Case, cases};
use crate::samples::{document, edited, same};
use hooktender::api::VendorName;
use hooktender::plan::Observed;
use hooktender::vendor::{Class, Connection, ReadWrite, VendorError};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(super) fn cases() -> Vec<Case> {
    cases![
        "a lost answer to a create: adopted, not doubled" => adopt,
        "a lost answer to an update or a delete" => lost_change,
        "500 before anything is done" => fails_before,
        "500 after all is done" => fails_after,
        "the connection breaks before anything is done" => drops_before,
        "the answer breaks off in its middle" => truncated,
        "an answer that is no JSON" => garbage,
        "an answer that is JSON and no subscription" => other_json,
        "a success that is somebody else's page" => page_for_success,
        "a write that may not be done is that write's" => forbidden,
        "nobody answers a read: no longer than the time-out" => hangs_on_read,
        "nobody answers a write: it may have been done" => hangs_on_write,
        "a write that is done after its time-out" => late,
        "a login that nobody answers" => hangs_on_login,
    ]
}

fn fault(operation: &str, kind: &str) -> Value {
    json!({"operation": operation, "kind": kind})
}

/// Checks a create with an unknown outcome, which is not tried again.
async fn create_in_doubt(bench: &Bench, connection: &Connection<ReadWrite>) -> VendorError {
    let error = fails(connection.create(&document(bench.column, "one")).await, Class::Unavailable);
    assert!(error.outcome_unknown, "{error:?}");
    assert_eq!(bench.count("create").await, 1, "it is not sent again");
    error
}

/// Checks that the list has exactly the requested subscription.
async fn found(bench: &Bench, connection: &Connection<ReadWrite>) -> Observed {
    let mut all = connection.list().await.unwrap().observed;
    assert_eq!(all.len(), 1, "{all:?}");
    same(bench.column, &all[0], &document(bench.column, "one"));
    all.remove(0)
}

async fn adopt(bench: Bench) {
    let connection = bench.connected().await;
    bench.fault(fault("create", "drop_after")).await;
    create_in_doubt(&bench, &connection).await;
    let adopted = found(&bench, &connection).await;
    assert_eq!(bench.stored().await.len(), 1);
    connection.delete(&adopted.id).await.unwrap();
}

async fn lost_change(bench: Bench) {
    let connection = bench.connected().await;
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    if bench.column.vendor() != VendorName::Brightpearl {
        bench.fault(fault("update", "drop_after")).await;
        let error = fails(connection.update(&made, &edited(bench.column, "one")).await, Class::Unavailable);
        assert!(error.outcome_unknown, "{error:?}");
        assert_eq!(bench.count("update").await, 1);
        let now = connection.list().await.unwrap().observed.remove(0);
        same(bench.column, &now, &edited(bench.column, "one"));
    }
    bench.fault(fault("delete", "drop_after")).await;
    let error = fails(connection.delete(&made.id).await, Class::Unavailable);
    assert!(error.outcome_unknown, "{error:?}");
    assert_eq!(bench.count("delete").await, 1);
    connection.delete(&made.id).await.unwrap();
    assert!(connection.list().await.unwrap().observed.is_empty());
}

async fn fails_before(bench: Bench) {
    let connection = bench.connected().await;
    let body = bench.envelope("Internal server error");
    let failing =
        |operation: &str| json!({"operation": operation, "kind": "status", "status": 500, "body": body});
    bench.fault(failing("list")).await;
    let error = fails(connection.list().await, Class::Unavailable);
    assert!(!error.outcome_unknown && error.status == Some(500), "{error:?}");
    assert_eq!(bench.count("list").await, 1);
    bench.fault(failing("create")).await;
    create_in_doubt(&bench, &connection).await;
    assert!(connection.list().await.unwrap().observed.is_empty());
    bench.fault(failing("delete")).await;
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    assert!(fails(connection.delete(&made.id).await, Class::Unavailable).outcome_unknown);
    found(&bench, &connection).await;
}

async fn fails_after(bench: Bench) {
    let connection = bench.connected().await;
    let body = bench.envelope("Internal server error");
    for operation in ["create", "delete"] {
        bench
            .fault(json!({"operation": operation, "kind": "status_after", "status": 500, "body": body}))
            .await;
    }
    create_in_doubt(&bench, &connection).await;
    let made = found(&bench, &connection).await;
    assert!(fails(connection.delete(&made.id).await, Class::Unavailable).outcome_unknown);
    assert!(connection.list().await.unwrap().observed.is_empty());
}

async fn drops_before(bench: Bench) {
    let connection = bench.connected().await;
    // A read is sent once more, as a connection that was kept open may break at any time; but only once.
    bench.fault(fault("list", "drop_before")).await;
    connection.list().await.unwrap();
    assert_eq!(bench.count("list").await, 2);
    bench.forget().await;
    bench.fault(json!({"operation": "list", "kind": "drop_before", "times": null})).await;
    let error = fails(connection.list().await, Class::Unavailable);
    assert_eq!((error.status, bench.count("list").await), (None, 2));
    bench.heal().await;
    bench.fault(fault("create", "drop_before")).await;
    create_in_doubt(&bench, &connection).await;
    assert!(connection.list().await.unwrap().observed.is_empty());
}

async fn truncated(bench: Bench) {
    let connection = bench.connected().await;
    bench.fault(fault("create", "truncate")).await;
    create_in_doubt(&bench, &connection).await;
    found(&bench, &connection).await;
    bench.fault(json!({"operation": "list", "kind": "truncate", "times": null})).await;
    fails(connection.list().await, Class::Unavailable);
    bench.heal().await;
    found(&bench, &connection).await;
}

async fn garbage(bench: Bench) {
    let connection = bench.connected().await;
    bench.fault(fault("create", "garbage")).await;
    create_in_doubt(&bench, &connection).await;
    bench.fault(fault("list", "garbage")).await;
    let error = fails(connection.list().await, Class::Unavailable);
    assert!(!error.outcome_unknown, "{error:?}");
    let made = found(&bench, &connection).await;
    if bench.column.vendor() != VendorName::Brightpearl {
        bench.fault(fault("update", "garbage")).await;
        let error = fails(connection.update(&made, &edited(bench.column, "one")).await, Class::Unavailable);
        assert!(error.outcome_unknown, "{error:?}");
    }
}

async fn other_json(bench: Bench) {
    for body in [json!({}), json!({"response": {}}), json!([]), json!({"WebhookId": "x", "id": 7})] {
        let bench = bench.another().await;
        let connection = bench.connected().await;
        bench
            .fault(json!({"operation": "create", "kind": "status_after", "status": 200, "body": body}))
            .await;
        create_in_doubt(&bench, &connection).await;
        found(&bench, &connection).await;
    }
    let connection = bench.connected().await;
    connection.create(&document(bench.column, "one")).await.unwrap();
    for body in
        [json!({}), json!({"errors": []}), json!(null), json!([1]), json!({"response": [7]}), json!([{}])]
    {
        bench.fault(json!({"operation": "list", "kind": "status", "status": 200, "body": body})).await;
        fails(connection.list().await, Class::Unavailable);
    }
    found(&bench, &connection).await;
}

async fn page_for_success(bench: Bench) {
    let connection = bench.connected().await;
    let page = |operation: &str| json!({"operation": operation, "kind": "status", "status": 200, "body": "<html>Sign in</html>", "contentType": "text/html"});
    bench.fault(page("create")).await;
    create_in_doubt(&bench, &connection).await;
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    if bench.column.vendor() != VendorName::Brightpearl {
        bench.fault(page("update")).await;
        let error = fails(connection.update(&made, &edited(bench.column, "one")).await, Class::Unavailable);
        assert!(error.outcome_unknown, "{error:?}");
    }
    bench.fault(page("delete")).await;
    let error = fails(connection.delete(&made.id).await, Class::Unavailable);
    assert!(error.outcome_unknown, "{error:?}");
    assert_eq!(bench.stored().await.len(), 1, "nothing was deleted");
    connection.delete(&made.id).await.unwrap();
    assert_eq!(bench.stored().await.len(), 0);
}

/// A missing write permission says nothing about the account: only a list that may not be read does.
async fn forbidden(bench: Bench) {
    let connection = bench.connected().await;
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    let body = bench.envelope("Access denied");
    // Where a new token might help, a 403 is tried once more with one.
    let forbid = |operation: &str| json!({"operation": operation, "kind": "status", "status": 403, "body": body, "times": null});
    for operation in ["create", "delete", "update"] {
        bench.fault(forbid(operation)).await;
    }
    let refused = |error: VendorError, operation: &str| {
        says(&error, &["Access denied", operation]);
        assert!(!error.outcome_unknown && error.status == Some(403), "{error:?}");
    };
    refused(fails(connection.create(&document(bench.column, "two")).await, Class::Rejected), "create");
    refused(fails(connection.delete(&made.id).await, Class::Rejected), "delete");
    if bench.column.vendor() != VendorName::Brightpearl {
        let update = connection.update(&made, &edited(bench.column, "one")).await;
        refused(fails(update, Class::Rejected), "update");
    }
    bench.heal().await;
    bench.fault(forbid("list")).await;
    says(&fails(connection.list().await, Class::Credentials), &["Access denied"]);
    bench.heal().await;
    found(&bench, &connection).await;
}

/// A request timeout that is long enough for what is answered on a busy machine, and short enough for what is not.
const TIMEOUT: Duration = Duration::from_secs(4);

async fn hangs_on_read(mut bench: Bench) {
    bench.patience = TIMEOUT;
    let connection = bench.connected().await;
    bench.fault(fault("list", "hang")).await;
    let started = Instant::now();
    let error = fails(connection.list().await, Class::Unavailable);
    assert!(started.elapsed() < 6 * TIMEOUT, "{:?}", started.elapsed());
    assert!(error.status.is_none() && error.message.contains("in time"), "{error:?}");
    assert_eq!(bench.count("list").await, 1, "who waited once does not wait twice");
    connection.list().await.unwrap();
}

async fn hangs_on_write(mut bench: Bench) {
    bench.patience = TIMEOUT;
    let connection = bench.connected().await;
    bench.fault(fault("create", "hang_after")).await;
    create_in_doubt(&bench, &connection).await;
    found(&bench, &connection).await;
}

async fn late(mut bench: Bench) {
    bench.patience = TIMEOUT;
    let connection = bench.connected().await;
    let patient = bench.another_client().await;
    bench.fault(json!({"operation": "create", "kind": "late_commit", "millis": 10_000, "hang": true})).await;
    create_in_doubt(&bench, &connection).await;
    assert!(patient.list().await.unwrap().observed.is_empty(), "not yet");
    while patient.list().await.unwrap().observed.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    found(&bench, &patient).await;
}

async fn hangs_on_login(mut bench: Bench) {
    bench.patience = TIMEOUT;
    let connection = bench.connected().await;
    bench.revoke().await;
    bench.fault(fault("token", "hang")).await;
    let listed = connection.list().await;
    if bench.column.renews() {
        fails(listed, Class::Unavailable);
        assert_eq!(bench.count("token").await, 1);
        connection.list().await.unwrap();
    } else {
        fails(listed, Class::Credentials);
    }
}
