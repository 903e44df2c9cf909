//! Contensis' Management API, webhook subscriptions of a project (vendors/contensis.md §1-§5, list for a sandbox in §10 and
//! §10.1).

mod auth;
mod project;
mod service;
mod settings;
mod store;
mod validate;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::exchange::{Call, Reply};
use crate::fault::Operation;
use crate::pace::{Pace, too_many};
use crate::world::{
    Fake, Place, Refusal, STRAY, VendorName, merge, no_account, no_subscription, patched, shown,
};
use auth::{Credentials, Tokens};
use service::{Step, denied, error, forbidden, missing, no_resource};
use settings::Settings;
use store::{Store, Subscription};

/// The resource type of the permissions of webhook subscriptions (§5).
const WEBHOOKS: &str = "webhookSubscriptions";
/// The project that exists from the start.
const BUILTIN: &str = "movies";

/// One project with its subscriptions, keys and rights.
#[derive(Debug)]
struct Project {
    uuid: Uuid,
    credentials: Credentials,
    settings: Settings,
    store: Store,
    pace: Pace,
}

impl Project {
    fn new(credentials: Credentials) -> Self {
        Self {
            uuid: Uuid::new_v4(),
            credentials,
            settings: Settings::default(),
            store: Store::default(),
            pace: Pace::default(),
        }
    }
}

/// The vendor.
#[derive(Debug)]
pub(crate) struct Contensis {
    projects: BTreeMap<String, Project>,
    tokens: Tokens,
    stray: Settings,
}

impl Contensis {
    /// With the built-in project `movies`.
    pub(crate) fn new() -> Self {
        let projects = BTreeMap::from([(BUILTIN.to_owned(), Project::new(Credentials::usual()))]);
        Self { projects, tokens: Tokens::default(), stray: Settings::default() }
    }

    fn project(&self, id: &str) -> Result<&Project, Refusal> {
        self.projects.get(id).ok_or_else(|| no_account(VendorName::Contensis, id))
    }

    fn project_mut(&mut self, id: &str) -> Result<&mut Project, Refusal> {
        self.projects.get_mut(id).ok_or_else(|| no_account(VendorName::Contensis, id))
    }

    /// The project whose credentials a token request names, right or wrong.
    fn token_owner(&self, call: &Call) -> Option<String> {
        let form = call.form();
        let owns = |project: &Project| form.iter().any(|(name, value)| project.credentials.owns(name, value));
        let by_refresh = || self.tokens.owner_of_refresh(&form);
        self.projects.iter().find(|(_, p)| owns(p)).map(|(id, _)| id.clone()).or_else(by_refresh)
    }

    /// The projects that the caller has a role in.
    fn list_projects(&self, call: &Call, now: Timestamp) -> Reply {
        let Some(identity) = self.tokens.identity(call, now) else {
            return denied();
        };
        let own =
            self.projects.iter().filter(|(_, project)| !project.credentials.actions(&identity).is_empty());
        Reply::json(StatusCode::OK, &own.map(|(id, project)| project.about(id)).collect())
    }

    /// First the token, then the project, then the role, then the request itself (§10.1).
    fn management(&mut self, call: &Call, id: &str, rest: &[&str], now: Timestamp) -> Reply {
        let Some(identity) = self.tokens.identity(call, now) else {
            return denied();
        };
        let Some(project) = self.projects.get_mut(id) else {
            return missing("project", id);
        };
        let minute = Duration::from_secs(60);
        if let Some(left) = project.pace.over(project.settings.calls_per_minute, minute, now) {
            let reply = error(StatusCode::TOO_MANY_REQUESTS, "Too many requests", &Value::Null);
            return too_many(reply, project.settings.throttle_dialect, left, now);
        }
        let step = match (&call.method, rest) {
            (&Method::GET, []) => return Reply::json(StatusCode::OK, &project.about(id)),
            (&Method::GET, ["security", "permissions", rest @ ..]) => {
                return project.permissions(rest, call, &identity);
            }
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
                let known = self.projects.contains_key(*project).then(|| (*project).to_owned());
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
                self.tokens.grant(call, project.map(|p| (account, &p.credentials)), settings, now)
            }
            ["api", "management", "projects"] if call.method == Method::GET => self.list_projects(call, now),
            ["api", "management", "projects", id, rest @ ..] => self.management(call, id, rest, now),
            _ => no_resource(),
        }
    }

    fn accounts(&self) -> Vec<String> {
        self.projects.keys().cloned().collect()
    }

    fn put_account(&mut self, account: &str, body: Value) -> Result<Value, Refusal> {
        let given: Credentials = serde_json::from_value(body).map_err(|e| Refusal::Bad(e.to_string()))?;
        let credentials = if given.is_empty() { Credentials::usual() } else { given };
        let answer = shown(&credentials)?;
        match self.projects.get_mut(account) {
            Some(project) => project.credentials = credentials,
            None => {
                self.projects.insert(account.to_owned(), Project::new(credentials));
            }
        }
        Ok(answer)
    }

    fn remove_account(&mut self, account: &str) -> bool {
        self.projects.remove(account).is_some()
    }

    fn subscriptions(&self, account: &str) -> Result<Vec<Value>, Refusal> {
        self.project(account)?.store.all().map(|s| shown(&s.resource)).collect()
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
        let stored = self.project_mut(account)?.store.get_mut(id).ok_or_else(|| no_subscription(id))?;
        let mut resource = Value::Object(stored.resource.clone());
        merge(&mut resource, patch);
        let Value::Object(mut members) = resource else {
            return Err(Refusal::Bad("the patch must be a JSON object".to_owned()));
        };
        members.insert("id".to_owned(), id.into());
        let version_given = patch.get("version").is_some();
        if !version_given {
            members.insert("version".to_owned(), store::bumped(members.get("version"), "m.singer", now));
        }
        stored.resource = members;
        shown(&stored.resource)
    }

    fn remove(&mut self, account: &str, id: &str) -> Result<(), Refusal> {
        let gone = self.project_mut(account)?.store.remove(id);
        if gone { Ok(()) } else { Err(no_subscription(id)) }
    }

    fn settings(&self, account: &str) -> Result<Value, Refusal> {
        if account == STRAY { shown(&self.stray) } else { shown(&self.project(account)?.settings) }
    }

    fn patch_settings(&mut self, account: &str, patch: &Value) -> Result<Value, Refusal> {
        let settings =
            if account == STRAY { &mut self.stray } else { &mut self.project_mut(account)?.settings };
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
