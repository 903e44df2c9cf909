//! Contensis' Management API, webhook subscriptions of a project
//! (vendors/contensis.md §1-§5, list for a stand-in in §10 and §10.1).

mod auth;
mod settings;
mod store;
mod validate;
mod wire;

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::exchange::{Call, Reply};
use crate::fault::Operation;
use crate::world::{
    Fake, Place, Refusal, STRAY, VendorName, merge, no_account, no_subscription, patched, shown,
};
use auth::{Credentials, Identity, Tokens};
use settings::{ListEnvelope, Settings};
use store::{Store, Subscription};
use validate::Problem;

/// The project that exists from the start.
const BUILTIN: &str = "movies";

/// One project with its subscriptions and with who may do what in it.
#[derive(Debug, Default)]
struct Project {
    credentials: Credentials,
    settings: Settings,
    store: Store,
}

/// The vendor.
#[derive(Debug)]
pub(crate) struct Contensis {
    projects: BTreeMap<String, Project>,
    tokens: Tokens,
    stray: Settings,
}

/// What a request does with the collection or a member of it.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    List,
    Create,
    Get(&'a str),
    Update(&'a str),
    Delete(&'a str),
}

impl Step<'_> {
    /// The action that the caller's role must allow (§5).
    fn action(self) -> &'static str {
        match self {
            Self::List | Self::Get(_) => "view",
            Self::Create => "create",
            Self::Update(_) => "update",
            Self::Delete(_) => "delete",
        }
    }
}

impl Contensis {
    /// With the built-in project `movies`.
    pub(crate) fn new() -> Self {
        let mut projects = BTreeMap::new();
        projects.insert(
            BUILTIN.to_owned(),
            Project {
                credentials: Credentials::usual(),
                ..Project::default()
            },
        );
        Self {
            projects,
            tokens: Tokens::default(),
            stray: Settings::default(),
        }
    }

    fn project(&self, id: &str) -> Result<&Project, Refusal> {
        self.projects
            .get(id)
            .ok_or_else(|| no_account(VendorName::Contensis, id))
    }

    fn project_mut(&mut self, id: &str) -> Result<&mut Project, Refusal> {
        self.projects
            .get_mut(id)
            .ok_or_else(|| no_account(VendorName::Contensis, id))
    }

    /// Which project's credentials a token request names, right or wrong.
    fn token_owner(&self, call: &Call) -> Option<String> {
        let form = call.form();
        let owns = |project: &Project| {
            form.iter()
                .any(|(name, value)| project.credentials.owns(name, value))
        };
        let by_refresh = || self.tokens.owner_of_refresh(&form);
        self.projects
            .iter()
            .find(|(_, p)| owns(p))
            .map(|(id, _)| id.clone())
            .or_else(by_refresh)
    }

    /// First the token, then the project, then the role, then the request itself (§10.1).
    fn management(&mut self, call: &Call, id: &str, rest: &[&str], now: Timestamp) -> Reply {
        let Some(identity) = self.tokens.identity(call, now) else {
            return denied();
        };
        let Some(project) = self.projects.get_mut(id) else {
            return missing("project", id);
        };
        let step = match (&call.method, rest) {
            (&Method::GET, []) => return about(id),
            (&Method::GET, ["events", "webhooks", "subscriptions"]) => Step::List,
            (&Method::POST, ["events", "webhooks", "subscriptions"]) => Step::Create,
            (&Method::GET, ["events", "webhooks", "subscriptions", one]) => Step::Get(one),
            (&Method::PUT, ["events", "webhooks", "subscriptions", one]) => Step::Update(one),
            (&Method::DELETE, ["events", "webhooks", "subscriptions", one]) => Step::Delete(one),
            (
                _,
                [] | ["events", "webhooks", "subscriptions"] | ["events", "webhooks", "subscriptions", _],
            ) => {
                return error(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "The resource does not support this method",
                    &Value::Null,
                );
            }
            _ => return no_resource(),
        };
        if !project.credentials.allows(&identity, step.action()) {
            return forbidden(step.action());
        }
        project.serve(step, call, &identity, now)
    }
}

impl Fake for Contensis {
    fn locate(&self, call: &Call) -> Place {
        let route = call.route();
        match (&call.method, route.as_slice()) {
            (_, ["authenticate", "connect", "token"]) => Place::new(self.token_owner(call), Operation::Token),
            (method, ["api", "management", "projects", project, rest @ ..]) => {
                let operation = match (method, rest) {
                    (&Method::GET, ["events", "webhooks", "subscriptions"]) => Operation::List,
                    (&Method::POST, ["events", "webhooks", "subscriptions"]) => Operation::Create,
                    (&Method::GET, ["events", "webhooks", "subscriptions", _]) => Operation::Get,
                    (&Method::PUT, ["events", "webhooks", "subscriptions", _]) => Operation::Update,
                    (&Method::DELETE, ["events", "webhooks", "subscriptions", _]) => Operation::Delete,
                    _ => Operation::Other,
                };
                let known = self
                    .projects
                    .contains_key(*project)
                    .then(|| (*project).to_owned());
                Place::new(known, operation)
            }
            _ => Place::new(None, Operation::Other),
        }
    }

    fn handle(&mut self, account: &str, call: &Call, now: Timestamp) -> Reply {
        match call.route().as_slice() {
            ["authenticate", "connect", "token"] => {
                let project = self.projects.get(account);
                let settings = project.map_or(&self.stray, |p| &p.settings);
                self.tokens
                    .grant(call, project.map(|p| (account, &p.credentials)), settings, now)
            }
            ["api", "management", "projects", id, rest @ ..] => self.management(call, id, rest, now),
            _ => no_resource(),
        }
    }

    fn accounts(&self) -> Vec<String> {
        self.projects.keys().cloned().collect()
    }

    fn put_account(&mut self, account: &str, body: Value) -> Result<Value, Refusal> {
        let given: Credentials = serde_json::from_value(body).map_err(|e| Refusal::Bad(e.to_string()))?;
        let credentials = if given.is_empty() {
            Credentials::usual()
        } else {
            given
        };
        let answer = shown(&credentials)?;
        self.projects.entry(account.to_owned()).or_default().credentials = credentials;
        Ok(answer)
    }

    fn remove_account(&mut self, account: &str) -> bool {
        self.projects.remove(account).is_some()
    }

    fn subscriptions(&self, account: &str) -> Result<Vec<Value>, Refusal> {
        self.project(account)?
            .store
            .all()
            .map(|s| shown(&s.resource))
            .collect()
    }

    fn insert(&mut self, account: &str, body: Value, now: Timestamp) -> Result<String, Refusal> {
        let Value::Object(members) = body else {
            return Err(Refusal::Bad("a subscription is a JSON object".to_owned()));
        };
        let project = self.project_mut(account)?;
        let own = members.get("id").and_then(Value::as_str).map(str::to_owned);
        let id = own.unwrap_or_else(|| project.settings.mint_id());
        Ok(project.store.insert(Subscription::foreign(members, &id, now)))
    }

    fn patch(&mut self, account: &str, id: &str, patch: &Value, now: Timestamp) -> Result<Value, Refusal> {
        let stored = self
            .project_mut(account)?
            .store
            .get_mut(id)
            .ok_or_else(|| no_subscription(id))?;
        let mut resource = Value::Object(stored.resource.clone());
        merge(&mut resource, patch);
        let Value::Object(mut members) = resource else {
            return Err(Refusal::Bad("the patch must be a JSON object".to_owned()));
        };
        members.insert("id".to_owned(), id.into());
        let version_given = patch.get("version").is_some();
        if !version_given {
            members.insert(
                "version".to_owned(),
                store::bumped(members.get("version"), "m.singer", now),
            );
        }
        stored.resource = members;
        shown(&stored.resource)
    }

    fn remove(&mut self, account: &str, id: &str) -> Result<(), Refusal> {
        let gone = self.project_mut(account)?.store.remove(id);
        if gone { Ok(()) } else { Err(no_subscription(id)) }
    }

    fn settings(&self, account: &str) -> Result<Value, Refusal> {
        if account == STRAY {
            shown(&self.stray)
        } else {
            shown(&self.project(account)?.settings)
        }
    }

    fn patch_settings(&mut self, account: &str, patch: &Value) -> Result<Value, Refusal> {
        let settings = if account == STRAY {
            &mut self.stray
        } else {
            &mut self.project_mut(account)?.settings
        };
        let wanted: Settings = patched(settings, patch)?;
        if wanted.page_size == 0 {
            return Err(Refusal::Bad("pageSize must be 1 or more".to_owned()));
        }
        *settings = wanted;
        shown(settings)
    }

    fn revoke(&mut self, account: &str) -> Result<(), Refusal> {
        self.project(account)?;
        self.tokens.revoke(account);
        Ok(())
    }
}

impl Project {
    fn serve(&mut self, step: Step<'_>, call: &Call, who: &Identity, now: Timestamp) -> Reply {
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
                    return error(
                        StatusCode::BAD_REQUEST,
                        "The subscription id is not a GUID",
                        &Value::Null,
                    );
                }
                if self.store.remove(id) {
                    Reply::empty(StatusCode::NO_CONTENT)
                } else {
                    self.gone(id)
                }
            }
        }
    }

    /// The envelope is not documented; both kinds of the vendor are offered (§2.2).
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
        let size = number("pageSize")
            .filter(|n| *n > 0)
            .unwrap_or(self.settings.page_size);
        let index = if self.settings.ignore_page_index {
            0
        } else {
            number("pageIndex").unwrap_or(0)
        };
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
        resource.insert(
            "version".to_owned(),
            store::first(who.name(), self.settings.modified_on_create, now),
        );
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
        resource.insert(
            "id".to_owned(),
            stored.resource.get("id").cloned().unwrap_or_default(),
        );
        resource.insert(
            "version".to_owned(),
            store::bumped(stored.resource.get("version"), who.name(), now),
        );
        let answer = wire::render(&resource, &self.settings);
        if let Some(stored) = self.store.get_mut(id) {
            stored.resource = resource;
        }
        Reply::json(StatusCode::OK, &answer)
    }

    /// A body that is not JSON, or has values of the wrong type, is a 400 (§10.1).
    fn draft(&self, call: &Call, doing: &str) -> Result<wire::Draft, Reply> {
        let refuse = |what: &str| error(StatusCode::BAD_REQUEST, what, &Value::Null);
        let body = call
            .json()
            .map_err(|_| refuse("The request body is missing or is not valid JSON"))?;
        let draft = wire::Draft::read(&body)
            .map_err(|what| refuse(&format!("The value of {what} has the wrong type")))?;
        // Which of the two forms of a name is right depends on the server, so it is a matter of validation.
        match draft.dialect_problem(self.settings.localised) {
            Some(problem) => Err(self.invalid(doing, &[problem])),
            None => Ok(draft),
        }
    }

    /// The number sent must be the present one (§2.3).
    fn version_refusal(&self, stored: &Subscription, sent: Option<&str>) -> Option<Reply> {
        let present = stored
            .resource
            .get("version")
            .and_then(|v| v["versionNo"].as_str());
        let (status, message) = match sent {
            None => (
                self.settings.missing_version_status,
                "version.versionNo is required",
            ),
            Some(sent) if Some(sent) != present => (
                self.settings.conflict_status,
                "The version supplied is not the latest version",
            ),
            Some(_) => return None,
        };
        let problem = Problem::new("version.versionNo", message);
        let mut reply = self.invalid("updating", &[problem]);
        reply.status = StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        Some(reply)
    }

    fn invalid(&self, doing: &str, problems: &[Problem]) -> Reply {
        let data: Vec<Value> = problems
            .iter()
            .map(|p| p.shown(self.settings.capital_fields))
            .collect();
        let message = format!("There are validation errors {doing} the webhook subscription");
        envelope(
            StatusCode::UNPROCESSABLE_ENTITY,
            &message,
            &Value::Array(data),
            "Validation",
        )
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
    Reply::json(
        status,
        &json!({"logId": zeros, "message": message, "data": data, "type": kind}),
    )
}

fn error(status: StatusCode, message: &str, data: &Value) -> Reply {
    envelope(status, message, data, "Error")
}

fn missing(what: &str, id: &str) -> Reply {
    error(
        StatusCode::NOT_FOUND,
        &format!("The specified {what} with ID '{id}' does not exist"),
        &Value::Null,
    )
}

fn forbidden(action: &str) -> Reply {
    error(
        StatusCode::FORBIDDEN,
        &format!("Access denied: the action '{action}' is not permitted"),
        &Value::Null,
    )
}

/// A refused token has no envelope, only a message (§2.6).
fn denied() -> Reply {
    Reply::json(
        StatusCode::UNAUTHORIZED,
        &json!({"message": "Authorization has been denied for this request."}),
    )
}

fn no_resource() -> Reply {
    Reply::json(
        StatusCode::NOT_FOUND,
        &json!({"message": "No HTTP resource matches the address."}),
    )
}

/// Enough of the project resource to see that it exists (§10.1).
fn about(id: &str) -> Reply {
    let project = json!({"id": id, "name": id, "primaryLanguage": "en-GB", "supportedLanguages": ["en-GB"]});
    Reply::json(StatusCode::OK, &project)
}
