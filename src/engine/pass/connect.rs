//! Makes the account's client, or takes the one of the last pass.

use crate::api::{Mode, VendorAccount};
use crate::engine::client::Client;
use crate::engine::cluster::secrets::{SecretReader, account_keys};
use crate::engine::cluster::values::Values;
use crate::engine::error::AccountError;
use crate::engine::fingerprint::fingerprint;
use crate::engine::state::client_cache::ClientCache;
use crate::vendor::{ConnectError, Connection, Settings, VendorError};
use kube::{Resource, ResourceExt};
use std::sync::Arc;

/// Returns the client of an account, limited to what both the account's mode and `ceiling` allow.
///
/// # Errors
///
/// Why there is none, with the vendor's error where there is one.
pub(crate) async fn connect(
    cache: &mut ClientCache,
    account: &VendorAccount,
    values: &Values,
    secrets: &impl SecretReader,
    (ceiling, settings): (Mode, &Settings),
) -> Result<Arc<Client>, (AccountError, Option<VendorError>)> {
    let stalled = |reason, message: String| (AccountError::stalled(reason, message), None);
    let (vendor, namespace) = (&account.spec.vendor, account.namespace().unwrap_or_default());
    let credentials =
        values.credentials(vendor, &namespace, secrets).map_err(|message| stalled("Credentials", message))?;
    let mode = account.spec.mode.max(ceiling);
    // By the values and not by the versions of the Secrets: a Secret that is written without a change of them costs no login.
    let read: Vec<_> = account_keys(vendor, &namespace).map(|(from, key)| values.text(&from, &key)).collect();
    // An account that was created again under its name is another account.
    let inputs = fingerprint((account.uid(), account.meta().generation, mode == Mode::Plan, read));
    if let Some(client) = cache.get(inputs) {
        return Ok(client);
    }
    if let Some(client) = cache.last() {
        client.persist_tokens().await.map_err(|error| (AccountError::of(&error), Some(error)))?;
    }
    let budget = cache.budget(account);
    let client = match mode {
        Mode::Plan => {
            Connection::open(&namespace, vendor, &credentials, budget, settings).map(Client::Reader)
        }
        Mode::Enforce => {
            Connection::open(&namespace, vendor, &credentials, budget, settings).map(Client::Writer)
        }
    };
    let client = Arc::new(client.map_err(|error| {
        let reason = match &error {
            ConnectError::Endpoint(_) => "EndpointNotAllowed",
            ConnectError::Secret(_) | ConnectError::Unusable { .. } | ConnectError::Client(_) => {
                "Credentials"
            }
        };
        stalled(reason, error.to_string())
    })?);
    cache.replace(inputs, Arc::clone(&client));
    Ok(client)
}
