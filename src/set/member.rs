//! A declared member compared with the Webhook that exists.

use super::expand::{DeclaredMember, Member};
use crate::api::conditions::{self, DELIVERING, READY};
use crate::api::update_strategy::OrderBy;
use crate::api::webhook::{DeletionPolicy, Subscription, ValueFrom};
use crate::api::{FINALIZER, SET_REVISION, Webhook, WebhookSpec};
use crate::plan;
use kube::ResourceExt;
use serde_json::json;
use std::fmt::Write as _;

/// How the Webhook of a member differs from what is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// There is no Webhook.
    Missing,
    /// It is as declared.
    None,
    /// Its labels or annotations are of an older template, which concerns no subscription.
    Metadata,
    /// Its spec was changed by another client after the set wrote it.
    Edited,
    /// Its spec is of an older template.
    Outdated,
    /// It is being deleted.
    Deleting,
    /// A Webhook with that name does not belong to the set.
    NotOwned,
}

/// Whether a Webhook belongs to the set with this uid.
pub(crate) fn is_owned(webhook: &Webhook, set: &str) -> bool {
    webhook.owner_references().iter().any(|owner| owner.controller == Some(true) && owner.uid == set)
}

/// Compares a member with the Webhook that has its name.
pub(crate) fn compare(declared: &DeclaredMember, existing: Option<&Webhook>, set: &str) -> Difference {
    let Some(webhook) = existing else { return Difference::Missing };
    if !is_owned(webhook, set) {
        return Difference::NotOwned;
    }
    if webhook.metadata.deletion_timestamp.is_some() {
        return Difference::Deleting;
    }
    let wrote_this = webhook.annotations().get(SET_REVISION) == Some(&declared.revision);
    // Its content is not known, so that only the annotation tells.
    let unreadable = matches!(webhook.spec.subscription, Subscription::Unreadable { .. });
    match (unreadable || has_spec(webhook, &declared.spec), wrote_this) {
        (true, true) => Difference::None,
        (true, false) if unreadable => Difference::Outdated,
        (true, false) => Difference::Metadata,
        (false, true) => Difference::Edited,
        (false, false) => Difference::Outdated,
    }
}

/// Whether a Webhook has this spec. Its `externalId` belongs to people.
pub(crate) fn has_spec(webhook: &Webhook, declared: &WebhookSpec) -> bool {
    let WebhookSpec {
        account_ref,
        subscription,
        variables,
        mode,
        drift_policy,
        deletion_policy,
        external_id: _,
        adoption,
        suspend,
    } = &webhook.spec;
    *account_ref == declared.account_ref
        && *subscription == declared.subscription
        && *variables == declared.variables
        && *mode == declared.mode
        && *drift_policy == declared.drift_policy
        && *deletion_policy == declared.deletion_policy
        && *adoption == declared.adoption
        && *suspend == declared.suspend
}

/// Whether the status is about the newest spec.
pub(crate) fn is_current(webhook: &Webhook) -> bool {
    let observed = webhook.status.as_ref().and_then(|status| status.observed_generation);
    observed.is_some_and(|observed| observed >= webhook.metadata.generation.unwrap_or_default())
}

/// Whether a Webhook is ready.
pub(crate) fn is_ready(webhook: &Webhook) -> bool {
    is_current(webhook) && is(webhook, READY, "True")
}

/// Whether a Webhook is ready, or only planned, and its vendor does not report that it stopped delivering.
pub(crate) fn is_available(webhook: &Webhook) -> bool {
    // With mode Plan nothing is applied, so that there is nothing to wait for.
    let planned = || condition(webhook, READY).is_some_and(|ready| ready.reason == "Planned");
    webhook.metadata.deletion_timestamp.is_none()
        && is_current(webhook)
        && (is_ready(webhook) || planned())
        && !is_not_delivering(webhook)
}

/// Whether the vendor reports that it does not deliver although the Webhook declares it.
pub(crate) fn is_not_delivering(webhook: &Webhook) -> bool {
    is(webhook, DELIVERING, "False") && webhook.spec.subscription.is_enabled()
}

/// Returns a condition of a Webhook.
pub(crate) fn condition<'a>(
    webhook: &'a Webhook,
    kind: &str,
) -> Option<&'a k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    conditions::get(&webhook.status.as_ref()?.conditions, kind)
}

/// Whether a condition of a Webhook has this status.
pub(crate) fn is(webhook: &Webhook, kind: &str, status: &str) -> bool {
    condition(webhook, kind).is_some_and(|condition| condition.status == status)
}

/// Whether the Webhook has, or may have, a subscription at the vendor.
fn may_have_subscription(webhook: &Webhook) -> bool {
    let recorded = webhook.status.as_ref().is_some_and(|status| status.external_id.is_some());
    recorded || webhook.finalizers().iter().any(|name| name == FINALIZER)
}

/// Whether deleting the Webhook deletes a subscription.
pub(crate) fn loses_subscription(webhook: &Webhook) -> bool {
    webhook.metadata.deletion_timestamp.is_none()
        && webhook.spec.deletion_policy == DeletionPolicy::Delete
        && may_have_subscription(webhook)
}

/// Returns what a change of the Webhook's spec does to deliveries that exist: another receiver, or none. Nothing if it does neither.
pub(crate) fn risk(webhook: &Webhook, declared: &WebhookSpec) -> Option<String> {
    if !may_have_subscription(webhook) || matches!(webhook.spec.subscription, Subscription::Unreadable { .. })
    {
        return None;
    }
    let (before, after) = (receiver(&webhook.spec), receiver(declared));
    let mut effect = String::new();
    if before != after {
        let digest = plan::hash(&json!(after));
        let digest: String = digest.chars().skip_while(|c| *c != ':').skip(1).take(12).collect();
        let _ = write!(effect, "receiver:{digest}");
    }
    if webhook.spec.subscription.is_enabled() && !declared.subscription.is_enabled() {
        effect.push_str(if effect.is_empty() { "disabled" } else { "+disabled" });
    }
    (!effect.is_empty()).then_some(effect)
}

/// Returns the receiver with the values of its variables, or their sources where the value is not known here.
fn receiver(spec: &WebhookSpec) -> Vec<String> {
    let text = spec.subscription.receiver();
    let mut parts = vec![text.to_owned()];
    for name in crate::api::variables::used(text) {
        let variable = spec.variables.iter().find(|variable| variable.name == name);
        parts.push(match variable.map(|variable| (&variable.value, &variable.value_from)) {
            Some((Some(value), _)) => value.clone(),
            Some((None, Some(ValueFrom { secret_key_ref: Some(at), .. }))) => {
                format!("Secret {} {}", at.name, at.key)
            }
            Some((None, Some(ValueFrom { config_map_key_ref: Some(at), .. }))) => {
                format!("ConfigMap {} {}", at.name, at.key)
            }
            _ => String::new(),
        });
    }
    parts
}

/// Returns the value of an account's label that orders a rolling update, as its place in the list.
pub(crate) fn ring(member: &Member, order: Option<&OrderBy>) -> usize {
    let Some(order) = order else { return 0 };
    let value = member.account.labels().get(&order.label);
    let place = value.and_then(|value| order.values.iter().position(|one| one == value));
    place.unwrap_or(order.values.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::expand::expand;
    use crate::set::testing::{account, ready, set, webhook, with};
    use serde_json::Value;
    use std::sync::Arc;

    fn member(edit: Value) -> (crate::api::WebhookSet, Member) {
        let set = set(edit);
        let member = expand(&set, &[Arc::new(account("acme", &[("host", "one.example")]))]).remove(0);
        (set, member)
    }

    #[test]
    fn each_difference_is_told_apart() {
        let (set, member) = member(json!({}));
        let declared = member.declared.clone().unwrap();
        let made = webhook(&set, &member, ready());
        let of = |edit: &dyn Fn(&mut Webhook)| {
            let mut webhook = made.clone();
            edit(&mut webhook);
            compare(&declared, Some(&webhook), "set-uid")
        };
        let older = |webhook: &mut Webhook| {
            webhook.annotations_mut().insert(SET_REVISION.into(), "older".into());
        };
        assert_eq!(compare(&declared, None, "set-uid"), Difference::Missing);
        assert_eq!(of(&|_| {}), Difference::None);
        assert_eq!(of(&|webhook| webhook.spec.external_id = Some("7".into())), Difference::None);
        assert_eq!(of(&older), Difference::Metadata);
        assert_eq!(of(&|webhook| webhook.spec.suspend = true), Difference::Edited);
        let both = |webhook: &mut Webhook| {
            older(webhook);
            webhook.spec.suspend = true;
        };
        assert_eq!(of(&both), Difference::Outdated);
        assert_eq!(of(&|webhook| webhook.metadata.owner_references = None), Difference::NotOwned);
        assert_eq!(compare(&declared, Some(&made), "another"), Difference::NotOwned);
    }

    #[test]
    fn a_webhook_that_cannot_be_read_is_not_written_again_and_again() {
        let (set, member) = member(json!({}));
        let mut made = webhook(&set, &member, ready());
        made.without_content("too long".into());
        let declared = member.declared.unwrap();
        assert_eq!(compare(&declared, Some(&made), "set-uid"), Difference::None);
        made.annotations_mut().insert(SET_REVISION.into(), "older".into());
        assert_eq!(compare(&declared, Some(&made), "set-uid"), Difference::Outdated);
    }

    #[test]
    fn availability_follows_ready_and_delivering_for_the_newest_spec() {
        let (set, member) = member(json!({}));
        let available = |status: Value| is_available(&webhook(&set, &member, status));
        assert!(available(ready()));
        assert!(available(with("Ready", "False", "Planned")));
        assert!(!available(with("Ready", "False", "Rejected")));
        assert!(!available(json!(null)));
        let mut stopped = ready();
        stopped["conditions"]
            .as_array_mut()
            .unwrap()
            .push(with("Delivering", "False", "Stopped")["conditions"][0].clone());
        assert!(!available(stopped));
        let mut older = webhook(&set, &member, ready());
        older.metadata.generation = Some(2);
        assert!(!is_available(&older));
    }

    #[test]
    fn another_receiver_and_no_deliveries_are_risks() {
        let host = |from: Value| json!([{"name": "HOST", "valueFrom": from}]);
        let address = json!({"superoffice": {"targetUrl": "https://$(HOST)/"}});
        let template = |subscription: Value, variables: Value| json!({"template": {"spec": {"subscription": subscription, "variables": variables}}});
        let label = host(json!({"accountRef": {"label": "host"}}));
        let (set, old) = member(template(address.clone(), label.clone()));
        let mut made = webhook(&set, &old, ready());
        let to = |made: &Webhook, edit: Value| risk(made, &member(edit).1.declared.unwrap().spec);
        let other = |edit: Value| template(edit, label.clone());
        assert_eq!(
            to(&made, other(json!({"superoffice": {"targetUrl": "https://x/"}}))),
            None,
            "it has no subscription"
        );
        made.status.as_mut().unwrap().external_id = Some("7".into());
        assert_eq!(to(&made, template(address.clone(), label.clone())), None);
        assert_eq!(
            to(&made, other(json!({"superoffice": {"targetUrl": "https://$(HOST)/", "events": ["a"]}}))),
            None
        );
        let moved = to(&made, other(json!({"superoffice": {"targetUrl": "https://x/"}}))).unwrap();
        assert!(moved.starts_with("receiver:"), "{moved}");
        let value = json!([{"name": "HOST", "value": "two.example"}]);
        assert!(to(&made, template(address.clone(), value)).unwrap().starts_with("receiver:"));
        let same = json!([{"name": "HOST", "value": "one.example"}]);
        assert_eq!(to(&made, template(address.clone(), same)), None, "the same value of another source");
        let secret = host(json!({"secretKeyRef": {"name": "s", "key": "k"}}));
        assert!(to(&made, template(address, secret)).is_some());
        let stopped = json!({"superoffice": {"targetUrl": "https://$(HOST)/", "state": "Stopped"}});
        assert_eq!(to(&made, other(stopped)).as_deref(), Some("disabled"));
        let both = to(&made, other(json!({"superoffice": {"targetUrl": "https://x/", "state": "Stopped"}})));
        assert_eq!(both, Some(moved + "+disabled"));
    }
}
