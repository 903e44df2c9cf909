//! How many objects stand in which way. Each pass tells how those of its account stand now; what is exposed is the sum,
//! brought up to date by the difference, so that a scrape counts nothing.

use super::labels::{AccountPhase, OfAccounts, OfWebhooks, Vendor, WebhookPhase};
use crate::api::{ObjectKey, VendorName};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How one account and its Webhooks stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateCounts {
    /// The account's vendor.
    pub vendor: VendorName,
    /// How the account stands.
    pub account: AccountPhase,
    webhooks: [i64; WebhookPhase::ALL.len()],
}

impl StateCounts {
    /// An account without Webhooks.
    pub fn of(vendor: VendorName, account: AccountPhase) -> Self {
        Self { vendor, account, webhooks: [0; WebhookPhase::ALL.len()] }
    }

    /// One more Webhook that stands so.
    pub fn add(&mut self, state: WebhookPhase) {
        self.webhooks[state as usize] += 1;
    }
}

/// The sums.
#[derive(Clone, Default)]
pub(super) struct AccountCounts {
    told: Arc<Mutex<HashMap<ObjectKey, StateCounts>>>,
    orphans: Arc<Mutex<HashMap<VendorName, i64>>>,
    pub(super) webhooks: Family<OfWebhooks, Gauge>,
    pub(super) accounts: Family<OfAccounts, Gauge>,
}

impl AccountCounts {
    /// This is how an account stands now; none: it is gone.
    pub(super) fn tell(&self, account: &ObjectKey, now: Option<StateCounts>) {
        // Held until the sums are right, or two accounts told at once could be summed in another order than kept.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match now {
            Some(now) => told.insert(account.clone(), now),
            None => told.remove(account),
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

    fn sum(&self, tally: StateCounts, sign: i64) {
        let vendor = Vendor(tally.vendor);
        // All states of a vendor that is there, so that one that is empty reads 0 and not nothing.
        for (state, count) in WebhookPhase::ALL.into_iter().zip(tally.webhooks) {
            self.webhooks.get_or_create(&OfWebhooks { vendor, state }).inc_by(sign * count);
        }
        for state in AccountPhase::ALL {
            let count = i64::from(state == tally.account);
            self.accounts.get_or_create(&OfAccounts { vendor, state }).inc_by(sign * count);
        }
    }

    /// So many Webhooks have no account that looks after them.
    pub(super) fn orphaned(&self, now: HashMap<VendorName, i64>) {
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

    fn count(tallies: &AccountCounts, vendor: VendorName, state: WebhookPhase) -> i64 {
        tallies.webhooks.get_or_create(&OfWebhooks { vendor: Vendor(vendor), state }).get()
    }

    #[test]
    fn the_sums_are_those_of_what_was_told_last_of_each_account() {
        let (tallies, vendor) = (AccountCounts::default(), VendorName::Contensis);
        let (a, b) = (ObjectKey::new("shop", "a"), ObjectKey::new("shop", "b"));
        let mut tally = StateCounts::of(vendor, AccountPhase::Ready);
        tally.add(WebhookPhase::Ready);
        tally.add(WebhookPhase::Stalled);
        tallies.tell(&a, Some(tally));
        tallies.tell(&a, Some(tally));
        tallies.tell(&b, Some(tally));
        assert_eq!(count(&tallies, vendor, WebhookPhase::Ready), 2);
        let mut better = StateCounts::of(vendor, AccountPhase::Ready);
        better.add(WebhookPhase::Ready);
        better.add(WebhookPhase::Ready);
        tallies.tell(&b, Some(better));
        assert_eq!(count(&tallies, vendor, WebhookPhase::Ready), 3);
        assert_eq!(count(&tallies, vendor, WebhookPhase::Stalled), 1);
        tallies.tell(&a, None);
        tallies.tell(&a, None);
        assert_eq!(count(&tallies, vendor, WebhookPhase::Ready), 2);
        assert_eq!(count(&tallies, vendor, WebhookPhase::Stalled), 0);
    }

    #[test]
    fn orphans_are_those_that_were_found_last() {
        let (tallies, vendor) = (AccountCounts::default(), VendorName::Brightpearl);
        tallies.orphaned(HashMap::from([(vendor, 2)]));
        tallies.orphaned(HashMap::from([(vendor, 2), (VendorName::Superoffice, 1)]));
        assert_eq!(count(&tallies, vendor, WebhookPhase::Orphaned), 2);
        tallies.orphaned(HashMap::new());
        assert_eq!(count(&tallies, vendor, WebhookPhase::Orphaned), 0);
        assert_eq!(count(&tallies, VendorName::Superoffice, WebhookPhase::Orphaned), 0);
    }
}
