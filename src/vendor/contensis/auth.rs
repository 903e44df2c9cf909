//! How to log in at Contensis: a bearer token from the CMS' own token endpoint (vendors/contensis.md 5).

use super::wire;
use crate::api::contensis::ContensisCredentials;
use crate::vendor::token::{Token, TokenCache};
use crate::vendor::transport::{Answer, Body, Call, Operation, Transport};
use crate::vendor::{Class, ConnectError, Credentials, Endpoint, VendorError};
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use std::time::{Duration, Instant};

/// Every scope that the vendor's own clients ask for: none is named for webhooks.
const SCOPES: &str = "Security_Administrator ContentType_Read ContentType_Write ContentType_Delete Entry_Read \
                      Entry_Write Entry_Delete Project_Read Project_Write Project_Delete Workflow_Administrator";

/// A grant, and the token it gave.
pub(super) struct Login {
    grant: Grant,
    cache: TokenCache,
}

enum Grant {
    ClientCredentials { id: SecretString, secret: SecretString },
    Classic { username: SecretString, password: SecretString },
}

impl Login {
    pub(super) fn new(kind: &ContensisCredentials, credentials: &Credentials) -> Result<Self, ConnectError> {
        let grant = match kind {
            ContensisCredentials::ClientCredentials(key) => Grant::ClientCredentials {
                id: credentials.trimmed(&key.client_id_secret_ref)?,
                secret: credentials.trimmed(&key.client_secret_secret_ref)?,
            },
            ContensisCredentials::Classic(user) => Grant::Classic {
                username: credentials.trimmed(&user.username_secret_ref)?,
                password: credentials.exact(&user.password_secret_ref)?,
            },
        };
        Ok(Self { grant, cache: TokenCache::default() })
    }

    /// Sends a call with the token. After a 401 the token is renewed once and the call sent once more: the vendor
    /// refused it before it did anything.
    pub(super) async fn send<'a>(
        &self,
        transport: &Transport,
        endpoint: &Endpoint,
        call: impl Fn() -> Call<'a>,
    ) -> Result<Answer, VendorError> {
        let token = self.cache.get(None, || self.renew(transport, endpoint)).await?;
        let answer = transport.send(with(call(), &token)).await?;
        if answer.status.as_u16() != 401 {
            return Ok(answer);
        }
        let token = self.cache.get(Some(&token), || self.renew(transport, endpoint)).await?;
        transport.send(with(call(), &token)).await
    }

    async fn renew(&self, transport: &Transport, endpoint: &Endpoint) -> Result<Token, VendorError> {
        let mut call = Call::new(Operation::Token, Method::POST, endpoint.join("authenticate/connect/token"));
        let mut form = vec![("scope", SecretString::from(SCOPES))];
        match &self.grant {
            Grant::ClientCredentials { id, secret } => form.extend([
                ("grant_type", "client_credentials".into()),
                ("client_id", id.clone()),
                ("client_secret", secret.clone()),
            ]),
            Grant::Classic { username, password } => form.extend([
                ("grant_type", "contensis_classic".into()),
                ("username", username.clone()),
                ("password", password.clone()),
            ]),
        }
        call.body = Body::Form(form);
        let answer = transport.send(call).await?;
        if answer.status.is_client_error() && answer.status.as_u16() != 429 {
            let said: Option<wire::TokenError> =
                answer.any_json().and_then(|json| serde_json::from_value(json).ok());
            let code = said.map_or_else(|| "no reason given".into(), |said| said.error);
            return Err(answer.error(
                Class::Credentials,
                format!("the token endpoint refused the login ({code}); check the Secret"),
            ));
        }
        if !answer.status.is_success() {
            return Err(answer.failed(None));
        }
        let token: wire::Token = answer.json()?;
        Ok(Token {
            value: token.access_token.into(),
            expires: Instant::now() + Duration::from_secs(token.expires_in),
        })
    }
}

fn with<'a>(mut call: Call<'a>, token: &SecretString) -> Call<'a> {
    call.redactor.hide(token, "(redacted)");
    call.headers.push((AUTHORIZATION, format!("Bearer {}", token.expose_secret()).into()));
    call
}
