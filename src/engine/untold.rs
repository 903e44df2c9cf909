//! What Webhooks and their account are to be told, or let go for, while the vendor cannot be asked, and what the cluster did
//! not take: it is told again soon, whenever the vendor is asked again.

use super::clock;
use super::due::{End, saw};
use super::memory::Memory;
use super::outcome::Trouble;
use super::pass::Pass;
use super::past::backed_off;
use super::record::Recorder;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the cluster did not take.
#[derive(Default)]
pub(super) struct Untold {
    webhooks: Vec<(String, Trouble)>,
    account: Option<Trouble>,
    failures: u32,
    until: Option<Instant>,
}

impl Untold {
    /// A Webhook was not told, or not let go.
    pub(super) fn webhook(&mut self, uid: &str, trouble: &Trouble) {
        self.webhooks.push((uid.to_owned(), trouble.clone()));
    }

    /// The account was not told, or not let go.
    pub(super) fn account(&mut self, trouble: &Trouble) {
        self.account = Some(trouble.clone());
    }

    /// A pass begins, which tells everybody anew.
    pub(super) fn begin(&mut self) {
        (self.webhooks, self.account) = (Vec::new(), None);
    }

    /// Everything was told that could be: how long until the rest is, if there is any.
    pub(super) fn rest(&mut self) -> Option<Duration> {
        if self.webhooks.is_empty() && self.account.is_none() {
            *self = Self::default();
            return None;
        }
        let wait = backed_off(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(clock::now() + wait);
        Some(wait)
    }
}

impl<S, R: Recorder> Pass<'_, S, R> {
    /// Tells again what the cluster did not take, if it is time; gives the time until the next try. The vendor is not called.
    pub(super) async fn tell_again(&mut self, memory: &mut Memory) -> Option<Duration> {
        let left = memory.untold.until?.saturating_duration_since(clock::now());
        if !left.is_zero() {
            return Some(left);
        }
        // What a write gives back may hold an edit that nobody has acted on yet.
        let asked = Arc::clone(&self.account);
        let webhooks = std::mem::take(&mut memory.untold.webhooks);
        let account = memory.untold.account.take();
        for (uid, trouble) in webhooks.iter().filter(|(uid, _)| self.uids.contains(uid)) {
            self.unseen(memory, std::slice::from_ref(uid), trouble).await;
        }
        if let Some(trouble) = account {
            let end = End::Trouble { stalled: trouble.stalled, error: None };
            let told = self.account_status(Some(&trouble), &end).await;
            if !(self.release_account(memory).await && told) {
                memory.untold.account(&trouble);
            }
            memory.wrote(&self.account);
        }
        saw(memory, &asked, &self.uids);
        memory.untold.rest()
    }
}
