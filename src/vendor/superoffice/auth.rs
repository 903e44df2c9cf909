//! How to log in at SuperOffice (vendors/superoffice.md 3): the static kinds, whose headers never change.

use crate::api::superoffice::SuperofficeCredentials;
use crate::vendor::{ConnectError, Credentials};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderName};
use secrecy::{ExposeSecret, SecretString};

const APP_TOKEN: HeaderName = HeaderName::from_static("so-apptoken");

/// The headers of every request.
pub(super) struct Login {
    headers: Vec<(HeaderName, SecretString)>,
}

impl Login {
    pub(super) fn new(
        kind: &SuperofficeCredentials,
        credentials: &Credentials,
    ) -> Result<Self, ConnectError> {
        let headers = match kind {
            SuperofficeCredentials::Basic(user) => {
                let name = credentials.trimmed(&user.username_secret_ref)?;
                let password = credentials.exact(&user.password_secret_ref)?;
                let pair = format!("{}:{}", name.expose_secret(), password.expose_secret());
                vec![(AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)).into())]
            }
            SuperofficeCredentials::Bearer(bearer) => {
                let token = credentials.trimmed(&bearer.token_secret_ref)?;
                vec![(AUTHORIZATION, format!("Bearer {}", token.expose_secret()).into())]
            }
            SuperofficeCredentials::Ticket(ticket) => {
                // A ticket is base64 already and goes as it is.
                let value = credentials.trimmed(&ticket.ticket_secret_ref)?;
                let mut headers = vec![(AUTHORIZATION, format!("SOTicket {}", value.expose_secret()).into())];
                if let Some(at) = &ticket.app_token_secret_ref {
                    headers.push((APP_TOKEN, credentials.trimmed(at)?));
                }
                headers
            }
            SuperofficeCredentials::SystemUser(_) => {
                return Err(ConnectError::Unsupported { kind: "systemUser", instead: "basic or bearer" });
            }
            SuperofficeCredentials::RefreshToken(_) => {
                return Err(ConnectError::Unsupported { kind: "refreshToken", instead: "basic or bearer" });
            }
        };
        Ok(Self { headers })
    }

    pub(super) fn headers(&self) -> Vec<(HeaderName, SecretString)> {
        self.headers.clone()
    }
}
