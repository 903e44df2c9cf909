//! Brightpearl's OAuth apps: a pair of tokens is exchanged for another one, and is valid for one exchange only.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hooktender_cluster::eventually;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{PROMPT, Scene, condition, is, secret, webhook};
use crate::secrets::nothing_is_seen;
use crate::vendors::{Tenant, Vendor};

/// The end of a token that has to be exchanged before it is used.
pub(crate) const ENDED: &str = "2026-01-01T00:00:00Z";

/// Flags with which an operator would log secrets, if it ever does.
const LOUD: [&str; 2] = ["--log-level", "debug,hooktender=trace"];

/// An account of an OAuth app, and its Secret `tokens`.
pub(crate) struct App {
    pub(crate) scene: Scene,
    pub(crate) tenant: Tenant,
}

impl App {
    /// An app whose Secret holds the pair `canary-access-1` and `canary-refresh-1`, and these values.
    pub(crate) fn new(beside: &Value) -> Self {
        let app = Self::without_rights(beside);
        app.scene.let_tokens_be_kept("tokens");
        app
    }

    /// As [`Self::new`], but the operator may not write the Secret.
    fn without_rights(beside: &Value) -> Self {
        let (scene, tenant) = (Scene::new("oauth"), Tenant::open(Vendor::Brightpearl));
        let app = Self { scene, tenant };
        app.authorise(1);
        let mut data = json!({
            "access_token": "canary-access-1", "refresh_token": "canary-refresh-1", "client_secret": "canary-client",
        });
        data.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
        data.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        app.scene.apply(&secret("tokens", &data));
        let mut vendor = app.tenant.spec("tokens");
        vendor["brightpearl"]["credentials"] =
            json!({"oauth": {"appRef": "app", "devRef": "dev", "tokenSecretRef": {"name": "tokens"}}});
        app.scene.apply(&json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount", "metadata": {"name": "account"},
            "spec": {"resyncInterval": "1h", "vendor": vendor},
        }));
        app
    }

    /// Makes the vendor accept the pair of that number, and no other.
    fn authorise(&self, number: u32) {
        self.tenant.put(&json!({"oauth": [pair(number)]}));
    }

    /// Waits until the Secret holds another pair than `before`; returns its content.
    fn exchanged(&self, before: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        eventually("a new pair is in the Secret", || {
            let now = self.scene.values("tokens");
            let new = |key: &str| now.get(key).is_some_and(|value| before.get(key) != Some(value));
            // Two exchanges within one second give the same expiry.
            let ends = now.get("expires_at").is_some_and(|end| end != ENDED);
            if new("access_token") && new("refresh_token") && ends { Ok(now) } else { Err(()) }
        })
        .unwrap()
    }

    /// Returns the statuses of all answers to that operation.
    fn answers(&self, operation: &str) -> Vec<Value> {
        let journal = self.tenant.journal();
        let these = journal.iter().filter(|entry| entry["operation"] == operation);
        these.map(|entry| entry["status"].clone()).collect()
    }

    /// Returns the token of the last list call.
    fn used(&self) -> String {
        let journal = self.tenant.journal();
        let list = journal.iter().rfind(|entry| entry["operation"] == "list").unwrap();
        list["headers"]["authorization"].as_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned()
    }

    /// Checks that none of those values, in clear or as the cluster stores it, can be seen anywhere.
    fn is_discreet(&self, operator: &Operator, of: &[&BTreeMap<String, String>]) {
        let values = of.iter().flat_map(|values| values.iter());
        let values = values.filter(|(key, _)| *key != "expires_at").map(|(_, value)| value.as_str());
        let mut all: Vec<String> = values.map(str::to_owned).collect();
        all.extend(all.clone().iter().map(|value| STANDARD.encode(value)));
        assert!(all.len() >= 6);
        nothing_is_seen(&self.scene, operator, &all.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Waits until the account's condition Ready contains that.
    fn says(&self, text: &str) -> Value {
        self.scene.account_becomes("account", text, |account| {
            condition(account, "Ready")
                .is_some_and(|ready| ready.status == "False" && ready.message.contains(text))
        })
    }

    fn is_well(&self) -> Value {
        self.scene.account_becomes("account", "well", |account| is(account, "Ready", "True", "InSync"))
    }
}

/// A pair in the vendor's format.
fn pair(number: u32) -> Value {
    json!({
        "appRef": "app", "devRef": "dev", "clientSecret": "canary-client",
        "accessToken": format!("canary-access-{number}"), "refreshToken": format!("canary-refresh-{number}"),
    })
}

#[test]
fn an_access_token_alone_is_used_unchanged() {
    let app = App::without_rights(&json!({"refresh_token": null, "client_secret": null}));
    app.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let _operator = app.scene.operator();
    app.scene.ready("hook");
    assert_eq!(app.tenant.operations(), ["list", "create"]);
    for entry in app.tenant.journal() {
        let headers = &entry["headers"];
        assert_eq!(headers["authorization"], "Bearer canary-access-1");
        assert_eq!(
            (&headers["brightpearl-app-ref"], &headers["brightpearl-dev-ref"]),
            (&json!("app"), &json!("dev"))
        );
    }
    // When it ends, a person has to help.
    app.tenant.revoke();
    app.scene.request("account");
    let message = app.scene.account_stalled("account", "Credentials");
    let advice = "check appRef, devRef and the key access_token of Secret tokens, and add the key refresh_token to have it refreshed";
    assert!(message.contains(advice), "{message}");
    assert_eq!(app.tenant.count("token"), 0);
}

#[test]
fn an_expired_token_is_exchanged_before_it_is_used() {
    let app = App::new(&json!({"expires_at": ENDED}));
    let before = app.scene.values("tokens");
    let operator = app.scene.operator_with(&LOUD);
    app.scene.apply(&webhook("hook", Vendor::Brightpearl));
    app.scene.ready("hook");
    app.scene.pass("account");
    let after = app.exchanged(&before);
    assert_eq!(app.tenant.operations()[..2], ["token", "list"]);
    assert_eq!(app.tenant.count("token"), 1);
    assert!(app.answers("list").iter().all(|status| *status != 401));
    assert_eq!(app.used(), after["access_token"]);
    assert_eq!(after["client_secret"], before["client_secret"]);
    // A week, as the vendor said.
    let end: Timestamp = after["expires_at"].parse().unwrap();
    let days = end.duration_since(Timestamp::now()).as_hours() / 24;
    assert!((6..=7).contains(&days), "{}", after["expires_at"]);
    app.is_discreet(&operator, &[&before, &after]);
}

#[test]
fn a_refused_token_is_exchanged_once_and_so_is_the_next() {
    let app = App::new(&json!({}));
    let operator = app.scene.operator_with(&LOUD);
    for name in ["a", "b", "c"] {
        app.scene.apply(&webhook(name, Vendor::Brightpearl));
    }
    for name in ["a", "b", "c"] {
        app.scene.ready(name);
    }
    assert_eq!(app.tenant.count("token"), 0);
    let mut before = app.scene.values("tokens");
    let first = before.clone();
    // The pair of the first exchange is valid for the second one.
    for _ in 0..2 {
        app.tenant.clear_journal();
        app.tenant.revoke();
        app.scene.pass("account");
        // The last one is of the pass that follows the change of the Secret.
        app.tenant.asked("list", 3);
        assert_eq!(app.tenant.operations(), ["list", "token", "list", "list"]);
        let after = app.exchanged(&before);
        assert_eq!(app.used(), after["access_token"]);
        app.is_well();
        // The change of the Secret itself causes no other exchange.
        app.scene.pass("account");
        assert_eq!(app.tenant.count("token"), 1);
        app.is_discreet(&operator, &[&first, &before, &after]);
        before = after;
    }
    assert_eq!(app.tenant.ids().len(), 3);
}

#[test]
fn a_process_that_dies_before_the_first_use_of_a_new_pair_has_stored_it() {
    let app = App::new(&json!({"expires_at": ENDED}));
    let before = app.scene.values("tokens");
    app.scene.apply(&webhook("hook", Vendor::Brightpearl));
    app.tenant.fault(&json!({"operation": "list", "kind": "hang"}));
    let operator = app.scene.operator();
    let kept = app.exchanged(&before);
    app.tenant.asked("list", 1);
    operator.kill();
    app.tenant.clear_faults();
    let _operator = app.scene.operator();
    app.scene.ready("hook");
    assert_eq!(app.tenant.count("token"), 1);
    assert_eq!(app.scene.values("tokens"), kept);
    assert_eq!(app.used(), kept["access_token"]);
    assert_eq!((app.tenant.count("create"), app.tenant.ids().len()), (1, 1));
}

#[test]
fn a_process_that_is_terminated_during_an_exchange_stores_the_new_pair() {
    let app = App::new(&json!({"expires_at": ENDED}));
    let before = app.scene.values("tokens");
    app.tenant.fault(&json!({"operation": "token", "kind": "delay", "millis": 1500}));
    let operator = app.scene.operator();
    app.tenant.asked("token", 1);
    operator.terminate();
    let kept = app.exchanged(&before);
    let _operator = app.scene.operator();
    app.is_well();
    assert_eq!(app.tenant.count("token"), 1);
    assert_eq!(app.used(), kept["access_token"]);
}

#[test]
fn a_pair_is_not_exchanged_if_the_next_one_could_not_be_stored() {
    let app = App::without_rights(&json!({"expires_at": ENDED}));
    let before = app.scene.values("tokens");
    let operator = app.scene.operator_with(&LOUD);
    app.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let namespace = &app.scene.namespace;
    let message = app.scene.account_stalled("account", "Credentials");
    assert!(message.contains("hooktender requests none"), "{message}");
    assert_eq!(app.scene.event("account", "Credentials"), message);
    let cause = format!(
        "hooktender has no permission to write Secret {namespace}/tokens: give its ServiceAccount the verb patch on it"
    );
    assert!(message.contains(&cause), "{message}");
    app.scene.pass("account");
    assert_eq!(app.tenant.journal(), [Value::Null; 0], "nothing was asked of the vendor");
    assert_eq!(app.scene.values("tokens"), before);
    assert_eq!(app.scene.events("account").len(), 1, "{:?}", app.scene.events("account"));
    app.is_discreet(&operator, &[&before]);
    app.scene.let_tokens_be_kept("tokens");
    app.scene.ready("hook");
    app.is_well();
    assert_eq!(app.tenant.count("token"), 1);
}

#[test]
fn a_secret_that_cannot_be_written_is_noticed_before_its_pair_is_exchanged() {
    let app = App::new(&json!({"expires_at": ENDED}));
    app.scene.patch("secret/tokens", &json!({"immutable": true}));
    let _operator = app.scene.operator();
    let message = app.scene.account_stalled("account", "Credentials");
    assert!(message.contains("is immutable: replace it with a mutable one"), "{message}");
    assert_eq!(app.tenant.journal(), [Value::Null; 0]);
}

#[test]
fn a_label_that_is_added_meanwhile_is_kept_and_so_is_the_pair() {
    let app = App::new(&json!({"expires_at": ENDED}));
    let before = app.scene.values("tokens");
    app.tenant.fault(&json!({"operation": "token", "kind": "delay", "millis": 1500}));
    let _operator = app.scene.operator();
    app.tenant.asked("token", 1);
    app.scene.kubectl(&["label", "secret", "tokens", "team=shop"]);
    let after = app.exchanged(&before);
    app.is_well();
    app.scene.pass("account");
    assert_eq!((app.tenant.count("token"), app.used()), (1, after["access_token"].clone()));
    let label = app.scene.kubectl(&["get", "secret", "tokens", "--output=jsonpath={.metadata.labels.team}"]);
    assert_eq!(label, "shop");
}

#[test]
fn another_pair_that_is_written_meanwhile_stays() {
    let app = App::new(&json!({"expires_at": ENDED}));
    // The vendor knows both pairs.
    app.tenant.put(&json!({"oauth": [pair(1), pair(2)]}));
    app.tenant.fault(&json!({"operation": "token", "kind": "delay", "millis": 1500}));
    let operator = app.scene.operator_with(&LOUD);
    app.tenant.asked("token", 1);
    let theirs = json!({"access_token": "canary-access-2", "refresh_token": "canary-refresh-2", "expires_at": "2100-01-01T00:00:00Z"});
    app.scene.patch("secret/tokens", &json!({"stringData": theirs}));
    let theirs = app.scene.values("tokens");
    app.is_well();
    app.scene.pass("account");
    assert_eq!(app.scene.values("tokens"), theirs);
    assert_eq!((app.tenant.count("token"), app.used()), (1, "canary-access-2".to_owned()));
    app.is_discreet(&operator, &[&theirs]);
}

#[test]
fn two_accounts_with_the_same_pair_do_not_take_it_from_each_other() {
    let app = App::new(&json!({"expires_at": ENDED}));
    let mut second = app.scene.account("account");
    second["metadata"] = json!({"name": "second"});
    app.scene.apply(&second);
    let before = app.scene.values("tokens");
    app.tenant.fault(&json!({"operation": "token", "kind": "delay", "millis": 1000, "times": null}));
    let _operator = app.scene.operator();
    let after = app.exchanged(&before);
    app.is_well();
    app.scene.account_becomes("second", "well", |account| is(account, "Ready", "True", "InSync"));
    // The vendor issued one pair, and both accounts have it.
    assert_eq!(app.answers("token").iter().filter(|status| **status == 200).count(), 1);
    assert_eq!((app.scene.values("tokens"), app.used()), (after.clone(), after["access_token"].clone()));
}

#[test]
fn a_refused_exchange_names_the_keys_to_fill_and_recovers_at_once() {
    let app = App::new(&json!({"expires_at": ENDED, "refresh_token": "canary-of-yesterday"}));
    let before = app.scene.values("tokens");
    let operator = app.scene.operator_with(&LOUD);
    let message = app.scene.account_stalled("account", "Credentials");
    let advice = "the token endpoint refused to refresh the access token (invalid_grant); authorise the app \
                  again, and put the new tokens into the keys access_token and refresh_token of Secret tokens";
    assert!(message.contains(advice), "{message}");
    assert_eq!(app.scene.event("account", "Credentials"), message);
    app.scene.pass("account");
    assert_eq!(app.scene.values("tokens"), before);
    assert!(app.tenant.count("list") == 0 && app.tenant.count("token") <= 3, "{:?}", app.tenant.operations());
    app.authorise(3);
    let pair = json!({"access_token": "canary-access-3", "refresh_token": "canary-refresh-3"});
    let watch = app.scene.stopwatch();
    app.scene.patch("secret/tokens", &json!({"stringData": pair, "data": {"expires_at": null}}));
    app.is_well();
    watch.assert_within(PROMPT);
    assert_eq!(app.used(), "canary-access-3");
    app.is_discreet(&operator, &[&before]);
}

#[test]
fn a_wrong_client_secret_is_named() {
    let app = App::new(&json!({"expires_at": ENDED, "client_secret": "canary-wrong"}));
    let _operator = app.scene.operator();
    let message = app.scene.account_stalled("account", "Credentials");
    let advice = "(invalid_client); check appRef and the key client_secret of Secret tokens";
    assert!(message.contains(advice), "{message}");
}

#[test]
fn an_invalid_time_is_named_without_a_call() {
    let app = App::new(&json!({"expires_at": "tomorrow"}));
    let _operator = app.scene.operator();
    let message = app.scene.account_stalled("account", "Credentials");
    let sentence =
        "the key expires_at of Secret tokens is not a time; write it like 2026-11-22T21:00:00Z, or remove it";
    assert_eq!(message, sentence);
    assert_eq!(app.tenant.journal(), [Value::Null; 0]);
}

#[test]
fn a_pair_that_could_not_be_stored_survives_a_new_client() {
    let app = App::new(&json!({"expires_at": ENDED}));
    let before = app.scene.values("tokens");
    app.tenant.fault(&json!({"operation": "token", "kind": "delay", "millis": 6000}));
    let _operator = app.scene.operator();
    app.tenant.asked("token", 1);
    app.scene.let_no_tokens_be_kept();
    app.says("hooktender cannot use it before it is stored");
    // Whatever makes a new client: only the old one has the pair.
    app.scene.kubectl(&["label", "secret", "tokens", "team=shop"]);
    app.scene.request("account");
    app.scene.let_tokens_be_kept("tokens");
    let after = app.exchanged(&before);
    app.is_well();
    app.scene.pass("account");
    assert_eq!((app.tenant.count("token"), app.used()), (1, after["access_token"].clone()));
}
