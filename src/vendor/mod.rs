//! What vendors say, and how to say something to them.
//!
//! Knows nothing of Kubernetes. One folder a vendor, the same files in each: `mod` (the operations), `wire` (private
//! wire types), `document` (rules, and wire to document), `manifest` (document to what a person would write), `auth` (how
//! to log in). Only [`transport`] sends requests.

mod auth;
pub mod brightpearl;
mod budget;
mod connection;
pub mod contensis;
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
    Credentials, MissingSecret, NewTokens, PersistError, SecretRef, SecretRefs, TokenStore, secret_refs,
};
pub use budget::Budget;
pub use connection::{
    AccessLevel, ConnectError, Connection, ReadOnly, ReadWrite, Settings, advice, auto_reenable,
    has_optimistic_locking, list_lag, refusal, rules,
};
pub use describe::{Described, Placeholder, describe};
pub use desired::desired;
pub use endpoint::{AccountEndpoints, AllowedEndpoints, Endpoint, EndpointNotAllowed};
pub use error::{Class, VendorError};
pub use memory::AnswerMemory;
pub use report::CallReport;
pub use transport::Operation;

use crate::plan::{Document, ExternalId, List, Observed};
use std::future::Future;

/// What every vendor can do. A call takes as long as the transport's time-outs allow and is never repeated blindly.
pub(crate) trait Vendor: Send + Sync {
    /// Every subscription of the account: all pages, which fit together. An answer that is not the vendor's own is an error,
    /// never "none".
    fn list(&self) -> impl Future<Output = Result<List, VendorError>> + Send;

    /// Comes before this client is given up for another: keeps tokens that could not be kept yet.
    fn flush_tokens(&self) -> impl Future<Output = Result<(), VendorError>> + Send;

    /// Makes a subscription. Not idempotent: after [`VendorError::outcome_unknown`] it may exist.
    fn create(&self, desired: &Document) -> impl Future<Output = Result<Observed, VendorError>> + Send;

    /// Makes an existing subscription match, keeping members that a manifest cannot name.
    fn update(
        &self,
        current: &Observed,
        desired: &Document,
    ) -> impl Future<Output = Result<Observed, VendorError>> + Send;

    /// Deletes a subscription. One that is not there is success.
    fn delete(&self, id: &ExternalId) -> impl Future<Output = Result<(), VendorError>> + Send;

    /// What a person should do about the account although it can be read, such as rights to add. Takes no call.
    fn advice(&self) -> Option<String> {
        None
    }

    /// Has the next list find out again whether [`Self::advice`] still holds.
    fn recheck_advice(&self) {}
}

/// Host and port of an address, for a summary that people read: the rest of a receiver's address may hold a secret.
pub(crate) fn receiver(address: &str) -> String {
    crate::plan::diff::host(address).unwrap_or_else(|| "...".into())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_summary_shows_no_more_than_the_host() {
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
