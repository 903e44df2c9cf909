//! SuperOffice's system user: keys in every format, clocks, and tokens that must not be trusted.

use crate::bench::{Bench, fails, says};
use crate::keys;
use crate::run::{Case, cases};
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hooktender::vendor::{Class, ReadWrite};
use serde_json::json;
use std::time::{Duration, SystemTime};

pub(super) fn cases() -> Vec<Case> {
    cases![
        "a private key as PKCS#8, PKCS#1, or RSA XML" => forms,
        "what is no private key is told before any call" => no_key,
        "another app's key" => wrong_key,
        "a clock that is wrong" => wrong_clock,
        "an app that was revoked" => revoked,
        "every refusal says what to do" => refusals,
        "a token that is not the vendor's is not trusted" => untrusted,
        "a token that nobody signed is not trusted" => unsigned,
        "published keys that cannot be had" => no_keys,
    ]
}

async fn forms(mut bench: Bench) {
    let pem = bench.world.private_pem.clone();
    let windows = pem.replace('\n', "\r\n");
    for key in [pem.clone(), windows, format!("\n{pem}\n\n"), keys::pkcs1(&pem), keys::xml(&pem)] {
        bench.put("private-key", key);
        bench.connect().list().await.unwrap();
    }
    assert_eq!(bench.count("token").await, 5);
}

async fn no_key(mut bench: Bench) {
    let pem = bench.world.private_pem.clone();
    let xml = keys::xml(&pem);
    let public = xml[..xml.find("  <D>").unwrap()].to_owned() + "</RSAKeyValue>";
    let half = pem[..pem.len() / 2].to_owned();
    for key in ["canary-key".to_owned(), half, bench.world.public_pem.clone(), public, "<x/>".to_owned()] {
        bench.put("private-key", key.clone());
        let error = bench.try_open::<ReadWrite>().err().unwrap().to_string();
        assert!(error.contains("the key private-key of Secret login"), "{error}");
        assert!(!error.contains("canary") && !error.contains(&key[key.len() / 2..]), "{error}");
    }
    assert_eq!(bench.total().await, 0);
}

async fn wrong_key(mut bench: Bench) {
    bench.put("private-key", World::new().await.private_pem.clone());
    let error = fails(bench.connect().list().await, Class::Credentials);
    says(&error, &["InvalidSignature", "the key private-key of Secret login"]);
    assert_eq!((bench.count("token").await, bench.count("list").await), (1, 0));
}

async fn wrong_clock(bench: Bench) {
    // The clock belongs to the whole sandbox: this case needs its own.
    let world = World::new().await;
    let bench = Bench::new(world, bench.column).await;
    bench.world.control("POST", "/clock", &json!({"advanceMillis": 3_600_000})).await;
    let error = fails(bench.connect().list().await, Class::Credentials);
    says(&error, &["InvalidTimestamp", "correct the clock"]);
    // The answer's own date says how far it is off.
    let theirs = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
    let body = json!({"IsSuccessful": false, "ErrorMessage": "InvalidTimestamp"});
    let fault = json!({"operation": "token", "kind": "status", "status": 200, "headers": {"date": theirs}, "body": body});
    bench.fault(fault).await;
    says(&fails(bench.connect().list().await, Class::Credentials), &["59m behind"]);
    assert_eq!(bench.count("list").await, 0);
}

async fn revoked(bench: Bench) {
    let connection = bench.connected().await;
    bench.set(json!({"refuseAll": true})).await;
    let error = fails(connection.list().await, Class::Credentials);
    says(&error, &["Revoked", "administrator"]);
    assert_eq!((bench.count("list").await, bench.count("token").await), (1, 1));
}

async fn refusals(bench: Bench) {
    for (said, advice) in [
        ("Revoked", "approve the app again"),
        ("Expired", "approve the app again"),
        ("NeedsReapproval", "approve the app again"),
        ("Denied", "Secret login"),
        ("InvalidSignature", "the key private-key of Secret login"),
        ("InvalidTimestamp", "clock"),
        ("something new", "Secret login"),
    ] {
        let body = json!({"IsSuccessful": false, "ErrorMessage": said});
        bench.fault(json!({"operation": "token", "kind": "status", "status": 200, "body": body})).await;
        says(&fails(bench.connect().list().await, Class::Credentials), &[said, advice]);
    }
    for body in [json!({"IsSuccessful": false}), json!({"IsSuccessful": true}), json!({})] {
        bench.fault(json!({"operation": "token", "kind": "status", "status": 200, "body": body})).await;
        says(&fails(bench.connect().list().await, Class::Credentials), &["no reason given"]);
    }
    assert_eq!(bench.count("list").await, 0);
}

async fn untrusted(bench: Bench) {
    let connection = bench.connect();
    for fault in ["signature", "issuer", "audience", "expired", "context"] {
        bench.set(json!({"jwtFault": fault})).await;
        says(&fails(connection.list().await, Class::Unavailable), &["cannot be verified"]);
    }
    assert_eq!((bench.count("token").await, bench.count("list").await), (5, 0), "no ticket of these is used");
    bench.set(json!({"jwtFault": "none"})).await;
    connection.list().await.unwrap();
}

async fn unsigned(bench: Bench) {
    let claim = |name: &str| format!("http://schemes.superoffice.net/identity/{name}");
    let claims = json!({
        "iss": "SuperOffice AS", "aud": "spn:1", "exp": 9_999_999_999_u64, claim("serial"): "1",
        claim("ctx"): bench.code, claim("ticket"): "7T:forged",
    });
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    for head in [
        r#"{"alg":"none","typ":"JWT"}"#,
        r#"{"alg":"none","kid":"sandbox"}"#,
        r#"{"alg":"HS256","kid":"sandbox"}"#,
        r#"{"alg":"RS256","kid":"sandbox"}"#,
        r#"{"alg":"RS256","kid":"nobody's"}"#,
        r#"{"alg":"RS256"}"#,
    ] {
        for signature in ["", "c2lnbmF0dXJl"] {
            let token = format!("{}.{}.{signature}", part(head), part(&claims.to_string()));
            let body = json!({"IsSuccessful": true, "Token": token});
            bench.fault(json!({"operation": "token", "kind": "status", "status": 200, "body": body})).await;
            let error = fails(bench.connect().list().await, Class::Unavailable);
            says(&error, &["cannot be verified"]);
            assert!(!error.message.contains("7T:forged"), "{error}");
        }
    }
    assert_eq!(bench.count("list").await, 0);
}

async fn no_keys(bench: Bench) {
    // That request names no tenant, so that the fault is set for a whole sandbox of its own.
    let bench = Bench::new(World::new().await, bench.column).await;
    for fault in [
        json!({"pathContains": "jwks", "kind": "status", "status": 503}),
        json!({"pathContains": "jwks", "kind": "status", "status": 200, "body": {"keys": []}}),
        json!({"pathContains": "jwks", "kind": "status", "status": 200, "body": "<html>"}),
    ] {
        bench.world.control("POST", "/superoffice/_/faults", &fault).await;
        fails(bench.connect().list().await, Class::Unavailable);
    }
    assert_eq!(bench.count("list").await, 0);
    bench.connect().list().await.unwrap();
}
