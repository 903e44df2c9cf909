//! State kept between passes over one set. The watch cache lags behind our own writes, so what they returned is kept until the cache
//! shows it or something newer.

use super::window::Window;
use crate::api::conditions::seconds;
use crate::api::status::{RecentChanges, WebhookSetStatus};
use crate::api::{Webhook, WebhookSet};
use crate::engine::clock;
use crate::engine::state::webhook::version;
use crate::set::expand::MemberError;
use crate::set::guard::Changes;
use kube::ResourceExt as _;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a change counts when others are to be made.
const RECENT: Duration = Duration::from_secs(600);
/// What a write returned is trusted for this long, if the cache does not show it.
const LONGEST_LAG: Duration = Duration::from_secs(30);
/// The wait after the first refusal of a member; each further one doubles it,
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// State kept between passes over one set.
#[derive(Default)]
pub(super) struct SetState {
    /// The newest known version of the set.
    object: Option<Arc<WebhookSet>>,
    /// What our own writes left of members, by name.
    written: HashMap<String, OwnWrite>,
    refused: HashMap<String, Refusal>,
    /// When changes that need no approval began.
    recent: BTreeMap<String, Instant>,
    /// Names of Webhooks that do not belong to the set, and have been reported.
    pub(super) reported: HashSet<String>,
    /// The guard's last message, if it was reported.
    pub(super) guarded: Option<String>,
    pub(super) window: Window,
    /// Whether the last pass left writes to the next one.
    pub(super) has_more_writes: bool,
    /// When the status was last written.
    pub(super) status_written: Option<Instant>,
    /// Passes in a row that failed.
    pub(super) failures: u32,
}

/// A Webhook as a write of ours left it.
struct OwnWrite {
    /// None: it is gone.
    webhook: Option<Arc<Webhook>>,
    /// Whether the API server has returned it. Otherwise it has the version that was written, and what shows a newer one is right.
    returned: bool,
    at: Instant,
}

/// A member whose Webhook the API server refuses.
struct Refusal {
    error: MemberError,
    /// What was refused.
    revision: String,
    failures: u32,
    until: Instant,
}

impl SetState {
    /// Returns the newest of the cached set and the one that our last write returned.
    pub(super) fn newest(&mut self, cached: WebhookSet) -> Arc<WebhookSet> {
        let same =
            |known: &Arc<WebhookSet>| known.uid() == cached.uid() && version(&**known) > version(&cached);
        match &self.object {
            Some(known) if same(known) => Arc::clone(known),
            known => {
                if known.as_ref().is_some_and(|known| known.uid() != cached.uid()) {
                    *self = Self::default();
                }
                let cached = Arc::new(cached);
                self.object = Some(Arc::clone(&cached));
                cached
            }
        }
    }

    /// Takes the set that a write returned.
    pub(super) fn set_written(&mut self, mut set: WebhookSet) -> Arc<WebhookSet> {
        set.metadata.managed_fields = None;
        let set = Arc::new(set);
        self.object = Some(Arc::clone(&set));
        set
    }

    /// Takes the Webhook that a write of a member returned, or that was found under its name.
    pub(super) fn member_written(&mut self, webhook: Webhook) {
        self.wrote(&webhook.name_any(), Some(Arc::new(webhook)), true);
    }

    /// Records that the Webhook of a member is gone.
    pub(super) fn member_gone(&mut self, name: &str) {
        self.wrote(name, None, true);
    }

    /// Records that the change of a Webhook had no answer: it may be changed, and not be available with that.
    pub(super) fn member_unknown(&mut self, webhook: &Webhook) {
        let mut unknown = webhook.clone();
        if let Some(status) = &mut unknown.status {
            status.observed_generation = None;
        }
        self.wrote(&webhook.name_any(), Some(Arc::new(unknown)), false);
    }

    /// Records that the deletion of a Webhook was requested.
    pub(super) fn member_deleted(&mut self, webhook: &Webhook) {
        let mut deleted = webhook.clone();
        deleted.metadata.deletion_timestamp = Some(seconds(clock::timestamp()));
        self.wrote(&webhook.name_any(), Some(Arc::new(deleted)), false);
    }

    fn wrote(&mut self, name: &str, webhook: Option<Arc<Webhook>>, returned: bool) {
        self.written.insert(name.to_owned(), OwnWrite { webhook, returned, at: clock::now() });
    }

    /// Returns the newest of the cached Webhooks and those that our writes returned, by name. `cached` has all that belong to the set,
    /// and others whose names it may use.
    pub(super) fn newest_members(&mut self, cached: Vec<Arc<Webhook>>) -> BTreeMap<String, Arc<Webhook>> {
        let mut all: BTreeMap<_, _> =
            cached.into_iter().map(|webhook| (webhook.name_any(), webhook)).collect();
        self.written.retain(|name, OwnWrite { webhook, returned, at }| {
            if clock::since(*at) > LONGEST_LAG {
                return false;
            }
            match (all.get(name), webhook) {
                (Some(cached), Some(written)) if version(&**cached) > version(&**written) => false,
                (Some(cached), Some(written)) => {
                    let shown = version(&**cached) == version(&**written) && *returned;
                    if !shown {
                        all.insert(name.clone(), Arc::clone(written));
                    }
                    !shown
                }
                // Created and not shown yet, or deleted and gone.
                (None, Some(written)) => {
                    let created = *returned && written.metadata.deletion_timestamp.is_none();
                    if created {
                        all.insert(name.clone(), Arc::clone(written));
                    }
                    created
                }
                (Some(_), None) => {
                    all.remove(name);
                    true
                }
                (None, None) => false,
            }
        });
        all
    }

    /// Records that the API server refuses the Webhook of a member. Returns whether the message is new.
    pub(super) fn refuse(&mut self, name: &str, revision: &str, error: MemberError) -> bool {
        let before = self.refused.get(name).filter(|before| before.revision == revision);
        let failures = before.map_or(0, |before| before.failures);
        let is_new = before.is_none_or(|before| before.error != error);
        let wait = FIRST_WAIT.saturating_mul(1 << failures.min(16)).min(LONGEST_WAIT);
        let until = clock::now() + wait;
        let refusal = Refusal { error, revision: revision.to_owned(), failures: failures + 1, until };
        self.refused.insert(name.to_owned(), refusal);
        is_new
    }

    /// Forgets the refusal of a member that was written.
    pub(super) fn accepted(&mut self, name: &str) {
        self.refused.remove(name);
    }

    /// Returns why members are refused whose next attempt is not due. `revision` returns what is declared for a name now.
    pub(super) fn refused(
        &mut self,
        revision: impl Fn(&str) -> Option<String>,
    ) -> HashMap<String, MemberError> {
        self.refused.retain(|name, refusal| revision(name).as_ref() == Some(&refusal.revision));
        let now = clock::now();
        let waiting = self.refused.iter().filter(|(_, refusal)| refusal.until > now);
        waiting.map(|(name, refusal)| (name.clone(), refusal.error.clone())).collect()
    }

    /// Takes over the changes that the status records. What another process recorded counts from now, not by its clock.
    pub(super) fn learn(&mut self, recorded: Option<&RecentChanges>) {
        let recorded: HashSet<&String> =
            recorded.into_iter().flat_map(|recorded| &recorded.changes).collect();
        for change in &recorded {
            self.recent.entry((*change).clone()).or_insert_with(clock::now);
        }
        // An expired one is kept while it is recorded: if it were read again, it would be counted twice.
        self.recent.retain(|change, at| clock::since(*at) < RECENT || recorded.contains(change));
    }

    /// Returns the changes that count.
    pub(super) fn recent(&self) -> Changes {
        let counting = self.recent.iter().filter(|(_, at)| clock::since(**at) < RECENT);
        counting.map(|(change, _)| change.clone()).collect()
    }

    /// Records that these changes are made. One that was let through earlier, and was not made then, counts from now.
    pub(super) fn begin(&mut self, changes: &Changes) {
        self.recent.extend(changes.iter().map(|change| (change.clone(), clock::now())));
    }

    /// Returns what the status is to record: `known` while it names all that count, nothing when none do.
    pub(super) fn record(&self, known: Option<&RecentChanges>) -> Option<RecentChanges> {
        let recent = self.recent();
        if recent.is_empty() {
            return None;
        }
        if let Some(known) = known
            && recent.iter().all(|change| known.changes.contains(change))
        {
            return Some(known.clone());
        }
        let time = seconds(clock::timestamp());
        Some(RecentChanges { time, changes: recent.into_iter().collect() })
    }

    /// Returns when the next pass is due by itself.
    pub(super) fn until_due(&self) -> Duration {
        let now = clock::now();
        let refused = self.refused.values().map(|refusal| refusal.until.saturating_duration_since(now));
        let expires = self.recent.values().map(|at| (*at + RECENT).saturating_duration_since(now));
        let lag =
            self.written.values().map(|written| (written.at + LONGEST_LAG).saturating_duration_since(now));
        let expires = expires.filter(|left| !left.is_zero());
        refused.chain(expires).chain(lag).min().map_or(Duration::MAX, |left| left + Duration::from_millis(10))
    }
}

/// Whether two statuses differ in more than counts, which may be written less often.
pub(super) fn differs_in_conditions(one: Option<&WebhookSetStatus>, other: &WebhookSetStatus) -> bool {
    one.is_none_or(|one| {
        one.conditions.iter().map(|condition| (&condition.type_, &condition.status, &condition.reason)).ne(
            other.conditions.iter().map(|condition| (&condition.type_, &condition.status, &condition.reason)),
        ) || one.observed_generation != other.observed_generation
            || one.allowed_changes != other.allowed_changes
            || one.recent_changes != other.recent_changes
    })
}
