//! What only WebhookSets have: counts of members, the members in the worst state, and how members follow the template.

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

/// Returns how members follow a change of the template.
pub(super) fn next(set: &WebhookSet) -> Vec<String> {
    let WebhookSetSpec { paused, update_strategy, .. } = &set.spec;
    if *paused {
        return vec!["nothing, until spec.paused is false".into()];
    }
    let members = usize::try_from(set.status.as_ref().map_or(0, |status| status.members));
    let roll_out = update_strategy.describe(members.unwrap_or_default());
    vec![roll_out, "a pass at once when the set, an account or a member changes".to_owned()]
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
}
