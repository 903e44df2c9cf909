//! How members follow a change of the template.

use hooktender_cluster::{KUBECTL_WAIT_LIMIT, eventually};
use serde_json::{Value, json};

use super::{Crowd, account, member, set};

fn events(event: &str) -> Value {
    json!({"template": {"spec": {"subscription": {"superoffice": {"events": [event]}}}}})
}

/// The vendor refuses each update.
fn refused() -> Value {
    let body = json!({"Error": true, "ErrorType": "SoException", "ErrorMessage": "no", "ErrorSource": ""});
    json!({"operation": "update", "kind": "status", "status": 400, "times": null, "body": body})
}

impl Crowd {
    /// Returns which tenants have this event.
    fn with(&self, event: &str) -> Vec<usize> {
        let has = |tenant: &crate::vendors::Tenant| tenant.stored()[0]["Events"].to_string().contains(event);
        let all = self.tenants.iter().enumerate();
        all.filter(|(_, tenant)| has(tenant)).map(|(number, _)| number).collect()
    }

    /// Waits until exactly these tenants have this event.
    fn reaches(&self, event: &str, tenants: &[usize]) {
        eventually(&format!("{event} at {tenants:?}"), || {
            let with = self.with(event);
            if with == tenants { Ok(()) } else { Err(with) }
        })
        .unwrap();
    }
}

#[test]
fn a_canary_that_stops_delivering_holds_the_roll_out_at_its_ring() {
    let crowd = Crowd::new("set-canary", 20);
    let _operator = crowd.operator();
    let mut ordered = set(&["contact.created"]);
    ordered["spec"]["updateStrategy"] = json!({"rollingUpdate": {
        "maxUnavailable": "100%", "orderBy": {"label": "ring", "values": ["canary"]},
    }});
    ordered["spec"]["template"]["spec"]["subscription"]["superoffice"]["onTooManyErrors"] = json!("Leave");
    crowd.scene.apply(&ordered);
    crowd.ready(20);
    // An update switches deliveries on again: the vendor gives up on one canary after its update, while the other one is refused.
    crowd.tenants[0].fault(&refused());
    crowd.patch(&events("sale.changed"));
    crowd.reaches("sale.changed", &[1]);
    crowd.tenants[1].edit(&crowd.tenants[1].ids()[0], &json!({"State": "TooManyErrors"}));
    crowd.scene.pass(&account(1));
    crowd.becomes("not delivering at the canary", |set| set["status"]["notDelivering"] == 1);
    crowd.tenants[0].clear_faults();
    crowd.scene.pass(&account(0));
    crowd.reaches("sale.changed", &[0, 1]);
    crowd.becomes("held at the canary", |set| {
        let said = crate::scene::condition(set, "Ready").unwrap().message;
        said.starts_with("2 of 20 members are updated: waiting at ring=canary for 1 unavailable member: hooks-a01 (TooManyErrors: ")
    });
    eprintln!("{}", crowd.scene.kubectl(&["get", "whs"]));
    for number in 0..20 {
        crowd.scene.pass(&account(number));
    }
    assert_eq!(crowd.with("sale.changed"), [0, 1]);
    crowd.tenants[1].edit(&crowd.tenants[1].ids()[0], &json!({"State": "Active"}));
    crowd.scene.pass(&account(1));
    crowd.ready(20);
    assert_eq!(crowd.with("sale.changed").len(), 20);
}

#[test]
fn a_member_that_fails_uses_up_the_limit_and_no_more() {
    let crowd = Crowd::new("set-limit", 5);
    let _operator = crowd.operator();
    crowd.scene.apply(&set(&["contact.created"]));
    crowd.ready(5);
    crowd.patch(&json!({"updateStrategy": {"rollingUpdate": {"maxUnavailable": 2}}}));
    crowd.ready(5);
    // The vendor refuses each change of one tenant.
    crowd.tenants[2].fault(&refused());
    crowd.patch(&events("sale.changed"));
    crowd.reaches("sale.changed", &[0, 1, 3, 4]);
    let message = crowd.says("MembersBlocked");
    assert!(message.starts_with("1 of 5 members wait for a person: hooks-a02 (Rejected: "), "{message}");
    crowd.tenants[2].clear_faults();
    crowd.patch(&events("sale.sold"));
    crowd.ready(5);
}

#[test]
fn on_delete_changes_a_member_when_its_webhook_is_deleted() {
    let crowd = Crowd::new("set-ondelete", 2);
    let _operator = crowd.operator();
    let mut on_delete = set(&["contact.created"]);
    on_delete["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    crowd.scene.apply(&on_delete);
    crowd.ready(2);
    crowd.patch(&events("sale.changed"));
    let message = crowd.says("WaitingForDelete");
    assert_eq!(message, "2 of 2 members have an older template, until their Webhook is deleted (OnDelete)");
    crowd.scene.kubectl(&["delete", "webhook", &member(1), KUBECTL_WAIT_LIMIT]);
    eventually("the member is made of the new template", || {
        let stored = crowd.tenants[1].stored();
        let made = stored.len() == 1 && stored[0]["Events"].to_string().contains("sale.changed");
        if made { Ok(()) } else { Err(stored) }
    })
    .unwrap();
    assert_eq!(crowd.with("sale.changed"), [1]);
}
