//! Test doubles: a vendor without address, login and HTTP, and the conversion of a vendor's item to what its client reads.

use super::transport::{Answer, Operation};
use super::{Vendor, VendorError};
use crate::api::VendorName;
use crate::plan::{Document, ExternalId, List, Observed};
use futures::future::BoxFuture;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use std::sync::Arc;

/// [`Vendor`] as a trait object.
pub(crate) trait FakeVendor: Send + Sync {
    /// Returns every subscription.
    fn list(&self) -> BoxFuture<'_, Result<List, VendorError>>;

    /// Creates a subscription.
    fn create(&self, desired: Document) -> BoxFuture<'_, Result<Observed, VendorError>>;

    /// Changes a subscription to what is desired.
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

/// Reads an item of the vendor's list as the vendor's client does.
pub(crate) fn observed(vendor: VendorName, item: &serde_json::Value) -> Result<Observed, String> {
    let answer = Answer::of(Operation::List, StatusCode::OK, HeaderMap::new(), "");
    let item = serde_json::value::to_raw_value(item).unwrap_or_default();
    super::connection::observed(vendor, &answer, &item, Some("en-GB"))
}
