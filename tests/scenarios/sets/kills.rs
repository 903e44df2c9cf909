//! The operator is killed at each write of a set: another one goes on, and no tenant has a subscription twice or loses one.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use super::{Crowd, member, set};
use crate::operator::Operator;
use crate::scene::condition;

/// Every write of a set and of its members.
const POINTS: [&str; 12] = [
    "WebhookSet.hold.writing",
    "WebhookSet.hold.written",
    "WebhookSet.status.writing",
    "WebhookSet.status.written",
    "Member.create.writing",
    "Member.create.written",
    "Member.apply.writing",
    "Member.apply.written",
    "Member.delete.writing",
    "Member.delete.written",
    "WebhookSet.release.writing",
    "WebhookSet.release.written",
];

/// An operator that is started again when it was killed.
struct Supervised<'a> {
    crowd: &'a Crowd,
    operator: Operator,
    kills: usize,
}

impl<'a> Supervised<'a> {
    fn start(crowd: &'a Crowd, point: &str) -> Self {
        let rule = format!("{point}=kill");
        Self { crowd, operator: crowd.scene.launch(&[], &[("FAILPOINTS", &rule)]), kills: 0 }
    }

    /// Starts the operator again if it was killed.
    fn revive(&mut self) {
        if self.operator.has_ended() {
            self.kills += 1;
            self.operator = self.crowd.scene.launch(&[], &[]);
        }
    }

    /// Waits until the set meets a condition.
    fn until(&mut self, what: &str, so: impl Fn(&Value) -> bool) {
        eventually(what, || {
            self.revive();
            let set = self.crowd.scene.set("hooks");
            if so(&set) { Ok(()) } else { Err(set["status"].clone()) }
        })
        .unwrap();
    }

    /// Waits until the operator was killed: what it wrote last is seen before its end is.
    fn was_killed(&mut self, point: &str) {
        eventually(&format!("{point} is reached"), || {
            self.revive();
            if self.kills == 1 { Ok(()) } else { Err(self.kills) }
        })
        .unwrap();
    }
}

fn is_ready(set: &Value, members: usize) -> bool {
    set["status"]["observedGeneration"] == set["metadata"]["generation"]
        && set["status"]["updated"] == members
        && set["status"]["members"] == members
        && condition(set, "Ready").is_some_and(|ready| ready.status == "True")
}

#[test]
fn a_set_survives_a_kill_at_each_of_its_writes() {
    let crowd = Crowd::new("set-kills", 3);
    for point in POINTS {
        let mut supervised = Supervised::start(&crowd, point);
        crowd.scene.apply(&set(&["contact.created"]));
        supervised.until(&format!("{point}: made"), |set| is_ready(set, 3));
        assert_eq!(crowd.stored(), [1; 3], "{point}");
        crowd.patch(
            &json!({"template": {"spec": {"subscription": {"superoffice": {"events": ["sale.changed"]}}}}}),
        );
        supervised.until(&format!("{point}: changed"), |set| is_ready(set, 3));
        crowd.label(2, "tier=silver");
        supervised.until(&format!("{point}: lost one"), |set| is_ready(set, 2));
        crowd.label(2, "tier=gold");
        supervised.until(&format!("{point}: has it again"), |set| is_ready(set, 3));
        assert_eq!(crowd.stored(), [1; 3], "{point}");
        for (number, tenant) in crowd.tenants.iter().enumerate() {
            let webhook = crowd.scene.webhook(&member(number));
            assert_eq!(webhook["status"]["externalId"], tenant.ids()[0].as_str(), "{point}: {number}");
        }
        crowd.scene.kubectl(&["delete", "webhookset/hooks", "--wait=false"]);
        supervised.until(&format!("{point}: deleted"), Value::is_null);
        assert_eq!(crowd.stored(), [0; 3], "{point}");
        supervised.was_killed(point);
        // It may have just been started again, and handles no signal yet.
        supervised.operator.logs("caches synced");
        supervised.operator.terminate();
    }
}
