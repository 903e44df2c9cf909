//! What an outcome means: conditions and plan in status, an event, a log line. Pure, and the only place that says so.

use crate::api::ObjectKey;
use crate::api::VendorName;
use crate::api::conditions::{self, DELIVERING, DRIFTED, READY, RECONCILING, STALLED};
use crate::api::shorten;
use crate::api::status::{
    Action, FieldChange, LastApplied, PlanStatus, StoredDifferently, WebhookStatus, WriteOnlyDigest,
};
use crate::engine::cluster::scope::Scope;
use crate::engine::cluster::writer::EventRecord;
use crate::engine::inputs::desired::sensitive_fields;
use crate::engine::state::webhook::WebhookState;
use crate::engine::status::blocked::held;
use crate::engine::status::words::{in_words, spelling};
use crate::plan::{BlockedReason, Cause, Change, Declared, Delivery, Desired, Item, Step, digest};
use crate::vendor::{Class, VendorError};
use k8s_openapi::jiff::Timestamp;

/// The reason of a Webhook that waits for its own unanswered create.
pub(crate) const SETTLING: &str = "Settling";
/// The reason of a Webhook whose id belongs to another account at the vendor.
pub(crate) const ACCOUNT_CHANGED: &str = "AccountChanged";
/// The reason of an object that the API server refuses to write, as an admission policy does.
pub(crate) const WRITE_REFUSED: &str = "WriteRefused";
/// The reason of an account where hooktender lacks a right in the cluster.
pub(crate) const FORBIDDEN: &str = "Forbidden";
/// The reason of an account whose Secrets the API server fails to give.
pub(crate) const CLUSTER_UNAVAILABLE: &str = "ClusterUnavailable";
/// The reason of an account some of whose Webhooks the API server refuses to write.
pub(crate) const WEBHOOKS_NOT_WRITTEN: &str = "WebhooksNotWritten";
/// Values in status and events are cut to this many characters.
const LONGEST_VALUE: usize = 256;
/// So many changed fields are in a status; the plan on the command line has all of them.
const MOST_CHANGES: usize = 200;

/// What became of one Webhook in a pass.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Nothing was to be done.
    InSync,
    /// It was done; the text says what, for people.
    Done(String),
    /// Nothing may be done.
    Held(BlockedReason),
    /// The vendor did not do it.
    Failed(VendorError),
    /// The API server refuses to write it, in these words.
    Refused(String),
    /// The account is in trouble, so that nothing could be done.
    Waiting(AccountError),
}

impl Outcome {
    /// The same without any of a vendor's words, where it has some.
    pub(crate) fn without_words(&self) -> Option<Self> {
        match self {
            Self::Failed(error) => Some(Self::Failed(error.without_words())),
            Self::Waiting(trouble) => Some(Self::Waiting(trouble.without_words())),
            Self::InSync | Self::Done(_) | Self::Held(_) | Self::Refused(_) => None,
        }
    }
}

/// Why an account cannot be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountError {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// Whether only a person, or a slow retry, can help.
    pub(crate) stalled: bool,
}

impl AccountError {
    pub(crate) fn of(error: &VendorError) -> Self {
        let message = if error.is_paced() { error.message.clone() } else { error.to_string() };
        Self { reason: error.class.as_str(), message, stalled: is_stalled(error.class) }
    }

    /// The same for a guest, of which neither the vendor's words nor the account's Secrets are.
    pub(crate) fn without_words(&self) -> Self {
        let Self { reason, stalled, .. } = *self;
        let message = format!("it cannot be worked on ({reason}); its own status says why");
        Self { reason, message, stalled }
    }
}

/// In place of a vendor's words, where they are not for the reader.
pub(crate) const UNSAID: &str = "its words are in hooktender's log";

/// Whether that class waits for a person.
fn is_stalled(class: Class) -> bool {
    match class {
        Class::Rejected | Class::Credentials => true,
        Class::Throttled | Class::Unavailable | Class::Outdated | Class::NotFound => false,
    }
}

/// The values of the four conditions.
pub(crate) struct ConditionSummary {
    /// None: as it was.
    pub(crate) ready: Option<bool>,
    pub(crate) reconciling: bool,
    pub(crate) stalled: bool,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl ConditionSummary {
    pub(crate) fn ready(reason: &'static str, message: impl Into<String>) -> Self {
        Self { ready: Some(true), reconciling: false, stalled: false, reason, message: message.into() }
    }

    pub(crate) fn busy(reason: &'static str, message: impl Into<String>) -> Self {
        Self { ready: Some(false), reconciling: true, stalled: false, reason, message: message.into() }
    }

    pub(crate) fn stalled(reason: &'static str, message: impl Into<String>) -> Self {
        Self { ready: Some(false), reconciling: false, stalled: true, reason, message: message.into() }
    }
}

/// What the pass has seen and kept of one Webhook, for its status.
pub(crate) struct StatusInputs {
    /// What was last sent of the values that cannot be read back.
    pub(crate) concealed: Option<WriteOnlyDigest>,
    /// Fields that the vendor stores in another spelling, to be recorded.
    pub(crate) stored_differently: Vec<StoredDifferently>,
    /// The same, to be shown.
    pub(crate) spellings: Vec<Change>,
    /// Whether the vendor delivers, where it tells.
    pub(crate) delivery: Option<Delivery>,
    /// What the vendor said when it refused to start deliveries again.
    pub(crate) revival_refused: Option<String>,
}

/// Brings the status of one Webhook up to date; tells what is to be told, which is nothing if nothing is new.
pub(crate) fn settle(
    entry: &mut WebhookState,
    declared: &Declared,
    item: &Item,
    outcome: &Outcome,
    noted: StatusInputs,
    vendor: VendorName,
    now: Timestamp,
) -> Vec<EventRecord> {
    let before = entry.status.clone();
    let in_sync = matches!(outcome, Outcome::InSync | Outcome::Done(_));
    let respelled = in_sync && !noted.spellings.is_empty();
    let verdict = if respelled {
        ConditionSummary::ready("StoredDifferently", spelling(&noted.spellings, vendor))
    } else {
        verdict(declared, item, outcome, vendor)
    };
    if matches!(outcome, Outcome::Held(BlockedReason::Suspended)) {
        // What was known stays as it is: nothing was looked at but the spec.
        entry.status.observed_generation = entry.requested.generation;
        set_all(&mut entry.status, &verdict, &Drift::Unknown, entry.requested.generation, now);
        return transition(&before, entry, &verdict, false).into_iter().collect();
    }
    let drifted = !in_sync && item.cause.is_drift();
    conclude(entry, &verdict, drifted, item, vendor, now);
    delivering(&mut entry.status, &noted, entry.requested.generation, vendor, now);
    entry.status.plan = Some(planned(item, in_sync));
    if in_sync {
        let made =
            matches!((outcome, &item.step), (Outcome::Done(_), Some(Step::Create(_) | Step::Replace(..))));
        applied(&mut entry.status, declared, noted, made, now);
    }
    let told = told(&before, entry, item, outcome, &verdict).or_else(|| stopped(&before, &entry.status));
    told.into_iter().chain(respelled.then(|| transition(&before, entry, &verdict, true)).flatten()).collect()
}

/// The condition `Delivering`, where the vendor tells.
fn delivering(
    status: &mut WebhookStatus,
    noted: &StatusInputs,
    generation: Option<i64>,
    vendor: VendorName,
    now: Timestamp,
) {
    let (delivers, reason, message) = match (noted.delivery, &noted.revival_refused) {
        (None, _) => return status.conditions.retain(|condition| condition.type_ != DELIVERING),
        (Some(Delivery::On), _) => (true, "Active", String::new()),
        (Some(Delivery::Off), _) => {
            (false, "Stopped", format!("{vendor} does not deliver: its state is Stopped"))
        }
        (Some(Delivery::Halted), refused) => {
            let refused = refused
                .as_ref()
                .map_or_else(String::new, |why| format!("; starting it again was refused: {why}"));
            let message =
                format!("{vendor} has stopped deliveries, as too many failed: mend the receiver{refused}");
            (false, "TooManyErrors", message)
        }
    };
    conditions::set(&mut status.conditions, DELIVERING, delivers, reason, &message, generation, now);
}

/// Tells, once, that the vendor has stopped deliveries by itself.
fn stopped(before: &WebhookStatus, now: &WebhookStatus) -> Option<EventRecord> {
    let of = |status: &WebhookStatus| {
        let condition = conditions::get(&status.conditions, DELIVERING)?;
        (condition.reason == "TooManyErrors").then(|| condition.message.clone())
    };
    let (was, is) = (of(before), of(now)?);
    (was.as_ref() != Some(&is)).then_some(EventRecord { warning: true, reason: "TooManyErrors", note: is })
}

/// Brings the status of one Webhook up to date when its account could not be worked on. One that was in sync stays so:
/// its account tells the trouble, and a vendor's bad hour is not written onto a thousand objects.
pub(crate) fn settle_unseen(
    entry: &mut WebhookState,
    trouble: &AccountError,
    account: &ObjectKey,
    vendor: VendorName,
    now: Timestamp,
) -> Option<EventRecord> {
    // What is the Webhook's own trouble is told whatever was so before.
    let seen =
        entry.status.observed_generation == entry.requested.generation && trouble.reason != ACCOUNT_CHANGED;
    let leaving = entry.object.metadata.deletion_timestamp.is_some();
    if seen && !leaving && conditions::is_true(&entry.status.conditions, READY) {
        return None;
    }
    let before = entry.status.clone();
    let mut message = format!("account {account}: {}", trouble.message);
    if leaving {
        message = format!(
            "{message}; to let this Webhook go without deleting its subscription, set deletionPolicy: Retain or the annotation hooktender.dev/release: \"true\""
        );
    }
    let verdict = if trouble.stalled {
        ConditionSummary::stalled(trouble.reason, message)
    } else {
        ConditionSummary::busy(trouble.reason, message)
    };
    let generation = entry.requested.generation;
    entry.status.observed_generation = generation;
    entry.status.vendor = Some(vendor);
    set_all(&mut entry.status, &verdict, &Drift::Unknown, generation, now);
    transition(&before, entry, &verdict, true)
}

fn verdict(declared: &Declared, item: &Item, outcome: &Outcome, vendor: VendorName) -> ConditionSummary {
    match outcome {
        Outcome::InSync | Outcome::Done(_) => {
            ConditionSummary::ready("InSync", format!("{vendor} has it as declared"))
        }
        Outcome::Held(hold) => held(declared, item, hold, vendor),
        Outcome::Failed(error) if is_stalled(error.class) => {
            ConditionSummary::stalled(error.class.as_str(), error.to_string())
        }
        Outcome::Failed(error) => ConditionSummary::busy(error.class.as_str(), error.to_string()),
        Outcome::Refused(words) => ConditionSummary::stalled(WRITE_REFUSED, refused(words).note),
        Outcome::Waiting(trouble) if trouble.stalled => {
            ConditionSummary::stalled(trouble.reason, trouble.message.clone())
        }
        Outcome::Waiting(trouble) => ConditionSummary::busy(trouble.reason, trouble.message.clone()),
    }
}

fn conclude(
    entry: &mut WebhookState,
    verdict: &ConditionSummary,
    drifted: bool,
    item: &Item,
    vendor: VendorName,
    now: Timestamp,
) {
    let generation = entry.requested.generation;
    let status = &mut entry.status;
    status.observed_generation = generation;
    status.vendor = Some(vendor);
    let drift = if drifted { Drift::Shown(in_words(item)) } else { Drift::None };
    set_all(status, verdict, &drift, generation, now);
}

/// What is known of changes made at the vendor.
pub(crate) enum Drift {
    Unknown,
    None,
    Shown(String),
}

/// Sets the four conditions.
pub(crate) fn set_all(
    status: &mut WebhookStatus,
    verdict: &ConditionSummary,
    drift: &Drift,
    generation: Option<i64>,
    now: Timestamp,
) {
    let ready = verdict.ready.unwrap_or_else(|| conditions::is_true(&status.conditions, READY));
    let (reason, message) = (verdict.reason, verdict.message.as_str());
    let mut set = |kind, value, reason, message: &str| {
        conditions::set(&mut status.conditions, kind, value, reason, message, generation, now);
    };
    set(READY, ready, reason, message);
    match drift {
        Drift::Unknown => {}
        Drift::None => set(DRIFTED, false, "NoDrift", ""),
        Drift::Shown(message) => set(DRIFTED, true, "Drifted", message),
    }
    set(RECONCILING, verdict.reconciling, reason, if verdict.reconciling { message } else { "" });
    set(STALLED, verdict.stalled, reason, if verdict.stalled { message } else { "" });
}

fn planned(item: &Item, in_sync: bool) -> PlanStatus {
    if in_sync {
        return PlanStatus::default();
    }
    PlanStatus {
        action: item.action,
        changes: item.changes.iter().take(MOST_CHANGES).map(shown).collect(),
        digest: item.digest.clone().filter(|_| item.action != Action::None),
    }
}

fn shown(change: &Change) -> FieldChange {
    let cut = |text: &Option<String>| text.as_deref().map(|text| shorten::to_chars(text, LONGEST_VALUE));
    // The names of headers and templates are the vendor's.
    let field = shorten::to_chars(&change.field, LONGEST_VALUE);
    FieldChange { field, before: cut(&change.before), after: cut(&change.after) }
}

/// The vendor has just what is declared: what changes from here on without the spec is drift. One that was made anew may
/// be missing from the list for as long as the first one was, whatever had been applied before.
fn applied(status: &mut WebhookStatus, declared: &Declared, noted: StatusInputs, made: bool, now: Timestamp) {
    let Desired::Known(document) = &declared.desired else { return };
    let digest = digest(document);
    let sensitive = sensitive_fields(document);
    let same = |last: &&LastApplied| !made && last.digest == digest && last.sensitive == sensitive;
    let time = match status.last_applied.as_ref().filter(same) {
        Some(last) => last.time.clone(),
        None => conditions::seconds(now),
    };
    let StatusInputs { concealed, stored_differently, .. } = noted;
    status.last_applied = Some(LastApplied { digest, time, sensitive, concealed, stored_differently });
}

fn told(
    before: &WebhookStatus,
    entry: &WebhookState,
    item: &Item,
    outcome: &Outcome,
    verdict: &ConditionSummary,
) -> Option<EventRecord> {
    match outcome {
        // Its event is told with the refusal, whether the status can be written or not.
        Outcome::InSync | Outcome::Refused(_) => None,
        Outcome::Done(what) => Some(EventRecord { warning: false, reason: done(item), note: what.clone() }),
        Outcome::Held(BlockedReason::PlanOnly) => {
            let digest = before.plan.as_ref().and_then(|plan| plan.digest.as_ref());
            (digest != item.digest.as_ref()).then(|| EventRecord {
                warning: false,
                reason: "Planned",
                note: verdict.message.clone(),
            })
        }
        Outcome::Held(_) | Outcome::Failed(_) | Outcome::Waiting(_) => {
            transition(before, entry, verdict, true)
        }
    }
}

/// The API server refuses to write an account, in these words: it alone, or as hooktender lacks a right.
pub(crate) fn account_refused(scope: Scope, words: &str) -> AccountError {
    let (reason, what_helps) = match scope {
        Scope::Rights => (FORBIDDEN, "give hooktender's ServiceAccount the rights of the chart"),
        Scope::Object | Scope::Conflict | Scope::Server => (WRITE_REFUSED, "change what refuses it"),
    };
    let message = format!("the API server refuses to write this account: {words}; {what_helps}");
    AccountError { reason, message, stalled: true }
}

/// The API server refuses to write a Webhook, in these words.
pub(crate) fn refused(words: &str) -> EventRecord {
    let note = format!(
        "the API server refuses to write this Webhook: {words}; change what refuses it, or the Webhook (it is tried again with growing pauses)"
    );
    EventRecord { warning: true, reason: WRITE_REFUSED, note }
}

/// Tells of a state once, when it is entered.
fn transition(
    before: &WebhookStatus,
    entry: &WebhookState,
    verdict: &ConditionSummary,
    warning: bool,
) -> Option<EventRecord> {
    let was = conditions::get(&before.conditions, READY).map(|c| (c.reason.as_str(), c.message.as_str()));
    let is =
        conditions::get(&entry.status.conditions, READY).map(|c| (c.reason.as_str(), c.message.as_str()));
    (was != is).then(|| EventRecord { warning, reason: verdict.reason, note: verdict.message.clone() })
}

fn done(item: &Item) -> &'static str {
    if item.cause == Cause::Halted {
        return "Reactivated";
    }
    match (item.action, item.cause.is_drift()) {
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
