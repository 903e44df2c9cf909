//! Access to one object of the API server by its name. The name becomes part of a path, so only validated names are accepted.
//! Reads have a time limit, so that an API server that does not answer delays a pass by seconds only.

use crate::api::{NamespaceName, ObjectName};
use crate::failpoint;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;
use tokio::time::timeout;

/// Time limit for reading one object, including its whole body.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// An object that was not read in time.
#[derive(Debug, thiserror::Error)]
#[error("the API server did not answer within {} seconds", .0.as_secs())]
struct NoAnswer(Duration);

/// Returns the API for all objects of a kind in a namespace: to list, watch and create.
pub(crate) fn in_namespace<K>(client: &Client, namespace: &NamespaceName) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    Api::namespaced(client.clone(), namespace.as_str())
}

/// The API for one object, which may not exist.
#[derive(Clone)]
pub(crate) struct ObjectApi<K> {
    api: Api<K>,
    name: String,
}

impl<K> ObjectApi<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    /// Returns the API for the object of that name.
    pub(crate) fn new(client: &Client, at: &ObjectName) -> Self {
        Self { api: in_namespace(client, at.namespace()), name: at.name().to_owned() }
    }
}

impl<K: Clone + DeserializeOwned + Debug> ObjectApi<K> {
    /// Reads the object; none if it does not exist.
    pub(crate) async fn read(&self) -> Result<Option<K>, kube::Error> {
        in_time(READ_TIMEOUT, self.api.get_opt(&self.name)).await
    }

    /// Patches the object.
    pub(crate) async fn patch<P: Serialize + Debug>(
        &self,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K, kube::Error> {
        self.api.patch(&self.name, params, patch).await
    }

    /// Patches its status.
    pub(crate) async fn patch_status<P: Serialize + Debug>(
        &self,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K, kube::Error> {
        self.api.patch_status(&self.name, params, patch).await
    }

    /// Deletes the object, if it is still in the version that was read. One that is gone is no error.
    pub(crate) async fn delete(&self, read: &impl kube::ResourceExt) -> Result<(), kube::Error> {
        let at = Preconditions { uid: read.uid(), resource_version: read.resource_version() };
        match self.api.delete(&self.name, &DeleteParams::background().preconditions(at)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(refused)) if refused.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Creates the object.
    pub(crate) async fn create(&self, object: &K) -> Result<K, kube::Error>
    where
        K: Serialize,
    {
        self.api.create(&PostParams::default(), object).await
    }

    /// Replaces the object with `object`, if the resource version in `object` is still the current one.
    pub(crate) async fn replace(&self, object: &K) -> Result<K, kube::Error>
    where
        K: Serialize,
    {
        self.api.replace(&self.name, &PostParams::default(), object).await
    }
}

async fn in_time<T>(
    limit: Duration,
    read: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, kube::Error> {
    timeout(limit, read).await.unwrap_or_else(|_| Err(kube::Error::Service(Box::new(NoAnswer(limit)))))
}

/// A fail point before a request to the API server, or after its answer.
pub(crate) async fn passes<const N: usize>(point: [&str; N]) -> Result<(), kube::Error> {
    let Some(code) = failpoint::reached(point).await else {
        return Ok(());
    };
    let reason = match code {
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    Err(kube::Error::Api(Box::new(kube::core::Status::failure("a fail point", reason).with_code(code))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_read_that_is_not_answered_ends() {
        let limit = Duration::from_millis(20);
        let error = in_time(limit, std::future::pending::<Result<(), _>>()).await.unwrap_err();
        assert!(error.to_string().contains("the API server did not answer within"), "{error}");
        assert!(in_time(limit, async { Ok(()) }).await.is_ok());
    }
}
