//! A vendor of a test's own, in place of the one that an account names: no address, no login, no HTTP. And what a vendor
//! shows, read as its own code reads it.

use super::transport::{Answer, Operation};
use super::{Vendor, VendorError};
use crate::api::VendorName;
use crate::plan::{Document, ExternalId, List, Observed};
use futures::future::BoxFuture;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use std::sync::Arc;

/// What [`Vendor`] asks for, for an object whose type nobody here knows.
pub(crate) trait FakeVendor: Send + Sync {
    /// Every subscription.
    fn list(&self) -> BoxFuture<'_, Result<List, VendorError>>;

    /// Makes a subscription.
    fn create(&self, desired: Document) -> BoxFuture<'_, Result<Observed, VendorError>>;

    /// Makes an existing subscription match.
    fn update(&self, current: Observed, desired: Document) -> BoxFuture<'_, Result<Observed, VendorError>>;

    /// Deletes a subscription.
    fn delete(&self, id: ExternalId) -> BoxFuture<'_, Result<(), VendorError>>;
}

impl Vendor for Arc<dyn FakeVendor> {
    async fn list(&self) -> Result<List, VendorError> {
        self.as_ref().list().await
    }

    async fn flush_tokens(&self) -> Result<(), VendorError> {
        Ok(())
    }

    async fn create(&self, desired: &Document) -> Result<Observed, VendorError> {
        self.as_ref().create(desired.clone()).await
    }

    async fn update(&self, current: &Observed, desired: &Document) -> Result<Observed, VendorError> {
        self.as_ref().update(current.clone(), desired.clone()).await
    }

    async fn delete(&self, id: &ExternalId) -> Result<(), VendorError> {
        self.as_ref().delete(id.clone()).await
    }
}

/// One item of the vendor's list, as the vendor's code reads it.
pub(crate) fn observed(vendor: VendorName, item: &serde_json::Value) -> Result<Observed, String> {
    let answer = Answer::of(Operation::List, StatusCode::OK, HeaderMap::new(), "");
    let item = serde_json::value::to_raw_value(item).unwrap_or_default();
    super::connection::observed(vendor, &answer, &item, Some("en-GB"))
}
