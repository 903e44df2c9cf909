//! Gauges of how many objects are in which state. Each pass sets the counts of its account; the gauges hold the sums over
//! all accounts and are updated by the difference, so that a scrape costs the same for any number of objects.

use super::labels::{AccountPhase, OfAccounts, OfWebhooks, Vendor, WebhookPhase};
use crate::api::{ObjectKey, VendorName};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The state of one account, and how many of its Webhooks are in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateCounts {
    /// The account's vendor.
    pub vendor: VendorName,
    /// The account's state.
    pub account: AccountPhase,
    webhooks: [i64; WebhookPhase::ALL.len()],
}

impl StateCounts {
    /// Starts with an account without Webhooks.
    pub fn of(vendor: VendorName, account: AccountPhase) -> Self {
        Self { vendor, account, webhooks: [0; WebhookPhase::ALL.len()] }
    }

    /// Counts one Webhook.
    pub fn add(&mut self, state: WebhookPhase) {
        self.webhooks[state as usize] += 1;
    }
}

/// The sums over all accounts.
#[derive(Clone, Default)]
pub(super) struct StateGauges {
    states: Arc<Mutex<HashMap<ObjectKey, StateCounts>>>,
    orphans: Arc<Mutex<HashMap<VendorName, i64>>>,
    pub(super) webhooks: Family<OfWebhooks, Gauge>,
    pub(super) accounts: Family<OfAccounts, Gauge>,
}

impl StateGauges {
    /// Replaces the counts of an account; `None` removes them.
    pub(super) fn set(&self, account: &ObjectKey, now: Option<StateCounts>) {
        // Locked until the gauges are updated, so that concurrent updates are summed in the order in which they are stored.
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match now {
            Some(now) => states.insert(account.clone(), now),
            None => states.remove(account),
        };
        if before == now {
            return;
        }
        if let Some(before) = before {
            self.sum(before, -1);
        }
        if let Some(now) = now {
            self.sum(now, 1);
        }
    }

    fn sum(&self, counts: StateCounts, sign: i64) {
        let vendor = Vendor(counts.vendor);
        // Every state of a vendor gets a series, so that an empty one reads 0.
        for (state, count) in WebhookPhase::ALL.into_iter().zip(counts.webhooks) {
            self.webhooks.get_or_create(&OfWebhooks { vendor, state }).inc_by(sign * count);
        }
        for state in AccountPhase::ALL {
            let count = i64::from(state == counts.account);
            self.accounts.get_or_create(&OfAccounts { vendor, state }).inc_by(sign * count);
        }
    }

    /// Replaces the numbers of orphaned Webhooks.
    pub(super) fn set_orphans(&self, now: HashMap<VendorName, i64>) {
        let mut known = self.orphans.lock().unwrap_or_else(PoisonError::into_inner);
        let state = WebhookPhase::Orphaned;
        let vendors = known.keys().chain(now.keys()).copied();
        for vendor in vendors.collect::<std::collections::HashSet<_>>() {
            let of = |counts: &HashMap<VendorName, i64>| counts.get(&vendor).copied().unwrap_or_default();
            let vendor = Vendor(vendor);
            self.webhooks.get_or_create(&OfWebhooks { vendor, state }).inc_by(of(&now) - of(&known));
        }
        *known = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(gauges: &StateGauges, vendor: VendorName, state: WebhookPhase) -> i64 {
        gauges.webhooks.get_or_create(&OfWebhooks { vendor: Vendor(vendor), state }).get()
    }

    #[test]
    fn the_gauges_hold_the_sums_of_the_last_counts_of_each_account() {
        let (gauges, vendor) = (StateGauges::default(), VendorName::Contensis);
        let (a, b) = (ObjectKey::new("shop", "a"), ObjectKey::new("shop", "b"));
        let mut counts = StateCounts::of(vendor, AccountPhase::Ready);
        counts.add(WebhookPhase::Ready);
        counts.add(WebhookPhase::Stalled);
        gauges.set(&a, Some(counts));
        gauges.set(&a, Some(counts));
        gauges.set(&b, Some(counts));
        assert_eq!(count(&gauges, vendor, WebhookPhase::Ready), 2);
        let mut better = StateCounts::of(vendor, AccountPhase::Ready);
        better.add(WebhookPhase::Ready);
        better.add(WebhookPhase::Ready);
        gauges.set(&b, Some(better));
        assert_eq!(count(&gauges, vendor, WebhookPhase::Ready), 3);
        assert_eq!(count(&gauges, vendor, WebhookPhase::Stalled), 1);
        gauges.set(&a, None);
        gauges.set(&a, None);
        assert_eq!(count(&gauges, vendor, WebhookPhase::Ready), 2);
        assert_eq!(count(&gauges, vendor, WebhookPhase::Stalled), 0);
    }

    #[test]
    fn the_last_orphan_counts_replace_the_ones_before() {
        let (gauges, vendor) = (StateGauges::default(), VendorName::Brightpearl);
        gauges.set_orphans(HashMap::from([(vendor, 2)]));
        gauges.set_orphans(HashMap::from([(vendor, 2), (VendorName::Superoffice, 1)]));
        assert_eq!(count(&gauges, vendor, WebhookPhase::Orphaned), 2);
        gauges.set_orphans(HashMap::new());
        assert_eq!(count(&gauges, vendor, WebhookPhase::Orphaned), 0);
        assert_eq!(count(&gauges, VendorName::Superoffice, WebhookPhase::Orphaned), 0);
    }
}
