//! Brightpearl: two kinds of "none", omitted members, milliseconds; and an app's tokens, which are exchanged.

use crate::bench::{Bench, fails, says};
use crate::run::{Case, cases};
use crate::samples::{document, document_of, manifest, same};
use crate::world::World;
use hooktender::api::VendorName::Brightpearl;
use hooktender::plan::ExternalId;
use hooktender::vendor::{Budget, Class, ReadWrite, advice};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn cases() -> Vec<Case> {
    cases![
        "503 with milliseconds in a header of its own" => milliseconds,
        "20 calls of the published 200 are left to others" => reserve,
        "none is a 404, or an empty list" => none,
        "a 404 that repeats the path is not \"none\"" => path_404,
        "no header closes an account for good" => endless,
        "a list of one may be bare" => bare,
        "members that are not set are left out" => omitted,
        "GET and DELETE carry no body, whatever is kept of one" => no_body,
        "all problems of a refusal are told" => problems,
        "a webhook of the wrong types is told with its id" => wrong_types,
        "an unknown account may be a 401" => unknown_401,
        "a permission that is missing" => forbidden,
    ]
}

pub(super) fn exchange() -> Vec<Case> {
    cases![
        "a pair is not given away that cannot be kept" => not_ready,
        "a pair that could not be kept is kept later" => kept_later,
        "without a refresh token nothing is renewed" => no_refresh_token,
        "a refresh token is enough" => refresh_token_alone,
        "a refresh token that is refused" => invalid_grant,
        "a refresh token that stays the same" => unrotated,
        "an expires_at that is no time" => no_time,
    ]
}

async fn milliseconds(bench: Bench) {
    for (header, value, wait) in [
        ("brightpearl-next-throttle-period", "2500", Duration::from_millis(2500)),
        ("brightpearl-next-throttle-period", "3", Duration::from_secs(1)),
        ("brightpearl-throttle-time", "3", Duration::from_secs(3)),
    ] {
        for status in [503, 429] {
            let bench = bench.another().await;
            let connection = bench.connected().await;
            let body = json!({"response": "You have sent too many requests. Please wait"});
            let headers = json!({header: value});
            bench.fault(json!({"kind": "status", "status": status, "headers": headers, "body": body})).await;
            let error = fails(connection.list().await, Class::Throttled);
            assert_eq!(error.retry_after, Some(wait), "{status} {header}: {value}");
            assert!(fails(connection.list().await, Class::Throttled).is_paced());
        }
    }
}

async fn reserve(mut bench: Bench) {
    bench.budget = Arc::new(Budget::of(&bench.account, None));
    bench.set(json!({"throttleCap": 25, "throttleWindowMillis": 3_600_000})).await;
    let connection = bench.connect();
    let mut made = 0;
    while connection.list().await.is_ok() {
        made += 1;
    }
    assert_eq!((made, bench.total().await), (5, 5), "20 of 25 are left");
    assert!(fails(connection.list().await, Class::Throttled).is_paced());
}

async fn none(bench: Bench) {
    for empty_list_ok in [false, true] {
        bench.set(json!({"emptyListOk": empty_list_ok})).await;
        assert!(bench.connect().list().await.unwrap().observed.is_empty());
    }
}

async fn path_404(bench: Bench) {
    let connection = bench.connected().await;
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    let text = format!("There is no resource at /public-api/{}/integration-service/webhook", bench.code);
    let body = json!({"errors": [{"code": "CMNC-404", "message": text}]});
    // The gateway's own route is the only sign.
    let headers = json!({"message-type": "api-proxy"});
    bench.fault(json!({"times": 2, "kind": "status", "status": 404, "body": body, "headers": headers})).await;
    fails(connection.list().await, Class::Unavailable);
    fails(connection.delete(&made.id).await, Class::Unavailable);
    assert_eq!(bench.stored().await.len(), 1);
}

async fn endless(bench: Bench) {
    let connection = bench.connected().await;
    for period in ["18446744073709551615", "9999999999999", "-1", "soon"] {
        let headers =
            json!({"brightpearl-requests-remaining": "0", "brightpearl-next-throttle-period": period});
        let body = json!({"response": []});
        bench.fault(json!({"kind": "status", "status": 200, "headers": headers, "body": body})).await;
        // Only the first one is sent, if it is accepted.
        let _ = connection.list().await;
    }
    assert!(bench.budget.wait().unwrap_or_default() <= Duration::from_secs(24 * 3600));
}

async fn bare(bench: Bench) {
    let one = json!({"id": 7, "subscribeTo": "product", "httpMethod": "GET", "uriTemplate": "https://h/x"});
    bench
        .fault(json!({"operation": "list", "kind": "status", "status": 200, "body": {"response": one}}))
        .await;
    assert_eq!(bench.connect().list().await.unwrap().observed[0].id.as_str(), "7");
}

async fn omitted(bench: Bench) {
    bench.set(json!({"omitUnsetIdSetAccepted": true, "omitUnsetQualityOfService": true})).await;
    let mut declared = manifest(Brightpearl, "one");
    for member in ["idSetAccepted", "qualityOfService"] {
        declared.as_object_mut().unwrap().remove(member);
    }
    let mut stored = declared.clone();
    stored["uriTemplate"] = json!("https://hooks.example.com/one?key=canary-document+1/2=");
    bench.insert(&stored).await;
    let seen = bench.connect().list().await.unwrap().observed.remove(0);
    same(bench.column, &seen, &document_of(Brightpearl, &declared));
}

async fn no_body(bench: Bench) {
    let uri = "https://h/${account-code}/${resource-type}/${resource-id}/${lifecycle-event}";
    for method in ["GET", "DELETE"] {
        let declared = json!({"subscribeTo": "product", "httpMethod": method, "uriTemplate": uri});
        let desired = document_of(Brightpearl, &declared);
        assert_eq!(advice(Brightpearl, &desired), None);
        let connection = bench.connect();
        let made = connection.create(&desired).await.unwrap();
        bench.edit(made.id.as_str(), &json!({"bodyTemplate": "", "contentType": "text/plain"})).await;
        let all = connection.list().await.unwrap().observed;
        same(bench.column, all.iter().find(|one| one.id == made.id).unwrap(), &desired);
    }
}

async fn problems(bench: Bench) {
    let declared = json!({"subscribeTo": "no.such.event", "httpMethod": "GET", "uriTemplate": "https://h/x"});
    let error = fails(bench.connect().create(&document_of(Brightpearl, &declared)).await, Class::Rejected);
    says(&error, &["INTC-064", "no.such.event", "INTC-057", "${resource-id}", "${account-code}"]);
    assert!(!error.outcome_unknown);
    let advised = advice(Brightpearl, &document_of(Brightpearl, &declared)).unwrap();
    assert!(advised.contains("${resource-id}"), "{advised}");
}

async fn wrong_types(bench: Bench) {
    let connection = bench.connect();
    connection.create(&document(bench.column, "one")).await.unwrap();
    let id =
        bench.insert(&json!({"subscribeTo": "product", "httpMethod": 7, "uriTemplate": "https://h"})).await;
    let list = connection.list().await.unwrap();
    assert_eq!((list.observed.len(), list.unreadable.len()), (1, 1));
    let item = &list.unreadable[0];
    assert_eq!(item.id.as_ref().map(ExternalId::as_str), Some(id.as_str()));
    assert_eq!(item.why, "httpMethod: invalid type: integer `7`, expected a string");
    bench.edit(&id, &json!({"httpMethod": "GET"})).await;
    assert_eq!(connection.list().await.unwrap().observed.len(), 2);
}

async fn unknown_401(bench: Bench) {
    let world = World::new().await;
    world.control("PATCH", "/brightpearl/_/settings", &json!({"unknownAccountStatus": 401})).await;
    let mut nobody = Bench::new(world, bench.column).await;
    nobody.account = bench.column.account("nobody", &nobody.world);
    says(&fails(nobody.connect().list().await, Class::Credentials), &["Secret login"]);
}

async fn forbidden(bench: Bench) {
    let connection = bench.connected().await;
    for body in [bench.envelope("No access"), json!({"response": "No access"}), json!("")] {
        bench.fault(json!({"operation": "create", "kind": "status", "status": 403, "body": body})).await;
        let error = fails(connection.create(&document(bench.column, "one")).await, Class::Rejected);
        says(&error, &["has no right to create webhooks"]);
        bench.fault(json!({"operation": "list", "kind": "status", "status": 403, "body": body})).await;
        says(&fails(connection.list().await, Class::Credentials), &["has no right to list webhooks"]);
    }
}

async fn not_ready(bench: Bench) {
    let connection = bench.connected().await;
    bench.revoke().await;
    *bench.keeper.closed.lock().unwrap() = Some("no rights to write Secrets".into());
    says(&fails(connection.list().await, Class::Unavailable), &["no rights to write Secrets"]);
    assert_eq!(bench.count("token").await, 0, "an exchange makes the old pair worthless");
    *bench.keeper.closed.lock().unwrap() = None;
    connection.list().await.unwrap();
    assert_eq!(bench.count("token").await, 1);
}

async fn kept_later(bench: Bench) {
    let connection = bench.connected().await;
    bench.revoke().await;
    *bench.keeper.broken.lock().unwrap() = Some("the API server is away".into());
    for _ in 0..3 {
        says(&fails(connection.list().await, Class::Unavailable), &["the API server is away"]);
    }
    assert_eq!(bench.count("token").await, 1, "what was given is kept in mind");
    *bench.keeper.broken.lock().unwrap() = None;
    connection.list().await.unwrap();
    assert_eq!(bench.count("token").await, 1);
    // The new pair is used from now on.
    bench.revoke().await;
    connection.list().await.unwrap();
    assert_eq!(bench.count("token").await, 2);
}

async fn no_refresh_token(mut bench: Bench) {
    bench.secrets.retain(|(key, _)| *key == "access_token");
    let connection = bench.connect();
    connection.list().await.unwrap();
    bench.revoke().await;
    let error = fails(connection.list().await, Class::Credentials);
    says(&error, &["access_token", "refresh_token", "Secret login"]);
    assert_eq!(bench.count("token").await, 0);
}

async fn refresh_token_alone(mut bench: Bench) {
    bench.secrets.retain(|(key, _)| *key != "access_token");
    bench.connect().list().await.unwrap();
    assert_eq!((bench.count("token").await, bench.count("list").await), (1, 1));
    assert!(bench.keeper.kept("expires_at").is_some());
}

async fn invalid_grant(mut bench: Bench) {
    bench.put("refresh_token", "another");
    let connection = bench.connect();
    bench.revoke().await;
    let error = fails(connection.list().await, Class::Credentials);
    says(&error, &["invalid_grant", "authorise the app again", "refresh_token", "Secret login"]);
    bench.put("refresh_token", "canary");
    bench.put("client_secret", "another");
    let error = fails(bench.connect().list().await, Class::Credentials);
    says(&error, &["client_secret", "Secret login"]);
}

async fn unrotated(bench: Bench) {
    bench.set(json!({"rotateRefreshTokens": false})).await;
    let connection = bench.connected().await;
    for _ in 0..3 {
        bench.revoke().await;
        connection.list().await.unwrap();
    }
    let (_, refresh) = bench.secrets.iter().find(|(key, _)| *key == "refresh_token").unwrap();
    assert_eq!(bench.keeper.kept("refresh_token").as_ref(), Some(refresh));
}

async fn no_time(mut bench: Bench) {
    bench.put("expires_at", "next week");
    let error = bench.try_open::<ReadWrite>().err().unwrap().to_string();
    assert!(error.contains("expires_at of Secret login") && !error.contains("next week"), "{error}");
}
