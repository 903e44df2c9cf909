//! Login at SuperOffice (vendors/superoffice.md 3): fixed headers, a system user's ticket, or a person's access token.

use super::system_user::{Central, SystemUser};
use super::wire;
use crate::api::SecretKeyRef;
use crate::api::superoffice::{
    self as api, Basic, Bearer, RefreshToken, SuperofficeAccount, SuperofficeCredentials, Ticket,
};
use crate::vendor::auth::{SecretRefs, list_keys};
use crate::vendor::session::{Headers, Session, Token, TokenSource};
use crate::vendor::transport::{Answer, Body, Call, Operation, Transport};
use crate::vendor::{Class, ConnectError, Credentials, Endpoint, VendorError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use zeroize::Zeroizing;

const APP_TOKEN: HeaderName = HeaderName::from_static("so-apptoken");

/// What else an app online needs, and the risk of adding it (3.4).
const WEBHOOK_AGENT: &str = "and that the app has the Webhook agent (a new app has it; adding it to an app in use locks its users out until the tenant's administrator approves the app again)";

/// A token source.
pub(super) enum Grant {
    SystemUser(SystemUser),
    Consent(Consent),
}

/// A person's consent (3.2). Its refresh token does not change.
pub(super) struct Consent {
    central: Endpoint,
    client_id: String,
    client_secret: SecretString,
    token: SecretString,
    /// The Secrets of the credentials, for messages.
    from: String,
}

/// Returns the Secret references of an account.
pub(in crate::vendor) fn secret_refs(account: &SuperofficeAccount) -> SecretRefs {
    let SuperofficeAccount { online: _, onsite: _, credentials } = account;
    match credentials {
        SuperofficeCredentials::SystemUser(user) => {
            let api::SystemUser {
                client_secret_secret_ref,
                system_user_token_secret_ref,
                private_key_secret_ref,
            } = user;
            SecretRefs::required([
                client_secret_secret_ref,
                system_user_token_secret_ref,
                private_key_secret_ref,
            ])
        }
        SuperofficeCredentials::RefreshToken(token) => {
            let RefreshToken { client_id: _, client_secret_secret_ref, refresh_token_secret_ref } = token;
            SecretRefs::required([client_secret_secret_ref, refresh_token_secret_ref])
        }
        SuperofficeCredentials::Basic(user) => {
            let Basic { username_secret_ref, password_secret_ref } = user;
            SecretRefs::required([username_secret_ref, password_secret_ref])
        }
        SuperofficeCredentials::Ticket(ticket) => {
            let Ticket { ticket_secret_ref, app_token_secret_ref } = ticket;
            SecretRefs::required([ticket_secret_ref].into_iter().chain(app_token_secret_ref))
        }
        SuperofficeCredentials::Bearer(bearer) => {
            let Bearer { token_secret_ref } = bearer;
            SecretRefs::required([token_secret_ref])
        }
    }
}

/// Returns a session with the account's credentials, and advice for the message if they are refused. A tenant in the cloud has
/// `central`.
pub(super) fn session(
    kind: &SuperofficeCredentials,
    credentials: &Credentials,
    central: Option<Central<'_>>,
) -> Result<Login, ConnectError> {
    // The CRD allows these two kinds with `online` only.
    let online = || {
        central.ok_or_else(|| ConnectError::Client("this kind of credentials works only with online".into()))
    };
    match kind {
        SuperofficeCredentials::Basic(user) => basic(user, credentials),
        SuperofficeCredentials::Bearer(bearer) => {
            let at = &bearer.token_secret_ref;
            Ok(fixed(bearer_of(&credentials.for_header(at)?), &[at]))
        }
        SuperofficeCredentials::Ticket(ticket) => fixed_ticket(ticket, credentials),
        SuperofficeCredentials::SystemUser(user) => system_user(user, credentials, online()?),
        SuperofficeCredentials::RefreshToken(token) => consent(token, credentials, online()?),
    }
}

/// A session, and advice for the message if its credentials are refused.
type Login = (Session<Grant>, String);

fn fixed(headers: Headers, keys: &[&SecretKeyRef]) -> Login {
    (Session::Fixed(headers), format!("check {}", list_keys(keys)))
}

fn basic(user: &Basic, credentials: &Credentials) -> Result<Login, ConnectError> {
    let (name, password) = (&user.username_secret_ref, &user.password_secret_ref);
    let (user, pass) = (credentials.trimmed(name)?, credentials.exact(password)?);
    let pair = Zeroizing::new(format!("{}:{}", user.expose_secret(), pass.expose_secret()));
    let pair = SecretString::from(STANDARD.encode(&*pair));
    let header = (AUTHORIZATION, format!("Basic {}", pair.expose_secret()).into());
    Ok(fixed(vec![header], &[name, password]))
}

fn fixed_ticket(ticket: &Ticket, credentials: &Credentials) -> Result<Login, ConnectError> {
    let mut keys = vec![&ticket.ticket_secret_ref];
    keys.extend(&ticket.app_token_secret_ref);
    let app_token = ticket.app_token_secret_ref.as_ref().map(|at| credentials.for_header(at)).transpose()?;
    Ok(fixed(ticket_of(&credentials.for_header(&ticket.ticket_secret_ref)?, app_token), &keys))
}

fn system_user(
    user: &api::SystemUser,
    credentials: &Credentials,
    central: Central<'_>,
) -> Result<Login, ConnectError> {
    let login = SystemUser::new(user, credentials, central)?;
    let api::SystemUser { client_secret_secret_ref, system_user_token_secret_ref, private_key_secret_ref } =
        user;
    let from = list_keys(&[client_secret_secret_ref, system_user_token_secret_ref, private_key_secret_ref]);
    let advice = format!("check {from}, {WEBHOOK_AGENT}");
    Ok((Session::refreshed(Grant::SystemUser(login), None), advice))
}

fn consent(
    consent: &RefreshToken,
    credentials: &Credentials,
    central: Central<'_>,
) -> Result<Login, ConnectError> {
    let (secret, token) = (&consent.client_secret_secret_ref, &consent.refresh_token_secret_ref);
    let from = list_keys(&[secret, token]);
    let grant = Consent {
        central: central.endpoint.clone(),
        client_id: consent.client_id.clone(),
        client_secret: credentials.trimmed(secret)?,
        token: credentials.trimmed(token)?,
        from: from.clone(),
    };
    let advice = format!("check the rights of the person who gave consent ({from}), {WEBHOOK_AGENT}");
    Ok((Session::refreshed(Grant::Consent(grant), None), advice))
}

fn bearer_of(token: &SecretString) -> Headers {
    vec![(AUTHORIZATION, format!("Bearer {}", token.expose_secret()).into())]
}

/// Returns the headers of a ticket, which is base64 already.
fn ticket_of(ticket: &SecretString, app_token: Option<SecretString>) -> Headers {
    let mut headers = vec![(AUTHORIZATION, format!("SOTicket {}", ticket.expose_secret()).into())];
    headers.extend(app_token.map(|token| (APP_TOKEN, token)));
    headers
}

impl TokenSource for Grant {
    async fn fetch(&self, transport: &Transport) -> Result<Token, VendorError> {
        match self {
            Self::SystemUser(user) => user.ticket(transport).await,
            Self::Consent(consent) => consent.access(transport).await,
        }
    }

    fn headers(&self, token: &SecretString) -> Headers {
        match self {
            Self::SystemUser(user) => ticket_of(token, Some(user.client_secret().clone())),
            Self::Consent(_) => bearer_of(token),
        }
    }

    /// An expired token may give a 403 (3.2).
    fn rejects_token(&self, answer: &Answer) -> bool {
        matches!(answer.status.as_u16(), 401 | 403)
    }
}

impl Consent {
    async fn access(&self, transport: &Transport) -> Result<Token, VendorError> {
        let url = self.central.join(["login", "common", "oauth", "tokens"]);
        let mut call = Call::new(Operation::Token, Method::POST, url);
        // A form, so that no secret is in the address (3.2).
        call.body = Body::Form(vec![
            ("grant_type", "refresh_token".into()),
            ("client_id", self.client_id.as_str().into()),
            ("client_secret", self.client_secret.clone()),
            ("refresh_token", self.token.clone()),
        ]);
        let answer = transport.send(call).await?;
        if answer.refuses_login() {
            let detail: Option<wire::TokenError> =
                answer.any_json().and_then(|json| serde_json::from_value(json).ok());
            let code = detail.map_or_else(|| "no reason given".into(), |detail| detail.error);
            let message = format!(
                "the token endpoint refused the refresh token ({code}); check clientId and {}, and whether the consent was revoked",
                self.from
            );
            return Err(answer.error(Class::Credentials, message));
        }
        if !answer.status.is_success() {
            return Err(answer.status_error(None));
        }
        let token: wire::AccessToken = answer.json()?;
        Ok(Token::expiring(token.access_token, Duration::from_secs(token.expires_in)))
    }
}
