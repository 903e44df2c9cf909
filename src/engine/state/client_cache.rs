//! The client of an account, kept with its connections and tokens until anything changes that it was made of. The budget for calls
//! outlives it: new credentials allow no new calls.

use crate::api::VendorAccount;
use crate::api::account::RateLimit;
use crate::engine::client::Client;
use crate::vendor::Budget;
use std::sync::Arc;
use std::time::Duration;

/// The client of an account, and its budget.
#[derive(Default)]
pub(crate) struct ClientCache {
    client: Option<(u64, Arc<Client>)>,
    rate: Option<RateLimit>,
    budget: Option<Arc<Budget>>,
}

impl ClientCache {
    /// Returns the client if it was made of the inputs with that fingerprint.
    pub(crate) fn get(&self, inputs: u64) -> Option<Arc<Client>> {
        self.client.as_ref().filter(|(made_of, _)| *made_of == inputs).map(|(_, client)| Arc::clone(client))
    }

    /// Replaces the client.
    pub(crate) fn replace(&mut self, inputs: u64, client: Arc<Client>) {
        self.client = Some((inputs, client));
    }

    /// Returns the last client, whatever it was made of: it can still delete when the Secret with its credentials is gone.
    pub(crate) fn last(&self) -> Option<Arc<Client>> {
        self.client.as_ref().map(|(_, client)| Arc::clone(client))
    }

    /// Returns the account's budget, a new one if its rate limit was edited.
    pub(crate) fn budget(&mut self, account: &VendorAccount) -> Arc<Budget> {
        if self.rate != account.spec.rate_limit {
            self.rate = account.spec.rate_limit;
            self.budget = None;
        }
        let new = || Arc::new(Budget::of(&account.spec.vendor, account.spec.rate_limit.as_ref()));
        Arc::clone(self.budget.get_or_insert_with(new))
    }

    /// Returns how long the account has to wait for its next call, if it has to.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.budget.as_ref()?.wait()
    }

    /// Returns how long this many calls for guests have to wait, if they have to.
    pub(crate) fn guests_wait(&self, calls: usize) -> Option<Duration> {
        self.budget.as_ref()?.guests_wait(calls)
    }

    /// Whether this many calls can be made now.
    pub(crate) fn fits(&self, calls: usize) -> bool {
        self.remaining().is_none_or(|left| usize::try_from(left).is_ok_and(|left| left >= calls))
    }

    /// Returns how long this many calls take at least, if they cannot be made at once.
    pub(crate) fn time_for(&self, calls: usize) -> Option<Duration> {
        self.budget.as_ref()?.time_for(calls)
    }

    /// Returns how many calls the account can make now, if there is a limit.
    pub(crate) fn remaining(&self) -> Option<u32> {
        self.budget.as_ref()?.remaining()
    }
}
