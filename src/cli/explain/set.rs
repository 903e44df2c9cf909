//! What only WebhookSets have: counts of members, the members in the worst state, and how members follow the template.

use crate::api::conditions::{self, READY};
use crate::api::status::{MemberProblem, WebhookSetStatus};
use crate::api::{WebhookSet, WebhookSetSpec};

/// Returns the counts of members; those of problems only if there are some.
pub(super) fn counts(status: &WebhookSetStatus) -> String {
    let WebhookSetStatus { members, updated, ready, drifted, not_delivering, blocked, .. } = status;
    let noun = if *members == 1 { "member" } else { "members" };
    let mut counts =
        vec![format!("{members} {noun}"), format!("{updated} updated"), format!("{ready} ready")];
    let problems = [(drifted, "drifted"), (not_delivering, "not delivering"), (blocked, "blocked")];
    let problems = problems.into_iter().filter(|(number, _)| **number > 0);
    counts.extend(problems.map(|(number, what)| format!("{number} {what}")));
    counts.join(", ")
}

/// Returns the members in the worst state, one line each.
pub(super) fn worst(status: &WebhookSetStatus) -> Vec<String> {
    let line = |one: &MemberProblem| {
        format!("wh/{}, account {}: {}: {}", one.name, one.account, one.reason, one.message)
    };
    status.worst.iter().map(line).collect()
}

/// Returns what keeps members from being changed, in the order in which it has to be ended, and how they follow a change of the template.
pub(super) fn next(set: &WebhookSet) -> Vec<String> {
    let WebhookSetSpec { paused, update_strategy, .. } = &set.spec;
    let conditions = set.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let is_guarded = conditions::get(conditions, READY).is_some_and(|ready| ready.reason == "SetGuard");
    let mut next = Vec::new();
    if is_guarded {
        next.push("nothing, until what SetGuard blocks is corrected or allowed".to_owned());
    }
    if *paused {
        next.push(format!("{}nothing, until spec.paused is false", if is_guarded { "then " } else { "" }));
        return next;
    }
    let members = usize::try_from(set.status.as_ref().map_or(0, |status| status.members));
    next.push(update_strategy.describe(members.unwrap_or_default()));
    next.push("a pass at once when the set, an account or a member changes".to_owned());
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn set(strategy: &Value) -> WebhookSet {
        serde_json::from_value(json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet", "metadata": {"name": "a", "namespace": "n"},
            "spec": {"accountSelector": {}, "updateStrategy": strategy, "template": {"spec": {"subscription": {"superoffice":
                {"events": ["sale.sold"], "targetUrl": "https://h"}}}}},
            "status": {"members": 20, "updated": 20, "ready": 18, "notDelivering": 1, "blocked": 1},
        }))
        .unwrap()
    }

    #[test]
    fn a_set_is_described_in_a_few_lines() {
        let rolling = set(
            &json!({"rollingUpdate": {"maxUnavailable": "10%", "orderBy": {"label": "ring", "values": ["canary", "early"]}}}),
        );
        assert_eq!(
            counts(rolling.status.as_ref().unwrap()),
            "20 members, 20 updated, 18 ready, 1 not delivering, 1 blocked"
        );
        assert_eq!(
            next(&rolling)[0],
            "a change of the template reaches members while at most 2 are unavailable, canary, then early first by the accounts' label ring"
        );
        assert!(next(&set(&json!({"type": "OnDelete"})))[0].ends_with("when its Webhook is deleted"));
    }

    #[test]
    fn a_guard_and_a_pause_are_both_named_in_their_order() {
        let mut blocked = set(&json!({"type": "OnDelete"}));
        blocked.spec.paused = true;
        assert_eq!(next(&blocked), ["nothing, until spec.paused is false"]);
        let guard = conditions::sample(READY, false, "SetGuard", "too many");
        blocked.status.as_mut().unwrap().conditions = vec![guard];
        let by_guard = "nothing, until what SetGuard blocks is corrected or allowed";
        assert_eq!(next(&blocked), [by_guard, "then nothing, until spec.paused is false"]);
        blocked.spec.paused = false;
        assert_eq!(next(&blocked)[0], by_guard);
        assert_eq!(next(&blocked).len(), 3);
    }
}
