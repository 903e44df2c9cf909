//! What users ask of a Webhook, as a pass found it when it began.

use crate::api::{RELEASE, REQUESTED_AT, Webhook};
use kube::ResourceExt;

/// The parts of an object whose change triggers a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Requested {
    pub(crate) generation: Option<i64>,
    pub(crate) request: Option<String>,
    pub(super) release: Option<String>,
    pub(super) deleting: bool,
}

impl Requested {
    /// Everything that is asked for but a pass.
    pub(crate) fn but_request(&self) -> (Option<i64>, Option<&str>, bool) {
        (self.generation, self.release.as_deref(), self.deleting)
    }

    pub(crate) fn of(webhook: &Webhook) -> Self {
        let annotation = |name: &str| webhook.annotations().get(name).cloned();
        Self {
            generation: webhook.metadata.generation,
            request: annotation(REQUESTED_AT),
            release: annotation(RELEASE),
            deleting: webhook.metadata.deletion_timestamp.is_some(),
        }
    }
}

/// Whether a request, of a Webhook or an account, differs from the one that was handled last.
pub(crate) fn is_unanswered(request: Option<&String>, handled: Option<&String>) -> bool {
    request.is_some() && request != handled
}
