//! Everything that a plan rests on: values, the vendor's list, and what is declared. Implausible lists are not acted on.

use super::connect::connect;
use super::pages::Pages;
use super::plausible::{ListCheck, check_list};
use super::report_failure::report_failure;
use super::{Context, Pass, PassError};
use crate::api::Webhook;
use crate::compute;
use crate::engine::client::Client;
use crate::engine::clock;
use crate::engine::cluster::secrets::SecretReader;
use crate::engine::cluster::values::Values;
use crate::engine::cluster::writer::ClusterWriter;
use crate::engine::dependency::{Dependency, NamedKeys};
use crate::engine::error::AccountError;
use crate::engine::inputs::dependencies::{named_keys, value_fingerprints};
use crate::engine::inputs::desired::DocumentBudget;
use crate::engine::inputs::plan_input::{PlanOptions, plan_input, share_secrets};
use crate::engine::inputs::variables::{self, Variables};
use crate::engine::limiter::TooManySlowLists;
use crate::engine::state::account::AccountState;
use crate::engine::state::observed::{ObservedIndex, Snapshot};
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::conditions::{ACCOUNT_CHANGED, CLUSTER_UNAVAILABLE};
use crate::plan::{Declared, Elsewhere, ExternalId, List, Plan, Redactor, Unreadable, plan, unreadable};
use crate::vendor::{Class, Operation, VendorError, rules};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The list is read again after a backlog has been worked on for this long.
const LONGEST_USE: Duration = Duration::from_secs(60);

/// Everything that a plan rests on.
pub(crate) struct Prepared {
    pub(crate) values: Values,
    pub(crate) client: Arc<Client>,
    /// The list, kept up to date with our own writes.
    pub(crate) snapshot: Snapshot,
    pub(crate) declared: Vec<Declared>,
    /// The Webhooks' uids, in the order of `declared`.
    pub(crate) uids: Vec<String>,
    /// What Webhooks at other VendorAccount objects claim.
    pub(crate) elsewhere: Elsewhere,
    pub(crate) access: Access,
}

/// What a pass can do at the vendor.
pub(crate) enum Access {
    /// Everything.
    Full,
    /// Only deletions, with the last client that worked: the current credentials cannot be used, for this reason.
    LastGoodClient(AccountError),
    /// Only deletions of subscriptions with a recorded id: the list is too large to be read.
    ListTooLarge(AccountError),
}

impl Access {
    /// Returns why the list could not be read. If the vendor refuses the last client that worked, the reason is why the current
    /// credentials cannot be used, because that is what a person can fix.
    fn explain(&self, error: &VendorError) -> AccountError {
        match self {
            Self::LastGoodClient(reason) if error.class == Class::Credentials => reason.clone(),
            Self::LastGoodClient(_) | Self::Full | Self::ListTooLarge(_) => AccountError::of(error),
        }
    }

    /// Returns why only deletions can be executed; none if everything can be.
    pub(crate) fn deletions_only(&self) -> Option<&AccountError> {
        match self {
            Self::Full => None,
            Self::LastGoodClient(reason) | Self::ListTooLarge(reason) => Some(reason),
        }
    }
}

impl Prepared {
    /// Returns the items of the list that cannot be read and that belong to no Webhook.
    pub(crate) fn unmanaged_unreadable(&self) -> Vec<&Unreadable> {
        unreadable::unmanaged(&self.declared, &self.elsewhere, self.snapshot.observed.unreadable()).collect()
    }

    /// Returns how many of them belong to Webhooks at other VendorAccount objects.
    pub(crate) fn unreadable_elsewhere(&self) -> usize {
        unreadable::known_elsewhere(&self.declared, &self.elsewhere, self.snapshot.observed.unreadable())
    }
}

/// Reads values and list, and plans with the Webhooks as they are when the list has been read: an edit during the read needs no second
/// list. `depends` receives the dependencies before any of them is read, so that no change is missed.
pub(crate) async fn prepare<S: SecretReader, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    state: &mut AccountState,
    depends: &(dyn Fn(BTreeSet<Dependency>) + Sync),
) -> Result<(Prepared, Plan), PassError> {
    let mut values = read_values(pass, state, depends).await;
    state.values = Some(value_fingerprints(&pass.account, state.of(&state.uids), &values));
    let mut doubted = doubted_dependencies(pass, state, &values)?;
    let (client, mut access) = client(pass, state, &values).await?;
    let mut pages = Pages::default();
    loop {
        let mut listed = list(pass, state, &client).await;
        pass.permits.work().await;
        if let Err(error) = &listed
            && error.too_large
            && state.of(&state.uids).any(WebhookState::is_deleting)
        {
            access = Access::ListTooLarge(AccountError::of(error));
            listed = Ok(unlisted(pass, state, &error.message));
        }
        let snapshot = listed.map_err(|error| list_error(state, &values, &access, &error))?;
        if refresh(pass, state) && read_more_values(pass, state, depends, &mut values).await {
            doubted = doubted_dependencies(pass, state, &values)?;
        }
        state.values = Some(value_fingerprints(&pass.account, state.of(&state.uids), &values));
        let mut uids = own_webhooks(pass, state).await;
        uids.sort_by_cached_key(|uid| state.webhooks.get(uid).map(|webhook| webhook.age()));
        retry_requested(pass, state, &uids);
        let declared: usize = state.of(&uids).map(|one| one.object.spec.subscription.values()).sum();
        let (declared, elsewhere, mut plan) =
            compute::run(snapshot.observed.size() + declared * compute::VALUE, || {
                make_plan(pass, state, &uids, &values, &snapshot)
            });
        state.peers.note_waits(&plan);
        plan.items.retain(|item| {
            let webhook = state.webhooks.get(&uids[item.index]);
            !webhook.is_some_and(|webhook| reads_any(&webhook.object, &doubted))
        });
        let check = check_list(state, &declared, &plan, &snapshot.observed, &mut pages)?;
        if check == ListCheck::Plausible {
            let prepared = Prepared { values, client, snapshot, declared, uids, elsewhere, access };
            return Ok((prepared, plan));
        }
    }
}

/// Takes in the Webhooks as they are now. Returns whether they may use values that were not read.
fn refresh<S, R>(pass: &Pass<'_, S, R>, state: &mut AccountState) -> bool {
    let before: Vec<_> = state.of(&state.uids).map(|webhook| Arc::clone(&webhook.object)).collect();
    let now = (pass.read_webhooks)();
    state.refresh(&now.allowed, &now.not_allowed);
    let mut webhooks = state.of(&state.uids);
    let unchanged = before.len() == state.uids.len()
        && before.iter().all(|before| {
            webhooks.next().is_some_and(|now| {
                let generation =
                    |webhook: &Webhook| (webhook.metadata.uid.clone(), webhook.metadata.generation);
                Arc::ptr_eq(before, &now.object) || generation(before) == generation(&now.object)
            })
        });
    !unchanged
}

/// Ends the back-off of the Webhooks for which a user has requested a pass, so that this pass retries them.
fn retry_requested<S, R>(pass: &Pass<'_, S, R>, state: &mut AccountState, uids: &[String]) {
    let requested = pass.is_requested();
    for uid in uids {
        if let Some(webhook) = state.webhooks.get_mut(uid)
            && (requested || webhook.is_pass_requested())
        {
            webhook.retry_now();
        }
    }
}

/// Whether a Webhook uses a value of any of these.
fn reads_any(webhook: &Webhook, these: &BTreeSet<Dependency>) -> bool {
    !these.is_empty() && variables::dependencies(webhook).any(|one| these.contains(&one))
}

/// Compares what is declared with what the vendor has. That takes a while if there is much of it.
fn make_plan<S, R>(
    pass: &Pass<'_, S, R>,
    state: &AccountState,
    uids: &[String],
    values: &Values,
    snapshot: &Snapshot,
) -> (Vec<Declared>, Elsewhere, Plan) {
    let (observed, rules) = (&snapshot.observed, rules(pass.vendor));
    let documents = DocumentBudget::default();
    let options = pass.context.plan_options(state, snapshot, &documents);
    let mut declared: Vec<Declared> =
        state.of(uids).map(|webhook| plan_input(webhook, &pass.account, values, options)).collect();
    share_secrets(&mut declared, &pass.account, values);
    let published = state
        .of(uids)
        .zip(&declared)
        .map(|(webhook, declared)| (webhook.uid(), webhook.object.metadata.generation, declared));
    let elsewhere = state.peers.exchange(&pass.account, published);
    let is_listed = |id: &ExternalId| observed.get(id.as_str()).is_some();
    unreadable::attribute(rules, &mut declared, &elsewhere, observed.unreadable(), is_listed);
    let plan = plan(rules, &declared, observed.all(), &elsewhere);
    (declared, elsewhere, plan)
}

impl<S, R> Context<S, R> {
    /// Returns what is the same for all Webhooks of a pass.
    pub(crate) fn plan_options<'a>(
        &self,
        state: &AccountState,
        snapshot: &'a Snapshot,
        documents: &'a DocumentBudget,
    ) -> PlanOptions<'a> {
        PlanOptions {
            ceiling: self.ceiling,
            dry_run: self.dry_run,
            stateless: self.stateless,
            grace: state.grace,
            read: snapshot.read,
            observed: &snapshot.observed,
            documents,
        }
    }
}

/// Reads the Secrets and ConfigMaps that the account and its Webhooks use.
pub(crate) async fn read_values<S: SecretReader, R>(
    pass: &Pass<'_, S, R>,
    state: &AccountState,
    depends: &(dyn Fn(BTreeSet<Dependency>) + Sync),
) -> Values {
    let keys = named_keys(&pass.account, state.of(&state.uids));
    depends(keys.keys().cloned().collect());
    pass.context.secrets.read(&keys).await
}

/// Reads the objects with keys that are in use since an edit after the first read. Returns whether there are any.
async fn read_more_values<S: SecretReader, R>(
    pass: &Pass<'_, S, R>,
    state: &AccountState,
    depends: &(dyn Fn(BTreeSet<Dependency>) + Sync),
    values: &mut Values,
) -> bool {
    let keys = named_keys(&pass.account, state.of(&state.uids));
    depends(keys.keys().cloned().collect());
    let missing: NamedKeys = keys.into_iter().filter(|(from, keys)| !values.was_read(from, keys)).collect();
    if missing.is_empty() {
        return false;
    }
    values.extend(pass.context.secrets.read(&missing).await);
    true
}

/// Returns the Secrets and ConfigMaps that may be readable with the next pass, for which those that use them wait.
///
/// # Errors
///
/// If the account itself uses one of them; reported in its conditions when the failure is repeated.
fn doubted_dependencies<S, R>(
    pass: &Pass<'_, S, R>,
    state: &mut AccountState,
    values: &Values,
) -> Result<BTreeSet<Dependency>, PassError> {
    if pass.context.dry_run {
        return Ok(BTreeSet::new());
    }
    let doubted = state.unread.count(values.unread());
    for (from, why) in &doubted {
        let message = why.message();
        tracing::warn!(vendor = %pass.vendor, account = %pass.key, "{from} was not read; retrying: {message}");
    }
    for own in named_keys(&pass.account, std::iter::empty()).into_keys() {
        if state.unread.keeps_failing(&own)
            && let Some(why) = values.unread().find_map(|(from, why)| (*from == own).then_some(why))
        {
            let message = format!(
                "{own}, which has the credentials of the account, cannot be read: {}; hooktender retries with back-off",
                why.message()
            );
            let error = AccountError { reason: CLUSTER_UNAVAILABLE, message, stalled: false };
            return Err(PassError::Failed(error, None));
        }
        if let Some(why) = doubted.get(&own) {
            return Err(PassError::Cluster(format!("reading the account's {own}: {}", why.message())));
        }
    }
    Ok(doubted.into_keys().cloned().collect())
}

/// Returns the account's client. When a namespace is deleted as a whole, its Secrets may be the first to go: then the last
/// client that worked is used as long as there is something to delete.
async fn client<S: SecretReader, R>(
    pass: &Pass<'_, S, R>,
    state: &mut AccountState,
    values: &Values,
) -> Result<(Arc<Client>, Access), PassError> {
    let Context { secrets, settings, ceiling, dry_run, .. } = pass.context;
    let ceiling = if *dry_run { crate::api::Mode::Plan } else { *ceiling };
    let before = state.client.last();
    let connected = connect(&mut state.client, &pass.account, values, secrets, (ceiling, settings)).await;
    let (reason, error) = match connected {
        Ok(client) => {
            // Another login may have other rights: what was rejected before may be accepted now.
            if before.is_none_or(|before| !Arc::ptr_eq(&before, &client)) {
                state.webhooks.values_mut().for_each(|webhook| webhook.attempts.forget_rejection());
            }
            return Ok((client, Access::Full));
        }
        Err(error) => error,
    };
    match state.client.last() {
        Some(client) if state.of(&state.uids).any(WebhookState::is_deleting) => {
            Ok((client, Access::LastGoodClient(reason)))
        }
        _ => Err(PassError::Failed(reason, error)),
    }
}

/// Makes one list call, or returns the list of the pass before if that has more to do with it.
async fn list<S, R>(
    pass: &Pass<'_, S, R>,
    state: &mut AccountState,
    client: &Client,
) -> Result<Snapshot, VendorError> {
    if pass.is_requested() {
        client.recheck_advice();
    }
    if let Some(known) = state.snapshot.take()
        && clock::since(known.read) < LONGEST_USE
        && !state.create_ended_after(known.read)
    {
        return Ok(known);
    }
    // Boxed, as it is by far the largest part of a pass.
    let call = Box::pin(async { (clock::now(), client.list().await) });
    let listed = pass.permits.list(&mut state.is_slow, call).await;
    let (read, list) = listed.map_err(|TooManySlowLists| {
        let message = "the vendor answers slowly, and so do too many others at the moment; its list is read after theirs";
        VendorError::unsent(Class::Unavailable, Operation::List, message)
    })?;
    Ok(Snapshot { observed: ObservedIndex::new(rules(pass.vendor), list?), read })
}

/// Returns what is known of the vendor without its list: the recorded ids.
fn unlisted<S, R>(pass: &Pass<'_, S, R>, state: &AccountState, why: &str) -> Snapshot {
    let status = state.of(&state.uids).map(|webhook| &webhook.status);
    let ids = status.flat_map(|status| status.external_id.iter().chain(&status.superseded));
    let list = List::unread(rules(pass.vendor), ExternalId::valid(ids), why);
    Snapshot { observed: ObservedIndex::new(rules(pass.vendor), list), read: clock::now() }
}

/// Returns why the list could not be read. The account's own secrets are redacted by its client; the vendor also has those of its
/// Webhooks.
fn list_error(state: &AccountState, values: &Values, access: &Access, error: &VendorError) -> PassError {
    let redactors = state.of(&state.uids).map(|webhook| Variables::known(&webhook.object, values).redactor());
    let message = Redactor::redact_all(redactors, &error.message);
    let error = VendorError { message, ..error.clone() };
    PassError::Failed(access.explain(&error), Some(error))
}

/// Returns the Webhooks whose recorded ids belong to this account at the vendor, and reports an error to the others. Theirs were recorded
/// when the VendorAccount pointed to another account, so that the same id may be an unmanaged subscription here.
async fn own_webhooks<S, R: ClusterWriter>(pass: &Pass<'_, S, R>, state: &mut AccountState) -> Vec<String> {
    let identity = pass.account.spec.vendor.identity();
    let is_foreign = |uid: &String| {
        let recorded = state.webhooks.get(uid).and_then(|webhook| webhook.status.account.as_ref());
        recorded.is_some_and(|recorded| *recorded != identity)
    };
    let (foreign, own): (Vec<_>, Vec<_>) = state.uids.iter().cloned().partition(is_foreign);
    if !foreign.is_empty() {
        let message = format!(
            "the recorded subscription belongs to another account at the vendor, not to {identity}: change the VendorAccount back, or create a new Webhook"
        );
        report_failure(pass, state, &foreign, &AccountError::stalled(ACCOUNT_CHANGED, message)).await;
    }
    own
}
