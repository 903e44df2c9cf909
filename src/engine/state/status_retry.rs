//! Status and finalizer writes that failed while the vendor could not be called, to be retried without a call to the vendor.

use super::retry::back_off;
use crate::engine::clock;
use crate::engine::error::AccountError;
use std::time::{Duration, Instant};

/// The failed writes of one account.
#[derive(Default)]
pub(crate) struct StatusRetry {
    /// The uids of Webhooks, by the error to report to them.
    webhooks: Vec<(AccountError, Vec<String>)>,
    account: Option<AccountError>,
    /// Whether the API server failed, so that the next attempt backs off.
    server_failed: bool,
    /// Whether the time for reports was over before all Webhooks had their turn.
    out_of_time: bool,
    failures: u32,
    until: Option<Instant>,
}

impl StatusRetry {
    /// Adds a Webhook whose status or finalizer was not written.
    pub(crate) fn add_webhook(&mut self, uid: &str, error: &AccountError) {
        self.add(error, [uid.to_owned()]);
    }

    /// Adds Webhooks that were not attempted because the API server failed.
    pub(crate) fn server_failed(&mut self, error: &AccountError, uids: impl IntoIterator<Item = String>) {
        self.server_failed = true;
        self.add(error, uids);
    }

    /// Adds Webhooks that were not attempted because the time for reports was over.
    pub(crate) fn out_of_time(&mut self, error: &AccountError, uids: impl IntoIterator<Item = String>) {
        self.out_of_time |= self.add(error, uids);
    }

    /// Returns whether there was anything to add.
    fn add(&mut self, error: &AccountError, uids: impl IntoIterator<Item = String>) -> bool {
        let mut uids = uids.into_iter().peekable();
        if uids.peek().is_none() {
            return false;
        }
        match self.webhooks.iter_mut().find(|(known, _)| known == error) {
            Some((_, all)) => all.extend(uids),
            None => self.webhooks.push((error.clone(), uids.collect())),
        }
        true
    }

    /// Adds the account, whose status or finalizer was not written.
    pub(crate) fn add_account(&mut self, error: &AccountError) {
        self.account = Some(error.clone());
    }

    /// Forgets what failed before a pass, which writes everything again.
    pub(crate) fn begin(&mut self) {
        *self = Self { failures: self.failures, ..Self::default() };
    }

    /// Takes what is to be written again: the Webhooks, and the account.
    pub(crate) fn take(&mut self) -> (Vec<(AccountError, Vec<String>)>, Option<AccountError>) {
        let taken = (std::mem::take(&mut self.webhooks), self.account.take());
        self.begin();
        taken
    }

    /// Schedules the retry of what has failed; returns the delay, or none if nothing has. `next_attempt` returns when a Webhook that
    /// the API server refuses is attempted again.
    pub(crate) fn schedule(&mut self, next_attempt: impl Fn(&String) -> Option<Instant>) -> Option<Duration> {
        if self.webhooks.is_empty() && self.account.is_none() {
            *self = Self::default();
            return None;
        }
        let uids = self.webhooks.iter().flat_map(|(_, uids)| uids);
        let next_attempt = uids.filter_map(next_attempt).min();
        let wait = match next_attempt {
            _ if self.server_failed || self.account.is_some() => self.back_off(),
            _ if self.out_of_time => Duration::ZERO,
            Some(next_attempt) => next_attempt.saturating_duration_since(clock::now()),
            None => self.back_off(),
        };
        self.until = Some(clock::now() + wait);
        Some(wait)
    }

    /// Returns how long until the retry, if there is one.
    pub(crate) fn time_until_due(&self) -> Option<Duration> {
        Some(self.until?.saturating_duration_since(clock::now()))
    }

    fn back_off(&mut self) -> Duration {
        let wait = back_off(self.failures);
        self.failures = self.failures.saturating_add(1);
        wait
    }
}
