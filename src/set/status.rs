//! The status of a set: counts, the members in the worst state, and conditions.

use super::decide::{Decision, Row};
use super::expand::MemberError;
use super::guard::{Verdict, counted};
use super::member::{self, Difference};
use crate::api::account::NamespacesFrom;
use crate::api::command::Target;
use crate::api::conditions::{self, DELIVERING, DRIFTED, READY, RECONCILING, STALLED};
use crate::api::shorten;
use crate::api::status::{MemberProblem, WebhookSetStatus};
use crate::api::{ObjectKey, Webhook, WebhookSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use std::fmt::Write as _;

/// The number of members that the status lists.
const MAX_WORST: usize = 10;
/// Characters of a member's message that the status repeats.
const LONGEST_MESSAGE: usize = 300;

/// The reason of a set whose selector matches no account.
pub(crate) const NO_ACCOUNTS: &str = "NoAccounts";

/// The message of a paused set whose members are all ready.
const PAUSED: &str = "paused: no member is changed until spec.paused is false";

/// Why a set as a whole cannot be reconciled: a condition's reason and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetError {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// Whether only a person can help.
    pub(crate) stalled: bool,
}

/// What the conditions say.
struct Summary {
    ready: bool,
    reconciling: bool,
    stalled: bool,
    reason: &'static str,
    message: String,
}

impl Summary {
    fn busy(reason: &'static str, message: String) -> Self {
        Self { ready: false, reconciling: true, stalled: false, reason, message }
    }
}

/// Returns the status of a set after a decision. `writes`: whether writes are left to do.
pub(crate) fn status(
    set: &WebhookSet,
    decision: &Decision,
    error: Option<&SetError>,
    now: Timestamp,
) -> WebhookSetStatus {
    let before = set.status.clone().unwrap_or_default();
    let rows = existing(set, decision);
    let count = |is: &dyn Fn(&Row) -> bool| {
        i64::try_from(rows.iter().filter(|row| is(row)).count()).unwrap_or(i64::MAX)
    };
    let webhook = |is: fn(&Webhook) -> bool| move |row: &Row| row.webhook.as_deref().is_some_and(is);
    let mut status = WebhookSetStatus {
        observed_generation: set.metadata.generation,
        members: count(&|_| true),
        updated: count(&is_updated),
        ready: count(&webhook(member::is_ready)),
        drifted: count(&webhook(|webhook| member::is(webhook, DRIFTED, "True"))),
        not_delivering: count(&webhook(member::is_not_delivering)),
        blocked: count(&is_blocked),
        worst: worst(rows.iter().copied()),
        conditions: before.conditions,
        allowed_changes: before.allowed_changes,
        recent_changes: before.recent_changes,
    };
    let summary = error.map_or_else(|| summary(set, decision, &status), of_error);
    set_conditions(&mut status.conditions, &summary, set.metadata.generation, now);
    status
}

/// Returns the members that the status counts: those that the selector matches and, while the guard blocks or the set is paused, those
/// that are not removed.
fn existing<'d>(set: &WebhookSet, decision: &'d Decision) -> Vec<&'d Row> {
    let keeps = set.spec.paused || matches!(decision.verdict, Verdict::Blocked(_));
    let kept = keeps.then_some(&decision.leaving);
    let stays = |row: &&Row| {
        row.webhook.as_ref().is_some_and(|webhook| webhook.metadata.deletion_timestamp.is_none())
    };
    decision.rows.iter().chain(kept.into_iter().flatten().filter(stays)).collect()
}

/// Returns the status of a set that cannot be expanded: its counts stay as they were.
pub(crate) fn failed(set: &WebhookSet, error: &SetError, now: Timestamp) -> WebhookSetStatus {
    let mut status = set.status.clone().unwrap_or_default();
    status.observed_generation = set.metadata.generation;
    set_conditions(&mut status.conditions, &of_error(error), set.metadata.generation, now);
    status
}

fn set_conditions(all: &mut Vec<Condition>, summary: &Summary, generation: Option<i64>, now: Timestamp) {
    for (kind, is_true) in
        [(READY, summary.ready), (RECONCILING, summary.reconciling), (STALLED, summary.stalled)]
    {
        let message = if kind == READY || is_true { summary.message.clone() } else { String::new() };
        let condition = Condition {
            type_: kind.into(),
            status: conditions::status(is_true),
            reason: summary.reason.into(),
            message,
            observed_generation: generation,
            last_transition_time: conditions::seconds(now),
        };
        conditions::set(all, condition);
    }
}

fn of_error(error: &SetError) -> Summary {
    let SetError { reason, message, stalled } = error.clone();
    Summary { ready: false, reconciling: !stalled, stalled, reason, message }
}

fn is_updated(row: &Row) -> bool {
    row.difference == Some(Difference::None)
}

fn is_blocked(row: &Row) -> bool {
    row.problem.is_some()
        || row.webhook.as_deref().is_some_and(|webhook| member::is(webhook, STALLED, "True"))
}

fn summary(set: &WebhookSet, decision: &Decision, status: &WebhookSetStatus) -> Summary {
    let deleting = set.metadata.deletion_timestamp.is_some();
    let total = status.members;
    let with = Summary::busy;
    if let Verdict::Blocked(too_many) = &decision.verdict {
        let message = too_many.message(deleting);
        return Summary { reconciling: false, stalled: true, ..with("SetGuard", message) };
    }
    let unwritten = decision.rows.iter().filter(|row| !is_updated(row) && row.problem.is_none()).count();
    let unwritten = unwritten + decision.leaving.len();
    if set.spec.paused && (unwritten > 0 || deleting) {
        let message = paused(set, unwritten, total);
        return Summary { reconciling: false, ..with("Paused", message) };
    }
    if deleting {
        return with(
            "DeletingMembers",
            format!("waiting for {} to be deleted", counted(decision.leaving.len(), "member")),
        );
    }
    if let Some(ring) = decision.rollout.ring {
        return with("RollingUpdate", rolling(set, decision, status, ring));
    }
    if unwritten > 0 {
        let on_delete =
            decision.rows.iter().filter(|row| row.difference == Some(Difference::Outdated)).count();
        if on_delete == unwritten {
            let message = format!(
                "{on_delete} of {total} members have an older template, until their Webhook is deleted (OnDelete)"
            );
            return Summary { reconciling: false, ..with("WaitingForDelete", message) };
        }
        return with("Updating", format!("{} of {total} members are updated", status.updated));
    }
    let summary = of_members(set, decision, status);
    if set.spec.paused && summary.ready {
        return Summary { reason: "Suspended", message: PAUSED.to_owned(), ..summary };
    }
    summary
}

/// Says what waits until a paused set is resumed.
fn paused(set: &WebhookSet, unwritten: usize, members: i64) -> String {
    let resume = Target::set(&ObjectKey::of(set)).resume();
    if set.metadata.deletion_timestamp.is_some() {
        let members = counted(usize::try_from(members).unwrap_or_default(), "member");
        return format!(
            "the set is being deleted and is paused: {members} and the set stay until it is resumed: {resume}"
        );
    }
    let verb = if unwritten == 1 { "differs" } else { "differ" };
    format!(
        "{} {verb} from the template; set spec.paused to false to change them",
        counted(unwritten, "member")
    )
}

/// Returns the command that shows the labels of the accounts that a selector may match.
fn show_labels(set: &WebhookSet) -> String {
    let place = match set.spec.account_namespaces.from {
        NamespacesFrom::Same => format!("-n {}", set.namespace().unwrap_or_default()),
        NamespacesFrom::All | NamespacesFrom::Selector => "-A".to_owned(),
    };
    format!("kubectl get vendoraccounts --show-labels {place}")
}

/// Summarizes the state of members that all are as the template declares.
fn of_members(set: &WebhookSet, decision: &Decision, status: &WebhookSetStatus) -> Summary {
    let (total, with) = (status.members, Summary::busy);
    let current = |row: &Row| row.problem.is_some() || row.webhook.as_deref().is_none_or(member::is_current);
    if status.blocked > 0 && decision.rows.iter().all(current) {
        let message =
            format!("{} of {total} members wait for a person: {}", status.blocked, first(&status.worst));
        return Summary { reconciling: false, stalled: true, ..with("MembersBlocked", message) };
    }
    let planned =
        decision.rows.iter().filter(|row| row.webhook.as_deref().is_some_and(member::is_available)).count();
    if status.ready < total {
        let message = format!("{} of {total} members are ready: {}", status.ready, first(&status.worst));
        let waits = i64::try_from(planned).unwrap_or_default() < total;
        return Summary {
            reconciling: waits,
            ..with(if waits { "MembersNotReady" } else { "Planned" }, message)
        };
    }
    if total == 0 {
        // As a `DaemonSet` without nodes: there is nothing to wait for.
        let message = format!("no VendorAccount matches accountSelector: {}", show_labels(set));
        return Summary { ready: true, reconciling: false, stalled: false, reason: NO_ACCOUNTS, message };
    }
    let message = match total {
        1 => "the only member is ready".to_owned(),
        _ => format!("all {total} members are ready"),
    };
    Summary { ready: true, reconciling: false, stalled: false, reason: "InSync", message }
}

/// Describes a rolling update.
fn rolling(set: &WebhookSet, decision: &Decision, status: &WebhookSetStatus, ring: usize) -> String {
    let limits = set.spec.update_strategy.rolling_update.as_ref();
    let order = limits.and_then(|limits| limits.order_by.as_ref());
    let place = order.map(|order| match order.values.get(ring) {
        Some(value) => format!(" at {}={value}", order.label),
        None => format!(" at the accounts without one of the values of {}", order.label),
    });
    let place = place.unwrap_or_default();
    let mut message = format!("{} of {} members are updated", status.updated, status.members);
    if decision.rollout.now.is_empty() {
        let worst = worst(decision.rows.iter().filter(|row| row.ring <= ring));
        let (unavailable, first) = (decision.rollout.unavailable, first(&worst));
        let members = if unavailable == 1 { "member" } else { "members" };
        let _ = write!(message, ": waiting{place} for {unavailable} unavailable {members}: {first}");
    } else {
        message.push_str(&place);
    }
    message
}

/// Describes the member in the worst state.
fn first(worst: &[MemberProblem]) -> String {
    worst.first().map_or_else(
        || "none of them says why yet".to_owned(),
        |worst| format!("{} ({}: {})", worst.name, worst.reason, worst.message),
    )
}

/// Returns the members in the worst state: those that wait for a person first, then those that do not deliver, and those that are not
/// ready.
fn worst<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<MemberProblem> {
    let mut all: Vec<_> = rows.filter_map(|row| Some((row, problem(row)?))).collect();
    all.sort_by_key(|(row, (rank, ..))| (*rank, &row.name));
    all.truncate(MAX_WORST);
    let shown = all.into_iter().map(|(row, (_, reason, message))| MemberProblem {
        name: row.name.clone(),
        account: row.account.to_string(),
        reason: reason.to_owned(),
        message: shorten::to_chars(message, LONGEST_MESSAGE),
    });
    shown.collect()
}

/// Returns what is wrong with a member, its reason and its message, and how bad that is, worst first.
fn problem(row: &Row) -> Option<(u8, &str, &str)> {
    if let Some(MemberError { reason, message }) = &row.problem {
        return Some((0, reason, message));
    }
    let webhook = row.webhook.as_deref()?;
    let of = |kind: &str| {
        let found = member::condition(webhook, kind)?;
        Some((found.reason.as_str(), found.message.as_str()))
    };
    let (rank, (reason, message)) = if member::is(webhook, STALLED, "True") {
        (1, of(STALLED)?)
    } else if member::is_not_delivering(webhook) {
        (2, of(DELIVERING)?)
    } else if member::is(webhook, READY, "False") {
        (3, of(READY)?)
    } else if member::is(webhook, DRIFTED, "True") {
        (4, of(DRIFTED)?)
    } else if !member::is_ready(webhook) {
        (5, ("Unobserved", "its newest version is not reconciled yet"))
    } else {
        return None;
    };
    Some((rank, reason, message))
}

#[cfg(test)]
mod tests;
