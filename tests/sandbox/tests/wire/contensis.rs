//! Contensis: versions, secrets, tokens, permissions, dialects.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, Seen, subscription};

const PROJECT: &str = "contensis/movies";

async fn create(bench: &Bench, token: &str, body: &Value) -> Value {
    Seen::of(bench.contensis(Method::POST, token, "").json(body)).await.expect(201)
}

fn fields(body: &Value) -> Vec<&str> {
    body["data"].as_array().unwrap().iter().map(|item| item["field"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lives_through_create_read_update_delete() {
    let bench = Bench::new().await;
    let token = bench.contensis_token().await;
    let made = create(&bench, &token, &subscription()).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["version"]["versionNo"], "1.0");
    assert_eq!(made["version"].get("modified"), None);
    assert_eq!(
        (&made["method"], &made["ui"], &made["description"]),
        (&json!("POST"), &json!(false), &json!(""))
    );
    assert_eq!(made["headers"]["X-Key"], json!({"secret": true, "value": "************"}));
    assert_eq!(made["headers"].get("X-Empty"), None, "a header without a value is not kept");
    let read = Seen::of(bench.contensis(Method::GET, &token, &format!("/{id}"))).await.expect(200);
    assert_eq!(read, made);
    let listed = Seen::of(bench.contensis(Method::GET, &token, "")).await.expect(200);
    assert_eq!(listed, json!([made]));
    let mut change = subscription();
    change["name"] = "renamed".into();
    change["version"] = json!({"versionNo": "1.0"});
    let put = async |body: &Value| {
        Seen::of(bench.contensis(Method::PUT, &token, &format!("/{id}")).json(body)).await
    };
    let changed = put(&change).await.expect(200);
    assert_eq!((&changed["name"], &changed["version"]["versionNo"]), (&json!("renamed"), &json!("2.0")));
    assert_eq!(changed["version"]["modifiedBy"], "ops");
    let stale = put(&change).await.expect(422);
    assert_eq!((stale["type"].as_str(), fields(&stale)), (Some("Validation"), vec!["version.versionNo"]));
    assert_eq!(stale["logId"], "00000000-0000-0000-0000-000000000000");
    bench.set(PROJECT, json!({"conflictStatus": 409})).await;
    put(&change).await.expect(409);
    let delete = async |id: &str| Seen::of(bench.contensis(Method::DELETE, &token, &format!("/{id}"))).await;
    let gone = delete(id).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    let gone = delete(id).await.expect(404);
    assert_eq!((gone["type"].as_str(), &gone["data"]), (Some("Error"), &Value::Null));
    assert!(gone["message"].as_str().unwrap().contains(id));
    delete("not-a-guid").await.expect(400);
    put(&change).await.expect(404);
    bench.set(PROJECT, json!({"emptyNotFound": true})).await;
    assert_eq!(delete(id).await.text, "");
}

#[tokio::test]
async fn a_put_keeps_erases_or_garbles_a_masked_secret() {
    let bench = Bench::new().await;
    let token = bench.contensis_token().await;
    for (switch, sent, kept) in [
        ("keep", json!({"secret": true, "value": "********"}), json!({"secret": true, "value": "s3cret"})),
        ("keep", json!({"secret": true}), json!({"secret": true, "value": "s3cret"})),
        ("keep", json!({"secret": true, "value": "new"}), json!({"secret": true, "value": "new"})),
        ("erase", json!({"secret": true, "value": "********"}), Value::Null),
        (
            "store-literal",
            json!({"secret": true, "value": "********"}),
            json!({"secret": true, "value": "********"}),
        ),
    ] {
        bench.set(PROJECT, json!({"secretOnPut": switch})).await;
        let made = create(&bench, &token, &subscription()).await;
        let id = made["id"].as_str().unwrap();
        let mut body = subscription();
        body["headers"] = json!({"x-key": sent});
        body["version"] = json!({"versionNo": "1.0"});
        Seen::of(bench.contensis(Method::PUT, &token, &format!("/{id}")).json(&body)).await.expect(200);
        let stored = bench.look("/contensis/movies/subscriptions").await;
        let stored = stored.as_array().unwrap().iter().find(|s| s["id"] == id).unwrap();
        assert_eq!(stored["headers"]["x-key"], kept, "{switch} {sent}");
    }
}

#[tokio::test]
async fn what_is_not_sent_is_cleared() {
    let bench = Bench::new().await;
    let token = bench.contensis_token().await;
    let mut body = subscription();
    body["description"] = "words".into();
    body["method"] = "PUT".into();
    body["templates"] = json!({"entry": "{}"});
    let made = create(&bench, &token, &body).await;
    let path = format!("/{}", made["id"].as_str().unwrap());
    let mut bare = json!({"name": "n", "url": "https://x/", "topics": [{"resourceType": "node"}],
        "version": {"versionNo": "1.0"}});
    let put = async |body: &Value| Seen::of(bench.contensis(Method::PUT, &token, &path).json(body)).await;
    assert_eq!(fields(&put(&bare).await.expect(422)), ["enabled"]);
    bare["enabled"] = false.into();
    let shown = put(&bare).await.expect(200);
    for (name, value) in [
        ("description", json!("")),
        ("method", json!("POST")),
        ("templates", json!({})),
        ("headers", json!({})),
        ("enabled", json!(false)),
        ("topics", json!([{"resourceType": "node"}])),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
}

#[tokio::test]
async fn validation_and_wrong_types() {
    let bench = Bench::new().await;
    let token = bench.contensis_token().await;
    let post = async |body: &Value| Seen::of(bench.contensis(Method::POST, &token, "").json(body)).await;
    assert_eq!(fields(&post(&json!({})).await.expect(422)), ["name", "url", "topics"]);
    for (field, value, status) in [
        ("url", json!("http://x/"), 422),
        ("name", json!({"en-GB": "n"}), 422),
        ("topics", json!([]), 422),
        ("topics", json!([{"event": ["created"]}]), 422),
        ("topics", json!([{"resourceType": "entry", "event": []}]), 422),
        ("topics", json!([{"resourceType": "entry", "event": ["exploded"]}]), 422),
        ("topics", json!([{"resourceType": "unicorn"}]), 422),
        ("topics", json!([{"resourceType": "entry", "event": "created"}]), 400),
        ("topics", json!({}), 400),
        ("enabled", json!("true"), 400),
        ("name", json!(5), 400),
        ("headers", json!({"a": "b"}), 400),
        ("templates", json!({"entry": 1}), 400),
    ] {
        let mut body = subscription();
        body[field] = value;
        assert_eq!(post(&body).await.status, status, "{body}");
    }
    let broken = bench.contensis(Method::POST, &token, "").body("{");
    assert_eq!(Seen::of(broken).await.expect(400)["type"], "Error");
    assert_eq!(bench.look("/contensis/movies/subscriptions").await, json!([]));
}

#[tokio::test]
async fn tokens_are_needed_expire_and_can_be_revoked() {
    let bench = Bench::new().await;
    let list = async |token: &str| Seen::of(bench.contensis(Method::GET, token, "")).await;
    let denied = list("nonsense").await.expect(401);
    assert_eq!(denied.as_object().unwrap().keys().collect::<Vec<_>>(), ["message"]);
    let token = bench.contensis_token().await;
    list(&token).await.expect(200);
    bench.control(Method::POST, "/clock", json!({"advanceMillis": 3_600_000})).await;
    list(&token).await.expect(401);
    let token = bench.contensis_token().await;
    bench.control(Method::POST, "/contensis/movies/tokens/revoke", Value::Null).await;
    list(&token).await.expect(401);
    let key = ("client_id", "00000000-0000-4000-8000-000000000001");
    let grant = ("grant_type", "client_credentials");
    let wrong = bench.token(&[grant, key, ("client_secret", "wrong")]).await;
    assert_eq!(wrong.expect(400), json!({"error": "invalid_client"}));
    let other = bench.token(&[("grant_type", "password"), key]).await;
    assert_eq!(other.expect(400), json!({"error": "unsupported_grant_type"}));
    let journal = bench.look("/contensis/movies/journal").await;
    let tokens = journal.as_array().unwrap().iter().filter(|e| e["operation"] == "token").count();
    assert_eq!(tokens, 4, "a wrong secret is written down where its key belongs");
}

#[tokio::test]
async fn a_user_logs_in_and_refreshes() {
    let bench = Bench::new().await;
    let user = json!({"username": "u", "password": "p", "actions": ["view"]});
    bench.control(Method::PUT, "/contensis/movies", json!({"users": [user]})).await;
    let login = [("grant_type", "contensis_classic"), ("username", "u"), ("password", "p")];
    let tokens = bench.token(&login).await.expect(200);
    let access = tokens["access_token"].as_str().unwrap();
    Seen::of(bench.contensis(Method::GET, access, "")).await.expect(200);
    let refused = Seen::of(bench.contensis(Method::POST, access, "").json(&subscription())).await;
    assert!(refused.expect(403)["message"].as_str().unwrap().contains("create"));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "contensis_classic_refresh_token"), ("refresh_token", refresh)];
    let fresh = bench.token(&form).await.expect(200);
    Seen::of(bench.contensis(Method::GET, fresh["access_token"].as_str().unwrap(), "")).await.expect(200);
    assert_eq!(bench.token(&form).await.expect(400), json!({"error": "invalid_grant"}));
    let counts = bench.look("/contensis/movies/counts").await;
    assert_eq!(counts, json!({"create": 1, "list": 2, "token": 2}), "a void refresh token belongs to nobody");
    assert_eq!(bench.look("/contensis/_/counts").await, json!({"token": 1}));
}

#[tokio::test]
async fn permissions_and_projects() {
    let bench = Bench::new().await;
    let key = json!({"clientId": "k", "clientSecret": "s", "actions": ["create", "view"]});
    bench.control(Method::PUT, "/contensis/other", json!({"apiKeys": [key]})).await;
    let form = [("grant_type", "client_credentials"), ("client_id", "k"), ("client_secret", "s")];
    let token = bench.token(&form).await.expect(200)["access_token"].as_str().unwrap().to_owned();
    let base = format!("{}/api/management/projects", bench.sandbox.contensis_url());
    let get =
        async |path: &str| Seen::of(bench.client.get(format!("{base}/{path}")).bearer_auth(&token)).await;
    assert_eq!(get("other").await.expect(200)["id"], "other");
    get("other/events/webhooks/subscriptions").await.expect(200);
    get("movies/events/webhooks/subscriptions").await.expect(403);
    let missing = get("Movies/events/webhooks/subscriptions").await.expect(404);
    assert!(missing["message"].as_str().unwrap().contains("project"));
    let project = get("other").await.expect(200);
    assert!(project["uuid"].is_string() && project["color"].is_string(), "{project}");
    let all = Seen::of(bench.client.get(&base).bearer_auth(&token)).await.expect(200);
    assert_eq!(all, json!([project]), "no project that the key has no role in");
    let right =
        async |path: &str| get(&format!("other/security/permissions/webhookSubscriptions{path}")).await;
    assert_eq!(right("").await.expect(200), json!({"actions": ["create", "view"]}));
    assert_eq!(right("/actions/view").await.expect(200), json!({"authorized": true}));
    assert_eq!(right("/actions/view?userId=k").await.expect(200), json!({"authorized": true}));
    let denied = right("/actions/delete").await.expect(404);
    assert_eq!((denied["type"].as_str(), &denied["data"]), (Some("Error"), &Value::Null));
    right("/actions/view?userId=nobody").await.expect(404);
    bench.set("contensis/other", json!({"permissionEndpoints": false})).await;
    assert_eq!(right("/actions/view").await.expect(404).get("type"), None, "not the vendor's envelope");
    let mut body = subscription();
    body["templates"] = json!({"entry": "{}"});
    let url = format!("{base}/other/events/webhooks/subscriptions");
    let refused = Seen::of(bench.client.post(url).bearer_auth(&token).json(&body)).await;
    assert!(refused.expect(403)["message"].as_str().unwrap().contains("useCustomTemplates"));
}

#[tokio::test]
async fn lists_come_in_pages_on_demand() {
    let bench = Bench::new().await;
    let token = bench.contensis_token().await;
    for _ in 0..5 {
        create(&bench, &token, &subscription()).await;
    }
    bench.set(PROJECT, json!({"paged": true, "pageSize": 2})).await;
    let page = async |query: &str| Seen::of(bench.contensis(Method::GET, &token, query)).await.expect(200);
    let first = page("").await;
    assert_eq!(
        (&first["pageCount"], &first["totalCount"], &first["pageSize"]),
        (&json!(3), &json!(5), &json!(2))
    );
    let last = page("?pageIndex=2").await;
    assert_eq!((&last["pageIndex"], last["items"].as_array().unwrap().len()), (&json!(2), 1));
    assert_eq!(page("?pageSize=5").await["items"].as_array().unwrap().len(), 5);
    bench.set(PROJECT, json!({"ignorePageIndex": true})).await;
    assert_eq!(page("?pageIndex=2").await["items"], first["items"]);
}

#[tokio::test]
async fn dialects_change_what_is_shown_and_taken() {
    let bench = Bench::new().await;
    let token = bench.contensis_token().await;
    let made = create(&bench, &token, &subscription()).await;
    let path = format!("/{}", made["id"].as_str().unwrap());
    let show = async || Seen::of(bench.contensis(Method::GET, &token, &path)).await.expect(200);
    bench.set(PROJECT, json!({"localised": true})).await;
    assert_eq!(show().await["name"], json!({"en-GB": "search-index"}));
    let plain = Seen::of(bench.contensis(Method::POST, &token, "").json(&subscription())).await;
    assert_eq!(fields(&plain.expect(422)), ["name"]);
    bench
        .set(PROJECT, json!({"localised": false, "shuffle": true, "lowercase": true, "camelHeaders": true}))
        .await;
    let shown = show().await;
    assert_eq!(shown["topics"][0]["event"], json!(["deleted", "published"]));
    assert_eq!(shown["topics"][0]["language"], json!(["en-gb"]));
    assert_eq!(shown["headers"]["x-Env"]["value"], "prod");
    bench.set(PROJECT, json!({"scalarTopics": true})).await;
    let topic = &show().await["topics"][0];
    assert_eq!((&topic["event"], &topic["language"]), (&json!(["deleted", "published"]), &json!("en-gb")));
    let mut body = subscription();
    body["topics"] = json!([{"resourceType": "entry", "event": "created"}]);
    assert_eq!(create(&bench, &token, &body).await["topics"], body["topics"]);
    bench.set(PROJECT, json!({"secretMask": "absent"})).await;
    assert_eq!(show().await["headers"]["x-Key"], json!({"secret": true}));
    bench.set(PROJECT, json!({"visibilityDelayMillis": 10_000})).await;
    Seen::of(bench.contensis(Method::GET, &token, &path)).await.expect(404);
    bench.control(Method::POST, "/clock", json!({"advanceMillis": 10_000})).await;
    show().await;
}

#[tokio::test]
async fn a_vendor_may_store_another_spelling() {
    let bench = Bench::new().await;
    let token = bench.contensis_token().await;
    bench.set(PROJECT, json!({"lowercaseHost": true})).await;
    let mut sent = subscription();
    sent["url"] = json!("https://Hooks.Example.net/C7s/{{resource.sys.id}}");
    let made = create(&bench, &token, &sent).await;
    assert_eq!(made["url"], "https://hooks.example.net/C7s/{{resource.sys.id}}");
}
