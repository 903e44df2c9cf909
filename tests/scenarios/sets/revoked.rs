//! Tenants that leave after they have revoked the login.

use hooktender_cluster::{KUBECTL_WAIT_LIMIT, eventually};
use serde_json::json;

use super::{Crowd, account, member, set};

#[test]
fn a_tenant_that_has_revoked_the_login_waits_or_is_forgotten() {
    let crowd = Crowd::new("set-revoked", 3);
    let _operator = crowd.operator();
    crowd.scene.apply(&set(&["contact.created"]));
    crowd.ready(3);
    let id = crowd.tenants[1].ids()[0].clone();
    crowd.tenants[1].accept("another-secret");
    crowd.tenants[1].revoke();
    crowd.scene.kubectl(&["delete", "vendoraccount", &account(1), "--wait=false"]);
    // Wait, the default: Webhook and account stay, and the message names the way out.
    let message = crowd.scene.stalled(&member(1), "Credentials");
    assert!(message.contains("set its spec.whenRevoked: Forget"), "{message}");
    crowd.scene.patch(&format!("vendoraccount/{}", account(1)), &json!({"spec": {"whenRevoked": "Forget"}}));
    eventually("Webhook and account are gone", || {
        let left = (crowd.scene.webhook(&member(1)).is_null(), crowd.scene.account(&account(1)).is_null());
        if left == (true, true) { Ok(()) } else { Err(left) }
    })
    .unwrap();
    let note = crowd.scene.event(&member(1), "Forgotten");
    assert!(note.contains(&format!("subscription {id} may have stayed at superoffice")), "{note}");
    let note = crowd.scene.event(&account(1), "Forgotten");
    assert!(note.contains(&format!("1 Webhooks went without a call to the vendor; what may have stayed at superoffice: subscription {id} of")), "{note}");
    assert_eq!(crowd.tenants[1].ids(), [id], "it cannot be deleted");
    crowd.ready(2);
    // A login that works is used.
    crowd.scene.patch(&format!("vendoraccount/{}", account(2)), &json!({"spec": {"whenRevoked": "Forget"}}));
    crowd.scene.kubectl(&["delete", "vendoraccount", &account(2), KUBECTL_WAIT_LIMIT]);
    assert!(crowd.tenants[2].ids().is_empty());
}
