//! Reads accounts and Webhooks from a cluster once: only what the plan of the selected accounts needs.

use crate::api::account::NamespacesFrom;
use crate::api::webhook::Subscription;
use crate::api::{NamespaceName, ObjectKey, ObjectName, StoredWebhook, VendorAccount, Webhook, WebhookSet};
use crate::engine::cluster::objects::{ObjectApi, in_namespace};
use crate::engine::cluster::secrets::KubeSecretReader;
use crate::engine::cluster::values::ValueBudget;
use crate::engine::error::{ApiServerUnreachable, error_chain};
use crate::engine::state::webhook::slim;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::error_boundary::InvalidObject;
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// Page size of lists: parsing an object takes several times its size.
pub(super) const PAGE_SIZE: u32 = 500;

/// The objects that were read, by name.
#[derive(Default)]
pub(super) struct ClusterObjects {
    pub(super) accounts: BTreeMap<ObjectKey, VendorAccount>,
    pub(super) webhooks: BTreeMap<ObjectKey, Webhook>,
    /// The labels of all namespaces. Without any, they were not read.
    pub(super) labels: BTreeMap<String, BTreeMap<String, String>>,
    /// Objects that this version of hooktender cannot parse, and why.
    pub(super) unreadable: Vec<(ObjectKey, String)>,
    pub(super) notes: Vec<String>,
}

/// The sets that were read.
#[derive(Default)]
pub(super) struct ClusterSets {
    pub(super) sets: BTreeMap<ObjectKey, WebhookSet>,
    /// Those that this version of hooktender cannot parse, and why.
    pub(super) unreadable: Vec<(ObjectKey, String)>,
    /// Why they may not be listed.
    pub(super) forbidden: Option<String>,
}

/// Reads a cluster, in one namespace or in all.
pub(super) struct ClusterReader {
    pub(super) client: Client,
    /// `None` for all namespaces.
    pub(super) namespace: Option<NamespaceName>,
}

impl ClusterReader {
    pub(super) fn secret_reader(&self) -> KubeSecretReader {
        KubeSecretReader::new(self.client.clone(), ValueBudget::unlimited())
    }

    /// Lists the sets. A user who may not list them, and a cluster without their CRD, is no error.
    pub(super) async fn sets(&self) -> Result<ClusterSets, String> {
        let (scope, mut found) = (self.namespace.as_ref(), ClusterSets::default());
        let all = self.list_each::<DeserializeGuard<WebhookSet>>(scope, |set| {
            keep_readable(set, &mut found.unreadable, |set| {
                found.sets.insert(ObjectKey::of(&set), set);
            });
        });
        match all.await {
            Ok(()) => {}
            Err(error) if is_forbidden(&error) => {
                found.forbidden = Some(list_error("WebhookSets", scope, &error));
            }
            Err(kube::Error::Api(refused)) if refused.is_not_found() => {}
            Err(error) => return Err(list_error("WebhookSets", scope, &error)),
        }
        Ok(found)
    }

    /// Lists all objects of a kind, page by page.
    async fn list_each<K>(
        &self,
        namespace: Option<&NamespaceName>,
        mut handle: impl FnMut(K),
    ) -> Result<(), kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let api: Api<K> = match namespace {
            Some(namespace) => in_namespace(&self.client, namespace),
            None => Api::all(self.client.clone()),
        };
        let mut params = ListParams::default().limit(PAGE_SIZE);
        loop {
            let page = api.list(&params).await?;
            page.items.into_iter().for_each(&mut handle);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(()),
            }
        }
    }
}

/// Reads the accounts of the selected namespaces, those that their Webhooks or the files refer to, and all Webhooks of all
/// these accounts: a Webhook that is not read would make its subscription look unmanaged.
pub(super) async fn read_cluster(
    reader: &ClusterReader,
    mut referred: BTreeSet<ObjectKey>,
    in_files: &[VendorAccount],
    sets_select_namespaces: bool,
) -> Result<ClusterObjects, String> {
    let mut objects = ClusterObjects::default();
    let mut seen = BTreeSet::new();
    let scope = reader.namespace.as_ref();
    let accounts = reader.list_each::<DeserializeGuard<VendorAccount>>(scope, |account| {
        keep_readable(account, &mut objects.unreadable, |account| {
            objects.accounts.insert(ObjectKey::of(&account), account);
        });
    });
    accounts.await.map_err(|error| list_error("VendorAccounts", scope, &error))?;
    read_webhooks(reader, scope, &mut objects, &mut seen)
        .await
        .map_err(|error| list_error("Webhooks", scope, &error))?;
    referred.extend(objects.webhooks.values().map(Webhook::account));
    for key in referred {
        if objects.accounts.contains_key(&key) {
            continue;
        }
        // An object of an invalid name cannot exist; its Webhooks are reported as orphans.
        let Ok(at) = ObjectName::try_from(&key) else { continue };
        let found = ObjectApi::<VendorAccount>::new(&reader.client, &at).read().await;
        let found =
            found.map_err(|error| api_error(&format!("VendorAccount {key} cannot be read"), &error))?;
        objects.accounts.extend(found.map(|account| (key, account)));
    }
    let all: Vec<_> = objects.accounts.values().chain(in_files).cloned().collect();
    read_other_namespaces(reader, &all, &mut objects, &mut seen).await?;
    let selects = |account: &VendorAccount| account.spec.allowed_namespaces.from == NamespacesFrom::Selector;
    if sets_select_namespaces || all.iter().any(selects) {
        read_labels(reader, &mut objects).await?;
    }
    let keys: BTreeSet<_> =
        objects.accounts.keys().cloned().chain(in_files.iter().map(ObjectKey::of)).collect();
    let in_scope = |key: &ObjectKey| scope.is_none_or(|scope| scope.as_str() == key.namespace);
    objects.webhooks.retain(|key, webhook| in_scope(key) || keys.contains(&webhook.account()));
    objects.unreadable.retain(|(key, _)| in_scope(key));
    Ok(objects)
}

/// Reads the Webhooks of the accounts in namespaces that are not selected.
async fn read_other_namespaces(
    reader: &ClusterReader,
    accounts: &[VendorAccount],
    objects: &mut ClusterObjects,
    seen: &mut BTreeSet<NamespaceName>,
) -> Result<(), String> {
    let Some(scope) = &reader.namespace else { return Ok(()) };
    let open = |account: &VendorAccount| account.spec.allowed_namespaces.from != NamespacesFrom::Same;
    if accounts.iter().any(open) {
        match read_webhooks(reader, None, objects, seen).await {
            Ok(()) => return Ok(()),
            Err(error) if is_forbidden(&error) => objects.notes.push(format!(
                "you may not list Webhooks outside of namespace {scope}: at accounts that allow other namespaces, their subscriptions are shown as unmanaged"
            )),
            Err(error) => return Err(list_error("Webhooks", None, &error)),
        }
    }
    let namespaces = accounts.iter().filter_map(|account| account.metadata.namespace.as_deref());
    let namespaces: BTreeSet<_> = namespaces.filter_map(|name| NamespaceName::new(name).ok()).collect();
    for namespace in namespaces.difference(&seen.clone()) {
        let read = read_webhooks(reader, Some(namespace), objects, seen).await;
        read.map_err(|error| list_error("Webhooks", Some(namespace), &error))?;
    }
    Ok(())
}

async fn read_webhooks(
    reader: &ClusterReader,
    namespace: Option<&NamespaceName>,
    objects: &mut ClusterObjects,
    seen: &mut BTreeSet<NamespaceName>,
) -> Result<(), kube::Error> {
    let all = reader.list_each::<StoredWebhook>(namespace, |stored| {
        keep_readable(as_written(stored), &mut objects.unreadable, |mut webhook| {
            // They tell whether a file that is laid over a suspended Webhook resumes it.
            let owners = webhook.metadata.managed_fields.take().filter(|_| webhook.spec.suspend);
            slim(&mut webhook);
            webhook.metadata.managed_fields = owners;
            objects.webhooks.insert(ObjectKey::of(&webhook), webhook);
        });
    });
    all.await?;
    seen.extend(namespace.cloned());
    Ok(())
}

/// Returns an error for a Webhook whose subscription cannot be parsed.
fn as_written(StoredWebhook(read): StoredWebhook) -> DeserializeGuard<Webhook> {
    let webhook = match read {
        Ok(webhook) => webhook,
        Err(invalid) => return DeserializeGuard(Err(invalid)),
    };
    DeserializeGuard(match webhook.spec.subscription {
        Subscription::Unreadable { error, .. } => Err(InvalidObject { error, metadata: webhook.metadata }),
        Subscription::Brightpearl(_) | Subscription::Contensis(_) | Subscription::Superoffice(_) => {
            Ok(webhook)
        }
    })
}

/// Reads the labels of all namespaces.
async fn read_labels(reader: &ClusterReader, objects: &mut ClusterObjects) -> Result<(), String> {
    let api: Api<Namespace> = Api::all(reader.client.clone());
    match api.list_metadata(&ListParams::default()).await {
        Ok(all) => {
            let labels = all.items.into_iter().map(|one| (one.name_any(), one.labels().clone()));
            objects.labels = labels.collect();
        }
        Err(error) if is_forbidden(&error) => objects.notes.push(
            "you may not list namespaces: where an account or a WebhookSet selects namespaces by label, only its own namespace is planned".into(),
        ),
        Err(error) => return Err(list_error("Namespaces", None, &error)),
    }
    Ok(())
}

fn keep_readable<K: Resource<DynamicType = ()>>(
    guarded: DeserializeGuard<K>,
    unreadable: &mut Vec<(ObjectKey, String)>,
    keep: impl FnOnce(K),
) where
    DeserializeGuard<K>: Resource<DynamicType = ()>,
{
    let key = ObjectKey::of(&guarded);
    match guarded.0 {
        Ok(object) => keep(object),
        Err(error) => {
            let kind = K::kind(&());
            let why = format!(
                "this version of hooktender cannot read the {kind}, and leaves it as it is: {}",
                error.error
            );
            if !unreadable.iter().any(|(known, _)| *known == key) {
                unreadable.push((key, why));
            }
        }
    }
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(refused) if refused.is_forbidden())
}

/// Returns the message of the API server, without kube's context.
pub(super) fn api_message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(refused) if refused.code == 401 => {
            format!("the API server does not accept the credentials ({}): log in again", refused.message)
        }
        kube::Error::Api(refused) => refused.message.clone(),
        error => error_chain(error),
    }
}

/// Returns the error of a command that cannot do this because the API server failed. `doing` is left out if the API server cannot be
/// reached, since it does not matter then.
pub(super) fn api_error(doing: &str, error: &kube::Error) -> String {
    let hint = match error {
        kube::Error::Api(refused) if refused.code == 404 => {
            "; are the CRDs installed? hooktender crds | kubectl apply -f -"
        }
        error if ApiServerUnreachable::find(error).is_some() => return error_chain(error),
        _ => "",
    };
    format!("{doing}: {}{hint}", api_message(error))
}

fn list_error(what: &str, namespace: Option<&NamespaceName>, error: &kube::Error) -> String {
    let place =
        namespace.map_or_else(|| "all namespaces".into(), |namespace| format!("namespace {namespace}"));
    api_error(&format!("{what} of {place} cannot be listed"), error)
}
