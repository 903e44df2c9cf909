//! What Webhooks and their account are to be told, or let go for, while the vendor cannot be asked, and what the cluster did
//! not take: it is told again soon, whenever the vendor is asked again.

use super::clock;
use super::due::{End, saw};
use super::memory::Memory;
use super::outcome::Trouble;
use super::pass::Pass;
use super::past::backed_off;
use super::record::Recorder;
use super::refusals::Refusals;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the cluster did not take.
#[derive(Default)]
pub(super) struct Untold {
    /// The uids of Webhooks, by what is to be told.
    webhooks: Vec<(Trouble, Vec<String>)>,
    account: Option<Trouble>,
    /// Whether the API server failed, so that it is left alone for a while.
    server_failed: bool,
    /// Whether time was up before all Webhooks had their turn.
    out_of_time: bool,
    failures: u32,
    until: Option<Instant>,
}

impl Untold {
    /// A Webhook was not told, or not let go.
    pub(super) fn webhook(&mut self, uid: &str, trouble: &Trouble) {
        self.add(trouble, [uid.to_owned()]);
    }

    /// The API server failed: these Webhooks had no turn.
    pub(super) fn server_failed(&mut self, trouble: &Trouble, uids: impl IntoIterator<Item = String>) {
        self.server_failed = true;
        self.add(trouble, uids);
    }

    /// Time was up: these Webhooks had no turn.
    pub(super) fn out_of_time(&mut self, trouble: &Trouble, uids: impl IntoIterator<Item = String>) {
        self.out_of_time |= self.add(trouble, uids);
    }

    /// Returns whether there was anything to add.
    fn add(&mut self, trouble: &Trouble, uids: impl IntoIterator<Item = String>) -> bool {
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
    pub(super) fn account(&mut self, trouble: &Trouble) {
        self.account = Some(trouble.clone());
    }

    /// Begins a pass, which tells everything again.
    pub(super) fn begin(&mut self) {
        *self = Self { failures: self.failures, ..Self::default() };
    }

    /// Everything was told that could be: how long until the rest is, if there is any.
    pub(super) fn rest(&mut self, refusals: &Refusals) -> Option<Duration> {
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

impl<S, R: Recorder> Pass<'_, S, R> {
    /// Tells again what the cluster did not take, if it is time; gives the time until the next try. The vendor is not called.
    pub(super) async fn tell_again(&mut self, memory: &mut Memory) -> Option<Duration> {
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
            let end = End::Trouble { stalled: trouble.stalled, error: None };
            let told = self.account_status(memory, Some(&trouble), &end).await;
            if !(self.release_account(memory).await && told) {
                memory.untold.account(&trouble);
            }
            memory.wrote(&self.account);
        }
        saw(memory, &asked, &self.uids);
        memory.untold.rest(&memory.refusals)
    }
}
