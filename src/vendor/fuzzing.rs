//! Fuzz targets for vendors' answers and for credentials. Each function accepts any bytes, has to return, and asserts what holds
//! for all of them.

use super::connection::observed;
use super::superoffice::key::PrivateKey;
use super::transport::{Access, Answer, Http, Operation, Transport};
use super::{AllowedEndpoints, Budget, Class, Credentials, VendorError};
use super::{brightpearl, contensis, superoffice};
use crate::api::SecretKeyRef;
use crate::api::VendorName;
use crate::api::account::Vendor;
use crate::plan::{Observed, Redactor};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Two secrets of the account. They replace `@@` and `##` in an answer.
const SECRETS: [(&str, &str); 2] = [("@@", "hunter2hunter2"), ("##", "p\"ss w/rd")];

/// Clients that read answers. They make no calls.
struct Clients {
    brightpearl: brightpearl::Brightpearl,
    contensis: contensis::Contensis,
    superoffice: superoffice::Superoffice,
}

static CLIENTS: LazyLock<Option<Clients>> = LazyLock::new(clients);

fn clients() -> Option<Clients> {
    let at = |key: &str| SecretKeyRef { name: "login".into(), key: key.into() };
    let key = |key: &str| json!({"name": "login", "key": key});
    let mut credentials = Credentials::default();
    credentials.insert(&at("a"), SECRETS[0].1.into());
    credentials.insert(&at("b"), SECRETS[1].1.into());
    let accounts = json!([
        {"brightpearl": {"account": "acme", "datacenter": "euw1",
            "credentials": {"staffToken": {"appRef": "acme_x", "tokenSecretRef": key("a")}}}},
        {"contensis": {"alias": "example", "project": "movies",
            "credentials": {"clientCredentials": {"clientIdSecretRef": key("a"), "clientSecretSecretRef": key("b")}}}},
        {"superoffice": {"onsite": {"url": "https://online.superoffice.com/"},
            "credentials": {"basic": {"usernameSecretRef": key("a"), "passwordSecretRef": key("b")}}}},
    ]);
    let accounts: Vec<Vendor> = serde_json::from_value(accounts).ok()?;
    let http = Http::default();
    let transport = |account: &Vendor| {
        let budget = Arc::new(Budget::of(account, None));
        let (name, report) = (account.name(), Arc::new(|_| {}));
        Transport::new(&http, name, Access::ReadOnly, Redactor::default(), budget, report)
    };
    let (mut brightpearl, mut contensis, mut superoffice) = (None, None, None);
    for account in &accounts {
        let transport = transport(account);
        let allowed = AllowedEndpoints::default().of_account(account.name(), "default");
        match account {
            Vendor::Brightpearl(a) => {
                brightpearl = brightpearl::Brightpearl::new(a, &credentials, &allowed, transport).ok();
            }
            Vendor::Contensis(a) => {
                contensis = contensis::Contensis::new(a, &credentials, &allowed, transport).ok();
            }
            Vendor::Superoffice(a) => {
                superoffice = superoffice::Superoffice::new(a, &credentials, &allowed, transport).ok();
            }
        }
    }
    Some(Clients { brightpearl: brightpearl?, contensis: contensis?, superoffice: superoffice? })
}

fn redactor() -> Redactor {
    let mut redactor = Redactor::default();
    for (_, secret) in SECRETS {
        redactor.hide(&secret.into(), "(redacted)");
    }
    redactor
}

/// Builds an answer: the first byte selects the operation, the second the status, the rest is the body.
fn answer(data: &[u8]) -> Option<Answer> {
    let (&[operation, status], body) = data.split_first_chunk::<2>()?;
    let operations = [
        Operation::List,
        Operation::Read,
        Operation::Create,
        Operation::Update,
        Operation::Delete,
        Operation::Token,
        Operation::Validate,
    ];
    let codes = [200, 201, 204, 301, 400, 401, 403, 404, 409, 410, 412, 421, 422, 429, 500, 503];
    let mut body = String::from_utf8_lossy(body).into_owned();
    for (mark, secret) in SECRETS {
        let spelling = if operation % 2 == 0 { json!(secret).to_string() } else { secret.to_owned() };
        body = body.replace(mark, spelling.trim_matches('"'));
    }
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let status = StatusCode::from_u16(codes[usize::from(status) % codes.len()]).ok()?;
    let operation = operations[usize::from(operation / 2) % operations.len()];
    Some(Answer::of(operation, status, headers, &body).with_secrets(redactor()))
}

fn assert_can_be_shown(error: &VendorError) {
    for (_, secret) in SECRETS {
        assert!(!error.message.contains(secret), "an error shows a secret");
    }
    assert!(error.message.chars().count() < 700, "an error is too long for a condition");
    assert!(!error.outcome_unknown || error.operation.writes(), "only a write has an unknown outcome");
}

/// For any answer: an error shows no secret, and a subscription that is sent back reads the same.
///
/// # Panics
///
/// If that does not hold.
pub fn vendor_answer(vendor: VendorName, data: &[u8]) {
    let Some(answer) = answer(data) else { return };
    let clients = CLIENTS.as_ref();
    assert!(clients.is_some(), "the clients cannot be built");
    let Some(clients) = clients else { return };
    let failed = match vendor {
        VendorName::Brightpearl => clients.brightpearl.error_of(&answer),
        VendorName::Contensis => clients.contensis.error_of(&answer),
        VendorName::Superoffice => clients.superoffice.error_of(&answer),
    };
    assert_can_be_shown(&failed);
    // As a list, as a paging envelope, and as one subscription.
    if let Err(error) = answer.json::<Vec<&RawValue>>() {
        assert_can_be_shown(&error);
    }
    let listed = match vendor {
        VendorName::Brightpearl => brightpearl::items(&answer),
        VendorName::Contensis => contensis::items(&answer),
        VendorName::Superoffice => answer.json::<Vec<&RawValue>>(),
    };
    for item in listed.unwrap_or_default().into_iter().chain(answer.json::<&RawValue>()) {
        for language in [None, Some("en-GB")] {
            match observed(vendor, &answer, item, language) {
                Ok(seen) => assert_round_trip(vendor, &answer, &seen, language),
                Err(why) => assert_can_be_shown(&answer.malformed(&why)),
            }
        }
    }
}

/// Asserts that a subscription that is sent as it was read reads the same, so that no update leads to another one.
fn assert_round_trip(vendor: VendorName, answer: &Answer, seen: &Observed, language: Option<&str>) {
    let (mut body, id) = match vendor {
        VendorName::Brightpearl => (brightpearl::document::body(&seen.document), "id"),
        VendorName::Contensis => {
            (contensis::document::body(&seen.document, Some(&seen.answer()), language), "id")
        }
        VendorName::Superoffice => {
            let generation = superoffice::generation(&seen.answer());
            (superoffice::document::body(&seen.document, Some(&seen.answer()), generation), "WebhookId")
        }
    };
    let number = || seen.id.as_str().parse::<i64>().ok().map(Value::from);
    if let Some(body) = body.as_object_mut() {
        let named = if vendor == VendorName::Contensis { Some(seen.id.as_str().into()) } else { number() };
        body.insert(id.into(), named.unwrap_or_default());
    }
    let again = to_raw_value(&body).ok().and_then(|body| observed(vendor, answer, &body, language).ok());
    assert!(again.is_some(), "the body that is sent cannot be read");
    let same = again.is_some_and(|again| super::rules(vendor).equal(&again.document, &seen.document));
    assert!(same, "the body that is sent differs from what was read");
}

/// For any text as an app's private key: a problem shows no byte of it, and an accepted key signs.
///
/// # Panics
///
/// If that does not hold.
pub fn private_key(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match PrivateKey::parse(&text) {
        Ok(key) => {
            assert!(key.sign(b"data").is_ok(), "an accepted key signs");
            assert!(
                PrivateKey::parse(&format!("\n {text}\r\n")).is_ok(),
                "white space around a key is ignored"
            );
        }
        Err(problem) => {
            let of_a_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
            let longest = problem.split(|c| !of_a_key(c)).map(str::len).max();
            // The longest word of the library's messages is InconsistentComponents.
            assert!(longest.is_none_or(|length| length < 24), "a problem shows part of the key");
            assert!(problem.len() < 500, "a problem is too long");
        }
    }
}

/// For any headers: a wait is neither zero nor endless, and no number overflows. One header per line: `Retry-After`, `Date`, and
/// the two of Brightpearl's.
///
/// # Panics
///
/// If that does not hold.
pub fn headers(data: &[u8]) {
    let mut headers = HeaderMap::new();
    let names = [
        RETRY_AFTER,
        DATE,
        HeaderName::from_static("brightpearl-next-throttle-period"),
        HeaderName::from_static("brightpearl-requests-remaining"),
    ];
    for (name, line) in names.into_iter().zip(data.split(|byte| *byte == b'\n')) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.insert(name, value);
        }
    }
    let _ = brightpearl::left(&headers);
    for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE, StatusCode::BAD_GATEWAY] {
        let answer = Answer::of(Operation::Create, status, headers.clone(), "{}");
        let day = Duration::from_secs(24 * 3600);
        let failed = answer.status_error(None);
        assert!(failed.retry_after.is_none_or(|wait| wait <= day), "a wait is endless");
        let hot = failed.class == Class::Throttled && failed.retry_after.is_some_and(|wait| wait.is_zero());
        assert!(!hot, "a wait is zero");
        if let Some(clients) = CLIENTS.as_ref() {
            let failed = clients.brightpearl.error_of(&answer);
            assert!(failed.retry_after.is_none_or(|wait| wait <= day), "a wait is endless");
        }
    }
}
