//! What Webhooks and their account are to be told, or let go for, while the vendor cannot be asked, and what the cluster did
//! not take: it is told again soon, whenever the vendor is asked again.

use crate::engine::clock;
use crate::engine::cluster::writer::ClusterWriter;
use crate::engine::pass::Pass;
use crate::engine::pass::schedule::{PassOutcome, saw};
use crate::engine::state::account::AccountState;
use crate::engine::state::refusals::Refusals;
use crate::engine::state::retry::backed_off;
use crate::engine::status::webhook::AccountError;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the cluster did not take.
#[derive(Default)]
pub(crate) struct StatusRetry {
    /// The uids of Webhooks, by what is to be told.
    webhooks: Vec<(AccountError, Vec<String>)>,
    account: Option<AccountError>,
    /// Whether the API server failed, so that it is left alone for a while.
    server_failed: bool,
    /// Whether time was up before all Webhooks had their turn.
    out_of_time: bool,
    failures: u32,
    until: Option<Instant>,
}

impl StatusRetry {
    /// A Webhook was not told, or not let go.
    pub(crate) fn webhook(&mut self, uid: &str, trouble: &AccountError) {
        self.add(trouble, [uid.to_owned()]);
    }

    /// The API server failed: these Webhooks had no turn.
    pub(crate) fn server_failed(&mut self, trouble: &AccountError, uids: impl IntoIterator<Item = String>) {
        self.server_failed = true;
        self.add(trouble, uids);
    }

    /// Time was up: these Webhooks had no turn.
    pub(crate) fn out_of_time(&mut self, trouble: &AccountError, uids: impl IntoIterator<Item = String>) {
        self.out_of_time |= self.add(trouble, uids);
    }

    /// Returns whether there was anything to add.
    fn add(&mut self, trouble: &AccountError, uids: impl IntoIterator<Item = String>) -> bool {
        let mut uids = uids.into_iter().peekable();
        if uids.peek().is_none() {
            return false;
        }
        match self.webhooks.iter_mut().find(|(known, _)| known == trouble) {
            Some((_, all)) => all.extend(uids),
            None => self.webhooks.push((trouble.clone(), uids.collect())),
        }
        true
    }

    /// The account was not told, or not let go.
    pub(crate) fn account(&mut self, trouble: &AccountError) {
        self.account = Some(trouble.clone());
    }

    /// Begins a pass, which tells everything again.
    pub(crate) fn begin(&mut self) {
        *self = Self { failures: self.failures, ..Self::default() };
    }

    /// Everything was told that could be: how long until the rest is, if there is any.
    pub(crate) fn rest(&mut self, refusals: &Refusals) -> Option<Duration> {
        if self.webhooks.is_empty() && self.account.is_none() {
            *self = Self::default();
            return None;
        }
        let uids = self.webhooks.iter().flat_map(|(_, uids)| uids);
        let next_try = uids.filter_map(|uid| refusals.until(uid)).min();
        let wait = match next_try {
            _ if self.server_failed || self.account.is_some() => self.back_off(),
            _ if self.out_of_time => Duration::ZERO,
            Some(next_try) => next_try.saturating_duration_since(clock::now()),
            None => self.back_off(),
        };
        self.until = Some(clock::now() + wait);
        Some(wait)
    }

    fn back_off(&mut self) -> Duration {
        let wait = backed_off(self.failures);
        self.failures = self.failures.saturating_add(1);
        wait
    }
}

impl<S, R: ClusterWriter> Pass<'_, S, R> {
    /// Tells again what the cluster did not take, if it is time; gives the time until the next try. The vendor is not called.
    pub(crate) async fn tell_again(&mut self, memory: &mut AccountState) -> Option<Duration> {
        let left = memory.untold.until?.saturating_duration_since(clock::now());
        if !left.is_zero() {
            return Some(left);
        }
        self.permits.work().await;
        // What a write gives back may hold an edit that nobody has acted on yet.
        let asked = Arc::clone(&self.account);
        let (webhooks, account) = (std::mem::take(&mut memory.untold.webhooks), memory.untold.account.take());
        memory.untold.begin();
        let there: HashSet<&String> = self.uids.iter().collect();
        for (trouble, mut uids) in webhooks {
            uids.retain(|uid| there.contains(uid));
            self.report_failure(memory, &uids, &trouble).await;
        }
        drop(there);
        if let Some(trouble) = account {
            let end = PassOutcome::AccountError { stalled: trouble.stalled, error: None };
            let told = self.account_status(memory, Some(&trouble), &end).await;
            if !(self.remove_account_finalizer(memory).await && told) {
                memory.untold.account(&trouble);
            }
            memory.wrote(&self.account);
        }
        saw(memory, &asked, &self.uids);
        memory.untold.rest(&memory.refusals)
    }
}
