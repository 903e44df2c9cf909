//! What calls are for.

use std::fmt;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Reading all subscriptions.
    List,
    /// Reading one subscription.
    Read,
    /// Making one.
    Create,
    /// Changing one.
    Update,
    /// Deleting one.
    Delete,
    /// Logging in.
    Token,
    /// Finding out where the account lives, and how it is.
    Discover,
    /// Finding out what may be written, without writing it.
    Validate,
}

impl Operation {
    /// The name as it stands in metrics and logs.
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

    /// Whether the vendor's subscriptions change by it.
    pub fn writes(self) -> bool {
        match self {
            Self::List | Self::Read | Self::Token | Self::Discover | Self::Validate => false,
            Self::Create | Self::Update | Self::Delete => true,
        }
    }

    /// Whether a refusal of it concerns the whole account, and not the one subscription that it is about.
    pub(crate) fn concerns_account(self) -> bool {
        match self {
            Self::List | Self::Token | Self::Discover => true,
            Self::Read | Self::Validate | Self::Create | Self::Update | Self::Delete => false,
        }
    }

    /// Whether it counts against the account's limit: the vendors' central services have limits of their own.
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
