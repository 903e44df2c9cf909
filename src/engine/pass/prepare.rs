//! What a pass goes by: values, the vendor's list, and what is declared. A list that cannot be right is not gone by.

use crate::api::status::Action;
use crate::api::{Mode, Webhook};
use crate::compute;
use crate::engine::client::Client;
use crate::engine::clock;
use crate::engine::cluster::secrets::{Dependency, SecretReader, Values};
use crate::engine::cluster::writer::ClusterWriter;
use crate::engine::inputs::desired::{
    DocumentBudget, PlanOptions, declare, fingerprint, named_keys, share_secrets,
};
use crate::engine::inputs::variables::{self, Variables};
use crate::engine::limiter::TooManySlowLists;
use crate::engine::pass::pages::{Pages, Reading, restless, unanswered};
use crate::engine::pass::{Context, Pass, PassError};
use crate::engine::state::account::{AccountState, Snapshot, ValueMarks};
use crate::engine::state::observed::ObservedIndex;
use crate::engine::state::pace::{Changed, GUESTS};
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::webhook::{ACCOUNT_CHANGED, AccountError};
use crate::plan::{
    BlockedReason, Declared, Elsewhere, ExternalId, Item, List, Plan, Redactor, Step, Unreadable, guard,
    list, plan,
};
use crate::vendor::{Class, Operation, VendorError, rules};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What the vendor has is read again when a backlog has been worked on for so long.
const SNAPSHOT: Duration = Duration::from_secs(60);

/// Whether a list that was read just before a Webhook changed is good enough for this: for bringing up to date what is
/// known, in the version that is known. What is made, taken over, deleted or missed needs a list from after that.
fn is_edit(item: &Item, observed: &ObservedIndex) -> bool {
    let says_the_list = match item.hold {
        Some(
            BlockedReason::Settling
            | BlockedReason::NotShownYet
            | BlockedReason::DeletionGuard
            | BlockedReason::SimilarExists(_)
            | BlockedReason::Unreadable(_)
            | BlockedReason::ConflictElsewhere(_)
            | BlockedReason::ExternalIdNotFound(_),
        ) => true,
        Some(
            BlockedReason::PlanOnly
            | BlockedReason::Suspended
            | BlockedReason::DriftReported
            | BlockedReason::CorrectionDoesNotHold
            | BlockedReason::Conflict(_)
            | BlockedReason::Unknown { .. },
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
pub(crate) struct Prepared {
    pub(crate) values: Values,
    pub(crate) client: Arc<Client>,
    /// What the vendor has, kept up with what is done.
    pub(crate) snapshot: Snapshot,
    pub(crate) declared: Vec<Declared>,
    /// The Webhooks' uids, in the order of `declared`.
    pub(crate) uids: Vec<String>,
    /// What Webhooks at other VendorAccount objects claim.
    pub(crate) elsewhere: Elsewhere,
    pub(crate) credentials: Credentials,
}

/// The credentials that a pass works with.
pub(crate) enum Credentials {
    Current,
    /// Those of before, as the current ones are lost for this reason: they serve to delete, and for nothing else.
    LastGood(AccountError),
    /// The current ones; but the list is too large to be read, so that only what has an id can be deleted.
    Unlisted(AccountError),
}

impl Credentials {
    /// Why the vendor's list could not be read. Credentials of before may be refused: what is lost is what helps then.
    fn explain(&self, error: &VendorError) -> AccountError {
        match self {
            Self::LastGood(lost) if error.class == Class::Credentials => lost.clone(),
            Self::LastGood(_) | Self::Current | Self::Unlisted(_) => AccountError::of(error),
        }
    }
}

impl Prepared {
    /// The items of the list that cannot be read and that no Webhook knows.
    pub(crate) fn unmanaged_unreadable(&self) -> Vec<&Unreadable> {
        list::unmanaged(&self.declared, &self.elsewhere, self.snapshot.observed.unreadable()).collect()
    }

    /// How many of them Webhooks at other VendorAccount objects know.
    pub(crate) fn unreadable_elsewhere(&self) -> usize {
        list::known_elsewhere(&self.declared, &self.elsewhere, self.snapshot.observed.unreadable())
    }
}

impl<S: SecretReader, R: ClusterWriter> Pass<'_, S, R> {
    pub(crate) async fn observe(
        &self,
        memory: &mut AccountState,
        depends: impl FnOnce(BTreeSet<Dependency>),
    ) -> Result<(Prepared, Plan), PassError> {
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
                && self.uids.iter().filter_map(|uid| memory.entries.get(uid)).any(WebhookState::is_leaving)
            {
                credentials = Credentials::Unlisted(AccountError::of(error));
                listed = Ok(self.unlisted(memory, &error.message));
            }
            let snapshot = listed.map_err(|error| {
                // The account's own secrets are hidden by its client. Those of its Webhooks the vendor has as well.
                let webhooks = self.uids.iter().filter_map(|uid| memory.entries.get(uid));
                let redactors = webhooks.map(|entry| Variables::known(&entry.object, &values).redactor());
                let message = Redactor::redact_all(redactors, &error.message);
                let error = VendorError { message, ..error };
                PassError::AccountError(credentials.explain(&error), Some(error))
            })?;
            let mut uids = self.ours(memory).await;
            uids.sort_by_cached_key(|uid| memory.entries.get(uid).map(WebhookState::age));
            // Before anything is decided: what a person asks for is not left to the next pass.
            for entry in uids.iter().filter_map(|uid| memory.entries.get(uid)) {
                if entry.is_asked_for() || self.account_is_asked_for() {
                    memory.past.try_again(&entry.uid);
                    memory.refusals.try_again(&entry.uid);
                }
            }
            let entries = uids.iter().filter_map(|uid| memory.entries.get(uid));
            let wanted: usize = entries.map(|entry| entry.object.spec.subscription.values()).sum();
            let (declared, elsewhere, mut plan) =
                compute::run(snapshot.observed.size() + wanted * compute::VALUE, || {
                    self.decide(memory, &uids, &values, &snapshot)
                });
            memory.peers.note_waits(&plan);
            plan.items.retain(|item| {
                let entry = memory.entries.get(&uids[item.index]);
                !entry.is_some_and(|entry| reads_any(&entry.object, &doubted))
            });
            if snapshot.ended.is_some() && !plan.items.iter().all(|item| is_edit(item, &snapshot.observed)) {
                continue;
            }
            if !Self::believe(memory, &declared, &plan, &snapshot.observed, &mut pages)? {
                continue;
            }
            return Ok((Prepared { values, client, snapshot, declared, uids, elsewhere, credentials }, plan));
        }
    }

    /// Compares what is declared with what the vendor has. It takes its time where there is much of it.
    fn decide(
        &self,
        memory: &AccountState,
        uids: &[String],
        values: &Values,
        snapshot: &Snapshot,
    ) -> (Vec<Declared>, Elsewhere, Plan) {
        let Context { ceiling, dry_run, stateless, .. } = *self.context;
        let (observed, rules) = (&snapshot.observed, rules(self.vendor));
        let documents = &DocumentBudget::default();
        let terms = PlanOptions { ceiling, dry_run, stateless, read: snapshot.read, observed, documents };
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
    async fn read(&self, memory: &AccountState, depends: impl FnOnce(BTreeSet<Dependency>)) -> Values {
        let wanted = named_keys(&self.account, self.uids.iter().filter_map(|uid| memory.entries.get(uid)));
        depends(wanted.keys().cloned().collect());
        self.context.secrets.read(&wanted).await
    }

    fn fingerprint(&self, memory: &AccountState, values: &Values) -> ValueMarks {
        let entries = self.uids.iter().filter_map(|uid| memory.entries.get(uid));
        fingerprint(&self.account, entries, values, &memory.past)
    }

    /// Adds whose values are others than at the last pass. Most writes of a Secret or ConfigMap that change none, such as an
    /// annotation, would cost a call to the vendor each.
    pub(crate) async fn values_changed(
        &self,
        memory: &AccountState,
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
    fn exchange_claims(&self, memory: &AccountState, uids: &[String], declared: &[Declared]) -> Elsewhere {
        let generations = uids.iter().filter_map(|uid| memory.entries.get(uid));
        let each = generations
            .zip(declared)
            .map(|(entry, webhook)| (entry.uid.as_str(), entry.object.metadata.generation, webhook));
        memory.peers.exchange(&self.account, each)
    }

    /// The account's client. When a namespace is deleted as a whole its Secrets may be the first to go: then the one that
    /// was good last is used as long as something is to be deleted.
    async fn client(
        &self,
        memory: &mut AccountState,
        values: &Values,
    ) -> Result<(Arc<Client>, Credentials), PassError> {
        let Context { secrets: source, settings, ceiling, dry_run, .. } = self.context;
        let ceiling = if *dry_run { Mode::Plan } else { *ceiling };
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
            Some(client) if entries.any(WebhookState::is_leaving) => {
                Ok((client, Credentials::LastGood(lost)))
            }
            _ => Err(PassError::AccountError(lost, error)),
        }
    }

    /// One list call, or what is known from a slice before, or from a pass that has just come to its end.
    async fn list(&self, memory: &mut AccountState, client: &Client) -> Result<Snapshot, VendorError> {
        if self.is_asked_for(memory) || memory.kept_for() == Some(Duration::ZERO) {
            memory.forget_kept();
        }
        if self.account_is_asked_for() {
            client.recheck_advice();
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
        Ok(Snapshot { observed: ObservedIndex::new(rules(self.vendor), list?), read, ended: None })
    }

    /// What is known of the vendor without its list: the ids that are recorded.
    fn unlisted(&self, memory: &AccountState, why: &str) -> Snapshot {
        let entries = self.uids.iter().filter_map(|uid| memory.entries.get(uid));
        let status = entries.map(|entry| &entry.status);
        let ids = status.flat_map(|status| status.external_id.iter().chain(&status.superseded));
        let list = List::unread(rules(self.vendor), ExternalId::valid(ids), why);
        Snapshot { observed: ObservedIndex::new(rules(self.vendor), list), read: clock::now(), ended: None }
    }

    /// Whether a person has asked for this pass.
    fn is_asked_for(&self, memory: &AccountState) -> bool {
        let mut entries = self.uids.iter().filter_map(|uid| memory.entries.get(uid));
        self.account_is_asked_for() || entries.any(WebhookState::is_asked_for)
    }

    /// The Webhooks whose ids belong to this account at the vendor. The others are told: under the same name there was
    /// another account before, and the same number may be a stranger's here.
    async fn ours(&self, memory: &mut AccountState) -> Vec<String> {
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
                &AccountError { reason: ACCOUNT_CHANGED, message, stalled: true },
            )
            .await;
        }
        ours
    }

    /// Checks that the list is plausible. Gives whether it is; if not, it has to be read again at once.
    fn believe(
        memory: &mut AccountState,
        declared: &[Declared],
        plan: &Plan,
        stock: &ObservedIndex,
        pages: &mut Pages,
    ) -> Result<bool, PassError> {
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
                return Err(PassError::Doubted(
                    AccountError { reason: "ListDoubted", message, stalled: false },
                    wait,
                ));
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
