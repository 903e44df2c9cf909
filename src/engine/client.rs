//! The account's client: as much as its mode allows, kept from pass to pass with its connections and tokens, and made anew
//! when anything that it is made of changes.

use super::outcome::Trouble;
use super::secrets::Values;
use crate::api::{Mode, VendorAccount};
use crate::plan::Observed;
use crate::vendor::{ConnectError, Connection, ReadOnly, ReadWrite, Settings, VendorError};
use kube::{Resource, ResourceExt};
use std::sync::Arc;

/// A client that may read, or write too.
pub(super) enum Client {
    Reader(Connection<ReadOnly>),
    Writer(Connection<ReadWrite>),
}

/// A client, and what it is made of.
pub(super) struct Kept {
    made_of: String,
    client: Arc<Client>,
}

impl Client {
    pub(super) async fn list(&self) -> Result<Vec<Observed>, VendorError> {
        match self {
            Self::Reader(connection) => connection.list().await,
            Self::Writer(connection) => connection.list().await,
        }
    }

    /// The client that was kept, or a new one.
    pub(super) fn of(
        kept: &mut Option<Kept>,
        account: &VendorAccount,
        values: &Values,
        ceiling: Mode,
        settings: &Settings,
    ) -> Result<Arc<Self>, Trouble> {
        let stalled = |reason, message| Trouble { reason, message, stalled: true };
        let (vendor, namespace) = (&account.spec.vendor, account.namespace().unwrap_or_default());
        let (credentials, versions) =
            values.credentials(vendor, &namespace).map_err(|message| stalled("Credentials", message))?;
        let mode = account.spec.mode.max(ceiling);
        let made_of = format!("{:?}/{mode:?}/{versions}", account.meta().generation);
        if let Some(kept) = kept
            && kept.made_of == made_of
        {
            return Ok(Arc::clone(&kept.client));
        }
        let client = match mode {
            Mode::Plan => Connection::open(vendor, &credentials, settings).map(Self::Reader),
            Mode::Enforce => Connection::open(vendor, &credentials, settings).map(Self::Writer),
        };
        let client = Arc::new(client.map_err(|error| {
            let reason = match &error {
                ConnectError::Endpoint(_) => "EndpointNotAllowed",
                ConnectError::Secret(_) | ConnectError::Unsupported { .. } | ConnectError::Client(_) => {
                    "Credentials"
                }
            };
            stalled(reason, error.to_string())
        })?);
        *kept = Some(Kept { made_of, client: Arc::clone(&client) });
        Ok(client)
    }
}
