//! The project resource and the permissions of a login in it (vendors/contensis.md §5, §10.1).

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::auth::Identity;
use super::service::{missing, no_resource, not_authorized};
use super::{Project, WEBHOOKS};
use crate::exchange::{Call, Reply};

impl Project {
    /// The project, with every member that the vendor's own clients need.
    pub(super) fn about(&self, id: &str) -> Value {
        json!({
            "id": id, "uuid": self.uuid.to_string(), "name": id, "description": "", "color": "sapphire",
            "primaryLanguage": self.settings.localised_language,
            "supportedLanguages": [self.settings.localised_language, "fr-FR"],
            "deliverySysExclusions": [],
        })
    }

    /// `security/permissions/{type}` and `…/actions/{action}`. Without `userId` they are about the caller.
    pub(super) fn permissions(&self, rest: &[&str], call: &Call, caller: &Identity) -> Reply {
        if !self.settings.permission_endpoints {
            return no_resource();
        }
        let user = call.query("userId").filter(|user| !user.is_empty());
        let named = user.as_ref().map(|user| self.credentials.identity(user));
        let Some(who) = named.unwrap_or_else(|| Some(caller.clone())) else {
            return missing("user", &user.unwrap_or_default());
        };
        match rest {
            [kind] if kind.eq_ignore_ascii_case(WEBHOOKS) => {
                Reply::json(StatusCode::OK, &json!({"actions": self.credentials.actions(&who)}))
            }
            [kind, "actions", action] if kind.eq_ignore_ascii_case(WEBHOOKS) => {
                if self.credentials.allows(&who, action) {
                    Reply::json(StatusCode::OK, &json!({"authorized": true}))
                } else {
                    not_authorized(action)
                }
            }
            [kind] | [kind, "actions", _] => missing("resource type", kind),
            _ => no_resource(),
        }
    }
}
