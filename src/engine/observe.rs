//! What a pass goes by: values, the vendor's list, and what is declared. A list that cannot be right is not gone by.

use super::client::Client;
use super::clock;
use super::entry::Entry;
use super::gather::{DocumentBudget, Terms, declare, fingerprint, named_keys, share_secrets};
use super::limiter::TooManySlowLists;
use super::memory::{Memory, Snapshot, ValueMarks};
use super::outcome::{ACCOUNT_CHANGED, Trouble};
use super::pace::{Changed, GUESTS};
use super::pages::{Pages, Reading, restless, unanswered};
use super::pass::{Context, Pass, Stop};
use super::record::Recorder;
use super::secrets::{Dependency, Source, Values};
use super::stock::Stock;
use super::variables::{self, Variables};
use crate::api::status::Action;
use crate::api::{Mode, Webhook};
use crate::compute;
use crate::plan::{
    Declared, Elsewhere, ExternalId, Hold, Item, List, Plan, Redactor, Step, Unreadable, guard, list, plan,
};
use crate::vendor::{Class, Operation, VendorError, rules};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What the vendor has is read again when a backlog has been worked on for so long.
const SNAPSHOT: Duration = Duration::from_secs(60);

/// Whether a list that was read just before a Webhook changed is good enough for this: for bringing up to date what is
/// known, in the version that is known. What is made, taken over, deleted or missed needs a list from after that.
fn is_edit(item: &Item, observed: &Stock) -> bool {
    let says_the_list = match item.hold {
        Some(
            Hold::Settling
            | Hold::NotShownYet
            | Hold::DeletionGuard
            | Hold::SimilarExists(_)
            | Hold::Unreadable(_)
            | Hold::ConflictElsewhere(_)
            | Hold::ExternalIdNotFound(_),
        ) => true,
        Some(
            Hold::PlanOnly
            | Hold::Suspended
            | Hold::DriftReported
            | Hold::CorrectionDoesNotHold
            | Hold::Conflict(_)
            | Hold::Unknown { .. },
        )
        | None => false,
    };
    let updates = match (item.action, &item.step) {
        (Action::None | Action::Update, None) => true,
        (Action::Update, Some(Step::Update(id, _))) => {
            observed.get(id.as_str()).is_some_and(|one| one.mark.is_some())
        }
        _ => false,
    };
    updates && !says_the_list && !item.answers
}

/// Whether a Webhook takes a value from any of these.
fn reads_any(webhook: &Webhook, these: &BTreeSet<Dependency>) -> bool {
    !these.is_empty() && variables::dependencies(webhook).any(|one| these.contains(&one))
}

/// What a pass goes by.
pub(super) struct Sight {
    pub(super) values: Values,
    pub(super) client: Arc<Client>,
    /// What the vendor has, kept up with what is done.
    pub(super) snapshot: Snapshot,
    pub(super) declared: Vec<Declared>,
    /// The Webhooks' uids, in the order of `declared`.
    pub(super) uids: Vec<String>,
    /// What Webhooks at other VendorAccount objects claim.
    pub(super) elsewhere: Elsewhere,
    pub(super) credentials: Credentials,
}

/// The credentials that a pass works with.
pub(super) enum Credentials {
    Current,
    /// Those of before, as the current ones are lost for this reason: they serve to delete, and for nothing else.
    LastGood(Trouble),
    /// The current ones; but the list is too large to be read, so that only what has an id can be deleted.
    Unlisted(Trouble),
}

impl Credentials {
    /// Why the vendor's list could not be read. Credentials of before may be refused: what is lost is what helps then.
    fn explain(&self, error: &VendorError) -> Trouble {
        match self {
            Self::LastGood(lost) if error.class == Class::Credentials => lost.clone(),
            Self::LastGood(_) | Self::Current | Self::Unlisted(_) => Trouble::of(error),
        }
    }
}

impl Sight {
    /// The items of the list that cannot be read and that no Webhook knows.
    pub(super) fn unmanaged_unreadable(&self) -> Vec<&Unreadable> {
        list::unmanaged(&self.declared, &self.elsewhere, self.snapshot.observed.unreadable()).collect()
    }

    /// How many of them Webhooks at other VendorAccount objects know.
    pub(super) fn unreadable_elsewhere(&self) -> usize {
        list::known_elsewhere(&self.declared, &self.elsewhere, self.snapshot.observed.unreadable())
    }
}

impl<S: Source, R: Recorder> Pass<'_, S, R> {
    pub(super) async fn observe(
        &self,
        memory: &mut Memory,
        depends: impl FnOnce(BTreeSet<Dependency>),
    ) -> Result<(Sight, Plan), Stop> {
        let values = self.read(memory, depends).await;
        memory.values = Some(self.fingerprint(memory, &values));
        let doubted = self.doubted_dependencies(memory, &values)?;
        let (client, mut credentials) = self.client(memory, &values).await?;
        let mut pages = Pages::default();
        loop {
            let mut listed = self.list(memory, &client).await;
            self.permits.work().await;
            if let Err(error) = &listed
                && error.too_large
                && self.uids.iter().filter_map(|uid| memory.entries.get(uid)).any(Entry::is_leaving)
            {
                credentials = Credentials::Unlisted(Trouble::of(error));
                listed = Ok(self.unlisted(memory, &error.message));
            }
            let snapshot = listed.map_err(|error| {
                // The account's own secrets are hidden by its client. Those of its Webhooks the vendor has as well.
                let webhooks = self.uids.iter().filter_map(|uid| memory.entries.get(uid));
                let redactors = webhooks.map(|entry| Variables::known(&entry.known, &values).redactor());
                let message = Redactor::redact_all(redactors, &error.message);
                let error = VendorError { message, ..error };
                Stop::Trouble(credentials.explain(&error), Some(error))
            })?;
            let mut uids = self.ours(memory).await;
            uids.sort_by_cached_key(|uid| memory.entries.get(uid).map(Entry::age));
            // Before anything is decided: what a person asks for is not left to the next pass.
            for entry in uids.iter().filter_map(|uid| memory.entries.get(uid)) {
                if entry.is_asked_for() || self.account_is_asked_for() {
                    memory.past.try_again(&entry.uid);
                    memory.refusals.try_again(&entry.uid);
                }
            }
            let entries = uids.iter().filter_map(|uid| memory.entries.get(uid));
            let wanted: usize = entries.map(|entry| entry.known.spec.subscription.values()).sum();
            let (declared, elsewhere, mut plan) =
                compute::run(snapshot.observed.size() + wanted * compute::VALUE, || {
                    self.decide(memory, &uids, &values, &snapshot)
                });
            memory.peers.note_waits(&plan);
            plan.items.retain(|item| {
                let entry = memory.entries.get(&uids[item.index]);
                !entry.is_some_and(|entry| reads_any(&entry.known, &doubted))
            });
            if snapshot.ended.is_some() && !plan.items.iter().all(|item| is_edit(item, &snapshot.observed)) {
                continue;
            }
            if !Self::believe(memory, &declared, &plan, &snapshot.observed, &mut pages)? {
                continue;
            }
            return Ok((Sight { values, client, snapshot, declared, uids, elsewhere, credentials }, plan));
        }
    }

    /// Compares what is declared with what the vendor has. It takes its time where there is much of it.
    fn decide(
        &self,
        memory: &Memory,
        uids: &[String],
        values: &Values,
        snapshot: &Snapshot,
    ) -> (Vec<Declared>, Elsewhere, Plan) {
        let Context { ceiling, look_only, stateless, .. } = *self.context;
        let (observed, rules) = (&snapshot.observed, rules(self.vendor));
        let documents = &DocumentBudget::default();
        let terms = Terms { ceiling, look_only, stateless, read: snapshot.read, observed, documents };
        let mut declared: Vec<Declared> = uids
            .iter()
            .filter_map(|uid| memory.entries.get(uid))
            .map(|entry| declare(entry, &self.account, values, &memory.past, terms))
            .collect();
        share_secrets(&mut declared, &self.account, values);
        let elsewhere = self.exchange_claims(memory, uids, &declared);
        let is_listed = |id: &ExternalId| observed.get(id.as_str()).is_some();
        list::attribute(rules, &mut declared, &elsewhere, observed.unreadable(), is_listed);
        let plan = plan(rules, &declared, observed.all(), &elsewhere);
        (declared, elsewhere, plan)
    }

    /// Reads the Secrets and ConfigMaps that the account and its Webhooks name.
    async fn read(&self, memory: &Memory, depends: impl FnOnce(BTreeSet<Dependency>)) -> Values {
        let wanted = named_keys(&self.account, self.uids.iter().filter_map(|uid| memory.entries.get(uid)));
        depends(wanted.keys().cloned().collect());
        self.context.source.read(&wanted).await
    }

    fn fingerprint(&self, memory: &Memory, values: &Values) -> ValueMarks {
        let entries = self.uids.iter().filter_map(|uid| memory.entries.get(uid));
        fingerprint(&self.account, entries, values, &memory.past)
    }

    /// Adds whose values are others than at the last pass. Most writes of a Secret or ConfigMap that change none, such as an
    /// annotation, would cost a call to the vendor each.
    pub(super) async fn values_changed(
        &self,
        memory: &Memory,
        depends: impl FnOnce(BTreeSet<Dependency>),
        changed: &mut Changed,
    ) {
        let values = self.read(memory, depends).await;
        let now = self.fingerprint(memory, &values);
        changed.by_owner |= memory.seen.values.is_none_or(|seen| seen.own != now.own);
        if memory.seen.values.is_some_and(|seen| seen.guests != now.guests) {
            changed.by(GUESTS);
        }
    }

    /// Publishes what the Webhooks want; returns what Webhooks at other VendorAccount objects claim.
    fn exchange_claims(&self, memory: &Memory, uids: &[String], declared: &[Declared]) -> Elsewhere {
        let generations = uids.iter().filter_map(|uid| memory.entries.get(uid));
        let each = generations
            .zip(declared)
            .map(|(entry, webhook)| (entry.uid.as_str(), entry.known.metadata.generation, webhook));
        memory.peers.exchange(&self.account, each)
    }

    /// The account's client. When a namespace is deleted as a whole its Secrets may be the first to go: then the one that
    /// was good last is used as long as something is to be deleted.
    async fn client(&self, memory: &mut Memory, values: &Values) -> Result<(Arc<Client>, Credentials), Stop> {
        let Context { source, settings, ceiling, look_only, .. } = self.context;
        let ceiling = if *look_only { Mode::Plan } else { *ceiling };
        let before = memory.client.last();
        let made = Client::of(&mut memory.client, &self.account, values, source, ceiling, settings);
        let (lost, error) = match made.await {
            Ok(client) => {
                // What another one has read says nothing of whether this one is let in, nor does what it was refused: rights,
                // credentials or settings of the account may be others.
                if before.is_none_or(|before| !Arc::ptr_eq(&before, &client)) {
                    memory.forget_kept();
                    memory.past.forget_refusals();
                }
                return Ok((client, Credentials::Current));
            }
            Err(lost) => lost,
        };
        let mut entries = self.uids.iter().filter_map(|uid| memory.entries.get(uid));
        match memory.client.last() {
            Some(client) if entries.any(Entry::is_leaving) => Ok((client, Credentials::LastGood(lost))),
            _ => Err(Stop::Trouble(lost, error)),
        }
    }

    /// One list call, or what is known from a slice before, or from a pass that has just come to its end.
    async fn list(&self, memory: &mut Memory, client: &Client) -> Result<Snapshot, VendorError> {
        if self.is_asked_for(memory) || memory.kept_for() == Some(Duration::ZERO) {
            memory.forget_kept();
        }
        if self.account_is_asked_for() {
            client.check_again();
        }
        if let Some(known) = memory.snapshot.take()
            && clock::since(known.read) < SNAPSHOT
            && !memory.settled_since(known.read)
        {
            return Ok(known);
        }
        // Boxed, as it is by far the largest part of a pass.
        let call = Box::pin(async { (clock::now(), client.list().await) });
        let listed = self.permits.list(&mut memory.slow, call).await;
        let (read, list) = listed.map_err(|TooManySlowLists| {
            let message = "the vendor takes long to answer, and so do too many others at the moment; its list is read again when it is its turn";
            VendorError::unsent(Class::Unavailable, Operation::List, message)
        })?;
        Ok(Snapshot { observed: Stock::new(rules(self.vendor), list?), read, ended: None })
    }

    /// What is known of the vendor without its list: the ids that are recorded.
    fn unlisted(&self, memory: &Memory, why: &str) -> Snapshot {
        let entries = self.uids.iter().filter_map(|uid| memory.entries.get(uid));
        let status = entries.map(|entry| &entry.status);
        let ids = status.flat_map(|status| status.external_id.iter().chain(&status.superseded));
        let list = List::unread(rules(self.vendor), ExternalId::valid(ids), why);
        Snapshot { observed: Stock::new(rules(self.vendor), list), read: clock::now(), ended: None }
    }

    /// Whether a person has asked for this pass.
    fn is_asked_for(&self, memory: &Memory) -> bool {
        let mut entries = self.uids.iter().filter_map(|uid| memory.entries.get(uid));
        self.account_is_asked_for() || entries.any(Entry::is_asked_for)
    }

    /// The Webhooks whose ids belong to this account at the vendor. The others are told: under the same name there was
    /// another account before, and the same number may be a stranger's here.
    async fn ours(&self, memory: &mut Memory) -> Vec<String> {
        let identity = self.account.spec.vendor.identity();
        let is_foreign = |uid: &String| {
            let recorded = memory.entries.get(uid).and_then(|entry| entry.status.account.as_ref());
            recorded.is_some_and(|recorded| *recorded != identity)
        };
        let (foreign, ours): (Vec<_>, Vec<_>) = self.uids.iter().cloned().partition(is_foreign);
        if !foreign.is_empty() {
            let message = format!(
                "the recorded subscription belongs to another account at the vendor than {identity}: make the account point there again, or make a new Webhook"
            );
            self.report_failure(
                memory,
                &foreign,
                &Trouble { reason: ACCOUNT_CHANGED, message, stalled: true },
            )
            .await;
        }
        ours
    }

    /// Checks that the list is plausible. Gives whether it is; if not, it has to be read again at once.
    fn believe(
        memory: &mut Memory,
        declared: &[Declared],
        plan: &Plan,
        stock: &Stock,
        pages: &mut Pages,
    ) -> Result<bool, Stop> {
        let there = stock.ids();
        if let Some(missing) = guard::doubted(declared, &there, &memory.believed) {
            let lacks = missing.len();
            let fresh = declared.iter().filter(|webhook| webhook.fresh);
            let fresh = fresh.filter_map(|webhook| webhook.recorded.as_ref()).collect();
            if let Some(wait) = memory.doubts(missing, &fresh) {
                let recorded = declared.iter().filter(|webhook| webhook.recorded.is_some()).count();
                let message = format!(
                    "the list lacks {lacks} of {recorded} subscriptions that were there, which may be a wrong account or a restored backup; nothing is done before a second reading agrees"
                );
                return Err(Stop::Doubted(Trouble { reason: "ListDoubted", message, stalled: false }, wait));
            }
        }
        if stock.is_paged() {
            let missing = guard::missing_from_pages(declared, &there, &memory.believed);
            match pages.lack(missing, unanswered(plan, declared), &mut memory.believed) {
                Reading::Agrees => {}
                Reading::Differs => return Ok(false),
                Reading::DiffersAgain => return Err(restless(memory.past.patience.settle)),
            }
        }
        memory.trusts(declared, &there);
        Ok(true)
    }
}
