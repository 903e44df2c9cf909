//! Lists that are not acted on before a second one agrees: they lack most of the recorded subscriptions, as the list of another tenant
//! or of a restored backup does.

use crate::engine::clock;
use crate::plan::{Declared, ExternalId};
use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

/// The last list, if it was doubted.
struct Doubted {
    missing: BTreeSet<ExternalId>,
    since: Instant,
}

/// What is known of the subscriptions that lists lack.
#[derive(Default)]
pub(crate) struct ListDoubt {
    doubted: Option<Doubted>,
    /// Recorded ids that at least two lists lacked.
    pub(crate) known_gone: HashSet<ExternalId>,
}

impl ListDoubt {
    /// Returns how long until a list that lacks these has to be read again; none if it is the second one that agrees. A first list says
    /// nothing about the `lagging`, which it may lack only because it lags. `wait` is the time between the two.
    pub(crate) fn doubt(
        &mut self,
        missing: BTreeSet<ExternalId>,
        lagging: &HashSet<&ExternalId>,
        wait: Duration,
    ) -> Option<Duration> {
        let now = clock::now();
        let agrees = |doubted: &&Doubted| missing.is_subset(&doubted.missing);
        let Some(doubted) = self.doubted.as_ref().filter(agrees) else {
            let missing = missing.into_iter().filter(|id| !lagging.contains(id)).collect();
            self.doubted = Some(Doubted { missing, since: now });
            return Some(wait);
        };
        let left = wait.saturating_sub(now - doubted.since);
        if !left.is_zero() {
            return Some(left);
        }
        self.doubted = None;
        self.known_gone.extend(missing);
        None
    }

    /// Takes a plausible list, with the ids in it.
    pub(crate) fn trust(&mut self, declared: &[Declared], listed: &HashSet<&ExternalId>) {
        self.doubted = None;
        if !self.known_gone.is_empty() {
            let known: HashSet<_> = declared.iter().flat_map(Declared::known_ids).collect();
            self.known_gone.retain(|id| known.contains(id) && !listed.contains(id));
        }
    }
}
