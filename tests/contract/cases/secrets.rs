//! Secrets: sent where needed, not needed for comparison, shown nowhere.

use crate::bench::{Bench, fails};
use crate::column::Column;
use crate::run::{Case, cases};
use crate::samples::{TOKEN, document, edited, same};
use hooktender::api::VendorName;
use hooktender::vendor::{Class, Connection, ReadWrite, VendorError};
use serde_json::{Value, json};

pub(super) fn cases() -> Vec<Case> {
    cases![
        "secrets that cannot be read back are sent each time" => write_only,
        "an error that repeats all secrets shows none" => echoed,
        "a refusal of the login that repeats them shows none" => echoed_by_login,
    ]
}

/// Every way in which a vendor may show a secret.
fn habits(vendor: VendorName) -> Vec<Value> {
    match vendor {
        // There is no such field: a secret in an address is read back and compared.
        VendorName::Brightpearl => vec![json!({"escapeEquals": true}), json!({"escapeEquals": false})],
        VendorName::Contensis => ["stars12", "stars8", "absent"]
            .iter()
            .flat_map(|mask| {
                ["keep", "erase", "store-literal"]
                    .map(|put| json!({"secretMask": mask, "secretOnPut": put, "camelHeaders": true}))
            })
            .collect(),
        VendorName::Superoffice => ["clear", "null", "mask"].map(|echo| json!({"secretEcho": echo})).to_vec(),
    }
}

fn secret_of(vendor: VendorName, stored: &Value) -> String {
    let at = match vendor {
        VendorName::Brightpearl => &stored["uriTemplate"],
        VendorName::Contensis => &stored["headers"]["X-Key"]["value"],
        VendorName::Superoffice => &stored["Secret"],
    };
    at.as_str().unwrap_or_default().to_owned()
}

async fn write_only(bench: Bench) {
    let vendor = bench.column.vendor();
    for habit in habits(vendor) {
        let bench = bench.another().await;
        bench.set(habit.clone()).await;
        let connection = bench.connect();
        let desired = document(bench.column, "one");
        same(bench.column, &connection.create(&desired).await.unwrap(), &desired);
        let seen = connection.list().await.unwrap().observed.remove(0);
        same(bench.column, &seen, &desired);
        let sent = |stored: &[Value]| secret_of(vendor, &stored[0]).contains(TOKEN);
        assert!(sent(&bench.stored().await), "{habit}");
        if vendor == VendorName::Brightpearl {
            continue;
        }
        let desired = edited(bench.column, "one");
        same(bench.column, &connection.update(&seen, &desired).await.unwrap(), &desired);
        assert!(sent(&bench.stored().await), "{habit}: {:?}", bench.stored().await);
    }
}

/// Returns every secret that was sent: values of the Secret, values derived from them, and tokens of the vendor.
async fn unspeakable(bench: &Bench) -> Vec<String> {
    let mut found: Vec<String> = bench
        .secrets
        .iter()
        .filter(|(key, _)| !matches!(*key, "id" | "username" | "private-key" | "expires_at"))
        .map(|(_, value)| value.clone())
        .collect();
    found.push(TOKEN.to_owned());
    for entry in bench.journal().await {
        for (name, value) in entry["headers"].as_object().unwrap() {
            if name.contains("token") || name == "authorization" {
                found.push(value.as_str().unwrap().rsplit(' ').next().unwrap().to_owned());
            }
        }
        // A declared secret is known only where it is sent.
        if entry["operation"] == "token"
            && let Some(signed) = entry["body"]["SignedSystemToken"].as_str()
        {
            found.push(signed.to_owned());
        }
    }
    found.sort();
    found.dedup();
    found
}

#[track_caller]
fn shows_none(error: &VendorError, secrets: &[String]) {
    for secret in secrets {
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains(secret.as_str()), "{secret:?} is in {shown}");
        }
    }
}

/// Returns the secrets of the present session.
async fn known(bench: &Bench, connection: &Connection<ReadWrite>) -> Vec<String> {
    bench.forget().await;
    connection.list().await.unwrap();
    unspeakable(bench).await
}

/// Makes the vendor answer creates in this way, and checks the resulting error.
async fn repeats(
    bench: &Bench,
    connection: &Connection<ReadWrite>,
    status: u16,
    body: &Value,
    secrets: &[String],
) {
    // As often as needed: a 403 is tried twice where a new token might help.
    let fault =
        json!({"operation": "create", "times": null, "kind": "status", "status": status, "body": body});
    bench.fault(fault).await;
    let failed = connection.create(&document(bench.column, "one")).await;
    bench.heal().await;
    shows_none(&failed.unwrap_err(), secrets);
}

async fn echoed(bench: Bench) {
    let connection = bench.connect();
    let spellings: [fn(&[String]) -> String; 3] =
        [|all| all.join(" and "), |all| all.concat(), |all| json!(all).to_string()];
    for (index, spell) in spellings.into_iter().enumerate() {
        let statuses: &[u16] =
            if index == 0 { &[200, 400, 404, 409, 418, 422, 500, 503, 403] } else { &[200, 400, 403] };
        for &status in statuses {
            // Each 403 brings a new token where there are tokens.
            let secrets = known(&bench, &connection).await;
            assert!(secrets.len() >= 2, "{secrets:?}");
            let text = spell(&secrets);
            for body in [bench.envelope(&text), json!({"response": text}), json!(text), json!([text])] {
                repeats(&bench, &connection, status, &body, &secrets).await;
                if status == 403 {
                    break;
                }
            }
        }
    }
    // The refusal has the vendor's message, which repeats the refused value (vendors/brightpearl.md 6.3).
    let mut secrets = known(&bench, &connection).await;
    secrets.retain(|secret| secret != TOKEN);
    let text = secrets.join(" ");
    let body = if bench.column.vendor() == VendorName::Brightpearl {
        json!({"response": format!("Invalid instance token: {text}")})
    } else {
        bench.envelope(&text)
    };
    bench
        .fault(json!({"operation": "list", "times": 2, "kind": "status", "status": 401, "body": body}))
        .await;
    shows_none(&fails(connection.list().await, Class::Credentials), &secrets);
}

async fn echoed_by_login(bench: Bench) {
    let connection = bench.connected().await;
    bench.revoke().await;
    let mut secrets = unspeakable(&bench).await;
    // The login does not know the declared values.
    secrets.retain(|secret| secret != TOKEN);
    let text = secrets.join(" and ");
    for (status, body) in [
        (400, json!({"error": text})),
        (400, json!({"error": "invalid_client", "error_description": text})),
        (400, json!(text)),
        (401, json!({"Message": text})),
        (500, json!({"ErrorMessage": text})),
        (500, json!({"message": text})),
        (200, json!({"IsSuccessful": false, "ErrorMessage": text})),
        (200, json!({"IsSuccessful": true, "Token": text})),
        (200, json!({"access_token": [text]})),
    ] {
        bench.fault(json!({"operation": "token", "kind": "status", "status": status, "body": body})).await;
        let error = connection.list().await.unwrap_err();
        secrets.extend(unspeakable(&bench).await.into_iter().filter(|secret| secret != TOKEN));
        shows_none(&error, &secrets);
        if !bench.column.renews() {
            assert_eq!((error.class, bench.count("token").await), (Class::Credentials, 0));
        }
    }
    if bench.column == Column::Oauth {
        assert_eq!(bench.keeper.kept("refresh_token"), None, "nothing was given, so nothing is kept");
    }
}
