//! Brightpearl's integration-service: `/public-api/{account}/integration-service/webhook` (vendors/brightpearl.md §1-§9, list for
//! a sandbox in §9.6).

mod auth;
mod idset;
mod service;
mod settings;
mod store;
mod throttle;
mod validate;

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use crate::exchange::{Call, Reply};
use crate::fault::Operation;
use crate::world::{
    Fake, Place, Refusal, STRAY, VendorName, merge, no_account, no_subscription, patched, shown,
};
use auth::Credentials;
use service::{escape_equals, gateway, nobody, too_many};
use settings::Settings;
use store::Store;
use throttle::Throttle;

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
            Account { credentials: Credentials::usual("acme"), ..Account::default() },
        );
        Self { accounts, stray: Settings::default() }
    }

    fn account(&self, account: &str) -> Result<&Account, Refusal> {
        self.accounts.get(account).ok_or_else(|| no_account(VendorName::Brightpearl, account))
    }

    fn account_mut(&mut self, account: &str) -> Result<&mut Account, Refusal> {
        self.accounts.get_mut(account).ok_or_else(|| no_account(VendorName::Brightpearl, account))
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
        let known = account.filter(|a| self.accounts.contains_key(*a)).map(str::to_owned);
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
            account.serve(call, now)
        };
        let reply = if account.settings.escape_equals { escape_equals(reply) } else { reply };
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
        let plain =
            !account.is_empty() && account.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !plain {
            return Err(Refusal::Bad("an account code is made of lower-case letters and digits".to_owned()));
        }
        let given: Credentials = serde_json::from_value(body).map_err(|e| Refusal::Bad(e.to_string()))?;
        let credentials = if given.is_empty() { Credentials::usual(account) } else { given };
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

    fn insert(&mut self, account: &str, body: Value, now: Timestamp) -> Result<String, Refusal> {
        let account = self.account_mut(account)?;
        let Value::Object(members) = body else {
            return Err(Refusal::Bad("a webhook is a JSON object".to_owned()));
        };
        let id = account.store.insert(members, account.settings.next_id, now);
        account.settings.next_id = account.settings.next_id.max(id + 1);
        Ok(id.to_string())
    }

    fn patch(&mut self, account: &str, id: &str, patch: &Value, _now: Timestamp) -> Result<Value, Refusal> {
        let stored = id.parse().ok().and_then(|n| self.account_mut(account).ok()?.store.get_mut(n));
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
        if account == STRAY { shown(&self.stray) } else { shown(&self.account(account)?.settings) }
    }

    fn patch_settings(&mut self, account: &str, patch: &Value) -> Result<Value, Refusal> {
        if account == STRAY {
            self.stray = patched(&self.stray, patch)?;
            return shown(&self.stray);
        }
        let account = self.account_mut(account)?;
        let wanted: Settings = patched(&account.settings, patch)?;
        if wanted.next_id < account.store.lowest_free() {
            return Err(Refusal::Bad("nextId was used before, and ids are never used again".to_owned()));
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
