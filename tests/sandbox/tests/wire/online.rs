//! SuperOffice Online: logging in with a signed token, tenants that move, apps that do not see each other.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, Seen, hook};

const TICKET: &str = "http://schemes.superoffice.net/identity/ticket";

/// A cloud tenant with two apps; the first one's private key.
async fn tenant(bench: &Bench) -> KeyPair {
    let apps = json!([
        {"clientId": "one", "clientSecret": "s1", "systemUserToken": "My App-abc", "refreshTokens": ["r1"]},
        {"clientId": "two", "clientSecret": "s2", "refreshTokens": ["r2"]},
    ]);
    let made = bench.control(Method::PUT, "/superoffice/Cust12345", json!({"apps": apps})).await;
    let pem = made["apps"][0]["privateKeyPem"].as_str().unwrap();
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    KeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap()
}

fn signed(key: &KeyPair, token: &str, at: Timestamp) -> String {
    let data = format!("{token}.{}", at.strftime("%Y%m%d%H%M"));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data.as_bytes(), &mut signature).unwrap();
    format!("{data}.{}", STANDARD.encode(signature))
}

fn root(bench: &Bench) -> &str {
    &bench.sandbox.addresses().superoffice
}

async fn authenticate(bench: &Bench, signed: &str) -> Value {
    let body = json!({"SignedSystemToken": signed, "ApplicationToken": "s1",
        "ContextIdentifier": "Cust12345", "ReturnTokenType": "JWT"});
    let url = format!("{}/Login/api/PartnerSystemUser/Authenticate", root(bench));
    Seen::of(bench.client.post(url).json(&body)).await.expect(200)
}

async fn list(bench: &Bench, authorization: &str, app: &str) -> Seen {
    let url = format!("{}/Cust12345/api/v1/Webhook", root(bench));
    Seen::of(bench.client.get(url).header("authorization", authorization).header("so-apptoken", app)).await
}

async fn bearer(bench: &Bench, client: &str, secret: &str, refresh: &str) -> Seen {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client),
        ("client_secret", secret),
        ("refresh_token", refresh),
    ];
    Seen::of(bench.client.post(format!("{}/login/common/oauth/tokens", root(bench))).form(&form)).await
}

#[tokio::test]
async fn a_signed_token_is_exchanged_for_a_ticket_that_is_extended_by_use() {
    let bench = Bench::new().await;
    let key = tenant(&bench).await;
    let answer = authenticate(&bench, &signed(&key, "My App-abc", Timestamp::now())).await;
    assert_eq!(answer["IsSuccessful"], true, "{answer}");
    let token = answer["Token"].as_str().unwrap();
    let (data, signature) = token.rsplit_once('.').unwrap();
    let jwks = format!("{}/login/.well-known/jwks", root(&bench));
    let jwks = Seen::of(bench.client.get(jwks)).await.expect(200);
    let part = |name: &str| URL_SAFE_NO_PAD.decode(jwks["keys"][0][name].as_str().unwrap()).unwrap();
    RsaPublicKeyComponents { n: part("n"), e: part("e") }
        .verify(&RSA_PKCS1_2048_8192_SHA256, data.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
    let claims = URL_SAFE_NO_PAD.decode(data.split_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iss"], "SuperOffice AS");
    let ticket = format!("SOTicket {}", claims[TICKET].as_str().unwrap());
    list(&bench, &ticket, "s2").await.expect(401);
    let hours = async |hours: i64| {
        bench.control(Method::POST, "/clock", json!({"advanceMillis": hours * 3_600_000})).await;
    };
    for _ in 0..3 {
        list(&bench, &ticket, "s1").await.expect(200);
        hours(5).await;
    }
    list(&bench, &ticket, "s1").await.expect(200);
    hours(6).await;
    list(&bench, &ticket, "s1").await.expect(401);
}

#[tokio::test]
async fn a_failed_login_has_status_200_and_a_code() {
    let bench = Bench::new().await;
    let key = tenant(&bench).await;
    let now = Timestamp::now();
    let good = signed(&key, "My App-abc", now);
    let (data, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{data}.{}", STANDARD.encode([7; 256]));
    let old = now.checked_sub(SignedDuration::from_mins(30)).unwrap();
    for (token, why) in [
        (forged, "InvalidSignature"),
        (signed(&key, "My App-abc", old), "InvalidTimestamp"),
        (signed(&key, "Other-abc", now), "Denied"),
    ] {
        let answer = authenticate(&bench, &token).await;
        assert_eq!(answer, json!({"IsSuccessful": false, "ErrorMessage": why}));
    }
    bench.set("superoffice/Cust12345", json!({"refuseAll": true})).await;
    assert_eq!(authenticate(&bench, &good).await["ErrorMessage"], "Revoked");
    assert_eq!(bench.look("/superoffice/Cust12345/counts").await, json!({"token": 4}));
}

#[tokio::test]
async fn access_tokens_expire_and_the_refresh_token_stays() {
    let bench = Bench::new().await;
    tenant(&bench).await;
    for _ in 0..2 {
        let answer = bearer(&bench, "one", "s1", "r1").await.expect(200);
        assert_eq!((&answer["expires_in"], answer.get("refresh_token")), (&json!(3600), None));
        let token = format!("Bearer {}", answer["access_token"].as_str().unwrap());
        list(&bench, &token, "").await.expect(200);
        bench.control(Method::POST, "/clock", json!({"advanceMillis": 3_600_000})).await;
        list(&bench, &token, "").await.expect(401);
    }
    assert_eq!(bearer(&bench, "one", "wrong", "r1").await.expect(400), json!({"error": "invalid_client"}));
    assert_eq!(bearer(&bench, "one", "s1", "r2").await.expect(400), json!({"error": "invalid_grant"}));
}

#[tokio::test]
async fn apps_do_not_see_each_others_hooks() {
    let bench = Bench::new().await;
    tenant(&bench).await;
    let mut tokens = Vec::new();
    for (client, secret, refresh) in [("one", "s1", "r1"), ("two", "s2", "r2")] {
        let answer = bearer(&bench, client, secret, refresh).await.expect(200);
        tokens.push(answer["access_token"].as_str().unwrap().to_owned());
    }
    let base = format!("{}/Cust12345/api/v1/Webhook", root(&bench));
    let made = Seen::of(bench.client.post(&base).bearer_auth(&tokens[0]).json(&hook())).await.expect(200);
    assert_eq!(made["RegisteredAssociate"]["Name"], "SYS");
    let one = format!("{base}/{}", made["WebhookId"]);
    let as_app =
        async |app: usize, url: &str| Seen::of(bench.client.get(url).bearer_auth(&tokens[app])).await;
    as_app(0, &one).await.expect(200);
    as_app(1, &one).await.expect(404);
    assert_eq!(as_app(1, &base).await.expect(200), json!([]));
    Seen::of(bench.client.delete(&one).bearer_auth(&tokens[1])).await.expect(404);
    bench.set("superoffice/Cust12345", json!({"foreignStatus": 403})).await;
    as_app(1, &one).await.expect(403);
    assert_eq!(bench.look("/superoffice/Cust12345/subscriptions").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn tenants_move_and_go_down() {
    let bench = Bench::new().await;
    tenant(&bench).await;
    let answer = bearer(&bench, "one", "s1", "r1").await.expect(200);
    let token = answer["access_token"].as_str().unwrap();
    let state = async || {
        let url = format!("{}/api/state/cust12345", root(&bench));
        Seen::of(bench.client.get(url)).await.expect(200)
    };
    let get = async |endpoint: &Value| {
        let url = format!("{}/api/v1/Webhook", endpoint.as_str().unwrap());
        Seen::of(bench.client.get(url).bearer_auth(token)).await
    };
    let before = state().await;
    assert_eq!((&before["State"], &before["IsRunning"]), (&json!("Running"), &json!(true)));
    get(&before["Endpoint"]).await.expect(200);
    let host = root(&bench).trim_start_matches("http://").replace("127.0.0.1", "localhost");
    bench.set("superoffice/Cust12345", json!({"endpointHost": host})).await;
    let moved = get(&before["Endpoint"]).await;
    assert_eq!(moved.status, 421);
    assert!(moved.text.contains("subdomain"));
    let after = state().await;
    assert_eq!(after["Endpoint"], format!("http://{host}/Cust12345"));
    assert_eq!(after["Api"], format!("http://{host}/Cust12345/api"));
    get(&after["Endpoint"]).await.expect(200);
    bench.set("superoffice/Cust12345", json!({"state": "OfflineMaintenance"})).await;
    assert_eq!(state().await["IsRunning"], false);
    let down = get(&after["Endpoint"]).await;
    assert_eq!((down.status, down.header("content-type")), (503, "text/html; charset=utf-8"));
    let nobody = bench.client.get(format!("{}/api/state/Cust1", root(&bench)));
    assert_eq!(Seen::of(nobody).await.status, 404);
    let seen = bench.control_raw(Method::PUT, "/superoffice/Login", json!({})).await;
    assert!(seen.expect(400)["error"].as_str().unwrap().contains("not free"));
}

#[tokio::test]
async fn a_token_may_be_untrustworthy() {
    let bench = Bench::new().await;
    let key = tenant(&bench).await;
    let claims = async |fault: &str| {
        bench.set("superoffice/Cust12345", json!({"jwtFault": fault})).await;
        let answer = authenticate(&bench, &signed(&key, "My App-abc", Timestamp::now())).await;
        let token = answer["Token"].as_str().unwrap().to_owned();
        let middle = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice::<Value>(&middle).unwrap()
    };
    let (good, now) = (claims("none").await, Timestamp::now().as_second());
    assert_eq!(claims("signature").await["iss"], good["iss"]);
    assert_ne!(claims("issuer").await["iss"], good["iss"]);
    assert_ne!(claims("audience").await["aud"], good["aud"]);
    assert!(claims("expired").await["exp"].as_i64().unwrap() < now);
    let context = "http://schemes.superoffice.net/identity/ctx";
    assert_ne!(claims("context").await[context], good[context]);
}
