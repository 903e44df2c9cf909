//! One slice of a pass: how many items are under way, what became of them, and what stops further ones.

use crate::engine::clock;
use crate::engine::pass::PassError;
use crate::engine::pass::finish::PassCounts;
use crate::engine::status::webhook::{AccountError, FORBIDDEN};
use crate::plan::Priority;
use crate::vendor::{Class, VendorError};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A slice of work; after it the account is planned again, so that a fresh edit never waits behind a backlog.
const SLICE: Duration = Duration::from_secs(10);
/// The same as soon as steps of guests are under way.
const GUESTS_SLICE: Duration = Duration::from_secs(1);
/// How many steps are under way at once, at most: enough to hide how long a vendor takes to answer, few enough to be no
/// burst. The first goes alone, and each that succeeds lets more go beside it; after one that fails the next goes alone again.
const ABREAST: usize = 8;

/// What became of an item.
pub(crate) enum ItemResult {
    /// Nothing was to be done.
    InSync,
    Done,
    Held,
    /// It waits with its account.
    Waiting,
    /// The vendor did not do it.
    Failed(VendorError),
    /// It is brought to its end in the next slice.
    Half,
    /// The object was changed, deleted or made again since it was read.
    Conflict,
    /// The API server refuses a write that concerns only this Webhook.
    Refused,
    /// hooktender lacks a right for the Webhooks of this namespace.
    Forbidden {
        namespace: String,
        words: String,
    },
    /// The Webhook of that uid was let go.
    LetGo(String),
}

/// How far a slice has come.
pub(crate) struct Slice {
    pub(crate) deadline: Instant,
    /// How many may be under way now.
    pub(crate) abreast: usize,
    /// How many calls those that are under way may still make.
    pub(crate) calls: usize,
    pub(crate) lane: Option<Priority>,
    /// Whether steps of guests have begun.
    guests: bool,
    /// Why nothing more is begun at the vendor.
    pub(crate) stop: Option<VendorError>,
    /// Why nothing more is begun at all.
    pub(crate) cluster: Option<PassError>,
    /// Namespaces whose Webhooks may not be written, with the API server's words.
    forbidden: HashMap<String, String>,
    /// What was let go.
    pub(crate) gone: Vec<String>,
    pub(crate) tally: PassCounts,
}

impl Slice {
    pub(crate) fn new(tally: PassCounts) -> Self {
        Self {
            deadline: clock::now() + SLICE,
            abreast: 1,
            calls: 0,
            lane: None,
            guests: false,
            stop: None,
            cluster: None,
            forbidden: HashMap::new(),
            gone: Vec::new(),
            tally,
        }
    }

    /// Steps of guests begin.
    pub(crate) fn begin_guests(&mut self) {
        if !std::mem::replace(&mut self.guests, true) {
            self.deadline = self.deadline.min(clock::now() + GUESTS_SLICE);
        }
    }

    /// A step of a guest has to wait for so long. Not every call that is free again is worth a pass.
    pub(crate) fn guests_wait(&mut self, wait: Duration) {
        let wait = wait.max(GUESTS_SLICE);
        self.tally.guests_wait = Some(self.tally.guests_wait.map_or(wait, |other| other.min(wait)));
    }

    /// Whether hooktender lacks a right for the Webhooks of that namespace.
    pub(crate) fn is_forbidden(&self, namespace: &str) -> bool {
        self.forbidden.contains_key(namespace)
    }

    pub(crate) fn took(&mut self, calls: usize, went: Result<ItemResult, PassError>) {
        self.calls -= calls;
        self.abreast = (self.abreast * 2).min(ABREAST);
        match went {
            Ok(ItemResult::InSync) => {}
            Ok(ItemResult::Done) => self.tally.done += 1,
            Ok(ItemResult::Held) => self.tally.held += 1,
            Ok(ItemResult::Waiting | ItemResult::Refused) => self.tally.failed += 1,
            Ok(ItemResult::Half) => self.tally.left += 1,
            Ok(ItemResult::LetGo(uid)) => {
                self.tally.done += 1;
                self.gone.push(uid);
            }
            Ok(ItemResult::Conflict) => {
                self.abreast = 1;
                self.tally.failed += 1;
                self.tally.outdated = true;
            }
            Ok(ItemResult::Forbidden { namespace, words }) => {
                self.abreast = 1;
                self.tally.failed += 1;
                self.forbidden.insert(namespace, words);
            }
            Ok(ItemResult::Failed(error)) => {
                self.abreast = 1;
                self.tally.failed += 1;
                self.stop = self.stops(&error).or(self.stop.take());
            }
            Err(stop) => {
                self.abreast = 1;
                self.cluster.get_or_insert(stop);
            }
        }
    }

    /// Whether a failure of one Webhook is one of the whole account. No answer to one write may be that Webhook's own
    /// fault, which must not stop the others; to two, it is the vendor's.
    fn stops(&mut self, error: &VendorError) -> Option<VendorError> {
        match error.class {
            Class::Rejected => None,
            Class::Outdated | Class::NotFound => {
                self.tally.outdated = true;
                None
            }
            Class::Unavailable => {
                self.tally.unanswered += 1;
                (self.tally.unanswered > 1).then(|| error.clone())
            }
            Class::Throttled | Class::Credentials => Some(error.clone()),
        }
    }

    /// Why the account cannot be worked on, if it cannot.
    pub(crate) fn stopped(self) -> Result<(), PassError> {
        let forbidden = self.forbidden.into_iter().min();
        match (self.cluster, self.stop, forbidden) {
            (Some(cluster), _, _) => Err(cluster),
            (None, Some(error), _) => Err(PassError::AccountError(AccountError::of(&error), Some(error))),
            (None, None, Some((namespace, words))) => {
                Err(PassError::Refused(forbidden_in(&namespace, &words)))
            }
            (None, None, None) => Ok(()),
        }
    }
}

fn forbidden_in(namespace: &str, words: &str) -> AccountError {
    let message = format!(
        "hooktender may not write Webhooks of namespace {namespace}: {words}; give its ServiceAccount the rights of the chart"
    );
    AccountError { reason: FORBIDDEN, message, stalled: true }
}
