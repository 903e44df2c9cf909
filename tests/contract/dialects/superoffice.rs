//! SuperOffice: three generations of the server, receivers that get a test call, and subscriptions that the vendor disables.

use crate::bench::{Bench, fails, says};
use crate::run::{Case, cases};
use crate::samples::{document, document_of, edited, every_field_of, foreign, manifest, same};
use hooktender::api::VendorName::Superoffice;
use hooktender::plan::{Delivery, Document, ExternalId};
use hooktender::vendor::{Class, rules};
use serde_json::{Value, json};

const RECEIVER: &str = "https://hooks.example.com/one";

pub(super) fn cases() -> Vec<Case> {
    cases![
        "every generation of the server: 10.1, 10.2.7, 12.0" => generations,
        "one address for errors, whichever member is there" => errors_email,
        "whom 12.0 notifies of errors, how and when" => notification,
        "a notification that servers before 12.0 do not have" => older_notification,
        "a field that a server lacks is refused before it is lost" => fields_by_generation,
        "names of any length, none, and a receiver without https" => names_and_targets,
        "values in several languages are read as they are stored" => languages,
        "a state may be a number" => numeric_state,
        "what the vendor stopped is no drift" => disabled_by_vendor,
        "an unknown id on delete: 404 or 204" => delete_unknown,
        "a 404 of the framework below deletes nothing" => framework_404,
        "a PUT of an unknown id: 404, 500 or created" => put_unknown,
        "a receiver that refuses, with a 500 or a 400" => refused_receiver,
        "a 500 although the receiver is well" => failed_save,
        "a receiver that is slow to answer" => slow_receiver,
        "an empty list may be a 404 of the service's own" => empty_404,
        "events and empty maps come back otherwise" => rearranged,
        "too many calls, in every dialect" => too_many,
    ]
}

async fn generations(bench: Bench) {
    for version in ["10.1", "10.2.7", "12.0"] {
        for dates in ["bare", "offset", "z"] {
            let bench = bench.another().await;
            bench.set(json!({"version": version, "dates": dates})).await;
            let connection = bench.connect();
            let mut declared = manifest(Superoffice, "one");
            if version == "10.1" {
                // This version has no such member.
                declared.as_object_mut().unwrap().remove("errorsEmail");
            }
            let desired = document_of(Superoffice, &declared);
            same(bench.column, &connection.create(&desired).await.unwrap(), &desired);
            let seen = connection.list().await.unwrap().observed.remove(0);
            same(bench.column, &seen, &desired);
            declared["state"] = json!("Stopped");
            let desired = document_of(Superoffice, &declared);
            same(bench.column, &connection.update(&seen, &desired).await.unwrap(), &desired);
            assert_eq!(connection.list().await.unwrap().observed[0].delivery, Some(Delivery::Off));
        }
    }
}

async fn errors_email(bench: Bench) {
    for (version, member, value) in [
        ("10.2.7", "ErrorsEmail", json!("ops@example.com")),
        ("12.0", "ErrorEmails", json!(["ops@example.com"])),
    ] {
        let bench = bench.another().await;
        bench.set(json!({"version": version})).await;
        let connection = bench.connect();
        let made = connection.create(&document(bench.column, "one")).await.unwrap();
        let stored = bench.stored().await.remove(0);
        assert_eq!(stored[member], value);
        if version == "12.0" {
            // Without events an address is stored and never notified.
            assert_eq!((&stored["NotifyVia"], &stored["NotifyWhen"]), (&json!("Email"), &json!("Disabling")));
        }
        // No list was read yet: the vendor's template, read once, says which member there is.
        assert_eq!(bench.count("other").await, 1);
        connection.update(&made, &edited(bench.column, "one")).await.unwrap();
        assert_eq!((bench.count("other").await, &bench.stored().await[0][member]), (1, &value));
        let sent = bench.journal().await.into_iter().filter(|entry| entry["operation"] == "update");
        for body in sent.map(|entry| entry["body"].clone()) {
            let both = body.get("ErrorsEmail").is_some() && body.get("ErrorEmails").is_some();
            assert!(!both, "only one of the two: {body}");
        }
        let mut declared = manifest(Superoffice, "one");
        declared.as_object_mut().unwrap().remove("errorsEmail");
        let desired = document_of(Superoffice, &declared);
        let seen = connection.list().await.unwrap().observed.remove(0);
        same(bench.column, &connection.update(&seen, &desired).await.unwrap(), &desired);
    }
}

/// The usual manifest with these members, `errorsEmail` left out.
fn notifying(members: &Value) -> Document {
    let mut declared = manifest(Superoffice, "one");
    let declared_members = declared.as_object_mut().unwrap();
    declared_members.remove("errorsEmail");
    declared_members.extend(members.as_object().unwrap().clone());
    document_of(Superoffice, &declared)
}

async fn notification(bench: Bench) {
    for (members, via, when) in [
        (json!({}), "None", "None"),
        (json!({"errorEmails": ["a@b.c", "d@e.f"]}), "Email", "Disabling"),
        (json!({"errorsEmail": "a@b.c", "notifyVia": [], "notifyWhen": []}), "None", "None"),
        (
            json!({"notifyVia": ["InApp"], "notifyWhen": ["FirstFailure", "Disabling"], "description": "why"}),
            "InApp",
            "FirstFailure, Disabling",
        ),
    ] {
        let bench = bench.another().await;
        bench.set(json!({"version": "12.0"})).await;
        let connection = bench.connect();
        let desired = notifying(&members);
        same(bench.column, &connection.create(&desired).await.unwrap(), &desired);
        let stored = bench.stored().await.remove(0);
        assert_eq!((&stored["NotifyVia"], &stored["NotifyWhen"]), (&json!(via), &json!(when)), "{members}");
        let seen = connection.list().await.unwrap().observed.remove(0);
        same(bench.column, &seen, &desired);
        // A PUT sets what the manifest does not declare to its default.
        let plain = notifying(&json!({}));
        same(bench.column, &connection.update(&seen, &plain).await.unwrap(), &plain);
        let stored = bench.stored().await.remove(0);
        assert_eq!((&stored["NotifyVia"], &stored["Description"]), (&json!("None"), &Value::Null));
    }
    // Flags are a set, in any order, as names or as a number.
    let desired = notifying(&json!({"notifyVia": ["Email", "InApp"], "notifyWhen": ["Disabling"]}));
    let bench = bench.another().await;
    bench.set(json!({"version": "12.0"})).await;
    let connection = bench.connect();
    connection.create(&desired).await.unwrap();
    let id = bench.stored().await[0]["WebhookId"].to_string();
    for (via, when) in [(json!("InApp, Email"), json!("Disabling")), (json!(3), json!(2))] {
        bench.edit(&id, &json!({"NotifyVia": via, "NotifyWhen": when})).await;
        same(bench.column, &connection.list().await.unwrap().observed[0], &desired);
    }
}

async fn older_notification(bench: Bench) {
    for (members, words) in [
        (json!({"description": "why"}), "description"),
        (json!({"errorEmails": ["a@b.c", "d@e.f"]}), "a second address"),
        (json!({"errorsEmail": "a@b.c", "notifyVia": []}), "notifyVia"),
        (json!({"errorsEmail": "a@b.c", "notifyWhen": ["FirstFailure"]}), "notifyWhen"),
    ] {
        let bench = bench.another().await;
        let error = fails(bench.connect().create(&notifying(&members)).await, Class::Rejected);
        says(&error, &["12.0", words]);
        assert_eq!((bench.count("create").await, error.outcome_unknown), (0, false));
    }
    // The meaning that its single address always had can be declared.
    let explicit = json!({"errorEmails": ["a@b.c"], "notifyVia": ["Email"], "notifyWhen": ["Disabling"]});
    let desired = notifying(&explicit);
    same(bench.column, &bench.connect().create(&desired).await.unwrap(), &desired);
    assert_eq!(bench.stored().await[0]["ErrorsEmail"], "a@b.c");
}

async fn fields_by_generation(bench: Bench) {
    let every = every_field_of(Superoffice).remove(0);
    for (member, value) in every.as_object().unwrap() {
        let desired = notifying(&json!({ member: value }));
        for version in ["10.2.7", "12.0"] {
            let bench = bench.another().await;
            bench.set(json!({"version": version})).await;
            let connection = bench.connect();
            match connection.create(&desired).await {
                Ok(_) => {
                    let seen = connection.list().await.unwrap().observed.remove(0);
                    assert!(
                        rules(Superoffice).equal(&seen.document, &desired),
                        "{member}, created by hooktender, is not what a server of {version} returns: name it in `unsupported` of src/vendor/superoffice/document.rs if this server lacks it"
                    );
                }
                Err(error) => assert!(
                    version == "10.2.7" && error.class == Class::Rejected,
                    "{member} is refused for a server of {version}: name it in NEWER of src/vendor/superoffice/document.rs if only older servers lack it: {error:?}"
                ),
            }
        }
    }
}

async fn names_and_targets(bench: Bench) {
    bench.set(json!({"requireHttps": false})).await;
    let connection = bench.connect();
    for (at, name) in [json!("n".repeat(400)), Value::Null].into_iter().enumerate() {
        let mut declared = manifest(Superoffice, "one");
        declared["name"] = name.clone();
        declared["targetUrl"] = json!("http://receiver.internal/so");
        let desired = document_of(Superoffice, &declared);
        same(bench.column, &connection.create(&desired).await.unwrap(), &desired);
        let seen = connection.list().await.unwrap().observed.remove(at);
        same(bench.column, &seen, &desired);
        declared["events"] = json!(["sale.changed"]);
        connection.update(&seen, &document_of(Superoffice, &declared)).await.unwrap();
        assert_eq!(bench.stored().await[at]["Name"], name);
    }
}

async fn languages(bench: Bench) {
    let title = "NO:\"kunde\";US:\"customer\"";
    let mut declared = manifest(Superoffice, title);
    declared["properties"] = json!({"title": title, "label": "[SR_CUSTOMER]"});
    let mut stored = foreign(Superoffice, title);
    stored["TargetUrl"] = declared["targetUrl"].clone();
    stored["Properties"] = declared["properties"].clone();
    // A member that no manifest can name is written back as it is stored.
    stored["ErrorAssociates"] = json!([{"Id": 5, "Name": title}]);
    bench.set(json!({"version": "12.0"})).await;
    bench.insert(&stored).await;
    let connection = bench.connect();
    let seen = connection.list().await.unwrap().observed.remove(0);
    same(bench.column, &seen, &document_of(Superoffice, &declared));
    declared["events"] = json!(["sale.changed"]);
    let desired = document_of(Superoffice, &declared);
    same(bench.column, &connection.update(&seen, &desired).await.unwrap(), &desired);
    let now = bench.stored().await.remove(0);
    assert_eq!((&now["Name"], &now["ErrorAssociates"]), (&stored["Name"], &stored["ErrorAssociates"]));
}

async fn numeric_state(bench: Bench) {
    let connection = bench.connect();
    let states = [
        (1, Some(Delivery::On)),
        (2, Some(Delivery::Off)),
        (3, Some(Delivery::DisabledByVendor)),
        (0, None),
        (9, None),
    ];
    for (state, delivery) in states {
        let hook = json!({"WebhookId": 7, "Name": "one", "State": state, "Type": "webhook"});
        bench.fault(json!({"operation": "list", "kind": "status", "status": 200, "body": [hook]})).await;
        assert_eq!(connection.list().await.unwrap().observed[0].delivery, delivery, "{state}");
    }
}

async fn disabled_by_vendor(bench: Bench) {
    let mut hook = foreign(Superoffice, "one");
    hook["State"] = json!("TooManyErrors");
    bench.insert(&hook).await;
    let connection = bench.connect();
    let seen = connection.list().await.unwrap().observed.remove(0);
    assert_eq!(seen.delivery, Some(Delivery::DisabledByVendor));
    let desired = document(bench.column, "one");
    same(bench.column, &seen, &desired);
    let revived = connection.update(&seen, &desired).await.unwrap();
    assert_eq!(revived.delivery, Some(Delivery::On));
    assert_eq!(bench.stored().await[0]["State"], "Active");
}

async fn delete_unknown(bench: Bench) {
    for status in [404, 204] {
        bench.set(json!({"deleteUnknownStatus": status})).await;
        bench.connect().delete(&ExternalId::new("4242").unwrap()).await.unwrap();
    }
}

async fn framework_404(bench: Bench) {
    let connection = bench.connected().await;
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    let body =
        json!({"Message": "No HTTP resource was found that matches the request URI.", "MessageDetail": "x"});
    for operation in ["delete", "update"] {
        bench.fault(json!({"operation": operation, "kind": "status", "status": 404, "body": body})).await;
    }
    says(&fails(connection.delete(&made.id).await, Class::Unavailable), &["address"]);
    fails(connection.update(&made, &edited(bench.column, "one")).await, Class::Unavailable);
    assert_eq!(bench.stored().await.len(), 1);
    // The text of the documented sample, without a class of exception: the list decides.
    let body = json!({"ErrorMessage": "Webhook not found"});
    bench.fault(json!({"operation": "delete", "kind": "status_after", "status": 404, "body": body})).await;
    connection.delete(&made.id).await.unwrap();
}

async fn put_unknown(bench: Bench) {
    for (habit, class) in [("404", Class::NotFound), ("500", Class::Unavailable), ("create", Class::Outdated)]
    {
        let bench = bench.another().await;
        bench.set(json!({"putUnknown": habit})).await;
        let connection = bench.connect();
        let made = connection.create(&document(bench.column, "one")).await.unwrap();
        connection.delete(&made.id).await.unwrap();
        let error = fails(connection.update(&made, &edited(bench.column, "one")).await, class);
        let there = bench.stored().await.len();
        assert_eq!(there, usize::from(habit == "create"));
        if habit == "create" {
            says(&error, &["duplicate"]);
        }
    }
}

async fn refused_receiver(bench: Bench) {
    for status in [500, 400] {
        for (verdict, reason) in
            [("refuse", "did not answer 200"), ("tls_error", "certificate"), ("http_scheme", "https")]
        {
            let bench = bench.another().await;
            bench.set(json!({"refusedTargetStatus": status})).await;
            let connection = bench.connected().await;
            let made = connection.create(&document(bench.column, "one")).await.unwrap();
            bench.target(RECEIVER, verdict).await;
            bench.forget().await;
            let created = connection.create(&document(bench.column, "one")).await;
            let updated = connection.update(&made, &edited(bench.column, "one")).await;
            for error in [fails(created, Class::Rejected), fails(updated, Class::Rejected)] {
                says(&error, &[reason, "receiver"]);
                assert!(!error.outcome_unknown, "{error:?}");
            }
            assert_eq!(bench.total().await, 4, "each is tried once, and looked into once");
            assert_eq!(bench.stored().await.len(), 1);
        }
    }
}

async fn failed_save(bench: Bench) {
    let connection = bench.connected().await;
    let body = json!({"Error": true, "ErrorType": "NullReferenceException", "ErrorMessage": "Oops"});
    bench.fault(json!({"operation": "create", "kind": "status", "status": 500, "body": body})).await;
    let error = fails(connection.create(&document(bench.column, "one")).await, Class::Unavailable);
    assert!(error.outcome_unknown, "{error:?}");
    let body = json!({"Message": "The request is invalid."});
    bench.fault(json!({"operation": "create", "kind": "status", "status": 400, "body": body})).await;
    let error = fails(connection.create(&document(bench.column, "one")).await, Class::Rejected);
    assert!(!error.outcome_unknown, "{error:?}");
}

async fn slow_receiver(bench: Bench) {
    bench.target(RECEIVER, "slow").await;
    let path = format!("/superoffice/{}/targets", bench.code);
    bench.world.control("PUT", &path, &json!({"url": RECEIVER, "verdict": "slow", "millis": 700})).await;
    bench.connect().create(&document(bench.column, "one")).await.unwrap();
}

async fn empty_404(bench: Bench) {
    bench.set(json!({"emptyListStatus": 404})).await;
    let connection = bench.connect();
    assert!(connection.list().await.unwrap().observed.is_empty());
    connection.create(&document(bench.column, "one")).await.unwrap();
    assert_eq!(connection.list().await.unwrap().observed.len(), 1);
    // Another 404 in an envelope is a wrong address.
    let body = json!({"Message": "No HTTP resource was found that matches the request URI."});
    bench.fault(json!({"operation": "list", "kind": "status", "status": 404, "body": body})).await;
    fails(connection.list().await, Class::Unavailable);
}

async fn rearranged(bench: Bench) {
    for (events, maps) in [("reverse", "null"), ("trim", "object"), ("keep", "keep")] {
        let bench = bench.another().await;
        bench.set(json!({"events": events, "emptyMaps": maps})).await;
        let connection = bench.connect();
        let mut declared = manifest(Superoffice, "one");
        for member in ["headers", "properties"] {
            declared.as_object_mut().unwrap().remove(member);
        }
        let desired = document_of(Superoffice, &declared);
        connection.create(&desired).await.unwrap();
        same(bench.column, &connection.list().await.unwrap().observed[0], &desired);
    }
}

async fn too_many(bench: Bench) {
    for dialect in ["seconds", "date", "none"] {
        let bench = bench.another().await;
        let connection = bench.connected().await;
        bench.set(json!({"maxCallsPerSecond": 1, "throttleDialect": dialect})).await;
        let error = loop {
            if let Err(error) = connection.list().await {
                break error;
            }
        };
        assert_eq!((error.class, error.status), (Class::Throttled, Some(429)), "{error:?}");
        let seconds = error.retry_after.map(|wait| (1..=2).contains(&wait.as_secs()));
        assert_eq!(seconds, (dialect != "none").then_some(true), "{dialect}: {error:?}");
        assert_eq!(bench.budget.wait().is_some(), dialect != "none");
    }
}
