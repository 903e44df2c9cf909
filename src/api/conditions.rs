//! Conditions as kstatus reads them: `Ready`, `Reconciling`, `Stalled`, and our own `Drifted` and `Delivering`.

use super::shorten;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::{Timestamp, Unit};

/// What the object is about is so at the vendor.
pub const READY: &str = "Ready";
/// Work is under way or will be tried again by itself.
pub const RECONCILING: &str = "Reconciling";
/// Nothing will happen before a person, or a slow retry, changes something.
pub const STALLED: &str = "Stalled";
/// The vendor's copy differs although the manifest did not change.
pub const DRIFTED: &str = "Drifted";
/// The vendor delivers; set only where the vendor tells.
pub const DELIVERING: &str = "Delivering";

/// A message is cut to this many characters. The API takes 32,768; several conditions of one object have to fit into it, and nobody
/// reads more.
const LONGEST_MESSAGE: usize = 4096;

/// Kubernetes keeps whole seconds; anything finer would never compare equal to what is read back.
pub fn seconds(at: Timestamp) -> Time {
    Time(at.round(Unit::Second).unwrap_or(at))
}

/// Sets one condition; the transition time moves only when the status does.
pub fn set(
    conditions: &mut Vec<Condition>,
    kind: &str,
    status: bool,
    reason: &str,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) {
    let status = if status { "True" } else { "False" };
    let since = conditions
        .iter()
        .find(|c| c.type_ == kind && c.status == status)
        .map_or_else(|| seconds(now), |c| c.last_transition_time.clone());
    let next = Condition {
        type_: kind.into(),
        status: status.into(),
        reason: reason.into(),
        message: shorten::to_chars(message, LONGEST_MESSAGE),
        observed_generation: generation,
        last_transition_time: since,
    };
    match conditions.iter_mut().find(|c| c.type_ == kind) {
        Some(existing) => *existing = next,
        None => conditions.push(next),
    }
}

/// The condition of that type, if it was ever set.
pub fn get<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == kind)
}

/// Whether the condition of that type is `True`.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    get(conditions, kind).is_some_and(|c| c.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transition_time_moves_only_with_the_status() {
        let (early, late) = (Timestamp::from_second(10).unwrap(), Timestamp::from_second(99).unwrap());
        let mut all = Vec::new();
        set(&mut all, READY, false, "Unavailable", "a", Some(1), early);
        set(&mut all, READY, false, "Throttled", "b", Some(2), late);
        assert_eq!(get(&all, READY).unwrap().last_transition_time, Time(early), "still False");
        assert_eq!(get(&all, READY).unwrap().reason, "Throttled");
        set(&mut all, READY, true, "InSync", "c", Some(2), late);
        assert_eq!(get(&all, READY).unwrap().last_transition_time, Time(late), "now True");
        assert_eq!(all.len(), 1);
        assert!(is_true(&all, READY) && !is_true(&all, STALLED));
    }

    #[test]
    fn times_are_whole_seconds() {
        let fine = Timestamp::from_millisecond(10_499).unwrap();
        assert_eq!(seconds(fine), Time(Timestamp::from_second(10).unwrap()));
    }
}
