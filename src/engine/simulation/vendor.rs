//! What the vendor holds: subscriptions, requests that it handles later, and faults to come.

use super::step::{Fault, PROCESSES};
use crate::plan::{Document, ExternalId};
use std::collections::{HashMap, HashSet, VecDeque};

/// One subscription.
#[derive(Clone, Debug)]
pub(super) struct Sub {
    pub(super) id: ExternalId,
    /// In clear, with the write-only values.
    pub(super) has: Document,
    /// The remote version; changes with each save.
    pub(super) mark: u64,
    pub(super) made_at: u64,
    /// When lists begin to show it.
    pub(super) shown_from: u64,
    /// What somebody else made it as; none once a Webhook may manage it.
    pub(super) made_as: Option<Document>,
}

#[derive(Clone, Debug)]
pub(super) enum Write {
    Create(Document),
    Update(ExternalId, u64, Document),
    Delete(ExternalId),
}

/// State of the vendor.
#[derive(Default)]
pub(super) struct VendorState {
    pub(super) subs: Vec<Sub>,
    pub(super) made: u64,
    /// Requests that are received and committed later.
    pub(super) late: Vec<(u64, Write)>,
    pub(super) faults: VecDeque<Fault>,
    pub(super) unreachable_until: u64,
    pub(super) slow: u64,
    pub(super) lag: u64,
    /// 2: the next list is empty. 1: it is not, although an empty one may be armed.
    pub(super) emptied: u8,
    /// The position of the subscription that the next list lacks, where the vendor has pages.
    pub(super) torn: Option<u8>,
    pub(super) lists: u64,
    pub(super) writes: u64,
    /// Recorded ids that each process deleted in its pass, of Webhooks that are being deleted.
    pub(super) deleted: [HashSet<ExternalId>; PROCESSES],
    /// When the deletion of each of them was last requested, in any pass of any process.
    pub(super) requested: HashMap<ExternalId, u64>,
    /// When people deleted something at the vendor.
    pub(super) removed: Vec<u64>,
}

impl VendorState {
    pub(super) fn at(&mut self, id: &ExternalId) -> Option<&mut Sub> {
        self.subs.iter_mut().find(|sub| sub.id == *id)
    }
}
