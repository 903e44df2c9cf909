//! One pass over a set: reads from the cache, decides, writes members, writes the status.

use super::Shared;
use super::execute::{execute, publish};
use super::pace::Turn;
use super::state::{SetState, differs_in_conditions};
use crate::api::conditions::{self, READY};
use crate::api::status::WebhookSetStatus;
use crate::api::{ObjectKey, SET_FINALIZER, WebhookSet};
use crate::controller::set_reader::SetReader;
use crate::engine::clock;
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::set_writes::SetWriter;
use crate::engine::cluster::writer::WriteError;
use crate::engine::error::error_chain;
use crate::set::decide::{Decision, Input, decide};
use crate::set::expand::{DeclaredMember, expand};
use crate::set::guard::Verdict;
use crate::set::member::{Difference, is_owned};
use crate::set::select::select;
use crate::set::status::{self, SetError};
use kube::ResourceExt as _;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// A status that differs in counts only is written at most this often.
const COUNTS_INTERVAL: Duration = Duration::from_secs(1);
/// Delay after a write that another client's change made void.
const CONFLICT_RETRY: Duration = Duration::from_millis(100);
/// Delay after the first failed pass; each further one doubles it,
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// up to this.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// Why a pass ended early.
enum Ended {
    /// The set is to be read again.
    Again(Duration),
    /// A write of the set itself failed.
    Failed(WriteError),
}

impl From<WriteError> for Ended {
    fn from(error: WriteError) -> Self {
        Self::Failed(error)
    }
}

/// Runs a pass and returns the delay until the next one.
pub(super) async fn run(
    shared: &Shared<impl SetReader, impl SetWriter>,
    key: &ObjectKey,
    state: &mut SetState,
) -> Duration {
    let turn = shared.pace.turn().await;
    let set = match shared.cache.set(key) {
        None => return Duration::MAX,
        Some(Err(error)) => {
            tracing::warn!(set = %key, error, "this WebhookSet cannot be parsed and is ignored; perhaps a newer hooktender stored it: upgrade hooktender, or correct the object");
            return Duration::MAX;
        }
        Some(Ok(set)) => state.newest(set),
    };
    match reconcile(shared, set, state, turn).await {
        Ok(after) => {
            state.failures = 0;
            after.min(state.until_due())
        }
        Err(Ended::Again(after)) => after,
        Err(Ended::Failed(error)) => {
            if error.is_conflict() {
                return CONFLICT_RETRY;
            }
            tracing::warn!(set = %key, error = %error_chain(&error), "a pass over a set failed; retrying");
            state.failures = state.failures.saturating_add(1);
            FIRST_RETRY.saturating_mul(1 << (state.failures - 1).min(16)).min(LONGEST_RETRY)
        }
    }
}

async fn reconcile(
    shared: &Shared<impl SetReader, impl SetWriter>,
    mut set: Arc<WebhookSet>,
    state: &mut SetState,
    turn: Turn<'_>,
) -> Result<Duration, Ended> {
    let deleting = set.metadata.deletion_timestamp.is_some();
    let has_finalizer = set.finalizers().iter().any(|name| name == SET_FINALIZER);
    if deleting && (!has_finalizer || is_orphaning(&set)) {
        // `kubectl delete --cascade=orphan`: Kubernetes removes the owner references, and the members stay.
        drop(turn);
        if has_finalizer {
            shared.writer.remove_set_finalizer(&set).await?;
        }
        return Ok(Duration::MAX);
    }
    let decided = decide_set(shared, &set, state);
    drop(turn);
    let decision = match decided {
        Ok(decision) => decision,
        Err(error) => {
            let status = status::failed(&set, &error, clock::timestamp());
            return write_status(&shared.writer, &mut set, status, state).await;
        }
    };
    report_guard(&shared.writer, &set, &decision, state).await;
    if deleting && decision.leaving.is_empty() {
        shared.writer.remove_set_finalizer(&set).await?;
        return Ok(Duration::MAX);
    }
    let mut error = None;
    if !decision.writes.is_empty() {
        if let Verdict::Clear { unapproved, .. } = &decision.verdict
            && let Some(left) = state.window.wait(unapproved)
        {
            return Ok(left);
        }
        if std::mem::take(&mut state.has_more_writes) {
            // What takes several passes shows how far it is.
            report_status(shared, &mut set, &decision, None, state).await?;
        }
        set = prepare(&shared.writer, &set, &decision, state).await?;
        let written = execute(shared, &set, &decision, state).await;
        if written.progress {
            // The status is derived from what the writes returned.
            return Err(Ended::Again(Duration::ZERO));
        }
        if written.conflict {
            return Err(Ended::Again(CONFLICT_RETRY));
        }
        error = written.error;
    }
    let after = report_status(shared, &mut set, &decision, error.as_ref(), state).await?;
    report_not_owned(&shared.writer, &set, &decision, state).await;
    Ok(if error.is_some() { after.min(LONGEST_RETRY) } else { after })
}

/// Writes the status and the metrics. Returns when the status is due.
async fn report_status(
    shared: &Shared<impl SetReader, impl SetWriter>,
    set: &mut Arc<WebhookSet>,
    decision: &Decision,
    error: Option<&SetError>,
    state: &mut SetState,
) -> Result<Duration, Ended> {
    let mut status = status::status(set, decision, error, clock::timestamp());
    record_changes(&mut status, decision, state);
    let WebhookSetStatus { members, updated, ready, drifted, not_delivering, blocked, .. } = status;
    let counts = [members, updated, ready, drifted, not_delivering, blocked];
    shared.metrics.set_members(&ObjectKey::of(&**set), counts);
    write_status(&shared.writer, set, status, state).await
}

/// Whether the members are to stay without an owner.
fn is_orphaning(set: &WebhookSet) -> bool {
    set.finalizers().iter().any(|name| name == "orphan")
}

/// Decides what is to be done with what the cache has.
fn decide_set(
    shared: &Shared<impl SetReader, impl SetWriter>,
    set: &WebhookSet,
    state: &mut SetState,
) -> Result<Decision, SetError> {
    let cache = &*shared.cache;
    let namespace = set.namespace().unwrap_or_default();
    let deleting = set.metadata.deletion_timestamp.is_some();
    let labels = |namespace: &str| cache.namespace_labels(namespace);
    let accounts = if deleting {
        Vec::new()
    } else {
        let invalid = |message| SetError { reason: "InvalidSelector", message, stalled: true };
        select(set, cache.tenants(), &labels).map_err(invalid)?
    };
    let members = expand(set, &accounts);
    let uid = set.uid().unwrap_or_default();
    let mut cached = cache.webhooks_of_set(&uid);
    let known: HashSet<String> = cached.iter().map(|webhook| webhook.name_any()).collect();
    for member in members.iter().filter(|member| !known.contains(&member.name)) {
        let at = ObjectKey::new(&namespace, &member.name);
        cached.extend(cache.webhook(&ObjectKey::of(&*member.account), &at));
    }
    let newest = state.newest_members(cached);
    let names = newest.keys().chain(members.iter().map(|member| &member.name));
    let names: BTreeSet<_> = names.map(|name| ObjectKey::new(&namespace, name)).collect();
    shared.members.set(&ObjectKey::of(set), names);
    let (owned, others): (Vec<_>, Vec<_>) = newest.into_values().partition(|webhook| is_owned(webhook, &uid));
    let of_owned: HashSet<ObjectKey> = owned.iter().map(|webhook| webhook.account()).collect();
    let unknown = |key: &&ObjectKey| cache.tenant(key).is_none() && cache.account_exists(key);
    let existing = |key: &ObjectKey| {
        let account = cache.tenant(key).filter(|account| account.metadata.deletion_timestamp.is_none())?;
        Some((key.clone(), account))
    };
    let revisions: HashMap<&str, &DeclaredMember> = members
        .iter()
        .filter_map(|member| Some((member.name.as_str(), member.declared.as_ref().ok()?)))
        .collect();
    let leaves = |name: &str| owned.iter().any(|webhook| webhook.metadata.name.as_deref() == Some(name));
    let refused = state.refused(|name| match revisions.get(name) {
        Some(declared) => Some(declared.revision.clone()),
        // The deletion of a Webhook has no revision.
        None => leaves(name).then(String::new),
    });
    state.learn(set.status.as_ref().and_then(|status| status.recent_changes.as_ref()));
    Ok(decide(Input {
        set,
        owned,
        others: others.into_iter().map(|webhook| (webhook.name_any(), webhook)).collect(),
        unknown_accounts: of_owned.iter().filter(unknown).cloned().collect(),
        existing_accounts: of_owned.iter().filter_map(existing).collect(),
        refused,
        recent: state.recent(),
        members,
    }))
}

/// Adds the finalizer, and records what the guard let through, before anything is written: a crash loses neither.
async fn prepare(
    writer: &impl SetWriter,
    set: &Arc<WebhookSet>,
    decision: &Decision,
    state: &mut SetState,
) -> Result<Arc<WebhookSet>, Ended> {
    let mut set = Arc::clone(set);
    if set.metadata.deletion_timestamp.is_none() && !set.finalizers().iter().any(|name| name == SET_FINALIZER)
    {
        set = state.set_written(writer.add_set_finalizer(&set).await?);
    }
    if let Verdict::Clear { unapproved, .. } = &decision.verdict {
        state.begin(unapproved);
    }
    let before = set.status.clone().unwrap_or_default();
    let mut status = before.clone();
    record_changes(&mut status, decision, state);
    if status != before {
        match writer.set_status(&set, &status).await? {
            Some(written) => set = state.set_written(written),
            None => return Err(Ended::Again(CONFLICT_RETRY)),
        }
    }
    Ok(set)
}

fn record_changes(status: &mut WebhookSetStatus, decision: &Decision, state: &SetState) {
    if let Verdict::Clear { allowed, .. } = &decision.verdict {
        status.allowed_changes = allowed.iter().cloned().collect();
    }
    status.recent_changes = state.record(status.recent_changes.as_ref());
}

/// Writes the status, if the set has another one. Returns when it is due, if only counts differ and the last write was just now.
async fn write_status(
    writer: &impl SetWriter,
    set: &mut Arc<WebhookSet>,
    status: WebhookSetStatus,
    state: &mut SetState,
) -> Result<Duration, Ended> {
    if set.status.as_ref() == Some(&status) {
        return Ok(Duration::MAX);
    }
    let since = state.status_written.map(clock::since);
    if let Some(since) = since.filter(|since| *since < COUNTS_INTERVAL)
        && !differs_in_conditions(set.status.as_ref(), &status)
    {
        return Ok(COUNTS_INTERVAL.saturating_sub(since));
    }
    let Some(written) = writer.set_status(set, &status).await? else {
        return Ok(Duration::MAX);
    };
    state.status_written = Some(clock::now());
    let ready = conditions::get(&status.conditions, READY);
    if let Some(ready) = ready {
        tracing::info!(set = %ObjectKey::of(&**set), members = status.members, updated = status.updated, ready = status.ready, blocked = status.blocked, reason = ready.reason, "{}", ready.message);
    }
    *set = state.set_written(written);
    Ok(Duration::MAX)
}

/// Publishes an event when the guard blocks something new.
async fn report_guard(writer: &impl SetWriter, set: &WebhookSet, decision: &Decision, state: &mut SetState) {
    let Verdict::Blocked(too_many) = &decision.verdict else {
        state.guarded = None;
        return;
    };
    let note = too_many.message(set.metadata.deletion_timestamp.is_some());
    if state.guarded.as_ref() != Some(&note) {
        publish(writer, set, EventRecord { warning: true, reason: "SetGuard", note: note.clone() }).await;
        state.guarded = Some(note);
    }
}

/// Publishes an event for each Webhook that has the name of a member and does not belong to the set, once.
async fn report_not_owned(
    writer: &impl SetWriter,
    set: &WebhookSet,
    decision: &Decision,
    state: &mut SetState,
) {
    let mut now = BTreeMap::new();
    for row in &decision.rows {
        if row.difference == Some(Difference::NotOwned)
            && let Some(problem) = &row.problem
        {
            now.insert(row.name.clone(), problem.message.clone());
        }
    }
    state.reported.retain(|name| now.contains_key(name));
    for (name, note) in now {
        if state.reported.insert(name) {
            publish(writer, set, EventRecord { warning: true, reason: "NotOwned", note }).await;
        }
    }
}
