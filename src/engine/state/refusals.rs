//! Webhooks for which the API server refused a write that concerns only them, and when each is tried again.

use crate::api::ObjectKey;
use crate::engine::clock;
use crate::engine::state::webhook::{Requested, WebhookState};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The wait after the first refusal; each further one doubles it,
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// A wait ends on a multiple of this part of itself, so that Webhooks of one account that were refused at different times
/// are tried again together: a thousand of them cause no more passes than a few.
const STEPS: u32 = 4;
/// How many Webhooks a summary names.
const MAX_NAMED: usize = 5;

struct Refusal {
    webhook: ObjectKey,
    /// What was asked for when it was refused.
    requested: Requested,
    words: String,
    failures: u32,
    until: Instant,
}

/// The refused Webhooks of one account, by uid.
pub(crate) struct Refusals {
    all: HashMap<String, Refusal>,
    /// What the ends of waits are counted from.
    start: Instant,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { all: HashMap::new(), start: clock::now() }
    }
}

impl Refusals {
    /// Records one more refusal, with the API server's words. Returns whether these are new, so that an event is due.
    pub(crate) fn record(&mut self, entry: &WebhookState, words: String) -> bool {
        let before = self.all.get(&entry.uid);
        let is_new = before.is_none_or(|before| before.words != words);
        let failures = before.map_or(0, |before| before.failures);
        let refusal = Refusal {
            webhook: ObjectKey::of(&*entry.object),
            requested: entry.requested.clone(),
            words,
            failures: failures.saturating_add(1),
            until: self.next_try_after(failures),
        };
        self.all.insert(entry.uid.clone(), refusal);
        is_new
    }

    fn next_try_after(&self, failures: u32) -> Instant {
        let wait = (FIRST_WAIT * 2_u32.saturating_pow(failures.min(16))).min(LONGEST_WAIT);
        let (end, step) = (clock::since(self.start) + wait, wait / STEPS);
        let steps = end.as_nanos().div_ceil(step.as_nanos().max(1));
        self.start + step * u32::try_from(steps).unwrap_or(u32::MAX)
    }

    /// Whether the Webhook waits for its next try. An edit, a deletion or a request ends the wait.
    pub(crate) fn holds_back(&self, entry: &WebhookState) -> bool {
        let refusal = self.all.get(&entry.uid);
        refusal.is_some_and(|refusal| refusal.requested == entry.requested && clock::now() < refusal.until)
    }

    /// When the Webhook is tried again, if it was refused.
    pub(crate) fn until(&self, uid: &str) -> Option<Instant> {
        self.all.get(uid).map(|refusal| refusal.until)
    }

    /// A person asks for another try.
    pub(crate) fn try_again(&mut self, uid: &str) {
        if let Some(refusal) = self.all.get_mut(uid) {
            refusal.until = clock::now();
        }
    }

    /// Everything was written.
    pub(crate) fn forget(&mut self, uid: &str) {
        self.all.remove(uid);
    }

    /// Drops those that are gone.
    pub(crate) fn retain(&mut self, keep: impl Fn(&String) -> bool) {
        self.all.retain(|uid, _| keep(uid));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// How many there are, and the first of them by name with the API server's words; none if there is none.
    pub(crate) fn summary(&self) -> Option<(usize, String)> {
        let mut all: Vec<_> = self.all.values().collect();
        all.sort_by(|a, b| a.webhook.cmp(&b.webhook));
        let named = all.iter().take(MAX_NAMED).map(|one| format!("{} ({})", one.webhook, one.words));
        let mut text = named.collect::<Vec<_>>().join(", ");
        if all.len() > MAX_NAMED {
            text = format!("{text} and {} more", all.len() - MAX_NAMED);
        }
        (!all.is_empty()).then_some((all.len(), text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Webhook;
    use serde_json::json;
    use std::sync::Arc;

    fn entry(name: &str) -> WebhookState {
        let webhook: Webhook = serde_json::from_value(json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
            "metadata": {"name": name, "namespace": "shop", "uid": name, "generation": 1},
            "spec": {"accountRef": {"name": "account"}, "subscription": {"superoffice":
                {"name": name, "events": ["contact.created"], "targetUrl": "https://h"}}},
        }))
        .unwrap();
        let mut entry = WebhookState::new(name.into(), Arc::new(webhook));
        entry.requested = Requested::of(&entry.object);
        entry
    }

    #[test]
    fn a_refused_webhook_waits_until_its_time_or_an_edit() {
        let (mut refusals, mut hook) = (Refusals::default(), entry("a"));
        assert!(!refusals.holds_back(&hook));
        assert!(refusals.record(&hook, "frozen".into()), "the first is told");
        assert!(!refusals.record(&hook, "frozen".into()), "the same is not told again");
        assert!(refusals.holds_back(&hook));
        hook.requested.generation = Some(2);
        assert!(!refusals.holds_back(&hook), "an edit is tried at once");
        hook.requested.generation = Some(1);
        refusals.try_again("a");
        assert!(!refusals.holds_back(&hook));
        assert!(refusals.record(&hook, "too large".into()), "another reason is told");
        refusals.forget("a");
        assert_eq!((refusals.len(), refusals.summary()), (0, None));
    }

    #[test]
    fn waits_double_to_five_minutes_and_end_together() {
        let refusals = Refusals::default();
        let wait = |failures| refusals.next_try_after(failures).saturating_duration_since(clock::now());
        for (failures, least) in [(0, 1), (1, 2), (4, 16), (8, 256), (9, 300), (60, 300)] {
            let (wait, least) = (wait(failures).as_secs_f64(), f64::from(least));
            assert!(wait > 0.99 * least && wait <= 1.25 * least, "after {failures}: {wait}");
        }
        assert_eq!(refusals.next_try_after(9), refusals.next_try_after(20), "refused at different times");
    }

    #[test]
    fn a_summary_names_the_first_and_counts_the_rest() {
        let mut refusals = Refusals::default();
        for name in ["g", "b", "c", "d", "e", "f", "a"] {
            refusals.record(&entry(name), format!("no {name}"));
        }
        let expected = "shop/a (no a), shop/b (no b), shop/c (no c), shop/d (no d), shop/e (no e) and 2 more";
        assert_eq!(refusals.summary(), Some((7, expected.to_owned())));
    }
}
