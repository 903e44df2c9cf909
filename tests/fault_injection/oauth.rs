//! Brightpearl's OAuth apps: a pair of tokens that is good for one exchange only.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::ground::Ground;
use crate::scene::Scene;
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

/// The access token has ended.
pub(crate) fn ends(scene: &Scene, secret: &str) {
    scene.patch("secrets", secret, &json!({"stringData": {"expires_at": "2026-01-01T00:00:00Z"}}));
}

/// Where the vendor has taken the one pair and its answer is lost, the account says so, and a person authorises the app
/// again. Gives whether it came to that.
pub(crate) fn a_person_helps(scene: &Scene, ground: &Ground) -> bool {
    let asks = eventually("all is well, or the account asks for a person", || {
        let account = scene.get("vendoraccounts", &ground.account);
        let asks = account["status"].to_string().contains("the app has to be authorised again");
        let looked = ground.look(scene);
        if asks && ground.needs_a_person(scene) { Ok(true) } else { looked.map(|()| false) }
    })
    .unwrap();
    if !asks {
        return false;
    }
    ground.tenant.put(&json!({"oauth": [pair(2)]}));
    let tokens = json!({"access_token": "canary-access-2", "refresh_token": "canary-refresh-2"});
    scene.patch("secrets", &ground.account, &json!({"stringData": tokens, "data": {"expires_at": null}}));
    true
}
