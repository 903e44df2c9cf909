//! Takes a plan's items one by one, for one slice: each is applied, recorded and told.

use super::account::chain;
use super::apply::{Taken, Worker, document};
use super::client::Client;
use super::clock;
use super::entry::Entry;
use super::gather::conceal;
use super::memory::Memory;
use super::observe::Sight;
use super::outcome::{Noted, Outcome, Trouble, settle};
use super::pass::{Pass, Stop};
use super::past::Past;
use super::record::{Happened, RecordError, Recorder};
use super::secrets::{Source, Values};
use crate::api::Mode;
use crate::api::status::Action;
use crate::plan::{Declared, Delivery, ExternalId, Item, Observed, Plan, Step};
use crate::vendor::{Class, Operation, VendorError, advice, rules};
use kube::Resource;
use std::time::Duration;

/// A slice of work; after it the account is planned again, so that a fresh edit never waits behind a backlog.
const SLICE: Duration = Duration::from_secs(10);
/// A wait for the account's own pace that is shorter than this is not worth a word to anybody.
const PAUSE: Duration = Duration::from_secs(3);

/// What a pass has read.
struct Seen<'a> {
    values: &'a Values,
    observed: &'a [Observed],
}

impl Seen<'_> {
    fn at(&self, id: &str) -> Option<&Observed> {
        self.observed.iter().find(|one| one.id.as_str() == id)
    }

    fn mark(&self, id: Option<&str>) -> Option<&str> {
        self.at(id?)?.mark.as_deref()
    }
}

impl<S: Source, R: Recorder> Pass<'_, S, R> {
    /// Applies and records, item by item, for one slice.
    pub(super) async fn work(
        &mut self,
        memory: &mut Memory,
        sight: &mut Sight,
        plan: &Plan,
    ) -> Result<(), Stop> {
        let Sight { values, client, declared, uids, snapshot, .. } = sight;
        let observed = &mut snapshot.observed;
        let deadline = clock::now() + SLICE;
        let mut stop: Option<VendorError> = None;
        for item in &plan.items {
            let webhook = &declared[item.index];
            let uid = uids[item.index].clone();
            if item.step.as_ref().is_some_and(Step::calls) && stop.is_none() {
                stop = memory.client.wait().map(|wait| VendorError::paced(Operation::List, wait));
            }
            let out_of_time = stop.is_none() && (clock::now() >= deadline || self.context.stopping());
            if item.step.is_some() && (out_of_time || stop.as_ref().is_some_and(is_pause)) {
                self.summary.left += 1;
                continue;
            }
            let Memory { entries, past, .. } = memory;
            let Some(entry) = entries.get_mut(&uid) else {
                continue;
            };
            let strained = past.strained(entry).or(stop.as_ref());
            let taken = match strained {
                Some(error) if item.step.is_some() => Taken::Stays(Outcome::Waiting(Trouble::of(error))),
                _ => match self.one(past, client, item, webhook, entry, observed).await {
                    Err(error) if error.is_of_the_object_alone() => {
                        self.unrecorded(item, &error);
                        continue;
                    }
                    taken => taken?,
                },
            };
            match taken {
                Taken::Stays(outcome) => {
                    if let Outcome::Failed(error) = &outcome {
                        past.strain(entry, error);
                        stop = self.stops(error).or(stop);
                    }
                    let seen = Seen { values, observed };
                    self.stays(past, entry, webhook, item, &outcome, &seen).await?;
                }
                Taken::LetGo(what) => {
                    self.let_go(entry, item, what).await;
                    let allowed = item.id.as_ref().is_some_and(|id| self.summary.allows(id));
                    memory.forget(&uid);
                    if item.action == Action::Delete && !allowed {
                        memory.deleted();
                    }
                }
            }
        }
        match stop {
            Some(error) => Err(Stop::Trouble(Trouble::of(&error), Some(error))),
            None => Ok(()),
        }
    }

    async fn one(
        &self,
        past: &mut Past,
        client: &Client,
        item: &Item,
        webhook: &Declared,
        entry: &mut Entry,
        observed: &mut Vec<Observed>,
    ) -> Result<Taken, RecordError> {
        if let Some(hold) = &item.hold {
            return Ok(Taken::Stays(Outcome::Held(hold.clone())));
        }
        let Some(step) = &item.step else {
            // Somebody may have taken our finalizer off by force.
            if webhook.policy.mode == Mode::Enforce && entry.status.external_id.is_some() {
                entry.hold(&self.context.recorder).await?;
            }
            return Ok(Taken::Stays(Outcome::InSync));
        };
        self.advise(entry, webhook, item).await;
        let recorder = &self.context.recorder;
        let identity = self.account.spec.vendor.identity();
        let mut worker = Worker { recorder, vendor: self.vendor, client, identity, observed };
        worker.take(past, entry, item, step, &webhook.redactor).await
    }

    /// Warns, once a generation, of what the vendor is likely to refuse.
    async fn advise(&self, entry: &Entry, webhook: &Declared, item: &Item) {
        if entry.status.observed_generation == entry.asked.generation {
            return;
        }
        let advice = document(&webhook.desired).and_then(|desired| advice(self.vendor, desired));
        if let (Some(note), Action::Create | Action::Update | Action::Replace) = (advice, item.action) {
            self.tell(entry, item, &Happened { warning: true, reason: "LikelyRefused", note }).await;
        }
    }

    /// Whether a failure of one Webhook is one of the whole account. No answer to one write may be that Webhook's own
    /// fault, which must not stop the others; to two, it is the vendor's.
    fn stops(&mut self, error: &VendorError) -> Option<VendorError> {
        match error.class {
            Class::Rejected => None,
            Class::Outdated | Class::NotFound => {
                self.summary.outdated = true;
                None
            }
            Class::Unavailable => {
                self.summary.unanswered += 1;
                (self.summary.unanswered > 1).then(|| error.clone())
            }
            Class::Throttled | Class::Credentials => Some(error.clone()),
        }
    }

    /// The API server refuses something of just this Webhook. It is tried again at the next pass.
    fn unrecorded(&mut self, item: &Item, error: &RecordError) {
        let (vendor, webhook, external_id) =
            (self.vendor, &item.key, item.id.as_ref().map(ExternalId::as_str));
        tracing::warn!(%vendor, account = %self.key, %webhook, external_id, error = %chain(error), "status not written");
        self.summary.failed += 1;
        // Somebody else wrote it at the same time: soon, that is.
        self.summary.outdated |= error.is_conflict();
    }

    async fn let_go(&mut self, entry: &Entry, item: &Item, what: String) {
        let reason = if item.action == Action::Retain { "Retained" } else { "Deleted" };
        self.tell(entry, item, &Happened { warning: false, reason, note: what }).await;
        self.summary.done += 1;
    }

    async fn stays(
        &mut self,
        past: &mut Past,
        entry: &mut Entry,
        webhook: &Declared,
        item: &Item,
        outcome: &Outcome,
        seen: &Seen<'_>,
    ) -> Result<(), Stop> {
        if self.is_half_done(entry, webhook, item, outcome, seen) {
            entry.status.pending = None;
            self.summary.left += 1;
            entry.write(&self.context.recorder).await?;
            return Ok(());
        }
        match outcome {
            Outcome::InSync => {}
            Outcome::Done(_) => self.summary.done += 1,
            Outcome::Held(_) => self.summary.held += 1,
            Outcome::Failed(_) | Outcome::Waiting(_) => self.summary.failed += 1,
        }
        let mut concealed = None;
        if matches!(outcome, Outcome::InSync | Outcome::Done(_)) {
            if let Some(document) = document(&webhook.desired) {
                let mark = || seen.mark(entry.status.external_id.as_deref());
                concealed = conceal(entry, document, seen.values, webhook.concealed_changed, mark)
                    .map_err(Stop::Cluster)?;
                past.in_sync(&entry.uid, document);
            }
            // In step before a lost create of another content has settled: what it makes is still to be cleared up.
            if entry.status.pending.as_ref().is_none_or(|pending| past.settled(&entry.uid, pending)) {
                past.answered(&entry.uid);
                entry.status.pending = None;
            }
        }
        // What is not at the vendor any more needs no deleting.
        entry.status.superseded.retain(|id| seen.at(id).is_some());
        if entry.asked.request.is_some() {
            entry.status.last_handled_request.clone_from(&entry.asked.request);
        }
        let delivery = entry.status.external_id.as_deref().and_then(|id| seen.at(id)?.delivery);
        if delivery == Some(Delivery::On) {
            past.delivers(&entry.uid);
        }
        let revival_refused = past.revival_refused(&entry.uid).map(str::to_owned);
        let noted = Noted { concealed, delivery, revival_refused };
        // Not the time that the pass began at: the vendor may just have answered.
        let happened = settle(entry, webhook, item, outcome, noted, self.vendor, clock::timestamp());
        match entry.write(&self.context.recorder).await {
            Err(error) if error.is_of_the_object_alone() => self.unrecorded(item, &error),
            written => written?,
        }
        if let Some(happened) = happened {
            self.tell(entry, item, &happened).await;
        }
        Ok(())
    }

    /// Whether it took over what an unanswered create had made before the spec, or a Secret, moved on: it is recorded, and
    /// brought up to date in the next slice.
    fn is_half_done(
        &self,
        entry: &Entry,
        webhook: &Declared,
        item: &Item,
        outcome: &Outcome,
        seen: &Seen<'_>,
    ) -> bool {
        let took_over = matches!((outcome, &item.step), (Outcome::Done(_), Some(Step::Adopt(_, Some(_)))));
        let has = entry.status.external_id.as_deref().and_then(|id| seen.at(id));
        let (Some(desired), Some(has), true) = (document(&webhook.desired), has, took_over) else {
            return false;
        };
        webhook.concealed_changed || !rules(self.vendor).equal(&has.document, desired)
    }

    /// One log line, one event, one metric for what happened to a Webhook.
    async fn tell(&self, entry: &Entry, item: &Item, happened: &Happened) {
        let (vendor, webhook) = (self.vendor, &item.key);
        let id = entry.status.external_id.as_deref().or(item.id.as_ref().map(ExternalId::as_str));
        if happened.warning {
            tracing::warn!(%vendor, account = %self.key, %webhook, external_id = id, reason = happened.reason, "{}", happened.note);
        } else {
            tracing::info!(%vendor, account = %self.key, %webhook, external_id = id, reason = happened.reason, "{}", happened.note);
            if item.action != Action::None {
                self.context.metrics.acted(vendor, item.action, item.cause.is_drift());
            }
        }
        self.context.recorder.event(entry.known.object_ref(&()), happened).await;
    }
}

/// Whether the account only waits for its own pace, and not for long.
pub(super) fn is_pause(error: &VendorError) -> bool {
    error.is_paced() && error.retry_after.is_none_or(|wait| wait < PAUSE)
}
