//! The account's client: as much as its mode allows, kept from pass to pass with its connections and tokens, and made anew
//! when anything that it is made of changes.

use crate::api::account::RateLimit;
use crate::api::{Mode, VendorAccount};
use crate::engine::cluster::secrets::{SecretReader, Values, account_keys};
use crate::engine::status::webhook::AccountError;
use crate::plan::List;
use crate::vendor::{Budget, ConnectError, Connection, ReadOnly, ReadWrite, Settings, VendorError};
use kube::{Resource, ResourceExt};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// A client that may read, or write too.
pub(crate) enum Client {
    Reader(Connection<ReadOnly>),
    Writer(Connection<ReadWrite>),
}

/// A client, and what it is made of. The budget outlives it: new credentials make no new calls.
#[derive(Default)]
pub(crate) struct ClientCache {
    made_of: Option<u64>,
    hasher: RandomState,
    client: Option<Arc<Client>>,
    rate: Option<RateLimit>,
    budget: Option<Arc<Budget>>,
}

impl ClientCache {
    /// The account's budget.
    fn budget(&mut self, account: &VendorAccount) -> Arc<Budget> {
        if self.rate != account.spec.rate_limit {
            self.rate = account.spec.rate_limit;
            self.budget = None;
        }
        let new = || Arc::new(Budget::of(&account.spec.vendor, account.spec.rate_limit.as_ref()));
        Arc::clone(self.budget.get_or_insert_with(new))
    }

    /// The client that was good last, for cleaning up when the Secret that it was made of is gone.
    pub(crate) fn last(&self) -> Option<Arc<Client>> {
        self.client.clone()
    }

    /// How long the account has to wait for its next call, if it has to.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.budget.as_ref()?.wait()
    }

    /// How long so many calls for guests have to wait.
    pub(crate) fn guests_wait(&self, calls: usize) -> Option<Duration> {
        self.budget.as_ref()?.guests_wait(calls)
    }

    /// Whether so many calls can be made now.
    pub(crate) fn fits(&self, calls: usize) -> bool {
        self.remaining().is_none_or(|left| usize::try_from(left).is_ok_and(|left| left >= calls))
    }

    /// How long so many calls of the account take at least, where they cannot be made at once.
    pub(crate) fn time_for(&self, calls: usize) -> Option<Duration> {
        self.budget.as_ref()?.time_for(calls)
    }

    /// How many calls the account can make now, where there is a limit.
    pub(crate) fn remaining(&self) -> Option<u32> {
        self.budget.as_ref()?.remaining()
    }
}

impl Client {
    pub(crate) async fn list(&self) -> Result<List, VendorError> {
        match self {
            Self::Reader(connection) => connection.list().await,
            Self::Writer(connection) => connection.list().await,
        }
    }

    /// What a person should do about the account although it can be read.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Reader(connection) => connection.advice(),
            Self::Writer(connection) => connection.advice(),
        }
    }

    /// Has the next list find out again whether [`Self::advice`] still holds.
    pub(crate) fn recheck_advice(&self) {
        match self {
            Self::Reader(connection) => connection.recheck_advice(),
            Self::Writer(connection) => connection.recheck_advice(),
        }
    }

    async fn flush_tokens(&self) -> Result<(), VendorError> {
        match self {
            Self::Reader(connection) => connection.flush_tokens().await,
            Self::Writer(connection) => connection.flush_tokens().await,
        }
    }

    /// The client that was kept, or a new one; or why there is none, with the vendor client's error where there is one.
    pub(crate) async fn of(
        kept: &mut ClientCache,
        account: &VendorAccount,
        values: &Values,
        source: &impl SecretReader,
        ceiling: Mode,
        settings: &Settings,
    ) -> Result<Arc<Self>, (AccountError, Option<VendorError>)> {
        let stalled = |reason, message| (AccountError { reason, message, stalled: true }, None);
        let (vendor, namespace) = (&account.spec.vendor, account.namespace().unwrap_or_default());
        let credentials = values
            .credentials(vendor, &namespace, source)
            .map_err(|message| stalled("Credentials", message))?;
        let mode = account.spec.mode.max(ceiling);
        // By the values and not by the versions of the Secrets: a Secret that is written without a change of them costs no login.
        let read: Vec<_> =
            account_keys(vendor, &namespace).map(|(from, key)| values.text(&from, &key)).collect();
        // Another account under the same name is another account.
        let made_of =
            Some(kept.hasher.hash_one((account.uid(), account.meta().generation, mode == Mode::Plan, read)));
        if let Some(client) = &kept.client
            && kept.made_of == made_of
        {
            return Ok(Arc::clone(client));
        }
        if let Some(client) = &kept.client {
            client.flush_tokens().await.map_err(|error| (AccountError::of(&error), Some(error)))?;
        }
        let budget = kept.budget(account);
        let client = match mode {
            Mode::Plan => {
                Connection::open(&namespace, vendor, &credentials, budget, settings).map(Self::Reader)
            }
            Mode::Enforce => {
                Connection::open(&namespace, vendor, &credentials, budget, settings).map(Self::Writer)
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
        kept.made_of = made_of;
        kept.client = Some(Arc::clone(&client));
        Ok(client)
    }
}
