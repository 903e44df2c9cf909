//! State kept between passes of one account.

use super::client_cache::ClientCache;
use super::creates::GracePeriod;
use super::deletions::Deletions;
use super::doubt::ListDoubt;
use super::handled::{HandledInputs, ValueFingerprints};
use super::observed::Snapshot;
use super::pace::Pace;
use super::peers::Peers;
use super::requested::Requested;
use super::retry::RetryState;
use super::status_retry::StatusRetry;
use super::unread::UnreadObjects;
use super::webhook::{WebhookState, version};
use crate::api::conditions::{self, READY, RECONCILING};
use crate::api::{FINALIZER, ObjectKey, VendorAccount, Webhook};
use crate::engine::clock;
use crate::engine::limiter::QueueTime;
use crate::plan::{Observed, Unreadable};
use kube::ResourceExt;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many Webhooks a summary names.
const MAX_NAMED: usize = 5;
/// A list of more bytes is not kept if the next pass is not soon.
const LONG_LIST: usize = 512 << 10;
const SOON: Duration = Duration::from_secs(5);

/// State kept between passes of one account.
pub(crate) struct AccountState {
    /// By uid. Boxed, so that the spare places of the map are small.
    pub(crate) webhooks: HashMap<String, Box<WebhookState>>,
    /// The uids of the Webhooks to reconcile, as the watch cache showed them last.
    pub(crate) uids: Vec<String>,
    /// The account as our last write returned it.
    object: Option<Arc<VendorAccount>>,
    /// Uids of Webhooks whose finalizer was removed, until the cache no longer shows them.
    removed: HashSet<String>,
    pub(crate) client: ClientCache,
    /// The last list with our own writes since, for as long as there is more to do with it.
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) doubt: ListDoubt,
    pub(crate) deletions: Deletions,
    /// Webhooks with a subscription that the account no longer allows.
    pub(crate) not_allowed: Vec<ObjectKey>,
    /// Fingerprints of the values that the current pass uses.
    pub(crate) values: Option<ValueFingerprints>,
    /// Limits how often passes can be requested.
    pub(crate) pace: Pace,
    /// Whether a Secret or ConfigMap has changed since the last pass, which had to wait.
    pub(crate) dependency_changed: bool,
    /// The inputs that the last pass has handled.
    pub(crate) handled: HandledInputs,
    pub(crate) retry: RetryState,
    pub(crate) grace: GracePeriod,
    /// Whether the vendor took long for its last list.
    pub(crate) is_slow: bool,
    /// How long passes have waited for permits.
    pub(crate) queue: Arc<QueueTime>,
    pub(crate) status_retry: StatusRetry,
    /// Waits of refused Webhooks end on a grid that begins here.
    pub(crate) refusal_grid: Instant,
    /// The API server's message when it last refused to write the account's own status.
    pub(crate) status_refused: Option<String>,
    /// Whether Webhooks that are being deleted go although their subscriptions may stay, as the vendor refuses the account for good.
    pub(crate) forgets: bool,
    pub(crate) unread: UnreadObjects,
    pub(crate) peers: Arc<Peers>,
}

impl AccountState {
    pub(crate) fn new(grace: GracePeriod) -> Self {
        Self {
            webhooks: HashMap::new(),
            uids: Vec::new(),
            object: None,
            removed: HashSet::new(),
            client: ClientCache::default(),
            snapshot: None,
            doubt: ListDoubt::default(),
            deletions: Deletions::default(),
            not_allowed: Vec::new(),
            values: None,
            pace: Pace::default(),
            dependency_changed: false,
            handled: HandledInputs::default(),
            retry: RetryState::default(),
            grace,
            is_slow: false,
            queue: Arc::default(),
            status_retry: StatusRetry::default(),
            refusal_grid: clock::now(),
            status_refused: None,
            forgets: false,
            unread: UnreadObjects::default(),
            peers: Arc::default(),
        }
    }

    /// Adds the Webhooks of other VendorAccount objects that may point to the same account at the vendor.
    #[must_use]
    pub(crate) fn with_peers(mut self, peers: Arc<Peers>) -> Self {
        self.peers = peers;
        self
    }

    /// Starts again if the account was deleted and created again under its name.
    pub(crate) fn reset_if_recreated(&mut self, account: &VendorAccount) {
        if self.object.as_ref().is_some_and(|known| known.uid() != account.uid()) {
            *self = Self::new(self.grace).with_peers(Arc::clone(&self.peers));
        }
    }

    /// Returns the newer one of the account that the cache shows and the one that our last write returned.
    pub(crate) fn newest(&self, cached: Arc<VendorAccount>) -> Arc<VendorAccount> {
        match &self.object {
            Some(ours) if ours.uid() == cached.uid() && version(&**ours) > version(&*cached) => {
                Arc::clone(ours)
            }
            _ => cached,
        }
    }

    /// Keeps the account as our last write returned it.
    pub(crate) fn written(&mut self, account: &Arc<VendorAccount>) {
        self.object = Some(Arc::clone(account));
    }

    /// Takes in the Webhooks that the cache shows, and those that refer to the account and are not allowed to.
    pub(crate) fn refresh(&mut self, cached: &[Arc<Webhook>], not_allowed: &[Arc<Webhook>]) {
        let with_finalizer =
            not_allowed.iter().filter(|webhook| webhook.finalizers().iter().any(|name| name == FINALIZER));
        self.not_allowed = with_finalizer.map(|webhook| ObjectKey::of(&**webhook)).collect();
        self.not_allowed.sort();
        let mut uids = Vec::with_capacity(cached.len());
        let mut shown = HashSet::with_capacity(cached.len());
        for object in cached {
            let Some(uid) = &object.metadata.uid else { continue };
            shown.insert(uid.as_str());
            if self.removed.contains(uid) {
                continue;
            }
            if !self.webhooks.contains_key(uid) {
                self.webhooks.insert(uid.clone(), Box::new(WebhookState::new(Arc::clone(object))));
            }
            let Some(webhook) = self.webhooks.get_mut(uid) else { continue };
            webhook.refresh(object);
            webhook.requested = Requested::of(&webhook.object);
            webhook.observe_status();
            // A deleted object without our finalizer needs no handling.
            if webhook.object.metadata.deletion_timestamp.is_none() || webhook.has_finalizer() {
                uids.push(uid.clone());
            }
        }
        self.removed.retain(|uid| shown.contains(uid.as_str()));
        self.webhooks.retain(|uid, _| shown.contains(uid.as_str()));
        self.uids = uids;
    }

    /// Removes a Webhook whose finalizer was removed.
    pub(crate) fn remove(&mut self, uid: &str) {
        self.webhooks.remove(uid);
        self.removed.insert(uid.to_owned());
    }

    /// Returns the states of these Webhooks; one that was removed is left out.
    pub(crate) fn of<'a>(&'a self, uids: &'a [String]) -> impl Iterator<Item = &'a WebhookState> + Clone {
        uids.iter().filter_map(|uid| self.webhooks.get(uid).map(Box::as_ref))
    }

    /// Whether the grace period of a pending create has ended since then. A list from before its end may not show what the create has
    /// made, and a plan that rests on such a list would create a second one.
    pub(crate) fn create_ended_after(&self, then: Instant) -> bool {
        self.webhooks.values().any(|webhook| webhook.create_ended_after(then, self.grace))
    }

    /// Returns the subscriptions of the last list; none if it could not be read.
    pub(crate) fn observed(&self) -> Option<&[Observed]> {
        self.snapshot.as_ref().map(|snapshot| snapshot.observed.all())
    }

    /// Returns the items of the last list that could not be read.
    pub(crate) fn unreadable(&self) -> &[Unreadable] {
        self.snapshot.as_ref().map_or(&[], |snapshot| snapshot.observed.unreadable())
    }

    /// Makes the next pass read the list again.
    pub(crate) fn forget_list(&mut self) {
        self.snapshot = None;
    }

    /// Frees the memory of a long list that is not needed soon, which other accounts may wait for.
    pub(crate) fn forget_long_list(&mut self, next_pass: Duration) {
        self.snapshot.take_if(|snapshot| next_pass > SOON && snapshot.observed.size() > LONG_LIST);
    }

    /// Returns how long passes have waited for permits; it goes on counting.
    pub(crate) fn queue(&self) -> Arc<QueueTime> {
        Arc::clone(&self.queue)
    }

    /// Returns how many Webhooks the API server refuses to write, and the first of them by name with its messages; none if there is none.
    pub(crate) fn refused_webhooks(&self) -> Option<(usize, String)> {
        let refused = self.webhooks.values();
        let refused = refused.filter_map(|one| Some((ObjectKey::of(&*one.object), one.refusals.message()?)));
        let mut all: Vec<_> = refused.collect();
        all.sort();
        let named = all.iter().take(MAX_NAMED).map(|(webhook, message)| format!("{webhook} ({message})"));
        let mut text = named.collect::<Vec<_>>().join(", ");
        if all.len() > MAX_NAMED {
            text = format!("{text} and {} more", all.len() - MAX_NAMED);
        }
        (!all.is_empty()).then_some((all.len(), text))
    }

    /// Returns what the conditions of each Webhook say after the last pass, sorted by name.
    pub(crate) fn readiness(&self) -> Vec<Readiness> {
        let mut all: Vec<_> = self.webhooks.values().map(|webhook| Readiness::of(webhook)).collect();
        all.sort_by(|a, b| a.webhook.cmp(&b.webhook));
        all
    }
}

/// What the conditions of a Webhook say.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    pub(crate) webhook: ObjectKey,
    pub(crate) ready: bool,
    pub(crate) reconciling: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Readiness {
    fn of(webhook: &WebhookState) -> Self {
        let conditions = &webhook.status.conditions;
        let ready = conditions::get(conditions, READY);
        Self {
            webhook: ObjectKey::of(&*webhook.object),
            ready: conditions::is_true(conditions, READY),
            // Without a condition no pass has handled it yet.
            reconciling: ready.is_none() || conditions::is_true(conditions, RECONCILING),
            reason: ready.map_or_else(|| "Waiting".into(), |ready| ready.reason.clone()),
            message: ready.map_or_else(|| "not started".into(), |ready| ready.message.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Webhook;
    use crate::engine::state::effect::Effect;
    use serde_json::json;

    fn webhook(version: &str, id: Option<&str>) -> Webhook {
        serde_json::from_value(json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
            "metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": version},
            "spec": {"accountRef": {"name": "acc"}, "subscription": {"superoffice":
                {"name": "a", "events": ["contact.created"], "targetUrl": "https://h"}}},
            "status": {"externalId": id},
        }))
        .unwrap()
    }

    #[test]
    fn a_summary_of_refused_webhooks_names_the_first_and_counts_the_rest() {
        let mut state = AccountState::new(GracePeriod::default());
        for name in ["g", "b", "c", "d", "e", "f", "a"] {
            let mut object = webhook("5", None);
            object.metadata.name = Some(name.into());
            let mut webhook = WebhookState::new(Arc::new(object));
            webhook.record_refusal(format!("no {name}"), state.refusal_grid);
            state.webhooks.insert(name.into(), Box::new(webhook));
        }
        let expected = "n/a (no a), n/b (no b), n/c (no c), n/d (no d), n/e (no e) and 2 more";
        assert_eq!(state.refused_webhooks(), Some((7, expected.to_owned())));
    }

    #[test]
    fn a_cache_that_lags_never_takes_back_what_we_wrote() {
        let mut state = AccountState::new(GracePeriod::default());
        state.refresh(&[Arc::new(webhook("5", None))], &[]);
        // Our own write gave version 9 with the id.
        let ours = WebhookState::new(Arc::new(webhook("9", Some("7"))));
        state.webhooks.insert("u".into(), Box::new(ours));
        state.refresh(&[Arc::new(webhook("5", None))], &[]);
        assert_eq!(state.webhooks["u"].status.external_id.as_deref(), Some("7"), "the cache is older");
        state.refresh(&[Arc::new(webhook("10", None))], &[]);
        assert_eq!(state.webhooks["u"].status.external_id, None, "the cache is newer: somebody wiped it");
    }

    #[test]
    fn an_id_that_could_not_be_written_outlives_a_newer_cache() {
        let mut state = AccountState::new(GracePeriod::default());
        state.refresh(&[Arc::new(webhook("5", None))], &[]);
        let created = Effect::Created {
            id: "7".into(),
            account: "superoffice/Cust1".into(),
            pending: serde_json::from_value(json!({
                "action": "Create", "since": "2026-01-01T00:00:00Z", "digest": "mine",
            }))
            .unwrap(),
            before: None,
        };
        let known = state.webhooks.get_mut("u").unwrap();
        known.status.last_handled_request = Some("of an older object".into());
        known.note(created);
        state.refresh(&[Arc::new(webhook("6", None))], &[]);
        assert_eq!(state.webhooks["u"].status.external_id.as_deref(), Some("7"));
        assert_eq!(state.webhooks["u"].status.last_handled_request, None, "the rest is made again");
    }

    #[test]
    fn a_removed_webhook_stays_removed_while_the_cache_still_shows_it() {
        let mut state = AccountState::new(GracePeriod::default());
        state.refresh(&[Arc::new(webhook("5", None))], &[]);
        assert_eq!(state.uids, ["u"]);
        state.remove("u");
        state.refresh(&[Arc::new(webhook("5", None))], &[]);
        assert!(state.uids.is_empty());
        state.refresh(&[], &[]);
        assert!(state.removed.is_empty());
    }
}
