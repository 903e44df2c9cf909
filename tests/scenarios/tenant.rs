//! SuperOffice's cloud: a tenant moves, is in maintenance and ends, and an app logs in for it.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{PROMPT, Scene, condition, is, secret, webhook};
use crate::secrets::nothing_is_seen;
use crate::vendors::{self, Tenant, Vendor};

/// Flags with which an operator would log secrets, if it ever does.
const LOUD: [&str; 2] = ["--log-level", "debug,hooktender=trace"];

/// An account of a tenant in the cloud, and its Secret `app`.
struct Cloud {
    scene: Scene,
    tenant: Tenant,
    /// The app's private key, PEM.
    key: String,
}

impl Cloud {
    /// A tenant that the app's system user works for.
    fn new() -> Self {
        let (scene, tenant) = (Scene::new("tenant"), Tenant::open(Vendor::Superoffice));
        let key = approve(&tenant);
        scene
            .apply(&secret("app", &json!({"client": "canary-client", "token": "canary-system", "key": key})));
        let cloud = Self { scene, tenant, key };
        cloud.apply(
            &cloud.tenant.code,
            &json!({"systemUser": {
                "clientSecretSecretRef": {"name": "app", "key": "client"},
                "systemUserTokenSecretRef": {"name": "app", "key": "token"},
                "privateKeySecretRef": {"name": "app", "key": "key"},
            }}),
        );
        cloud
    }

    /// Applies the account.
    fn apply(&self, customer: &str, credentials: &Value) {
        let [_, _, central] = vendors::endpoints();
        self.scene.apply(&json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount", "metadata": {"name": "account"},
            "spec": {"resyncInterval": "1h", "vendor": {"superoffice": {
                "online": {"customerId": customer, "url": central}, "credentials": credentials,
            }}},
        }));
    }

    /// An operator that may follow the tenant to the other name of its host.
    fn operator(&self) -> Operator {
        self.scene.operator_with(&["--allow-endpoint", &format!("http://{}", hosts()[1])])
    }

    fn is_well(&self) -> Value {
        self.scene.account_becomes("account", "well", |account| is(account, "Ready", "True", "InSync"))
    }

    /// Waits until the account's condition Ready contains that.
    fn says(&self, text: &str) -> Value {
        self.scene.account_becomes("account", text, |account| {
            condition(account, "Ready")
                .is_some_and(|ready| ready.status == "False" && ready.message.contains(text))
        })
    }

    fn moves_to(&self, host: &str) {
        self.tenant.settings(&json!({"endpointHost": host}));
    }

    /// Returns how many requests reached the tenant itself.
    fn called(&self) -> usize {
        let own = format!("/{}/", self.tenant.code);
        self.tenant.journal().iter().filter(|entry| entry["path"].as_str().unwrap().starts_with(&own)).count()
    }
}

/// Makes the tenant approve the app and no other; returns the app's private key.
fn approve(tenant: &Tenant) -> String {
    let app = json!({"clientId": "app", "clientSecret": "canary-client", "systemUserToken": "canary-system"});
    let made = tenant.put(&json!({"apps": [app]}));
    made["apps"][0]["privateKeyPem"].as_str().unwrap().to_owned()
}

/// The two names of the host that all tenants are on.
fn hosts() -> [String; 2] {
    let [_, _, central] = vendors::endpoints();
    let host = central.strip_prefix("http://").unwrap().to_owned();
    let other = host.replace("127.0.0.1", "localhost");
    [host, other]
}

/// A Webhook that differs from all others.
fn hook(name: &str) -> Value {
    let mut hook = webhook(name, Vendor::Superoffice);
    hook["spec"]["subscription"]["superoffice"]["targetUrl"] =
        json!(format!("https://hooks.example.com/{name}"));
    hook
}

#[test]
fn a_tenant_that_moves_twice_during_work_has_each_webhook_once() {
    const ALL: usize = 12;
    let (cloud, [here, there]) = (Cloud::new(), hosts());
    cloud.moves_to(&here);
    let _operator = cloud.operator();
    cloud.is_well();
    cloud.tenant.clear_journal();
    let stored = |count: usize| {
        eventually(&format!("{count} are made"), || {
            let made = cloud.tenant.ids().len();
            if made >= count { Ok(()) } else { Err(made) }
        })
        .unwrap();
    };
    let items: Vec<_> = (0..ALL).map(|n| hook(&format!("hook-{n}"))).collect();
    cloud.scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}));
    stored(2);
    cloud.moves_to(&there);
    stored(6);
    cloud.moves_to(&here);
    for n in 0..ALL {
        cloud.scene.ready(&format!("hook-{n}"));
    }
    let mut names: Vec<_> = cloud.tenant.stored().iter().map(|hook| hook["Name"].to_string()).collect();
    names.sort();
    names.dedup();
    assert_eq!((names.len(), cloud.tenant.ids().len()), (ALL, ALL));
    assert_eq!(cloud.tenant.count("delete"), 0);
    // It moved in the middle of the work: running requests were refused, one of them asked for the new address, and the work
    // continued there.
    let journal = cloud.tenant.journal();
    let count = |which: &dyn Fn(&Value) -> bool| journal.iter().filter(|entry| which(entry)).count();
    assert!(count(&|entry| entry["status"] == 421) >= 2, "{journal:#?}");
    let asked = count(&|entry| entry["path"].as_str().is_some_and(|path| path.starts_with("/api/state/")));
    assert_eq!(asked, 2, "{journal:#?}");
    let made = |host: &str| {
        journal.iter().any(|entry| {
            entry["operation"] == "create" && entry["status"] == 200 && entry["headers"]["host"] == host
        })
    };
    assert!(made(&here) && made(&there));
}

#[test]
fn maintenance_is_reported_and_waited_for() {
    let cloud = Cloud::new();
    let _operator = cloud.operator();
    cloud.scene.apply(&hook("hook"));
    cloud.scene.ready("hook");
    cloud.tenant.settings(&json!({"state": "OfflineMaintenance", "stateValidSeconds": 2}));
    cloud.scene.apply(&hook("later"));
    let account = cloud.says("is in state OfflineMaintenance; hooktender waits until it is running");
    assert!(is(&account, "Ready", "False", "Unavailable") && is(&account, "Stalled", "False", "Unavailable"));
    assert!(is(&cloud.scene.webhook("hook"), "Ready", "True", "InSync"));
    cloud.tenant.clear_journal();
    let events = cloud.scene.events("account").len();
    // Its state is read now and then, and nothing else.
    cloud.tenant.asked("other", 3);
    assert_eq!((cloud.called(), cloud.scene.events("account").len()), (0, events));
    let times = cloud.tenant.times();
    let apart = times[2].duration_since(times[0]).as_millis();
    assert!(apart >= 2_000, "three looks within {apart} ms");
    cloud.tenant.settings(&json!({"state": "Running"}));
    cloud.is_well();
    cloud.scene.ready("later");
    assert_eq!(cloud.tenant.ids().len(), 2);
}

#[test]
fn an_unknown_tenant_is_named() {
    let cloud = Cloud::new();
    cloud.scene.kubectl(&["delete", "vendoraccount", "account"]);
    cloud.apply(
        "Cust99999",
        &json!({"systemUser": {
            "clientSecretSecretRef": {"name": "app", "key": "client"},
            "systemUserTokenSecretRef": {"name": "app", "key": "token"},
            "privateKeySecretRef": {"name": "app", "key": "key"},
        }}),
    );
    let _operator = cloud.operator();
    let message = cloud.scene.account_stalled("account", "Rejected");
    assert!(message.contains("has no tenant Cust99999: check customerId and environment"), "{message}");
}

#[test]
fn a_refused_ticket_is_renewed_once() {
    let cloud = Cloud::new();
    let operator = cloud.scene.operator_with(&LOUD);
    cloud.scene.apply(&hook("hook"));
    cloud.scene.ready("hook");
    assert_eq!(cloud.tenant.count("token"), 1);
    cloud.tenant.revoke();
    cloud.tenant.clear_journal();
    cloud.scene.pass("account");
    cloud.scene.pass("account");
    let kept = |entry: &Value| entry["operation"] != "other";
    let journal = cloud.tenant.journal();
    let operations: Vec<_> =
        journal.iter().filter(|entry| kept(entry)).map(|e| e["operation"].clone()).collect();
    assert_eq!(operations, ["list", "token", "list", "list"]);
    let ticket = journal.last().unwrap()["headers"]["authorization"].as_str().unwrap().to_owned();
    let ticket = ticket.strip_prefix("SOTicket ").unwrap();
    let line = cloud.key.lines().nth(3).unwrap();
    nothing_is_seen(&cloud.scene, &operator, &["canary-", ticket, line]);
}

#[test]
fn a_key_of_the_wrong_kind_is_named_with_the_remedy() {
    let cloud = Cloud::new();
    let wanted = "use the app's RSA private key: PEM (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY)";
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\nY2FuYXJ5LWtleQ==\n-----END {kind}-----\n");
    let cases = [
        (pem("CERTIFICATE"), format!("the key key of Secret app is a certificate; {wanted}")),
        (pem("ENCRYPTED PRIVATE KEY"), "the key key of Secret app is encrypted with a passphrase, which hooktender cannot ask for; store it decrypted: openssl pkey -in key.pem -out plain.pem".into()),
        ("canary-garbage".into(), format!("the key key of Secret app is not a PEM key, or not a complete one; {wanted}")),
        (pem("PRIVATE KEY"), "the key key of Secret app contains a key that cannot be used".into()),
        ("<RSAKeyValue><Modulus>Y2FuYXJ5LWtleQ==</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>".into(), "the key key of Secret app is RSA XML without <D>: it is the public half".into()),
    ];
    let put = |key: &str| cloud.scene.patch("secret/app", &json!({"stringData": {"key": key}}));
    put(&cases[0].0);
    let operator = cloud.scene.operator_with(&LOUD);
    for (key, sentence) in &cases {
        put(key);
        let account = cloud.says(sentence);
        assert!(is(&account, "Stalled", "True", "Credentials"), "{account}");
    }
    assert_eq!(cloud.tenant.journal(), [Value::Null; 0], "nobody was asked");
    nothing_is_seen(&cloud.scene, &operator, &["Y2FuYXJ5", "canary-"]);
    put(&cloud.key);
    let watch = cloud.scene.stopwatch();
    cloud.is_well();
    watch.assert_within(PROMPT);
}

#[test]
fn the_key_of_another_app_is_told_apart_from_a_wrong_token() {
    let cloud = Cloud::new();
    let other = approve(&Tenant::open(Vendor::Superoffice));
    cloud.scene.patch("secret/app", &json!({"stringData": {"key": other}}));
    let _operator = cloud.operator();
    let account =
        cloud.says("the request was not signed with the app's key: check the key key of Secret app");
    assert!(is(&account, "Stalled", "True", "Credentials"));
    cloud.scene.patch("secret/app", &json!({"stringData": {"key": cloud.key, "token": "canary-wrong"}}));
    cloud.says("check the key client of Secret app and the key token of Secret app, customerId, and that the tenant's administrator approved the app");
    cloud.scene.patch("secret/app", &json!({"stringData": {"token": "canary-system\n"}}));
    cloud.is_well();
}

#[test]
fn a_revoked_app_waits_for_the_administrator() {
    let cloud = Cloud::new();
    let _operator = cloud.operator();
    cloud.scene.apply(&hook("hook"));
    cloud.scene.ready("hook");
    cloud.tenant.settings(&json!({"refuseAll": true}));
    cloud.scene.request("account");
    let message = cloud.scene.account_stalled("account", "Credentials");
    assert!(
        message.contains("(Revoked); the tenant's administrator has to approve the app again"),
        "{message}"
    );
    assert!(is(&cloud.scene.webhook("hook"), "Ready", "True", "InSync"));
    cloud.tenant.settings(&json!({"refuseAll": false}));
    cloud.scene.request("account");
    cloud.is_well();
}

#[test]
fn a_persons_consent_is_enough_and_its_end_is_reported() {
    let cloud = Cloud::new();
    cloud.tenant.put(&json!({"apps": [
        {"clientId": "app", "clientSecret": "canary-client", "refreshTokens": ["canary-refresh"]},
    ]}));
    cloud.scene.patch("secret/app", &json!({"stringData": {"refresh": "canary-refresh"}}));
    cloud.apply(
        &cloud.tenant.code,
        &json!({"systemUser": null, "refreshToken": {
            "clientId": "app",
            "clientSecretSecretRef": {"name": "app", "key": "client"},
            "refreshTokenSecretRef": {"name": "app", "key": "refresh"},
        }}),
    );
    let operator = cloud.scene.operator_with(&LOUD);
    cloud.scene.apply(&hook("hook"));
    cloud.scene.ready("hook");
    cloud.tenant.revoke();
    cloud.tenant.clear_journal();
    cloud.scene.pass("account");
    assert_eq!((cloud.tenant.count("token"), cloud.tenant.count("list")), (1, 2));
    let journal = cloud.tenant.journal();
    let bearer = journal.last().unwrap()["headers"]["authorization"].as_str().unwrap().to_owned();
    cloud.tenant.settings(&json!({"refuseAll": true}));
    cloud.scene.request("account");
    let message = cloud.scene.account_stalled("account", "Credentials");
    let advice = "(invalid_grant); check clientId and the key client of Secret app and the key refresh of Secret app, and whether the consent was revoked";
    assert!(message.contains(advice), "{message}");
    nothing_is_seen(&cloud.scene, &operator, &["canary-", bearer.strip_prefix("Bearer ").unwrap()]);
}

#[test]
fn a_tenant_is_not_followed_to_a_host_that_is_not_allowed() {
    let cloud = Cloud::new();
    let evil = format!("https://online3.superoffice.com.evil.example/{}", cloud.tenant.code);
    cloud.tenant.fault(&json!({
        "operation": "other", "pathContains": "/api/state/", "kind": "status", "status": 200, "times": null,
        "body": {
            "ContextIdentifier": cloud.tenant.code, "Endpoint": evil, "State": "Running", "IsRunning": true,
            "ValidUntil": "2100-01-01T00:00:00Z", "Api": format!("{evil}/api"),
        },
    }));
    let _operator = cloud.operator();
    let message = cloud.scene.account_stalled("account", "Rejected");
    let sentence = "the vendor reports an address of the tenant that is not allowed: https://online3.superoffice.com.evil.example is not one of superoffice's own hosts, so no credentials are sent there";
    assert!(message.contains(sentence), "{message}");
    // The app's secret is not used for logging in either.
    assert!(
        cloud.tenant.operations().iter().all(|operation| operation == "other"),
        "{:?}",
        cloud.tenant.operations()
    );
    cloud.tenant.clear_faults();
    cloud.scene.request("account");
    cloud.is_well();
}

#[test]
fn a_receiver_without_https_is_refused_before_the_tenant_is_asked() {
    let cloud = Cloud::new();
    let _operator = cloud.operator();
    let mut plain = hook("plain");
    plain["spec"]["subscription"]["superoffice"]["targetUrl"] = json!("http://hooks.example.com/so");
    cloud.scene.apply(&plain);
    let said = cloud.scene.stalled("plain", "Rejected");
    assert!(said.contains("must start with https:// for an account online"), "{said}");
    assert_eq!((cloud.tenant.count("create"), cloud.tenant.ids().len()), (0, 0));
    cloud.scene.patch(
        "webhook/plain",
        &json!({"spec": {"subscription": {"superoffice": {"targetUrl": "https://hooks.example.com/so"}}}}),
    );
    cloud.scene.ready("plain");
}
