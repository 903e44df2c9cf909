//! The control API: tests read and change the vendors' state with it, and set their behaviour.

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::exchange::{Call, Reply};
use crate::fault::Fault;
use crate::world::{Refusal, VendorName, World};

/// What `GET /` shows.
const ROUTES: &[&str] = &[
    "GET /",
    "POST /reset",
    "GET|POST /clock",
    "GET /{vendor}",
    "PUT|DELETE /{vendor}/{account}",
    "GET|POST /{vendor}/{account}/subscriptions",
    "PATCH|DELETE /{vendor}/{account}/subscriptions/{id}",
    "GET|DELETE /{vendor}/{account}/journal",
    "GET /{vendor}/{account}/counts",
    "GET|POST|DELETE /{vendor}/{account}/faults",
    "DELETE /{vendor}/{account}/faults/{id}",
    "GET|PATCH /{vendor}/{account}/settings",
    "POST /{vendor}/{account}/tokens/revoke",
    "GET|PUT|DELETE /superoffice/{account}/targets",
    "GET|DELETE /superoffice/{account}/pings",
];

/// Answers one control request.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    match route(world, call) {
        Ok(Value::Null) => Reply::empty(StatusCode::NO_CONTENT),
        Ok(value) => Reply::json(StatusCode::OK, &value),
        Err(refusal) => {
            let status = match refusal {
                Refusal::Bad(_) => StatusCode::BAD_REQUEST,
                Refusal::Missing(_) => StatusCode::NOT_FOUND,
            };
            Reply::json(status, &json!({"error": refusal.to_string()}))
        }
    }
}

fn route(world: &mut World, call: &Call) -> Result<Value, Refusal> {
    match (&call.method, call.route().as_slice()) {
        (&Method::GET, []) => Ok(json!({"routes": ROUTES})),
        (&Method::POST, ["reset"]) => {
            world.reset();
            Ok(Value::Null)
        }
        (&Method::GET, ["clock"]) => Ok(json!({"now": format!("{:.3}", world.now())})),
        (&Method::POST, ["clock"]) => advance(world, call),
        (method, [vendor, rest @ ..]) => {
            let vendor = VendorName::parse(vendor).ok_or_else(|| {
                Refusal::Missing(format!("{vendor:?} is neither a vendor nor a control route"))
            })?;
            match (method, rest) {
                (&Method::GET, []) => Ok(json!(world.vendor(vendor).accounts())),
                (_, []) => Err(no_route(call)),
                (_, [account, rest @ ..]) => in_account(world, vendor, account, rest, call),
            }
        }
        _ => Err(no_route(call)),
    }
}

fn in_account(
    world: &mut World,
    vendor: VendorName,
    account: &str,
    rest: &[&str],
    call: &Call,
) -> Result<Value, Refusal> {
    let now = world.now();
    match (&call.method, rest) {
        (&Method::PUT, []) => world.vendor_mut(vendor).put_account(account, body(call)?),
        (&Method::DELETE, []) => {
            let known = world.vendor_mut(vendor).remove_account(account);
            if known { Ok(Value::Null) } else { Err(crate::world::no_account(vendor, account)) }
        }
        (&Method::GET, ["subscriptions"]) => world.vendor(vendor).subscriptions(account).map(Value::Array),
        (&Method::POST, ["subscriptions"]) => {
            let id = world.vendor_mut(vendor).insert(account, body(call)?, now)?;
            Ok(json!({"id": id}))
        }
        (&Method::PATCH, ["subscriptions", id]) => {
            world.vendor_mut(vendor).patch(account, id, &body(call)?, now)
        }
        (&Method::DELETE, ["subscriptions", id]) => {
            world.vendor_mut(vendor).remove(account, id).map(|()| Value::Null)
        }
        (&Method::GET, ["settings"]) => world.vendor(vendor).settings(account),
        (&Method::PATCH, ["settings"]) => world.vendor_mut(vendor).patch_settings(account, &body(call)?),
        (&Method::POST, ["tokens", "revoke"]) => {
            world.vendor_mut(vendor).revoke(account).map(|()| Value::Null)
        }
        (_, ["journal" | "counts" | "faults", ..]) => in_ledger(world, vendor, account, rest, call),
        _ => world.vendor_mut(vendor).extra(account, call, rest).unwrap_or_else(|| Err(no_route(call))),
    }
}

fn in_ledger(
    world: &mut World,
    vendor: VendorName,
    account: &str,
    rest: &[&str],
    call: &Call,
) -> Result<Value, Refusal> {
    match (&call.method, rest) {
        (&Method::GET, ["journal"]) => Ok(json!(world.ledger(vendor, account).journal.entries())),
        (&Method::DELETE, ["journal"]) => {
            world.ledger(vendor, account).journal.clear();
            Ok(Value::Null)
        }
        (&Method::GET, ["counts"]) => Ok(json!(world.ledger(vendor, account).journal.counts())),
        (&Method::GET, ["faults"]) => Ok(Value::Array(world.ledger(vendor, account).faults.list())),
        (&Method::POST, ["faults"]) => {
            let fault = Fault::parse(body(call)?).map_err(Refusal::Bad)?;
            Ok(json!({"id": world.push_fault(vendor, account, fault)}))
        }
        (&Method::DELETE, ["faults"]) => {
            world.ledger(vendor, account).faults.remove(None);
            Ok(Value::Null)
        }
        (&Method::DELETE, ["faults", id]) => {
            let number = id.parse().map_err(|_| Refusal::Bad(format!("{id:?} is not the id of a fault")))?;
            if world.ledger(vendor, account).faults.remove(Some(number)) {
                Ok(Value::Null)
            } else {
                Err(Refusal::Missing(format!("no fault {number}; it may be used up")))
            }
        }
        _ => Err(no_route(call)),
    }
}

fn advance(world: &mut World, call: &Call) -> Result<Value, Refusal> {
    let millis = body(call)?
        .get("advanceMillis")
        .and_then(Value::as_i64)
        .ok_or_else(|| Refusal::Bad("the clock takes {\"advanceMillis\": <integer>}".to_owned()))?;
    let now = world.advance(SignedDuration::from_millis(millis));
    Ok(json!({"now": format!("{now:.3}")}))
}

/// An empty body counts as an empty object.
fn body(call: &Call) -> Result<Value, Refusal> {
    if call.body.is_empty() {
        return Ok(json!({}));
    }
    call.json().map_err(|e| Refusal::Bad(format!("the body is not JSON: {e}")))
}

fn no_route(call: &Call) -> Refusal {
    Refusal::Bad(format!("no control route {} {}; GET / lists them", call.method, call.path))
}
