//! The vendor: how it handles a request, and what it answers.

use super::content::{has_all, in_clear, shown};
use super::step::{Death, Fault};
use super::vendor::{Sub, Write};
use super::world::{Fate, State, World};
use crate::api::VendorName;
use crate::plan::{Delivery, Document, ExternalId, List, Observed, Value};
use crate::vendor::testing::FakeVendor;
use crate::vendor::{Class, Operation, VendorError, list_lag};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::time::Duration;

impl State {
    /// Makes a subscription.
    pub(super) fn make(&mut self, has: Document, by_us: bool) -> ExternalId {
        self.vendor.made += 1;
        let number = self.vendor.made;
        // Contensis' ids are not ordered.
        let id = match self.name {
            VendorName::Contensis => format!("g{:08x}", number.wrapping_mul(0x9E37_79B9) & 0xffff_ffff),
            VendorName::Brightpearl | VendorName::Superoffice => (1000 + number).to_string(),
        };
        let id = ExternalId::new(id).unwrap();
        let longest = list_lag(self.name).as_secs() - 1;
        let lag = if by_us { self.vendor.lag.min(longest) } else { 0 };
        let made_as = (!by_us).then(|| has.clone());
        let mark = number * 1000;
        self.vendor.subs.push(Sub {
            id: id.clone(),
            has,
            mark,
            made_at: self.now,
            shown_from: self.now + lag,
            made_as,
        });
        if by_us {
            self.counts.created += 1;
            self.facts.made.insert(id.clone());
        }
        id
    }

    /// Commits what was received and is due.
    pub(super) fn commit_due(&mut self) {
        let now = self.now;
        let all = std::mem::take(&mut self.vendor.late);
        let (mut due, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|(at, _)| *at <= now);
        self.vendor.late = later;
        due.sort_by_key(|(at, _)| *at);
        for (at, write) in due {
            self.now = at;
            // No caller is left that the answer could reach.
            let _ = self.commit(write);
        }
        self.now = now;
    }

    fn commit(&mut self, write: Write) -> Result<Option<Sub>, (u16, Class)> {
        match write {
            Write::Create(desired) => {
                let id = self.make(in_clear(self.rules, &desired), true);
                Ok(self.vendor.at(&id).cloned())
            }
            Write::Update(id, mark, desired) => {
                self.note_taken_over(&id, &desired);
                self.judge(&id, "changed");
                let (name, has) = (self.name, in_clear(self.rules, &desired));
                let Some(sub) = self.vendor.at(&id) else { return Err((404, Class::NotFound)) };
                if name == VendorName::Contensis && sub.mark != mark {
                    return Err((409, Class::Outdated));
                }
                sub.has = has;
                sub.mark += 1;
                Ok(Some(sub.clone()))
            }
            Write::Delete(id) => {
                self.judge(&id, "deleted");
                self.counts.deleted += 1;
                self.vendor.subs.retain(|sub| sub.id != id);
                Ok(None)
            }
        }
    }

    /// Nobody may write to an unmanaged subscription.
    fn judge(&mut self, id: &ExternalId, what: &str) {
        if self.vendor.at(id).is_some_and(|sub| sub.made_as.is_some()) {
            self.wrong(format!("the unmanaged subscription {id} was {what}"));
        }
    }

    fn unavailable(&self, operation: Operation) -> Option<VendorError> {
        (self.now < self.vendor.unreachable_until)
            .then(|| VendorError::unsent(Class::Unavailable, operation, "no connection to h.example"))
    }

    fn list(&mut self) -> Result<List, VendorError> {
        self.vendor.lists += 1;
        if let Some(away) = self.unavailable(Operation::List) {
            return Err(away);
        }
        let emptied = self.vendor.emptied;
        self.vendor.emptied = 0;
        if emptied == 2 && self.would_be_doubted() {
            self.counts.faults += 1;
            self.vendor.emptied = 1;
            return Ok(List::default());
        }
        let shown = self.vendor.subs.iter().filter(|sub| sub.shown_from <= self.now);
        let mut observed: Vec<Observed> = shown.map(|sub| self.observed(sub)).collect();
        let paged = self.name == VendorName::Contensis;
        if let Some(at) = self.vendor.torn.take().filter(|_| paged && !observed.is_empty()) {
            self.counts.faults += 1;
            observed.remove(usize::from(at) % observed.len());
        }
        Ok(List { observed, paged, ..List::default() })
    }

    fn observed(&self, sub: &Sub) -> Observed {
        let document = shown(self.rules, &sub.has);
        let delivery = match document.get("state") {
            Value::Text(state) if state.expose() == "TooManyErrors" => Some(Delivery::DisabledByVendor),
            Value::Text(_) => Some(Delivery::On),
            _ => None,
        };
        let marked = self.name != VendorName::Brightpearl;
        Observed {
            id: sub.id.clone(),
            document,
            summary: "one".into(),
            created: (self.name == VendorName::Contensis).then(|| format!("{:012}", sub.made_at)),
            remote_version: marked.then(|| sub.mark.to_string()),
            delivery,
            raw: None,
        }
    }

    /// A request that writes, with the fault that is armed.
    fn request(
        &mut self,
        operation: Operation,
        write: Write,
        fate: &Fate,
    ) -> Result<Option<Sub>, VendorError> {
        self.vendor.writes += 1;
        self.note_deletion(&write);
        let slow = self.vendor.slow;
        let refused = |(status, class)| VendorError::answered(class, operation, status, "said the vendor");
        match fate {
            Fate::Dies(Death::Late(after)) => {
                self.vendor.late.push((self.now + u64::from(*after), write));
                return Ok(None);
            }
            Fate::Dies(_) => return self.commit(write).map_err(refused),
            Fate::Lives => {}
        }
        if let Some(away) = self.unavailable(operation) {
            return Err(away);
        }
        let Some(fault) = self.vendor.faults.pop_front() else {
            let done = self.commit(write).map_err(refused);
            self.advance(slow);
            return done;
        };
        self.counts.faults += 1;
        let unanswered = VendorError {
            too_large: false,
            class: Class::Unavailable,
            operation,
            status: None,
            message: "no answer in time from h.example".into(),
            retry_after: None,
            outcome_unknown: true,
        };
        let error = match fault {
            Fault::AnswerLost | Fault::FailedAfter | Fault::Garbage => {
                // A refusal is answered, or the answer is lost.
                let done = self.commit(write);
                match (fault, done) {
                    (Fault::FailedAfter, Ok(_)) => refused((500, Class::Unavailable)),
                    (Fault::Garbage, Ok(_)) => refused((200, Class::Unavailable)),
                    _ => unanswered,
                }
            }
            Fault::RequestLost => unanswered,
            Fault::Late(after) => {
                self.vendor.late.push((self.now + slow + u64::from(after), write));
                unanswered
            }
            Fault::FailedBefore => refused((500, Class::Unavailable)),
            Fault::Rejected => refused((400, Class::Rejected)),
            Fault::Throttled(after) => VendorError {
                retry_after: Some(Duration::from_secs(after.into())),
                ..refused((429, Class::Throttled))
            },
        };
        self.advance(slow);
        Err(error)
    }

    /// Returns the answer to a save. A process that died in it never sees the answer.
    fn answer(&self, saved: Result<Option<Sub>, VendorError>) -> Result<Observed, VendorError> {
        let nothing = || VendorError::unsent(Class::Unavailable, Operation::Create, "nobody hears this");
        saved?.as_ref().map(|sub| self.observed(sub)).ok_or_else(nothing)
    }

    /// Counts whether two subscriptions of the operator have the same content.
    pub(super) fn count_duplicates(&mut self) {
        let (rules, subs) = (self.rules, &self.vendor.subs);
        let ours: Vec<_> = subs.iter().filter(|sub| self.facts.made.contains(&sub.id)).collect();
        let duplicates =
            ours.iter().enumerate().any(|(i, a)| ours[..i].iter().any(|b| has_all(rules, &a.has, &b.has)));
        self.counts.duplicates += u64::from(duplicates);
    }
}

impl FakeVendor for World {
    fn list(&self) -> BoxFuture<'_, Result<List, VendorError>> {
        self.effect(|state, _| state.list()).boxed()
    }

    fn create(&self, desired: Document) -> BoxFuture<'_, Result<Observed, VendorError>> {
        self.effect(|state, fate| {
            let made = state.request(Operation::Create, Write::Create(desired.clone()), fate);
            state.count_duplicates();
            let mut observed = state.answer(made)?;
            if state.name == VendorName::Brightpearl {
                // It answers with nothing but the id.
                observed.document = desired;
            }
            Ok(observed)
        })
        .boxed()
    }

    fn update(&self, current: Observed, desired: Document) -> BoxFuture<'_, Result<Observed, VendorError>> {
        self.effect(|state, fate| {
            let mark = current.remote_version.and_then(|mark| mark.parse().ok()).unwrap_or_default();
            let saved = state.request(Operation::Update, Write::Update(current.id, mark, desired), fate);
            state.answer(saved)
        })
        .boxed()
    }

    fn delete(&self, id: ExternalId) -> BoxFuture<'_, Result<(), VendorError>> {
        self.effect(|state, fate| state.request(Operation::Delete, Write::Delete(id), fate).map(drop)).boxed()
    }
}
