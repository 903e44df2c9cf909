//! The purpose of a call.

use std::fmt;

/// The purpose of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Reads all subscriptions.
    List,
    /// Reads one subscription.
    Read,
    /// Creates one.
    Create,
    /// Changes one.
    Update,
    /// Deletes one.
    Delete,
    /// Logs in.
    Token,
    /// Finds the server of a tenant, and its state.
    Discover,
    /// Checks what could be written, without writing it.
    Validate,
}

impl Operation {
    /// Returns the name in metrics, logs and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Token => "token",
            Self::Discover => "locate",
            Self::Validate => "check",
        }
    }

    /// Whether it changes subscriptions.
    pub fn writes(self) -> bool {
        match self {
            Self::List | Self::Read | Self::Token | Self::Discover | Self::Validate => false,
            Self::Create | Self::Update | Self::Delete => true,
        }
    }

    /// Whether a refusal concerns the whole account and not one subscription.
    pub(crate) fn concerns_account(self) -> bool {
        match self {
            Self::List | Self::Token | Self::Discover => true,
            Self::Read | Self::Validate | Self::Create | Self::Update | Self::Delete => false,
        }
    }

    /// Whether it counts against the account's rate limit. The vendors' central services have limits of their own.
    pub(super) fn is_counted(self) -> bool {
        match self {
            Self::Token | Self::Discover => false,
            Self::List | Self::Read | Self::Validate | Self::Create | Self::Update | Self::Delete => true,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
