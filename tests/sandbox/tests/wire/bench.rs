//! A sandbox for each test, and helpers to call it.

use hooktender_sandbox::{Options, Sandbox};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a test waits at most; as `hooktender_cluster::WAIT_LIMIT`.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(300);

/// A running sandbox and a client for it.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
}

/// An answer taken off the wire.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Seen {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        Self::from(request.send().await.unwrap()).await
    }

    async fn from(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {:?}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    /// The JSON body, once the status is the expected one.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self { sandbox: Sandbox::start(Options::default()).await.unwrap(), client: Client::new() }
    }

    /// A control request that must succeed.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let seen = self.control_raw(method, path, body).await;
        assert!((200..300).contains(&seen.status), "{path}: {}", seen.text);
        if seen.text.is_empty() { Value::Null } else { seen.json() }
    }

    pub(crate) async fn control_raw(&self, method: Method, path: &str, body: Value) -> Seen {
        let mut request = self.client.request(method, format!("{}{path}", self.sandbox.control_url()));
        if !body.is_null() {
            request = request.json(&body);
        }
        Seen::of(request).await
    }

    pub(crate) async fn look(&self, path: &str) -> Value {
        self.control(Method::GET, path, Value::Null).await
    }

    pub(crate) async fn set(&self, account: &str, settings: Value) {
        self.control(Method::PATCH, &format!("/{account}/settings"), settings).await;
    }

    pub(crate) async fn fault(&self, account: &str, fault: Value) {
        self.control(Method::POST, &format!("/{account}/faults"), fault).await;
    }

    /// A Brightpearl request of the built-in app; `rest` follows `/webhook`.
    pub(crate) fn brightpearl(&self, method: Method, rest: &str) -> RequestBuilder {
        let base = self.sandbox.brightpearl_url();
        self.client
            .request(method, format!("{base}/public-api/acme/integration-service/webhook{rest}"))
            .header("brightpearl-app-ref", "acme_ops")
            .header("brightpearl-staff-token", "example-staff-token")
    }

    pub(crate) async fn contensis_token(&self) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "00000000-0000-4000-8000-000000000001"),
            ("client_secret", "example-client-secret"),
            ("scope", "Project_Read Entry_Read"),
        ];
        let token = self.token(&form).await.expect(200);
        token["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Seen {
        let url = format!("{}/authenticate/connect/token", self.sandbox.contensis_url());
        Seen::of(self.client.post(url).form(form)).await
    }

    /// A Contensis request; `rest` follows `/subscriptions`.
    pub(crate) fn contensis(&self, method: Method, token: &str, rest: &str) -> RequestBuilder {
        let base = self.sandbox.contensis_url();
        let url = format!("{base}/api/management/projects/movies/events/webhooks/subscriptions{rest}");
        self.client.request(method, url).bearer_auth(token)
    }

    /// A SuperOffice request of the built-in user; `rest` follows `/Webhook`.
    pub(crate) fn superoffice(&self, method: Method, rest: &str) -> RequestBuilder {
        let url = format!("{}/api/v1/Webhook{rest}", self.sandbox.superoffice_url());
        self.client.request(method, url).basic_auth("ops", Some("example-password"))
    }
}

/// A Brightpearl webhook that the service accepts.
pub(crate) fn webhook() -> Value {
    json!({
        "subscribeTo": "product",
        "httpMethod": "POST",
        "uriTemplate": "https://hooks.example.com/bp?key=1",
        "bodyTemplate": "${account-code} ${resource-type} ${resource-id} ${lifecycle-event}",
        "contentType": "text/plain",
    })
}

/// A Contensis subscription that the server accepts.
pub(crate) fn subscription() -> Value {
    json!({
        "name": "search-index",
        "url": "https://hooks.example.net/c7s/{{resource.sys.id}}",
        "enabled": true,
        "topics": [{"resourceType": "entry", "event": ["published", "deleted"], "language": ["en-GB"]}],
        "headers": {"X-Key": {"value": "s3cret", "secret": true}, "X-Env": {"value": "prod"}, "X-Empty": {"value": ""}},
    })
}

/// A SuperOffice hook that the server accepts.
pub(crate) fn hook() -> Value {
    json!({
        "Name": "contact-sync",
        "Events": ["contact.created", "sale.changed"],
        "TargetUrl": "https://hooks.example.com/so",
        "Secret": "k1",
        "State": "Active",
        "Type": "webhook",
        "Headers": {"X-Env": "prod"},
    })
}
