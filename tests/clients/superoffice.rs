//! npm `@superoffice/webapi`, which speaks to the Agents endpoints.

use crate::npm;
use hooktender_sandbox::{Options, Sandbox};
use serde_json::{Value, json};

async fn control(sandbox: &Sandbox, method: reqwest::Method, path: &str, body: &Value) {
    let url = format!("{}/superoffice/superoffice/{path}", sandbox.control_url());
    let answer = reqwest::Client::new().request(method, url).json(body).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
}

#[tokio::test]
async fn manages_webhooks() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    control(&sandbox, reqwest::Method::PATCH, "settings", &json!({"version": "12.0"})).await;
    let refuses = json!({"url": "https://refuses.example.com/", "verdict": "refuse"});
    control(&sandbox, reqwest::Method::PUT, "targets", &refuses).await;
    let other = json!({"Name": "other", "Events": ["sale.sold"], "LastError": "410 Gone"});
    control(&sandbox, reqwest::Method::POST, "subscriptions", &other).await;
    npm::run("superoffice-webapi", &[&sandbox.superoffice_url()]).await;
}
