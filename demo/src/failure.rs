//! Errors.

use std::io;
use std::time::Duration;

/// The result of one step of the demo.
pub(crate) type Step<T> = Result<T, Failure>;

/// Why the demo cannot continue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Ctrl-C, or another signal to end.
    #[error("interrupted")]
    Interrupted,
    /// An expected event did not happen.
    #[error("not within {} s: {what}", within.as_secs())]
    TooLate {
        /// What was awaited.
        what: String,
        /// How long.
        within: Duration,
        /// What was seen last.
        seen: String,
    },
    /// The operator ended by itself.
    #[error("the operator ended ({status}) while the demo waited for this: {awaited}")]
    OperatorEnded {
        /// How it ended.
        status: String,
        /// What it should have done.
        awaited: String,
    },
    /// A command failed.
    #[error("`{command}` failed")]
    Command {
        /// As a person would type it.
        command: String,
        /// Its output.
        said: String,
    },
    /// The cluster does not start.
    #[error("the cluster: {0}")]
    Cluster(#[from] hooktender_cluster::Error),
    /// The sandbox does not start.
    #[error("the fake vendors: {0}")]
    Sandbox(#[from] hooktender_sandbox::Error),
    /// A request on this machine failed.
    #[error("{what}: {source}")]
    Http {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: reqwest::Error,
    },
    /// The file system or a process refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// An invariant is broken.
    #[error("{0}")]
    Unexpected(String),
}

impl Failure {
    /// For `map_err`: adds what was tried to an I/O error.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Details beyond the message.
    pub(crate) fn detail(&self) -> Option<&str> {
        match self {
            Self::TooLate { seen, .. } => Some(seen),
            Self::Command { said, .. } => Some(said),
            _ => None,
        }
    }
}
