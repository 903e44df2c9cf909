//! Every kind of credentials of every vendor; each Secret key holds a unique value.

use serde_json::{Value, json};

use crate::scene::{BODY, secret, webhook};
use crate::vendors::{self, Tenant, Vendor};

/// The kinds of credentials, by the names that manifests have for them.
pub(super) const KINDS: [(&str, Vendor); 10] = [
    ("staffToken", Vendor::Brightpearl),
    ("accountToken", Vendor::Brightpearl),
    ("oauth", Vendor::Brightpearl),
    ("clientCredentials", Vendor::Contensis),
    ("classic", Vendor::Contensis),
    ("systemUser", Vendor::Superoffice),
    ("refreshToken", Vendor::Superoffice),
    ("basic", Vendor::Superoffice),
    ("ticket", Vendor::Superoffice),
    ("bearer", Vendor::Superoffice),
];

/// One account with one kind of credentials, and its objects.
pub(super) struct Account {
    pub(super) kind: &'static str,
    /// The name of the account and of its Secret.
    pub(super) name: String,
    pub(super) tenant: Tenant,
    /// Content of the Secret with its credentials.
    pub(super) login: Vec<(&'static str, String)>,
    /// Content of its Webhooks' Secret.
    pub(super) hook: Vec<(&'static str, String)>,
    credentials: Value,
    online: bool,
}

/// A unique value whose encodings in JSON, in URLs and in base64's two alphabets differ from it.
fn canary(kind: &str, key: &str) -> String {
    format!("cnry+{kind}/{key}?>=~{:08x}", rand::random::<u32>())
}

impl Account {
    pub(super) fn open(kind: &'static str, vendor: Vendor) -> Self {
        let tenant = Tenant::open(vendor);
        let name = kind.to_lowercase();
        let c = |key: &str| canary(kind, key);
        let at = |key: &str| json!({"name": name, "key": key});
        let one = c("one");
        let two = c("two");
        let (login, accepted, refs) = match kind {
            "staffToken" | "accountToken" => (
                vec![("token", one.clone())],
                json!({format!("{kind}s"): {"ops": one}}),
                json!({"appRef": "ops", "tokenSecretRef": at("token")}),
            ),
            "oauth" => {
                let client = c("client");
                (
                    vec![
                        ("access_token", one.clone()),
                        ("refresh_token", two.clone()),
                        ("client_secret", client.clone()),
                    ],
                    json!({"oauth": [{"appRef": "app", "devRef": "dev", "clientSecret": client, "accessToken": one, "refreshToken": two}]}),
                    json!({"appRef": "app", "devRef": "dev", "tokenSecretRef": {"name": name}}),
                )
            }
            "clientCredentials" => (
                vec![("id", one.clone()), ("secret", two.clone())],
                json!({"apiKeys": [{"clientId": one, "clientSecret": two}]}),
                json!({"clientIdSecretRef": at("id"), "clientSecretSecretRef": at("secret")}),
            ),
            "classic" => (
                vec![("username", one.clone()), ("password", two.clone())],
                json!({"users": [{"username": one, "password": two}]}),
                json!({"usernameSecretRef": at("username"), "passwordSecretRef": at("password")}),
            ),
            "basic" => (
                vec![("username", one.clone()), ("password", two.clone())],
                json!({"users": {one: two}}),
                json!({"usernameSecretRef": at("username"), "passwordSecretRef": at("password")}),
            ),
            "systemUser" => {
                let app = json!({"apps": [{"clientId": "app", "clientSecret": one, "systemUserToken": two}]});
                (
                    vec![("client", one), ("token", two), ("key", String::new())],
                    app,
                    json!({"clientSecretSecretRef": at("client"), "systemUserTokenSecretRef": at("token"), "privateKeySecretRef": at("key")}),
                )
            }
            "refreshToken" => (
                vec![("client", one.clone()), ("refresh", two.clone())],
                json!({"apps": [{"clientId": "app", "clientSecret": one, "refreshTokens": [two]}]}),
                json!({"clientId": "app", "clientSecretSecretRef": at("client"), "refreshTokenSecretRef": at("refresh")}),
            ),
            "ticket" => (
                vec![("ticket", one.clone()), ("app", two.clone())],
                json!({"tickets": [one], "appTokens": [two]}),
                json!({"ticketSecretRef": at("ticket"), "appTokenSecretRef": at("app")}),
            ),
            "bearer" => (
                vec![("token", one.clone())],
                json!({"bearers": [one]}),
                json!({"tokenSecretRef": at("token")}),
            ),
            other => panic!("{other}"),
        };
        let made = tenant.put(&accepted);
        let mut login = login;
        if let Some((_, key)) = login.iter_mut().find(|(name, _)| *name == "key") {
            made["apps"][0]["privateKeyPem"].as_str().unwrap().clone_into(key);
        }
        let online = matches!(kind, "systemUser" | "refreshToken" | "ticket");
        let hook = vec![("url", c("url")), ("header", c("header")), ("body", c("body"))];
        Self { kind, name, tenant, login, hook, credentials: json!({kind: refs}), online }
    }

    pub(super) fn hook_secret(&self) -> String {
        format!("{}-hook", self.name)
    }

    /// The two Secrets and the account.
    pub(super) fn objects(&self) -> Vec<Value> {
        let values = |all: &[(&str, String)]| {
            json!(all.iter().map(|(k, v)| (*k, v)).collect::<std::collections::BTreeMap<_, _>>())
        };
        let mut vendor = self.tenant.spec(&self.name);
        let place = &mut vendor[self.tenant.vendor.as_str()];
        place["credentials"] = self.credentials.clone();
        if self.online {
            place.as_object_mut().unwrap().remove("onsite");
            let [_, _, central] = vendors::endpoints();
            place["online"] = json!({"customerId": self.tenant.code, "url": central});
        }
        vec![
            secret(&self.name, &values(&self.login)),
            secret(&self.hook_secret(), &values(&self.hook)),
            json!({
                "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount", "metadata": {"name": self.name},
                "spec": {"resyncInterval": "1h", "vendor": vendor},
            }),
        ]
    }

    /// A Webhook with a secret in its address, in a header or as its signing key, and in its body.
    pub(super) fn webhook(&self, what: &str) -> Value {
        let name = format!("{}-{what}", self.name);
        let vendor = self.tenant.vendor;
        let mut hook = webhook(&name, vendor);
        hook["spec"]["accountRef"]["name"] = json!(self.name);
        let declared = &mut hook["spec"]["subscription"][vendor.as_str()];
        let url = json!(format!("https://hooks.example.com/{name}?token=$(URL)"));
        match vendor {
            Vendor::Brightpearl => {
                declared["uriTemplate"] = url;
                declared["bodyTemplate"] = json!(BODY.replacen('{', r#"{"k":"$(BODY)","h":"$(HEADER)","#, 1));
            }
            Vendor::Contensis => {
                declared["url"] = url;
                declared["headers"]["X-Key"]["value"] = json!("$(HEADER)");
                declared["templates"] = json!({"entry.article": r#"{"k":"$(BODY)"}"#});
            }
            Vendor::Superoffice => {
                declared["targetUrl"] = url;
                declared["secret"] = json!("$(HEADER)");
                declared["headers"]["X-Key"] = json!("$(BODY)");
            }
        }
        let variable = |name: &str| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": self.hook_secret(), "key": name.to_lowercase()}}});
        hook["spec"]["variables"] = json!(["URL", "HEADER", "BODY"].map(variable));
        hook
    }

    /// The vendor's own refusal, with a text that it repeats.
    pub(super) fn refusal(&self, said: &str) -> Value {
        match self.tenant.vendor {
            Vendor::Brightpearl => json!({"errors": [{"code": "CMNC-1", "message": said}]}),
            Vendor::Contensis => json!({
                "logId": "00000000-0000-0000-0000-000000000000", "message": said, "type": "Validation",
                "data": [{"field": "headers", "message": said}],
            }),
            Vendor::Superoffice => {
                json!({"Error": true, "ErrorType": "SoException", "ErrorMessage": said, "ErrorSource": ""})
            }
        }
    }
}
