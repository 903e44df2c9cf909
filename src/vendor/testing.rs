//! A vendor of a test's own, in place of the one that an account names: no address, no login, no HTTP.

use super::{Vendor, VendorError};
use crate::plan::{Document, ExternalId, Observed};
use futures::future::BoxFuture;
use std::sync::Arc;

/// What [`Vendor`] asks for, for an object whose type nobody here knows.
pub(crate) trait Instead: Send + Sync {
    /// Every subscription.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Observed>, VendorError>>;

    /// Makes a subscription.
    fn create(&self, desired: Document) -> BoxFuture<'_, Result<Observed, VendorError>>;

    /// Makes an existing subscription match.
    fn update(&self, current: Observed, desired: Document) -> BoxFuture<'_, Result<Observed, VendorError>>;

    /// Deletes a subscription.
    fn delete(&self, id: ExternalId) -> BoxFuture<'_, Result<(), VendorError>>;
}

impl Vendor for Arc<dyn Instead> {
    async fn list(&self) -> Result<Vec<Observed>, VendorError> {
        self.as_ref().list().await
    }

    async fn settle(&self) -> Result<(), VendorError> {
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
