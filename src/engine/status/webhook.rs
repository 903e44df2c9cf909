//! What the outcome of a pass means for one Webhook: conditions and plan in its status, and events.

use crate::api::ObjectKey;
use crate::api::VendorName;
use crate::api::conditions::{self, DELIVERING, READY};
use crate::api::shorten;
use crate::api::status::{
    Action, FieldChange, LastApplied, PlanStatus, StoredDifferently, WebhookStatus, WriteOnlyDigest,
};
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::scope::Scope;
use crate::engine::error::{AccountError, is_stalled};
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::blocked::blocked;
use crate::engine::status::conditions::{
    ACCOUNT_CHANGED, ConditionSummary, Drift, FORBIDDEN, TOO_MANY_ERRORS, WRITE_REFUSED, set_all,
};
use crate::engine::status::words::{describe_item, spelling};
use crate::plan::{BlockedReason, Change, Declared, Delivery, Desired, Item, PlannedWebhook, Step, digest};
use crate::vendor::VendorError;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;

/// Values in status and events are cut to this many characters.
const LONGEST_VALUE: usize = 256;
/// A status has at most this many changed fields; `hooktender plan` shows all of them.
const MAX_CHANGES: usize = 200;

/// What became of one Webhook in a pass.
#[derive(Debug)]
pub(crate) enum Outcome {
    InSync,
    /// The step was executed; the text is the event's note.
    Done(String),
    /// A change is needed and may not be applied now.
    Blocked(BlockedReason),
    /// The call to the vendor failed.
    Failed(VendorError),
    /// The API server refuses to write the Webhook, with this message.
    Refused(String),
    /// The account is in error, so that nothing could be done.
    Waiting(AccountError),
}

impl Outcome {
    /// Returns the outcome without the vendor's message; none if it has no such message.
    pub(crate) fn without_words(&self) -> Option<Self> {
        match self {
            Self::Failed(error) => Some(Self::Failed(error.without_words())),
            Self::Waiting(error) => Some(Self::Waiting(error.without_words())),
            Self::InSync | Self::Done(_) | Self::Blocked(_) | Self::Refused(_) => None,
        }
    }
}

/// Replaces a vendor's message where the reader may not see it.
pub(crate) const MESSAGE_IN_LOG: &str = "the vendor's message is in hooktender's log";

/// What a pass has found out about one Webhook, for its status.
pub(crate) struct StatusInputs<'a> {
    /// What became of the Webhook, as its readers may see it.
    pub(crate) outcome: &'a Outcome,
    /// Digest of the write-only values that were sent last.
    pub(crate) concealed: Option<WriteOnlyDigest>,
    /// Fields that the vendor stores in another spelling, to be recorded.
    pub(crate) stored_differently: Vec<StoredDifferently>,
    /// The same, for the condition.
    pub(crate) spellings: Vec<Change>,
    /// Whether the vendor delivers, if the list says so.
    pub(crate) delivery: Option<Delivery>,
    /// The vendor's message if it rejected to enable deliveries again.
    pub(crate) reenable_rejected: Option<String>,
}

impl<'a> StatusInputs<'a> {
    pub(crate) fn new(outcome: &'a Outcome, delivery: Option<Delivery>) -> Self {
        Self {
            outcome,
            concealed: None,
            stored_differently: Vec::new(),
            spellings: Vec::new(),
            delivery,
            reenable_rejected: None,
        }
    }
}

/// Updates the status of one Webhook after a pass. Returns the events to publish, none if nothing has changed.
pub(crate) fn update_status(
    webhook: &mut WebhookState,
    planned: PlannedWebhook<'_>,
    inputs: StatusInputs<'_>,
    vendor: VendorName,
    now: Timestamp,
) -> Vec<EventRecord> {
    let PlannedWebhook { declared, item } = planned;
    let outcome = inputs.outcome;
    let before = webhook.status.clone();
    let in_sync = matches!(outcome, Outcome::InSync | Outcome::Done(_));
    let respelled = in_sync && !inputs.spellings.is_empty();
    let summary = if respelled {
        ConditionSummary::ready("StoredDifferently", spelling(&inputs.spellings, vendor))
    } else {
        summarize(declared, item, outcome, vendor)
    };
    if matches!(outcome, Outcome::Blocked(BlockedReason::Suspended)) {
        // Nothing but the spec was read, so everything else stays.
        webhook.status.observed_generation = webhook.requested.generation;
        set_all(&mut webhook.status.conditions, &summary, &Drift::Unknown, webhook.requested.generation, now);
        return transition(&before, webhook, &summary, false).into_iter().collect();
    }
    let drifted = !in_sync && item.cause.is_drift();
    let drift = if drifted { Drift::Found(describe_item(item)) } else { Drift::None };
    set_conditions(webhook, &summary, &drift, vendor, now);
    delivering(&mut webhook.status, &inputs, webhook.requested.generation, vendor, now);
    webhook.status.plan = Some(plan_status(item, in_sync));
    if in_sync {
        let created = matches!(outcome, Outcome::Done(_)) && item.step().is_some_and(Step::creates);
        applied(&mut webhook.status, declared, inputs, created, now);
    }
    let event = event_for(&before, webhook, item, outcome, &summary)
        .or_else(|| disabled_event(&before, &webhook.status));
    event
        .into_iter()
        .chain(respelled.then(|| transition(&before, webhook, &summary, true)).flatten())
        .collect()
}

/// Sets the condition `Delivering`, or removes it where the vendor's list does not say.
fn delivering(
    status: &mut WebhookStatus,
    inputs: &StatusInputs<'_>,
    generation: Option<i64>,
    vendor: VendorName,
    now: Timestamp,
) {
    let (delivers, reason, message) = match (inputs.delivery, &inputs.reenable_rejected) {
        (None, _) => return status.conditions.retain(|condition| condition.type_ != DELIVERING),
        (Some(Delivery::On), _) => (true, "Active", String::new()),
        (Some(Delivery::Off), _) => {
            (false, "Stopped", format!("{vendor} does not deliver: its state is Stopped"))
        }
        (Some(Delivery::DisabledByVendor), rejected) => {
            let rejected = rejected
                .as_ref()
                .map_or_else(String::new, |why| format!("; the vendor refused to re-enable it: {why}"));
            let message = format!(
                "{vendor} disabled the subscription because too many deliveries failed: fix the receiver{rejected}"
            );
            (false, TOO_MANY_ERRORS, message)
        }
    };
    let condition = Condition {
        type_: DELIVERING.into(),
        status: conditions::status(delivers),
        reason: reason.into(),
        message,
        observed_generation: generation,
        last_transition_time: conditions::seconds(now),
    };
    conditions::set(&mut status.conditions, condition);
}

/// Returns the event for a subscription that the vendor has disabled by itself, once.
fn disabled_event(before: &WebhookStatus, now: &WebhookStatus) -> Option<EventRecord> {
    let of = |status: &WebhookStatus| {
        let condition = conditions::get(&status.conditions, DELIVERING)?;
        (condition.reason == TOO_MANY_ERRORS).then(|| condition.message.clone())
    };
    let (was, is) = (of(before), of(now)?);
    (was.as_ref() != Some(&is)).then_some(EventRecord { warning: true, reason: TOO_MANY_ERRORS, note: is })
}

/// Updates the status of one Webhook whose account cannot be reconciled. A Webhook that was in sync stays in sync: the account's
/// conditions have the error, and an outage of the vendor does not cause a write for each of a thousand objects.
pub(crate) fn report_account_error(
    webhook: &mut WebhookState,
    error: &AccountError,
    account: &ObjectKey,
    vendor: VendorName,
    now: Timestamp,
) -> Option<EventRecord> {
    // An error of the Webhook itself is reported whatever the conditions were before.
    let is_current =
        webhook.status.observed_generation == webhook.requested.generation && error.reason != ACCOUNT_CHANGED;
    let deleting = webhook.object.metadata.deletion_timestamp.is_some();
    if is_current && !deleting && conditions::is_true(&webhook.status.conditions, READY) {
        return None;
    }
    let before = webhook.status.clone();
    let mut message = format!("account {account}: {}", error.message);
    if deleting {
        message = format!(
            "{message}; to delete this Webhook and keep its subscription, set deletionPolicy: Retain or the annotation hooktender.dev/release: \"true\"; to delete all Webhooks of an account that is being deleted, too, set its spec.whenRevoked: Forget"
        );
    }
    let summary = ConditionSummary::failed(error.stalled, error.reason, message);
    set_conditions(webhook, &summary, &Drift::Unknown, vendor, now);
    transition(&before, webhook, &summary, true)
}

fn summarize(declared: &Declared, item: &Item, outcome: &Outcome, vendor: VendorName) -> ConditionSummary {
    match outcome {
        Outcome::InSync | Outcome::Done(_) => {
            ConditionSummary::ready("InSync", format!("{vendor} has it as declared"))
        }
        Outcome::Blocked(reason) => blocked(declared, item, reason, vendor),
        Outcome::Failed(error) => {
            ConditionSummary::failed(is_stalled(error.class), error.class.as_str(), error.to_string())
        }
        Outcome::Refused(words) => ConditionSummary::stalled(WRITE_REFUSED, write_refused(words).note),
        Outcome::Waiting(error) => {
            ConditionSummary::failed(error.stalled, error.reason, error.message.clone())
        }
    }
}

fn set_conditions(
    webhook: &mut WebhookState,
    summary: &ConditionSummary,
    drift: &Drift,
    vendor: VendorName,
    now: Timestamp,
) {
    let generation = webhook.requested.generation;
    let status = &mut webhook.status;
    status.observed_generation = generation;
    status.vendor = Some(vendor);
    set_all(&mut status.conditions, summary, drift, generation, now);
}

fn plan_status(item: &Item, in_sync: bool) -> PlanStatus {
    if in_sync {
        return PlanStatus::default();
    }
    PlanStatus {
        action: item.action(),
        changes: item.changes.iter().take(MAX_CHANGES).map(field_change).collect(),
        digest: item.digest().filter(|_| item.action() != Action::None),
    }
}

fn field_change(change: &Change) -> FieldChange {
    let cut = |text: &Option<String>| text.as_deref().map(|text| shorten::to_chars(text, LONGEST_VALUE));
    // The names of headers and templates are the vendor's.
    let field = shorten::to_chars(&change.field, LONGEST_VALUE);
    FieldChange { field, before: cut(&change.before), after: cut(&change.after) }
}

/// Records that the vendor has what is declared: a difference without a change of the spec is drift from here on. After a create the
/// time is new even if the document is the same, because the list may lag behind this create as it did behind the first one.
fn applied(
    status: &mut WebhookStatus,
    declared: &Declared,
    inputs: StatusInputs<'_>,
    created: bool,
    now: Timestamp,
) {
    let Desired::Known(document) = &declared.desired else { return };
    let digest = digest(document);
    let sensitive = document.secret_fields();
    let unchanged = |last: &&LastApplied| !created && last.digest == digest && last.sensitive == sensitive;
    let time = match status.last_applied.as_ref().filter(unchanged) {
        Some(last) => last.time.clone(),
        None => conditions::seconds(now),
    };
    let StatusInputs { concealed, stored_differently, .. } = inputs;
    status.last_applied = Some(LastApplied { digest, time, sensitive, concealed, stored_differently });
}

fn event_for(
    before: &WebhookStatus,
    webhook: &WebhookState,
    item: &Item,
    outcome: &Outcome,
    summary: &ConditionSummary,
) -> Option<EventRecord> {
    match outcome {
        // The event was published with the refusal, whether the status can be written or not.
        Outcome::InSync | Outcome::Refused(_) => None,
        Outcome::Done(what) => {
            Some(EventRecord { warning: false, reason: done_reason(item), note: what.clone() })
        }
        Outcome::Blocked(BlockedReason::PlanOnly) => {
            let digest = before.plan.as_ref().and_then(|plan| plan.digest.as_ref());
            (digest != item.digest().as_ref()).then(|| EventRecord {
                warning: false,
                reason: "Planned",
                note: summary.message.clone(),
            })
        }
        Outcome::Blocked(_) | Outcome::Failed(_) | Outcome::Waiting(_) => {
            transition(before, webhook, summary, true)
        }
    }
}

/// Returns the error of an account that the API server refuses to write: this object alone, or because hooktender lacks a right.
pub(crate) fn account_write_refused(scope: Scope, words: &str) -> AccountError {
    let (reason, what_helps) = match scope {
        Scope::Rights => (FORBIDDEN, "give hooktender's ServiceAccount the rights that the chart gives it"),
        Scope::Object | Scope::Conflict | Scope::Server => {
            (WRITE_REFUSED, "change the policy that refuses it, or the account")
        }
    };
    let message = format!("the API server refuses to write this account: {words}; {what_helps}");
    AccountError { reason, message, stalled: true }
}

/// Returns the event for a Webhook that the API server refuses to write.
pub(crate) fn write_refused(words: &str) -> EventRecord {
    let note = format!(
        "the API server refuses to write this Webhook: {words}; change the policy that refuses it, or the Webhook (hooktender retries with back-off)"
    );
    EventRecord { warning: true, reason: WRITE_REFUSED, note }
}

/// Returns an event when the condition `Ready` changes.
fn transition(
    before: &WebhookStatus,
    webhook: &WebhookState,
    summary: &ConditionSummary,
    warning: bool,
) -> Option<EventRecord> {
    let was = conditions::get(&before.conditions, READY).map(|c| (c.reason.as_str(), c.message.as_str()));
    let is =
        conditions::get(&webhook.status.conditions, READY).map(|c| (c.reason.as_str(), c.message.as_str()));
    (was != is).then(|| EventRecord { warning, reason: summary.reason, note: summary.message.clone() })
}

fn done_reason(item: &Item) -> &'static str {
    if matches!(item.step(), Some(Step::Reenable { .. })) {
        return "Reactivated";
    }
    match (item.action(), item.cause.is_drift()) {
        (Action::Create | Action::Update | Action::Replace, true) => "DriftCorrected",
        (Action::Create, false) => "Created",
        (Action::Adopt, _) => "Adopted",
        (Action::Update, false) => "Updated",
        (Action::Replace, false) => "Replaced",
        (Action::Delete, _) => "Deleted",
        (Action::Retain, _) => "Retained",
        (Action::None, _) => "InSync",
    }
}
