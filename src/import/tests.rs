//! The vendors' own samples imported, and what is reused, refused and warned of.

use super::*;
use crate::vendor::testing::observed;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

const NONE: &BTreeSet<ExternalId> = &BTreeSet::new();

/// A sample of the vendors' pages, as the fake vendors keep it.
pub(super) fn seed(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/fixtures/seeds");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(super) fn list(vendor: VendorName, items: &[Value]) -> Vec<Observed> {
    items.iter().map(|item| observed(vendor, item).unwrap()).collect()
}

fn imported(vendor: VendorName, items: &[Value], existing: &[Webhook]) -> Imported {
    let account = ObjectKey::new("integrations", "acme");
    let observed = list(vendor, items);
    let before = Before {
        vendor,
        account: &account,
        namespace: "integrations",
        observed: &observed,
        managed: NONE,
        existing,
        taken: &BTreeSet::new(),
    };
    import(&before)
}

/// The output of an import.
fn told(imported: &Imported) -> String {
    let mut text = yaml(&imported.webhooks).unwrap();
    for ToFill { webhook, field, variable, secret, certain } in &imported.to_fill {
        let SecretKeyRef { name, key } = secret;
        let sure = if *certain { "" } else { " if there is one" };
        writeln!(text, "# {webhook}: {field} = $({variable}): fill in {name}/{key}{sure}").unwrap();
    }
    for ClearSecret { webhook, field, mark } in &imported.clear_secrets {
        writeln!(text, "# {webhook}: {field} has {mark}").unwrap();
    }
    for LeftOut { id, summary, reasons } in &imported.left_out {
        writeln!(text, "# left out {id} ({summary}): {}", reasons.join("; ")).unwrap();
    }
    text
}

fn changed(mut item: Value, change: Value) -> Value {
    if let Value::Object(change) = change {
        item.as_object_mut().unwrap().extend(change);
    }
    item
}

pub(super) fn brightpearl(id: i64, change: Value) -> Value {
    let item = json!({"id": id, "subscribeTo": "product", "httpMethod": "POST",
        "uriTemplate": "https://hooks.example.com/bp", "bodyTemplate": "{}", "contentType": "application/json"});
    changed(item, change)
}

pub(super) fn contensis(id: &str, change: Value) -> Value {
    let item = json!({"id": id, "name": "search index", "url": "https://h/", "enabled": true,
        "topics": [{"resourceType": "entry", "event": ["published"]}]});
    changed(item, change)
}

pub(super) fn superoffice(id: i64, change: Value) -> Value {
    let item = json!({"WebhookId": id, "Name": "sync", "Events": ["sale.sold"], "TargetUrl": "https://h/",
        "State": "Active", "Type": "webhook"});
    changed(item, change)
}

#[test]
fn brightpearl_samples() {
    let mut items = seed("brightpearl-get-all")["response"].as_array().unwrap().clone();
    let mut request = seed("brightpearl-post-request");
    request["id"] = json!(7);
    items.push(request);
    insta::assert_snapshot!(told(&imported(VendorName::Brightpearl, &items, &[])));
}

#[test]
fn contensis_samples() {
    let items = [seed("contensis-create-response")];
    insta::assert_snapshot!(told(&imported(VendorName::Contensis, &items, &[])));
}

#[test]
fn superoffice_samples() {
    let items = [seed("superoffice-post-response"), seed("superoffice-post-request")];
    insta::assert_snapshot!(told(&imported(VendorName::Superoffice, &items, &[])));
}

#[test]
fn texts_are_written_so_that_they_come_back() {
    let items = [
        brightpearl(1, json!({"bodyTemplate": "{\n  \"a\": \"$(A)\",\n  \"b\": \"$$(B) $( C)\"\n}\n"})),
        brightpearl(2, json!({"bodyTemplate": "a \r\nb\t\r\n\r\n", "subscribeTo": "on"})),
        brightpearl(3, json!({"bodyTemplate": "  leading\n\ttab \n\n\n", "subscribeTo": "1:30"})),
        brightpearl(
            4,
            json!({"bodyTemplate": "\u{0}\u{7}\u{85}\u{2028}\u{feff}\u{1f600}é", "subscribeTo": "0x1F"}),
        ),
        brightpearl(5, json!({"bodyTemplate": "", "subscribeTo": "yes", "contentType": "2024-01-01"})),
        brightpearl(6, json!({"bodyTemplate": "word ".repeat(60).trim_end(), "subscribeTo": "~"})),
    ];
    insta::assert_snapshot!(told(&imported(VendorName::Brightpearl, &items, &[])));
}

#[test]
fn what_is_printed_steers_neither_a_terminal_nor_a_runner_and_comes_back() {
    let body = "{}\n  ::error::pwned\n##[group]a\\##vso[task.x]\u{202e}\u{e0041}\u{9b}2J\x1b]52;c;aGk=\x07";
    let items = [
        brightpearl(1, json!({"bodyTemplate": body, "subscribeTo": "##[error]x"})),
        brightpearl(2, json!({"bodyTemplate": "a\n::stop-commands::x\n", "contentType": "::a"})),
    ];
    let imported = imported(VendorName::Brightpearl, &items, &[]);
    let printed = yaml(&imported.webhooks).unwrap();
    assert!(!printed.chars().any(|c| c != '\n' && crate::api::is_hidden(c)), "{printed}");
    assert!(!printed.contains("##[") && !printed.contains("##vso["), "{printed}");
    assert!(!printed.lines().any(|line| line.trim_start().starts_with("::")), "{printed}");
    let read: Vec<Value> = serde_saphyr::from_multiple(&printed).unwrap();
    let written: Vec<_> =
        imported.webhooks.iter().map(|one| serde_json::to_value(&one.spec).unwrap()).collect();
    for (read, written) in read.iter().zip(&written) {
        let (read, written) = (&read["spec"]["subscription"], &written["subscription"]);
        assert_eq!(read["brightpearl"]["bodyTemplate"], written["brightpearl"]["bodyTemplate"]);
        assert_eq!(read["brightpearl"]["subscribeTo"], written["brightpearl"]["subscribeTo"]);
    }
    assert_eq!(read[0]["spec"]["subscription"]["brightpearl"]["bodyTemplate"], body);
    let headers = json!({"##[error]": {"value": "::x"}});
    let imported = self::imported(VendorName::Contensis, &[contensis("a", json!({"headers": headers}))], &[]);
    let printed = yaml(&imported.webhooks).unwrap();
    let read: Value = serde_saphyr::from_str(&printed).unwrap();
    assert_eq!(
        read["spec"]["subscription"]["contensis"]["headers"]["##[error]"]["value"], "::x",
        "{printed}"
    );
    assert!(!printed.contains("##["), "{printed}");
}

#[test]
fn a_name_that_is_not_shown_comes_back_wherever_it_stands() {
    let properties =
        json!({"a": [{"b\u{a0}": "x", "##[c]": [{"\u{202e}": 1}]}], "\u{7}": {"::d": {"e\n": 2}}});
    let items = [superoffice(1, json!({"Properties": properties.clone()}))];
    let imported = imported(VendorName::Superoffice, &items, &[]);
    let printed = yaml(&imported.webhooks).unwrap();
    assert!(!printed.chars().any(|c| c != '\n' && crate::api::is_hidden(c)), "{printed}");
    assert!(!printed.contains("##["), "{printed}");
    let read: Value = serde_saphyr::from_str(&printed).unwrap();
    assert_eq!(read["spec"]["subscription"]["superoffice"]["properties"], properties, "{printed}");
}

#[test]
fn what_no_manifest_can_hold_is_left_out_with_its_reasons() {
    let left = |vendor, item: Value| {
        let imported = imported(vendor, &[item], &[]);
        assert!(imported.webhooks.is_empty(), "{:?}", imported.webhooks);
        imported.left_out[0].reasons.join("; ")
    };
    let lines: Vec<String> = [
        json!({"httpMethod": "PATCH"}),
        json!({"httpMethod": "POST", "contentType": null}),
        json!({"uriTemplate": "ftp://h"}),
        json!({"uriTemplate": "$(SCHEME)://h"}),
        json!({"qualityOfService": 2}),
        json!({"subscribeTo": "p".repeat(1025)}),
    ]
    .map(|change| left(VendorName::Brightpearl, brightpearl(1, change)))
    .into_iter()
    .chain(
        [
            json!({"method": "TRACE", "name": null, "topics": []}),
            json!({"templates": {"entry": {"a": {"b": null}}}}),
            json!({"topics": [{"resourceType": "entry", "event": ["a"], "author": "x"}]}),
            json!({"topics": [{"event": ["a"]}, {"resourceType": "x", "event": []}]}),
            json!({"headers": {"A": {"value": "1"}, "a": {"value": "2"}}}),
            json!({"headers": {"A": {"value": "1", "when": "now"}}}),
            json!({"url": 7, "enabled": "yes"}),
        ]
        .map(|change| left(VendorName::Contensis, contensis("a", change))),
    )
    .chain(
        [
            json!({"Headers": {"X": ""}}),
            json!({"Headers": {"X": 1}}),
            json!({"Name": "n".repeat(401), "Events": ["a,b"]}),
            json!({"State": 0}),
            json!({"TargetUrl": "ftp://h/"}),
            json!({"Properties": {"n": 18_446_744_073_709_551_615_u64}}),
            json!({"Properties": {"a": [1, null]}}),
            json!({"Properties": [1]}),
            json!({"Properties": {"n".repeat(200): 1}}),
            json!({"Properties": {"deep": (0..110).fold(json!(1), |inner, _| json!([inner]))}}),
            json!({"ErrorEmails": [], "NotifyVia": "Email, Pigeon"}),
        ]
        .map(|change| left(VendorName::Superoffice, superoffice(1, change))),
    )
    .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_looks_like_a_secret_is_told_without_it() {
    let bp = brightpearl(
        1,
        json!({"uriTemplate": "https://h/?token=hunter2",
        "bodyTemplate": "{\"apiKey\": \"hunter2\", \"id\": \"${resource-id}\"}"}),
    );
    let c7s = contensis(
        "a",
        json!({"headers": {"Authorization": {"value": "hunter2"}, "X-Origin": {"value": "cms"},
        "X-Key": {"secret": true, "value": "*****"}}}),
    );
    let so = superoffice(
        1,
        json!({"Properties": {"login": {"password": "hunter2"}}, "Headers": {"X-Api-Key": "hunter2"}}),
    );
    let mut all = Vec::new();
    for (vendor, item) in
        [(VendorName::Brightpearl, bp), (VendorName::Contensis, c7s), (VendorName::Superoffice, so)]
    {
        all.extend(imported(vendor, &[item], &[]).clear_secrets);
    }
    assert!(!format!("{all:?}").contains("hunter2"));
    let told: Vec<_> = all.iter().map(|clear| (clear.field.as_str(), clear.mark)).collect();
    assert_eq!(
        told,
        [
            ("bodyTemplate", "apikey="),
            ("uriTemplate", "token="),
            ("headers.Authorization.value", "authorization"),
            ("headers.X-Api-Key", "apikey="),
            ("properties.login.password", "password="),
        ]
    );
}

#[test]
fn names_do_not_depend_on_the_order_and_never_collide() {
    let names = |items: &[Value], existing: &[Webhook]| -> Vec<(String, String)> {
        let all = imported(VendorName::Superoffice, items, existing).webhooks.into_iter();
        all.map(|w| (w.spec.external_id.unwrap_or_default(), w.metadata.name.unwrap_or_default())).collect()
    };
    let item = |id: i64, name: &str| superoffice(id, json!({"Name": name}));
    let mut items = vec![
        item(10, "sync"),
        item(9, "Sync!"),
        item(8, "other"),
        item(7, "在庫"),
        item(6, "sync 9"),
        item(5, "own"),
    ];
    let taken: Webhook = Webhook::new("own", webhooks_of(&items)[0].spec.clone());
    let mut taken = [taken];
    taken[0].metadata.namespace = Some("integrations".into());
    let expected: Vec<(String, String)> = [
        ("5", "own-5"),
        ("6", "sync-9"),
        ("7", "superoffice-7"),
        ("8", "other"),
        ("9", "sync-9-2"),
        ("10", "sync-10"),
    ]
    .map(|(id, name)| (id.to_owned(), name.to_owned()))
    .into();
    taken[0].spec.external_id = Some("99".into());
    assert_eq!(names(&items, &taken), expected);
    items.reverse();
    assert_eq!(names(&items, &taken), expected);
}

fn webhooks_of(items: &[Value]) -> Vec<Webhook> {
    imported(VendorName::Superoffice, items, &[]).webhooks
}

#[test]
fn a_variable_that_a_webhook_declares_already_is_used_again() {
    let existing = |change: Value| -> Webhook {
        let mut webhook = json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
            "metadata": {"name": "index", "namespace": "integrations"},
            "spec": {"accountRef": {"name": "acme"}, "variables": [
                    {"name": "X_OTHER", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "k"}}}],
                "subscription": {"contensis": {"name": "search index", "url": "https://h/",
                    "headers": {"x-key": {"value": "Bearer $(X_OTHER)", "secret": true}},
                    "topics": [{"resourceType": "entry", "event": ["deleted"]}]}}},
        });
        webhook["spec"] = changed(webhook["spec"].take(), change);
        serde_json::from_value(webhook).unwrap()
    };
    let item = contensis("a", json!({"headers": {"X-Key": {"secret": true}, "X-Other": {"secret": true}}}));
    for (change, name) in [(json!({"externalId": "a"}), "index"), (json!({}), "search-index")] {
        let found = imported(VendorName::Contensis, std::slice::from_ref(&item), &[existing(change)]);
        let webhook = &found.webhooks[0];
        assert_eq!(webhook.metadata.name.as_deref(), Some(name));
        let headers =
            serde_json::to_value(&webhook.spec.subscription).unwrap()["contensis"]["headers"].clone();
        assert_eq!(headers["X-Key"]["value"], "Bearer $(X_OTHER)");
        assert_eq!(headers["X-Other"]["value"], "$(X_OTHER_2)", "a new variable makes way");
        let names: Vec<_> = webhook.spec.variables.iter().map(|v| v.name.as_str()).collect();
        assert_eq!(names, ["X_OTHER", "X_OTHER_2"]);
        assert_eq!(found.to_fill.len(), 1);
        assert_eq!(found.to_fill[0].field, "headers.X-Other");
    }
    let other = existing(json!({"accountRef": {"name": "another"}}));
    assert_eq!(imported(VendorName::Contensis, &[item], &[other]).to_fill.len(), 2);
}

#[test]
fn what_is_managed_is_not_imported_again() {
    let observed = list(
        VendorName::Brightpearl,
        &[
            brightpearl(1, json!({})),
            brightpearl(2, json!({"subscribeTo": "order"})),
            brightpearl(3, json!({})),
            brightpearl(4, json!({"subscribeTo": "order"})),
        ],
    );
    let account = ObjectKey::new("integrations", "acme");
    let managed = BTreeSet::from([ExternalId::new("1").unwrap()]);
    let before = Before {
        vendor: VendorName::Brightpearl,
        account: &account,
        namespace: "shop",
        observed: &observed,
        managed: &managed,
        existing: &[],
        taken: &BTreeSet::new(),
    };
    let found = import(&before);
    assert_eq!(found.webhooks.len(), 1);
    assert_eq!(found.webhooks[0].spec.external_id.as_deref(), Some("2"));
    let left: Vec<_> = found.left_out.iter().map(|left| (left.id.as_str(), &left.reasons[0][..16])).collect();
    assert_eq!(left, [("3", "it is equal to 1"), ("4", "it is equal to 2")]);
    assert_eq!(found.webhooks[0].spec.account_ref.namespace.as_deref(), Some("integrations"));
}

#[test]
fn a_newer_superoffice_does_not_tell_whether_there_is_a_secret() {
    let fill = |change| imported(VendorName::Superoffice, &[superoffice(1, change)], &[]).to_fill;
    assert!(fill(json!({"Secret": null})).is_empty());
    assert!(fill(json!({"Secret": "****"}))[0].certain);
    assert!(fill(json!({"Secret": "", "ErrorEmails": []})).iter().all(|fill| !fill.certain));
    assert_eq!(fill(json!({"Secret": "", "ErrorEmails": []})).len(), 1);
    // Stopped by the vendor, it is not started by an import.
    let halted = imported(VendorName::Superoffice, &[superoffice(1, json!({"State": "TooManyErrors"}))], &[]);
    assert!(!vendor::auto_reenable(&halted.webhooks[0].spec.subscription));
}
