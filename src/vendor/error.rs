//! The error classes: one for each failure decides condition reason, retry and metric label.

use super::transport::Operation;
use crate::api::{shorten, visible};
use std::time::Duration;

/// A vendor's words are cut to this many characters.
const LONGEST_MESSAGE: usize = 600;

/// What kind of failure it is, and so what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The vendor refuses what is declared. Not tried again before that changes, or slowly.
    Rejected,
    /// The vendor refuses who asks. One renewal and one replay, then a person or the Secret has to change.
    Credentials,
    /// Too fast. The whole account waits as long as it is told.
    Throttled,
    /// No answer, or none from the vendor's own service. Exponential back-off of the account.
    Unavailable,
    /// The vendor's copy moved between reading and writing. Read and planned again.
    Outdated,
    /// A known thing is not there.
    NotFound,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Rejected,
        Self::Credentials,
        Self::Throttled,
        Self::Unavailable,
        Self::Outdated,
        Self::NotFound,
    ];

    /// The name as it stands in conditions and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "Rejected",
            Self::Credentials => "Credentials",
            Self::Throttled => "Throttled",
            Self::Unavailable => "Unavailable",
            Self::Outdated => "Outdated",
            Self::NotFound => "NotFound",
        }
    }
}

/// A call to a vendor that failed. Everything in it is fit to be shown: secrets are taken out where it is made, and its
/// constructors make a vendor's words one line in which nothing is hidden.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation} failed: {message}")]
pub struct VendorError {
    /// What kind of failure.
    pub class: Class,
    /// What was tried.
    pub operation: Operation,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// What happened, in the vendor's own codes and words where it gave any.
    pub message: String,
    /// How long the vendor wants to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the vendor may have done, or may still do, what was asked.
    pub outcome_unknown: bool,
    /// Whether the answer was larger than is read, as it would be again.
    pub too_large: bool,
}

impl VendorError {
    /// A call that was not sent, so that nothing came of it.
    pub(crate) fn unsent(class: Class, operation: Operation, message: impl Into<String>) -> Self {
        let message = visible(&message.into());
        Self {
            class,
            operation,
            status: None,
            message,
            retry_after: None,
            outcome_unknown: false,
            too_large: false,
        }
    }

    /// A call that was not sent because the account's budget is used up. The same words whatever the wait, so that nothing
    /// is written again because a second has passed.
    pub(crate) fn paced(operation: Operation, wait: Duration) -> Self {
        let message = "the account's budget of calls is used up; it goes on by itself";
        Self { retry_after: Some(wait), ..Self::unsent(Class::Throttled, operation, message) }
    }

    /// The same without the vendor's words: they may repeat what others have sent, or tell by what is hidden in them that it is
    /// equal.
    pub(crate) fn without_words(&self) -> Self {
        let message = match self.status {
            Some(status) => format!("HTTP status {status}; the vendor's words are in hooktender's log"),
            None if self.is_paced() => self.message.clone(),
            None => "no answer; the reason is in hooktender's log".to_owned(),
        };
        Self { message, ..self.clone() }
    }

    /// Whether it is our own pace, and not the vendor, that makes the account wait.
    pub fn is_paced(&self) -> bool {
        self.class == Class::Throttled && self.status.is_none()
    }

    /// Whether nothing was sent because what is sent along is not in order, so that another try costs no call either.
    pub(crate) fn was_no_call(&self) -> bool {
        self.class == Class::Credentials && self.status.is_none()
    }

    /// A failure that the vendor answered with, so that its outcome is known.
    pub(crate) fn answered(
        class: Class,
        operation: Operation,
        status: u16,
        message: impl Into<String>,
    ) -> Self {
        // After a 5xx nobody knows whether the vendor had committed before it failed, and a success that cannot be read
        // is one all the same.
        let unreadable = (200..300).contains(&status) && class == Class::Unavailable;
        let outcome_unknown =
            operation.writes() && (unreadable || status >= 500 && class != Class::Throttled);
        let message = shorten::to_chars(&visible(message.into().trim()), LONGEST_MESSAGE);
        Self {
            class,
            operation,
            status: Some(status),
            message,
            retry_after: None,
            outcome_unknown,
            too_large: false,
        }
    }
}
