//! Who may call: Basic, bearer and ticket (vendors/superoffice.md §3).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::settings::Settings;
use crate::exchange::Call;

/// What the control API takes for a tenant.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Credentials {
    /// User -> password, for Basic.
    users: BTreeMap<String, String>,
    /// Access tokens that never end.
    bearers: BTreeSet<String>,
    /// Tickets that never end.
    tickets: BTreeSet<String>,
    /// When given, a ticket counts only together with one of these in `SO-AppToken` (§3).
    app_tokens: BTreeSet<String>,
    /// Bearers and tickets are void until the credentials are set anew.
    #[serde(skip)]
    revoked: bool,
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
        self.users.is_empty() && self.bearers.is_empty() && self.tickets.is_empty()
    }

    pub(crate) fn revoke(&mut self) {
        self.revoked = true;
    }

    /// The name of the caller, as associates show it.
    pub(crate) fn caller(&self, call: &Call, settings: &Settings) -> Option<String> {
        if settings.refuse_all {
            return None;
        }
        if let Some((user, password)) = call.basic() {
            return self
                .users
                .get(&user)
                .is_some_and(|known| *known == password)
                .then_some(user);
        }
        if self.revoked {
            return None;
        }
        if let Some(token) = call.authorization("bearer") {
            return self.bearers.contains(token).then(|| "APP".to_owned());
        }
        let ticket = call.authorization("soticket")?;
        let app = call.header("so-apptoken");
        let app_fits = self.app_tokens.is_empty() || app.is_some_and(|app| self.app_tokens.contains(app));
        (app_fits && self.tickets.contains(ticket)).then(|| "SYS".to_owned())
    }
}
