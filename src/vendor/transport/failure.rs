//! Why a call has no usable answer.

use crate::vendor::memory::NoMemory;
use std::fmt;

pub(super) enum Failure {
    Http(reqwest::Error),
    TimedOut(String),
    TooLong(usize),
    TooMany(usize),
    NoMemory(NoMemory),
}

impl Failure {
    /// Whether the answer exceeds what is read.
    pub(super) fn is_too_large(&self) -> bool {
        match self {
            Self::TooLong(_) | Self::TooMany(_) | Self::NoMemory(NoMemory::TooLarge(_)) => true,
            Self::Http(_) | Self::TimedOut(_) | Self::NoMemory(NoMemory::Busy) => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => f.write_str(&describe(error)),
            Self::TimedOut(host) => write!(f, "no answer in time from {host}"),
            Self::TooLong(longest) => write!(
                f,
                "the answer is longer than {} MiB, the most that hooktender reads: check the account's address, and the subscriptions there",
                longest >> 20
            ),
            Self::NoMemory(error) => error.fmt(f),
            Self::TooMany(most) => write!(
                f,
                "the answer has more than {most} values, the most that hooktender reads: check the account's address, and the subscriptions there"
            ),
        }
    }
}

pub(super) fn not_set_up(error: &reqwest::Error) -> String {
    format!("the HTTP client cannot be set up: {}", describe(error))
}

/// Describes an error and its cause, without the URL, whose query may hold secrets.
pub(super) fn describe(error: &reqwest::Error) -> String {
    let host = error.url().and_then(|url| url.host_str()).unwrap_or("the vendor");
    let what = if error.is_timeout() {
        "no answer in time from"
    } else if error.is_connect() {
        "no connection to"
    } else {
        "the connection broke: incomplete answer from"
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if std::ptr::eq(std::ptr::from_ref(cause).cast::<u8>(), std::ptr::from_ref(error).cast::<u8>()) {
        format!("{what} {host}")
    } else {
        format!("{what} {host} ({cause})")
    }
}
