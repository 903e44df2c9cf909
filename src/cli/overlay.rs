//! Single objects of a command: as they would be after `kubectl apply`, or as reports that they are blocked.

use crate::api::ObjectKey;
use crate::manifest::{Kind, Placed, Problem, check_change};
use crate::plan::report::{Class, WebhookReport};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::core::object::HasSpec;

/// Returns the object as it would be after `kubectl apply`.
pub(super) fn overlay<K>(known: Option<K>, file: Placed<K>, problems: &mut Vec<Problem>) -> K
where
    K: Kind + HasSpec<Spec: PartialEq + Clone> + ResourceExt,
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
    if object.spec() != file.object.spec() {
        *object.spec_mut() = file.object.spec().clone();
        let generation = object.meta().generation.unwrap_or_default();
        object.meta_mut().generation = Some(generation + 1);
    }
    object.labels_mut().extend(file.object.labels().clone());
    object.annotations_mut().extend(file.object.annotations().clone());
    object
}

/// Reports a Webhook that no account reconciles.
pub(super) fn blocked_orphan(key: ObjectKey, reason: &str, message: String) -> WebhookReport {
    WebhookReport::unknown(key, Class::Blocked, Class::Blocked.held(reason, message))
}
