//! Errors of vendor calls. The class of an error decides the condition reason, the retry and the metric label.

use super::transport::Operation;
use crate::api::{shorten, visible};
use std::time::Duration;

/// A vendor's message is cut to this many characters.
const LONGEST_MESSAGE: usize = 600;

/// The message of an account that waits because of its own rate limit.
pub(crate) const BUDGET_USED_UP: &str =
    "the account's rate limit is used up; hooktender continues automatically";

/// The kind of a failure, which decides what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The vendor refuses what is declared. Retried after a change, otherwise rarely.
    Rejected,
    /// The vendor refuses the credentials, also with a fresh token. A person has to change the Secret or the login's rights.
    Credentials,
    /// The rate limit is exceeded. The whole account waits for as long as the vendor asks.
    Throttled,
    /// No answer, or one that does not come from the vendor's API. The account waits for as long as the vendor asks, or backs off exponentially.
    Unavailable,
    /// The subscription changed between reading and writing. The account is read and planned again.
    Outdated,
    /// A subscription that was known does not exist.
    NotFound,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 6] = [
        Self::Rejected,
        Self::Credentials,
        Self::Throttled,
        Self::Unavailable,
        Self::Outdated,
        Self::NotFound,
    ];

    /// Returns the name in conditions and metrics.
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

/// A call to a vendor that failed. Its message can be shown: secrets are redacted before, and the constructors make it one line
/// without hidden characters.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation} failed: {message}")]
pub struct VendorError {
    /// The kind of the failure.
    pub class: Class,
    /// The operation that failed.
    pub operation: Operation,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What happened, with the vendor's own error codes and message if it sent any.
    pub message: String,
    /// How long the vendor asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether the vendor may have carried out the call, or may still do so.
    pub outcome_unknown: bool,
    /// Whether the answer exceeds what hooktender reads, so that a retry does not help.
    pub too_large: bool,
}

impl VendorError {
    /// A call that was not sent and so had no effect.
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

    /// A call that was not sent because the account's budget is used up. The message does not name the wait, so that a status
    /// with it does not change every second.
    pub(crate) fn paced(operation: Operation, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..Self::unsent(Class::Throttled, operation, BUDGET_USED_UP) }
    }

    /// Returns the error without the vendor's message, which may repeat what others have sent, or reveal by a redacted part that
    /// two values are equal.
    pub(crate) fn without_words(&self) -> Self {
        let message = match self.status {
            Some(status) => format!("HTTP status {status}; the vendor's message is in hooktender's log"),
            None if self.is_paced() => self.message.clone(),
            None => "no answer; the reason is in hooktender's log".to_owned(),
        };
        Self { message, ..self.clone() }
    }

    /// Whether the account waits because of its own budget, not because of an answer of the vendor.
    pub fn is_paced(&self) -> bool {
        self.class == Class::Throttled && self.status.is_none()
    }

    /// Whether the call failed before it was sent because of its credentials, so that a retry costs no call.
    pub(crate) fn was_no_call(&self) -> bool {
        self.class == Class::Credentials && self.status.is_none()
    }

    /// A call that was answered with a failure.
    pub(crate) fn answered(
        class: Class,
        operation: Operation,
        status: u16,
        message: impl Into<String>,
    ) -> Self {
        // The vendor may have committed before it failed with a 5xx, and a success that cannot be read is a success.
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
