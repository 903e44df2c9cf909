//! The webhook service behind the gateway, and the answers of both (vendors/brightpearl.md §2, §8.1).

use axum::http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::settings::Settings;
use super::{Account, idset, validate};
use crate::exchange::{Call, Reply, lowercase_host};

impl Account {
    /// The service behind the gateway; the first part is the `Message-Type` (§2.7).
    pub(super) fn serve(&mut self, call: &Call, now: Timestamp) -> (&'static str, Reply) {
        let route = call.route();
        let Some(["integration-service", "webhook", rest @ ..]) = route.get(2..) else {
            return ("api-proxy", not_found(&format!("There is no resource at {}", call.path)));
        };
        match (&call.method, rest) {
            (&Method::POST, []) => ("post-webhook", self.create(call, now)),
            (&Method::GET, []) => named("webhook-get", "get-webhook", self.list(now)),
            (&Method::GET, [ids]) => named("webhook-get", "get-webhook", self.get(ids)),
            (&Method::DELETE, [id]) => named("webhook-delete", "delete-webhook", self.delete(id)),
            (&Method::POST, [id, "simulate"]) => ("webhook-simulate-post", self.simulate(id, call)),
            (&Method::PUT | &Method::PATCH, _) if self.settings.update_status == 404 => {
                ("api-proxy", not_found(&format!("There is no resource at {}", call.path)))
            }
            (_, [] | [_]) => ("api-proxy", errors(StatusCode::METHOD_NOT_ALLOWED, &[method_refused(call)])),
            _ => ("api-proxy", not_found(&format!("There is no resource at {}", call.path))),
        }
    }

    /// Answers with the bare id; reports every problem of the request at once (§2.1).
    fn create(&mut self, call: &Call, now: Timestamp) -> Reply {
        match validate::webhook(call, &self.settings) {
            Ok(mut members) => {
                if let Some(Value::String(uri)) = members.get_mut("uriTemplate") {
                    *uri = self.stored_uri(uri);
                }
                let id = self.store.insert(members, self.settings.next_id, now);
                self.settings.next_id = id + 1;
                response(&json!(id))
            }
            Err(refusal) => errors(refusal.status, &refusal.problems),
        }
    }

    /// The URI template as this dialect stores it.
    fn stored_uri(&self, sent: &str) -> String {
        let uri = if self.settings.lowercase_host { lowercase_host(sent) } else { sent.to_owned() };
        if self.settings.cut_last_slash { uri.trim_end_matches('/').to_owned() } else { uri }
    }

    fn list(&self, now: Timestamp) -> Reply {
        let delay = SignedDuration::from_millis(self.settings.visibility_delay_millis);
        let all = self.store.listed(delay, now);
        if all.is_empty() && !self.settings.empty_list_ok {
            return not_found("There are no webhooks in ID set ");
        }
        response(&Value::Array(all))
    }

    /// Part of a set is enough for a 200; none of it is a 404 (§2.3).
    fn get(&self, ids: &str) -> Reply {
        let Some(wanted) = idset::parse(ids) else {
            return bad_set(ids);
        };
        let found = self.store.some(&wanted);
        if found.is_empty() {
            return not_found(&format!("There are no webhooks in ID set {ids}"));
        }
        response(&Value::Array(found))
    }

    /// One id only (§2.4).
    fn delete(&mut self, id: &str) -> Reply {
        let Some(number) = idset::single(id) else {
            return bad_set(id);
        };
        if self.store.remove(number) {
            json_reply(StatusCode::OK, &json!({}))
        } else {
            not_found(&format!("Webhook not found: {id}"))
        }
    }

    /// The answer is not documented (§2.5).
    fn simulate(&self, id: &str, call: &Call) -> Reply {
        let known = idset::single(id).is_some_and(|number| self.store.contains(number));
        if !known {
            return not_found(&format!("Webhook not found: {id}"));
        }
        if call.json().is_ok_and(|body| body.get("testData").is_some_and(Value::is_object)) {
            return json_reply(StatusCode::OK, &json!({}));
        }
        errors(StatusCode::BAD_REQUEST, &[("CMNC-010".to_owned(), "testData is missing".to_owned())])
    }
}

fn named(done: &'static str, refused: &'static str, reply: Reply) -> (&'static str, Reply) {
    (if reply.status.is_success() { done } else { refused }, reply)
}

fn json_reply(status: StatusCode, value: &Value) -> Reply {
    Reply::text(status, "application/json;charset=UTF-8", value.to_string())
}

fn response(value: &Value) -> Reply {
    json_reply(StatusCode::OK, &json!({"response": value}))
}

/// The services' envelope (§8.1).
fn errors(status: StatusCode, problems: &[(String, String)]) -> Reply {
    let list: Vec<Value> =
        problems.iter().map(|(code, message)| json!({"code": code, "message": message})).collect();
    json_reply(status, &json!({"errors": list}))
}

/// The gateway's envelope (§8.1).
pub(super) fn gateway(status: StatusCode, text: &str) -> Reply {
    json_reply(status, &json!({"response": text}))
}

fn not_found(message: &str) -> Reply {
    errors(StatusCode::NOT_FOUND, &[("CMNC-404".to_owned(), message.to_owned())])
}

/// No recording shows an unreadable set at the webhook service; 400 is our choice (§3).
fn bad_set(ids: &str) -> Reply {
    errors(StatusCode::BAD_REQUEST, &[("CMNC-018".to_owned(), format!("{ids} cannot be used as an ID here"))])
}

fn method_refused(call: &Call) -> (String, String) {
    ("CMNC-405".to_owned(), format!("{} is not offered here", call.method))
}

pub(super) fn too_many() -> Reply {
    gateway(
        StatusCode::SERVICE_UNAVAILABLE,
        "You have sent too many requests. Please wait for the next throttle period",
    )
}

pub(super) fn nobody(stray: &Settings) -> Reply {
    let reply = if stray.unknown_account_status == 401 {
        gateway(StatusCode::UNAUTHORIZED, "Not authenticated: no such account")
    } else {
        not_found("There is no resource for this account")
    };
    reply.with("message-type", "api-proxy").with("ruid", &uuid::Uuid::new_v4().to_string())
}

/// `=` can stand only inside strings, so a plain replacement is safe.
pub(super) fn escape_equals(mut reply: Reply) -> Reply {
    if let Ok(text) = std::str::from_utf8(&reply.body)
        && text.contains('=')
    {
        reply.body = text.replace('=', "\\u003d").into();
    }
    reply
}
