//! The login's rights on webhook subscriptions (vendors/contensis.md 5). For messages only: no call is blocked because of them.

use crate::vendor::Operation;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A right of a project's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    View,
    Create,
    Update,
    Delete,
    UseCustomTemplates,
}

impl Right {
    /// The rights that a list does not prove.
    pub(super) const BEYOND_VIEW: [Self; 4] =
        [Self::Create, Self::Update, Self::Delete, Self::UseCustomTemplates];

    /// Returns the name of the action in the vendor's API.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::UseCustomTemplates => "useCustomTemplates",
        }
    }
}

/// What is known about the login's rights. It belongs to one client, so that new credentials are checked again.
#[derive(Debug, Default)]
pub(super) struct Rights(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    checked: bool,
    /// Whether the last check had an answer.
    told: bool,
    missing: Vec<Right>,
}

impl Rights {
    /// Starts a check if one is due. Returns true once, whatever the result of the check.
    pub(super) fn start_check(&self) -> bool {
        !std::mem::replace(&mut self.state().checked, true)
    }

    /// Records the missing rights, or that the server does not tell.
    pub(super) fn record(&self, missing: Option<Vec<Right>>) {
        let mut state = self.state();
        state.told = missing.is_some();
        state.missing = missing.unwrap_or_default();
    }

    /// Returns whether no right is missing; `None` if the server does not tell, or was not asked yet.
    pub(super) fn are_complete(&self) -> Option<bool> {
        let state = self.state();
        state.told.then(|| state.missing.is_empty())
    }

    /// Requests another check after the next list if a right is missing: it may have been added.
    pub(super) fn recheck(&self) {
        let mut state = self.state();
        state.checked &= state.missing.is_empty();
    }

    /// Records that a call that needs these rights succeeded.
    pub(super) fn record_used(&self, used: &[Right]) {
        self.state().missing.retain(|right| !used.contains(right));
    }

    /// Records a refusal of a call that needs one of `needed`, the likeliest first, and returns the missing ones. If the last
    /// check does not explain the refusal, another one is due.
    pub(super) fn record_refusal(&self, needed: &[Right]) -> Vec<Right> {
        let mut state = self.state();
        let explains: Vec<_> = needed.iter().copied().filter(|right| state.missing.contains(right)).collect();
        if !explains.is_empty() {
            return explains;
        }
        state.checked = false;
        needed.iter().take(1).copied().collect()
    }

    /// Returns the rights that the login is known to lack.
    pub(super) fn missing(&self) -> Vec<Right> {
        self.state().missing.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the rights that an operation needs, the likeliest to be missing first, or only the one that the refusal names.
pub(super) fn needed(operation: Operation, detail: Option<&str>) -> &'static [Right] {
    let detail = detail.unwrap_or_default().to_lowercase().replace(' ', "");
    match operation {
        Operation::Create | Operation::Update if detail.contains("customtemplates") => {
            &[Right::UseCustomTemplates]
        }
        Operation::Create => &[Right::Create, Right::UseCustomTemplates],
        Operation::Update => &[Right::Update, Right::UseCustomTemplates],
        Operation::Delete => &[Right::Delete],
        Operation::List | Operation::Read | Operation::Token | Operation::Discover | Operation::Validate => {
            &[Right::View]
        }
    }
}

/// Joins rights for a message: `"create", "update" and "use custom templates"`.
pub(super) fn names(rights: &[Right]) -> String {
    let name = |right: &Right| match right {
        Right::UseCustomTemplates => "\"use custom templates\"".to_owned(),
        Right::View | Right::Create | Right::Update | Right::Delete => format!("{:?}", right.action()),
    };
    let names: Vec<_> = rights.iter().map(name).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Right::{Create, Delete, UseCustomTemplates};

    #[test]
    fn a_check_is_due_once_and_after_a_refusal_that_it_does_not_explain() {
        let rights = Rights::default();
        assert!(rights.start_check());
        assert!(!rights.start_check(), "not at each list");
        rights.record(Some(vec![Create]));
        assert_eq!(rights.record_refusal(&[Create, UseCustomTemplates]), [Create]);
        assert!(!rights.start_check(), "the last check explains the refusal");
        assert_eq!(rights.record_refusal(&[Delete]), [Delete]);
        assert!(rights.start_check(), "the role has changed");
    }

    #[test]
    fn only_missing_rights_are_checked_again_on_request() {
        let rights = Rights::default();
        assert!(rights.start_check());
        rights.recheck();
        assert!(!rights.start_check(), "nothing is missing");
        rights.record(Some(vec![Delete]));
        rights.recheck();
        assert!(rights.start_check());
    }

    #[test]
    fn a_right_that_was_used_is_not_missing() {
        let rights = Rights::default();
        rights.record(Some(vec![Create, Delete]));
        rights.record_used(&[Create]);
        assert_eq!(rights.missing(), [Delete]);
    }

    #[test]
    fn nothing_is_said_about_rights_that_the_server_does_not_tell() {
        let rights = Rights::default();
        assert_eq!(rights.are_complete(), None);
        rights.record(Some(Vec::new()));
        assert_eq!(rights.are_complete(), Some(true));
        rights.record(Some(vec![Delete]));
        assert_eq!(rights.are_complete(), Some(false));
        rights.record(None);
        assert_eq!((rights.are_complete(), rights.missing()), (None, vec![]));
    }

    #[test]
    fn rights_read_as_a_list() {
        assert_eq!(names(&[Create]), r#""create""#);
        assert_eq!(
            names(&[Create, Delete, UseCustomTemplates]),
            r#""create", "delete" and "use custom templates""#
        );
    }

    #[test]
    fn a_refusal_that_names_templates_is_about_them() {
        let detail = Some("Access denied: the action 'useCustomTemplates' is not permitted");
        assert_eq!(needed(Operation::Update, detail), [UseCustomTemplates]);
        assert_eq!(needed(Operation::Create, None), [Create, UseCustomTemplates]);
        assert_eq!(needed(Operation::Delete, detail), [Delete]);
    }
}
