//! SuperOffice's REST collection `{tenant}/api/v1/Webhook` (vendors/superoffice.md §4, §6, §7, list for a sandbox in §17).

mod agents;
mod auth;
mod entity;
mod language;
mod online;
mod patch;
mod refusals;
mod rest;
mod settings;
mod store;
mod target;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::exchange::{Call, Reply};
use crate::fault::Operation;
use crate::pace::Pace;
use crate::world::{
    Fake, Place, Refusal, STRAY, VendorName, merge, no_account, no_subscription, patched, shown,
};
use auth::Credentials;
use settings::Settings;
use store::{Hook, Store};
use target::Targets;

/// The tenant that exists from the start.
pub(crate) const BUILTIN: &str = "superoffice";

/// One installation.
#[derive(Debug, Default)]
pub(crate) struct Tenant {
    credentials: Credentials,
    settings: Settings,
    store: Store,
    targets: Targets,
    pace: Pace,
}

/// The vendor.
#[derive(Debug)]
pub(crate) struct Superoffice {
    tenants: BTreeMap<String, Tenant>,
    stray: Settings,
}

impl Superoffice {
    /// With the built-in tenant.
    pub(crate) fn new() -> Self {
        let tenant = Tenant { credentials: Credentials::usual(), ..Tenant::default() };
        Self { tenants: BTreeMap::from([(BUILTIN.to_owned(), tenant)]), stray: Settings::default() }
    }

    /// Paths are compared without case (§17).
    fn known(&self, prefix: &str) -> Option<String> {
        self.tenants.keys().find(|name| name.eq_ignore_ascii_case(prefix)).cloned()
    }

    fn tenant(&self, account: &str) -> Result<&Tenant, Refusal> {
        self.tenants.get(account).ok_or_else(|| no_account(VendorName::Superoffice, account))
    }

    fn tenant_mut(&mut self, account: &str) -> Result<&mut Tenant, Refusal> {
        self.tenants.get_mut(account).ok_or_else(|| no_account(VendorName::Superoffice, account))
    }
}

fn is_central(call: &Call) -> bool {
    let first = call.segments.first();
    first.is_some_and(|first| online::RESERVED.iter().any(|name| name.eq_ignore_ascii_case(first)))
}

/// The path below the tenant, in lower case.
pub(crate) fn below(call: &Call) -> Vec<String> {
    call.segments.iter().skip(1).map(|segment| segment.to_ascii_lowercase()).collect()
}

impl Fake for Superoffice {
    fn locate(&self, call: &Call) -> Place {
        let account = call.segments.first().and_then(|prefix| self.known(prefix));
        if is_central(call) {
            let login = call.method == Method::POST;
            let operation = if login { Operation::Token } else { Operation::Other };
            return Place::new(online::concerned(&self.tenants, call), operation);
        }
        let below = below(call);
        let route: Vec<&str> = below.iter().map(String::as_str).collect();
        let operation = match (&call.method, route.as_slice()) {
            (&Method::GET, ["api", "v1", "webhook"]) => Operation::List,
            (&Method::POST, ["api", "v1", "webhook"]) => Operation::Create,
            (_, ["api", "v1", "webhook", id]) if id.parse::<i64>().is_ok() => match call.method {
                Method::GET => Operation::Get,
                Method::PUT | Method::PATCH => Operation::Update,
                Method::DELETE => Operation::Delete,
                _ => Operation::Other,
            },
            _ => Operation::Other,
        };
        Place::new(account, operation)
    }

    fn pause(&self, account: &str, call: &Call) -> Duration {
        self.tenants.get(account).map(|tenant| tenant.pause(call)).unwrap_or_default()
    }

    fn handle(&mut self, account: &str, call: &Call, now: Timestamp) -> Reply {
        if let Some(reply) = online::answer(&mut self.tenants, call, now) {
            return reply;
        }
        match self.tenants.get_mut(account) {
            Some(tenant) => tenant.answer(call, now),
            None => {
                Reply::text(StatusCode::NOT_FOUND, "text/html", "<html><body>404 - Not found</body></html>")
            }
        }
    }

    fn accounts(&self) -> Vec<String> {
        self.tenants.keys().cloned().collect()
    }

    fn put_account(&mut self, account: &str, body: Value) -> Result<Value, Refusal> {
        let given: Credentials = serde_json::from_value(body).map_err(|e| Refusal::Bad(e.to_string()))?;
        if online::RESERVED.iter().any(|name| name.eq_ignore_ascii_case(account)) {
            return Err(Refusal::Bad(format!("{account} is not free: the central addresses begin with it")));
        }
        let mut credentials = if given.is_empty() { Credentials::usual() } else { given };
        let mut private = Vec::new();
        for app in &mut credentials.apps {
            private.push(app.complete().map_err(Refusal::Bad)?);
        }
        let mut answer = shown(&credentials)?;
        for (index, pem) in private.into_iter().enumerate().filter(|(_, pem)| pem.is_some()) {
            answer["apps"][index]["privateKeyPem"] = pem.into();
        }
        let name = self.known(account).unwrap_or_else(|| account.to_owned());
        self.tenants.entry(name).or_default().credentials = credentials;
        Ok(answer)
    }

    fn remove_account(&mut self, account: &str) -> bool {
        self.tenants.remove(account).is_some()
    }

    fn subscriptions(&self, account: &str) -> Result<Vec<Value>, Refusal> {
        Ok(self.tenant(account)?.store.all().map(|hook| Value::Object(hook.entity.clone())).collect())
    }

    fn insert(&mut self, account: &str, body: Value, now: Timestamp) -> Result<String, Refusal> {
        let Value::Object(mut members) = body else {
            return Err(Refusal::Bad("a webhook is a JSON object".to_owned()));
        };
        // Links belong to an answer, not to a hook.
        members.remove("_Links");
        let tenant = self.tenant_mut(account)?;
        // In the cloud a test may make a hook in the name of an app.
        let app = members.remove("app").and_then(|app| app.as_str().map(str::to_owned));
        let own = members.get("WebhookId").and_then(Value::as_i64).filter(|id| *id > 0);
        let mut entity = entity::fresh(&tenant.settings);
        entity::register(&mut entity, "admin", now);
        entity.extend(members);
        let id = tenant.store.insert(Hook::new(entity, app, now), own, &mut tenant.settings.next_id);
        Ok(id.to_string())
    }

    fn patch(&mut self, account: &str, id: &str, patch: &Value, now: Timestamp) -> Result<Value, Refusal> {
        let number: i64 = id.parse().map_err(|_| no_subscription(id))?;
        let hook = self.tenant_mut(account)?.store.get_mut(number).ok_or_else(|| no_subscription(id))?;
        let mut whole = Value::Object(hook.entity.clone());
        merge(&mut whole, patch);
        let Value::Object(mut entity) = whole else {
            return Err(Refusal::Bad("the patch must be a JSON object".to_owned()));
        };
        // A merge patch removes what it sets to null; this vendor shows null instead.
        for name in hook.entity.keys().filter(|name| patch.get(name.as_str()) == Some(&Value::Null)) {
            entity.insert(name.clone(), Value::Null);
        }
        entity.insert("WebhookId".to_owned(), number.into());
        if patch.get("Updated").is_none() {
            entity::touch(&mut entity, "admin", now);
        }
        hook.entity = entity;
        Ok(Value::Object(hook.entity.clone()))
    }

    fn remove(&mut self, account: &str, id: &str) -> Result<(), Refusal> {
        let store = &mut self.tenant_mut(account)?.store;
        let gone = id.parse().is_ok_and(|number| store.remove(number));
        if gone { Ok(()) } else { Err(no_subscription(id)) }
    }

    fn settings(&self, account: &str) -> Result<Value, Refusal> {
        if account == STRAY { shown(&self.stray) } else { shown(&self.tenant(account)?.settings) }
    }

    fn patch_settings(&mut self, account: &str, patch: &Value) -> Result<Value, Refusal> {
        if account == STRAY {
            self.stray = patched(&self.stray, patch)?;
            return shown(&self.stray);
        }
        let tenant = self.tenant_mut(account)?;
        let wanted: Settings = patched(&tenant.settings, patch)?;
        if wanted.next_id <= tenant.store.highest() {
            return Err(Refusal::Bad("nextId was used before, and ids are never used again".to_owned()));
        }
        tenant.settings = wanted;
        shown(&tenant.settings)
    }

    fn revoke(&mut self, account: &str) -> Result<(), Refusal> {
        self.tenant_mut(account)?.credentials.revoke();
        Ok(())
    }

    fn extra(&mut self, account: &str, call: &Call, rest: &[&str]) -> Option<Result<Value, Refusal>> {
        let tenant = match self.tenant_mut(account) {
            Ok(tenant) => tenant,
            Err(refusal) => return Some(Err(refusal)),
        };
        match (&call.method, rest) {
            (&Method::GET, ["targets"]) => Some(Ok(tenant.targets.scripted())),
            (&Method::PUT, ["targets"]) => {
                let body = call.json().map_err(|e| e.to_string());
                let done = body.and_then(|body| tenant.targets.script(body)).map_err(Refusal::Bad);
                Some(done.map(|()| Value::Null))
            }
            (&Method::DELETE, ["targets"]) => {
                tenant.targets.forget_scripts();
                Some(Ok(Value::Null))
            }
            (&Method::GET, ["pings"]) => Some(Ok(json!(tenant.targets.pings()))),
            (&Method::DELETE, ["pings"]) => {
                tenant.targets.forget_pings();
                Some(Ok(Value::Null))
            }
            _ => None,
        }
    }
}
