//! Conditions of kstatus (`Ready`, `Reconciling`, `Stalled`), and our own `Drifted` and `Delivering`.

use super::shorten;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::{Timestamp, Unit};

/// The vendor has what the object declares.
pub const READY: &str = "Ready";
/// Work is in progress or will be retried.
pub const RECONCILING: &str = "Reconciling";
/// A person has to act; retries are rare.
pub const STALLED: &str = "Stalled";
/// The subscription differs although the manifest did not change.
pub const DRIFTED: &str = "Drifted";
/// The vendor delivers. Only set if the vendor reports it.
pub const DELIVERING: &str = "Delivering";

/// Maximum length of a message in characters. The API allows 32,768, but an object has several conditions.
const LONGEST_MESSAGE: usize = 4096;

/// Rounds to whole seconds, as Kubernetes stores them: a finer time would never equal the stored one.
pub fn seconds(at: Timestamp) -> Time {
    Time(at.round(Unit::Second).unwrap_or(at))
}

/// Sets one condition. The transition time changes only with the status.
pub fn set(conditions: &mut Vec<Condition>, mut new: Condition) {
    new.message = shorten::to_chars(&new.message, LONGEST_MESSAGE);
    match conditions.iter_mut().find(|c| c.type_ == new.type_) {
        Some(existing) => {
            if existing.status == new.status {
                new.last_transition_time = existing.last_transition_time.clone();
            }
            *existing = new;
        }
        None => conditions.push(new),
    }
}

/// Returns the word for the status of a condition.
pub fn status(is_true: bool) -> String {
    if is_true { "True".into() } else { "False".into() }
}

/// Returns the condition of that type, if it is set.
pub fn get<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == kind)
}

/// Whether the condition of that type is `True`.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    get(conditions, kind).is_some_and(|c| c.status == "True")
}

/// Returns a condition that has been as it is since the epoch.
#[cfg(test)]
pub(crate) fn sample(kind: &str, is_true: bool, reason: &str, message: &str) -> Condition {
    Condition {
        type_: kind.into(),
        status: status(is_true),
        reason: reason.into(),
        message: message.into(),
        observed_generation: None,
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_time_changes_only_with_the_status() {
        let (early, late) = (Timestamp::from_second(10).unwrap(), Timestamp::from_second(99).unwrap());
        let ready = |is_true, reason, time| Condition {
            last_transition_time: seconds(time),
            ..sample(READY, is_true, reason, &"m".repeat(LONGEST_MESSAGE + 1))
        };
        let mut all = Vec::new();
        set(&mut all, ready(false, "Unavailable", early));
        set(&mut all, ready(false, "Throttled", late));
        assert_eq!(get(&all, READY).unwrap().last_transition_time, Time(early), "still False");
        assert_eq!(get(&all, READY).unwrap().reason, "Throttled");
        set(&mut all, ready(true, "InSync", late));
        assert_eq!(get(&all, READY).unwrap().last_transition_time, Time(late), "now True");
        assert_eq!(all.len(), 1);
        assert!(all[0].message.ends_with("(4097 characters)"), "a message is shortened");
        assert!(is_true(&all, READY) && !is_true(&all, STALLED));
    }

    #[test]
    fn times_are_whole_seconds() {
        let fine = Timestamp::from_millisecond(10_499).unwrap();
        assert_eq!(seconds(fine), Time(Timestamp::from_second(10).unwrap()));
    }
}
