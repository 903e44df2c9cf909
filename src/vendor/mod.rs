//! Clients of the vendors' APIs. No Kubernetes here, and only [`transport`] sends requests.
//!
//! Each vendor has a folder with the same files: `mod` (the operations), `wire` (private wire types), `document` (rules of
//! comparison, and conversion between wire and document), `manifest` (conversion between manifest and document), `auth`
//! (Secret references and login).

mod auth;
pub mod brightpearl;
mod budget;
mod connection;
pub mod contensis;
mod declared;
mod describe;
mod desired;
pub mod endpoint;
pub mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod items;
mod json;
mod limit;
mod manifest_builder;
mod memory;
mod report;
#[cfg(test)]
mod seeds;
mod session;
pub mod superoffice;
#[cfg(test)]
pub(crate) mod testing;
pub mod transport;

pub use auth::{
    ConnectError, Credentials, MissingSecret, NewTokens, PersistError, SecretRef, SecretRefs, TokenStore,
};
pub use budget::Budget;
pub use connection::{
    AccessLevel, Connection, ReadOnly, ReadWrite, Settings, advice, auto_reenable, has_optimistic_locking,
    list_lag, refusal, rules, secret_refs,
};
pub use describe::{Described, describe};
pub use desired::desired;
pub use endpoint::{AccountEndpoints, AllowedEndpoints, Endpoint, EndpointNotAllowed};
pub(crate) use error::BUDGET_USED_UP;
pub use error::{Class, VendorError};
pub use manifest_builder::{Placeholder, variable_name};
pub use memory::AnswerMemory;
pub use report::CallReport;
pub use transport::Operation;

use crate::plan::{Document, ExternalId, List, Observed};
use std::future::Future;

/// The operations of a vendor's client. The transport bounds how long each takes and what is retried.
pub(crate) trait Vendor: Send + Sync {
    /// Returns every subscription of the account, from all pages of a consistent list. An answer that does not come from the
    /// vendor's API is an error, never an empty list.
    fn list(&self) -> impl Future<Output = Result<List, VendorError>> + Send;

    /// Stores exchanged tokens that could not be stored yet. Must be called before the client is replaced.
    fn flush_tokens(&self) -> impl Future<Output = Result<(), VendorError>> + Send;

    /// Creates a subscription. Not idempotent: after an error with [`VendorError::outcome_unknown`] it may exist.
    fn create(&self, desired: &Document) -> impl Future<Output = Result<Observed, VendorError>> + Send;

    /// Changes a subscription to what is desired. Members that a manifest cannot hold keep their values.
    fn update(
        &self,
        current: &Observed,
        desired: &Document,
    ) -> impl Future<Output = Result<Observed, VendorError>> + Send;

    /// Deletes a subscription. Succeeds if there is none with that id.
    fn delete(&self, id: &ExternalId) -> impl Future<Output = Result<(), VendorError>> + Send;

    /// Returns what a person should do about an account that can be read, such as rights to add. Makes no call.
    fn advice(&self) -> Option<String> {
        None
    }

    /// Returns whether the login may create, change and delete subscriptions; `None` if the vendor does not tell. Makes no call.
    fn may_write(&self) -> Option<bool> {
        None
    }

    /// Makes the next list check again whether [`Self::advice`] still applies.
    fn recheck_advice(&self) {}
}

/// Returns scheme, host and port of an address for a summary. The rest of a receiver's address may hold a secret.
pub(crate) fn receiver(address: &str) -> String {
    crate::plan::diff::host(address).unwrap_or_else(|| "...".into())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_summary_shows_only_the_host() {
        let cases = [
            ("https://hooks.example.com/k/s3cret?token=s3cret", "https://hooks.example.com/..."),
            ("https://hooks.example.com", "https://hooks.example.com"),
            ("https://user:s3cret@hooks.example.com:8443/x", "https://hooks.example.com:8443/..."),
            ("https://{{resource.host}}/x", "https:///..."),
            ("s3cret script", "..."),
        ];
        for (address, shown) in cases {
            assert_eq!(super::receiver(address), shown);
        }
    }
}
