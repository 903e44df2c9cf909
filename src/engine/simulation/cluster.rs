//! What the cluster holds: objects with versions, generations and finalizers, and what a watch shows of them, which may lag.

use super::content;
use super::step::{ApiFault, PROCESSES};
use crate::api::{VendorAccount, VendorName, Webhook};
use kube::ResourceExt;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What a watch shows at one moment.
#[derive(Clone)]
pub(super) struct View {
    pub(super) webhooks: Vec<Arc<Webhook>>,
    pub(super) account: Arc<VendorAccount>,
}

/// State of the cluster.
pub(super) struct Cluster {
    pub(super) objects: BTreeMap<u8, Arc<Webhook>>,
    pub(super) account: Arc<VendorAccount>,
    version: u64,
    pub(super) objects_made: u64,
    /// Every state since the start, and the one that the cache of each process shows.
    log: Vec<View>,
    shown: [usize; PROCESSES],
    /// Until when each process is cut off from the API server.
    pub(super) cut_off_until: [u64; PROCESSES],
    pub(super) faults: VecDeque<ApiFault>,
    pub(super) unreachable_until: u64,
    /// How often the Secret of the variables was changed.
    pub(super) rotated: u64,
    /// How often the account's Secret was changed.
    pub(super) logins: u64,
    pub(super) writes: u64,
    /// The account's Secret is missing.
    pub(super) login_missing: bool,
}

impl Cluster {
    pub(super) fn new(vendor: VendorName) -> Self {
        let account = Arc::new(content::account(vendor));
        let first = View { webhooks: Vec::new(), account: Arc::clone(&account) };
        Self {
            objects: BTreeMap::new(),
            account,
            version: 10,
            objects_made: 0,
            log: vec![first],
            shown: Default::default(),
            cut_off_until: Default::default(),
            faults: VecDeque::new(),
            unreachable_until: 0,
            rotated: 0,
            logins: 0,
            writes: 0,
            login_missing: false,
        }
    }

    pub(super) fn token(&self) -> String {
        format!("s3cret-{}", self.rotated)
    }

    /// Returns what the cache of a process shows: so many changes behind, but never an older state than before.
    pub(super) fn view(&mut self, process: usize, lag: u8) -> View {
        let shown = &mut self.shown[process];
        *shown = (*shown).max((self.log.len() - 1).saturating_sub(lag.into()));
        self.log[*shown].clone()
    }

    /// Returns the last state that the cache of a process showed.
    pub(super) fn last_view(&self, process: usize) -> View {
        self.log[self.shown[process]].clone()
    }

    /// Whether that process cannot reach the API server.
    pub(super) fn is_unreachable(&self, now: u64, process: usize) -> bool {
        now < self.unreachable_until || now < self.cut_off_until[process]
    }

    pub(super) fn slot(&self, uid: &str) -> Option<u8> {
        self.objects.iter().find(|(_, one)| one.metadata.uid.as_deref() == Some(uid)).map(|(slot, _)| *slot)
    }

    fn changed(&mut self) {
        let webhooks = self.objects.values().cloned().collect();
        self.log.push(View { webhooks, account: Arc::clone(&self.account) });
    }

    /// Stores a Webhook. One that is being deleted and has no finalizer is removed.
    pub(super) fn store(&mut self, slot: u8, mut webhook: Webhook) -> Arc<Webhook> {
        self.version += 1;
        webhook.metadata.resource_version = Some(self.version.to_string());
        let leaves = webhook.metadata.deletion_timestamp.is_some() && webhook.finalizers().is_empty();
        let webhook = Arc::new(webhook);
        if leaves {
            self.objects.remove(&slot);
        } else {
            self.objects.insert(slot, Arc::clone(&webhook));
        }
        self.changed();
        webhook
    }

    pub(super) fn store_account(&mut self, mut account: VendorAccount) {
        self.version += 1;
        account.metadata.resource_version = Some(self.version.to_string());
        self.account = Arc::new(account);
        self.changed();
    }
}
