//! The routes of a tenant (vendors/superoffice.md §2.1, §4).

use std::time::Duration;

use axum::http::{Method, StatusCode};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::auth::Caller;
use super::refusals::{error, framework, gone, no_route, refused, unreadable, wrong_type};
use super::settings::PutUnknown;
use super::store::{Filters, Hook};
use super::{Tenant, below, entity, language, online, patch};
use crate::exchange::{Call, Reply};
use crate::pace::too_many;

impl Tenant {
    /// How long the check of the target takes that this request causes.
    pub(crate) fn pause(&self, call: &Call) -> Duration {
        if !matches!(call.method, Method::POST | Method::PUT | Method::PATCH) {
            return Duration::ZERO;
        }
        let sent = call.json().ok().and_then(|body| Some(body.get("TargetUrl")?.as_str()?.to_owned()));
        let stored = || {
            let id = call.segments.last()?.parse().ok()?;
            Some(self.store.get(id)?.entity.get("TargetUrl")?.as_str()?.to_owned())
        };
        sent.or_else(stored).map(|url| self.targets.slowness(&url)).unwrap_or_default()
    }

    /// Answers a request to this tenant.
    pub(crate) fn answer(&mut self, call: &Call, now: Timestamp) -> Reply {
        if let Some(refusal) = self.away(call) {
            return refusal;
        }
        let second = Duration::from_secs(1);
        if let Some(left) = self.pace.over(self.settings.max_calls_per_second, second, now) {
            let reply = framework(StatusCode::TOO_MANY_REQUESTS, "Too many requests.", &call.path);
            return too_many(reply, self.settings.throttle_dialect, left, now);
        }
        let below = below(call);
        let route: Vec<&str> = below.iter().map(String::as_str).collect();
        if let (&Method::GET, ["api"]) = (&call.method, route.as_slice()) {
            return self.about(call);
        }
        let Some(who) = self.credentials.caller(call, &self.settings, now) else {
            return error(StatusCode::UNAUTHORIZED, "SoSessionException", "Not logged in");
        };
        match (&call.method, route.as_slice()) {
            (&Method::GET, ["api", "v1"]) => Reply::json(StatusCode::OK, &routes(call)),
            (method, ["api", "v1", "webhook", rest @ ..]) => {
                language::translated(call, self.webhook(method, rest, call, &who, now))
            }
            (&Method::POST, ["api", "v1", "agents", "webhook", name]) => {
                language::translated(call, self.agent(name, call, &who, now))
            }
            _ => no_route(call),
        }
    }

    /// A cloud tenant that is down, or that has moved to another host (§2.3).
    fn away(&self, call: &Call) -> Option<Reply> {
        let host = self.settings.endpoint_host.as_deref();
        if host.is_some() && host != call.header("host") {
            return Some(Reply::text(
                StatusCode::MISDIRECTED_REQUEST,
                "text/plain; charset=utf-8",
                "This tenant is not served on this subdomain",
            ));
        }
        let page = "<html><body>Maintenance</body></html>";
        (!online::runs(&self.settings))
            .then(|| Reply::text(StatusCode::SERVICE_UNAVAILABLE, "text/html; charset=utf-8", page))
    }

    /// The refusal for a hook of another app.
    pub(crate) fn foreign(&self, id: i64, who: &Caller) -> Option<Reply> {
        let hook = self.store.get(id)?;
        if who.app.is_none() || who.app == hook.app {
            return None;
        }
        Some(match self.settings.foreign_status {
            403 => error(StatusCode::FORBIDDEN, "SoSecurityException", "Made by another application"),
            _ => gone(id),
        })
    }

    fn webhook(
        &mut self,
        method: &Method,
        rest: &[&str],
        call: &Call,
        who: &Caller,
        now: Timestamp,
    ) -> Reply {
        match (method, rest) {
            (&Method::GET, []) => self.list(call, who, now),
            (&Method::POST, []) => {
                self.create(call, who, now).map_or_else(|refusal| refusal, |id| self.shown_by_id(id, call))
            }
            (&Method::GET, ["default"]) => self.template(),
            (&Method::POST, ["test"]) => match self.members(call) {
                Ok((_, members)) => self.test(&members, now),
                Err(refusal) => refusal,
            },
            // A custom event: nothing is called.
            (&Method::POST, [_, key]) if key.parse::<i64>().is_ok() => Reply::empty(StatusCode::NO_CONTENT),
            (&Method::GET, [id, "lasterror"]) => match number(id).and_then(|id| self.store.get(id)) {
                Some(hook) => {
                    Reply::json(StatusCode::OK, hook.entity.get("LastError").unwrap_or(&Value::Null))
                }
                None => gone(id),
            },
            (method, [id]) => match number(id) {
                Some(id) => self.one(method, id, call, who, now),
                None => no_route(call),
            },
            _ => no_route(call),
        }
    }

    fn one(&mut self, method: &Method, id: i64, call: &Call, who: &Caller, now: Timestamp) -> Reply {
        if let Some(refusal) = self.foreign(id, who) {
            return refusal;
        }
        match *method {
            Method::GET => match self.store.get(id) {
                Some(hook) => self.shown(&hook.entity, call),
                None => gone(id),
            },
            Method::PUT => {
                self.put(id, call, who, now).map_or_else(|refusal| refusal, |id| self.shown_by_id(id, call))
            }
            Method::PATCH if self.settings.patch => self.patch(id, call, who, now),
            Method::DELETE => {
                if self.store.remove(id) || self.settings.delete_unknown_status == 204 {
                    Reply::empty(StatusCode::NO_CONTENT)
                } else {
                    gone(id)
                }
            }
            _ => framework(
                StatusCode::METHOD_NOT_ALLOWED,
                "The requested resource does not support this method.",
                method.as_str(),
            ),
        }
    }

    /// The template with the server's defaults (§4.2).
    pub(crate) fn template(&self) -> Reply {
        let template = entity::render(&entity::template(&self.settings), &self.settings);
        Reply::json(StatusCode::OK, &Value::Object(template))
    }

    /// A bare array, empty or not; no links (§4.1).
    fn list(&self, call: &Call, who: &Caller, now: Timestamp) -> Reply {
        let delay = SignedDuration::from_millis(self.settings.visibility_delay_millis);
        let filter = |name: &str| call.query(name).filter(|text| !text.is_empty());
        let filters = Filters {
            name: filter("nameFilter"),
            event: filter("eventFilter"),
            state: filter("statusFilter").filter(|state| !state.eq_ignore_ascii_case("unknown")),
            until: now.checked_sub(delay).ok(),
        };
        let hooks = self.matching(&filters, who);
        if hooks.is_empty() && self.settings.empty_list_status == 404 {
            return error(StatusCode::NOT_FOUND, "SoNotFoundException", "No webhooks found");
        }
        Reply::json(StatusCode::OK, &Value::Array(hooks))
    }

    /// The hooks that the caller's app may see and that fit the filters, as they are shown.
    pub(crate) fn matching(&self, filters: &Filters, who: &Caller) -> Vec<Value> {
        let shown = |hook: &Hook| Value::Object(entity::render(&hook.entity, &self.settings));
        self.store.matching(filters, who.app.as_deref()).map(shown).collect()
    }

    /// Stores a new hook; returns its id.
    pub(crate) fn create(&mut self, call: &Call, who: &Caller, now: Timestamp) -> Result<i64, Reply> {
        let (body, members) = self.members(call)?;
        let mut fresh = entity::fresh(&self.settings);
        entity::overlay(&mut fresh, members, &self.settings);
        entity::register(&mut fresh, &who.name, now);
        self.check(&fresh, "create", now)?;
        let wanted = body.get("WebhookId").and_then(Value::as_i64).filter(|id| *id > 0);
        let wanted = wanted.filter(|_| self.settings.post_takes_id);
        Ok(self.store.insert(Hook::new(fresh, who.app.clone(), now), wanted, &mut self.settings.next_id))
    }

    /// Replaces everything; the id in the path wins (§4.5). Returns the id that was saved.
    pub(crate) fn put(&mut self, id: i64, call: &Call, who: &Caller, now: Timestamp) -> Result<i64, Reply> {
        let (_, members) = self.members(call)?;
        let Some(hook) = self.store.get(id) else {
            return match self.settings.put_unknown {
                PutUnknown::NotFound => Err(gone(id)),
                PutUnknown::Fails => Err(error(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "NullReferenceException",
                    "Nothing to update",
                )),
                PutUnknown::Create => self.create(call, who, now),
            };
        };
        let mut changed = hook.entity.clone();
        if self.settings.put_resets_omitted {
            entity::reset_writable(&mut changed, &self.settings);
        }
        entity::overlay(&mut changed, members, &self.settings);
        self.save(id, changed, who, now)
    }

    /// An array is a JSON Patch, an object is a merge patch (§4.6).
    fn patch(&mut self, id: i64, call: &Call, who: &Caller, now: Timestamp) -> Reply {
        let Some(hook) = self.store.get(id) else {
            return gone(id);
        };
        if changed_since(call, &hook.entity) {
            return error(
                StatusCode::PRECONDITION_FAILED,
                "SoPreconditionException",
                "Changed in the meantime",
            );
        }
        let body = match call.json() {
            Ok(body) => body,
            Err(problem) => return unreadable(&problem.to_string()),
        };
        let whole = match patch::apply(&hook.entity, &body) {
            Ok(whole) => whole,
            Err(patch::Failure::Mismatch(path)) => {
                return error(
                    StatusCode::CONFLICT,
                    "SoConflictException",
                    &format!("{path} has another value"),
                );
            }
            Err(patch::Failure::Bad(what)) => return unreadable(&what),
        };
        let members = match entity::read(&whole, &self.settings) {
            Ok(members) => members,
            Err(name) => return wrong_type(&name),
        };
        let mut changed = hook.entity.clone();
        entity::overlay(&mut changed, members, &self.settings);
        self.save(id, changed, who, now).map_or_else(|refusal| refusal, |id| self.shown_by_id(id, call))
    }

    fn save(
        &mut self,
        id: i64,
        mut changed: Map<String, Value>,
        who: &Caller,
        now: Timestamp,
    ) -> Result<i64, Reply> {
        entity::touch(&mut changed, &who.name, now);
        self.check(&changed, "update", now)?;
        if let Some(hook) = self.store.get_mut(id) {
            hook.entity = changed;
        }
        Ok(id)
    }

    /// Only hooks of type webhook have an address to call (§7.1).
    fn check(
        &mut self,
        hook: &Map<String, Value>,
        reason: &'static str,
        now: Timestamp,
    ) -> Result<(), Reply> {
        let text = |member: &str| hook.get(member).and_then(Value::as_str);
        let calls_out = text("Type").is_some_and(|kind| kind.eq_ignore_ascii_case("webhook"));
        if !self.settings.check_targets || !calls_out {
            return Ok(());
        }
        let name = hook.get("Name").cloned().unwrap_or_default();
        self.targets.ping(text("TargetUrl"), name, reason, &self.settings, now).map_err(|what| {
            let status = StatusCode::from_u16(self.settings.refused_target_status);
            refused(status.unwrap_or(StatusCode::BAD_REQUEST), &format!("Webhook TargetUrl: {what}"))
        })
    }

    /// The pre-flight: the status is 200 whatever the target does (§4.8).
    pub(crate) fn test(&mut self, members: &Map<String, Value>, now: Timestamp) -> Reply {
        let url = members.get("TargetUrl").and_then(Value::as_str);
        let name = members.get("Name").cloned().unwrap_or_default();
        let outcome = self.targets.ping(url, name, "test", &self.settings, now);
        let result = json!({
            "Success": outcome.is_ok(),
            "Message": outcome.err().unwrap_or_else(|| "OK".to_owned()),
            "TableRight": null,
            "FieldProperties": {},
        });
        Reply::json(StatusCode::OK, &result)
    }

    /// The body and what of it may be set.
    fn members(&self, call: &Call) -> Result<(Value, Map<String, Value>), Reply> {
        if call.body.is_empty() {
            return Err(unreadable("there is no entity in the body"));
        }
        let body = call.json().map_err(|problem| unreadable(&problem.to_string()))?;
        if !body.is_object() {
            return Err(unreadable("the body is not an entity"));
        }
        let members = entity::read(&body, &self.settings).map_err(|name| wrong_type(&name))?;
        Ok((body, members))
    }

    fn shown_by_id(&self, id: i64, call: &Call) -> Reply {
        let Some(hook) = self.store.get(id) else {
            return gone(id);
        };
        let mut entity = hook.entity.clone();
        if self.settings.answers_as_sent
            && let Ok((_, sent)) = self.members(call)
        {
            entity.extend(sent);
        }
        self.shown(&entity, call)
    }

    /// One hook with its links.
    fn shown(&self, hook: &Map<String, Value>, call: &Call) -> Reply {
        let mut shown = entity::render(hook, &self.settings);
        if let Some(wanted) = call.query("$select") {
            entity::select(&mut shown, &wanted);
        }
        let host = call.header("host").unwrap_or("localhost");
        let prefix = call.segments.first().map(String::as_str).unwrap_or_default();
        let archive = format!("http://{host}/{prefix}/api/v1/Webhook");
        let id = hook.get("WebhookId").and_then(Value::as_i64).unwrap_or_default();
        shown.insert("_Links".to_owned(), json!({"Self": format!("{archive}/{id}"), "Archive": archive}));
        Reply::json(StatusCode::OK, &Value::Object(shown))
    }

    /// Version information, open to everybody; HTML unless JSON is asked for (§2.1).
    fn about(&self, call: &Call) -> Reply {
        if !call.header("accept").is_some_and(|accept| accept.contains("json")) {
            return Reply::text(
                StatusCode::OK,
                "text/html; charset=utf-8",
                "<html><body>SuperOffice</body></html>",
            );
        }
        let version = self.settings.version.number();
        let about = json!({
            "v1": "v1",
            "NetServerVersion": version,
            "NetServerAssembly": version,
            "NetServerDate": "2026-01-01",
            "NetServerLabel": format!("Release {version}"),
            "NetServer": version,
            "Services": "Services88",
            "ServicesCurrent": "Services88",
            "Version": version,
        });
        Reply::json(StatusCode::OK, &about)
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// `If-Unmodified-Since` before the last change; an unreadable date is ignored, as HTTP asks.
fn changed_since(call: &Call, hook: &Map<String, Value>) -> bool {
    let limit = call.header("if-unmodified-since").and_then(|text| rfc2822::parse(text).ok());
    let changed =
        hook.get("Updated").and_then(Value::as_str).and_then(|text| format!("{text}Z").parse().ok());
    matches!((limit, changed), (Some(limit), Some(changed)) if limit.timestamp() < changed)
}

fn routes(call: &Call) -> Value {
    let base = call.path.trim_end_matches('/');
    json!({
        format!("{base}/Webhook"): {"GET": "All webhooks", "POST": "New webhook"},
        format!("{base}/Webhook/{{id}}"): {"GET": "One webhook", "PUT": "Update", "DELETE": "Delete"},
    })
}
