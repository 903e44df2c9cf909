//! Limits the events of each object, as client-go's recorder does: 25 at once, then one in five minutes. Nothing is lost: the
//! content of an event is also in the object's conditions and in the log.

use crate::engine::clock;
use k8s_openapi::api::core::v1::ObjectReference;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The number of events of one object without a wait.
const BURST: u32 = 25;
/// After that, one more event is allowed in each interval of this length.
const REFILL: Duration = Duration::from_secs(300);
/// The number of objects in each of two generations. When the recent one is full, it replaces the older one, whose objects are
/// forgotten.
const OBJECTS: usize = 2048;

/// The events that are left to each object.
#[derive(Default)]
pub(crate) struct EventLimiter(Mutex<Generations>);

/// The objects with a recent event, and those of the generation before.
#[derive(Default)]
struct Generations {
    recent: HashMap<String, Bucket>,
    older: HashMap<String, Bucket>,
}

/// The number of events that were left at some time.
#[derive(Clone, Copy)]
struct Bucket {
    left: u32,
    since: Instant,
}

impl Bucket {
    fn full(now: Instant) -> Self {
        Self { left: BURST, since: now }
    }

    /// Uses one event, if one is left.
    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since);
        let gained = u32::try_from(passed.as_secs() / REFILL.as_secs()).unwrap_or(u32::MAX);
        if self.left.saturating_add(gained) >= BURST {
            *self = Self::full(now);
        } else {
            self.left += gained;
            self.since += REFILL * gained;
        }
        let has_one = self.left > 0;
        self.left = self.left.saturating_sub(1);
        has_one
    }
}

impl EventLimiter {
    /// Whether an event of the object may be published now. If so, counts it.
    pub(crate) fn admits(&self, on: &ObjectReference) -> bool {
        let now = clock::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(on);
        let known = all.recent.get(&key).or_else(|| all.older.get(&key)).copied();
        let mut bucket = known.unwrap_or_else(|| Bucket::full(now));
        let admitted = bucket.take(now);
        if all.recent.len() >= OBJECTS && !all.recent.contains_key(&key) {
            all.older = std::mem::take(&mut all.recent);
        }
        all.recent.insert(key, bucket);
        admitted
    }
}

/// An object that was deleted and created again under its name counts as another one.
fn key(on: &ObjectReference) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}/{}/{}", part(&on.kind), part(&on.namespace), part(&on.name), part(&on.uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> ObjectReference {
        ObjectReference { name: Some(name.into()), uid: Some(name.into()), ..ObjectReference::default() }
    }

    #[test]
    fn a_burst_is_let_through_and_then_one_in_five_minutes() {
        clock::test::stop_at(Duration::ZERO);
        let limiter = EventLimiter::default();
        let admitted = |name: &str| (0..100).filter(|_| limiter.admits(&object(name))).count();
        assert_eq!(admitted("a"), 25);
        assert_eq!(admitted("b"), 25, "each object has its own");
        for (minutes, expected) in [(4, 0), (5, 1), (9, 0), (10, 1), (30, 4), (600, 25)] {
            clock::test::stop_at(Duration::from_secs(minutes * 60));
            assert_eq!(admitted("a"), expected, "after {minutes} min");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_newest_objects_are_kept() {
        clock::test::stop_at(Duration::ZERO);
        let limiter = EventLimiter::default();
        for _ in 0..30 {
            limiter.admits(&object("busy"));
        }
        for number in 0..OBJECTS * 5 {
            assert!(limiter.admits(&object(&number.to_string())));
            if number % 100 == 0 {
                assert!(!limiter.admits(&object("busy")), "it is not forgotten while it makes events");
            }
        }
        let all = limiter.0.lock().unwrap();
        assert!(all.recent.len() + all.older.len() <= OBJECTS * 2);
    }
}
