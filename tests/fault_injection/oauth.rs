//! Brightpearl's OAuth apps: a pair of tokens that is valid for one exchange only.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::test_account::TestAccount;
use crate::vendors::Tenant;

fn pair(number: u32) -> Value {
    json!({
        "appRef": "app", "devRef": "dev",
        "accessToken": format!("canary-access-{number}"), "refreshToken": format!("canary-refresh-{number}"),
    })
}

/// An account of an app, whose pair is in a Secret of the same name.
pub(crate) fn account(scene: &Scene, tenant: &Tenant, name: &str) {
    tenant.put(&json!({"oauth": [pair(1)]}));
    scene.secret(name, &json!({"access_token": "canary-access-1", "refresh_token": "canary-refresh-1"}));
    let mut vendor = tenant.spec(name);
    let app = json!({"oauth": {"appRef": "app", "devRef": "dev", "tokenSecretRef": {"name": name}}});
    vendor["brightpearl"]["credentials"] = app;
    scene.account_with(name, &vendor);
}

/// Makes the access token expire.
pub(crate) fn ends(scene: &Scene, secret: &str) {
    scene.patch("secrets", secret, &json!({"stringData": {"expires_at": "2026-01-01T00:00:00Z"}}));
}

/// If the vendor has used up the pair and its answer is lost, the account reports it, and a person authorises the app again.
/// Returns whether that was needed.
pub(crate) fn a_person_helps(scene: &Scene, target: &TestAccount) -> bool {
    let asks = eventually("all is well, or the account asks for a person", || {
        let account = scene.get("vendoraccounts", &target.account);
        let asks = account["status"].to_string().contains("authorise the app again");
        let looked = target.look(scene);
        if asks && target.needs_a_person(scene) { Ok(true) } else { looked.map(|()| false) }
    })
    .unwrap();
    if !asks {
        return false;
    }
    target.tenant.put(&json!({"oauth": [pair(2)]}));
    let tokens = json!({"access_token": "canary-access-2", "refresh_token": "canary-refresh-2"});
    scene.patch("secrets", &target.account, &json!({"stringData": tokens, "data": {"expires_at": null}}));
    true
}
