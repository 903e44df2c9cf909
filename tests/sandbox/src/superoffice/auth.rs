//! Authentication: Basic, bearer and ticket (vendors/superoffice.md §3).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::online::{App, Sessions};
use super::settings::Settings;
use crate::exchange::Call;

/// A tenant as the control API takes it.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Credentials {
    /// User -> password, for Basic; on site only.
    users: BTreeMap<String, String>,
    /// Access tokens that never expire.
    bearers: BTreeSet<String>,
    /// Tickets that never expire.
    tickets: BTreeSet<String>,
    /// When given, such a ticket counts only together with one of these in `SO-AppToken` (§3).
    app_tokens: BTreeSet<String>,
    /// Apps of a tenant in the cloud; each sees only its own hooks (§13).
    pub(crate) apps: Vec<App>,
    /// Tokens and tickets of the apps.
    #[serde(skip)]
    pub(crate) sessions: Sessions,
    /// Bearers and tickets that never expire are void until the credentials are set again.
    #[serde(skip)]
    revoked: bool,
}

/// The caller, and its app if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) name: String,
    pub(crate) app: Option<String>,
}

impl Caller {
    fn person(name: &str) -> Self {
        Self { name: name.to_owned(), app: None }
    }

    fn system(app: String) -> Self {
        Self { name: "SYS".to_owned(), app: Some(app) }
    }
}

/// A ticket lasts six hours from its last use (§3.1).
pub(crate) fn ticket_end(settings: &Settings, now: Timestamp) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(settings.ticket_life_seconds)).unwrap_or(Timestamp::MAX)
}

impl Credentials {
    /// The user and the token of the built-in tenant.
    pub(crate) fn usual() -> Self {
        Self {
            users: BTreeMap::from([("ops".to_owned(), "example-password".to_owned())]),
            bearers: BTreeSet::from(["8A:example-bearer".to_owned()]),
            ..Self::default()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.bearers.is_empty() && self.tickets.is_empty() && self.apps.is_empty()
    }

    pub(crate) fn revoke(&mut self) {
        self.revoked = true;
        self.sessions = Sessions::default();
    }

    /// The caller of a request; using a ticket extends it.
    pub(crate) fn caller(&mut self, call: &Call, settings: &Settings, now: Timestamp) -> Option<Caller> {
        if settings.refuse_all {
            return None;
        }
        if let Some((user, password)) = call.basic() {
            return self
                .users
                .get(&user)
                .is_some_and(|known| *known == password)
                .then(|| Caller::person(&user));
        }
        if let Some(token) = call.authorization("bearer") {
            if let Some(issued) = self.sessions.bearers.get(token) {
                return (issued.ends > now).then(|| Caller::system(issued.client_id.clone()));
            }
            return (!self.revoked && self.bearers.contains(token)).then(|| Caller::person("APP"));
        }
        let ticket = call.authorization("soticket")?;
        let app_token = call.header("so-apptoken");
        if let Some(issued) = self.sessions.tickets.get_mut(ticket) {
            let app = self.apps.iter().find(|app| app.client_id == issued.client_id)?;
            if issued.ends <= now || app_token != Some(app.client_secret.as_str()) {
                return None;
            }
            issued.ends = ticket_end(settings, now);
            return Some(Caller::system(app.client_id.clone()));
        }
        let app_fits =
            self.app_tokens.is_empty() || app_token.is_some_and(|app| self.app_tokens.contains(app));
        (app_fits && !self.revoked && self.tickets.contains(ticket)).then(|| Caller::person("SYS"))
    }
}
