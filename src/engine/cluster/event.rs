//! Creates Events within the limits of the API, which rejects longer fields.

use crate::api::shorten;
use crate::engine::clock;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

/// Maximum length of a note in bytes.
const LONGEST_NOTE: usize = 1024;
/// Maximum length of a name in bytes.
const LONGEST_NAME: usize = 253;
/// Maximum length of the name of the process in bytes.
const LONGEST_INSTANCE: usize = 128;

/// Something that happened to an object, for `kubectl describe`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventRecord {
    /// Whether a person should look.
    pub(crate) warning: bool,
    /// One word, such as `Created`.
    pub(crate) reason: &'static str,
    /// What happened, on what, and what to do next.
    pub(crate) note: String,
}

/// Returns the Event of what happened to an object. `unique` makes its name unique among the Events of that object.
pub(crate) fn event(on: ObjectReference, happened: &EventRecord, instance: &str, unique: u64) -> Event {
    Event {
        metadata: ObjectMeta {
            name: Some(name(on.name.as_deref().unwrap_or_default(), unique)),
            namespace: on.namespace.clone(),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(clock::timestamp())),
        type_: Some(if happened.warning { "Warning" } else { "Normal" }.into()),
        reason: Some(happened.reason.into()),
        action: Some("Reconcile".into()),
        note: Some(shorten::to_bytes(&happened.note, LONGEST_NOTE)),
        regarding: Some(on),
        reporting_controller: Some("hooktender.dev/controller".into()),
        // The end of a Pod's name is kept, because that is what differs between Pods. Names are ASCII.
        reporting_instance: Some(
            instance.get(instance.len().saturating_sub(LONGEST_INSTANCE)..).unwrap_or_default().into(),
        ),
        ..Event::default()
    }
}

/// Returns a name that begins with the object's.
fn name(of: &str, unique: u64) -> String {
    let suffix = format!(".{unique:016x}");
    let room = LONGEST_NAME - suffix.len();
    // No part of a name between dots may end with a dash.
    let of = of.get(..room).unwrap_or(of).trim_end_matches(['-', '.']);
    format!("{of}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_event_is_within_the_limits_of_the_api(
            object in "[a-z0-9]([a-z0-9]|-[a-z0-9]|\\.[a-z0-9]){0,126}", note in ".{0,1500}", instance in "[a-z0-9]{1,253}", unique: u64,
        ) {
            let on = ObjectReference { name: Some(object.clone()), ..ObjectReference::default() };
            let happened = EventRecord { warning: true, reason: "Rejected", note: note.clone() };
            let event = event(on, &happened, &instance, unique);
            let name = event.metadata.name.unwrap();
            prop_assert!(name.len() <= 253 && name.split('.').all(|part| {
                !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')
            }), "{}", name);
            let suffix = format!(".{unique:016x}");
            prop_assert!(name.ends_with(&suffix), "{}", name);
            let (said, limit) = (event.note.unwrap(), 1024);
            prop_assert!(said.len() <= limit && (said == note || note.len() > limit));
            prop_assert!(event.reporting_instance.unwrap().len() <= 128);
        }
    }
}
