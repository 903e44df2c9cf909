//! Tokens that expire, and credentials that are refused.

use crate::bench::{Bench, fails, says};
use crate::column::{Column, SECRET};
use crate::run::{Case, cases};
use crate::samples::document;
use futures::future::join_all;
use hooktender::vendor::{Class, Connection, ReadWrite, VendorError};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn cases() -> Vec<Case> {
    cases![
        "revoked: renewed once, replayed once, or told" => revoked,
        "revoked on a write: done once" => revoked_write,
        "ended: one token call an expiry" => expired,
        "refused for good: the message names where to look" => refused,
        "refused by the API alone: one replay, then told" => refused_by_api,
        "refused by the login with a status: named too" => refused_by_login,
        "a login that somebody else answers: the address" => foreign_login,
        "a value that no header can carry, in a Secret" => unsendable,
        "20 callers at the start: one login" => crowd_at_start,
        "20 callers after a revocation: one login" => crowd_after_revocation,
    ]
}

/// Asserts that a message says which Secret, and which of its keys, to check.
#[track_caller]
fn names_the_secret(bench: &Bench, error: &VendorError) {
    says(error, &[&format!("Secret {SECRET}")]);
    let named = bench.secrets.iter().any(|(key, _)| error.message.contains(&format!("the key {key}")));
    // A token that was just renewed is not in the Secret: the cause is the app's rights.
    assert!(named || bench.column == Column::Oauth, "no key is named: {error}");
}

async fn revoked(bench: Bench) {
    let connection = bench.connected().await;
    bench.revoke().await;
    let listed = connection.list().await;
    if bench.column.renews() {
        listed.unwrap();
        assert_eq!((bench.count("list").await, bench.count("token").await), (2, 1));
        bench.forget().await;
        connection.list().await.unwrap();
        assert_eq!((bench.count("list").await, bench.total().await), (1, 1), "the new one is kept");
    } else {
        names_the_secret(&bench, &fails(listed, Class::Credentials));
        assert_eq!((bench.count("list").await, bench.count("token").await), (1, 0));
    }
}

async fn revoked_write(bench: Bench) {
    let connection = bench.connected().await;
    bench.revoke().await;
    let created = connection.create(&document(bench.column, "one")).await;
    if bench.column.renews() {
        created.unwrap();
        assert_eq!(bench.stored().await.len(), 1);
        assert_eq!(bench.count("token").await, 1);
        assert!(bench.count("create").await <= 2);
    } else {
        let error = fails(created, Class::Credentials);
        assert!(!error.outcome_unknown, "{error:?}");
        assert!(bench.stored().await.is_empty());
    }
}

async fn expired(mut bench: Bench) {
    match bench.column {
        // An app's token that expired yesterday: it is exchanged before it is used.
        Column::Oauth => bench.secrets.push(("expires_at", "2001-01-01T00:00:00Z".into())),
        Column::ClientCredentials | Column::Classic => bench.set(json!({"tokenLifetimeSeconds": 4})).await,
        Column::SystemUser => bench.set(json!({"ticketLifeSeconds": 4})).await,
        Column::RefreshToken => bench.set(json!({"tokenLifeSeconds": 4})).await,
        Column::StaffToken | Column::AccountToken | Column::Basic | Column::Ticket | Column::Bearer => {}
    }
    let connection = bench.connect();
    connection.list().await.unwrap();
    let first = bench.count("token").await;
    assert_eq!(first, u64::from(bench.column.renews()));
    if bench.column == Column::Oauth {
        assert_ne!(bench.keeper.kept("refresh_token"), None, "the new pair is kept");
    }
    for pass in 1..=2 {
        bench.forget().await;
        tokio::time::sleep(Duration::from_millis(4100)).await;
        connection.list().await.unwrap();
        let (lists, tokens) = (bench.count("list").await, bench.count("token").await);
        match bench.column {
            // The client assumes six hours for a ticket, so that only the vendor can say that it has expired.
            Column::SystemUser => assert_eq!((lists, tokens), (2, 1), "pass {pass}"),
            Column::ClientCredentials | Column::Classic | Column::RefreshToken => {
                assert_eq!((lists, tokens), (1, 1), "pass {pass}");
            }
            _ => assert_eq!((lists, tokens), (1, 0), "pass {pass}"),
        }
    }
}

async fn refused(bench: Bench) {
    bench.lock_out().await;
    let connection = bench.connect();
    let error = fails(connection.list().await, Class::Credentials);
    names_the_secret(&bench, &error);
    assert!(!error.outcome_unknown && error.retry_after.is_none(), "{error:?}");
    let (lists, tokens) = (bench.count("list").await, bench.count("token").await);
    assert!(lists <= 1 && tokens <= 1, "{lists} lists, {tokens} token calls");
    fails(connection.create(&document(bench.column, "one")).await, Class::Credentials);
    bench.accept(&bench.secrets).await;
    bench.connect().list().await.unwrap();
}

async fn refused_by_api(bench: Bench) {
    let connection = bench.connected().await;
    let body = match bench.column.vendor_name() {
        "brightpearl" => json!({"response": "Not authenticated"}),
        "contensis" => json!({"message": "Authorization has been denied for this request."}),
        _ => bench.envelope("Not logged in"),
    };
    bench
        .fault(json!({"operation": "list", "times": null, "kind": "status", "status": 401, "body": body}))
        .await;
    let error = fails(connection.list().await, Class::Credentials);
    let extra = u64::from(bench.column.renews());
    assert_eq!((bench.count("list").await, bench.count("token").await), (1 + extra, extra));
    says(&error, &[&format!("Secret {SECRET}")]);
}

async fn refused_by_login(bench: Bench) {
    let connection = bench.connected().await;
    bench.revoke().await;
    for status in [400, 401, 403] {
        for body in [json!({"error": "invalid_client"}), json!({"ErrorMessage": "Denied"}), json!("")] {
            bench.forget().await;
            bench
                .fault(json!({"operation": "token", "kind": "status", "status": status, "body": body}))
                .await;
            let error = fails(connection.list().await, Class::Credentials);
            says(&error, &[&format!("Secret {SECRET}")]);
            assert_eq!(bench.count("token").await, u64::from(bench.column.renews()));
        }
    }
}

async fn foreign_login(bench: Bench) {
    let connection = bench.connected().await;
    bench.revoke().await;
    for (status, body) in
        [(404, "<html>Not found</html>"), (405, ""), (502, "<html>Bad gateway</html>"), (200, "<html>")]
    {
        let page = json!({"operation": "token", "kind": "status", "status": status, "body": body, "contentType": "text/html"});
        bench.fault(page).await;
        let listed = connection.list().await;
        if bench.column.renews() {
            let error = fails(listed, Class::Unavailable);
            assert!(!error.message.contains("Secret"), "the credentials are not the matter: {error}");
        } else {
            fails(listed, Class::Credentials);
        }
    }
}

async fn unsendable(mut bench: Bench) {
    let key = match bench.column {
        Column::StaffToken | Column::AccountToken | Column::Bearer => "token",
        Column::Oauth => "access_token",
        Column::ClientCredentials => "secret",
        Column::Classic | Column::Basic => "password",
        Column::SystemUser => "client-secret",
        Column::RefreshToken => "refresh-token",
        Column::Ticket => "ticket",
    };
    bench.put(key, "canary\nzwölf");
    let in_header = !matches!(
        bench.column,
        Column::ClientCredentials | Column::Classic | Column::Basic | Column::RefreshToken
    );
    if in_header {
        let error = bench.try_open::<ReadWrite>().err().unwrap().to_string();
        assert!(error.contains(&format!("the key {key} of Secret {SECRET}")), "{error}");
        assert!(!error.contains("canary"), "{error}");
        assert_eq!(bench.total().await, 0);
    } else {
        // A form or base64 can carry every character.
        bench.accept(&bench.secrets).await;
        bench.connect().list().await.unwrap();
    }
}

async fn crowd(bench: &Bench, connection: &Arc<Connection<ReadWrite>>) {
    let callers = (0..20).map(|_| {
        let connection = Arc::clone(connection);
        tokio::spawn(async move { connection.list().await })
    });
    for answer in join_all(callers).await {
        let answer = answer.unwrap();
        // What cannot be renewed is refused for each request.
        let refused = answer.as_ref().is_err_and(|error| error.class == Class::Credentials);
        assert!(answer.is_ok() || refused && !bench.column.renews(), "{:?}", answer.err());
    }
}

async fn crowd_at_start(bench: Bench) {
    let connection = Arc::new(bench.connect());
    crowd(&bench, &connection).await;
    assert_eq!((bench.count("token").await, bench.count("list").await), (bench.column.first_tokens(), 20));
    assert_eq!(bench.count("other").await, bench.column.first_others());
}

async fn crowd_after_revocation(bench: Bench) {
    let connection = Arc::new(bench.connected().await);
    bench.revoke().await;
    crowd(&bench, &connection).await;
    assert_eq!(bench.count("token").await, u64::from(bench.column.renews()));
    let lists = bench.count("list").await;
    let most = if bench.column.renews() { 40 } else { 20 };
    assert!((20..=most).contains(&lists), "{lists} lists");
}
