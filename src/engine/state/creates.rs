//! What is known of the last create of one Webhook: since when this process has known the subscription or the pending create that
//! the status names, and what a create with an unknown outcome had sent.
//!
//! Times in a status are for people. Another process, or another setting of the clock, wrote them: nothing is decided by them.

use crate::api::status::{Pending, WebhookStatus};
use crate::engine::clock;
use crate::engine::fingerprint::fingerprint;
use crate::plan::Document;
use std::time::{Duration, Instant};

/// How long a create with an unknown outcome may still take effect at the vendor.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GracePeriod {
    /// The longest time that a request can be running.
    pub(crate) longest_request: Duration,
    /// The longest time that a vendor takes to commit a request that it has received (`--settle`).
    pub(crate) commit: Duration,
}

/// A create that this process sent and whose outcome is unknown.
struct LostCreate {
    pending: Pending,
    ended: Instant,
    sent: Document,
}

/// Fingerprint of a value of the status, and since when this process has known it.
type Known = Option<(u64, Instant)>;

/// What is known of the last create of one Webhook.
#[derive(Default)]
pub(crate) struct Creates {
    external_id: Known,
    pending: Known,
    lost: Option<Box<LostCreate>>,
}

impl Creates {
    /// Takes in what the status names.
    pub(crate) fn observe(&mut self, status: &WebhookStatus) {
        // A status that was wiped removes nothing at the vendor.
        if let Some(id) = &status.external_id {
            self.external_id = known_since(self.external_id, fingerprint(id));
        }
        self.pending =
            status.pending.as_ref().and_then(|pending| known_since(self.pending, fingerprint_of(pending)));
    }

    /// Returns for how much longer than `read` a list may lack the subscription, where the vendor's list lags by at most `lag`.
    pub(crate) fn time_until_listed(&self, status: &WebhookStatus, lag: Duration, read: Instant) -> Duration {
        let known_for = match (&status.external_id, self.external_id) {
            (None, None) => return Duration::ZERO,
            (Some(id), Some((known, _))) if known != fingerprint(id) => Duration::ZERO,
            (Some(_), None) => Duration::ZERO,
            (_, Some((_, since))) => read.saturating_duration_since(since),
        };
        lag.saturating_sub(known_for)
    }

    /// Records that a create ended with an unknown outcome.
    pub(crate) fn record_lost(&mut self, pending: &Pending, sent: &Document) {
        let lost = LostCreate { pending: pending.clone(), ended: clock::now(), sent: sent.clone() };
        self.lost = Some(Box::new(lost));
    }

    /// Forgets the create with an unknown outcome: its outcome is known and recorded.
    pub(crate) fn forget_lost(&mut self) {
        self.lost = None;
    }

    /// Returns what the pending create had sent, if this process sent it and its outcome is unknown.
    pub(crate) fn sent(&self, pending: &Pending) -> Option<&Document> {
        self.lost(pending).map(|lost| &lost.sent)
    }

    /// Returns the pending create if it is ours: another process may have stored one of its own since.
    fn lost(&self, pending: &Pending) -> Option<&LostCreate> {
        self.lost.as_deref().filter(|lost| lost.pending == *pending)
    }

    /// Whether a list that was read then shows what the pending create has made, if it has made anything: the grace period had passed.
    pub(crate) fn is_over(&self, pending: &Pending, grace: GracePeriod, read: Instant) -> bool {
        let (elapsed, required) = self.grace(pending, grace);
        elapsed.saturating_sub(clock::since(read)) >= required
    }

    /// Returns how much of the grace period is left.
    pub(crate) fn time_until_over(&self, pending: &Pending, grace: GracePeriod) -> Duration {
        let (elapsed, required) = self.grace(pending, grace);
        required.saturating_sub(elapsed)
    }

    /// Returns for how long the grace period has been over, if it is.
    pub(crate) fn over_for(&self, pending: &Pending, grace: GracePeriod) -> Option<Duration> {
        let (elapsed, required) = self.grace(pending, grace);
        elapsed.checked_sub(required)
    }

    /// Returns how much time has passed, and how much has to. It is counted from the end of the request. Where another process sent
    /// it, that end is unknown: from when this process first knew of it, plus the longest time that it could have been running.
    fn grace(&self, pending: &Pending, grace: GracePeriod) -> (Duration, Duration) {
        let GracePeriod { longest_request, commit } = grace;
        if let Some(lost) = self.lost(pending) {
            return (clock::since(lost.ended), commit);
        }
        let since = self.pending.filter(|(known, _)| *known == fingerprint_of(pending));
        let elapsed = since.map(|(_, since)| clock::since(since)).unwrap_or_default();
        // A login or a refused token may have come between the write of the pending create and the request.
        (elapsed, longest_request.saturating_add(commit))
    }
}

fn fingerprint_of(pending: &Pending) -> u64 {
    fingerprint((pending.action.as_str(), pending.since.0, &pending.digest, &pending.beside))
}

/// Returns the value and since when it has been known: from now on, if it was another one before.
fn known_since(before: Known, now: u64) -> Known {
    before.filter(|(was, _)| *was == now).or_else(|| Some((now, clock::now())))
}
