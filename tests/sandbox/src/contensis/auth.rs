//! API keys, users, and the tokens they get (vendors/contensis.md §5).

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::settings::Settings;
use crate::exchange::{Call, Reply, base64url, random_base64url};

/// The scopes that exist (§5).
const SCOPES: &[&str] = &[
    "openid",
    "offline_access",
    "Security_Administrator",
    "ContentType_Read",
    "ContentType_Write",
    "ContentType_Delete",
    "Entry_Read",
    "Entry_Write",
    "Entry_Delete",
    "Project_Read",
    "Project_Write",
    "Project_Delete",
    "Workflow_Administrator",
];

/// How long a refresh token is valid, as clients of the vendor assume (§5).
const REFRESH_LIFE: SignedDuration = SignedDuration::from_hours(15 * 24);

/// A project as the control API takes it.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Credentials {
    api_keys: Vec<ApiKey>,
    users: Vec<User>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ApiKey {
    client_id: String,
    client_secret: String,
    #[serde(default = "key_name")]
    name: String,
    #[serde(default = "all_actions")]
    actions: Vec<String>,
    #[serde(default = "yes")]
    enabled: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct User {
    username: String,
    password: String,
    #[serde(default = "all_actions")]
    actions: Vec<String>,
}

fn key_name() -> String {
    "ops".to_owned()
}

fn yes() -> bool {
    true
}

fn all_actions() -> Vec<String> {
    ["create", "update", "delete", "view", "useCustomTemplates"].map(str::to_owned).to_vec()
}

/// The owner of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    Key { client_id: String, name: String },
    User { username: String },
}

impl Identity {
    /// The name in version stamps (§3.6).
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Key { name, .. } => name,
            Self::User { username } => username,
        }
    }
}

impl Credentials {
    /// The API key of the built-in project.
    pub(crate) fn usual() -> Self {
        let key = ApiKey {
            client_id: "00000000-0000-4000-8000-000000000001".to_owned(),
            client_secret: "example-client-secret".to_owned(),
            name: key_name(),
            actions: all_actions(),
            enabled: true,
        };
        Self { api_keys: vec![key], users: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.api_keys.is_empty() && self.users.is_empty()
    }

    /// Whether a field of a token request names a key or user of this project.
    pub(crate) fn owns(&self, field: &str, value: &str) -> bool {
        match field {
            "client_id" => self.api_keys.iter().any(|key| key.client_id == value),
            "username" => self.users.iter().any(|user| user.username == value),
            _ => false,
        }
    }

    /// Whether the role allows an action.
    pub(crate) fn allows(&self, who: &Identity, action: &str) -> bool {
        self.actions(who).iter().any(|known| known == action)
    }

    /// The rights of the role; a key or user of another project has no role here.
    pub(crate) fn actions(&self, who: &Identity) -> &[String] {
        let actions = match who {
            Identity::Key { client_id, .. } => {
                self.api_keys.iter().find(|key| key.client_id == *client_id).map(|key| &key.actions)
            }
            Identity::User { username } => {
                self.users.iter().find(|user| user.username == *username).map(|user| &user.actions)
            }
        };
        actions.map_or(&[], Vec::as_slice)
    }

    /// The key or user of that id or name.
    pub(crate) fn identity(&self, id: &str) -> Option<Identity> {
        let key = self.api_keys.iter().find(|key| key.client_id == id || key.name == id);
        let key = key.map(|key| Identity::Key { client_id: key.client_id.clone(), name: key.name.clone() });
        let user = self.users.iter().find(|user| user.username == id);
        key.or_else(|| user.map(|user| Identity::User { username: user.username.clone() }))
    }

    fn key(&self, form: &BTreeMap<String, String>) -> Option<Identity> {
        let key = self.api_keys.iter().find(|key| {
            key.enabled
                && Some(&key.client_id) == form.get("client_id")
                && Some(&key.client_secret) == form.get("client_secret")
        })?;
        Some(Identity::Key { client_id: key.client_id.clone(), name: key.name.clone() })
    }

    fn user(&self, form: &BTreeMap<String, String>) -> Option<Identity> {
        let user = self.users.iter().find(|user| {
            Some(&user.username) == form.get("username") && Some(&user.password) == form.get("password")
        })?;
        Some(Identity::User { username: user.username.clone() })
    }
}

#[derive(Debug, Clone)]
struct Issued {
    project: String,
    who: Identity,
    ends: Timestamp,
}

/// All tokens that were issued.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    access: BTreeMap<String, Issued>,
    refresh: BTreeMap<String, Issued>,
}

impl Tokens {
    /// The owner of a request's token, while the token is valid.
    pub(crate) fn identity(&self, call: &Call, now: Timestamp) -> Option<Identity> {
        let issued = self.access.get(call.authorization("bearer")?)?;
        (issued.ends > now).then(|| issued.who.clone())
    }

    /// The project behind a refresh token.
    pub(crate) fn owner_of_refresh(&self, form: &[(String, String)]) -> Option<String> {
        let (_, token) = form.iter().find(|(name, _)| name == "refresh_token")?;
        self.refresh.get(token).map(|issued| issued.project.clone())
    }

    /// Access tokens only: clients recover with the refresh token.
    pub(crate) fn revoke(&mut self, project: &str) {
        self.access.retain(|_, issued| issued.project != project);
    }

    /// The token endpoint: a form, and one of three grants.
    pub(crate) fn grant(
        &mut self,
        call: &Call,
        project: Option<(&str, &Credentials)>,
        settings: &Settings,
        now: Timestamp,
    ) -> Reply {
        if call.method != Method::POST {
            return Reply::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let form: BTreeMap<String, String> = call.form().into_iter().collect();
        let Some(grant) = form.get("grant_type") else {
            return refused("invalid_request");
        };
        let scope = form.get("scope").map(String::as_str).unwrap_or_default();
        if scope.split_whitespace().any(|one| !SCOPES.contains(&one)) {
            return refused("invalid_scope");
        }
        let (who, refresh) = match grant.as_str() {
            "client_credentials" => match project.and_then(|(_, known)| known.key(&form)) {
                Some(who) => (who, None),
                None => return refused("invalid_client"),
            },
            "contensis_classic" => match project.and_then(|(_, known)| known.user(&form)) {
                Some(who) => (who, Some(random_base64url())),
                None => return refused("IncorrectUsernameorPassword"),
            },
            "contensis_classic_refresh_token" => {
                let token = form.get("refresh_token").cloned().unwrap_or_default();
                match self.refresh.get(&token).filter(|issued| issued.ends > now).cloned() {
                    Some(issued) if settings.rotate_refresh_tokens => {
                        self.refresh.remove(&token);
                        (issued.who, Some(random_base64url()))
                    }
                    Some(issued) => (issued.who, Some(token)),
                    None => return refused("invalid_grant"),
                }
            }
            _ => return refused("unsupported_grant_type"),
        };
        let project = project.map(|(id, _)| id.to_owned()).unwrap_or_default();
        self.issue(project, who, refresh, scope, settings, now)
    }

    fn issue(
        &mut self,
        project: String,
        who: Identity,
        refresh: Option<String>,
        scope: &str,
        settings: &Settings,
        now: Timestamp,
    ) -> Reply {
        let life = SignedDuration::from_secs(settings.token_lifetime_seconds);
        let ends = now.checked_add(life).unwrap_or(Timestamp::MAX);
        let access = jwt(&who, scope, now, ends);
        let mut answer = json!({
            "access_token": access,
            "expires_in": settings.token_lifetime_seconds,
            "token_type": "Bearer",
        });
        let issued = Issued { project, who, ends };
        if let Some(token) = refresh {
            answer["refresh_token"] = token.clone().into();
            let ends = now.checked_add(REFRESH_LIFE).unwrap_or(Timestamp::MAX);
            self.refresh.insert(token, Issued { ends, ..issued.clone() });
        }
        self.access.insert(access, issued);
        Reply::json(StatusCode::OK, &answer)
    }
}

/// Shaped like the vendor's token; the signature is random, as nobody can check it.
fn jwt(who: &Identity, scope: &str, now: Timestamp, ends: Timestamp) -> String {
    let claims = match who {
        Identity::Key { client_id, name } => json!({
            "client_id": client_id, "client_sub": client_id, "client_username": name,
        }),
        Identity::User { username } => json!({"sub": username}),
    };
    let mut claims = claims;
    claims["iss"] = "contensis".into();
    claims["aud"] = "contensis/resources".into();
    claims["nbf"] = now.as_second().into();
    claims["exp"] = ends.as_second().into();
    claims["scope"] = scope.split_whitespace().collect();
    let head = base64url(r#"{"alg":"RS256","typ":"JWT"}"#);
    format!("{head}.{}.{}", base64url(claims.to_string()), random_base64url())
}

fn refused(error: &str) -> Reply {
    Reply::json(StatusCode::BAD_REQUEST, &json!({"error": error}))
}
