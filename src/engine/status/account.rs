//! The conditions and messages of an account.

use super::conditions::{ConditionSummary, WEBHOOKS_NOT_WRITTEN};
use crate::api::command::Target;
use crate::api::{ALLOW_DELETIONS, ObjectKey, RELEASE, VendorAccount};
use crate::engine::error::AccountError;
use crate::plan::guard::TooMany;

/// The reason of an account whose list was read.
pub(crate) const IN_SYNC: &str = "InSync";
/// The reason of an account whose deletions need an approval.
pub(crate) const DELETION_GUARD: &str = "DeletionGuard";
/// How many Webhooks a message names.
const MAX_NAMED: usize = 5;

/// What a pass has found out about an account.
pub(crate) struct AccountInputs<'a> {
    pub(crate) account: &'a VendorAccount,
    pub(crate) error: Option<&'a AccountError>,
    /// Whether the error is why only deletions are executed.
    pub(crate) deletions_only: bool,
    /// Deletions that need an approval: those of the account's own namespace first.
    pub(crate) blocked: Option<&'a TooMany>,
    /// The number of Webhooks of the account.
    pub(crate) webhooks: usize,
    /// Webhooks with a subscription that the account no longer allows.
    pub(crate) not_allowed: &'a [ObjectKey],
    /// How many Webhooks the API server refuses to write, and which.
    pub(crate) refused: Option<(usize, String)>,
    /// What a person should do although the list can be read.
    pub(crate) advice: Option<&'a str>,
}

/// Returns what the conditions of an account say after a pass.
pub(crate) fn account_conditions(inputs: &AccountInputs<'_>) -> ConditionSummary {
    let spec = &inputs.account.spec;
    let deleting = inputs.account.metadata.deletion_timestamp.is_some();
    if spec.suspend {
        let message = "suspended: the vendor is not called until spec.suspend is false".to_owned();
        return ConditionSummary { ready: None, ..ConditionSummary::ready("Suspended", message) };
    }
    if let (true, Some(blocked)) = (inputs.error.is_none() || inputs.deletions_only, inputs.blocked) {
        let key = ObjectKey::of(inputs.account);
        // Deletions of guests are no fault of the account.
        let ready = Some(inputs.error.is_none() && blocked.namespace != key.namespace);
        let message = deletions_blocked(&key, blocked, inputs.error);
        return ConditionSummary { ready, ..ConditionSummary::stalled(DELETION_GUARD, message) };
    }
    if let Some(AccountError { reason, message, stalled }) = inputs.error {
        let waits = if deleting && !inputs.not_allowed.is_empty() {
            format!("; it is being deleted, and {}", finalizer_stays(inputs))
        } else {
            String::new()
        };
        let message = format!("{message}{waits}");
        return ConditionSummary::failed(*stalled, reason, message);
    }
    if deleting {
        let message = format!("being deleted: {}", finalizer_stays(inputs));
        return ConditionSummary { ready: None, ..ConditionSummary::busy("Deleting", message) };
    }
    if let Some((count, which)) = &inputs.refused {
        let message = format!(
            "the API server refuses to write {count} of {} Webhooks: {which}; the others are kept in sync",
            inputs.webhooks
        );
        return ConditionSummary::ready(WEBHOOKS_NOT_WRITTEN, message);
    }
    let advice = inputs.advice.map(|advice| format!("; {advice}")).unwrap_or_default();
    let message = format!("{} is read every {}{advice}", spec.vendor.name(), spec.resync_interval);
    ConditionSummary::ready(IN_SYNC, message)
}

/// Returns what an account that is being deleted waits for.
fn finalizer_stays(inputs: &AccountInputs<'_>) -> String {
    let others = inputs.not_allowed;
    let stays = format!("its finalizer stays until its {} Webhooks are gone", inputs.webhooks + others.len());
    if others.is_empty() {
        return stays;
    }
    let shown: Vec<_> = others.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    let more = if others.len() > shown.len() { ", ..." } else { "" };
    format!(
        "{stays}; {} of them have subscriptions and are in namespaces that spec.allowedNamespaces no longer allows ({}{more}): \
         allow these namespaces again and delete the Webhooks, or delete them with the annotation {RELEASE}=true, which keeps their subscriptions",
        others.len(),
        shown.join(", ")
    )
}

/// Returns the message about changes that redirect or disable deliveries and need an approval; as [`deletions_blocked`].
fn changes_blocked(account: &ObjectKey, blocked: &TooMany) -> String {
    let effects = || blocked.changes.iter().filter_map(|change| Some(change.split_once(' ')?.1));
    let count = |effect: &str| effects().filter(|all| all.contains(effect)).count();
    let parts = [(count("receiver:"), "get a receiver on another host"), (count("disabled"), "be disabled")];
    let parts: Vec<_> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} would {what}"))
        .collect();
    let of = elsewhere(account, blocked);
    let recent = match blocked.recent {
        0 => String::new(),
        recent => format!(" after {recent} others within the last ten minutes"),
    };
    format!(
        "of the {} subscriptions managed here{of}, {}{recent}, which is more than deletionGuard allows at once; \
         to allow exactly these: {}",
        blocked.managed,
        parts.join(" and "),
        approval(account, blocked)
    )
}

/// Names the namespace of changes that are not in the account's own.
fn elsewhere(account: &ObjectKey, blocked: &TooMany) -> String {
    if blocked.namespace == account.namespace {
        return String::new();
    }
    format!(" for namespace {}", blocked.namespace)
}

/// Returns the command that allows exactly these changes.
fn approval(account: &ObjectKey, blocked: &TooMany) -> String {
    Target::account(account).annotate(&format!("{ALLOW_DELETIONS}={}", blocked.digest))
}

/// Returns the message about deletions that need an approval. It ends with the command that gives it, so that the command can be copied.
/// Where the guard blocks deletions of several namespaces, the next ones are named when the first are allowed. `deletions_only`
/// is why nothing else is executed.
pub(crate) fn deletions_blocked(
    account: &ObjectKey,
    blocked: &TooMany,
    deletions_only: Option<&AccountError>,
) -> String {
    if !blocked.changes.is_empty() {
        return changes_blocked(account, blocked);
    }
    let of = elsewhere(account, blocked);
    let recent = match blocked.recent {
        0 => String::new(),
        recent => format!(" after {recent} more were deleted within the last ten minutes"),
    };
    let trouble = deletions_only.map_or_else(String::new, |error| {
        format!("; the account also has an error ({}), so that only deletions are executed", error.message)
    });
    format!(
        "{} of the {} subscriptions managed here{of} would be deleted{recent}, which is more than deletionGuard allows at once{trouble}; \
         to allow exactly these: {}",
        blocked.ids.len(),
        blocked.managed,
        approval(account, blocked)
    )
}
