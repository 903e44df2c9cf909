//! Reads Secrets and ConfigMaps. Nothing else reads Secrets; `token_store` writes back the tokens that a vendor exchanged.

use crate::api::account::Vendor;
use crate::api::{ObjectKey, ObjectName};
use crate::engine::cluster::objects::ObjectApi;
use crate::engine::cluster::token_store::SecretTokenStore;
use crate::engine::cluster::values::{Value, ValueBudget, Values, read_failure, read_late};
use crate::engine::dependency::{Dependency, NamedKeys, ReadFailure};
use crate::vendor::{Credentials, SecretRef, SecretRefs, TokenStore, secret_refs};
use futures::stream::{self, StreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Client;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// How many Secrets and ConfigMaps are read at the same time by all passes. Each may have a megabyte, most of which is dropped when the
/// used keys have been copied.
const MAX_READS: usize = 8;
/// The time limit for all reads of a pass. The next pass reads what was not read in time.
const ALL_READS: Duration = Duration::from_secs(30);

/// Reads dependencies.
pub(crate) trait SecretReader: Send + Sync {
    /// Reads the named keys of each object. An object that does not exist is left out. One that cannot be read is recorded as
    /// unread, which concerns only those that use a value of it.
    fn read(&self, wanted: &NamedKeys) -> impl Future<Output = Values> + Send;

    /// Returns the store for exchanged tokens in that Secret, which was read at that version; none if tokens cannot be stored.
    fn token_store(&self, secret: ObjectKey, version: String) -> Option<Arc<dyn TokenStore>>;
}

impl Values {
    /// Returns the credentials of an account, whose Secrets are all in its own namespace.
    pub(crate) fn credentials(
        &self,
        vendor: &Vendor,
        namespace: &str,
        source: &impl SecretReader,
    ) -> Result<Credentials, String> {
        let mut credentials = Credentials::default();
        let SecretRefs { keys, exchanged } = secret_refs(vendor);
        for SecretRef { at, optional } in keys {
            let from = Dependency::Secret(ObjectKey::new(namespace, &at.name));
            // An optional value may be empty. Whether it is needed depends on the others, so the login reports it.
            let value = if optional { self.find(&from, &at.key) } else { self.get(&from, &at.key) };
            match value {
                Ok(Value::Secret(value)) => credentials.insert(&at, value),
                Ok(Value::Plain(_)) => {}
                // If the Secret exists, an optional key may be missing. A missing Secret is reported.
                Err(_) if optional && self.version(&from).is_some() => {}
                Err(missing) => return Err(missing),
            }
        }
        if let Some(name) = exchanged {
            let key = ObjectKey::new(namespace, name);
            let version = self.version(&Dependency::Secret(key.clone())).unwrap_or_default().to_owned();
            if let Some(store) = source.token_store(key, version) {
                credentials.set_token_store(store);
            }
        }
        Ok(credentials)
    }
}

/// Returns the keys of Secrets that an account refers to.
pub(crate) fn account_keys(vendor: &Vendor, namespace: &str) -> impl Iterator<Item = (Dependency, String)> {
    let keys = secret_refs(vendor).keys.into_iter();
    keys.map(move |SecretRef { at, .. }| (Dependency::Secret(ObjectKey::new(namespace, &at.name)), at.key))
}

/// Reads from the cluster with `get` requests only.
#[derive(Clone)]
pub(crate) struct KubeSecretReader {
    client: Client,
    budget: ValueBudget,
    reads: Arc<Semaphore>,
}

impl KubeSecretReader {
    /// Creates a reader whose values are limited by the budget.
    pub(crate) fn new(client: Client, budget: ValueBudget) -> Self {
        Self { client, budget, reads: Arc::new(Semaphore::new(MAX_READS)) }
    }

    /// Reads one object.
    async fn one(&self, from: &Dependency, keys: &BTreeSet<String>) -> Result<Values, ReadFailure> {
        let at = ObjectName::try_from(from.key());
        let at = at.map_err(|invalid| ReadFailure::InvalidName(invalid.to_string()))?;
        let mut values = Values::default();
        // Held until everything but the named keys is dropped. The semaphore is never closed.
        let _permit = self.reads.acquire().await;
        match from {
            Dependency::Secret(_) => {
                let found = ObjectApi::<Secret>::new(&self.client, &at).read().await;
                found.map_err(read_failure)?.into_iter().for_each(|one| values.add_secret(one));
            }
            Dependency::ConfigMap(_) => {
                let found = ObjectApi::<ConfigMap>::new(&self.client, &at).read().await;
                found.map_err(read_failure)?.into_iter().for_each(|one| values.add_config_map(one));
            }
        }
        values.keep(from, keys);
        values.reserve(from, &self.budget)?;
        Ok(values)
    }
}

impl SecretReader for KubeSecretReader {
    async fn read(&self, wanted: &NamedKeys) -> Values {
        let deadline = Instant::now() + ALL_READS;
        let reads = wanted.iter().map(|(from, keys)| async move {
            let read = timeout_at(deadline, self.one(from, keys)).await;
            (from, read.unwrap_or_else(|_| Err(read_late(ALL_READS))))
        });
        // In a fixed order, so that the same objects fit into the budget in each pass.
        let reads: Vec<_> = reads.collect();
        let mut reads = stream::iter(reads).buffered(MAX_READS);
        let mut values = Values::default();
        while let Some((from, read)) = reads.next().await {
            match read {
                Ok(one) => values.extend(one),
                Err(unread) => values.note_unread(from.clone(), unread),
            }
        }
        values
    }

    fn token_store(&self, secret: ObjectKey, version: String) -> Option<Arc<dyn TokenStore>> {
        let at = ObjectName::try_from(&secret).ok()?;
        Some(Arc::new(SecretTokenStore::new(&self.client, &at, version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value as Json, json};
    use std::convert::Infallible;
    use std::sync::Mutex;
    use tower::service_fn;

    type Asked = Arc<Mutex<Vec<String>>>;

    /// A source whose API server has Secrets with the key `k`, except for `none`, and fails to give the one called `broken`.
    fn source() -> (KubeSecretReader, Asked) {
        let asked = Asked::default();
        let log = Arc::clone(&asked);
        let server = service_fn(move |request: Request<Body>| {
            let uri = request.uri().to_string();
            log.lock().unwrap().push(uri.clone());
            async move {
                let (code, body) = match uri.rsplit('/').next().unwrap() {
                    "broken" => (500, failure(500, "InternalError", "no key to decrypt it")),
                    "none" => (404, failure(404, "NotFound", "not found")),
                    name => (200, secret(name)),
                };
                let body = Body::from(body.to_string().into_bytes());
                Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
            }
        });
        (KubeSecretReader::new(Client::new(server, "default"), ValueBudget::default()), asked)
    }

    fn failure(code: u16, reason: &str, message: &str) -> Json {
        json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message})
    }

    fn secret(name: &str) -> Json {
        let metadata = json!({"name": name, "namespace": "shop", "resourceVersion": "1"});
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"k": "dg==", "other": "dg=="}})
    }

    fn of(name: &str) -> Dependency {
        Dependency::Secret(ObjectKey::new("shop", name))
    }

    fn wanted(names: &[&str]) -> NamedKeys {
        names.iter().map(|name| (of(name), BTreeSet::from(["k".to_owned()]))).collect()
    }

    #[tokio::test]
    async fn a_name_that_is_none_is_never_part_of_a_request() {
        let names = ["?watch=true", "../../a/secrets/x", "a b", "..", "own\n", "a%2fb", ""];
        let (source, asked) = source();
        let mut all = wanted(&names);
        all.insert(Dependency::ConfigMap(ObjectKey::new("../b", "x")), BTreeSet::from(["k".into()]));
        all.extend(wanted(&["good"]));
        let values = source.read(&all).await;
        assert_eq!(*asked.lock().unwrap(), ["/api/v1/namespaces/shop/secrets/good"]);
        assert!(values.get(&of("good"), "k").is_ok());
        for name in names {
            let problem = values.get(&of(name), "k").err().unwrap();
            assert!(problem.contains("is not valid: use at most"), "{problem}");
        }
        assert!(source.token_store(ObjectKey::new("shop", "?watch=true"), String::new()).is_none());
    }

    #[tokio::test]
    async fn what_fails_is_the_matter_of_its_readers() {
        let (source, _) = source();
        let values = source.read(&wanted(&["broken", "good", "none"])).await;
        assert!(values.get(&of("good"), "k").is_ok());
        assert!(values.get(&of("good"), "other").is_err(), "nobody named it");
        let why: Vec<_> = values.unread().collect();
        let [(broken, ReadFailure::Failed(words))] = &why[..] else { panic!("{why:?}") };
        assert!(**broken == of("broken") && words.contains("no key to decrypt it"), "{words}");
        assert!(values.get(&of("none"), "k").err().unwrap().contains("does not exist"));
    }
}
