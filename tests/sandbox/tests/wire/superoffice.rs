//! SuperOffice on site: entity, target check, credentials, PATCH.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, Seen, hook};

const TENANT: &str = "superoffice/superoffice";

async fn create(bench: &Bench) -> Value {
    Seen::of(bench.superoffice(Method::POST, "").json(&hook())).await.expect(200)
}

#[tokio::test]
async fn lives_through_create_read_update_delete() {
    let bench = Bench::new().await;
    let listed = Seen::of(bench.superoffice(Method::GET, "")).await;
    assert_eq!(listed.expect(200), json!([]));
    let made = create(&bench).await;
    assert_eq!((&made["WebhookId"], &made["Updated"]), (&json!(1), &json!("0001-01-01T00:00:00")));
    assert_eq!(made["RegisteredAssociate"]["Name"], "ops");
    assert!(made["_Links"]["Self"].as_str().unwrap().ends_with("/superoffice/api/v1/Webhook/1"));
    let listed = Seen::of(bench.superoffice(Method::GET, "")).await.expect(200);
    assert_eq!(listed[0].get("_Links"), None, "items of a list have no links");
    let bare =
        json!({"WebhookId": 77, "Name": "n", "Events": ["sale.sold"], "TargetUrl": "https://x/", "State": 2});
    let changed = Seen::of(bench.superoffice(Method::PUT, "/1").json(&bare)).await.expect(200);
    assert_eq!((&changed["WebhookId"], &changed["State"]), (&json!(1), &json!("Stopped")), "the path wins");
    assert_eq!((&changed["Secret"], &changed["Headers"]), (&json!(""), &json!({})), "left out is reset");
    assert_eq!((&changed["Type"], &changed["UpdatedAssociate"]["Name"]), (&json!("webhook"), &json!("ops")));
    let gone = Seen::of(bench.superoffice(Method::DELETE, "/1")).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let missing = Seen::of(bench.superoffice(method, "/1").json(&hook())).await.expect(404);
        assert_eq!((&missing["Error"], &missing["ErrorType"]), (&json!(true), &json!("SoNotFoundException")));
    }
    assert_eq!(create(&bench).await["WebhookId"], 2, "ids are not used again");
    bench.set(TENANT, json!({"putUnknown": "create", "deleteUnknownStatus": 204})).await;
    let made = Seen::of(bench.superoffice(Method::PUT, "/99").json(&hook())).await.expect(200);
    assert_eq!(made["WebhookId"], 3);
    assert_eq!(Seen::of(bench.superoffice(Method::DELETE, "/99")).await.status, 204);
}

#[tokio::test]
async fn wrong_types_and_empty_bodies_are_refused() {
    let bench = Bench::new().await;
    for (field, value) in [
        ("Name", json!(5)),
        ("Events", json!("contact.created")),
        ("State", json!("Sleeping")),
        ("State", json!(4)),
        ("Headers", json!({"a": 1})),
        ("Properties", json!([])),
    ] {
        let mut body = hook();
        body[field] = value;
        let refused = Seen::of(bench.superoffice(Method::POST, "").json(&body)).await.expect(400);
        assert!(refused["MessageDetail"].as_str().unwrap().contains(field), "{refused}");
    }
    for method in [Method::POST, Method::PUT] {
        let path = if method == Method::PUT { "/1" } else { "" };
        assert_eq!(Seen::of(bench.superoffice(method, path)).await.status, 400);
    }
    let odd =
        json!({"name": "lower case is fine", "Unknown": 1, "Type": "crmscript", "TargetUrl": "script-7"});
    let made = Seen::of(bench.superoffice(Method::POST, "").json(&odd)).await.expect(200);
    assert_eq!((&made["Name"], &made["Events"]), (&json!("lower case is fine"), &json!([])));
    assert_eq!(made["State"], "Active");
}

#[tokio::test]
async fn a_save_calls_the_target_and_fails_with_it() {
    let bench = Bench::new().await;
    let script = json!({"url": "https://hooks.example.com/so", "verdict": "refuse"});
    bench.control(Method::PUT, "/superoffice/superoffice/targets", script).await;
    let post = async || Seen::of(bench.superoffice(Method::POST, "").json(&hook())).await;
    let refused = post().await.expect(400);
    assert_eq!((&refused["Error"], &refused["ErrorType"]), (&json!(true), &json!("ArgumentException")));
    assert!(refused["Message"].as_str().unwrap().contains("did not answer 200"), "{refused}");
    bench.set(TENANT, json!({"refusedTargetStatus": 500})).await;
    post().await.expect(500);
    bench.set(TENANT, json!({"refusedTargetStatus": 400})).await;
    assert_eq!(bench.look("/superoffice/superoffice/subscriptions").await, json!([]));
    let test = async || Seen::of(bench.superoffice(Method::POST, "/Test").json(&hook())).await.expect(200);
    assert_eq!(test().await["Success"], false);
    bench.control(Method::DELETE, "/superoffice/superoffice/targets", Value::Null).await;
    assert_eq!(test().await["Success"], true);
    post().await.expect(200);
    Seen::of(bench.superoffice(Method::PUT, "/1").json(&hook())).await.expect(200);
    let pings = bench.look("/superoffice/superoffice/pings").await;
    let reasons: Vec<&str> =
        pings.as_array().unwrap().iter().map(|p| p["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["create", "create", "test", "test", "create", "update"]);
    let mut plain = hook();
    plain["TargetUrl"] = "http://hooks.example.com/".into();
    let request = || bench.superoffice(Method::POST, "").json(&plain);
    Seen::of(request()).await.expect(400);
    bench.set(TENANT, json!({"requireHttps": false})).await;
    Seen::of(request()).await.expect(200);
}

#[tokio::test]
async fn credentials() {
    let bench = Bench::new().await;
    let url =
        format!("{}/api/v1/webhook", bench.sandbox.superoffice_url().replace("superoffice", "SuperOffice"));
    let get = || bench.client.get(&url);
    assert_eq!(Seen::of(get()).await.expect(401)["Error"], true);
    Seen::of(get().basic_auth("ops", Some("wrong"))).await.expect(401);
    Seen::of(get().basic_auth("ops", Some("example-password"))).await.expect(200);
    Seen::of(get().bearer_auth("8A:example-bearer")).await.expect(200);
    let about = bench.client.get(format!("{}/api", bench.sandbox.superoffice_url()));
    let about = Seen::of(about.header("accept", "application/json")).await.expect(200);
    assert!(about["NetServerVersion"].as_str().unwrap().starts_with("10.2.7"));
    let body = json!({"tickets": ["7T:abc"], "appTokens": ["app"]});
    bench.control(Method::PUT, "/superoffice/superoffice", body).await;
    let ticket = || get().header("authorization", "SoTicket 7T:abc");
    Seen::of(ticket()).await.expect(401);
    Seen::of(ticket().header("so-apptoken", "app")).await.expect(200);
    bench.control(Method::POST, "/superoffice/superoffice/tokens/revoke", Value::Null).await;
    Seen::of(ticket().header("so-apptoken", "app")).await.expect(401);
}

#[tokio::test]
async fn newer_fields_appear_with_newer_servers() {
    let bench = Bench::new().await;
    let mut body = hook();
    body["Description"] = "words".into();
    body["NotifyVia"] = 3.into();
    let post = async || Seen::of(bench.superoffice(Method::POST, "").json(&body)).await.expect(200);
    bench.set(TENANT, json!({"version": "10.1"})).await;
    assert_eq!(post().await.get("ErrorsEmail"), None);
    bench.set(TENANT, json!({"version": "12.0"})).await;
    let shown = post().await;
    assert_eq!((&shown["Description"], &shown["NotifyVia"]), (&json!("words"), &json!("Email, InApp")));
    assert_eq!((&shown["TotalCalls"], &shown["ErrorEmails"]), (&json!(0), &json!([])));
    Seen::of(bench.superoffice(Method::PUT, "/2").json(&hook())).await.expect(200);
    let stored = bench.look("/superoffice/superoffice/subscriptions").await;
    assert_eq!(stored[0]["Description"], Value::Null, "an older server ignored it");
    assert_eq!(stored[1]["Description"], Value::Null, "a PUT without it wiped it");
}

#[tokio::test]
async fn patches_of_both_kinds() {
    let bench = Bench::new().await;
    create(&bench).await;
    let patch = async |body: Value| Seen::of(bench.superoffice(Method::PATCH, "/1").json(&body)).await;
    let shown = patch(json!({"state": "Stopped", "Headers": {"X-New": "1"}})).await.expect(200);
    assert_eq!(
        (&shown["State"], &shown["Headers"]),
        (&json!("Stopped"), &json!({"X-Env": "prod", "X-New": "1"}))
    );
    let steps = json!([
        {"op": "test", "path": "/State", "value": "Stopped"},
        {"op": "replace", "path": "State", "value": "Active"},
        {"op": "add", "path": "/Events/-", "value": "sale.lost"},
    ]);
    let shown = patch(steps.clone()).await.expect(200);
    assert_eq!(shown["Events"], json!(["contact.created", "sale.changed", "sale.lost"]));
    patch(steps).await.expect(409);
    patch(json!([{"op": "move", "path": "/State", "from": "/Name"}])).await.expect(400);
    let late = bench.superoffice(Method::PATCH, "/1").json(&json!({"Name": "x"}));
    let late = late.header("if-unmodified-since", "Mon, 01 Jan 2001 00:00:00 GMT");
    Seen::of(late).await.expect(412);
    Seen::of(bench.superoffice(Method::PATCH, "/9").json(&json!({}))).await.expect(404);
    bench.set(TENANT, json!({"patch": false})).await;
    patch(json!({})).await.expect(405);
}

#[tokio::test]
async fn filters_template_select_and_secret() {
    let bench = Bench::new().await;
    create(&bench).await;
    let get = async |rest: &str| Seen::of(bench.superoffice(Method::GET, rest)).await.expect(200);
    assert_eq!(get("?eventFilter=sale.changed&statusFilter=Active").await.as_array().unwrap().len(), 1);
    assert_eq!(get("?nameFilter=other").await, json!([]));
    let template = get("/default").await;
    assert_eq!(template["Events"], json!(["contact.created", "contact.deleted"]));
    assert_eq!(template["WebhookId"], 0);
    let part = get("/1?$select=name").await;
    assert_eq!((&part["Name"], &part["WebhookId"]), (&json!("contact-sync"), &Value::Null));
    assert_eq!(get("/1").await["Secret"], "k1");
    bench.set(TENANT, json!({"secretEcho": "mask", "dates": "z"})).await;
    let shown = get("/1").await;
    assert_eq!(shown["Secret"], "********");
    assert!(shown["Registered"].as_str().unwrap().ends_with('Z'));
    bench.set(TENANT, json!({"secretEcho": "null"})).await;
    assert_eq!(get("/1").await["Secret"], Value::Null);
    assert_eq!(get("/1/LastError").await, Value::Null);
    assert_eq!(Seen::of(bench.superoffice(Method::POST, "/my.event/7")).await.status, 204);
}

#[tokio::test]
async fn an_administrator_changes_hooks() {
    let bench = Bench::new().await;
    create(&bench).await;
    let change = json!({"State": "TooManyErrors", "LastError": "410 Gone", "Secret": null});
    bench.control(Method::PATCH, "/superoffice/superoffice/subscriptions/1", change).await;
    let shown = Seen::of(bench.superoffice(Method::GET, "/1")).await.expect(200);
    assert_eq!((&shown["State"], &shown["Secret"]), (&json!("TooManyErrors"), &Value::Null));
    assert_eq!(shown["UpdatedAssociate"]["Name"], "admin");
    assert_eq!(Seen::of(bench.superoffice(Method::GET, "/1/LastError")).await.expect(200), json!("410 Gone"));
    assert_eq!(bench.look("/superoffice/superoffice/pings").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_language_header_translates_values() {
    let bench = Bench::new().await;
    let mut body = hook();
    let stored = "NO:\"norsk\";US:\"english\"";
    body["Name"] = stored.into();
    body["Properties"] = json!({"title": stored, "resource": "[SR_MANDATORY_FIELD]", "plain": "a;b:c"});
    Seen::of(bench.superoffice(Method::POST, "").json(&body)).await.expect(200);
    let name = async |headers: &[(&str, &str)]| {
        let request = bench.superoffice(Method::GET, "/1");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Seen::of(request).await.expect(200)
    };
    assert_eq!(name(&[]).await["Name"], stored);
    let english = name(&[("accept-language", "en-us; en-gb")]).await;
    assert_eq!(english["Name"], "english");
    let properties = json!({"title": "english", "resource": "mandatory field", "plain": "a;b:c"});
    assert_eq!(english["Properties"], properties);
    let overridden = [("accept-language", "en"), ("so-language", "nb-no")];
    assert_eq!(name(&overridden).await["Name"], "norsk");
    for cancel in ["x", "*"] {
        assert_eq!(name(&[("accept-language", "en"), ("so-language", cancel)]).await["Name"], stored);
    }
}

#[tokio::test]
async fn the_agent_does_the_same() {
    let bench = Bench::new().await;
    let agent = async |method: &str, body: Value| {
        let base = bench.sandbox.superoffice_url();
        let request = bench.client.post(format!("{base}/api/v1/Agents/Webhook/{method}"));
        Seen::of(request.basic_auth("ops", Some("example-password")).json(&body)).await
    };
    let made = agent("SaveWebhook", hook()).await.expect(200);
    assert_eq!((&made["WebhookId"], made.get("_Links")), (&json!(1), None));
    let changed =
        json!({"webhookId": 1, "name": "n", "events": ["a.b"], "targetUrl": "https://x/", "state": 2});
    assert_eq!(agent("SaveWebhook", changed).await.expect(200)["State"], "Stopped");
    assert_eq!(agent("GetWebhook?webhookId=1", Value::Null).await.expect(200)["Name"], "n");
    assert_eq!(agent("GetWebhook?webhookId=9", Value::Null).await.expect(200), Value::Null);
    for (filter, count) in [(json!({"StatusFilter": 2}), 1), (json!({"StatusFilter": "Active"}), 0)] {
        let found = agent("GetAllWebhooks", filter).await.expect(200);
        assert_eq!(found.as_array().unwrap().len(), count);
    }
    assert_eq!(agent("TestWebhook", json!({"Webhook": hook()})).await.expect(200)["Success"], true);
    assert_eq!(agent("GetLastError", json!({"WebhookId": 1})).await.expect(200), "");
    for method in ["SignalEvent", "DeleteWebhook?webhookId=1", "DeleteWebhook?webhookId=1"] {
        assert_eq!(agent(method, Value::Null).await.status, 204);
    }
    assert_eq!(agent("PingWebhook", Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_vendor_may_store_another_spelling() {
    let bench = Bench::new().await;
    bench.set(TENANT, json!({"events": "lower", "lowercaseType": true, "lowercaseHost": true})).await;
    let sent = json!({
        "Name": "N", "Events": ["chatSession.message"], "TargetUrl": "HTTPS://Hooks.Example.com/So?A=B", "Type": "CRMScript",
    });
    let shown = |one: &Value| json!([one["Events"], one["TargetUrl"], one["Type"], one["Name"]]);
    let stored = json!([["chatsession.message"], "https://hooks.example.com/So?A=B", "crmscript", "N"]);
    let made = Seen::of(bench.superoffice(Method::POST, "").json(&sent)).await.expect(200);
    assert_eq!(shown(&made), stored);
    bench.set(TENANT, json!({"answersAsSent": true})).await;
    let saved = Seen::of(bench.superoffice(Method::PUT, "/1").json(&sent)).await.expect(200);
    assert_eq!(saved["TargetUrl"], sent["TargetUrl"]);
    let listed = Seen::of(bench.superoffice(Method::GET, "")).await.expect(200);
    assert_eq!(shown(&listed[0]), stored);
}
