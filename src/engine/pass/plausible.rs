//! Checks that a list is plausible before anything is decided by it.

use super::PassError;
use super::pages::{Pages, Reading};
use crate::api::ObjectKey;
use crate::engine::error::AccountError;
use crate::engine::state::account::AccountState;
use crate::engine::state::observed::ObservedIndex;
use crate::plan::{Declared, Plan, Step, guard};
use std::collections::BTreeSet;
use std::time::Duration;

/// Whether a plan may rest on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListCheck {
    /// The list can be acted on.
    Plausible,
    /// The list changed while it was read: the same pass reads it again.
    ReadAgain,
}

/// Checks a list before anything is decided by it.
///
/// # Errors
///
/// If the list is doubted: a later pass reads it again, after the time in the error.
pub(crate) fn check_list(
    state: &mut AccountState,
    declared: &[Declared],
    plan: &Plan,
    observed: &ObservedIndex,
    pages: &mut Pages,
) -> Result<ListCheck, PassError> {
    let (listed, wait) = (observed.ids(), state.grace.commit);
    if let Some(missing) = guard::doubted(declared, &listed, &state.doubt.known_gone) {
        let lacks = missing.len();
        let lagging = declared.iter().filter(|webhook| webhook.hints.may_lag);
        let lagging = lagging.filter_map(|webhook| webhook.recorded.as_ref()).collect();
        if let Some(wait) = state.doubt.doubt(missing, &lagging, wait) {
            let recorded = declared.iter().filter(|webhook| webhook.recorded.is_some()).count();
            let message = format!(
                "the list lacks {lacks} of {recorded} recorded subscriptions, perhaps because of a wrong account or a restored backup; nothing is done until a second list lacks them too"
            );
            return Err(doubted(message, wait));
        }
    }
    if observed.is_paged() {
        let missing = guard::missing_from_pages(declared, &listed, &state.doubt.known_gone);
        match pages.lack(missing, unanswered(plan, declared), &mut state.doubt.known_gone) {
            Reading::Agrees => {}
            Reading::Differs => return Ok(ListCheck::ReadAgain),
            Reading::DiffersAgain => {
                let message = format!(
                    "the pages of the list changed while they were read, {} times in a row, and each reading lacked a different subscription; hooktender reads it again later",
                    Pages::MAX_READINGS
                );
                return Err(doubted(message, wait));
            }
        }
    }
    state.doubt.trust(declared, &listed);
    Ok(ListCheck::Plausible)
}

fn doubted(message: String, wait: Duration) -> PassError {
    PassError::ListDoubted(AccountError { reason: "ListDoubted", message, stalled: false }, wait)
}

/// Returns the Webhooks whose create with an unknown outcome the plan repeats.
fn unanswered(plan: &Plan, declared: &[Declared]) -> BTreeSet<ObjectKey> {
    let creates = plan.items.iter().filter(|item| matches!(item.step(), Some(Step::Create { .. })));
    creates
        .filter(|item| declared[item.index].pending_create.is_some())
        .map(|item| item.key.clone())
        .collect()
}
