//! Contensis: pages, names by language, and a server that shows values differently from how they were sent.

use crate::bench::{Bench, fails, says};
use crate::run::{Case, cases};
use crate::samples::{document, document_of, edited, foreign, manifest, same};
use hooktender::api::VendorName::Contensis;
use hooktender::api::account::{RateLimit, Vendor};
use hooktender::api::webhook::Subscription;
use hooktender::vendor::{Budget, Class, ReadOnly, describe, list_lag};
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn cases() -> Vec<Case> {
    cases![
        "pages: all of them, in as few calls as can be" => pages,
        "pages that do not add up are never a list" => wrong_pages,
        "pages that move while they are read are read again" => moved_pages,
        "pages that never hold still are never a list" => restless_pages,
        "names by language" => localised,
        "an update keeps names and descriptions in other languages" => languages,
        "a description in another language only is not ours" => foreign_description,
        "a server of names by language: the setting to make is named" => name_language_missing,
        "a server of plain names: the setting to remove is named" => name_language_set,
        "texts in place of lists are read as lists" => scalars,
        "shuffled lists, lower-case ids, headers in camel case" => rearranged,
        "a stale version may be a 409" => conflict,
        "a refusal of an update is no conflict" => refused,
        "all problems of a refusal are told" => problems,
        "a 404 without a body on delete" => bare_404,
        "a new subscription may be missing from the list" => slow,
        "a permission that is missing names the project" => forbidden,
        "rights are checked once, and the missing ones are named" => rights,
        "rights are checked again after a refusal that they do not explain" => revoked,
        "rights are checked again on request" => checked_again,
        "a server without permission endpoints is no error" => no_permission_endpoints,
        "rights are not checked where the budget is small" => small_budget,
        "too many calls, in every dialect" => too_many,
    ]
}

async fn pages(bench: Bench) {
    bench.set(json!({"paged": true, "pageSize": 25})).await;
    let connection = bench.connected().await;
    for (sum, calls) in [(0, 1), (20, 1), (25, 1), (60, 2), (210, 4)] {
        while bench.stored().await.len() < sum {
            bench.insert(&foreign(Contensis, "one")).await;
        }
        bench.forget().await;
        let all = connection.list().await.unwrap().observed;
        assert_eq!(all.iter().map(|one| one.id.clone()).collect::<HashSet<_>>().len(), sum);
        assert_eq!((all.len(), bench.count("list").await), (sum, calls), "{sum} subscriptions");
    }
}

async fn wrong_pages(bench: Bench) {
    bench.set(json!({"paged": true, "pageSize": 5, "ignorePageIndex": true})).await;
    for _ in 0..101 {
        bench.insert(&foreign(Contensis, "one")).await;
    }
    let error = fails(bench.connect().list().await, Class::Unavailable);
    says(&error, &["100", "101"]);
    assert!(bench.count("list").await <= 4);
}

/// A deletion on page 0 while page 1 is requested moves an item across the border of the two.
async fn moved_pages(bench: Bench) {
    bench.set(json!({"paged": true, "pageSize": 25})).await;
    for _ in 0..162 {
        bench.insert(&foreign(Contensis, "one")).await;
    }
    let stored = bench.stored().await;
    let id = |at: usize| stored[at]["id"].as_str().unwrap();
    let connection = bench.connected().await;
    // The first answer, page 0, and then page 1.
    bench.fault(json!({"operation": "list", "kind": "delay", "millis": 5000, "skip": 2})).await;
    let listed = tokio::spawn(async move { connection.list().await });
    while bench.count("list").await < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bench.remove(id(7)).await;
    let all: HashSet<_> = listed.await.unwrap().unwrap().observed.into_iter().map(|one| one.id).collect();
    assert_eq!(all.len(), 161);
    assert!(all.iter().any(|one| one.as_str() == id(100)), "the one that moved is in the list");
}

/// A list that changes during every reading is an error, and is not read for ever.
async fn restless_pages(bench: Bench) {
    bench.set(json!({"paged": true, "pageSize": 5})).await;
    let connection = bench.connected().await;
    let page = |index: usize, total: usize| {
        let items: Vec<_> = (0..100)
            .map(|n| json!({"id": format!("00000000-0000-4000-8000-{:012}", index * 100 + n), "name": "a", "url": "https://h"}))
            .collect();
        json!({"pageIndex": index, "pageSize": 100, "totalCount": total, "pageCount": 2, "items": items})
    };
    // Each page has another total.
    for (at, total) in (200..212).enumerate() {
        let body = page(at % 2, total);
        bench.fault(json!({"operation": "list", "kind": "status", "status": 200, "body": body})).await;
    }
    let error = fails(connection.list().await, Class::Unavailable);
    says(&error, &["changed while it was read"]);
    assert!(bench.count("list").await <= 7, "{}", bench.count("list").await);
}

async fn localised(mut bench: Bench) {
    bench.set(json!({"localised": true, "localisedLanguage": "en-GB"})).await;
    let desired = document(bench.column, "one");
    says(&fails(bench.connect().create(&desired).await, Class::Rejected), &["name"]);
    if let Vendor::Contensis(account) = &mut bench.account {
        account.name_language = Some("en-GB".into());
    }
    let connection = bench.connect();
    same(bench.column, &connection.create(&desired).await.unwrap(), &desired);
    let seen = connection.list().await.unwrap().observed.remove(0);
    same(bench.column, &seen, &desired);
    assert_eq!(bench.stored().await[0]["name"], json!({"en-GB": "one"}));
    let desired = edited(bench.column, "one");
    same(bench.column, &connection.update(&seen, &desired).await.unwrap(), &desired);
}

/// A subscription with names and descriptions in two languages, at an account that is set to `en-GB`.
async fn bilingual(bench: &mut Bench) -> String {
    bench.set(json!({"localised": true})).await;
    if let Vendor::Contensis(account) = &mut bench.account {
        account.name_language = Some("en-GB".into());
    }
    let mut stored = foreign(Contensis, "one");
    stored["name"] = json!({"en-GB": "one", "fr-FR": "un"});
    stored["description"] = json!({"en-GB": stored["description"], "fr-FR": "pour la recherche"});
    bench.insert(&stored).await
}

async fn languages(mut bench: Bench) {
    bilingual(&mut bench).await;
    let connection = bench.connect();
    let seen = connection.list().await.unwrap().observed.remove(0);
    same(bench.column, &seen, &document(bench.column, "one"));
    let desired = edited(bench.column, "two");
    let seen = connection.update(&seen, &desired).await.unwrap();
    same(bench.column, &seen, &desired);
    let stored = &bench.stored().await[0];
    assert_eq!(stored["name"], json!({"en-GB": "two", "fr-FR": "un"}));
    assert_eq!(stored["description"], json!({"en-GB": "for something else", "fr-FR": "pour la recherche"}));
}

async fn foreign_description(mut bench: Bench) {
    bilingual(&mut bench).await;
    let connection = bench.connect();
    let seen = connection.list().await.unwrap().observed.remove(0);
    let mut declared = manifest(Contensis, "one");
    declared.as_object_mut().unwrap().remove("description");
    let desired = document_of(Contensis, &declared);
    same(bench.column, &connection.update(&seen, &desired).await.unwrap(), &desired);
    assert_eq!(bench.stored().await[0]["description"], json!({"fr-FR": "pour la recherche"}));
}

async fn name_language_missing(bench: Bench) {
    const SETTING: &str = "set spec.vendor.contensis.nameLanguage";
    bench.set(json!({"localised": true, "localisedLanguage": "de-DE"})).await;
    let connection = bench.connected().await;
    assert_eq!(connection.advice(), None, "an empty list shows no dialect");
    for _ in 0..2 {
        let error = fails(connection.create(&document(bench.column, "one")).await, Class::Rejected);
        says(
            &error,
            &["name: A map of languages is expected", SETTING, "de-DE is the project's primary language"],
        );
    }
    assert_eq!(bench.count("other").await, 1, "the project is read once");
    let mut stored = foreign(Contensis, "one");
    stored["name"] = json!({"de-DE": "eins", "fr-FR": "un"});
    bench.insert(&stored).await;
    let seen = connection.list().await.unwrap().observed.remove(0);
    let advice = connection.advice().unwrap();
    assert!(advice.contains(SETTING) && advice.contains("(it has de-DE, fr-FR)"), "{advice}");
    let error = fails(connection.update(&seen, &edited(bench.column, "one")).await, Class::Rejected);
    says(&error, &["name", SETTING, "(it has de-DE, fr-FR)"]);
}

async fn name_language_set(mut bench: Bench) {
    const SETTING: &str = "remove spec.vendor.contensis.nameLanguage (en-GB)";
    if let Vendor::Contensis(account) = &mut bench.account {
        account.name_language = Some("en-GB".into());
    }
    let connection = bench.connected().await;
    let error = fails(connection.create(&document(bench.column, "one")).await, Class::Rejected);
    says(&error, &["name: A text is expected", SETTING]);
    bench.insert(&foreign(Contensis, "one")).await;
    connection.list().await.unwrap();
    let advice = connection.advice().unwrap();
    assert!(advice.contains("plain strings") && advice.contains(SETTING), "{advice}");
}

async fn scalars(bench: Bench) {
    bench.set(json!({"scalarTopics": true})).await;
    let mut declared = manifest(Contensis, "one");
    declared["topics"] = json!([{
        "resourceType": "entry", "event": ["workflowEventRaised"], "contentTypeId": ["blog"], "language": ["fr-FR"],
        "workflowEvent": ["contensisEntryBasic.draft.publish"], "workflowState": ["contensisEntryBasic.draft"],
    }]);
    let desired = document_of(Contensis, &declared);
    let connection = bench.connect();
    same(bench.column, &connection.create(&desired).await.unwrap(), &desired);
    let seen = connection.list().await.unwrap().observed.remove(0);
    same(bench.column, &seen, &desired);
    same(bench.column, &connection.update(&seen, &desired).await.unwrap(), &desired);
    let described = describe(Contensis, &seen).unwrap();
    let Subscription::Contensis(described) = described.subscription else { panic!("not Contensis") };
    assert_eq!(serde_json::to_value(&described.topics).unwrap(), declared["topics"]);
}

async fn rearranged(bench: Bench) {
    bench
        .set(json!({"shuffle": true, "lowercase": true, "camelHeaders": true, "modifiedOnCreate": true}))
        .await;
    let connection = bench.connect();
    let mut declared = manifest(Contensis, "one");
    declared["topics"][0]["workflowEvent"] = json!(["Flow.State.Event", "Flow.Other.Event"]);
    declared["topics"][0]["event"] = json!(["workflowEventRaised", "published"]);
    let desired = document_of(Contensis, &declared);
    same(bench.column, &connection.create(&desired).await.unwrap(), &desired);
    let seen = connection.list().await.unwrap().observed.remove(0);
    same(bench.column, &seen, &desired);
    same(bench.column, &connection.update(&seen, &desired).await.unwrap(), &desired);
    assert_eq!(bench.stored().await[0]["headers"].as_object().unwrap().len(), 2, "none is there twice");
}

async fn conflict(bench: Bench) {
    bench.set(json!({"conflictStatus": 409, "missingVersionStatus": 400})).await;
    let connection = bench.connect();
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    bench.edit(made.id.as_str(), &json!({"enabled": false})).await;
    fails(connection.update(&made, &edited(bench.column, "one")).await, Class::Outdated);
    assert_eq!((bench.count("update").await, bench.count("get").await), (1, 1));
}

async fn refused(bench: Bench) {
    let connection = bench.connect();
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    let mut declared = manifest(Contensis, "one");
    declared["topics"][0]["event"] = json!(["exploded"]);
    for capital in [false, true] {
        bench.set(json!({"capitalFields": capital})).await;
        let error =
            fails(connection.update(&made, &document_of(Contensis, &declared)).await, Class::Rejected);
        says(&error, &["topics[0].event", "exploded"]);
        assert!(!error.outcome_unknown);
    }
}

async fn problems(bench: Bench) {
    let mut declared = manifest(Contensis, "one");
    declared["url"] = json!("http://hooks.example.com");
    declared["topics"][1]["resourceType"] = json!("planet");
    let error = fails(bench.connect().create(&document_of(Contensis, &declared)).await, Class::Rejected);
    says(&error, &["url: The URL must use https", "topics[1].resourceType", "planet"]);
}

async fn bare_404(bench: Bench) {
    bench.set(json!({"emptyNotFound": true})).await;
    let connection = bench.connect();
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    connection.delete(&made.id).await.unwrap();
    connection.delete(&made.id).await.unwrap();
}

async fn slow(bench: Bench) {
    bench.set(json!({"visibilityDelayMillis": 9_000})).await;
    let connection = bench.connect();
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    assert!(connection.list().await.unwrap().observed.is_empty(), "not yet");
    assert!(list_lag(Contensis) > Duration::from_secs(9));
    bench.set(json!({"visibilityDelayMillis": 0})).await;
    assert_eq!(connection.list().await.unwrap().observed[0].id, made.id);
}

async fn forbidden(bench: Bench) {
    may(&bench, &["view"]).await;
    let connection = bench.connect();
    connection.list().await.unwrap();
    let error = fails(connection.create(&document(bench.column, "one")).await, Class::Rejected);
    says(&error, &["'create'", "role", "permission \"create\"", &bench.code]);
    assert_eq!(bench.count("token").await, 1, "a new token would not help");
}

/// Gives the account's key a role with only these actions.
async fn may(bench: &Bench, actions: &[&str]) {
    let key = json!({"clientId": format!("id-{}", bench.code), "actions": actions,
        "clientSecret": bench.secrets.iter().find(|(key, _)| *key == "secret").unwrap().1});
    let path = format!("/contensis/{}", bench.code);
    bench.world.control("PUT", &path, &json!({"apiKeys": [key]})).await;
}

/// How many reads a check of the rights takes.
const CHECKS: u64 = 5;

async fn rights(bench: Bench) {
    may(&bench, &["view", "create"]).await;
    let connection = bench.open::<ReadOnly>();
    for _ in 0..3 {
        connection.list().await.unwrap();
    }
    assert_eq!(
        (bench.count("list").await, bench.count("other").await),
        (3, CHECKS),
        "once, not at each list"
    );
    let advice = connection.advice().unwrap();
    let missing = r#"the role of this API key lacks the webhook permission "update", "delete" and "use custom templates""#;
    assert!(advice.contains(missing) && advice.contains(&bench.code), "{advice}");
    let connection = bench.connected().await;
    let mut declared = manifest(Contensis, "one");
    declared.as_object_mut().unwrap().remove("templates");
    let made = connection.create(&document_of(Contensis, &declared)).await.unwrap();
    let error = connection.delete(&made.id).await.unwrap_err();
    says(&error, &["give the role of this API key the webhook permission \"delete\" of project"]);
    connection.list().await.unwrap();
    assert_eq!(bench.count("other").await, 0, "the refusal was known before");
}

async fn revoked(bench: Bench) {
    let connection = bench.connected().await;
    assert_eq!(connection.advice(), None);
    may(&bench, &["view", "create", "delete"]).await;
    let error = connection.create(&document(bench.column, "one")).await.unwrap_err();
    says(&error, &["'useCustomTemplates'", "the webhook permission \"use custom templates\""]);
    connection.list().await.unwrap();
    connection.list().await.unwrap();
    assert_eq!(bench.count("other").await, CHECKS, "once after the refusal");
    assert!(connection.advice().unwrap().contains(r#"permission "update" and "use custom templates""#));
    may(&bench, &["view", "create", "delete", "useCustomTemplates"]).await;
    connection.create(&document(bench.column, "one")).await.unwrap();
    assert!(
        connection.advice().unwrap().contains(r#"permission "update" of project"#),
        "what was done needs no right"
    );
}

async fn checked_again(bench: Bench) {
    may(&bench, &["view"]).await;
    let connection = bench.connected().await;
    assert!(connection.advice().is_some());
    bench.accept(&bench.secrets).await;
    connection.recheck_advice();
    connection.list().await.unwrap();
    assert_eq!((connection.advice(), bench.count("other").await), (None, CHECKS));
}

async fn no_permission_endpoints(bench: Bench) {
    bench.set(json!({"permissionEndpoints": false})).await;
    may(&bench, &["view"]).await;
    let connection = bench.connect();
    connection.list().await.unwrap();
    connection.list().await.unwrap();
    assert_eq!((connection.advice(), bench.count("other").await), (None, 1));
    let bench = bench.another().await;
    bench.fault(json!({"operation": "other", "kind": "status", "status": 500, "times": 1})).await;
    let connection = bench.connect();
    connection.list().await.unwrap();
    assert_eq!(connection.advice(), None);
}

async fn small_budget(mut bench: Bench) {
    let rate = RateLimit { requests_per_minute: 8, reserve: 0 };
    bench.budget = Arc::new(Budget::of(&bench.account, Some(&rate)));
    may(&bench, &["view"]).await;
    let connection = bench.connect();
    connection.list().await.unwrap();
    assert_eq!((connection.advice(), bench.count("other").await), (None, 0));
}

async fn too_many(bench: Bench) {
    for dialect in ["seconds", "date", "none"] {
        let bench = bench.another().await;
        let connection = bench.connected().await;
        bench.set(json!({"callsPerMinute": 1, "throttleDialect": dialect})).await;
        let error = loop {
            if let Err(error) = connection.list().await {
                break error;
            }
        };
        assert_eq!((error.class, error.status), (Class::Throttled, Some(429)), "{error:?}");
        let seconds = error.retry_after.map(|wait| (1..=61).contains(&wait.as_secs()));
        assert_eq!(seconds, (dialect != "none").then_some(true), "{dialect}: {error:?}");
        assert_eq!(bench.budget.wait().is_some(), dialect != "none");
    }
}
