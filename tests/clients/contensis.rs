//! npm `contensis-management-api` and `contensis-management` of the Python index. Neither has webhook operations.

use crate::{npm, pip};
use hooktender_sandbox::{Options, Sandbox};
use serde_json::{Value, json};

/// A sandbox whose built-in project has these logins.
async fn sandbox(logins: &Value) -> Sandbox {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let project = format!("{}/contensis/movies", sandbox.control_url());
    let answer = reqwest::Client::new().put(project).json(logins).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    sandbox
}

#[tokio::test]
async fn javascript_manages_webhooks() {
    let key = json!({
        "clientId": "00000000-0000-4000-8000-000000000001", "clientSecret": "example-client-secret",
        "actions": ["view", "create", "update"],
    });
    let sandbox = sandbox(&json!({"apiKeys": [key]})).await;
    npm::run("contensis-management-api", &[sandbox.contensis_url()]).await;
}

#[tokio::test]
async fn python_reads_the_project_and_permissions() {
    let user = json!({
        "username": "t.durden", "password": "example-password", "actions": ["view", "create", "update"],
    });
    let sandbox = sandbox(&json!({"users": [user]})).await;
    pip::run("contensis-management", &[sandbox.contensis_url()]).await;
}
