//! The sandbox's whole state: three vendors, and for each of their accounts a journal and a fault queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exchange::{Call, Reply};
use crate::fault::{Fault, Faults, Operation};
use crate::journal::{Entry, Journal};
use crate::{brightpearl, contensis, superoffice};

/// Requests and settings that belong to no known account are kept under this name.
pub(crate) const STRAY: &str = "_";

/// The vendors, by the word used in control paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum VendorName {
    Brightpearl,
    Contensis,
    Superoffice,
}

impl VendorName {
    pub(crate) const ALL: [Self; 3] = [Self::Brightpearl, Self::Contensis, Self::Superoffice];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Brightpearl => "brightpearl",
            Self::Contensis => "contensis",
            Self::Superoffice => "superoffice",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.as_str() == word)
    }
}

/// Why the control API refuses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Bad(String),
    #[error("{0}")]
    Missing(String),
}

/// The account and the operation of a request.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) operation: Operation,
}

impl Place {
    pub(crate) fn new(account: Option<String>, operation: Operation) -> Self {
        Self { account: account.unwrap_or_else(|| STRAY.to_owned()), operation }
    }
}

/// One vendor: its HTTP behaviour, and the functions of the control API.
pub(crate) trait Fake: Send {
    /// The account of this request.
    fn locate(&self, call: &Call) -> Place;

    /// How long the vendor takes before it does the work.
    fn pause(&self, _account: &str, _call: &Call) -> Duration {
        Duration::ZERO
    }

    /// Does the work and returns the answer.
    fn handle(&mut self, account: &str, call: &Call, now: Timestamp) -> Reply;

    /// The accounts that exist.
    fn accounts(&self) -> Vec<String>;

    /// Creates an account or replaces its credentials; returns what the caller has to know.
    fn put_account(&mut self, account: &str, body: Value) -> Result<Value, Refusal>;

    /// Removes an account with everything in it.
    fn remove_account(&mut self, account: &str) -> bool;

    /// The stored resources, with secrets in clear.
    fn subscriptions(&self, account: &str) -> Result<Vec<Value>, Refusal>;

    /// Stores a resource without checks; returns its id.
    fn insert(&mut self, account: &str, body: Value, now: Timestamp) -> Result<String, Refusal>;

    /// Edits a resource as somebody else; returns the result.
    fn patch(&mut self, account: &str, id: &str, patch: &Value, now: Timestamp) -> Result<Value, Refusal>;

    /// Removes a resource as somebody else.
    fn remove(&mut self, account: &str, id: &str) -> Result<(), Refusal>;

    /// The dialect switches.
    fn settings(&self, account: &str) -> Result<Value, Refusal>;

    /// Changes dialect switches by merge patch; returns all of them.
    fn patch_settings(&mut self, account: &str, patch: &Value) -> Result<Value, Refusal>;

    /// Makes every access token issued so far invalid.
    fn revoke(&mut self, account: &str) -> Result<(), Refusal>;

    /// Control routes of this vendor alone; `None` when there is no such route.
    fn extra(&mut self, _account: &str, _call: &Call, _rest: &[&str]) -> Option<Result<Value, Refusal>> {
        None
    }
}

/// Journal and faults of one account.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
}

/// A request whose arrival has been recorded.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) vendor: VendorName,
    pub(crate) place: Place,
    pub(crate) seq: u64,
    pub(crate) fault: Option<Fault>,
    pub(crate) pause: Duration,
    /// How many resets there were at its arrival: work from before a reset must not take effect after it.
    epoch: u64,
}

impl Arrival {
    /// The same arrival, for work that is done later.
    pub(crate) fn again(&self) -> Self {
        Self { place: self.place.clone(), fault: None, ..*self }
    }
}

/// The whole state.
pub(crate) struct World {
    vendors: [Box<dyn Fake>; 3],
    ledgers: BTreeMap<(VendorName, String), Ledger>,
    next_seq: u64,
    next_fault: u64,
    epoch: u64,
    /// How far the vendors' clock is ahead of ours.
    ahead: SignedDuration,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            vendors: builtin(),
            ledgers: BTreeMap::new(),
            next_seq: 1,
            next_fault: 1,
            epoch: 0,
            ahead: SignedDuration::ZERO,
        }
    }

    /// Resets to the built-in accounts, empty journals, no faults, true time.
    pub(crate) fn reset(&mut self) {
        let epoch = self.epoch + 1;
        *self = Self { epoch, next_seq: self.next_seq, ..Self::new() };
    }

    /// The vendors' time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now().checked_add(self.ahead).unwrap_or(Timestamp::MAX)
    }

    /// Moves the vendors' time forward.
    pub(crate) fn advance(&mut self, step: SignedDuration) -> Timestamp {
        self.ahead = self.ahead.saturating_add(step);
        self.now()
    }

    pub(crate) fn vendor(&self, name: VendorName) -> &dyn Fake {
        self.vendors[name as usize].as_ref()
    }

    pub(crate) fn vendor_mut(&mut self, name: VendorName) -> &mut dyn Fake {
        self.vendors[name as usize].as_mut()
    }

    pub(crate) fn ledger(&mut self, vendor: VendorName, account: &str) -> &mut Ledger {
        self.ledgers.entry((vendor, account.to_owned())).or_default()
    }

    /// Records a request and decides its fault.
    pub(crate) fn arrive(&mut self, vendor: VendorName, call: &Call) -> Arrival {
        let place = self.vendor(vendor).locate(call);
        let pause = self.vendor(vendor).pause(&place.account, call);
        let seq = self.next_seq;
        self.next_seq += 1;
        let epoch = self.epoch;
        let ledger = self.ledger(vendor, &place.account);
        let fault = ledger.faults.take(place.operation, call);
        let name = fault.as_ref().map(|f| f.kind.name());
        ledger.journal.push(Entry::new(seq, place.operation, call, name));
        Arrival { vendor, place, seq, fault, pause, epoch }
    }

    /// Does the work, unless there was a reset since the request arrived.
    pub(crate) fn commit(&mut self, arrival: &Arrival, call: &Call) -> Option<Reply> {
        let now = self.now();
        (arrival.epoch == self.epoch)
            .then(|| self.vendor_mut(arrival.vendor).handle(&arrival.place.account, call, now))
    }

    /// Records the status of the answer.
    pub(crate) fn answered(&mut self, arrival: &Arrival, status: u16) {
        if arrival.epoch == self.epoch {
            self.ledger(arrival.vendor, &arrival.place.account).journal.answered(arrival.seq, status);
        }
    }

    pub(crate) fn push_fault(&mut self, vendor: VendorName, account: &str, fault: Fault) -> u64 {
        let id = self.next_fault;
        self.next_fault += 1;
        self.ledger(vendor, account).faults.push(id, fault);
        id
    }
}

fn builtin() -> [Box<dyn Fake>; 3] {
    [
        Box::new(brightpearl::Brightpearl::new()),
        Box::new(contensis::Contensis::new()),
        Box::new(superoffice::Superoffice::new()),
    ]
}

/// The world, shared by all listeners.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(World::new())))
    }

    /// A panic elsewhere must not hide the state from the test that looks for its cause.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// RFC 7396, the vendor-independent kind: maps merge, `null` removes, all else replaces.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Applies a merge patch to typed settings; `null` brings a default back.
pub(crate) fn patched<T: Serialize + DeserializeOwned>(current: &T, patch: &Value) -> Result<T, Refusal> {
    if !patch.is_object() {
        return Err(Refusal::Bad("settings are changed by a JSON object".to_owned()));
    }
    let mut value = shown(current)?;
    merge(&mut value, patch);
    serde_json::from_value(value).map_err(|e| Refusal::Bad(e.to_string()))
}

/// A typed value as the control API shows it.
pub(crate) fn shown<T: Serialize>(value: &T) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|e| Refusal::Bad(e.to_string()))
}

/// The refusal for an account that does not exist.
pub(crate) fn no_account(vendor: VendorName, account: &str) -> Refusal {
    Refusal::Missing(format!("no account {account:?} at {}", vendor.as_str()))
}

/// The refusal for a resource that does not exist.
pub(crate) fn no_subscription(id: &str) -> Refusal {
    Refusal::Missing(format!("no subscription {id:?}"))
}
