//! What became of the last write of one Webhook at the vendor: rejected, or to be retried after a back-off.

use crate::engine::clock;
use crate::engine::fingerprint::fingerprint;
use crate::engine::state::retry::back_off;
use crate::vendor::{Class, VendorError};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// A write that the vendor rejected is retried this seldom, unless it changes or a person asks for a pass.
const REJECTED_RETRY: Duration = Duration::from_secs(3600);

struct Rejection {
    /// Fingerprint of what was rejected: a document, or the id to delete.
    what: u64,
    until: Instant,
    error: VendorError,
}

struct BackOff {
    generation: Option<i64>,
    failures: u32,
    until: Instant,
    error: VendorError,
}

/// The last write of one Webhook, if it failed.
#[derive(Default)]
pub(crate) struct Attempts {
    rejection: Option<Box<Rejection>>,
    back_off: Option<Box<BackOff>>,
}

impl Attempts {
    /// Records that the vendor rejected a document, or the deletion of an id.
    pub(crate) fn record_rejection(&mut self, what: impl Hash, error: VendorError) {
        let until = clock::now() + REJECTED_RETRY;
        self.rejection = Some(Box::new(Rejection { what: fingerprint(what), until, error }));
    }

    /// Returns the vendor's error if it rejected just this within the last hour.
    pub(crate) fn rejection(&self, what: impl Hash) -> Option<&VendorError> {
        let rejection = self.rejection.as_ref()?;
        (rejection.what == fingerprint(what) && clock::now() < rejection.until).then_some(&rejection.error)
    }

    /// Forgets a rejection: the account's login or settings have changed, and may have been the reason.
    pub(crate) fn forget_rejection(&mut self) {
        self.rejection = None;
    }

    /// Records a failed write, which may be the fault of this Webhook alone: it backs off by itself. `generation` is that of its spec.
    pub(crate) fn record_failure(&mut self, generation: Option<i64>, error: &VendorError) {
        if error.class != Class::Unavailable {
            return;
        }
        let failures = self.back_off.as_ref().map_or(0, |back_off| back_off.failures);
        self.back_off = Some(Box::new(BackOff {
            generation,
            failures: failures.saturating_add(1),
            until: clock::now() + back_off(failures),
            error: error.clone(),
        }));
    }

    /// Returns the error that the Webhook still backs off from. An edit, which changes the generation, ends the back-off.
    pub(crate) fn backs_off(&self, generation: Option<i64>) -> Option<&VendorError> {
        let back_off = self.back_off.as_ref()?;
        (back_off.generation == generation && clock::now() < back_off.until).then_some(&back_off.error)
    }

    /// Returns when the back-off ends.
    pub(crate) fn backs_off_until(&self) -> Option<Instant> {
        self.back_off.as_ref().map(|back_off| back_off.until)
    }

    /// Forgets both: the Webhook is in sync, or a person asked for a pass.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
