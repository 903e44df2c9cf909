//! Why an account cannot be reconciled, that the API server cannot be reached, and how errors are written to the log.

use crate::vendor::{Class, VendorError};
use std::error::Error;

/// Why an account cannot be reconciled: a condition's reason and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountError {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// Whether only a person, or a slow retry, can help.
    pub(crate) stalled: bool,
}

impl AccountError {
    pub(crate) fn stalled(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), stalled: true }
    }

    pub(crate) fn of(error: &VendorError) -> Self {
        let message = if error.is_paced() { error.message.clone() } else { error.to_string() };
        Self { reason: error.class.as_str(), message, stalled: is_stalled(error.class) }
    }

    /// Returns the error as a guest may see it: without the vendor's message and the names of the account's Secrets.
    pub(crate) fn without_words(&self) -> Self {
        let Self { reason, stalled, .. } = *self;
        let message = format!("it cannot be reconciled ({reason}): its status has the cause");
        Self { reason, message, stalled }
    }
}

/// Whether an error of that class needs a person.
pub(crate) fn is_stalled(class: Class) -> bool {
    match class {
        Class::Rejected | Class::Credentials => true,
        Class::Throttled | Class::Unavailable | Class::Outdated | Class::NotFound => false,
    }
}

/// A request that got no response from the API server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{server} cannot be reached: {cause}")]
pub(crate) struct ApiServerUnreachable {
    /// The API server, with its address, and with the context of the kubeconfig if it comes from one.
    pub(crate) server: String,
    /// The cause in a few words.
    pub(crate) cause: String,
}

impl ApiServerUnreachable {
    /// Returns this error if it is the cause of `error`.
    pub(crate) fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        causes(error).find_map(|error| error.downcast_ref())
    }
}

/// Returns an error and all its causes.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    fn cause<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        // Of the error itself, not of the reference to it, which lives shorter.
        let error = *error;
        error.source()
    }
    std::iter::successors(Some(error), cause)
}

/// Returns an error and all its causes in one line, for the log. That the API server cannot be reached needs no more words: the
/// errors around it only repeat it.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    if let Some(unreachable) = ApiServerUnreachable::find(error) {
        return unreachable.to_string();
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}
