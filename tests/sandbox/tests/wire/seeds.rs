//! The vendors' own example documents: their requests are accepted, and their answers are returned.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, Seen};

fn seed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

macro_rules! seed {
    ($name:literal) => {
        seed(include_str!(concat!("../../fixtures/seeds/", $name, ".json")))
    };
}

#[tokio::test]
async fn brightpearl_post_is_answered_with_the_bare_id() {
    let bench = Bench::new().await;
    bench.set("brightpearl/acme", json!({"nextId": 7})).await;
    let request = seed!("brightpearl-post-request");
    let seen = Seen::of(bench.brightpearl(Method::POST, "").json(&request)).await;
    assert_eq!(seen.expect(200), seed!("brightpearl-post-response"));
    let mut stored = request;
    stored["id"] = 7.into();
    assert_eq!(bench.look("/brightpearl/acme/subscriptions").await, json!([stored]));
}

#[tokio::test]
async fn brightpearl_get_shows_what_is_there() {
    for (path, wanted) in [("", seed!("brightpearl-get-all")), ("/2,4", seed!("brightpearl-get-set"))] {
        let bench = Bench::new().await;
        for webhook in wanted["response"].as_array().unwrap() {
            bench.control(Method::POST, "/brightpearl/acme/subscriptions", webhook.clone()).await;
        }
        let seen = Seen::of(bench.brightpearl(Method::GET, path)).await;
        assert_eq!(seen.expect(200), wanted, "{path}");
    }
}

#[tokio::test]
async fn contensis_create_echoes_the_resource_with_id_and_version() {
    let bench = Bench::new().await;
    let mut wanted = seed!("contensis-create-response");
    bench
        .set(
            "contensis/movies",
            json!({
                "localised": true,
                "secretMask": "absent",
                "modifiedOnCreate": true,
                "nextIds": [wanted["id"]],
            }),
        )
        .await;
    let token = bench.contensis_token().await;
    let request = seed!("contensis-create-request");
    let seen = Seen::of(bench.contensis(Method::POST, &token, "/").json(&request)).await;
    let mut got = seen.expect(201);
    // The page's own remarks: a secret is never returned, and a header without a value is not returned at all.
    wanted["headers"]["secretHeaderSet"] = json!({"secret": true});
    wanted["headers"].as_object_mut().unwrap().remove("secretHeaderGet");
    let version = got["version"].as_object().unwrap().clone();
    assert_eq!(
        version.keys().collect::<Vec<_>>(),
        wanted["version"].as_object().unwrap().keys().collect::<Vec<_>>()
    );
    assert_eq!(version["versionNo"], "1.0");
    got["version"] = Value::Null;
    wanted["version"] = Value::Null;
    assert_eq!(got, wanted);
}

#[tokio::test]
async fn superoffice_post_answers_with_the_members_of_the_page() {
    let bench = Bench::new().await;
    let (request, wanted) = (seed!("superoffice-post-request"), seed!("superoffice-post-response"));
    let seen = Seen::of(bench.superoffice(Method::POST, "").json(&request)).await;
    let got = seen.expect(200);
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&got),
        names(&wanted),
        "the members (left) are not those of the vendor's page (right): give a member that the page lacks the version that added it, in WRITABLE of tests/sandbox/src/superoffice/entity.rs"
    );
    assert_eq!(names(&got["_Links"]), names(&wanted["_Links"]));
    for name in
        ["Name", "Events", "TargetUrl", "Secret", "State", "Type", "Headers", "Properties", "ErrorsEmail"]
    {
        assert_eq!(got[name], request[name], "{name}");
    }
    assert_ne!(got["WebhookId"], request["WebhookId"], "the server gives the id");
}

#[tokio::test]
async fn superoffice_get_shows_the_document_of_the_page() {
    let bench = Bench::new().await;
    let wanted = seed!("superoffice-post-response");
    bench.control(Method::POST, "/superoffice/superoffice/subscriptions", wanted.clone()).await;
    let mut got = Seen::of(bench.superoffice(Method::GET, "/421")).await.expect(200);
    got["_Links"] = wanted["_Links"].clone();
    assert_eq!(got, wanted);
}
