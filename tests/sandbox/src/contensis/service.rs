//! The collection of a project's subscriptions, and the vendor's error envelopes (vendors/contensis.md §2).

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::auth::Identity;
use super::settings::ListEnvelope;
use super::store::{self, Subscription};
use super::validate::{self, Problem};
use super::{Project, wire};
use crate::exchange::{Call, Reply};

/// Operations on the collection or a member of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    List,
    Create,
    Get(&'a str),
    Update(&'a str),
    Delete(&'a str),
}

impl Step<'_> {
    /// The action that the caller's role must allow (§5).
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::List | Self::Get(_) => "view",
            Self::Create => "create",
            Self::Update(_) => "update",
            Self::Delete(_) => "delete",
        }
    }
}

impl Project {
    pub(super) fn serve(&mut self, step: Step<'_>, call: &Call, who: &Identity, now: Timestamp) -> Reply {
        match step {
            Step::List => self.list(call, now),
            Step::Create => self.create(call, who, now),
            Step::Get(id) => match self.store.get(id).filter(|s| self.settings.sees(s, now)) {
                Some(found) => Reply::json(StatusCode::OK, &wire::render(&found.resource, &self.settings)),
                None => self.gone(id),
            },
            Step::Update(id) => self.update(id, call, who, now),
            Step::Delete(id) => {
                if uuid::Uuid::parse_str(id).is_err() {
                    return error(StatusCode::BAD_REQUEST, "The subscription id is not a GUID", &Value::Null);
                }
                if self.store.remove(id) { Reply::empty(StatusCode::NO_CONTENT) } else { self.gone(id) }
            }
        }
    }

    /// The envelope is not documented; both of the vendor's formats are offered (§2.2).
    fn list(&self, call: &Call, now: Timestamp) -> Reply {
        let items: Vec<Value> = self
            .store
            .all()
            .filter(|s| self.settings.sees(s, now))
            .map(|s| wire::render(&s.resource, &self.settings))
            .collect();
        if self.settings.list_envelope() == ListEnvelope::Array {
            return Reply::json(StatusCode::OK, &Value::Array(items));
        }
        let number = |name: &str| call.query(name).and_then(|text| text.parse::<usize>().ok());
        let size = number("pageSize").filter(|n| *n > 0).unwrap_or(self.settings.page_size);
        let index = if self.settings.ignore_page_index { 0 } else { number("pageIndex").unwrap_or(0) };
        let page: Vec<&Value> = items.iter().skip(index.saturating_mul(size)).take(size).collect();
        let envelope = json!({
            "pageIndex": index,
            "pageSize": size,
            "totalCount": items.len(),
            "pageCount": items.len().div_ceil(size),
            "items": page,
        });
        Reply::json(StatusCode::OK, &envelope)
    }

    fn create(&mut self, call: &Call, who: &Identity, now: Timestamp) -> Reply {
        let draft = match self.draft(call, "creating") {
            Ok(draft) => draft,
            Err(reply) => return reply,
        };
        let problems = validate::check(&draft, &self.settings, false);
        if !problems.is_empty() {
            return self.invalid("creating", &problems);
        }
        if draft.has_templates() && !self.credentials.allows(who, "useCustomTemplates") {
            return forbidden("useCustomTemplates");
        }
        let mut resource = draft.resource(None, &self.settings);
        resource.insert("id".to_owned(), self.settings.mint_id().into());
        resource
            .insert("version".to_owned(), store::first(who.name(), self.settings.modified_on_create, now));
        let answer = wire::render(&resource, &self.settings);
        self.store.insert(Subscription::new(resource, now));
        Reply::json(StatusCode::CREATED, &answer)
    }

    fn update(&mut self, id: &str, call: &Call, who: &Identity, now: Timestamp) -> Reply {
        let draft = match self.draft(call, "updating") {
            Ok(draft) => draft,
            Err(reply) => return reply,
        };
        let problems = validate::check(&draft, &self.settings, true);
        if !problems.is_empty() {
            return self.invalid("updating", &problems);
        }
        let Some(stored) = self.store.get(id) else {
            return self.gone(id);
        };
        if let Some(refusal) = self.version_refusal(stored, draft.version_no.as_deref()) {
            return refusal;
        }
        let new_templates =
            draft.has_templates() && draft.templates_value() != stored.resource.get("templates").cloned();
        if new_templates && !self.credentials.allows(who, "useCustomTemplates") {
            return forbidden("useCustomTemplates");
        }
        let mut resource = draft.resource(Some(&stored.resource), &self.settings);
        resource.insert("id".to_owned(), stored.resource.get("id").cloned().unwrap_or_default());
        resource.insert("version".to_owned(), store::bumped(stored.resource.get("version"), who.name(), now));
        let answer = wire::render(&resource, &self.settings);
        if let Some(stored) = self.store.get_mut(id) {
            stored.resource = resource;
        }
        Reply::json(StatusCode::OK, &answer)
    }

    /// A body that is not JSON, or has values of the wrong type, is a 400 (§10.1).
    fn draft(&self, call: &Call, doing: &str) -> Result<wire::Draft, Reply> {
        let refuse = |what: &str| error(StatusCode::BAD_REQUEST, what, &Value::Null);
        let body = call.json().map_err(|_| refuse("The request body is missing or is not valid JSON"))?;
        let draft = wire::Draft::read(&body, &self.settings)
            .map_err(|what| refuse(&format!("The value of {what} has the wrong type")))?;
        // Which of the two forms of a name is valid depends on the server, so that validation decides it.
        match draft.dialect_problem(self.settings.localised) {
            Some(problem) => Err(self.invalid(doing, &[problem])),
            None => Ok(draft),
        }
    }

    /// The version that is sent must be the current one (§2.3).
    fn version_refusal(&self, stored: &Subscription, sent: Option<&str>) -> Option<Reply> {
        let present = stored.resource.get("version").and_then(|v| v["versionNo"].as_str());
        let (status, message) = match sent {
            None => (self.settings.missing_version_status, "version.versionNo is required"),
            Some(sent) if Some(sent) != present => {
                (self.settings.conflict_status, "The version supplied is not the latest version")
            }
            Some(_) => return None,
        };
        let problem = Problem::new("version.versionNo", message);
        let mut reply = self.invalid("updating", &[problem]);
        reply.status = StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        Some(reply)
    }

    fn invalid(&self, doing: &str, problems: &[Problem]) -> Reply {
        let data: Vec<Value> = problems.iter().map(|p| p.shown(self.settings.capital_fields)).collect();
        let message = format!("There are validation errors {doing} the webhook subscription");
        envelope(StatusCode::UNPROCESSABLE_ENTITY, &message, &Value::Array(data), "Validation")
    }

    fn gone(&self, id: &str) -> Reply {
        if self.settings.empty_not_found {
            return Reply::empty(StatusCode::NOT_FOUND);
        }
        missing("webhook subscription", id)
    }
}

/// The vendor's envelope (§2.6).
fn envelope(status: StatusCode, message: &str, data: &Value, kind: &str) -> Reply {
    let zeros = "00000000-0000-0000-0000-000000000000";
    Reply::json(status, &json!({"logId": zeros, "message": message, "data": data, "type": kind}))
}

pub(super) fn error(status: StatusCode, message: &str, data: &Value) -> Reply {
    envelope(status, message, data, "Error")
}

pub(super) fn missing(what: &str, id: &str) -> Reply {
    error(StatusCode::NOT_FOUND, &format!("The specified {what} with ID '{id}' does not exist"), &Value::Null)
}

pub(super) fn forbidden(action: &str) -> Reply {
    error(
        StatusCode::FORBIDDEN,
        &format!("Access denied: the action '{action}' is not permitted"),
        &Value::Null,
    )
}

/// The permission endpoint's refusal (§5).
pub(super) fn not_authorized(action: &str) -> Reply {
    error(StatusCode::NOT_FOUND, &format!("Not authorized for the action '{action}'"), &Value::Null)
}

/// A refused token has no envelope, only a message (§2.6).
pub(super) fn denied() -> Reply {
    Reply::json(
        StatusCode::UNAUTHORIZED,
        &json!({"message": "Authorization has been denied for this request."}),
    )
}

pub(super) fn no_resource() -> Reply {
    Reply::json(StatusCode::NOT_FOUND, &json!({"message": "No HTTP resource matches the address."}))
}
