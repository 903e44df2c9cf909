//! Login at Contensis: a bearer token from the CMS' own token endpoint (vendors/contensis.md 5).

use super::wire;
use crate::api::contensis::{Classic, ClientCredentials, ContensisAccount, ContensisCredentials};
use crate::vendor::auth::{SecretRefs, list_keys};
use crate::vendor::session::{Headers, Session, Token, TokenSource};
use crate::vendor::transport::{Body, Call, Operation, Transport};
use crate::vendor::{Class, ConnectError, Credentials, Endpoint, VendorError};
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// Every scope that the vendor's own clients request. None is documented for webhooks.
const SCOPES: &str = "Security_Administrator ContentType_Read ContentType_Write ContentType_Delete Entry_Read \
                      Entry_Write Entry_Delete Project_Read Project_Write Project_Delete Workflow_Administrator";

/// A grant of the token endpoint.
pub(super) struct Grant {
    endpoint: Endpoint,
    kind: Kind,
    /// The Secrets of the credentials, for messages.
    from: String,
}

enum Kind {
    ClientCredentials { id: SecretString, secret: SecretString },
    Classic { username: SecretString, password: SecretString },
}

/// Returns what logs in and has the role with the rights, for messages.
pub(super) fn login(kind: &ContensisCredentials) -> &'static str {
    match kind {
        ContensisCredentials::ClientCredentials(_) => "API key",
        ContensisCredentials::Classic(_) => "user",
    }
}

/// Returns the Secret references of an account.
pub(in crate::vendor) fn secret_refs(account: &ContensisAccount) -> SecretRefs {
    let ContensisAccount { url: _, alias: _, project: _, name_language: _, credentials } = account;
    match credentials {
        ContensisCredentials::ClientCredentials(key) => {
            let ClientCredentials { client_id_secret_ref, client_secret_secret_ref } = key;
            SecretRefs::required([client_id_secret_ref, client_secret_secret_ref])
        }
        ContensisCredentials::Classic(user) => {
            let Classic { username_secret_ref, password_secret_ref } = user;
            SecretRefs::required([username_secret_ref, password_secret_ref])
        }
    }
}

/// Returns a session with the account's credentials, and the Secrets of those, for messages.
pub(super) fn session(
    kind: &ContensisCredentials,
    credentials: &Credentials,
    endpoint: Endpoint,
) -> Result<(Session<Grant>, String), ConnectError> {
    let (kind, from) = match kind {
        ContensisCredentials::ClientCredentials(key) => {
            let (id, secret) = (&key.client_id_secret_ref, &key.client_secret_secret_ref);
            let kind = Kind::ClientCredentials {
                id: credentials.trimmed(id)?,
                secret: credentials.trimmed(secret)?,
            };
            (kind, list_keys(&[id, secret]))
        }
        ContensisCredentials::Classic(user) => {
            let (name, password) = (&user.username_secret_ref, &user.password_secret_ref);
            let kind = Kind::Classic {
                username: credentials.trimmed(name)?,
                password: credentials.exact(password)?,
            };
            (kind, list_keys(&[name, password]))
        }
    };
    Ok((Session::refreshed(Grant { endpoint, kind, from: from.clone() }, None), from))
}

impl TokenSource for Grant {
    async fn fetch(&self, transport: &Transport) -> Result<Token, VendorError> {
        let url = self.endpoint.join(["authenticate", "connect", "token"]);
        let mut call = Call::new(Operation::Token, Method::POST, url);
        let mut form = vec![("scope", SecretString::from(SCOPES))];
        let whose = match &self.kind {
            Kind::ClientCredentials { id, secret } => {
                form.extend([
                    ("grant_type", "client_credentials".into()),
                    ("client_id", id.clone()),
                    ("client_secret", secret.clone()),
                ]);
                "the API key"
            }
            Kind::Classic { username, password } => {
                form.extend([
                    ("grant_type", "contensis_classic".into()),
                    ("username", username.clone()),
                    ("password", password.clone()),
                ]);
                "the user"
            }
        };
        call.body = Body::Form(form);
        let answer = transport.send(call).await?;
        if answer.refuses_login() {
            let detail: Option<wire::TokenError> =
                answer.any_json().and_then(|json| serde_json::from_value(json).ok());
            let code = detail.map_or_else(|| "no reason given".into(), |detail| detail.error);
            let message = format!(
                "the token endpoint refused {whose} ({code}); check {}, and that {whose} is still enabled",
                self.from
            );
            return Err(answer.error(Class::Credentials, message));
        }
        if !answer.status.is_success() {
            return Err(answer.status_error(None));
        }
        let token: wire::Token = answer.json()?;
        Ok(Token::expiring(token.access_token, Duration::from_secs(token.expires_in)))
    }

    fn headers(&self, token: &SecretString) -> Headers {
        vec![(AUTHORIZATION, format!("Bearer {}", token.expose_secret()).into())]
    }
}
