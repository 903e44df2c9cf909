//! How to log in at Brightpearl (vendors/brightpearl.md 6.1).

use crate::api::brightpearl::BrightpearlCredentials;
use crate::vendor::{ConnectError, Credentials};
use reqwest::header::HeaderName;
use secrecy::SecretString;

const APP_REF: HeaderName = HeaderName::from_static("brightpearl-app-ref");
const STAFF_TOKEN: HeaderName = HeaderName::from_static("brightpearl-staff-token");
const ACCOUNT_TOKEN: HeaderName = HeaderName::from_static("brightpearl-account-token");

/// The headers of a private app.
pub(super) struct Login {
    app_ref: String,
    token_header: HeaderName,
    token: SecretString,
}

impl Login {
    pub(super) fn new(
        kind: &BrightpearlCredentials,
        credentials: &Credentials,
    ) -> Result<Self, ConnectError> {
        let (app, token_header) = match kind {
            BrightpearlCredentials::StaffToken(app) => (app, STAFF_TOKEN),
            BrightpearlCredentials::AccountToken(app) => (app, ACCOUNT_TOKEN),
            BrightpearlCredentials::Oauth(_) => {
                return Err(ConnectError::Unsupported { kind: "oauth", instead: "staffToken" });
            }
        };
        let token = credentials.trimmed(&app.token_secret_ref)?;
        Ok(Self { app_ref: app.app_ref.clone(), token_header, token })
    }

    pub(super) fn headers(&self) -> Vec<(HeaderName, SecretString)> {
        vec![(APP_REF, self.app_ref.clone().into()), (self.token_header.clone(), self.token.clone())]
    }
}
