//! The same service behind `POST /api/v1/Agents/Webhook/{Method}`, which the vendor's own clients use (vendors/superoffice.md
//! §5). A missing hook is `null` with status 200 here.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::auth::Caller;
use super::refusals::{no_route, wrong_type};
use super::store::Filters;
use super::{Tenant, entity};
use crate::exchange::{Call, Reply};

/// `StatusFilter` as a number, as the vendor's client sends it.
const STATES: [&str; 4] = ["Unknown", "Active", "Stopped", "TooManyErrors"];

impl Tenant {
    /// Answers one method of the agent; its name is in lower case.
    pub(crate) fn agent(&mut self, name: &str, call: &Call, who: &Caller, now: Timestamp) -> Reply {
        let body = call.json().unwrap_or_default();
        match name {
            "createdefaultwebhook" => self.template(),
            "savewebhook" => {
                let saved = match member(&body, "WebhookId").as_i64() {
                    None | Some(0) => self.create(call, who, now),
                    Some(id) => {
                        self.foreign(id, who).map_or_else(|| self.put(id, call, who, now), Result::Err)
                    }
                };
                saved.map_or_else(|refusal| refusal, |id| self.hook(id))
            }
            "getwebhook" => match in_query(call) {
                Some(id) => self.foreign(id, who).unwrap_or_else(|| self.hook(id)),
                None => no_route(call),
            },
            "deletewebhook" => match in_query(call) {
                Some(id) => self.foreign(id, who).unwrap_or_else(|| {
                    self.store.remove(id);
                    Reply::empty(StatusCode::NO_CONTENT)
                }),
                None => no_route(call),
            },
            "getallwebhooks" => {
                Reply::json(StatusCode::OK, &Value::Array(self.matching(&filters(&body), who)))
            }
            "testwebhook" => match entity::read(member(&body, "Webhook"), &self.settings) {
                Ok(members) => self.test(&members, now),
                Err(wrong) => wrong_type(&wrong),
            },
            // Nothing is called.
            "signalevent" => Reply::empty(StatusCode::NO_CONTENT),
            "getlasterror" => {
                let hook = member(&body, "WebhookId").as_i64().and_then(|id| self.store.get(id));
                let error = hook.and_then(|hook| hook.entity.get("LastError")).and_then(Value::as_str);
                Reply::json(StatusCode::OK, &json!(error.unwrap_or_default()))
            }
            _ => no_route(call),
        }
    }

    /// A stored hook, without links; `null` if there is none.
    fn hook(&self, id: i64) -> Reply {
        let shown =
            self.store.get(id).map(|hook| Value::Object(entity::render(&hook.entity, &self.settings)));
        Reply::json(StatusCode::OK, &shown.unwrap_or_default())
    }
}

fn filters(body: &Value) -> Filters {
    let text = |name| member(body, name).as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let numbered = member(body, "StatusFilter").as_u64().and_then(|state| usize::try_from(state).ok());
    let state = numbered.and_then(|state| STATES.get(state)).map(|state| (*state).to_owned());
    Filters {
        name: text("NameFilter"),
        event: text("EventFilter"),
        state: state.or_else(|| text("StatusFilter")).filter(|state| !state.eq_ignore_ascii_case(STATES[0])),
        until: None,
    }
}

/// A member of a body, its name compared without case.
fn member<'a>(body: &'a Value, name: &str) -> &'a Value {
    let members = body.as_object();
    let found = members.and_then(|all| all.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)));
    found.map_or(&Value::Null, |(_, value)| value)
}

fn in_query(call: &Call) -> Option<i64> {
    call.query("webhookId")?.parse().ok()
}
