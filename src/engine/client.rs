//! A client of an account's vendor: read-only, or with writes if the account's mode allows them.

use crate::plan::List;
use crate::vendor::{Connection, ReadOnly, ReadWrite, VendorError};

/// A client that can read, or write too.
pub(crate) enum Client {
    Reader(Connection<ReadOnly>),
    Writer(Connection<ReadWrite>),
}

impl Client {
    pub(crate) async fn list(&self) -> Result<List, VendorError> {
        match self {
            Self::Reader(connection) => connection.list().await,
            Self::Writer(connection) => connection.list().await,
        }
    }

    /// Returns what a person should do about the account although its list can be read.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Reader(connection) => connection.advice(),
            Self::Writer(connection) => connection.advice(),
        }
    }

    /// Returns whether the login may write, as the vendor told with the last list; `None` if it does not tell.
    pub(crate) fn may_write(&self) -> Option<bool> {
        match self {
            Self::Reader(connection) => connection.may_write(),
            Self::Writer(connection) => connection.may_write(),
        }
    }

    /// Makes the next list find out whether [`Self::advice`] still holds.
    pub(crate) fn recheck_advice(&self) {
        match self {
            Self::Reader(connection) => connection.recheck_advice(),
            Self::Writer(connection) => connection.recheck_advice(),
        }
    }

    /// Persists tokens that are not persisted yet. Must be called before the client is replaced.
    pub(crate) async fn persist_tokens(&self) -> Result<(), VendorError> {
        match self {
            Self::Reader(connection) => connection.flush_tokens().await,
            Self::Writer(connection) => connection.flush_tokens().await,
        }
    }
}
