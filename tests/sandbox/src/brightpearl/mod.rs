//! Brightpearl's integration-service: `/public-api/{account}/integration-service/webhook`
//! (vendors/brightpearl.md §1-§9, list for a stand-in in §9.6).

mod auth;
mod idset;
mod store;
mod throttle;
mod validate;

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exchange::{Call, Reply};
use crate::fault::Operation;
use crate::world::{
    Fake, Place, Refusal, STRAY, VendorName, merge, no_account, no_subscription, patched, shown,
};
use auth::Credentials;
use store::Store;
use throttle::Throttle;

/// Dialect switches; the defaults are the dossier's best guess (vendors/brightpearl.md §9.6).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Settings {
    /// The id that the next webhook gets; never below one that was used.
    next_id: u64,
    /// Requests allowed in a window (§7).
    throttle_cap: u64,
    /// Length of a window in milliseconds; windows are aligned to the clock (§7).
    throttle_window_millis: i64,
    /// Status for an account that nobody knows: 404 or 401. Read from the settings of account `_`.
    unknown_account_status: u16,
    /// An account without webhooks answers 200 and `[]` instead of 404 (§2.3).
    empty_list_ok: bool,
    /// Status for a JSON value of the wrong type: 500 or 400 (§8.2).
    wrong_type_status: u16,
    /// Status for PUT and PATCH: 405 or 404.
    update_status: u16,
    /// Refuse templates that lack one of the four variables (§4.3).
    require_variables: bool,
    /// Accept any event name.
    lenient_events: bool,
    /// Further event names to accept.
    extra_events: Vec<String>,
    /// Leave `qualityOfService` out of answers when it was never sent (§2.2).
    omit_unset_quality_of_service: bool,
    /// Leave `idSetAccepted` out of answers when it was never sent.
    omit_unset_id_set_accepted: bool,
    /// Write `=` as an escape in JSON answers (§9.5).
    escape_equals: bool,
    /// `normal`, `expired` or `invalid`: the latter two refuse every credential (§6.3).
    auth_mode: AuthMode,
    /// A refresh replaces the refresh token, and the old one is void (§6.2).
    rotate_refresh_tokens: bool,
}

/// How credentials fare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuthMode {
    Normal,
    Expired,
    Invalid,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            next_id: 1,
            throttle_cap: 200,
            throttle_window_millis: 60_000,
            unknown_account_status: 404,
            empty_list_ok: false,
            wrong_type_status: 500,
            update_status: 405,
            require_variables: true,
            lenient_events: false,
            extra_events: Vec::new(),
            omit_unset_quality_of_service: true,
            omit_unset_id_set_accepted: false,
            escape_equals: true,
            auth_mode: AuthMode::Normal,
            rotate_refresh_tokens: true,
        }
    }
}

/// One customer account.
#[derive(Debug, Default)]
struct Account {
    credentials: Credentials,
    settings: Settings,
    store: Store,
    throttle: Throttle,
}

/// The vendor.
#[derive(Debug)]
pub(crate) struct Brightpearl {
    accounts: BTreeMap<String, Account>,
    stray: Settings,
}

impl Brightpearl {
    /// With the built-in account `acme`.
    pub(crate) fn new() -> Self {
        let mut accounts = BTreeMap::new();
        accounts.insert(
            "acme".to_owned(),
            Account {
                credentials: Credentials::usual("acme"),
                ..Account::default()
            },
        );
        Self {
            accounts,
            stray: Settings::default(),
        }
    }

    fn account(&self, account: &str) -> Result<&Account, Refusal> {
        self.accounts
            .get(account)
            .ok_or_else(|| no_account(VendorName::Brightpearl, account))
    }

    fn account_mut(&mut self, account: &str) -> Result<&mut Account, Refusal> {
        self.accounts
            .get_mut(account)
            .ok_or_else(|| no_account(VendorName::Brightpearl, account))
    }
}

impl Fake for Brightpearl {
    fn locate(&self, call: &Call) -> Place {
        let route = call.route();
        let (account, operation) = match (&call.method, route.as_slice()) {
            (_, ["token", account]) => (Some(*account), Operation::Token),
            (method, ["public-api", account, "integration-service", "webhook", rest @ ..]) => {
                let operation = match (method, rest) {
                    (&Method::GET, []) => Operation::List,
                    (&Method::GET, [_]) => Operation::Get,
                    (&Method::POST, []) => Operation::Create,
                    (&Method::DELETE, _) => Operation::Delete,
                    (&Method::PUT | &Method::PATCH, _) => Operation::Update,
                    _ => Operation::Other,
                };
                (Some(*account), operation)
            }
            (_, ["public-api", account, ..]) => (Some(*account), Operation::Other),
            _ => (None, Operation::Other),
        };
        let known = account
            .filter(|a| self.accounts.contains_key(*a))
            .map(str::to_owned);
        Place::new(known, operation)
    }

    fn handle(&mut self, account: &str, call: &Call, now: Timestamp) -> Reply {
        let Some(account) = self.accounts.get_mut(account) else {
            return nobody(&self.stray);
        };
        if let ["token", _] = call.route().as_slice() {
            return account.credentials.token(call, &account.settings, now);
        }
        let pool = auth::pool(call);
        let meter = account.throttle.count(pool, &account.settings, now);
        let (message_type, reply) = if meter.over {
            ("api-proxy", too_many())
        } else if let Err(text) = account.credentials.check(call, &account.settings, now) {
            ("api-proxy", gateway(StatusCode::UNAUTHORIZED, &text))
        } else {
            account.serve(call)
        };
        let reply = if account.settings.escape_equals {
            escape_equals(reply)
        } else {
            reply
        };
        reply
            .with("message-type", message_type)
            .with("ruid", &uuid::Uuid::new_v4().to_string())
            .with("brightpearl-requests-remaining", &meter.remaining.to_string())
            .with("brightpearl-next-throttle-period", &meter.millis_left.to_string())
            .with("cache-control", "no-cache, must-revalidate")
    }

    fn accounts(&self) -> Vec<String> {
        self.accounts.keys().cloned().collect()
    }

    fn put_account(&mut self, account: &str, body: Value) -> Result<Value, Refusal> {
        let plain = !account.is_empty()
            && account
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !plain {
            return Err(Refusal::Bad(
                "an account code is made of lower-case letters and digits".to_owned(),
            ));
        }
        let given: Credentials = serde_json::from_value(body).map_err(|e| Refusal::Bad(e.to_string()))?;
        let credentials = if given.is_empty() {
            Credentials::usual(account)
        } else {
            given
        };
        let answer = shown(&credentials)?;
        self.accounts.entry(account.to_owned()).or_default().credentials = credentials;
        Ok(answer)
    }

    fn remove_account(&mut self, account: &str) -> bool {
        self.accounts.remove(account).is_some()
    }

    fn subscriptions(&self, account: &str) -> Result<Vec<Value>, Refusal> {
        Ok(self.account(account)?.store.all())
    }

    fn insert(&mut self, account: &str, body: Value, _now: Timestamp) -> Result<String, Refusal> {
        let account = self.account_mut(account)?;
        let Value::Object(members) = body else {
            return Err(Refusal::Bad("a webhook is a JSON object".to_owned()));
        };
        let id = account.store.insert(members, account.settings.next_id);
        account.settings.next_id = account.settings.next_id.max(id + 1);
        Ok(id.to_string())
    }

    fn patch(&mut self, account: &str, id: &str, patch: &Value, _now: Timestamp) -> Result<Value, Refusal> {
        let stored = id
            .parse()
            .ok()
            .and_then(|n| self.account_mut(account).ok()?.store.get_mut(n));
        let stored = stored.ok_or_else(|| no_subscription(id))?;
        let own_id = stored["id"].clone();
        merge(stored, patch);
        stored["id"] = own_id;
        Ok(stored.clone())
    }

    fn remove(&mut self, account: &str, id: &str) -> Result<(), Refusal> {
        let store = &mut self.account_mut(account)?.store;
        let gone = id.parse().is_ok_and(|number| store.remove(number));
        if gone { Ok(()) } else { Err(no_subscription(id)) }
    }

    fn settings(&self, account: &str) -> Result<Value, Refusal> {
        if account == STRAY {
            shown(&self.stray)
        } else {
            shown(&self.account(account)?.settings)
        }
    }

    fn patch_settings(&mut self, account: &str, patch: &Value) -> Result<Value, Refusal> {
        if account == STRAY {
            self.stray = patched(&self.stray, patch)?;
            return shown(&self.stray);
        }
        let account = self.account_mut(account)?;
        let wanted: Settings = patched(&account.settings, patch)?;
        if wanted.next_id < account.store.lowest_free() {
            return Err(Refusal::Bad(
                "nextId was used before, and ids are never used again".to_owned(),
            ));
        }
        if wanted.throttle_window_millis < 1 {
            return Err(Refusal::Bad("throttleWindowMillis must be 1 or more".to_owned()));
        }
        account.settings = wanted;
        shown(&account.settings)
    }

    fn revoke(&mut self, account: &str) -> Result<(), Refusal> {
        self.account_mut(account)?.credentials.revoke();
        Ok(())
    }
}

impl Account {
    /// The service behind the gateway; the first part is the `Message-Type` (§2.7).
    fn serve(&mut self, call: &Call) -> (&'static str, Reply) {
        let route = call.route();
        let Some(["integration-service", "webhook", rest @ ..]) = route.get(2..) else {
            return (
                "api-proxy",
                not_found(&format!("There is no resource at {}", call.path)),
            );
        };
        match (&call.method, rest) {
            (&Method::POST, []) => ("post-webhook", self.create(call)),
            (&Method::GET, []) => named("webhook-get", "get-webhook", self.list()),
            (&Method::GET, [ids]) => named("webhook-get", "get-webhook", self.get(ids)),
            (&Method::DELETE, [id]) => named("webhook-delete", "delete-webhook", self.delete(id)),
            (&Method::POST, [id, "simulate"]) => ("webhook-simulate-post", self.simulate(id, call)),
            (&Method::PUT | &Method::PATCH, _) if self.settings.update_status == 404 => (
                "api-proxy",
                not_found(&format!("There is no resource at {}", call.path)),
            ),
            (_, [] | [_]) => (
                "api-proxy",
                errors(StatusCode::METHOD_NOT_ALLOWED, &[method_refused(call)]),
            ),
            _ => (
                "api-proxy",
                not_found(&format!("There is no resource at {}", call.path)),
            ),
        }
    }

    /// Answers with the bare id; every problem of the request at once (§2.1).
    fn create(&mut self, call: &Call) -> Reply {
        match validate::webhook(call, &self.settings) {
            Ok(members) => {
                let id = self.store.insert(members, self.settings.next_id);
                self.settings.next_id = id + 1;
                response(&json!(id))
            }
            Err(refusal) => errors(refusal.status, &refusal.problems),
        }
    }

    fn list(&self) -> Reply {
        let all = self.store.all();
        if all.is_empty() && !self.settings.empty_list_ok {
            return not_found("There are no webhooks in ID set ");
        }
        response(&Value::Array(all))
    }

    /// Part of a set is enough for a 200; nothing of it is a 404 (§2.3).
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
        if call
            .json()
            .is_ok_and(|body| body.get("testData").is_some_and(Value::is_object))
        {
            return json_reply(StatusCode::OK, &json!({}));
        }
        errors(
            StatusCode::BAD_REQUEST,
            &[("CMNC-010".to_owned(), "testData is missing".to_owned())],
        )
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
    let list: Vec<Value> = problems
        .iter()
        .map(|(code, message)| json!({"code": code, "message": message}))
        .collect();
    json_reply(status, &json!({"errors": list}))
}

/// The gateway's envelope (§8.1).
fn gateway(status: StatusCode, text: &str) -> Reply {
    json_reply(status, &json!({"response": text}))
}

fn not_found(message: &str) -> Reply {
    errors(
        StatusCode::NOT_FOUND,
        &[("CMNC-404".to_owned(), message.to_owned())],
    )
}

/// No recording shows an unreadable set at the webhook service; 400 is the dossier's choice (§3).
fn bad_set(ids: &str) -> Reply {
    errors(
        StatusCode::BAD_REQUEST,
        &[(
            "CMNC-018".to_owned(),
            format!("{ids} cannot be used as an ID here"),
        )],
    )
}

fn method_refused(call: &Call) -> (String, String) {
    (
        "CMNC-405".to_owned(),
        format!("{} is not offered here", call.method),
    )
}

fn too_many() -> Reply {
    gateway(
        StatusCode::SERVICE_UNAVAILABLE,
        "You have sent too many requests. Please wait for the next throttle period",
    )
}

fn nobody(stray: &Settings) -> Reply {
    let reply = if stray.unknown_account_status == 401 {
        gateway(StatusCode::UNAUTHORIZED, "Not authenticated: no such account")
    } else {
        not_found("There is no resource for this account")
    };
    reply
        .with("message-type", "api-proxy")
        .with("ruid", &uuid::Uuid::new_v4().to_string())
}

/// `=` can stand only inside strings, so a plain replacement is safe.
fn escape_equals(mut reply: Reply) -> Reply {
    if let Ok(text) = std::str::from_utf8(&reply.body)
        && text.contains('=')
    {
        reply.body = text.replace('=', "\\u003d").into();
    }
    reply
}
