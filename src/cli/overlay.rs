//! Single objects of a command: as they would be after `kubectl apply`, or as reports that they are blocked.

use super::named_objects::OwnKind;
use crate::api::ObjectKey;
use crate::manifest::{Kind, Placed, Problem, check_change};
use crate::plan::report::{Class, WebhookReport};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, Time};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::core::object::HasSpec;

/// Returns the object as it would be after `kubectl apply`.
pub(super) fn overlay<K>(known: Option<K>, file: Placed<K>, problems: &mut Vec<Problem>) -> K
where
    K: OwnKind + Kind + HasSpec<Spec: PartialEq + Clone> + ResourceExt,
{
    let Some(mut object) = known else {
        let mut new = file.object;
        let uid = format!("file:{}/{}", new.namespace().unwrap_or_default(), new.name_any());
        let meta = new.meta_mut();
        meta.uid = Some(uid);
        meta.generation = Some(1);
        meta.creation_timestamp = Some(Time(Timestamp::now()));
        return new;
    };
    problems.extend(check_change(&object, &file));
    let stays_suspended = object.is_suspended()
        && !file.declares(&format!("spec.{}", K::SUSPEND))
        && !is_applied(object.managed_fields(), K::SUSPEND);
    let before = object.spec().clone();
    *object.spec_mut() = file.object.spec().clone();
    if stays_suspended {
        object.suspend();
    }
    if *object.spec() != before {
        let generation = object.meta().generation.unwrap_or_default();
        object.meta_mut().generation = Some(generation + 1);
    }
    object.labels_mut().extend(file.object.labels().clone());
    object.annotations_mut().extend(file.object.annotations().clone());
    object
}

/// Whether a field of the spec was set by an apply: the next apply of a file without the field removes it. One that another client set,
/// such as `hooktender suspend`, stays.
fn is_applied(entries: &[ManagedFieldsEntry], field: &str) -> bool {
    let by_apply = |entry: &&ManagedFieldsEntry| {
        entry.operation.as_deref() == Some("Apply")
            || entry.manager.as_deref() == Some("kubectl-client-side-apply")
    };
    let path = format!("/f:spec/f:{field}");
    let has = |entry: &ManagedFieldsEntry| {
        entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer(&path).is_some())
    };
    entries.iter().filter(by_apply).any(has)
}

/// Reports a Webhook that no account reconciles.
pub(super) fn blocked_orphan(key: ObjectKey, reason: &str, message: String) -> WebhookReport {
    WebhookReport::unknown(key, Class::Blocked, Class::Blocked.held(reason, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::WebhookSet;
    use crate::manifest::parse;
    use serde_json::{Value, json};

    fn file(paused: &str) -> Placed<WebhookSet> {
        let text = format!(
            "apiVersion: hooktender.dev/v1alpha1\nkind: WebhookSet\nmetadata: {{name: hooks, namespace: shop}}\nspec:\n  {paused}\n  \
             accountSelector: {{matchLabels: {{tier: gold}}}}\n  template: {{spec: {{subscription: {{superoffice: \
             {{events: [sale.sold], targetUrl: 'https://h.example'}}}}}}}}\n"
        );
        parse("a.yaml", text.as_bytes(), "shop").unwrap().sets.remove(0)
    }

    /// A paused set, and who owns that field.
    fn known(owner: &Value) -> WebhookSet {
        let mut set = file("paused: true").object;
        set.metadata.managed_fields = Some(vec![serde_json::from_value(owner.clone()).unwrap()]);
        set
    }

    #[test]
    fn a_pause_that_no_apply_has_set_stays() {
        let owner = |manager: &str, operation: &str| {
            json!({"manager": manager, "operation": operation, "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:paused": {}}}})
        };
        let suspended = owner("hooktender-cli", "Update");
        for (owner, text, stays) in [
            (&suspended, "", true),
            (&suspended, "paused: false", false),
            (&suspended, "paused: true", true),
            (&owner("kubectl-client-side-apply", "Update"), "", false),
            (&owner("flux", "Apply"), "", false),
        ] {
            let mut problems = Vec::new();
            let set = overlay(Some(known(owner)), file(text), &mut problems);
            assert_eq!((set.spec.paused, problems.len()), (stays, 0), "{owner} {text:?}");
        }
    }
}
