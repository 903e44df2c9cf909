//! Finds the differences between a subscription and its declaration that are to be changed.

use super::PlanContext;
use crate::plan::diff::{Change, changes};
use crate::plan::{Document, Field, Observed, Value};

/// How a subscription was matched to the Webhook.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MatchedBy {
    /// Its id is recorded.
    Recorded,
    /// Its id is pinned, or it is equal to the declaration.
    Pinned,
    /// A pending create of the Webhook made it.
    FromPendingCreate,
}

/// Returns the changes of write-only values, which are sent although no difference can be seen.
pub(super) fn forced_changes(write_only: &[(String, &Value)], why: &str, rotated: bool) -> Vec<Change> {
    if write_only.is_empty() && rotated {
        let field = "secret".to_owned();
        return vec![Change { field, before: Some("(hidden)".into()), after: None, replaces: false }];
    }
    let change = |field: &String| Change {
        field: field.clone(),
        before: None,
        after: Some(why.into()),
        replaces: false,
    };
    write_only.iter().map(|(field, _)| change(field)).collect()
}

impl PlanContext<'_> {
    /// Returns the changes to make. A value that the vendor stores in another spelling is not one.
    pub(super) fn changes(&self, found: &Observed, desired: &Document, by: MatchedBy) -> Vec<Change> {
        let is_own =
            by == MatchedBy::FromPendingCreate && !self.webhook.guest || self.webhook.may_show(&found.id);
        let mut all = changes(self.rules, &found.document, desired, self.webhook.redaction(is_own));
        if all.is_empty() {
            return all;
        }
        let recorded = self.webhook.recorded.as_ref() == Some(&found.id);
        let is_spelling =
            |name: &'static str| recorded && self.webhook.hints.stored_differently.contains(&name);
        // No spelling is recorded yet, but the subscription is the Webhook's own.
        let may_be_spelling = by == MatchedBy::FromPendingCreate || self.webhook.stateless;
        let left_as_it_is = |field: &Field| {
            is_spelling(field.name) || may_be_spelling && field.spelled_alike(&found.document, desired)
        };
        all.retain(|change| !change.top_level(self.rules).is_some_and(&left_as_it_is));
        all
    }
}
