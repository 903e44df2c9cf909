//! Why an account cannot be reconciled, and how errors are written to the log.

use crate::vendor::{Class, VendorError};

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

/// Returns an error and all its causes in one line, for the log.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}
