//! Which differences between a subscription and what is declared are changes to make.

use super::PlanContext;
use crate::plan::diff::{Change, changes};
use crate::plan::{Document, Field, Observed, Value};

/// How a subscription was matched to the Webhook.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Its id is recorded.
    Recorded,
    /// The spec names it, or it is equal to what is declared.
    Named,
    /// An unanswered create of the Webhook made it.
    Made,
}

/// Returns the changes for write-only values, which are sent although no difference can be seen.
pub(super) fn resent(concealed: &[(String, &Value)], why: &str, rotated: bool) -> Vec<Change> {
    if concealed.is_empty() && rotated {
        let field = "secret".to_owned();
        return vec![Change { field, before: Some("(hidden)".into()), after: None, replaces: false }];
    }
    let change = |field: &String| Change {
        field: field.clone(),
        before: None,
        after: Some(why.into()),
        replaces: false,
    };
    concealed.iter().map(|(field, _)| change(field)).collect()
}

impl PlanContext<'_> {
    /// Returns the changes to make. Values that the vendor stores in another spelling are not changed.
    pub(super) fn changes(&self, found: &Observed, desired: &Document, known: Known) -> Vec<Change> {
        let is_own = known == Known::Made && !self.webhook.guest || self.webhook.may_show(&found.id);
        let mut all = changes(self.rules, &found.document, desired, self.webhook.redaction(is_own));
        if all.is_empty() {
            return all;
        }
        let recorded = self.webhook.recorded.as_ref() == Some(&found.id);
        let is_spelling = |name: &'static str| recorded && self.webhook.stored_differently.contains(&name);
        // No spelling is recorded for these yet, but the subscription is the Webhook's own.
        let may_be_spelling = known == Known::Made || self.webhook.stateless;
        let left_as_it_is = |field: &Field| {
            is_spelling(field.name) || may_be_spelling && field.spelled_alike(&found.document, desired)
        };
        all.retain(|change| !change.top_level(self.rules).is_some_and(&left_as_it_is));
        all
    }
}
